import { CODE_EXCEPTIONS, REGIME_BYTES, REGIME_COUNT, REGIMES, STATE } from "./layout.ts";
import { fpTrapTarget } from "./fp_trap.ts";
import { isStepEnabled } from "./debug.ts";
import { updatePauth } from "./pauth_controls.ts";
import { handlerPstate, returnedBits } from "./pstate.ts";
import { el2Enabled, HCR_TGE, hcrLo, scr } from "./security.ts";
import { sysregIndex } from "./sysregs.ts";
import { isZvaTrapped } from "./zva.ts";
import type { Vcpu } from "./vcpu.ts";

const FP_TRAP = STATE.fpTrap.offset >>> 2;
const PSTATE = STATE.pstate.offset >>> 2;
const ZVA_TRAP = STATE.zvaTrap.offset >>> 2;
const PAUTH = STATE.pauth.offset >>> 2;
const PAC_MASKS = STATE.pacMaskLow.offset >>> 2;
const PAC_MASK_WORDS = 8;
const TLB = STATE.tlb.offset >>> 2, TLB_UPPER = STATE.tlbUpper.offset >>> 2;
const TLB_UNPRIVILEGED = STATE.tlbUnprivileged.offset >>> 2, GUARDED = STATE.guarded.offset >>> 2;
const REGIME = STATE.regime.offset >>> 2, EPOCH = STATE.regimeEpoch.offset >>> 2;
const SECURE = STATE.regimeSecure.offset >>> 2;
const CODE = STATE.codeExceptions.offset >>> 2;
const PSTATE_EL1 = STATE.pstateEl1.offset >>> 2, PSTATE_EL2 = STATE.pstateEl2.offset >>> 2;
const RETURNED_BITS = STATE.returnedBits.offset >>> 2;
const DCZID_EL0 = sysregIndex("DCZID_EL0");
const HCR_HCD = 1 << 29, SCR_HCE = 1 << 8;

/** Word indices of a regime's parts; see REGIMES. */
const FIRST = REGIMES >>> 2, WORDS = REGIME_BYTES >>> 2, COUNT = REGIME_COUNT;
const PLACE = { epoch: 0, same: 1, tlb: 2, tlbUpper: 3, tlbUnprivileged: 4, guarded: 5, fpTrap: 6, masks: 10 } as const;

/** Which regimes are known, while no register that they follow from has changed. What is known stands in the state block. */
export class RegimeCache {
  /** Bit n: the words of regime n are known; its TLB context has been chosen. */
  known = 0;
  chosen = 0;

  /** Keeps the words of the state block for a regime. */
  save({ i32, w }: Vcpu, regime: number): void {
    const at = w + FIRST + regime * WORDS;
    i32[at + PLACE.fpTrap] = i32[w + FP_TRAP];
    i32[at + PLACE.fpTrap + 1] = i32[w + ZVA_TRAP];
    i32[at + PLACE.fpTrap + 2] = i32[w + PAUTH];
    for (let i = 0; i < PAC_MASK_WORDS; i++) i32[at + PLACE.masks + i] = i32[w + PAC_MASKS + i];
    let same = 0;
    while (same < COUNT && ((this.known >>> same & 1) === 0 || !isSame(i32, w, same, regime))) same++;
    i32[at + PLACE.same] = same < COUNT ? same : regime;
    this.known |= 1 << regime;
  }

  /** Puts them back. */
  restore(vcpu: Vcpu, regime: number): void {
    const { i32, w } = vcpu, at = w + FIRST + regime * WORDS;
    if (i32[at + PLACE.same] === i32[w + FIRST + i32[w + REGIME] * WORDS + PLACE.same]) return;
    i32[w + FP_TRAP] = i32[at + PLACE.fpTrap];
    i32[w + ZVA_TRAP] = i32[at + PLACE.fpTrap + 1];
    i32[w + PAUTH] = i32[at + PLACE.fpTrap + 2];
    for (let i = 0; i < PAC_MASK_WORDS; i++) i32[w + PAC_MASKS + i] = i32[at + PLACE.masks + i];
    setDczid(vcpu);
  }
}

function isSame(i32: Int32Array, w: number, a: number, b: number): boolean {
  const atA = w + FIRST + a * WORDS, atB = w + FIRST + b * WORDS;
  for (let i = PLACE.fpTrap; i < PLACE.fpTrap + 3; i++) if (i32[atA + i] !== i32[atB + i]) return false;
  for (let i = PLACE.masks; i < PLACE.masks + PAC_MASK_WORDS; i++) if (i32[atA + i] !== i32[atB + i]) return false;
  return true;
}

