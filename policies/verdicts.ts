import { type AllOptions, checkIntent, checkOptions, valueParts } from "./options.ts";
import type {
  AbortTarget,
  AccessOptions,
  ExceptionTarget,
  FunctionTarget,
  Injection,
  Intent,
  MmioTarget,
  OneOrMore,
  Rule,
  SysregTarget,
  TrapKind,
  Value,
  Verdict,
  VerdictOptions,
  WfxName,
} from "./types.ts";

/** Makes rules about each kind of trap; without a target, or with `undefined`, about all of the kind. */
export interface RuleMakers<Extra = unknown> {
  /** Loads and stores where no RAM is. */
  mmio(target?: MmioTarget, options?: AccessOptions & Extra): Rule;
  /** MRS and MSR. The rule holds whether or not the architecture has a trap bit for the register. */
  sysreg(target?: SysregTarget, options?: AccessOptions & Extra): Rule;
  /** HVC: Ariel's hypercalls, and the SMC Calling Convention by that conduit. */
  hypercall(target?: FunctionTarget, options?: VerdictOptions & Extra): Rule;
  /** SMC. */
  smc(target?: FunctionTarget, options?: VerdictOptions & Extra): Rule;
  /** WFI, WFE, WFIT and WFET. */
  wfx(target?: OneOrMore<WfxName>, options?: VerdictOptions & Extra): Rule;
  /** Stage 2 faults. */
  abort(target?: AbortTarget, options?: VerdictOptions & Extra): Rule;
  /**
   * Exceptions of the guest by exception class: those that it takes at EL1, and those that it reports. Debug exceptions
   * (0x30, 0x32, 0x34, and 0x3c for BRK) can be refused; the others can be logged, and stop or end the guest.
   */
  exception(target?: ExceptionTarget, options?: VerdictOptions & Extra): Rule;
}

/** A verdict, a function that makes it with options, and the rules that give it. */
export interface SimpleVerdict<Extra = unknown> extends Verdict, RuleMakers<Extra> {
  (options?: VerdictOptions & Extra): Verdict;
}

/** What `kill` is. */
export interface KillVerdict extends Verdict, RuleMakers<{ readonly code?: number }> {
  /** @param code exit code, 0 to 255; 4 by default. */
  (code?: number, options?: VerdictOptions): Verdict;
}

/** What `value` is. */
export interface ValueVerdict {
  /** A verdict that gives the value. */
  (value: Value, options?: VerdictOptions): Verdict;
  /** What loads from there read. */
  mmio(target: MmioTarget | undefined, value: Value, options?: AccessOptions): Rule;
  /** What MRS reads. */
  sysreg(target: SysregTarget | undefined, value: Value, options?: AccessOptions): Rule;
  /** What an HVC returns in X0. */
  hypercall(target: FunctionTarget | undefined, value: Value, options?: VerdictOptions): Rule;
  /** What an SMC returns in X0. */
  smc(target: FunctionTarget | undefined, value: Value, options?: VerdictOptions): Rule;
}

/** What `intent` is. */
export interface IntentVerdict {
  /** A verdict that chooses the intent. */
  (intent: Intent, options?: VerdictOptions): Verdict;
  /** Which faults it is for. */
  abort(target: AbortTarget | undefined, intent: Intent, options?: VerdictOptions): Rule;
}

const KINDS: readonly TrapKind[] = ["mmio", "sysreg", "hypercall", "smc", "wfx", "abort", "exception"];
const VERDICT_OPTIONS: readonly (keyof AllOptions)[] = ["log", "because", "limit"];

const UINT64_END = 1n << 64n;

type Parts = Partial<Verdict>;

function makeVerdict(action: Verdict["action"], parts: Parts, options: AllOptions): Verdict {
  const { log, because, inject, code, limit } = options;
  const optional = { log, because, inject, code, limit };
  const given = Object.fromEntries(Object.entries(optional).filter(([, part]) => part !== undefined));
  return Object.freeze({ action, ...parts, ...given });
}

function makeRule(
  kind: TrapKind,
  who: string,
  target: Rule["target"],
  verdict: (options: AllOptions) => Verdict | "ask",
  options: AllOptions,
  extra: readonly (keyof AllOptions)[],
): Rule {
  const takesAccess = kind === "mmio" || kind === "sysreg";
  checkOptions(who, options, [...VERDICT_OPTIONS, ...extra, ...takesAccess ? ["access"] as const : []]);
  const { access, limit, ...others } = options, given = verdict(others);
  const answer = given === "ask" ? { answer: Object.freeze(others) } : {};
  return Object.freeze({ kind, target, verdict: given, ...answer, access, limit, origin: new Error("rule") });
}

