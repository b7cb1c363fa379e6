import { readSysreg, writeSysreg } from "../cpu/sysreg_access.ts";
import { findPstateImmediate } from "../cpu/pstate_registers.ts";
import { isOfEl1 } from "../cpu/sysreg_check.ts";
import { encodeSysreg, findSysreg, sysregIndex, SYSREGS } from "../cpu/sysregs.ts";
import { ACTION, UNCLAIMED, type Verdict } from "../policy/verdict.ts";
import { FSC, injectAbort, injectUndefined } from "./inject.ts";
import { FRAME } from "./trap_frame.ts";
import type { VmVcpu } from "./vm.ts";

// What another module exports is looked up at every use
const DO = ACTION;
const ICC_SGI1R_EL1 = encodeSysreg(3, 0, 12, 11, 5);
const ICC_ASGI1R_EL1 = encodeSysreg(3, 0, 12, 11, 6);
const ICC_SGI0R_EL1 = encodeSysreg(3, 0, 12, 11, 7);

/** Registers that are views of PSTATE: their bits of the guest stand in SPSR_EL2. */
const PSTATE_VIEWS: ReadonlyMap<number, number> = new Map(
  ([
    ["NZCV", 0xf000_0000],
    ["DAIF", 0x3c0],
    ["SPSel", 1],
    ["CurrentEL", 0xc],
    ["SSBS", 1 << 12],
    ["PAN", 1 << 22],
    ["UAO", 1 << 23],
    ["DIT", 1 << 24],
  ] as const).map(([name, mask]) => [sysregIndex(name), mask]),
);
/** What EL1 reads in place of the register. */
const VIRTUAL: ReadonlyMap<number, number> = new Map([
  [sysregIndex("MIDR_EL1"), sysregIndex("VPIDR_EL2")],
  [sysregIndex("MPIDR_EL1"), sysregIndex("VMPIDR_EL2")],
]);
const ENCODINGS = SYSREGS.map(({ op }) => op ? encodeSysreg(...op) : 0);
const IS_GIC = Uint8Array.from(SYSREGS, (row) => row.feature === "GICv3" && !row.name.startsWith("ICC_SRE") ? 1 : 0);

/** A trapped MRS, MSR (of an immediate, too) or System instruction: asks the policy, then does it for the guest or injects UNDEFINED. */
export function handleSysreg(c: VmVcpu, esr: number): void {
  const { vm, vcpu } = c, trap = vm.traps.sysreg, { common } = trap;
  const issEncoding = (esr >> 20 & 3) << 14 | (esr >> 14 & 7) << 11 | (esr >> 10 & 15) << 7 | (esr >> 1 & 15) << 3 |
    (esr >> 17 & 7);
  const immediate = findPstateImmediate(issEncoding), encoding = immediate ? ENCODINGS[immediate.index] : issEncoding;
  const Rt = esr >> 5 & 31;
  const isWrite = (esr & 1) === 0;
  vm.begin(c, common, esr);
  trap.encoding = encoding;
  trap.isWrite = isWrite;
  if (immediate) {
    common.valueLo = immediate.write(c.frame.spsr, esr >> 1 & 15) >>> 0;
    common.valueHi = 0;
  } else if (isWrite) {
    common.valueLo = vcpu.xLo(Rt);
    common.valueHi = vcpu.xHi(Rt);
  }
  const verdict = vm.decide(trap);
  const isDone = carryOut(c, verdict, encoding, isWrite);
  vm.note(trap, isDone || verdict.actionIndex !== DO.allow ? verdict : UNCLAIMED);
  if (!isDone) {
    if (verdict.inject === "abort") injectAbort(vcpu, FSC.external);
    else injectUndefined(vcpu);
    return;
  }
  if (!isWrite && Rt !== 31) vcpu.setX(Rt, common.valueLo, common.valueHi);
  c.frame.advance();
}

/** Does what the verdict says; a read leaves its value in the trap. @returns false when the guest gets an exception. */
function carryOut(c: VmVcpu, verdict: Verdict, encoding: number, isWrite: boolean): boolean {
  const { common } = c.vm.traps.sysreg;
  switch (verdict.actionIndex) {
    case DO.deny:
      return false;
    case DO.allow:
    case DO.pause:
      return isWrite ? writeGuest(c, encoding, common.valueLo, common.valueHi) : readGuest(c, encoding);
    case DO.mask:
      if (isWrite) return writeGuest(c, encoding, common.valueLo, common.valueHi);
      if (!readGuest(c, encoding)) return false;
      common.valueLo = (common.valueLo & ~verdict.clearLo | verdict.valueLo) >>> 0;
      common.valueHi = (common.valueHi & ~verdict.clearHi | verdict.valueHi) >>> 0;
      return true;
    case DO.value:
    case DO.ignore:
    case DO.kill:
      if (!isWrite) {
        common.valueLo = verdict.valueLo >>> 0;
        common.valueHi = verdict.valueHi >>> 0;
      }
      return true;
  }
}

/** Reads a register as the guest would. @returns false when it has none of that encoding, or not to be read. */
function readGuest(c: VmVcpu, encoding: number): boolean {
  const { vcpu } = c, { common } = c.vm.traps.sysreg;
  const index = findSysreg(encoding);
  if (index < 0 || !isOfEl1(vcpu, index, false)) return false;
  const mask = PSTATE_VIEWS.get(index);
  if (mask !== undefined) {
    common.valueLo = (c.frame.lo(FRAME.spsr_el2) & mask) >>> 0;
    common.valueHi = 0;
  } else if (IS_GIC[index] !== 0) {
    common.valueLo = c.gic.read(encoding, true, 1, true);
    common.valueHi = c.gic.readHi;
  } else {
    common.valueLo = readSysreg(vcpu, VIRTUAL.get(index) ?? index);
    common.valueHi = vcpu.hi;
  }
  return true;
}

/** Writes a register as the guest would. @returns false when it has none of that encoding, or not to be written. */
function writeGuest(c: VmVcpu, encoding: number, lo: number, hi: number): boolean {
  if (encoding === ICC_SGI1R_EL1 || encoding === ICC_ASGI1R_EL1) c.vm.vgic.sendSgi(c, lo, hi, 1);
  else if (encoding === ICC_SGI0R_EL1) c.vm.vgic.sendSgi(c, lo, hi, 0);
  else return writeStored(c, encoding, lo, hi);
  return true;
}

function writeStored(c: VmVcpu, encoding: number, lo: number, hi: number): boolean {
  const { vcpu, frame } = c;
  const index = findSysreg(encoding);
  if (index < 0 || !isOfEl1(vcpu, index, true)) return false;
  const mask = PSTATE_VIEWS.get(index);
  if (mask !== undefined) {
    frame.set(FRAME.spsr_el2, frame.lo(FRAME.spsr_el2) & ~mask | lo & mask, 0);
  } else if (IS_GIC[index] !== 0) c.gic.write(encoding, lo, hi, true, 1, true);
  else writeSysreg(vcpu, index, lo, hi);
  return true;
}
