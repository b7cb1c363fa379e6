import type { FunctionName } from "./function_names.ts";
import type { SysregName } from "./sysreg_names.ts";

/** The version of this API that a policy names as its `apiVersion`. */
export type ApiVersion = 1;

/** What all traps have in common. */
export interface TrapCommon {
  /** Number of the trap since the machine was started, from 1. */
  readonly seq: number;
  /** The vCPU that trapped, from 0. */
  readonly vcpu: number;
  /** The Exception level that trapped: 0 or 1. */
  readonly el: number;
  /** Address of the instruction that trapped. */
  readonly pc: bigint;
  /** ESR_EL2[31:0], as the Arm ARM describes it. */
  readonly esr: number;
  /** The guest's time in nanoseconds. */
  readonly time: number;
  /** What the trap is about, in one word, as records show it: "pl011+0x18:r4", "OSLAR_EL1:w", "PSCI_VERSION". */
  readonly what: string;
}

/** A load or store, or a part of one, where no RAM is. */
export interface MmioTrap extends TrapCommon {
  /** An access to a device, or to nothing. */
  readonly kind: "mmio";
  /** The intermediate physical address. */
  readonly ipa: number;
  /** Bytes: 1, 2, 4 or 8. */
  readonly size: number;
  /** A write rather than a read. */
  readonly isWrite: boolean;
  /** What is written; 0 for a read. */
  readonly value: bigint;
  /** Name of the device that claims the address, or "". */
  readonly device: string;
  /** Bytes from the device's start. */
  readonly offset: number;
  /** A copy that stays as it is. */
  clone(): MmioTrap;
}

/** An access to a system register: MRS or MSR. */
export interface SysregTrap extends TrapCommon {
  /** MRS or MSR. */
  readonly kind: "sysreg";
  /** Such as "SCTLR_EL1", or S<op0>_<op1>_C<n>_C<m>_<op2> where the register has no name. */
  readonly name: string;
  /** The encoding's op0. */
  readonly op0: number;
  /** The encoding's op1. */
  readonly op1: number;
  /** The encoding's CRn. */
  readonly CRn: number;
  /** The encoding's CRm. */
  readonly CRm: number;
  /** The encoding's op2. */
  readonly op2: number;
  /** A write rather than a read. */
  readonly isWrite: boolean;
  /** What is written; 0 for a read. */
  readonly value: bigint;
  /** A copy that stays as it is. */
  clone(): SysregTrap;
}

/** What HVC and SMC have in common. */
export interface CallTrapCommon extends TrapCommon {
  /** The instruction's immediate. */
  readonly imm16: number;
  /** W0: the function. */
  readonly functionId: number;
  /** The function's name, such as "PSCI_CPU_ON", or "" where nobody knows it. */
  readonly functionName: string;
  /** X1 to X7. */
  readonly args: Readonly<ArrayLike<bigint>> & Iterable<bigint>;
}

/** An HVC: one of Ariel's hypercalls, or an SMC Calling Convention call by that conduit. */
export interface HypercallTrap extends CallTrapCommon {
  /** HVC. */
  readonly kind: "hypercall";
  /** A copy that stays as it is. */
  clone(): HypercallTrap;
}

/** An SMC. */
export interface SmcTrap extends CallTrapCommon {
  /** SMC. */
  readonly kind: "smc";
  /** A copy that stays as it is. */
  clone(): SmcTrap;
}

/** A wait: WFI, WFE, WFIT or WFET. */
export interface WfxTrap extends TrapCommon {
  /** A wait. */
  readonly kind: "wfx";
  /** The instruction. */
  readonly what: WfxName;
  /** A copy that stays as it is. */
  clone(): WfxTrap;
}

/** A stage 2 fault: an access that the guest's memory map does not allow as it stands. */
export interface AbortTrap extends TrapCommon {
  /** A stage 2 fault. */
  readonly kind: "abort";
  /** The intermediate physical address. */
  readonly ipa: number;
  /** What the guest wanted. */
  readonly access: AbortAccess;
  /** What kind of fault it is. */
  readonly fault: AbortFault;
  /** What is at the address. */
  readonly region: AbortRegion;
  /** The fault is on a stage 1 table walk: the guest's tables are where nothing is. */
  readonly isTableWalk: boolean;
  /** What will be done about it if the policy allows it. */
  readonly intent: Intent;
  /** A copy that stays as it is. */
  clone(): AbortTrap;
}

