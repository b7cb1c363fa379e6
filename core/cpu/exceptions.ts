import { CODE_EXCEPTIONS, SP_SLOT, STATE, SYSREG, X } from "./layout.ts";
import { handlerPstate, PSTATE, PSTATE_KEPT, returnedBits } from "./pstate.ts";
import { syncRegime } from "./regime.ts";
import { currentEl, el2Enabled, elIsInHost, HCR_TGE, hcrLo, isSecureBelowEl3 } from "./security.ts";
import { patchSpEl0Access } from "./direct_access.ts";
import { debugExceptionReturnSs } from "./debug.ts";
import { buildEsr, EC } from "./syndrome.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

/** TypeScript that handles the exceptions taken to one Exception level, in place of code at VBAR_ELx. */
export interface Resident {
  /**
   * Called when an exception was taken to `el`: ESR_ELx, ELR_ELx, SPSR_ELx and, where they apply, FAR_ELx and HPFAR_EL2
   * are set, and PSTATE is that of the handler. When it returns, an ERET is executed.
   * @param vector the offset from VBAR_ELx: bits 8:7 are 0 synchronous, 1 IRQ, 2 FIQ, 3 SError; bit 10 a lower level.
   */
  onException(vcpu: Vcpu, el: number, vector: number): void;
}

/** Offsets into a vector table, and what is added for an exception from a lower level. */
export const VECTOR_LOWER = 0x400;
export const VECTOR = { synchronous: 0, irq: 0x80, fiq: 0x100, serror: 0x180 } as const;

const BITS = PSTATE, KEPT = PSTATE_KEPT;

const PC = STATE.pc.offset >>> 2;
const NZCV = STATE.nzcv.offset >>> 2;
const PSTATE_WORD = STATE.pstate.offset >>> 2;
const REGIME = STATE.regime.offset >>> 2, REGIME_SECURE = STATE.regimeSecure.offset >>> 2;
/** See CODE_EXCEPTIONS: what generated code may do is ordinary here, too. */
const CODE_WORD = STATE.codeExceptions.offset >>> 2, CODE_HVC = CODE_EXCEPTIONS.hvc;
const PSTATE_EL2 = STATE.pstateEl2.offset >>> 2;
const RETURNED_BITS = STATE.returnedBits.offset >>> 2;
/** SPSR_ELx.M. */
const MODE = 0x1f;
const EXCLUSIVE_BYTES = STATE.exclusiveBytes.offset >>> 2;
const SP = (X >>> 2) + 2 * SP_SLOT;
const SYSREGS = SYSREG >>> 2;

/** SP_EL0 to SP_EL3 follow one another. */
const SP_SLOTS = SYSREGS + 2 * sysregIndex("SP_EL0");

/** Indices of a register at each Exception level; none at EL0. */
function banked(name: string): number[] {
  return [-1, 1, 2, 3].map((el) => el < 0 ? -1 : sysregIndex(`${name}_EL${el}`));
}
const ELR = banked("ELR");
const SPSR = banked("SPSR");
const VBAR = banked("VBAR");
const SCTLR = banked("SCTLR");
/** ESR_ELx by Exception level. */
export const ESR = banked("ESR");
/** FAR_ELx by Exception level. */
export const FAR = banked("FAR");
const TCR = banked("TCR");

/** SPSR_ELx as an exception would save it. Arm DDI 0487, GetPSRFromPSTATE(). */
export function getPsrFromPstate(vcpu: Vcpu): number {
  const { u32, w } = vcpu;
  return (u32[w + NZCV] << 28 | u32[w + PSTATE_WORD]) >>> 0;
}

/**
 * Sets PSTATE.{EL, SP} and the rest of PSTATE but NZCV, and moves the stack pointers: SP stands in its register slot,
 * the others in the slots of SP_EL0 to SP_EL3.
 */
