import { assertEquals } from "@std/assert";
import { runInstructions } from "../../tests/oracle/instruction.ts";
import type { InstructionCase, InstructionResult } from "../../tests/oracle/instruction.ts";
import { RowRunner } from "../../tests/oracle/row_runner.ts";
import { disassemble } from "./disassembler.ts";
import { inputsOf, SIMD_ROWS, simdCases } from "./simd_test_data.ts";
import { testingJudged, testingStored } from "../../tests/needs.ts";

const VECTORS = new URL("../../tests/vectors/simd.txt", import.meta.url);
const STORED_SEED = 1;

const hex = (value: number | bigint): string => value.toString(16);
const describe = (r: InstructionResult): string =>
  r.undefined ? "undefined" : `${hex(r.fpsr)} ${hex(r.x0)} ${hex(r.v0)}`;

function describeInputs(c: InstructionCase): string {
  return `${hex(c.insn)} ${disassemble(c.insn, 0n)} of ${c.v!.map(hex).join(" ")}, ${c.x!.map(hex).join(" ")}`;
}

/** The cases in which a result differs from what the judge says: at most one a mnemonic. */
function differences(cases: readonly InstructionCase[], expected: readonly string[]): string[] {
  const runner = new RowRunner(SIMD_ROWS.filter((row) => row.semantics !== null));
  const found = new Map<string, string>();
  cases.forEach((c, i) => {
    const ours = describe(runner.run(c));
    if (ours === expected[i]) return;
    const name = disassemble(c.insn, 0n).split(" ")[0];
    if (!found.has(name)) found.set(name, `${describeInputs(c)}\n  ours  ${ours}\n  judge ${expected[i]}`);
  });
  return [...found.values()];
}

testingStored("Advanced SIMD does what was recorded of another implementation", async () => {
  const lines = (await Deno.readTextFile(VECTORS)).trim().split("\n").filter((line) => !line.startsWith("#"));
  const cases = lines.map((line) => inputsOf(parseInt(line, 16), STORED_SEED));
  assertEquals(differences(cases, lines.map((line) => line.slice(line.indexOf(" ") + 1))), []);
});

testingJudged("Advanced SIMD agrees with another implementation on random cases", async () => {
  const seed = Date.now() % 1e9;
  const cases = simdCases(seed, 4, 32);
  const judged = await runInstructions(cases);
  if (judged === null) throw new Error("The judge cannot be built");
  assertEquals(differences(cases, judged.map(describe)), [], `seed ${seed}`);
});

Deno.test("a saturation is added to what FPSR holds", () => {
  const runner = new RowRunner(SIMD_ROWS.filter((row) => row.semantics !== null));
  const sqadd = 0x0e210c20; // sqadd v0.8b, v1.8b, v1.8b
  assertEquals(runner.run({ insn: sqadd, v: [0n, 0x40n] }, 0x1).fpsr, 0x08000001);
  assertEquals(runner.run({ insn: sqadd, v: [0n, 0x3fn] }, 0x1).fpsr, 0x1);
  // The upper half is no operand of a 64-bit vector.
  assertEquals(runner.run({ insn: sqadd, v: [0n, 0x40n << 64n] }, 0x1).fpsr, 0x1);
});

// Records the vectors anew: deno run -A core/a64/simd_test.ts
if (import.meta.main) {
  const cases = simdCases(STORED_SEED, 1, 8);
  const judged = await runInstructions(cases);
  if (!judged) throw new Error("Cannot record vectors as qemu-aarch64 or aarch64-linux-gnu-gcc is missing");
  const lines = cases.map((c, i) => `${hex(c.insn)} ${describe(judged[i])}`);
  await Deno.writeTextFile(VECTORS, `# Word, FPSR, X0 and V0; the inputs follow from the word\n${lines.join("\n")}\n`);
}
