import { assertEquals } from "@std/assert";
import { assemble } from "../../a64/assembler.ts";
import { Decoder } from "../../a64/decoder.ts";
import { MEANINGS } from "../../a64/table.ts";
import { CPU_MODELS } from "../../cpu/features.ts";
import { UNDEFINED_ROW } from "../code_cache.ts";
import { Analyst } from "./analysis.ts";
import { Coverage } from "./coverage.ts";
import { findRegion } from "./region.ts";
import type { CompileRequest } from "./translator.ts";

const analyst = new Analyst(new Decoder(MEANINGS, CPU_MODELS.max.features), UNDEFINED_ROW);
const words = new Int32Array(1024);
words.set(
  new Int32Array(assemble("nop\nnop\n1: cbnz x0, 1b\nnop\nret\nnop\nret", { origin: 0n }).bytes.slice().buffer),
);

function request(index: number, more: Partial<CompileRequest> = {}): CompileRequest {
  const place = { record: 0x8000 + 16 * index, at: 0x3000 + 4 * index, place: null };
  return { ...place, generation: 7, rootSlot: 9, slot: 0x8000, isWhole: false, splitsRuns: false, ...more };
}

Deno.test("Coverage has what is part of a region wait once, and nothing else", () => {
  const coverage = new Coverage();
  coverage.add(request(0), findRegion(words, 0, analyst));
  assertEquals([3, 3, 0, 5].map((index) => coverage.postpones(request(index))), [true, false, false, false]);
  assertEquals(coverage.postpones(request(4, { isWhole: true })), false);
  assertEquals(coverage.postpones(request(4, { splitsRuns: true })), false);
  assertEquals(coverage.postpones(request(4, { generation: 8 })), false);
});
