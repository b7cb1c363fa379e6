import { build$, type CommandBuilder } from "dax";

/** Command lines without input and colours, whose output is kept. A program that fails is told by its exit code. */
export const $ = build$({
  commandBuilder: (command) => command.env("NO_COLOR", "1").stdin("null").stdout("piped").stderr("piped").noThrow(),
});

/** What a command of `$` writes to stdout. Throws Error with what it said when it fails. */
export async function outputOf(command: CommandBuilder): Promise<string> {
  const { code, stdout, stderr } = await command;
  if (code === 0) return stdout;
  const said = (stderr.trim() || stdout.trim()).replace(/\n+Stack backtrace:[^]*/, "");
  throw new Error(said || `The program ended with ${code}`);
}
