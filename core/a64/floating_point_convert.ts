import type { Builder, I32 } from "../engine/builder.ts";
import { allPrecisions, readFp, type ScalarFields, type ScalarMeaning, writeFp } from "./floating_point.ts";
import { fixedToFP, fpToFixed, fpToFixedJS, type ToFixed } from "./fp/conversion.ts";
import { group, row, type RowOptions } from "./row.ts";
import type { Row } from "./row.ts";

type Rounding = ToFixed["rounding"];

/** FCVT{N,P,M,Z,A}{S,U}: to an integer register. */
const toInteger = (rounding: Rounding, unsigned: boolean): ScalarMeaning => (o, size, f) =>
  o.setReg(f.Rd, fpToFixed(o, size, readFp(o, size, f.Rn), { rounding, unsigned, M: f.sf ? 64 : 32 }));

/** SCVTF, UCVTF from an integer register. */
const fromInteger = (unsigned: boolean): ScalarMeaning => (o, size, f) =>
  writeFp(o, size, f.Rd, fixedToFP(o, size, o.reg(f.sf, f.Rn), unsigned));

const fractionBits = (o: Builder, f: ScalarFields): I32 => o.imm16(64 - f.immscale);

const toFixedPoint = (unsigned: boolean): ScalarMeaning => (o, size, f) => {
  const fbits = fractionBits(o, f);
  const M = f.sf ? 64 : 32;
  o.setReg(f.Rd, fpToFixed(o, size, readFp(o, size, f.Rn), { rounding: "ZERO", unsigned, M, fbits }));
};

const fromFixedPoint = (unsigned: boolean): ScalarMeaning => (o, size, f) => {
  const fbits = fractionBits(o, f);
  writeFp(o, size, f.Rd, fixedToFP(o, size, o.reg(f.sf, f.Rn), unsigned, fbits));
};

/** A 32-bit register has at most 32 fraction bits. */
const FIXED: RowOptions = { reserved: (f) => f.sf === 0 && f.immscale < 32 };

type Move = { readonly Rd: number; readonly Rn: number };

function javaScriptConvert(o: Builder, f: Move): void {
  const [integer, Z] = fpToFixedJS(o, o.d(f.Rn));
  o.setW(f.Rd, integer);
  o.setNzcv(o.shl(Z, o.i32(2)));
}

const low16 = (o: Builder, a: I32): I32 => o.and(a, o.i32(0xffff));
const HALF: RowOptions = { feature: "FEAT_FP16" };

