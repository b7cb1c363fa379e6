import type { Builder, I32, V128 } from "../engine/builder.ts";
import type { FpSize } from "./fp/format.ts";
import * as v from "./fp/vector.ts";
import { vectorFixedToFP, vectorToFixed } from "./fp/vector_conversion.ts";
import { type Elements, readElements } from "./fp/vector_native.ts";
import { group, type Row, row, type RowOptions } from "./row.ts";
import { broadcast, datasize, shuffleOf, writeV } from "./simd_lanes.ts";

/** Bytes that exchange the two elements of every pair, or repeat one of them, by the log2 of the element's bytes. */
const PAIR = [0, 1, 2, 3].map((size) => ({
  swap: shuffleOf(size, (i) => i ^ 1),
  first: shuffleOf(size, (i) => i & ~1),
  second: shuffleOf(size, (i) => i | 1),
}));

/** The sign bit of the first or second element of every pair: 64 bits, or for doublewords one of two halves. */
function signs(o: Builder, size: FpSize, first: boolean, second: boolean): V128 {
  const sign = 1n << BigInt(size - 1);
  let bits = 0n;
  for (let i = 0; i < 128 / size; i++) if (i % 2 ? second : first) bits |= sign << BigInt(i * size);
  return o.v128(bits & 0xffff_ffff_ffff_ffffn, bits >> 64n);
}

/** FPNeg() of the first or second elements. */
function negatePairs(o: Builder, size: FpSize, a: V128, first: boolean, second: boolean): V128 {
  return first || second ? o.op("v128.xor", a, signs(o, size, first, second)) : a;
}

const pairsOf = (size: FpSize) => PAIR[Math.log2(size / 8)];

interface Registers {
  readonly Q: number;
  readonly rot: number;
  readonly Rd: number;
  readonly Rn: number;
}

/** FCADD: adds Vm rotated by 90 (rot = 0) or 270 degrees. */
function complexAdd(o: Builder, e: Elements, f: Registers & { readonly Rm: number }): void {
  const n = readElements(o, e.Q, f.Rn), m = readElements(o, e.Q, f.Rm);
  const swapped = o.shuffle(m, m, pairsOf(e.size).swap);
  const rotated = negatePairs(o, e.size, swapped, f.rot === 0, f.rot === 1);
  writeV(o, f.Rd, datasize(e.Q), v.vectorAdd(o, e, n, rotated));
}

/** FCMLA: adds the real (rot 0, 180) or imaginary parts of Vn times Vm rotated by 0, 90, 180 or 270 degrees. */
function complexMulAdd(o: Builder, e: Elements, f: Registers, m: V128): void {
  const d = readElements(o, e.Q, f.Rd), n = readElements(o, e.Q, f.Rn);
  const pairs = pairsOf(e.size), odd = (f.rot & 1) === 1;
  const factor = o.shuffle(n, n, odd ? pairs.second : pairs.first);
  const parts = odd ? o.shuffle(m, m, pairs.swap) : m;
  const rotated = negatePairs(o, e.size, parts, f.rot === 1 || f.rot === 2, f.rot >= 2);
  writeV(o, f.Rd, datasize(e.Q), v.vectorMulAdd(o, e, d, factor, rotated));
}

type Vector = Registers & { readonly Rm: number };
type Element = Vector & { readonly H: number; readonly L?: number };

const add = (size: FpSize) => (o: Builder, f: Vector): void => complexAdd(o, { size, Q: f.Q }, f);
const mulAdd = (size: FpSize) => (o: Builder, f: Vector): void =>
  complexMulAdd(o, { size, Q: f.Q }, f, readElements(o, f.Q, f.Rm));

/** A complex number of Vm, which is a pair of elements, in every pair. */
const mulAddElement = (size: 16 | 32) => (o: Builder, f: Element): void => {
  const index = size === 16 ? f.H << 1 | f.L! : f.H;
  const m = broadcast(o, Math.log2(size / 4), index, o.v(f.Rm));
  complexMulAdd(o, { size, Q: f.Q }, f, m);
};

/** Both FEAT_FCMA; half precision also needs FEAT_FP16, which every CPU model that has FEAT_FCMA has. */
const FCMA: RowOptions = { feature: "FEAT_FCMA" };
const FCMA_ELEMENT: RowOptions = { ...FCMA, reserved: (f) => f.Q === 0 && f.H === 1 };

type Fixed = { readonly Q?: number; readonly Rd: number; readonly Rn: number };

const fixed =
  (size: FpSize, imm: string, compute: (o: Builder, e: Elements, a: V128, fbits: I32) => V128) =>
  (o: Builder, f: Fixed): void => {
    const e: Elements = { size, Q: f.Q ?? 1 };
    const fbits = o.imm16(size - (f as unknown as Record<string, number>)[imm]);
    writeV(o, f.Rd, datasize(e.Q), compute(o, e, readElements(o, e.Q, f.Rn), fbits));
  };
const fromFixed = (size: FpSize, imm: string, unsigned: boolean) =>
  fixed(size, imm, (o, e, a, fbits) => vectorFixedToFP(o, e, a, unsigned, fbits));
const toFixed = (size: FpSize, imm: string, unsigned: boolean) =>
  fixed(size, imm, (o, e, a, fbits) => vectorToFixed(o, e, a, "ZERO", unsigned, fbits));

const HALF: RowOptions = { feature: "FEAT_FP16" };

