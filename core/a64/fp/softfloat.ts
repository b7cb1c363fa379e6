/**
 * Exact IEEE 754 arithmetic on the bits of half, single and double precision numbers, honouring FPCR and gathering
 * exceptions in FPSR. Arm DDI 0487, chapter J1, the shared floating-point pseudocode, function by function.
 */
import {
  bitLength,
  FORMATS,
  fpAbs,
  type FpContext,
  FPCR,
  fpInfinity,
  fpInvalid,
  fpNeg,
  fpPower,
  fpProcessNaN,
  fpProcessNaNs,
  fpRound,
  fpRoundingMode,
  type FpSize,
  FPSR,
  FpType,
  fpUnpack,
  fpZero,
  isNaNType,
  Rounding,
  type Unpacked,
} from "./format.ts";

/** The sum of two signed magnitudes on a common exponent; 0 becomes the zero that the rounding mode asks for. */
function roundSum(N: FpSize, a: Unpacked, b: Unpacked, ctx: FpContext, halve = 0): bigint {
  const exp = Math.min(a.exp, b.exp);
  let sum = (a.mant << BigInt(a.exp - exp)) * (a.sign ? -1n : 1n);
  sum += (b.mant << BigInt(b.exp - exp)) * (b.sign ? -1n : 1n);
  if (sum === 0n) return fpZero(N, fpRoundingMode(ctx) === Rounding.NEGINF ? 1 : 0);
  return sum < 0n ? fpRound(N, 1, -sum, exp - halve, ctx) : fpRound(N, 0, sum, exp - halve, ctx);
}

/** The product as an exact, unrounded number. */
function product(a: Unpacked, b: Unpacked): Unpacked {
  return { type: FpType.Nonzero, sign: a.sign ^ b.sign, mant: a.mant * b.mant, exp: a.exp + b.exp };
}

function addSub(N: FpSize, a: bigint, b: bigint, ctx: FpContext, negate: number): bigint {
  const ua = fpUnpack(N, a, ctx), raw = fpUnpack(N, b, ctx);
  const nan = fpProcessNaNs(N, ctx, [[ua, a], [raw, b]]);
  if (nan !== null) return nan;
  const ub = { ...raw, sign: raw.sign ^ negate };
  if (ua.type === FpType.Infinity || ub.type === FpType.Infinity) {
    if (ua.type === ub.type && ua.sign !== ub.sign) return fpInvalid(N, ctx);
    return fpInfinity(N, ua.type === FpType.Infinity ? ua.sign : ub.sign);
  }
  if (ua.type === FpType.Zero && ub.type === FpType.Zero && ua.sign === ub.sign) return fpZero(N, ua.sign);
  return roundSum(N, ua, ub, ctx);
}

/** FPAdd(). */
export function fpAdd(N: FpSize, a: bigint, b: bigint, ctx: FpContext): bigint {
  return addSub(N, a, b, ctx, 0);
}

/** FPSub(). */
export function fpSub(N: FpSize, a: bigint, b: bigint, ctx: FpContext): bigint {
  return addSub(N, a, b, ctx, 1);
}

/** FABD: the absolute value of FPSub(). */
export function fpAbd(N: FpSize, a: bigint, b: bigint, ctx: FpContext): bigint {
  return fpAbs(N, fpSub(N, a, b, ctx));
}

function multiply(N: FpSize, a: bigint, b: bigint, ctx: FpContext, extended: boolean): bigint {
  const ua = fpUnpack(N, a, ctx), ub = fpUnpack(N, b, ctx);
  const nan = fpProcessNaNs(N, ctx, [[ua, a], [ub, b]]);
  if (nan !== null) return nan;
  const sign = ua.sign ^ ub.sign;
  const isZero = ua.type === FpType.Zero || ub.type === FpType.Zero;
  if (ua.type === FpType.Infinity || ub.type === FpType.Infinity) {
    if (!isZero) return fpInfinity(N, sign);
    return extended ? fpPower(N, sign, 1, false) : fpInvalid(N, ctx);
  }
  if (isZero) return fpZero(N, sign);
  const p = product(ua, ub);
  return fpRound(N, sign, p.mant, p.exp, ctx);
}

/** FPMul(). */
export function fpMul(N: FpSize, a: bigint, b: bigint, ctx: FpContext): bigint {
  return multiply(N, a, b, ctx, false);
}

/** FPMulX(): as FPMul(), but zero times infinity is 2. */
export function fpMulX(N: FpSize, a: bigint, b: bigint, ctx: FpContext): bigint {
  return multiply(N, a, b, ctx, true);
}

/** FNMUL: FPNeg() of FPMul(). */
export function fpNMul(N: FpSize, a: bigint, b: bigint, ctx: FpContext): bigint {
  return fpNeg(N, fpMul(N, a, b, ctx));
}

