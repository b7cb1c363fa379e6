/** One stretch of RAM: physical addresses `base` to `base + size` stand at byte `offset` of the machine's memory. */
export interface RamRegion {
  readonly base: number;
  readonly size: number;
  readonly offset: number;
  /** Only Secure accesses find it; for others nothing is there. */
  readonly secureOnly?: boolean;
  /** Stores do not reach it (flash): they go to the bus. Not for the first region. */
  readonly readOnly?: boolean;
}

/** Physical RAM as the MMU and the engine find it: several regions in one SharedArrayBuffer, the first the busiest. */
export class PhysicalMemory {
  /** The first region, which has a path of its own. */
  readonly ramBase: number;
  readonly ramSize: number;
  readonly ramOffset: number;
  readonly #firstIsSecure: boolean;
  readonly regions: readonly RamRegion[];
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;

  /** @param regions page-aligned, without overlaps, each within `buffer`; not empty. */
  constructor(readonly buffer: SharedArrayBuffer, regions: readonly RamRegion[]) {
    for (const { base, size, offset } of regions) {
      if ((base | size | offset) & 0xfff || offset + size > buffer.byteLength) {
        throw new TypeError(`Cannot place RAM at PA 0x${base.toString(16)} as it must be page aligned and fit`);
      }
    }
    this.regions = regions;
    this.#firstIsSecure = regions[0].secureOnly === true;
    this.ramBase = regions[0].base;
    this.ramSize = regions[0].size;
    this.ramOffset = regions[0].offset;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
  }

  /** The byte offset in the buffer at which PA `pa` stands, or -1 when no RAM is there for that security state. */
  hostOffset(pa: number, secure = true): number {
    const delta = pa - this.ramBase;
    if (delta >= 0 && delta < this.ramSize && (secure || !this.#firstIsSecure)) return delta + this.ramOffset;
    return this.#hostOffsetSlow(pa, secure);
  }

  #hostOffsetSlow(pa: number, secure: boolean): number {
    const regions = this.regions;
    for (let i = 1; i < regions.length; i++) {
      const region = regions[i];
      const delta = pa - region.base;
      if (delta >= 0 && delta < region.size) return secure || !region.secureOnly ? delta + region.offset : -1;
    }
    return -1;
  }

  /** Whether stores to the RAM at a byte offset in the buffer go to the bus. */
  isReadOnly(hostOffset: number): boolean {
    const delta = hostOffset - this.ramOffset;
    if (delta >= 0 && delta < this.ramSize) return false;
    return this.regions.some((r) => r.readOnly && hostOffset >= r.offset && hostOffset < r.offset + r.size);
  }

  /** The PA of a byte offset in the buffer, or -1 when it is not RAM. */
  paOf(hostOffset: number): number {
    for (const { base, size, offset } of this.regions) {
      if (hostOffset >= offset && hostOffset < offset + size) return hostOffset - offset + base;
    }
    return -1;
  }
}
