import type { Builder, V128 } from "../engine/builder.ts";
import { alias, type Fields, group, row } from "./row.ts";
import { reverseBitsOfBytes, type Unary } from "./simd_arithmetic.ts";
import {
  addPairs,
  clamp,
  compare,
  datasize,
  esize,
  evens,
  extend,
  lanes,
  least,
  type Narrowing,
  or,
  readV,
  saturatingAdd,
  setQC,
  shuffleOf,
  writePart,
  writeV,
  xor,
  zero,
} from "./simd_lanes.ts";

/** The fields of vector instructions with two registers. */
export interface TwoRegister {
  readonly Q: number;
  readonly size: number;
  readonly Rn: number;
  readonly Rd: number;
}

const unary = (f: Unary) => (o: Builder, w: TwoRegister): void =>
  writeV(o, w.Rd, datasize(w.Q), f(o, w.size, o.v(w.Rn)));

/** With the operand zero-extended, as setting QC needs. */
const exactUnary = (f: Unary) => (o: Builder, w: TwoRegister): void => {
  const bits = datasize(w.Q);
  writeV(o, w.Rd, bits, f(o, w.size, readV(o, w.Rn, bits)));
};

const REVERSALS = [1, 2, 3].map((container) =>
  [0, 1, 2].map((size) => shuffleOf(size, (i) => i ^ ((1 << container >> size) - 1)))
);

/** REV16, REV32, REV64: elements in reverse order within containers of 2 << n bytes. */
const reverse = (container: 1 | 2 | 3): Unary => (o, size, a) => o.shuffle(a, a, REVERSALS[container - 1][size]);

/** CLZ, of 8 to 32 bits: the ones above the highest one are what spreading it downwards leaves. */
const countLeadingZeros: Unary = (o, size, a) => {
  let spread = a;
  for (let by = 1; by < esize(size); by *= 2) spread = or(o, spread, lanes(o, size, "shr_u", spread, o.i32(by)));
  let count = o.op("i8x16.popcnt", o.op("v128.not", spread));
  for (let narrow = 0; narrow < size; narrow++) count = addPairs(o, narrow, true, count);
  return count;
};

/** CLS: the sign bit itself does not count. */
const countLeadingSign: Unary = (o, size, a) => {
  const changes = xor(o, a, lanes(o, size, "shr_s", a, o.i32(1)));
  return lanes(o, size, "sub", countLeadingZeros(o, size, changes), lanes(o, size, "splat", o.i32(1)));
};

/** ABS, NEG. */
const plainUnary = (operation: "abs" | "neg"): Unary => (o, size, a) => lanes(o, size, operation, a);

/** SQABS, SQNEG: only the least number has no counterpart, and its complement is the greatest. */
export const saturatingUnary = (operation: "abs" | "neg"): Unary => (o, size, a) => {
  const saturated = lanes(o, size, "eq", a, least(o, size));
  setQC(o, saturated);
  return xor(o, lanes(o, size, operation, a), saturated);
};

/** Comparison with zero. */
export const compareZero = (how: string): Unary => (o, size, a) =>
  how === "eq" ? lanes(o, size, "eq", a, zero(o)) : compare(o, size, how, false, a, zero(o));

/**
 * SUQADD, USQADD: the sum of a signed and an unsigned number, saturated as the destination `d`. With d biased by half
 * the range it is a sum of two unsigned, or two signed numbers.
 */
export function mixedAdd(o: Builder, size: number, unsigned: boolean, d: V128, a: V128): V128 {
  const bias = least(o, size);
  return xor(o, saturatingAdd(o, size, !unsigned, xor(o, d, bias), a), bias);
}

const accumulateMixed = (unsigned: boolean) => (o: Builder, w: TwoRegister): void => {
  const bits = datasize(w.Q);
  writeV(o, w.Rd, bits, mixedAdd(o, w.size, unsigned, readV(o, w.Rd, bits), readV(o, w.Rn, bits)));
};

