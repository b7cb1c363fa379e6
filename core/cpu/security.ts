import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

const HCR_EL2 = sysregIndex("HCR_EL2");
const SCR_EL3 = sysregIndex("SCR_EL3");

const SCR_NS = 1;
const SCR_EEL2 = 1 << 18;

/** HCR_EL2.TGE, and in the high half HCR_EL2.E2H. */
export const HCR_TGE = 1 << 27;
export const HCR_E2H_HI = 1 << 2;

/** SCR_EL3, with the values that count where EL3 is not implemented: Non-secure, nothing trapped or routed. */
export function scr(vcpu: Vcpu): number {
  return vcpu.hasEl3 ? vcpu.sysLo(SCR_EL3) : 0x30d01;
}

/** PSTATE.EL. */
export function currentEl(vcpu: Vcpu): number {
  return vcpu.get32("pstate") >> 2 & 3;
}

/** Arm DDI 0487, IsSecureBelowEL3(). */
export function isSecureBelowEl3(vcpu: Vcpu): boolean {
  return vcpu.hasEl3 && (vcpu.sysLo(SCR_EL3) & SCR_NS) === 0;
}

/** Arm DDI 0487, EL2Enabled(). */
export function el2Enabled(vcpu: Vcpu): boolean {
  return vcpu.hasEl2 && (!vcpu.hasEl3 || (vcpu.sysLo(SCR_EL3) & (SCR_NS | SCR_EEL2)) !== 0);
}

/** HCR_EL2 as it counts: 0 where EL2 is not enabled in the current Security state. */
export function hcrLo(vcpu: Vcpu): number {
  return el2Enabled(vcpu) ? vcpu.sysLo(HCR_EL2) : 0;
}
export function hcrHi(vcpu: Vcpu): number {
  return el2Enabled(vcpu) ? vcpu.sysHi(HCR_EL2) : 0;
}

/** True while EL0 belongs to a host at EL2: HCR_EL2.{E2H, TGE} = {1, 1}. Arm DDI 0487, ELIsInHost(EL0). */
export function isInHost(vcpu: Vcpu): boolean {
  return (hcrLo(vcpu) & HCR_TGE) !== 0 && (hcrHi(vcpu) & HCR_E2H_HI) !== 0;
}

/** True at EL2 with E2H = 1, and at EL0 of a host. Arm DDI 0487, IsInHost(). */
export function elIsInHost(vcpu: Vcpu, el: number): boolean {
  if (el === 2) return (hcrHi(vcpu) & HCR_E2H_HI) !== 0;
  return el === 0 && isInHost(vcpu);
}
