import { assertEquals } from "@std/assert";
import { assemble } from "../../a64/assembler.ts";
import { Decoder } from "../../a64/decoder.ts";
import { MEANINGS } from "../../a64/table.ts";
import { CPU_MODELS } from "../../cpu/features.ts";
import { UNDEFINED_ROW } from "../code_cache.ts";
import { Analyst } from "./analysis.ts";
import { findRegion } from "./region.ts";

const analyst = new Analyst(new Decoder(MEANINGS, CPU_MODELS.max.features), UNDEFINED_ROW);

/** The loops of a source in which registers are deferred, each as "header: x registers, v registers". */
function deferralsOf(source: string): string[] {
  const words = new Int32Array(1024);
  words.set(new Int32Array(assemble(source, { origin: 0n }).bytes.slice().buffer));
  const { blocks } = findRegion(words, 0, analyst);
  const numbers = (set: number) => Array.from({ length: 32 }, (_, n) => n).filter((n) => set & 1 << n).join(" ");
  const deferrals = new Set(blocks.flatMap(({ deferral }) => deferral ?? []));
  return [...deferrals].map(({ header, x, v }) => `${header.start}: ${numbers(x)}, ${numbers(v)}`);
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
