import { assertEquals } from "@std/assert";
import { randomWords, sampleWords } from "../../tests/oracle/gnu.ts";
import { type InstructionCase, type InstructionResult, runInstructions } from "../../tests/oracle/instruction.ts";
import { RowRunner } from "../../tests/oracle/row_runner.ts";
import { DATA_PROCESSING_IMMEDIATE } from "./data_processing_immediate.ts";
import { DATA_PROCESSING_REGISTER } from "./data_processing_register.ts";
import { disassemble } from "./disassembler.ts";
import { encodeFields, extractFields, type Row } from "./row.ts";
import { SYSTEM } from "./system.ts";
import { testingJudged, testingStored } from "../../tests/needs.ts";

const VECTORS = new URL("../../tests/vectors/integer.txt", import.meta.url);
const STORED_SEED = 1;

/** All rows with a meaning that is a function of X0 to X3 and NZCV. */
const ROWS = [
  ...DATA_PROCESSING_IMMEDIATE,
  ...DATA_PROCESSING_REGISTER,
  ...SYSTEM.filter((row) => row.options.feature?.startsWith("FEAT_FlagM")),
].filter((row) => row.semantics !== null && !/^ADRP?$/.test(row.name) && row.options.feature !== "FEAT_PAuth");

/** The word with its operands in X0 to X3 and now and then XZR, and its result in X0 or X1. */
function placeRegisters(row: Row, word: number, random: () => number): number {
  const fields = extractFields(row, word);
  for (const name of Object.keys(fields)) {
    if (name === "Rd") fields.Rd = random() & 1;
    else if (/^R[nma]$/.test(name)) fields[name] = random() % 8 || row.asm.includes("SP") ? random() & 3 : 31;
  }
  return encodeFields(row, fields);
}

/** A register: random bits, few ones, few zeros, or next to a power of two. */
function value(random: () => number): bigint {
  const bits = BigInt(random()) << 32n | BigInt(random()), shift = BigInt(random() % 64);
  switch (random() % 6) {
    case 0:
      return bits;
    case 1:
      return bits >> shift;
    case 2:
      return BigInt.asUintN(64, ~(bits >> shift));
    case 3:
      return BigInt.asUintN(64, (1n << shift) + BigInt(random() % 3) - 1n);
    case 4:
      return BigInt.asUintN(64, BigInt(random() % 5) - 2n);
    default:
      return BigInt.asUintN(64, bits << shift);
  }
}

function inputsOf(insn: number, seed: number): InstructionCase {
  const random = randomWords(insn ^ Math.imul(seed, 0x9e3779b1));
  return { insn, nzcv: random() & 15, x: [0, 1, 2, 3].map(() => value(random)) };
}

function casesOf(seed: number, wordsPerVariant: number, variantLimit: number): InstructionCase[] {
  const random = randomWords(seed), cases: InstructionCase[] = [];
  for (const row of ROWS) {
    for (const sample of sampleWords(row, random, wordsPerVariant, variantLimit)) {
      const word = placeRegisters(row, sample, random);
      if (!row.options.reserved?.(extractFields(row, word))) cases.push(inputsOf(word, seed));
    }
  }
  return cases;
}

const hex = (value: number | bigint): string => value.toString(16);
const describe = (r: InstructionResult): string =>
  r.undefined ? "undefined" : `${hex(r.nzcv)} ${hex(r.x0)} ${hex(r.x1)}`;

/** The cases in which a result differs from what the judge says: at most one a mnemonic. */
function differences(cases: readonly InstructionCase[], expected: readonly string[]): string[] {
  const runner = new RowRunner(ROWS);
  const found = new Map<string, string>();
  cases.forEach((c, i) => {
    const ours = describe(runner.run(c));
    if (ours === expected[i]) return;
    const text = disassemble(c.insn, 0n), inputs = `nzcv ${hex(c.nzcv!)} x ${c.x!.map(hex).join(" ")}`;
    const report = `${hex(c.insn)} ${text} of ${inputs}\n  ours  ${ours}\n  judge ${expected[i]}`;
    found.set(text.split(" ")[0], report);
  });
  return [...found.values()];
}

testingStored("integer instructions do what was recorded of another implementation", async () => {
  const lines = (await Deno.readTextFile(VECTORS)).trim().split("\n").filter((line) => !line.startsWith("#"));
  const cases = lines.map((line) => inputsOf(parseInt(line, 16), STORED_SEED));
  assertEquals(differences(cases, lines.map((line) => line.slice(line.indexOf(" ") + 1))), []);
});

testingJudged("integer instructions agree with another implementation on random cases", async () => {
  const seed = Date.now() % 1e9;
  const cases = casesOf(seed, 12, 64);
  const judged = await runInstructions(cases);
  if (judged === null) throw new Error("The judge cannot be built");
  assertEquals(differences(cases, judged.map(describe)), [], `seed ${seed}`);
});

// Records the vectors anew: deno run -A core/a64/data_processing_test.ts
if (import.meta.main) {
  const cases = casesOf(STORED_SEED, 2, 16);
  const judged = await runInstructions(cases);
  if (!judged) throw new Error("Cannot record vectors as qemu-aarch64 or aarch64-linux-gnu-gcc is missing");
  const lines = cases.map((c, i) => `${hex(c.insn)} ${describe(judged[i])}`);
  await Deno.writeTextFile(VECTORS, `# Word, NZCV, X0 and X1; the inputs follow from the word\n${lines.join("\n")}\n`);
}
