import { assert, assertEquals } from "@std/assert";
import $ from "dax";
import { needs } from "../../tests/needs.ts";
import { completionScript } from "./completions.ts";
import { loadCommands } from "./commands.ts";

/** What bash offers at the end of a command line. */
async function offered(script: string, ...words: string[]): Promise<string[]> {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const test = `${script}\nCOMP_WORDS=(${quoted}) COMP_CWORD=${
    words.length - 1
  }\n_ariel\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
  return (await $`bash --norc -c ${test}`.lines()).filter((word) => word !== "");
}

Deno.test({
  name: "bash completes commands, options and the words that options take",
  ...needs({ permissions: ["run", "env"], programs: ["bash"] }),
  async fn() {
    const script = completionScript("bash", await loadCommands());
    assertEquals(await offered(script, "ariel", "ru"), ["run"]);
    assertEquals(await offered(script, "ariel", "log", ""), ["decode"]);
    assertEquals(await offered(script, "ariel", "policy", "ch"), ["check"]);
    assertEquals(await offered(script, "ariel", "run", "--kern"), ["--kernel"]);
    assertEquals(await offered(script, "ariel", "run", "--time", "v"), ["virtual"]);
    assertEquals(await offered(script, "ariel", "run", "--time", "=", "v"), ["virtual"]);
    assertEquals(await offered(script, "ariel", "completions", ""), ["bash", "zsh", "fish"]);
    assertEquals(await offered(script, "ariel", "help", "li"), ["linux"]);
  },
});

for (const shell of ["bash", "zsh", "fish"] as const) {
  Deno.test({
    name: `the script for ${shell} has every option, and ${shell} can read it`,
    ...needs({ permissions: ["run", "env"], programs: [shell] }),
    async fn() {
      const commands = await loadCommands(), script = completionScript(shell, commands);
      for (const { options } of commands) for (const { name } of options) assert(script.includes(name), `--${name}`);
      await $`${shell} -n -c ${script}`;
    },
  });
}
