/** Exact conversions and roundings to integers. Arm DDI 0487, chapter J1, shared floating-point pseudocode. */
import {
  cut,
  FORMATS,
  type FpContext,
  FPCR,
  fpDefaultNaN,
  fpInfinity,
  fpPower,
  fpProcessNaN,
  fpRound,
  fpRoundingMode,
  type FpSize,
  FPSR,
  FpType,
  fpUnpack,
  fpZero,
  isNaNType,
  Rounding,
  roundsUp,
  type Unpacked,
} from "./format.ts";

/** The signed integer that a number rounds to, and whether that lost anything. */
function roundToInteger(u: Unpacked, rounding: Rounding, fbits = 0): { int: bigint; inexact: boolean } {
  const c = cut(u.mant, u.exp + fbits);
  const magnitude = roundsUp(c, u.sign, rounding) ? c.int + 1n : c.int;
  return { int: u.sign ? -magnitude : magnitude, inexact: c.inexact };
}

/** FPRoundInt(): rounds to an integral value; with `exact` a change raises Inexact. */
export function fpRoundInt(N: FpSize, a: bigint, rounding: Rounding, exact: boolean, ctx: FpContext): bigint {
  const u = fpUnpack(N, a, ctx);
  if (isNaNType(u.type)) return fpProcessNaN(N, u.type, a, ctx);
  if (u.type === FpType.Infinity) return fpInfinity(N, u.sign);
  if (u.type === FpType.Zero) return fpZero(N, u.sign);
  const { int, inexact } = roundToInteger(u, rounding);
  if (inexact && exact) ctx.fpsr |= FPSR.IXC;
  if (int === 0n) return fpZero(N, u.sign);
  return fpRound(N, u.sign, int < 0n ? -int : int, 0, ctx, Rounding.ZERO);
}

/** FPRoundIntN(): rounds to an integral value that fits in `intsize` bits, else gives the most negative one. */
export function fpRoundIntN(N: FpSize, a: bigint, rounding: Rounding, intsize: number, ctx: FpContext): bigint {
  const u = fpUnpack(N, a, ctx);
  if (u.type === FpType.Zero) return fpZero(N, u.sign);
  const { int, inexact } = roundToInteger(u, rounding);
  const limit = 1n << BigInt(intsize - 1);
  if (u.type !== FpType.Nonzero || int >= limit || int < -limit) {
    ctx.fpsr |= FPSR.IOC;
    return fpPower(N, 1, intsize - 1, false);
  }
  if (inexact) ctx.fpsr |= FPSR.IXC;
  if (int === 0n) return fpZero(N, u.sign);
  return fpRound(N, u.sign, int < 0n ? -int : int, 0, ctx, Rounding.ZERO);
}

/**
 * FPToFixed(): a number as an integer of `M` bits with `fbits` of them behind the binary point, saturated.
 * @returns the low M bits.
 */
export function fpToFixed(
  N: FpSize,
  a: bigint,
  fbits: number,
  unsigned: boolean,
  rounding: Rounding,
  M: number,
  ctx: FpContext,
): bigint {
  const u = fpUnpack(N, a, ctx);
  const lowest = unsigned ? 0n : -(1n << BigInt(M - 1));
  const highest = (1n << BigInt(unsigned ? M : M - 1)) - 1n;
  if (u.type !== FpType.Nonzero && u.type !== FpType.Zero) {
    ctx.fpsr |= FPSR.IOC;
    return isNaNType(u.type) ? 0n : BigInt.asUintN(M, u.sign ? lowest : highest);
  }
  const { int, inexact } = roundToInteger(u, rounding, fbits);
  if (int < lowest || int > highest) {
    ctx.fpsr |= FPSR.IOC;
    return BigInt.asUintN(M, int < lowest ? lowest : highest);
  }
  if (inexact) ctx.fpsr |= FPSR.IXC;
  return BigInt.asUintN(M, int);
}

/** FPToFixedJS(): a double modulo 2^32, as JavaScript converts. The result's bit 32 is the Z flag. */
export function fpToFixedJS(a: bigint, ctx: FpContext): bigint {
  const u = fpUnpack(64, a, ctx);
  if (u.type !== FpType.Nonzero && u.type !== FpType.Zero) {
    ctx.fpsr |= FPSR.IOC;
    return 0n;
  }
  const { int, inexact } = roundToInteger(u, Rounding.ZERO);
  let isExact = !inexact;
  if (int < -(1n << 31n) || int >= 1n << 31n) {
    ctx.fpsr |= FPSR.IOC;
    isExact = false;
  } else if (inexact) {
    ctx.fpsr |= FPSR.IXC;
  } else if (u.type === FpType.Zero && a !== 0n) {
    isExact = false;
  }
  return BigInt.asUintN(32, int) | (isExact ? 1n << 32n : 0n);
}

/** FixedToFP(): an integer of `M` bits with `fbits` of them behind the binary point, as a number. */
export function fixedToFP(
  N: FpSize,
  a: bigint,
  fbits: number,
  unsigned: boolean,
  M: number,
  ctx: FpContext,
): bigint {
  const int = unsigned ? BigInt.asUintN(M, a) : BigInt.asIntN(M, a);
  if (int === 0n) return 0n;
  return int < 0n ? fpRound(N, 1, -int, -fbits, ctx) : fpRound(N, 0, int, -fbits, ctx);
}

/** FPConvert(): from format `N` to format `M`, with the alternative half-precision format where FPCR.AHP asks for it. */
export function fpConvert(
  N: FpSize,
  M: FpSize,
  a: bigint,
  ctx: FpContext,
  rounding: Rounding = fpRoundingMode(ctx),
): bigint {
  const u = fpUnpack(N, a, ctx, true);
  const alternative = M === 16 && (ctx.fpcr & FPCR.AHP) !== 0;
  if (isNaNType(u.type)) {
    if (u.type === FpType.SNaN || alternative) ctx.fpsr |= FPSR.IOC;
    if (alternative) return fpZero(M, u.sign);
    if (ctx.fpcr & FPCR.DN) return fpDefaultNaN(M);
    return convertNaN(N, M, a, u.sign);
  }
  if (u.type === FpType.Infinity) {
    if (!alternative) return fpInfinity(M, u.sign);
    ctx.fpsr |= FPSR.IOC;
    return fpZero(M, u.sign) | (FORMATS[M].signBit - 1n);
  }
  if (u.type === FpType.Zero) return fpZero(M, u.sign);
  return fpRound(M, u.sign, u.mant, u.exp, ctx, rounding, true);
}

/** FPConvertNaN(): the payload's upper bits, made quiet. */
function convertNaN(N: FpSize, M: FpSize, a: bigint, sign: number): bigint {
  const from = FORMATS[N], to = FORMATS[M];
  const payload = a & from.fractionMask;
  const moved = to.F > from.F ? payload << BigInt(to.F - from.F) : payload >> BigInt(from.F - to.F);
  return fpDefaultNaN(M) | fpZero(M, sign) | moved;
}
