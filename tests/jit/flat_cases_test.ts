import { assertEquals } from "@std/assert";
import { FlatCases } from "./flat_cases.ts";

const CASES = 10_000;

Deno.test("random instructions and sequences do the same in both tiers", () => {
  const seed = Date.now() % 1e9;
  console.log(`seed ${seed}`);
  assertEquals(new FlatCases().random(CASES, seed).differences, []);
});

Deno.test("every shape of every row does the same in both tiers", () => {
  assertEquals(new FlatCases().shapes(1).differences, []);
});
