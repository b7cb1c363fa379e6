import { SYSREG_SLOTS } from "../cpu/layout.ts";
import { EC } from "../cpu/syndrome.ts";
import { findSysreg } from "../cpu/sysregs.ts";
import type { Policy } from "../../policies/types.ts";
import { buildChain, type Chain } from "./chain.ts";
import { CompiledPolicy, type CompiledRule } from "./compiled_rule.ts";
import type { PolicyEnvironment } from "./environment.ts";
import { HandlerCaller, type HandlerHost, NOTHING, PASS } from "./handlers.ts";
import { IntervalTable } from "./interval_table.ts";
import { ABORT_ACCESS, ABORT_FAULT, ABORT_REGION, GUEST_SYSREGS } from "./targets.ts";
import type { AbortTrap, MmioTrap, SysregTrap, Trap, TrapKind } from "./trap.ts";
import { type Action, ALLOW, type Verdict } from "./verdict.ts";

/** Of two verdicts on parts of one access the one further right holds. */
const STRICTNESS: readonly Action[] = ["allow", "mask", "value", "ignore", "pause", "deny", "kill"];
/** Traps of registers that need none any more before the trap bits are brought up to date: that costs as much. */
const STALE_TRAPS = 400;
/** Exceptions that MDCR_EL2.TDE has taken to EL2. */
export const DEBUG_CLASSES: readonly number[] = [EC.breakpointLower, EC.stepLower, EC.watchpointLower, EC.brk];
/** Wait instructions that HCR_EL2.TWI and TWE trap, by ISS.TI. */
const TWI_MASK = 0b0101, TWE_MASK = 0b1010;

/** Intervals and, made when they are first met, the chains of their cells. */
class ChainTable {
  readonly #table: IntervalTable;
  readonly #chains: (Chain | undefined)[];
  readonly #make: (at: number) => Chain;
  /** What was looked for last: many traps in a row are about one thing, and these two lie close together. */
  #last = -1;
  #lastChain: Chain | null = null;

  constructor(rules: readonly CompiledRule[], make: (at: number) => Chain) {
    this.#table = new IntervalTable(rules.flatMap(({ match }) => match.intervals ?? []));
    this.#chains = new Array(this.#table.starts.length);
    this.#make = make;
  }
  at(address: number): Chain {
    if (address !== this.#last) {
      const cell = this.#table.find(address);
      this.#lastChain = this.#chains[cell] ??= this.#make(this.#table.starts[cell]);
      this.#last = address;
    }
    return this.#lastChain!;
  }
  isSplit(at: number, bytes: number): boolean {
    return this.#table.isSplit(at, bytes);
  }
  /** The first number of each cell. */
  get starts(): Float64Array {
    return this.#table.starts;
  }
}

/**
 * Decides on the traps of one VM by its policies. Rules are compiled to tables, so their number does not matter, and
 * JavaScript of a policy runs only for what its handlers are asked.
 */
export class PolicyEngine {
  readonly policies: readonly CompiledPolicy[];
  /** Some policy wants to decide on stage 2 faults. */
  readonly decidesAborts: boolean;
  /** Traps that are wanted by register: bit 0 reads, bit 1 writes. See setSysregTraps. */
  readonly sysregTraps = new Uint8Array(SYSREG_SLOTS);
  /** HCR_EL2.{TWI, TWE} are wanted. */
  readonly trapsWfi: boolean;
  readonly trapsWfe: boolean;
  /** By exception class: 1 where somebody wants to hear of such exceptions of the guest. */
  readonly exceptionTraps: Uint8Array;
  /** Debug exceptions are to come to EL2 before the guest takes them. */
  readonly decidesDebug: boolean;
  /** Called when `sysregTraps` has fewer bits than it had. */
  onSysregTraps: () => void = () => {};
  readonly environment: PolicyEnvironment;
  readonly #host: HandlerHost;
  readonly #errorCounts = new Map<string, number>();
  readonly #callers = new Map<string, HandlerCaller>();
  readonly #sysregRead: (Chain | undefined)[] = new Array(1 << 16);
  readonly #sysregWrite: (Chain | undefined)[] = new Array(1 << 16);
  readonly #mmioRead: ChainTable;
  readonly #mmioWrite: ChainTable;
  readonly #hypercalls: ChainTable;
  readonly #smcs: ChainTable;
  readonly #aborts: (ChainTable | undefined)[] = [];
  readonly #wfx: Chain[];
  readonly #exceptions: (Chain | undefined)[] = [];
  #staleTraps = 0;

