/** Roundings and conversions of every element of a vector. Arm DDI 0487, chapter J1, as in {@link ./conversion.ts}. */
import type { Builder, I32, I64, V128 } from "../../engine/builder.ts";
import { fixedToFP, fpToFixed, powerOfTwo, type ToFixed } from "./conversion.ts";
import type { RoundingName } from "./helpers.ts";
import { MODES, type NativeSize } from "./native.ts";
import {
  areNumbers,
  areWellNormal,
  both,
  type Elements,
  exactlyEach,
  isNative,
  lanesOp,
  signBits,
  splat,
  tested,
  trustedElements,
  trustedElementsIf,
} from "./vector_native.ts";

const NATIVE_ROUNDING = {
  TIEEVEN: "nearest",
  POSINF: "ceil",
  NEGINF: "floor",
  ZERO: "trunc",
  FPCR: "nearest",
} as const;

type Mode = Exclude<RoundingName, "ODD">;

function roundNative(o: Builder, size: NativeSize, a: V128, rounding: Mode): V128 {
  if (rounding !== "TIEAWAY") return lanesOp(o, size, NATIVE_ROUNDING[rounding], a);
  const whole = lanesOp(o, size, "trunc", a);
  const cutOff = lanesOp(o, size, "abs", lanesOp(o, size, "sub", a, whole));
  const isHalf = lanesOp(o, size, "ge", cutOff, splat(o, size, 0.5));
  const one = both(o, isHalf, splat(o, size, 1));
  const sign = both(o, a, signBits(o, size));
  const rounded = lanesOp(o, size, "add", lanesOp(o, size, "abs", whole), one);
  return o.op("v128.or", rounded, sign);
}

/** FPRoundInt(); with `exact` (only with rounding "FPCR") a change raises Inexact. */
export function vectorRoundInt(o: Builder, e: Elements, a: V128, rounding: Mode, exact: boolean): V128 {
  const slow = () => exactlyEach(o, exact ? "fpRoundIntExact" : `fpRoundInt${rounding}`, e, a);
  if (!isNative(e)) return slow();
  const size = e.size, r = roundNative(o, size, a, rounding);
  const modes = rounding === "FPCR" ? MODES.rounded : MODES.exact;
  if (!exact) return trustedElementsIf(o, size, modes, r, areNumbers(o, size, a), slow);
  return trustedElements(
    o,
    size,
    modes,
    r,
    tested(o, size, areNumbers(o, size, a)),
    () => lanesOp(o, size, "eq", r, a),
    slow,
  );
}

/** Where an integral value fits in M bits. */
function areInRange(o: Builder, size: NativeSize, a: V128, unsigned: boolean, M: number): V128 {
  const lowest = unsigned ? 0 : -(2 ** (M - 1)), limit = unsigned ? 2 ** M : 2 ** (M - 1);
  return both(
    o,
    lanesOp(o, size, "ge", a, splat(o, size, lowest)),
    lanesOp(o, size, "lt", a, splat(o, size, limit)),
  );
}

/** FPRoundIntN(). */
export function vectorRoundIntN(o: Builder, e: Elements, a: V128, rounding: "ZERO" | "FPCR", intsize: 32 | 64): V128 {
  const slow = () => exactlyEach(o, `fpRoundInt${intsize}${rounding}From`, e, a);
  if (!isNative(e)) return slow();
  const size = e.size, r = roundNative(o, size, a, rounding);
  const modes = rounding === "FPCR" ? MODES.rounded : MODES.exact;
  const plain = areInRange(o, size, r, false, intsize);
  return trustedElements(
    o,
    size,
    modes,
    r,
    tested(o, size, plain),
    () => both(o, plain, lanesOp(o, size, "eq", r, a)),
    slow,
  );
}

/** Two doublewords computed one by one. */
function eachDouble(o: Builder, compute: (lane: 0 | 1) => I64): V128 {
  return o.lane("i64x2.replace_lane", 1, o.op("i64x2.splat", compute(0)), compute(1));
}

