import { EXEC_TLB_OFFSET } from "../engine/memory_request.ts";
import { takeBranchTargetException } from "./exceptions.ts";
import { STATE } from "./layout.ts";
import { PSTATE as PSTATE_BITS } from "./pstate.ts";
import { isInHost } from "./security.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

const SCTLR = [-1, 1, 2, 3].map((el) => el < 0 ? -1 : sysregIndex(`SCTLR_EL${el}`));
const PSTATE = STATE.pstate.offset >>> 2;
const PC = STATE.pc.offset >>> 2;
const PC_PAGE = STATE.pcPage.offset >>> 2;
const TLB = STATE.tlb.offset >>> 2;

const BTYPE = PSTATE_BITS.BTYPE;

/** Kinds of indirect branches: the argument of the "fetch" exit. */
const BLR = 2;

/** SCTLR_ELx.BT0 for EL0 and BT1 (in EL2 and EL3, BT) for the others, in the high half. */
const BT0_HI = 1 << 3, BT_HI = 1 << 4;

/** PSTATE.BTYPE after an indirect branch to a guarded page. Arm DDI 0487, "Effect of entering a guarded memory region". */
function btypeOf(branchWord: number, kind: number, isFromGuarded: boolean): number {
  if (kind === BLR) return 2;
  const Rn = branchWord >>> 5 & 31;
  return !isFromGuarded || Rn === 16 || Rn === 17 ? 1 : 3;
}

/** Whether an instruction in a guarded page may be reached with this BTYPE, 1 to 3. Arm DDI 0487, BTypeCompatible. */
export function isBtypeCompatible(vcpu: Vcpu, word: number, btype: number): boolean {
  // BTI: op2 is 0 none, 1 c, 2 j, 3 jc
  if ((word & 0xffffff3f | 0) === (0xd503241f | 0)) {
    const target = word >>> 6 & 3;
    return target === 3 || (target === 1 && btype !== 3) || (target === 2 && btype !== 2);
  }
  // PACIASP and PACIBSP
  if ((word & 0xffffffbf | 0) === (0xd503233f | 0)) {
    if (btype !== 3) return true;
    const el = vcpu.currentEl();
    const sctlrHi = vcpu.sysHi(SCTLR[el !== 0 ? el : isInHost(vcpu) ? 2 : 1]);
    return (sctlrHi & (el === 0 ? BT0_HI : BT_HI)) === 0;
  }
  // BRK and HLT
  return (word & 0xffa0001f | 0) === (0xd4200000 | 0) || (word & 0xffe0001f | 0) === (0xd4400000 | 0);
}

/** True when the page that the vCPU came from is in the execute TLB as guarded. */
function isFromGuardedPage(vcpu: Vcpu): boolean {
  const { u32, w } = vcpu;
  const lo = u32[w + PC_PAGE], hi = u32[w + PC_PAGE + 1];
  const entry = u32[w + TLB + (hi >>> 23 & 1)] + EXEC_TLB_OFFSET + (lo >>> 8 & 0xfff0) >>> 2;
  return u32[entry] === lo && u32[entry + 1] === hi && (u32[entry + 3] & 1) !== 0;
}

/**
 * Sets PSTATE.BTYPE as an indirect branch leaves it to the fetch of its target.
 * @param branchWord the branch.
 * @param kind 1 BR, 2 BLR (and their authenticating forms).
 */
export function setBtype(vcpu: Vcpu, branchWord: number, kind: number): void {
  if (vcpu.features.bti) vcpu.u32[vcpu.w + PSTATE] |= btypeOf(branchWord, kind, isFromGuardedPage(vcpu)) << 10;
}

/**
 * Checks an instruction that is about to be executed against PSTATE.BTYPE, which is 0 behind it.
 * @returns true when it took a Branch Target exception.
 */
export function checkBranchTarget(vcpu: Vcpu, word: number, isGuarded: boolean): boolean {
  const btype = (vcpu.u32[vcpu.w + PSTATE] & BTYPE) >>> 10;
  if (isGuarded && btype !== 0 && !isBtypeCompatible(vcpu, word, btype)) {
    takeBranchTargetException(vcpu);
    return true;
  }
  vcpu.u32[vcpu.w + PSTATE] &= ~BTYPE;
  return false;
}

/** The same for the instruction at the PC, where PSTATE.BTYPE came from SPSR_ELx. What cannot be fetched is left as it is. */
export function checkReturnTarget(vcpu: Vcpu): void {
  const { u32, w, mmu } = vcpu, lo = u32[w + PC];
  if ((u32[w + PSTATE] & BTYPE) === 0 || mmu === null || (lo & 3) !== 0) return;
  const host = mmu.fillExec(vcpu, lo, u32[w + PC + 1]);
  if (host >= 0) checkBranchTarget(vcpu, u32[host >>> 2], mmu.guarded);
}
