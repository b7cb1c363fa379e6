import type { Vcpu } from "../cpu/vcpu.ts";
import { DebugError, hex } from "../debug/debug_error.ts";
import { coreHeader, coreMemory, type CoreRange } from "../debug/elf_core.ts";
import { mappedRanges, stage1Tables } from "../debug/table_walk.ts";
import { LOG_LEVELS, type LogLevel } from "../log/record.ts";
import { type MonitorCommand, type MonitorState, words } from "./command.ts";
import { injectInterrupt } from "./gic_info.ts";
import { log, policy } from "./info_commands.ts";
import type { FilePart } from "./target.ts";

/** Commands that change what happens to the guest. */
// deno-fmt-ignore
export const CONTROL_COMMANDS: readonly MonitorCommand[] = [
  { names: ["policy"], usage: "show|reload|set NAME|FILE...", help: "Show, load again or replace the policies", run: changePolicy, complete: (_s, w) => w.length === 0 ? ["show", "reload", "set"] : [] },
  { names: ["log"], usage: "level LEVEL|filter [EXPRESSION]|dump [COUNT] [EXPRESSION]", help: "Change what is recorded, or show the latest records", run: changeLog, complete: (_s, w) => w.length === 0 ? ["level", "filter", "dump"] : w[0] === "level" ? LOG_LEVELS : [] },
  { names: ["inject", "irq"], usage: "INTID", help: "Make an interrupt pending", run: injectInterrupt },
  { names: ["save"], usage: "FILE", help: "Write an ELF core file of the guest, which GDB opens", run: save },
  { names: ["reset", "system_reset"], usage: "", help: "Make the guest begin anew", run: (s) => (s.target.reset(), "") },
  { names: ["quit", "q"], usage: "", help: "End the run", run: quit },
];

function quit(s: MonitorState): string {
  s.hasQuit = true;
  s.target.quit();
  return "";
}

function changePolicy(s: MonitorState, args: string): string {
  const [action = "show", ...names] = words(args);
  switch (action) {
    case "show":
      return policy(s).show();
    case "reload":
      policy(s).reload(s.begin());
      return "";
    case "set":
      if (names.length === 0) throw new DebugError("Cannot set no policy; name a built-in one or a file");
      policy(s).set(names, s.begin());
      return "";
    default:
      throw new DebugError(`Cannot do "${action}" with a policy; it can be show, reload or set`);
  }
}

function changeLog(s: MonitorState, args: string): string {
  const [, action, rest] = /^(\S*)\s*(.*)$/.exec(args.trim())!;
  switch (action) {
    case "level":
      if (rest === "") return `The log's level is ${log(s).level}.`;
      if (!(LOG_LEVELS as readonly string[]).includes(rest)) {
        throw new DebugError(`Cannot take the level "${rest}" as it must be ${LOG_LEVELS.join(", ")}`);
      }
      log(s).level = rest as LogLevel;
      return "";
    case "filter":
      return withFilter(() => {
        log(s).filter(rest === "" ? null : rest);
        return rest === "" ? "All records are let through." : "";
      });
    case "dump": {
      const match = /^(\d*)\s*(.*)$/.exec(rest)!;
      return withFilter(() =>
        [...log(s).dump(match[1] === "" ? Infinity : Number(match[1]), match[2] === "" ? null : match[2])].join("\n")
      );
    }
    default:
      throw new DebugError('Cannot do that with the log; it can be "level", "filter" or "dump"');
  }
}

/** A filter that is nonsense is the user's fault. */
function withFilter(use: () => string): string {
  try {
    return use();
  } catch (error) {
    throw error instanceof DebugError ? error : new DebugError((error as Error).message);
  }
}

/** Writes the guest's RAM and the registers of its vCPUs as a core file. */
function save(s: MonitorState, args: string): string {
  const path = args.trim();
  if (path === "") throw new DebugError("Cannot save without a file's name");
  const { machine } = s.target.debugger;
  const physical = s.guest ? s.guest.vm.ram.start : machine.ram.ramBase;
  const bytes = s.guest ? s.guest.vm.ram.bytes : machine.ram.ramSize;
  const host = s.target.debugger.memory.hostOf(s.vcpu, "ipa", BigInt(physical));
  const header = coreHeader({ vcpus: machine.vcpus, ram: { physical, bytes }, virtual: virtualRanges(s, s.vcpu) });
  const parts = function* (): Generator<FilePart> {
    yield { offset: 0, bytes: header.bytes };
    yield* coreMemory(machine.ram.u8.subarray(host, host + bytes), header.ramOffset);
  };
  s.target.saveFile(path, header.ramOffset + bytes, parts(), s.begin());
  return "";
}

/** What stage 1 maps, by IPA. */
function* virtualRanges(s: MonitorState, vcpu: Vcpu): Generator<CoreRange> {
  const { machine, memory } = s.target.debugger;
  for (const set of stage1Tables(vcpu, Math.min(vcpu.currentEl(), 1))) {
    const read = (address: number) => {
      const host = memory.hostOf(vcpu, "ipa", BigInt(address));
      return host < 0 ? null : BigInt(machine.ram.u32[(host >>> 2) + 1]) << 32n | BigInt(machine.ram.u32[host >>> 2]);
    };
    for (const { start, end, output } of mappedRanges(set, read, 0n)) {
      yield { address: start, physical: output, bytes: Number(end - start) };
    }
  }
}

/** What `save` says when the file is written. */
export function savedMessage(path: string, sizeBytes: number): string {
  return `Wrote ${path}: ${hex(sizeBytes)} bytes.`;
}
