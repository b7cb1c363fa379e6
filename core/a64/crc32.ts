import type { Builder, I32, I64, V128 } from "../engine/builder.ts";

/*
 * CRC32 and CRC32C. Arm DDI 0487, CRC32, with Poly32Mod2() taken as what it is: a linear map over GF(2). The result is
 * the sum of one constant for each bit of the old checksum and the data, and four bits are looked at at once.
 */

/** The polynomials, bit-reversed. */
const POLYNOMIAL = { crc32: 0xedb88320, crc32c: 0x82f63b78 } as const;
export type Crc = keyof typeof POLYNOMIAL;

/** Four bits as lanes of a vector, and the constant that each adds. */
interface Group {
  readonly lo: bigint;
  readonly hi: bigint;
}

function pack(lanes: readonly number[]): Group {
  const word = (i: number): bigint => BigInt(lanes[i] >>> 0) << BigInt(32 * (i & 1));
  return { lo: word(0) | word(1), hi: word(2) | word(3) };
}

function groups(constants: readonly number[]): readonly Group[] {
  return Array.from({ length: constants.length / 4 }, (_, i) => pack(constants.slice(4 * i, 4 * i + 4)));
}

/** The remainder of a single bit after `steps` bits of data. */
function remainder(polynomial: number, bit: number, steps: number): number {
  let crc = (1 << bit) >>> 0;
  for (let i = 0; i < steps; i++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0);
  return crc >>> 0;
}

function bitConstants(crc: Crc, bits: number, steps: number): number[] {
  return Array.from({ length: bits }, (_, bit) => remainder(POLYNOMIAL[crc], bit, steps));
}

/** The constants by the size of the data in bytes; those of 8 are for its low half, whose bits go through 64 steps. */
function tables(crc: Crc): Readonly<Record<number, readonly Group[]>> {
  return {
    1: groups(bitConstants(crc, 8, 8)),
    2: groups(bitConstants(crc, 16, 16)),
    4: groups(bitConstants(crc, 32, 32)),
    8: groups(bitConstants(crc, 32, 64)),
  };
}

const TABLES = { crc32: tables("crc32"), crc32c: tables("crc32c") };
const BITS = groups(Array.from({ length: 32 }, (_, bit) => 2 ** bit));

/** Four partial sums of the constants of the bits that are set in `value`, added to those in `sum`. */
function addConstants(o: Builder, value: I32, table: readonly Group[], sum: V128 | null): V128 {
  const lanes = o.op("i32x4.splat", value);
  table.forEach((constants, i) => {
    const bits = o.v128(BITS[i].lo, BITS[i].hi);
    const isSet = o.op("i32x4.eq", o.op("v128.and", lanes, bits), bits);
    const term = o.op("v128.and", isSet, o.v128(constants.lo, constants.hi));
    sum = sum ? o.op("v128.xor", sum, term) : term;
  });
  return sum!;
}

function addLanes(o: Builder, sum: V128): I32 {
  const two = o.xor(o.lane("i64x2.extract_lane", 0, sum), o.lane("i64x2.extract_lane", 1, sum));
  return o.xor(o.wrap(two), o.wrap(o.shrU(two, o.i64(32))));
}

/** The checksum `accumulator` continued by 1, 2 or 4 bytes, which are the low bytes of `data`. */
export function crc32(o: Builder, crc: Crc, accumulator: I32, data: I32, bytes: 1 | 2 | 4): I32 {
  const value = o.xor(accumulator, data), table = TABLES[crc][bytes];
  const sum = addLanes(o, addConstants(o, value, table, null));
  // Bits of the checksum that no data reaches move down unchanged.
  return bytes === 4 ? sum : o.xor(sum, o.shrU(accumulator, o.i32(8 * bytes)));
}

/** The checksum continued by eight bytes. */
export function crc32Doubleword(o: Builder, crc: Crc, accumulator: I32, data: I64): I32 {
  const low = addConstants(o, o.xor(accumulator, o.wrap(data)), TABLES[crc][8], null);
  return addLanes(o, addConstants(o, o.wrap(o.shrU(data, o.i64(32))), TABLES[crc][4], low));
}
