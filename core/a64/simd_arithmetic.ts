import type { Builder, I32, I64, V128 } from "../engine/builder.ts";
import {
  addPairs,
  and,
  andNot,
  clamp,
  compare,
  datasize,
  elements,
  esize,
  evens,
  extend,
  extmul,
  extract,
  extreme,
  lanes,
  least,
  negative,
  odds,
  or,
  readV,
  replace,
  saturatingAdd,
  saturatingSub,
  setQC,
  setQCIf,
  sign,
  unit,
  writeV,
  xor,
  zero,
} from "./simd_lanes.ts";

/** What an instruction does to vectors of elements; those of a narrower register are zero-extended. */
export type Unary = (o: Builder, size: number, a: V128) => V128;
export type Binary = (o: Builder, size: number, a: V128, b: V128) => V128;
/** With the destination's old value `d`. */
export type Ternary = (o: Builder, size: number, d: V128, a: V128, b: V128) => V128;

/** Wasm's instruction of that name. */
export const plain = (operation: string): Binary => (o, size, a, b) => lanes(o, size, operation, a, b);

/** SHADD, UHADD, SRHADD, URHADD: half the sum, exactly. */
export function halvingAdd(unsigned: boolean, rounding: boolean): Binary {
  return (o, size, a, b) => {
    if (rounding && unsigned && size < 2) return lanes(o, size, "avgr_u", a, b);
    const half = lanes(o, size, `shr_${sign(unsigned)}`, xor(o, a, b), o.i32(1));
    return rounding ? lanes(o, size, "sub", or(o, a, b), half) : lanes(o, size, "add", and(o, a, b), half);
  };
}

/** SHSUB, UHSUB: half the difference, from a - b = (a EOR b) - 2 * (b AND NOT a). */
export function halvingSub(unsigned: boolean): Binary {
  return (o, size, a, b) => {
    const half = lanes(o, size, `shr_${sign(unsigned)}`, xor(o, a, b), o.i32(1));
    return lanes(o, size, "sub", half, andNot(o, b, a));
  };
}

export const addSaturating = (unsigned: boolean): Binary => (o, size, a, b) => saturatingAdd(o, size, unsigned, a, b);
export const subSaturating = (unsigned: boolean): Binary => (o, size, a, b) => saturatingSub(o, size, unsigned, a, b);

/** CMGT, CMGE, CMHI, CMHS. */
export const comparison = (how: string, unsigned: boolean): Binary => (o, size, a, b) =>
  compare(o, size, how, unsigned, a, b);

/** CMTST. */
export const test: Binary = (o, size, a, b) => lanes(o, size, "ne", and(o, a, b), zero(o));

export const minMax = (how: "min" | "max", unsigned: boolean): Binary => (o, size, a, b) =>
  extreme(o, size, how, unsigned, a, b);

export const absoluteDifference = (unsigned: boolean): Binary => (o, size, a, b) =>
  lanes(o, size, "sub", extreme(o, size, "max", unsigned, a, b), extreme(o, size, "min", unsigned, a, b));

/** The low half of products; WebAssembly has none of bytes. */
export const multiply: Binary = (o, size, a, b) =>
  size > 0 ? lanes(o, size, "mul", a, b) : evens(o, 0, extmul(o, 0, 0, true, a, b), extmul(o, 0, 1, true, a, b));

/** The low bits of carry-less products. PolynomialMult(); `multiplierBits` of b count. */
export function polynomialMultiply(o: Builder, size: number, a: V128, b: V128, multiplierBits = 8): V128 {
  let result: V128 | null = null;
  for (let bit = 0; bit < multiplierBits; bit++) {
    const isSet = negative(o, size, lanes(o, size, "shl", b, o.i32(esize(size) - 1 - bit)));
    const term = and(o, isSet, bit === 0 ? a : lanes(o, size, "shl", a, o.i32(bit)));
    result = result ? xor(o, result, term) : term;
  }
  return result!;
}

