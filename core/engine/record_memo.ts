import type { CaptureBuilder } from "./capture.ts";
import { RECORD_BYTES } from "./record.ts";

/** Words that are remembered: a power of two. */
const ENTRIES = 1 << 14;
const RECORD_WORDS = RECORD_BYTES / 4;

/** Answers of {@link RecordMemo.recall}. */
export const RECALLED = { unknown: 0, known: 1, end: 2 } as const;

/**
 * Records of words that were decoded before, by a hash of the word: code has the same few thousand words again and again,
 * and is decoded anew where its page was written to.
 */
export class RecordMemo {
  readonly #memory: Int32Array;
  /** The word of each entry; 0 where there is none: that word is never remembered. */
  readonly #words = new Int32Array(ENTRIES);
  /** 1 where the record is that of a direct branch to another page: near ones have other records. */
  readonly #isFar = new Uint8Array(ENTRIES);
  /** Bytes that a direct branch goes; 0 for other instructions, and for a branch to itself, which stays in its page too. */
  readonly #offsets = new Int32Array(ENTRIES);
  readonly #endsBlock = new Uint8Array(ENTRIES);
  readonly #records = new Int32Array(ENTRIES * RECORD_WORDS);

  constructor(buffer: SharedArrayBuffer) {
    this.#memory = new Int32Array(buffer);
  }

  /**
   * Copies the record of a word, if it is known.
   * @param pageOffset of the instruction in its 4 KiB page, 0 to 4092.
   * @returns RECALLED: whether it was known, and whether what follows in memory need not be executed next.
   */
  recall(word: number, record: number, pageOffset: number): number {
    const entry = entryOf(word);
    if (this.#words[entry] !== word || word === 0) return RECALLED.unknown;
    if (isFarBranch(pageOffset, this.#offsets[entry]) !== this.#isFar[entry]) return RECALLED.unknown;
    const from = entry * RECORD_WORDS, to = record >>> 2, records = this.#records, memory = this.#memory;
    memory[to + 1] = records[from + 1];
    memory[to + 2] = records[from + 2];
    memory[to + 3] = records[from + 3];
    memory[to] = records[from]; // the handler last
    return this.#endsBlock[entry] ? RECALLED.end : RECALLED.known;
  }

  /** Remembers the record of a word that was decoded, and what was found of it. */
  note(word: number, record: number, pageOffset: number, { branchOffset, endsBlock }: CaptureBuilder): void {
    const entry = entryOf(word), to = entry * RECORD_WORDS, from = record >>> 2;
    this.#words[entry] = word;
    this.#offsets[entry] = branchOffset;
    this.#endsBlock[entry] = Number(endsBlock);
    this.#isFar[entry] = isFarBranch(pageOffset, branchOffset);
    for (let i = 0; i < RECORD_WORDS; i++) this.#records[to + i] = this.#memory[from + i];
  }
}

function entryOf(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> (32 - Math.log2(ENTRIES));
}

/** 1 where a branch over so many bytes leaves the page. */
function isFarBranch(pageOffset: number, branchOffset: number): 0 | 1 {
  const target = pageOffset + branchOffset;
  return target >= 0 && target < 4096 ? 0 : 1;
}
