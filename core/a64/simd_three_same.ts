import type { Builder } from "../engine/builder.ts";
import { alias, type Fields, group, row } from "./row.ts";
import {
  absoluteDifference,
  accumulate,
  accumulating,
  addSaturating,
  type Binary,
  comparison,
  deduct,
  dotProduct,
  doublingMultiplyAccumulateHigh,
  doublingMultiplyHigh,
  exactAccumulating,
  exactVector,
  halvingAdd,
  halvingSub,
  minMax,
  multiply,
  pairwise,
  plain,
  polynomialMultiply,
  type RegisterShift,
  shiftByRegister,
  subSaturating,
  test,
  type ThreeSame,
  vector,
} from "./simd_arithmetic.ts";
import { andNot, choose, datasize, writeV } from "./simd_lanes.ts";

/** There is no vector of one doubleword. */
const no1D = { reserved: (f: Fields) => f.size === 3 && f.Q === 0 };
/** The elements are of 8 to 32 bits. */
const noD = { reserved: (f: Fields) => f.size === 3 };
/** The elements are of 16 or 32 bits. */
const onlyHS = { reserved: (f: Fields) => f.size === 0 || f.size === 3 };

const pairs = (f: Binary) => (o: Builder, w: ThreeSame): void =>
  writeV(o, w.Rd, datasize(w.Q), pairwise(f, o, w.Q, w.size, o.v(w.Rn), o.v(w.Rm)));

const shift = (how: RegisterShift) => (o: Builder, w: ThreeSame): void => {
  const count = datasize(w.Q) >> (3 + w.size);
  writeV(o, w.Rd, datasize(w.Q), shiftByRegister(how, o, w.size, count, o.v(w.Rn), o.v(w.Rm)));
};

type Logic = Omit<ThreeSame, "size">;

/** A bitwise instruction of Rn and Rm. */
const logic = (operation: "v128.and" | "v128.andnot" | "v128.or" | "v128.xor") => (o: Builder, w: Logic): void =>
  writeV(o, w.Rd, datasize(w.Q), o.op(operation, o.v(w.Rn), o.v(w.Rm)));

const orNot = (o: Builder, w: Logic): void =>
  writeV(o, w.Rd, datasize(w.Q), o.op("v128.not", andNot(o, o.v(w.Rm), o.v(w.Rn))));

/** BSL, BIT, BIF by which register holds the mask, and which bits come from Rn. */
const select = (mask: "Rd" | "Rm", inverted: boolean) => (o: Builder, w: Logic): void => {
  const d = o.v(w.Rd), n = o.v(w.Rn), m = o.v(w.Rm);
  const result = mask === "Rd" ? choose(o, d, n, m) : inverted ? choose(o, m, d, n) : choose(o, m, n, d);
  writeV(o, w.Rd, datasize(w.Q), result);
};

/** PMUL of bytes. */
const polynomial: Binary = (o, size, a, b) => polynomialMultiply(o, size, a, b);
const gt = comparison("gt", false), hi = comparison("gt", true);
const ge = comparison("ge", false), hs = comparison("ge", true);

