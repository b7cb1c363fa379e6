import type { Builder, V128 } from "../engine/builder.ts";
import { type Fields, group, row } from "./row.ts";
import {
  absoluteDifference,
  doublingMultiplyLong,
  polynomialMultiply,
  reverseBitsOfBytes,
  type ThreeSame,
} from "./simd_arithmetic.ts";
import {
  and,
  esize,
  extend,
  extmul,
  lanes,
  odds,
  or,
  saturatingAdd,
  saturatingSub,
  shuffleOf,
  unit,
  writePart,
  xor,
} from "./simd_lanes.ts";

/** From the halves that Q chooses of vectors with elements of `size`, elements twice as wide. */
export type Long = (o: Builder, size: number, Q: number, a: V128, b: V128) => V128;

const long = (f: Long) => (o: Builder, w: ThreeSame): void => o.setV(w.Rd, f(o, w.size, w.Q, o.v(w.Rn), o.v(w.Rm)));

/** Rd = Rd plus or minus f(Rn, Rm). */
export const longAccumulate = (how: "add" | "sub", f: Long) => (o: Builder, w: ThreeSame): void =>
  o.setV(w.Rd, lanes(o, w.size + 1, how, o.v(w.Rd), f(o, w.size, w.Q, o.v(w.Rn), o.v(w.Rm))));

/** SADDL, SSUBL and the unsigned ones. */
const longSum = (how: "add" | "sub", unsigned: boolean): Long => (o, size, Q, a, b) =>
  lanes(o, size + 1, how, extend(o, size, Q, unsigned, a), extend(o, size, Q, unsigned, b));

/** SADDW, SSUBW and the unsigned ones: the first operand is wide already. */
const wideSum = (how: "add" | "sub", unsigned: boolean): Long => (o, size, Q, a, b) =>
  lanes(o, size + 1, how, a, extend(o, size, Q, unsigned, b));

export const longProduct = (unsigned: boolean): Long => (o, size, Q, a, b) => extmul(o, size, Q, unsigned, a, b);

const longDifference = (unsigned: boolean): Long => (o, size, Q, a, b) =>
  extend(o, size, Q, true, absoluteDifference(unsigned)(o, size, a, b));

export const doublingProduct: Long = (o, size, Q, a, b) => doublingMultiplyLong(o, size, Q, a, b);

/** SQDMLAL, SQDMLSL: the doubled product saturates, and then the sum. */
export const doublingAccumulate = (how: "add" | "sub") => (o: Builder, w: ThreeSame): void => {
  const product = doublingMultiplyLong(o, w.size, w.Q, o.v(w.Rn), o.v(w.Rm));
  const sum = how === "add" ? saturatingAdd : saturatingSub;
  o.setV(w.Rd, sum(o, w.size + 1, false, o.v(w.Rd), product));
};

/** ADDHN, SUBHN: the high halves of sums, rounded or not. */
const highNarrow = (how: "add" | "sub", rounding: boolean) => (o: Builder, w: ThreeSame): void => {
  const wide = w.size + 1;
  let sum = lanes(o, wide, how, o.v(w.Rn), o.v(w.Rm));
  if (rounding) sum = lanes(o, wide, "add", sum, lanes(o, wide, "shl", unit(o, wide), o.i32(esize(w.size) - 1)));
  writePart(o, w.Rd, w.Q, odds(o, w.size, sum, sum));
};

/** PMULL of bytes. */
const polynomialBytes: Long = (o, size, Q, a, b) =>
  polynomialMultiply(o, 1, extend(o, 0, Q, true, a), extend(o, 0, Q, true, b));

const REVERSED_BYTES = shuffleOf(0, (i) => i ^ 7);

/** The bits of each doubleword in reverse order. */
const reverseBits = (o: Builder, a: V128): V128 => reverseBitsOfBytes(o, o.shuffle(a, a, REVERSED_BYTES));

/**
 * The low 64 bits of carry-less products. Each factor is split into four with one bit in every four, so that the
 * sums of an integer product (16 at most, and that only in the topmost place) do not reach the next bit in use.
 */
function carrylessLow(o: Builder, a: V128, b: V128): V128 {
  const masks = [0x1111111111111111n, 0x2222222222222222n, 0x4444444444444444n, 0x8888888888888888n]
    .map((m) => o.v128(m, m));
  const as = masks.map((m) => and(o, a, m)), bs = masks.map((m) => and(o, b, m));
  let result: V128 | null = null;
  for (let place = 0; place < 4; place++) {
    let sum: V128 | null = null;
    for (let i = 0; i < 4; i++) {
      const product = o.op("i64x2.mul", as[i], bs[(place - i + 4) % 4]);
      sum = sum ? xor(o, sum, product) : product;
    }
    const term = and(o, sum!, masks[place]);
    result = result ? or(o, result, term) : term;
  }
  return result!;
}

