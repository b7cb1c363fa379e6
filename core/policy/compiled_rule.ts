import type { Policy, Rule, Verdict as PolicyVerdict } from "../../policies/types.ts";
import { convertVerdict } from "./answers.ts";
import type { PolicyEnvironment } from "./environment.ts";
import type { HandlerCaller } from "./handlers.ts";
import type { Interval } from "./interval_table.ts";
import { ruleError } from "./policy_error.ts";
import { Limit, LoggedOnce, onceVerdicts } from "./repetition.ts";
import {
  type AbortMatch,
  abortMatch,
  exceptionClasses,
  functionIntervals,
  mmioIntervals,
  sysregEncodings,
  wfxMask,
} from "./targets.ts";
import { TRAP_KINDS, type TrapKind } from "./trap.ts";
import { makeVerdict, type Verdict } from "./verdict.ts";

/** Targets that a rule's name lists before it only counts. */
const NAMED_TARGETS = 2;

/** What a rule matches, null where that is all of its kind. */
export interface Match {
  readonly intervals: readonly Interval[] | null;
  /** Registers' encodings, or exception classes. */
  readonly set: ReadonlySet<number> | null;
  /** Wait instructions by ISS.TI. */
  readonly mask: number;
  readonly abort: AbortMatch | null;
}
const ALL: Match = { intervals: null, set: null, mask: 15, abort: null };

/** What a rule does when its turn comes. */
export type StepKind = "verdict" | "pass" | "ask";

/** A rule of a policy on a machine: what it matches, what it says, and what it remembers. */
export class CompiledRule {
  /** Who calls its handler, once that was asked. */
  caller: HandlerCaller | null = null;
  /** Traps that it has decided, or handed on. */
  hits = 0;
  readonly step: StepKind;
  /** Who decides, for records: "strict/deny.sysreg:DBG*". */
  readonly label: string;
  readonly because: string | undefined;
  /** Null for "pass" and "ask". */
  readonly verdict: Verdict | null;
  readonly match: Match;
  readonly limit: Limit | null;
  /** The verdict the first and every later time, for `log: "once"`; null otherwise. */
  readonly once: ReturnType<typeof onceVerdicts> | null;
  readonly #logged = new LoggedOnce();
  /** It says something that its handler's verdicts may leave out. */
  readonly #completes: boolean;

  /**
   * @param policyIndex place of its policy.
   * @param isOtherwise it is the policy's `otherwise`.
   * Throws PolicyError where the target or verdict means nothing.
   */
  constructor(
    readonly rule: Rule,
    readonly policyIndex: number,
    policy: string,
    environment: PolicyEnvironment,
    name?: string,
    readonly isOtherwise = false,
  ) {
    const { kind, verdict, limit } = rule;
    const text = name ?? ruleText(rule);
    this.label = `${policy}/${text}`;
    this.step = verdict === "ask" ? "ask" : verdict.action === "pass" ? "pass" : "verdict";
    this.because = verdict === "ask" ? rule.answer?.because : verdict.because;
    this.#completes = verdict === "ask" && (this.because ?? rule.answer?.log) !== undefined;
    this.limit = limit ? new Limit(limit) : null;
    try {
      this.verdict = verdict === "ask" ? null : convertVerdict(verdict, kind as TrapKind, this.label);
      this.match = makeMatch(rule, environment);
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
      throw ruleError(rule.origin, `Cannot use ${text} of policy ${policy} as ${error.message}`);
    }
    this.once = this.verdict?.log === "once" ? onceVerdicts(this.verdict) : null;
  }

  get kind(): TrapKind {
    return this.rule.kind as TrapKind;
  }

  /** Whether it says no more than what would happen anyway. */
  get isPlain(): boolean {
    if (this.limit !== null || this.step === "ask") return false;
    if (this.step === "pass") return true;
    const { action, log } = this.verdict!;
    return action === "allow" && (log === "default" || log === "never");
  }

  /** Whether it may keep a thing from taking its course. */
  get canRefuse(): boolean {
    return this.step === "ask" || this.verdict?.action === "deny" || this.verdict?.action === "ignore";
  }

  /** Whether it holds for reads, or for writes. */
  holdsFor(isWrite: boolean): boolean {
    return this.rule.access === undefined || (this.rule.access === "write") === isWrite;
  }
  /** Whether a number of its kind lies in its intervals. */
  contains(at: number): boolean {
    const { intervals } = this.match;
    if (intervals === null) return true;
    for (let i = 0; i < intervals.length; i++) if (at >= intervals[i].start && at < intervals[i].end) return true;
    return false;
  }