/** Advanced SIMD three same, and three same extra, without floating point. Arm DDI 0487, section C4.1. */
// deno-fmt-ignore
export const SIMD_THREE_SAME = group({ trap: "fp" }, [
  row("SHADD",    "0 Q:1 0 01110 size:2 1 Rm:5 00000 1 Rn:5 Rd:5", "shadd Vd.T, Vn.T, Vm.T",    vector(halvingAdd(false, false)), noD),
  row("UHADD",    "0 Q:1 1 01110 size:2 1 Rm:5 00000 1 Rn:5 Rd:5", "uhadd Vd.T, Vn.T, Vm.T",    vector(halvingAdd(true, false)), noD),
  row("SQADD",    "0 Q:1 0 01110 size:2 1 Rm:5 00001 1 Rn:5 Rd:5", "sqadd Vd.T, Vn.T, Vm.T",    exactVector(addSaturating(false)), no1D),
  row("UQADD",    "0 Q:1 1 01110 size:2 1 Rm:5 00001 1 Rn:5 Rd:5", "uqadd Vd.T, Vn.T, Vm.T",    exactVector(addSaturating(true)), no1D),
  row("SRHADD",   "0 Q:1 0 01110 size:2 1 Rm:5 00010 1 Rn:5 Rd:5", "srhadd Vd.T, Vn.T, Vm.T",   vector(halvingAdd(false, true)), noD),
  row("URHADD",   "0 Q:1 1 01110 size:2 1 Rm:5 00010 1 Rn:5 Rd:5", "urhadd Vd.T, Vn.T, Vm.T",   vector(halvingAdd(true, true)), noD),
  row("SHSUB",    "0 Q:1 0 01110 size:2 1 Rm:5 00100 1 Rn:5 Rd:5", "shsub Vd.T, Vn.T, Vm.T",    vector(halvingSub(false)), noD),
  row("UHSUB",    "0 Q:1 1 01110 size:2 1 Rm:5 00100 1 Rn:5 Rd:5", "uhsub Vd.T, Vn.T, Vm.T",    vector(halvingSub(true)), noD),
  row("SQSUB",    "0 Q:1 0 01110 size:2 1 Rm:5 00101 1 Rn:5 Rd:5", "sqsub Vd.T, Vn.T, Vm.T",    exactVector(subSaturating(false)), no1D),
  row("UQSUB",    "0 Q:1 1 01110 size:2 1 Rm:5 00101 1 Rn:5 Rd:5", "uqsub Vd.T, Vn.T, Vm.T",    exactVector(subSaturating(true)), no1D),
  row("CMGT (register)", "0 Q:1 0 01110 size:2 1 Rm:5 00110 1 Rn:5 Rd:5", "cmgt Vd.T, Vn.T, Vm.T", vector(gt), no1D),
  row("CMHI (register)", "0 Q:1 1 01110 size:2 1 Rm:5 00110 1 Rn:5 Rd:5", "cmhi Vd.T, Vn.T, Vm.T", vector(hi), no1D),
  row("CMGE (register)", "0 Q:1 0 01110 size:2 1 Rm:5 00111 1 Rn:5 Rd:5", "cmge Vd.T, Vn.T, Vm.T", vector(ge), no1D),
  row("CMHS (register)", "0 Q:1 1 01110 size:2 1 Rm:5 00111 1 Rn:5 Rd:5", "cmhs Vd.T, Vn.T, Vm.T", vector(hs), no1D),
  row("SSHL",     "0 Q:1 0 01110 size:2 1 Rm:5 01000 1 Rn:5 Rd:5", "sshl Vd.T, Vn.T, Vm.T",     shift({ unsigned: false }), no1D),
  row("USHL",     "0 Q:1 1 01110 size:2 1 Rm:5 01000 1 Rn:5 Rd:5", "ushl Vd.T, Vn.T, Vm.T",     shift({ unsigned: true }), no1D),
  row("SQSHL (register)", "0 Q:1 0 01110 size:2 1 Rm:5 01001 1 Rn:5 Rd:5", "sqshl Vd.T, Vn.T, Vm.T", shift({ unsigned: false, saturating: true }), no1D),
  row("UQSHL (register)", "0 Q:1 1 01110 size:2 1 Rm:5 01001 1 Rn:5 Rd:5", "uqshl Vd.T, Vn.T, Vm.T", shift({ unsigned: true, saturating: true }), no1D),
  row("SRSHL",    "0 Q:1 0 01110 size:2 1 Rm:5 01010 1 Rn:5 Rd:5", "srshl Vd.T, Vn.T, Vm.T",    shift({ unsigned: false, rounding: true }), no1D),
  row("URSHL",    "0 Q:1 1 01110 size:2 1 Rm:5 01010 1 Rn:5 Rd:5", "urshl Vd.T, Vn.T, Vm.T",    shift({ unsigned: true, rounding: true }), no1D),
  row("SQRSHL",   "0 Q:1 0 01110 size:2 1 Rm:5 01011 1 Rn:5 Rd:5", "sqrshl Vd.T, Vn.T, Vm.T",   shift({ unsigned: false, rounding: true, saturating: true }), no1D),
  row("UQRSHL",   "0 Q:1 1 01110 size:2 1 Rm:5 01011 1 Rn:5 Rd:5", "uqrshl Vd.T, Vn.T, Vm.T",   shift({ unsigned: true, rounding: true, saturating: true }), no1D),
  row("SMAX",     "0 Q:1 0 01110 size:2 1 Rm:5 01100 1 Rn:5 Rd:5", "smax Vd.T, Vn.T, Vm.T",     vector(minMax("max", false)), noD),
  row("UMAX",     "0 Q:1 1 01110 size:2 1 Rm:5 01100 1 Rn:5 Rd:5", "umax Vd.T, Vn.T, Vm.T",     vector(minMax("max", true)), noD),
  row("SMIN",     "0 Q:1 0 01110 size:2 1 Rm:5 01101 1 Rn:5 Rd:5", "smin Vd.T, Vn.T, Vm.T",     vector(minMax("min", false)), noD),
  row("UMIN",     "0 Q:1 1 01110 size:2 1 Rm:5 01101 1 Rn:5 Rd:5", "umin Vd.T, Vn.T, Vm.T",     vector(minMax("min", true)), noD),
  row("SABD",     "0 Q:1 0 01110 size:2 1 Rm:5 01110 1 Rn:5 Rd:5", "sabd Vd.T, Vn.T, Vm.T",     vector(absoluteDifference(false)), noD),
  row("UABD",     "0 Q:1 1 01110 size:2 1 Rm:5 01110 1 Rn:5 Rd:5", "uabd Vd.T, Vn.T, Vm.T",     vector(absoluteDifference(true)), noD),
  row("SABA",     "0 Q:1 0 01110 size:2 1 Rm:5 01111 1 Rn:5 Rd:5", "saba Vd.T, Vn.T, Vm.T",     accumulating(accumulate(absoluteDifference(false))), noD),
  row("UABA",     "0 Q:1 1 01110 size:2 1 Rm:5 01111 1 Rn:5 Rd:5", "uaba Vd.T, Vn.T, Vm.T",     accumulating(accumulate(absoluteDifference(true))), noD),
  row("ADD (vector)", "0 Q:1 0 01110 size:2 1 Rm:5 10000 1 Rn:5 Rd:5", "add Vd.T, Vn.T, Vm.T",  vector(plain("add")), no1D),
  row("SUB (vector)", "0 Q:1 1 01110 size:2 1 Rm:5 10000 1 Rn:5 Rd:5", "sub Vd.T, Vn.T, Vm.T",  vector(plain("sub")), no1D),
  row("CMTST",    "0 Q:1 0 01110 size:2 1 Rm:5 10001 1 Rn:5 Rd:5", "cmtst Vd.T, Vn.T, Vm.T",    vector(test), no1D),
  row("CMEQ (register)", "0 Q:1 1 01110 size:2 1 Rm:5 10001 1 Rn:5 Rd:5", "cmeq Vd.T, Vn.T, Vm.T", vector(plain("eq")), no1D),
  row("MLA (vector)", "0 Q:1 0 01110 size:2 1 Rm:5 10010 1 Rn:5 Rd:5", "mla Vd.T, Vn.T, Vm.T",  accumulating(accumulate(multiply)), noD),
  row("MLS (vector)", "0 Q:1 1 01110 size:2 1 Rm:5 10010 1 Rn:5 Rd:5", "mls Vd.T, Vn.T, Vm.T",  accumulating(deduct(multiply)), noD),
  row("MUL (vector)", "0 Q:1 0 01110 size:2 1 Rm:5 10011 1 Rn:5 Rd:5", "mul Vd.T, Vn.T, Vm.T",  vector(multiply), noD),
  row("PMUL",     "0 Q:1 1 01110 size:2 1 Rm:5 10011 1 Rn:5 Rd:5", "pmul Vd.T, Vn.T, Vm.T",     vector(polynomial), { reserved: (f) => f.size !== 0 }),
  row("SMAXP",    "0 Q:1 0 01110 size:2 1 Rm:5 10100 1 Rn:5 Rd:5", "smaxp Vd.T, Vn.T, Vm.T",    pairs(minMax("max", false)), noD),
  row("UMAXP",    "0 Q:1 1 01110 size:2 1 Rm:5 10100 1 Rn:5 Rd:5", "umaxp Vd.T, Vn.T, Vm.T",    pairs(minMax("max", true)), noD),
  row("SMINP",    "0 Q:1 0 01110 size:2 1 Rm:5 10101 1 Rn:5 Rd:5", "sminp Vd.T, Vn.T, Vm.T",    pairs(minMax("min", false)), noD),
  row("UMINP",    "0 Q:1 1 01110 size:2 1 Rm:5 10101 1 Rn:5 Rd:5", "uminp Vd.T, Vn.T, Vm.T",    pairs(minMax("min", true)), noD),
  row("SQDMULH (vector)",  "0 Q:1 0 01110 size:2 1 Rm:5 10110 1 Rn:5 Rd:5", "sqdmulh Vd.T, Vn.T, Vm.T",  exactVector(doublingMultiplyHigh(false)), onlyHS),
  row("SQRDMULH (vector)", "0 Q:1 1 01110 size:2 1 Rm:5 10110 1 Rn:5 Rd:5", "sqrdmulh Vd.T, Vn.T, Vm.T", exactVector(doublingMultiplyHigh(true)), onlyHS),
  row("ADDP (vector)",     "0 Q:1 0 01110 size:2 1 Rm:5 10111 1 Rn:5 Rd:5", "addp Vd.T, Vn.T, Vm.T",     pairs(plain("add")), no1D),

  row("AND (vector)",           "0 Q:1 0 01110 00 1 Rm:5 00011 1 Rn:5 Rd:5", "and Vd.B, Vn.B, Vm.B", logic("v128.and")),
  row("BIC (vector, register)", "0 Q:1 0 01110 01 1 Rm:5 00011 1 Rn:5 Rd:5", "bic Vd.B, Vn.B, Vm.B", logic("v128.andnot")),
  row("ORR (vector, register)", "0 Q:1 0 01110 10 1 Rm:5 00011 1 Rn:5 Rd:5", "orr Vd.B, Vn.B, Vm.B", logic("v128.or")),
  alias("MOV (vector)",         "0 Q:1 0 01110 10 1 Rm:5 00011 1 Rn:5 Rd:5", "mov Vd.B, Vn=m.B", { reserved: (f) => f.Rm !== f.Rn }),
  row("ORN (vector)",           "0 Q:1 0 01110 11 1 Rm:5 00011 1 Rn:5 Rd:5", "orn Vd.B, Vn.B, Vm.B", orNot),
  row("EOR (vector)",           "0 Q:1 1 01110 00 1 Rm:5 00011 1 Rn:5 Rd:5", "eor Vd.B, Vn.B, Vm.B", logic("v128.xor")),
  row("BSL",                    "0 Q:1 1 01110 01 1 Rm:5 00011 1 Rn:5 Rd:5", "bsl Vd.B, Vn.B, Vm.B", select("Rd", false)),
  row("BIT",                    "0 Q:1 1 01110 10 1 Rm:5 00011 1 Rn:5 Rd:5", "bit Vd.B, Vn.B, Vm.B", select("Rm", false)),
  row("BIF",                    "0 Q:1 1 01110 11 1 Rm:5 00011 1 Rn:5 Rd:5", "bif Vd.B, Vn.B, Vm.B", select("Rm", true)),

  // Three same extra
  row("SQRDMLAH (vector)", "0 Q:1 1 01110 size:2 0 Rm:5 1 0000 1 Rn:5 Rd:5", "sqrdmlah Vd.T, Vn.T, Vm.T", exactAccumulating(doublingMultiplyAccumulateHigh("add")),
    { feature: "FEAT_RDM", ...onlyHS }),
  row("SQRDMLSH (vector)", "0 Q:1 1 01110 size:2 0 Rm:5 1 0001 1 Rn:5 Rd:5", "sqrdmlsh Vd.T, Vn.T, Vm.T", exactAccumulating(doublingMultiplyAccumulateHigh("sub")),
    { feature: "FEAT_RDM", ...onlyHS }),
  row("SDOT (vector)", "0 Q:1 0 01110 10 0 Rm:5 1 0010 1 Rn:5 Rd:5", "sdot Vd.S, Vn.B, Vm.B", wordDot(false), { feature: "FEAT_DotProd" }),
  row("UDOT (vector)", "0 Q:1 1 01110 10 0 Rm:5 1 0010 1 Rn:5 Rd:5", "udot Vd.S, Vn.B, Vm.B", wordDot(true), { feature: "FEAT_DotProd" }),
]);

function wordDot(unsigned: boolean) {
  const meaning = accumulating(dotProduct(unsigned));
  return (o: Builder, w: Logic): void => meaning(o, { ...w, size: 2 });
}
