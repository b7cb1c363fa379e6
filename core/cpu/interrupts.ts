import { ESR, isSecure, takeException, VECTOR } from "./exceptions.ts";
import { INTERRUPT } from "./gic_interface.ts";
import { STATE } from "./layout.ts";
import { currentEl, el2Enabled, HCR_E2H_HI, HCR_TGE, hcrHi, hcrLo, scr } from "./security.ts";
import { buildEsr, EC } from "./syndrome.ts";
import { defineSysreg } from "./sysreg_functions.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

const HCR_EL2 = sysregIndex("HCR_EL2");
const ATTENTION = STATE.attention.offset >>> 2;
const SERROR = STATE.serror.offset >>> 2;

const HCR_FMO = 1 << 3, HCR_IMO = 1 << 4, HCR_AMO = 1 << 5, HCR_VF = 1 << 6, HCR_VI = 1 << 7, HCR_VSE = 1 << 8;
const SCR_IRQ = 1 << 1, SCR_FIQ = 1 << 2, SCR_EA = 1 << 3;
const PSTATE_F = 1 << 6, PSTATE_I = 1 << 7, PSTATE_A = 1 << 8;

/** The interrupts that are pending, before masks: bits of INTERRUPT, and SErrors. */
const PENDING = { ...INTERRUPT, serror: 16, virtualSerror: 32 } as const;

function pendingInterrupts(vcpu: Vcpu): number {
  let pending = vcpu.gic === null ? 0 : vcpu.gic.pending(vcpu.currentEl(), isSecure(vcpu));
  if (vcpu.u32[vcpu.w + SERROR] !== 0) pending |= PENDING.serror;
  const hcr = hcrLo(vcpu);
  if (hcr & (HCR_VI | HCR_VF | HCR_VSE)) {
    if (hcr & HCR_VI) pending |= PENDING.virtualIrq;
    if (hcr & HCR_VF) pending |= PENDING.virtualFiq;
    if (hcr & HCR_VSE) pending |= PENDING.virtualSerror;
  }
  return pending;
}

/**
 * The level that takes a physical interrupt, or 0 where it is masked or would go to a lower level.
 * Arm DDI 0487, "Asynchronous exception routing" and "Asynchronous exception masking".
 */
function physicalTarget(vcpu: Vcpu, scrBit: number, hcrBit: number, mask: number): number {
  const pstate = vcpu.get32("pstate"), el = pstate >> 2 & 3, hcr = hcrLo(vcpu);
  const target = vcpu.hasEl3 && (scr(vcpu) & scrBit) !== 0 ? 3 : (hcr & (hcrBit | HCR_TGE)) !== 0 ? 2 : 1;
  if (target < el) return 0;
  const isHost = (hcr & HCR_TGE) !== 0 && (hcrHi(vcpu) & HCR_E2H_HI) !== 0;
  const isMaskable = target === el || target === 1 || (target === 2 && isHost);
  return isMaskable && (pstate & mask) !== 0 ? 0 : target;
}

/** Whether a virtual interrupt is taken, to EL1: it needs its routing bit, and HCR_EL2.TGE = 0. */
function isVirtualTaken(vcpu: Vcpu, hcrBit: number, mask: number): boolean {
  const pstate = vcpu.get32("pstate"), hcr = hcrLo(vcpu);
  return (pstate >> 2 & 3) <= 1 && (hcr & hcrBit) !== 0 && (hcr & HCR_TGE) === 0 && (pstate & mask) === 0;
}

/**
 * Takes the most urgent pending interrupt that is not masked.
 * @returns true when it took one.
 */
