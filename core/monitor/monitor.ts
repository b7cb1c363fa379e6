import { evaluate } from "../a64/expression.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import { DebugError } from "../debug/debug_error.ts";
import { findRegister } from "../debug/registers.ts";
import { type MonitorCommand, type MonitorState, refuseArguments, words } from "./command.ts";
import { CONTROL_COMMANDS } from "./control_commands.ts";
import type { Format } from "./examine.ts";
import { INFO_COMMANDS } from "./info_commands.ts";
import { MEMORY_COMMANDS } from "./memory_commands.ts";
import { RUN_COMMANDS } from "./run_commands.ts";
import type { MonitorTarget } from "./target.ts";

const HELP: MonitorCommand = {
  names: ["help", "h", "?"],
  usage: "[COMMAND]",
  help: "Show the commands, or one of them",
  run: (s, args) => showHelp(s, words(args)[0] ?? ""),
  complete: (s) => s.commands.map((c) => c.names[0]),
};

/** Every command of the monitor, in the order of the help. */
export const MONITOR_COMMANDS: readonly MonitorCommand[] = [
  HELP,
  ...INFO_COMMANDS,
  ...MEMORY_COMMANDS,
  ...RUN_COMMANDS,
  ...CONTROL_COMMANDS,
];

/** Commands that an empty line does again, going on where they ended. */
const REPEATED: ReadonlySet<string> = new Set(["x", "xp", "xipa", "step"]);

/** The monitor of one user: runs command lines, and remembers what the next may refer to. */
export class Monitor implements MonitorState {
  readonly target: MonitorTarget;
  readonly canRun: boolean;
  readonly commands = MONITOR_COMMANDS;
  vcpuIndex = 0;
  format: Format = { count: 1, letter: "x", bytes: 4 };
  next = 0n;
  readonly #say: (text: string) => void;
  /** Commands that have returned, but what has come of them will be said later. */
  begun = 0;
  /** The user has ended the run. */
  hasQuit = false;
  #last = "";

  /** @param say takes what is to be shown after a command has returned. */
  constructor(target: MonitorTarget, say: (text: string) => void = () => {}, canRun = true) {
    this.target = target;
    this.#say = say;
    this.canRun = canRun;
  }

  get vcpu(): Vcpu {
    return this.target.debugger.machine.vcpus[this.vcpuIndex] ?? this.target.debugger.machine.vcpus[0];
  }
  selectVcpu(index: number): void {
    this.vcpuIndex = index;
  }

  begin(): (outcome: string) => void {
    this.begun++;
    return (outcome) => {
      this.begun--;
      this.#say(outcome);
    };
  }

  get guest(): MonitorState["guest"] {
    for (const vm of this.target.vms) {
      const vcpu = vm.vcpus.find((c) => c.vcpu === this.vcpu);
      if (vcpu) return { vm, vcpu };
    }
    return null;
  }

  /** Runs a line. Returns what is shown, without a line end; what went wrong is shown too. */
  execute(line: string): string {
    const text = line.trim() === "" ? this.#last : line.trim();
    if (text === "") return "";
    try {
      return this.#run(text);
    } catch (error) {
      if (error instanceof DebugError) return `${error.message}.`;
      throw error;
    }
  }

  #run(text: string): string {
    const [, name, args] = /^([^\s/]*)\s*(.*)$/s.exec(text)!;
    const command = this.find(name);
    if (command.usage === "") refuseArguments(command.names[0], args);
    const format = /^\/\S+/.exec(args)?.[0] ?? "";
    if (command.names[0] === "step") this.#last = text;
    else this.#last = REPEATED.has(command.names[0]) ? command.names[0] + format : "";
    return command.run(this, args);
  }

  find(name: string): MonitorCommand {
    const found = this.#matching(name);
    if (found.length === 1) return found[0];
    if (found.length === 0) throw new DebugError(`Cannot find the command "${name}"; \`help\` shows them`);
    throw new DebugError(`Cannot tell which command "${name}" is: ${found.map((c) => c.names[0]).join(", ")}`);
  }

  /** The command of a name, or those whose names begin so. */
  #matching(name: string): readonly MonitorCommand[] {
    const exact = this.commands.find((c) => c.names.includes(name));
    return exact ? [exact] : this.commands.filter((c) => name !== "" && c.names[0].startsWith(name));
  }

  evaluate(text: string): bigint {
    if (text.trim() === "") throw new DebugError("Cannot do that without an address or a number");
    try {
      const value = evaluate(text, { symbol: (name) => this.#registerValue(name) });
      if (value >= 1n << 64n || value < -1n << 63n) {
        throw new DebugError(`Cannot use ${text} as it does not fit in 64 bits`);
      }
      return BigInt.asUintN(64, value);
    } catch (error) {
      throw error instanceof SyntaxError ? new DebugError(error.message) : error;
    }
  }

  #registerValue(name: string): bigint {
    const register = findRegister(name);
    if (!register) throw new DebugError(`Cannot find a register called ${name.replace(/^\$/, "")}`);
    return register.read(this.vcpu);
  }

  /** What could stand in place of the word that ends `text`. */
  complete(text: string): string[] {
    const given = text.split(/[\s/]+/), word = /\S*$/.exec(text)![0];
    const isName = given.length === 1;
    let choices: readonly string[] = isName ? this.commands.map((c) => c.names[0]) : [];
    if (!isName) {
      const found = this.#matching(given[0]);
      choices = found.length === 1 ? found[0].complete?.(this, given.slice(1, -1)) ?? [] : [];
    }
    const lower = word.toLowerCase();
    return [...new Set(choices)].filter((choice) => choice.toLowerCase().startsWith(lower));
  }
}

function showHelp(s: MonitorState, name: string): string {
  const usage = (c: MonitorCommand) => `${c.names[0]} ${c.usage}`.trimEnd();
  if (name === "") {
    const lines = s.commands.map((c) => {
      const left = c.names[0] === "info" ? "info [WHAT]" : usage(c);
      return left.length < 34 ? `${left.padEnd(34)}${c.help}` : `${left}\n${" ".repeat(34)}${c.help}`;
    });
    return [...lines, "", "Addresses are expressions: 0x40000000, $pc+4, $x0. A beginning of a name will do."].join(
      "\n",
    );
  }
  const command = s.find(name);
  const others = command.names.slice(1);
  const detail = command.names[0] === "info" ? `\n${command.run(s, "")}` : "";
  return `${usage(command)}\n${command.help}.${others.length ? ` Also: ${others.join(", ")}.` : ""}${detail}`;
}
