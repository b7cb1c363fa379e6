/** What the fast paths of floating-point meanings share: native instructions and when their results can be trusted. */
import type { Builder, I32, Value, WasmType } from "../../engine/builder.ts";
import type { WasmOp } from "../../engine/wasm_ops.ts";
import { FPCR, type FpSize, FPSR } from "./format.ts";
import "./helpers.ts";

/** A floating-point value: F64, F32, or the bits of a half-precision number as I32. */
export type Fp = Value<"f32" | "f64" | "i32">;

/** The formats that WebAssembly computes in. */
export type NativeSize = 32 | 64;

/** WebAssembly's type for values of a format. */
export function typeOf(size: FpSize): "f32" | "f64" | "i32" {
  return size === 64 ? "f64" : size === 32 ? "f32" : "i32";
}

/** Names of instructions by type and operation, made once: meanings are asked for every instruction decoded. */
const names: Record<string, Record<string, WasmOp>> = { f32: {}, f64: {}, f32x4: {}, f64x2: {} };

/** The name of a floating-point instruction of WebAssembly. */
export function nameOf<N extends WasmOp>(type: "f32" | "f64" | "f32x4" | "f64x2", operation: string): N {
  return (names[type][operation] ??= `${type}.${operation}` as WasmOp) as N;
}

/** A floating-point instruction of WebAssembly in a format: "add" is f64.add or f32.add. */
export function native(o: Builder, size: NativeSize, operation: string, ...operands: Value[]): Fp {
  return o.op(nameOf<"f64.add">(size === 64 ? "f64" : "f32", operation), ...operands);
}

/** A comparison ("eq", "lt", ...) of WebAssembly: 0 or 1, and 0 with a NaN except for "ne". */
export function nativeCompare(o: Builder, size: NativeSize, operation: string, a: Fp, b: Fp): I32 {
  return o.op(nameOf<"f64.eq">(size === 64 ? "f64" : "f32", operation), a, b);
}

/** A floating-point constant. */
export function constant(o: Builder, size: NativeSize, value: number): Fp {
  return size === 64 ? o.f64(value) : o.f32(value);
}

/** `a` in double precision, exactly. */
export function toDouble(o: Builder, size: NativeSize, a: Fp): Fp {
  return size === 64 ? a : o.op("f64.promote_f32", a);
}

/** Calls the exact function; its name is followed by the width of the operands. */
export function exactly<T extends WasmType>(
  o: Builder,
  name: string,
  size: number,
  result: T,
  ...operands: Value[]
): Value<T> {
  return o.helper(`${name}${size}`, result, ...operands);
}

/** FPCR bits on which the native result of an operation may depend. */
export const MODES = { rounded: FPCR.RMode | FPCR.FZ, exact: FPCR.FZ, normal: FPCR.RMode } as const;

/** 0 when these modes are all off. */
export function modesOf(o: Builder, modes: number): I32 {
  return o.and(o.state32("fpcr"), o.i32(modes));
}

/** 0 while FPSR.IXC is 1: then it is no news that a result is inexact. */
export function isInexactNews(o: Builder): I32 {
  return o.xor(o.and(o.state32("fpsr"), o.i32(FPSR.IXC)), o.i32(FPSR.IXC));
}

/** A test of results that nearly all of them pass; T is I32 for one, V128 for a mask of elements. */
export interface Test<T> {
  /** 0 where it is passed for sure, which takes little to tell. */
  readonly doubt: I32;
  readonly passed: () => T;
}

/** A test that has been made. */
export function tested(o: Builder, passed: I32): Test<I32> {
  return { doubt: o.eqz(passed), passed: () => passed };
}

/**
 * The native result where it is certain to be what the exact function gives, exceptions included, else that function's.
 * @param modes FPCR bits that must be 0 for the native result.
 * @param plain that the native result raises no exception other than Inexact, which is no news while FPSR.IXC is 1.
 * @param isExact 1 when the native result is exact and raises no exception at all.
 */
