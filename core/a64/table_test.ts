import { assert, assertEquals } from "@std/assert";
import { checkRows, describeDifferences, isGnuPresent, sampleWords } from "../../tests/oracle/gnu.ts";
import { randomWords } from "../../tests/oracle/gnu.ts";
import { Decoder, isMoreSpecific } from "./decoder.ts";
import { disassemble } from "./disassembler.ts";
import { extractFields, type Fields, parseDiagram, type Row } from "./row.ts";
import { parseSyntax, spellings } from "./syntax.ts";
import { OPERANDS } from "./operands/mod.ts";
import { INSTRUCTIONS, MEANINGS } from "./table.ts";

Deno.test("every diagram has 32 bits", () => {
  for (const row of INSTRUCTIONS) {
    const { mask, fields } = parseDiagram(row.diagram);
    const width = fields.reduce((sum, field) => sum + field.width, 0);
    const ignored = [...row.diagram.replaceAll(/\S+:\d+/g, "")].filter((c) => c === "x").length;
    const fixed = mask.toString(2).replaceAll("0", "").length;
    assertEquals(width + ignored + fixed, 32, row.name);
  }
});

/** Random words that both rows match. */
function* commonWords(a: Row, b: Row, random: () => number): Generator<number> {
  const mask = a.mask | b.mask, value = a.value | b.value;
  for (let i = 0; i < 2000; i++) yield ((random() & ~mask) | value) >>> 0;
}

Deno.test("rows overlap only where one is more specific or reserved parts them", () => {
  const seed = Date.now() % 1e9, random = randomWords(seed);
  const isOf = (row: Row, word: number): boolean => !row.options.reserved?.(extractFields(row, word));
  const problems: string[] = [];
  MEANINGS.forEach((a, i) => {
    for (const b of MEANINGS.slice(i + 1)) {
      if (((a.value ^ b.value) & a.mask & b.mask) !== 0 || isMoreSpecific(a, b) || isMoreSpecific(b, a)) continue;
      for (const word of commonWords(a, b, random)) {
        if (!isOf(a, word) || !isOf(b, word)) continue;
        problems.push(`${a.name} and ${b.name} share 0x${word.toString(16)}`);
        break;
      }
    }
  });
  assertEquals(problems, [], `seed ${seed}`);
});

Deno.test("no two rows have the same diagram and conditions", () => {
  const seen = new Map<string, Row>();
  for (const row of MEANINGS) {
    const key = `${row.mask}:${row.value}`, other = seen.get(key);
    assert(!other || row.options.reserved || other.options.reserved, `${row.name} and ${other?.name}`);
    seen.set(key, row);
  }
});

Deno.test("every alias renames words of a row", () => {
  const decoder = new Decoder(MEANINGS), random = randomWords(1);
  const problems = INSTRUCTIONS.filter((row) =>
    row.semantics === null && !sampleWords(row, random, 4, 64).some((word) => {
      const meaning = decoder.decode(word);
      return meaning !== null && (row.mask === meaning.mask || isMoreSpecific(row, meaning));
    })
  );
  assertEquals(problems.map((row) => row.name), []);
});

Deno.test("every word can be disassembled", () => {
  const seed = Date.now() % 1e9, random = randomWords(seed);
  for (let i = 0; i < 200_000; i++) {
    const word = random();
    try {
      disassemble(word, BigInt(random()));
    } catch (error) {
      throw new Error(`Cannot disassemble 0x${word.toString(16)}, seed ${seed}`, { cause: error });
    }
  }
});

/** The fields that the mnemonic or an operand prints, or sets when it is read back. */
function fieldsOfSyntax(row: Row): Set<string> {
  const found = new Set<string>();
  const { mnemonic, operandNames } = parseSyntax(row.asm);
  for (const spelling of spellings(mnemonic)) Object.keys(spelling.fields).forEach((name) => found.add(name));
  // What an operand reads may hang on other fields, so that several words are tried.
  for (const word of sampleWords(row, randomWords(1), 8, 64)) {
    const fields = extractFields(row, word), parsed: Fields = {};
    if (row.options.reserved?.(fields)) continue;
    const watched = new Proxy(fields, {
      get(target, name) {
        found.add(String(name));
        return Reflect.get(target, name);
      },
    });
    for (const name of operandNames) OPERANDS[name].parse(OPERANDS[name].print(watched, 0n), parsed, 0n, new Map());
    Object.keys(parsed).forEach((name) => found.add(name));
  }
  return found;
}

Deno.test("the operands of every row exist and show all of its fields", () => {
  const problems: string[] = [];
  for (const row of INSTRUCTIONS) {
    const missing = parseSyntax(row.asm).operandNames.filter((name) => !OPERANDS[name]);
    if (missing.length > 0) {
      problems.push(`${row.name}: no operand ${missing.join(", ")}`);
      continue;
    }
    const found = fieldsOfSyntax(row);
    for (const field of row.fields) {
      if (!found.has(field.name)) problems.push(`${row.name}: "${row.asm}" does not show ${field.name}`);
    }
  }
  assertEquals(problems, []);
});

const isWithoutGnu = !isGnuPresent();

Deno.test({
  name: `GNU as and objdump agree with every row${isWithoutGnu ? " (ignored: aarch64-linux-gnu-as is missing)" : ""}`,
  ignore: isWithoutGnu,
  fn() {
    const seed = Date.now() % 1e9;
    console.log(`seed ${seed}`);
    const differences = checkRows(INSTRUCTIONS, { wordsPerVariant: 2, variantLimit: 64, seed });
    // Where reserved words are concerned, objdump is more lenient than the manual.
    const wrong = differences.filter((d) => d.kind === "as" || d.kind === "objdump");
    assertEquals(describeDifferences(wrong), "", `seed ${seed}`);
  },
});
