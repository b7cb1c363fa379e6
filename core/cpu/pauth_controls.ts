import { PAUTH } from "../a64/pointer_authentication.ts";
import { STATE } from "./layout.ts";
import { el2Enabled, elIsInHost, isInHost, scr } from "./security.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

const HCR_EL2 = sysregIndex("HCR_EL2");
const SCTLR = [-1, 1, 2, 3].map((el) => el < 0 ? -1 : sysregIndex(`SCTLR_EL${el}`));
const TCR = [-1, 1, 2, 3].map((el) => el < 0 ? -1 : sysregIndex(`TCR_EL${el}`));

const FIELD = STATE.pauth.offset >>> 2;
const LOW = STATE.pacMaskLow.offset >>> 2, HIGH = STATE.pacMaskHigh.offset >>> 2;
const DATA_LOW = STATE.pacMaskDataLow.offset >>> 2, DATA_HIGH = STATE.pacMaskDataHigh.offset >>> 2;

const EN_IA = 1 << 31, EN_IB = 1 << 30, EN_DA = 1 << 27, EN_DB = 1 << 13;
/** HCR_EL2.API in the high half, SCR_EL3.API. */
const HCR_API_HI = 1 << 9, SCR_API = 1 << 17;

/** The level to which the use of pointer authentication at `el` traps, or 0. Arm DDI 0487, AddPACIA() and its like. */
export function pauthTrapTarget(vcpu: Vcpu, el: number): number {
  if (el <= 1 && el2Enabled(vcpu) && !(el === 0 && isInHost(vcpu)) && (vcpu.sysHi(HCR_EL2) & HCR_API_HI) === 0) {
    return 2;
  }
  return el <= 2 && vcpu.hasEl3 && (scr(vcpu) & SCR_API) === 0 ? 3 : 0;
}

/** Sets the fields of the state block that pointer authentication depends on, for the current regime at `el`. */
export function updatePauth(vcpu: Vcpu, el: number): void {
  const { u32, w } = vcpu;
  if (!vcpu.features.pauth) {
    u32[w + FIELD] = 0;
    u32.fill(0, w + LOW, w + DATA_HIGH + 2);
    return;
  }
  const isHost = elIsInHost(vcpu, el);
  const n = isHost ? 2 : el <= 1 ? 1 : el;
  const sctlr = vcpu.sysLo(SCTLR[n]);
  let controls = ((sctlr & EN_IA) !== 0 ? PAUTH.IA : 0) | ((sctlr & EN_IB) !== 0 ? PAUTH.IB : 0) |
    ((sctlr & EN_DA) !== 0 ? PAUTH.DA : 0) | ((sctlr & EN_DB) !== 0 ? PAUTH.DB : 0);
  if (pauthTrapTarget(vcpu, el) !== 0) controls |= PAUTH.trap;
  controls |= n === 1 || isHost ? updateTwoRanges(vcpu, TCR[n]) : updateOneRange(vcpu, TCR[n]);
  u32[w + FIELD] = controls;
}

/** Masks for a regime with two ranges of addresses. Arm DDI 0487, CalculateBottomPACBit() and EffectiveTBI(). */
function updateTwoRanges(vcpu: Vcpu, tcr: number): number {
  const lo = vcpu.sysLo(tcr), hi = vcpu.sysHi(tcr);
  const tbi0 = (hi & 1 << 5) !== 0, tbi1 = (hi & 1 << 6) !== 0;
  const tbii0 = tbi0 && (hi & 1 << 19) === 0, tbii1 = tbi1 && (hi & 1 << 20) === 0;
  setMask(vcpu, LOW, lo & 63, tbii0);
  setMask(vcpu, HIGH, lo >>> 16 & 63, tbii1);
  setMask(vcpu, DATA_LOW, lo & 63, tbi0);
  setMask(vcpu, DATA_HIGH, lo >>> 16 & 63, tbi1);
  return (tbii0 || tbii1 ? PAUTH.select55 : 0) | (tbi0 || tbi1 ? PAUTH.select55Data : 0);
}

function updateOneRange(vcpu: Vcpu, tcr: number): number {
  const lo = vcpu.sysLo(tcr);
  const tbi = (lo & 1 << 20) !== 0, tbii = tbi && (lo & 1 << 29) === 0;
  setMask(vcpu, LOW, lo & 63, tbii);
  setMask(vcpu, HIGH, lo & 63, tbii);
  setMask(vcpu, DATA_LOW, lo & 63, tbi);
  setMask(vcpu, DATA_HIGH, lo & 63, tbi);
  return (tbii ? PAUTH.select55 : 0) | (tbi ? PAUTH.select55Data : 0);
}

/** Bits 54 down to 64 - TnSZ, and bits 63:56 without a tag. */
function setMask(vcpu: Vcpu, field: number, tsz: number, isTagged: boolean): void {
  const bottom = 64 - Math.min(Math.max(tsz, 16), 39);
  const at = vcpu.w + field;
  vcpu.u32[at] = bottom < 32 ? -(1 << bottom) : 0;
  vcpu.u32[at + 1] = (bottom > 32 ? 0x7fffff & -(1 << bottom - 32) : 0x7fffff) | (isTagged ? 0 : 0xff000000);
}
