/** What the fast paths over all elements of a vector share. Masks have all ones in the elements where they hold. */
import type { Builder, I32, V128, Value } from "../../engine/builder.ts";
import type { FpSize } from "./format.ts";
import { isInexactNews, modesOf, nameOf, type NativeSize, type Test } from "./native.ts";

/** A vector of elements of one format; in 64 bits (Q = 0) both halves of the value are the same. */
export interface Elements {
  readonly size: FpSize;
  readonly Q: number;
}

/** The same with elements that WebAssembly computes in. */
export type NativeElements = Elements & { readonly size: NativeSize };

/** Whether WebAssembly computes in these elements. */
export function isNative(e: Elements): e is NativeElements {
  return e.size !== 16;
}

/** V[n] of a vector instruction. */
export function readElements(o: Builder, Q: number, n: number): V128 {
  return Q ? o.v(n) : o.op("i64x2.splat", o.vLow64(n));
}

/** Calls the exact function on every element; `result` takes its place from the lowest element on. */
export function exactlyEach(o: Builder, name: string, e: Elements, ...operands: Value[]): V128 {
  return o.helper(`${name}${e.size}x${(e.Q ? 128 : 64) / e.size}`, "v128", ...operands);
}

/** A floating-point instruction of WebAssembly on the elements. */
export function lanesOp(o: Builder, size: NativeSize, operation: string, ...operands: Value[]): V128 {
  return o.op(nameOf<"f64x2.add">(size === 64 ? "f64x2" : "f32x4", operation), ...operands);
}

/** 0 when every element has its sign bit set: when a mask holds everywhere. */
function notEverywhere(o: Builder, size: NativeSize, mask: V128): I32 {
  return size === 64
    ? o.xor(o.op("i64x2.bitmask", mask), o.i32(0b11))
    : o.xor(o.op("i32x4.bitmask", mask), o.i32(0b1111));
}

const constants = { 32: new Map<number, bigint>(), 64: new Map<number, bigint>() };

/** A floating-point constant other than minus zero in every element. */
export function splat(o: Builder, size: NativeSize, value: number): V128 {
  let bits = constants[size].get(value);
  if (bits === undefined) {
    const view = new DataView(new ArrayBuffer(8));
    if (size === 64) view.setFloat64(0, value);
    else {
      view.setFloat32(0, value);
      view.setFloat32(4, value);
    }
    constants[size].set(value, bits = view.getBigUint64(0));
  }
  return o.v128(bits, bits);
}

/** The sign bit of every element. */
export function signBits(o: Builder, size: NativeSize): V128 {
  const bits = size === 64 ? 1n << 63n : (1n << 63n) | (1n << 31n);
  return o.v128(bits, bits);
}

export const both = (o: Builder, a: V128, b: V128): V128 => o.op("v128.and", a, b);
export const either = (o: Builder, a: V128, b: V128): V128 => o.op("v128.or", a, b);

/** Where an element is neither infinite nor a NaN. */
function areFinite(o: Builder, size: NativeSize, a: V128): V128 {
  return lanesOp(o, size, "lt", lanesOp(o, size, "abs", a), splat(o, size, Infinity));
}

/** Where the magnitude is above `bound`. */
export function areAbove(o: Builder, size: NativeSize, a: V128, bound: number): V128 {
  return lanesOp(o, size, "gt", lanesOp(o, size, "abs", a), splat(o, size, bound));
}

/** Where a rounded result neither overflowed nor was tiny before rounding. */
export function areWellNormal(o: Builder, size: NativeSize, a: V128): V128 {
  const least = splat(o, size, size === 64 ? 2 ** -1021 : 2 ** -125);
  const magnitude = lanesOp(o, size, "abs", a);
  return both(o, lanesOp(o, size, "ge", magnitude, least), lanesOp(o, size, "lt", magnitude, splat(o, size, Infinity)));
}

/**
 * The same as a test. It is sure of numbers from 2^-511 to 2^513, or 2^-63 to 2^65 in single precision: the two upper bits
 * of their exponents differ.
 */
export function wellNormal(o: Builder, size: NativeSize, a: V128): Test<V128> {
  const double = (v: V128) => size === 64 ? o.op("i64x2.add", v, v) : o.op("i32x4.add", v, v);
  const unsigned = double(a), differ = o.op("v128.xor", unsigned, double(unsigned));
  return { doubt: notEverywhere(o, size, differ), passed: () => areWellNormal(o, size, a) };
}

/** That no element is infinite or a NaN. */
export function finite(o: Builder, size: NativeSize, a: V128): Test<V128> {
  // Not 0 but a NaN where it is one of these
  const difference = lanesOp(o, size, "sub", a, a);
  return { doubt: notEverywhere(o, size, areZero(o, size, difference)), passed: () => areFinite(o, size, a) };
}

/** A test that has been made. */
export function tested(o: Builder, size: NativeSize, passed: V128): Test<V128> {
  return { doubt: notEverywhere(o, size, passed), passed: () => passed };
}

/** Where an element is no NaN. */
export function areNumbers(o: Builder, size: NativeSize, a: V128): V128 {
  return lanesOp(o, size, "eq", a, a);
}

export function areZero(o: Builder, size: NativeSize, a: V128): V128 {
  return lanesOp(o, size, "eq", a, o.v128(0n, 0n));
}

/**
 * The native result where every element of it is certain to be what the exact function gives, exceptions included.
 * @param modes FPCR bits that must be 0 for the native result.
 * @param plain that it raises no exception other than Inexact, which is no news while FPSR.IXC is 1.
 * @param isExact where it raises no exception at all.
 */
export function trustedElements(
  o: Builder,
  size: NativeSize,
  modes: number,
  result: V128,
  plain: Test<V128>,
  isExact: () => V128,
  slow: () => V128,
): V128 {
  const chosen = o.variable(result);
  o.if(o.or(o.or(modesOf(o, modes), isInexactNews(o)), plain.doubt), () => {
    const known = o.op("i32x4.splat", o.sub(o.i32(0), o.eqz(isInexactNews(o))));
    const fine = either(o, isExact(), both(o, plain.passed(), known));
    o.if(o.or(modesOf(o, modes), notEverywhere(o, size, fine)), () => o.assign(chosen, slow()));
  });
  return chosen;
}

/** The same for a result that raises no exception at all where `plain` holds. */
export function trustedElementsIf(
  o: Builder,
  size: NativeSize,
  modes: number,
  result: V128,
  plain: V128,
  slow: () => V128,
): V128 {
  const chosen = o.variable(result);
  o.if(o.or(modesOf(o, modes), notEverywhere(o, size, plain)), () => o.assign(chosen, slow()));
  return chosen;
}
