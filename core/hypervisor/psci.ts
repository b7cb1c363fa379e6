import { toNumber } from "../cpu/word64.ts";
import type { CallFunction } from "./call_function.ts";
import type { VmVcpu } from "./vm.ts";

/** PSCI 1.1. */
const VERSION = 0x1_0001;
/** MIGRATE_INFO_TYPE: no Trusted OS, nothing to migrate. */
const NO_MIGRATION = 2;
/** AFFINITY_INFO. */
const ON = 0, OFF = 1;
/** power_state without PowerLevel, StateType and StateID. */
const POWER_STATE_RESERVED = 0xfcfe_0000 | 0;
/** SYSTEM_RESET2's reset_type of an architectural warm reset. */
const SYSTEM_WARM_RESET = 0;
const SMC64 = 0x4000_0000;

/** Return codes. Arm DEN 0022, "Return error codes". */
export const PSCI = {
  success: 0,
  notSupported: -1,
  invalidParameters: -2,
  denied: -3,
  alreadyOn: -4,
  invalidAddress: -9,
} as const;

/** Argument n as a number: W<n> in the 32-bit convention. What is not below 2^53 is not exact. */
function argument(c: VmVcpu, n: number): number {
  return toNumber(c.vcpu.xLo(n), isSmc64(c) ? c.vcpu.xHi(n) : 0);
}
function isSmc64(c: VmVcpu): boolean {
  return (c.vcpu.xLo(0) & SMC64) !== 0;
}

/** The vCPU with the affinity in argument n as MPIDR_EL1 has it, or undefined. */
function target(c: VmVcpu, n: number): VmVcpu | undefined {
  const mpidr = argument(c, n);
  return c.vm.vcpus.find(({ affinity }) => affinity % 2 ** 24 + Math.floor(affinity / 2 ** 24) * 2 ** 32 === mpidr);
}

/**
 * Both kinds of power state wait, at any power level: a power-down request may be granted as a standby that returns.
 * Arm DEN 0022, "CPU_SUSPEND", power_state in the original format.
 */
function cpuSuspend(c: VmVcpu): void {
  if ((c.vcpu.xLo(1) & POWER_STATE_RESERVED) !== 0) return c.setResult(PSCI.invalidParameters);
  c.setResult(PSCI.success);
  c.wait();
}

function cpuOn(c: VmVcpu): void {
  const found = target(c, 1), entry = argument(c, 2);
  if (found === undefined) return c.setResult(PSCI.invalidParameters);
  if (found.isOn) return c.setResult(PSCI.alreadyOn);
  if (entry % 4 !== 0 || !c.vm.ram.has(entry)) return c.setResult(PSCI.invalidAddress);
  found.powerOn({ pc: entry, x0Lo: c.vcpu.xLo(3), x0Hi: isSmc64(c) ? c.vcpu.xHi(3) : 0 });
  c.setResult(PSCI.success);
}

function affinityInfo(c: VmVcpu): void {
  const found = target(c, 1);
  if (found === undefined || argument(c, 2) !== 0) return c.setResult(PSCI.invalidParameters);
  c.setResult(found.isOn ? ON : OFF);
}

function systemReset2(c: VmVcpu): void {
  if (c.vcpu.xLo(1) !== SYSTEM_WARM_RESET) return c.setResult(PSCI.invalidParameters);
  c.vm.systemReset();
}

/** The functions; those of both conventions have a 64-bit twin with bit 30 set. Arm DEN 0022, "PSCI Functions". */
// deno-fmt-ignore
const FUNCTIONS: readonly { id: number; name: string; has64?: true; run: (c: VmVcpu) => void }[] = [
  { id: 0x8400_0000, name: "PSCI_VERSION",           run: (c) => c.setResult(VERSION) },
  { id: 0x8400_0001, name: "PSCI_CPU_SUSPEND",       has64: true, run: cpuSuspend },
  { id: 0x8400_0002, name: "PSCI_CPU_OFF",           run: (c) => c.powerOff() },
  { id: 0x8400_0003, name: "PSCI_CPU_ON",            has64: true, run: cpuOn },
  { id: 0x8400_0004, name: "PSCI_AFFINITY_INFO",     has64: true, run: affinityInfo },
  { id: 0x8400_0006, name: "PSCI_MIGRATE_INFO_TYPE", run: (c) => c.setResult(NO_MIGRATION) },
  { id: 0x8400_0008, name: "PSCI_SYSTEM_OFF",        run: (c) => c.vm.systemOff() },
  { id: 0x8400_0009, name: "PSCI_SYSTEM_RESET",      run: (c) => c.vm.systemReset() },
  { id: 0x8400_0012, name: "PSCI_SYSTEM_RESET2",     has64: true, run: systemReset2 },
];

const PSCI_FEATURES = 0x8400_000a;

/** The functions by identifier, without PSCI_FEATURES. */
export const PSCI_FUNCTIONS: readonly (readonly [number, CallFunction])[] = FUNCTIONS.flatMap((f) => {
  const entry = [f.id, { name: f.name, run: f.run }] as const;
  return f.has64 ? [entry, [(f.id | SMC64) >>> 0, entry[1]] as const] : [entry];
});
const IDS = new Set([PSCI_FEATURES, ...PSCI_FUNCTIONS.map(([id]) => id)]);

/** What PSCI_FEATURES says of a function: 0, or NOT_SUPPORTED; CPU_SUSPEND has power states in the original format. */
export function psciFeatures(id: number): number {
  return IDS.has(id) ? PSCI.success : PSCI.notSupported;
}
