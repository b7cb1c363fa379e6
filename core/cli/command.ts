import { parseArgs } from "@std/cli";

/** One option of a command: the parser, the help, the man page and the completions all read it. */
export interface Option {
  /** Without the dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** What it takes, in capitals, such as SIZE or FILE; absent for a switch. */
  readonly argument?: string;
  /** The words it takes where these are all: checked, and completed. */
  readonly choices?: readonly string[];
  /** Some of the words it takes, for completion. */
  readonly suggestions?: readonly string[];
  /** Its value may be the empty string. */
  readonly mayBeEmpty?: boolean;
  /** May be given several times. */
  readonly many?: boolean;
  /** As it would be written on the command line. */
  readonly default?: string;
  readonly help: string;
}

export interface Example {
  readonly command: string;
  readonly what: string;
}

export interface Command {
  /** One word, or two where a first word has several commands, such as "log decode". */
  readonly name: string;
  readonly summary: string;
  /** Positional arguments as the usage line shows them; `[X]` is optional, `X...` takes any number. */
  readonly positional?: string;
  readonly options: readonly Option[];
  /** What to do in place of options that users know from elsewhere; by the option without its dashes. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  readonly examples: readonly Example[];
  /** Exit codes beyond 0 (success), 1 (internal error) and 2 (usage or bad input). */
  readonly exitCodes?: Readonly<Record<number, string>>;
  /** Returns the exit code. */
  readonly run: (args: Arguments) => Promise<number> | number;
}

/** A command as lists show it. The rest is loaded when it is called, since the program is to start at once. */
export interface CommandEntry extends Pick<Command, "name" | "summary"> {
  readonly load: () => Promise<Command>;
}

/** What the user did wrong, in one sentence; the program ends with exit code 2. */
export class UsageError extends Error {}

/** A command's arguments, checked against its table. */
export class Arguments {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(readonly positional: readonly string[], values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }
  /** The option's value, or its default, or undefined. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
}

/** A command and the arguments that follow its name. */
export interface FoundCommand<C> {
  readonly command: C;
  readonly rest: readonly string[];
}

/**
 * The command that the first word or two of `args` name; or the commands of a first word that stands alone or before
 * --help. Throws UsageError for a name that there is not.
 */
export function findCommand<C extends { readonly name: string }>(
  commands: readonly C[],
  args: readonly string[],
): FoundCommand<C> | readonly C[] {
  const name = args.slice(0, 2).join(" ");
  const command = commands.find((c) => c.name === name) ?? commands.find((c) => c.name === args[0]);
  if (command) return { command, rest: args.slice(command.name.split(" ").length) };
  const group = commands.filter((c) => c.name.startsWith(`${args[0]} `));
  if (group.length > 0 && (args[1] === undefined || args[1] === "--help" || args[1] === "-h")) return group;
  const near = group.length > 0
    ? nearest(name, group.map((c) => c.name)) ?? `one of ${group.map((c) => c.name).join(", ")}`
    : nearest(args[0], [...new Set(commands.map((c) => c.name.split(" ")[0]))]);
  const wrong = group.length > 0 ? name : args[0];
  throw new UsageError(`Unknown command "${wrong}"${near ? `; did you mean ${near}?` : '; see "ariel --help"'}`);
}

/** The summaries of some commands, a line each. */
export function commandList(commands: readonly Pick<Command, "name" | "summary">[]): string {
  const width = Math.max(12, ...commands.map((c) => c.name.length)) + 1;
  return commands.map((c) => `  ${c.name.padEnd(width)}${c.summary}\n`).join("");
}

export const HELP_OPTION: Option = { name: "help", short: "h", help: "Show this help" };

/** Checks `args` against the command's options. Throws UsageError for what does not fit. */
export function parseCommand(command: Command, args: readonly string[]): Arguments {
  const options = [...command.options, HELP_OPTION];
  const find = (flag: string) => options.find((o) => flag === `--${o.name}` || (o.short && flag === `-${o.short}`));
  const parsed = parseArgs(normalize(command, args, options, find), {
    string: options.filter((o) => o.argument).map((o) => o.name).concat("_"),
    boolean: options.filter((o) => !o.argument).map((o) => o.name),
    collect: options.filter((o) => o.argument).map((o) => o.name),
  }) as Record<string, unknown> & { _: (string | number)[] };
  const values = new Map<string, readonly string[]>();
  for (const option of options) {
    const given = option.argument ? parsed[option.name] as string[] : parsed[option.name] ? [""] : [];
    if (given.length > 1 && !option.many) {
      throw new UsageError(`Cannot take --${option.name} more than once`);
    }
    if (given.length) values.set(option.name, given);
    else if (option.default !== undefined) values.set(option.name, [option.default]);
    for (const value of given) checkChoice(option, value);
  }
  const positional = parsed._.map(String);
  const most = command.positional === undefined
    ? 0
    : command.positional.includes("...")
    ? Infinity
    : command.positional.split(" ").length;
  const wrong = positional.findIndex((argument, i) => i >= most || argument === "");
  if (wrong >= 0) throw new UsageError(`Cannot take the argument "${positional[wrong]}"`);
  return new Arguments(positional, values);
}

/** Checks every flag, and writes it in the one form `--name` or `--name=value`. */
function normalize(
  command: Command,
  args: readonly string[],
  options: readonly Option[],
  find: (flag: string) => Option | undefined,
): string[] {
  const result: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === "--") return [...result, ...args.slice(i)];
    if (!arg.startsWith("-") || arg === "-") {
      result.push(arg);
      continue;
    }
    const flag = arg.split("=")[0];
    // As in -m1G, and not in -machine
    const option = find(flag) ?? (/^-\w\d/.test(arg) ? find(arg.slice(0, 2)) : undefined);
    if (!option) throw new UsageError(`Unknown option ${flag}${suggestion(flag, command, options)}`);
    if (!option.argument) {
      if (arg !== flag || flag.length > 2 && !flag.startsWith("--")) {
        throw new UsageError(`Cannot give --${option.name} a value`);
      }
      result.push(`--${option.name}`);
      continue;
    }
    const isShort = !arg.startsWith("--");
    if (arg.includes("=") || (isShort && arg.length > 2)) {
      result.push(`--${option.name}=${isShort && arg[2] !== "=" ? arg.slice(2) : arg.slice(arg.indexOf("=") + 1)}`);
      continue;
    }
    if (i + 1 >= args.length || find(args[i + 1].split("=")[0])) {
      throw new UsageError(`--${option.name} needs a value: ${option.argument}`);
    }
    result.push(`--${option.name}=${args[++i]}`);
  }
  return result;
}

