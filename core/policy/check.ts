import type { Chain } from "./chain.ts";
import type { CompiledPolicy, CompiledRule } from "./compiled_rule.ts";
import { DEBUG_CLASSES, type PolicyEngine } from "./engine.ts";
import { formatPlace, placeOf } from "./places.ts";
import { ABORT_ACCESS, ABORT_FAULT, ABORT_REGION, GUEST_SYSREGS } from "./targets.ts";
import { TRAP_KINDS, type TrapKind } from "./trap.ts";

/** A rule that others have the word before. */
export interface Shadowed {
  readonly rule: string;
  readonly place: string;
  /** Who decides instead, first of all. */
  readonly by: string;
  /** It decides on nothing, rather than on less than it names. */
  readonly isUnreachable: boolean;
}

/** A rule that has no effect, or not the one that it names. */
export interface Remark {
  readonly rule: string;
  readonly place: string;
  readonly text: string;
}

/** What can be told of policies without running a guest. */
export interface PolicyReport {
  readonly policies: readonly {
    readonly name: string;
    readonly rules: number;
    /** Rules by kind, those that there are. */
    readonly byKind: Readonly<Partial<Record<TrapKind, number>>>;
    readonly otherwise: string;
    /** What calls JavaScript: rules, and handlers that no rule names. */
    readonly calls: readonly string[];
    readonly shadowed: readonly Shadowed[];
    readonly remarks: readonly Remark[];
  }[];
  /** Registers whose reads or writes are trapped. */
  readonly trappedSysregs: number;
  readonly trapsWaits: boolean;
  readonly decidesAborts: boolean;
  readonly hearsExceptions: boolean;
}

/** A thing that rules are about, with the test of a rule's match. */
interface Cell {
  readonly chain: Chain;
  readonly matches: (rule: CompiledRule) => boolean;
}

/** Looks at every thing that the rules tell apart. */
export function checkPolicies(engine: PolicyEngine): PolicyReport {
  const reach = new Map<CompiledRule, { matched: number; reached: number; by: CompiledRule | null }>();
  const rules = engine.policies.flatMap((policy) => policy.rules);
  for (const rule of rules) reach.set(rule, { matched: 0, reached: 0, by: null });
  for (const kind of TRAP_KINDS) {
    const ofKind = rules.filter((rule) => rule.kind === kind);
    if (ofKind.length === 0) continue;
    for (const { chain, matches } of cells(engine, kind)) {
      const reached = new Set(chain.steps);
      for (const rule of ofKind) {
        if (!matches(rule)) continue;
        const count = reach.get(rule)!;
        count.matched++;
        if (reached.has(rule)) count.reached++;
        else count.by ??= chain.steps.findLast((step) => step.policyIndex <= rule.policyIndex) ?? null;
      }
    }
  }
  const shadowed = (policy: CompiledPolicy): Shadowed[] =>
    policy.rules.flatMap((rule) => {
      const { matched, reached, by } = reach.get(rule)!;
      if (matched === reached || by === null) return [];
      return [{ rule: rule.label, place: placeText(rule), by: by.label, isUnreachable: reached === 0 }];
    });
  return {
    policies: engine.policies.map((policy) => ({
      name: policy.policy.name,
      rules: policy.rules.length,
      byKind: Object.fromEntries([...policy.byKind].map(([kind, list]) => [kind, list.length])),
      otherwise: policy.policy.otherwise.action,
      calls: [
        ...policy.rules.filter(({ step }) => step === "ask"),
        ...TRAP_KINDS.flatMap((kind) => policy.tail(kind).filter(({ step }) => step === "ask")),
      ].map((rule) => rule.label),
      shadowed: shadowed(policy),
      remarks: policy.rules.flatMap((rule) => {
        const text = remarkOn(rule, engine);
        return text === "" ? [] : [{ rule: rule.label, place: placeText(rule), text }];
      }),
    })),
    trappedSysregs: engine.sysregTraps.reduce((sum, bits) => sum + (bits === 0 ? 0 : 1), 0),
    trapsWaits: engine.trapsWfi || engine.trapsWfe,
    decidesAborts: engine.decidesAborts,
    hearsExceptions: engine.exceptionTraps.some(Boolean),
  };
}

