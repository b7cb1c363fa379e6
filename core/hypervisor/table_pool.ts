import type { PhysicalMemory } from "../mmu/physical.ts";

/** Bytes of a translation table with the 4 KiB granule. */
export const TABLE_BYTES = 4096;

/** The hypervisor's own memory, from which translation tables are taken a page at a time. */
export class TablePool {
  readonly #free: number[] = [];
  #next: number;

  /** @param start first PA, page-aligned, and `end` the PA behind the last. */
  constructor(readonly memory: PhysicalMemory, readonly start: number, readonly end: number) {
    this.#next = start;
  }

  /** The PA of a zeroed page. Throws RangeError when none is left. */
  allocate(): number {
    const pa = this.#free.pop() ?? this.#next;
    if (pa === this.#next) {
      if (pa + TABLE_BYTES > this.end) {
        throw new RangeError("Cannot add a translation table as their memory is used up");
      }
      this.#next += TABLE_BYTES;
    }
    const host = this.memory.hostOffset(pa);
    this.memory.u32.fill(0, host >>> 2, (host + TABLE_BYTES) >>> 2);
    return pa;
  }

  /** Gives a page back that `allocate` returned. */
  free(pa: number): void {
    this.#free.push(pa);
  }

  /** Pages in use. */
  get used(): number {
    return (this.#next - this.start) / TABLE_BYTES - this.#free.length;
  }
}
