import type { Builder, V128 } from "../engine/builder.ts";
import { readFp, writeFp } from "./floating_point.ts";
import * as fp from "./fp/arithmetic.ts";
import type { FpSize } from "./fp/format.ts";
import type { Fp } from "./fp/native.ts";
import * as v from "./fp/vector.ts";
import { type Elements, readElements } from "./fp/vector_native.ts";
import { group, type Row, row, type RowOptions, type Semantics } from "./row.ts";
import { broadcast, datasize, shuffleOf, writeV } from "./simd_lanes.ts";

interface ByElement {
  readonly Q?: number;
  readonly Rd: number;
  readonly Rn: number;
  readonly Rm: number;
  readonly H: number;
  readonly L?: number;
  readonly M?: number;
}

const LOG2 = { 16: 1, 32: 2, 64: 3 } as const;

/** The index of the element: H, H:L or H:L:M by its size. */
function indexOf(size: FpSize, f: ByElement): number {
  if (size === 64) return f.H;
  const index = f.H << 1 | f.L!;
  return size === 32 ? index : index << 1 | f.M!;
}

/** The element of Vm in every element. */
const repeated = (o: Builder, size: FpSize, f: ByElement): V128 =>
  broadcast(o, LOG2[size], indexOf(size, f), o.v(f.Rm));

/** The element of Vm as a scalar. */
function scalarElement(o: Builder, size: FpSize, f: ByElement): Fp {
  const m = o.v(f.Rm), index = indexOf(size, f);
  if (size === 64) return o.lane("f64x2.extract_lane", index, m);
  return size === 32 ? o.lane("f32x4.extract_lane", index, m) : o.lane("i16x8.extract_lane_u", index, m);
}

type VectorBinary = (o: Builder, e: Elements, a: V128, b: V128) => V128;
type ScalarBinary = (o: Builder, size: FpSize, a: Fp, b: Fp) => Fp;

/** Vd = compute(Vn, element). */
const vector = (size: FpSize, compute: VectorBinary) => (o: Builder, f: ByElement): void => {
  const e: Elements = { size, Q: f.Q ?? 1 };
  writeV(o, f.Rd, datasize(e.Q), compute(o, e, readElements(o, e.Q, f.Rn), repeated(o, size, f)));
};

const vectorAccumulate = (size: FpSize, negate: boolean) => (o: Builder, f: ByElement): void => {
  const e: Elements = { size, Q: f.Q ?? 1 };
  const d = readElements(o, e.Q, f.Rd), n = readElements(o, e.Q, f.Rn);
  const factor = negate ? v.vectorNeg(o, e, n) : n;
  writeV(o, f.Rd, datasize(e.Q), v.vectorMulAdd(o, e, d, factor, repeated(o, size, f)));
};

const scalar = (size: FpSize, compute: ScalarBinary) => (o: Builder, f: ByElement): void =>
  writeFp(o, size, f.Rd, compute(o, size, readFp(o, size, f.Rn), scalarElement(o, size, f)));

const scalarAccumulate = (size: FpSize, negate: boolean) => (o: Builder, f: ByElement): void => {
  const d = readFp(o, size, f.Rd), n = readFp(o, size, f.Rn);
  const factor = negate ? fp.fpNeg(o, size, n) : n;
  writeFp(o, size, f.Rd, fp.fpMulAdd(o, size, d, factor, scalarElement(o, size, f)));
};

const HALF: RowOptions = { feature: "FEAT_FP16" };

/** The three precisions of a vector form; `U` and `opcode` are its bits. */
function vectors(
  name: string,
  U: string,
  opcode: string,
  mnemonic: string,
  meaning: (size: FpSize) => Semantics,
): Row[] {
  const start = `0 Q:1 ${U} 01111`, end = `${opcode} H:1 0 Rn:5 Rd:5`;
  return [
    row(name, `${start} 00 L:1 M:1 Rm:4 ${end}`, `${mnemonic} Vd.H, Vn.H, Vm.H[H:L:M]`, meaning(16), HALF),
    row(name, `${start} 10 L:1 Rm:5 ${end}`, `${mnemonic} Vd.S, Vn.S, Vm.S[H:L]`, meaning(32)),
    row(name, `0 1 ${U} 01111 11 0 Rm:5 ${end}`, `${mnemonic} Vd.2D, Vn.2D, Vm.D[H]`, meaning(64)),
  ];
}

/** The three precisions of a scalar form. */
function scalars(
  name: string,
  U: string,
  opcode: string,
  mnemonic: string,
  meaning: (size: FpSize) => Semantics,
): Row[] {
  const start = `01 ${U} 11111`, end = `${opcode} H:1 0 Rn:5 Rd:5`;
  return [
    row(name, `${start} 00 L:1 M:1 Rm:4 ${end}`, `${mnemonic} Hd, Hn, Vm.H[H:L:M]`, meaning(16), HALF),
    row(name, `${start} 10 L:1 Rm:5 ${end}`, `${mnemonic} Sd, Sn, Vm.S[H:L]`, meaning(32)),
    row(name, `${start} 11 0 Rm:5 ${end}`, `${mnemonic} Dd, Dn, Vm.D[H]`, meaning(64)),
  ];
}

