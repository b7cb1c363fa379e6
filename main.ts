import { commandHelp, commandList, findCommand, parseCommand, UsageError } from "./core/cli/command.ts";
import { commandName, COMMANDS } from "./core/cli/commands.ts";
import { startMachineWorkerEarly } from "./core/cli/machine_worker.ts";
import { print, say } from "./core/cli/output.ts";
import { shortStart } from "./core/cli/short_start.ts";

/** Runs one command line. Returns the exit code. */
async function main([first, ...others]: readonly string[]): Promise<number> {
  if (first === undefined) return print(shortStart());
  const found = findCommand(COMMANDS, [commandName(first), ...others]);
  if (!("command" in found)) {
    return print(`Commands:\n${commandList(found)}\n"ariel ${found[0].name} --help" shows the first one's options.\n`);
  }
  if (found.command.name === "run" && !found.rest.some((arg) => arg === "--help" || arg === "-h")) {
    startMachineWorkerEarly();
  }
  const command = await found.command.load();
  const parsed = parseCommand(command, found.rest);
  return parsed.has("help") ? print(commandHelp(command)) : await command.run(parsed);
}

if (import.meta.main) {
  let code = 1;
  try {
    code = await main(Deno.args);
  } catch (error) {
    if (error instanceof UsageError) code = 2;
    say(error instanceof UsageError ? error.message : `internal error: ${(error as Error).stack ?? error}`);
  }
  Deno.exit(code);
}
