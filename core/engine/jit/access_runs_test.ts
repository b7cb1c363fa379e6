import { assertEquals } from "@std/assert";
import { assemble } from "../../a64/assembler.ts";
import { Decoder } from "../../a64/decoder.ts";
import { MEANINGS } from "../../a64/table.ts";
import { CPU_MODELS } from "../../cpu/features.ts";
import { UNDEFINED_ROW } from "../code_cache.ts";
import { findRuns } from "./access_runs.ts";
import { Analyst } from "./analysis.ts";

const analyst = new Analyst(new Decoder(MEANINGS, CPU_MODELS.max.features), UNDEFINED_ROW);

/** For each instruction "RUN:OFFSET" with "!" where it is the run's first, or "-"; and the bytes of each run. */
function runsOf(source: string): string {
  const words = new Int32Array(assemble(source, { origin: 0n }).bytes.slice().buffer);
  const members = findRuns([...words].map((word) => analyst.factsOf(word)));
  const bytes = new Map(members.flatMap((m) => m ? [[m.run.number, m.run.bytes] as const] : []));
  const names = members.map((m) => m ? `${m.run.number}:${m.offset}${m.isFirst ? "!" : ""}` : "-");
  return `${names.join(" ")} (${[...bytes.values()].join(" ")})`;
}

Deno.test("findRuns() finds accesses through the same base, reads and writes apart", () => {
  assertEquals(runsOf("ldr x1, [x0, #8]\nstr w2, [x0]\nldrb w3, [x0]\nadd x4, x4, #1"), "0:8! - 0:0 - (16)");
  assertEquals(runsOf("stp q0, q1, [x0]\nldr x1, [x0]\nstr x1, [x0, #40]"), "0:0! - 0:40 (48)");
});

Deno.test("findRuns() follows a base register to which constants are added, and no other", () => {
  assertEquals(
    runsOf("stp x29, x30, [sp, #-48]!\nmov x29, sp\nstp x19, x20, [sp, #16]\nstr x21, [sp, #32]"),
    "0:0! - 0:16 0:32 (40)",
  );
  assertEquals(runsOf("ldr x1, [x0], #8\nldr x2, [x0], #8\nldr x3, [x0]"), "0:0! 0:8 0:16 (24)");
  assertEquals(runsOf("ldr x1, [x0]\nldr x0, [x0, #8]\nldr x2, [x0]\nldr x3, [x0, #8]"), "0:0! 0:8 1:0! 1:8 (16 16)");
  assertEquals(runsOf("ldr x1, [x0]\nadd x0, x0, x1\nldr x2, [x0]"), "- - - ()");
});

Deno.test("findRuns() leaves out what is far away, and accesses that are more than plain", () => {
  assertEquals(runsOf("ldr x1, [x0]\nldr x2, [x0, #120]"), "0:0! 0:120 (128)");
  assertEquals(runsOf("ldr x1, [x0]\nldr x2, [x0, #128]"), "- - ()");
  for (const other of ["ldar x2, [x0]", "ldxr x2, [x0]", "ldtr x2, [x0]", "ldr x2, [x0, x3]", "ld1 {v0.16b}, [x0]"]) {
    assertEquals(runsOf(`ldr x1, [x0]\n${other}`), "- - ()", other);
  }
});
