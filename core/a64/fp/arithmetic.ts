/**
 * The floating-point functions of the pseudocode on a Builder: native instructions where their results and exceptions
 * are certain to be right, else the exact functions. Arm DDI 0487, chapter J1, FPAdd() to FPCompare().
 * Values are F64, F32 or, in half precision, the bits as I32.
 */
import type { Builder, I32 } from "../../engine/builder.ts";
import type { FpSize } from "./format.ts";
import { isMaddFused } from "./fused.ts";
import {
  constant,
  exactly,
  type Fp,
  isFinite,
  isNumber,
  isWellNormal,
  madd,
  MODES,
  native,
  nativeCompare,
  type NativeSize,
  tested,
  toDouble,
  trusted,
  trustedIf,
  typeOf,
  wellNormal,
} from "./native.ts";

/** FPAbs(). */
export function fpAbs(o: Builder, size: FpSize, a: Fp): Fp {
  return size === 16 ? o.and(a as I32, o.i32(0x7fff)) : native(o, size, "abs", a);
}

/** FPNeg(). */
export function fpNeg(o: Builder, size: FpSize, a: Fp): Fp {
  return size === 16 ? o.xor(a as I32, o.i32(0x8000)) : native(o, size, "neg", a);
}

/** Whether `sum`, which is finite, is exactly a + b: the rounding error of Knuth's TwoSum is 0. */
function isExactSum(o: Builder, size: NativeSize, a: Fp, b: Fp, sum: Fp): I32 {
  const b1 = native(o, size, "sub", sum, a);
  const errorA = native(o, size, "sub", a, native(o, size, "sub", sum, b1));
  const errorB = native(o, size, "sub", b, b1);
  return nativeCompare(o, size, "eq", native(o, size, "add", errorA, errorB), constant(o, size, 0));
}

/** Doubles of at least this magnitude have products and quotients whose rounding error is a double too. */
const ERROR_IS_EXACT = 2 ** -900;

function isLarge(o: Builder, a: Fp): I32 {
  return o.op("f64.gt", o.op("f64.abs", a), o.f64(ERROR_IS_EXACT));
}

function isZero(o: Builder, size: NativeSize, a: Fp): I32 {
  return nativeCompare(o, size, "eq", a, constant(o, size, 0));
}

/** Whether a * b is exactly c, all of them doubles and `large` the one whose magnitude bounds the error. */
function isExactDoubleProduct(o: Builder, a: Fp, b: Fp, c: Fp, large: Fp): I32 {
  if (!isMaddFused()) return o.i32(0);
  const error = madd(o, 64, a, b, o.op("f64.neg", c));
  return o.and(isZero(o, 64, error), isLarge(o, large));
}

/** Whether `product` is exactly a * b; also 1 for a zero or an infinity that follows from such an operand. */
function isExactProduct(o: Builder, size: NativeSize, a: Fp, b: Fp, product: Fp): I32 {
  if (size === 32) {
    const exact = o.op("f64.mul", toDouble(o, 32, a), toDouble(o, 32, b));
    return o.op("f64.eq", exact, toDouble(o, 32, product));
  }
  const isZeroProduct = o.and(isZero(o, 64, product), o.or(isZero(o, 64, a), isZero(o, 64, b)));
  return o.or(isZeroProduct, isExactDoubleProduct(o, a, b, product, product));
}

function isExactQuotient(o: Builder, size: NativeSize, a: Fp, b: Fp, quotient: Fp): I32 {
  if (size === 32) {
    const exact = o.op("f64.mul", toDouble(o, 32, quotient), toDouble(o, 32, b));
    return o.op("f64.eq", exact, toDouble(o, 32, a));
  }
  const exact = o.and(isExactDoubleProduct(o, quotient, b, a, a), isWellNormal(o, 64, quotient));
  return o.or(o.and(isZero(o, 64, quotient), isZero(o, 64, a)), exact);
}

function isExactRoot(o: Builder, size: NativeSize, a: Fp, root: Fp): I32 {
  if (size === 32) {
    const root64 = toDouble(o, 32, root);
    return o.op("f64.eq", o.op("f64.mul", root64, root64), toDouble(o, 32, a));
  }
  return o.or(isZero(o, 64, root), isExactDoubleProduct(o, root, root, a, a));
}

