import { assertEquals } from "@std/assert";
import { GENERATED } from "./policy_names.ts";
import { testingStored } from "../../tests/needs.ts";

for (const [file, source] of Object.entries(GENERATED)) {
  testingStored(`policies/${file} is in step with the tables; else: deno run -A core/cli/policy_names.ts`, () => {
    assertEquals(Deno.readTextFileSync(new URL(`../../policies/${file}`, import.meta.url)), source());
  });
}
