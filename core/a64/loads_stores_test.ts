import { assertEquals, assertThrows } from "@std/assert";
import { evaluate, EvaluatorFault, EvaluatorState } from "../../tests/oracle/evaluator.ts";
import { checkRows, describeDifferences, isGnuPresent, randomWords, sampleWords } from "../../tests/oracle/gnu.ts";
import { type LoadStoreCase, MEMORY_BASE, MEMORY_BYTES, runLoadsStores } from "../../tests/oracle/load_store.ts";
import { loadStoreRows, placeRegisters, randomState } from "./loads_stores_test_data.ts";
import { Decoder } from "./decoder.ts";
import { INSTRUCTIONS, MEANINGS } from "./table.ts";
import type { Row } from "./row.ts";
import { testingJudged } from "../../tests/needs.ts";

const decoder = new Decoder(MEANINGS);

function run(word: number, state: EvaluatorState): void {
  evaluate(decoder.decode(word)!, word, state);
}

function stateAt(address = MEMORY_BASE): EvaluatorState {
  const state = new EvaluatorState(MEMORY_BASE, MEMORY_BYTES);
  state.memory.forEach((_, i) => state.memory[i] = i);
  state.x[1] = address;
  return state;
}

/** The load-exclusive that sets the monitor for a store-exclusive, into X28. */
function loadExclusiveFor(row: Row, word: number): number | null {
  if (!/^STL?X/.test(row.name)) return null;
  const size = word & 0xc0000000, isPair = /^STL?XP/.test(row.name);
  return (size | (isPair ? 0x087f0000 : 0x085f7c00) | (isPair ? 27 << 10 : 0) | 1 << 5 | 28) >>> 0;
}

interface Prepared {
  readonly row: Row;
  readonly words: readonly number[];
  readonly state: EvaluatorState;
}

function prepare(seed: number): Prepared[] {
  const random = randomWords(seed), cases: Prepared[] = [];
  for (const row of loadStoreRows) {
    for (const sample of sampleWords(row, random, 3, 16)) {
      const word = placeRegisters(row, sample, random);
      if (word === null) continue;
      const first = loadExclusiveFor(row, word), state = randomState(random(), row);
      cases.push({ row, words: first !== null && random() % 4 !== 0 ? [first, word] : [word], state });
    }
  }
  return cases;
}

testingJudged("loads and stores do what another emulator does", async () => {
  const seed = Date.now() % 1e9, cases = prepare(seed);
  const judged = await runLoadsStores(cases.map(({ words, state }): LoadStoreCase => ({
    insns: words,
    x: state.x.slice(0, 29),
    v: state.v.slice(),
    memory: state.memory.slice(),
  })));
  if (judged === null) throw new Error("The judge cannot be built");
  cases.forEach(({ row, words, state }, i) => {
    const name = `${row.name} 0x${words.at(-1)!.toString(16)}, seed ${seed}`, expected = judged[i];
    assertEquals(expected.failed, false, name);
    for (const word of words) run(word, state);
    assertEquals(state.x.slice(0, 29), expected.x, name);
    assertEquals(state.v, expected.v, name);
    const changed = [...state.memory.keys()].filter((at) => state.memory[at] !== expected.memory[at]);
    assertEquals(changed, [], name);
  });
});

const isWithoutGnu = !isGnuPresent();

Deno.test({
  name: `GNU as and objdump agree in every text${isWithoutGnu ? " (ignored: aarch64-linux-gnu-as is missing)" : ""}`,
  ignore: isWithoutGnu,
  fn() {
    const rows = INSTRUCTIONS.filter((row) => /^(ld|st|cas|swp|prf)/.test(row.asm)), seed = Date.now() % 1e9;
    const differences = checkRows(rows, { wordsPerVariant: 4, variantLimit: 32, seed });
    assertEquals(describeDifferences(differences), "", `seed ${seed}`);
  },
});

Deno.test("an access that faults changes nothing", () => {
  const random = randomWords(5);
  for (const row of loadStoreRows) {
    // Memory that is missing altogether, and memory that ends within the access.
    for (const sample of sampleWords(row, random, 1, 8)) {
      const word = placeRegisters(row, sample, random);
      if (word === null || /^STL?X/.test(row.name)) continue;
      const state = randomState(random(), row);
      state.x[1] = 0x1000n;
      const before = { x: state.x.slice(), v: state.v.slice(), sp: state.sp };
      assertThrows(() => evaluate(row, word, state), EvaluatorFault);
      assertEquals({ x: state.x, v: state.v, sp: state.sp }, before, row.name);
    }
  }
});

Deno.test("a pair or structure whose second half faults changes no register", () => {
  const end = MEMORY_BASE + BigInt(MEMORY_BYTES);
  const words: [string, number, bigint][] = [
    ["ldp x2, x3, [x1], #16", 0xa8c10c22, 8n],
    ["ldp q2, q3, [x1, #0]!", 0xadc00c22, 16n],
    ["ldpsw x2, x3, [x1]", 0x69400c22, 4n],
    ["ld4 {v0.16b-v3.16b}, [x1], #64", 0x4cdf0020, 48n],
    ["ld1 {v0.8b-v2.8b}, [x1]", 0x0c406020, 16n],
    ["ld3 {v0.s-v2.s}[1], [x1], x7", 0x0dc7b020, 8n],
    ["ld2r {v0.2d, v1.2d}, [x1], #16", 0x4dffcc20, 8n],
  ];
  for (const [text, word, room] of words) {
    const state = stateAt(end - room);
    assertThrows(() => run(word, state), EvaluatorFault, "", text);
    assertEquals(state.x, stateAt(end - room).x, text);
    assertEquals(state.v, stateAt().v, text);
  }
});

