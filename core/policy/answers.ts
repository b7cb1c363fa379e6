import { checkIntent, checkOptions, show } from "../../policies/options.ts";
import type { Intent, Verdict as PolicyVerdict } from "../../policies/types.ts";
import type { TrapKind } from "./trap.ts";
import { type Action, makeVerdict, type Verdict } from "./verdict.ts";

/** Exit code of `kill` where none is given. */
export const KILL_CODE = 4;

/** What an intent is to the hypervisor. */
const INTENT_ACTION: Readonly<Record<Intent, Action>> = {
  map: "allow",
  emulate: "allow",
  inject: "deny",
  skip: "ignore",
  pause: "pause",
  kill: "kill",
};
/** The intent that a verdict on a stage 2 fault amounts to. */
const ACTION_INTENT: Partial<Record<Action, Intent>> = { ignore: "skip", deny: "inject", kill: "kill" };
const HAS_VALUE: ReadonlySet<TrapKind> = new Set<TrapKind>(["mmio", "sysreg", "hypercall", "smc"]);

/** Whether a trap of that kind can be answered with a value. */
export function takesValues(kind: TrapKind): boolean {
  return HAS_VALUE.has(kind);
}

const low = (value: bigint) => Number(value & 0xffff_ffffn);
const high = (value: bigint) => Number(value >> 32n);
const isUint64 = (value: unknown) => typeof value === "bigint" && value >= 0n && value < 1n << 64n;

/**
 * The hypervisor's form of a policy's verdict, or null for `pass`. Throws TypeError or RangeError for what is no verdict
 * on a trap of that kind.
 * @param rule who decides, for the record.
 */
export function convertVerdict(given: unknown, kind: TrapKind, rule: string): Verdict | null {
  const verdict = asVerdict(given);
  const { action, inject = "default", log = "default", because, limit } = verdict;
  const parts = {
    rule,
    inject,
    log,
    ...because === undefined ? {} : { because },
    ...limit === undefined ? {} : { limit },
  };
  switch (action) {
    case "pass":
      return null;
    case "value":
      return valueVerdict(verdict, kind, parts);
    case "intent":
      checkIntent("a verdict", verdict.intent);
      if (kind !== "abort") throw new TypeError(`intent is no verdict on ${kind}: only stage 2 faults have intents`);
      return makeVerdict(INTENT_ACTION[verdict.intent!], { ...parts, intent: verdict.intent, code: KILL_CODE });
    case "kill":
      return makeVerdict("kill", { ...parts, code: verdict.code ?? KILL_CODE, ...abortIntent(kind, "kill") });
    default:
      return makeVerdict(action, { ...parts, ...abortIntent(kind, action) });
  }
}

function abortIntent(kind: TrapKind, action: Action): { intent?: Intent } {
  const intent = ACTION_INTENT[action];
  return kind === "abort" && intent !== undefined ? { intent } : {};
}

/** Checks an object's parts as the builders of verdicts do. */
function asVerdict(given: unknown): PolicyVerdict {
  const isObject = (typeof given === "object" && given !== null) || typeof given === "function";
  if (!isObject) throw new TypeError(`${show(given)} is no verdict`);
  if (given instanceof Promise || typeof (given as { then?: unknown }).then === "function") {
    throw new TypeError("a promise is no verdict: a handler answers at once");
  }
  const verdict = given as PolicyVerdict;
  if ("origin" in given && "verdict" in given) throw new TypeError("a rule is no verdict: leave its kind out");
  if (verdict.action === undefined && typeof given === "function") throw new TypeError(`${show(given)} is no verdict`);
  if (!ACTIONS.has(verdict.action)) throw new TypeError(`${show(verdict.action)} is no verdict's action`);
  const { inject, code, log, because, limit } = verdict, options = { inject, code, log, because, limit };
  if (Object.values(options).some((option) => option !== undefined)) {
    checkOptions("a verdict", options, ["inject", "code", "log", "because", "limit"]);
  }
  return verdict;
}

const ACTIONS: ReadonlySet<unknown> = new Set([
  "allow",
  "value",
  "ignore",
  "deny",
  "pause",
  "kill",
  "intent",
  "pass",
]);

function valueVerdict(verdict: PolicyVerdict, kind: TrapKind, parts: Partial<Verdict>): Verdict {
  const { value, clear } = verdict;
  if (!HAS_VALUE.has(kind)) throw new TypeError(`value is no verdict on ${kind}`);
  if (!isUint64(value) || (clear !== undefined && !isUint64(clear))) {
    throw new TypeError("a value must be a bigint of 64 bits, as value() makes it");
  }
  const set = { valueLo: low(value!), valueHi: high(value!) };
  if (clear === undefined) return makeVerdict("value", { ...parts, ...set });
  return makeVerdict("mask", { ...parts, ...set, clearLo: low(clear), clearHi: high(clear) });
}