/** FPDiv(). */
export function fpDiv(N: FpSize, a: bigint, b: bigint, ctx: FpContext): bigint {
  const ua = fpUnpack(N, a, ctx), ub = fpUnpack(N, b, ctx);
  const nan = fpProcessNaNs(N, ctx, [[ua, a], [ub, b]]);
  if (nan !== null) return nan;
  const sign = ua.sign ^ ub.sign;
  if (ua.type === ub.type && ua.type !== FpType.Nonzero) return fpInvalid(N, ctx);
  if (ua.type === FpType.Infinity || ub.type === FpType.Zero) {
    if (ua.type !== FpType.Infinity) ctx.fpsr |= FPSR.DZC;
    return fpInfinity(N, sign);
  }
  if (ua.type === FpType.Zero || ub.type === FpType.Infinity) return fpZero(N, sign);
  const extra = bitLength(ub.mant) + FORMATS[N].F + 4;
  const dividend = ua.mant << BigInt(extra);
  const quotient = dividend / ub.mant;
  const sticky = quotient * ub.mant === dividend ? 0n : 1n;
  return fpRound(N, sign, (quotient << 1n) | sticky, ua.exp - ub.exp - extra - 1, ctx);
}

/** The largest integer whose square is not above `a`. */
function integerSqrt(a: bigint): bigint {
  let x = 1n << BigInt((bitLength(a) + 1) >> 1);
  for (;;) {
    const next = (x + a / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

/** FPSqrt(). */
export function fpSqrt(N: FpSize, a: bigint, ctx: FpContext): bigint {
  const ua = fpUnpack(N, a, ctx);
  if (isNaNType(ua.type)) return fpProcessNaN(N, ua.type, a, ctx);
  if (ua.type === FpType.Zero) return fpZero(N, ua.sign);
  if (ua.sign) return fpInvalid(N, ctx);
  if (ua.type === FpType.Infinity) return fpInfinity(N, 0);
  const extra = 2 * FORMATS[N].F + 8 + ((ua.exp & 1) === 0 ? 0 : 1);
  const radicand = ua.mant << BigInt(extra);
  const root = integerSqrt(radicand);
  const sticky = root * root === radicand ? 0n : 1n;
  return fpRound(N, 0, (root << 1n) | sticky, (ua.exp - extra) / 2 - 1, ctx);
}

/** FPMulAdd(): `addend + a * b`, rounded once. */
export function fpMulAdd(N: FpSize, addend: bigint, a: bigint, b: bigint, ctx: FpContext): bigint {
  const uc = fpUnpack(N, addend, ctx), ua = fpUnpack(N, a, ctx), ub = fpUnpack(N, b, ctx);
  const infP = ua.type === FpType.Infinity || ub.type === FpType.Infinity;
  const zeroP = ua.type === FpType.Zero || ub.type === FpType.Zero;
  const nan = fpProcessNaNs(N, ctx, [[uc, addend], [ua, a], [ub, b]]);
  const isUndefinedProduct = infP && zeroP && !isNaNType(ua.type) && !isNaNType(ub.type);
  if (uc.type === FpType.QNaN && isUndefinedProduct) return fpInvalid(N, ctx);
  if (nan !== null) return nan;
  const signP = ua.sign ^ ub.sign;
  const infA = uc.type === FpType.Infinity;
  if (isUndefinedProduct || (infA && infP && uc.sign !== signP)) return fpInvalid(N, ctx);
  if (infA || infP) return fpInfinity(N, infA ? uc.sign : signP);
  if (uc.type === FpType.Zero && zeroP && uc.sign === signP) return fpZero(N, signP);
  return roundSum(N, uc, product(ua, ub), ctx);
}

/** The order of two numbers that are not NaNs: -1, 0 or 1. */
function order(a: Unpacked, b: Unpacked): number {
  const rank = (u: Unpacked) => (u.type === FpType.Zero ? 0 : u.sign ? -1 : 1) * (u.type === FpType.Infinity ? 2 : 1);
  const ra = rank(a), rb = rank(b);
  if (ra !== rb) return ra < rb ? -1 : 1;
  if (a.type !== FpType.Nonzero) return 0;
  const exp = Math.min(a.exp, b.exp);
  const ma = a.mant << BigInt(a.exp - exp), mb = b.mant << BigInt(b.exp - exp);
  return (ma === mb ? 0 : ma < mb ? -1 : 1) * (a.sign ? -1 : 1);
}

/** FPCompare(): NZCV as a number (N = 8). With `signalNaNs` a quiet NaN is an Invalid Operation too. */
export function fpCompare(N: FpSize, a: bigint, b: bigint, signalNaNs: boolean, ctx: FpContext): number {
  const ua = fpUnpack(N, a, ctx), ub = fpUnpack(N, b, ctx);
  if (isNaNType(ua.type) || isNaNType(ub.type)) {
    if (signalNaNs || ua.type === FpType.SNaN || ub.type === FpType.SNaN) ctx.fpsr |= FPSR.IOC;
    return 0b0011;
  }
  const o = order(ua, ub);
  return o === 0 ? 0b0110 : o < 0 ? 0b1000 : 0b0010;
}

/** FPCompareEQ(): only a signalling NaN is an Invalid Operation. */
export function fpCompareEQ(N: FpSize, a: bigint, b: bigint, ctx: FpContext): boolean {
  return fpCompare(N, a, b, false, ctx) === 0b0110;
}

/** FPCompareGE(). */
export function fpCompareGE(N: FpSize, a: bigint, b: bigint, ctx: FpContext): boolean {
  const nzcv = fpCompare(N, a, b, true, ctx);
  return nzcv === 0b0110 || nzcv === 0b0010;
}

/** FPCompareGT(). */
export function fpCompareGT(N: FpSize, a: bigint, b: bigint, ctx: FpContext): boolean {
  return fpCompare(N, a, b, true, ctx) === 0b0010;
}

function maxMin(N: FpSize, a: bigint, b: bigint, ctx: FpContext, isMax: boolean): bigint {
  const ua = fpUnpack(N, a, ctx), ub = fpUnpack(N, b, ctx);
  const nan = fpProcessNaNs(N, ctx, [[ua, a], [ub, b]]);
  if (nan !== null) return nan;
  const o = order(ua, ub);
  const chosen = (isMax ? o > 0 : o < 0) ? ua : ub;
  if (chosen.type === FpType.Infinity) return fpInfinity(N, chosen.sign);
  if (chosen.type === FpType.Zero) return fpZero(N, isMax ? ua.sign & ub.sign : ua.sign | ub.sign);
  return fpRound(N, chosen.sign, chosen.mant, chosen.exp, ctx);
}

/** FPMax(). */
export function fpMax(N: FpSize, a: bigint, b: bigint, ctx: FpContext): bigint {
  return maxMin(N, a, b, ctx, true);
}

/** FPMin(). */
export function fpMin(N: FpSize, a: bigint, b: bigint, ctx: FpContext): bigint {
  return maxMin(N, a, b, ctx, false);
}

function maxMinNum(N: FpSize, a: bigint, b: bigint, ctx: FpContext, isMax: boolean): bigint {
  const quietA = fpUnpack(N, a, ctx).type === FpType.QNaN;
  const quietB = fpUnpack(N, b, ctx).type === FpType.QNaN;
  const neutral = fpInfinity(N, isMax ? 1 : 0);
  if (quietA && !quietB) return maxMin(N, neutral, b, ctx, isMax);
  if (quietB && !quietA) return maxMin(N, a, neutral, ctx, isMax);
  return maxMin(N, a, b, ctx, isMax);
}

/** FPMaxNum(): a quiet NaN loses against a number. */
export function fpMaxNum(N: FpSize, a: bigint, b: bigint, ctx: FpContext): bigint {
  return maxMinNum(N, a, b, ctx, true);
}

/** FPMinNum(). */
export function fpMinNum(N: FpSize, a: bigint, b: bigint, ctx: FpContext): bigint {
  return maxMinNum(N, a, b, ctx, false);
}

function stepFused(N: FpSize, first: bigint, b: bigint, ctx: FpContext, isSqrt: boolean): bigint {
  const a = fpNeg(N, first);
  const ua = fpUnpack(N, a, ctx), ub = fpUnpack(N, b, ctx);
  const nan = fpProcessNaNs(N, ctx, [[ua, a], [ub, b]]);
  if (nan !== null) return nan;
  if (ua.type === FpType.Infinity || ub.type === FpType.Infinity) {
    const isZero = ua.type === FpType.Zero || ub.type === FpType.Zero;
    if (isZero) return isSqrt ? fpPower(N, 0, 0, true) : fpPower(N, 0, 1, false);
    return fpInfinity(N, ua.sign ^ ub.sign);
  }
  const constant: Unpacked = { type: FpType.Nonzero, sign: 0, mant: isSqrt ? 3n : 2n, exp: 0 };
  return roundSum(N, constant, product(ua, ub), ctx, isSqrt ? 1 : 0);
}

/** FPRecipStepFused(): 2 - a * b. */
export function fpRecipStepFused(N: FpSize, a: bigint, b: bigint, ctx: FpContext): bigint {
  return stepFused(N, a, b, ctx, false);
}

/** FPRSqrtStepFused(): (3 - a * b) / 2. */
export function fpRSqrtStepFused(N: FpSize, a: bigint, b: bigint, ctx: FpContext): bigint {
  return stepFused(N, a, b, ctx, true);
}

/**
 * FPMulAddH(): half-precision operands, a single-precision sum. A widened half keeps its kind of NaN, so that
 * FPMulAdd() does the rest.
 */
export function fpMulAddH(addend: bigint, a: bigint, b: bigint, ctx: FpContext): bigint {
  const widen = (h: bigint): bigint => {
    const sign = (h >> 15n) & 1n, exp = (h >> 10n) & 31n;
    let frac = h & 0x3ffn;
    if (exp === 31n) return (sign << 31n) | (0xffn << 23n) | (frac << 13n);
    if (exp !== 0n) return (sign << 31n) | ((exp + 112n) << 23n) | (frac << 13n);
    if (frac === 0n || ctx.fpcr & FPCR.FZ16) return sign << 31n;
    let biased = 113n;
    for (; !(frac & 0x400n); frac <<= 1n) biased--;
    return (sign << 31n) | (biased << 23n) | ((frac & 0x3ffn) << 13n);
  };
  return fpMulAdd(32, addend, widen(a), widen(b), ctx);
}
