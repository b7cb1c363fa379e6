import { Decoder } from "../../core/a64/decoder.ts";
import { disassemble, shownRow } from "../../core/a64/disassembler.ts";
import { assembleInstruction } from "../../core/a64/instruction_assembler.ts";
import { parseSyntax } from "../../core/a64/syntax.ts";
import { extractFields, type Row } from "../../core/a64/row.ts";
import { INSTRUCTIONS, MEANINGS } from "../../core/a64/table.ts";

/*
 * GNU as and objdump as judges of the assembly syntax. Run as a program it checks the rows whose name or mnemonic holds
 * the first argument: deno run -A tests/oracle/gnu.ts [NAME] [WORDS_PER_VARIANT] [SEED]
 */

const PREFIX = "aarch64-linux-gnu-";
const ARCHITECTURE = "armv8.8-a+crypto+sha3+sm4+fp16+fp16fml+memtag+sb+ssbs+rng+i8mm+bf16+lse+predres+flagm+pauth" +
  "+profile+dotprod+rcpc+ls64+sme";
/** The address of the words under test: far from both ends, so that no PC-relative address is negative. */
const BASE = 0x1_0000_0000n;

/** Whether binutils for AArch64 can be run here. */
export function isGnuPresent(): boolean {
  try {
    return new Deno.Command(`${PREFIX}as`, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

function run(tool: string, args: string[]): { out: string; err: string } {
  const { stdout, stderr } = new Deno.Command(`${PREFIX}${tool}`, { args, stdout: "piped", stderr: "piped" })
    .outputSync();
  const decoder = new TextDecoder();
  return { out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Assembles a whole program to its bytes. Throws Error with what GNU as says against it. */
export function gnuAssembleProgram(source: string): Uint8Array {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/a.s`, source);
    const { err } = run("as", [`-march=${ARCHITECTURE}`, "-o", `${folder}/a.o`, `${folder}/a.s`]);
    if (err.includes("Error:")) throw new Error(err);
    run("objcopy", ["-O", "binary", "-j", ".text", `${folder}/a.o`, `${folder}/a.bin`]);
    return Deno.readFileSync(`${folder}/a.bin`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Assembles each line by itself: its word, or what GNU as says against it. */
export function gnuAssemble(lines: readonly string[]): (number | string)[] {
  const folder = Deno.makeTempDirSync();
  try {
    const source = `${folder}/a.s`, object = `${folder}/a.o`, image = `${folder}/a.bin`;
    const errors = new Map<number, string>();
    for (let attempt = 0; attempt < 3; attempt++) {
      const text = lines.map((line, i) => errors.has(i) ? ".inst 0" : line);
      Deno.writeTextFileSync(source, text.join("\n") + "\n");
      const { err } = run("as", [`-march=${ARCHITECTURE}`, "-o", object, source]);
      const before = errors.size;
      for (const match of err.matchAll(/:(\d+): Error: (.*)/g)) errors.set(Number(match[1]) - 1, match[2]);
      if (errors.size === before) break;
    }
    run("objcopy", ["-O", "binary", "-j", ".text", object, image]);
    const bytes = Deno.readFileSync(image);
    const words = new Uint32Array(bytes.buffer, 0, bytes.length >> 2);
    if (words.length !== lines.length) throw new Error(`GNU as made ${words.length} words of ${lines.length} lines`);
    return lines.map((_, i) => errors.get(i) ?? words[i]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Disassembles words that stand at `base` and on; null where objdump knows no instruction. */
export function gnuDisassemble(words: Uint32Array, base: bigint): (string | null)[] {
  const folder = Deno.makeTempDirSync();
  try {
    const image = `${folder}/a.bin`;
    Deno.writeFileSync(image, new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
    const { out } = run("objdump", ["-D", "-z", "-b", "binary", "-m", "aarch64", `--adjust-vma=${base}`, image]);
    const result: (string | null)[] = [];
    for (const match of out.matchAll(/^\s*[0-9a-f]+:\t[0-9a-f]{8} \t(.*)$/gm)) {
      const text = match[1].replace(/\s*\/\/.*$/, "").replace(/\s*<[^>]*>/, "").replace(/\t/g, " ").trim();
      result.push(text.startsWith(".inst") ? null : text);
    }
    if (result.length !== words.length) throw new Error(`objdump printed ${result.length} of ${words.length} words`);
    return result;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** One word on which we and GNU differ. */
export interface Difference {
  /**
   * "as": GNU as makes another word of our text. "objdump": we make another word of objdump's text.
   * "text": both texts are right but differ. "undefined": only objdump knows no instruction.
   * "defined": objdump knows an instruction where the row says reserved.
   */
  readonly kind: "as" | "objdump" | "text" | "undefined" | "defined";
  readonly row: Row;
  readonly word: number;
  readonly ours: string;
  readonly theirs: string;
}

export interface CheckOptions {
  /** How many words are taken for each value of a row's shape fields. */
  readonly wordsPerVariant: number;
  readonly seed: number;
  /** How many values of the shape fields are taken at most; all of them where they are fewer. */
  readonly variantLimit?: number;
}

/** A small random generator (mulberry32), so that a seed repeats a run. */
export function randomWords(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/**
 * Random words of a row: every value of its shape fields, or `limit` random ones. Registers are often 31 or alike. Most
 * words are not reserved, where there are such.
 */
export function sampleWords(row: Row, random: () => number, wordsPerVariant: number, limit: number): number[] {
  const free = ~row.mask, shape = row.shapeMask & free;
  const positions = bitsOf(shape);
  const isExhaustive = 2 ** positions.length <= limit;
  const variantCount = isExhaustive ? 2 ** positions.length : limit;
  const words: number[] = [];
  for (let i = 0; i < variantCount; i++) {
    for (let n = 0; n < wordsPerVariant; n++) {
      for (let attempts = random() % 8 === 0 ? 1 : 40; attempts > 0; attempts--) {
        const variant = isExhaustive ? deposit(i, positions) : random() & shape;
        const word = (row.value | variant | unlikely(row, random() & free & ~shape, random)) >>> 0;
        if (attempts > 1 && row.options.reserved?.(extractFields(row, word))) continue;
        words.push(word);
        break;
      }
    }
  }
  return words;
}

function bitsOf(mask: number): number[] {
  return Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (mask >>> bit) & 1);
}

function deposit(value: number, positions: readonly number[]): number {
  return positions.reduce((word, bit, i) => word | (((value >>> i) & 1) << bit), 0);
}

/** Now and then sets a dynamic field to all zeros or ones or to the register on its right, where special cases are. */
function unlikely(row: Row, word: number, random: () => number): number {
  for (const field of row.fields) {
    const bits = (2 ** field.width - 1) << field.lsb;
    if (bits & row.shapeMask) continue;
    const die = random() % 12;
    if (die === 0) word |= bits;
    else if (die === 1) word &= ~bits;
    else if (die <= 3 && field.lsb >= 5) word = (word & ~bits) | ((word << (random() % 2 === 0 ? 5 : 11)) & bits);
  }
  return word;
}

const LABELS = new Set(["label26", "label19", "label14", "label_adr", "label_adrp"]);

/** The text as GNU as takes it: addresses as distances, and a word for ADRP, which needs the linker. */
function forGnu(text: string, row: Row, word: number, pc: bigint): string {
  const last = parseSyntax(row.asm).operandNames.at(-1);
  if (!last || !LABELS.has(last)) return text;
  if (last === "label_adrp") return `.inst ${word}`;
  return text.replace(/0x([0-9a-f]+)$/, (address) => `.+(${BigInt.asIntN(64, BigInt(address) - pc)})`);
}

function hex(word: number): string {
  return `0x${(word >>> 0).toString(16).padStart(8, "0")}`;
}

const NO_SYMBOLS = {
  isSymbol: () => false,
  symbol(name: string): bigint {
    throw new SyntaxError(`Cannot find symbol ${name}`);
  },
};

function assembleOurs(text: string, pc: bigint): number | string {
  try {
    return assembleInstruction(text, pc, NO_SYMBOLS);
  } catch (error) {
    if (error instanceof SyntaxError) return error.message;
    throw error;
  }
}

/** Compares random words of each row with GNU as and objdump. */
export function checkRows(rows: readonly Row[], options: CheckOptions): Difference[] {
  const random = randomWords(options.seed);
  const meanings = new Decoder(MEANINGS);
  const samples: { row: Row; word: number }[] = [];
  for (const row of rows) {
    for (const word of sampleWords(row, random, options.wordsPerVariant, options.variantLimit ?? 256)) {
      const isOfRow = !row.options.reserved?.(extractFields(row, word));
      // An alias that does not apply is another row's business.
      if (isOfRow || row.semantics !== null) samples.push({ row, word });
    }
  }
  const pcOf = (i: number): bigint => BASE + BigInt(i * 4);
  const theirs = gnuDisassemble(Uint32Array.from(samples, (s) => s.word), BASE);
  const ours = samples.map(({ word }, i) => meanings.decode(word) ? disassemble(word, pcOf(i)) : null);
  const assembled = gnuAssemble(
    samples.map(({ word }, i) => ours[i] === null ? ".inst 0" : forGnu(ours[i], shownRow(word)!, word, pcOf(i))),
  );
  const backs = theirs.map((text, i) => text === null || ours[i] === null ? null : assembleOurs(text, pcOf(i)));
  // Two words may stand for one text, such as two rotations of a bit mask: then either is right.
  const textOf = (words: readonly (number | string | null)[]): (string | null)[] =>
    gnuDisassemble(Uint32Array.from(words, (word) => typeof word === "number" ? word : 0xffffffff), BASE);
  const assembledTexts = textOf(assembled), backTexts = textOf(backs);
  const result: Difference[] = [];
  samples.forEach(({ row, word }, i) => {
    const our = ours[i], their = theirs[i], made = assembled[i], back = backs[i];
    const report = (kind: Difference["kind"], mine: string, other: string): void => {
      result.push({ kind, row, word, ours: mine, theirs: other });
    };
    if (our === null) {
      if (their !== null) report("defined", "undefined", their);
      return;
    }
    if (made !== word && (their === null || assembledTexts[i] !== their)) {
      report("as", our, typeof made === "string" ? made : hex(made));
    }
    if (their === null) return report("undefined", our, "undefined");
    if (back !== word && backTexts[i] !== their) report("objdump", typeof back === "number" ? hex(back) : back!, their);
    else if (our !== their) report("text", our, their);
  });
  return result;
}

/** The differences by row and kind, with an example of each. */
export function describeDifferences(differences: readonly Difference[]): string {
  const groups = new Map<string, Difference[]>();
  for (const d of differences) {
    const key = `${d.kind.padEnd(9)} ${d.row.name}`;
    groups.set(key, [...(groups.get(key) ?? []).slice(-1000), d]);
  }
  return [...groups].map(([key, list]) => {
    const d = list[list.length >> 1];
    return `${key} [${d.row.diagram}] x${list.length}\n  ${
      hex(d.word)
    } ours: ${d.ours}\n             GNU:  ${d.theirs}`;
  }).join("\n");
}

if (import.meta.main) {
  const [name = "", wordsPerVariant = "4", seed = String(Date.now() % 1e9)] = Deno.args;
  const rows = INSTRUCTIONS.filter((r) => `${r.name} ${r.asm}`.toLowerCase().includes(name.toLowerCase()));
  const differences = checkRows(rows, { wordsPerVariant: Number(wordsPerVariant), seed: Number(seed) });
  console.log(describeDifferences(differences));
  const counts = Object.entries(Object.groupBy(differences, (d) => d.kind)).map(([k, v]) => `${v?.length} ${k}`);
  console.log(`${rows.length} rows, seed ${seed}: ${counts.join(", ") || "no differences"}`);
}
