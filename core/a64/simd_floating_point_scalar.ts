import type { Builder, I32, I64, Int, V128 } from "../engine/builder.ts";
import { readFp, writeFp } from "./floating_point.ts";
import * as fp from "./fp/arithmetic.ts";
import { fixedToFP, fixedToHalf, fpConvertOdd, fpToFixed, type ToFixed } from "./fp/conversion.ts";
import type { FpSize } from "./fp/format.ts";
import type { Fp } from "./fp/native.ts";
import { group, type Row, row, type RowOptions } from "./row.ts";
import { scalars, type SimdMeaning } from "./simd_floating_point_rows.ts";

type Unary = (o: Builder, size: FpSize, a: Fp) => Fp;
type Binary = (o: Builder, size: FpSize, a: Fp, b: Fp) => Fp;

const ofOne = (compute: Unary): SimdMeaning => (o, { size }, f) =>
  writeFp(o, size, f.Rd, compute(o, size, readFp(o, size, f.Rn)));
const ofTwo = (compute: Binary): SimdMeaning => (o, { size }, f) =>
  writeFp(o, size, f.Rd, compute(o, size, readFp(o, size, f.Rn), readFp(o, size, f.Rm)));

const comparison = (how: "EQ" | "GE" | "GT"): Binary => (o, size, a, b) => fp.fpCompareMask(o, size, a, b, how);
const absolute = (how: "GE" | "GT"): Binary => (o, size, a, b) =>
  fp.fpCompareMask(o, size, fp.fpAbs(o, size, a), fp.fpAbs(o, size, b), how);

const zeroOf = (o: Builder, size: FpSize): Fp => size === 64 ? o.f64(0) : size === 32 ? o.f32(0) : o.i32(0);
const withZero = (how: "EQ" | "GE" | "GT", swapped = false): SimdMeaning =>
  ofOne((o, size, a) =>
    swapped ? fp.fpCompareMask(o, size, zeroOf(o, size), a, how) : fp.fpCompareMask(o, size, a, zeroOf(o, size), how)
  );

function writeInteger(o: Builder, size: FpSize, n: number, value: Int): void {
  if (size === 64) o.setVLow64(n, value as I64);
  else if (size === 32) o.setVLow32(n, value as I32);
  else o.setVLow16(n, value as I32);
}

const toFixed = (rounding: ToFixed["rounding"], unsigned: boolean): SimdMeaning => (o, { size }, f) =>
  writeInteger(o, size, f.Rd, fpToFixed(o, size, readFp(o, size, f.Rn), { rounding, unsigned, M: size }));

/** FixedToFP() of the integer in a register of the precision's width. */
function fixedElement(o: Builder, size: FpSize, n: number, unsigned: boolean, fbits?: I32): Fp {
  if (size === 16) return fixedToHalf(o, o.vLow16(n), unsigned, fbits);
  return fixedToFP(o, size, size === 64 ? o.vLow64(n) : o.vLow32(n), unsigned, fbits);
}

const fromFixed = (unsigned: boolean): SimdMeaning => (o, { size }, f) =>
  writeFp(o, size, f.Rd, fixedElement(o, size, f.Rn, unsigned));

type Registers = { readonly Rn: number; readonly Rd: number };

/** SCVTF, UCVTF with a number of fraction bits. */
const fromFixedPoint = (size: FpSize, unsigned: boolean, imm: string) => (o: Builder, f: Registers): void => {
  const fbits = o.imm16(size - (f as unknown as Record<string, number>)[imm]);
  writeFp(o, size, f.Rd, fixedElement(o, size, f.Rn, unsigned, fbits));
};

/** FCVTZS, FCVTZU with a number of fraction bits. */
const toFixedPoint = (size: FpSize, unsigned: boolean, imm: string) => (o: Builder, f: Registers): void => {
  const fbits = o.imm16(size - (f as unknown as Record<string, number>)[imm]);
  const how: ToFixed = { rounding: "ZERO", unsigned, M: size, fbits };
  writeInteger(o, size, f.Rd, fpToFixed(o, size, readFp(o, size, f.Rn), how));
};

