/**
 * The exact arithmetic as helpers of generated code: `fpAdd16`, `fpAdd32`, `fpAdd64` on scalars, and `fpAdd32x4` and so
 * on over the elements of vectors. Operands and result stand in the scratch slots.
 */
import { defineHelper } from "../../engine/helpers.ts";
import type { Vcpu } from "../../cpu/vcpu.ts";
import type { FpContext, FpSize, Rounding } from "./format.ts";
import { fpRoundingMode, Rounding as R } from "./format.ts";
import * as s from "./softfloat.ts";
import * as c from "./softfloat_convert.ts";
import * as e from "./softfloat_estimate.ts";

const SIZES: readonly FpSize[] = [16, 32, 64];

const context: FpContext = { fpcr: 0, fpsr: 0 };

/** Runs `compute` with the vCPU's FPCR and gathers its exceptions in FPSR. */
function withContext<T>(vcpu: Vcpu, compute: (ctx: FpContext) => T): T {
  context.fpcr = vcpu.get32("fpcr");
  context.fpsr = vcpu.get32("fpsr");
  const result = compute(context);
  vcpu.set32("fpsr", context.fpsr);
  return result;
}

/** The low `bits` of a scratch slot. */
function read(vcpu: Vcpu, slot: number, bits: number): bigint {
  return BigInt.asUintN(bits, vcpu.u64[vcpu.scratch64(slot)]);
}

/** Element `i` of the vector in a scratch slot. */
function readElement(vcpu: Vcpu, slot: number, bits: number, i: number): bigint {
  const at = i * bits;
  return BigInt.asUintN(bits, vcpu.u64[vcpu.scratch64(slot) + (at >> 6)] >> BigInt(at & 63));
}

function writeResult(vcpu: Vcpu, value: bigint): void {
  vcpu.u64[vcpu.scratch64(0)] = value;
}

type Function = (ctx: FpContext, ...operands: bigint[]) => bigint;

/** A function on elements: each kind of helper is made of these. */
interface ElementFunction {
  readonly name: string;
  /** Width of the operands, and of the result. */
  readonly from: number;
  readonly to: number;
  readonly arity: number;
  readonly run: Function;
}

/** All functions by name and width of their operands. */
const functions: ElementFunction[] = [];

function add(name: string, from: number, to: number, arity: number, run: Function): void {
  functions.push({ name: `${name}${from}`, from, to, arity, run });
}

const BINARY = {
  fpAdd: s.fpAdd,
  fpSub: s.fpSub,
  fpMul: s.fpMul,
  fpMulX: s.fpMulX,
  fpDiv: s.fpDiv,
  fpMax: s.fpMax,
  fpMin: s.fpMin,
  fpMaxNum: s.fpMaxNum,
  fpMinNum: s.fpMinNum,
  fpRecipStepFused: s.fpRecipStepFused,
  fpRSqrtStepFused: s.fpRSqrtStepFused,
} as const;

const COMPARE = {
  fpCompareEQ: s.fpCompareEQ,
  fpCompareGE: s.fpCompareGE,
  fpCompareGT: s.fpCompareGT,
} as const;

const UNARY = {
  fpSqrt: s.fpSqrt,
  fpRecipEstimate: e.fpRecipEstimate,
  fpRSqrtEstimate: e.fpRSqrtEstimate,
  fpRecpX: e.fpRecpX,
} as const;

/** The roundings by name as they stand in helpers' names; "FPCR" is FPRoundingMode(). */
export type RoundingName = keyof typeof R | "FPCR";

function roundingOf(name: RoundingName, ctx: FpContext): Rounding {
  return name === "FPCR" ? fpRoundingMode(ctx) : R[name];
}

const ROUNDINGS: readonly RoundingName[] = ["TIEEVEN", "POSINF", "NEGINF", "ZERO", "TIEAWAY", "FPCR"];

