import { assertEquals } from "@std/assert";
import { assemble } from "../../a64/assembler.ts";
import { Decoder } from "../../a64/decoder.ts";
import { MEANINGS } from "../../a64/table.ts";
import { CPU_MODELS } from "../../cpu/features.ts";
import { UNDEFINED_ROW } from "../code_cache.ts";
import { Analyst } from "./analysis.ts";
import type { Deferral } from "./block.ts";
import { findRegion } from "./region.ts";

const analyst = new Analyst(new Decoder(MEANINGS, CPU_MODELS.max.features), UNDEFINED_ROW);

function findIn(source: string): Deferral[] {
  const words = new Int32Array(1024);
  words.set(new Int32Array(assemble(source, { origin: 0n }).bytes.slice().buffer));
  return [...new Set(findRegion(words, 0, analyst).blocks.flatMap(({ deferral }) => deferral ?? []))];
}

/** The loops of a source in which registers are deferred, each as "header: x registers, v registers". */
function deferralsOf(source: string): string[] {
  const numbers = (set: number) => Array.from({ length: 32 }, (_, n) => n).filter((n) => set & 1 << n).join(" ");
  return findIn(source).map(({ header, x, v }) => `${header.start}: ${numbers(x)}, ${numbers(v)}`);
}

Deno.test("registers that a loop writes are deferred in it", () => {
  assertEquals(
    deferralsOf(`
      mov  x9, #0
  1:  ldr  q0, [x1], #16
      add  v1.4s, v1.4s, v0.4s
      subs x2, x2, #1
      b.ne 1b
      ret`),
    ["1: 1 2, 0 1"],
  );
});

Deno.test("the outer of two loops is one that registers are deferred in", () => {
  assertEquals(
    deferralsOf(`
      mov  x0, #9
  1:  mov  x1, #9
  2:  subs x1, x1, #1
      b.ne 2b
      subs x0, x0, #1
      b.ne 1b
      ret`),
    ["1: 0 1, "],
  );
});

Deno.test("a loop that calls defers nothing, a loop in it does", () => {
  const source = `
      mov  x19, #9
  1:  mov  x1, #9
  2:  subs x1, x1, #1
      b.ne 2b
      bl   3f
      subs x19, x19, #1
      b.ne 1b
  3:  ret`;
  assertEquals(deferralsOf(source), ["2: 1, "]);
});

Deno.test("a loop with many exits, each of which would store many registers, defers nothing", () => {
  const body = Array.from({ length: 20 }, (_, n) => `ldr x${n}, [x${n}]`).join("\n");
  assertEquals(deferralsOf(`mov x20, #9\n1: ${body}\n subs x20, x20, #1\n b.ne 1b\n ret`), []);
});

Deno.test("what is deferred is live where its loop begins, so that each exit can store it", () => {
  const words = new Int32Array(1024);
  const source = "mov x9, #0\n1: cbz x3, 2f\n mov x4, #1\n2: subs x2, x2, #1\n b.ne 1b\n ret";
  words.set(new Int32Array(assemble(source, { origin: 0n }).bytes.slice().buffer));
  const { root } = findRegion(words, 0, analyst);
  assertEquals(root.xLive, 1 << 2 | 1 << 3 | 1 << 4 | 1 << 30);
});

Deno.test("registers that a loop only loads and stores as a pair stay together", () => {
  const pairsOf = (...body: string[]) =>
    findIn(`mov x20, #9\n1: ${body.join("\n")}\n subs x20, x20, #1\n b.ne 1b\n ret`)[0].pairs.join(" ");
  const copies = ["stp x6, x7, [x3, #16]", "ldp x6, x7, [x1, #16]", "ldp x9, x2, [x1], #64", "stnp x9, x2, [x3, #32]"];
  assertEquals(pairsOf(...copies), "6,7 9,2");
  assertEquals(pairsOf(...copies, "add x4, x4, x7"), "9,2");
  assertEquals(pairsOf(...copies, "mov x9, #1"), "6,7");
  assertEquals(pairsOf(...copies, "stp x7, x6, [x3]", "ldp x9, x2, [x1]"), "9,2");
  assertEquals(pairsOf(...copies, "ldp w6, w7, [x1]", "stp x2, x5, [x1]"), "");
  assertEquals(pairsOf("stp x6, x7, [x3], #16"), "");
  assertEquals(pairsOf("ldp x1, x7, [x1]", "stp x1, x7, [x3]", "ldp x4, xzr, [x1]", "stp x4, xzr, [x3]"), "");
  assertEquals(pairsOf("ldp q6, q7, [x1]", "stp q6, q7, [x3]", "ldpsw x4, x5, [x1]", "stp x4, x5, [x3]"), "");
});