/** What keeps a rule from doing what it says, whatever other rules there are, or "". */
function remarkOn(
  { kind, match, verdict }: CompiledRule,
  { environment: { ram }, decidesDebug }: PolicyEngine,
): string {
  const { intervals, set } = match;
  if (intervals?.length === 0 || set?.size === 0) return "matches nothing on this machine";
  if (kind === "mmio" && intervals?.some(({ start, end }) => start < ram.end && end > ram.start)) {
    const isInside = intervals.every(({ start, end }) => start >= ram.start && end <= ram.end);
    return `${isInside ? "never takes effect" : "takes effect in part"}: loads and stores of guest RAM do not trap`;
  }
  const isRefusal = kind === "exception" && (verdict?.action === "deny" || verdict?.action === "ignore");
  const isDebug = (ec: number) => decidesDebug && DEBUG_CLASSES.includes(ec);
  if (isRefusal && !(set !== null && [...set].every(isDebug))) {
    return "cannot undo what the guest takes itself: it only refuses debug exceptions, and reports";
  }
  return "";
}

/** Where a rule stands in its policy's source, or "". */
export function placeText(rule: CompiledRule): string {
  const place = placeOf(rule.rule.origin);
  return place ? formatPlace(place) : "";
}

function* cells(engine: PolicyEngine, kind: TrapKind): Generator<Cell> {
  switch (kind) {
    case "mmio":
      for (const isWrite of [false, true]) {
        for (const at of engine.cellStarts("mmio")) {
          yield {
            chain: engine.mmioChain(at, isWrite),
            matches: (rule) => rule.holdsFor(isWrite) && rule.contains(at),
          };
        }
      }
      return;
    case "sysreg":
      yield* sysregCells(engine);
      return;
    case "hypercall":
    case "smc":
      for (const at of engine.cellStarts(kind)) {
        yield { chain: engine.callChain(kind, at), matches: (rule) => rule.contains(at) };
      }
      return;
    case "wfx":
      for (let n = 0; n < 4; n++) {
        yield { chain: engine.wfxChain(n), matches: ({ match }) => (match.mask >> n & 1) !== 0 };
      }
      return;
    case "exception":
      for (let ec = 0; ec < 64; ec++) {
        yield { chain: engine.exceptionChain(ec), matches: ({ match: { set } }) => set === null || set.has(ec) };
      }
      return;
    case "abort":
      yield* abortCells(engine);
  }
}

function* sysregCells(engine: PolicyEngine): Generator<Cell> {
  const named = engine.policies.flatMap(({ rules }) => rules.flatMap(({ match }) => [...match.set ?? []]));
  const known = new Map(GUEST_SYSREGS.map((register) => [register.encoding, register]));
  for (const encoding of new Set([...known.keys(), ...named])) {
    for (const isWrite of [false, true]) {
      const register = known.get(encoding);
      if (register && !(isWrite ? register.canWrite : register.canRead)) continue;
      yield {
        chain: engine.sysregChain(encoding, isWrite),
        matches: (rule) => rule.holdsFor(isWrite) && (rule.match.set?.has(encoding) ?? true),
      };
    }
  }
}

function* abortCells(engine: PolicyEngine): Generator<Cell> {
  const rules = engine.policies.flatMap(({ byKind }) => byKind.get("abort") ?? []);
  const starts = new Set([0, ...rules.flatMap(({ match }) => match.intervals?.map(({ start }) => start) ?? [])]);
  for (const [a, access] of ABORT_ACCESS.entries()) {
    for (const [f, fault] of ABORT_FAULT.entries()) {
      for (const [r, region] of ABORT_REGION.entries()) {
        for (const ipa of starts) {
          yield {
            chain: engine.abortChain({ access, fault, region, ipa }),
            matches: (rule) => {
              const { abort } = rule.match;
              const fits = abort === null || (abort.access >> a & abort.fault >> f & abort.region >> r & 1) !== 0;
              return fits && rule.contains(ipa);
            },
          };
        }
      }
    }
  }
}
