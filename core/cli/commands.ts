import { type Command, type CommandEntry, nearest, type Option, UsageError } from "./command.ts";

/** Every subcommand, in the order in which help shows them. Name and summary are those of the command itself. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "run",
    summary: "Run a guest at EL1 under the hypervisor",
    load: async () => (await import("./run.ts")).RUN,
  },
  {
    name: "log decode",
    summary: "Read trap records out of a log or a capture of the console",
    load: async () => (await import("./log.ts")).LOG_DECODE,
  },
  {
    name: "policy new",
    summary: "Write a policy to begin with, and its types for an editor",
    load: async () => (await import("./policy.ts")).POLICY_NEW,
  },
  {
    name: "policy check",
    summary:
      "Load policies and tell what is in them: what calls JavaScript, what can never be reached, what has no effect",
    load: async () => (await import("./policy.ts")).POLICY_CHECK,
  },
  {
    name: "policy explain",
    summary: "Tell what policies say to something that a guest may do, and why",
    load: async () => (await import("./policy.ts")).POLICY_EXPLAIN,
  },
  {
    name: "policy test",
    summary: "Decide again on the traps of a recorded run, and show what comes out differently",
    load: async () => (await import("./policy.ts")).POLICY_TEST,
  },
  {
    name: "policy learn",
    summary: "Write the least policy under which a recorded run passes",
    load: async () => (await import("./policy.ts")).POLICY_LEARN,
  },
  {
    name: "doctor",
    summary: "Say what this host offers, and test the emulator on it",
    load: async () => (await import("./doctor.ts")).DOCTOR,
  },
  {
    name: "completions",
    summary: "Print a script that completes commands and options in a shell",
    load: async () => (await import("./completions.ts")).COMPLETIONS,
  },
  {
    name: "man",
    summary: "Print the manual page",
    load: async () => (await import("./man.ts")).MAN,
  },
  {
    name: "help",
    summary: "Explain a command or a topic, with examples to try",
    load: async () => (await import("./help.ts")).HELP,
  },
  {
    name: "version",
    summary: "Print the version and what it was built from",
    load: async () => (await import("./version.ts")).VERSION_COMMAND,
  },
];

/** Options that stand for a command, where one is expected. Name and help are the command's as well. */
export const COMMAND_OPTIONS: readonly Option[] = [
  { name: "help", short: "h", help: "Explain a command or a topic, with examples to try" },
  { name: "version", help: "Print the version and what it was built from" },
];

/** The command that the first argument names, in its own way or as an option. Throws UsageError for another option. */
export function commandName(first: string): string {
  if (!first.startsWith("-")) return first;
  const option = COMMAND_OPTIONS.find(({ name, short }) => first === `--${name}` || first === `-${short}`);
  if (option) return option.name;
  const near = nearest(first.replace(/^-+/, ""), COMMAND_OPTIONS.map(({ name }) => name));
  throw new UsageError(`Unknown option ${first}${near ? `; did you mean --${near}?` : '; see "ariel --help"'}`);
}

/** All commands with their options: for what prints or completes them. */
export function loadCommands(): Promise<Command[]> {
  return Promise.all(COMMANDS.map(({ load }) => load()));
}
