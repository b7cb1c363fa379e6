import { assert, assertEquals } from "@std/assert";
import { needs } from "../../tests/needs.ts";
import { completionScript } from "./completions.ts";
import { loadCommands } from "./commands.ts";

/** What bash offers at the end of a command line. */
async function offered(script: string, ...words: string[]): Promise<string[]> {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const test = `${script}\nCOMP_WORDS=(${quoted}) COMP_CWORD=${
    words.length - 1
  }\n_ariel\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, success } = await new Deno.Command("bash", { args: ["--norc", "-c", test] }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).split("\n").filter((word) => word !== "");
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

Deno.test({
  name: "the scripts are what their shells can read",
  ...needs({ permissions: ["run", "env"] }),
  async fn() {
    const commands = await loadCommands();
    for (const shell of ["bash", "zsh", "fish"] as const) {
      const script = completionScript(shell, commands);
      for (const { options } of commands) {
        for (const { name } of options) assert(script.includes(name), `${shell}: --${name}`);
      }
      try {
        const { success, stderr } = await new Deno.Command(shell, { args: ["-n", "-c", script] }).output();
        assert(success, new TextDecoder().decode(stderr));
      } catch (error) {
        // Not every host has every shell
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  },
});