for (const N of SIZES) {
  for (const [name, run] of Object.entries(BINARY)) add(name, N, N, 2, (ctx, a, b) => run(N, a, b, ctx));
  for (const [name, run] of Object.entries(UNARY)) add(name, N, N, 1, (ctx, a) => run(N, a, ctx));
  for (const [name, run] of Object.entries(COMPARE)) {
    add(name, N, N, 2, (ctx, a, b) => run(N, a, b, ctx) ? (1n << BigInt(N)) - 1n : 0n);
  }
  add("fpMulAdd", N, N, 3, (ctx, addend, a, b) => s.fpMulAdd(N, addend, a, b, ctx));
  add("fpCompare", N, 32, 2, (ctx, a, b) => BigInt(s.fpCompare(N, a, b, false, ctx)));
  add("fpCompareSignalling", N, 32, 2, (ctx, a, b) => BigInt(s.fpCompare(N, a, b, true, ctx)));
  for (const rounding of ROUNDINGS) {
    add(`fpRoundInt${rounding}`, N, N, 1, (ctx, a) => c.fpRoundInt(N, a, roundingOf(rounding, ctx), false, ctx));
  }
  add("fpRoundIntExact", N, N, 1, (ctx, a) => c.fpRoundInt(N, a, fpRoundingMode(ctx), true, ctx));
  for (const M of SIZES) {
    if (M !== N) add(`fpConvertTo${M}From`, N, M, 1, (ctx, a) => c.fpConvert(N, M, a, ctx));
  }
  for (const intsize of [32, 64]) {
    for (const rounding of ["ZERO", "FPCR"] as const) {
      const run: Function = (ctx, a) => c.fpRoundIntN(N, a, roundingOf(rounding, ctx), intsize, ctx);
      add(`fpRoundInt${intsize}${rounding}From`, N, N, 1, run);
    }
  }
  for (const M of [16, 32, 64]) {
    for (const unsigned of [false, true]) {
      const kind = `${unsigned ? "U" : "S"}${M}`;
      // The last operand of both is the number of fraction bits, the same for all elements.
      for (const name of ["TIEEVEN", "POSINF", "NEGINF", "ZERO", "TIEAWAY"] as const) {
        const run: Function = (ctx, a, fbits) => c.fpToFixed(N, a, Number(fbits), unsigned, R[name], M, ctx);
        add(`fpToFixed${kind}${name}From`, N, M, 1, run);
      }
      const run: Function = (ctx, a, fbits) => c.fixedToFP(N, a, Number(fbits), unsigned, M, ctx);
      functions.push({ name: `fixedToFP${N}From${kind}`, from: M, to: N, arity: 1, run });
    }
  }
}
add("fpConvertOdd", 64, 32, 1, (ctx, a) => c.fpConvert(64, 32, a, ctx, R.ODD));
add("fpToFixedJS", 64, 64, 1, (ctx, a) => c.fpToFixedJS(a, ctx));
add("unsignedRecipEstimate", 32, 32, 1, (_ctx, a) => BigInt(e.unsignedRecipEstimate(Number(a))));
add("unsignedRSqrtEstimate", 32, 32, 1, (_ctx, a) => BigInt(e.unsignedRSqrtEstimate(Number(a))));

/** Whether the function's last operand is a number of fraction bits. */
const hasFbits = (name: string): boolean => name.startsWith("fpToFixed") || name.startsWith("fixedToFP");

function defineScalar(f: ElementFunction): void {
  defineHelper(f.name, (vcpu) => {
    const operands = Array.from({ length: f.arity }, (_, i) => read(vcpu, i, f.from));
    if (hasFbits(f.name)) operands.push(read(vcpu, f.arity, 32));
    writeResult(vcpu, withContext(vcpu, (ctx) => f.run(ctx, ...operands)));
  });
}

/** Elements of `count` lanes; a result wider or narrower than the operands fills its own lanes from the lowest. */
function defineVector(f: ElementFunction, count: number): void {
  defineHelper(`${f.name}x${count}`, (vcpu) => {
    const fbits = hasFbits(f.name) ? [read(vcpu, f.arity, 32)] : [];
    let result = 0n;
    withContext(vcpu, (ctx) => {
      for (let i = 0; i < count; i++) {
        const operands = Array.from({ length: f.arity }, (_, slot) => readElement(vcpu, slot, f.from, i));
        result |= f.run(ctx, ...operands, ...fbits) << BigInt(i * f.to);
      }
    });
    vcpu.u64[vcpu.scratch64(0)] = BigInt.asUintN(64, result);
    vcpu.u64[vcpu.scratch64(0) + 1] = result >> 64n;
  });
}

for (const f of functions) {
  defineScalar(f);
  const widest = Math.max(f.from, f.to);

  for (const bits of [64, 128]) {
    const count = bits / widest;
    if (count > 1) defineVector(f, count);
  }
}

// FPMulAddH(): two or four half-precision products into single-precision sums.
for (const count of [2, 4]) {
  defineHelper(`fpMulAddHx${count}`, (vcpu) => {
    let result = 0n;
    withContext(vcpu, (ctx) => {
      for (let i = 0; i < count; i++) {
        const addend = readElement(vcpu, 0, 32, i);
        const sum = s.fpMulAddH(addend, readElement(vcpu, 1, 16, i), readElement(vcpu, 2, 16, i), ctx);
        result |= sum << BigInt(32 * i);
      }
    });
    vcpu.u64[vcpu.scratch64(0)] = BigInt.asUintN(64, result);
    vcpu.u64[vcpu.scratch64(0) + 1] = result >> 64n;
  });
}
