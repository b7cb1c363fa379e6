import { EXCEPTION_KINDS } from "../cpu/layout.ts";
import { EC_NAMES } from "../cpu/syndrome.ts";
import { sysregIndex } from "../cpu/sysregs.ts";
import { DebugError, hex } from "../debug/debug_error.ts";
import { showFields } from "../debug/register_fields.ts";
import { readableSystemRegisters, registerNamed } from "../debug/registers.ts";
import { describeSyndrome } from "../debug/syndrome_text.ts";
import { jitReport } from "../engine/jit/report.ts";
import { counted } from "../log/counted.ts";
import { type MonitorCommand, type MonitorState, refuseArguments, words } from "./command.ts";
import { showGic } from "./gic_info.ts";
import { showBreakpoint, showVcpus, showWatchpoint } from "./run_commands.ts";
import { showInstruction } from "./examine.ts";
import { showStage1, showStage2 } from "./tables_info.ts";

/** What `info` shows: a name, what may follow it, and how it is made. */
export interface InfoRow {
  readonly name: string;
  readonly usage: string;
  readonly help: string;
  readonly show: (s: MonitorState, args: string) => string;
}

// deno-fmt-ignore
export const INFO: readonly InfoRow[] = [
  { name: "vm", usage: "", help: "the machine and the guest on it", show: showVm },
  { name: "cpus", usage: "", help: "the vCPUs; * is the selected one", show: showVcpus },
  { name: "registers", usage: "[all]", help: "general registers, PSTATE and the exception registers; all: V0 to V31 too", show: showRegisters },
  { name: "sysregs", usage: "[PATTERN]", help: "system registers with their fields, such as TCR* or *_EL2", show: showSysregs },
  { name: "stage1", usage: "[ADDRESS]", help: "what stage 1 maps, or the walk for an address", show: showStage1 },
  { name: "stage2", usage: "[IPA]", help: "what stage 2 maps, or the walk for an IPA", show: showStage2 },
  { name: "gic", usage: "", help: "interrupts that are enabled, pending or active; list registers", show: showGic },
  { name: "timers", usage: "", help: "counters, their drift, and the timers", show: showTimers },
  { name: "exceptions", usage: "", help: "exceptions by class, with the last one's registers", show: showExceptions },
  { name: "jit", usage: "[COUNT]", help: "what ran in which tier, and the hottest regions with their first instructions", show: showJit },
  { name: "breakpoints", usage: "", help: "breakpoints and watchpoints with their hits", show: showPoints },
  { name: "policy", usage: "", help: "the rules with how often each has decided", show: (s) => policy(s).show() },
  { name: "log", usage: "[COUNT]", help: "the log's level, and the latest records", show: showLog },
];

/** What QEMU's monitor calls these. */
const QEMU_NAMES: Readonly<Record<string, string>> = {
  status: "vm",
  mtree: "vm",
  mem: "stage1",
  tlb: "stage1",
  pic: "gic",
};

/** `info` and what can follow it. */
export const INFO_COMMANDS: readonly MonitorCommand[] = [{
  names: ["info", "i"],
  usage: INFO.map((row) => row.name).join("|"),
  help: "Show the state of the machine and of the guest",
  run: (s, args) => {
    const [given = "", ...rest] = words(args), name = QEMU_NAMES[given] ?? given;
    if (name === "") return INFO.map((row) => `info ${row.name} ${row.usage}`.padEnd(28) + row.help).join("\n");
    const found = INFO.filter((row) => row.name.startsWith(name));
    const row = found.find((r) => r.name === name) ?? (found.length === 1 ? found[0] : undefined);
    if (!row) throw new DebugError(`Cannot show "${name}"; info knows ${INFO.map((r) => r.name).join(", ")}`);
    if (row.usage === "") refuseArguments(`info ${row.name}`, rest.join(" "));
    return row.show(s, rest.join(" "));
  },
  complete: (s, given) => {
    if (given.length === 0) return INFO.map((row) => row.name);
    return given[0] === "sysregs" ? readableSystemRegisters(s.vcpu).map((r) => r.name) : [];
  },
}];

/** The policies, or a DebugError. */
export function policy(s: MonitorState): NonNullable<MonitorState["target"]["policy"]> {
  if (s.target.policy === null) throw new DebugError("Cannot do that as no policies are in force");
  return s.target.policy;
}
/** The log, or a DebugError. */
export function log(s: MonitorState): NonNullable<MonitorState["target"]["log"]> {
  if (s.target.log === null) throw new DebugError("Cannot do that as nothing is recorded");
  return s.target.log;
}

