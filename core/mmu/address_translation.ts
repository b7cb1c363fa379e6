import { STATE } from "../cpu/layout.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import { ACCESS_AT, ACCESS_PAN, ACCESS_WRITE } from "./access.ts";
import { ATTR, isDevice, SHAREABILITY } from "./attributes.ts";
import { FAULT } from "./fault.ts";
import { HCR_E2H_HI, HCR_TGE } from "./regime.ts";
import type { TranslationCaches, Translator } from "./translate.ts";

const PSTATE = STATE.pstate.offset >>> 2;
const PAR_RES1 = 1 << 11;

/**
 * Executes an address translation instruction, which leaves its result in PAR_EL1. Arm DDI 0487, AArch64.AT().
 * @param encoding op0:op1:CRn:CRm:op2.
 * @returns false when it ends in a fault that is taken as an exception: the record stands in the translator's `fault`.
 */
export function translateAt(
  t: Translator,
  vcpu: Vcpu,
  caches: TranslationCaches,
  encoding: number,
  lo: number,
  hi: number,
): boolean {
  const op1 = encoding >>> 11 & 7, CRm = encoding >>> 3 & 15, op2 = encoding & 7;
  const pstate = vcpu.i32[vcpu.w + PSTATE];
  const currentEl = pstate >> 2 & 3;
  const isTwoStage = op1 === 4 && op2 >= 4;
  const isEl0 = op1 === 0 ? CRm === 8 && (op2 & 2) !== 0 : isTwoStage && (op2 & 2) !== 0;
  const access = ACCESS_AT | ((op2 & 1) !== 0 ? ACCESS_WRITE : 0) | (CRm === 9 ? ACCESS_PAN : 0);
  loadRegime(t, vcpu, currentEl, op1 === 6 ? 3 : op1 === 4 && !isTwoStage ? 2 : isEl0 ? 0 : 1);
  const isTranslated = isTwoStage
    ? t.translateLoaded(vcpu, caches, lo, hi, access, pstate)
    : t.translateStage1(vcpu, caches, lo, hi, access, pstate);
  const par = t.controls.registers.PAR_EL1;
  if (isTranslated) {
    writeSuccess(t, vcpu, par);
    return true;
  }
  const { fault } = t;
  const isExternal = fault.statusCode === FAULT.syncExternalOnWalk;
  if (isExternal || (currentEl === 1 && fault.s2fs1walk)) return false;
  vcpu.setSys(
    par,
    1 | fault.fsc << 1 | (fault.s2fs1walk ? 1 << 8 : 0) | (fault.secondStage ? 1 << 9 : 0) | PAR_RES1,
    0,
  );
  return true;
}

/** EL1 and EL0 mean the host's EL2&0 regime where HCR_EL2.{E2H,TGE} say so at EL2. */
function loadRegime(t: Translator, vcpu: Vcpu, currentEl: number, el: number): void {
  const c = t.controls;
  c.load(vcpu, el);
  if (el === 1 && currentEl >= 2 && (c.hcrHi & HCR_E2H_HI) !== 0 && (c.hcrLo & HCR_TGE) !== 0) c.load(vcpu, 2);
}

function writeSuccess(t: Translator, vcpu: Vcpu, par: number): void {
  const isUncached = isDevice(t.attr) || t.attr === ATTR.normalNonCacheable;
  const shareability = isUncached ? SHAREABILITY.outer : t.shareability;
  const paHi = Math.floor(t.pa / 0x100000000);
  const lo = (t.pa & ~0xfff) | PAR_RES1 | (t.paSecure ? 0 : 1 << 9) | shareability << 7;
  vcpu.setSys(par, lo, paHi | t.attr << 24);
}