/** SADALP, UADALP. */
const accumulatePairs = (unsigned: boolean) => (o: Builder, w: TwoRegister): void => {
  const sums = addPairs(o, w.size, unsigned, o.v(w.Rn));
  writeV(o, w.Rd, datasize(w.Q), lanes(o, w.size + 1, "add", o.v(w.Rd), sums));
};

/** XTN. */
const narrow = (o: Builder, w: TwoRegister): void => {
  const a = o.v(w.Rn);
  writePart(o, w.Rd, w.Q, evens(o, w.size, a, a));
};

/** SQXTN, UQXTN, SQXTUN. */
const saturatingNarrow = (how: Narrowing) => (o: Builder, w: TwoRegister): void => {
  const a = clamp(o, w.size, how, o.v(w.Rn));
  writePart(o, w.Rd, w.Q, evens(o, w.size, a, a));
};

/** SHLL: a left shift by the element's width. */
const shiftLeftLong = (o: Builder, w: TwoRegister): void =>
  o.setV(w.Rd, lanes(o, w.size + 1, "shl", extend(o, w.size, w.Q, true, o.v(w.Rn)), o.i32(esize(w.size))));

/** A bytewise meaning, of instructions whose size is no element's. */
const bytewise = (f: (o: Builder, a: V128) => V128) => (o: Builder, w: Omit<TwoRegister, "size">): void =>
  writeV(o, w.Rd, datasize(w.Q), f(o, o.v(w.Rn)));

const no1D = { reserved: (f: Fields) => f.size === 3 && f.Q === 0 };
const noD = { reserved: (f: Fields) => f.size === 3 };
const below = (size: number) => ({ reserved: (f: Fields) => f.size >= size });

