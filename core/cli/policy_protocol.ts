import type { PolicySource } from "../policy/bundle.ts";
import type { PolicyReport } from "../policy/check.ts";
import type { Explanation } from "../policy/explain.ts";
import type { TrapKind } from "../policy/trap.ts";

/*
 * What the tools for policies and their Worker say to each other: plugins run there, without permissions.
 */

export interface LoadRequest {
  readonly type: "load";
  readonly sources: readonly PolicySource[];
  /** A Heartbeat's words. */
  readonly heartbeat: SharedArrayBuffer;
}

export type ToolRequest =
  | LoadRequest
  | { readonly type: "check" }
  | { readonly type: "explain"; readonly traps: readonly { readonly kind: TrapKind; readonly text: string }[] }
  /** A piece of a log; null when it has ended. */
  | { readonly type: "replay"; readonly piece: Uint8Array<ArrayBuffer> | null };

/** Records of one kind that policies decide in another way now. */
export interface Difference {
  readonly kind: string;
  readonly what: string;
  readonly before: string;
  readonly after: string;
  readonly rule: string;
  readonly error: string;
  count: number;
  readonly firstSeq: number;
}

export interface ReplayResult {
  readonly records: number;
  /** Records on which a handler could not decide, as it wanted to see the machine. */
  readonly undecided: number;
  /** Lines that are damaged or truncated. */
  readonly unreadable: number;
  readonly differences: readonly Difference[];
  /** Differences of kinds that found no room in the list. */
  readonly more: number;
}

export type ToolReply =
  | { readonly type: "error"; readonly why: string }
  | { readonly type: "notice"; readonly text: string }
  | { readonly type: "loaded" | "taken" }
  | { readonly type: "report"; readonly report: PolicyReport }
  | { readonly type: "explanations"; readonly explanations: readonly Explanation[] }
  | { readonly type: "replayed"; readonly result: ReplayResult };
