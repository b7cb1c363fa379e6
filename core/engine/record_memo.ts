import type { CaptureBuilder } from "./capture.ts";
import type { I32, Value } from "./builder.ts";
import type { Emitter } from "./emitter.ts";
import { touch } from "./touch.ts";
import { GENERATION_OFFSET, HOST_PAGE_OFFSET, RECORD_BYTES } from "./record.ts";

/** Words that are remembered. */
const ENTRIES_LOG2 = 16, ENTRIES = 1 << ENTRIES_LOG2;
const RECORD_WORDS = RECORD_BYTES / 4;
/**
 * Where things stand in an entry, in 32-bit words: the word, 0 where there is none (that word is never remembered);
 * bytes that a direct branch goes, 0 for other instructions, and for a branch to itself, which stays in its page too.
 */
const PLACE = { word: 0, offset: 1, flags: 2, record: 4 } as const, ENTRY_WORDS = 4 + RECORD_WORDS;
/** What a memo takes of memory. */
export const MEMO_BYTES = ENTRIES * ENTRY_WORDS * 4;
const HASH = 0x9e3779b1;
/** The record is that of a direct branch to another page, near ones have other records; it ends a block. */
const FLAG = { far: 1, endsBlock: 2 } as const;

/** Answers of {@link RecordMemo.recall}. */
export const RECALLED = { unknown: 0, known: 1, end: 2 } as const;

/**
 * Records of words that were decoded before, by a hash of the word: code has the same few thousand words again and again,
 * and is decoded anew where its page was written to.
 */
export class RecordMemo {
  readonly #memory: Int32Array;
  /** All that is known of a word lies together, as each entry is met at random: see PLACE. */
  readonly #entries: Int32Array;

  /** @param at byte offset of MEMO_BYTES of the buffer. */
  constructor(buffer: SharedArrayBuffer, at: number) {
    this.#memory = new Int32Array(buffer);
    this.#entries = new Int32Array(buffer, at, MEMO_BYTES / 4);
    touch(this.#memory, at, MEMO_BYTES);
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.fill(0);
  }

  /**
   * Copies the record of a word, if it is known.
   * @param pageOffset of the instruction in its 4 KiB page, 0 to 4092.
   * @returns RECALLED: whether it was known, and whether what follows in memory need not be executed next.
   */
  recall(word: number, record: number, pageOffset: number): number {
    const entries = this.#entries, entry = entryOf(word), from = entry + PLACE.record;
    if (entries[entry + PLACE.word] !== word || word === 0) return RECALLED.unknown;
    const flags = entries[entry + PLACE.flags];
    if (isFarBranch(pageOffset, entries[entry + PLACE.offset]) !== (flags & FLAG.far)) return RECALLED.unknown;
    const memory = this.#memory, to = record >>> 2;
    memory[to + 1] = entries[from + 1];
    memory[to + 2] = entries[from + 2];
    memory[to + 3] = entries[from + 3];
    memory[to] = entries[from]; // the handler last
    return flags & FLAG.endsBlock ? RECALLED.end : RECALLED.known;
  }

  /** Remembers the record of a word that was decoded, and what was found of it. */
  note(word: number, record: number, pageOffset: number, { branchOffset, endsBlock }: CaptureBuilder): void {
    const entries = this.#entries, entry = entryOf(word), from = record >>> 2;
    entries[entry + PLACE.word] = word;
    entries[entry + PLACE.offset] = branchOffset;
    entries[entry + PLACE.flags] = isFarBranch(pageOffset, branchOffset) | (endsBlock ? FLAG.endsBlock : 0);
    for (let i = 0; i < RECORD_WORDS; i++) entries[entry + PLACE.record + i] = this.#memory[from + i];
  }
}

/** The first word of the entry of an instruction word. */
function entryOf(word: number): number {
  return (Math.imul(word, HASH) >>> (32 - ENTRIES_LOG2)) * ENTRY_WORDS;
}

/** 1 where a branch over so many bytes leaves the page. */
function isFarBranch(pageOffset: number, branchOffset: number): 0 | 1 {
  const target = pageOffset + branchOffset;
  return target >= 0 && target < 4096 ? 0 : 1;
}

/**
 * Writes what RecordMemo.recall does for the instruction of a record in the page whose records start at `recordBase`, and
 * then what `known` writes.
 * @param memo where the memo stands, or 0.
 */
export function emitRecall(e: Emitter, memo: Value, recordBase: Value, record: Value, known: () => void): void {
  const place = e.sub(record as I32, recordBase as I32),
    load = (at: Value, offset: number) => e.loadMemory("i32", 4, at, offset) as I32;
  const isHeld = e.ne(load(recordBase, GENERATION_OFFSET), e.i32(0));
  const isHere = e.and(e.ltU(place, e.i32(1024 * RECORD_BYTES)), isHeld);
  e.beginIf(e.and(e.ne(memo as I32, e.i32(0)), isHere), 1);
  const pageOffset = e.shrU(place, e.i32(2));
  const word = load(e.add(e.shl(load(recordBase, HOST_PAGE_OFFSET), e.i32(12)), pageOffset), 0);
  const hash = e.shrU(e.mul(word, e.i32(HASH | 0)), e.i32(32 - ENTRIES_LOG2));
  const entry = e.add(memo as I32, e.shl(hash, e.i32(Math.log2(4 * ENTRY_WORDS))));
  e.beginIf(e.and(e.eq(load(entry, 4 * PLACE.word), word), e.ne(word, e.i32(0))), 1);
  const isNear = e.ltU(e.add(pageOffset, load(entry, 4 * PLACE.offset)), e.i32(4096));
  e.beginIf(e.ne(e.and(load(entry, 4 * PLACE.flags), e.i32(FLAG.far)), isNear), 1);
  for (const half of [8, 0]) {
    e.storeMemory(8, record, half, e.loadMemory("i64", 8, entry, 4 * PLACE.record + half)); // the handler last
  }
  known();
  for (let i = 0; i < 3; i++) e.endBlock();
}