/** FPToFixed() to integers of the elements' own width. */
export function vectorToFixed(
  o: Builder,
  e: Elements,
  a: V128,
  rounding: ToFixed["rounding"],
  unsigned: boolean,
  fbits?: I32,
): V128 {
  if (e.size === 64) {
    const how: ToFixed = { rounding, unsigned, M: 64, fbits };
    return eachDouble(o, (lane) => fpToFixed(o, 64, o.lane("f64x2.extract_lane", lane, a), how) as I64);
  }
  const name = `fpToFixed${unsigned ? "U" : "S"}${e.size}${rounding}From`;
  const slow = () => exactlyEach(o, name, e, a, fbits ?? o.i32(0));
  if (e.size === 16) return slow();
  const scaled = fbits ? o.op("f32x4.mul", a, o.op("f32x4.splat", powerOfTwo(o, 32, fbits))) : a;
  const r = roundNative(o, 32, scaled, rounding);
  const integers = o.op(unsigned ? "i32x4.trunc_sat_f32x4_u" : "i32x4.trunc_sat_f32x4_s", r);
  const plain = areInRange(o, 32, r, unsigned, 32);
  const isExact = () => both(o, plain, o.op("f32x4.eq", r, scaled));
  return trustedElements(o, 32, MODES.exact, integers, tested(o, 32, plain), isExact, slow);
}

/** FixedToFP() of integers of the elements' own width. */
export function vectorFixedToFP(o: Builder, e: Elements, a: V128, unsigned: boolean, fbits?: I32): V128 {
  if (e.size === 64) {
    return eachDouble(o, (lane) => {
      const converted = fixedToFP(o, 64, o.lane("i64x2.extract_lane", lane, a), unsigned, fbits);
      return o.op("i64.reinterpret_f64", converted);
    });
  }
  const letter = unsigned ? "U" : "S";
  const name = `fixedToFP${e.size}From${letter}`;
  const slow = () => exactlyEach(o, name, e, a, fbits ?? o.i32(0));
  if (e.size === 16) return slow();
  const converted = o.op(unsigned ? "f32x4.convert_i32x4_u" : "f32x4.convert_i32x4_s", a);
  const result = fbits
    ? o.op("f32x4.mul", converted, o.op("f32x4.splat", powerOfTwo(o, 32, o.sub(o.i32(0), fbits))))
    : converted;
  const isExact = () => {
    const limit = (1n << 24n) | (1n << 56n);
    return o.op("i32x4.lt_u", unsigned ? a : o.op("i32x4.abs", a), o.v128(limit, limit));
  };
  return trustedElements(o, 32, MODES.normal, result, tested(o, 32, o.v128(-1n, -1n)), isExact, slow);
}

/** FPConvert() of the elements in the low half to twice their width (FCVTL). */
export function vectorConvertLong(o: Builder, from: 16 | 32, a: V128): V128 {
  const slow = () => o.helper(`fpConvertTo${2 * from}From${from}x${64 / from}`, "v128", a);
  if (from === 16) return slow();
  const result = o.op("f64x2.promote_low_f32x4", a);
  return trustedElementsIf(o, 64, MODES.exact, result, areNumbers(o, 64, result), slow);
}

/** FPConvert() of all elements of 128 bits to half their width (FCVTN): the result's low half. */
export function vectorConvertNarrow(o: Builder, from: 32 | 64, a: V128): V128 {
  const slow = () => o.helper(`fpConvertTo${from / 2}From${from}x${128 / from}`, "v128", a);
  if (from === 32) return slow();
  const result = o.op("f32x4.demote_f64x2_zero", a);
  const back = o.op("f64x2.promote_low_f32x4", result);
  // As doubles the results are as large as they are in single precision.
  const least = o.op("f64x2.ge", o.op("f64x2.abs", back), splat(o, 64, 2 ** -125));
  const plain = both(o, least, areWellNormal(o, 64, back));
  return trustedElements(o, 64, MODES.rounded, result, tested(o, 64, plain), () => o.op("f64x2.eq", back, a), slow);
}
