/*
 * The immediates of logical instructions: a run of ones, rotated within an element of 2 to 64 bits, and the element
 * repeated over the register. Arm DDI 0487, DecodeBitMasks().
 */

/** A 64-bit number as two signed 32-bit halves. */
export type Halves = readonly [lo: number, hi: number];

/** The element's size in bits as a power of two, 1 to 6, or a smaller number where the encoding is reserved. */
function elementSizeLog2(immN: number, imms: number): number {
  return 31 - Math.clz32((immN << 6) | (~imms & 0x3f));
}

/** Whether a logical instruction with these fields is UNDEFINED; it is also where sf is 0 and N is 1. */
export function isReservedBitMask(immN: number, imms: number): boolean {
  const len = elementSizeLog2(immN, imms), levels = (1 << len) - 1;
  return len < 1 || (imms & levels) === levels;
}

/** `count` ones, 0 to 32, as a signed number. */
function ones(count: number): number {
  return count >= 32 ? -1 : (1 << count) - 1;
}

/**
 * The wmask of DecodeBitMasks(): the value of a logical immediate in 64 bits. A 32-bit instruction uses its low half.
 * The fields are not reserved.
 */
export function decodeBitMasks(immN: number, imms: number, immr: number): Halves {
  const len = elementSizeLog2(immN, imms), levels = (1 << len) - 1;
  const count = (imms & levels) + 1, rotation = immr & levels;
  if (len === 6) return rotateRight(ones(count), ones(Math.max(count - 32, 0)), rotation);
  const size = 1 << len;
  let element = ones(count);
  if (rotation !== 0) element = ((element >>> rotation) | (element << (size - rotation))) & ones(size);
  for (let width = size; width < 32; width *= 2) element |= element << width;
  return [element, element];
}

function rotateRight(lo: number, hi: number, amount: number): Halves {
  if (amount >= 32) [lo, hi] = [hi, lo];
  const n = amount & 31;
  if (n === 0) return [lo, hi];
  return [(lo >>> n) | (hi << (32 - n)), (hi >>> n) | (lo << (32 - n))];
}

/** The fields that encode a value of `width` 32 or 64 bits, or null when none do. The inverse of decodeBitMasks(). */
export function encodeBitMasks(
  value: bigint,
  width: number,
): { immN: number; immr: number; imms: number } | null {
  let size = width;
  for (; size > 2; size /= 2) {
    const half = BigInt(size / 2);
    if (BigInt.asUintN(size / 2, value) !== BigInt.asUintN(size / 2, value >> half)) break;
  }
  const element = BigInt.asUintN(size, value);
  const bits = element.toString(2).padStart(size, "0");
  const count = bits.replaceAll("0", "").length;
  if (count === 0 || count === size) return null;
  // The run of ones begins, as bits are written, at the only one that stands behind a zero (cyclically).
  const start = [...bits].findIndex((bit, i) => bit === "1" && bits.at(i - 1) === "0");
  const cyclic = bits.slice(start) + bits.slice(0, start);
  if (cyclic.lastIndexOf("1") !== count - 1) return null;
  const immr = (start + count) % size;
  return { immN: size === 64 ? 1 : 0, immr, imms: size === 64 ? count - 1 : (~(2 * size - 1) & 0x3f) | (count - 1) };
}
