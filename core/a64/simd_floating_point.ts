import type { Builder, V128 } from "../engine/builder.ts";
import * as fp from "./fp/arithmetic.ts";
import * as v from "./fp/vector.ts";
import {
  vectorConvertLong,
  vectorConvertNarrow,
  vectorFixedToFP,
  vectorRoundInt,
  vectorRoundIntN,
  vectorToFixed,
} from "./fp/vector_conversion.ts";
import type { Fp } from "./fp/native.ts";
import { type Elements, readElements } from "./fp/vector_native.ts";
import { writeFp } from "./floating_point.ts";
import { group, type Row, row, type RowOptions } from "./row.ts";
import {
  ofOne,
  ofTwo,
  type SimdMeaning,
  singleDoubleVector,
  type VectorBinary,
  vectors,
  type VectorUnary,
} from "./simd_floating_point_rows.ts";
import { datasize, evens, odds, shuffleOf, writePart, writeV } from "./simd_lanes.ts";

/** FMLA, FMLS. */
const accumulate = (negate: boolean): SimdMeaning => (o, e, f) => {
  const d = readElements(o, e.Q, f.Rd), n = readElements(o, e.Q, f.Rn), m = readElements(o, e.Q, f.Rm);
  writeV(o, f.Rd, datasize(e.Q), v.vectorMulAdd(o, e, d, negate ? v.vectorNeg(o, e, n) : n, m));
};

const absolute = (compute: VectorBinary): VectorBinary => (o, e, a, b) =>
  compute(o, e, v.vectorAbs(o, e, a), v.vectorAbs(o, e, b));

const LOW_HALVES = shuffleOf(3, (i) => 2 * i);

/** The elements of Vn and then Vm in pairs: compute(even, odd). */
const pairwise = (compute: VectorBinary): VectorBinary => (o, e, a, b) => {
  const log2 = Math.log2(e.size / 8);
  const first = e.Q ? a : o.shuffle(a, b, LOW_HALVES), second = e.Q ? b : first;
  return compute(o, e, evens(o, log2, first, second), odds(o, log2, first, second));
};

const zero = (o: Builder): V128 => o.v128(0n, 0n);

/** FCMxx (zero); `swapped` compares zero with the element. */
const withZero = (how: "EQ" | "GE" | "GT", swapped = false): SimdMeaning =>
  ofOne((o, e, a) => swapped ? v.vectorCompare(how)(o, e, zero(o), a) : v.vectorCompare(how)(o, e, a, zero(o)));

const rounding = (mode: Parameters<typeof vectorRoundInt>[3], exact = false): SimdMeaning =>
  ofOne((o, e, a) => vectorRoundInt(o, e, a, mode, exact));
const roundingN = (mode: "ZERO" | "FPCR", intsize: 32 | 64): SimdMeaning =>
  ofOne((o, e, a) => vectorRoundIntN(o, e, a, mode, intsize));
const toFixed = (mode: Parameters<typeof vectorToFixed>[3], unsigned: boolean): SimdMeaning =>
  ofOne((o, e, a) => vectorToFixed(o, e, a, mode, unsigned));
const fromFixed = (unsigned: boolean): SimdMeaning => ofOne((o, e, a) => vectorFixedToFP(o, e, a, unsigned));

interface Narrow {
  readonly Q: number;
  readonly sz: number;
  readonly Rd: number;
  readonly Rn: number;
}

const narrow = (o: Builder, f: Narrow): void =>
  writePart(o, f.Rd, f.Q, vectorConvertNarrow(o, f.sz ? 64 : 32, o.v(f.Rn)));
const narrowOdd = (o: Builder, f: Omit<Narrow, "sz">): void =>
  writePart(o, f.Rd, f.Q, o.helper("fpConvertOdd64x2", "v128", o.v(f.Rn)));
const lengthen = (o: Builder, f: Narrow): void => {
  const half = f.Q ? o.vHigh64(f.Rn) : o.vLow64(f.Rn);
  o.setV(f.Rd, vectorConvertLong(o, f.sz ? 32 : 16, o.op("i64x2.splat", half)));
};

/** Reduce(): halves are reduced first, so that the choice among NaNs is the pseudocode's. */
const reduce =
  (compute: (o: Builder, size: 16 | 32, a: Fp, b: Fp) => Fp, size: 16 | 32) =>
  (o: Builder, { Q, Rn, Rd }: { Q: number; Rn: number; Rd: number }): void => {
    const a = readElements(o, Q, Rn);
    const element = (i: number): Fp =>
      size === 32 ? o.lane("f32x4.extract_lane", i, a) : o.lane("i16x8.extract_lane_u", i, a);
    const range = (from: number, count: number): Fp => {
      if (count === 1) return element(from);
      const half = count / 2;
      return compute(o, size, range(from, half), range(from + half, half));
    };
    writeFp(o, size, Rd, range(0, (Q ? 128 : 64) / size));
  };