export function setPstate(vcpu: Vcpu, pstate: number): void {
  const { i32, w } = vcpu;
  const old = i32[w + PSTATE_WORD];
  i32[w + PSTATE_WORD] = pstate;
  const from = (old & 1) !== 0 ? old >> 2 & 3 : 0;
  const to = (pstate & 1) !== 0 ? pstate >> 2 & 3 : 0;
  if (from !== to) {
    const saved = w + SP_SLOTS + 2 * from, loaded = w + SP_SLOTS + 2 * to;
    i32[saved] = i32[w + SP];
    i32[saved + 1] = i32[w + SP + 1];
    i32[w + SP] = i32[loaded];
    i32[w + SP + 1] = i32[loaded + 1];
  }
  if (((old ^ pstate) & 1) !== 0) patchSpEl0Access(vcpu, (pstate & 1) !== 0);
}

/**
 * Takes an exception to `target` once ESR_ELx and the fault addresses are set: to VBAR_ELx, or to the level's resident
 * and back. Arm DDI 0487, AArch64.TakeException().
 * @param vector one of VECTOR.
 * @param offset what is added to the PC for the preferred return address: 0 or 4.
 */
export function takeException(vcpu: Vcpu, target: number, vector: number, offset: number): void {
  const { i32, w } = vcpu;
  const old = i32[w + PSTATE_WORD], nzcv = i32[w + NZCV];
  vcpu.telemetry.note(target, vector);
  if (target > (old >> 2 & 3)) vector |= VECTOR_LOWER;
  else if ((old & BITS.SP) !== 0) vector |= 0x200;
  const returnLo = i32[w + PC] + offset | 0;
  const elr = w + SYSREGS + 2 * ELR[target], spsr = w + SYSREGS + 2 * SPSR[target];
  i32[elr] = returnLo;
  i32[elr + 1] = i32[w + PC + 1] + (returnLo >= 0 && returnLo < offset ? 1 : 0);
  i32[spsr] = nzcv << 28 | old;
  i32[spsr + 1] = 0;
  const isPlain = target === 2 && (i32[w + CODE_WORD] & CODE_HVC) !== 0;
  setPstate(vcpu, old & KEPT | (isPlain ? i32[w + PSTATE_EL2] : handlerPstate(vcpu, target)));
  const resident = vcpu.residents[target];
  if (resident !== null) {
    runResident(vcpu, resident, target, vector);
    return isPlain && isPlainReturn(vcpu) ? plainReturn(vcpu) : exceptionReturn(vcpu);
  }
  const vbar = w + SYSREGS + 2 * VBAR[target];
  i32[w + PC] = i32[vbar] + vector;
  i32[w + PC + 1] = i32[vbar + 1];
  syncRegime(vcpu);
}

/** Has a level's resident handle the exception that was taken to it. */
export function runResident(vcpu: Vcpu, resident: Resident, el: number, vector: number): void {
  const wasInResident = vcpu.inResident;
  vcpu.inResident = true;
  try {
    resident.onException(vcpu, el, vector);
  } finally {
    if (!wasInResident) vcpu.inResident = false;
  }
}

/** Whether an ERET of EL2's resident, on ordinary terms, does no more than go on at EL1 in the regime in effect. */
export function isPlainReturn(vcpu: Vcpu): boolean {
  if (vcpu.regimeStale || vcpu.asidStale) return false;
  const { i32, w } = vcpu, spsr = i32[w + SYSREGS + 2 * SPSR[2]] & (i32[w + RETURNED_BITS] | MODE);
  if ((spsr & (MODE ^ BITS.SP | BITS.IL | BITS.BTYPE)) !== 1 << 2) return false;
  // No tag: bits 63:55 of the address are all the same
  const top = i32[w + SYSREGS + 2 * ELR[2] + 1] >> 23;
  if (top !== 0 && top !== -1) return false;
  return (1 | spsr >> 20 & 12 | i32[w + REGIME_SECURE]) === i32[w + REGIME];
}

