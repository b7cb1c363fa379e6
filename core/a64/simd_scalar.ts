import type { Builder } from "../engine/builder.ts";
import { type Fields, group, row } from "./row.ts";
import {
  addSaturating,
  comparison,
  doublingMultiplyAccumulateHigh,
  doublingMultiplyHigh,
  doublingMultiplyLong,
  plain,
  type RegisterShift,
  scalarD,
  scalarOf,
  type ScalarThreeSame,
  shiftByRegister,
  subSaturating,
  type Ternary,
  test,
  type Unary,
} from "./simd_arithmetic.ts";
import {
  clamp,
  esize,
  lanes,
  low64,
  type Narrowing,
  readV,
  saturatingAdd,
  saturatingSub,
  writeV,
} from "./simd_lanes.ts";
import {
  left,
  leftInsert,
  leftSaturating,
  narrowRight,
  right,
  rightAccumulate,
  rightInsert,
  type ShiftImmediate,
  shiftRows,
} from "./simd_shift_immediate.ts";
import { compareZero, mixedAdd, saturatingUnary } from "./simd_two_register.ts";

interface ScalarTwoRegister {
  readonly size: number;
  readonly Rn: number;
  readonly Rd: number;
}

const shift = (how: RegisterShift) => (o: Builder, w: ScalarThreeSame): void =>
  writeV(o, w.Rd, esize(w.size), shiftByRegister(how, o, w.size, 1, o.v(w.Rn), o.v(w.Rm)));

const shiftD = (how: RegisterShift) => (o: Builder, w: Omit<ScalarThreeSame, "size">): void =>
  shift(how)(o, { ...w, size: 3 });

const accumulating = (f: Ternary) => (o: Builder, w: ScalarThreeSame): void => {
  const bits = esize(w.size);
  writeV(o, w.Rd, bits, f(o, w.size, readV(o, w.Rd, bits), readV(o, w.Rn, bits), readV(o, w.Rm, bits)));
};

const doublingProduct = (o: Builder, w: ScalarThreeSame) =>
  doublingMultiplyLong(o, w.size, 0, readV(o, w.Rn, esize(w.size)), readV(o, w.Rm, esize(w.size)));

const sqdmull = (o: Builder, w: ScalarThreeSame): void => writeV(o, w.Rd, esize(w.size + 1), doublingProduct(o, w));

/** SQDMLAL, SQDMLSL. */
const doublingAccumulate = (how: "add" | "sub") => (o: Builder, w: ScalarThreeSame): void => {
  const bits = esize(w.size + 1), product = doublingProduct(o, w);
  const sum = how === "add" ? saturatingAdd : saturatingSub;
  writeV(o, w.Rd, bits, sum(o, w.size + 1, false, readV(o, w.Rd, bits), product));
};

const unary = (f: Unary) => (o: Builder, w: ScalarTwoRegister): void =>
  writeV(o, w.Rd, esize(w.size), f(o, w.size, readV(o, w.Rn, esize(w.size))));

const unaryD = (f: Unary) => (o: Builder, w: Omit<ScalarTwoRegister, "size">): void =>
  writeV(o, w.Rd, 64, f(o, 3, o.v(w.Rn)));

const accumulateMixed = (unsigned: boolean) => (o: Builder, w: ScalarTwoRegister): void => {
  const bits = esize(w.size);
  writeV(o, w.Rd, bits, mixedAdd(o, w.size, unsigned, readV(o, w.Rd, bits), readV(o, w.Rn, bits)));
};

const narrow = (how: Narrowing) => (o: Builder, w: ScalarTwoRegister): void =>
  writeV(o, w.Rd, esize(w.size), clamp(o, w.size, how, readV(o, w.Rn, esize(w.size + 1))));

const addPair = (o: Builder, w: Omit<ScalarTwoRegister, "size">): void => {
  const a = o.v(w.Rn);
  o.setVLow64(w.Rd, o.add(low64(o, a), o.lane("i64x2.extract_lane", 1, a)));
};

type Shift = typeof left;
const shiftImmediate = (f: Shift) => (o: Builder, w: ShiftImmediate): void =>
  writeV(o, w.Rd, esize(w.size), f(o, w, esize(w.size)));

const narrowImmediate = (how: Narrowing, rounding: boolean) => (o: Builder, w: ShiftImmediate): void =>
  writeV(o, w.Rd, esize(w.size), narrowRight(o, w, how, rounding, readV(o, w.Rn, esize(w.size + 1))));

