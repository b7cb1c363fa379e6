/** Reciprocal and square root estimates. Arm DDI 0487, chapter J1: RecipEstimate() and its users. */
import {
  FORMATS,
  type FpContext,
  FPCR,
  fpInfinity,
  fpInvalid,
  fpMaxNormal,
  fpProcessNaN,
  fpRoundingMode,
  type FpSize,
  FPSR,
  FpType,
  fpUnpack,
  fpZero,
  isNaNType,
  overflowsToInfinity,
} from "./format.ts";

/** RecipEstimate(): 1 / a for a fixed-point `a` in [256, 511], as an integer in the same range. */
function recipEstimate(a: number): number {
  const b = Math.floor(2 ** 19 / (2 * a + 1));
  return (b + 1) >> 1;
}

/** RecipSqrtEstimate(): 1 / sqrt(a) for `a` in [128, 511], in [256, 511]. */
function recipSqrtEstimate(a: number): number {
  const scaled = a < 256 ? a * 2 + 1 : (((a >> 1) << 1) + 1) * 2;
  let b = 512;
  while (scaled * (b + 1) * (b + 1) < 2 ** 28) b++;
  return (b + 1) >> 1;
}

const FRACTION = (1n << 52n) - 1n;
const TOP = 1n << 51n;

/** Exponent field and fraction, the latter moved up to 52 bits. */
function split(N: FpSize, a: bigint): { exp: number; fraction: bigint } {
  const f = FORMATS[N];
  return {
    exp: Number((a >> BigInt(f.F)) & BigInt(f.expOnes)),
    fraction: (a & f.fractionMask) << BigInt(52 - f.F),
  };
}

/** FPRecipEstimate(): an estimate of 1 / a, good to 8 bits. */
export function fpRecipEstimate(N: FpSize, a: bigint, ctx: FpContext): bigint {
  const f = FORMATS[N];
  const u = fpUnpack(N, a, ctx);
  if (isNaNType(u.type)) return fpProcessNaN(N, u.type, a, ctx);
  if (u.type === FpType.Infinity) return fpZero(N, u.sign);
  if (u.type === FpType.Zero) {
    ctx.fpsr |= FPSR.DZC;
    return fpInfinity(N, u.sign);
  }
  let { exp, fraction } = split(N, a);
  if (exp === 0 && fraction >> 50n === 0n) {
    ctx.fpsr |= FPSR.OFC | FPSR.IXC;
    return overflowsToInfinity(u.sign, fpRoundingMode(ctx)) ? fpInfinity(N, u.sign) : fpMaxNormal(N, u.sign);
  }
  if (ctx.fpcr & (N === 16 ? FPCR.FZ16 : FPCR.FZ) && exp >= f.expOnes - 2) {
    ctx.fpsr |= FPSR.UFC;
    return fpZero(N, u.sign);
  }
  if (exp === 0) {
    if (fraction & TOP) {
      fraction = (fraction << 1n) & FRACTION;
    } else {
      exp = -1;
      fraction = (fraction << 2n) & FRACTION;
    }
  }
  let resultExp = f.expOnes - 2 - exp;
  const estimate = BigInt(recipEstimate(256 + Number(fraction >> 44n)) & 255);
  fraction = estimate << 44n;
  if (resultExp <= 0) {
    fraction = (TOP | (fraction >> 1n)) >> BigInt(-resultExp);
    resultExp = 0;
  }
  return fpZero(N, u.sign) | (BigInt(resultExp) << BigInt(f.F)) | (fraction >> BigInt(52 - f.F));
}

/** FPRSqrtEstimate(): an estimate of 1 / sqrt(a), good to 8 bits. */
export function fpRSqrtEstimate(N: FpSize, a: bigint, ctx: FpContext): bigint {
  const f = FORMATS[N];
  const u = fpUnpack(N, a, ctx);
  if (isNaNType(u.type)) return fpProcessNaN(N, u.type, a, ctx);
  if (u.type === FpType.Zero) {
    ctx.fpsr |= FPSR.DZC;
    return fpInfinity(N, u.sign);
  }
  if (u.sign) return fpInvalid(N, ctx);
  if (u.type === FpType.Infinity) return fpZero(N, 0);
  let { exp, fraction } = split(N, a);
  if (exp === 0) {
    for (; !(fraction & TOP); exp--) fraction <<= 1n;
    fraction = (fraction << 1n) & FRACTION;
  }
  const scaled = (exp & 1) === 0 ? 256 + Number(fraction >> 44n) : 128 + Number(fraction >> 45n);
  const resultExp = Math.floor((3 * (f.expOnes >> 1) - 1 - exp) / 2);
  const estimate = BigInt(recipSqrtEstimate(scaled) & 255);
  return (BigInt(resultExp) << BigInt(f.F)) | (estimate << BigInt(f.F - 8));
}

/** FPRecpX(): a number whose exponent is the complement of the operand's. */
export function fpRecpX(N: FpSize, a: bigint, ctx: FpContext): bigint {
  const f = FORMATS[N];
  const u = fpUnpack(N, a, ctx);
  if (isNaNType(u.type)) return fpProcessNaN(N, u.type, a, ctx);
  const { exp } = split(N, a);
  const result = exp === 0 ? f.expOnes - 1 : f.expOnes - exp;
  return fpZero(N, u.sign) | (BigInt(result) << BigInt(f.F));
}

/** UnsignedRecipEstimate(), on 32 bits. */
export function unsignedRecipEstimate(a: number): number {
  if (a >>> 31 === 0) return 0xffffffff;
  return (recipEstimate(a >>> 23) << 23) >>> 0;
}

/** UnsignedRSqrtEstimate(), on 32 bits. */
export function unsignedRSqrtEstimate(a: number): number {
  if (a >>> 30 === 0) return 0xffffffff;
  return (recipSqrtEstimate(a >>> 23) << 23) >>> 0;
}