export function trusted<T extends WasmType>(
  o: Builder,
  modes: number,
  result: Value<T>,
  plain: Test<I32>,
  isExact: () => I32,
  slow: () => Value<T>,
): Value<T> {
  const chosen = o.variable(result);
  o.if(o.or(o.or(modesOf(o, modes), isInexactNews(o)), plain.doubt), () => {
    const isPlain = o.and(o.eqz(isInexactNews(o)), plain.passed());
    o.if(o.or(modesOf(o, modes), o.eqz(o.or(isExact(), isPlain))), () => o.assign(chosen, slow()));
  });
  return chosen;
}

/** The same for a result that raises no exception at all where `plain` is 1. */
export function trustedIf<T extends WasmType>(
  o: Builder,
  modes: number,
  result: Value<T>,
  plain: I32,
  slow: () => Value<T>,
): Value<T> {
  const chosen = o.variable(result);
  o.if(o.or(o.eqz(plain), modesOf(o, modes)), () => o.assign(chosen, slow()));
  return chosen;
}

/** The number's bits without the sign, at the top of an integer. */
function magnitude(o: Builder, size: NativeSize, a: Fp) {
  return size === 64
    ? o.shl(o.op("i64.reinterpret_f64", a), o.i64(1))
    : o.shl(o.op("i32.reinterpret_f32", a), o.i32(1));
}

const LIMITS = {
  64: { infinity: 0x7ffn << 53n, least: 2n << 53n, shift: 53 },
  32: { infinity: 0xff << 24, least: 2 << 24, shift: 24 },
} as const;

/** 1 for a number that is neither infinite nor a NaN. */
export function isFinite(o: Builder, size: NativeSize, a: Fp): I32 {
  const m = magnitude(o, size, a);
  if (size === 64) return o.op("i64.lt_u", m, o.i64(LIMITS[64].infinity));
  return o.op("i32.lt_u", m, o.i32(LIMITS[32].infinity));
}

/**
 * 1 for a finite number of at least twice the smallest normal one: as a rounded result it neither overflowed nor was
 * tiny before rounding.
 */
export function isWellNormal(o: Builder, size: NativeSize, a: Fp): I32 {
  const m = magnitude(o, size, a);
  if (size === 64) {
    const { infinity, least } = LIMITS[64];
    return o.op("i64.lt_u", o.op("i64.sub", m, o.i64(least)), o.i64(infinity - least));
  }
  const { infinity, least } = LIMITS[32];
  return o.op("i32.lt_u", o.op("i32.sub", m, o.i32(least)), o.i32(infinity - least));
}

/**
 * The same as a test. It is sure of numbers from 2^-511 to 2^513, or 2^-63 to 2^65 in single precision: the two upper bits
 * of their exponents differ.
 */
export function wellNormal(o: Builder, size: NativeSize, a: Fp): Test<I32> {
  const passed = () => isWellNormal(o, size, a), m = magnitude(o, size, a);
  const differ = o.xor(m, o.shl(m, o.const(m, 1)));
  return { doubt: o.geS(differ, o.const(m, 0)), passed };
}

/** 1 unless `a` is a NaN. */
export function isNumber(o: Builder, size: NativeSize, a: Fp): I32 {
  return nativeCompare(o, size, "eq", a, a);
}

/** `a * b + c` rounded once; only where isMaddFused() holds. */
export function madd(o: Builder, size: NativeSize, a: Fp, b: Fp, c: Fp): Fp {
  if (size === 64) {
    const [va, vb, vc] = [o.op("f64x2.splat", a), o.op("f64x2.splat", b), o.op("f64x2.splat", c)];
    return o.lane("f64x2.extract_lane", 0, o.op("f64x2.relaxed_madd", va, vb, vc));
  }
  const [va, vb, vc] = [o.op("f32x4.splat", a), o.op("f32x4.splat", b), o.op("f32x4.splat", c)];
  return o.lane("f32x4.extract_lane", 0, o.op("f32x4.relaxed_madd", va, vb, vc));
}
