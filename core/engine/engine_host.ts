import type { ExitKind } from "../cpu/layout.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import type { Translation } from "./memory_path.ts";

/*
 * What the engine asks of the machine around it.
 */

/** The MMU, as the engine needs it. */
export interface EngineMmu extends Translation {
  /**
   * Translates the PC for execution and enters tag and flags in the execute TLB.
   * @returns the byte offset in memory of the PC's instruction, or a value of TRANSLATION.
   */
  fillExec(vcpu: Vcpu, vaLo: number, vaHi: number): number;
  /** The page of the last fillExec is guarded (FEAT_BTI). */
  readonly guarded: boolean;
  /** From now on stores to the page of memory are seen: none goes through a TLB. */
  protectCode(hostPage: number): void;
  /** The page holds no decoded code any more. */
  unprotectCode(hostPage: number): void;
  flushExecTlbs(): void;
  isBigEndian(vcpu: Vcpu): boolean;
}

/** The CPU's exception model, as the engine needs it. The PC is exact when any of these is called. */
export interface ExceptionModel {
  /**
   * Takes the most urgent pending interrupt that is not masked, if any, or the Software Step exception that is due.
   * @param isHeld interrupts wait: a debugger steps.
   * @returns isStepping.
   */
  takeInterrupts(vcpu: Vcpu, isHeld?: boolean): boolean;
  /** True while the vCPU is to execute one instruction at a time (MDSCR_EL1.SS), each followed by `stepped`. */
  isStepping(vcpu: Vcpu): boolean;
  /** An instruction was executed while `isStepping`. */
  stepped(vcpu: Vcpu): void;
  /** Does what an exit of generated code asks for: an exception, an exception return, a wait. */
  exit(vcpu: Vcpu, kind: ExitKind): void;
  /** Has the resident of EL2 handle an exception that generated code has taken from EL1. */
  callResident(vcpu: Vcpu): void;
  /**
   * Its ERET.
   * @param isForCode generated code may do it, where it leads back to EL1 in the same regime.
   * @returns true when it is left to generated code.
   */
  returnFromResident(vcpu: Vcpu, isForCode: boolean): boolean;
  /** Takes the Data Abort or Instruction Abort of the MMU's fault. */
  abort(vcpu: Vcpu): void;
  /** Takes a synchronous External abort. */
  externalAbort(vcpu: Vcpu, vaLo: number, vaHi: number, access: "read" | "write" | "execute"): void;
  pcAlignment(vcpu: Vcpu): void;
  /** Takes the tag out of the PC that a branch went to, where the regime has tags. */
  branchAddress(vcpu: Vcpu): void;
  /** Sets PSTATE.BTYPE by an indirect branch, before its target is fetched. */
  indirectBranch(vcpu: Vcpu, branchWord: number, kind: number): void;
  /** Checks the instruction `word` as its target; true when it took a Branch Target exception. */
  branchTarget(vcpu: Vcpu, word: number, isGuarded: boolean): boolean;
}

/** What looks for the breakpoints and watchpoints of guests. */
export interface GuestDebug {
  /** Told of every page of memory that is about to run at a VA, before its records are used. */
  fetchesPage(vcpu: Vcpu, lo: number, hi: number, hostPage: number): void;
  /** Told of every data access of the slow path, before it is made. @returns true when it took a Watchpoint exception. */
  accesses(vcpu: Vcpu, request: number): boolean;
}
