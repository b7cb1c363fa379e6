import { ACCESS, type AccessType, FAULT, Fault } from "../mmu/fault.ts";
import { ESR, FAR, takeException, VECTOR } from "./exceptions.ts";
import { debugTarget } from "./debug.ts";
import { currentEl, el2Enabled, HCR_TGE, hcrLo, isSecureBelowEl3, scr } from "./security.ts";
import { buildEsr, EC, lsInstructionSyndrome } from "./syndrome.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

// What other modules export is looked up at every use
const STATUS = FAULT, KIND = ACCESS, CLASS = EC, SYNCHRONOUS = VECTOR.synchronous;

const HPFAR_EL2 = sysregIndex("HPFAR_EL2");
const SCR_EA = 1 << 3;
/** HPFAR_EL2.NS, in the high half. */
const HPFAR_NS_HI = 0x80000000;

/** Arm DDI 0487, IsExternalAbort(). */
function isExternalAbort(fault: Fault): boolean {
  return fault.statusCode >= STATUS.syncExternal && fault.statusCode <= STATUS.syncParityOnWalk;
}

/** The level that takes an abort. Arm DDI 0487, AArch64.InstructionAbort() and AArch64.DataAbort(). */
function abortTarget(vcpu: Vcpu, fault: Fault): number {
  const el = currentEl(vcpu);
  if (el === 3 || (vcpu.hasEl3 && isExternalAbort(fault) && (scr(vcpu) & SCR_EA) !== 0)) return 3;
  if (el === 2) return 2;
  if (fault.secondStage && el2Enabled(vcpu)) return 2;
  if (fault.statusCode === STATUS.debug) return debugTarget(vcpu);
  return el === 0 && (hcrLo(vcpu) & HCR_TGE) !== 0 ? 2 : 1;
}

/** Takes the Instruction Abort or Data Abort of a fault, at the instruction of the PC. */
export function takeAbort(vcpu: Vcpu, fault: Fault): void {
  const target = abortTarget(vcpu, fault);
  const isSame = target === currentEl(vcpu);
  const isFetch = fault.accessType === KIND.execute;
  let iss = fault.iss, word = 0;
  if (!isFetch && fault.secondStage && !fault.s2fs1walk && !fault.isCacheMaintenance && vcpu.mmu !== null) {
    word = vcpu.mmu.instructionWord(vcpu);
    iss |= lsInstructionSyndrome(word);
  }
  const ec = isFetch
    ? CLASS.instructionAbortLower
    : fault.statusCode === STATUS.debug
    ? CLASS.watchpointLower
    : CLASS.dataAbortLower;
  const esr = buildEsr(ec + (isSame ? 1 : 0), iss);
  vcpu.setSys(ESR[target], esr, 0);
  vcpu.setSys(FAR[target], fault.vaLo, fault.vaHi);
  if (fault.secondStage) {
    const isNonSecureIpa = isSecureBelowEl3(vcpu) && !fault.ipaSecure;
    const { hpfarLo } = fault, hpfarHi = fault.hpfarHi | (isNonSecureIpa ? HPFAR_NS_HI : 0);
    vcpu.setSys(HPFAR_EL2, hpfarLo, hpfarHi);
    if (word !== 0 && fault.isSettled && !vcpu.mmu!.isWatching) {
      vcpu.knownAborts.note(fault.vaLo, fault.vaHi, word, esr, hpfarLo, hpfarHi);
    }
  }
  takeException(vcpu, target, SYNCHRONOUS, 0);
}

const externalFault = new Fault();
const ACCESS_TYPES: Readonly<Record<"read" | "write" | "execute", AccessType>> = {
  read: KIND.read,
  write: KIND.write,
  execute: KIND.execute,
};

/** Takes a synchronous External abort of the access to this address: nothing answered there. */
export function takeExternalAbort(vcpu: Vcpu, vaLo: number, vaHi: number, access: "read" | "write" | "execute"): void {
  externalFault.clear();
  externalFault.statusCode = STATUS.syncExternal;
  externalFault.accessType = ACCESS_TYPES[access];
  externalFault.write = access === "write";
  externalFault.vaLo = vaLo >>> 0;
  externalFault.vaHi = vaHi >>> 0;
  takeAbort(vcpu, externalFault);
}
