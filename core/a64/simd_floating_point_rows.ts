import type { Builder, V128 } from "../engine/builder.ts";
import type { FpSize } from "./fp/format.ts";
import { type Elements, readElements } from "./fp/vector_native.ts";
import { type Row, row, type RowOptions, type Semantics } from "./row.ts";
import { datasize, writeV } from "./simd_lanes.ts";

/** Fields of the rows of the Advanced SIMD floating-point classes; a row that has no such field does not look at it. */
export interface SimdFields {
  readonly Q: number;
  readonly sz: number;
  readonly Rd: number;
  readonly Rn: number;
  readonly Rm: number;
  readonly H: number;
  readonly L: number;
  readonly M: number;
  readonly rot: number;
}

/** A meaning for vectors of every precision, or, for the scalar forms, of scalars. */
export type SimdMeaning = (o: Builder, e: Elements, f: SimdFields) => void;

/** A vector of one doubleword is reserved. */
const NO_1D: RowOptions = { reserved: (f) => f.sz === 1 && f.Q === 0 };

const precision = (meaning: SimdMeaning, size: (f: SimdFields) => FpSize): Semantics => (o, f) =>
  meaning(o, { size: size(f), Q: f.Q }, f);

const bySz = (f: SimdFields): FpSize => f.sz ? 64 : 32;

/** Where the diagram of the classes for single and double precision differs from that for half precision. */
function halfDiagram(diagram: string): string {
  return diagram.replace("sz 1 Rm:5 11", "10 Rm:5 00").replace("sz 10000 ", "111100 ");
}

/** A row for single and double precision: "sz" in the diagram is the bit that chooses. */
export function singleDoubleVector(
  name: string,
  diagram: string,
  asm: string,
  meaning: SimdMeaning,
  options = NO_1D,
): Row {
  return row(name, diagram.replace("sz", "sz:1"), asm, precision(meaning, bySz), options);
}

/** The same and a row of the half-precision class, where the operands Vd.sz and Fd:sz are Vd.H and Hd. */
export function vectors(name: string, diagram: string, asm: string, meaning: SimdMeaning): Row[] {
  const half = asm.replace(/\.sz\b/g, ".H");
  return [
    singleDoubleVector(name, diagram, asm, meaning),
    row(name, halfDiagram(diagram), half, precision(meaning, () => 16), { feature: "FEAT_FP16" }),
  ];
}

/** The same for the scalar forms. */
export function scalars(name: string, diagram: string, asm: string, meaning: SimdMeaning): Row[] {
  const half = asm.replace(/\bF(\w):sz/g, "H$1");
  return [
    singleDoubleVector(name, diagram, asm, meaning, {}),
    row(name, halfDiagram(diagram), half, precision(meaning, () => 16), { feature: "FEAT_FP16" }),
  ];
}

export type VectorUnary = (o: Builder, e: Elements, a: V128) => V128;
export type VectorBinary = (o: Builder, e: Elements, a: V128, b: V128) => V128;

/** Vd = compute(Vn). */
export const ofOne = (compute: VectorUnary): SimdMeaning => (o, e, f) =>
  writeV(o, f.Rd, datasize(e.Q), compute(o, e, readElements(o, e.Q, f.Rn)));

/** Vd = compute(Vn, Vm). */
export const ofTwo = (compute: VectorBinary): SimdMeaning => (o, e, f) => {
  const n = readElements(o, e.Q, f.Rn), m = readElements(o, e.Q, f.Rm);
  writeV(o, f.Rd, datasize(e.Q), compute(o, e, n, m));
};
