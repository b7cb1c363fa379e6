/** 64-bit numbers as pairs of unsigned 32-bit halves, or as a JavaScript number where 53 bits are enough. */

const TWO_32 = 2 ** 32;

/** The low half of a safe integer of either sign. */
export function lowHalf(value: number): number {
  return value >>> 0;
}

/** The high half of a safe integer of either sign. */
export function highHalf(value: number): number {
  return Math.floor(value / TWO_32) >>> 0;
}

/** The unsigned value of a pair; exact up to 2^53. */
export function toNumber(lo: number, hi: number): number {
  return hi * TWO_32 + lo;
}

/** The signed value of a pair; exact between -2^53 and 2^53. */
export function toSigned(lo: number, hi: number): number {
  return (hi | 0) * TWO_32 + lo;
}

/** The high half of a + b modulo 2^64; the low half is `(aLo + bLo) >>> 0`. */
export function addHigh(aLo: number, aHi: number, bLo: number, bHi: number): number {
  return (aHi + bHi + (aLo + bLo >= TWO_32 ? 1 : 0)) >>> 0;
}

/** The high half of a - b modulo 2^64; the low half is `(aLo - bLo) >>> 0`. */
export function subHigh(aLo: number, aHi: number, bLo: number, bHi: number): number {
  return (aHi - bHi - (aLo < bLo ? 1 : 0)) >>> 0;
}
