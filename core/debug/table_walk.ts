import { mmuFeatures } from "../mmu/regime.ts";
import { sysregIndex } from "../cpu/sysregs.ts";
import type { Vcpu } from "../cpu/vcpu.ts";

/*
 * Translation tables as a debugger shows them. The walker of mmu/ answers for one access; this one tells what all of a
 * table says, and changes nothing. Arm DDI 0487, "VMSAv8-64 translation table format descriptors".
 */

/** A range of addresses that a translation table translates, or half of the address space of a stage 1. */
export interface TableSet {
  readonly name: string;
  readonly stage: 1 | 2;
  /** The first input address, and how many bits of input addresses the tables resolve. */
  readonly base: bigint;
  readonly inputBits: number;
  readonly granuleBits: number;
  readonly startLevel: number;
  readonly root: number;
}

/** Input addresses [start, end) that lead to output addresses from `output` on, all with the same attributes. */
export interface MappedRange {
  readonly start: bigint;
  end: bigint;
  readonly output: number;
  /** Descriptor level: 3 is a page. */
  readonly level: number;
  readonly attributes: string;
}

/** A descriptor that a walk has read. */
export interface WalkStep {
  readonly level: number;
  readonly address: number;
  /** Null where no memory is. */
  readonly descriptor: bigint | null;
  readonly meaning: string;
}

/** Reads the 8 bytes of a descriptor by the table's own kind of address; null where no memory is. */
export type ReadDescriptor = (address: number) => bigint | null;

const bits = (value: bigint, low: number, count: number) => Number(value >> BigInt(low) & ((1n << BigInt(count)) - 1n));

/** 64-bit value of a stored register. */
function stored(vcpu: Vcpu, name: string): bigint {
  const index = sysregIndex(name);
  return BigInt(vcpu.sysHi(index)) << 32n | BigInt(vcpu.sysLo(index));
}

/** The tables of stage 1 at an Exception level's regime, or none while its MMU is off. */
export function stage1Tables(vcpu: Vcpu, el: number): TableSet[] {
  const isHost = el === 2 && (stored(vcpu, "HCR_EL2") & 1n << 34n) !== 0n;
  const suffix = el === 0 ? "EL1" : `EL${el}`;
  if ((stored(vcpu, `SCTLR_${suffix}`) & 1n) === 0n) return [];
  const tcr = stored(vcpu, `TCR_${suffix}`);
  const set = (name: string, txsz: number, granuleBits: number, upper: boolean): TableSet => {
    const inputBits = 64 - txsz;
    return {
      name,
      stage: 1,
      base: upper ? (1n << 64n) - (1n << BigInt(inputBits)) : 0n,
      inputBits,
      granuleBits,
      startLevel: 4 - Math.ceil((inputBits - granuleBits) / (granuleBits - 3)),
      root: Number(stored(vcpu, name) & 0xffff_ffff_fffen),
    };
  };
  const { tg0Bits, tg1Bits } = mmuFeatures(vcpu.model);
  const sets: TableSet[] = [];
  const hasTwo = el <= 1 || isHost;
  if (!hasTwo || bits(tcr, 7, 1) === 0) {
    sets.push(set(`TTBR0_${suffix}`, bits(tcr, 0, 6), tg0Bits[bits(tcr, 14, 2)], false));
  }
  if (hasTwo && bits(tcr, 23, 1) === 0) {
    sets.push(set(`TTBR1_${suffix}`, bits(tcr, 16, 6), tg1Bits[bits(tcr, 30, 2)], true));
  }
  return sets;
}

/** The tables of stage 2, or null while it is off. */
export function stage2Table(vcpu: Vcpu): TableSet | null {
  if (!vcpu.hasEl2 || (stored(vcpu, "HCR_EL2") & 1n) === 0n) return null;
  const vtcr = stored(vcpu, "VTCR_EL2"), granuleBits = mmuFeatures(vcpu.model).tg0Bits[bits(vtcr, 14, 2)];
  return {
    name: "VTTBR_EL2",
    stage: 2,
    base: 0n,
    inputBits: 64 - bits(vtcr, 0, 6),
    granuleBits,
    startLevel: (granuleBits === 12 ? 2 : 3) - bits(vtcr, 6, 2),
    root: Number(stored(vcpu, "VTTBR_EL2") & 0xffff_ffff_fffen),
  };
}

/** What table descriptors above take away: Arm's hierarchical permissions, as bits of the descriptor. */
const NO_TABLE_LIMITS = 0;

/** The ranges that a set of tables maps, in order; neighbours that belong together are one. */
export function* mappedRanges(set: TableSet, read: ReadDescriptor, mair: bigint): Generator<MappedRange> {
  let last: MappedRange | null = null;
  for (const range of descend(set, read, mair, set.startLevel, set.root, set.base, NO_TABLE_LIMITS)) {
    const size = Number(range.start - (last?.start ?? 0n));
    if (
      last !== null && last.end === range.start && last.attributes === range.attributes && last.level === range.level &&
      last.output + size === range.output
    ) last.end = range.end;
    else {
      if (last !== null) yield last;
      last = range;
    }
  }
  if (last !== null) yield last;
}

