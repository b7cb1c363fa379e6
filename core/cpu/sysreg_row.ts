import type { TrapName } from "./traps.ts";

/** What must be looked at again after a write. */
export type Effect =
  /** The translation regime: TLB context, FP trap, pointer authentication. */
  | "context"
  /** The ASID or VMID, bits 63:48: the TLB context alone. */
  | "asid"
  /** Traps of system registers: which MRS and MSR may go to the slots directly. */
  | "traps"
  /** Interrupts and the exception level they go to. */
  | "interrupts";

/** One system register: what the Arm ARM's register page says, as far as it is not behaviour. Chapter D17 (AArch64). */
export interface SysregRow {
  readonly name: string;
  /** op0, op1, CRn, CRm, op2; null where no MRS or MSR reaches it. */
  readonly op: readonly [number, number, number, number, number] | null;
  /** Lowest Exception level, such as "EL1", "EL1 RO", "EL1 WO", or "EL0/EL1": read from EL0, write from EL1. */
  readonly access: string;
  /** Traps of reads and writes, of reads, of writes: in the order of the register's pseudocode. */
  readonly traps?: readonly TrapName[];
  readonly readTraps?: readonly TrapName[];
  readonly writeTraps?: readonly TrapName[];
  /** Value after reset; the bits that cannot be written keep it (so RES1 bits stand here). */
  readonly reset?: bigint;
  /** Bits that a write changes; all when it is not given, none for ID registers. */
  readonly writable?: bigint;
  /** Bits of `writable` that are RES0, or keep their reset value, without a feature. */
  readonly featureBits?: Readonly<Record<string, bigint>>;
  /** Without this feature the encoding is UNDEFINED. */
  readonly feature?: string;
  /** The register that the encoding reaches: for the _EL12 and _EL02 names, which exist at EL2 and EL3 while E2H = 1. */
  readonly alias?: string;
  /** The register that is meant at EL2 while HCR_EL2.E2H = 1. */
  readonly e2h?: string;
  readonly after?: readonly Effect[];
}

/** A mask of the bits that `list` names, such as "0-4 9 31-34". */
export function bits(list: string): bigint {
  let mask = 0n;
  for (const item of list.split(" ")) {
    const [low, high = low] = item.split("-").map(Number);
    for (let n = low; n <= high; n++) mask |= 1n << BigInt(n);
  }
  return mask;
}

/** Rows, or lists of rows, for n = 0 to `count` - 1. */
export function numbered<T>(count: number, row: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => row(n));
}
