import { SINK_SLOT, SP_SLOT, V, X, XZR_SLOT } from "../cpu/layout.ts";

/**
 * A decoded instruction in shared memory, 16 bytes: the handler's table slot in bytes 1:0, then operand slots of 16
 * bits at bytes 2, 4, 6, 8, ... 14, or a 64-bit immediate in bytes 15:8. Register operands are offsets in the vCPU's
 * state block, so that XZR, SP and vectors cost nothing at run time.
 */
export const RECORD_BYTES = 16;
/** Records of one 4 KiB page, and one more that goes on to the next page. */
export const PAGE_RECORDS = 1025;
export const PAGE_RECORD_BYTES = RECORD_BYTES * PAGE_RECORDS;

/** Where, in the record behind a page's last, the page's generation stands: another number for each time it is entered. */
export const GENERATION_OFFSET = RECORD_BYTES * (PAGE_RECORDS - 1) + 8;
/** Behind it the number of the page of memory: its byte offset divided by 4096. */
export const HOST_PAGE_OFFSET = GENERATION_OFFSET + 4;

/** Deals out operand places in the order of calls; the capturing and the emitting side use the same. */
export class RecordSlots {
  #next = 2;
  #wideTaken = false;

  reset(): void {
    this.#next = 2;
    this.#wideTaken = false;
  }
  /** Byte offset in the record of the next 16-bit operand. */
  small(): number {
    const at = this.#next;
    if (at >= (this.#wideTaken ? 8 : 16)) throw new RangeError("Cannot place an operand as the record is full");
    this.#next += 2;
    return at;
  }
  /** Byte offset of the 64-bit immediate. */
  wide(): number {
    if (this.#wideTaken || this.#next > 8) throw new RangeError("Cannot place a 64-bit operand as the record is full");
    this.#wideTaken = true;
    return 8;
  }
}

/** State-block offsets of register operands, by number. */
export const readOffset = (n: number): number => X + 8 * (n === 31 ? XZR_SLOT : n);
export const writeOffset = (n: number): number => X + 8 * (n === 31 ? SINK_SLOT : n);
export const spOffset = (n: number): number => X + 8 * (n === 31 ? SP_SLOT : n);
export const vectorOffset = (n: number): number => V + 16 * n;

/** What distinguishes handlers of one shape beyond the shape bits; found while operands are captured. */
export const VARIANT = {
  /** A direct branch whose target lies in another page. */
  far: 1,
  /** A direct branch backwards (or to itself), where the instruction budget is checked. */
  backward: 2,
  /** The base register is SP, whose alignment is checked. */
  spBase: 4,
} as const;