function* descend(
  set: TableSet,
  read: ReadDescriptor,
  mair: bigint,
  level: number,
  table: number,
  base: bigint,
  limits: number,
): Generator<MappedRange> {
  const shift = shiftOf(set, level);
  const count = 2 ** (level === set.startLevel ? set.inputBits - shift : set.granuleBits - 3);
  for (let i = 0; i < count; i++) {
    const descriptor = read(table + 8 * i);
    if (descriptor === null) return;
    const kind = kindOf(set, level, descriptor);
    const start = base + (BigInt(i) << BigInt(shift));
    if (kind === "table") {
      yield* descend(
        set,
        read,
        mair,
        level + 1,
        outputOf(descriptor, set.granuleBits),
        start,
        limits | bits(descriptor, 59, 4),
      );
    } else if (kind === "leaf") {
      yield {
        start,
        end: start + (1n << BigInt(shift)),
        output: outputOf(descriptor, shift),
        level,
        attributes: attributesOf(set, descriptor, mair, limits),
      };
    }
  }
}

/** The descriptors on the way of one input address, to a page or block, or to where it ends. */
export function walkSteps(set: TableSet, address: bigint, read: ReadDescriptor, mair: bigint): WalkStep[] {
  const steps: WalkStep[] = [];
  let table = set.root, limits = NO_TABLE_LIMITS;
  for (let level = set.startLevel; level <= 3; level++) {
    const shift = shiftOf(set, level);
    const width = level === set.startLevel ? set.inputBits - shift : set.granuleBits - 3;
    const at = table + 8 * bits(address - set.base, shift, width);
    const descriptor = read(at);
    const kind = descriptor === null ? "invalid" : kindOf(set, level, descriptor);
    if (kind === "table") {
      table = outputOf(descriptor!, set.granuleBits);
      limits |= bits(descriptor!, 59, 4);
      steps.push({ level, address: at, descriptor, meaning: `table at 0x${table.toString(16)}` });
      continue;
    }
    let meaning = descriptor === null ? "no memory is there" : "invalid";
    if (kind === "leaf") {
      const output = outputOf(descriptor!, shift) + Number(address & ((1n << BigInt(shift)) - 1n));
      const what = level === 3 ? "page" : "block";
      meaning = `${what}, 0x${output.toString(16)}, ${attributesOf(set, descriptor!, mair, limits)}`;
    }
    steps.push({ level, address: at, descriptor, meaning });
    break;
  }
  return steps;
}

function shiftOf(set: TableSet, level: number): number {
  return set.granuleBits + (3 - level) * (set.granuleBits - 3);
}

function kindOf(set: TableSet, level: number, descriptor: bigint): "table" | "leaf" | "invalid" {
  const low = bits(descriptor, 0, 2);
  if ((low & 1) === 0) return "invalid";
  if (level === 3) return low === 3 ? "leaf" : "invalid";
  if (low === 3) return "table";
  return level === 2 || (level === 1 && set.granuleBits === 12) ? "leaf" : "invalid";
}

/** The output address of a descriptor, with the bits below `shift` clear. */
function outputOf(descriptor: bigint, shift: number): number {
  return Number(descriptor & 0xffff_ffff_ffffn) - Number(descriptor & ((1n << BigInt(shift)) - 1n));
}

const PXN_TABLE = 1, UXN_TABLE = 2, AP_TABLE_NO_EL0 = 4, AP_TABLE_READ_ONLY = 8;
const MEMORY_TYPES: Readonly<Record<number, string>> = {
  0x00: "nGnRnE",
  0x04: "nGnRE",
  0x08: "nGRE",
  0x0c: "GRE",
  0x44: "NC",
  0xff: "WB",
  0xbb: "WT",
  0xf0: "Tagged",
};

/** Permissions, memory type and flags in a few letters. */
function attributesOf(set: TableSet, descriptor: bigint, mair: bigint, limits: number): string {
  const flags = bits(descriptor, 10, 1) === 0 ? " !AF" : "";
  if (set.stage === 2) {
    const permission = (bits(descriptor, 6, 1) ? "r" : "-") + (bits(descriptor, 7, 1) ? "w" : "-") +
      (bits(descriptor, 54, 1) ? "-" : "x");
    const attr = bits(descriptor, 2, 4);
    const type = attr < 4 ? ["nGnRnE", "nGnRE", "nGRE", "GRE"][attr] : attr === 15 ? "WB" : `attr=${attr.toString(16)}`;
    return `${permission} ${type}${flags}`;
  }
  const isReadOnly = bits(descriptor, 7, 1) !== 0 || (limits & AP_TABLE_READ_ONLY) !== 0;
  const isUser = bits(descriptor, 6, 1) !== 0 && (limits & AP_TABLE_NO_EL0) === 0;
  const uxn = bits(descriptor, 54, 1) !== 0 || (limits & UXN_TABLE) !== 0;
  const pxn = bits(descriptor, 53, 1) !== 0 || (limits & PXN_TABLE) !== 0;
  const write = isReadOnly ? "-" : "w";
  const type = Number(mair >> BigInt(8 * bits(descriptor, 2, 3)) & 0xffn);
  const memory = MEMORY_TYPES[type] ?? `attr=${type.toString(16).padStart(2, "0")}`;
  const isTwoLevels = set.name.endsWith("EL1");
  const own = `r${write}${(isTwoLevels ? pxn : uxn) ? "-" : "x"}`;
  if (!isTwoLevels) return `${own} ${memory}${flags}`;
  const user = isUser ? `r${write}${uxn ? "-" : "x"}` : `--${uxn ? "-" : "x"}`;
  return `EL1 ${own} EL0 ${user} ${memory}${bits(descriptor, 11, 1) ? " nG" : ""}${flags}`;
}
