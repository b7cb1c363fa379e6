import type { Fault } from "../mmu/fault.ts";
import type { Vcpu } from "./vcpu.ts";

/** What the CPU asks of the MMU outside of loads and stores. */
export interface CpuMmu {
  /**
   * The Exception level, the Security state or a register that translation depends on changed: the `tlb`, `tlbUpper`
   * and `tlbUnprivileged` fields must suit the new context. Cheap when nothing that matters did.
   * @param regime a number, 0 to 31, by which `contextResumed` will know it.
   */
  contextChanged(vcpu: Vcpu, regime: number): void;
  /** The same as the last `contextChanged` of this regime: no register that translation depends on changed since. */
  contextResumed(vcpu: Vcpu, regime: number): void;
  /** The instruction at `pc`, which was fetched just now; 0 when it is no longer mapped. */
  instructionWord(vcpu: Vcpu): number;
  /**
   * TLB maintenance. `encoding` is op0:op1:CRn:CRm:op2 of the TLBI instruction, so that the MMU picks regime, scope and
   * shareability from it; the halves are Xt's. All checks have been made.
   */
  tlbi(vcpu: Vcpu, encoding: number, lo: number, hi: number): void;
  /**
   * An address translation instruction, which leaves its result in PAR_EL1.
   * @returns false when it ends in a fault that is taken, which stands in `fault` then.
   */
  at(vcpu: Vcpu, encoding: number, lo: number, hi: number): boolean;
  /**
   * Checks the access that cache maintenance by address makes.
   * @returns false when it faults: the record stands in `fault` then.
   */
  cacheMaintenance(vcpu: Vcpu, lo: number, hi: number, kind: "dc" | "dcInvalidate" | "ic" | "zero"): boolean;
  readonly fault: Fault;
  /** There are watchpoints: TypeScript is to see all accesses to pages that are not in the TLBs. */
  readonly isWatching: boolean;
  /**
   * Translates an address for execution; `guarded` then says whether its page is (FEAT_BTI).
   * @returns the byte offset of the instruction in memory; negative when it cannot be fetched.
   */
  fillExec(vcpu: Vcpu, lo: number, hi: number): number;
  readonly guarded: boolean;
}
