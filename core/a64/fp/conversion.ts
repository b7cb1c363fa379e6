/**
 * Roundings and conversions on a Builder, with the fast paths of {@link ./arithmetic.ts}. Arm DDI 0487, chapter J1,
 * FPRoundInt(), FPRoundIntN(), FPToFixed(), FPToFixedJS(), FixedToFP() and FPConvert().
 */
import type { Builder, F64, I32, Int } from "../../engine/builder.ts";
import type { FpSize } from "./format.ts";
import type { RoundingName } from "./helpers.ts";
import {
  constant,
  exactly,
  type Fp,
  isNumber,
  MODES,
  native,
  nativeCompare,
  type NativeSize,
  tested,
  trusted,
  trustedIf,
  typeOf,
  wellNormal,
} from "./native.ts";

const NATIVE_ROUNDING = {
  TIEEVEN: "nearest",
  POSINF: "ceil",
  NEGINF: "floor",
  ZERO: "trunc",
  FPCR: "nearest",
} as const;

/** The integral value that a number rounds to; for "FPCR" what it is while FPCR.RMode is 0. */
function roundNative(o: Builder, size: NativeSize, a: Fp, rounding: Exclude<RoundingName, "ODD">): Fp {
  if (rounding !== "TIEAWAY") return native(o, size, NATIVE_ROUNDING[rounding], a);
  // The part that is cut off is exact; half of one or more goes one further from zero.
  const whole = native(o, size, "trunc", a);
  const cutOff = native(o, size, "abs", native(o, size, "sub", a, whole));
  const one = native(o, size, "copysign", constant(o, size, 1), a);
  const away = native(o, size, "add", whole, one);
  const rounded = o.select(nativeCompare(o, size, "ge", cutOff, constant(o, size, 0.5)), away, whole);
  return native(o, size, "copysign", rounded, a);
}

/** FPRoundInt(); with `exact` (only with rounding "FPCR") a change raises Inexact. */
export function fpRoundInt(
  o: Builder,
  size: FpSize,
  a: Fp,
  rounding: Exclude<RoundingName, "ODD">,
  exact: boolean,
): Fp {
  const slow = () => exactly(o, exact ? "fpRoundIntExact" : `fpRoundInt${rounding}`, size, typeOf(size), a);
  if (size === 16) return slow();
  const r = roundNative(o, size, a, rounding);
  const modes = rounding === "FPCR" ? MODES.rounded : MODES.exact;
  if (!exact) return trustedIf(o, modes, r, isNumber(o, size, a), slow);
  return trusted(o, modes, r, tested(o, isNumber(o, size, a)), () => nativeCompare(o, size, "eq", r, a), slow);
}

/** FPRoundIntN(): to an integral value of `intsize` bits. */
export function fpRoundIntN(o: Builder, size: NativeSize, a: Fp, rounding: "ZERO" | "FPCR", intsize: 32 | 64): Fp {
  const slow = () => exactly(o, `fpRoundInt${intsize}${rounding}From`, size, typeOf(size), a);
  const r = roundNative(o, size, a, rounding);
  const modes = rounding === "FPCR" ? MODES.rounded : MODES.exact;
  const plain = isInRange(o, size, r, false, intsize);
  return trusted(o, modes, r, tested(o, plain), () => o.and(plain, nativeCompare(o, size, "eq", r, a)), slow);
}

/** Whether an integral value fits in M bits. */
function isInRange(o: Builder, size: NativeSize, a: Fp, unsigned: boolean, M: number): I32 {
  const lowest = unsigned ? 0 : -(2 ** (M - 1)), limit = unsigned ? 2 ** M : 2 ** (M - 1);
  return o.and(
    nativeCompare(o, size, "ge", a, constant(o, size, lowest)),
    nativeCompare(o, size, "lt", a, constant(o, size, limit)),
  );
}

/** 2^exponent in a format, for exponents of -64 to 64. */
export function powerOfTwo(o: Builder, size: NativeSize, exponent: I32): Fp {
  if (size === 32) return o.op("f32.reinterpret_i32", o.shl(o.add(exponent, o.i32(127)), o.i32(23)));
  return o.op("f64.reinterpret_i64", o.shl(o.signExtend(o.add(exponent, o.i32(1023))), o.i64(52)));
}

/** How a number becomes an integer. */
export interface ToFixed {
  readonly rounding: Exclude<RoundingName, "ODD" | "FPCR">;
  readonly unsigned: boolean;
  /** Width of the integer. */
  readonly M: 16 | 32 | 64;
  /** Number of fraction bits; none when it is left out. */
  readonly fbits?: I32;
}