function checkChoice(option: Option, value: string): void {
  if (option.choices && !option.choices.includes(value)) {
    throw new UsageError(`Cannot take "${value}" for --${option.name} as it must be ${option.choices.join(" or ")}`);
  }
  if (option.argument && value === "" && !option.mayBeEmpty) {
    throw new UsageError(`--${option.name} needs a value: ${option.argument}`);
  }
}

function suggestion(flag: string, command: Command, options: readonly Option[]): string {
  const given = flag.replace(/^-+/, "");
  if (Object.hasOwn(command.elsewhere ?? {}, given)) return `; ${command.elsewhere![given]}`;
  const name = nearest(given, options.map((o) => o.name));
  return name ? `; did you mean --${name}?` : `; see "ariel ${command.name} --help"`;
}

/** The word of `words` that begins with `word`, or else differs least from it, if few letters differ. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const begun = words.filter((candidate) => candidate.startsWith(word.toLowerCase()));
  const shortest = begun.find((candidate) => begun.every((other) => other.startsWith(candidate)));
  if (word !== "" && shortest !== undefined) return shortest;
  let best: string | undefined, least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of words) {
    const distance = editDistance(word, candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/**
 * How many letters must be inserted, deleted, replaced or exchanged with the next to make one word of the other: the
 * optimal string alignment distance.
 */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + Number(a[i - 1] !== b[j - 1]));
      const isExchange = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isExchange) row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.length][b.length];
}

/** The help of a command, as text. */
export function commandHelp(command: Command): string {
  const lines = [
    `Usage: ariel ${command.name} [OPTIONS]${command.positional ? ` ${command.positional}` : ""}`,
    "",
    `${command.summary}.`,
    "",
    "Options:",
    ...optionLines([...command.options, HELP_OPTION]),
  ];
  if (command.examples.length) {
    lines.push("", "Examples:");
    for (const e of command.examples) lines.push(`  ${e.command}`, `      ${e.what}`);
  }
  const codes = { 0: "success", 1: "internal error", 2: "usage or bad input", ...command.exitCodes };
  lines.push("", "Exit codes:", ...Object.entries(codes).map(([code, what]) => `  ${code.padStart(3)}  ${what}`));
  return lines.join("\n") + "\n";
}

/** A line or two for each option: flags, argument, help, default. */
export function optionLines(options: readonly Option[]): string[] {
  const left = options.map((o) =>
    `  ${o.short ? `-${o.short}, ` : "    "}--${o.name}${o.argument ? ` ${o.choices?.join("|") ?? o.argument}` : ""}`
  );
  const width = Math.min(36, Math.max(...left.map((l) => l.length)) + 2);
  return options.flatMap((o, i) => {
    const help = `${o.help}${o.many ? " (repeatable)" : ""}${o.default !== undefined ? ` [${o.default}]` : ""}`;
    return left[i].length < width ? [left[i].padEnd(width) + help] : [left[i], " ".repeat(width) + help];
  });
}
