import type { Vcpu } from "../cpu/vcpu.ts";
import { DebugError } from "../debug/debug_error.ts";
import type { Vm, VmVcpu } from "../hypervisor/vm.ts";
import type { Format } from "./examine.ts";
import type { MonitorTarget } from "./target.ts";

/** What commands know and remember. */
export interface MonitorState {
  readonly target: MonitorTarget;
  /** The vCPU that commands mean. */
  readonly vcpu: Vcpu;
  readonly vcpuIndex: number;
  selectVcpu(index: number): void;
  /** The vCPU as its VM knows it, or null on a bare machine. */
  readonly guest: { readonly vm: Vm; readonly vcpu: VmVcpu } | null;
  /** The last format of an x command, and the address behind what it has shown. */
  format: Format;
  next: bigint;
  /** The value of an expression: numbers, registers as $name, and operators. Throws DebugError. */
  evaluate(text: string): bigint;
  /** What the command has begun is still under way; what is returned takes what came of it, for the user. */
  begin(): (outcome: string) => void;
  /** Commands may let the machine run: not where GDB does. */
  readonly canRun: boolean;
  readonly commands: readonly MonitorCommand[];
  /** The command of a name, or of a beginning of it that no other has. Throws DebugError. */
  find(name: string): MonitorCommand;
  hasQuit: boolean;
}

/** A command: the dispatcher, the help and completion all read its row. */
export interface MonitorCommand {
  /** Its name, and other names for it. */
  readonly names: readonly string[];
  /** What follows the name. */
  readonly usage: string;
  readonly help: string;
  /** Returns what is shown. Throws DebugError. */
  readonly run: (state: MonitorState, args: string) => string;
  /** The words that may follow, by those that stand there already. */
  readonly complete?: (state: MonitorState, words: readonly string[]) => readonly string[];
}

/** Throws DebugError where something stands behind a command that takes nothing. */
export function refuseArguments(name: string, args: string): void {
  if (args.trim() !== "") throw new DebugError(`Cannot use "${args.trim()}" as ${name} takes no arguments`);
}

/** The words of a command's arguments. */
export function words(args: string): string[] {
  return args.split(/\s+/).filter((word) => word !== "");
}