function addSub(o: Builder, size: FpSize, a: Fp, b: Fp, name: "fpAdd" | "fpSub"): Fp {
  const slow = () => exactly(o, name, size, typeOf(size), a, b);
  if (size === 16) return slow();
  const sum = native(o, size, name === "fpAdd" ? "add" : "sub", a, b);
  // A sum is never tiny and inexact at once.
  const finite = isFinite(o, size, sum);
  const addend = () => name === "fpAdd" ? b : native(o, size, "neg", b);
  return trusted(o, MODES.rounded, sum, tested(o, finite), () => isExactSum(o, size, a, addend(), sum), slow);
}

/** FPAdd(). */
export function fpAdd(o: Builder, size: FpSize, a: Fp, b: Fp): Fp {
  return addSub(o, size, a, b, "fpAdd");
}

/** FPSub(). */
export function fpSub(o: Builder, size: FpSize, a: Fp, b: Fp): Fp {
  return addSub(o, size, a, b, "fpSub");
}

/** FABD: the absolute value of FPSub(). */
export function fpAbd(o: Builder, size: FpSize, a: Fp, b: Fp): Fp {
  return fpAbs(o, size, fpSub(o, size, a, b));
}

function multiply(o: Builder, size: FpSize, a: Fp, b: Fp, name: "fpMul" | "fpMulX"): Fp {
  const slow = () => exactly(o, name, size, typeOf(size), a, b);
  if (size === 16) return slow();
  const p = native(o, size, "mul", a, b);
  return trusted(o, MODES.rounded, p, wellNormal(o, size, p), () => isExactProduct(o, size, a, b, p), slow);
}

/** FPMul(). */
export function fpMul(o: Builder, size: FpSize, a: Fp, b: Fp): Fp {
  return multiply(o, size, a, b, "fpMul");
}

/** FPMulX(). */
export function fpMulX(o: Builder, size: FpSize, a: Fp, b: Fp): Fp {
  return multiply(o, size, a, b, "fpMulX");
}

/** FNMUL: FPNeg() of FPMul(). */
export function fpNMul(o: Builder, size: FpSize, a: Fp, b: Fp): Fp {
  return fpNeg(o, size, fpMul(o, size, a, b));
}

/** FPDiv(). */
export function fpDiv(o: Builder, size: FpSize, a: Fp, b: Fp): Fp {
  const slow = () => exactly(o, "fpDiv", size, typeOf(size), a, b);
  if (size === 16) return slow();
  const q = native(o, size, "div", a, b);
  return trusted(o, MODES.rounded, q, wellNormal(o, size, q), () => isExactQuotient(o, size, a, b, q), slow);
}

/** FPSqrt(). */
export function fpSqrt(o: Builder, size: FpSize, a: Fp): Fp {
  const slow = () => exactly(o, "fpSqrt", size, typeOf(size), a);
  if (size === 16) return slow();
  const root = native(o, size, "sqrt", a);
  return trusted(o, MODES.rounded, root, tested(o, isNumber(o, size, root)), () => isExactRoot(o, size, a, root), slow);
}

/** Whether `sum` is exactly addend + a * b. */
function isExactMulAdd(o: Builder, size: NativeSize, addend: Fp, a: Fp, b: Fp, sum: Fp): I32 {
  const product = o.op("f64.mul", toDouble(o, size, a), toDouble(o, size, b));
  const addend64 = toDouble(o, size, addend);
  if (size === 64) {
    return o.and(isExactProduct(o, 64, a, b, product), isExactSum(o, 64, product, addend, sum));
  }
  const sum64 = o.op("f64.add", product, addend64);
  return o.and(isExactSum(o, 64, product, addend64, sum64), o.op("f64.eq", toDouble(o, 32, sum), sum64));
}

/** FPMulAdd(): `addend + a * b`, rounded once. */
export function fpMulAdd(o: Builder, size: FpSize, addend: Fp, a: Fp, b: Fp): Fp {
  const slow = () => exactly(o, "fpMulAdd", size, typeOf(size), addend, a, b);
  if (size === 16 || !isMaddFused()) return slow();
  const sum = madd(o, size, a, b, addend);
  const isExact = () => isExactMulAdd(o, size, addend, a, b, sum);
  return trusted(o, MODES.rounded, sum, wellNormal(o, size, sum), isExact, slow);
}

type MaxMin = "fpMax" | "fpMin" | "fpMaxNum" | "fpMinNum";

