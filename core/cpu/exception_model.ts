import "./debug.ts";
import "./pmu.ts";
import "./pstate_registers.ts";
import "./system_instructions.ts";
import "./timers.ts";
import { takeAbort, takeExternalAbort } from "./aborts.ts";
import { checkBranchTarget, checkReturnTarget, setBtype } from "./branch_target.ts";
import { advanceSoftwareStep, isStepEnabled, softwareStepState } from "./debug.ts";
import {
  callHypervisor,
  callSecureMonitor,
  callSupervisor,
  softwareBreakpoint,
  takeFpAccessTrap,
  takeSoftwareStep,
  takeWfxTrap,
  wfxTrapTarget,
} from "./exception_generation.ts";
import {
  exceptionReturn,
  exceptionReturnTo,
  isPlainReturn,
  runResident,
  setBranchTarget,
  takePcAlignmentFault,
  takeUndefined,
  VECTOR_LOWER,
} from "./exceptions.ts";
import { matchesBreakpoint, takeBreakpoint } from "./hardware_debug.ts";
import { hasWakeUpEvent, takeInterrupts } from "./interrupts.ts";
import { type ExitKind, STATE } from "./layout.ts";
import type { Vcpu } from "./vcpu.ts";

const PC = STATE.pc.offset >>> 2;
const ATTENTION = STATE.attention.offset >>> 2;
const EVENT = STATE.event.offset >>> 2;
const PSTATE = STATE.pstate.offset >>> 2;
const ARGUMENT = STATE.exitArgument.offset >>> 2;
const PSTATE_SS = 1 << 21;

/** What the engine asks of the CPU: exceptions, interrupts and what leaves generated code. The PC is exact. */
export class CpuExceptionModel {
  /** Told of breakpoints in decoded code that are none of the guest's at this time; the PC is on the instruction. */
  onBreakpoint: (vcpu: Vcpu) => void = () => {};

  /**
   * Takes the most urgent exception that comes before the next instruction: an interrupt, a pending software step, a
   * breakpoint, or a Branch Target exception where PSTATE.BTYPE was restored.
   * @param isHeld interrupts wait.
   * @returns isStepping, or that this is to be asked before every instruction.
   */
  takeInterrupts(vcpu: Vcpu, isHeld = false): boolean {
    const isTaken = !isHeld && vcpu.u32[vcpu.w + ATTENTION] !== 0 && takeInterrupts(vcpu);
    const isStep = isStepEnabled(vcpu);
    if (isStep && !isTaken && softwareStepState(vcpu) === "pending") takeSoftwareStep(vcpu, true, false);
    if (vcpu.debug !== null && isAtBreakpoint(vcpu)) takeBreakpoint(vcpu);
    checkReturnTarget(vcpu);
    return (isStep && this.isStepping(vcpu)) || (vcpu.debug !== null && vcpu.debug.matchesAnywhere);
  }

  /** True while MDSCR_EL1.SS makes the vCPU execute one instruction at a time, each followed by `stepped`. */
  isStepping(vcpu: Vcpu): boolean {
    return softwareStepState(vcpu) === "not pending";
  }

  /** An instruction was executed while `isStepping`, and no exception was taken. */
  stepped(vcpu: Vcpu): void {
    vcpu.u32[vcpu.w + PSTATE] &= ~PSTATE_SS;
  }

  abort(vcpu: Vcpu): void {
    takeAbort(vcpu, vcpu.mmu!.fault);
  }

  externalAbort(vcpu: Vcpu, vaLo: number, vaHi: number, access: "read" | "write" | "execute"): void {
    takeExternalAbort(vcpu, vaLo, vaHi, access);
  }

  pcAlignment(vcpu: Vcpu): void {
    takePcAlignmentFault(vcpu);
  }

  branchAddress(vcpu: Vcpu): void {
    setBranchTarget(vcpu, vcpu.u32[vcpu.w + PC], vcpu.u32[vcpu.w + PC + 1]);
  }

  indirectBranch(vcpu: Vcpu, branchWord: number, kind: number): void {
    setBtype(vcpu, branchWord, kind);
  }