/** The rule makers of a verdict that needs nothing but options. */
function ruleMakers(
  action: string,
  verdict: (options: AllOptions) => Verdict | "ask",
  extra: readonly (keyof AllOptions)[] = [],
): RuleMakers<AllOptions> {
  const maker = (kind: TrapKind) => (target?: Rule["target"], options: AllOptions = {}): Rule =>
    makeRule(kind, `${action}.${kind}`, target, verdict, options, extra);
  return Object.fromEntries(KINDS.map((kind) => [kind, maker(kind)])) as unknown as RuleMakers<AllOptions>;
}

function simple<Extra>(
  action: Verdict["action"],
  extra: readonly (keyof AllOptions)[] = [],
): SimpleVerdict<Extra> {
  const make = (options: AllOptions = {}) => makeVerdict(action, {}, options);
  const verdict = (options: AllOptions = {}) => {
    checkOptions(action, options, [...VERDICT_OPTIONS, ...extra]);
    return make(options);
  };
  return Object.freeze(
    Object.assign(verdict, { action }, ruleMakers(action, make, extra)),
  ) as unknown as SimpleVerdict<Extra>;
}

/**
 * The hypervisor's own emulation: the device, register or function does what it does. A stage 2 fault follows its
 * `intent`.
 */
export const allow: SimpleVerdict = simple("allow");

/** Reads as zero, writes are dropped, a call returns 0, an aborting or waiting instruction is stepped over. */
export const ignore: SimpleVerdict = simple("ignore");

/**
 * What the guest would see if the thing did not exist: UNDEFINED for a register, an external abort for an address,
 * NOT_SUPPORTED for a call. The option `inject` chooses another.
 */
export const deny: SimpleVerdict<{ readonly inject?: Injection }> = simple("deny", ["inject"]);

/** As `allow`, then the machine stops for the monitor. */
export const pause: SimpleVerdict = simple("pause");

/** The next policy decides. */
export const pass: SimpleVerdict = simple("pass");

/** The guest ends, and Ariel with it: with exit code 4 unless another is given. */
export const kill: KillVerdict = (() => {
  const make = (options: AllOptions) => makeVerdict("kill", {}, options);
  const verdict = (code?: number, options: VerdictOptions = {}) => {
    checkOptions("kill", options, VERDICT_OPTIONS);
    const all = code === undefined ? options : { ...options, code };
    checkOptions("kill", all, [...VERDICT_OPTIONS, "code"]);
    return make(all);
  };
  return Object.freeze(
    Object.assign(verdict, { action: "kill" as const }, ruleMakers("kill", make, ["code"])),
  ) as unknown as KillVerdict;
})();

/**
 * A value: what a read or a call gives, while writes are dropped. With `{ clear, set }` the hypervisor's own emulation,
 * and those bits changed in what is read.
 *
 *     value.sysreg("ID_AA64PFR0_EL1", { clear: 0xfn << 32n })
 */
export const value: ValueVerdict = (() => {
  const verdict = (given: Value, options?: VerdictOptions): Verdict => {
    // Handlers answer so again and again
    if (typeof given === "bigint" && options === undefined && given >= 0n && given < UINT64_END) {
      return { action: "value", value: given };
    }
    if (options === undefined) return { action: "value", ...valueParts("value", given) };
    checkOptions("value", options, VERDICT_OPTIONS);
    return makeVerdict("value", valueParts("value", given), options);
  };
  const maker = (kind: TrapKind) => (target: Rule["target"], given: Value, options: AllOptions = {}): Rule => {
    const who = `value.${kind}`;
    return makeRule(kind, who, target, (o) => makeVerdict("value", valueParts(who, given), o), options, []);
  };
  const [mmio, sysreg, hypercall, smc] = KINDS.map(maker);
  return Object.freeze(Object.assign(verdict, { mmio, sysreg, hypercall, smc })) as unknown as ValueVerdict;
})();

/**
 * What is done about a stage 2 fault, whatever the hypervisor meant to do.
 *
 *     intent.abort({ region: "unknown", access: "write" }, "skip")
 */
export const intent: IntentVerdict = (() => {
  const make = (who: string, what: Intent, options: AllOptions) => {
    checkIntent(who, what);
    return makeVerdict("intent", { intent: what }, options);
  };
  const verdict = (what: Intent, options: VerdictOptions = {}) => {
    checkOptions("intent", options, VERDICT_OPTIONS);
    return make("intent", what, options);
  };
  const abort = (target: AbortTarget | undefined, what: Intent, options: VerdictOptions = {}) =>
    makeRule("abort", "intent.abort", target, (o) => make("intent.abort", what, o), options, []);
  return Object.freeze(Object.assign(verdict, { abort })) as unknown as IntentVerdict;
})();

/**
 * The policy's handler in `on` decides; only these rules call JavaScript. The options `log` and `because` are those of
 * its verdicts that have none of their own.
 */
export const ask: RuleMakers = Object.freeze(ruleMakers("ask", () => "ask"));
