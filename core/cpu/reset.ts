import { updateDirectAccess } from "./direct_access.ts";
import { pstateFeatures } from "./features.ts";
import { updateDebug } from "./hardware_debug.ts";
import { SP_SLOT, STATE, V, X } from "./layout.ts";
import { updateRegime } from "./regime.ts";
import type { SysregRow } from "./sysreg_row.ts";
import { SYSTEM_INSTRUCTIONS } from "./system_instruction_table.ts";
import { sysregIndex, SYSREGS } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

const ALL = (1n << 64n) - 1n;
/** NS, RES1, HCE, RW, ST, APK and API: nothing of Non-secure state is trapped or disabled. */
const SCR_EL3_NONSECURE = 0x30d31n;

/** How a vCPU leaves reset. */
export interface ResetOptions {
  /** The Exception level it starts at, 1 to 3; by default the highest. */
  readonly el?: number;
  /** MPIDR_EL1 without its RES1 bit 31; by default sixteen to a cluster. */
  readonly affinity?: number;
  /** Whether ID_AA64PFR0_EL1 tells of EL2 and EL3: a resident may stand where a guest is to see none. */
  readonly reportsEl2?: boolean;
  readonly reportsEl3?: boolean;
}

/**
 * A Cold reset: the state that the Arm ARM gives, and zero where it gives none. With a starting level below EL3, EL3 (and
 * with EL1, EL2) is left as firmware would. What the machine attaches to the vCPU stays.
 */
export function resetCpu(vcpu: Vcpu, options: ResetOptions = {}): void {
  vcpu.features = pstateFeatures(vcpu.model);
  const el = options.el ?? (vcpu.hasEl3 ? 3 : vcpu.hasEl2 ? 2 : 1);
  vcpu.u8.fill(0, vcpu.base + X, vcpu.base + X + 8 * (SP_SLOT + 1));
  vcpu.u8.fill(0, vcpu.base + V, vcpu.base + V + 512);
  for (const field of Object.values(STATE)) {
    if (!KEPT.includes(field)) vcpu.u8.fill(0, vcpu.base + field.offset, vcpu.base + field.offset + field.bytes);
  }
  for (const [index, row] of SYSREGS.entries()) {
    setSys(vcpu, index, vcpu.model.registers[row.name] ?? row.reset ?? 0n);
    vcpu.sysregPresent[index] = isPresent(vcpu, row) ? 1 : 0;
    const writable = writableBits(vcpu, row);
    vcpu.writable[2 * index] = Number(writable & 0xffffffffn);
    vcpu.writable[2 * index + 1] = Number(writable >> 32n);
  }
  vcpu.systemInstructions = Uint8Array.from(
    SYSTEM_INSTRUCTIONS,
    ({ features = [] }) => Number(features.every((f) => vcpu.model.features.has(f))),
  );
  setIdentity(vcpu, options);
  if (el < 3 && vcpu.hasEl3) set(vcpu, "SCR_EL3", SCR_EL3_NONSECURE & ~lackingBits(vcpu, "SCR_EL3"));
  if (el < 2 && vcpu.hasEl2) set(vcpu, "HCR_EL2", (0x80000000n | 3n << 40n) & ~lackingBits(vcpu, "HCR_EL2"));
  vcpu.set32("pstate", 0x3c1 | el << 2);
  vcpu.waiting = 0;
  vcpu.isRunning = true;
  vcpu.directAccess.clear();
  updateDirectAccess(vcpu);
  vcpu.regimeStale = true;
  updateRegime(vcpu);
  vcpu.timers?.refresh();
  vcpu.pmu?.restore(0);
  updateDebug(vcpu);
  // Interrupts may pend already
  vcpu.set32("attention", 1);
}

/**
 * Makes what is derived from the state block true again, after its bytes were restored from a snapshot of a vCPU that
 * was reset with the same options.
 * @param pmuRunning `Pmu.running` of the snapshot.
 */
export function restoredCpu(vcpu: Vcpu, pmuRunning: number): void {
  updateDirectAccess(vcpu);
  updateRegime(vcpu);
  vcpu.timers?.refresh();
  vcpu.pmu?.restore(pmuRunning);
  updateDebug(vcpu);
  vcpu.interruptsChanged();
}

/** State that is the engine's and the MMU's rather than the architecture's. */
const KEPT: readonly { offset: number }[] = [
  STATE.tlb,
  STATE.tlbUpper,
  STATE.tlbUnprivileged,
  STATE.regimeEpoch,
  STATE.callSites,
  STATE.recordMemo,
  STATE.budget,
  STATE.record,
  STATE.recordBase,
  STATE.pcPage,
];

function set(vcpu: Vcpu, name: string, value: bigint): void {
  setSys(vcpu, sysregIndex(name), value);
}
function setSys(vcpu: Vcpu, index: number, value: bigint): void {
  vcpu.setSys(index, Number(value & 0xffffffffn), Number(value >> 32n & 0xffffffffn));
}

function setIdentity(vcpu: Vcpu, options: ResetOptions): void {
  const affinity = options.affinity ?? (vcpu.index >> 4 << 8 | vcpu.index & 15);
  const mpidr = 0x80000000n | BigInt(affinity);
  set(vcpu, "MPIDR_EL1", mpidr);
  set(vcpu, "VMPIDR_EL2", mpidr);
  set(vcpu, "VPIDR_EL2", vcpu.model.registers.MIDR_EL1);
  set(vcpu, "CNTFRQ_EL0", BigInt(vcpu.model.counterHz));
  set(vcpu, "MDCR_EL2", BigInt(vcpu.model.eventCounters));
  const hasEl2 = options.reportsEl2 ?? vcpu.hasEl2, hasEl3 = options.reportsEl3 ?? vcpu.hasEl3;
  let pfr0 = vcpu.model.registers.ID_AA64PFR0_EL1;
  if (!hasEl2) pfr0 &= ~(0xfn << 8n);
  if (!hasEl3) pfr0 &= ~(0xfn << 12n);
  if (!hasEl2 || !vcpu.hasEl3) pfr0 &= ~(0xfn << 36n);
  pfr0 &= ~(0xfn << 24n);
  if (vcpu.gic?.hasSystemRegisters) pfr0 |= 1n << 24n;
  set(vcpu, "ID_AA64PFR0_EL1", pfr0);
}

/** Writable bits whose feature the model lacks. */
function lackingBits(vcpu: Vcpu, name: string): bigint {
  const row = SYSREGS[sysregIndex(name)];
  return (row.writable ?? ALL) & ~writableBits(vcpu, row);
}

function writableBits(vcpu: Vcpu, row: SysregRow): bigint {
  let writable = row.writable ?? ALL;
  for (const [feature, bits] of Object.entries(row.featureBits ?? {})) {
    if (!vcpu.model.features.has(feature)) writable &= ~bits;
  }
  return writable;
}

/** Whether the vCPU has the register: its level, and its feature. */
function isPresent(vcpu: Vcpu, row: SysregRow): boolean {
  const { model } = vcpu;
  if (!vcpu.hasEl3 && row.name.endsWith("_EL3")) return false;
  if (row.feature === undefined) return true;
  if (row.feature === "GICv3") return vcpu.gic?.hasSystemRegisters ?? false;
  const m = /^(event counter|breakpoint|watchpoint) (\d+)$/.exec(row.feature);
  if (!m) return model.features.has(row.feature);
  const count = { "event counter": model.eventCounters, breakpoint: model.breakpoints, watchpoint: model.watchpoints };
  return Number(m[2]) < count[m[1] as keyof typeof count];
}