  /** Throws PolicyError, with the place, for rules that mean nothing on this machine. */
  constructor(policies: readonly Policy[], environment: PolicyEnvironment, host: HandlerHost) {
    this.policies = policies.map((policy, index) => new CompiledPolicy(policy, index, environment));
    this.environment = environment;
    this.#host = host;
    this.#mmioRead = this.#table("mmio", false);
    this.#mmioWrite = this.#table("mmio", true);
    this.#hypercalls = this.#table("hypercall", false);
    this.#smcs = this.#table("smc", false);
    this.#wfx = Array.from({ length: 4 }, (_, n) => this.#chain("wfx", (rule) => (rule.match.mask >> n & 1) !== 0));
    const traps = (mask: number) => this.#wfx.some((chain, n) => (mask >> n & 1) !== 0 && !chain.isPlain);
    this.trapsWfi = traps(TWI_MASK);
    this.trapsWfe = traps(TWE_MASK);
    this.decidesAborts = this.policies.some((policy) => policy.decides("abort"));
    this.exceptionTraps = Uint8Array.from({ length: 64 }, (_, ec) => this.exceptionChain(ec).isPlain ? 0 : 1);
    this.decidesDebug = DEBUG_CLASSES.some((ec) => this.exceptionChain(ec).steps.some((rule) => rule.canRefuse));
    this.#buildSysregs();
  }

