const ENTRY_WORDS = 16;
/** Entries for tables of level 3, then of level 2. */
const LEVEL3_ENTRIES = 128;
const LEVEL2_ENTRIES = 32;
/** Where an entry's parts stand: seven words of key, then the table. */
const TTBR_LO = 2;
const FLAGS = 6;
const TABLE_HI = 8;
const TABLE_LO = 9;
const ATTRIBUTES = 10;
const WALK_SECURE = 11;
const HOST = 12;

/**
 * A cache of stage 1 tables of one vCPU, for walks with 4 KiB granules: where the table of level 2 or 3 for an address
 * stands, after stage 2. It says nothing about descriptors in the table, so TLB maintenance of the last level leaves it be.
 */
export class WalkCache {
  readonly #words = new Int32Array((LEVEL3_ENTRIES + LEVEL2_ENTRIES) * ENTRY_WORDS);
  readonly #key = new Int32Array(FLAGS + 1);
  #isEmpty = true;
  /** What `find` found: the table's address (for stage 2: the IPA), its byte offset in memory, and what led there. */
  tableHi = 0;
  tableLo = 0;
  attributes = 0;
  walkSecure = false;
  host = 0;

  /** Says under which registers the next calls look; `flags` is not 0 and tells apart what the registers do not. */
  select(ttbrLo: number, ttbrHi: number, tcrLo: number, tcrHi: number, flags: number): void {
    const key = this.#key;
    key[TTBR_LO] = ttbrLo;
    key[TTBR_LO + 1] = ttbrHi;
    key[TTBR_LO + 2] = tcrLo;
    key[TTBR_LO + 3] = tcrHi;
    key[FLAGS] = flags;
  }

  /** Finds the table of `level` for a VA, into the fields. */
  find(level: number, hi: number, lo: number): boolean {
    const words = this.#words;
    const key = this.#key;
    const w = entryOf(level, hi, lo);
    const shift = level === 3 ? 21 : 30;
    if (words[w] !== (lo & -1 << shift) || words[w + 1] !== (hi | 0)) return false;
    for (let i = TTBR_LO; i <= FLAGS; i++) if (words[w + i] !== key[i]) return false;
    this.tableHi = words[w + TABLE_HI];
    this.tableLo = words[w + TABLE_LO];
    this.attributes = words[w + ATTRIBUTES];
    this.walkSecure = words[w + WALK_SECURE] !== 0;
    this.host = words[w + HOST] * 4;
    return true;
  }

  /** Enters the table of `level` for a VA. */
  insert(
    level: number,
    hi: number,
    lo: number,
    tableHi: number,
    tableLo: number,
    attributes: number,
    walkSecure: boolean,
    host: number,
  ): void {
    const words = this.#words;
    const w = entryOf(level, hi, lo);
    words[w] = lo & -1 << (level === 3 ? 21 : 30);
    words[w + 1] = hi;
    for (let i = TTBR_LO; i <= FLAGS; i++) words[w + i] = this.#key[i];
    words[w + TABLE_HI] = tableHi;
    words[w + TABLE_LO] = tableLo;
    words[w + ATTRIBUTES] = attributes;
    words[w + WALK_SECURE] = walkSecure ? 1 : 0;
    words[w + HOST] = host / 4;
    this.#isEmpty = false;
  }

  /** Forgets the tables for a VA, whatever the registers. */
  invalidateVa(hi: number, lo: number): void {
    // No key has flags of 0
    this.#words[entryOf(3, hi, lo) + FLAGS] = this.#words[entryOf(2, hi, lo) + FLAGS] = 0;
  }

  invalidateAll(): void {
    if (this.#isEmpty) return;
    this.#words.fill(0);
    this.#isEmpty = true;
  }
}

function entryOf(level: number, hi: number, lo: number): number {
  if (level === 3) return ((lo >>> 21 ^ hi << 3) & LEVEL3_ENTRIES - 1) * ENTRY_WORDS;
  return (LEVEL3_ENTRIES + ((lo >>> 30 | hi << 2) & LEVEL2_ENTRIES - 1)) * ENTRY_WORDS;
}
