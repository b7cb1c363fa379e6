import type { Builder, F32, F64, I32 } from "../engine/builder.ts";
import { group, row, type RowOptions, type Semantics } from "./row.ts";
import type { Row } from "./row.ts";
import * as fp from "./fp/arithmetic.ts";
import { fpConvert, fpRoundInt, fpRoundIntN } from "./fp/conversion.ts";
import type { FpSize } from "./fp/format.ts";
import type { Fp } from "./fp/native.ts";

/** Fields of the rows of this class; a row that has no such field does not look at it. */
export interface ScalarFields {
  readonly sf: number;
  readonly Rd: number;
  readonly Rn: number;
  readonly Rm: number;
  readonly Ra: number;
  readonly cond: number;
  readonly imm8: number;
  readonly immnzcv: number;
  readonly immscale: number;
}

/** A meaning for every precision. */
export type ScalarMeaning = (o: Builder, size: FpSize, f: ScalarFields) => void;

/** V[n] of a precision's width. */
export function readFp(o: Builder, size: FpSize, n: number): Fp {
  return size === 64 ? o.d(n) : size === 32 ? o.s(n) : o.vLow16(n);
}

/** V[n] = value, with zeros above. */
export function writeFp(o: Builder, size: FpSize, n: number, value: Fp): void {
  if (size === 64) o.setD(n, value as F64);
  else if (size === 32) o.setS(n, value as F32);
  else o.setVLow16(n, value as I32);
}

/** A row for single and double precision: "ftype" in the diagram stands for the two bits that choose. */
export function singleDouble(
  name: string,
  diagram: string,
  asm: string,
  meaning: ScalarMeaning,
  options: RowOptions = {},
): Row {
  const semantics: Semantics = (o, f) => meaning(o, f.ftype ? 64 : 32, f);
  return row(name, diagram.replace("ftype", "0 ftype:1"), asm, semantics, options);
}

/** The same and a row for half precision, where the operands Fd, Fn, ... are Hd, Hn, ... */
export function allPrecisions(
  name: string,
  diagram: string,
  asm: string,
  meaning: ScalarMeaning,
  options: RowOptions = {},
): Row[] {
  const half: Semantics = (o, f) => meaning(o, 16, f);
  const halfAsm = asm.replace(/\bF([dnma])\b/g, "H$1");
  return [
    singleDouble(name, diagram, asm, meaning, options),
    row(name, diagram.replace("ftype", "11"), halfAsm, half, { ...options, feature: "FEAT_FP16" }),
  ];
}

type Unary = (o: Builder, size: FpSize, a: Fp) => Fp;
type Binary = (o: Builder, size: FpSize, a: Fp, b: Fp) => Fp;

const unary = (compute: Unary): ScalarMeaning => (o, size, f) =>
  writeFp(o, size, f.Rd, compute(o, size, readFp(o, size, f.Rn)));

const binary = (compute: Binary): ScalarMeaning => (o, size, f) =>
  writeFp(o, size, f.Rd, compute(o, size, readFp(o, size, f.Rn), readFp(o, size, f.Rm)));

/** FMADD and its like: which of the addend and the first factor is negated. */
const mulAdd = (negateAddend: boolean, negateProduct: boolean): ScalarMeaning => (o, size, f) => {
  const a = readFp(o, size, f.Ra), n = readFp(o, size, f.Rn), m = readFp(o, size, f.Rm);
  const addend = negateAddend ? fp.fpNeg(o, size, a) : a;
  const factor = negateProduct ? fp.fpNeg(o, size, n) : n;
  writeFp(o, size, f.Rd, fp.fpMulAdd(o, size, addend, factor, m));
};

const rounding = (mode: Parameters<typeof fpRoundInt>[3], exact = false): ScalarMeaning =>
  unary((o, size, a) => fpRoundInt(o, size, a, mode, exact));

const roundingN = (mode: "ZERO" | "FPCR", intsize: 32 | 64): ScalarMeaning =>
  unary((o, size, a) => fpRoundIntN(o, size as 32 | 64, a, mode, intsize));

const conversion = (from: FpSize, to: FpSize) => (o: Builder, f: { Rn: number; Rd: number }): void =>
  writeFp(o, to, f.Rd, fpConvert(o, from, to, readFp(o, from, f.Rn)));

const comparison = (signalNaNs: boolean): ScalarMeaning => (o, size, f) =>
  o.setNzcv(fp.fpCompare(o, size, readFp(o, size, f.Rn), readFp(o, size, f.Rm), signalNaNs));

const zeroOf = (o: Builder, size: FpSize): Fp => size === 64 ? o.f64(0) : size === 32 ? o.f32(0) : o.i32(0);

const comparisonWithZero = (signalNaNs: boolean): ScalarMeaning => (o, size, f) =>
  o.setNzcv(fp.fpCompare(o, size, readFp(o, size, f.Rn), zeroOf(o, size), signalNaNs));

