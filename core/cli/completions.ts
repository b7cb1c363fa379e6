import type { Arguments, Command, Option } from "./command.ts";
import { HELP_OPTION, UsageError } from "./command.ts";
import { COMMAND_OPTIONS, loadCommands } from "./commands.ts";
import { TOPICS } from "./help_topics.ts";
import { print, quoted } from "./output.ts";

export const COMPLETIONS: Command = {
  name: "completions",
  summary: "Print a script that completes commands and options in a shell",
  positional: "bash|zsh|fish",
  options: [],
  examples: [
    { command: "ariel completions bash > ~/.local/share/bash-completion/completions/ariel", what: "for bash" },
    { command: "ariel completions zsh > ~/.zfunc/_ariel", what: "for zsh, where that folder is in fpath" },
    { command: "ariel completions fish > ~/.config/fish/completions/ariel.fish", what: "for fish" },
  ],
  run: completions,
};

async function completions({ positional: [shell] }: Arguments): Promise<number> {
  if (shell !== "bash" && shell !== "zsh" && shell !== "fish") {
    throw new UsageError(`Cannot complete in ${shell ?? "an unnamed shell"}: name one of bash, zsh, fish`);
  }
  return print(completionScript(shell, await loadCommands()));
}

/** The script for a shell. */
export function completionScript(shell: "bash" | "zsh" | "fish", commands: readonly Command[]): string {
  return { bash, zsh, fish }[shell](completed(commands));
}

/** What an option or a positional argument takes, for completion. */
type Values = { readonly words: readonly string[]; readonly isFile: boolean };

interface CompletedOption {
  readonly flags: readonly string[];
  readonly help: string;
  readonly isRepeatable: boolean;
  /** Null for a switch. */
  readonly values: Values | null;
}

interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  readonly positional: Values;
}

const NOTHING: Values = { words: [], isFile: false };

function completed(commands: readonly Command[]): CompletedCommand[] {
  return commands.map((command) => ({
    name: command.name,
    summary: command.summary,
    options: [...command.options, HELP_OPTION].map((o) => ({
      flags: flagsOf(o),
      help: o.help,
      isRepeatable: o.many ?? false,
      values: o.argument === undefined
        ? null
        : o.choices
        ? { words: o.choices, isFile: false }
        : valuesOf(o.argument, o.suggestions),
    })),
    positional: command.name === "help"
      ? {
        words: [...new Set([...commands.map((c) => c.name.split(" ")[0]), ...TOPICS.map((t) => t.name)])],
        isFile: false,
      }
      : command.positional === undefined
      ? NOTHING
      : valuesOf(command.positional),
  }));
}

function flagsOf({ name, short }: Option): string[] {
  return [`--${name}`, ...short ? [`-${short}`] : []];
}

/** What a placeholder stands for: its words in small letters, and files where it names one. */
function valuesOf(placeholder: string, suggestions: readonly string[] = []): Values {
  const parts = placeholder.replaceAll(/[[\].]/g, "").split(/[|\s]+/);
  return {
    words: [...parts.filter((part) => /^[a-z][a-z0-9-]*$/.test(part)), ...suggestions],
    isFile: parts.some((part) => /^(FILE|GUEST|DIR|PATH|LOG|POLICY)/.test(part)),
  };
}

function bash(commands: readonly CompletedCommand[]): string {
  const first = [...new Set(commands.map(({ name }) => name.split(" ")[0]))];
  const second = (group: string) =>
    commands.flatMap(({ name }) => name.startsWith(`${group} `) ? [name.split(" ")[1]] : []);
  const groups = first.filter((name) => second(name).length > 0);
  const files = ({ isFile }: Values) => isFile ? "; _ariel_files" : "";
  const valueCases = commands.flatMap(({ name, options }) =>
    options.filter((o) => o.values).map(({ flags, values }) =>
      `    ${flags.map((flag) => quoted(`${name}:${flag}`)).join("|")}) _ariel_words ${
        quoted(values!.words.join(" "))
      }${files(values!)}; return ;;`
    )
  );
  const commandCases = commands.map(({ name, options, positional }) =>
    `    ${quoted(name)}) if [[ $cur == -* ]]; then _ariel_words ${
      quoted(options.map((o) => o.flags[0]).join(" "))
    }; else _ariel_words ${quoted(positional.words.join(" "))}${files(positional)}; fi ;;`
  );
  return `# Completion of ariel's command line in bash.
_ariel_add() { local word; while IFS= read -r word; do COMPREPLY+=("$word"); done; }
_ariel_words() { _ariel_add < <(compgen -W "$1" -- "$cur"); }
_ariel_files() {
  compopt -o filenames 2>/dev/null
  # As it is typed, a name may be quoted
  local name=\${cur#[\\"\\']}
  _ariel_add < <(compgen -f -- "\${name//\\\\/}")
}
_ariel() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} name=\${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    if [[ $cur == -* ]]; then _ariel_words ${quoted(COMMAND_OPTIONS.map((o) => flagsOf(o)[0]).join(" "))}
    else _ariel_words ${quoted(first.join(" "))}; fi
    return
  fi
  case $name in
    ${groups.length ? groups.join("|") : "''"})
      if ((COMP_CWORD == 2)); then
        case $name in
${groups.map((group) => `          ${group}) _ariel_words ${quoted(second(group).join(" "))} ;;`).join("\n")}
        esac
        return
      fi
      name="$name \${COMP_WORDS[2]}" ;;
  esac
  # Bash takes --option=value apart
  if [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if [[ $cur == = ]]; then cur=; fi
  case $name:$prev in
${valueCases.join("\n")}
  esac
  case $name in
${commandCases.join("\n")}
  esac
}
complete -F _ariel ariel
`;
}

