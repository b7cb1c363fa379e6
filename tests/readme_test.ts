import { assertEquals, assertStringIncludes } from "@std/assert";
import { withParts } from "../core/cli/reference.ts";
import { needs } from "./needs.ts";

const README = new URL("../README.md", import.meta.url);

Deno.test({
  name: "the README's tour and reference are what the tables say; else: deno task reference",
  ...needs({ permissions: ["read"] }),
  async fn() {
    const readme = Deno.readTextFileSync(README);
    assertStringIncludes(readme, "<!-- tour -->");
    assertStringIncludes(readme, "<!-- reference -->");
    assertEquals(await withParts(readme), readme);
  },
});

Deno.test({
  name: "continuous integration runs the README's first commands",
  ...needs({ permissions: ["read"] }),
  fn() {
    const [, block] = /```sh\n([\s\S]*?)```/.exec(Deno.readTextFileSync(README))!;
    const script = Deno.readTextFileSync(new URL("../.ci/run", import.meta.url));
    const lines = block.trim().split("\n");
    assertEquals(lines.length, 2);
    for (const line of lines) {
      const [program, task] = line.split(" task ");
      assertStringIncludes(script, `deno=(${program})`);
      assertStringIncludes(script, `"\${deno[@]}" task ${task}`);
    }
  },
});
