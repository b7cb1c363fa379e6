/** An address and how often it was counted. */
export interface AddressCount {
  readonly lo: number;
  readonly hi: number;
  readonly count: number;
}

/**
 * Counts 64-bit addresses in bounded memory: when there is no room, the rarer half is forgotten, so that what is
 * frequent stays, and its count may be too low by what was forgotten.
 */
export class AddressCounter {
  readonly #keys: Uint32Array;
  readonly #counts: Float64Array;
  readonly #capacity: number;
  #size = 0;
  /** What was counted of addresses that were forgotten. */
  forgotten = 0;

  /** @param capacity a power of two. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#keys = new Uint32Array(4 * capacity);
    this.#counts = new Float64Array(2 * capacity);
  }

  add(lo: number, hi: number, count = 1): void {
    const mask = 2 * this.#capacity - 1, keys = this.#keys, counts = this.#counts;
    let slot = (Math.imul(lo ^ Math.imul(hi, 0x85eb_ca6b), 0x9e37_79b1) >>> 8) & mask;
    for (; counts[slot] !== 0; slot = (slot + 1) & mask) {
      if (keys[2 * slot] === lo && keys[2 * slot + 1] === hi) {
        counts[slot] += count;
        return;
      }
    }
    keys[2 * slot] = lo;
    keys[2 * slot + 1] = hi;
    counts[slot] = count;
    if (++this.#size === this.#capacity) this.#forgetHalf();
  }

  #forgetHalf(): void {
    const all = this.top(this.#capacity);
    this.#counts.fill(0);
    this.#size = 0;
    const kept = this.#capacity / 2;
    for (const { lo, hi, count } of all.slice(0, kept)) this.add(lo, hi, count);
    for (const { count } of all.slice(kept)) this.forgotten += count;
  }

  /** The most frequent, the most frequent first. */
  top(limit: number): AddressCount[] {
    const all: AddressCount[] = [];
    this.#counts.forEach((count, slot) => {
      if (count !== 0) all.push({ lo: this.#keys[2 * slot], hi: this.#keys[2 * slot + 1], count });
    });
    return all.sort((a, b) => b.count - a.count || a.hi - b.hi || a.lo - b.lo).slice(0, limit);
  }
}
