/**
 * The binary floating-point formats and what every operation on them shares: unpacking, rounding and NaNs.
 * Arm DDI 0487, chapter J1, shared pseudocode: FPUnpack(), FPRound(), FPProcessNaN(). Values are exact, so this is
 * the slow path of the arithmetic, and what the fast path is judged by.
 */

/** Width of a format: half, single or double precision. */
export type FpSize = 16 | 32 | 64;

/** The floating-point control and status registers as an operation sees them: `fpsr` gathers the exceptions. */
export interface FpContext {
  fpcr: number;
  fpsr: number;
}

/** FPCR fields. */
export const FPCR = { FZ16: 1 << 19, RMode: 3 << 22, FZ: 1 << 24, DN: 1 << 25, AHP: 1 << 26 } as const;

/** FPSR's cumulative exception bits, which FPProcessException() sets. */
export const FPSR = { IOC: 1, DZC: 2, OFC: 4, UFC: 8, IXC: 16, IDC: 128 } as const;

/** FPRounding: the first four are FPCR.RMode's values. */
export const Rounding = { TIEEVEN: 0, POSINF: 1, NEGINF: 2, ZERO: 3, TIEAWAY: 4, ODD: 5 } as const;
export type Rounding = (typeof Rounding)[keyof typeof Rounding];

/** FPType. */
export const FpType = { Zero: 0, Nonzero: 1, Infinity: 2, QNaN: 3, SNaN: 4 } as const;
export type FpType = (typeof FpType)[keyof typeof FpType];

/** FPUnpack()'s result: the value is (-1)^sign * mant * 2^exp. */
export interface Unpacked {
  readonly type: FpType;
  readonly sign: number;
  readonly mant: bigint;
  readonly exp: number;
}

/** What a format's width implies: E exponent bits, F fraction bits. */
interface Format {
  readonly E: number;
  readonly F: number;
  readonly fractionMask: bigint;
  readonly expOnes: number;
  /** Exponent of the smallest normal number. */
  readonly minimumExp: number;
  readonly signBit: bigint;
  readonly infinity: bigint;
}

function format(E: number, F: number): Format {
  const expOnes = 2 ** E - 1;
  return {
    E,
    F,
    fractionMask: (1n << BigInt(F)) - 1n,
    expOnes,
    minimumExp: 2 - 2 ** (E - 1),
    signBit: 1n << BigInt(E + F),
    infinity: BigInt(expOnes) << BigInt(F),
  };
}

/** The three formats by width. */
export const FORMATS: Readonly<Record<FpSize, Format>> = { 16: format(5, 10), 32: format(8, 23), 64: format(11, 52) };

/** FPRoundingMode(): the rounding that FPCR.RMode asks for. */
export function fpRoundingMode(ctx: FpContext): Rounding {
  return ((ctx.fpcr >>> 22) & 3) as Rounding;
}

/** FPZero(). */
export function fpZero(N: FpSize, sign: number): bigint {
  return sign ? FORMATS[N].signBit : 0n;
}

/** FPInfinity(). */
export function fpInfinity(N: FpSize, sign: number): bigint {
  return fpZero(N, sign) | FORMATS[N].infinity;
}

/** FPMaxNormal(). */
export function fpMaxNormal(N: FpSize, sign: number): bigint {
  return fpInfinity(N, sign) - 1n;
}

/** FPDefaultNaN(): positive and quiet, with no payload. */
export function fpDefaultNaN(N: FpSize): bigint {
  const f = FORMATS[N];
  return f.infinity | (1n << BigInt(f.F - 1));
}

/** FPTwo(), FPOnePointFive() and their like: 1.5 * 2^exponent when `half`, else 2^exponent. */
export function fpPower(N: FpSize, sign: number, exponent: number, half: boolean): bigint {
  const f = FORMATS[N];
  const biased = BigInt(exponent + 1 - f.minimumExp);
  return fpZero(N, sign) | (biased << BigInt(f.F)) | (half ? 1n << BigInt(f.F - 1) : 0n);
}

/** FPAbs(). */
export function fpAbs(N: FpSize, a: bigint): bigint {
  return a & ~FORMATS[N].signBit;
}

/** FPNeg(). */
export function fpNeg(N: FpSize, a: bigint): bigint {
  return a ^ FORMATS[N].signBit;
}

/**
 * FPUnpackBase(): splits a number, flushing a denormal to zero where FPCR asks for it.
 * @param conversion FPUnpackCV(): FZ16 is ignored and AHP honoured, the other way round than in arithmetic.
 */
export function fpUnpack(N: FpSize, a: bigint, ctx: FpContext, conversion = false): Unpacked {
  const f = FORMATS[N];
  const sign = a & f.signBit ? 1 : 0;
  const exp = Number((a >> BigInt(f.F)) & BigInt(f.expOnes));
  const frac = a & f.fractionMask;
  if (exp === 0) {
    if (frac === 0n) return { type: FpType.Zero, sign, mant: 0n, exp: 0 };
    if (N === 16 ? !conversion && ctx.fpcr & FPCR.FZ16 : ctx.fpcr & FPCR.FZ) {
      if (N !== 16) ctx.fpsr |= FPSR.IDC;
      return { type: FpType.Zero, sign, mant: 0n, exp: 0 };
    }
    return { type: FpType.Nonzero, sign, mant: frac, exp: f.minimumExp - f.F };
  }
  if (exp === f.expOnes && !(N === 16 && conversion && ctx.fpcr & FPCR.AHP)) {
    if (frac === 0n) return { type: FpType.Infinity, sign, mant: 0n, exp: 0 };
    const quiet = (frac >> BigInt(f.F - 1)) & 1n;
    return { type: quiet ? FpType.QNaN : FpType.SNaN, sign, mant: 0n, exp: 0 };
  }
  return {
    type: FpType.Nonzero,
    sign,
    mant: frac | (1n << BigInt(f.F)),
    exp: exp - 1 + f.minimumExp - f.F,
  };
}

