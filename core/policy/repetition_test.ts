import { assertEquals } from "@std/assert";
import { Limit } from "./repetition.ts";

Deno.test("Limit holds in each of its windows, and begins anew with the machine's time", () => {
  const limit = new Limit({ count: 2, perSeconds: 1 });
  const take = (...times: number[]) => times.map((timeNs) => limit.take(timeNs));
  assertEquals(take(5e8, 1e9, 1.4e9, 1.5e9, 1.6e9, 1.7e9), [true, true, false, true, true, false]);
  // A reset of the guest
  assertEquals(take(100, 200, 300), [true, true, false]);
  assertEquals(new Limit({ count: 0, perSeconds: 1 }).take(0), false);
});
