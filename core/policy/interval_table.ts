/** Intervals that rules are about: half-open. */
export interface Interval {
  readonly start: number;
  readonly end: number;
}

/** Addresses whose cell is remembered: guests touch few places, again and again. */
const MEMO_ENTRIES = 4096;

/**
 * A line of numbers cut at the bounds of intervals: between two cuts every number meets the same intervals. The cell of
 * a number is found by binary search, or at once where it was looked for lately.
 */
export class IntervalTable {
  /** Where each cell begins; the first at 0. */
  readonly starts: Float64Array;
  readonly #memoKeys = new Float64Array(MEMO_ENTRIES).fill(-1);
  readonly #memoCells = new Int32Array(MEMO_ENTRIES);
  /** No naturally aligned access of up to 8 bytes lies in two cells. */
  readonly #isAligned: boolean;

  constructor(intervals: Iterable<Interval>) {
    const cuts = new Set([0]);
    for (const { start, end } of intervals) cuts.add(start).add(end);
    this.starts = Float64Array.from(cuts).sort();
    this.#isAligned = this.starts.every((start) => start % 8 === 0);
  }

  /** The cell that holds `at`. */
  find(at: number): number {
    const slot = (at >>> 2 ^ at >>> 12 ^ at << 6) & (MEMO_ENTRIES - 1);
    if (this.#memoKeys[slot] === at) return this.#memoCells[slot];
    const { starts } = this;
    let low = 0, high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (starts[middle] <= at) low = middle;
      else high = middle;
    }
    this.#memoKeys[slot] = at;
    this.#memoCells[slot] = low;
    return low;
  }

  /** Whether [at, at + bytes), of at most 8 bytes, begins and ends in different cells. */
  isSplit(at: number, bytes: number): boolean {
    if (this.#isAligned && (at & (bytes - 1)) === 0) return false;
    return this.find(at) !== this.find(at + bytes - 1);
  }
}
