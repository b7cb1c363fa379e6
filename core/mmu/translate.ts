import { STATE } from "../cpu/layout.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import {
  ACCESS_ALIGNED_ONLY,
  ACCESS_AT,
  ACCESS_ATOMIC,
  ACCESS_DC,
  ACCESS_DEBUG,
  ACCESS_EXECUTE,
  ACCESS_IC,
  ACCESS_UNALIGNED,
  ACCESS_UNPRIVILEGED,
  ACCESS_WRITE,
} from "./access.ts";
import { ATTR, combineAttributes, combineShareability, isDevice } from "./attributes.ts";
import { effectivePan, PSTATE_UAO } from "./context.ts";
import { ACCESS, type AccessType, FAULT, Fault } from "./fault.ts";
import type { PhysicalMemory } from "./physical.ts";
import {
  HCR_CD_HI,
  HCR_E2H_HI,
  HCR_FWB_HI,
  HCR_ID_HI,
  HCR_TGE,
  type MmuFeatures,
  type MmuRegisters,
  REGIME,
  SCTLR_A,
  TranslationControls,
} from "./regime.ts";
import type { Stage2Cache } from "./stage2_cache.ts";
import type { WalkCache } from "./walk_cache.ts";
import { Stage1Walker } from "./walk_stage1.ts";
import { Stage2Walker } from "./walk_stage2.ts";

/** What a vCPU remembers of earlier translations. */
export interface TranslationCaches {
  readonly stage2: Stage2Cache;
  readonly walks: WalkCache;
}

const PSTATE = STATE.pstate.offset >>> 2;

/**
 * Address translation through both stages. Arm DDI 0487, AArch64.TranslateAddress() and AArch64.FullTranslate().
 * What the last translation found stands in the fields; one that failed has filled `fault`.
 */
export class Translator {
  readonly fault = new Fault();
  readonly controls: TranslationControls;
  readonly stage1: Stage1Walker;
  readonly stage2: Stage2Walker;
  /** The physical address, or the IPA after `translateStage1`. */
  pa = 0;
  paSecure = false;
  /** The attributes of both stages, in MAIR encoding, and SH[1:0]. */
  attr = 0;
  shareability = 0;
  /** The page may be read too, whatever the access was. */
  canRead = false;

  constructor(readonly memory: PhysicalMemory, registers: MmuRegisters, features: MmuFeatures) {
    this.controls = new TranslationControls(registers, features);
    this.stage2 = new Stage2Walker(memory, this.fault);
    this.stage1 = new Stage1Walker(memory, this.fault, this.stage2);
  }

  /**
   * Translates a VA for an access of the current Exception level.
   * @param caches of this vCPU.
   * @param access bits of access.ts.
   * @returns false when `fault` was filled.
   */
  translate(vcpu: Vcpu, caches: TranslationCaches, lo: number, hi: number, access: number): boolean {
    const pstate = vcpu.i32[vcpu.w + PSTATE];
    const c = this.controls;
    let el = pstate >> 2 & 3;
    c.load(vcpu, el);
    if ((access & ACCESS_UNPRIVILEGED) !== 0 && isUnprivileged(c, pstate)) c.load(vcpu, el = 0);
    return this.translateLoaded(vcpu, caches, lo, hi, access, pstate);
  }

  /** The same for the level and regime that `controls` have been loaded for. */
  translateLoaded(
    vcpu: Vcpu,
    caches: TranslationCaches,
    lo: number,
    hi: number,
    access: number,
    pstate: number,
  ): boolean {
    if (!this.translateStage1(vcpu, caches, lo, hi, access, pstate)) return false;
    const s1 = this.stage1;
    const c = this.controls;
    this.canRead = true;
    if (!c.stage2Enabled) return true;
    const s2 = this.stage2;
    if (!s2.translate(vcpu, c, s1.outHi, s1.outLo, s1.outSecure, access)) return this.#fail(lo, hi, access);
    this.pa = s2.paHi * 0x100000000 + (s2.paLo >>> 0);
    this.paSecure = s2.paSecure;
    this.canRead = s2.canRead;
    this.attr = combineAttributes(s1.attr, s2.memAttr, (c.hcrHi & HCR_FWB_HI) !== 0);
    const uncached = (access & ACCESS_EXECUTE) !== 0 ? HCR_ID_HI : HCR_CD_HI;
    if ((c.hcrHi & uncached) !== 0 && !isDevice(this.attr)) this.attr = ATTR.normalNonCacheable;
    this.shareability = combineShareability(s1.shareability, s2.shareability, this.attr);
    return true;
  }

  /** Stage 1 alone, with `pa` the IPA where there is a stage 2. */
  translateStage1(
    vcpu: Vcpu,
    caches: TranslationCaches,
    lo: number,
    hi: number,
    access: number,
    pstate: number,
  ): boolean {
    const c = this.controls;
    const s1 = this.stage1;
    if ((access & ACCESS_UNALIGNED) !== 0 && ((access & ACCESS_ALIGNED_ONLY) !== 0 || (c.sctlrLo & SCTLR_A) !== 0)) {
      this.fault.clear();
      this.fault.statusCode = FAULT.alignment;
      this.fault.write = (access & ACCESS_WRITE) !== 0 && (access & ACCESS_ATOMIC) === 0;
      return this.#fail(lo, hi, access);
    }
    if (c.stage2Enabled) {
      this.stage2.cache = caches.stage2;
      this.stage2.begin(vcpu, c);
    }
    s1.cache = caches.walks;
    if (!s1.translate(vcpu, c, hi, lo, access, effectivePan(c, pstate))) return this.#fail(lo, hi, access);
    this.pa = (s1.outHi >>> 0) * 0x100000000 + (s1.outLo >>> 0);
    this.paSecure = s1.outSecure;
    this.attr = s1.attr;
    this.shareability = s1.shareability;
    return true;
  }

  /** Completes the record that a walk began. */
  #fail(lo: number, hi: number, access: number): false {
    const fault = this.fault;
    fault.vaLo = lo >>> 0;
    fault.vaHi = hi >>> 0;
    fault.accessType = accessType(access);
    fault.unprivileged = (access & ACCESS_UNPRIVILEGED) !== 0;
    return false;
  }
}

/** Whether LDTR and STTR act as at EL0, for controls loaded for the current level. Arm DDI 0487, AArch64.IsUnprivAccessPriv(). */
export function isUnprivileged(c: TranslationControls, pstate: number): boolean {
  if ((pstate & PSTATE_UAO) !== 0) return false;
  return c.el === 1 || (c.regime === REGIME.EL20 && (c.hcrHi & HCR_E2H_HI) !== 0 && (c.hcrLo & HCR_TGE) !== 0);
}

function accessType(access: number): AccessType {
  if ((access & ACCESS_EXECUTE) !== 0) return ACCESS.execute;
  if ((access & (ACCESS_DC | ACCESS_IC | ACCESS_AT | ACCESS_DEBUG)) !== 0) {
    if ((access & ACCESS_DC) !== 0) return ACCESS.dc;
    if ((access & ACCESS_IC) !== 0) return ACCESS.ic;
    if ((access & ACCESS_AT) !== 0) return ACCESS.at;
  }
  return (access & ACCESS_WRITE) !== 0 ? ACCESS.write : ACCESS.read;
}
