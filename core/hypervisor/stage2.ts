import type { PhysicalMemory } from "../mmu/physical.ts";
import { TABLE_BYTES, type TablePool } from "./table_pool.ts";

/** What stage 2 permits. */
export const PERMISSION = { read: 1, write: 2, execute: 4, readWrite: 3, all: 7 } as const;

export const PAGE_BYTES = 4096;
export const BLOCK_BYTES = 0x20_0000;
/** Bits of the IPA space: one table of level 1 covers it. */
export const IPA_BITS = 39;

const ENTRIES = TABLE_BYTES / 8;
/** Bytes that an entry of level 1 and 2 covers. */
const LEVEL1_BYTES = 2 ** 30;

// Descriptors. Arm DDI 0487, "VMSAv8-64 translation table format descriptors"
const VALID = 1;
/** A table at level 1 and 2, a page at level 3. */
const TABLE = 3;
const AF = 1 << 10;
const SH_INNER = 3 << 8;
const MEMATTR_NORMAL_WB = 0xf << 2;
const S2AP_READ = 1 << 6;
const S2AP_WRITE = 1 << 7;
/** XN[1:0] = 0b10: execution at no level; in the high half. */
const XN_HI = 1 << 22;
const ATTRIBUTES_LO = 0xffc;
const ADDRESS_HI = 0xffff;

/** A stage 2 translation: where an IPA leads, or that it leads nowhere. */
export interface Stage2Mapping {
  readonly pa: number;
  readonly permission: number;
  /** Level of the descriptor: 2 is a 2 MiB block, 3 a page. */
  readonly level: number;
}

/**
 * The stage 2 translation tables of a VM, in emulated memory: 4 KiB granule, IPA_BITS bits of IPA, starting at level 1;
 * Normal Write-Back memory in blocks of 2 MiB where addresses and size allow, else in pages.
 * Arm DDI 0487, "The AArch64 Virtual Memory System Architecture".
 */
export class Stage2 {
  /** PA of the level 1 table, for VTTBR_EL2.BADDR. */
  readonly root: number;
  readonly #memory: PhysicalMemory;
  readonly #pool: TablePool;
  readonly #changed: () => void;

  /** @param changed called after every change: translations that were cached must be forgotten (TLBI VMALLS12E1IS). */
  constructor(pool: TablePool, changed: () => void) {
    this.#memory = pool.memory;
    this.#pool = pool;
    this.#changed = changed;
    this.root = pool.allocate();
  }

  /**
   * Maps [ipa, ipa + bytes) to physical memory from `pa` on, in place of what was there.
   * Throws RangeError unless all are page-aligned and the IPAs lie in the space.
   */
  map(ipa: number, pa: number, bytes: number, permission: number = PERMISSION.all): void {
    this.#check("map", ipa, bytes);
    if (pa % PAGE_BYTES !== 0) throw new RangeError(`Cannot map PA 0x${pa.toString(16)} as it must be page aligned`);
    const end = ipa + bytes;
    while (ipa < end) {
      const isBlock = ipa % BLOCK_BYTES === 0 && pa % BLOCK_BYTES === 0 && end - ipa >= BLOCK_BYTES;
      const slot = isBlock ? this.#level2Slot(ipa, true) : this.#level3Slot(ipa, true);
      if (isBlock) this.#dropTable(slot);
      this.#write(slot, pa, attributes(permission) | (isBlock ? VALID : TABLE), attributesHi(permission));
      ipa += isBlock ? BLOCK_BYTES : PAGE_BYTES;
      pa += isBlock ? BLOCK_BYTES : PAGE_BYTES;
    }
    this.#changed();
  }