/** Complex arithmetic, and vector conversions with fraction bits. Arm DDI 0487, C4.1.96. */
// deno-fmt-ignore
export const SIMD_FLOATING_POINT_COMPLEX: readonly Row[] = group({ trap: "fp" }, [
  // Advanced SIMD three same extra
  row("FCMLA", "0 Q:1 1 01110 01 0 Rm:5 1 10 rot:2 1 Rn:5 Rd:5", "fcmla Vd.H, Vn.H, Vm.H, rot2",    mulAdd(16), FCMA),
  row("FCMLA", "0 Q:1 1 01110 10 0 Rm:5 1 10 rot:2 1 Rn:5 Rd:5", "fcmla Vd.S, Vn.S, Vm.S, rot2",    mulAdd(32), FCMA),
  row("FCMLA", "0 1 1 01110 11 0 Rm:5 1 10 rot:2 1 Rn:5 Rd:5",   "fcmla Vd.2D, Vn.2D, Vm.2D, rot2", (o, f) => mulAdd(64)(o, { ...f, Q: 1 }), FCMA),
  row("FCADD", "0 Q:1 1 01110 01 0 Rm:5 1 11 rot:1 0 1 Rn:5 Rd:5", "fcadd Vd.H, Vn.H, Vm.H, rot",    add(16), FCMA),
  row("FCADD", "0 Q:1 1 01110 10 0 Rm:5 1 11 rot:1 0 1 Rn:5 Rd:5", "fcadd Vd.S, Vn.S, Vm.S, rot",    add(32), FCMA),
  row("FCADD", "0 1 1 01110 11 0 Rm:5 1 11 rot:1 0 1 Rn:5 Rd:5",   "fcadd Vd.2D, Vn.2D, Vm.2D, rot", (o, f) => add(64)(o, { ...f, Q: 1 }), FCMA),

  // Advanced SIMD vector x indexed element
  row("FCMLA (by element)", "0 Q:1 1 01111 01 L:1 Rm:5 0 rot:2 1 H:1 0 Rn:5 Rd:5", "fcmla Vd.H, Vn.H, Vm.hc[H:L], rot2",   mulAddElement(16), FCMA_ELEMENT),
  row("FCMLA (by element)", "0 1 1 01111 10 0 Rm:5 0 rot:2 1 H:1 0 Rn:5 Rd:5",     "fcmla Vd.4S, Vn.4S, Vm.sc[H], rot2", (o, f) => mulAddElement(32)(o, { ...f, Q: 1 }), FCMA),

  // Advanced SIMD shift by immediate
  row("SCVTF (vector, fixed-point)",  "0 Q:1 0 011110 001 imm4:4 11100 1 Rn:5 Rd:5", "scvtf Vd.H, Vn.H, right4",    fromFixed(16, "imm4", false), HALF),
  row("SCVTF (vector, fixed-point)",  "0 Q:1 0 011110 01 imm5:5 11100 1 Rn:5 Rd:5",  "scvtf Vd.S, Vn.S, right5",    fromFixed(32, "imm5", false)),
  row("SCVTF (vector, fixed-point)",  "0 1 0 011110 1 imm6:6 11100 1 Rn:5 Rd:5",     "scvtf Vd.2D, Vn.2D, right6",  fromFixed(64, "imm6", false)),
  row("UCVTF (vector, fixed-point)",  "0 Q:1 1 011110 001 imm4:4 11100 1 Rn:5 Rd:5", "ucvtf Vd.H, Vn.H, right4",    fromFixed(16, "imm4", true), HALF),
  row("UCVTF (vector, fixed-point)",  "0 Q:1 1 011110 01 imm5:5 11100 1 Rn:5 Rd:5",  "ucvtf Vd.S, Vn.S, right5",    fromFixed(32, "imm5", true)),
  row("UCVTF (vector, fixed-point)",  "0 1 1 011110 1 imm6:6 11100 1 Rn:5 Rd:5",     "ucvtf Vd.2D, Vn.2D, right6",  fromFixed(64, "imm6", true)),
  row("FCVTZS (vector, fixed-point)", "0 Q:1 0 011110 001 imm4:4 11111 1 Rn:5 Rd:5", "fcvtzs Vd.H, Vn.H, right4",   toFixed(16, "imm4", false), HALF),
  row("FCVTZS (vector, fixed-point)", "0 Q:1 0 011110 01 imm5:5 11111 1 Rn:5 Rd:5",  "fcvtzs Vd.S, Vn.S, right5",   toFixed(32, "imm5", false)),
  row("FCVTZS (vector, fixed-point)", "0 1 0 011110 1 imm6:6 11111 1 Rn:5 Rd:5",     "fcvtzs Vd.2D, Vn.2D, right6", toFixed(64, "imm6", false)),
  row("FCVTZU (vector, fixed-point)", "0 Q:1 1 011110 001 imm4:4 11111 1 Rn:5 Rd:5", "fcvtzu Vd.H, Vn.H, right4",   toFixed(16, "imm4", true), HALF),
  row("FCVTZU (vector, fixed-point)", "0 Q:1 1 011110 01 imm5:5 11111 1 Rn:5 Rd:5",  "fcvtzu Vd.S, Vn.S, right5",   toFixed(32, "imm5", true)),
  row("FCVTZU (vector, fixed-point)", "0 1 1 011110 1 imm6:6 11111 1 Rn:5 Rd:5",     "fcvtzu Vd.2D, Vn.2D, right6", toFixed(64, "imm6", true)),
]);