/** d + f(a, b). */
export const accumulate = (f: Binary): Ternary => (o, size, d, a, b) => lanes(o, size, "add", d, f(o, size, a, b));
/** d - f(a, b). */
export const deduct = (f: Binary): Ternary => (o, size, d, a, b) => lanes(o, size, "sub", d, f(o, size, a, b));

/** Both elements the least number: the only product whose double overflows. */
function bothLeast(o: Builder, size: number, a: V128, b: V128): V128 {
  const bound = least(o, size);
  return and(o, lanes(o, size, "eq", a, bound), lanes(o, size, "eq", b, bound));
}

/** SQDMULH, SQRDMULH: the high half of the doubled product, of 16 and 32 bits. */
export function doublingMultiplyHigh(rounding: boolean): Binary {
  return (o, size, a, b) => {
    const saturated = bothLeast(o, size, a, b);
    setQC(o, saturated);
    if (rounding && size === 1) return o.op("i16x8.q15mulr_sat_s", a, b);
    const half = (high: number): V128 => {
      const product = extmul(o, size, high, false, a, b);
      const sum = rounding ? lanes(o, size + 1, "add", product, roundConstant(o, size)) : product;
      return lanes(o, size + 1, "shr_s", sum, o.i32(esize(size) - 1));
    };
    // The overflowing result is the least number; its complement is the greatest.
    return xor(o, evens(o, size, half(0), half(1)), saturated);
  };
}

/** In elements twice as wide, half of what a shift by esize - 1 drops. */
function roundConstant(o: Builder, size: number): V128 {
  return lanes(o, size + 1, "shl", unit(o, size + 1), o.i32(esize(size) - 2));
}

/** SQRDMLAH, SQRDMLSH of 16 and 32 bits: d * 2^(esize - 1) and the product fit twice the width, with the rounding. */
export function doublingMultiplyAccumulateHigh(how: "add" | "sub"): Ternary {
  return (o, size, d, a, b) => {
    const wide = size + 1, shift = o.i32(esize(size) - 1);
    const half = (high: number): V128 => {
      const addend = lanes(o, wide, "shl", extend(o, size, high, false, d), shift);
      const sum = lanes(o, wide, how, addend, extmul(o, size, high, false, a, b));
      const rounded = lanes(o, wide, "add", sum, roundConstant(o, size));
      return clamp(o, size, "signed", lanes(o, wide, "shr_s", rounded, shift));
    };
    return evens(o, size, half(0), half(1));
  };
}

/** SatQ(2 * product) from elements of `size`, twice as wide, as SQDMULL makes it; sets QC. */
export function doublingMultiplyLong(o: Builder, size: number, high: number, a: V128, b: V128): V128 {
  const wide = size + 1;
  const doubled = lanes(o, wide, "shl", extmul(o, size, high, false, a, b), o.i32(1));
  // Only the square of the least number doubles to the least number.
  const saturated = lanes(o, wide, "eq", doubled, least(o, wide));
  setQC(o, saturated);
  return xor(o, doubled, saturated);
}

/** Sums of four products of bytes added to each word. */
export function dotProduct(unsigned: boolean): Ternary {
  return (o, _size, d, a, b) => {
    const half = (high: number): V128 => addPairs(o, 1, unsigned, extmul(o, 0, high, unsigned, a, b));
    const low = half(0), high = half(1);
    const sums = o.op("i32x4.add", evens(o, 2, low, high), odds(o, 2, low, high));
    return o.op("i32x4.add", d, sums);
  };
}

const PAIR_LOW = [0, 1, 2, 3].map((size) => pairLanes(size, 0));
const PAIR_HIGH = [0, 1, 2, 3].map((size) => pairLanes(size, 1));

/** For 64-bit vectors: the even or odd elements of the low half of a, then of b; the rest does not matter. */
function pairLanes(size: number, odd: number): number[] {
  const count = 8 >> size;
  return elements(
    size,
    Array.from({ length: 16 >> size }, (_, i) => {
      const element = 2 * (i % count) + odd;
      const pairs = count >> 1;
      return i % count < pairs ? element : 2 * count + element - count;
    }),
  );
}

