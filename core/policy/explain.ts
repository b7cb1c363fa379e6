import { findSysreg } from "../cpu/sysregs.ts";
import type { Chain } from "./chain.ts";
import { placeText } from "./check.ts";
import { DEBUG_CLASSES, type PolicyEngine } from "./engine.ts";
import type { Interval } from "./interval_table.ts";
import { guestSysreg } from "./targets.ts";
import type { Trap } from "./trap.ts";

/** What policies say to one trap, and why. */
export interface Explanation {
  readonly what: string;
  /** The verdict on such a trap now, as one word with its parts. */
  readonly verdict: string;
  /** Who decides, or "" where no policy does. */
  readonly rule: string;
  readonly because: string;
  /** What went wrong in a handler. */
  readonly error: string;
  /** The rules that have a turn, in order. */
  readonly steps: readonly { readonly rule: string; readonly place: string; readonly what: string }[];
  /** Whether the access comes to EL2 at all. */
  readonly trapped: string;
}

/** Decides on a trap as if a guest had caused it, and tells how. */
export function explainTrap(engine: PolicyEngine, trap: Trap): Explanation {
  const chain = chainOf(engine, trap);
  // Looked at first: a rule that logs once may need no trap afterwards
  const trapped = trappedText(engine, trap);
  const verdict = engine.decide(trap);
  const { action, valueLo, valueHi, clearLo, clearHi, inject, intent, code, error } = verdict;
  const hex = (lo: number, hi: number) => `0x${(BigInt(hi) << 32n | BigInt(lo)).toString(16)}`;
  const parts = [
    ...action === "value" ? [hex(valueLo, valueHi)] : [],
    ...action === "mask" ? [`clear ${hex(clearLo, clearHi)}, set ${hex(valueLo, valueHi)}`] : [],
    ...inject !== "default" ? [`inject ${inject}`] : [],
    ...intent !== undefined ? [`intent ${intent}`] : [],
    ...action === "kill" ? [`exit code ${code}`] : [],
  ];
  return {
    what: trap.what,
    verdict: parts.length > 0 ? `${action} (${parts.join(", ")})` : action,
    rule: verdict.rule === "default" ? "" : verdict.rule,
    because: verdict.because ?? "",
    error: error ?? "",
    steps: chain.steps.map((rule) => ({
      rule: rule.label,
      place: placeText(rule),
      what: [
        rule.step === "ask" ? "asks its handler" : rule.step === "pass" ? "passes" : rule.verdict!.action,
        ...rule.limit ? [rule.limit.text] : [],
        ...rule.once ? ["logged once"] : [],
      ].join(", "),
    })),
    trapped,
  };
}

function isInside(at: number, { start, end }: Interval): boolean {
  return at >= start && at < end;
}

function chainOf(engine: PolicyEngine, trap: Trap): Chain {
  switch (trap.kind) {
    case "mmio":
      return engine.mmioChain(trap.ipa, trap.isWrite);
    case "sysreg":
      return engine.sysregChain(trap.encoding, trap.isWrite);
    case "hypercall":
    case "smc":
      return engine.callChain(trap.kind, trap.functionId);
    case "wfx":
      return engine.wfxChain(trap.instruction);
    case "exception":
      return engine.exceptionChain(trap.syndrome >>> 26);
    case "abort":
      return engine.abortChain(trap);
  }
}

function trappedText(engine: PolicyEngine, trap: Trap): string {
  switch (trap.kind) {
    case "sysreg": {
      const access = guestSysreg(trap.encoding), index = findSysreg(trap.encoding);
      if (index < 0 || access === null || !(trap.isWrite ? access.canWrite : access.canRead)) {
        return "yes: a guest has nothing there, and gets UNDEFINED unless a policy gives it more";
      }
      const isTrapped = (engine.sysregTraps[index] & (trap.isWrite ? 2 : 1)) !== 0;
      return isTrapped ? "yes: a rule asks for it" : "only where the architecture asks for it: no rule does";
    }
    case "mmio":
      return isInside(trap.ipa, engine.environment.ram) ? "no: there is guest RAM" : "yes";
    case "wfx":
      return (trap.instruction % 2 === 0 ? engine.trapsWfi : engine.trapsWfe) ? "yes: a rule asks for it" : "no";
    case "exception": {
      const ec = trap.syndrome >>> 26;
      if (engine.decidesDebug && DEBUG_CLASSES.includes(ec)) return "yes: before the guest takes it";
      return engine.exceptionTraps[ec] !== 0
        ? "the guest takes it: deny and ignore cannot undo it"
        : "no: no rule asks for it";
    }
    default:
      return "yes";
  }
}
