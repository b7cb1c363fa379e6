import { assert, assertEquals } from "@std/assert";
import $ from "dax";
import { Dialog, onTerminal } from "../../tests/cli/ariel.ts";
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
    assertEquals(await offered(script, "ariel", "-"), ["--help", "--version"]);
  },
});

Deno.test({
  name: "bash completes names of files with spaces and asterisks in them, however they are typed",
  ...needs({ permissions: ["run", "env", "read", "write"], programs: ["bash"] }),
  async fn() {
    const script = completionScript("bash", await loadCommands()), folder = Deno.makeTempDirSync();
    for (const name of ["my kernel", "my *"]) Deno.writeTextFileSync(`${folder}/${name}`, "");
    for (const typed of [`${folder}/my`, `${folder}/my\\ `, `"${folder}/my `]) {
      const names = await offered(script, "ariel", "run", "--kernel", typed);
      assertEquals(names.sort(), [`${folder}/my *`, `${folder}/my kernel`], typed);
    }
    Deno.removeSync(folder, { recursive: true });
  },
});

/** Lines as they are typed, and what must stand there after the key that completes. */
const TYPED: Readonly<Record<string, string>> = {
  "ariel comp": "ariel completions",
  "ariel --v": "ariel --version",
  "ariel log de": "ariel log decode",
  "ariel run --kern": "ariel run --kernel",
  "ariel run --time v": "ariel run --time virtual",
  "ariel run --policy stri": "ariel run --policy strict",
};

Deno.test({
  name: "fish completes commands, options and the words that options take",
  ...needs({ permissions: ["run", "env", "read", "write"], programs: ["fish"] }),
  async fn() {
    const path = Deno.makeTempFileSync();
    Deno.writeTextFileSync(path, completionScript("fish", await loadCommands()));
    for (const [typed, whole] of Object.entries(TYPED)) {
      const lines = await $`fish --no-config -c ${`source ${path}; complete -C ${JSON.stringify(typed)}`}`.lines();
      const [word] = lines.map((line) => line.split("\t")[0]).filter((line) => line !== "");
      assertEquals(word, whole.split(" ").at(-1), typed);
    }
    Deno.removeSync(path);
  },
});

/** How a shell on a terminal is told where `folder` has its script. */
const SHELLS: Readonly<Record<string, (folder: string) => readonly string[]>> = {
  "bash --norc -i": (folder) => ["PS1='re''ady '", `source ${folder}/_ariel`],
  // Where EDITOR is vi, keys would be vi's
  "zsh -f": (
    folder,
  ) => ["bindkey -e", "PS1='re''ady '", `fpath=(${folder} $fpath)`, "autoload -U compinit", "compinit -u -D"],
};

/** Matches a text as a terminal draws it, with whatever stands between its characters. */
function drawn(text: string): RegExp {
  return new RegExp([...text].map((c) => c.replace(/[^\w ]/, "\\$&")).join("[^!-~]*"));
}

for (const [command, setUp] of Object.entries(SHELLS)) {
  const shell = command.split(" ")[0] as "bash" | "zsh";
  Deno.test({
    name: `${shell} on a terminal completes commands, options, the words that options take, and files`,
    ...needs({ permissions: ["run", "env", "read", "write"], programs: [shell, "python3"] }),
    async fn() {
      const folder = Deno.makeTempDirSync(), file = `ariel run --kernel ${folder}/my\\ `;
      Deno.writeTextFileSync(`${folder}/_ariel`, completionScript(shell, await loadCommands()));
      Deno.writeTextFileSync(`${folder}/my kernel`, "");
      const env = { ...Deno.env.toObject(), TERM: "dumb" };
      const dialog = new Dialog([], { command: onTerminal(command.split(" ")), env });
      await dialog.send(`${setUp(folder).join("; ")}\r`);
      for (const [typed, whole] of Object.entries({ ...TYPED, [file]: `${file}kernel` })) {
        await dialog.expect("ready ");
        await dialog.send(`${typed}\t`);
        // Keys that come while a shell completes may be taken for others
        await dialog.expect(drawn(whole));
        // What stands there is printed in a line of its own: one that was drawn is hard to read
        await dialog.send(`\x01printf '<%s>\\n' '\x05'\r`);
        const [, line] = await dialog.expect(/\n<(.*?) ?>\r/);
        assertEquals(line, whole);
      }
      await dialog.send("exit\r");
      await dialog.end();
      Deno.removeSync(folder, { recursive: true });
    },
  });
}

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
