import type { CompiledPolicy, CompiledRule } from "./compiled_rule.ts";
import type { TrapKind } from "./trap.ts";
import { ALLOW, type Verdict } from "./verdict.ts";

/** The rules that decide on one thing, over all policies, in the order of their turns. */
export class Chain {
  /** The verdict where it is always the same; null where the rules must be asked one by one. */
  readonly verdict: Verdict | null;
  /** The rule that gives `verdict`, or null where none does. */
  readonly first: CompiledRule | null;
  /** What is decided is what would happen anyway, and nobody wants to hear of it. */
  readonly isPlain: boolean;

  constructor(readonly steps: readonly CompiledRule[]) {
    this.first = steps[0] ?? null;
    const isFixed = this.first !== null && this.first.step === "verdict" && this.first.limit === null &&
      this.first.once === null;
    this.verdict = this.first === null ? ALLOW : isFixed ? this.first.verdict : null;
    this.isPlain = steps.every((rule) => rule.isPlain);
  }

  /** The step behind the policy of step `at`. */
  nextPolicy(at: number): number {
    const { steps } = this, { policyIndex } = steps[at];
    while (at < steps.length && steps[at].policyIndex === policyIndex) at++;
    return at;
  }

  /** The `otherwise` of the policy of step `at`, or the step behind that policy. */
  otherwise(at: number): number {
    const { steps } = this, end = this.nextPolicy(at);
    return steps[end - 1].isOtherwise ? end - 1 : end;
  }
}

/** The chain of those rules of a kind that match a thing. */
export function buildChain(
  policies: readonly CompiledPolicy[],
  kind: TrapKind,
  matches: (rule: CompiledRule) => boolean,
): Chain {
  const steps: CompiledRule[] = [];
  for (const policy of policies) if (!addSteps(steps, policy, kind, matches)) break;
  return new Chain(steps);
}

/** Adds the turns of one policy. @returns false when no other policy can have a turn. */
function addSteps(
  steps: CompiledRule[],
  policy: CompiledPolicy,
  kind: TrapKind,
  matches: (rule: CompiledRule) => boolean,
): boolean {
  const last = policy.tail(kind).find(({ isOtherwise }) => isOtherwise);
  let mayPass = false, isAsked = false;
  for (const rule of policy.byKind.get(kind) ?? []) {
    if (!matches(rule)) continue;
    steps.push(rule);
    mayPass ||= rule.step !== "verdict";
    isAsked ||= rule.step === "ask";
    if (rule.limit !== null) continue;
    // A handler that says nothing hands on to `otherwise`, over all rules between
    if (isAsked && last) steps.push(last);
    return mayPass;
  }
  const tail = policy.tail(kind);
  steps.push(...tail);
  const ends = tail.at(-1)?.step === "verdict" && tail.at(-1)?.limit === null;
  return !ends || mayPass || tail.some(({ step }) => step === "ask");
}