interface WideFields {
  readonly Q: number;
  readonly Rd: number;
  readonly Rn: number;
  readonly Rm: number;
}

/** Bytes of the half-precision elements that FMLAL and FMLAL2 read, moved to the front. */
const part = (Q: number, upper: boolean): number[] => shuffleOf(2, (i) => i % (Q + 1) + (upper ? Q + 1 : 0));

/** FMLAL, FMLSL: half-precision products into single-precision sums. */
function mulAddLong(o: Builder, f: WideFields, negate: boolean, upper: boolean, m: V128): void {
  const n = o.v(f.Rn), d = o.v(f.Rd);
  const factor = negate ? v.vectorNeg(o, { size: 16, Q: 1 }, n) : n;
  const lanes = o.shuffle(factor, factor, part(f.Q, upper));
  writeV(o, f.Rd, datasize(f.Q), o.helper(`fpMulAddHx${f.Q ? 4 : 2}`, "v128", d, lanes, m));
}

const long = (negate: boolean, upper: boolean) => (o: Builder, f: WideFields): void => {
  const m = o.v(f.Rm);
  mulAddLong(o, f, negate, upper, o.shuffle(m, m, part(f.Q, upper)));
};
const longByElement = (negate: boolean, upper: boolean) => (o: Builder, f: WideFields & ByElement): void =>
  mulAddLong(o, f, negate, upper, repeated(o, 16, f));

const FHM: RowOptions = { feature: "FEAT_FHM" };

/** Advanced SIMD vector and scalar x indexed element on floating point, and FMLAL. Arm DDI 0487, C4.1.96. */
// deno-fmt-ignore
export const SIMD_FLOATING_POINT_BY_ELEMENT: readonly Row[] = group({ trap: "fp" }, [
  // Advanced SIMD vector x indexed element
  ...vectors("FMLA (by element)",  "0", "0001", "fmla",  (size) => vectorAccumulate(size, false)),
  ...vectors("FMLS (by element)",  "0", "0101", "fmls",  (size) => vectorAccumulate(size, true)),
  ...vectors("FMUL (by element)",  "0", "1001", "fmul",  (size) => vector(size, v.vectorMul)),
  ...vectors("FMULX (by element)", "1", "1001", "fmulx", (size) => vector(size, v.vectorMulX)),
  row("FMLAL, FMLAL2 (by element)", "0 Q:1 0 01111 10 L:1 M:1 Rm:4 0000 H:1 0 Rn:5 Rd:5", "fmlal Vd.S, Vn.hQ, Vm.H[H:L:M]",  longByElement(false, false), FHM),
  row("FMLAL, FMLAL2 (by element)", "0 Q:1 1 01111 10 L:1 M:1 Rm:4 1000 H:1 0 Rn:5 Rd:5", "fmlal2 Vd.S, Vn.hQ, Vm.H[H:L:M]", longByElement(false, true), FHM),
  row("FMLSL, FMLSL2 (by element)", "0 Q:1 0 01111 10 L:1 M:1 Rm:4 0100 H:1 0 Rn:5 Rd:5", "fmlsl Vd.S, Vn.hQ, Vm.H[H:L:M]",  longByElement(true, false), FHM),
  row("FMLSL, FMLSL2 (by element)", "0 Q:1 1 01111 10 L:1 M:1 Rm:4 1100 H:1 0 Rn:5 Rd:5", "fmlsl2 Vd.S, Vn.hQ, Vm.H[H:L:M]", longByElement(true, true), FHM),

  // Advanced SIMD scalar x indexed element
  ...scalars("FMLA (by element)",  "0", "0001", "fmla",  (size) => scalarAccumulate(size, false)),
  ...scalars("FMLS (by element)",  "0", "0101", "fmls",  (size) => scalarAccumulate(size, true)),
  ...scalars("FMUL (by element)",  "0", "1001", "fmul",  (size) => scalar(size, fp.fpMul)),
  ...scalars("FMULX (by element)", "1", "1001", "fmulx", (size) => scalar(size, fp.fpMulX)),

  // Advanced SIMD three same, half-precision products
  row("FMLAL, FMLAL2 (vector)", "0 Q:1 0 01110 0 0 1 Rm:5 11101 1 Rn:5 Rd:5", "fmlal Vd.S, Vn.hQ, Vm.hQ",  long(false, false), FHM),
  row("FMLAL, FMLAL2 (vector)", "0 Q:1 1 01110 0 0 1 Rm:5 11001 1 Rn:5 Rd:5", "fmlal2 Vd.S, Vn.hQ, Vm.hQ", long(false, true), FHM),
  row("FMLSL, FMLSL2 (vector)", "0 Q:1 0 01110 1 0 1 Rm:5 11101 1 Rn:5 Rd:5", "fmlsl Vd.S, Vn.hQ, Vm.hQ",  long(true, false), FHM),
  row("FMLSL, FMLSL2 (vector)", "0 Q:1 1 01110 1 0 1 Rm:5 11001 1 Rn:5 Rd:5", "fmlsl2 Vd.S, Vn.hQ, Vm.hQ", long(true, true), FHM),
]);
