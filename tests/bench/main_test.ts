import { assertAlmostEquals, assertEquals } from "@std/assert";
import { meanSpeed } from "./guests.ts";
import { perUnit } from "./main.ts";

Deno.test("a benchmark's name says how many of what an iteration has", () => {
  assertEquals(perUnit("2,000 x loads", 8000), ["loads", 4]);
  assertEquals(perUnit("1000 x HVC, 1 rule", 5000), ["HVC, 1 rule", 5]);
  assertEquals(perUnit("start of a machine", 7), ["start of a machine", 7]);
});

Deno.test("meanSpeed() is the geometric mean of all but the boot", () => {
  const figures = { boot: { ariel: 1, qemu: 9 }, a: { ariel: 1, qemu: 2 }, b: { ariel: 1, qemu: 8 } };
  assertAlmostEquals(meanSpeed(figures), 4);
});
