import type { Intent } from "./trap.ts";

/**
 * What a policy lets happen, by its number in records and statistics: what happens at every trap compares numbers, which
 * costs less than names.
 */
export const ACTION = { allow: 0, value: 1, mask: 2, ignore: 3, deny: 4, pause: 5, kill: 6 } as const;
/** The actions in the order of their numbers. */
export const ACTIONS = Object.keys(ACTION) as readonly Action[];
/** What a policy lets happen. */
export type Action =
  /** The hypervisor's own emulation. */
  | "allow"
  /** A read gets `valueLo` and `valueHi`; a write is dropped; a call returns the value. */
  | "value"
  /** As "allow", then a read's bits in `clear` are cleared and those in `value` set. */
  | "mask"
  /** A read gets 0, a write is dropped; an aborting or waiting instruction is stepped over; a call returns 0. */
  | "ignore"
  /** The exception or error that the guest would see if the thing did not exist. */
  | "deny"
  /** As "allow", then the machine stops for the monitor. */
  | "pause"
  /** The guest ends with exit code `code`. */
  | "kill";

/** A policy's answer to one trap. The same object may answer any number of traps. */
export interface Verdict {
  readonly action: Action;
  /** Its number: see ACTION. */
  readonly actionIndex: (typeof ACTION)[Action];
  /** Who decided: the policy and its rule, as the record shows it. */
  readonly rule: string;
  readonly valueLo: number;
  readonly valueHi: number;
  readonly clearLo: number;
  readonly clearHi: number;
  /** What a denied guest gets; "default" fits the kind of trap. */
  readonly inject: "default" | "undefined" | "abort" | "notSupported";
  /** Exit code of "kill". */
  readonly code: number;
  /** Whether a line is written: by the log's level, always, for the first trap only, or never. */
  readonly log: "default" | "always" | "once" | "never";
  /** Of a handler's answer: it holds for so many traps in so many seconds. */
  readonly limit?: { readonly count: number; readonly perSeconds: number };
  /** What is done about a stage 2 fault in place of what the trap says; absent to follow that. */
  readonly intent?: Intent;
  /** Why, in the policy's words. */
  readonly because?: string;
  /** What went wrong in a policy, for the record; absent where nothing did. */
  readonly error?: string;
}

/** A verdict whose parts are neutral where they are not given: all verdicts are objects of one shape. */
export function makeVerdict(action: Action, parts: Partial<Verdict> = {}): Verdict {
  return {
    action,
    actionIndex: ACTION[action],
    rule: "default",
    valueLo: 0,
    valueHi: 0,
    clearLo: 0,
    clearHi: 0,
    inject: "default",
    code: 0,
    log: "default",
    limit: undefined,
    intent: undefined,
    because: undefined,
    error: undefined,
    ...parts,
  };
}

/** What holds where no policy decides. */
export const ALLOW = makeVerdict("allow");
export const DENY = makeVerdict("deny");
/** No device and no policy answers there. */
export const UNCLAIMED = makeVerdict("deny", { rule: "unclaimed" });