function showVm(s: MonitorState): string {
  const { debugger: dbg, vms } = s.target, { machine } = dbg;
  const seconds = (machine.clock.nowNs() / 1e9).toFixed(3);
  const lines = [
    `Machine: ${counted(machine.vcpus.length, "vCPU")} (${machine.options.model.name}), ${
      machine.ram.ramSize / 2 ** 20
    } MiB of RAM at ` +
    `${hex(machine.ram.ramBase)}, ${machine.options.time} time`,
    `It ${dbg.stop === null ? "runs" : "is stopped"}: ${machine.instructions} instructions, ${seconds} s`,
  ];
  for (const vm of vms) {
    lines.push(
      `${vm.name}: VMID ${vm.vmid}, RAM ${vm.ram}, stage 2 tables at ${hex(vm.stage2.root)}`,
      `  vCPUs on: ${
        vm.vcpus.filter((c) => c.isOn).map((c) => c.index).join(", ") || "none"
      }; traps: ${vm.trapCount}; ` +
        `exceptions reported: ${vm.exceptionsReported}`,
    );
    for (const [kind, verdicts] of Object.entries(vm.statistics())) {
      lines.push(`  ${kind}: ${Object.entries(verdicts).map(([verdict, count]) => `${verdict} ${count}`).join(", ")}`);
    }
  }
  const bus = vms.length > 0 ? vms[0].bus : machine.bus;
  lines.push("Devices:");
  for (const { base, device } of bus.mappings) {
    lines.push(`  ${hex(base, 8)}-${hex(base + device.sizeBytes, 8)} ${device.name}`);
  }
  return lines.join("\n");
}

function showRegisters(s: MonitorState, args: string): string {
  if (!/^(all)?$/.test(args)) {
    throw new DebugError(`Cannot show the registers "${args}"; print $NAME shows one, info sysregs PATTERN some`);
  }
  const { vcpu } = s;
  const read = (name: string) => registerNamed(name).read(vcpu);
  const names = [...Array.from({ length: 31 }, (_, n) => `x${n}`), "sp"];
  const lines: string[] = [];
  for (let n = 0; n < names.length; n += 4) {
    lines.push(names.slice(n, n + 4).map((name) => `${name.padStart(4)} ${hex(read(name), 16)}`).join(" "));
  }
  const cpsr = read("cpsr"), pc = read("pc");
  lines.push(`  pc ${hex(pc, 16)}  cpsr ${hex(cpsr, 8)}  ${showFields("cpsr", cpsr)}`);
  const el = vcpu.currentEl();
  for (let level = Math.max(el, 1); level >= 1; level--) {
    lines.push(
      [`ELR_EL${level}`, `SPSR_EL${level}`, `ESR_EL${level}`, `FAR_EL${level}`].map((name) =>
        `${name} ${hex(read(name), 16)}`
      ).join(" "),
    );
  }
  if (args === "all") lines.push(...vectorLines(read));
  const instruction = instructionAt(s, pc);
  return [...lines, ...(instruction === null ? [] : [instruction])].join("\n");
}

function vectorLines(read: (name: string) => bigint): string[] {
  const lines = Array.from(
    { length: 16 },
    (_, n) => [2 * n, 2 * n + 1].map((v) => `${`v${v}`.padStart(4)} ${hex(read(`v${v}`), 32)}`).join(" "),
  );
  const [fpcr, fpsr] = ["FPCR", "FPSR"].map((name) => `${name} ${hex(read(name), 8)} ${showFields(name, read(name))}`);
  return [...lines, `${fpcr}  ${fpsr}`];
}

/** The instruction at an address as a line, or null where it cannot be read. */
export function instructionAt(s: MonitorState, pc: bigint): string | null {
  const bytes = s.target.debugger.memory.readPrefix(s.vcpu, "virtual", pc, 4);
  return bytes.length < 4 ? null : showInstruction(new DataView(bytes.buffer).getUint32(0, true), pc, pc);
}

function showSysregs(s: MonitorState, args: string): string {
  const pattern = args.trim() || "*";
  const expression = new RegExp(
    `^${pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".")}$`,
    "i",
  );
  const found = readableSystemRegisters(s.vcpu).filter(({ name }) => expression.test(name));
  if (found.length === 0) throw new DebugError(`Cannot find a system register like ${pattern}`);
  const width = Math.max(...found.map(({ name }) => name.length));
  return found.map(({ name }) => {
    const value = registerNamed(name).read(s.vcpu);
    const detail = /^ESR_EL/.test(name) ? describeSyndrome(Number(value & 0xffff_ffffn)) : showFields(name, value);
    return `${name.padEnd(width)} ${hex(value, 16)}  ${detail}`.trimEnd();
  }).join("\n");
}

