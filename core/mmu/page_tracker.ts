import { forgetSites } from "../cpu/sites.ts";
import type { PhysicalMemory } from "./physical.ts";
import type { VcpuTlb } from "./tlb.ts";

/** What is known of each page of memory. */
export const PAGE_FLAG = {
  /** It holds decoded code: stores to it must be seen. */
  code: 1 << 0,
  /** Stores to it must be seen for another reason. */
  tracked: 1 << 1,
  /** A WRITE entry may map it; several may. */
  written: 1 << 2,
  multiple: 1 << 3,
} as const;
const PROTECTED = PAGE_FLAG.code | PAGE_FLAG.tracked;

/** Keeps pages of memory out of the WRITE arrays, and finds the entries that are there already without a long search. */
export class PageTracker {
  /** PAGE_FLAG bits, and the word index of the WRITE entry made last, by page of memory. */
  readonly #flags: Uint8Array;
  readonly #lastEntry: Int32Array;

  constructor(memory: PhysicalMemory, readonly tlbs: readonly (VcpuTlb | undefined)[]) {
    const count = Math.ceil(memory.buffer.byteLength / 4096);
    this.#flags = new Uint8Array(count);
    this.#lastEntry = new Int32Array(count);
  }

  /** Whether accesses to the page may go through a TLB. */
  allows(page: number, isWrite: boolean): boolean {
    return !isWrite || (this.#flags[page] & PROTECTED) === 0;
  }

  /** Remembers that the WRITE entry at word `entry` maps the page at byte `hostPage` of memory. */
  noteWrite(hostPage: number, entry: number): void {
    const page = hostPage >>> 12;
    const flags = this.#flags[page];
    const last = this.#lastEntry[page];
    if ((flags & PAGE_FLAG.written) !== 0 && last !== entry && this.#ownerOf(last)?.maps(last, hostPage)) {
      this.#flags[page] = flags | PAGE_FLAG.multiple;
    } else {
      this.#flags[page] = flags | PAGE_FLAG.written;
    }
    this.#lastEntry[page] = entry;
  }

  #ownerOf(entry: number): VcpuTlb | undefined {
    const tlbs = this.tlbs;
    for (let i = 0; i < tlbs.length; i++) if (tlbs[i]?.contains(entry)) return tlbs[i];
    return undefined;
  }

  /** From now on no store to the page goes through a TLB. */
  protect(page: number, flag: number): void {
    const flags = this.#flags[page];
    this.#flags[page] = (flags | flag) & PROTECTED;
    if ((flags & PAGE_FLAG.written) === 0) return;
    // Sites may know the page when its entry has gone
    for (const tlb of this.tlbs) if (tlb) forgetSites(tlb.vcpu);
    const hostPage = page * 4096;
    if ((flags & PAGE_FLAG.multiple) !== 0) {
      for (const tlb of this.tlbs) tlb?.removeWrites(hostPage);
      return;
    }
    const entry = this.#lastEntry[page];
    const owner = this.#ownerOf(entry);
    if (owner?.maps(entry, hostPage)) owner.drop(entry);
  }

  unprotect(page: number, flag: number): void {
    this.#flags[page] &= ~flag;
  }
}
