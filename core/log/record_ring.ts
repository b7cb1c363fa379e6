import { RECORD_WORDS } from "./record_layout.ts";

/**
 * Words of the header: records written and read, modulo 2^32; records lost in all; how many records there are with the one
 * that stands ready; records that were not to be written.
 */
const WRITTEN = 0, READ = 1, LOST = 2, READY = 3, WITHHELD = 4, HEADER_WORDS = 32;

/**
 * A ring of trap records between two threads: the vCPU's, which writes and never waits, and one that reads. A record
 * that finds no room is lost and counted.
 */
export class RecordRing {
  readonly #header: Int32Array;
  /** All records, and the same as pairs. */
  readonly words: Uint32Array;
  readonly floats: Float64Array;
  readonly #mask: number;
  #written: number;
  /** The reader's count when it was last looked at: room is at least what follows from it. */
  #readSeen: number;

  /** @param buffer as `RecordRing.create` makes it. */
  constructor(readonly buffer: SharedArrayBuffer) {
    this.#header = new Int32Array(buffer, 0, HEADER_WORDS);
    this.words = new Uint32Array(buffer, 4 * HEADER_WORDS);
    this.floats = new Float64Array(buffer, 4 * HEADER_WORDS);
    this.#mask = this.words.length / RECORD_WORDS - 1;
    this.#written = Atomics.load(this.#header, WRITTEN);
    this.#readSeen = Atomics.load(this.#header, READ);
  }

  /** @param records a power of two. */
  static create(records: number): RecordRing {
    return new RecordRing(new SharedArrayBuffer(4 * (HEADER_WORDS + records * RECORD_WORDS)));
  }

  /** Whether that many records fit. */
  hasRoom(records: number): boolean {
    const capacity = this.#mask + 1;
    if (capacity - ((this.#written - this.#readSeen) | 0) >= records) return true;
    this.#readSeen = Atomics.load(this.#header, READ);
    return capacity - ((this.#written - this.#readSeen) | 0) >= records;
  }

  /** Word index of the record that the next `publish` hands over; only while there is room. */
  get next(): number {
    return (this.#written & this.#mask) * RECORD_WORDS;
  }
  publish(): void {
    this.#written = (this.#written + 1) | 0;
    Atomics.store(this.#header, WRITTEN, this.#written);
  }

  /** The record at `next` stands ready: the reader may take it should nothing more come. */
  makeReady(): void {
    Atomics.store(this.#header, READY, (this.#written + 1) | 0);
  }
  /** For the reader: takes the record that stands ready, when the writer has come to its end. */
  takeReady(): void {
    const ready = Atomics.load(this.#header, READY);
    if (ready === ((Atomics.load(this.#header, WRITTEN) + 1) | 0)) Atomics.store(this.#header, WRITTEN, ready);
  }

  /** Counts a record that found no room. */
  lose(): void {
    Atomics.add(this.#header, LOST, 1);
  }
  /** Records lost since the ring was made. */
  get lost(): number {
    return Atomics.load(this.#header, LOST) >>> 0;
  }

  /** Counts a record that a verdict keeps out of the log. */
  withhold(): void {
    Atomics.add(this.#header, WITHHELD, 1);
  }
  get withheld(): number {
    return Atomics.load(this.#header, WITHHELD) >>> 0;
  }

  /** Records that wait to be read. */
  get pending(): number {
    return (Atomics.load(this.#header, WRITTEN) - Atomics.load(this.#header, READ)) >>> 0;
  }

  /** Hands up to `limit` waiting records to `take`, by their word index, and frees them. @returns how many. */
  read(limit: number, take: (at: number) => void): number {
    const first = Atomics.load(this.#header, READ);
    const count = Math.min(this.pending, limit);
    for (let i = 0; i < count; i++) take(((first + i) & this.#mask) * RECORD_WORDS);
    Atomics.store(this.#header, READ, (first + count) | 0);
    return count;
  }
}