const conditionalComparison = (signalNaNs: boolean): ScalarMeaning => (o, size, f) => {
  const a = readFp(o, size, f.Rn), b = readFp(o, size, f.Rm);
  const nzcv = o.variable(o.imm16(f.immnzcv));
  o.if(o.condition(f.cond), () => o.assign(nzcv, fp.fpCompare(o, size, a, b, signalNaNs)));
  o.setNzcv(nzcv);
};

const conditionalSelect: ScalarMeaning = (o, size, f) => {
  const a = readFp(o, size, f.Rn), b = readFp(o, size, f.Rm);
  writeFp(o, size, f.Rd, o.select<"f32" | "f64" | "i32">(o.condition(f.cond), a, b));
};

/** VFPExpandImm(). */
const immediate: ScalarMeaning = (o, size, f) => {
  const sign = f.imm8 >> 7, b = (f.imm8 >> 6) & 1, low = f.imm8 & 0x3f;
  if (size === 16) return o.setVLow16(f.Rd, o.imm16(sign << 15 | (b ? 0x3000 : 0x4000) | low << 6));
  const high = size === 32
    ? sign << 31 | (b ? 0x3e000000 : 0x40000000) | low << 19
    : sign << 31 | (b ? 0x3fc00000 : 0x40000000) | low << 16;
  if (size === 32) o.setVLow32(f.Rd, o.wrap(o.imm(high)));
  else o.setVLow64(f.Rd, o.imm64(0, high));
};

const FRINTTS: RowOptions = { feature: "FEAT_FRINTTS" };

