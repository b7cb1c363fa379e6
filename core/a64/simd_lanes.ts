import type { Builder, I32, I64, V128, Value } from "../engine/builder.ts";
import type { WasmOp } from "../engine/wasm_ops.ts";

/** WebAssembly's names of a vector's interpretations by the log2 of the element's bytes, the Arm ARM's `size`. */
export const LANES = ["i8x16", "i16x8", "i32x4", "i64x2"] as const;

/** 64 bits of elements that are all `value`. */
function replicate(size: number, value: bigint): bigint {
  let result = 0n;
  const esize = 8 << size;
  for (let i = 0; i < 64; i += esize) result |= BigInt.asUintN(esize, value) << BigInt(i);
  return result;
}

const SIZES = [0, 1, 2, 3];
const ONE = SIZES.map((size) => replicate(size, 1n));
const SIGN = SIZES.map((size) => replicate(size, 1n << BigInt((8 << size) - 1)));
const MAX = SIZES.map((size) => replicate(size, (1n << BigInt((8 << size) - 1)) - 1n));
/** The bounds of an element within elements twice as wide: [size][lower, upper]. */
const SIGNED_BOUNDS = [0, 1, 2].map((size) => {
  const half = 1n << BigInt((8 << size) - 1);
  return [replicate(size + 1, -half), replicate(size + 1, half - 1n)];
});
const UNSIGNED_BOUND = [0, 1, 2].map((size) => replicate(size + 1, (1n << BigInt(8 << size)) - 1n));

const both = (o: Builder, half: bigint): V128 => o.v128(half, half);

export const zero = (o: Builder): V128 => o.v128(0n, 0n);
export const ones = (o: Builder): V128 => o.v128(0xffffffffffffffffn, 0xffffffffffffffffn);
/** Every element 1. */
export const unit = (o: Builder, size: number): V128 => both(o, ONE[size]);
/** Every element the least signed number. */
export const least = (o: Builder, size: number): V128 => both(o, SIGN[size]);
/** Every element the greatest signed number. */
export const greatest = (o: Builder, size: number): V128 => both(o, MAX[size]);

/** An instruction of WebAssembly on elements of `size`, such as "add" for i16x8.add. */
export function lanes(o: Builder, size: number, operation: string, ...operands: Value[]): V128 {
  return o.op(`${LANES[size]}.${operation}` as "i8x16.add", ...operands);
}

export const and = (o: Builder, a: V128, b: V128): V128 => o.op("v128.and", a, b);
export const or = (o: Builder, a: V128, b: V128): V128 => o.op("v128.or", a, b);
export const xor = (o: Builder, a: V128, b: V128): V128 => o.op("v128.xor", a, b);
/** a AND NOT b. */
export const andNot = (o: Builder, a: V128, b: V128): V128 => o.op("v128.andnot", a, b);
/** Bits of `a` where `mask` is 1, else of `b`. */
export const choose = (o: Builder, mask: V128, a: V128, b: V128): V128 => o.op("v128.bitselect", a, b, mask);

/** The letter of WebAssembly's signed or unsigned instructions. */
export const sign = (unsigned: boolean): "s" | "u" => unsigned ? "u" : "s";

/** A comparison ("lt", "le", "gt", "ge") of any element size; WebAssembly lacks the unsigned ones of 64 bits. */
export function compare(o: Builder, size: number, how: string, unsigned: boolean, a: V128, b: V128): V128 {
  if (size < 3 || !unsigned) return lanes(o, size, `${how}_${sign(unsigned)}`, a, b);
  return lanes(o, size, `${how}_s`, xor(o, a, least(o, 3)), xor(o, b, least(o, 3)));
}

/** "min" or "max" of any element size. */
export function extreme(o: Builder, size: number, how: "min" | "max", unsigned: boolean, a: V128, b: V128): V128 {
  if (size < 3) return lanes(o, size, `${how}_${sign(unsigned)}`, a, b);
  return choose(o, compare(o, 3, how === "min" ? "lt" : "gt", unsigned, a, b), a, b);
}

/** All ones in the elements that are negative. */
export const negative = (o: Builder, size: number, a: V128): V128 => lanes(o, size, "shr_s", a, o.i32((8 << size) - 1));

