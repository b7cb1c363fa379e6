import { DebugError, hex } from "../debug/debug_error.ts";
import type { Space } from "../debug/memory.ts";
import { registerNames } from "../debug/registers.ts";
import type { Breakpoint, Watchpoint } from "../debug/stop.ts";
import { isOff } from "../debug/debugger.ts";
import { counted } from "../log/counted.ts";
import { type MonitorCommand, type MonitorState, words } from "./command.ts";

/** One comparison, whose signs are not those of a shift. */
const COMPARISON = /^(.*?)(==|!=|<=|>=|(?<!<)<(?!<)|(?<!>)>(?!>))(.*)$/;

/** Commands that stop the machine, let it run and say where it stops. */
// deno-fmt-ignore
export const RUN_COMMANDS: readonly MonitorCommand[] = [
  { names: ["stop"], usage: "", help: "Stop the machine", run: stop },
  { names: ["continue", "cont", "c"], usage: "", help: "Let the machine run", run: (s) => go(s, () => s.target.debugger.resume()) },
  { names: ["step", "stepi", "s", "si"], usage: "[COUNT]", help: "Execute instructions of the selected vCPU, then stop", run: step },
  { names: ["until", "advance"], usage: "ADDRESS", help: "Run until an address is reached, or something else stops the machine", run: until },
  { names: ["break", "b"], usage: "ADDRESS [ipa|phys] [if EXPRESSION]", help: "Stop before the instruction at an address", run: (s, a) => addBreak(s, a, "kept"), complete: atRegister },
  { names: ["tbreak"], usage: "ADDRESS [ipa|phys] [if EXPRESSION]", help: "The same once", run: (s, a) => addBreak(s, a, "hit"), complete: atRegister },
  { names: ["watch"], usage: "ADDRESS [BYTES] [ipa|phys]", help: "Stop behind writes to memory (8 bytes)", run: (s, a) => addWatch(s, a, "write"), complete: atRegister },
  { names: ["rwatch"], usage: "ADDRESS [BYTES] [ipa|phys]", help: "The same for reads", run: (s, a) => addWatch(s, a, "read"), complete: atRegister },
  { names: ["awatch"], usage: "ADDRESS [BYTES] [ipa|phys]", help: "The same for reads and writes", run: (s, a) => addWatch(s, a, "access"), complete: atRegister },
  { names: ["delete", "d"], usage: "[NUMBER...]", help: "Delete breakpoints and watchpoints: all, or by number", run: remove },
  { names: ["cpu"], usage: "[NUMBER]", help: "Select the vCPU that commands mean", run: selectCpu },
];

/** Completes register names behind "$". */
export function atRegister(): readonly string[] {
  return registerNames().map((name) => `$${name}`);
}

function stop(s: MonitorState): string {
  const { debugger: dbg } = s.target;
  if (dbg.stop !== null) return "The machine is stopped already.";
  dbg.interrupt("", "monitor", s.vcpu);
  return "";
}

function go(s: MonitorState, action: () => void): string {
  if (!s.canRun) throw new DebugError("Cannot do that as GDB controls the machine: use its own commands");
  if (s.target.debugger.stop === null) throw new DebugError("Cannot do that as the machine runs; `stop` stops it");
  action();
  return "";
}

function step(s: MonitorState, args: string): string {
  const count = args.trim() === "" ? 1n : s.evaluate(args);
  if (count < 1n || count > 1_000_000_000n) {
    throw new DebugError(`Cannot step ${count} times as it must be 1 to 1000000000`);
  }
  return go(s, () => s.target.debugger.step(s.vcpu, Number(count)));
}

function until(s: MonitorState, args: string): string {
  const address = s.evaluate(args);
  return go(s, () => {
    s.target.debugger.addBreakpoint("monitor", "virtual", address, null, "stop");
    s.target.debugger.resume();
  });
}

/** Takes a word for the address space off the end of the arguments. */
function takeSpace(args: string): { rest: string; space: Space } {
  const match = /^(.*\S)\s+(virt|ipa|phys)$/.exec(args.trim());
  if (!match) return { rest: args.trim(), space: "virtual" };
  return { rest: match[1], space: match[2] === "ipa" ? "ipa" : match[2] === "phys" ? "physical" : "virtual" };
}

