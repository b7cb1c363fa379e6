import { defineHelper } from "../engine/helpers.ts";
import { takeAbort } from "./aborts.ts";
import { takeFpAccessTrap, takePauthTrap } from "./exception_generation.ts";
import { isSpAlignmentChecked, takeSpAlignmentFault, takeSystemAccessTrap, takeUndefined } from "./exceptions.ts";
import { findPstateImmediate, writePstate } from "./pstate_registers.ts";
import { el2Enabled, hcrLo } from "./security.ts";
import { readSysreg, writeSysreg } from "./sysreg_access.ts";
import { checkSysregAccess, checkTraps, isOfEl1, OUTCOME, redirectSysreg } from "./sysreg_check.ts";
import { sysregIss } from "./syndrome.ts";
import { findSysreg } from "./sysregs.ts";
import { findSystemInstruction, SYSTEM_INSTRUCTIONS } from "./system_instruction_table.ts";
import { type Trap, TRAPS } from "./traps.ts";
import type { Vcpu } from "./vcpu.ts";
import { zvaTrapTarget } from "./zva.ts";

/*
 * The helpers that system instructions call: MRS and MSR that do not go to a slot directly, SYS, SYSL, MSR (immediate).
 */

const HCR_TIDCP = 1 << 20;

/** Rt of the instruction at the PC, for the syndrome of a trap. */
function registerOfInstruction(vcpu: Vcpu): number {
  return vcpu.mmu === null ? 31 : vcpu.mmu.instructionWord(vcpu) & 31;
}

/** Takes the exception that `outcome` asks for. */
function refuse(vcpu: Vcpu, outcome: number, encoding: number, isRead: boolean): void {
  if (outcome === OUTCOME.undefined) takeUndefined(vcpu);
  else if (outcome === OUTCOME.fp) takeFpAccessTrap(vcpu);
  else takeSystemAccessTrap(vcpu, outcome, sysregIss(encoding, registerOfInstruction(vcpu), isRead));
  vcpu.redirect();
}

/**
 * What meets an access that nothing at EL1 or EL0 has a use for: UNDEFINED; below a resident of EL2 a trap to that, which
 * may note it before it says the same.
 */
function unclaimed(vcpu: Vcpu): number {
  return vcpu.currentEl() <= 1 && vcpu.residents[2] !== null && el2Enabled(vcpu) ? 2 : OUTCOME.undefined;
}

/** An encoding that is not implemented: trapped by HCR_EL2.TIDCP where it is IMPLEMENTATION DEFINED. */
function unallocated(vcpu: Vcpu, encoding: number): number {
  const op0 = encoding >> 14, CRn = encoding >> 7 & 15;
  const isImplementationDefined = (op0 === 1 || op0 === 3) && (CRn === 11 || CRn === 15);
  const isTrapped = isImplementationDefined && vcpu.currentEl() === 1 && (hcrLo(vcpu) & HCR_TIDCP) !== 0;
  return isTrapped ? 2 : unclaimed(vcpu);
}

/** What an access to the register `index` (-1: none) meets: a value of OUTCOME, or the level that it traps to. */
function outcomeOf(vcpu: Vcpu, encoding: number, index: number, isWrite: boolean, el: number): number {
  if (index < 0 || vcpu.sysregPresent[index] === 0) return unallocated(vcpu, encoding);
  const outcome = checkSysregAccess(vcpu, index, isWrite, el);
  return outcome === OUTCOME.undefined && !isOfEl1(vcpu, index, isWrite) ? unclaimed(vcpu) : outcome;
}

/** MRS with every check. The result goes to scratch slot 0. */
export function executeMrs(vcpu: Vcpu, encoding: number): void {
  const index = findSysreg(encoding), el = vcpu.currentEl();
  const outcome = outcomeOf(vcpu, encoding, index, false, el);
  if (outcome !== OUTCOME.access) return refuse(vcpu, outcome, encoding, true);
  const lo = readSysreg(vcpu, redirectSysreg(vcpu, index, el));
  const at = vcpu.scratch32(0);
  vcpu.u32[at] = lo;
  vcpu.u32[at + 1] = vcpu.hi;
}

/** MSR (register) with every check. */
export function executeMsr(vcpu: Vcpu, encoding: number, lo: number, hi: number): void {
  const index = findSysreg(encoding), el = vcpu.currentEl();
  const outcome = outcomeOf(vcpu, encoding, index, true, el);
  if (outcome !== OUTCOME.access) return refuse(vcpu, outcome, encoding, false);
  writeSysreg(vcpu, redirectSysreg(vcpu, index, el), lo, hi);
}