/** Executes such an ERET. */
function plainReturn(vcpu: Vcpu): void {
  const { i32, w } = vcpu, spsr = i32[w + SYSREGS + 2 * SPSR[2]], elr = w + SYSREGS + 2 * ELR[2];
  i32[w + NZCV] = spsr >>> 28;
  i32[w + EXCLUSIVE_BYTES] = 0;
  setPstate(vcpu, spsr & i32[w + RETURNED_BITS]);
  i32[w + PC] = i32[elr];
  i32[w + PC + 1] = i32[elr + 1];
}

/**
 * Executes an ERET at the current Exception level. Interrupts that it unmasks are for the caller to look at.
 * Arm DDI 0487, ERET and AArch64.ExceptionReturn().
 */
export function exceptionReturn(vcpu: Vcpu): void {
  const { i32, w } = vcpu, elr = w + SYSREGS + 2 * ELR[i32[w + PSTATE_WORD] >> 2 & 3];
  exceptionReturnTo(vcpu, i32[elr], i32[elr + 1]);
}

/** AArch64.ExceptionReturn() to an address: ELR_ELx, or what authentication made of it (ERETAA, ERETAB). */
export function exceptionReturnTo(vcpu: Vcpu, pcLo: number, pcHi: number): void {
  const { i32, w } = vcpu;
  const old = i32[w + PSTATE_WORD], el = old >> 2 & 3, spsr = i32[w + SYSREGS + 2 * SPSR[el]];
  const isIllegal = illegalExceptionReturn(vcpu, spsr, el);
  let pstate = spsr & returnedBits(vcpu);
  if (isIllegal) {
    pstate = old & ~(BITS.DAIF | BITS.PAN | BITS.SS | BITS.BTYPE) | pstate & (BITS.DAIF | BITS.PAN) | BITS.IL;
  }
  if ((spsr & BITS.SS) !== 0 && debugExceptionReturnSs(vcpu, spsr, isIllegal ? el : spsr >> 2 & 3)) {
    pstate |= BITS.SS;
  }
  i32[w + NZCV] = spsr >>> 28;
  i32[w + EXCLUSIVE_BYTES] = 0;
  setPstate(vcpu, pstate);
  setBranchTarget(vcpu, pcLo, pcHi);
  syncRegime(vcpu);
  if ((pstate & BITS.IL) !== 0) takeIllegalState(vcpu);
}

/** True when SPSR_ELx holds a state that cannot be returned to. Arm DDI 0487, IllegalExceptionReturn(). */
export function illegalExceptionReturn(vcpu: Vcpu, spsr: number, el: number): boolean {
  // M[4] is AArch32, which no level has; M[1] is reserved
  if ((spsr & 0x12) !== 0) return true;
  const target = spsr >> 2 & 3;
  if (target > el) return true;
  if (target === 0) return (spsr & 1) !== 0;
  if (target === 2) return !vcpu.hasEl2 || (vcpu.hasEl3 && !el2Enabled(vcpu));
  if (target === 1) return (hcrLo(vcpu) & HCR_TGE) !== 0;
  return false;
}

/**
 * Makes an address the PC, without the tag where instruction addresses have one in the current regime.
 * Arm DDI 0487, AArch64.BranchAddr().
 */
export function setBranchTarget(vcpu: Vcpu, lo: number, hi: number): void {
  const { i32, u32, w } = vcpu;
  i32[w + PC] = lo;
  i32[w + PC + 1] = hi;
  if (hi >>> 24 === 0) return;
  const el = currentEl(vcpu);
  const isUpper = (hi & 1 << 23) !== 0;
  const isHost = elIsInHost(vcpu, el);
  if (el <= 1 || isHost) {
    const tcr = vcpu.sysHi(TCR[isHost ? 2 : 1]);
    const tbi = isUpper ? 1 << 6 : 1 << 5, tbid = isUpper ? 1 << 20 : 1 << 19;
    if ((tcr & tbi) === 0 || (vcpu.features.pauth && (tcr & tbid) !== 0)) return;
    u32[w + PC + 1] = isUpper ? hi | 0xff000000 : hi & 0xffffff;
    return;
  }
  const tcr = vcpu.sysLo(TCR[el]);
  if ((tcr & 1 << 20) === 0 || (vcpu.features.pauth && (tcr & 1 << 29) !== 0)) return;
  u32[w + PC + 1] = hi & 0xffffff;
}

