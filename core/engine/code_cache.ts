import type { Decoder } from "../a64/decoder.ts";
import type { Fields, Row } from "../a64/row.ts";
import { CaptureBuilder } from "./capture.ts";
import type { Handlers } from "./handlers.ts";
import { SPECIAL } from "./handlers.ts";
import { GENERATION_OFFSET, HOST_PAGE_OFFSET, PAGE_RECORD_BYTES, PAGE_RECORDS, RECORD_BYTES } from "./record.ts";
import { RECALLED, RecordMemo } from "./record_memo.ts";
import { touch } from "./touch.ts";
import { row as makeRow } from "../a64/row.ts";

/** What every word that no row claims means: the Undefined Instruction exception. */
export const UNDEFINED_ROW: Row = makeRow("UNDEFINED", "imm26:26 xxxxxx", "", (o) => o.undefined());

// What another module exports is looked up at every use
const SLOT_BYTES = PAGE_RECORD_BYTES;

/** Why the records of a page were dropped: a store, a breakpoint or a trap changed it, or their place was needed. */
export type DropReason = "written" | "recycled";

/**
 * Decoded records of the code pages, cached per page of RAM. A page is decoded record by record as it runs; a store to
 * it drops all of its records.
 */
export class CodeCache {
  readonly #i32: Int32Array;
  readonly #u16: Uint16Array;
  readonly #capture: CaptureBuilder;
  #decoder: Decoder;
  readonly #memo: RecordMemo;
  readonly #fields = new Map<Row, Fields>();
  /** Cache slot of each page of memory, or -1; and the page of each slot, or -1. */
  readonly #slotOfPage: Int32Array;
  readonly #pageOfSlot: Int32Array;
  #free: number[] = [];
  /** Slots dropped, which execute TLBs may still point to. */
  #dropped: number[] = [];
  #nextSlot = 0;
  #nextGeneration = 1;
  /** Instructions behind one that is decoded are decoded with it. */
  decodesAhead = true;
  /** Byte offsets in memory of the instructions before which generated code is left. See Engine.setBreakpoint. */
  readonly breakpoints = new Set<number>();

  /**
   * @param base byte offset of the records in `buffer`, a multiple of 16, and `pages` how many pages fit there.
   * @param memoOffset byte offset of MEMO_BYTES.
   * @param flushExecTlbs removes every execute TLB entry of every vCPU, so that dropped slots can be used again.
   */
  constructor(
    readonly buffer: SharedArrayBuffer,
    readonly base: number,
    readonly pages: number,
    readonly memoOffset: number,
    decoder: Decoder,
    readonly handlers: Handlers,
    readonly flushExecTlbs: () => void,
  ) {
    this.#i32 = new Int32Array(buffer);
    this.#u16 = new Uint16Array(buffer);
    this.#capture = new CaptureBuilder(buffer);
    this.#decoder = decoder;
    this.#memo = new RecordMemo(buffer, memoOffset);
    this.#slotOfPage = new Int32Array(buffer.byteLength >>> 12).fill(-1);
    this.#pageOfSlot = new Int32Array(pages).fill(-1);
  }

  /** Words mean what another decoder says from now on. What was decoded stays as it is, and is to be dropped. */
  decodeWith(decoder: Decoder): void {
    this.#decoder = decoder;
    this.#memo.clear();
  }

  /** The state field `recordMemo`: generated code looks at no breakpoints, and compiles nothing. */
  get memoForCode(): number {
    return this.decodesAhead && this.breakpoints.size === 0 ? this.memoOffset : 0;
  }

  /** Where the records of a page of memory start; the page is entered in the cache if it is not there. */
  recordsOf(hostPage: number): number {
    let slot = this.#slotOfPage[hostPage];
    if (slot < 0) slot = this.#enter(hostPage);
    return this.base + slot * PAGE_RECORD_BYTES;
  }

