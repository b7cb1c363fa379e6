import { type Command, HELP_OPTION, type Option } from "./command.ts";
import { loadCommands } from "./commands.ts";
import { type Topic, TOPICS } from "./help_topics.ts";
import { print } from "./output.ts";
import { VERSION } from "./version.ts";

export const MAN: Command = {
  name: "man",
  summary: "Print the manual page",
  options: [],
  examples: [
    { command: "ariel man | man -l -", what: "to read it" },
    { command: "ariel man > ~/.local/share/man/man1/ariel.1", what: "to install it" },
  ],
  run: async () => print(manualPage(await loadCommands())),
};

/** Exit codes of all commands. */
export const COMMON_EXIT_CODES: Readonly<Record<number, string>> = {
  0: "success",
  1: "internal error",
  2: "usage or bad input",
};

/** The manual page in roff, man(7). */
export function manualPage(commands: readonly Command[]): string {
  return [
    `.TH ARIEL 1 "" "ariel ${VERSION}" "User Commands"`,
    ".SH NAME",
    "ariel \\- AArch64 machine emulator with an EL2 hypervisor",
    ".SH SYNOPSIS",
    ...commands.flatMap((
      command,
    ) => [".B ariel " + command.name, `[\\fIOPTIONS\\fR] ${argument(command.positional)}`, ".br"]),
    ".SH DESCRIPTION",
    "Runs AArch64 guests, Linux among them, at EL1 beneath a hypervisor at EL2. Policies written in TypeScript decide",
    "what a guest may do, and every trap to the hypervisor can be recorded.",
    ".PP",
    "The guest's console is standard output, and nothing else is. All other messages go to standard error.",
    ".SH COMMANDS",
    ...commands.flatMap(section),
    ".SH KEYS",
    "In the guest's console, after Ctrl\\-A:",
    ...[["x", "quit"], ["c", "turn to the monitor and back"], ["a", "send Ctrl\\-A to the guest"], ["h", "help"]]
      .flatMap(([key, what]) => [".TP", `.B ${key}`, what]),
    ".SH ENVIRONMENT",
    ".TP",
    ".B NO_COLOR",
    "When it is set and not empty, nothing is coloured.",
    ".TP",
    ".B TERM",
    "When it is \\(lqdumb\\(rq, there are no colours and no progress bars.",
    ".SH EXAMPLES",
    ...TOPICS.flatMap(example),
  ].join("\n") + "\n";
}

function section(command: Command): string[] {
  const codes = { ...COMMON_EXIT_CODES, ...command.exitCodes };
  return [
    `.SS "ariel ${command.name}${command.positional ? " " + command.positional : ""}"`,
    `${text(command.summary)}.`,
    ...[...command.options, HELP_OPTION].flatMap(option),
    ...command.examples.flatMap(({ command, what }) => [".PP", `${text(what)}:`, ".EX", `    ${text(command)}`, ".EE"]),
    ".PP",
    "Exit codes:",
    ...Object.entries(codes).flatMap(([code, what]) => [".TP", `.B ${code}`, text(what)]),
  ];
}

function option({ name, short, argument: taken, choices, help, many, default: initial }: Option): string[] {
  const value = taken === undefined ? "" : ` ${choices ? `\\fR${choices.map(text).join("|")}` : argument(taken)}`;
  const notes = [many ? "May be repeated." : "", initial === undefined ? "" : `Default: ${text(initial)}.`].join(" ")
    .trim();
  return [
    ".TP",
    `${short ? `\\fB\\-${short}\\fR, ` : ""}\\fB\\-\\-${text(name)}\\fR${value}`,
    `${text(help)}. ${notes}`.trimEnd(),
  ];
}

function example({ title, steps }: Topic): string[] {
  return [
    `.SS ${text(title)}`,
    ...steps.flatMap(({ text: why, file, commands, keys }) => [
      ".PP",
      text(why),
      ".EX",
      ...[
        ...file ? [`${file.name}:`, ...file.content.trimEnd().split("\n")] : [],
        ...commands ?? [],
        ...keys ? ["", ...keys.map((key) => `    ${key}`)] : [],
      ]
        .map((line) => `    ${text(line)}`.trimEnd()),
      ".EE",
    ]),
  ];
}

/** A placeholder in italics. */
function argument(placeholder = ""): string {
  return placeholder === "" ? "" : `\\fI${text(placeholder)}\\fR`;
}

/** Text in which roff finds nothing to interpret. */
function text(plain: string): string {
  return plain.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll(/^([.'])/gm, "\\&$1");
}