/** 64-byte blocks; DZP where DC ZVA is not permitted. */
function setDczid(vcpu: Vcpu): void {
  vcpu.setSys(DCZID_EL0, 4 | vcpu.u32[vcpu.w + ZVA_TRAP] << 4, 0);
}

function regimeOf({ i32, w }: Vcpu): number {
  const pstate = i32[w + PSTATE];
  return pstate >> 2 & 3 | pstate >> 20 & 12 | i32[w + SECURE];
}

/** Brings what depends on the Exception level and its control registers up to date, where it is not. */
export function syncRegime(vcpu: Vcpu): void {
  if (vcpu.regimeStale) return updateRegime(vcpu);
  if (vcpu.asidStale) {
    vcpu.asidStale = false;
    vcpu.regimes.chosen = 0;
    vcpu.forgetRegimes();
    enterRegime(vcpu, regimeOf(vcpu));
  } else {
    const regime = regimeOf(vcpu);
    if (regime !== vcpu.i32[vcpu.w + REGIME]) enterRegime(vcpu, regime);
  }
}

/**
 * Recomputes what generated code takes from the Exception level and its control registers: whether SIMD and FP are
 * trapped, which pointer authentication keys are on, the TLB context, and what it may do of exceptions.
 */
export function updateRegime(vcpu: Vcpu): void {
  vcpu.regimeStale = vcpu.asidStale = false;
  vcpu.regimes.known = vcpu.regimes.chosen = 0;
  vcpu.forgetRegimes();
  vcpu.u32[vcpu.w + SECURE] = vcpu.secureBelowEl3() ? 16 : 0;
  updateCodeExceptions(vcpu);
  enterRegime(vcpu, regimeOf(vcpu));
}

function enterRegime(vcpu: Vcpu, regime: number): void {
  const { regimes, mmu, i32, w } = vcpu, bit = 1 << regime;
  if ((regimes.known & bit) !== 0) regimes.restore(vcpu, regime);
  else {
    const el = regime & 3;
    i32[w + FP_TRAP] = fpTrapTarget(vcpu, el);
    i32[w + ZVA_TRAP] = isZvaTrapped(vcpu, el) ? 1 : 0;
    updatePauth(vcpu, el);
    regimes.save(vcpu, regime);
    setDczid(vcpu);
  }
  i32[w + REGIME] = regime;
  if (vcpu.pmu !== null && vcpu.pmu.followsLevel) vcpu.pmu.levelChanged();
  if (mmu === null) return;
  if ((regimes.chosen & bit) !== 0) mmu.contextResumed(vcpu, regime);
  else {
    regimes.chosen |= bit;
    mmu.contextChanged(vcpu, regime);
  }
  const at = w + FIRST + regime * WORDS;
  i32[at + PLACE.tlb] = i32[w + TLB];
  i32[at + PLACE.tlbUpper] = i32[w + TLB_UPPER];
  i32[at + PLACE.tlbUnprivileged] = i32[w + TLB_UNPRIVILEGED];
  i32[at + PLACE.guarded] = i32[w + GUARDED];
  i32[at + PLACE.epoch] = i32[w + EPOCH];
}

/** Has a function told of the exceptions that are taken to EL1, all of them: generated code takes none by itself then. */
export function observeExceptions(vcpu: Vcpu, observer: ((esr: number) => void) | null): void {
  if (vcpu.telemetry.observer === observer) return;
  vcpu.telemetry.observer = observer;
  updateCodeExceptions(vcpu);
}

/** What generated code may do of exceptions at EL0 and EL1, unless something is out of the ordinary. */
function updateCodeExceptions(vcpu: Vcpu): void {
  const { i32, w, residents } = vcpu;
  i32[w + PSTATE_EL1] = handlerPstate(vcpu, 1);
  i32[w + PSTATE_EL2] = handlerPstate(vcpu, 2);
  i32[w + RETURNED_BITS] = returnedBits(vcpu);
  let can = 0;
  const isPlain = vcpu.hasCodeExceptions && vcpu.mmu !== null && !isStepEnabled(vcpu) &&
    vcpu.pmu?.followsLevel !== true &&
    (hcrLo(vcpu) & HCR_TGE) === 0;
  if (isPlain && residents[1] === null) {
    can = CODE_EXCEPTIONS.eret | (vcpu.telemetry.observer === null ? CODE_EXCEPTIONS.svc : 0);
  }
  if (isPlain && residents[2] !== null && el2Enabled(vcpu) && isHvcEnabled(vcpu)) can |= CODE_EXCEPTIONS.hvc;
  i32[w + CODE] = can;
}

function isHvcEnabled(vcpu: Vcpu): boolean {
  return vcpu.hasEl3 ? (scr(vcpu) & SCR_HCE) !== 0 : (hcrLo(vcpu) & HCR_HCD) === 0;
}
