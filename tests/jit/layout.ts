import type { Machine } from "../../core/machine/machine.ts";
import { RAM_PA } from "../../core/machine/memory_map.ts";

/*
 * Where the programs stand that both tiers run: one table of translations for all, at EL1.
 */

export const RAM_BYTES = 4 << 20;
const PAGE = 4096;

/** Pages that programs may use: where they are, how many, and what of them. */
export const CODE = { va: 0x31_fff1_0000n, pa: RAM_PA + 0x1_0000, pages: 16 } as const;
/** The same code pages under other addresses, which take the same places in the execute TLB. */
export const ALIAS = { ...CODE, va: 0x32_0031_0000n } as const;
/** Memory for loads and stores, with a 4 GiB boundary in the middle and nothing on both sides. */
export const MEMORY = { va: 0x31_ffff_f000n, pa: RAM_PA + 0x4_0000, pages: 2 } as const;
/** Other pages that a program may put in place of those. */
export const OTHER_MEMORY = { va: 0x22_0000_0000n, pa: RAM_PA + 0x5_0000, pages: 2 } as const;
/** Vectors, what they note, variables of programs; its first page holds code. */
export const SUPERVISOR = { va: 0x20_0000_0000n, pa: RAM_PA + 0x8_0000, pages: 8 } as const;
/** Memory that EL0 may use too, and code for EL0. */
export const USER = { va: 0x10_0000_0000n, pa: RAM_PA + 0x6_0000, pages: 8 } as const;
/** Memory that must not be written to. */
export const READ_ONLY = { va: 0x23_0000_0000n, pa: RAM_PA + 0x7_0000, pages: 2 } as const;
/** Registers of a device. */
export const DEVICE = { va: 0x24_0000_0000n, pa: 0x0b00_0000, pages: 1 } as const;
/** The translation tables themselves, so that programs can change them. */
export const TABLES = { va: 0x25_0000_0000n, pa: RAM_PA + 0x10_0000, pages: 64 } as const;

interface Area {
  readonly va: bigint;
  readonly pa: number;
  readonly pages: number;
}

// Descriptors of stage 1. Arm DDI 0487, "VMSAv8-64 descriptors"
const TABLE = 3n, AF = 1n << 10n, SHAREABLE = 3n << 8n, USER_RW = 1n << 6n, NO_WRITE = 1n << 7n, ATTRIBUTE_1 = 1n << 2n;
const AREAS: readonly (readonly [Area, bigint])[] = [
  [CODE, 0n],
  [ALIAS, 0n],
  [MEMORY, 0n],
  [OTHER_MEMORY, 0n],
  [SUPERVISOR, 0n],
  [USER, USER_RW],
  [READ_ONLY, NO_WRITE],
  [DEVICE, ATTRIBUTE_1],
  [TABLES, 0n],
];

/** What the registers of translation must hold: MAIR_EL1, TCR_EL1 (48 bits, 4 KiB, TBI0, EPD1), TTBR0_EL1. */
export const REGISTERS: Readonly<Record<string, bigint>> = {
  MAIR_EL1: 0x00ffn,
  TCR_EL1: 16n | 1n << 8n | 1n << 10n | 3n << 12n | 1n << 23n | 2n << 32n | 1n << 37n,
  TTBR0_EL1: BigInt(TABLES.pa),
};

/** Writes the translation tables into a machine's RAM. Returns where each page's descriptor stands, by VA. */
export function writeTables({ ram }: Machine): Map<bigint, bigint> {
  const words = new BigUint64Array(ram.u8.buffer), descriptors = new Map<bigint, bigint>();
  let free = TABLES.pa + PAGE;
  const at = (table: number, index: bigint): number => ram.hostOffset(table + 8 * Number(index)) >>> 3;
  for (const [area, bits] of AREAS) {
    for (let page = 0; page < area.pages; page++) {
      const va = area.va + BigInt(page * PAGE);
      let table = TABLES.pa;
      for (let level = 0; level < 3; level++) {
        const entry = at(table, va >> BigInt(39 - 9 * level) & 511n);
        if (words[entry] === 0n) {
          words[entry] = BigInt(free) | TABLE;
          free += PAGE;
        }
        table = Number(words[entry] & 0xffff_ffff_f000n);
      }
      const index = va >> 12n & 511n;
      words[at(table, index)] = BigInt(area.pa + page * PAGE) | 3n | AF | SHAREABLE | bits;
      descriptors.set(va, TABLES.va + BigInt(table - TABLES.pa) + 8n * index);
    }
  }
  return descriptors;
}
