/**
 * The floating-point functions of the pseudocode on every element of a vector, as {@link ./arithmetic.ts} has them for
 * scalars: native SIMD where all results and exceptions are certain to be right, else the exact functions.
 */
import type { Builder, V128 } from "../../engine/builder.ts";
import { isMaddFused } from "./fused.ts";
import { MODES, type NativeSize } from "./native.ts";
import {
  areAbove,
  areNumbers,
  areZero,
  both,
  either,
  type Elements,
  exactlyEach,
  finite,
  isNative,
  lanesOp,
  splat,
  tested,
  trustedElements,
  trustedElementsIf,
  wellNormal,
} from "./vector_native.ts";

type Unary = (o: Builder, e: Elements, a: V128) => V128;
type Binary = (o: Builder, e: Elements, a: V128, b: V128) => V128;

const SIGNS_16 = 0x8000_8000_8000_8000n;

/** FPAbs(). */
export const vectorAbs: Unary = (o, e, a) =>
  isNative(e) ? lanesOp(o, e.size, "abs", a) : o.op("v128.andnot", a, o.v128(SIGNS_16, SIGNS_16));

/** FPNeg(). */
export const vectorNeg: Unary = (o, e, a) =>
  isNative(e) ? lanesOp(o, e.size, "neg", a) : o.op("v128.xor", a, o.v128(SIGNS_16, SIGNS_16));

/** Where a sum is exact: the rounding error of Knuth's TwoSum is 0. */
function areExactSums(o: Builder, size: NativeSize, a: V128, b: V128, sum: V128): V128 {
  const b1 = lanesOp(o, size, "sub", sum, a);
  const errorA = lanesOp(o, size, "sub", a, lanesOp(o, size, "sub", sum, b1));
  const errorB = lanesOp(o, size, "sub", b, b1);
  return areZero(o, size, lanesOp(o, size, "add", errorA, errorB));
}

/** Results of at least this magnitude have a rounding error that is a number of the format too. */
const ERROR_IS_EXACT = { 64: 2 ** -900, 32: 2 ** -60 } as const;

/** Where a * b is exactly c; `large` bounds the error's magnitude. */
function areExactProducts(o: Builder, size: NativeSize, a: V128, b: V128, c: V128, large: V128): V128 {
  if (!isMaddFused()) return o.v128(0n, 0n);
  const error = lanesOp(o, size, "relaxed_madd", a, b, lanesOp(o, size, "neg", c));
  return both(o, areZero(o, size, error), areAbove(o, size, large, ERROR_IS_EXACT[size]));
}

/** Where a product is exact; also where it is 0 because a factor is. */
function areExactOrZero(o: Builder, size: NativeSize, a: V128, b: V128, product: V128): V128 {
  const zero = both(o, areZero(o, size, product), either(o, areZero(o, size, a), areZero(o, size, b)));
  return either(o, zero, areExactProducts(o, size, a, b, product, product));
}

function addSub(name: "fpAdd" | "fpSub"): Binary {
  return (o, e, a, b) => {
    const slow = () => exactlyEach(o, name, e, a, b);
    if (!isNative(e)) return slow();
    const size = e.size, sum = lanesOp(o, size, name === "fpAdd" ? "add" : "sub", a, b);
    const addend = () => name === "fpAdd" ? b : lanesOp(o, size, "neg", b);
    const isExact = () => areExactSums(o, size, a, addend(), sum);
    return trustedElements(o, size, MODES.rounded, sum, finite(o, size, sum), isExact, slow);
  };
}

/** FPAdd(). */
export const vectorAdd = addSub("fpAdd");
/** FPSub(). */
export const vectorSub = addSub("fpSub");
/** FABD. */
export const vectorAbd: Binary = (o, e, a, b) => vectorAbs(o, e, vectorSub(o, e, a, b));

function multiply(name: "fpMul" | "fpMulX"): Binary {
  return (o, e, a, b) => {
    const slow = () => exactlyEach(o, name, e, a, b);
    if (!isNative(e)) return slow();
    const size = e.size, product = lanesOp(o, size, "mul", a, b);
    const isExact = () => areExactOrZero(o, size, a, b, product);
    return trustedElements(o, size, MODES.rounded, product, wellNormal(o, size, product), isExact, slow);
  };
}

/** FPMul(). */
export const vectorMul = multiply("fpMul");
/** FPMulX(). */
export const vectorMulX = multiply("fpMulX");