/** Advanced SIMD two-register miscellaneous, without floating point. Arm DDI 0487, section C4.1. */
// deno-fmt-ignore
export const SIMD_TWO_REGISTER = group({ trap: "fp" }, [
  row("REV64",            "0 Q:1 0 01110 size:2 10000 00000 10 Rn:5 Rd:5", "rev64 Vd.T, Vn.T",      unary(reverse(3)), below(3)),
  row("REV32 (vector)",   "0 Q:1 1 01110 size:2 10000 00000 10 Rn:5 Rd:5", "rev32 Vd.T, Vn.T",      unary(reverse(2)), below(2)),
  row("REV16 (vector)",   "0 Q:1 0 01110 size:2 10000 00001 10 Rn:5 Rd:5", "rev16 Vd.T, Vn.T",      unary(reverse(1)), below(1)),
  row("SADDLP",           "0 Q:1 0 01110 size:2 10000 00010 10 Rn:5 Rd:5", "saddlp Vd.Tl, Vn.T",    unary((o, size, a) => addPairs(o, size, false, a)), noD),
  row("UADDLP",           "0 Q:1 1 01110 size:2 10000 00010 10 Rn:5 Rd:5", "uaddlp Vd.Tl, Vn.T",    unary((o, size, a) => addPairs(o, size, true, a)), noD),
  row("SUQADD",           "0 Q:1 0 01110 size:2 10000 00011 10 Rn:5 Rd:5", "suqadd Vd.T, Vn.T",     accumulateMixed(false), no1D),
  row("USQADD",           "0 Q:1 1 01110 size:2 10000 00011 10 Rn:5 Rd:5", "usqadd Vd.T, Vn.T",     accumulateMixed(true), no1D),
  row("CLS (vector)",     "0 Q:1 0 01110 size:2 10000 00100 10 Rn:5 Rd:5", "cls Vd.T, Vn.T",        unary(countLeadingSign), noD),
  row("CLZ (vector)",     "0 Q:1 1 01110 size:2 10000 00100 10 Rn:5 Rd:5", "clz Vd.T, Vn.T",        unary(countLeadingZeros), noD),
  row("CNT",              "0 Q:1 0 01110 00 10000 00101 10 Rn:5 Rd:5",     "cnt Vd.B, Vn.B",        bytewise((o, a) => o.op("i8x16.popcnt", a))),
  row("NOT",              "0 Q:1 1 01110 00 10000 00101 10 Rn:5 Rd:5",     "not Vd.B, Vn.B",        bytewise((o, a) => o.op("v128.not", a))),
  alias("MVN",            "0 Q:1 1 01110 00 10000 00101 10 Rn:5 Rd:5",     "mvn Vd.B, Vn.B"),
  row("RBIT (vector)",    "0 Q:1 1 01110 01 10000 00101 10 Rn:5 Rd:5",     "rbit Vd.B, Vn.B",       bytewise(reverseBitsOfBytes)),
  row("SADALP",           "0 Q:1 0 01110 size:2 10000 00110 10 Rn:5 Rd:5", "sadalp Vd.Tl, Vn.T",    accumulatePairs(false), noD),
  row("UADALP",           "0 Q:1 1 01110 size:2 10000 00110 10 Rn:5 Rd:5", "uadalp Vd.Tl, Vn.T",    accumulatePairs(true), noD),
  row("SQABS",            "0 Q:1 0 01110 size:2 10000 00111 10 Rn:5 Rd:5", "sqabs Vd.T, Vn.T",      exactUnary(saturatingUnary("abs")), no1D),
  row("SQNEG",            "0 Q:1 1 01110 size:2 10000 00111 10 Rn:5 Rd:5", "sqneg Vd.T, Vn.T",      exactUnary(saturatingUnary("neg")), no1D),
  row("CMGT (zero)",      "0 Q:1 0 01110 size:2 10000 01000 10 Rn:5 Rd:5", "cmgt Vd.T, Vn.T, #0",   unary(compareZero("gt")), no1D),
  row("CMGE (zero)",      "0 Q:1 1 01110 size:2 10000 01000 10 Rn:5 Rd:5", "cmge Vd.T, Vn.T, #0",   unary(compareZero("ge")), no1D),
  row("CMEQ (zero)",      "0 Q:1 0 01110 size:2 10000 01001 10 Rn:5 Rd:5", "cmeq Vd.T, Vn.T, #0",   unary(compareZero("eq")), no1D),
  row("CMLE (zero)",      "0 Q:1 1 01110 size:2 10000 01001 10 Rn:5 Rd:5", "cmle Vd.T, Vn.T, #0",   unary(compareZero("le")), no1D),
  row("CMLT (zero)",      "0 Q:1 0 01110 size:2 10000 01010 10 Rn:5 Rd:5", "cmlt Vd.T, Vn.T, #0",   unary(compareZero("lt")), no1D),
  row("ABS",              "0 Q:1 0 01110 size:2 10000 01011 10 Rn:5 Rd:5", "abs Vd.T, Vn.T",        unary(plainUnary("abs")), no1D),
  row("NEG (vector)",     "0 Q:1 1 01110 size:2 10000 01011 10 Rn:5 Rd:5", "neg Vd.T, Vn.T",        unary(plainUnary("neg")), no1D),
  row("XTN, XTN2",        "0 Q:1 0 01110 size:2 10000 10010 10 Rn:5 Rd:5", "xtn{2} Vd.T, Vn.Ta",    narrow, noD),
  row("SQXTUN, SQXTUN2",  "0 Q:1 1 01110 size:2 10000 10010 10 Rn:5 Rd:5", "sqxtun{2} Vd.T, Vn.Ta", saturatingNarrow("signed to unsigned"), noD),
  row("SHLL, SHLL2",      "0 Q:1 1 01110 size:2 10000 10011 10 Rn:5 Rd:5", "shll{2} Vd.Ta, Vn.T, esize", shiftLeftLong, noD),
  row("SQXTN, SQXTN2",    "0 Q:1 0 01110 size:2 10000 10100 10 Rn:5 Rd:5", "sqxtn{2} Vd.T, Vn.Ta",  saturatingNarrow("signed"), noD),
  row("UQXTN, UQXTN2",    "0 Q:1 1 01110 size:2 10000 10100 10 Rn:5 Rd:5", "uqxtn{2} Vd.T, Vn.Ta",  saturatingNarrow("unsigned"), noD),
]);