/**
 * An exception of the guest: one that it takes at EL1, such as a system call or a page fault; one that it reports by
 * REPORT_EXCEPTION; or a debug exception, which comes to EL2 where a rule about it says more than `allow`.
 */
export interface ExceptionTrap extends TrapCommon {
  /** An exception of the guest. */
  readonly kind: "exception";
  /** ESR_ELx[31:0] of the exception; the class is in bits 31:26. */
  readonly syndrome: number;
  /** The guest takes it, or has: `deny` and `ignore` cannot undo it, while `pause` and `kill` take effect behind it. */
  readonly isTaken: boolean;
  /** A copy that stays as it is. */
  clone(): ExceptionTrap;
}

/** What a guest did that needs a decision; `kind` tells which. The object is reused: `clone()` keeps one. */
export type Trap = MmioTrap | SysregTrap | HypercallTrap | SmcTrap | WfxTrap | AbortTrap | ExceptionTrap;
/** The kinds of traps. */
export type TrapKind = Trap["kind"];

/** The wait instructions. */
export type WfxName = "WFI" | "WFE" | "WFIT" | "WFET";
/** What the guest wanted of the address. */
export type AbortAccess = "read" | "write" | "execute";
/** The kind of stage 2 fault, by its fault status code. */
export type AbortFault =
  | "addressSize"
  | "translation"
  | "accessFlag"
  | "permission"
  | "external"
  | "alignment"
  | "other";
/** What is at an address: guest RAM, a device, or nothing. */
export type AbortRegion = "ram" | "device" | "unknown";

/**
 * What is done about a stage 2 fault:
 * - `map`: RAM is put there again with all permissions, and the instruction is tried again;
 * - `emulate`: the access is carried out for the guest, as an `mmio` trap where no RAM is;
 * - `inject`: the guest gets the exception that hardware would give for the address;
 * - `skip`: the instruction is stepped over;
 * - `pause`: the machine stops for the monitor, and the instruction is tried again when it goes on;
 * - `kill`: the guest ends.
 */
export type Intent = "map" | "emulate" | "inject" | "skip" | "pause" | "kill";

/** What a verdict lets happen; see the value of the same name. */
export type Action = "allow" | "value" | "ignore" | "deny" | "pause" | "kill" | "intent" | "pass";
/** What a denied guest gets; "default" is what fits the trap. */
export type Injection = "default" | "undefined" | "abort" | "notSupported";
/**
 * Whether the trap becomes a line in the log: by the log's level, always, the first time only (once for each rule and
 * register, function or address), or never.
 */
export type LogOption = "default" | "always" | "once" | "never";

/** An answer to a trap: what `allow`, `deny`, `value(0n)` and their like are. */
export interface Verdict {
  /** What happens. */
  readonly action: Action;
  /** "value": what a read or a call gives; with `clear`, the bits that are set in what the hypervisor gives. */
  readonly value?: bigint;
  /** "value": the bits that are cleared in what the hypervisor gives. */
  readonly clear?: bigint;
  /** "intent": what is done about a stage 2 fault. */
  readonly intent?: Intent;
  /** "deny": what the guest gets. */
  readonly inject?: Injection;
  /** "kill": the exit code, 4 by default. */
  readonly code?: number;
  /** Whether it becomes a line in the log. */
  readonly log?: LogOption;
  /** Why, for whoever reads the log or `ariel policy explain`. */
  readonly because?: string;
  /** For how many traps in how many seconds it holds, as a handler's answer or as `otherwise`. */
  readonly limit?: Limit;
}

/** So many traps in so many seconds of guest time. */
export interface Limit {
  /** How many. */
  readonly count: number;
  /** In how long a time. */
  readonly perSeconds: number;
}

/** Options of any verdict. */
export interface VerdictOptions {
  /** Whether it becomes a line in the log. */
  readonly log?: LogOption;
  /** Why, or who needs it. */
  readonly because?: string;
  /**
   * It holds for so many traps. What exceeds that, later rules decide; where a handler answers so, it is as if it had said
   * nothing: answers of one handler with the same action and limit count together. `otherwise` counts each kind by itself.
   */
  readonly limit?: Limit;
}

/** Options of rules about reads and writes. */
export interface AccessOptions extends VerdictOptions {
  /** Only reads, or only writes. */
  readonly access?: "read" | "write";
}

