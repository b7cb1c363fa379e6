import { currentEl, el2Enabled, HCR_TGE, hcrLo, isSecureBelowEl3 } from "./security.ts";
import { defineSysreg } from "./sysreg_functions.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

const MDSCR_EL1 = sysregIndex("MDSCR_EL1");
const MDCR_EL2 = sysregIndex("MDCR_EL2");
const MDCR_EL3 = sysregIndex("MDCR_EL3");
const OSLSR_EL1 = sysregIndex("OSLSR_EL1");
const DBGCLAIMSET_EL1 = sysregIndex("DBGCLAIMSET_EL1");

const MDSCR_SS = 1, MDSCR_KDE = 1 << 13;
const OSLK = 2;
const TDE = 1 << 8;
const SDD = 1 << 16;
const PSTATE_D = 1 << 9, PSTATE_SS = 1 << 21;

/** The level that debug exceptions go to: EL2 by HCR_EL2.TGE or MDCR_EL2.TDE, else EL1. Arm DDI 0487, DebugTarget(). */
export function debugTarget(vcpu: Vcpu): number {
  return el2Enabled(vcpu) && ((hcrLo(vcpu) & HCR_TGE) !== 0 || (vcpu.sysLo(MDCR_EL2) & TDE) !== 0) ? 2 : 1;
}

/**
 * Whether debug exceptions other than BRK can be taken from `el`. Arm DDI 0487, AArch64.GenerateDebugExceptionsFrom().
 * @param isMasked PSTATE.D.
 */
export function generateDebugExceptionsFrom(vcpu: Vcpu, el: number, isMasked: boolean): boolean {
  if ((vcpu.sysLo(OSLSR_EL1) & OSLK) !== 0) return false;
  if (el === 3 || (isSecureBelowEl3(vcpu) && (vcpu.sysLo(MDCR_EL3) & SDD) !== 0)) return false;
  const target = debugTarget(vcpu);
  if (el === target) return (vcpu.sysLo(MDSCR_EL1) & MDSCR_KDE) !== 0 && !isMasked;
  return target > el;
}

/** SPSR_ELx.SS = 1 becomes PSTATE.SS = 1 on a return to `el`. Arm DDI 0487, DebugExceptionReturnSS(). */
export function debugExceptionReturnSs(vcpu: Vcpu, spsr: number, el: number): boolean {
  if ((vcpu.sysLo(MDSCR_EL1) & MDSCR_SS) === 0) return false;
  const isMasked = (vcpu.get32("pstate") & PSTATE_D) !== 0;
  return !generateDebugExceptionsFrom(vcpu, currentEl(vcpu), isMasked) &&
    generateDebugExceptionsFrom(vcpu, el, (spsr & PSTATE_D) !== 0);
}

/** MDSCR_EL1.SS: there may be software steps. */
export function isStepEnabled(vcpu: Vcpu): boolean {
  return (vcpu.sysLo(MDSCR_EL1) & MDSCR_SS) !== 0;
}

/**
 * The software step state machine. Arm DDI 0487, "Software Step exceptions".
 * @returns "inactive"; "not pending": execute one instruction, then clear PSTATE.SS; "pending": take the exception.
 */
export function softwareStepState(vcpu: Vcpu): "inactive" | "not pending" | "pending" {
  if (!isStepEnabled(vcpu)) return "inactive";
  const pstate = vcpu.get32("pstate");
  if (!generateDebugExceptionsFrom(vcpu, pstate >> 2 & 3, (pstate & PSTATE_D) !== 0)) return "inactive";
  return (pstate & PSTATE_SS) !== 0 ? "not pending" : "pending";
}

/** What an instruction does that makes an exception of itself, before it is taken. Arm DDI 0487, SSAdvance(). */
export function advanceSoftwareStep(vcpu: Vcpu): void {
  if ((vcpu.sysLo(MDSCR_EL1) & MDSCR_SS) !== 0) vcpu.set32("pstate", vcpu.get32("pstate") & ~PSTATE_SS);
}

// Eight claim tags
defineSysreg("DBGCLAIMSET_EL1", {
  read: () => 0xff,
  write: (vcpu, lo) => vcpu.setSys(DBGCLAIMSET_EL1, vcpu.sysLo(DBGCLAIMSET_EL1) | lo & 0xff, 0),
});
defineSysreg("DBGCLAIMCLR_EL1", {
  read: (vcpu) => vcpu.sysLo(DBGCLAIMSET_EL1),
  write: (vcpu, lo) => vcpu.setSys(DBGCLAIMSET_EL1, vcpu.sysLo(DBGCLAIMSET_EL1) & ~lo, 0),
});