/** The register's low 8 to 128 bits, zero-extended: what is above never saturates. V[n] of a width. */
export function readV(o: Builder, n: number, bits: number): V128 {
  switch (bits) {
    case 128:
      return o.v(n);
    case 64:
      return o.lane("i64x2.replace_lane", 0, zero(o), o.vLow64(n));
    default:
      return o.lane(
        "i32x4.replace_lane",
        0,
        zero(o),
        bits === 32 ? o.vLow32(n) : bits === 16 ? o.vLow16(n) : o.vLow8(n),
      );
  }
}

/** Writes the low 8 to 128 bits of `value` and zeros above. V[n] = value. */
export function writeV(o: Builder, n: number, bits: number, value: V128): void {
  switch (bits) {
    case 128:
      return o.setV(n, value);
    case 64:
      return o.setVLow64(n, low64(o, value));
    case 32:
      return o.setVLow32(n, o.lane("i32x4.extract_lane", 0, value));
    case 16:
      return o.setVLow16(n, o.lane("i16x8.extract_lane_u", 0, value));
    default:
      return o.setVLow8(n, o.lane("i8x16.extract_lane_u", 0, value));
  }
}

export const low64 = (o: Builder, value: V128): I64 => o.lane("i64x2.extract_lane", 0, value);

/** Vpart[n, part] = value: the low 64 bits of `value` to the register's low (Q = 0) or high half (Q = 1). */
export function writePart(o: Builder, n: number, Q: number, value: V128): void {
  if (Q) o.setV(n, o.shuffle(o.v(n), value, LOW_HALVES));
  else o.setVLow64(n, low64(o, value));
}

/** datasize of a vector instruction. */
export const datasize = (Q: number): number => Q ? 128 : 64;
/** esize, in bits. */
export const esize = (size: number): number => 8 << size;

/** Expands element numbers of `size` to the byte numbers that Builder.shuffle takes. */
export function elements(size: number, numbers: readonly number[]): number[] {
  const bytes = 1 << size, result: number[] = [];
  for (const n of numbers) for (let i = 0; i < bytes; i++) result.push(n * bytes + i);
  return result;
}

/** The byte numbers of a shuffle given as a function of the result's element number; elements of b count on from a's. */
export function shuffleOf(size: number, source: (element: number) => number): number[] {
  const numbers: number[] = [];
  for (let i = 0; i < 16 >> size; i++) numbers.push(source(i));
  return elements(size, numbers);
}

const LOW_HALVES = shuffleOf(3, (i) => 2 * i);
const EVEN = SIZES.map((size) => shuffleOf(size, (i) => 2 * i));
const ODD = SIZES.map((size) => shuffleOf(size, (i) => 2 * i + 1));

/** The even-numbered elements of a, then of b. */
export const evens = (o: Builder, size: number, a: V128, b: V128): V128 => o.shuffle(a, b, EVEN[size]);
export const odds = (o: Builder, size: number, a: V128, b: V128): V128 => o.shuffle(a, b, ODD[size]);

/** Shuffles by size and element: those that were asked for. */
const BROADCAST: number[][][] = SIZES.map(() => []);

/** Element `index` of `a` in every element. */
export const broadcast = (o: Builder, size: number, index: number, a: V128): V128 =>
  o.shuffle(a, a, BROADCAST[size][index] ??= shuffleOf(size, () => index));

/** Widens the low (high = 0) or high half's elements of `size` to twice their width. */
export function extend(o: Builder, size: number, high: number, unsigned: boolean, a: V128): V128 {
  return lanes(o, size + 1, `extend_${high ? "high" : "low"}_${LANES[size]}_${sign(unsigned)}`, a);
}

/** Products, twice as wide, of the low (high = 0) or high half's elements. */
export function extmul(o: Builder, size: number, high: number, unsigned: boolean, a: V128, b: V128): V128 {
  return lanes(o, size + 1, `extmul_${high ? "high" : "low"}_${LANES[size]}_${sign(unsigned)}`, a, b);
}

/** Sums of neighbours, twice as wide. */
export function addPairs(o: Builder, size: number, unsigned: boolean, a: V128): V128 {
  if (size < 2) return lanes(o, size + 1, `extadd_pairwise_${LANES[size]}_${sign(unsigned)}`, a);
  const half = o.i32(32), shift = unsigned ? "i64x2.shr_u" : "i64x2.shr_s";
  return o.op("i64x2.add", o.op(shift, o.op("i64x2.shl", a, half), half), o.op(shift, a, half));
}

/** Logical right shift by `amount`, 1 to the element's width, where WebAssembly takes it modulo the width. */
export function shiftRightU(o: Builder, size: number, a: V128, amountLess1: I32): V128 {
  return lanes(o, size, "shr_u", lanes(o, size, "shr_u", a, amountLess1), o.i32(1));
}

