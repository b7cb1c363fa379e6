import { PSTATE } from "../cpu/pstate.ts";
import { buildEsr, EC } from "../cpu/syndrome.ts";
import { sysregIndex } from "../cpu/sysregs.ts";
import type { Vcpu } from "../cpu/vcpu.ts";

const ELR_EL2 = sysregIndex("ELR_EL2");
const SPSR_EL2 = sysregIndex("SPSR_EL2");
const FAR_EL2 = sysregIndex("FAR_EL2");
const ESR_EL2 = sysregIndex("ESR_EL2");
const ELR_EL1 = sysregIndex("ELR_EL1");
const SPSR_EL1 = sysregIndex("SPSR_EL1");
const ESR_EL1 = sysregIndex("ESR_EL1");
const FAR_EL1 = sysregIndex("FAR_EL1");
const VBAR_EL1 = sysregIndex("VBAR_EL1");
const SCTLR_EL1 = sysregIndex("SCTLR_EL1");

const NZCV = 0xf << 28;
const EL1H = 5, EL1T = 4;
const SCTLR_SPAN = 1 << 23;
/** SCTLR_EL1.DSSBS, in the high half. */
const SCTLR_DSSBS_HI = 1 << 12;
const IL = 1 << 25;
/** Fields of an abort's ISS that an injected one keeps: FnV is clear, CM and WnR stay. */
const ISS_CM = 1 << 8, ISS_WNR = 1 << 6;

/** Fault status codes of injected aborts. Arm DDI 0487, ESR_EL1, DFSC. */
export const FSC = { external: 0x10, alignment: 0x21, unsupportedAtomic: 0x35 } as const;

/**
 * Makes the ERET that ends the trap enter the guest's own synchronous vector at EL1, as if EL1 had taken the exception
 * at ELR_EL2. Arm DDI 0487, AArch64.TakeException() to EL1.
 */
function enterVector(vcpu: Vcpu, esr: number): void {
  const spsr = vcpu.sysLo(SPSR_EL2);
  const mode = spsr & 15;
  const offset = mode === EL1H ? 0x200 : mode === EL1T ? 0 : 0x400;
  vcpu.setSys(ELR_EL1, vcpu.sysLo(ELR_EL2), vcpu.sysHi(ELR_EL2));
  vcpu.setSys(SPSR_EL1, spsr, 0);
  vcpu.setSys(ESR_EL1, esr, 0);
  const vectorLo = vcpu.sysLo(VBAR_EL1) + offset, vectorHi = vcpu.sysHi(VBAR_EL1);
  // A guest that fails at its own vector may do so for ever: whoever runs it is to look soon
  if (vcpu.sysLo(ELR_EL2) === vectorLo && vcpu.sysHi(ELR_EL2) === vectorHi) vcpu.onAttention(vcpu);
  vcpu.setSys(ELR_EL2, vectorLo, vectorHi);
  let pstate = spsr & (NZCV | PSTATE.PAN | PSTATE.DIT) | PSTATE.DAIF | EL1H;
  const { features } = vcpu;
  if (features.pan && (vcpu.sysLo(SCTLR_EL1) & SCTLR_SPAN) === 0) pstate |= PSTATE.PAN;
  if (features.ssbs && (vcpu.sysHi(SCTLR_EL1) & SCTLR_DSSBS_HI) !== 0) pstate |= PSTATE.SSBS;
  vcpu.setSys(SPSR_EL2, pstate, 0);
}

function isFromEl0(vcpu: Vcpu): boolean {
  return (vcpu.sysLo(SPSR_EL2) & PSTATE.EL) === 0;
}

/** Injects an UNDEFINED exception for the instruction at ELR_EL2. */
export function injectUndefined(vcpu: Vcpu): void {
  enterVector(vcpu, buildEsr(EC.unknown, 0));
}

/**
 * Injects an abort for the access that trapped, with the guest's own view of it: the EC of its Exception level, the
 * fault address of FAR_EL2, no instruction syndrome.
 * @param fsc the fault status code, such as FSC.external.
 */
export function injectAbort(vcpu: Vcpu, fsc: number): void {
  const esr = vcpu.sysLo(ESR_EL2);
  const isFetch = esr >>> 26 === EC.instructionAbortLower;
  const ec = (isFetch ? EC.instructionAbortLower : EC.dataAbortLower) + (isFromEl0(vcpu) ? 0 : 1);
  const kept = isFetch ? 0 : esr & (ISS_CM | ISS_WNR);
  vcpu.setSys(FAR_EL1, vcpu.sysLo(FAR_EL2), vcpu.sysHi(FAR_EL2));
  enterVector(vcpu, (ec << 26 | esr & IL | kept | fsc) >>> 0);
}

/** Injects the exception that came to EL2 as EL1 would have taken it, with the syndrome and fault address of EL2. */
export function forwardException(vcpu: Vcpu): void {
  const esr = vcpu.sysLo(ESR_EL2);
  let ec = esr >>> 26;
  // The classes that have a twin for exceptions from the same level
  const hasTwin = ec === EC.breakpointLower || ec === EC.stepLower || ec === EC.watchpointLower;
  if (hasTwin && !isFromEl0(vcpu)) ec++;
  vcpu.setSys(FAR_EL1, vcpu.sysLo(FAR_EL2), vcpu.sysHi(FAR_EL2));
  enterVector(vcpu, (ec << 26 | esr & 0x3ff_ffff) >>> 0);
}
