/** The operations of the exact arithmetic as an instruction each, and operands that hurt: what the tests share. */
import * as s from "./softfloat.ts";
import * as c from "./softfloat_convert.ts";
import * as e from "./softfloat_estimate.ts";
import { FORMATS, type FpContext, fpRoundingMode, type FpSize, Rounding } from "./format.ts";

/** What an operation leaves: bits in V0 or X0, or NZCV. */
export interface Operation {
  readonly name: string;
  readonly insn: number;
  /** Width of the operands and of the result in V0, X0 or NZCV. */
  readonly size: FpSize;
  readonly result: number;
  readonly to: "v" | "x" | "nzcv";
  /** Whether the first operand is X1 and not V1. */
  readonly fromX?: boolean;
  readonly run: (a: bigint, b: bigint, d: bigint, ctx: FpContext) => bigint;
}

type Binary = (N: FpSize, a: bigint, b: bigint, ctx: FpContext) => bigint;
type Unary = (N: FpSize, a: bigint, ctx: FpContext) => bigint;

const SIZES: readonly FpSize[] = [16, 32, 64];
const ftype = { 16: 3 << 22, 32: 0, 64: 1 << 22 } as const;

function scalar(base: number, size: FpSize): number {
  return (base & ~(3 << 22) | ftype[size]) >>> 0;
}

/** An Advanced SIMD scalar word from its double- and half-precision forms. */
function simd(double: number, half: number, size: FpSize): number {
  return size === 16 ? half : size === 64 ? double : (double & ~(1 << 22)) >>> 0;
}

function binary(name: string, insn: (size: FpSize) => number, run: Binary): Operation[] {
  return SIZES.map((size) => ({
    name: `${name} ${size}`,
    insn: insn(size),
    size,
    result: size,
    to: "v",
    run: (a, b, _d, ctx) => run(size, a, b, ctx),
  }));
}

function unary(name: string, insn: (size: FpSize) => number, run: Unary, sizes = SIZES): Operation[] {
  return binary(name, insn, (N, a, _b, ctx) => run(N, a, ctx)).filter((o) => sizes.includes(o.size));
}

/** All ones in the format's width where the comparison holds. */
function mask(compare: (N: FpSize, a: bigint, b: bigint, ctx: FpContext) => boolean): Binary {
  return (N, a, b, ctx) => compare(N, a, b, ctx) ? (1n << BigInt(N)) - 1n : 0n;
}

function roundings(): Operation[] {
  const modes = ["TIEEVEN", "POSINF", "NEGINF", "ZERO", "TIEAWAY"] as const;
  const all = modes.flatMap((mode, i) =>
    unary(
      `frint ${mode}`,
      (size) => scalar(0x1e644020 + (i << 15), size),
      (N, a, ctx) => c.fpRoundInt(N, a, Rounding[mode], false, ctx),
    )
  );
  all.push(
    ...unary(
      "frintx",
      (size) => scalar(0x1e674020, size),
      (N, a, ctx) => c.fpRoundInt(N, a, fpRoundingMode(ctx), true, ctx),
    ),
    ...unary(
      "frinti",
      (size) => scalar(0x1e67c020, size),
      (N, a, ctx) => c.fpRoundInt(N, a, fpRoundingMode(ctx), false, ctx),
    ),
  );
  for (const [i, intsize] of [[0, 32], [2, 64]] as const) {
    all.push(
      ...unary(
        `frint${intsize}z`,
        (size) => scalar(0x1e684020 + (i << 15), size),
        (N, a, ctx) => c.fpRoundIntN(N, a, Rounding.ZERO, intsize, ctx),
        [32, 64],
      ),
      ...unary(
        `frint${intsize}x`,
        (size) => scalar(0x1e68c020 + (i << 15), size),
        (N, a, ctx) => c.fpRoundIntN(N, a, fpRoundingMode(ctx), intsize, ctx),
        [32, 64],
      ),
    );
  }
  return all;
}