/** The pairwise scalar forms: compute(element 0, element 1). */
const pair =
  (compute: Binary, size: (f: { sz?: number }) => FpSize) => (o: Builder, f: Registers & { sz?: number }): void => {
    const width = size(f);
    const n: V128 = width === 64 ? o.v(f.Rn) : o.op("i64x2.splat", o.vLow64(f.Rn));
    const element = (i: number): Fp =>
      width === 64
        ? o.lane("f64x2.extract_lane", i, n)
        : width === 32
        ? o.lane("f32x4.extract_lane", i, n)
        : o.lane("i16x8.extract_lane_u", i, n);
    writeFp(o, width, f.Rd, compute(o, width, element(0), element(1)));
  };

const bySz = (f: { sz?: number }): FpSize => f.sz ? 64 : 32;
const half = (): FpSize => 16;
const HALF: RowOptions = { feature: "FEAT_FP16" };

/** Advanced SIMD scalar floating point. Arm DDI 0487, C4.1.96. */
// deno-fmt-ignore
export const SIMD_FLOATING_POINT_SCALAR: readonly Row[] = group({ trap: "fp" }, [
  // Advanced SIMD scalar three same, and (FP16)
  ...scalars("FMULX",            "01 0 11110 0 sz 1 Rm:5 11011 1 Rn:5 Rd:5", "fmulx Fd:sz, Fn:sz, Fm:sz",   ofTwo(fp.fpMulX)),
  ...scalars("FCMEQ (register)", "01 0 11110 0 sz 1 Rm:5 11100 1 Rn:5 Rd:5", "fcmeq Fd:sz, Fn:sz, Fm:sz",   ofTwo(comparison("EQ"))),
  ...scalars("FRECPS",           "01 0 11110 0 sz 1 Rm:5 11111 1 Rn:5 Rd:5", "frecps Fd:sz, Fn:sz, Fm:sz",  ofTwo(fp.fpRecipStepFused)),
  ...scalars("FRSQRTS",          "01 0 11110 1 sz 1 Rm:5 11111 1 Rn:5 Rd:5", "frsqrts Fd:sz, Fn:sz, Fm:sz", ofTwo(fp.fpRSqrtStepFused)),
  ...scalars("FCMGE (register)", "01 1 11110 0 sz 1 Rm:5 11100 1 Rn:5 Rd:5", "fcmge Fd:sz, Fn:sz, Fm:sz",   ofTwo(comparison("GE"))),
  ...scalars("FACGE",            "01 1 11110 0 sz 1 Rm:5 11101 1 Rn:5 Rd:5", "facge Fd:sz, Fn:sz, Fm:sz",   ofTwo(absolute("GE"))),
  ...scalars("FABD",             "01 1 11110 1 sz 1 Rm:5 11010 1 Rn:5 Rd:5", "fabd Fd:sz, Fn:sz, Fm:sz",    ofTwo(fp.fpAbd)),
  ...scalars("FCMGT (register)", "01 1 11110 1 sz 1 Rm:5 11100 1 Rn:5 Rd:5", "fcmgt Fd:sz, Fn:sz, Fm:sz",   ofTwo(comparison("GT"))),
  ...scalars("FACGT",            "01 1 11110 1 sz 1 Rm:5 11101 1 Rn:5 Rd:5", "facgt Fd:sz, Fn:sz, Fm:sz",   ofTwo(absolute("GT"))),

  // Advanced SIMD scalar two-register miscellaneous, and (FP16)
  ...scalars("FCVTNS (vector)",          "01 0 11110 0 sz 10000 11010 10 Rn:5 Rd:5", "fcvtns Fd:sz, Fn:sz",      toFixed("TIEEVEN", false)),
  ...scalars("FCVTMS (vector)",          "01 0 11110 0 sz 10000 11011 10 Rn:5 Rd:5", "fcvtms Fd:sz, Fn:sz",      toFixed("NEGINF", false)),
  ...scalars("FCVTAS (vector)",          "01 0 11110 0 sz 10000 11100 10 Rn:5 Rd:5", "fcvtas Fd:sz, Fn:sz",      toFixed("TIEAWAY", false)),
  ...scalars("SCVTF (vector, integer)",  "01 0 11110 0 sz 10000 11101 10 Rn:5 Rd:5", "scvtf Fd:sz, Fn:sz",       fromFixed(false)),
  ...scalars("FCMGT (zero)",             "01 0 11110 1 sz 10000 01100 10 Rn:5 Rd:5", "fcmgt Fd:sz, Fn:sz, #0.0", withZero("GT")),
  ...scalars("FCMEQ (zero)",             "01 0 11110 1 sz 10000 01101 10 Rn:5 Rd:5", "fcmeq Fd:sz, Fn:sz, #0.0", withZero("EQ")),
  ...scalars("FCMLT (zero)",             "01 0 11110 1 sz 10000 01110 10 Rn:5 Rd:5", "fcmlt Fd:sz, Fn:sz, #0.0", withZero("GT", true)),
  ...scalars("FCVTPS (vector)",          "01 0 11110 1 sz 10000 11010 10 Rn:5 Rd:5", "fcvtps Fd:sz, Fn:sz",      toFixed("POSINF", false)),
  ...scalars("FCVTZS (vector, integer)", "01 0 11110 1 sz 10000 11011 10 Rn:5 Rd:5", "fcvtzs Fd:sz, Fn:sz",      toFixed("ZERO", false)),
  ...scalars("FRECPE",                   "01 0 11110 1 sz 10000 11101 10 Rn:5 Rd:5", "frecpe Fd:sz, Fn:sz",      ofOne(fp.fpRecipEstimate)),
  ...scalars("FRECPX",                   "01 0 11110 1 sz 10000 11111 10 Rn:5 Rd:5", "frecpx Fd:sz, Fn:sz",      ofOne(fp.fpRecpX)),
  row("FCVTXN, FCVTXN2",                 "01 1 11110 0 1 10000 10110 10 Rn:5 Rd:5",  "fcvtxn Sd, Dn", (o, f) => writeFp(o, 32, f.Rd, fpConvertOdd(o, o.d(f.Rn)))),
  ...scalars("FCVTNU (vector)",          "01 1 11110 0 sz 10000 11010 10 Rn:5 Rd:5", "fcvtnu Fd:sz, Fn:sz",      toFixed("TIEEVEN", true)),
  ...scalars("FCVTMU (vector)",          "01 1 11110 0 sz 10000 11011 10 Rn:5 Rd:5", "fcvtmu Fd:sz, Fn:sz",      toFixed("NEGINF", true)),
  ...scalars("FCVTAU (vector)",          "01 1 11110 0 sz 10000 11100 10 Rn:5 Rd:5", "fcvtau Fd:sz, Fn:sz",      toFixed("TIEAWAY", true)),
  ...scalars("UCVTF (vector, integer)",  "01 1 11110 0 sz 10000 11101 10 Rn:5 Rd:5", "ucvtf Fd:sz, Fn:sz",       fromFixed(true)),
  ...scalars("FCMGE (zero)",             "01 1 11110 1 sz 10000 01100 10 Rn:5 Rd:5", "fcmge Fd:sz, Fn:sz, #0.0", withZero("GE")),
  ...scalars("FCMLE (zero)",             "01 1 11110 1 sz 10000 01101 10 Rn:5 Rd:5", "fcmle Fd:sz, Fn:sz, #0.0", withZero("GE", true)),
  ...scalars("FCVTPU (vector)",          "01 1 11110 1 sz 10000 11010 10 Rn:5 Rd:5", "fcvtpu Fd:sz, Fn:sz",      toFixed("POSINF", true)),
  ...scalars("FCVTZU (vector, integer)", "01 1 11110 1 sz 10000 11011 10 Rn:5 Rd:5", "fcvtzu Fd:sz, Fn:sz",      toFixed("ZERO", true)),
  ...scalars("FRSQRTE",                  "01 1 11110 1 sz 10000 11101 10 Rn:5 Rd:5", "frsqrte Fd:sz, Fn:sz",     ofOne(fp.fpRSqrtEstimate)),

  // Advanced SIMD scalar pairwise
  row("FMAXNMP (scalar)", "01 0 11110 00 11000 01100 10 Rn:5 Rd:5",     "fmaxnmp Hd, Vn.2H",       pair(fp.fpMaxNum, half), HALF),
  row("FMAXNMP (scalar)", "01 1 11110 0 sz:1 11000 01100 10 Rn:5 Rd:5", "fmaxnmp Fd:sz, Vn.sz2",   pair(fp.fpMaxNum, bySz)),
  row("FADDP (scalar)",   "01 0 11110 00 11000 01101 10 Rn:5 Rd:5",     "faddp Hd, Vn.2H",         pair(fp.fpAdd, half), HALF),
  row("FADDP (scalar)",   "01 1 11110 0 sz:1 11000 01101 10 Rn:5 Rd:5", "faddp Fd:sz, Vn.sz2",     pair(fp.fpAdd, bySz)),
  row("FMAXP (scalar)",   "01 0 11110 00 11000 01111 10 Rn:5 Rd:5",     "fmaxp Hd, Vn.2H",         pair(fp.fpMax, half), HALF),
  row("FMAXP (scalar)",   "01 1 11110 0 sz:1 11000 01111 10 Rn:5 Rd:5", "fmaxp Fd:sz, Vn.sz2",     pair(fp.fpMax, bySz)),
  row("FMINNMP (scalar)", "01 0 11110 10 11000 01100 10 Rn:5 Rd:5",     "fminnmp Hd, Vn.2H",       pair(fp.fpMinNum, half), HALF),
  row("FMINNMP (scalar)", "01 1 11110 1 sz:1 11000 01100 10 Rn:5 Rd:5", "fminnmp Fd:sz, Vn.sz2",   pair(fp.fpMinNum, bySz)),
  row("FMINP (scalar)",   "01 0 11110 10 11000 01111 10 Rn:5 Rd:5",     "fminp Hd, Vn.2H",         pair(fp.fpMin, half), HALF),
  row("FMINP (scalar)",   "01 1 11110 1 sz:1 11000 01111 10 Rn:5 Rd:5", "fminp Fd:sz, Vn.sz2",     pair(fp.fpMin, bySz)),

  // Advanced SIMD scalar shift by immediate
  row("SCVTF (vector, fixed-point)",  "01 0 111110 001 imm4:4 11100 1 Rn:5 Rd:5", "scvtf Hd, Hn, right4",  fromFixedPoint(16, false, "imm4"), HALF),
  row("SCVTF (vector, fixed-point)",  "01 0 111110 01 imm5:5 11100 1 Rn:5 Rd:5",  "scvtf Sd, Sn, right5",  fromFixedPoint(32, false, "imm5")),
  row("SCVTF (vector, fixed-point)",  "01 0 111110 1 imm6:6 11100 1 Rn:5 Rd:5",   "scvtf Dd, Dn, right6",  fromFixedPoint(64, false, "imm6")),
  row("UCVTF (vector, fixed-point)",  "01 1 111110 001 imm4:4 11100 1 Rn:5 Rd:5", "ucvtf Hd, Hn, right4",  fromFixedPoint(16, true, "imm4"), HALF),
  row("UCVTF (vector, fixed-point)",  "01 1 111110 01 imm5:5 11100 1 Rn:5 Rd:5",  "ucvtf Sd, Sn, right5",  fromFixedPoint(32, true, "imm5")),
  row("UCVTF (vector, fixed-point)",  "01 1 111110 1 imm6:6 11100 1 Rn:5 Rd:5",   "ucvtf Dd, Dn, right6",  fromFixedPoint(64, true, "imm6")),
  row("FCVTZS (vector, fixed-point)", "01 0 111110 001 imm4:4 11111 1 Rn:5 Rd:5", "fcvtzs Hd, Hn, right4", toFixedPoint(16, false, "imm4"), HALF),
  row("FCVTZS (vector, fixed-point)", "01 0 111110 01 imm5:5 11111 1 Rn:5 Rd:5",  "fcvtzs Sd, Sn, right5", toFixedPoint(32, false, "imm5")),
  row("FCVTZS (vector, fixed-point)", "01 0 111110 1 imm6:6 11111 1 Rn:5 Rd:5",   "fcvtzs Dd, Dn, right6", toFixedPoint(64, false, "imm6")),
  row("FCVTZU (vector, fixed-point)", "01 1 111110 001 imm4:4 11111 1 Rn:5 Rd:5", "fcvtzu Hd, Hn, right4", toFixedPoint(16, true, "imm4"), HALF),
  row("FCVTZU (vector, fixed-point)", "01 1 111110 01 imm5:5 11111 1 Rn:5 Rd:5",  "fcvtzu Sd, Sn, right5", toFixedPoint(32, true, "imm5")),
  row("FCVTZU (vector, fixed-point)", "01 1 111110 1 imm6:6 11111 1 Rn:5 Rd:5",   "fcvtzu Dd, Dn, right6", toFixedPoint(64, true, "imm6")),
]);
