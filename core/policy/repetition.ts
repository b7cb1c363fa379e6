import { makeVerdict, type Verdict } from "./verdict.ts";

/*
 * What policies remember of the traps that they have decided.
 */

/** Things of which one remembers that they were logged once. */
const ONCE_MAX = 1 << 16;

/** So many in so long a time. */
export class Limit {
  readonly count: number;
  readonly ns: number;
  #windowStart = 0;
  #windowCount = 0;

  constructor({ count, perSeconds }: { readonly count: number; readonly perSeconds: number }) {
    this.count = count;
    this.ns = perSeconds * 1e9;
  }

  /** Counts one more. @returns false when it is used up. */
  take(timeNs: number): boolean {
    // Where the time is less than it was, the guest has begun anew
    const isNew = this.#windowCount === 0 || timeNs - this.#windowStart >= this.ns || timeNs < this.#windowStart;
    if (isNew) {
      this.#windowStart = timeNs;
      this.#windowCount = 0;
    }
    if (this.#windowCount >= this.count) return false;
    this.#windowCount++;
    return true;
  }

  get text(): string {
    return `${this.count} times in ${this.ns / 1e9} s`;
  }
}

/** What was logged once already. */
export class LoggedOnce {
  readonly #seen = new Set<number>();

  /** @param key what a trap is about, as a number. @returns whether it is to be logged now. */
  isFirst(key: number): boolean {
    const seen = this.#seen;
    if (seen.has(key) || seen.size >= ONCE_MAX) return false;
    seen.add(key);
    return true;
  }
}

/** The verdict the first and every later time, for `log: "once"`. */
export function onceVerdicts(verdict: Verdict): readonly [first: Verdict, next: Verdict] {
  const withLog = (log: Verdict["log"]) => makeVerdict(verdict.action, { ...verdict, log });
  return [withLog("always"), withLog("never")];
}
