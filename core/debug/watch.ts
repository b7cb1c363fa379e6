import type { Vcpu } from "../cpu/vcpu.ts";
import { requestBytes, requestCount, requestProbes, requestWrites } from "../engine/memory_request.ts";
import type { Machine } from "../machine/machine.ts";
import type { DebugMemory } from "./memory.ts";
import type { Watchpoint } from "./stop.ts";

/** Addresses are compared without their tag byte. */
const UNTAGGED = (1n << 56n) - 1n;
const PAGE_MASK = ~0xfffn;

/** An access that a watchpoint wants to see. */
export interface WatchHit {
  readonly watchpoint: Watchpoint;
  readonly address: bigint;
  readonly isWrite: boolean;
}

/** Finds the accesses that watchpoints ask for: by page for the TLBs, exactly for the slow path. */
export class WatchTable {
  readonly list: Watchpoint[] = [];
  readonly #machine: Machine;
  readonly #memory: DebugMemory;

  constructor(machine: Machine, memory: DebugMemory) {
    this.#machine = machine;
    this.#memory = memory;
  }

  add(watchpoint: Watchpoint): void {
    this.list.push(watchpoint);
    this.#changed();
  }

  remove(watchpoint: Watchpoint): void {
    this.list.splice(this.list.indexOf(watchpoint), 1);
    this.#changed();
  }

  #changed(): void {
    const { mmu } = this.#machine;
    mmu.isWatched = this.list.length === 0
      ? null
      : (vcpu, lo, hi, _isWrite, hostPage) => this.#isPageWatched(vcpu, lo, hi, hostPage);
    mmu.flushDataTlbs();
  }

  #isPageWatched(vcpu: Vcpu, lo: number, hi: number, hostPage: number): boolean {
    const va = address(lo, hi) & UNTAGGED;
    return this.list.some((w) => {
      if (w.space === "virtual") return overlaps(va, 4096n, w.address & UNTAGGED, BigInt(w.bytes));
      // The watched bytes may reach into a second page
      return [w.address, w.address + BigInt(w.bytes) - 1n].some((end) => {
        const host = this.#memory.hostOf(vcpu, w.space, end & PAGE_MASK);
        return host >= 0 && host >>> 12 === hostPage >>> 12;
      });
    });
  }

  /** The watchpoint that wants to see an access of the slow path, or null. */
  find(vcpu: Vcpu, lo: number, hi: number, request: number): WatchHit | null {
    const bytes = requestBytes(request);
    // DC ZVA zeroes the whole block that the address is in
    const start = bytes === 64 ? (lo & ~63) >>> 0 : lo,
      size = BigInt(bytes === 64 ? 64 : bytes * requestCount(request));
    const isWrite = requestWrites(request) || requestProbes(request) || bytes === 64;
    const va = address(start, hi);
    for (const w of this.list) {
      const isWanted = w.access === "access" || isWrite === (w.access === "write") ||
        (isWrite && requestProbes(request));
      if (!isWanted) continue;
      let at = va & UNTAGGED, watched = w.address & UNTAGGED;
      if (w.space !== "virtual") {
        at = BigInt(this.#memory.hostOf(vcpu, "virtual", va));
        watched = BigInt(this.#memory.hostOf(vcpu, w.space, w.address));
      }
      if (at >= 0n && watched >= 0n && overlaps(at, size, watched, BigInt(w.bytes))) {
        return { watchpoint: w, address: va, isWrite };
      }
    }
    return null;
  }
}

function address(lo: number, hi: number): bigint {
  return BigInt(hi >>> 0) << 32n | BigInt(lo >>> 0);
}

function overlaps(a: bigint, aBytes: bigint, b: bigint, bBytes: bigint): boolean {
  return a < b + bBytes && b < a + aBytes;
}