const estimate = (name: string): VectorUnary => v.vectorExactly(name);
const FRINTTS: RowOptions = { feature: "FEAT_FRINTTS", reserved: (f) => f.sz === 1 && f.Q === 0 };
const HALF: RowOptions = { feature: "FEAT_FP16" };
const ESTIMATE = (name: string) => (o: Builder, f: { Q: number; Rd: number; Rn: number }): void => {
  const e: Elements = { size: 32, Q: f.Q };
  writeV(o, f.Rd, datasize(f.Q), v.vectorExactly(name)(o, e, readElements(o, f.Q, f.Rn)));
};

/** Advanced SIMD three same, two-register miscellaneous and across lanes on floating point. Arm DDI 0487, C4.1.96. */
// deno-fmt-ignore
export const SIMD_FLOATING_POINT: readonly Row[] = group({ trap: "fp" }, [
  // Advanced SIMD three same, and three same (FP16)
  ...vectors("FMAXNM (vector)",         "0 Q:1 0 01110 0 sz 1 Rm:5 11000 1 Rn:5 Rd:5", "fmaxnm Vd.sz, Vn.sz, Vm.sz",  ofTwo(v.vectorMaxNum)),
  ...vectors("FMLA (vector)",           "0 Q:1 0 01110 0 sz 1 Rm:5 11001 1 Rn:5 Rd:5", "fmla Vd.sz, Vn.sz, Vm.sz",    accumulate(false)),
  ...vectors("FADD (vector)",           "0 Q:1 0 01110 0 sz 1 Rm:5 11010 1 Rn:5 Rd:5", "fadd Vd.sz, Vn.sz, Vm.sz",    ofTwo(v.vectorAdd)),
  ...vectors("FMULX",                   "0 Q:1 0 01110 0 sz 1 Rm:5 11011 1 Rn:5 Rd:5", "fmulx Vd.sz, Vn.sz, Vm.sz",   ofTwo(v.vectorMulX)),
  ...vectors("FCMEQ (register)",        "0 Q:1 0 01110 0 sz 1 Rm:5 11100 1 Rn:5 Rd:5", "fcmeq Vd.sz, Vn.sz, Vm.sz",   ofTwo(v.vectorCompare("EQ"))),
  ...vectors("FMAX (vector)",           "0 Q:1 0 01110 0 sz 1 Rm:5 11110 1 Rn:5 Rd:5", "fmax Vd.sz, Vn.sz, Vm.sz",    ofTwo(v.vectorMax)),
  ...vectors("FRECPS",                  "0 Q:1 0 01110 0 sz 1 Rm:5 11111 1 Rn:5 Rd:5", "frecps Vd.sz, Vn.sz, Vm.sz",  ofTwo(v.vectorRecipStep)),
  ...vectors("FMINNM (vector)",         "0 Q:1 0 01110 1 sz 1 Rm:5 11000 1 Rn:5 Rd:5", "fminnm Vd.sz, Vn.sz, Vm.sz",  ofTwo(v.vectorMinNum)),
  ...vectors("FMLS (vector)",           "0 Q:1 0 01110 1 sz 1 Rm:5 11001 1 Rn:5 Rd:5", "fmls Vd.sz, Vn.sz, Vm.sz",    accumulate(true)),
  ...vectors("FSUB (vector)",           "0 Q:1 0 01110 1 sz 1 Rm:5 11010 1 Rn:5 Rd:5", "fsub Vd.sz, Vn.sz, Vm.sz",    ofTwo(v.vectorSub)),
  ...vectors("FMIN (vector)",           "0 Q:1 0 01110 1 sz 1 Rm:5 11110 1 Rn:5 Rd:5", "fmin Vd.sz, Vn.sz, Vm.sz",    ofTwo(v.vectorMin)),
  ...vectors("FRSQRTS",                 "0 Q:1 0 01110 1 sz 1 Rm:5 11111 1 Rn:5 Rd:5", "frsqrts Vd.sz, Vn.sz, Vm.sz", ofTwo(v.vectorRSqrtStep)),
  ...vectors("FMAXNMP (vector)",        "0 Q:1 1 01110 0 sz 1 Rm:5 11000 1 Rn:5 Rd:5", "fmaxnmp Vd.sz, Vn.sz, Vm.sz", ofTwo(pairwise(v.vectorMaxNum))),
  ...vectors("FADDP (vector)",          "0 Q:1 1 01110 0 sz 1 Rm:5 11010 1 Rn:5 Rd:5", "faddp Vd.sz, Vn.sz, Vm.sz",   ofTwo(pairwise(v.vectorAdd))),
  ...vectors("FMUL (vector)",           "0 Q:1 1 01110 0 sz 1 Rm:5 11011 1 Rn:5 Rd:5", "fmul Vd.sz, Vn.sz, Vm.sz",    ofTwo(v.vectorMul)),
  ...vectors("FCMGE (register)",        "0 Q:1 1 01110 0 sz 1 Rm:5 11100 1 Rn:5 Rd:5", "fcmge Vd.sz, Vn.sz, Vm.sz",   ofTwo(v.vectorCompare("GE"))),
  ...vectors("FACGE",                   "0 Q:1 1 01110 0 sz 1 Rm:5 11101 1 Rn:5 Rd:5", "facge Vd.sz, Vn.sz, Vm.sz",   ofTwo(absolute(v.vectorCompare("GE")))),
  ...vectors("FMAXP (vector)",          "0 Q:1 1 01110 0 sz 1 Rm:5 11110 1 Rn:5 Rd:5", "fmaxp Vd.sz, Vn.sz, Vm.sz",   ofTwo(pairwise(v.vectorMax))),
  ...vectors("FDIV (vector)",           "0 Q:1 1 01110 0 sz 1 Rm:5 11111 1 Rn:5 Rd:5", "fdiv Vd.sz, Vn.sz, Vm.sz",    ofTwo(v.vectorDiv)),
  ...vectors("FMINNMP (vector)",        "0 Q:1 1 01110 1 sz 1 Rm:5 11000 1 Rn:5 Rd:5", "fminnmp Vd.sz, Vn.sz, Vm.sz", ofTwo(pairwise(v.vectorMinNum))),
  ...vectors("FABD",                    "0 Q:1 1 01110 1 sz 1 Rm:5 11010 1 Rn:5 Rd:5", "fabd Vd.sz, Vn.sz, Vm.sz",    ofTwo(v.vectorAbd)),
  ...vectors("FCMGT (register)",        "0 Q:1 1 01110 1 sz 1 Rm:5 11100 1 Rn:5 Rd:5", "fcmgt Vd.sz, Vn.sz, Vm.sz",   ofTwo(v.vectorCompare("GT"))),
  ...vectors("FACGT",                   "0 Q:1 1 01110 1 sz 1 Rm:5 11101 1 Rn:5 Rd:5", "facgt Vd.sz, Vn.sz, Vm.sz",   ofTwo(absolute(v.vectorCompare("GT")))),
  ...vectors("FMINP (vector)",          "0 Q:1 1 01110 1 sz 1 Rm:5 11110 1 Rn:5 Rd:5", "fminp Vd.sz, Vn.sz, Vm.sz",   ofTwo(pairwise(v.vectorMin))),

  // Advanced SIMD two-register miscellaneous, and (FP16)
  row("FCVTN, FCVTN2",                  "0 Q:1 0 01110 0 sz:1 10000 10110 10 Rn:5 Rd:5", "fcvtn{2} Vd.narrow, Vn.wide", narrow),
  row("FCVTL, FCVTL2",                  "0 Q:1 0 01110 0 sz:1 10000 10111 10 Rn:5 Rd:5", "fcvtl{2} Vd.wide, Vn.narrow", lengthen),
  ...vectors("FRINTN (vector)",         "0 Q:1 0 01110 0 sz 10000 11000 10 Rn:5 Rd:5", "frintn Vd.sz, Vn.sz",      rounding("TIEEVEN")),
  ...vectors("FRINTM (vector)",         "0 Q:1 0 01110 0 sz 10000 11001 10 Rn:5 Rd:5", "frintm Vd.sz, Vn.sz",      rounding("NEGINF")),
  ...vectors("FCVTNS (vector)",         "0 Q:1 0 01110 0 sz 10000 11010 10 Rn:5 Rd:5", "fcvtns Vd.sz, Vn.sz",      toFixed("TIEEVEN", false)),
  ...vectors("FCVTMS (vector)",         "0 Q:1 0 01110 0 sz 10000 11011 10 Rn:5 Rd:5", "fcvtms Vd.sz, Vn.sz",      toFixed("NEGINF", false)),
  ...vectors("FCVTAS (vector)",         "0 Q:1 0 01110 0 sz 10000 11100 10 Rn:5 Rd:5", "fcvtas Vd.sz, Vn.sz",      toFixed("TIEAWAY", false)),
  ...vectors("SCVTF (vector, integer)", "0 Q:1 0 01110 0 sz 10000 11101 10 Rn:5 Rd:5", "scvtf Vd.sz, Vn.sz",       fromFixed(false)),
  singleDoubleVector("FRINT32Z (vector)", "0 Q:1 0 01110 0 sz 10000 11110 10 Rn:5 Rd:5", "frint32z Vd.sz, Vn.sz",  roundingN("ZERO", 32), FRINTTS),
  singleDoubleVector("FRINT64Z (vector)", "0 Q:1 0 01110 0 sz 10000 11111 10 Rn:5 Rd:5", "frint64z Vd.sz, Vn.sz",  roundingN("ZERO", 64), FRINTTS),
  ...vectors("FCMGT (zero)",            "0 Q:1 0 01110 1 sz 10000 01100 10 Rn:5 Rd:5", "fcmgt Vd.sz, Vn.sz, #0.0", withZero("GT")),
  ...vectors("FCMEQ (zero)",            "0 Q:1 0 01110 1 sz 10000 01101 10 Rn:5 Rd:5", "fcmeq Vd.sz, Vn.sz, #0.0", withZero("EQ")),
  ...vectors("FCMLT (zero)",            "0 Q:1 0 01110 1 sz 10000 01110 10 Rn:5 Rd:5", "fcmlt Vd.sz, Vn.sz, #0.0", withZero("GT", true)),
  ...vectors("FABS (vector)",           "0 Q:1 0 01110 1 sz 10000 01111 10 Rn:5 Rd:5", "fabs Vd.sz, Vn.sz",        ofOne(v.vectorAbs)),
  ...vectors("FRINTP (vector)",         "0 Q:1 0 01110 1 sz 10000 11000 10 Rn:5 Rd:5", "frintp Vd.sz, Vn.sz",      rounding("POSINF")),
  ...vectors("FRINTZ (vector)",         "0 Q:1 0 01110 1 sz 10000 11001 10 Rn:5 Rd:5", "frintz Vd.sz, Vn.sz",      rounding("ZERO")),
  ...vectors("FCVTPS (vector)",         "0 Q:1 0 01110 1 sz 10000 11010 10 Rn:5 Rd:5", "fcvtps Vd.sz, Vn.sz",      toFixed("POSINF", false)),
  ...vectors("FCVTZS (vector, integer)", "0 Q:1 0 01110 1 sz 10000 11011 10 Rn:5 Rd:5", "fcvtzs Vd.sz, Vn.sz",     toFixed("ZERO", false)),
  row("URECPE",                         "0 Q:1 0 01110 1 0 10000 11100 10 Rn:5 Rd:5",  "urecpe Vd.S, Vn.S",        ESTIMATE("unsignedRecipEstimate")),
  ...vectors("FRECPE",                  "0 Q:1 0 01110 1 sz 10000 11101 10 Rn:5 Rd:5", "frecpe Vd.sz, Vn.sz",      ofOne(estimate("fpRecipEstimate"))),
  row("FCVTXN, FCVTXN2",                "0 Q:1 1 01110 0 1 10000 10110 10 Rn:5 Rd:5",  "fcvtxn{2} Vd.S, Vn.2D",    narrowOdd),
  ...vectors("FRINTA (vector)",         "0 Q:1 1 01110 0 sz 10000 11000 10 Rn:5 Rd:5", "frinta Vd.sz, Vn.sz",      rounding("TIEAWAY")),
  ...vectors("FRINTX (vector)",         "0 Q:1 1 01110 0 sz 10000 11001 10 Rn:5 Rd:5", "frintx Vd.sz, Vn.sz",      rounding("FPCR", true)),
  ...vectors("FCVTNU (vector)",         "0 Q:1 1 01110 0 sz 10000 11010 10 Rn:5 Rd:5", "fcvtnu Vd.sz, Vn.sz",      toFixed("TIEEVEN", true)),
  ...vectors("FCVTMU (vector)",         "0 Q:1 1 01110 0 sz 10000 11011 10 Rn:5 Rd:5", "fcvtmu Vd.sz, Vn.sz",      toFixed("NEGINF", true)),
  ...vectors("FCVTAU (vector)",         "0 Q:1 1 01110 0 sz 10000 11100 10 Rn:5 Rd:5", "fcvtau Vd.sz, Vn.sz",      toFixed("TIEAWAY", true)),
  ...vectors("UCVTF (vector, integer)", "0 Q:1 1 01110 0 sz 10000 11101 10 Rn:5 Rd:5", "ucvtf Vd.sz, Vn.sz",       fromFixed(true)),
  singleDoubleVector("FRINT32X (vector)", "0 Q:1 1 01110 0 sz 10000 11110 10 Rn:5 Rd:5", "frint32x Vd.sz, Vn.sz",  roundingN("FPCR", 32), FRINTTS),
  singleDoubleVector("FRINT64X (vector)", "0 Q:1 1 01110 0 sz 10000 11111 10 Rn:5 Rd:5", "frint64x Vd.sz, Vn.sz",  roundingN("FPCR", 64), FRINTTS),
  ...vectors("FCMGE (zero)",            "0 Q:1 1 01110 1 sz 10000 01100 10 Rn:5 Rd:5", "fcmge Vd.sz, Vn.sz, #0.0", withZero("GE")),
  ...vectors("FCMLE (zero)",            "0 Q:1 1 01110 1 sz 10000 01101 10 Rn:5 Rd:5", "fcmle Vd.sz, Vn.sz, #0.0", withZero("GE", true)),
  ...vectors("FNEG (vector)",           "0 Q:1 1 01110 1 sz 10000 01111 10 Rn:5 Rd:5", "fneg Vd.sz, Vn.sz",        ofOne(v.vectorNeg)),
  ...vectors("FRINTI (vector)",         "0 Q:1 1 01110 1 sz 10000 11001 10 Rn:5 Rd:5", "frinti Vd.sz, Vn.sz",      rounding("FPCR")),
  ...vectors("FCVTPU (vector)",         "0 Q:1 1 01110 1 sz 10000 11010 10 Rn:5 Rd:5", "fcvtpu Vd.sz, Vn.sz",      toFixed("POSINF", true)),
  ...vectors("FCVTZU (vector, integer)", "0 Q:1 1 01110 1 sz 10000 11011 10 Rn:5 Rd:5", "fcvtzu Vd.sz, Vn.sz",     toFixed("ZERO", true)),
  row("URSQRTE",                        "0 Q:1 1 01110 1 0 10000 11100 10 Rn:5 Rd:5",  "ursqrte Vd.S, Vn.S",       ESTIMATE("unsignedRSqrtEstimate")),
  ...vectors("FRSQRTE",                 "0 Q:1 1 01110 1 sz 10000 11101 10 Rn:5 Rd:5", "frsqrte Vd.sz, Vn.sz",     ofOne(estimate("fpRSqrtEstimate"))),
  ...vectors("FSQRT (vector)",          "0 Q:1 1 01110 1 sz 10000 11111 10 Rn:5 Rd:5", "fsqrt Vd.sz, Vn.sz",       ofOne(v.vectorSqrt)),

  // Advanced SIMD across lanes
  row("FMAXNMV", "0 Q:1 0 01110 00 11000 01100 10 Rn:5 Rd:5", "fmaxnmv Hd, Vn.H",  reduce(fp.fpMaxNum, 16), HALF),
  row("FMAXNMV", "0 1 1 01110 00 11000 01100 10 Rn:5 Rd:5",   "fmaxnmv Sd, Vn.4S", (o, f) => reduce(fp.fpMaxNum, 32)(o, { ...f, Q: 1 })),
  row("FMAXV",   "0 Q:1 0 01110 00 11000 01111 10 Rn:5 Rd:5", "fmaxv Hd, Vn.H",    reduce(fp.fpMax, 16), HALF),
  row("FMAXV",   "0 1 1 01110 00 11000 01111 10 Rn:5 Rd:5",   "fmaxv Sd, Vn.4S",   (o, f) => reduce(fp.fpMax, 32)(o, { ...f, Q: 1 })),
  row("FMINNMV", "0 Q:1 0 01110 10 11000 01100 10 Rn:5 Rd:5", "fminnmv Hd, Vn.H",  reduce(fp.fpMinNum, 16), HALF),
  row("FMINNMV", "0 1 1 01110 10 11000 01100 10 Rn:5 Rd:5",   "fminnmv Sd, Vn.4S", (o, f) => reduce(fp.fpMinNum, 32)(o, { ...f, Q: 1 })),
  row("FMINV",   "0 Q:1 0 01110 10 11000 01111 10 Rn:5 Rd:5", "fminv Hd, Vn.H",    reduce(fp.fpMin, 16), HALF),
  row("FMINV",   "0 1 1 01110 10 11000 01111 10 Rn:5 Rd:5",   "fminv Sd, Vn.4S",   (o, f) => reduce(fp.fpMin, 32)(o, { ...f, Q: 1 })),
]);
