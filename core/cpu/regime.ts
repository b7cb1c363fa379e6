import { STATE } from "./layout.ts";
import { fpTrapTarget } from "./fp_trap.ts";
import { updatePauth } from "./pauth_controls.ts";
import { sysregIndex } from "./sysregs.ts";
import { isZvaTrapped } from "./zva.ts";
import type { Vcpu } from "./vcpu.ts";

const FP_TRAP = STATE.fpTrap.offset >>> 2;
const PSTATE = STATE.pstate.offset >>> 2;
const ZVA_TRAP = STATE.zvaTrap.offset >>> 2;
const DCZID_EL0 = sysregIndex("DCZID_EL0");
const PAUTH = STATE.pauth.offset >>> 2;
const PAC_MASKS = STATE.pacMaskLow.offset >>> 2;
const PAC_MASK_WORDS = 8;
/** Words of the state block that follow from a regime, but the TLB. */
const WORDS = 3 + PAC_MASK_WORDS;

/** Regimes, by Exception level, PSTATE.PAN, PSTATE.UAO and Security state, are so many. */
const REGIMES = 32;

/** What was computed for each regime, while no register that it follows from has changed. */
export class RegimeCache {
  /** Bit n: the words of regime n are known; its TLB context has been chosen. */
  known = 0;
  chosen = 0;
  readonly #words = new Uint32Array(REGIMES * WORDS);
  /** The first regime known with the same words; and the one whose words stand in the state block. */
  readonly #same = new Int8Array(REGIMES);
  #inEffect = 0;

  /** Keeps the words of the state block for a regime. */
  save({ u32, w }: Vcpu, regime: number): void {
    const words = this.#words, at = regime * WORDS;
    words[at] = u32[w + FP_TRAP];
    words[at + 1] = u32[w + ZVA_TRAP];
    words[at + 2] = u32[w + PAUTH];
    for (let i = 0; i < PAC_MASK_WORDS; i++) words[at + 3 + i] = u32[w + PAC_MASKS + i];
    let same = 0;
    while (same < REGIMES && ((this.known >>> same & 1) === 0 || !this.#isSame(same, regime))) same++;
    this.#inEffect = this.#same[regime] = same < REGIMES ? same : regime;
    this.known |= 1 << regime;
  }

  #isSame(a: number, b: number): boolean {
    for (let i = 0; i < WORDS; i++) if (this.#words[a * WORDS + i] !== this.#words[b * WORDS + i]) return false;
    return true;
  }

  /** Puts them back. */
  restore(vcpu: Vcpu, regime: number): void {
    if (this.#same[regime] === this.#inEffect) return;
    this.#inEffect = this.#same[regime];
    const { u32, w } = vcpu, words = this.#words, at = regime * WORDS;
    u32[w + FP_TRAP] = words[at];
    u32[w + ZVA_TRAP] = words[at + 1];
    u32[w + PAUTH] = words[at + 2];
    for (let i = 0; i < PAC_MASK_WORDS; i++) u32[w + PAC_MASKS + i] = words[at + 3 + i];
    setDczid(vcpu);
  }
}

/** 64-byte blocks; DZP where DC ZVA is not permitted. */
function setDczid(vcpu: Vcpu): void {
  vcpu.setSys(DCZID_EL0, 4 | vcpu.u32[vcpu.w + ZVA_TRAP] << 4, 0);
}

function regimeOf(vcpu: Vcpu): number {
  const pstate = vcpu.u32[vcpu.w + PSTATE];
  return pstate >> 2 & 3 | pstate >> 20 & 12 | (vcpu.secureBelowEl3() ? 16 : 0);
}

/** Brings what depends on the Exception level and its control registers up to date, where it is not. */
export function syncRegime(vcpu: Vcpu): void {
  if (vcpu.regimeStale) return updateRegime(vcpu);
  if (vcpu.asidStale) {
    vcpu.asidStale = false;
    vcpu.regimes.chosen = 0;
    enterRegime(vcpu, regimeOf(vcpu));
  } else {
    const regime = regimeOf(vcpu);
    if (regime !== vcpu.regimeOf) enterRegime(vcpu, regime);
  }
}

/**
 * Recomputes what generated code takes from the Exception level and its control registers: whether SIMD and FP are
 * trapped, which pointer authentication keys are on, and the TLB context.
 */
export function updateRegime(vcpu: Vcpu): void {
  vcpu.regimeStale = vcpu.asidStale = false;
  vcpu.regimes.known = vcpu.regimes.chosen = 0;
  enterRegime(vcpu, regimeOf(vcpu));
}

function enterRegime(vcpu: Vcpu, regime: number): void {
  const { regimes, mmu } = vcpu, bit = 1 << regime;
  vcpu.regimeOf = regime;
  if ((regimes.known & bit) !== 0) regimes.restore(vcpu, regime);
  else {
    const el = regime & 3;
    vcpu.u32[vcpu.w + FP_TRAP] = fpTrapTarget(vcpu, el);
    vcpu.u32[vcpu.w + ZVA_TRAP] = isZvaTrapped(vcpu, el) ? 1 : 0;
    updatePauth(vcpu, el);
    regimes.save(vcpu, regime);
    setDczid(vcpu);
  }
  if (mmu === null) return;
  if ((regimes.chosen & bit) !== 0) return mmu.contextResumed(vcpu, regime);
  regimes.chosen |= bit;
  mmu.contextChanged(vcpu, regime);
}
