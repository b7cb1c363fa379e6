import { type Command, HELP_OPTION, type Option } from "./command.ts";
import { INFO } from "../monitor/info_commands.ts";
import { MONITOR_COMMANDS } from "../monitor/monitor.ts";
import { loadCommands } from "./commands.ts";
import { type Step, TOPICS } from "./help_topics.ts";
import { COMMON_EXIT_CODES } from "./man.ts";

/*
 * Parts of the README that are made from the tables of commands and topics. `deno task reference` writes them between
 * their marks, and a test checks that they are what the tables say.
 */

/** A tour by doing, in Markdown. */
export function tourMarkdown(): string {
  return TOPICS.map(({ title, steps }) => `### ${title}\n\n${steps.map(stepMarkdown).join("\n")}`).join("\n");
}

function stepMarkdown({ text, file, commands, keys }: Step): string {
  const blocks = [
    ...file ? [`\`\`\`ts\n// ${file.name}\n${file.content}\`\`\`\n`] : [],
    ...commands ? [`\`\`\`sh\n${commands.join("\n")}\n\`\`\`\n`] : [],
    ...keys ? [`\`\`\`text\n${keys.join("\n")}\n\`\`\`\n`] : [],
  ];
  return `${text}\n\n${blocks.join("\n")}`;
}

/** All commands with their options, in Markdown. */
export function referenceMarkdown(commands: readonly Command[]): string {
  return commands.map(commandMarkdown).join("\n");
}

function commandMarkdown(command: Command): string {
  const codes = Object.entries({ ...COMMON_EXIT_CODES, ...command.exitCodes });
  return [
    `### ariel ${command.name}${command.positional ? ` ${command.positional}` : ""}`,
    "",
    `${command.summary}.`,
    "",
    "| option | |",
    "| --- | --- |",
    ...[...command.options, HELP_OPTION].map(optionRow),
    "",
    ...command.examples.length ? ["```sh", ...command.examples.map((e) => `${e.command} # ${e.what}`), "```", ""] : [],
    `Exit codes: ${codes.map(([code, what]) => `${code} ${what}`).join("; ")}.`,
    "",
  ].join("\n");
}

function optionRow({ name, short, argument, choices, help, many, default: initial }: Option): string {
  const value = argument === undefined ? "" : ` ${cell(choices?.join("|") ?? argument)}`;
  const notes = `${many ? " (repeatable)" : ""}${initial === undefined ? "" : ` [${initial}]`}`;
  return `| \`${short ? `-${short}, ` : ""}--${name}${value}\` | ${cell(help)}${notes} |`;
}

/** The monitor's commands, in Markdown. */
export function monitorMarkdown(): string {
  const rows = MONITOR_COMMANDS.flatMap(({ names: [name, ...others], usage, help }) =>
    name === "info"
      ? INFO.map((row) => [`info ${row.name} ${row.usage}`, `Show ${row.help}`])
      : [[`${name} ${usage}`, `${help}${others.length ? ` (also ${others.join(", ")})` : ""}`]]
  );
  return [
    "### The monitor's commands",
    "",
    "A beginning of a name will do; addresses are expressions such as `$pc+4`.",
    "",
    "| command | |",
    "| --- | --- |",
    ...rows.map(([command, what]) => `| \`${cell(command.trimEnd())}\` | ${cell(what)} |`),
    "",
  ].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

const PARTS: Readonly<Record<string, () => string | Promise<string>>> = {
  tour: tourMarkdown,
  reference: async () => `${referenceMarkdown(await loadCommands())}\n${monitorMarkdown()}`,
};

/** The README with its parts made anew, where it has their marks: `<!-- tour -->` to `<!-- end of tour -->`. */
export async function withParts(readme: string): Promise<string> {
  let result = readme;
  for (const [name, make] of Object.entries(PARTS)) {
    const start = `<!-- ${name} -->`, end = `<!-- end of ${name} -->`;
    const from = result.indexOf(start), to = result.indexOf(end);
    if (from < 0 || to < from) continue;
    result = `${result.slice(0, from + start.length)}\n\n${await make()}\n${result.slice(to)}`;
  }
  return result;
}

if (import.meta.main) {
  const path = new URL("../../README.md", import.meta.url);
  Deno.writeTextFileSync(path, await withParts(Deno.readTextFileSync(path)));
}
