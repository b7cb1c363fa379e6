import { type Arguments, type Command, commandHelp, commandList, findCommand, nearest, UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { type Step, type Topic, TOPICS } from "./help_topics.ts";
import { print } from "./output.ts";
import { VERSION } from "./version.ts";

export const HELP: Command = {
  name: "help",
  summary: "Explain a command or a topic, with examples to try",
  positional: "[COMMAND|TOPIC...]",
  options: [],
  examples: [
    { command: "ariel help linux", what: "how to boot Linux" },
    { command: "ariel help log decode", what: 'the same as "ariel log decode --help"' },
  ],
  run: help,
};

async function help({ positional }: Arguments): Promise<number> {
  if (positional.length === 0) return print(overview());
  const topic = TOPICS.find(({ name }) => positional.length === 1 && name === positional[0]);
  if (topic) return print(topicText(topic));
  const names = [...COMMANDS.map(({ name }) => name.split(" ")[0]), ...TOPICS.map(({ name }) => name)];
  if (!names.includes(positional[0])) {
    const near = nearest(positional[0], names);
    throw new UsageError(`Cannot explain "${positional[0]}"; ${near ? `did you mean ${near}?` : 'see "ariel help"'}`);
  }
  const found = findCommand(COMMANDS, positional);
  if ("command" in found && found.rest.length > 0) throw new UsageError(`Cannot explain "${positional.join(" ")}"`);
  return print("command" in found ? commandHelp(await found.command.load()) : `Commands:\n${commandList(found)}`);
}

/** All commands and topics. */
function overview(): string {
  return `Ariel ${VERSION}: an AArch64 machine emulator with an EL2 hypervisor

Usage: ariel COMMAND [OPTIONS] [ARGUMENTS]

Commands:
${commandList(COMMANDS)}
"ariel COMMAND --help" shows a command's options, "ariel man | man -l -" the whole manual.

Learn by doing:
${TOPICS.map(({ name, title }) => `  ariel help ${name.padEnd(9)}${title}\n`).join("")}
In the guest's console: Ctrl-A x quits, Ctrl-A c turns to the monitor and back, Ctrl-A h tells more.
`;
}

/** A topic, with what is to be typed indented. */
export function topicText({ title, steps }: Topic): string {
  return `${title}\n\n${steps.map((step) => `${step.text}\n\n${indented(step)}`).join("\n")}`;
}

function indented({ file, commands, keys }: Step): string {
  const lines = [
    ...file ? [`${file.name}:`, ...file.content.trimEnd().split("\n").map((line) => `    ${line}`)] : [],
    ...commands ?? [],
    ...keys ? ["", ...keys.map((key) => `    ${key}`)] : [],
  ];
  return lines.map((line) => `    ${line}`.trimEnd() + "\n").join("");
}
