import type { Vcpu } from "../cpu/vcpu.ts";
import type { Space } from "./memory.ts";

/** Who has set a breakpoint or watchpoint. */
export type Owner = "monitor" | "gdb";

/** A place at which the machine stops before the instruction. */
export interface Breakpoint {
  readonly id: number;
  readonly owner: Owner;
  readonly space: Space;
  readonly address: bigint;
  /** Only when this holds. */
  readonly condition: { readonly text: string; holds(vcpu: Vcpu): boolean } | null;
  /** When it goes away: as somebody deletes it, when it has stopped the machine, or when anything has. */
  readonly lifetime: "kept" | "hit" | "stop";
  /** How often it has stopped the machine. */
  hits: number;
}

/** Memory whose accesses stop the machine. */
export interface Watchpoint {
  readonly id: number;
  readonly owner: Owner;
  readonly space: Space;
  readonly address: bigint;
  readonly bytes: number;
  readonly access: "read" | "write" | "access";
  /** Whether the machine stops before the instruction that makes the access, as hardware does, or behind it. */
  readonly when: "before" | "after";
  hits: number;
}

/** Why the machine has stopped, and on which vCPU. */
export type Stop =
  | { readonly kind: "breakpoint"; readonly vcpu: Vcpu; readonly breakpoint: Breakpoint }
  | WatchStop
  /** The steps that were asked for are done. */
  | { readonly kind: "step"; readonly vcpu: Vcpu; readonly owner: Owner }
  /** A user wants it; or `why` tells who else does: a hypercall, a policy, the command line. */
  | { readonly kind: "interrupt"; readonly vcpu: Vcpu; readonly owner: Owner; readonly why: string };

/** Whether one front end alone has caused a stop. */
export function isOwnedBy(stop: Stop, owner: Owner): boolean {
  if (stop.kind === "breakpoint") return stop.breakpoint.owner === owner;
  if (stop.kind === "watchpoint") return stop.watchpoint.owner === owner;
  return stop.owner === owner && !(stop.kind === "interrupt" && stop.why !== "");
}

export interface WatchStop {
  readonly kind: "watchpoint";
  readonly vcpu: Vcpu;
  readonly watchpoint: Watchpoint;
  /** VA of the access. */
  readonly address: bigint;
  readonly isWrite: boolean;
  /** The instruction that makes the access. */
  readonly pc: bigint;
  /** The watched memory before the access, and after it where the instruction was executed. */
  readonly before: Uint8Array;
  after: Uint8Array | null;
}
