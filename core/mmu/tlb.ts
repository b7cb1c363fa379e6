import { STATE } from "../cpu/layout.ts";
import { forgetCallSites, forgetPages, forgetSites } from "../cpu/sites.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import { KEY_PAN } from "./context.ts";
import { KnownFaults } from "./known_faults.ts";
import { Stage2Cache } from "./stage2_cache.ts";
import { WalkCache } from "./walk_cache.ts";

/**
 * The software TLB that generated code reads. One context block is a READ array, a WRITE array and an EXEC array of
 * 16-byte entries, direct-mapped by VA[23:12]:
 *   +0  tag: 64-bit VA of the page exactly as used; it never matches an address of another index
 *   +8  addend: the byte offset in memory of an access is VA[31:0] + addend, modulo 2^32 (EXEC: where the records start)
 *   +12 flags (EXEC: the engine's)
 */
export const TLB_ENTRIES = 4096;
export const TLB_READ = 0;
export const TLB_WRITE = 16 * TLB_ENTRIES;
export const TLB_EXEC = 2 * 16 * TLB_ENTRIES;
export const TLB_CONTEXT_BYTES = TLB_EXEC + 16 * TLB_ENTRIES;
export const TLB_CONTEXTS = 32;
/** What one vCPU's TLBs take of memory. */
export const TLB_BYTES = TLB_CONTEXTS * TLB_CONTEXT_BYTES;

/** Regimes whose contexts are remembered; see cpu/regime.ts. */
const REGIMES = 32;
/** Words of a context's key; see context.ts. */
export const KEY_WORDS = 6;
/** How many entries of a context are remembered, so that a context with few is cleared one by one. */
const JOURNAL = 1024;
const CONTEXT_WORDS = TLB_CONTEXT_BYTES >>> 2;
/** Pages of blocks larger than 4 KiB are remembered in a bit map of this many bits, hashed by 2 MiB of VA. */
const BLOCK_MAP_WORDS = 8;
const EXEC_MAP_WORDS = TLB_ENTRIES / 32;

const GUARDED = STATE.guarded.offset >>> 2, TLB = STATE.tlb.offset >>> 2, TLB_UPPER = STATE.tlbUpper.offset >>> 2;
const TLB_UNPRIVILEGED = STATE.tlbUnprivileged.offset >>> 2;

/** The invalid tag of an entry at a VA: of another index, so that it cannot match. */
function invalidTag(lo: number): number {
  return (lo & 0xfff000) === 0 ? 0x1000 : 0;
}

/** The TLB contexts of one vCPU: which block holds what, and how entries come and go. */
export class VcpuTlb {
  /** The contexts used last at each Exception level, and the unprivileged one that went with a context: to be tried first. */
  readonly recent = new Int8Array(4).fill(-1);
  readonly recentUpper = new Int8Array(4).fill(-1);
  readonly partner = new Int8Array(TLB_CONTEXTS).fill(-1);
  /** Keys of the contexts, KEY_WORDS each; word 0 is 0 where the context was never used. */
  readonly keys = new Int32Array(TLB_CONTEXTS * KEY_WORDS);
  /** The key that is looked for. */
  readonly wanted = new Int32Array(KEY_WORDS);
  readonly stage2 = new Stage2Cache();
  readonly walks = new WalkCache();
  readonly faults = new KnownFaults();
  /** A page of the context is guarded. */
  readonly guarded = new Uint8Array(TLB_CONTEXTS);
  /** Of contexts without ASID: a page of the upper half was met that is not global, so the ASID's context serves it. */
  readonly hasNonGlobal = new Uint8Array(TLB_CONTEXTS);
  /** The context holds a page that is global. */
  readonly hasGlobal = new Uint8Array(TLB_CONTEXTS);
  /** Pages have been executed since the context was emptied: a bit for each, by index. */
  readonly #hasExec = new Uint8Array(TLB_CONTEXTS);
  readonly #execMap = new Int32Array(TLB_CONTEXTS * EXEC_MAP_WORDS);
  /** Contexts emptied, and entries made: for statistics. */
  flushCount = 0;
  fillCount = 0;