function zsh(commands: readonly CompletedCommand[]): string {
  const escaped = (text: string) => text.replaceAll(/[[\]:\\]/g, "\\$&");
  const action = ({ words, isFile }: Values): string =>
    isFile
      ? (words.length ? `{_values value ${words.join(" ")}; _files}` : "_files")
      : words.length
      ? `(${words.join(" ")})`
      : " ";
  const option = ({ flags, help, isRepeatable, values }: CompletedOption): string[] =>
    flags.map((flag) => {
      const only = isRepeatable ? "*" : `(${flags.join(" ")})`;
      const value = values ? `:value:${action(values)}` : "";
      return quoted(`${only}${flag}${values ? (flag.startsWith("--") ? "=" : "+") : ""}[${escaped(help)}]${value}`);
    });
  const first = [...new Set(commands.map(({ name }) => name.split(" ")[0]))];
  const groups = first.filter((name) => !commands.some((c) => c.name === name));
  const describe = (list: readonly (readonly [string, string])[]): string =>
    list.map(([name, what]) => quoted(`${name}:${what.replaceAll(":", "\\:")}`)).join(" ");
  const summaryOf = (name: string) =>
    commands.find((c) => c.name === name)?.summary ?? commands.filter((c) => c.name.startsWith(`${name} `))
      .map((c) => c.name.split(" ")[1]).join(", ");
  const cases = commands.map(({ name, options, positional }) =>
    `    ${quoted(name)}) _arguments -s ${
      [...options.flatMap(option), quoted(`*:argument:${action(positional)}`)].join(" \\\n      ")
    } ;;`
  );
  return `#compdef ariel
# Completion of ariel's command line in zsh.
_ariel() {
  local -a list
  if ((CURRENT == 2)); then
    if [[ $PREFIX == -* ]]; then list=(${
    describe(COMMAND_OPTIONS.flatMap((o) => flagsOf(o).map((flag) => [flag, o.help] as const)))
  }); _describe -o option list
    else list=(${describe(first.map((name) => [name, summaryOf(name)]))}); _describe command list; fi
    return
  fi
  local name=$words[2]
  case $name in
${
    groups.map((group) =>
      `    ${group}) if ((CURRENT == 3)); then list=(${
        describe(
          commands.filter((c) => c.name.startsWith(`${group} `)).map((c) => [c.name.split(" ")[1], c.summary] as const),
        )
      }); _describe command list; return; fi; name="$name $words[3]"; shift words; ((CURRENT--)) ;;`
    ).join("\n")
  }
  esac
  shift words; ((CURRENT--))
  case $name in
${cases.join("\n")}
  esac
}
_ariel "$@"
`;
}

function fish(commands: readonly CompletedCommand[]): string {
  const lines = ["# Completion of ariel's command line in fish.", "complete -c ariel -f"];
  const option = (condition: string, [long, short]: readonly string[], help: string, takes = "") =>
    `complete -c ariel -n ${condition} -l ${long.slice(2)}${short ? ` -s ${short.slice(1)}` : ""}${takes} -d ${
      quoted(help)
    }`;
  for (const o of COMMAND_OPTIONS) lines.push(option("__fish_use_subcommand", flagsOf(o), o.help));
  const seen = new Set<string>();
  for (const { name, summary, options, positional } of commands) {
    const [first, second] = name.split(" ");
    const isGiven = second
      ? `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`
      : `__fish_seen_subcommand_from ${first}`;
    if (!seen.has(first)) {
      const what = second
        ? commands.filter((c) => c.name.startsWith(`${first} `)).map((c) => c.name.split(" ")[1])
        : [];
      lines.push(
        `complete -c ariel -n __fish_use_subcommand -a ${first} -d ${quoted(what.length ? what.join(", ") : summary)}`,
      );
      seen.add(first);
    }
    if (second) {
      const others = commands.flatMap((c) => c.name.startsWith(`${first} `) ? [c.name.split(" ")[1]] : []);
      lines.push(
        `complete -c ariel -n '__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${
          others.join(" ")
        }' -a ${second} -d ${quoted(summary)}`,
      );
    }
    for (const { flags, help, values } of options) {
      const takes = values === null ? "" : ` -x${values.words.length ? ` -a ${quoted(values.words.join(" "))}` : ""}`;
      const file = values?.isFile ? takes.replace(" -x", " -r -F") : takes;
      lines.push(option(quoted(isGiven), flags, help, file));
    }
    if (positional.words.length) {
      lines.push(`complete -c ariel -n '${isGiven}' -a ${quoted(positional.words.join(" "))}`);
    }
    if (positional.isFile) lines.push(`complete -c ariel -n '${isGiven}' -F`);
  }
  return lines.join("\n") + "\n";
}