export function takeInterrupts(vcpu: Vcpu): boolean {
  const pending = pendingInterrupts(vcpu);
  // What pends but is masked is looked at again when PSTATE.DAIF changes.
  vcpu.u32[vcpu.w + ATTENTION] = pending === 0 ? 0 : 1;
  if (pending === 0) return false;
  let target;
  if ((pending & PENDING.fiq) !== 0 && (target = physicalTarget(vcpu, SCR_FIQ, HCR_FMO, PSTATE_F)) !== 0) {
    takeException(vcpu, target, VECTOR.fiq, 0);
  } else if ((pending & PENDING.irq) !== 0 && (target = physicalTarget(vcpu, SCR_IRQ, HCR_IMO, PSTATE_I)) !== 0) {
    takeException(vcpu, target, VECTOR.irq, 0);
  } else if ((pending & PENDING.virtualFiq) !== 0 && isVirtualTaken(vcpu, HCR_FMO, PSTATE_F)) {
    takeException(vcpu, 1, VECTOR.fiq, 0);
  } else if ((pending & PENDING.virtualIrq) !== 0 && isVirtualTaken(vcpu, HCR_IMO, PSTATE_I)) {
    takeException(vcpu, 1, VECTOR.irq, 0);
  } else if ((pending & PENDING.serror) !== 0 && (target = physicalTarget(vcpu, SCR_EA, HCR_AMO, PSTATE_A)) !== 0) {
    const iss = vcpu.u32[vcpu.w + SERROR] & 0x1ffffff;
    vcpu.u32[vcpu.w + SERROR] = 0;
    takeSerror(vcpu, target, iss);
  } else if ((pending & PENDING.virtualSerror) !== 0 && isVirtualTaken(vcpu, HCR_AMO, PSTATE_A)) {
    vcpu.setSys(HCR_EL2, vcpu.sysLo(HCR_EL2) & ~HCR_VSE, vcpu.sysHi(HCR_EL2));
    takeSerror(vcpu, 1, 0);
  } else return false;
  return true;
}

function takeSerror(vcpu: Vcpu, target: number, iss: number): void {
  vcpu.setSys(ESR[target], buildEsr(EC.serror, iss), 0);
  takeException(vcpu, target, VECTOR.serror, 0);
}

/** Makes a physical SError interrupt pending. */
export function raiseSerror(vcpu: Vcpu, iss: number): void {
  vcpu.u32[vcpu.w + SERROR] = (iss | 0x80000000) >>> 0;
  vcpu.interruptsChanged();
}

/** Whether a WFI ends at once: a physical interrupt whatever PSTATE masks, or a virtual one of the current guest. */
export function hasWakeUpEvent(vcpu: Vcpu): boolean {
  const pending = pendingInterrupts(vcpu);
  if ((pending & (PENDING.irq | PENDING.fiq | PENDING.serror)) !== 0) return true;
  if (currentEl(vcpu) >= 2) return false;
  const hcr = hcrLo(vcpu);
  return (hcr & HCR_TGE) === 0 && ((pending & PENDING.virtualIrq) !== 0 && (hcr & HCR_IMO) !== 0 ||
    (pending & PENDING.virtualFiq) !== 0 && (hcr & HCR_FMO) !== 0 ||
    (pending & PENDING.virtualSerror) !== 0 && (hcr & HCR_AMO) !== 0);
}

/** ISR_EL1: bits A, I and F of what is pending for the reader; the virtual ones at EL1 by HCR_EL2.{AMO, IMO, FMO}. */
function readIsr(vcpu: Vcpu): number {
  const pending = pendingInterrupts(vcpu);
  const hcr = currentEl(vcpu) === 1 && el2Enabled(vcpu) ? hcrLo(vcpu) : 0;
  const has = (hcrBit: number, physical: number, virtual: number) =>
    (pending & ((hcr & hcrBit) !== 0 ? virtual : physical)) !== 0;
  return (has(HCR_AMO, PENDING.serror, PENDING.virtualSerror) ? PSTATE_A : 0) |
    (has(HCR_IMO, PENDING.irq, PENDING.virtualIrq) ? PSTATE_I : 0) |
    (has(HCR_FMO, PENDING.fiq, PENDING.virtualFiq) ? PSTATE_F : 0);
}

defineSysreg("ISR_EL1", { read: readIsr });