/** Rounding right shift by 1 to the element's width; the sum has all its bits, so nothing overflows. */
export function shiftRightRounding(o: Builder, size: number, unsigned: boolean, a: V128, amountLess1: I32): V128 {
  const shift = `shr_${sign(unsigned)}`;
  const almost = lanes(o, size, shift, a, amountLess1);
  return lanes(o, size, "add", lanes(o, size, shift, almost, o.i32(1)), and(o, almost, unit(o, size)));
}

/** FPSR.QC = 1 if any bit of `saturated` is 1. Arm DDI 0487, FPSR, "Cumulative saturation bit". */
export function setQC(o: Builder, saturated: V128): void {
  setQCIf(o, o.op("v128.any_true", saturated));
}

/** FPSR.QC = 1 if `saturated` is 1. */
export function setQCIf(o: Builder, saturated: I32): void {
  o.setState32("fpsr", o.or(o.state32("fpsr"), o.shl(saturated, o.i32(27))));
}

/** SatQ(a + b), which sets QC. */
export function saturatingAdd(o: Builder, size: number, unsigned: boolean, a: V128, b: V128): V128 {
  const sum = lanes(o, size, "add", a, b);
  if (size < 2) return noteDifference(o, lanes(o, size, `add_sat_${sign(unsigned)}`, a, b), sum);
  if (unsigned) {
    const carry = compare(o, size, "lt", true, sum, a);
    setQC(o, carry);
    return or(o, sum, carry);
  }
  return saturateOverflow(o, size, a, sum, and(o, xor(o, a, sum), xor(o, b, sum)));
}

/** SatQ(a - b), which sets QC. */
export function saturatingSub(o: Builder, size: number, unsigned: boolean, a: V128, b: V128): V128 {
  const difference = lanes(o, size, "sub", a, b);
  if (size < 2) return noteDifference(o, lanes(o, size, `sub_sat_${sign(unsigned)}`, a, b), difference);
  if (unsigned) {
    const borrow = compare(o, size, "lt", true, a, b);
    setQC(o, borrow);
    return andNot(o, difference, borrow);
  }
  return saturateOverflow(o, size, a, difference, and(o, xor(o, a, b), xor(o, a, difference)));
}

function noteDifference(o: Builder, result: V128, wrapped: V128): V128 {
  setQC(o, xor(o, result, wrapped));
  return result;
}

/** Where the sign bit of `overflow` is 1, the bound on the side of `a`; else `wrapped`. */
function saturateOverflow(o: Builder, size: number, a: V128, wrapped: V128, overflow: V128): V128 {
  const mask = negative(o, size, overflow);
  setQC(o, mask);
  return choose(o, mask, xor(o, negative(o, size, a), greatest(o, size)), wrapped);
}

/** How SatQ narrows: from and to signed or unsigned numbers. */
export type Narrowing = "signed" | "unsigned" | "signed to unsigned";

/** Clamps elements of size + 1 to the range of `size` and sets QC; the result is still wide. */
export function clamp(o: Builder, size: number, how: Narrowing, a: V128): V128 {
  const wide = size + 1, bounds = SIGNED_BOUNDS[size];
  const upper = both(o, how === "signed" ? bounds[1] : UNSIGNED_BOUND[size]);
  let result = extreme(o, wide, "min", how === "unsigned", a, upper);
  if (how !== "unsigned") {
    result = extreme(o, wide, "max", false, result, how === "signed" ? both(o, bounds[0]) : zero(o));
  }
  return noteDifference(o, result, a);
}

/** One element as a sign- or zero-extended 64-bit integer. */
export function extract(o: Builder, size: number, index: number, unsigned: boolean, a: V128): I64 {
  if (size === 3) return o.lane("i64x2.extract_lane", index, a);
  const name = size === 2 ? "i32x4.extract_lane" : `${LANES[size]}.extract_lane_${sign(unsigned)}`;
  const element = o.lane(name as "i32x4.extract_lane", index, a);
  return unsigned ? o.zeroExtend(element) : o.signExtend(element);
}

/** `a` with the low bits of `value` as element `index`. */
export function replace(o: Builder, size: number, index: number, a: V128, value: I64): V128 {
  const name = `${LANES[size]}.replace_lane` as WasmOp & "i32x4.replace_lane";
  return o.lane(name, index, a, size === 3 ? value : o.wrap(value));
}
