import type { Handler, PolicyVm, Trap as PolicyTrap, Verdict as PolicyVerdict } from "../../policies/types.ts";
import { allow, deny, ignore, pass } from "../../policies/verdicts.ts";
import { convertVerdict, KILL_CODE, takesValues } from "./answers.ts";
import type { CompiledPolicy } from "./compiled_rule.ts";
import { askHeap } from "./heap.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { describeError } from "./places.ts";
import { Limit, LoggedOnce, onceVerdicts } from "./repetition.ts";
import type { Trap, TrapKind } from "./trap.ts";
import { type Action, makeVerdict, type Verdict } from "./verdict.ts";

/** What happens after an error in a handler: the trap is denied anyway; "halt" ends the guest, too. */
export type OnPolicyError = "deny" | "halt";

/** A handler said nothing, or gave the word to the next policy. */
export const NOTHING = Symbol("nothing"), PASS = Symbol("pass");
export type Answer = Verdict | typeof NOTHING | typeof PASS;

/** Errors with the same text are told when their count is one of these. */
const TOLD_COUNTS: ReadonlySet<number> = new Set([1, 10, 100, 1000, 10_000, 100_000, 1_000_000]);

/** What handlers need of the world. */
export interface HandlerHost {
  readonly vm: PolicyVm;
  readonly heartbeat: Heartbeat | null;
  readonly onError: OnPolicyError;
  /** Has the record ready of a trap whose handler does not return: `verdict` is what then becomes of it. */
  readonly makeReady?: (trap: Trap, verdict: Verdict) => void;
  /** Tells the user, on stderr. */
  readonly tell: (text: string) => void;
}

/** Calls one policy's handler for one kind of traps, and makes sure of its answer. */
export class HandlerCaller {
  readonly #label: string;
  readonly #handler: Handler<PolicyTrap>;
  /** The hypervisor's form of verdicts that are answered again and again. */
  readonly #constants: ReadonlyMap<unknown, Answer>;
  #lastAnswer: unknown = undefined;
  #lastVerdict: Answer = NOTHING;
  /** The verdicts that plain values become, in turns: one access may be decided on in two parts. */
  readonly #values: [WritableVerdict, WritableVerdict];
  readonly #takesValues: boolean;
  readonly #limits = new Map<string, Limit>();
  readonly #logged = new LoggedOnce();
  readonly #hung: Verdict;

  constructor(
    readonly policy: CompiledPolicy,
    readonly kind: TrapKind,
    readonly host: HandlerHost,
    readonly errorCounts: Map<string, number>,
  ) {
    this.#label = `${policy.policy.name}/on.${kind}`;
    this.#handler = policy.policy.on[kind] as Handler<PolicyTrap>;
    this.#values = [makeVerdict("value", { rule: this.#label }), makeVerdict("value", { rule: this.#label })];
    this.#takesValues = takesValues(kind);
    this.#hung = makeVerdict("kill", { rule: this.#label, code: KILL_CODE, error: "did not return in time" });
    this.#constants = new Map([allow, deny, ignore, pass].map((v) => [v, this.#convert(v)]));
  }

  /** Asks the handler. An error is told, and answered with a denial. @param key what the trap is about, as a number. */
  ask(trap: Trap, key: number): Answer {
    const { host, policy, kind } = this;
    host.makeReady?.(trap, this.#hung);
    host.heartbeat?.enter(policy.index, kind);
    try {
      const complaint = askHeap();
      if (complaint !== null) return this.#end(complaint);
      const answer: PolicyVerdict | undefined = this.#handler(trap as PolicyTrap, host.vm);
      if (answer === undefined) return NOTHING;
      if (answer === this.#lastAnswer) return this.#hold(this.#lastVerdict, trap, key);
      if (isPlainValue(answer) && this.#takesValues) return this.#value(answer.value!);
      return this.#hold(this.#remember(answer, this.#constants.get(answer) ?? this.#convert(answer)), trap, key);
    } catch (error) {
      return this.#fail(error);
    } finally {
      host.heartbeat?.leave();
    }
  }

  #value(value: bigint): Verdict {
    const { 0: verdict, 1: other } = this.#values;
    this.#values[0] = other;
    this.#values[1] = verdict;
    whole[0] = value;
    verdict.valueLo = halves[0];
    verdict.valueHi = halves[1];
    return verdict;
  }

  #convert(answer: PolicyVerdict): Answer {
    return convertVerdict(answer, this.kind, this.#label) ?? PASS;
  }

  #remember(answer: PolicyVerdict, verdict: Answer): Answer {
    if (Object.isFrozen(answer)) {
      this.#lastAnswer = answer;
      this.#lastVerdict = verdict;
    }
    return verdict;
  }

  /** The verdict where its limit is not used up, else nothing; it is logged once for each thing if it says so. */
  #hold(verdict: Answer, trap: Trap, key: number): Answer {
    if (typeof verdict === "symbol") return verdict;
    const { limit, log } = verdict;
    if (limit !== undefined && !this.#limit(verdict.action, limit).take(trap.time)) return NOTHING;
    return log === "once" ? onceVerdicts(verdict)[this.#logged.isFirst(key) ? 0 : 1] : verdict;
  }

  /** Answers that are alike share their limit, as each may be a new object. */
  #limit(action: Action, limit: NonNullable<Verdict["limit"]>): Limit {
    const name = `${action} ${limit.count} ${limit.perSeconds}`;
    let known = this.#limits.get(name);
    if (known === undefined) this.#limits.set(name, known = new Limit(limit));
    return known;
  }

  #fail(error: unknown): Verdict {
    const { host, policy, kind, errorCounts } = this;
    const text = describe(error);
    const count = (errorCounts.get(text) ?? 0) + 1;
    errorCounts.set(text, count);
    const isHalt = host.onError === "halt";
    if (TOLD_COUNTS.has(count)) {
      const times = count === 1 ? "" : ` (${count} times)`;
      const then = isHalt ? "the guest is ended (--on-policy-error halt)" : "the trap is denied";
      host.tell(`policy ${policy.policy.name}, on.${kind}: ${text}; ${then}${times}`);
    }
    const parts = { rule: this.#label, error: text, log: "always", because: text } as const;
    return isHalt ? makeVerdict("kill", { ...parts, code: KILL_CODE }) : makeVerdict("deny", parts);
  }

  /** Ends the guest, whatever is to happen after errors. */
  #end(because: string): Verdict {
    return makeVerdict("kill", { rule: this.#label, error: because, log: "always", because, code: KILL_CODE });
  }
}

type WritableVerdict = { -readonly [K in keyof Verdict]: Verdict[K] };
const halves = new Uint32Array(2), whole = new BigUint64Array(halves.buffer);
const UINT64_END = 1n << 64n;

/** What `value(v)` without options makes: the most frequent answer. */
function isPlainValue(answer: PolicyVerdict): boolean {
  const { action, value, clear, log, because, limit } = answer;
  return action === "value" && typeof value === "bigint" && value >= 0n && value < UINT64_END && clear === undefined &&
    log === undefined && because === undefined && limit === undefined;
}

/** What a plugin threw may throw again when it is looked at. */
function describe(error: unknown): string {
  try {
    return describeError(error);
  } catch {
    return "threw something that cannot be shown";
  }
}
