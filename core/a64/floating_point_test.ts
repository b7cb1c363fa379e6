import { assert, assertEquals } from "@std/assert";
import { type InstructionCase, runInstructions } from "../../tests/oracle/instruction.ts";
import { RowRunner } from "../../tests/oracle/row_runner.ts";
import { FLOATING_POINT } from "./floating_point.ts";
import { FLOATING_POINT_CONVERT } from "./floating_point_convert.ts";
import { SIMD_FLOATING_POINT } from "./simd_floating_point.ts";
import { SIMD_FLOATING_POINT_BY_ELEMENT } from "./simd_floating_point_by_element.ts";
import { SIMD_FLOATING_POINT_COMPLEX } from "./simd_floating_point_complex.ts";
import { SIMD_FLOATING_POINT_SCALAR } from "./simd_floating_point_scalar.ts";
import type { FpSize } from "./fp/format.ts";
import { control, generator, operand } from "./fp/softfloat_cases.ts";
import { encodeFields, type Row } from "./row.ts";
import { testingJudged } from "../../tests/needs.ts";

const SCALAR = [...FLOATING_POINT, ...FLOATING_POINT_CONVERT];
const SIMD = [
  ...SIMD_FLOATING_POINT,
  ...SIMD_FLOATING_POINT_SCALAR,
  ...SIMD_FLOATING_POINT_BY_ELEMENT,
  ...SIMD_FLOATING_POINT_COMPLEX,
];

const REGISTERS: Readonly<Record<string, number>> = { Rd: 0, Rn: 1, Rm: 2, Ra: 3 };

/** A word of the row with registers 0 to 3 and any value in the other fields. */
function wordOf(row: Row, next: () => number): number {
  const fields = Object.fromEntries(row.fields.map((f) => [f.name, REGISTERS[f.name] ?? next() % 2 ** f.width]));
  return encodeFields(row, fields);
}

/** A register full of elements of one precision, or of small integers. */
function vector(next: () => number): bigint {
  const pick = next() % 4;
  if (pick === 3) {
    const magnitude = BigInt(next()) << BigInt(next() % 64) & 0xffff_ffff_ffff_ffffn;
    return magnitude | (BigInt(next() % 5 - 2) & 0xffff_ffff_ffff_ffffn) << 64n;
  }
  const size: FpSize = ([16, 32, 64] as const)[pick];
  let value = 0n;
  for (let i = 0; i < 128; i += size) value |= operand(size, next) << BigInt(i);
  return value;
}

function integer(next: () => number): bigint {
  const value = BigInt(next()) << 32n | BigInt(next());
  return BigInt.asUintN(64, BigInt.asIntN(64, value) >> BigInt(next() % 64)) & ~((1n << BigInt(next() % 32)) - 1n);
}

function caseOf(row: Row, next: () => number): InstructionCase {
  return {
    insn: wordOf(row, next),
    fpcr: next() % 3 === 0 ? control(next) : 0,
    nzcv: next() % 16,
    x: [0, 1, 2, 3].map(() => integer(next)),
    v: [0, 1, 2, 3].map(() => vector(next)),
  };
}

const hex = (a: bigint): string => a.toString(16);

function describe(row: Row, c: InstructionCase, r: unknown): string {
  const state = `fpcr ${c.fpcr?.toString(16)} x ${c.x?.map(hex)} v ${c.v?.map(hex)}`;
  const result = JSON.stringify(r, (_, v) => typeof v === "bigint" ? hex(v) : v);
  return `${row.name} 0x${c.insn.toString(16)} ${state} -> ${result}`;
}

/** FPToFixedJS() of a flushed positive denormal clears Z; the judge, unlike the manual's pseudocode, sets it. */
function isFlushedJS(row: Row, c: InstructionCase): boolean {
  const a = BigInt.asUintN(64, c.v![1]);
  return row.name === "FJCVTZS" && (c.fpcr! & 1 << 24) !== 0 && a > 0n && a < 1n << 52n;
}

/** The judge sign-extends the half-precision FCVTZS with fraction bits into the upper part of the register. */
function isSignExtended(insn: number): boolean {
  return (insn & 0xfff0fc00) >>> 0 === 0x5f10fc00;
}

