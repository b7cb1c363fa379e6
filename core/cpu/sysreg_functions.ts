import { sysregIndex, SYSREGS } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

/** What a register does beyond storing bits. */
export interface SysregFunctions {
  /** Returns the low half; sets `vcpu.hi` where the high half is not 0 (it is 0 before the call). */
  readonly read?: (vcpu: Vcpu) => number;
  /** Takes the place of storing; the halves are unsigned and not masked. */
  readonly write?: (vcpu: Vcpu, lo: number, hi: number) => void;
  /** Called when a write was stored. */
  readonly written?: (vcpu: Vcpu) => void;
}

/** By register index. */
export const SYSREG_FUNCTIONS: (SysregFunctions | null)[] = SYSREGS.map(() => null);

/** Gives a register its functions; each register has them once. */
export function defineSysreg(name: string, functions: SysregFunctions): void {
  const index = sysregIndex(name);
  if (SYSREG_FUNCTIONS[index]) throw new TypeError(`Cannot define ${name} as it has functions already`);
  SYSREG_FUNCTIONS[index] = functions;
}
