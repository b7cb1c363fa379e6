import { STATE } from "../cpu/layout.ts";
import { PSTATE } from "../cpu/pstate.ts";
import { EC } from "../cpu/syndrome.ts";
import { sysregIndex } from "../cpu/sysregs.ts";
import { handleStage2Fault } from "./aborts.ts";
import { handleHvc, handleSmc } from "./calls.ts";
import { forwardException, injectUndefined } from "./inject.ts";
import { handleDataAbort } from "./mmio.ts";
import { handleSysreg } from "./sysreg_traps.ts";
import { FRAME } from "./trap_frame.ts";
import type { VmVcpu } from "./vm.ts";

const CLASS = EC;
const FAR_EL1 = sysregIndex("FAR_EL1"), MDSCR_EL1 = sysregIndex("MDSCR_EL1"), MDSCR_KDE = 1 << 13;
const PSTATE_D = 1 << 9, PC_HI = (STATE.pc.offset >>> 2) + 1;

/** Classes that EL1 knows as its own exceptions; the others are traps of instructions, which are UNDEFINED for it. */
const FORWARDED: ReadonlySet<number> = new Set([
  EC.branchTarget,
  EC.illegalState,
  EC.fpac,
  EC.pcAlignment,
  EC.spAlignment,
  EC.fpException,
  EC.breakpointLower,
  EC.stepLower,
  EC.watchpointLower,
  EC.brk,
]);

/** Takes care of the synchronous exception that ESR_EL2 describes. */
export function handleSynchronous(c: VmVcpu): void {
  const { esr } = c.frame;
  switch (esr >>> 26) {
    case CLASS.wfx:
      return handleWfx(c, esr);
    case CLASS.hvc:
      return handleHvc(c, esr);
    case CLASS.smc:
      return handleSmc(c, esr);
    case CLASS.sysreg:
      return handleSysreg(c, esr);
    case CLASS.instructionAbortLower:
      return handleStage2Fault(c, esr, c.frame.faultIpa);
    case CLASS.dataAbortLower:
      return handleDataAbort(c, esr);
    default:
      return handleOther(c, esr);
  }
}

/** WFI and WFE, while HCR_EL2.TWI or TWE ask for them: waits, or goes on. */
function handleWfx(c: VmVcpu, esr: number): void {
  const { vm } = c, trap = vm.traps.wfx;
  vm.begin(c, trap.common, esr);
  trap.instruction = esr & 3;
  const verdict = vm.decide(trap);
  vm.note(trap, verdict);
  if (verdict.action === "deny") return injectUndefined(c.vcpu);
  c.frame.advance();
  // A wait for an event or with a deadline may end at any time
  const isWfi = trap.instruction === 0;
  if (isWfi && (verdict.action === "allow" || verdict.action === "pause")) c.wait();
}

/** An exception of the guest that came to EL2 without a use for it there: the guest gets it. */
function handleOther(c: VmVcpu, esr: number): void {
  const { vm, frame } = c, trap = vm.traps.exception;
  if (esr >>> 26 === CLASS.stepLower && !isStepped(c)) {
    // MDCR_EL2.TDE has EL1 stepped, too
    return frame.set(FRAME.spsr_el2, frame.lo(FRAME.spsr_el2) | PSTATE.SS, 0);
  }
  vm.begin(c, trap.common, esr);
  trap.syndrome = esr;
  trap.farLo = frame.lo(FRAME.far_el2);
  trap.farHi = frame.hi(FRAME.far_el2);
  trap.isReported = trap.isTaken = false;
  const verdict = vm.decide(trap);
  vm.note(trap, verdict);
  if (verdict.action === "ignore") return frame.advance();
  if (verdict.action === "kill") return;
  if (verdict.action !== "deny" && FORWARDED.has(esr >>> 26)) forwardException(c.vcpu);
  else injectUndefined(c.vcpu);
}

/** Whether the guest would get a step exception without EL2. Arm DDI 0487, AArch64.GenerateDebugExceptionsFrom(). */
function isStepped({ vcpu, frame }: VmVcpu): boolean {
  const isFromEl0 = (frame.spsr & PSTATE.EL) === 0, isMasked = (frame.spsr & PSTATE_D) !== 0;
  return isFromEl0 || ((vcpu.sysLo(MDSCR_EL1) & MDSCR_KDE) !== 0 && !isMasked);
}

/** An exception that the guest is about to take at EL1, while a policy asks for those: the policy and the log are told. */
export function noteTaken(c: VmVcpu, esr: number): void {
  const { vm, vcpu } = c, trap = vm.traps.exception, { common } = trap;
  vm.begin(c, common, 0);
  common.el = vcpu.currentEl();
  common.pcLo = vcpu.get32("pc");
  common.pcHi = vcpu.u32[vcpu.w + PC_HI];
  common.valueLo = trap.syndrome = esr;
  trap.farLo = vcpu.sysLo(FAR_EL1);
  trap.farHi = vcpu.sysHi(FAR_EL1);
  trap.isReported = false;
  trap.isTaken = true;
  c.isInTrap = true;
  const verdict = vm.decide(trap);
  c.isInTrap = false;
  vm.note(trap, verdict);
}
