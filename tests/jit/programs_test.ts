import { assertEquals } from "@std/assert";
import { testing } from "../needs.ts";
import { Programs } from "./programs.ts";

/** Programs that are run: as many as the environment's ARIEL_PROGRAMS says, or this number. */
const COUNT = 100;

testing({ permissions: ["env"] })("random programs do the same in both tiers", () => {
  const count = Number(Deno.env.get("ARIEL_PROGRAMS") ?? COUNT), seed = Date.now() % 1e9;
  console.log(`seed ${seed}`);
  const programs = new Programs();
  for (let i = 0; i < count; i++) assertEquals(programs.run(seed + i), null);
  assertEquals(programs.ended > count / 2, true, "most programs come to their end");
});