  branchTarget(vcpu: Vcpu, word: number, isGuarded: boolean): boolean {
    return checkBranchTarget(vcpu, word, isGuarded);
  }

  callResident(vcpu: Vcpu): void {
    runResident(vcpu, vcpu.residents[2]!, 2, VECTOR_LOWER);
  }

  returnFromResident(vcpu: Vcpu, isForCode: boolean): boolean {
    if (isForCode && isPlainReturn(vcpu)) return true;
    exceptionReturn(vcpu);
    return false;
  }

  /** Does what an exit of generated code asks for. */
  exit(vcpu: Vcpu, kind: ExitKind): void {
    const argument = vcpu.u32[vcpu.w + ARGUMENT];
    switch (kind) {
      case "svc":
        advanceSoftwareStep(vcpu);
        return callSupervisor(vcpu, argument);
      case "hvc":
        advanceSoftwareStep(vcpu);
        return callHypervisor(vcpu, argument);
      case "smc":
        advanceSoftwareStep(vcpu);
        return callSecureMonitor(vcpu, argument);
      case "brk":
        return softwareBreakpoint(vcpu, argument);
      case "eret":
        return vcpu.currentEl() === 0 ? takeUndefined(vcpu) : exceptionReturn(vcpu);
      case "eretaa":
      case "eretab":
        return exceptionReturnTo(vcpu, argument, vcpu.u32[vcpu.w + ARGUMENT + 1]);
      case "wfi":
      case "wfe":
      case "wfit":
      case "wfet":
        return waitFor(vcpu, kind);
      case "fp":
        return takeFpAccessTrap(vcpu);
      case "breakpoint":
        // The guest's comes with the next `takeInterrupts`
        return isAtBreakpoint(vcpu) ? undefined : this.onBreakpoint(vcpu);
      case "undefined":
      case "hlt":
        // Halting debug is not implemented
        return takeUndefined(vcpu);
    }
  }
}

/** Whether the instruction at the PC can be fetched and has a breakpoint. */
function isAtBreakpoint(vcpu: Vcpu): boolean {
  const { u32, w, mmu } = vcpu, lo = u32[w + PC];
  return matchesBreakpoint(vcpu) && mmu !== null && (lo & 3) === 0 && mmu.fillExec(vcpu, lo, u32[w + PC + 1]) >= 0;
}

const WFX = { wfi: 0, wfe: 1, wfit: 2, wfet: 3 } as const;

/**
 * WFI and WFE: over at once, trapped, or a wait that `vcpu.waiting` tells of. A WFE beside other vCPUs only gives way to
 * them: it ends when another stores to the monitored location, which nobody reports.
 */
function waitFor(vcpu: Vcpu, kind: "wfi" | "wfe" | "wfit" | "wfet"): void {
  const { u32, w } = vcpu;
  const isWfe = kind === "wfe" || kind === "wfet";
  const isOver = hasWakeUpEvent(vcpu) || (isWfe && u32[w + EVENT] !== 0) || isPastDeadline(vcpu, kind);
  if (!isOver) {
    const target = wfxTrapTarget(vcpu, isWfe);
    if (target !== 0) return takeWfxTrap(vcpu, target, WFX[kind]);
    if (isWfe && vcpu.peers.length > 1) vcpu.onAttention(vcpu);
    else {
      vcpu.waiting = isWfe ? 2 : 1;
      vcpu.isRunning = false;
    }
  } else if (isWfe) u32[w + EVENT] = 0;
  const lo = u32[w + PC];
  u32[w + PC] = lo + 4;
  if (lo + 4 > 0xffffffff) u32[w + PC + 1]++;
}

function isPastDeadline(vcpu: Vcpu, kind: string): boolean {
  if (kind !== "wfit" && kind !== "wfet") return false;
  const { u32, w } = vcpu;
  return vcpu.timers === null || vcpu.timers.countTicks >= u32[w + ARGUMENT + 1] * 2 ** 32 + u32[w + ARGUMENT];
}
