import { commandHelp, commandList, findCommand, parseCommand, UsageError } from "./core/cli/command.ts";
import { COMMANDS, SHORT_START } from "./core/cli/commands.ts";
import { VERSION } from "./core/cli/version.ts";

/** Runs one command line. Returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const [name] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") return print(SHORT_START);
  if (name === "--version" || name === "version") return print(`ariel ${VERSION}\n`);
  const found = findCommand(COMMANDS, args);
  if (!("command" in found)) return print(`Commands:\n${commandList(found)}`);
  const { command, rest } = found;
  const parsed = parseCommand(command, rest);
  return parsed.has("help") ? print(commandHelp(command)) : await command.run(parsed);
}

function print(text: string): number {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
  return 0;
}

if (import.meta.main) {
  let code = 1;
  try {
    code = await main(Deno.args);
  } catch (error) {
    if (error instanceof UsageError) code = 2;
    const text = error instanceof UsageError ? error.message : `internal error: ${(error as Error).stack ?? error}`;
    Deno.stderr.writeSync(new TextEncoder().encode(`ariel: ${text}\n`));
  }
  Deno.exit(code);
}
