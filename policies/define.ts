import { show } from "./options.ts";
import type { Policy, PolicyDefinition, Rule, TrapKind, Verdict } from "./types.ts";
import { pass } from "./verdicts.ts";

/** The version of the API that this Ariel has. */
export const API_VERSION = 1;

const KINDS: readonly TrapKind[] = ["mmio", "sysreg", "hypercall", "smc", "wfx", "abort", "exception"];
const KEYS: readonly (keyof PolicyDefinition)[] = ["name", "apiVersion", "rules", "on", "otherwise"];
/** An `otherwise` is one of these: it must fit every kind of trap. */
const OTHERWISE: readonly Verdict["action"][] = ["allow", "ignore", "deny", "pause", "kill", "pass"];

/**
 * Checks a policy and gives it the parts that it leaves out: what a policy's file exports as its default.
 *
 *     export default definePolicy({
 *       name: "no-clock",
 *       apiVersion: 1,
 *       rules: [deny.mmio("pl031", { because: "the guest is not to know what day it is" })],
 *     });
 *
 * Throws TypeError for what is no policy.
 */
export function definePolicy(definition: PolicyDefinition): Policy {
  if (typeof definition !== "object" || definition === null) {
    throw new TypeError(`Cannot define a policy from ${show(definition)}: an object is needed`);
  }
  const { name, apiVersion, rules = [], on = {}, otherwise = pass } = definition;
  if (typeof name !== "string" || !/^[^\s"=\\]+$/.test(name)) {
    throw new TypeError(`Cannot define a policy as its name must be one word: it is ${show(name)}`);
  }
  if (apiVersion !== API_VERSION) {
    throw new TypeError(
      `Cannot define policy ${name} as it is for apiVersion ${show(apiVersion)}: this Ariel has ${API_VERSION}`,
    );
  }
  const unknown = Object.keys(definition).find((key) => !KEYS.includes(key as keyof PolicyDefinition));
  if (unknown !== undefined) {
    throw new TypeError(`Cannot define policy ${name} as a policy has no "${unknown}": it has ${KEYS.join(", ")}`);
  }
  if (!Array.isArray(rules)) throw new TypeError(`Cannot define policy ${name} as its rules must be an array`);
  rules.forEach((rule, n) => checkRule(name, rule, n));
  checkHandlers(name, on);
  for (const rule of rules) {
    if (rule.verdict === "ask" && on[rule.kind as TrapKind] === undefined) {
      throw new TypeError(
        `Cannot define policy ${name} as ask.${rule.kind} has nobody to ask: it needs on.${rule.kind}`,
      );
    }
  }
  if (!OTHERWISE.includes(Object(otherwise).action)) {
    throw new TypeError(`Cannot define policy ${name} as otherwise must be ${OTHERWISE.join(" or ")}`);
  }
  return Object.freeze({ name, apiVersion, rules: Object.freeze([...rules]), on: Object.freeze({ ...on }), otherwise });
}

function checkRule(name: string, rule: Rule, n: number): void {
  const { kind, verdict, origin } = Object(rule);
  if (KINDS.includes(kind) && verdict !== undefined && origin instanceof Error) return;
  const hint = typeof Object(rule).action === "string"
    ? ": it is a verdict, which needs a kind, as in allow.mmio()"
    : "";
  throw new TypeError(`Cannot define policy ${name} as rules[${n}] is no rule${hint}`);
}

function checkHandlers(name: string, on: unknown): void {
  if (typeof on !== "object" || on === null) {
    throw new TypeError(`Cannot define policy ${name} as on must be an object of handlers`);
  }
  for (const [kind, handler] of Object.entries(on)) {
    if (!KINDS.includes(kind as TrapKind)) {
      throw new TypeError(`Cannot define policy ${name} as there is no kind of trap "${kind}": ${KINDS.join(", ")}`);
    }
    if (typeof handler !== "function") {
      throw new TypeError(`Cannot define policy ${name} as on.${kind} must be a function: it is ${show(handler)}`);
    }
    const type = Object.prototype.toString.call(handler);
    if (/Async|Generator/.test(type)) {
      throw new TypeError(
        `Cannot define policy ${name} as on.${kind} is async or a generator: a handler answers at once`,
      );
    }
  }
}