Deno.test("literals are relative to the instruction", () => {
  const state = stateAt();
  state.pc = MEMORY_BASE + 0x40n;
  run(0x58000042, state); // ldr x2, .+8
  assertEquals(state.x[2], 0x4f4e4d4c4b4a4948n);
  run(0x18ffffe2, state); // ldr w2, .-4
  assertEquals(state.x[2], 0x3f3e3d3cn);
  state.memory[0x47] = 0x80;
  run(0x98000023, state); // ldrsw x3, .+4
  assertEquals(state.x[3], 0xffffffff80464544n);
  run(0x9cffffc4, state); // ldr q4, .-8
  assertEquals(state.v[4], state.read(MEMORY_BASE + 0x38n, 16));
});

Deno.test("LDRAA goes through an address without a code as it is while the key is disabled", () => {
  const state = stateAt(MEMORY_BASE + 64n);
  run(0xf87ffc20, state); // ldraa x0, [x1, #-8]!
  assertEquals([state.x[0], state.x[1]], [0x3f3e3d3c3b3a3938n, MEMORY_BASE + 56n]);
  run(0xf8a01420, state); // ldrab x0, [x1, #8]
  assertEquals([state.x[0], state.x[1]], [0x4746454443424140n, MEMORY_BASE + 56n]);
});

Deno.test("the stack pointer is a base and is written back", () => {
  const state = stateAt();
  state.sp = MEMORY_BASE + 32n;
  state.x[29] = 0x1111n;
  state.x[30] = 0x2222n;
  run(0xa9be7bfd, state); // stp x29, x30, [sp, #-32]!
  assertEquals([state.sp, state.read(MEMORY_BASE, 8), state.read(MEMORY_BASE + 8n, 8)], [
    MEMORY_BASE,
    0x1111n,
    0x2222n,
  ]);
  run(0xf84107e0, state); // ldr x0, [sp], #16
  assertEquals([state.sp, state.x[0]], [MEMORY_BASE + 16n, 0x1111n]);
});

Deno.test("accesses are of the kind that the architecture asks for", () => {
  const kinds: [string, number, string][] = [
    ["ldr x0, [x1, #8]", 0xf9400420, "load 8 normal"],
    ["ldtr x0, [x1]", 0xf8400820, "load 8 unprivileged"],
    ["sttrb w0, [x1]", 0x38000820, "store 1 unprivileged"],
    ["ldar w0, [x1]", 0x88dffc20, "load 4 ordered"],
    ["stlrh w0, [x1]", 0x489ffc20, "store 2 ordered"],
    ["ldapr x0, [x1]", 0xf8bfc020, "load 8 ordered"],
    ["ldapurb w0, [x1, #4]", 0x19404020, "load 1 ordered"],
    ["ldxr x0, [x1]", 0xc85f7c20, "load 8 atomic"],
    ["ldxp w0, w2, [x1]", 0x887f0820, "load 2*4 atomic"],
    ["ldp q0, q1, [x1]", 0xad400420, "load 2*16 normal"],
    ["ld1 {v0.16b}, [x1]", 0x4c407020, "load 16 simd8"],
    ["ld1 {v0.2d}, [x1]", 0x4c407c20, "load 16 simd64"],
    ["st1 {v0.4h}, [x1]", 0x0c007420, "store 8 simd16"],
    ["ld1 {v0.s}[1], [x1]", 0x0d409020, "load 4 normal"],
  ];
  for (const [text, word, access] of kinds) {
    const state = stateAt();
    run(word, state);
    assertEquals(state.accesses, [access], text);
  }
});

Deno.test("features and traps", () => {
  const feature = (word: number): string | undefined => decoder.decode(word)!.options.feature;
  assertEquals(feature(0xb820003f), "FEAT_LSE");
  assertEquals(feature(0x48207c82), "FEAT_LSE");
  assertEquals(feature(0xf8bfc020), "FEAT_LRCPC");
  assertEquals(feature(0x195fc020), "FEAT_LRCPC2");
  assertEquals(feature(0x88df7c20), "FEAT_LOR");
  assertEquals(feature(0xf8200420), "FEAT_PAuth");
  assertEquals(decoder.decode(0x3dc00020)!.options.trap, "fp");
  assertEquals(decoder.decode(0x4c407020)!.options.trap, "fp");
  assertEquals(decoder.decode(0xf9400020)!.options.trap, undefined);
  // Odd registers of CASP, an extension from 8 bits, one-element structures of several registers, stg, ld64b.
  for (const word of [0x48217c82, 0xf8620820, 0x0c408c20, 0xd9200800, 0xf83fd1a8]) {
    assertEquals(decoder.decode(word), null, word.toString(16));
  }
  assertEquals(INSTRUCTIONS.filter((row) => /^(ldg|stg|ld64b)/.test(row.asm)), []);
});
