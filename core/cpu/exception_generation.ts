import { debugTarget } from "./debug.ts";
import { defaultTarget, takeSynchronous, takeUndefined } from "./exceptions.ts";
import { fpTrapTarget } from "./fp_trap.ts";
import { pauthTrapTarget } from "./pauth_controls.ts";
import { currentEl, el2Enabled, HCR_TGE, hcrLo, isInHost, scr } from "./security.ts";
import { EC } from "./syndrome.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

const HCR_EL2 = sysregIndex("HCR_EL2");
const SCTLR_EL1 = sysregIndex("SCTLR_EL1");
const SCTLR_EL2 = sysregIndex("SCTLR_EL2");

const HCR_TWI = 1 << 13, HCR_TWE = 1 << 14, HCR_TSC = 1 << 19, HCR_HCD = 1 << 29;
const SCR_SMD = 1 << 7, SCR_HCE = 1 << 8, SCR_TWI = 1 << 12, SCR_TWE = 1 << 13;
const SCTLR_NTWI = 1 << 16, SCTLR_NTWE = 1 << 18;

/** ISS.CV and ISS.COND of an A64 instruction: always valid, always executed. */
const CONDITION = 0x1e << 20;

/** SVC. Arm DDI 0487, AArch64.CallSupervisor(). */
export function callSupervisor(vcpu: Vcpu, imm16: number): void {
  takeSynchronous(vcpu, defaultTarget(vcpu), EC.svc, imm16, 4);
}

/** HVC: UNDEFINED at EL0, without EL2, and where SCR_EL3.HCE or HCR_EL2.HCD disables it. */
export function callHypervisor(vcpu: Vcpu, imm16: number): void {
  const el = currentEl(vcpu);
  const isEnabled = vcpu.hasEl3 ? (scr(vcpu) & SCR_HCE) !== 0 : (vcpu.sysLo(HCR_EL2) & HCR_HCD) === 0;
  if (!vcpu.hasEl2 || el === 0 || (el === 1 && !el2Enabled(vcpu)) || !isEnabled) return takeUndefined(vcpu);
  takeSynchronous(vcpu, el === 3 ? 3 : 2, EC.hvc, imm16, 4);
}

/**
 * SMC: trapped by HCR_EL2.TSC, disabled by SCR_EL3.SMD. Whether it can be trapped where there is no EL3 is IMPLEMENTATION
 * DEFINED: here it can. Arm DDI 0487, AArch64.CheckForSMCUndefOrTrap() and HCR_EL2.TSC.
 */
export function callSecureMonitor(vcpu: Vcpu, imm16: number): void {
  const el = currentEl(vcpu);
  if (el === 1 && (hcrLo(vcpu) & HCR_TSC) !== 0) return takeSynchronous(vcpu, 2, EC.smc, imm16);
  if (el === 0 || !vcpu.hasEl3 || (scr(vcpu) & SCR_SMD) !== 0) return takeUndefined(vcpu);
  takeSynchronous(vcpu, 3, EC.smc, imm16, 4);
}

/** BRK. Arm DDI 0487, AArch64.SoftwareBreakpoint(). */
export function softwareBreakpoint(vcpu: Vcpu, imm16: number): void {
  const el = currentEl(vcpu);
  takeSynchronous(vcpu, el >= 2 ? el : debugTarget(vcpu), EC.brk, imm16);
}

/** A Software Step exception. `stepped` is whether the instruction before was a stepped one: ISS.ISV. */
export function takeSoftwareStep(vcpu: Vcpu, stepped: boolean, wasExclusive: boolean): void {
  const target = debugTarget(vcpu), ec = target === currentEl(vcpu) ? EC.stepSame : EC.stepLower;
  takeSynchronous(vcpu, target, ec, (stepped ? 1 << 24 | (wasExclusive ? 1 << 6 : 0) : 0) | 0x22);
}

/** A SIMD or FP instruction or register was used while it is trapped. Arm DDI 0487, AArch64.AdvSIMDFPAccessTrap(). */
export function takeFpAccessTrap(vcpu: Vcpu): void {
  const target = fpTrapTarget(vcpu, currentEl(vcpu));
  if (target === 1 && (hcrLo(vcpu) & HCR_TGE) !== 0) return takeSynchronous(vcpu, 2, EC.unknown, 0);
  takeSynchronous(vcpu, target, EC.simdFp, CONDITION);
}

/** Pointer authentication was used while it is trapped. Arm DDI 0487, TrapPACUse(). */
export function takePauthTrap(vcpu: Vcpu): void {
  takeSynchronous(vcpu, pauthTrapTarget(vcpu, currentEl(vcpu)), EC.pauth, 0);
}

/**
 * The level that a WFI or WFE about to wait traps to, or 0. Arm DDI 0487, AArch64.CheckForWFxTrap().
 */
export function wfxTrapTarget(vcpu: Vcpu, isWfe: boolean): number {
  const el = currentEl(vcpu);
  const isHostEl0 = el === 0 && isInHost(vcpu);
  if (el === 0) {
    const sctlr = vcpu.sysLo(isHostEl0 ? SCTLR_EL2 : SCTLR_EL1);
    if ((sctlr & (isWfe ? SCTLR_NTWE : SCTLR_NTWI)) === 0) return (hcrLo(vcpu) & HCR_TGE) !== 0 ? 2 : 1;
  }
  if (el <= 1 && !isHostEl0 && (hcrLo(vcpu) & (isWfe ? HCR_TWE : HCR_TWI)) !== 0) return 2;
  return el <= 2 && vcpu.hasEl3 && (scr(vcpu) & (isWfe ? SCR_TWE : SCR_TWI)) !== 0 ? 3 : 0;
}

/** Takes the trap of WFI (0), WFE (1), WFIT (2) or WFET (3). Arm DDI 0487, AArch64.WFxTrap(). */
export function takeWfxTrap(vcpu: Vcpu, target: number, instruction: number): void {
  takeSynchronous(vcpu, target, EC.wfx, CONDITION | instruction);
}
