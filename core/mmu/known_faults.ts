import { ACCESS_UNALIGNED, ACCESS_UNPRIVILEGED } from "./access.ts";
import { FAULT, Fault } from "./fault.ts";

const ENTRIES = 16;
/** VA of the page, access, context. */
const KEY_WORDS = 4;

/**
 * Stage 2 Translation faults of data accesses that come again and again: devices that EL2 emulates. An architectural TLB
 * keeps no such faults, so this is only for who says so when stage 2 tables change: a resident of EL2.
 */
export class KnownFaults {
  readonly #keys = new Int32Array(ENTRIES * KEY_WORDS).fill(-1);
  readonly #faults = Array.from({ length: ENTRIES }, () => new Fault());
  /** The IPAs of the pages. */
  readonly #pages = new Float64Array(ENTRIES);
  #isEmpty = true;

  /**
   * The fault of an access, or null where it is not known.
   * @param context where the TLB stands that serves the access.
   */
  find(context: number, lo: number, hi: number, access: number): Fault | null {
    if (this.#isEmpty) return null;
    const keys = this.#keys, at = slotOf(lo, access) * KEY_WORDS;
    if (keys[at] !== (lo & ~0xfff) || keys[at + 1] !== (hi | 0) || keys[at + 2] !== access) return null;
    if (keys[at + 3] !== context) return null;
    const slot = at / KEY_WORDS, fault = this.#faults[slot];
    fault.vaLo = lo >>> 0;
    fault.ipa = this.#pages[slot] + (lo & 0xfff);
    return fault;
  }

  /** Remembers the fault of an access, if it is of that kind. */
  note(context: number, lo: number, hi: number, access: number, fault: Fault): void {
    const isPlain = fault.statusCode === FAULT.translation && fault.secondStage && !fault.s2fs1walk;
    if (!isPlain || (access & (ACCESS_UNALIGNED | ACCESS_UNPRIVILEGED)) !== 0) return;
    const keys = this.#keys, slot = slotOf(lo, access), at = slot * KEY_WORDS;
    keys[at] = lo & ~0xfff;
    keys[at + 1] = hi;
    keys[at + 2] = access;
    keys[at + 3] = context;
    this.#faults[slot].copyFrom(fault);
    this.#faults[slot].settle();
    this.#pages[slot] = fault.ipa - fault.ipa % 4096;
    this.#isEmpty = false;
  }

  /** To be called when a translation may have changed. */
  forget(): void {
    if (this.#isEmpty) return;
    this.#keys.fill(-1);
    this.#isEmpty = true;
  }
}

/** Reads and writes of one page do not take each other's place. */
function slotOf(lo: number, access: number): number {
  return (lo >>> 12 ^ access) & ENTRIES - 1;
}
