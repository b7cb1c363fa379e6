import { setPstate } from "./exceptions.ts";
import { STATE } from "./layout.ts";
import { syncRegime } from "./regime.ts";
import { el2Enabled } from "./security.ts";
import { defineSysreg } from "./sysreg_functions.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

/*
 * Registers that are views of PSTATE and of state outside the slots, and ID registers whose value depends on the reader.
 */

const FPCR = sysregIndex("FPCR");
const FPSR = sysregIndex("FPSR");
const MIDR_EL1 = sysregIndex("MIDR_EL1");
const MPIDR_EL1 = sysregIndex("MPIDR_EL1");
const VPIDR_EL2 = sysregIndex("VPIDR_EL2");
const VMPIDR_EL2 = sysregIndex("VMPIDR_EL2");
const CSSELR_EL1 = sysregIndex("CSSELR_EL1");
const PSTATE = STATE.pstate.offset >>> 2;

/** Writes the bits of `mask` in PSTATE, and does what follows from them. */
export function writePstate(vcpu: Vcpu, mask: number, value: number): void {
  const old = vcpu.u32[vcpu.w + PSTATE];
  setPstate(vcpu, old & ~mask | value & mask);
  if ((mask & 0xc00000) !== 0) syncRegime(vcpu);
  if ((mask & 0x3c0) !== 0) vcpu.interruptsChanged();
}

/** A register whose bits stand in PSTATE at the same places. */
function view(name: string, mask: number): void {
  defineSysreg(name, {
    read: (vcpu) => vcpu.get32("pstate") & mask,
    write: (vcpu, lo) => writePstate(vcpu, mask, lo),
  });
}
view("DAIF", 0x3c0);
view("SSBS", 1 << 12);
view("PAN", 1 << 22);
view("UAO", 1 << 23);
view("DIT", 1 << 24);
view("SPSel", 1);
defineSysreg("CurrentEL", { read: (vcpu) => vcpu.get32("pstate") & 0xc });
defineSysreg("NZCV", {
  read: (vcpu) => vcpu.get32("nzcv") << 28,
  write: (vcpu, lo) => vcpu.set32("nzcv", lo >>> 28),
});
defineSysreg("FPCR", {
  read: (vcpu) => vcpu.get32("fpcr"),
  write: (vcpu, lo) => vcpu.set32("fpcr", lo & vcpu.writable[2 * FPCR]),
});
defineSysreg("FPSR", {
  read: (vcpu) => vcpu.get32("fpsr"),
  write: (vcpu, lo) => vcpu.set32("fpsr", lo & vcpu.writable[2 * FPSR]),
});

/** What an MSR (immediate) writes: the register whose bits it changes, and what it makes of them. */
interface PstateImmediate {
  readonly index: number;
  readonly mask: number;
  write(old: number, imm4: number): number;
}

function oneBit(name: string, lsb: number): PstateImmediate {
  return { index: sysregIndex(name), mask: 1 << lsb, write: (_, imm4) => (imm4 & 1) << lsb };
}
const DAIF = { index: sysregIndex("DAIF"), mask: 0x3c0 };

/** By op1:op2. Arm DDI 0487, C5.2, "MSR (immediate)". */
const IMMEDIATES: ReadonlyMap<number, PstateImmediate> = new Map([
  [0o03, oneBit("UAO", 23)],
  [0o04, oneBit("PAN", 22)],
  [0o05, oneBit("SPSel", 0)],
  [0o31, oneBit("SSBS", 12)],
  [0o32, oneBit("DIT", 24)],
  [0o36, { ...DAIF, write: (old, imm4) => old & DAIF.mask | imm4 << 6 }],
  [0o37, { ...DAIF, write: (old, imm4) => old & DAIF.mask & ~(imm4 << 6) }],
]);

/** What the MSR (immediate) with this encoding writes, in which op0 is 0 and CRm the immediate; undefined if it is none. */
export function findPstateImmediate(encoding: number): PstateImmediate | undefined {
  const isImmediate = encoding >> 14 === 0 && (encoding >> 7 & 15) === 4;
  return isImmediate ? IMMEDIATES.get(encoding >> 8 & 0o70 | encoding & 7) : undefined;
}

/** At EL1 with EL2 enabled the register reads as another, which the hypervisor writes. */
function virtualized(name: string, index: number, virtual: number): void {
  defineSysreg(name, {
    read: (vcpu) => {
      const from = vcpu.currentEl() === 1 && el2Enabled(vcpu) ? virtual : index;
      vcpu.hi = vcpu.sysHi(from);
      return vcpu.sysLo(from);
    },
  });
}
virtualized("MIDR_EL1", MIDR_EL1, VPIDR_EL2);
virtualized("MPIDR_EL1", MPIDR_EL1, VMPIDR_EL2);

defineSysreg("CCSIDR_EL1", { read: (vcpu) => vcpu.model.caches[vcpu.sysLo(CSSELR_EL1)] ?? 0 });