/** An operation on neighbours of the concatenation b:a, as ADDP, SMAXP. */
export function pairwise(f: Binary, o: Builder, Q: number, size: number, a: V128, b: V128): V128 {
  if (Q) return f(o, size, evens(o, size, a, b), odds(o, size, a, b));
  return f(o, size, o.shuffle(a, b, PAIR_LOW[size]), o.shuffle(a, b, PAIR_HIGH[size]));
}

/** How an element is shifted by a signed amount, which a register holds in its low byte. */
export interface RegisterShift {
  readonly unsigned: boolean;
  readonly rounding?: boolean;
  readonly saturating?: boolean;
}

/** SSHL, USHL and their rounding and saturating variants, of the first `count` elements, mostly one by one. */
export function shiftByRegister(how: RegisterShift, o: Builder, size: number, count: number, a: V128, b: V128): V128 {
  if (size === 0 && count > 1 && !how.rounding && !how.saturating) return shiftBytes(o, how.unsigned, a, b);
  let result = zero(o);
  let saturated: I32 | null = null;
  for (let i = 0; i < count; i++) {
    const amount = o.op("i64.extend8_s", extract(o, size, i, true, b));
    const element = extract(o, size, i, how.unsigned, a);
    const left = how.saturating ? shiftLeftSaturating(o, size, how.unsigned, element, amount) : null;
    const shifted = left ? left.value : zeroFrom64(o, amount, o.shl(element, amount));
    const isLeft = o.geS(amount, o.i64(0));
    const right = shiftElementRight(o, how, element, o.sub(o.i64(0), amount));
    result = replace(o, size, i, result, o.select(isLeft, shifted, right));
    if (left) {
      const flag = o.and(isLeft, left.saturated);
      saturated = saturated ? o.or(saturated, flag) : flag;
    }
  }
  if (saturated) setQCIf(o, saturated);
  return result;
}

/**
 * SSHL and USHL of bytes, by products with powers of two: of a left shift the low byte of a * 2^n, of a right shift
 * the high byte of a * 2^(8 - n). The power is 0 where the shift goes the other way or leaves nothing.
 */
function shiftBytes(o: Builder, unsigned: boolean, a: V128, b: V128): V128 {
  const isRight = negative(o, 0, b), eight = o.v128(0x0808080808080808n, 0x0808080808080808n);
  const amount = and(o, isRight, lanes(o, 0, "min_u", lanes(o, 0, "neg", b), eight));
  const toLeft = o.op("i8x16.swizzle", o.v128(0x8040201008040201n, 0n), b);
  const toRight = o.op("i8x16.swizzle", o.v128(0x0204081020408000n, 1n), amount);
  const products = (high: number, power: V128): V128 =>
    lanes(o, 1, "mul", extend(o, 0, high, unsigned, a), extend(o, 0, high, true, power));
  const left = evens(o, 0, products(0, toLeft), products(1, toLeft));
  return or(o, left, odds(o, 0, products(0, toRight), products(1, toRight)));
}

/** 0 where `amount` is 64 or more, for shifts whose amount WebAssembly takes modulo 64. */
function zeroFrom64(o: Builder, amount: I64, shifted: I64): I64 {
  return o.select(o.ltU(amount, o.i64(64)), shifted, o.i64(0));
}

/** `element >> amount` for an amount of 1 to 128; what is computed for others is not used. */
function shiftElementRight(o: Builder, how: RegisterShift, element: I64, amount: I64): I64 {
  const shift = (by: I64): I64 =>
    how.unsigned
      ? zeroFrom64(o, by, o.shrU(element, by))
      : o.shrS(element, o.select(o.gtU(by, o.i64(63)), o.i64(63), by));
  if (!how.rounding) return shift(amount);
  const one = o.i64(1), almost = shift(o.sub(amount, one));
  return o.add(how.unsigned ? o.shrU(almost, one) : o.shrS(almost, one), o.and(almost, one));
}

