import { EC } from "../cpu/syndrome.ts";
import { handleStage2Fault } from "./aborts.ts";
import { handleHvc, handleSmc } from "./calls.ts";
import { forwardException, injectUndefined } from "./inject.ts";
import { faultIpa, handleDataAbort } from "./mmio.ts";
import { handleSysreg } from "./sysreg_traps.ts";
import { FRAME } from "./trap_frame.ts";
import type { VmVcpu } from "./vm.ts";

/** Takes care of one synchronous exception; ESR_EL2 is handed over. */
export type TrapHandler = (c: VmVcpu, esr: number) => void;

/** The handlers by exception class. */
const HANDLERS: readonly TrapHandler[] = Array.from({ length: 64 }, (_, ec): TrapHandler => {
  switch (ec) {
    case EC.wfx:
      return handleWfx;
    case EC.hvc:
      return handleHvc;
    case EC.smc:
      return handleSmc;
    case EC.sysreg:
      return handleSysreg;
    case EC.instructionAbortLower:
      return (c, esr) => handleStage2Fault(c, esr, faultIpa(c.frame));
    case EC.dataAbortLower:
      return handleDataAbort;
    default:
      return handleOther;
  }
});

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
  const esr = c.frame.lo(FRAME.esr_el2);
  const ec = esr >>> 26;
  c.vm.countByClass[ec]++;
  HANDLERS[ec](c, esr);
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
  vm.begin(c, trap.common, esr);
  trap.syndrome = esr;
  trap.farLo = frame.lo(FRAME.far_el2);
  trap.farHi = frame.hi(FRAME.far_el2);
  trap.isReported = false;
  const verdict = vm.decide(trap);
  vm.note(trap, verdict);
  if (verdict.action === "ignore") return frame.advance();
  if (verdict.action === "kill") return;
  if (verdict.action !== "deny" && FORWARDED.has(esr >>> 26)) forwardException(c.vcpu);
  else injectUndefined(c.vcpu);
}