/** Takes a synchronous exception with this syndrome; the preferred return address is the PC plus `offset`. */
export function takeSynchronous(vcpu: Vcpu, target: number, ec: number, iss: number, offset = 0): void {
  vcpu.setSys(ESR[target], buildEsr(ec, iss), 0);
  takeException(vcpu, target, VECTOR.synchronous, offset);
}

/**
 * The level that takes an exception without a routing control of its own: EL1, or the current level if that is higher,
 * or EL2 from EL0 while HCR_EL2.TGE = 1.
 */
export function defaultTarget(vcpu: Vcpu): number {
  const el = currentEl(vcpu);
  if (el >= 2) return el;
  return el === 0 && (hcrLo(vcpu) & HCR_TGE) !== 0 ? 2 : 1;
}

/** Arm DDI 0487, AArch64.UndefinedFault(). */
export function takeUndefined(vcpu: Vcpu): void {
  takeSynchronous(vcpu, defaultTarget(vcpu), EC.unknown, 0);
}

/** Arm DDI 0487, AArch64.SystemAccessTrap() with EC 0x18. */
export function takeSystemAccessTrap(vcpu: Vcpu, target: number, iss: number): void {
  const isToEl2 = target === 1 && (hcrLo(vcpu) & HCR_TGE) !== 0;
  takeSynchronous(vcpu, isToEl2 ? 2 : target, EC.sysreg, iss);
}

/** Arm DDI 0487, AArch64.CheckIllegalState(): an instruction was fetched while PSTATE.IL = 1. */
export function takeIllegalState(vcpu: Vcpu): void {
  takeSynchronous(vcpu, defaultTarget(vcpu), EC.illegalState, 0);
}

/** Arm DDI 0487, AArch64.PCAlignmentFault(). */
export function takePcAlignmentFault(vcpu: Vcpu): void {
  const target = defaultTarget(vcpu);
  const { u32, w } = vcpu;
  vcpu.setSys(FAR[target], u32[w + PC], u32[w + PC + 1]);
  takeSynchronous(vcpu, target, EC.pcAlignment, 0);
}

/** Whether the alignment of SP matters at the current level: SCTLR_ELx.SA and SA0. Arm DDI 0487, CheckSPAlignment(). */
export function isSpAlignmentChecked(vcpu: Vcpu): boolean {
  const el = currentEl(vcpu), n = elIsInHost(vcpu, el) ? 2 : Math.max(el, 1);
  return (vcpu.sysLo(SCTLR[n]) & (el === 0 ? 1 << 4 : 1 << 3)) !== 0;
}

/** Arm DDI 0487, AArch64.SPAlignmentFault(). */
export function takeSpAlignmentFault(vcpu: Vcpu): void {
  takeSynchronous(vcpu, defaultTarget(vcpu), EC.spAlignment, 0);
}

/** Arm DDI 0487, BranchTargetException(): the ISS holds PSTATE.BTYPE. */
export function takeBranchTargetException(vcpu: Vcpu): void {
  takeSynchronous(vcpu, defaultTarget(vcpu), EC.branchTarget, vcpu.get32("pstate") >> 10 & 3);
}

/** Where the current PSTATE is Secure. Arm DDI 0487, CurrentSecurityState() without Realm and Root. */
export function isSecure(vcpu: Vcpu): boolean {
  return currentEl(vcpu) === 3 || isSecureBelowEl3(vcpu);
}