/** The number of bits of a positive integer. */
export function bitLength(a: bigint): number {
  const hex = a.toString(16);
  return 4 * hex.length - Math.clz32(parseInt(hex[0], 16)) + 28;
}

/** An integer, what was cut off below it compared with one half (-1, 0, 1), and whether anything was cut off. */
interface Cut {
  readonly int: bigint;
  readonly half: number;
  readonly inexact: boolean;
}

/** `mant * 2^exp` rounded down to an integer, with what was lost. */
export function cut(mant: bigint, exp: number): Cut {
  if (exp >= 0) return { int: mant << BigInt(exp), half: -1, inexact: false };
  const shift = BigInt(-exp);
  const int = mant >> shift;
  const rest = mant - (int << shift);
  const half = 1n << (shift - 1n);
  return { int, half: rest < half ? -1 : rest > half ? 1 : 0, inexact: rest !== 0n };
}

/** Whether a magnitude that was cut is to be rounded up (away from zero). */
export function roundsUp(c: Cut, sign: number, rounding: Rounding): boolean {
  switch (rounding) {
    case Rounding.TIEEVEN:
      return c.half > 0 || (c.half === 0 && (c.int & 1n) === 1n);
    case Rounding.TIEAWAY:
      return c.half >= 0;
    case Rounding.POSINF:
      return c.inexact && !sign;
    case Rounding.NEGINF:
      return c.inexact && sign === 1;
    default:
      return false;
  }
}

/** Whether a result too large for the format becomes infinity, not the largest normal number. */
export function overflowsToInfinity(sign: number, rounding: Rounding): boolean {
  if (rounding === Rounding.POSINF) return !sign;
  if (rounding === Rounding.NEGINF) return sign === 1;
  return rounding === Rounding.TIEEVEN || rounding === Rounding.TIEAWAY;
}

/**
 * FPRoundBase(): the number nearest to (-1)^sign * mant * 2^exp, with the exceptions it raises. Tininess is detected
 * before rounding.
 * @param mant not 0. A value that is not a finite binary fraction is given with extra bits of which the lowest is set.
 * @param conversion FPRoundCV(): FZ16 is ignored and AHP honoured.
 */
export function fpRound(
  N: FpSize,
  sign: number,
  mant: bigint,
  exp: number,
  ctx: FpContext,
  rounding: Rounding = fpRoundingMode(ctx),
  conversion = false,
): bigint {
  const f = FORMATS[N];
  const exponent = exp + bitLength(mant) - 1;
  const tiny = exponent < f.minimumExp;
  if (tiny && (N === 16 ? !conversion && ctx.fpcr & FPCR.FZ16 : ctx.fpcr & FPCR.FZ)) {
    ctx.fpsr |= FPSR.UFC;
    return fpZero(N, sign);
  }
  let biased = tiny ? 0 : exponent - f.minimumExp + 1;
  const c = cut(mant, exp - ((tiny ? f.minimumExp : exponent) - f.F));
  let intMant = c.int;
  const inexact = c.inexact;
  if (tiny && inexact) ctx.fpsr |= FPSR.UFC;
  if (roundsUp(c, sign, rounding)) {
    intMant++;
    if (intMant === 1n << BigInt(f.F)) biased = 1;
    if (intMant === 1n << BigInt(f.F + 1)) {
      biased++;
      intMant >>= 1n;
    }
  }
  if (inexact && rounding === Rounding.ODD) intMant |= 1n;
  const alternative = N === 16 && conversion && (ctx.fpcr & FPCR.AHP) !== 0;
  if (alternative && biased > f.expOnes) {
    ctx.fpsr |= FPSR.IOC;
    return fpZero(N, sign) | (f.signBit - 1n);
  }
  if (!alternative && biased >= f.expOnes) {
    ctx.fpsr |= FPSR.OFC | FPSR.IXC;
    return overflowsToInfinity(sign, rounding) ? fpInfinity(N, sign) : fpMaxNormal(N, sign);
  }
  if (inexact) ctx.fpsr |= FPSR.IXC;
  return fpZero(N, sign) | (BigInt(biased) << BigInt(f.F)) | (intMant & f.fractionMask);
}

/** Whether the type is that of a NaN. */
export function isNaNType(type: FpType): boolean {
  return type >= FpType.QNaN;
}

/** FPProcessNaN(): the NaN made quiet, or the default NaN; a signalling one raises Invalid Operation. */
export function fpProcessNaN(N: FpSize, type: FpType, a: bigint, ctx: FpContext): bigint {
  if (type === FpType.SNaN) ctx.fpsr |= FPSR.IOC;
  if (ctx.fpcr & FPCR.DN) return fpDefaultNaN(N);
  return a | (1n << BigInt(FORMATS[N].F - 1));
}

/** FPProcessNaNs() and FPProcessNaNs3(): the first signalling NaN, else the first quiet one; null without a NaN. */
export function fpProcessNaNs(
  N: FpSize,
  ctx: FpContext,
  operands: readonly (readonly [Unpacked, bigint])[],
): bigint | null {
  for (const wanted of [FpType.SNaN, FpType.QNaN]) {
    for (const [u, bits] of operands) if (u.type === wanted) return fpProcessNaN(N, wanted, bits, ctx);
  }
  return null;
}

/** Raises Invalid Operation and gives the default NaN. */
export function fpInvalid(N: FpSize, ctx: FpContext): bigint {
  ctx.fpsr |= FPSR.IOC;
  return fpDefaultNaN(N);
}