/** Scalar floating-point data processing, comparison, selection and immediates. Arm DDI 0487, C4.1.96. */
// deno-fmt-ignore
export const FLOATING_POINT: readonly Row[] = group({ trap: "fp" }, [
  // Floating-point data-processing (1 source)
  ...allPrecisions("FMOV (register)",   "000 11110 ftype 1 000000 10000 Rn:5 Rd:5", "fmov Fd, Fn",   unary((_o, _size, a) => a)),
  ...allPrecisions("FABS (scalar)",     "000 11110 ftype 1 000001 10000 Rn:5 Rd:5", "fabs Fd, Fn",   unary(fp.fpAbs)),
  ...allPrecisions("FNEG (scalar)",     "000 11110 ftype 1 000010 10000 Rn:5 Rd:5", "fneg Fd, Fn",   unary(fp.fpNeg)),
  ...allPrecisions("FSQRT (scalar)",    "000 11110 ftype 1 000011 10000 Rn:5 Rd:5", "fsqrt Fd, Fn",  unary(fp.fpSqrt)),
  row("FCVT",                           "000 11110 00 1 000101 10000 Rn:5 Rd:5",    "fcvt Dd, Sn",   conversion(32, 64)),
  row("FCVT",                           "000 11110 00 1 000111 10000 Rn:5 Rd:5",    "fcvt Hd, Sn",   conversion(32, 16)),
  row("FCVT",                           "000 11110 01 1 000100 10000 Rn:5 Rd:5",    "fcvt Sd, Dn",   conversion(64, 32)),
  row("FCVT",                           "000 11110 01 1 000111 10000 Rn:5 Rd:5",    "fcvt Hd, Dn",   conversion(64, 16)),
  row("FCVT",                           "000 11110 11 1 000100 10000 Rn:5 Rd:5",    "fcvt Sd, Hn",   conversion(16, 32)),
  row("FCVT",                           "000 11110 11 1 000101 10000 Rn:5 Rd:5",    "fcvt Dd, Hn",   conversion(16, 64)),
  ...allPrecisions("FRINTN (scalar)",   "000 11110 ftype 1 001000 10000 Rn:5 Rd:5", "frintn Fd, Fn", rounding("TIEEVEN")),
  ...allPrecisions("FRINTP (scalar)",   "000 11110 ftype 1 001001 10000 Rn:5 Rd:5", "frintp Fd, Fn", rounding("POSINF")),
  ...allPrecisions("FRINTM (scalar)",   "000 11110 ftype 1 001010 10000 Rn:5 Rd:5", "frintm Fd, Fn", rounding("NEGINF")),
  ...allPrecisions("FRINTZ (scalar)",   "000 11110 ftype 1 001011 10000 Rn:5 Rd:5", "frintz Fd, Fn", rounding("ZERO")),
  ...allPrecisions("FRINTA (scalar)",   "000 11110 ftype 1 001100 10000 Rn:5 Rd:5", "frinta Fd, Fn", rounding("TIEAWAY")),
  ...allPrecisions("FRINTX (scalar)",   "000 11110 ftype 1 001110 10000 Rn:5 Rd:5", "frintx Fd, Fn", rounding("FPCR", true)),
  ...allPrecisions("FRINTI (scalar)",   "000 11110 ftype 1 001111 10000 Rn:5 Rd:5", "frinti Fd, Fn", rounding("FPCR")),
  singleDouble("FRINT32Z (scalar)",     "000 11110 ftype 1 010000 10000 Rn:5 Rd:5", "frint32z Fd, Fn", roundingN("ZERO", 32), FRINTTS),
  singleDouble("FRINT32X (scalar)",     "000 11110 ftype 1 010001 10000 Rn:5 Rd:5", "frint32x Fd, Fn", roundingN("FPCR", 32), FRINTTS),
  singleDouble("FRINT64Z (scalar)",     "000 11110 ftype 1 010010 10000 Rn:5 Rd:5", "frint64z Fd, Fn", roundingN("ZERO", 64), FRINTTS),
  singleDouble("FRINT64X (scalar)",     "000 11110 ftype 1 010011 10000 Rn:5 Rd:5", "frint64x Fd, Fn", roundingN("FPCR", 64), FRINTTS),

  // Floating-point data-processing (2 source)
  ...allPrecisions("FMUL (scalar)",     "000 11110 ftype 1 Rm:5 0000 10 Rn:5 Rd:5", "fmul Fd, Fn, Fm",   binary(fp.fpMul)),
  ...allPrecisions("FDIV (scalar)",     "000 11110 ftype 1 Rm:5 0001 10 Rn:5 Rd:5", "fdiv Fd, Fn, Fm",   binary(fp.fpDiv)),
  ...allPrecisions("FADD (scalar)",     "000 11110 ftype 1 Rm:5 0010 10 Rn:5 Rd:5", "fadd Fd, Fn, Fm",   binary(fp.fpAdd)),
  ...allPrecisions("FSUB (scalar)",     "000 11110 ftype 1 Rm:5 0011 10 Rn:5 Rd:5", "fsub Fd, Fn, Fm",   binary(fp.fpSub)),
  ...allPrecisions("FMAX (scalar)",     "000 11110 ftype 1 Rm:5 0100 10 Rn:5 Rd:5", "fmax Fd, Fn, Fm",   binary(fp.fpMax)),
  ...allPrecisions("FMIN (scalar)",     "000 11110 ftype 1 Rm:5 0101 10 Rn:5 Rd:5", "fmin Fd, Fn, Fm",   binary(fp.fpMin)),
  ...allPrecisions("FMAXNM (scalar)",   "000 11110 ftype 1 Rm:5 0110 10 Rn:5 Rd:5", "fmaxnm Fd, Fn, Fm", binary(fp.fpMaxNum)),
  ...allPrecisions("FMINNM (scalar)",   "000 11110 ftype 1 Rm:5 0111 10 Rn:5 Rd:5", "fminnm Fd, Fn, Fm", binary(fp.fpMinNum)),
  ...allPrecisions("FNMUL (scalar)",    "000 11110 ftype 1 Rm:5 1000 10 Rn:5 Rd:5", "fnmul Fd, Fn, Fm",  binary(fp.fpNMul)),

  // Floating-point data-processing (3 source)
  ...allPrecisions("FMADD",  "000 11111 ftype 0 Rm:5 0 Ra:5 Rn:5 Rd:5", "fmadd Fd, Fn, Fm, Fa",  mulAdd(false, false)),
  ...allPrecisions("FMSUB",  "000 11111 ftype 0 Rm:5 1 Ra:5 Rn:5 Rd:5", "fmsub Fd, Fn, Fm, Fa",  mulAdd(false, true)),
  ...allPrecisions("FNMADD", "000 11111 ftype 1 Rm:5 0 Ra:5 Rn:5 Rd:5", "fnmadd Fd, Fn, Fm, Fa", mulAdd(true, true)),
  ...allPrecisions("FNMSUB", "000 11111 ftype 1 Rm:5 1 Ra:5 Rn:5 Rd:5", "fnmsub Fd, Fn, Fm, Fa", mulAdd(true, false)),

  // Floating-point compare
  ...allPrecisions("FCMP",  "000 11110 ftype 1 Rm:5 00 1000 Rn:5 00 000",  "fcmp Fn, Fm",    comparison(false)),
  ...allPrecisions("FCMP",  "000 11110 ftype 1 xxxxx 00 1000 Rn:5 01 000", "fcmp Fn, #0.0",  comparisonWithZero(false)),
  ...allPrecisions("FCMPE", "000 11110 ftype 1 Rm:5 00 1000 Rn:5 10 000",  "fcmpe Fn, Fm",   comparison(true)),
  ...allPrecisions("FCMPE", "000 11110 ftype 1 xxxxx 00 1000 Rn:5 11 000", "fcmpe Fn, #0.0", comparisonWithZero(true)),

  // Floating-point conditional compare
  ...allPrecisions("FCCMP",  "000 11110 ftype 1 Rm:5 cond:4 01 Rn:5 0 immnzcv:4", "fccmp Fn, Fm, immnzcv, cond",  conditionalComparison(false)),
  ...allPrecisions("FCCMPE", "000 11110 ftype 1 Rm:5 cond:4 01 Rn:5 1 immnzcv:4", "fccmpe Fn, Fm, immnzcv, cond", conditionalComparison(true)),

  // Floating-point conditional select
  ...allPrecisions("FCSEL", "000 11110 ftype 1 Rm:5 cond:4 11 Rn:5 Rd:5", "fcsel Fd, Fn, Fm, cond", conditionalSelect),

  // Floating-point immediate
  ...allPrecisions("FMOV (scalar, immediate)", "000 11110 ftype 1 imm8:8 100 00000 Rd:5", "fmov Fd, float", immediate),
]);