  /** Unmaps [ipa, ipa + bytes); what is not mapped stays so. Blocks that are cut are split. */
  unmap(ipa: number, bytes: number): void {
    this.#check("unmap", ipa, bytes);
    this.#forEach(ipa, bytes, (slot, isLevel2) => {
      if (isLevel2) this.#dropTable(slot);
      this.#write(slot, 0, 0, 0);
    });
    this.#changed();
  }

  /** Gives what is mapped in [ipa, ipa + bytes) this permission. Blocks that are cut are split. */
  protect(ipa: number, bytes: number, permission: number): void {
    this.#check("protect", ipa, bytes);
    this.#forEach(ipa, bytes, (slot, isLevel2) => {
      if (isLevel2 && this.#isTable(slot)) {
        const table = this.#addressOf(slot);
        for (let i = 0; i < ENTRIES; i++) this.#setPermission(table + 8 * i, permission);
      } else this.#setPermission(slot, permission);
    });
    this.#changed();
  }

  /** What an IPA is mapped to, or null. */
  find(ipa: number): Stage2Mapping | null {
    const slot = this.#leafSlot(ipa);
    if (slot < 0) return null;
    const isBlock = !this.#isTable(slot);
    const permission = ((this.#lo(slot) & S2AP_READ) !== 0 ? PERMISSION.read : 0) |
      ((this.#lo(slot) & S2AP_WRITE) !== 0 ? PERMISSION.write : 0) |
      ((this.#hi(slot) & XN_HI) === 0 ? PERMISSION.execute : 0);
    return {
      pa: this.#addressOf(slot) + ipa % (isBlock ? BLOCK_BYTES : PAGE_BYTES),
      permission,
      level: isBlock ? 2 : 3,
    };
  }

  /** The PA of an IPA, or -1 where nothing is mapped. Without allocation. */
  translate(ipa: number): number {
    const slot = this.#leafSlot(ipa);
    if (slot < 0) return -1;
    return this.#addressOf(slot) + ipa % (this.#isTable(slot) ? PAGE_BYTES : BLOCK_BYTES);
  }

  #check(what: string, ipa: number, bytes: number): void {
    if (ipa % PAGE_BYTES !== 0 || bytes % PAGE_BYTES !== 0) {
      throw new RangeError(`Cannot ${what} IPA 0x${ipa.toString(16)} as it and its size must be page aligned`);
    }
    if (ipa < 0 || bytes < 0 || ipa + bytes > 2 ** IPA_BITS) {
      throw new RangeError(`Cannot ${what} IPA 0x${ipa.toString(16)} as it must be below 2^${IPA_BITS}`);
    }
  }

  /** Calls back for the slots of [ipa, ipa + bytes): whole ones of level 2, of level 3 at the edges; splits blocks. */
  #forEach(ipa: number, bytes: number, callback: (slot: number, isLevel2: boolean) => void): void {
    const end = ipa + bytes;
    while (ipa < end) {
      const isWhole = ipa % BLOCK_BYTES === 0 && end - ipa >= BLOCK_BYTES;
      const level2 = this.#level2Slot(ipa, false);
      const isEmpty = level2 < 0 || (this.#lo(level2) & VALID) === 0;
      if (isEmpty) {
        ipa += BLOCK_BYTES - ipa % BLOCK_BYTES;
      } else if (isWhole) {
        callback(level2, true);
        ipa += BLOCK_BYTES;
      } else {
        const slot = this.#level3Slot(ipa, true);
        if ((this.#lo(slot) & VALID) !== 0) callback(slot, false);
        ipa += PAGE_BYTES;
      }
    }
  }

  #setPermission(slot: number, permission: number): void {
    const lo = this.#lo(slot);
    if ((lo & VALID) === 0) return;
    this.#write(slot, this.#addressOf(slot), attributes(permission) | lo & TABLE, attributesHi(permission));
  }

  /** The PA of the valid block or page descriptor of an IPA, or -1. */
  #leafSlot(ipa: number): number {
    if (ipa < 0 || ipa >= 2 ** IPA_BITS) return -1;
    const level2 = this.#level2Slot(ipa, false);
    if (level2 < 0 || (this.#lo(level2) & VALID) === 0) return -1;
    if (!this.#isTable(level2)) return level2;
    const level3 = this.#addressOf(level2) + 8 * (Math.floor(ipa / PAGE_BYTES) % ENTRIES);
    return (this.#lo(level3) & VALID) === 0 ? -1 : level3;
  }

  /** The PA of the level 2 descriptor of an IPA; -1 when its table is missing and not to be made. */
  #level2Slot(ipa: number, make: boolean): number {
    const level1 = this.root + 8 * Math.floor(ipa / LEVEL1_BYTES);
    if ((this.#lo(level1) & VALID) === 0) {
      if (!make) return -1;
      this.#write(level1, this.#pool.allocate(), TABLE, 0);
    }
    return this.#addressOf(level1) + 8 * (Math.floor(ipa / BLOCK_BYTES) % ENTRIES);
  }

  /** The PA of the level 3 descriptor of an IPA, after a block there was split. */
  #level3Slot(ipa: number, make: boolean): number {
    const level2 = this.#level2Slot(ipa, make);
    if (!this.#isTable(level2)) this.#split(level2);
    return this.#addressOf(level2) + 8 * (Math.floor(ipa / PAGE_BYTES) % ENTRIES);
  }

  /** Puts a table of pages in place of a block, with the same meaning, or an empty one in place of nothing. */
  #split(slot: number): void {
    const lo = this.#lo(slot), hi = this.#hi(slot), pa = this.#addressOf(slot);
    const table = this.#pool.allocate();
    if ((lo & VALID) !== 0) {
      for (let i = 0; i < ENTRIES; i++) {
        this.#write(table + 8 * i, pa + i * PAGE_BYTES, lo & ATTRIBUTES_LO | TABLE, hi & ~ADDRESS_HI);
      }
    }
    this.#write(slot, table, TABLE, 0);
  }

  /** Frees the table of pages under a level 2 descriptor that is about to be replaced. */
  #dropTable(slot: number): void {
    if (this.#isTable(slot)) this.#pool.free(this.#addressOf(slot));
  }

  #word(pa: number): number {
    return this.#memory.hostOffset(pa) >>> 2;
  }
  #lo(slot: number): number {
    return this.#memory.u32[this.#word(slot)];
  }
  #hi(slot: number): number {
    return this.#memory.u32[this.#word(slot) + 1];
  }
  /** A table descriptor, or at level 3 a page. */
  #isTable(slot: number): boolean {
    return (this.#lo(slot) & TABLE) === TABLE;
  }
  #addressOf(slot: number): number {
    return (this.#hi(slot) & ADDRESS_HI) * 2 ** 32 + ((this.#lo(slot) & ~0xfff) >>> 0);
  }
  #write(slot: number, pa: number, lo: number, hi: number): void {
    const w = this.#word(slot);
    this.#memory.u32[w] = pa % 2 ** 32 | lo;
    this.#memory.u32[w + 1] = Math.floor(pa / 2 ** 32) | hi;
  }
}

function attributes(permission: number): number {
  return AF | SH_INNER | MEMATTR_NORMAL_WB | ((permission & PERMISSION.read) !== 0 ? S2AP_READ : 0) |
    ((permission & PERMISSION.write) !== 0 ? S2AP_WRITE : 0);
}
function attributesHi(permission: number): number {
  return (permission & PERMISSION.execute) !== 0 ? 0 : XN_HI;
}
