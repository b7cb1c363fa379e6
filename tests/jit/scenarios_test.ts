import { assertEquals } from "@std/assert";
import { randomWords } from "../oracle/gnu.ts";
import { CODE, MEMORY, OTHER_MEMORY, SUPERVISOR } from "./layout.ts";
import { SCENARIOS } from "./scenarios.ts";
import { describe, Twins } from "./twins.ts";

/** Offset of PERIOD among the supervisor's variables. */
const PERIOD = 0x1028;
const LONG = 1_000_000;

const twins = new Twins();

for (const { name, source, period = 100_000_000 } of SCENARIOS) {
  Deno.test(`both tiers: ${name}`, () => {
    const random = randomWords(1);
    const slicings = [() => LONG, () => 1, () => 1 + random() % 50, () => 1 + random() % 50];
    const symbols = {
      DESCRIPTOR: twins.descriptors.get(MEMORY.va)!,
      DESCRIPTOR_OTHER: twins.descriptors.get(OTHER_MEMORY.va)!,
      DESCRIPTOR_CODE2: twins.descriptors.get(CODE.va + 4096n)!,
    };
    for (const slice of slicings) {
      twins.load(source, CODE.va, symbols);
      twins.poke(SUPERVISOR.pa + PERIOD, BigInt(period));
      const difference = twins.run(slice);
      assertEquals(difference && describe(difference), null);
      assertEquals(twins.isEnded, true, "the program came to its end");
    }
  });
}