  readonly #words: Int32Array;
  readonly #base: number;
  /** When each context was chosen last. */
  readonly #stamps = new Float64Array(TLB_CONTEXTS);
  #clock = 0;
  /** Counts what makes a choice of contexts another one: a reused context, pages that are not global. */
  #choice = 0;
  /** By regime: the choice's number when it was made, and the contexts `current`, `upper` and `unprivileged`. */
  readonly #remembered = new Int32Array(4 * REGIMES).fill(-1);
  readonly #stale = new Uint8Array(TLB_CONTEXTS);
  readonly #journal = new Int32Array(TLB_CONTEXTS * JOURNAL);
  readonly #journalCount = new Int32Array(TLB_CONTEXTS);
  readonly #blockMap = new Int32Array(TLB_CONTEXTS * BLOCK_MAP_WORDS);
  /** Bit 0, 1: an entry of a block larger than 2 MiB in the lower, upper half of the address space. */
  readonly #largeBlocks = new Uint8Array(TLB_CONTEXTS);

  /** @param base byte offset of TLB_BYTES of memory that nothing has written to yet, a multiple of 16. */
  constructor(readonly vcpu: Vcpu, base: number) {
    this.#words = vcpu.i32;
    this.#base = base >>> 2;
    for (let context = 0; context < TLB_CONTEXTS; context++) this.#closeFirst(context);
  }