function toIntegers(): Operation[] {
  const all: Operation[] = [];
  const forms = [[0, "TIEEVEN"], [1 << 19, "POSINF"], [2 << 19, "NEGINF"], [3 << 19, "ZERO"], [
    4 << 16,
    "TIEAWAY",
  ]] as const;
  for (const size of SIZES) {
    for (const M of [32, 64]) {
      for (const unsigned of [false, true]) {
        const variant = (M === 64 ? 0x80000000 : 0) | (unsigned ? 1 << 16 : 0);
        const suffix = `${unsigned ? "u" : "s"}${M} ${size}`;
        for (const [bits, mode] of forms) {
          all.push({
            name: `fcvt ${mode} ${suffix}`,
            insn: (scalar(0x1e600020, size) | variant | bits) >>> 0,
            size,
            result: 64,
            to: "x",
            run: (a, _b, _d, ctx) => c.fpToFixed(size, a, 0, unsigned, Rounding[mode], M, ctx),
          });
        }
        const fixed = ((64 - 7) << 10) | variant;
        all.push({
          name: `fcvtz fixed ${suffix}`,
          insn: (scalar(0x1e580020, size) | fixed) >>> 0,
          size,
          result: 64,
          to: "x",
          run: (a, _b, _d, ctx) => c.fpToFixed(size, a, 7, unsigned, Rounding.ZERO, M, ctx),
        });
        for (const [base, fbits] of [[0x1e620020, 0], [0x1e420020 | ((64 - 29) << 10), 29]] as const) {
          all.push({
            name: `cvtf ${fbits} ${suffix}`,
            insn: (scalar(base, size) | variant) >>> 0,
            size: 64,
            result: size,
            to: "v",
            fromX: true,
            run: (a, _b, _d, ctx) => c.fixedToFP(size, a, fbits, unsigned, M, ctx),
          });
        }
      }
    }
  }
  return all;
}

function conversions(): Operation[] {
  const forms = [
    [64, 32, 0x1e624020],
    [64, 16, 0x1e63c020],
    [32, 64, 0x1e22c020],
    [32, 16, 0x1e23c020],
    [16, 32, 0x1ee24020],
    [16, 64, 0x1ee2c020],
  ] as const;
  const all: Operation[] = forms.map(([N, M, insn]) => ({
    name: `fcvt ${N} ${M}`,
    insn,
    size: N,
    result: M,
    to: "v",
    run: (a, _b, _d, ctx) => c.fpConvert(N, M, a, ctx),
  }));
  all.push({
    name: "fcvtxn",
    insn: 0x7e616820,
    size: 64,
    result: 32,
    to: "v",
    run: (a, _b, _d, ctx) => c.fpConvert(64, 32, a, ctx, Rounding.ODD),
  }, {
    name: "fjcvtzs",
    insn: 0x1e7e0020,
    size: 64,
    result: 64,
    to: "x",
    run: (a, _b, _d, ctx) => c.fpToFixedJS(a, ctx) & 0xffffffffn,
  }, {
    name: "fjcvtzs flags",
    insn: 0x1e7e0020,
    size: 64,
    result: 4,
    to: "nzcv",
    run: (a, _b, _d, ctx) => (c.fpToFixedJS(a, ctx) >> 32n) << 2n,
  });
  return all;
}

function comparisons(): Operation[] {
  return SIZES.flatMap((size) =>
    [false, true].map((signalNaNs): Operation => ({
      name: `fcmp${signalNaNs ? "e" : ""} ${size}`,
      insn: scalar(signalNaNs ? 0x1e622030 : 0x1e622020, size),
      size,
      result: 4,
      to: "nzcv",
      run: (a, b, _d, ctx) => BigInt(s.fpCompare(size, a, b, signalNaNs, ctx)),
    }))
  );
}