const toRight = (mnemonic: string) => (T: string, n: number): string => `${mnemonic} ${T}d, ${T}n, right${n}`;
const toLeft = (mnemonic: string) => (T: string, n: number): string => `${mnemonic} ${T}d, ${T}n, left${n}`;
const narrowing = (mnemonic: string) => (T: string, n: number, size: number): string =>
  `${mnemonic} ${T}d, ${"HSD"[size]}n, right${n}`;

const noD = { reserved: (f: Fields) => f.size === 3 };
const onlyHS = { reserved: (f: Fields) => f.size === 0 || f.size === 3 };
const RDM = { feature: "FEAT_RDM", ...onlyHS };
const ALL = [0, 1, 2, 3], NARROW = [0, 1, 2], D = [3];

/** Advanced SIMD scalar instructions without floating point, copies and indexed elements. Arm DDI 0487, section C4.1. */
// deno-fmt-ignore
export const SIMD_SCALAR = group({ trap: "fp" }, [
  // Scalar three same
  row("SQADD",            "01 0 11110 size:2 1 Rm:5 00001 1 Rn:5 Rd:5", "sqadd <V>d, <V>n, <V>m",  scalarOf(addSaturating(false))),
  row("UQADD",            "01 1 11110 size:2 1 Rm:5 00001 1 Rn:5 Rd:5", "uqadd <V>d, <V>n, <V>m",  scalarOf(addSaturating(true))),
  row("SQSUB",            "01 0 11110 size:2 1 Rm:5 00101 1 Rn:5 Rd:5", "sqsub <V>d, <V>n, <V>m",  scalarOf(subSaturating(false))),
  row("UQSUB",            "01 1 11110 size:2 1 Rm:5 00101 1 Rn:5 Rd:5", "uqsub <V>d, <V>n, <V>m",  scalarOf(subSaturating(true))),
  row("CMGT (register)",  "01 0 11110 11 1 Rm:5 00110 1 Rn:5 Rd:5", "cmgt Dd, Dn, Dm",  scalarD(comparison("gt", false))),
  row("CMHI (register)",  "01 1 11110 11 1 Rm:5 00110 1 Rn:5 Rd:5", "cmhi Dd, Dn, Dm",  scalarD(comparison("gt", true))),
  row("CMGE (register)",  "01 0 11110 11 1 Rm:5 00111 1 Rn:5 Rd:5", "cmge Dd, Dn, Dm",  scalarD(comparison("ge", false))),
  row("CMHS (register)",  "01 1 11110 11 1 Rm:5 00111 1 Rn:5 Rd:5", "cmhs Dd, Dn, Dm",  scalarD(comparison("ge", true))),
  row("SSHL",             "01 0 11110 11 1 Rm:5 01000 1 Rn:5 Rd:5", "sshl Dd, Dn, Dm",  shiftD({ unsigned: false })),
  row("USHL",             "01 1 11110 11 1 Rm:5 01000 1 Rn:5 Rd:5", "ushl Dd, Dn, Dm",  shiftD({ unsigned: true })),
  row("SQSHL (register)", "01 0 11110 size:2 1 Rm:5 01001 1 Rn:5 Rd:5", "sqshl <V>d, <V>n, <V>m",  shift({ unsigned: false, saturating: true })),
  row("UQSHL (register)", "01 1 11110 size:2 1 Rm:5 01001 1 Rn:5 Rd:5", "uqshl <V>d, <V>n, <V>m",  shift({ unsigned: true, saturating: true })),
  row("SRSHL",            "01 0 11110 11 1 Rm:5 01010 1 Rn:5 Rd:5", "srshl Dd, Dn, Dm", shiftD({ unsigned: false, rounding: true })),
  row("URSHL",            "01 1 11110 11 1 Rm:5 01010 1 Rn:5 Rd:5", "urshl Dd, Dn, Dm", shiftD({ unsigned: true, rounding: true })),
  row("SQRSHL",           "01 0 11110 size:2 1 Rm:5 01011 1 Rn:5 Rd:5", "sqrshl <V>d, <V>n, <V>m", shift({ unsigned: false, rounding: true, saturating: true })),
  row("UQRSHL",           "01 1 11110 size:2 1 Rm:5 01011 1 Rn:5 Rd:5", "uqrshl <V>d, <V>n, <V>m", shift({ unsigned: true, rounding: true, saturating: true })),
  row("ADD (vector)",     "01 0 11110 11 1 Rm:5 10000 1 Rn:5 Rd:5", "add Dd, Dn, Dm",   scalarD(plain("add"))),
  row("SUB (vector)",     "01 1 11110 11 1 Rm:5 10000 1 Rn:5 Rd:5", "sub Dd, Dn, Dm",   scalarD(plain("sub"))),
  row("CMTST",            "01 0 11110 11 1 Rm:5 10001 1 Rn:5 Rd:5", "cmtst Dd, Dn, Dm", scalarD(test)),
  row("CMEQ (register)",  "01 1 11110 11 1 Rm:5 10001 1 Rn:5 Rd:5", "cmeq Dd, Dn, Dm",  scalarD(plain("eq"))),
  row("SQDMULH (vector)",  "01 0 11110 size:2 1 Rm:5 10110 1 Rn:5 Rd:5", "sqdmulh <V>d, <V>n, <V>m",  scalarOf(doublingMultiplyHigh(false)), onlyHS),
  row("SQRDMULH (vector)", "01 1 11110 size:2 1 Rm:5 10110 1 Rn:5 Rd:5", "sqrdmulh <V>d, <V>n, <V>m", scalarOf(doublingMultiplyHigh(true)), onlyHS),
  row("SQRDMLAH (vector)", "01 1 11110 size:2 0 Rm:5 1 0000 1 Rn:5 Rd:5", "sqrdmlah <V>d, <V>n, <V>m", accumulating(doublingMultiplyAccumulateHigh("add")), RDM),
  row("SQRDMLSH (vector)", "01 1 11110 size:2 0 Rm:5 1 0001 1 Rn:5 Rd:5", "sqrdmlsh <V>d, <V>n, <V>m", accumulating(doublingMultiplyAccumulateHigh("sub")), RDM),

  // Scalar three different
  row("SQDMLAL (vector)", "01 0 11110 size:2 1 Rm:5 1001 00 Rn:5 Rd:5", "sqdmlal <Vw>d, <V>n, <V>m", doublingAccumulate("add"), onlyHS),
  row("SQDMLSL (vector)", "01 0 11110 size:2 1 Rm:5 1011 00 Rn:5 Rd:5", "sqdmlsl <Vw>d, <V>n, <V>m", doublingAccumulate("sub"), onlyHS),
  row("SQDMULL (vector)", "01 0 11110 size:2 1 Rm:5 1101 00 Rn:5 Rd:5", "sqdmull <Vw>d, <V>n, <V>m", sqdmull, onlyHS),

  // Scalar two-register miscellaneous
  row("SUQADD",           "01 0 11110 size:2 10000 00011 10 Rn:5 Rd:5", "suqadd <V>d, <V>n",  accumulateMixed(false)),
  row("USQADD",           "01 1 11110 size:2 10000 00011 10 Rn:5 Rd:5", "usqadd <V>d, <V>n",  accumulateMixed(true)),
  row("SQABS",            "01 0 11110 size:2 10000 00111 10 Rn:5 Rd:5", "sqabs <V>d, <V>n",   unary(saturatingUnary("abs"))),
  row("SQNEG",            "01 1 11110 size:2 10000 00111 10 Rn:5 Rd:5", "sqneg <V>d, <V>n",   unary(saturatingUnary("neg"))),
  row("CMGT (zero)",      "01 0 11110 11 10000 01000 10 Rn:5 Rd:5", "cmgt Dd, Dn, #0", unaryD(compareZero("gt"))),
  row("CMGE (zero)",      "01 1 11110 11 10000 01000 10 Rn:5 Rd:5", "cmge Dd, Dn, #0", unaryD(compareZero("ge"))),
  row("CMEQ (zero)",      "01 0 11110 11 10000 01001 10 Rn:5 Rd:5", "cmeq Dd, Dn, #0", unaryD(compareZero("eq"))),
  row("CMLE (zero)",      "01 1 11110 11 10000 01001 10 Rn:5 Rd:5", "cmle Dd, Dn, #0", unaryD(compareZero("le"))),
  row("CMLT (zero)",      "01 0 11110 11 10000 01010 10 Rn:5 Rd:5", "cmlt Dd, Dn, #0", unaryD(compareZero("lt"))),
  row("ABS",              "01 0 11110 11 10000 01011 10 Rn:5 Rd:5", "abs Dd, Dn",      unaryD((o, size, a) => lanes(o, size, "abs", a))),
  row("NEG (vector)",     "01 1 11110 11 10000 01011 10 Rn:5 Rd:5", "neg Dd, Dn",      unaryD((o, size, a) => lanes(o, size, "neg", a))),
  row("SQXTUN",           "01 1 11110 size:2 10000 10010 10 Rn:5 Rd:5", "sqxtun <V>d, <Vw>n", narrow("signed to unsigned"), noD),
  row("SQXTN",            "01 0 11110 size:2 10000 10100 10 Rn:5 Rd:5", "sqxtn <V>d, <Vw>n",  narrow("signed"), noD),
  row("UQXTN",            "01 1 11110 size:2 10000 10100 10 Rn:5 Rd:5", "uqxtn <V>d, <Vw>n",  narrow("unsigned"), noD),

  // Scalar pairwise
  row("ADDP (scalar)",    "01 0 11110 11 11000 11011 10 Rn:5 Rd:5", "addp Dd, Vn.2D", addPair),

  // Scalar shift by immediate
  ...shiftRows("SSHR",   "01 0 111110 immh:immb 00000 1 Rn:5 Rd:5", toRight("sshr"),   shiftImmediate(right(false, false)), D),
  ...shiftRows("USHR",   "01 1 111110 immh:immb 00000 1 Rn:5 Rd:5", toRight("ushr"),   shiftImmediate(right(true, false)), D),
  ...shiftRows("SSRA",   "01 0 111110 immh:immb 00010 1 Rn:5 Rd:5", toRight("ssra"),   shiftImmediate(rightAccumulate(false, false)), D),
  ...shiftRows("USRA",   "01 1 111110 immh:immb 00010 1 Rn:5 Rd:5", toRight("usra"),   shiftImmediate(rightAccumulate(true, false)), D),
  ...shiftRows("SRSHR",  "01 0 111110 immh:immb 00100 1 Rn:5 Rd:5", toRight("srshr"),  shiftImmediate(right(false, true)), D),
  ...shiftRows("URSHR",  "01 1 111110 immh:immb 00100 1 Rn:5 Rd:5", toRight("urshr"),  shiftImmediate(right(true, true)), D),
  ...shiftRows("SRSRA",  "01 0 111110 immh:immb 00110 1 Rn:5 Rd:5", toRight("srsra"),  shiftImmediate(rightAccumulate(false, true)), D),
  ...shiftRows("URSRA",  "01 1 111110 immh:immb 00110 1 Rn:5 Rd:5", toRight("ursra"),  shiftImmediate(rightAccumulate(true, true)), D),
  ...shiftRows("SRI",    "01 1 111110 immh:immb 01000 1 Rn:5 Rd:5", toRight("sri"),    shiftImmediate(rightInsert), D),
  ...shiftRows("SHL",    "01 0 111110 immh:immb 01010 1 Rn:5 Rd:5", toLeft("shl"),     shiftImmediate(left), D),
  ...shiftRows("SLI",    "01 1 111110 immh:immb 01010 1 Rn:5 Rd:5", toLeft("sli"),     shiftImmediate(leftInsert), D),
  ...shiftRows("SQSHLU", "01 1 111110 immh:immb 01100 1 Rn:5 Rd:5", toLeft("sqshlu"),  shiftImmediate(leftSaturating("signed to unsigned")), ALL),
  ...shiftRows("SQSHL (immediate)", "01 0 111110 immh:immb 01110 1 Rn:5 Rd:5", toLeft("sqshl"), shiftImmediate(leftSaturating("signed")), ALL),
  ...shiftRows("UQSHL (immediate)", "01 1 111110 immh:immb 01110 1 Rn:5 Rd:5", toLeft("uqshl"), shiftImmediate(leftSaturating("unsigned")), ALL),
  ...shiftRows("SQSHRUN",  "01 1 111110 immh:immb 10000 1 Rn:5 Rd:5", narrowing("sqshrun"),  narrowImmediate("signed to unsigned", false), NARROW),
  ...shiftRows("SQRSHRUN", "01 1 111110 immh:immb 10001 1 Rn:5 Rd:5", narrowing("sqrshrun"), narrowImmediate("signed to unsigned", true), NARROW),
  ...shiftRows("SQSHRN",   "01 0 111110 immh:immb 10010 1 Rn:5 Rd:5", narrowing("sqshrn"),   narrowImmediate("signed", false), NARROW),
  ...shiftRows("UQSHRN",   "01 1 111110 immh:immb 10010 1 Rn:5 Rd:5", narrowing("uqshrn"),   narrowImmediate("unsigned", false), NARROW),
  ...shiftRows("SQRSHRN",  "01 0 111110 immh:immb 10011 1 Rn:5 Rd:5", narrowing("sqrshrn"),  narrowImmediate("signed", true), NARROW),
  ...shiftRows("UQRSHRN",  "01 1 111110 immh:immb 10011 1 Rn:5 Rd:5", narrowing("uqrshrn"),  narrowImmediate("unsigned", true), NARROW),
]);
