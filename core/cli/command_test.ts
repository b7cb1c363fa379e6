import { assertEquals, assertThrows } from "@std/assert";
import { type Command, commandHelp, findCommand, parseCommand, UsageError } from "./command.ts";

const command: Command = {
  name: "run",
  summary: "Run a guest",
  positional: "[GUEST]",
  options: [
    { name: "memory", short: "m", argument: "SIZE", default: "768M", help: "RAM" },
    { name: "policy", argument: "NAME", many: true, help: "Policy" },
    { name: "time", argument: "CLOCK", choices: ["real", "virtual"], help: "Clock" },
    { name: "stats", short: "s", help: "Statistics" },
    { name: "policy-timeout", argument: "SECONDS", help: "Time" },
    { name: "append", argument: "STRING", mayBeEmpty: true, help: "Command line" },
  ],
  examples: [],
  run: () => 0,
};

Deno.test("parseCommand() reads long and short options, values and positional arguments", () => {
  const args = parseCommand(command, ["--policy", "a", "diag", "-m", "1G", "--policy=b", "--stats"]);
  assertEquals(args.positional, ["diag"]);
  assertEquals(args.get("memory"), "1G");
  assertEquals(args.all("policy"), ["a", "b"]);
  assertEquals(args.has("stats"), true);
  assertEquals(parseCommand(command, ["-m1G"]).get("memory"), "1G");
  assertEquals(parseCommand(command, ["-m=1G"]).get("memory"), "1G");
  for (const empty of [["--append", ""], ["--append="]]) assertEquals(parseCommand(command, empty).get("append"), "");
  assertEquals(parseCommand(command, []).get("memory"), "768M");
  assertEquals(parseCommand(command, ["--", "-odd"]).positional, ["-odd"]);
});

Deno.test("parseCommand() names what is wrong, and the nearest option", () => {
  const failure = (...args: string[]) => assertThrows(() => parseCommand(command, args), UsageError).message;
  assertEquals(failure("--memroy", "1G"), "Unknown option --memroy; did you mean --memory?");
  assertEquals(failure("--hepl"), "Unknown option --hepl; did you mean --help?");
  assertEquals(failure("--mem", "1G"), "Unknown option --mem; did you mean --memory?");
  assertEquals(failure("--Pol"), "Unknown option --Pol; did you mean --policy?");
  assertEquals(failure("-append", "quiet"), "Unknown option -append; did you mean --append?");
  assertEquals(failure("-machine", "virt"), 'Unknown option -machine; see "ariel run --help"');
  const elsewhere = { S: "use --gdb" };
  const foreign = (flag: string) =>
    assertThrows(() => parseCommand({ ...command, elsewhere }, [flag]), UsageError).message;
  assertEquals(foreign("-S"), "Unknown option -S; use --gdb");
  assertEquals(foreign("--S"), "Unknown option --S; use --gdb");
  assertEquals(foreign("-valueOf"), 'Unknown option -valueOf; see "ariel run --help"');
  assertEquals(failure("-hello"), 'Unknown option -hello; see "ariel run --help"');
  assertEquals(failure("-stat"), "Unknown option -stat; did you mean --stats?");
  assertEquals(failure("-s1"), "Cannot give --stats a value");
  assertEquals(failure("--xyzzy"), 'Unknown option --xyzzy; see "ariel run --help"');
  assertEquals(failure("--memory"), "--memory needs a value: SIZE");
  assertEquals(failure("--memory", "--stats"), "--memory needs a value: SIZE");
  assertEquals(failure("--memory="), "--memory needs a value: SIZE");
  assertEquals(failure("-m", "1G", "-m", "2G"), "Cannot take --memory more than once");
  assertEquals(failure("--time", "slow"), 'Cannot take "slow" for --time as it must be real or virtual');
  assertEquals(failure("--stats=yes"), "Cannot give --stats a value");
  assertEquals(failure("a", "b"), 'Cannot take the argument "b"');
  assertEquals(failure(""), 'Cannot take the argument ""');
});

Deno.test("commandHelp() shows every option with its default", () => {
  const help = commandHelp(command);
  for (const text of ["-m, --memory SIZE", "[768M]", "real|virtual", "(repeatable)", "-h, --help"]) {
    assertEquals(help.includes(text), true, text);
  }
});

Deno.test("findCommand() takes names of one and of two words, and groups", () => {
  const commands = ["run", "log decode", "policy new", "policy check"].map((name) => ({ ...command, name }));
  const found = (...args: string[]) => {
    const result = findCommand(commands, args);
    return "command" in result ? [result.command.name, ...result.rest] : result.map((c) => c.name);
  };
  assertEquals(found("run", "decode"), ["run", "decode"]);
  assertEquals(found("log", "decode", "--json"), ["log decode", "--json"]);
  assertEquals(found("policy"), ["policy new", "policy check"]);
  assertEquals(found("policy", "--help"), ["policy new", "policy check"]);
  assertThrows(() => found("rum"), UsageError, "did you mean run?");
  assertThrows(() => found("policy", "chek"), UsageError, "did you mean policy check?");
  assertThrows(() => found("log", "xyz"), UsageError, "one of log decode");
});
