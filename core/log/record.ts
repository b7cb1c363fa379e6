import type { Trap, TrapKind } from "../policy/trap.ts";
import type { Verdict } from "../policy/verdict.ts";

/** Which traps become lines: all, those that were not simply allowed, or none. */
export type LogLevel = "all" | "deny" | "none";

/** Traps that the log remembers. */
const RING_ENTRIES = 512;

interface Entry {
  /** One trap object of each kind that has stood here, so that nothing is allocated again. */
  readonly traps: Partial<Record<TrapKind, Trap>>;
  kind: TrapKind;
  verdict: Verdict | null;
}

/** One trap and its verdict as a line: `[ariel] ` and logfmt keys in fixed order. */
export function formatRecord(trap: Trap, verdict: Verdict): string {
  const pc = `0x${trap.pc.toString(16).padStart(16, "0")}`;
  return `[ariel] seq=${trap.seq} t=${trap.time} vcpu=${trap.vcpu} pc=${pc} kind=${trap.kind} what=${
    quote(trap.what)
  } ` +
    `value=0x${trap.value.toString(16)} verdict=${verdict.action} rule=${quote(verdict.rule)}`;
}

function quote(text: string): string {
  return text === "" || /[\s"=\\]/.test(text) ? JSON.stringify(text) : text;
}

/** The record of traps and what was decided on them: a ring of the latest, and lines to a sink by level. */
export class TrapLog {
  readonly #entries: Entry[] = [];
  readonly #seen = new WeakSet<Verdict>();
  #next = 0;

  /** @param sink takes each line, without a line end. */
  constructor(public level: LogLevel = "none", public sink: (line: string) => void = () => {}) {}

  /** Remembers a trap; `trap` may be reused afterwards. */
  note(trap: Trap, verdict: Verdict): void {
    const entry = this.#entries[this.#next] ??= { traps: {}, kind: trap.kind, verdict: null };
    this.#next = (this.#next + 1) % RING_ENTRIES;
    const copy = entry.traps[trap.kind];
    // deno-lint-ignore no-explicit-any
    if (copy) copy.copyFrom(trap as any);
    else entry.traps[trap.kind] = trap.clone();
    entry.kind = trap.kind;
    entry.verdict = verdict;
    if (this.level !== "none" || verdict.log !== "default") this.#write(trap, verdict);
  }

  #write(trap: Trap, verdict: Verdict): void {
    if (verdict.log === "never" || (verdict.log === "once" && this.#seen.has(verdict))) return;
    const isWanted = this.level === "all" || (this.level === "deny" && verdict.action !== "allow");
    if (verdict.log === "default" && !isWanted) return;
    if (verdict.log === "once") this.#seen.add(verdict);
    this.sink(formatRecord(trap, verdict));
  }

  /** The lines of the latest traps, at most `count`, oldest first. */
  *lines(count = RING_ENTRIES): Generator<string> {
    for (let i = Math.max(0, RING_ENTRIES - count); i < RING_ENTRIES; i++) {
      const entry = this.#entries[(this.#next + i) % RING_ENTRIES];
      if (entry?.verdict) yield formatRecord(entry.traps[entry.kind]!, entry.verdict);
    }
  }
}