const WITH_REVERSE = [0, 1].map((Q) => shuffleOf(3, (i) => 2 * i + Q));
const OUTER_HALVES = shuffleOf(3, (i) => 3 * i);

/** PMULL of a doubleword: the high half is the low half of the product of the reversed factors, reversed. */
const polynomialDoubleword = (o: Builder, w: { Q: number; Rm: number; Rn: number; Rd: number }): void => {
  const withReverse = (a: V128): V128 => o.shuffle(a, reverseBits(o, a), WITH_REVERSE[w.Q]);
  const products = carrylessLow(o, withReverse(o.v(w.Rn)), withReverse(o.v(w.Rm)));
  const high = o.op("i64x2.shr_u", reverseBits(o, products), o.i32(1));
  o.setV(w.Rd, o.shuffle(products, high, OUTER_HALVES));
};

/** The narrow elements are of 8 to 32 bits. */
const noD = { reserved: (f: Fields) => f.size === 3 };
/** The narrow elements are of 16 or 32 bits. */
const onlyHS = { reserved: (f: Fields) => f.size === 0 || f.size === 3 };

/** Advanced SIMD three different. Arm DDI 0487, section C4.1. */
// deno-fmt-ignore
export const SIMD_THREE_DIFFERENT = group({ trap: "fp" }, [
  row("SADDL, SADDL2",     "0 Q:1 0 01110 size:2 1 Rm:5 0000 00 Rn:5 Rd:5", "saddl{2} Vd.Ta, Vn.T, Vm.T",  long(longSum("add", false)), noD),
  row("UADDL, UADDL2",     "0 Q:1 1 01110 size:2 1 Rm:5 0000 00 Rn:5 Rd:5", "uaddl{2} Vd.Ta, Vn.T, Vm.T",  long(longSum("add", true)), noD),
  row("SADDW, SADDW2",     "0 Q:1 0 01110 size:2 1 Rm:5 0001 00 Rn:5 Rd:5", "saddw{2} Vd.Ta, Vn.Ta, Vm.T", long(wideSum("add", false)), noD),
  row("UADDW, UADDW2",     "0 Q:1 1 01110 size:2 1 Rm:5 0001 00 Rn:5 Rd:5", "uaddw{2} Vd.Ta, Vn.Ta, Vm.T", long(wideSum("add", true)), noD),
  row("SSUBL, SSUBL2",     "0 Q:1 0 01110 size:2 1 Rm:5 0010 00 Rn:5 Rd:5", "ssubl{2} Vd.Ta, Vn.T, Vm.T",  long(longSum("sub", false)), noD),
  row("USUBL, USUBL2",     "0 Q:1 1 01110 size:2 1 Rm:5 0010 00 Rn:5 Rd:5", "usubl{2} Vd.Ta, Vn.T, Vm.T",  long(longSum("sub", true)), noD),
  row("SSUBW, SSUBW2",     "0 Q:1 0 01110 size:2 1 Rm:5 0011 00 Rn:5 Rd:5", "ssubw{2} Vd.Ta, Vn.Ta, Vm.T", long(wideSum("sub", false)), noD),
  row("USUBW, USUBW2",     "0 Q:1 1 01110 size:2 1 Rm:5 0011 00 Rn:5 Rd:5", "usubw{2} Vd.Ta, Vn.Ta, Vm.T", long(wideSum("sub", true)), noD),
  row("ADDHN, ADDHN2",     "0 Q:1 0 01110 size:2 1 Rm:5 0100 00 Rn:5 Rd:5", "addhn{2} Vd.T, Vn.Ta, Vm.Ta",  highNarrow("add", false), noD),
  row("RADDHN, RADDHN2",   "0 Q:1 1 01110 size:2 1 Rm:5 0100 00 Rn:5 Rd:5", "raddhn{2} Vd.T, Vn.Ta, Vm.Ta", highNarrow("add", true), noD),
  row("SABAL, SABAL2",     "0 Q:1 0 01110 size:2 1 Rm:5 0101 00 Rn:5 Rd:5", "sabal{2} Vd.Ta, Vn.T, Vm.T",  longAccumulate("add", longDifference(false)), noD),
  row("UABAL, UABAL2",     "0 Q:1 1 01110 size:2 1 Rm:5 0101 00 Rn:5 Rd:5", "uabal{2} Vd.Ta, Vn.T, Vm.T",  longAccumulate("add", longDifference(true)), noD),
  row("SUBHN, SUBHN2",     "0 Q:1 0 01110 size:2 1 Rm:5 0110 00 Rn:5 Rd:5", "subhn{2} Vd.T, Vn.Ta, Vm.Ta",  highNarrow("sub", false), noD),
  row("RSUBHN, RSUBHN2",   "0 Q:1 1 01110 size:2 1 Rm:5 0110 00 Rn:5 Rd:5", "rsubhn{2} Vd.T, Vn.Ta, Vm.Ta", highNarrow("sub", true), noD),
  row("SABDL, SABDL2",     "0 Q:1 0 01110 size:2 1 Rm:5 0111 00 Rn:5 Rd:5", "sabdl{2} Vd.Ta, Vn.T, Vm.T",  long(longDifference(false)), noD),
  row("UABDL, UABDL2",     "0 Q:1 1 01110 size:2 1 Rm:5 0111 00 Rn:5 Rd:5", "uabdl{2} Vd.Ta, Vn.T, Vm.T",  long(longDifference(true)), noD),
  row("SMLAL, SMLAL2 (vector)", "0 Q:1 0 01110 size:2 1 Rm:5 1000 00 Rn:5 Rd:5", "smlal{2} Vd.Ta, Vn.T, Vm.T", longAccumulate("add", longProduct(false)), noD),
  row("UMLAL, UMLAL2 (vector)", "0 Q:1 1 01110 size:2 1 Rm:5 1000 00 Rn:5 Rd:5", "umlal{2} Vd.Ta, Vn.T, Vm.T", longAccumulate("add", longProduct(true)), noD),
  row("SMLSL, SMLSL2 (vector)", "0 Q:1 0 01110 size:2 1 Rm:5 1010 00 Rn:5 Rd:5", "smlsl{2} Vd.Ta, Vn.T, Vm.T", longAccumulate("sub", longProduct(false)), noD),
  row("UMLSL, UMLSL2 (vector)", "0 Q:1 1 01110 size:2 1 Rm:5 1010 00 Rn:5 Rd:5", "umlsl{2} Vd.Ta, Vn.T, Vm.T", longAccumulate("sub", longProduct(true)), noD),
  row("SMULL, SMULL2 (vector)", "0 Q:1 0 01110 size:2 1 Rm:5 1100 00 Rn:5 Rd:5", "smull{2} Vd.Ta, Vn.T, Vm.T", long(longProduct(false)), noD),
  row("UMULL, UMULL2 (vector)", "0 Q:1 1 01110 size:2 1 Rm:5 1100 00 Rn:5 Rd:5", "umull{2} Vd.Ta, Vn.T, Vm.T", long(longProduct(true)), noD),
  row("SQDMLAL, SQDMLAL2 (vector)", "0 Q:1 0 01110 size:2 1 Rm:5 1001 00 Rn:5 Rd:5", "sqdmlal{2} Vd.Ta, Vn.T, Vm.T", doublingAccumulate("add"), onlyHS),
  row("SQDMLSL, SQDMLSL2 (vector)", "0 Q:1 0 01110 size:2 1 Rm:5 1011 00 Rn:5 Rd:5", "sqdmlsl{2} Vd.Ta, Vn.T, Vm.T", doublingAccumulate("sub"), onlyHS),
  row("SQDMULL, SQDMULL2 (vector)", "0 Q:1 0 01110 size:2 1 Rm:5 1101 00 Rn:5 Rd:5", "sqdmull{2} Vd.Ta, Vn.T, Vm.T", long(doublingProduct), onlyHS),
  row("PMULL, PMULL2",     "0 Q:1 0 01110 00 1 Rm:5 1110 00 Rn:5 Rd:5", "pmull{2} Vd.8H, Vn.B, Vm.B", bytes(long(polynomialBytes))),
  row("PMULL, PMULL2",     "0 Q:1 0 01110 11 1 Rm:5 1110 00 Rn:5 Rd:5", "pmull{2} Vd.1Q, Vn.D, Vm.D", polynomialDoubleword, { feature: "FEAT_PMULL" }),
]);

/** A meaning whose size the encoding fixes as bytes. */
function bytes(f: (o: Builder, w: ThreeSame) => void) {
  return (o: Builder, w: Omit<ThreeSame, "size">): void => f(o, { ...w, size: 0 });
}