/** Every operation in every width. */
export const OPERATIONS: readonly Operation[] = [
  ...binary("fadd", (n) => scalar(0x1e622820, n), s.fpAdd),
  ...binary("fsub", (n) => scalar(0x1e623820, n), s.fpSub),
  ...binary("fmul", (n) => scalar(0x1e620820, n), s.fpMul),
  ...binary("fdiv", (n) => scalar(0x1e621820, n), s.fpDiv),
  ...binary("fnmul", (n) => scalar(0x1e628820, n), s.fpNMul),
  ...binary("fmax", (n) => scalar(0x1e624820, n), s.fpMax),
  ...binary("fmin", (n) => scalar(0x1e625820, n), s.fpMin),
  ...binary("fmaxnm", (n) => scalar(0x1e626820, n), s.fpMaxNum),
  ...binary("fminnm", (n) => scalar(0x1e627820, n), s.fpMinNum),
  ...binary("fmulx", (n) => simd(0x5e62dc20, 0x5e421c20, n), s.fpMulX),
  ...binary("fabd", (n) => simd(0x7ee2d420, 0x7ec21420, n), s.fpAbd),
  ...binary("frecps", (n) => simd(0x5e62fc20, 0x5e423c20, n), s.fpRecipStepFused),
  ...binary("frsqrts", (n) => simd(0x5ee2fc20, 0x5ec23c20, n), s.fpRSqrtStepFused),
  ...binary("fcmeq", (n) => simd(0x5e62e420, 0x5e422420, n), mask(s.fpCompareEQ)),
  ...binary("fcmge", (n) => simd(0x7e62e420, 0x7e422420, n), mask(s.fpCompareGE)),
  ...binary("fcmgt", (n) => simd(0x7ee2e420, 0x7ec22420, n), mask(s.fpCompareGT)),
  ...SIZES.map((size): Operation => ({
    name: `fmadd ${size}`,
    insn: scalar(0x1f420c20, size),
    size,
    result: size,
    to: "v",
    run: (a, b, d, ctx) => s.fpMulAdd(size, d, a, b, ctx),
  })),
  ...unary("fsqrt", (n) => scalar(0x1e61c020, n), s.fpSqrt),
  ...unary("frecpe", (n) => simd(0x5ee1d820, 0x5ef9d820, n), e.fpRecipEstimate),
  ...unary("frsqrte", (n) => simd(0x7ee1d820, 0x7ef9d820, n), e.fpRSqrtEstimate),
  ...unary("frecpx", (n) => simd(0x5ee1f820, 0x5ef9f820, n), e.fpRecpX),
  ...unary("urecpe", () => 0x4ea1c820, (_n, a) => BigInt(e.unsignedRecipEstimate(Number(a))), [32]),
  ...unary("ursqrte", () => 0x6ea1c820, (_n, a) => BigInt(e.unsignedRSqrtEstimate(Number(a))), [32]),
  ...roundings(),
  ...toIntegers(),
  ...conversions(),
  ...comparisons(),
];

/** A generator of pseudo-random 32-bit numbers (xorshift), the same on every machine. */
export function generator(seed: number): () => number {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

function random64(next: () => number): bigint {
  return (BigInt(next()) << 32n) | BigInt(next());
}

/** An operand of the format: special values, numbers near powers of two and integers, denormals, or any bits. */
export function operand(N: FpSize, next: () => number): bigint {
  const f = FORMATS[N];
  const sign = next() & 1 ? f.signBit : 0n;
  const bias = f.expOnes >> 1;
  const pick = next() % 12;
  const fraction = random64(next) & f.fractionMask;
  const sparse = fraction & (f.fractionMask << BigInt(next() % (f.F + 1)));
  const exponent = (value: number) => BigInt(value) << BigInt(f.F);
  if (pick === 0) return sign;
  if (pick === 1) return sign | f.infinity;
  if (pick === 2) return sign | f.infinity | (next() & 1 ? fraction : fraction >> 1n);
  if (pick === 3) return sign | (next() & 1 ? fraction : fraction >> BigInt(next() % f.F));
  if (pick === 4) return sign | exponent(1 + next() % 3) | sparse;
  if (pick === 5) return sign | exponent(f.expOnes - 1 - next() % 3) | sparse;
  if (pick === 6) return sign | exponent(bias) | (next() & 1 ? 0n : fraction >> BigInt(f.F - 2));
  if (pick <= 9) return sign | exponent(bias + next() % Math.min(bias, 66) - (next() & 1 ? 2 : 0)) | sparse;
  if (pick === 10) return (sign | exponent(1 + next() % (f.expOnes - 1)) | sparse) + BigInt(next() % 3) - 1n;
  return random64(next) & ((1n << BigInt(N)) - 1n);
}

/** FPCR: mostly one mode bit at a time, sometimes none, sometimes any. */
export function control(next: () => number): number {
  const modes = [0, 1 << 22, 2 << 22, 3 << 22, 1 << 24, 1 << 25, 1 << 26, 1 << 19, (1 << 24) | (1 << 19)];
  const pick = next() % (modes.length + 2);
  return pick < modes.length ? modes[pick] : next() & ((0xf9 << 19) >>> 0);
}
