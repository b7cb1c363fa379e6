import { assertEquals } from "@std/assert";
import { mersenneTwister } from "./mersenne_twister.ts";

Deno.test("the numbers that the authors of MT19937 give for their example key", () => {
  const next = mersenneTwister([0x123, 0x234, 0x345, 0x456]);
  assertEquals([next(), next(), next(), next()], [1067595299, 955945823, 477289528, 4107218783]);
});