/** FPToFixed(): I64 for M = 64, else I32. */
export function fpToFixed(o: Builder, size: FpSize, a: Fp, { rounding, unsigned, M, fbits }: ToFixed): Int {
  const type = M === 64 ? "i64" : "i32", letter = unsigned ? "U" : "S";
  const name = `fpToFixed${letter}${M}${rounding}From`;
  const slow = () => exactly<"i32" | "i64">(o, name, size, type, a, fbits ?? o.i32(0));
  if (size === 16 || M === 16) return slow() as Int;
  const scaled = fbits ? native(o, size, "mul", a, powerOfTwo(o, size, fbits)) : a;
  const r = roundNative(o, size, scaled, rounding);
  const integer = o.op(`${type}.trunc_sat_f${size}_${unsigned ? "u" : "s"}` as "i32.trunc_sat_f32_s", r);
  const isExact = () => nativeCompare(o, size, "eq", r, scaled);
  const plain = isInRange(o, size, r, unsigned, M);
  const inRange = () => o.and(plain, isExact());
  return trusted<"i32" | "i64">(o, MODES.exact, integer, tested(o, plain), inRange, slow) as Int;
}

/** FPToFixedJS(): the integer and the Z flag. */
export function fpToFixedJS(o: Builder, a: F64): [I32, I32] {
  const whole = o.op("f64.trunc", a);
  const isWhole = o.op("f64.eq", whole, a);
  const isMinusZero = o.op("i64.eq", o.op("i64.reinterpret_f64", a), o.i64(1n << 63n));
  const Z = o.and(isWhole, o.eqz(isMinusZero));
  const quick = o.or(o.zeroExtend(o.op("i32.trunc_sat_f64_s", a)), o.shl(o.zeroExtend(Z), o.i32(32)));
  const inRange = isInRange(o, 64, whole, false, 32), plain = tested(o, inRange);
  const isExact = () => o.and(inRange, isWhole);
  const both = trusted(o, MODES.exact, quick, plain, isExact, () => exactly(o, "fpToFixedJS", 64, "i64", a));
  return [o.wrap(both), o.wrap(o.shrU(both, o.i32(32)))];
}

/** Whether an integer has no more significant bits than the format's fraction holds. */
function fitsFraction(o: Builder, size: NativeSize, a: Int, unsigned: boolean): I32 {
  const width = a.type === "i64" ? 64 : 32, precision = size === 64 ? 53 : 24;
  const sign = o.shrS(a, o.i32(width - 1));
  const magnitude = unsigned ? a : o.sub(o.xor(a, sign), sign);
  const trailing = o.op(`${a.type}.ctz` as "i32.ctz", magnitude) as Int;
  return o.geS(o.add(o.clz(magnitude), trailing), o.const(a, width - precision));
}

/** FixedToFP(): `a` is I64 or I32 by its width; with `fbits` bits behind the binary point. */
export function fixedToFP(o: Builder, size: FpSize, a: Int, unsigned: boolean, fbits?: I32): Fp {
  const M = a.type === "i64" ? 64 : 32;
  const name = `fixedToFP${size}From${unsigned ? "U" : "S"}`;
  const slow = () => exactly(o, name, M, typeOf(size), a, fbits ?? o.i32(0));
  if (size === 16) return slow();
  const converted = native(o, size, `convert_${a.type}_${unsigned ? "u" : "s"}`, a);
  const result = fbits ? native(o, size, "mul", converted, powerOfTwo(o, size, o.sub(o.i32(0), fbits))) : converted;
  if (size === 64 && M === 32) return result;
  return trusted(o, MODES.normal, result, tested(o, o.i32(1)), () => fitsFraction(o, size, a, unsigned), slow);
}

/** FixedToFP() of the 16-bit integers that half-precision elements are. */
export function fixedToHalf(o: Builder, a: I32, unsigned: boolean, fbits?: I32): I32 {
  return exactly(o, `fixedToFP16From${unsigned ? "U" : "S"}`, 16, "i32", a, fbits ?? o.i32(0));
}

/** FPConvert(). */
export function fpConvert(o: Builder, from: FpSize, to: FpSize, a: Fp): Fp {
  const slow = () => exactly(o, `fpConvertTo${to}From`, from, typeOf(to), a);
  if (from === 32 && to === 64) {
    return trustedIf<"f32" | "f64" | "i32">(
      o,
      MODES.exact,
      o.op("f64.promote_f32", a),
      isNumber(o, 32, a),
      slow,
    );
  }
  if (from !== 64 || to !== 32) return slow();
  const r = o.op("f32.demote_f64", a);
  const isExact = () => o.op("f64.eq", o.op("f64.promote_f32", r), a);
  return trusted<"f32" | "f64" | "i32">(o, MODES.rounded, r, wellNormal(o, 32, r), isExact, slow);
}

/** FPConvert() from double to single precision, rounding to odd (FCVTXN). */
export function fpConvertOdd(o: Builder, a: Fp): Fp {
  return exactly(o, "fpConvertOdd", 64, "f32", a);
}
