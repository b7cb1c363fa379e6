import type { Builder, I64 } from "../engine/builder.ts";
import { group, row } from "./row.ts";
import { datasize, writeV } from "./simd_lanes.ts";

/** The fields a:b:c and d:e:f:g:h, and the shift, by which the immediate is expanded. */
interface Immediate {
  readonly Q: number;
  readonly immabc: number;
  readonly immdefgh: number;
  readonly immshift: number;
  readonly Rd: number;
}

/** One of the forms of AdvSIMDExpandImm(): the low and high half of the 64 bits. */
type Expansion = (imm8: number, shift: number) => readonly [lo: number, hi: number];

const twice = (word: number): [number, number] => [word, word];
const word: Expansion = (imm8, shift) => twice((imm8 << (8 * shift)) >>> 0);
const halfword: Expansion = (imm8, shift) => twice(Math.imul(imm8 << (8 * shift), 0x10001) >>> 0);
/** The ones that shift in from below: MSL. */
const wordOfOnes: Expansion = (imm8, shift) => twice(shift ? imm8 << 16 | 0xffff : imm8 << 8 | 0xff);
const byte: Expansion = (imm8) => twice(Math.imul(imm8, 0x01010101) >>> 0);

/** Four bits, each repeated eight times. */
function spread(bits: number): number {
  return (-(bits & 1) & 0xff | -(bits >> 1 & 1) & 0xff00 | -(bits >> 2 & 1) & 0xff0000 | -(bits >> 3 & 1) << 24) >>> 0;
}
const doubleword: Expansion = (imm8) => [spread(imm8 & 15), spread(imm8 >> 4)];

/** VFPExpandImm(): a sign, an exponent of NOT(b):b...b:cd and a fraction of efgh. */
function expandFloat(imm8: number, exponentBits: number, fractionBits: number): number {
  const b = imm8 >> 6 & 1,
    exponent = (b ? (1 << (exponentBits - 3)) - 1 : 1 << (exponentBits - 3)) << 2 | imm8 >> 4 & 3;
  return ((imm8 >> 7) << (exponentBits + fractionBits) | exponent << fractionBits |
    (imm8 & 15) << (fractionBits - 4)) >>> 0;
}
const single: Expansion = (imm8) => twice(expandFloat(imm8, 8, 23));
const double: Expansion = (imm8) => [0, expandFloat(imm8, 11, 20)];
const half: Expansion = (imm8) => twice(Math.imul(expandFloat(imm8, 5, 10), 0x10001) >>> 0);

const not = (expand: Expansion): Expansion => (imm8, shift) => {
  const [lo, hi] = expand(imm8, shift);
  return [~lo >>> 0, ~hi >>> 0];
};

function immediate(o: Builder, w: Partial<Immediate>, expand: Expansion): I64 {
  const [lo, hi] = expand(w.immabc! << 5 | w.immdefgh!, w.immshift ?? 0);
  return o.imm64(lo, hi);
}

type Fields = Omit<Immediate, "Q" | "immshift"> & { readonly Q?: number; readonly immshift?: number };

/** MOVI, MVNI and FMOV. */
const move = (expand: Expansion, Q?: number) => (o: Builder, w: Fields): void => {
  const value = immediate(o, w, expand);
  if (w.Q ?? Q) o.setV(w.Rd, o.op("i64x2.splat", value));
  else o.setVLow64(w.Rd, value);
};

/** ORR and BIC. */
const modify = (operation: "v128.and" | "v128.or", expand: Expansion) => (o: Builder, w: Fields): void => {
  const value = o.op("i64x2.splat", immediate(o, w, expand));
  writeV(o, w.Rd, datasize(w.Q!), o.op(operation, o.v(w.Rd), value));
};

/** Advanced SIMD modified immediate. Arm DDI 0487, section C4.1. */
// deno-fmt-ignore
export const SIMD_MODIFIED_IMMEDIATE = group({ trap: "fp" }, [
  row("MOVI", "0 Q:1 0 0111100000 immabc:3 0 immshift:2 0   01 immdefgh:5 Rd:5", "movi Vd.S, immabcdefgh, lsl32", move(word)),
  row("ORR (vector, immediate)", "0 Q:1 0 0111100000 immabc:3 0 immshift:2 1 01 immdefgh:5 Rd:5", "orr Vd.S, immabcdefgh, lsl32", modify("v128.or", word)),
  row("MOVI", "0 Q:1 0 0111100000 immabc:3 10 immshift:1 0  01 immdefgh:5 Rd:5", "movi Vd.H, immabcdefgh, lsl16", move(halfword)),
  row("ORR (vector, immediate)", "0 Q:1 0 0111100000 immabc:3 10 immshift:1 1 01 immdefgh:5 Rd:5", "orr Vd.H, immabcdefgh, lsl16", modify("v128.or", halfword)),
  row("MOVI", "0 Q:1 0 0111100000 immabc:3 110 immshift:1   01 immdefgh:5 Rd:5", "movi Vd.S, immabcdefgh, msl",   move(wordOfOnes)),
  row("MOVI", "0 Q:1 0 0111100000 immabc:3 1110             01 immdefgh:5 Rd:5", "movi Vd.B, immabcdefgh",        move(byte)),
  row("FMOV (vector, immediate)", "0 Q:1 0 0111100000 immabc:3 1111 01 immdefgh:5 Rd:5", "fmov Vd.S, float8",     move(single)),
  row("FMOV (vector, immediate)", "0 Q:1 0 0111100000 immabc:3 1111 11 immdefgh:5 Rd:5", "fmov Vd.H, float8",     move(half), { feature: "FEAT_FP16" }),
  row("MVNI", "0 Q:1 1 0111100000 immabc:3 0 immshift:2 0   01 immdefgh:5 Rd:5", "mvni Vd.S, immabcdefgh, lsl32", move(not(word))),
  row("BIC (vector, immediate)", "0 Q:1 1 0111100000 immabc:3 0 immshift:2 1 01 immdefgh:5 Rd:5", "bic Vd.S, immabcdefgh, lsl32", modify("v128.and", not(word))),
  row("MVNI", "0 Q:1 1 0111100000 immabc:3 10 immshift:1 0  01 immdefgh:5 Rd:5", "mvni Vd.H, immabcdefgh, lsl16", move(not(halfword))),
  row("BIC (vector, immediate)", "0 Q:1 1 0111100000 immabc:3 10 immshift:1 1 01 immdefgh:5 Rd:5", "bic Vd.H, immabcdefgh, lsl16", modify("v128.and", not(halfword))),
  row("MVNI", "0 Q:1 1 0111100000 immabc:3 110 immshift:1   01 immdefgh:5 Rd:5", "mvni Vd.S, immabcdefgh, msl",   move(not(wordOfOnes))),
  row("MOVI", "0 0   1 0111100000 immabc:3 1110             01 immdefgh:5 Rd:5", "movi Dd, immabcdefgh64",        move(doubleword, 0)),
  row("MOVI", "0 1   1 0111100000 immabc:3 1110             01 immdefgh:5 Rd:5", "movi Vd.2D, immabcdefgh64",     move(doubleword, 1)),
  row("FMOV (vector, immediate)", "0 1 1 0111100000 immabc:3 1111 01 immdefgh:5 Rd:5", "fmov Vd.2D, float8",      move(double, 1)),
]);
