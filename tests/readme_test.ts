import { assertEquals, assertStringIncludes } from "@std/assert";
import { loadCommands } from "../core/cli/commands.ts";
import { TOPICS } from "../core/cli/help_topics.ts";
import { withParts } from "../core/cli/reference.ts";
import { ARIEL } from "./cli/user_folder.ts";
import { needs } from "./needs.ts";

const ROOT = new URL("../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));
const files = needs({ permissions: ["read"] });

/** What begins a command where it stands within a sentence. */
const PROGRAMS = /^(deno|npx|npm|node|ariel|git|sh|bash|apt-get|dpkg-deb|nc|gdb-multiarch|curl|sudo|\.\/\S+) /;

/** Every command that a text in Markdown shows: the lines of blocks for a shell, and what is one within a sentence. */
function commandsOf(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```(\w*)\n([^]*?)^```$/gm)];
  const lines = blocks.filter(([, language]) => language === "sh").flatMap(([, , text]) => text.trim().split("\n"));
  const prose = markdown.replaceAll(/^```[^]*?^```$/gm, "");
  const spans = [...prose.matchAll(/`([^`]+)`/g)].map(([, text]) => text.replaceAll("\n", " "));
  // Behind "#" stands what an example does; a word in capitals is to be replaced
  return [...lines, ...spans.filter((text) => PROGRAMS.test(text))].map((line) =>
    line.replace(/ # .*/, "").replace(/ [A-Z]+$/, "")
  );
}

/** What the tests of the tour and of the examples run. */
async function testedCommands(): Promise<string[]> {
  const examples = (await loadCommands()).flatMap((command) => command.examples.map((example) => example.command));
  return [ARIEL, ...examples, ...TOPICS.flatMap(({ steps }) => steps.flatMap(({ commands }) => commands ?? []))];
}

/** Those of the commands that nothing runs. */
async function notRun(commands: readonly string[]): Promise<string[]> {
  const script = read(".ci/run"), tested = new Set(await testedCommands());
  const [, npx] = /^deno=\((.*)\)$/m.exec(script)!;
  const plain = (text: string) => text.replaceAll('"${deno[@]}"', "deno").replaceAll(npx, "deno");
  const ci = [...plain(script).matchAll(/\bdeno(?: [\w.=:/*-]+)+/g)].map(([text]) => text);
  const tasks = JSON.parse(read("deno.json")).tasks as Record<string, string>;
  const isRun = (command: string): boolean => {
    if (tested.has(command) || ci.includes(command)) return true;
    const task = /^deno task (\S+)$/.exec(command)?.[1] ?? "";
    if (!Object.hasOwn(tasks, task)) return false;
    // A task may have more arguments there, or be done in its parts
    return ci.some((other) => other.startsWith(`${command} `)) || tasks[task].split(" && ").every(isRun);
  };
  return commands.map(plain).filter((command) => !isRun(command));
}

Deno.test({
  name: "the README's tour and reference are what the tables say; else: deno task reference",
  ...files,
  async fn() {
    const readme = read("README.md");
    assertStringIncludes(readme, "<!-- tour -->");
    assertStringIncludes(readme, "<!-- reference -->");
    assertEquals(await withParts(readme), readme);
  },
});

Deno.test({
  name: "every command in the README is run by a test or by continuous integration",
  ...files,
  async fn() {
    const commands = commandsOf(read("README.md"));
    assertEquals(commands.slice(0, 2).map((line) => line.split(" task ")[1]), ["start", "test"]);
    assertEquals(await notRun(commands), []);
  },
});

Deno.test({
  name: "a command that nothing runs is found wherever it stands",
  ...files,
  async fn() {
    const text =
      "Try `deno task bench` or `ariel run`:\n\n```sh\nariel run --smp 3 # three\nariel run\n```\n\n`npx x y`\n";
    assertEquals(await notRun(commandsOf(text)), ["ariel run --smp 3", "deno task bench", "npx x y"]);
  },
});
