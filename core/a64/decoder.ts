import type { Fields, Row } from "./row.ts";

/*
 * The decoder spreads the rows over buckets by the bits of the word that tell most rows apart, and keeps the rows of a
 * bucket in order of specificity: the row with the most fixed bits comes first. Each row of a bucket is a mask and a
 * value to compare with, so that a word costs a handful of comparisons.
 */

/**
 * The bits that choose the bucket, as runs of [least significant bit, width]. Chosen by trying: these leave the
 * shortest lists for random words.
 */
const INDEX_RUNS: readonly (readonly [lsb: number, width: number])[] = [[10, 2], [21, 10]];
const INDEX_WIDTH = INDEX_RUNS.reduce((sum, [, width]) => sum + width, 0);

/** Gathers the bits of INDEX_RUNS; the constants stand here once more since this is the hot path. */
function indexOf(word: number): number {
  return ((word >>> 10) & 3) | (((word >>> 21) & 0x3ff) << 2);
}

function popcount(n: number): number {
  let count = 0;
  for (; n !== 0; n &= n - 1) count++;
  return count;
}

/** More fixed bits first; of two rows alike in that the alias first. */
function bySpecificity(rows: readonly Row[]): Row[] {
  const order = new Map(rows.map((r) => [r, 2 * popcount(r.mask) + Number(r.semantics === null)]));
  return rows.toSorted((a, b) => order.get(b)! - order.get(a)!);
}

/** Whether `a` has all the fixed bits of `b` and more: it then comes first where both match. */
export function isMoreSpecific(a: Row, b: Row): boolean {
  return a.mask !== b.mask && (a.mask & b.mask) >>> 0 === b.mask && (a.value & b.mask) >>> 0 === b.value;
}

/** Evaluates `reserved` on whole words without allocating: the fields object of each row is used again. */
class ReservedTest {
  readonly #fields: Fields = {};
  readonly #row: Row;
  readonly #reserved: (f: Fields) => boolean;

  constructor(row: Row, reserved: (f: Fields) => boolean) {
    this.#row = row;
    this.#reserved = reserved;
    for (const field of row.fields) this.#fields[field.name] = 0;
  }

  holds(word: number): boolean {
    for (const field of this.#row.fields) this.#fields[field.name] = (word >>> field.lsb) & ((1 << field.width) - 1);
    return this.#reserved(this.#fields);
  }
}

/** Finds the row of a word among the rows of a table whose features are present. */
export class Decoder {
  /** The rows that words are looked for among. */
  readonly rows: readonly Row[];
  readonly #reserved: readonly (ReservedTest | null)[];
  /** For each bucket the start of its list in #list; the list ends where the next begins. */
  readonly #starts = new Uint32Array(2 ** INDEX_WIDTH + 1);
  /** Triples of mask, value and row number. */
  readonly #list: Int32Array;

  /**
   * @param rows the table; rows without semantics (aliases) count like all others, so leave them out for execution.
   * @param features the features that are present; null for all.
   */
  constructor(rows: readonly Row[], features: ReadonlySet<string> | null = null) {
    const isPresent = (r: Row): boolean => !r.options.feature || !features || features.has(r.options.feature);
    this.rows = bySpecificity(rows.filter(isPresent));
    this.#reserved = this.rows.map((r) => r.options.reserved ? new ReservedTest(r, r.options.reserved) : null);
    const starts = this.#starts;
    this.rows.forEach((row) => forEachBucket(row, (bucket) => starts[bucket + 1]++));
    for (let i = 1; i < starts.length; i++) starts[i] += starts[i - 1];
    const next = starts.slice();
    const list = this.#list = new Int32Array(starts[starts.length - 1] * 3);
    this.rows.forEach((row, n) =>
      forEachBucket(row, (bucket) => {
        const at = next[bucket]++ * 3;
        list[at] = row.mask;
        list[at + 1] = row.value;
        list[at + 2] = n;
      })
    );
  }

  /** The most specific row that the word belongs to, or null when it is UNDEFINED. */
  decode(word: number): Row | null {
    const list = this.#list, bucket = indexOf(word);
    const end = this.#starts[bucket + 1] * 3;
    for (let i = this.#starts[bucket] * 3; i < end; i += 3) {
      if ((word & list[i]) !== list[i + 1]) continue;
      const n = list[i + 2];
      const reserved = this.#reserved[n];
      if (reserved === null || !reserved.holds(word)) return this.rows[n];
    }
    return null;
  }

  /** The mean number of rows in the bucket of a random word: what a choice of INDEX_RUNS is judged by. */
  get meanListLength(): number {
    return this.#list.length / 3 / 2 ** INDEX_WIDTH;
  }
}

/** Calls `visit` for each bucket that holds words of the row. */
function forEachBucket(row: Row, visit: (bucket: number) => void): void {
  const fixed = indexOf(row.value), free = ~indexOf(row.mask) & (2 ** INDEX_WIDTH - 1);
  // Counts through the subsets of the free bits: (s - free) & free is the next subset after s.
  let subset = 0;
  do {
    visit(fixed | subset);
    subset = (subset - free) & free;
  } while (subset !== 0);
}
