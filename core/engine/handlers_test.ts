import { assert, assertEquals } from "@std/assert";
import "../cpu/exception_model.ts"; // defines the helpers that meanings call
import { X } from "../cpu/layout.ts";
import { INSTRUCTIONS } from "../a64/table.ts";
import { Decoder } from "../a64/decoder.ts";
import { CaptureBuilder } from "./capture.ts";
import { emitHandler, Handlers, type Shape, SPECIAL } from "./handlers.ts";
import { RECORD_BYTES } from "./record.ts";
import { extractFields, type Row } from "../a64/row.ts";

/** A small deterministic generator: tests must fail alike every time. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

const rows = INSTRUCTIONS.filter((r) => r.semantics);
const decoder = new Decoder(rows);

/** Up to `count` words that decode to the row. */
function wordsOf(row: Row, count: number, next: () => number): number[] {
  const words: number[] = [];
  for (let tries = 0; tries < 40 * count && words.length < count; tries++) {
    const word = ((next() & ~row.mask) | row.value) >>> 0;
    if (decoder.decode(word) === row) words.push(word);
  }
  return words;
}

function capture(builder: CaptureBuilder, row: Row, word: number): number {
  builder.begin(1024, 2048);
  row.semantics!(builder, extractFields(row, word));
  return builder.variant;
}

Deno.test("words of one shape have the same handler, whatever their registers and immediates", () => {
  const next = random(1);
  const builder = new CaptureBuilder(new SharedArrayBuffer(4096));
  const failures = new Set<string>();
  for (const row of rows) {
    for (const word of wordsOf(row, 12, next)) {
      const other = ((word & (row.shapeMask | row.mask)) | (next() & ~(row.shapeMask | row.mask))) >>> 0;
      if (decoder.decode(other) !== row) continue;
      try {
        if (capture(builder, row, word) !== capture(builder, row, other)) continue;
        const a = emitHandler(row, word, builder.variant), b = emitHandler(row, other, builder.variant);
        if (a.code.view().toString() !== b.code.view().toString()) failures.add(row.name);
      } catch (error) {
        failures.add(`${row.name} (0x${word.toString(16)}): ${(error as Error).message}`);
      }
    }
  }
  assertEquals([...failures], []);
});

function makeHandlers(memory: WebAssembly.Memory): Handlers {
  return new Handlers(memory, {
    helper: () => 0,
    memoryAccess: () => 0,
    decode: () => 0,
    hot: () => 0,
    fetch: () => 0,
    exit: () => {},
    resident: () => 0,
    fill: () => 1,
  });
}

Deno.test("the handlers of all rows are valid WebAssembly", () => {
  const next = random(2);
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
  const handlers = makeHandlers(memory);
  const builder = new CaptureBuilder(memory.buffer as unknown as SharedArrayBuffer);
  const failures: string[] = [];
  for (const row of rows) {
    const words = wordsOf(row, 30, next);
    if (!words.length) failures.push(`${row.name}: no word decodes to it`);
    for (const word of words) {
      try {
        handlers.generate([{ row, word, variant: capture(builder, row, word) }]);
      } catch (error) {
        failures.push(`${row.name} (0x${word.toString(16)}): ${(error as Error).message}`);
        break;
      }
    }
  }
  assertEquals(failures, []);
  assert(handlers.moduleCount > rows.length);
});

Deno.test("a handler goes on with what its record is followed by, whether that often comes next or not", () => {
  const CPU = 0x1000, RECORD = 0x8000;
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
  const u16 = new Uint16Array(memory.buffer), u64 = new BigUint64Array(memory.buffer);
  const builder = new CaptureBuilder(memory.buffer as unknown as SharedArrayBuffer);
  const shapeOf = (word: number): Shape => ({ row: decoder.decode(word)!, word, variant: 0 });
  const add = 0x91000400, shift = 0xd37ff800, or = 0xb27c0000; // ADD X0, X0, #1; LSL X0, X0, #1; ORR X0, X0, #16
  const shapes = [add, shift, or].map(shapeOf);
  const run = (isTold: boolean, words: readonly number[]): bigint => {
    const handlers = makeHandlers(memory);
    handlers.generate(shapes.map((shape) => ({ ...shape, next: () => isTold ? [shapes[1], shapes[0]] : [] })));
    words.forEach((word, i) => {
      const { row } = shapeOf(word), record = RECORD + RECORD_BYTES * i;
      builder.begin(record, 0);
      row.semantics!(builder, extractFields(row, word));
      u16[record >>> 1] = handlers.slotOf(row, word, builder.variant);
    });
    u16[(RECORD + RECORD_BYTES * words.length) >>> 1] = SPECIAL.step;
    u64[(CPU + X) >>> 3] = 3n;
    handlers.enter(CPU, RECORD, -1000);
    return u64[(CPU + X) >>> 3];
  };
  const often = [add, shift, add, add, shift, shift], seldom = [or, add, or, or, shift, or];
  for (const isTold of [false, true]) assertEquals([run(isTold, often), run(isTold, seldom)], [40n, 56n]);
});