function addBreak(s: MonitorState, args: string, lifetime: Breakpoint["lifetime"]): string {
  const [, place, condition] = /^(.*?)(?:\bif\b(.*))?$/s.exec(args)!;
  const { rest, space } = takeSpace(place);
  const address = rest === "" ? s.vcpu.get64("pc") : s.evaluate(rest);
  const breakpoint = s.target.debugger.addBreakpoint(
    "monitor",
    space,
    address,
    makeCondition(s, condition),
    lifetime,
  );
  return showBreakpoint(breakpoint);
}

/** A condition is true when its expression is not 0; one comparison may stand in it. */
function makeCondition(s: MonitorState, text: string | undefined): Breakpoint["condition"] {
  if (text === undefined) return null;
  const expression = text.trim();
  const match = COMPARISON.exec(expression);
  const holds = (): boolean => {
    if (!match) return s.evaluate(expression) !== 0n;
    const [a, b] = [s.evaluate(match[1]), s.evaluate(match[3])];
    return { "==": a === b, "!=": a !== b, "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b }[match[2]]!;
  };
  holds();
  return {
    text: expression,
    holds: (vcpu) => {
      const before = s.vcpuIndex;
      s.selectVcpu(vcpu.index);
      try {
        return holds();
      } catch (error) {
        // What cannot be evaluated here is for the user to see
        if (error instanceof DebugError) return true;
        throw error;
      } finally {
        s.selectVcpu(before);
      }
    },
  };
}

function addWatch(s: MonitorState, args: string, access: Watchpoint["access"]): string {
  const { rest, space } = takeSpace(args);
  const [address, bytes = "8", ...more] = words(rest);
  if (address === undefined || more.length) throw new DebugError("Cannot read that as ADDRESS [BYTES] [ipa|phys]");
  const count = Number(s.evaluate(bytes));
  return showWatchpoint(s.target.debugger.addWatchpoint("monitor", space, s.evaluate(address), count, access, "after"));
}

function remove(s: MonitorState, args: string): string {
  const { debugger: dbg } = s.target;
  if (args.trim() === "") {
    dbg.deleteAll("monitor");
    return "";
  }
  for (const word of words(args)) {
    const id = Number(word);
    const breakpoint = dbg.breakpoints.find((b) => b.id === id), watchpoint = dbg.watchpoints.find((w) => w.id === id);
    if (breakpoint) dbg.deleteBreakpoint(breakpoint);
    else if (watchpoint) dbg.deleteWatchpoint(watchpoint);
    else throw new DebugError(`Cannot delete ${word} as there is no such breakpoint or watchpoint`);
  }
  return "";
}

const AT: Readonly<Record<Space, string>> = { virtual: "", ipa: " ipa", physical: " phys" };

export function showBreakpoint(b: Breakpoint): string {
  const condition = b.condition ? ` if ${b.condition.text}` : "";
  const hits = b.hits > 0 ? `, ${counted(b.hits, "hit")}` : "";
  const what = b.lifetime === "kept" ? "Breakpoint" : "Temporary breakpoint";
  return `${what} ${b.id} at ${hex(b.address, 16)}${AT[b.space]}${condition}${hits}${
    b.owner === "gdb" ? " (GDB's)" : ""
  }`;
}

export function showWatchpoint(w: Watchpoint): string {
  const what = { write: "writes to", read: "reads of", access: "accesses to" }[w.access];
  const hits = w.hits > 0 ? `, ${counted(w.hits, "hit")}` : "";
  return `Watchpoint ${w.id} for ${what} ${w.bytes} bytes at ${hex(w.address, 16)}${AT[w.space]}${hits}` +
    (w.owner === "gdb" ? " (GDB's)" : "");
}

function selectCpu(s: MonitorState, args: string): string {
  if (args.trim() !== "") {
    const index = Number(s.evaluate(args)), { vcpus } = s.target.debugger.machine;
    if (!(index in vcpus)) throw new DebugError(`Cannot select vCPU ${index} as they are 0 to ${vcpus.length - 1}`);
    s.selectVcpu(index);
  }
  return showVcpus(s);
}

/** The vCPUs, the selected one marked. */
export function showVcpus(s: MonitorState): string {
  return s.target.debugger.machine.vcpus.map((vcpu) => {
    const what = isOff(vcpu)
      ? "off"
      : vcpu.waiting === 1
      ? "waits in WFI"
      : vcpu.waiting === 2
      ? "waits in WFE"
      : "runs";
    const mark = vcpu === s.vcpu ? "*" : " ";
    return `${mark} vCPU ${vcpu.index}: pc ${hex(vcpu.get64("pc"), 16)}, EL${vcpu.currentEl()}, ${what}, ` +
      `${vcpu.instructions} instructions`;
  }).join("\n");
}
