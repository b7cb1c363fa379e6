import { sysregIndex } from "../cpu/sysregs.ts";
import { DebugError, hex } from "../debug/debug_error.ts";
import { showFields } from "../debug/register_fields.ts";
import { registerNamed } from "../debug/registers.ts";
import {
  mappedRanges,
  type ReadDescriptor,
  stage1Tables,
  stage2Table,
  type TableSet,
  walkSteps,
} from "../debug/table_walk.ts";
import type { MonitorState } from "./command.ts";

/** More ranges are only counted. */
const RANGES_MAX = 256;

/** `info stage1 [ADDRESS]`: the ranges that the current regime maps, or the walk for one address. */
export function showStage1(s: MonitorState, args: string): string {
  const el = s.vcpu.currentEl(), suffix = `EL${Math.max(el, 1)}`;
  const sets = stage1Tables(s.vcpu, el);
  const controls = [`SCTLR_${suffix}`, `TCR_${suffix}`, `MAIR_${suffix}`].map((name) => showRegister(s, name));
  if (sets.length === 0) return [...controls, "The MMU is off: addresses are physical."].join("\n");
  return [...controls, ...sets.map((set) => showSet(s, set, args))].filter((text) => text !== "").join("\n");
}

/** `info stage2 [IPA]`: the same for the guest's stage 2. */
export function showStage2(s: MonitorState, args: string): string {
  const set = stage2Table(s.vcpu);
  if (set === null) return "Stage 2 is off.";
  const controls = ["HCR_EL2", "VTCR_EL2", "VTTBR_EL2"].map((name) => showRegister(s, name));
  return [...controls, showSet(s, set, args)].join("\n");
}

function showRegister(s: MonitorState, name: string): string {
  const value = registerNamed(name).read(s.vcpu);
  return `${name} = ${hex(value, 16)}  ${showFields(name, value)}`;
}

/** Reads descriptors where the tables stand: those of stage 1 at IPAs, others at physical addresses. */
function reader(s: MonitorState, set: TableSet): ReadDescriptor {
  const { machine, memory } = s.target.debugger;
  const space = set.name.endsWith("EL1") ? "ipa" : "physical";
  return (address) => {
    const host = memory.hostOf(s.vcpu, space, BigInt(address));
    return host < 0 ? null : BigInt(machine.ram.u32[(host >>> 2) + 1]) << 32n | BigInt(machine.ram.u32[host >>> 2]);
  };
}

function mairOf(s: MonitorState, set: TableSet): bigint {
  if (set.stage === 2) return 0n;
  const index = sysregIndex(`MAIR_${/EL\d$/.exec(set.name)![0]}`);
  return BigInt(s.vcpu.sysHi(index)) << 32n | BigInt(s.vcpu.sysLo(index));
}

function showSet(s: MonitorState, set: TableSet, args: string): string {
  const end = set.base + (1n << BigInt(set.inputBits)) - 1n;
  const head =
    `${set.name}: ${hex(set.base, 16)} to ${hex(end, 16)}, ${2 ** (set.granuleBits - 10)} KiB granule, table at ` +
    `${hex(set.root)}, level ${set.startLevel}`;
  if (args.trim() === "") return [head, ...showRanges(s, set)].join("\n");
  const address = s.evaluate(args);
  if (address < set.base || address > end) {
    if (set.stage === 2) throw new DebugError(`Cannot translate IPA ${hex(address)} as it is beyond the tables`);
    return "";
  }
  const steps = walkSteps(set, address, reader(s, set), mairOf(s, set)).map((step) => {
    const descriptor = step.descriptor === null ? "-".repeat(18) : hex(step.descriptor, 16);
    return `  level ${step.level}, ${hex(step.address, 10)}: ${descriptor}  ${step.meaning}`;
  });
  return [head, ...steps].join("\n");
}

function showRanges(s: MonitorState, set: TableSet): string[] {
  const lines: string[] = [];
  let count = 0;
  for (const range of mappedRanges(set, reader(s, set), mairOf(s, set))) {
    if (++count > RANGES_MAX) continue;
    const size = range.end - range.start;
    lines.push(
      `  ${hex(range.start, 16)}-${hex(range.end, 16)} ${showSize(size).padStart(8)} -> ${hex(range.output, 10)}` +
        ` level ${range.level} ${range.attributes}`,
    );
  }
  if (count > RANGES_MAX) lines.push(`  and ${count - RANGES_MAX} ranges more; give an address to see its walk`);
  return lines.length ? lines : ["  nothing is mapped"];
}

function showSize(bytes: bigint): string {
  for (const [unit, shift] of [["GiB", 30n], ["MiB", 20n]] as const) {
    if (bytes >= 1n << shift && bytes % (1n << shift) === 0n) return `${bytes >> shift} ${unit}`;
  }
  return `${bytes >> 10n} KiB`;
}