const TRAPS_OF = SYSTEM_INSTRUCTIONS.map(({ traps = [] }): Trap[] => traps.map((name) => TRAPS[name]));

/** A SYS instruction with every check. */
export function executeSys(vcpu: Vcpu, encoding: number, lo: number, hi: number): void {
  const index = findSystemInstruction(encoding), el = vcpu.currentEl();
  if (index < 0 || vcpu.systemInstructions[index] === 0) {
    return refuse(vcpu, unallocated(vcpu, encoding), encoding, false);
  }
  const row = SYSTEM_INSTRUCTIONS[index];
  if (el < row.el) return refuse(vcpu, row.el === 1 ? OUTCOME.undefined : unclaimed(vcpu), encoding, false);
  const outcome = checkTraps(vcpu, TRAPS_OF[index], el);
  if (outcome !== OUTCOME.access) return refuse(vcpu, outcome, encoding, false);
  const mmu = vcpu.mmu;
  if (mmu === null || row.kind === "none") return;
  if (row.kind === "tlbi") return mmu.tlbi(vcpu, encoding, lo, hi);
  const isDone = row.kind === "at" ? mmu.at(vcpu, encoding, lo, hi) : mmu.cacheMaintenance(vcpu, lo, hi, row.kind);
  if (isDone) return;
  takeAbort(vcpu, mmu.fault);
  vcpu.redirect();
}

/** MSR (immediate) with every check. */
export function executeMsrImmediate(vcpu: Vcpu, op1: number, op2: number, imm4: number): void {
  const encoding = op1 << 11 | 4 << 7 | imm4 << 3 | op2, field = findPstateImmediate(encoding)!;
  const outcome = checkSysregAccess(vcpu, field.index, true, vcpu.currentEl());
  if (outcome !== OUTCOME.access) return refuse(vcpu, outcome, encoding, false);
  writePstate(vcpu, field.mask, field.write(vcpu.get32("pstate"), imm4));
}

/** DC ZVA while it may be trapped: takes the trap, if any. */
export function checkDcZva(vcpu: Vcpu): void {
  const target = zvaTrapTarget(vcpu, vcpu.currentEl());
  if (target !== 0) refuse(vcpu, target, DC_ZVA, false);
}
const DC_ZVA = 1 << 14 | 3 << 11 | 7 << 7 | 4 << 3 | 1;

/** The 32-bit number in a scratch slot, and its upper half where the operand is 64 bits wide. */
function argument(vcpu: Vcpu, slot: number): number {
  return vcpu.u32[vcpu.scratch32(slot)];
}
function argumentHi(vcpu: Vcpu, slot: number): number {
  return vcpu.u32[vcpu.scratch32(slot) + 1];
}

const mayExit = { mayExit: true };
defineHelper("mrs", (vcpu) => executeMrs(vcpu, argument(vcpu, 0)), mayExit);
defineHelper("msr", (vcpu) => executeMsr(vcpu, argument(vcpu, 0), argument(vcpu, 1), argumentHi(vcpu, 1)), mayExit);
defineHelper("sys", (vcpu) => executeSys(vcpu, argument(vcpu, 0), argument(vcpu, 1), argumentHi(vcpu, 1)), {
  mayExit: true,
  isWhole: true,
});
// No instruction of the SYSL space exists
defineHelper("sysl", (vcpu) => refuse(vcpu, unallocated(vcpu, argument(vcpu, 0)), argument(vcpu, 0), true), mayExit);
defineHelper("msrImmediate", (vcpu) => {
  executeMsrImmediate(vcpu, argument(vcpu, 0), argument(vcpu, 1), argument(vcpu, 2));
}, mayExit);
defineHelper("dcZvaCheck", checkDcZva, mayExit);
defineHelper("pauthTrap", (vcpu) => {
  takePauthTrap(vcpu);
  vcpu.redirect();
}, mayExit);
defineHelper("spAlignment", (vcpu) => {
  if (!isSpAlignmentChecked(vcpu)) return;
  takeSpAlignmentFault(vcpu);
  vcpu.redirect();
}, mayExit);

defineHelper("sendEvent", (vcpu) => {
  for (const peer of vcpu.peers) {
    peer.set32("event", 1);
    if (peer.waiting === 2) peer.interruptsChanged();
  }
});
defineHelper("sendEventLocal", (vcpu) => vcpu.set32("event", 1));
