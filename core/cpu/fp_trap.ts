import { el2Enabled, HCR_E2H_HI, HCR_TGE, hcrHi, hcrLo, isInHost } from "./security.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

const CPACR_EL1 = sysregIndex("CPACR_EL1");
const CPTR_EL2 = sysregIndex("CPTR_EL2");
const CPTR_EL3 = sysregIndex("CPTR_EL3");

const TFP = 1 << 10;

/**
 * The level to which SIMD and FP instructions at `el` trap, or 0 where they run.
 * Arm DDI 0487, AArch64.CheckFPEnabled() and CheckFPAdvSIMDTrap().
 */
export function fpTrapTarget(vcpu: Vcpu, el: number): number {
  if (el <= 1 && !(el === 0 && isInHost(vcpu))) {
    const fpen = vcpu.sysLo(CPACR_EL1) >> 20 & 3;
    if ((fpen & 1) === 0 || (fpen === 1 && el === 0)) return 1;
  }
  if (el <= 2 && el2Enabled(vcpu)) {
    const cptr = vcpu.sysLo(CPTR_EL2);
    if ((hcrHi(vcpu) & HCR_E2H_HI) !== 0) {
      const fpen = cptr >> 20 & 3, tge = (hcrLo(vcpu) & HCR_TGE) !== 0;
      if ((fpen & 1) === 0 ? !(el === 1 && tge) : fpen === 1 && el === 0 && tge) return 2;
    } else if ((cptr & TFP) !== 0) return 2;
  }
  return vcpu.hasEl3 && (vcpu.sysLo(CPTR_EL3) & TFP) !== 0 ? 3 : 0;
}
