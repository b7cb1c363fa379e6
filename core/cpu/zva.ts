import { el2Enabled, isInHost } from "./security.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

const SCTLR_EL1 = sysregIndex("SCTLR_EL1");
const SCTLR_EL2 = sysregIndex("SCTLR_EL2");
const HCR_EL2 = sysregIndex("HCR_EL2");

const DZE = 1 << 14, TDZ = 1 << 28;

/** The level to which DC ZVA at `el` traps, or 0. Arm DDI 0487, DC ZVA. */
export function zvaTrapTarget(vcpu: Vcpu, el: number): number {
  const isHostEl0 = el === 0 && isInHost(vcpu);
  if (el === 0 && !isHostEl0 && (vcpu.sysLo(SCTLR_EL1) & DZE) === 0) return 1;
  if (el <= 1 && !isHostEl0 && el2Enabled(vcpu) && (vcpu.sysLo(HCR_EL2) & TDZ) !== 0) return 2;
  return isHostEl0 && (vcpu.sysLo(SCTLR_EL2) & DZE) === 0 ? 2 : 0;
}

/** True while DC ZVA at `el` traps. */
export function isZvaTrapped(vcpu: Vcpu, el: number): boolean {
  return zvaTrapTarget(vcpu, el) !== 0;
}
