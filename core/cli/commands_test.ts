import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "./command.ts";
import { COMMAND_OPTIONS, commandName, COMMANDS, loadCommands } from "./commands.ts";

Deno.test("name and summary of every command stand in the list as in the command", async () => {
  const commands = await loadCommands();
  assertEquals(
    COMMANDS.map(({ name, summary }) => ({ name, summary })),
    commands.map(({ name, summary }) => ({ name, summary })),
  );
});

Deno.test("commandName() takes options that stand for commands, and names the nearest to another", () => {
  assertEquals(["run", "-h", "--help", "--version"].map(commandName), ["run", "help", "help", "version"]);
  for (const { name, help } of COMMAND_OPTIONS) assertEquals(COMMANDS.find((c) => c.name === name)?.summary, help);
  for (const [wrong, near] of [["--hepl", "help"], ["-V", "version"], ["-version", "version"], ["-help", "help"]]) {
    assertThrows(() => commandName(wrong), UsageError, `Unknown option ${wrong}; did you mean --${near}?`);
  }
  assertThrows(() => commandName("--kernel"), UsageError, 'Unknown option --kernel; see "ariel --help"');
});

Deno.test("every option is described, and none stands twice in a command", async () => {
  for (const command of await loadCommands()) {
    const flags = command.options.flatMap((o) => [`--${o.name}`, ...o.short ? [`-${o.short}`] : []]);
    assertEquals(flags.length, new Set(["--help", "-h", ...flags]).size - 2, command.name);
    for (const option of command.options) {
      assertEquals(/^[a-z][a-z0-9-]+$/.test(option.name), true, option.name);
      assertEquals(option.help.length > 5 && !option.help.endsWith("."), true, `${command.name} --${option.name}`);
      if (option.choices && option.default) assertEquals(option.choices.includes(option.default), true, option.name);
    }
  }
});