  /** The verdict of a rule with `log: "once"`. @param key what the trap is about, as a number. */
  onceVerdict(key: number): Verdict {
    return this.once![this.#logged.isFirst(key) ? 0 : 1];
  }

  /** What its handler has answered, with what the rule says where the answer does not. @param key as above. */
  complete(answer: Verdict, key: number): Verdict {
    if (!this.#completes) return answer;
    const { log = "default" } = this.rule.answer!;
    return makeVerdict(answer.action, {
      ...answer,
      because: answer.because ?? this.because,
      log: answer.log !== "default"
        ? answer.log
        : log !== "once"
        ? log
        : this.#logged.isFirst(key)
        ? "always"
        : "never",
    });
  }
}

function makeMatch({ kind, target }: Rule, environment: PolicyEnvironment): Match {
  if (target === undefined || target === "*") return ALL;
  // deno-lint-ignore no-explicit-any
  const given = target as any;
  switch (kind) {
    case "mmio":
      return { ...ALL, intervals: mmioIntervals(given, environment) };
    case "sysreg":
      return { ...ALL, set: sysregEncodings(given) };
    case "hypercall":
    case "smc":
      return { ...ALL, intervals: functionIntervals(given, kind, environment) };
    case "wfx":
      return { ...ALL, mask: wfxMask(given) };
    case "exception":
      return { ...ALL, set: exceptionClasses(given) };
    case "abort": {
      const abort = abortMatch(given);
      return { ...ALL, abort, intervals: abort.intervals };
    }
  }
}

/** A rule as its policy writes it, without options and in one word: "allow.mmio:pl011". */
function ruleText({ kind, target, verdict, access }: Rule): string {
  const action = verdict === "ask" ? "ask" : verdict.action;
  const items = target === undefined ? [] : Array.isArray(target) ? target : [target];
  const named = items.slice(0, NAMED_TARGETS).map(targetText);
  const more = items.length > NAMED_TARGETS ? [`and ${items.length - NAMED_TARGETS} more`.replaceAll(" ", "_")] : [];
  const direction = access === undefined ? "" : `:${access}`;
  return `${action}.${kind}${items.length > 0 ? ":" : ""}${[...named, ...more].join(",")}${direction}`;
}

function targetText(item: unknown): string {
  if (typeof item === "number") return item < 64 ? String(item) : `0x${item.toString(16)}`;
  if (typeof item === "string") return item.replaceAll(/[\s"=\\]/g, "_");
  const { start, bytes, ...rest } = Object(item);
  if (start !== undefined) return `0x${Number(start).toString(16)}+0x${Number(bytes).toString(16)}`;
  const { ipa, ...filters } = rest;
  const ranges = ipa === undefined ? [] : (Array.isArray(ipa) ? ipa : [ipa]).map(targetText);
  return [...Object.values(filters).flat().map(String), ...ranges].join("+");
}

/** The rules of a policy on a machine, by kind, and what follows them. */
export class CompiledPolicy {
  readonly rules: readonly CompiledRule[];
  readonly byKind: ReadonlyMap<TrapKind, readonly CompiledRule[]>;
  /** By kind: a handler that no `ask` rule names, then `otherwise`. */
  readonly #tails = new Map<TrapKind, readonly CompiledRule[]>();

  constructor(readonly policy: Policy, readonly index: number, environment: PolicyEnvironment) {
    const compile = (rule: Rule, name?: string, isOtherwise?: boolean) =>
      new CompiledRule(rule, index, policy.name, environment, name, isOtherwise);
    this.rules = policy.rules.map((rule) => compile(rule));
    const byKind = new Map<TrapKind, CompiledRule[]>();
    for (const rule of this.rules) {
      const list = byKind.get(rule.kind);
      if (list) list.push(rule);
      else byKind.set(rule.kind, [rule]);
    }
    this.byKind = byKind;
    const origin = new Error("policy");
    const make = (kind: TrapKind, verdict: PolicyVerdict | "ask"): Rule => ({
      kind,
      target: undefined,
      verdict,
      limit: verdict === "ask" ? undefined : verdict.limit,
      origin,
    });
    for (const kind of KINDS) {
      const tail: CompiledRule[] = [];
      const isAsked = byKind.get(kind)?.some(({ step }) => step === "ask") ?? false;
      if (policy.on[kind] !== undefined && !isAsked) tail.push(compile(make(kind, "ask"), `on.${kind}`));
      const hasOtherwise = policy.otherwise.action !== "pass" && OTHERWISE.has(kind);
      if (hasOtherwise) tail.push(compile(make(kind, policy.otherwise), "otherwise", true));
      this.#tails.set(kind, tail);
    }
  }

  /** What follows the rules about a kind. */
  tail(kind: TrapKind): readonly CompiledRule[] {
    return this.#tails.get(kind)!;
  }

  /** Whether anything here is about a kind. */
  decides(kind: TrapKind): boolean {
    return this.byKind.has(kind) || this.tail(kind).length > 0;
  }
}

const KINDS = TRAP_KINDS;
/** The kinds that `otherwise` decides: what a guest asks for by itself. */
const OTHERWISE: ReadonlySet<TrapKind> = new Set<TrapKind>(["mmio", "sysreg", "hypercall", "smc"]);
