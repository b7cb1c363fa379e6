import type { Vcpu } from "../cpu/vcpu.ts";
import { HCR_CD_HI, HCR_DC, HCR_FWB_HI, HCR_ID_HI, HCR_PTW, SCR_SIF, type TranslationControls } from "./regime.ts";
import { SCTLR_A, SCTLR_E0E, SCTLR_EE, SCTLR_EPAN_HI, SCTLR_WXN } from "./regime.ts";

/** Word 0 of a context's key; bit 0 is always set. The regime stands at this place. */
export const KEY_USED = 1 << 0;
export const KEY_REGIME_SHIFT = 1;
export const KEY_SECURE = 1 << 3;
const KEY_PRIVILEGED = 1 << 4;
export const KEY_PAN = 1 << 5;
const KEY_STAGE1 = 1 << 6;
const KEY_STAGE2 = 1 << 7;
const KEY_BIG_ENDIAN = 1 << 8;
const KEY_ALIGNMENT = 1 << 9;
const KEY_WXN = 1 << 10;
const KEY_EPAN = 1 << 11;
const KEY_EE = 1 << 12;
const KEY_SIF = 1 << 13;
const KEY_EL2 = 1 << 14;
/** Of the upper half of the address space, without an ASID: global pages only. */
export const KEY_UPPER = 1 << 15;
/** The bits that say to which regime and security state a context belongs. */
export const KEY_REGIME_MASK = KEY_USED | 3 << KEY_REGIME_SHIFT | KEY_SECURE;
/** Word 1: the ASID, with the VMID above it. */
export const KEY_VMID_SHIFT = 16;

/** PSTATE.PAN and PSTATE.UAO. */
export const PSTATE_PAN = 1 << 22;
export const PSTATE_UAO = 1 << 23;

/** Whether data accesses as the level that `c` was loaded for are big-endian. Arm DDI 0487, BigEndian(). */
export function isBigEndianData(c: TranslationControls): boolean {
  return (c.sctlrLo & (c.el === 0 ? SCTLR_E0E : SCTLR_EE)) !== 0;
}

/** PSTATE.PAN where it matters: for privileged accesses in a regime that has unprivileged ones. */
export function effectivePan(c: TranslationControls, pstate: number): boolean {
  return (pstate & PSTATE_PAN) !== 0 && c.twoRanges && c.el !== 0;
}

/** Writes into `key` all that the contents of a TLB depend on, under the controls `c`. */
export function writeContextKey(key: Int32Array, vcpu: Vcpu, c: TranslationControls, pstate: number): void {
  key[0] = KEY_USED | c.regime << KEY_REGIME_SHIFT | (c.secure ? KEY_SECURE : 0) | (c.el !== 0 ? KEY_PRIVILEGED : 0) |
    (effectivePan(c, pstate) ? KEY_PAN : 0) | (c.stage1Enabled ? KEY_STAGE1 : 0) |
    (c.stage2Enabled ? KEY_STAGE2 : 0) | (isBigEndianData(c) ? KEY_BIG_ENDIAN : 0) |
    ((c.sctlrLo & SCTLR_A) !== 0 ? KEY_ALIGNMENT : 0) | ((c.sctlrLo & SCTLR_WXN) !== 0 ? KEY_WXN : 0) |
    ((c.sctlrHi & SCTLR_EPAN_HI) !== 0 ? KEY_EPAN : 0) | (c.bigEndianTables ? KEY_EE : 0) |
    ((c.scr & SCR_SIF) !== 0 ? KEY_SIF : 0) | (c.el2Enabled ? KEY_EL2 : 0);
  key[1] = c.asid(vcpu) | c.vmid(vcpu) << KEY_VMID_SHIFT;
  key[2] = c.tcrLo;
  key[3] = c.tcrHi;
  key[4] = c.stage2Enabled ? c.vtcr(vcpu) : 0;
  key[5] = c.hcrLo & (HCR_DC | HCR_PTW) | c.hcrHi & (HCR_CD_HI | HCR_ID_HI | HCR_FWB_HI);
}

/** Makes of a context's key that of the context for global pages of the upper half, which all ASIDs share. */
export function makeUpperKey(key: Int32Array): void {
  key[0] |= KEY_UPPER;
  key[1] &= -1 << KEY_VMID_SHIFT;
}