function showTimers(s: MonitorState): string {
  const { vcpu } = s;
  const read = (name: string) => registerNamed(name).read(vcpu);
  const frequency = read("CNTFRQ_EL0"), physical = read("CNTPCT_EL0"), virtual = read("CNTVCT_EL0");
  const index = sysregIndex("CNTVOFF_EL2");
  const offset = vcpu.hasEl2 ? BigInt(vcpu.sysHi(index)) << 32n | BigInt(vcpu.sysLo(index)) : 0n;
  const drift = driftOf(read, offset);
  const ms = (ticks: bigint) => frequency === 0n ? "?" : `${(Number(ticks) / Number(frequency) * 1000).toFixed(3)} ms`;
  const lines = [
    `CNTFRQ_EL0 ${frequency} Hz`,
    `CNTPCT_EL0 ${physical} (${ms(physical)})`,
    `CNTVCT_EL0 ${virtual} (${ms(virtual)}), CNTVOFF_EL2 ${offset}`,
    `Drift of CNTVCT_EL0 + CNTVOFF_EL2 from CNTPCT_EL0: ${drift} ticks`,
  ];
  for (
    const [name, level, counter] of [["CNTP", "EL0", physical], ["CNTV", "EL0", virtual], [
      "CNTHP",
      "EL2",
      physical,
    ]] as const
  ) {
    if (level === "EL2" && !vcpu.hasEl2) continue;
    const control = `${name}_CTL_${level}`, value = read(`${name}_CVAL_${level}`);
    const left = BigInt.asIntN(64, value - counter);
    const isOn = (read(control) & 1n) !== 0n;
    lines.push(
      `${name}: ${showFields(control, read(control)) || "off"}, CVAL ${value}` +
        (isOn ? `, ${left > 0n ? `in ${ms(left)}` : `due for ${ms(-left)}`}` : ""),
    );
  }
  for (const { name, count, lastNs, maxNs } of vcpu.timers?.lateness ?? []) {
    if (count > 0) {
      lines.push(`${name} fired ${count} times, ${micro(lastNs)} after its time at last, ${micro(maxNs)} at most`);
    }
  }
  return lines.join("\n");
}

/** The count that CNTVCT_EL0 and CNTVOFF_EL2 make, minus CNTPCT_EL0; in real time the clock goes on between two reads. */
function driftOf(read: (name: string) => bigint, offset: bigint): bigint {
  const before = read("CNTPCT_EL0");
  const virtual = BigInt.asUintN(64, read("CNTVCT_EL0") + offset);
  const after = read("CNTPCT_EL0");
  return virtual < before ? virtual - before : virtual > after ? virtual - after : 0n;
}

function micro(ns: number): string {
  return `${(ns / 1000).toFixed(1)} us`;
}

function showExceptions(s: MonitorState): string {
  const telemetry = s.vcpu.telemetry, lines: string[] = [];
  for (let el = 1; el <= 3; el++) {
    for (let kind = 0; kind < EXCEPTION_KINDS; kind++) {
      const count = telemetry.count(el, kind);
      if (count === 0) continue;
      const last = telemetry.last(el, kind);
      const name = kind < 64 ? EC_NAMES[kind] ?? `EC ${hex(kind)}` : ["IRQ", "FIQ", "SError"][kind - 64];
      lines.push(`EL${el}  ${String(count).padStart(10)}  ${name}`);
      const registers = kind >= 64 && kind !== 66
        ? `from ${hex(last.pc, 16)}`
        : `from ${hex(last.pc, 16)}, ESR_EL${el} ${hex(last.esr)}, FAR_EL${el} ${hex(last.far)}` +
          (el === 2 ? `, HPFAR_EL2 ${hex(last.hpfar)}` : "");
      lines.push(`                 last ${registers}`);
      if (kind < 64) lines.push(`                 ${describeSyndrome(Number(last.esr & 0xffff_ffffn))}`);
    }
  }
  return lines.length ? lines.join("\n") : "None so far.";
}

function showJit(s: MonitorState, args: string): string {
  const { engine, vcpus } = s.target.debugger.machine;
  return jitReport(engine, vcpus, args.trim() === "" ? undefined : Number(s.evaluate(args)));
}

function showPoints(s: MonitorState): string {
  const { breakpoints, watchpoints } = s.target.debugger;
  const lines = [...breakpoints.map(showBreakpoint), ...watchpoints.map(showWatchpoint)];
  return lines.length ? lines.join("\n") : "None.";
}

function showLog(s: MonitorState, args: string): string {
  const count = args.trim() === "" ? 10 : Number(s.evaluate(args));
  return [`Level: ${log(s).level}`, ...log(s).dump(count, null)].join("\n");
}