  #chain(kind: TrapKind, matches: (rule: CompiledRule) => boolean): Chain {
    return buildChain(this.policies, kind, matches);
  }

  #table(kind: TrapKind, isWrite: boolean, also: (rule: CompiledRule) => boolean = () => true): ChainTable {
    const rules = this.policies.flatMap((policy) => policy.byKind.get(kind) ?? []);
    const matches = (rule: CompiledRule) => rule.holdsFor(isWrite) && also(rule);
    return new ChainTable(
      rules.filter(matches),
      (at) => this.#chain(kind, (rule) => matches(rule) && rule.contains(at)),
    );
  }

  /** The chain of each register that a guest can reach, and whether it needs a trap. */
  #buildSysregs(): void {
    const named = new Set(
      this.policies.flatMap(({ byKind }) => (byKind.get("sysreg") ?? []).flatMap(({ match }) => [...match.set ?? []])),
    );
    const plain = [false, true].map((isWrite) =>
      this.#chain("sysreg", (rule) => rule.match.set === null && rule.holdsFor(isWrite))
    );
    for (const { encoding, index, canRead, canWrite } of GUEST_SYSREGS) {
      const isNamed = named.has(encoding);
      const chain = (isWrite: boolean) => isNamed ? this.sysregChain(encoding, isWrite) : plain[Number(isWrite)];
      this.#sysregRead[encoding] = chain(false);
      this.#sysregWrite[encoding] = chain(true);
      if (canRead && !chain(false).isPlain) this.sysregTraps[index] |= 1;
      if (canWrite && !chain(true).isPlain) this.sysregTraps[index] |= 2;
    }
  }

  /** The rules about an access to a register. */
  sysregChain(encoding: number, isWrite: boolean): Chain {
    const chains = isWrite ? this.#sysregWrite : this.#sysregRead;
    return chains[encoding] ??= this.#chain(
      "sysreg",
      ({ match: { set }, rule: { access } }) =>
        (set === null || set.has(encoding)) && (access === undefined || (access === "write") === isWrite),
    );
  }
  /** The rules about an address. */
  mmioChain(ipa: number, isWrite: boolean): Chain {
    return (isWrite ? this.#mmioWrite : this.#mmioRead).at(ipa);
  }
  /** The rules about a function. */
  callChain(kind: "hypercall" | "smc", functionId: number): Chain {
    return (kind === "smc" ? this.#smcs : this.#hypercalls).at(functionId);
  }
  wfxChain(instruction: number): Chain {
    return this.#wfx[instruction];
  }
  exceptionChain(ec: number): Chain {
    return this.#exceptions[ec] ??= this.#chain("exception", ({ match: { set } }) => set === null || set.has(ec));
  }
  /** The rules about a stage 2 fault. */
  abortChain({ access, fault, region, ipa }: Pick<AbortTrap, "access" | "fault" | "region" | "ipa">): Chain {
    const a = ABORT_ACCESS.indexOf(access), f = ABORT_FAULT.indexOf(fault), r = ABORT_REGION.indexOf(region);
    const table = this.#aborts[a << 8 | f << 4 | r] ??= this.#table(
      "abort",
      false,
      ({ match: { abort } }) => abort === null || (abort.access >> a & abort.fault >> f & abort.region >> r & 1) !== 0,
    );
    return table.at(ipa);
  }

  /** The first number of each cell of addresses or functions that rules tell apart. */
  cellStarts(kind: "mmio" | "hypercall" | "smc"): readonly number[] {
    if (kind === "mmio") return [...new Set([...this.#mmioRead.starts, ...this.#mmioWrite.starts])];
    return [...(kind === "smc" ? this.#smcs : this.#hypercalls).starts];
  }

  /** The verdict on a trap. */
  decide(trap: Trap): Verdict {
    switch (trap.kind) {
      case "mmio":
        return this.#decideMmio(trap);
      case "sysreg":
        return this.#decideSysreg(trap);
      case "hypercall":
        return this.#follow(this.#hypercalls.at(trap.functionId), trap, trap.functionId);
      case "smc":
        return this.#follow(this.#smcs.at(trap.functionId), trap, trap.functionId);
      case "wfx":
        return this.#follow(this.#wfx[trap.instruction], trap, trap.instruction);
      case "abort":
        return this.#follow(this.abortChain(trap), trap, trap.ipa);
      case "exception":
        return this.#follow(this.exceptionChain(trap.syndrome >>> 26), trap, trap.syndrome >>> 26);
    }
  }

  #decideMmio(trap: MmioTrap): Verdict {
    const { ipa, size, isWrite } = trap;
    const table = isWrite ? this.#mmioWrite : this.#mmioRead, key = 2 * ipa + (isWrite ? 1 : 0);
    const verdict = this.#follow(table.at(ipa), trap, key);
    if (!table.isSplit(ipa, size)) return verdict;
    // The access begins under one rule and ends under another: the stricter holds
    const other = this.#follow(table.at(ipa + size - 1), trap, key);
    return STRICTNESS.indexOf(other.action) > STRICTNESS.indexOf(verdict.action) ? other : verdict;
  }

  #decideSysreg(trap: SysregTrap): Verdict {
    const { encoding, isWrite } = trap;
    const chain = (isWrite ? this.#sysregWrite : this.#sysregRead)[encoding] ?? this.sysregChain(encoding, isWrite);
    const verdict = this.#follow(chain, trap, 2 * encoding + (isWrite ? 1 : 0));
    if (chain.verdict === null && chain.first!.once !== null) this.#relax(chain, encoding, isWrite);
    return verdict;
  }

  /** A register that was only trapped to be logged once needs no trap any more. */
  #relax({ steps: [rule] }: Chain, encoding: number, isWrite: boolean): void {
    const index = findSysreg(encoding);
    if (index < 0 || rule.limit !== null || rule.verdict!.action !== "allow") return;
    this.sysregTraps[index] &= isWrite ? ~2 : ~1;
    if (++this.#staleTraps < STALE_TRAPS) return;
    this.#staleTraps = 0;
    this.onSysregTraps();
  }

  #follow(chain: Chain, trap: Trap, key: number): Verdict {
    const { verdict, first } = chain;
    if (verdict === null) return this.#walk(chain, trap, key);
    if (first !== null) first.hits++;
    return verdict;
  }

  /** Asks the rules of a chain one by one. */
  #walk(chain: Chain, trap: Trap, key: number): Verdict {
    const { steps } = chain;
    for (let at = 0; at < steps.length;) {
      const rule = steps[at];
      if (rule.limit !== null && !rule.limit.take(trap.time)) {
        at++;
        continue;
      }
      rule.hits++;
      if (rule.step === "verdict") return rule.once === null ? rule.verdict! : rule.onceVerdict(key);
      const answer = rule.step === "pass" ? PASS : (rule.caller ??= this.#caller(rule)).ask(trap, key);
      if (answer === PASS) at = chain.nextPolicy(at);
      else if (answer === NOTHING) at = Math.max(at + 1, chain.otherwise(at));
      else return rule.complete(answer, key);
    }
    return ALLOW;
  }

  /** One for all rules that ask the same handler: its answers are limited, and logged once, together. */
  #caller({ policyIndex, kind }: CompiledRule): HandlerCaller {
    const name = `${policyIndex} ${kind}`;
    let caller = this.#callers.get(name);
    if (caller === undefined) {
      caller = new HandlerCaller(this.policies[policyIndex], kind, this.#host, this.#errorCounts);
      this.#callers.set(name, caller);
    }
    return caller;
  }
}