  /** The pages of memory that have records. */
  get heldPages(): number[] {
    return [...this.#pageOfSlot].filter((page) => page >= 0);
  }

  /** Whether the page has records, so that stores to it must be seen. */
  holds(hostPage: number): boolean {
    return this.#slotOfPage[hostPage] >= 0;
  }

  #enter(hostPage: number): number {
    if (this.#free.length === 0 && this.#nextSlot === this.pages) this.#recycle();
    const slot = this.#free.pop() ?? this.#firstUseOf(this.#nextSlot++);
    this.#slotOfPage[hostPage] = slot;
    this.#pageOfSlot[slot] = hostPage;
    const start = this.base + slot * PAGE_RECORD_BYTES;
    this.#u16[(start + (PAGE_RECORDS - 1) * RECORD_BYTES) >>> 1] = SPECIAL.nextPage;
    this.#i32[(start + HOST_PAGE_OFFSET) >>> 2] = hostPage;
    this.#i32[(start + GENERATION_OFFSET) >>> 2] = this.#nextGeneration++;
    return slot;
  }

  /** Touches a slot's records before they are read: those of code that never runs, too, some 10 MB in a boot of Linux. */
  #firstUseOf(slot: number): number {
    touch(this.#i32, this.base + slot * PAGE_RECORD_BYTES, PAGE_RECORD_BYTES);
    return slot;
  }

  #recycle(): void {
    if (this.#dropped.length === 0) {
      for (let slot = 0; slot < this.pages; slot++) this.#dropSlot(slot, "recycled");
    }
    this.flushExecTlbs();
    this.#free = this.#dropped;
    this.#dropped = [];
  }

  #dropSlot(slot: number, reason: DropReason): void {
    const page = this.#pageOfSlot[slot];
    if (page < 0) return;
    const start = this.base + slot * PAGE_RECORD_BYTES;
    // Only the handlers go: the running one may still read its operands.
    for (let at = start >>> 1; at < (start + PAGE_RECORD_BYTES) >>> 1; at += RECORD_BYTES / 2) this.#u16[at] = 0;
    this.#i32[(start + GENERATION_OFFSET) >>> 2] = 0;
    this.#slotOfPage[page] = -1;
    this.#pageOfSlot[slot] = -1;
    this.#dropped.push(slot);
    this.onDrop(slot, reason);
  }

  /** Told of the slot of every page whose records are dropped. */
  onDrop: (slot: number, reason: DropReason) => void = () => {};

  /** The slot that a record belongs to. */
  slotOf(record: number): number {
    return ((record - this.base) >>> 0) / SLOT_BYTES >>> 0;
  }

  /** Drops the records of a page: it was written to. Running code meets the decoder at its next record. */
  invalidate(hostPage: number): void {
    const slot = this.#slotOfPage[hostPage];
    if (slot >= 0) this.#dropSlot(slot, "written");
  }

  /** Byte offset in memory of the instruction of a record, or -1 when its page was dropped or it is none of the cache's. */
  instructionOf(record: number): number {
    const slot = this.slotOf(record);
    const page = slot < this.pages ? this.#pageOfSlot[slot] : -1;
    if (page < 0) return -1;
    return page * 4096 + ((record - this.base - slot * SLOT_BYTES) >>> 2);
  }

  /** Decodes the instruction of a record, and those behind it up to a branch; false when its page was dropped. */
  decode(record: number): boolean {
    const at = this.instructionOf(record);
    if (at < 0) return false;
    let ends = this.#decodeAt(record, at);
    if (!this.decodesAhead) return true;
    for (let next = at + 4, to = record + RECORD_BYTES; !ends && (next & 0xfff) !== 0; next += 4, to += RECORD_BYTES) {
      ends = this.#u16[to >>> 1] !== SPECIAL.decode || this.#decodeAt(to, next);
    }
    return true;
  }

  /** @returns whether what follows in memory need not be executed next. */
  #decodeAt(record: number, at: number): boolean {
    if (this.breakpoints.size !== 0 && this.breakpoints.has(at)) {
      this.#u16[record >>> 1] = SPECIAL.breakpoint;
      return true;
    }
    const word = this.#i32[at >>> 2], pageOffset = at & 0xfff;
    const recalled = this.#memo.recall(word, record, pageOffset);
    if (recalled !== RECALLED.unknown) return recalled === RECALLED.end;
    this.decodeWord(word, record, pageOffset);
    this.#memo.note(word, record, pageOffset, this.#capture);
    return this.#capture.endsBlock;
  }

  /**
   * Writes the record of an instruction word.
   * @param pageOffset of the instruction, 0 to 4092, or NaN so that every branch goes through the execute TLB.
   */
  decodeWord(word: number, record: number, pageOffset: number): void {
    const row = this.#decoder.decode(word) ?? UNDEFINED_ROW;
    this.#capture.begin(record, pageOffset);
    row.semantics!(this.#capture, this.#fieldsOf(row, word));
    this.#u16[record >>> 1] = this.handlers.slotOf(row, word, this.#capture.variant);
  }

  #fieldsOf(row: Row, word: number): Fields {
    let fields = this.#fields.get(row);
    if (!fields) this.#fields.set(row, fields = {});
    for (const f of row.fields) fields[f.name] = (word >>> f.lsb) & ((1 << f.width) - 1);
    return fields;
  }
}