/** FPDiv(). */
export const vectorDiv: Binary = (o, e, a, b) => {
  const slow = () => exactlyEach(o, "fpDiv", e, a, b);
  if (!isNative(e)) return slow();
  const size = e.size, quotient = lanesOp(o, size, "div", a, b), plain = wellNormal(o, size, quotient);
  const isExact = () => {
    const zero = both(o, areZero(o, size, quotient), areZero(o, size, a));
    return either(o, zero, both(o, plain.passed(), areExactProducts(o, size, quotient, b, a, a)));
  };
  return trustedElements(o, size, MODES.rounded, quotient, plain, isExact, slow);
};

/** FPSqrt(). */
export const vectorSqrt: Unary = (o, e, a) => {
  const slow = () => exactlyEach(o, "fpSqrt", e, a);
  if (!isNative(e)) return slow();
  const size = e.size, root = lanesOp(o, size, "sqrt", a);
  const isExact = () => either(o, areZero(o, size, root), areExactProducts(o, size, root, root, a, a));
  return trustedElements(o, size, MODES.rounded, root, tested(o, size, areNumbers(o, size, root)), isExact, slow);
};

/** FPMulAdd(). */
export function vectorMulAdd(o: Builder, e: Elements, addend: V128, a: V128, b: V128): V128 {
  const slow = () => exactlyEach(o, "fpMulAdd", e, addend, a, b);
  if (!isNative(e) || !isMaddFused()) return slow();
  const size = e.size, sum = lanesOp(o, size, "relaxed_madd", a, b, addend);
  const isExact = () => {
    const product = lanesOp(o, size, "mul", a, b);
    return both(o, areExactOrZero(o, size, a, b, product), areExactSums(o, size, product, addend, sum));
  };
  return trustedElements(o, size, MODES.rounded, sum, wellNormal(o, size, sum), isExact, slow);
}

function step(name: "fpRecipStepFused" | "fpRSqrtStepFused", constant: number, scale: number): Binary {
  return (o, e, a, b) => {
    const slow = () => exactlyEach(o, name, e, a, b);
    if (!isNative(e) || !isMaddFused()) return slow();
    const size = e.size;
    const sum = lanesOp(o, size, "relaxed_madd", lanesOp(o, size, "neg", a), b, splat(o, size, constant));
    const result = scale === 1 ? sum : lanesOp(o, size, "mul", sum, splat(o, size, scale));
    const isExact = () => o.v128(0n, 0n);
    return trustedElements(o, size, MODES.rounded, result, wellNormal(o, size, result), isExact, slow);
  };
}

/** FPRecipStepFused(). */
export const vectorRecipStep = step("fpRecipStepFused", 2, 1);
/** FPRSqrtStepFused(). */
export const vectorRSqrtStep = step("fpRSqrtStepFused", 3, 0.5);

function maxMin(name: "fpMax" | "fpMin" | "fpMaxNum" | "fpMinNum"): Binary {
  return (o, e, a, b) => {
    const slow = () => exactlyEach(o, name, e, a, b);
    if (!isNative(e)) return slow();
    const result = lanesOp(o, e.size, name.startsWith("fpMax") ? "max" : "min", a, b);
    return trustedElementsIf(o, e.size, MODES.exact, result, areNumbers(o, e.size, result), slow);
  };
}

/** FPMax(). */
export const vectorMax = maxMin("fpMax");
/** FPMin(). */
export const vectorMin = maxMin("fpMin");
/** FPMaxNum(). */
export const vectorMaxNum = maxMin("fpMaxNum");
/** FPMinNum(). */
export const vectorMinNum = maxMin("fpMinNum");

/** FPCompareEQ(), FPCompareGE() or FPCompareGT() as a mask of the elements. */
export const vectorCompare = (how: "EQ" | "GE" | "GT"): Binary => (o, e, a, b) => {
  const slow = () => exactlyEach(o, `fpCompare${how}`, e, a, b);
  if (!isNative(e)) return slow();
  const mask = lanesOp(o, e.size, how.toLowerCase(), a, b);
  const plain = both(o, areNumbers(o, e.size, a), areNumbers(o, e.size, b));
  return trustedElementsIf(o, e.size, MODES.exact, mask, plain, slow);
};

/** A function without a fast path: estimates. */
export const vectorExactly = (name: string): Unary => (o, e, a) => exactlyEach(o, name, e, a);