/** SatQ(element << amount) for an amount of 0 to 127: the element stands at the top of 64 bits, where bits drop out. */
function shiftLeftSaturating(o: Builder, size: number, unsigned: boolean, element: I64, amount: I64) {
  const spare = o.i64(64 - esize(size));
  const top = o.shl(element, spare);
  const shifted = zeroFrom64(o, amount, o.shl(top, amount));
  const back = unsigned ? o.shrU(shifted, amount) : o.shrS(shifted, amount);
  const saturated = o.ne(back, top);
  const bound = unsigned ? o.i64(-1) : o.xor(o.shrS(top, o.i64(63)), o.i64(0x7fffffffffffffffn));
  const value = o.select(saturated, bound, shifted);
  return { value: o.shrU(value, spare), saturated };
}

const REVERSED_NIBBLES = { lo: 0x0e060a020c040800n, hi: 0x0f070b030d050901n };

/** The bits of each byte in reverse order. */
export function reverseBitsOfBytes(o: Builder, a: V128): V128 {
  const table = o.v128(REVERSED_NIBBLES.lo, REVERSED_NIBBLES.hi), four = o.i32(4);
  const low = o.op("i8x16.swizzle", table, and(o, a, o.v128(0x0f0f0f0f0f0f0f0fn, 0x0f0f0f0f0f0f0f0fn)));
  const high = o.op("i8x16.swizzle", table, o.op("i8x16.shr_u", a, four));
  return or(o, o.op("i8x16.shl", low, four), high);
}

/** The fields of vector instructions with three registers of one arrangement. */
export interface ThreeSame {
  readonly Q: number;
  readonly size: number;
  readonly Rm: number;
  readonly Rn: number;
  readonly Rd: number;
}

/** Rd = f(Rn, Rm); 64-bit vectors are computed at full width and cut off. */
export const vector = (f: Binary) => (o: Builder, w: ThreeSame): void =>
  writeV(o, w.Rd, datasize(w.Q), f(o, w.size, o.v(w.Rn), o.v(w.Rm)));

/** Rd = f(Rn, Rm), with operands zero-extended, as setting QC needs. */
export const exactVector = (f: Binary) => (o: Builder, w: ThreeSame): void => {
  const bits = datasize(w.Q);
  writeV(o, w.Rd, bits, f(o, w.size, readV(o, w.Rn, bits), readV(o, w.Rm, bits)));
};

/** Rd = f(Rd, Rn, Rm). */
export const accumulating = (f: Ternary) => (o: Builder, w: ThreeSame): void =>
  writeV(o, w.Rd, datasize(w.Q), f(o, w.size, o.v(w.Rd), o.v(w.Rn), o.v(w.Rm)));

/** Rd = f(Rd, Rn, Rm), with operands zero-extended. */
export const exactAccumulating = (f: Ternary) => (o: Builder, w: ThreeSame): void => {
  const bits = datasize(w.Q);
  writeV(o, w.Rd, bits, f(o, w.size, readV(o, w.Rd, bits), readV(o, w.Rn, bits), readV(o, w.Rm, bits)));
};

/** The fields of scalar instructions with three registers. */
export interface ScalarThreeSame {
  readonly size: number;
  readonly Rm: number;
  readonly Rn: number;
  readonly Rd: number;
}

/** The scalar of 8 << size bits: Rd = f(Rn, Rm). */
export const scalarOf = (f: Binary) => (o: Builder, w: ScalarThreeSame): void => {
  const bits = esize(w.size);
  writeV(o, w.Rd, bits, f(o, w.size, readV(o, w.Rn, bits), readV(o, w.Rm, bits)));
};

/** The scalar of 64 bits: Rd = f(Rn, Rm). */
export const scalarD = (f: Binary) => (o: Builder, w: Omit<ScalarThreeSame, "size">): void =>
  writeV(o, w.Rd, 64, f(o, 3, o.v(w.Rn), o.v(w.Rm)));