/** Conversion between floating-point and integer or fixed-point numbers. Arm DDI 0487, C4.1.96. */
// deno-fmt-ignore
export const FLOATING_POINT_CONVERT: readonly Row[] = group({ trap: "fp" }, [
  // Conversion between floating-point and fixed-point
  ...allPrecisions("SCVTF (scalar, fixed-point)",  "sf:1 00 11110 ftype 0 00 010 immscale:6 Rn:5 Rd:5", "scvtf Fd, Rn, fbits",  fromFixedPoint(false), FIXED),
  ...allPrecisions("UCVTF (scalar, fixed-point)",  "sf:1 00 11110 ftype 0 00 011 immscale:6 Rn:5 Rd:5", "ucvtf Fd, Rn, fbits",  fromFixedPoint(true), FIXED),
  ...allPrecisions("FCVTZS (scalar, fixed-point)", "sf:1 00 11110 ftype 0 11 000 immscale:6 Rn:5 Rd:5", "fcvtzs Rd, Fn, fbits", toFixedPoint(false), FIXED),
  ...allPrecisions("FCVTZU (scalar, fixed-point)", "sf:1 00 11110 ftype 0 11 001 immscale:6 Rn:5 Rd:5", "fcvtzu Rd, Fn, fbits", toFixedPoint(true), FIXED),

  // Conversion between floating-point and integer
  ...allPrecisions("FCVTNS (scalar)",          "sf:1 00 11110 ftype 1 00 000 000000 Rn:5 Rd:5", "fcvtns Rd, Fn", toInteger("TIEEVEN", false)),
  ...allPrecisions("FCVTNU (scalar)",          "sf:1 00 11110 ftype 1 00 001 000000 Rn:5 Rd:5", "fcvtnu Rd, Fn", toInteger("TIEEVEN", true)),
  ...allPrecisions("SCVTF (scalar, integer)",  "sf:1 00 11110 ftype 1 00 010 000000 Rn:5 Rd:5", "scvtf Fd, Rn",  fromInteger(false)),
  ...allPrecisions("UCVTF (scalar, integer)",  "sf:1 00 11110 ftype 1 00 011 000000 Rn:5 Rd:5", "ucvtf Fd, Rn",  fromInteger(true)),
  ...allPrecisions("FCVTAS (scalar)",          "sf:1 00 11110 ftype 1 00 100 000000 Rn:5 Rd:5", "fcvtas Rd, Fn", toInteger("TIEAWAY", false)),
  ...allPrecisions("FCVTAU (scalar)",          "sf:1 00 11110 ftype 1 00 101 000000 Rn:5 Rd:5", "fcvtau Rd, Fn", toInteger("TIEAWAY", true)),
  ...allPrecisions("FCVTPS (scalar)",          "sf:1 00 11110 ftype 1 01 000 000000 Rn:5 Rd:5", "fcvtps Rd, Fn", toInteger("POSINF", false)),
  ...allPrecisions("FCVTPU (scalar)",          "sf:1 00 11110 ftype 1 01 001 000000 Rn:5 Rd:5", "fcvtpu Rd, Fn", toInteger("POSINF", true)),
  ...allPrecisions("FCVTMS (scalar)",          "sf:1 00 11110 ftype 1 10 000 000000 Rn:5 Rd:5", "fcvtms Rd, Fn", toInteger("NEGINF", false)),
  ...allPrecisions("FCVTMU (scalar)",          "sf:1 00 11110 ftype 1 10 001 000000 Rn:5 Rd:5", "fcvtmu Rd, Fn", toInteger("NEGINF", true)),
  ...allPrecisions("FCVTZS (scalar, integer)", "sf:1 00 11110 ftype 1 11 000 000000 Rn:5 Rd:5", "fcvtzs Rd, Fn", toInteger("ZERO", false)),
  ...allPrecisions("FCVTZU (scalar, integer)", "sf:1 00 11110 ftype 1 11 001 000000 Rn:5 Rd:5", "fcvtzu Rd, Fn", toInteger("ZERO", true)),
  row("FJCVTZS", "0 00 11110 01 1 11 110 000000 Rn:5 Rd:5", "fjcvtzs Wd, Dn", javaScriptConvert, { feature: "FEAT_JSCVT" }),

  row("FMOV (general)", "0 00 11110 00 1 00 110 000000 Rn:5 Rd:5", "fmov Wd, Sn", (o, f) => o.setW(f.Rd, o.vLow32(f.Rn))),
  row("FMOV (general)", "0 00 11110 00 1 00 111 000000 Rn:5 Rd:5", "fmov Sd, Wn", (o, f) => o.setVLow32(f.Rd, o.w(f.Rn))),
  row("FMOV (general)", "1 00 11110 01 1 00 110 000000 Rn:5 Rd:5", "fmov Xd, Dn", (o, f) => o.setX(f.Rd, o.vLow64(f.Rn))),
  row("FMOV (general)", "1 00 11110 01 1 00 111 000000 Rn:5 Rd:5", "fmov Dd, Xn", (o, f) => o.setVLow64(f.Rd, o.x(f.Rn))),
  row("FMOV (general)", "1 00 11110 10 1 01 110 000000 Rn:5 Rd:5", "fmov Xd, Vn.D[1]", (o, f) => o.setX(f.Rd, o.vHigh64(f.Rn))),
  row("FMOV (general)", "1 00 11110 10 1 01 111 000000 Rn:5 Rd:5", "fmov Vd.D[1], Xn", (o, f) => o.setVElement(f.Rd, 8, 1, o.x(f.Rn))),
  row("FMOV (general)", "0 00 11110 11 1 00 110 000000 Rn:5 Rd:5", "fmov Wd, Hn", (o, f) => o.setW(f.Rd, o.vLow16(f.Rn)), HALF),
  row("FMOV (general)", "0 00 11110 11 1 00 111 000000 Rn:5 Rd:5", "fmov Hd, Wn", (o, f) => o.setVLow16(f.Rd, low16(o, o.w(f.Rn))), HALF),
  row("FMOV (general)", "1 00 11110 11 1 00 110 000000 Rn:5 Rd:5", "fmov Xd, Hn", (o, f) => o.setX(f.Rd, o.zeroExtend(o.vLow16(f.Rn))), HALF),
  row("FMOV (general)", "1 00 11110 11 1 00 111 000000 Rn:5 Rd:5", "fmov Hd, Xn", (o, f) => o.setVLow16(f.Rd, low16(o, o.wrap(o.x(f.Rn)))), HALF),
]);