  /** Byte offset in memory of a context's block. */
  offset(context: number): number {
    return (this.#base + context * CONTEXT_WORDS) * 4;
  }

  // Contexts

  /** The contexts that the `tlb`, `tlbUpper` and `tlbUnprivileged` fields point to; negative before the first. */
  get current(): number {
    return this.#contextAt(TLB);
  }
  get upper(): number {
    return this.#contextAt(TLB_UPPER);
  }
  get unprivileged(): number {
    return this.#contextAt(TLB_UNPRIVILEGED);
  }
  #contextAt(field: number): number {
    const { i32, w } = this.vcpu;
    return Math.floor(((i32[w + field] >>> 2) - this.#base) / CONTEXT_WORDS);
  }

  /** The context whose key is `wanted`; the least recently used one, emptied, if there is none. `hint` is tried first. */
  select(hint: number): number {
    let context = hint >= 0 && this.#hasWantedKey(hint) ? hint : this.#find();
    if (context < 0) {
      context = this.#oldest();
      this.keys.set(this.wanted, context * KEY_WORDS);
      this.hasNonGlobal[context] = 0;
      this.#chooseAnew();
      this.#forgetFaults();
      this.#empty(context);
    } else if (this.#stale[context] !== 0) {
      this.#empty(context);
    }
    this.#stamps[context] = ++this.#clock;
    return context;
  }

  /** The upper half is no longer served by this context, which has no ASID. */
  setNonGlobal(context: number): void {
    this.hasNonGlobal[context] = 1;
    this.#chooseAnew();
  }

  #chooseAnew(): void {
    this.#choice++;
    this.vcpu.forgetRegimes();
  }

  /** Remembers the contexts that are in use. */
  remember(regime: number): void {
    const at = 4 * regime;
    this.#remembered[at] = this.#choice;
    this.#remembered[at + 1] = this.current;
    this.#remembered[at + 2] = this.upper;
    this.#remembered[at + 3] = this.unprivileged;
  }

  /**
   * Makes the contexts that were remembered the ones in use. Between regimes of the same registers code stays what it is
   * as long as it runs at one Exception level.
   * @returns false where others would be chosen now.
   */
  resume(regime: number): boolean {
    const at = 4 * regime, words = this.#remembered;
    if (words[at] !== this.#choice) return false;
    const current = words[at + 1], upper = words[at + 2], unprivileged = words[at + 3];
    this.#freshen(current);
    if (upper !== current) this.#freshen(upper);
    if (unprivileged !== current) this.#freshen(unprivileged);
    this.#enter(current, upper, unprivileged);
    return true;
  }

  #freshen(context: number): void {
    if (this.#stale[context] !== 0) this.#empty(context);
    this.#stamps[context] = ++this.#clock;
  }

  /** Makes contexts the ones that generated code uses. */
  use(current: number, upper: number, unprivileged: number): void {
    if (this.#differs(this.current, current) || this.#differs(this.upper, upper)) this.vcpu.codeMoved = true;
    this.#enter(current, upper, unprivileged);
  }

  #enter(current: number, upper: number, unprivileged: number): void {
    if (current !== this.current || upper !== this.upper) forgetPages(this.vcpu);
    const { i32, w } = this.vcpu;
    i32[w + GUARDED] = this.guarded[current] | this.guarded[upper];
    i32[w + TLB] = this.offset(current);
    i32[w + TLB_UPPER] = this.offset(upper);
    i32[w + TLB_UNPRIVILEGED] = this.offset(unprivileged);
  }

  /** Whether pages that were executed in context `old` may be others in `context`: PSTATE.PAN is about data. */
  #differs(old: number, context: number): boolean {
    if (old === context || old < 0 || this.#hasExec[old] === 0) return false;
    const { keys } = this, a = old * KEY_WORDS, b = context * KEY_WORDS;
    if (((keys[a] ^ keys[b]) & ~KEY_PAN) !== 0) return true;
    for (let i = 1; i < KEY_WORDS; i++) if (keys[a + i] !== keys[b + i]) return true;
    return false;
  }

  #hasWantedKey(context: number): boolean {
    const { keys, wanted } = this;
    const k = context * KEY_WORDS;
    for (let i = 0; i < KEY_WORDS; i++) if (keys[k + i] !== wanted[i]) return false;
    return true;
  }

  #find(): number {
    const { keys, wanted } = this;
    const first = wanted[0], second = wanted[1];
    for (let context = 0; context < TLB_CONTEXTS; context++) {
      const k = context * KEY_WORDS;
      if (keys[k] === first && keys[k + 1] === second && this.#hasWantedKey(context)) return context;
    }
    return -1;
  }

  #oldest(): number {
    // Generated code enters contexts without a stamp
    for (const context of [this.current, this.upper, this.unprivileged]) this.#stamps[context] = ++this.#clock;
    let oldest = 0;
    for (let context = 1; context < TLB_CONTEXTS; context++) {
      if (this.#stamps[context] < this.#stamps[oldest]) oldest = context;
    }
    return oldest;
  }

  // Entries

  /** Enters a page for reads or writes: VA `hi:lo` is at byte `hostPage` of memory. @returns the entry's word index. */
  insert(context: number, array: number, lo: number, hi: number, hostPage: number): number {
    const words = this.#words;
    const w = this.#base + context * CONTEXT_WORDS + (array >>> 2) + (lo >>> 10 & 0x3ffc);
    const page = lo & ~0xfff;
    this.fillCount++;
    this.#note(context, w);
    words[w] = invalidTag(lo);
    words[w + 2] = hostPage - page;
    words[w + 1] = hi;
    words[w] = page;
    return w;
  }

  /** Where the byte at an address stands in memory, if it may be read or written without a translation now; else -1. */
  hostOf(lo: number, hi: number, write: boolean): number {
    const words = this.#words, { i32, w } = this.vcpu;
    const array = i32[w + ((hi & 1 << 23) === 0 ? TLB : TLB_UPPER)] + (write ? TLB_WRITE : TLB_READ);
    const entry = (array >>> 2) + (lo >>> 10 & 0x3ffc);
    return words[entry] === (lo & ~0xfff) && words[entry + 1] === (hi | 0) ? lo + words[entry + 2] >>> 0 : -1;
  }

  /** Prepares for the engine's entering a page in the EXEC array. */
  noteExec(context: number, lo: number, guarded: boolean): void {
    this.fillCount++;
    this.#note(context, this.#base + context * CONTEXT_WORDS + (TLB_EXEC >>> 2) + (lo >>> 10 & 0x3ffc));
    this.#hasExec[context] = 1;
    this.#execMap[context * EXEC_MAP_WORDS + (lo >>> 17 & EXEC_MAP_WORDS - 1)] |= 1 << (lo >>> 12 & 31);
    if (!guarded) return;
    if (this.guarded[context] === 0) this.vcpu.forgetRegimes();
    this.guarded[context] = 1;
    if (context === this.current || context === this.upper) this.vcpu.set32("guarded", 1);
  }

  #note(context: number, w: number): void {
    const count = this.#journalCount[context];
    this.#journalCount[context] = count + 1;
    if (count < JOURNAL) this.#journal[context * JOURNAL + count] = w;
  }