/** The half-open interval [start, start + bytes) of addresses or function identifiers. */
export interface Range {
  /** The first. */
  readonly start: number;
  /** How many; at least one. */
  readonly bytes: number;
}

/** A value that the guest reads, or a change of what the hypervisor would give: bits cleared, then bits set. */
export type Value = bigint | number | { readonly clear?: bigint | number; readonly set?: bigint | number };

/** One target or several. */
export type OneOrMore<T> = T | readonly T[];
/** A device by name, such as "pl011" or "virtio-*", or a range of addresses. */
export type MmioTarget = OneOrMore<string | Range>;
/** A system register by name, by its encoding, or several by a pattern with `*`. */
export type SysregTarget = OneOrMore<
  SysregName | `S${number}_${number}_C${number}_C${number}_${number}` | `${string}*${string}`
>;
/** A function by name or identifier, several by a pattern with `*`, or a range of identifiers. */
export type FunctionTarget = OneOrMore<FunctionName | `${string}*${string}` | number | Range>;
/** An exception class: ESR_ELx.EC, 0 to 63. */
export type ExceptionTarget = OneOrMore<number>;
/** Stage 2 faults: those that fit everything that is given. */
export interface AbortTarget {
  /** Addresses. */
  readonly ipa?: OneOrMore<Range>;
  /** What the guest wanted. */
  readonly access?: OneOrMore<AbortAccess>;
  /** Kinds of faults. */
  readonly fault?: OneOrMore<AbortFault>;
  /** What is at the address. */
  readonly region?: OneOrMore<AbortRegion>;
}

/** One rule of a policy, as `allow.mmio("pl011")` makes it. */
export interface Rule {
  /** The kind of traps. */
  readonly kind: TrapKind;
  /** What it is about; all of its kind where this is undefined. */
  readonly target: MmioTarget | SysregTarget | FunctionTarget | ExceptionTarget | AbortTarget | undefined;
  /** The verdict, or "ask" where the policy's handler decides. */
  readonly verdict: Verdict | "ask";
  /** Where the handler decides: what its verdicts have of these when they do not say it themselves. */
  readonly answer?: Pick<VerdictOptions, "log" | "because">;
  /** Only reads, or only writes. */
  readonly access?: "read" | "write";
  /** For how many traps in how many seconds it holds. */
  readonly limit?: Limit;
  /** Made where the rule was made: its stack tells the place. */
  readonly origin: Error;
}

/** The virtual machine as a handler sees it, on the vCPU that trapped. */
export interface PolicyVm {
  /** Its name. */
  readonly name: string;
  /** Its vCPUs, from number 0 on. */
  readonly vcpuCount: number;
  /** First address and size of the guest's RAM. */
  readonly ram: Range;
  /** The value of X0 to X30 of the vCPU. */
  x(n: number): bigint;
  /** Changes X0 to X30 of the vCPU. */
  setX(n: number, value: bigint): void;
  /** A copy of guest RAM. Throws RangeError when [ipa, ipa + bytes) is not inside it. */
  read(ipa: number, bytes: number): Uint8Array<ArrayBuffer>;
  /** Writes guest RAM. Throws RangeError when it is not inside it. */
  write(ipa: number, data: Uint8Array): void;
  /** Tells the user something, on stderr. */
  tell(text: string): void;
}

/** Decides on one trap, at once: a promise is an error. `undefined` is `pass`. */
export type Handler<T extends Trap> = (trap: T, vm: PolicyVm) => Verdict | undefined;

/** The handlers by kind of trap. */
export type Handlers = { readonly [K in TrapKind]?: Handler<Extract<Trap, { kind: K }>> };

/** A policy, as `definePolicy` takes it. */
export interface PolicyDefinition {
  /** One word for the log. */
  readonly name: string;
  /** The version of the API that it was written for: 1. */
  readonly apiVersion: ApiVersion;
  /** The first rule that matches decides. */
  readonly rules?: readonly Rule[];
  /**
   * Called for what an `ask` rule names; a handler whose kind no `ask` rule names, for everything of its kind that no
   * rule decides.
   */
  readonly on?: Handlers;
  /**
   * The verdict on each `mmio`, `sysreg`, `hypercall` and `smc` that no rule and no handler has decided; `pass`, unless
   * given. The other kinds only follow rules that name them.
   */
  readonly otherwise?: Verdict;
}

/** A policy that `definePolicy` has checked. */
export interface Policy extends Required<PolicyDefinition> {}
