import { STATE } from "./layout.ts";
import { fpTrapTarget } from "./fp_trap.ts";
import { updatePauth } from "./pauth_controls.ts";
import { isZvaTrapped } from "./zva.ts";
import type { Vcpu } from "./vcpu.ts";

const FP_TRAP = STATE.fpTrap.offset >>> 2;
const PSTATE = STATE.pstate.offset >>> 2;
const ZVA_TRAP = STATE.zvaTrap.offset >>> 2;

/** What `regimeOf` holds: EL, Security state, PSTATE.PAN and PSTATE.UAO. */
function regimeKey(vcpu: Vcpu): number {
  return vcpu.u32[vcpu.w + PSTATE] & 0xc0000c | (vcpu.secureBelowEl3() ? 1 : 0);
}

/** Brings what depends on the Exception level and its control registers up to date, where it is not. */
export function syncRegime(vcpu: Vcpu): void {
  if (vcpu.regimeStale || vcpu.regimeOf !== regimeKey(vcpu)) updateRegime(vcpu);
}

/**
 * Recomputes what generated code takes from the Exception level and its control registers: whether SIMD and FP are
 * trapped, which pointer authentication keys are on, and the TLB context.
 */
export function updateRegime(vcpu: Vcpu): void {
  const el = vcpu.currentEl();
  vcpu.regimeStale = false;
  vcpu.regimeOf = regimeKey(vcpu);
  vcpu.u32[vcpu.w + FP_TRAP] = fpTrapTarget(vcpu, el);
  vcpu.u32[vcpu.w + ZVA_TRAP] = isZvaTrapped(vcpu, el) ? 1 : 0;
  updatePauth(vcpu, el);
  vcpu.mmu?.contextChanged(vcpu);
}