  /**
   * Remembers what TLBIs must know of the page at a VA: that it is global, and that it belongs to a block of 2^shift
   * bytes, all of whose pages go with it.
   */
  noteLeaf(context: number, lo: number, hi: number, shift: number, isGlobal: boolean): void {
    if (isGlobal) this.hasGlobal[context] = 1;
    if (shift <= 12) return;
    if (shift > 21) {
      this.#largeBlocks[context] |= 1 << (hi >>> 23 & 1);
      return;
    }
    const hash = blockHash(lo, hi);
    this.#blockMap[context * BLOCK_MAP_WORDS + (hash >>> 5)] |= 1 << (hash & 31);
  }

  // Invalidation

  #forgetFaults(): void {
    this.faults.forget();
    this.vcpu.knownAborts.forget();
  }

  /** Forgets all entries of a context: at once where it is in use, else when it is next chosen. */
  invalidate(context: number): void {
    this.#forgetFaults();
    if (context === this.current || context === this.upper || context === this.unprivileged) this.#empty(context);
    else if (this.#stale[context] === 0) {
      this.#stale[context] = 1;
      this.vcpu.forgetRegimes();
    }
  }

  invalidateAll(): void {
    for (let context = 0; context < TLB_CONTEXTS; context++) this.invalidate(context);
  }

  /** To be called before `invalidateVa`, once for all contexts: what was remembered of their pages. */
  forgetPages(): void {
    this.#forgetFaults();
    forgetPages(this.vcpu);
  }

  /** Forgets what a context holds for the page at a VA, and for the block that the page is in. */
  invalidateVa(context: number, lo: number, hi: number): void {
    if (this.#stale[context] !== 0) return;
    if ((this.#largeBlocks[context] & 1 << (hi >>> 23 & 1)) !== 0) return this.invalidate(context);
    const hash = blockHash(lo, hi);
    if ((this.#blockMap[context * BLOCK_MAP_WORDS + (hash >>> 5)] & 1 << (hash & 31)) === 0) {
      this.#dropPage(context, lo);
      return;
    }
    const start = lo & ~0x1fffff;
    for (let page = 0; page < 512; page++) this.#dropPage(context, start + (page << 12));
  }

  /** Removes entries whose tag has these low 32 bits. */
  #dropPage(context: number, lo: number): void {
    const words = this.#words;
    const page = lo & ~0xfff;
    const read = this.#base + context * CONTEXT_WORDS + (lo >>> 10 & 0x3ffc);
    const write = read + (TLB_WRITE >>> 2);
    const exec = this.#base + context * CONTEXT_WORDS + (TLB_EXEC >>> 2) + (lo >>> 10 & 0x3ffc);
    if (words[read] === page) words[read] = invalidTag(lo);
    if (words[write] === page) words[write] = invalidTag(lo);
    if (words[exec] === page) words[exec] = invalidTag(lo);
    if ((this.#execMap[context * EXEC_MAP_WORDS + (lo >>> 17 & EXEC_MAP_WORDS - 1)] >>> (lo >>> 12 & 31) & 1) === 0) {
      return;
    }
    forgetCallSites(this.vcpu);
    if (context === this.current || context === this.upper) this.vcpu.codeMoved = true;
  }

  #empty(context: number): void {
    this.flushCount++;
    forgetSites(this.vcpu);
    if (this.#hasExec[context] !== 0) {
      if (context === this.current || context === this.upper) this.vcpu.codeMoved = true;
      this.#execMap.fill(0, context * EXEC_MAP_WORDS, (context + 1) * EXEC_MAP_WORDS);
      this.#hasExec[context] = 0;
    }
    const count = this.#journalCount[context];
    if (count > JOURNAL) this.#clearAll(context);
    else {
      const start = context * JOURNAL;
      for (let i = 0; i < count; i++) this.#dropEntry(context, this.#journal[start + i]);
    }
    this.#journalCount[context] = 0;
    this.#blockMap.fill(0, context * BLOCK_MAP_WORDS, (context + 1) * BLOCK_MAP_WORDS);
    this.#largeBlocks[context] = 0;
    this.guarded[context] = this.hasGlobal[context] = 0;
    this.#stale[context] = 0;
  }

  #clearAll(context: number): void {
    const start = this.#base + context * CONTEXT_WORDS;
    this.#words.fill(0, start, start + CONTEXT_WORDS);
    this.#closeFirst(context);
  }

  /** Keeps zeroed entries of index 0 from matching page 0. */
  #closeFirst(context: number): void {
    const start = this.#base + context * CONTEXT_WORDS;
    this.#words[start] = this.#words[start + (TLB_WRITE >>> 2)] = this.#words[start + (TLB_EXEC >>> 2)] = 0x1000;
  }

  /** Empties the entry at word `w`: the first of each array must not match page 0. */
  #dropEntry(context: number, w: number): void {
    const start = this.#base + context * CONTEXT_WORDS;
    const place = w - start;
    const isFirst = place === TLB_READ || place === TLB_WRITE >>> 2 || place === TLB_EXEC >>> 2;
    this.#words[w] = isFirst ? 0x1000 : 0;
  }

  /** Whether word `w` of memory is in this vCPU's TLBs. */
  contains(w: number): boolean {
    return w >= this.#base && w < this.#base + TLB_CONTEXTS * CONTEXT_WORDS;
  }

  /** Removes the entry at word `w`. */
  drop(w: number): void {
    this.#dropEntry(Math.trunc((w - this.#base) / CONTEXT_WORDS), w);
  }

  /** Removes every EXEC entry. */
  invalidateExec(): void {
    forgetSites(this.vcpu);
    for (let context = 0; context < TLB_CONTEXTS; context++) {
      if (this.keys[context * KEY_WORDS] === 0) continue;
      const start = this.#base + context * CONTEXT_WORDS + (TLB_EXEC >>> 2);
      this.#words.fill(0, start, start + 4 * TLB_ENTRIES);
      this.#words[start] = 0x1000;
    }
  }

  /** True while the data entry at word `w` maps the page at byte `hostPage` of memory. */
  maps(w: number, hostPage: number): boolean {
    const tag = this.#words[w];
    return (tag & 0xfff) === 0 && tag + this.#words[w + 2] >>> 0 === hostPage;
  }

  /** Removes every WRITE entry of the page at byte `hostPage` of memory. */
  removeWrites(hostPage: number): void {
    for (let context = 0; context < TLB_CONTEXTS; context++) {
      if (this.keys[context * KEY_WORDS] === 0 || this.#stale[context] !== 0) continue;
      const start = this.#base + context * CONTEXT_WORDS + (TLB_WRITE >>> 2);
      for (let i = 0; i < TLB_ENTRIES; i++) {
        if (this.maps(start + 4 * i, hostPage)) this.#dropEntry(context, start + 4 * i);
      }
    }
  }
}

function blockHash(lo: number, hi: number): number {
  return Math.imul(lo >>> 21 | hi << 11, 0x9e3779b1) >>> 24;
}
