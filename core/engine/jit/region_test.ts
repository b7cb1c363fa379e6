import { assertEquals } from "@std/assert";
import { assemble } from "../../a64/assembler.ts";
import { Decoder } from "../../a64/decoder.ts";
import { MEANINGS } from "../../a64/table.ts";
import { CPU_MODELS } from "../../cpu/features.ts";
import { FLAGS } from "../../cpu/layout.ts";
import { UNDEFINED_ROW } from "../code_cache.ts";
import { Analyst } from "./analysis.ts";
import type { Block, Region } from "./block.ts";
import { findRegion } from "./region.ts";

const analyst = new Analyst(new Decoder(MEANINGS, CPU_MODELS.max.features), UNDEFINED_ROW);

/** The region of a source's first instruction, in a page whose rest is undefined. */
function regionOf(source: string): Region {
  const words = new Int32Array(1024);
  words.set(new Int32Array(assemble(source, { origin: 0n }).bytes.slice().buffer));
  return findRegion(words, 0, analyst);
}

/** Each block as "start: taken next", with its index for none. */
function edges({ blocks }: Region): string[] {
  const name = (b: Block | null) => b ? String(b.start) : "-";
  return blocks.map((b) => `${b.start}: ${name(b.taken)} ${name(b.next)}`);
}

Deno.test("findRegion() splits code at branches and at what they go to", () => {
  const region = regionOf(`
      cbz x0, 2f
      add x1, x1, #1
      b   3f
  2:  add x2, x2, #1
  3:  ret`);
  assertEquals(edges(region).sort(), ["0: 3 1", "1: 4 -", "3: - 4", "4: - -"]);
  assertEquals(region.instructionCount, 5);
  const end = region.blocks.find((b) => b.start === 4)!;
  assertEquals([end.forwardCount, end.dominator], [2, region.root]);
});

Deno.test("findRegion() finds loops, also those in loops", () => {
  const region = regionOf(`
  1:  add  x1, x1, #1
  2:  subs x2, x2, #1
      b.ne 2b
      cbnz x1, 1b
      ret`);
  assertEquals(region.blocks.filter((b) => b.isLoopHeader).map((b) => b.start), [0, 1]);
});

Deno.test("findRegion() has the body of a small loop twice", () => {
  const nops = (count: number) => "nop\n".repeat(count);
  const { blocks, instructionCount } = regionOf(`1: ${nops(7)}cbnz x1, 1b\nret`);
  assertEquals(instructionCount, 8);
  assertEquals(blocks.map((b) => [b.start, b.isLoopHeader, b.instructions.length]), [
    [0, true, 8],
    [0, false, 8],
  ]);
  const [first, second] = blocks;
  assertEquals([first.taken === second, second.taken === first, first.forwardCount], [true, true, 0]);
  for (const body of [nops(8), ""]) assertEquals(regionOf(`1: ${body}cbnz x1, 1b\nret`).blocks.length, 1);
});

Deno.test("findRegion() leaves the region where a loop has two entries", () => {
  const region = regionOf(`
      cbz  x0, 2f
  1:  add  x1, x1, #1
  2:  add  x2, x2, #1
      cbnz x2, 1b
      ret`);
  const backward = region.blocks.filter((b) => b.taken && b.taken.order <= b.order);
  for (const b of backward) assertEquals(b.taken!.isLoopHeader, true);
  assertEquals(region.blocks.every((b, i) => b.order === i), true);
});

Deno.test("findRegion() ends at the page's end and at branches to other pages", () => {
  const words = new Int32Array(1024).fill(0xd503201f | 0);
  words[1020] = 0x14000010; // to the next page
  const { blocks } = findRegion(words, 1018, analyst);
  assertEquals(blocks.map((b) => [b.start, b.instructions.length, b.taken, b.next]), [[1018, 3, null, null]]);
  words[1020] = 0xd503201f | 0;
  assertEquals(findRegion(words, 1018, analyst).instructionCount, 6);
});

Deno.test("findRegion() knows which registers are live at the start of a block", () => {
  const { root } = regionOf(`
      add  x1, x2, x3
      mov  x4, x1
      fadd d0, d1, d2
      cbz  x5, 1f
      mov  x6, x7
  1:  ret`);
  assertEquals(root.xLive, 1 << 2 | 1 << 3 | 1 << 5 | 1 << 7 | 1 << 30);
  assertEquals(root.vLive & 6, 6);
});

Deno.test("findRegion() knows how the flags stand, or that it depends", () => {
  const { blocks } = regionOf(`
      cmp  x0, x1
      b.eq 1f
      ands w2, w2, w3
  1:  b.lt 2f
      nop
  2:  ret`);
  const flags = Object.fromEntries(blocks.map((b) => [b.start, b.flagsIn]));
  assertEquals(flags, { 0: FLAGS.memory, 2: FLAGS.sub64, 3: FLAGS.memory, 4: FLAGS.memory, 5: FLAGS.memory });
});

Deno.test("findRegion() knows where the flags are looked at before they are set again", () => {
  const { blocks } = regionOf(`
      mov  x0, #0
  1:  add  x1, x1, #1
      cmp  x1, x2
      b.ne 1b
      ldr  x3, [x1]
  2:  cmp  x1, x2
      b.ne 2b
      ret`);
  const live = Object.fromEntries(blocks.map((b) => [b.start, b.flagsLive]));
  assertEquals(live, { 0: false, 1: false, 4: true, 5: false, 7: true });
});

Deno.test("findRegion() keeps to the loops that it begins in", () => {
  const { blocks } = regionOf(`
  1:  subs x1, x1, #1
      b.ne 1b
      cbz  x2, 2f
      sub  x2, x2, #1
      b    1b
  2:  ret`);
  assertEquals([...new Set(blocks.map((b) => b.start))].sort(), [0, 2, 3]);
});

Deno.test("findRegion() leaves out what was never executed, and what is not in the loop that it begins in", () => {
  const source = (branch: string) => `
      mov  x0, #0
  1:  cbz  x1, 2f
      sub  x1, x1, #1
      ${branch}
      ret
  2:  brk  #1`;
  const executed = (index: number) => index < 5;
  const starts = (text: string, start: number) => {
    const words = new Int32Array(1024);
    words.set(new Int32Array(assemble(text, { origin: 0n }).bytes.slice().buffer));
    return findRegion(words, start, analyst, executed).blocks.map((b) => b.start).sort();
  };
  assertEquals(starts(source("nop"), 0), [0, 2]);
  assertEquals(starts(source("cbnz x1, 1b"), 0), [0, 1, 2, 4]);
  assertEquals(starts(source("cbnz x1, 1b"), 1), [1, 2]);
  assertEquals(starts(source("cbnz x1, 1b").replace("brk  #1", "b 1b"), 1), [1, 2]);
});