/** Runs random words of the rows on both sides, with FPSR.IXC clear and set. */
async function compare(rows: readonly Row[]): Promise<void> {
  const next = generator(4711);
  const samples = Number(Deno.env.get("SAMPLES") ?? 150);
  const cases = rows.flatMap((row) => Array.from({ length: samples }, () => ({ row, c: caseOf(row, next) })));
  const results = await runInstructions(cases.map(({ c }) => c));
  if (results === null) throw new Error("The judge cannot be built");
  const runner = new RowRunner(rows);
  const failures: string[] = [];
  cases.forEach(({ row, c }, i) => {
    if (isFlushedJS(row, c)) return;
    const expected = isSignExtended(c.insn) ? { ...results[i], v0: results[i].v0 & 0xffffn } : results[i];
    for (const fpsr of [0, 16]) {
      const actual = runner.run(c, fpsr);
      const wanted = { ...expected, fpsr: expected.fpsr | fpsr };
      const isSame = wanted.undefined
        ? actual.undefined
        : Object.entries(wanted).every(([name, value]) => actual[name as keyof typeof actual] === value);
      if (!isSame) failures.push(`${describe(row, c, actual)}, expected ${describe(row, c, wanted).split("->")[1]}`);
    }
  });
  assertEquals(failures.slice(0, 10), [], `${failures.length} of ${cases.length}`);
}

testingJudged("scalar floating point agrees with another implementation", () => compare(SCALAR));
testingJudged("Advanced SIMD floating point agrees with another implementation", () => compare(SIMD));

Deno.test("common arithmetic does not leave WebAssembly", () => {
  const runner = new RowRunner(SCALAR);
  const d = (value: number): bigint => {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    return view.getBigUint64(0);
  };
  const fadd = 0x1e622820, fmul = 0x1e620820, fdiv = 0x1e621820, fmadd = 0x1f420c20, fcvtzs = 0x9e780020;
  const run = (insn: number, fpsr: number, ...v: number[]) => runner.run({ insn, v: [0n, ...v.map(d)] }, fpsr).v0;
  for (const fpsr of [0, 16]) {
    assertEquals(run(fadd, fpsr, 1.5, 2.25), d(3.75));
    assertEquals(run(fmul, fpsr, 1.5, 2.5), d(3.75));
    assertEquals(run(fmul, fpsr, 0, 2.5), d(0));
    assertEquals(run(fdiv, fpsr, 7.5, 2.5), d(3));
    assertEquals(run(fmadd, fpsr, 3, 0.5, 1), d(2.5));
    assertEquals(runner.run({ insn: fcvtzs, v: [0n, d(-3)] }, fpsr).x0, 0xffff_ffff_ffff_fffdn);
  }
  assertEquals(run(fadd, 16, 0.1, 0.2), d(0.1 + 0.2));
  assertEquals(run(fdiv, 16, 1, 3), d(1 / 3));
  assertEquals(runner.helperCalls, 0);
  assert(runner.run({ insn: fdiv, v: [0n, d(1), d(3)] }).fpsr === 16);
});

Deno.test("common vector arithmetic does not leave WebAssembly", () => {
  const runner = new RowRunner(SIMD);
  const s4 = (...values: number[]): bigint => {
    const view = new DataView(new ArrayBuffer(16));
    values.forEach((value, i) => view.setFloat32(12 - 4 * i, value));
    return view.getBigUint64(0) << 64n | view.getBigUint64(8);
  };
  const fmla = 0x4e22cc20, fadd2s = 0x0e22d420, fcvtzs = 0x4ea1b820;
  const n = s4(1, 2, 0, -4), m = s4(0.5, 3, 7, 0.25);
  for (const fpsr of [0, 16]) {
    assertEquals(runner.run({ insn: fmla, v: [s4(1, 1, 0, 1), n, m] }, fpsr).v0, s4(1.5, 7, 0, 0));
    assertEquals(runner.run({ insn: fadd2s, v: [n, n, m] }, fpsr).v0, s4(1.5, 5, 0, 0));
    assertEquals(runner.run({ insn: fcvtzs, v: [n, n] }, fpsr).v0, 0xfffffffc_00000000_00000002_00000001n);
  }
  const tenth = Math.fround(0.1);
  assertEquals(
    runner.run({ insn: fadd2s, v: [n, s4(tenth, 1), s4(1, tenth)] }, 16).v0,
    s4(Math.fround(tenth + 1), Math.fround(tenth + 1), 0, 0),
  );
  assertEquals(runner.helperCalls, 0);
});
