import { assertEquals } from "@std/assert";
import { assemble } from "../../a64/assembler.ts";
import { Decoder } from "../../a64/decoder.ts";
import { MEANINGS } from "../../a64/table.ts";
import { CPU_MODELS } from "../../cpu/features.ts";
import { FLAGS } from "../../cpu/layout.ts";
import { UNDEFINED_ROW } from "../code_cache.ts";
import { Analyst } from "./analysis.ts";

const analyst = new Analyst(new Decoder(MEANINGS, CPU_MODELS.max.features), UNDEFINED_ROW);

function facts(source: string) {
  const [word] = new Uint32Array(assemble(source, { origin: 0n }).bytes.slice().buffer);
  return analyst.factsOf(word);
}
const bits = (...numbers: number[]): number => numbers.reduce((set, n) => set | 1 << n, 0);

Deno.test("factsOf() tells registers that are read and written; XZR is none, SP is 31", () => {
  const add = facts("add x1, x2, xzr");
  assertEquals([add.xReads, add.xWrites, add.xAlways, add.flags], [bits(2), bits(1), bits(1), -1]);
  const load = facts("ldr x3, [sp], #16");
  assertEquals([load.xReads, load.xWrites], [bits(31), bits(3, 31)]);
  const insert = facts("ins v1.s[2], w4");
  assertEquals([insert.xReads, insert.vReads, insert.vWrites], [bits(4), bits(1), bits(1)]);
});

Deno.test("factsOf() tells how flags are set", () => {
  assertEquals(facts("subs w1, w2, #3").flags, FLAGS.sub32);
  assertEquals(facts("adds x1, x2, x3").flags, FLAGS.add64);
  assertEquals(facts("ands x1, x2, x3").flags, FLAGS.logic64);
  assertEquals(facts("adcs x1, x2, x3").flags, FLAGS.exact);
  assertEquals(facts("ccmp x1, #2, #3, eq").flags, FLAGS.memory);
  assertEquals(facts("fccmp d1, d2, #3, eq").flags, FLAGS.exact);
});

Deno.test("factsOf() tells where flags are read and where a region may be left", () => {
  const tells = (source: string) => {
    const { readsFlags, mayLeave } = facts(source);
    return [readsFlags, mayLeave];
  };
  assertEquals(tells("csel x1, x2, x3, lt"), [true, false]);
  assertEquals(tells("adc x1, x2, x3"), [true, false]);
  assertEquals(tells("cmp x1, x2"), [false, false]);
  assertEquals(tells("ldp x1, x2, [x3]"), [false, true]);
  assertEquals(tells("fadd d0, d1, d2"), [false, true]);
});

Deno.test("factsOf() tells how an instruction ends", () => {
  const ending = (source: string) => {
    const { ending, offset } = facts(source);
    return [ending, offset];
  };
  assertEquals(ending("b . + 8"), ["branch", 8]);
  assertEquals(ending("tbz x1, #2, . - 16"), ["branchIf", -16]);
  assertEquals(ending("bl . + 4096"), ["call", 4096]);
  assertEquals(ending("blr x1"), ["callTo", 0]);
  assertEquals(ending("br x1"), ["jumpTo", 0]);
  assertEquals(ending("ret"), ["return", 0]);
  assertEquals(ending("svc #0"), ["exit", 0]);
  assertEquals(ending("isb"), ["synchronize", 0]);
});