function maxMin(o: Builder, size: FpSize, a: Fp, b: Fp, name: MaxMin): Fp {
  const slow = () => exactly(o, name, size, typeOf(size), a, b);
  if (size === 16) return slow();
  const m = native(o, size, name.startsWith("fpMax") ? "max" : "min", a, b);
  return trustedIf(o, MODES.exact, m, isNumber(o, size, m), slow);
}

/** FPMax(). */
export function fpMax(o: Builder, size: FpSize, a: Fp, b: Fp): Fp {
  return maxMin(o, size, a, b, "fpMax");
}

/** FPMin(). */
export function fpMin(o: Builder, size: FpSize, a: Fp, b: Fp): Fp {
  return maxMin(o, size, a, b, "fpMin");
}

/** FPMaxNum(). */
export function fpMaxNum(o: Builder, size: FpSize, a: Fp, b: Fp): Fp {
  return maxMin(o, size, a, b, "fpMaxNum");
}

/** FPMinNum(). */
export function fpMinNum(o: Builder, size: FpSize, a: Fp, b: Fp): Fp {
  return maxMin(o, size, a, b, "fpMinNum");
}

/** FPCompare(): NZCV as a number. */
export function fpCompare(o: Builder, size: FpSize, a: Fp, b: Fp, signalNaNs: boolean): I32 {
  const slow = () => exactly(o, signalNaNs ? "fpCompareSignalling" : "fpCompare", size, "i32", a, b);
  if (size === 16) return slow();
  const isLess = nativeCompare(o, size, "lt", a, b), isEqual = nativeCompare(o, size, "eq", a, b);
  const nzcv = o.select(isLess, o.i32(0b1000), o.select(isEqual, o.i32(0b0110), o.i32(0b0010)));
  return trustedIf(o, MODES.exact, nzcv, o.and(isNumber(o, size, a), isNumber(o, size, b)), slow);
}

/** FPCompareEQ(), FPCompareGE() and FPCompareGT(): all ones in the format's width, or 0, as a value of the format. */
export function fpCompareMask(o: Builder, size: FpSize, a: Fp, b: Fp, how: "EQ" | "GE" | "GT"): Fp {
  const slow = () => exactly(o, `fpCompare${how}`, size, typeOf(size), a, b);
  if (size === 16) return slow();
  const holds = nativeCompare(o, size, how.toLowerCase(), a, b);
  const mask = size === 64
    ? o.op("f64.reinterpret_i64", o.sub(o.i64(0), o.zeroExtend(holds)))
    : o.op("f32.reinterpret_i32", o.sub(o.i32(0), holds));
  return trustedIf<"f32" | "f64" | "i32">(
    o,
    MODES.exact,
    mask,
    o.and(isNumber(o, size, a), isNumber(o, size, b)),
    slow,
  );
}

/** FPRecipStepFused(): 2 - a * b. */
export function fpRecipStepFused(o: Builder, size: FpSize, a: Fp, b: Fp): Fp {
  const slow = () => exactly(o, "fpRecipStepFused", size, typeOf(size), a, b);
  if (size === 16 || !isMaddFused()) return slow();
  const step = madd(o, size, native(o, size, "neg", a), b, constant(o, size, 2));
  return trusted(o, MODES.rounded, step, wellNormal(o, size, step), () => o.i32(0), slow);
}

/** FPRSqrtStepFused(): (3 - a * b) / 2. */
export function fpRSqrtStepFused(o: Builder, size: FpSize, a: Fp, b: Fp): Fp {
  const slow = () => exactly(o, "fpRSqrtStepFused", size, typeOf(size), a, b);
  if (size === 16 || !isMaddFused()) return slow();
  const twice = madd(o, size, native(o, size, "neg", a), b, constant(o, size, 3));
  const step = native(o, size, "mul", twice, constant(o, size, 0.5));
  return trusted(o, MODES.rounded, step, wellNormal(o, size, step), () => o.i32(0), slow);
}

/** FPRecipEstimate(). */
export function fpRecipEstimate(o: Builder, size: FpSize, a: Fp): Fp {
  return exactly(o, "fpRecipEstimate", size, typeOf(size), a);
}

/** FPRSqrtEstimate(). */
export function fpRSqrtEstimate(o: Builder, size: FpSize, a: Fp): Fp {
  return exactly(o, "fpRSqrtEstimate", size, typeOf(size), a);
}

/** FPRecpX(). */
export function fpRecpX(o: Builder, size: FpSize, a: Fp): Fp {
  return exactly(o, "fpRecpX", size, typeOf(size), a);
}
