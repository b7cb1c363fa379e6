import { randomWords, sampleWords } from "../../tests/oracle/gnu.ts";
import type { InstructionCase } from "../../tests/oracle/instruction.ts";
import { CRYPTOGRAPHY } from "./cryptography.ts";
import { extractFields, type Row } from "./row.ts";
import { SIMD_ACROSS_LANES } from "./simd_across_lanes.ts";
import { SIMD_BY_ELEMENT } from "./simd_by_element.ts";
import { SIMD_COPY } from "./simd_copy.ts";
import { SIMD_MODIFIED_IMMEDIATE } from "./simd_modified_immediate.ts";
import { SIMD_PERMUTE } from "./simd_permute.ts";
import { SIMD_SCALAR } from "./simd_scalar.ts";
import { SIMD_SHIFT_IMMEDIATE } from "./simd_shift_immediate.ts";
import { SIMD_THREE_DIFFERENT } from "./simd_three_different.ts";
import { SIMD_THREE_SAME } from "./simd_three_same.ts";
import { SIMD_TWO_REGISTER } from "./simd_two_register.ts";

/** The rows of Advanced SIMD without floating point, aliases among them. */
export const SIMD_ROWS: readonly Row[] = [
  ...CRYPTOGRAPHY,
  ...SIMD_ACROSS_LANES,
  ...SIMD_BY_ELEMENT,
  ...SIMD_COPY,
  ...SIMD_MODIFIED_IMMEDIATE,
  ...SIMD_PERMUTE,
  ...SIMD_SCALAR,
  ...SIMD_SHIFT_IMMEDIATE,
  ...SIMD_THREE_DIFFERENT,
  ...SIMD_THREE_SAME,
  ...SIMD_TWO_REGISTER,
];

/** Words of a row whose registers are 0 to 3 and whose destination is 0, which is what the judges look at. */
function* lowRegisterWords(row: Row, random: () => number, count: number, limit: number): Generator<number> {
  for (const word of sampleWords(row, random, count, limit)) {
    let low = word;
    for (const field of row.fields) {
      if (!/^R[a-z]$/.test(field.name)) continue;
      const number = field.name === "Rd" ? 0 : random() & 3;
      low = ((low & ~((2 ** field.width - 1) << field.lsb)) | (number << field.lsb)) >>> 0;
    }
    const f = extractFields(row, low);
    // A table's registers must be known as well.
    if ("len" in f) low = (low & ~(31 << 5) | Math.min(f.Rn, 3 - f.len) << 5) >>> 0;
    if (!row.options.reserved?.(extractFields(row, low))) yield low;
  }
}

/** A register of elements that are random, or at the bounds where instructions saturate and round. */
function vector(random: () => number): bigint {
  const esize = BigInt(8 << (random() & 3)), kind = random() % 8;
  const top = 1n << (esize - 1n);
  const special = [0n, 1n, top, top - 1n, 2n * top - 1n, top + 1n, BigInt(random() % 140), -BigInt(random() % 140)];
  let result = 0n;
  for (let bit = 0n; bit < 128n; bit += esize) {
    const isSpecial = kind < 2 || (kind < 4 && random() % 2 === 0);
    const value = isSpecial ? special[random() % special.length] : BigInt(random()) << 32n | BigInt(random());
    result |= BigInt.asUintN(Number(esize), value) << bit;
  }
  return result;
}

/** The inputs of a word: the same ones whenever `seed` is the same. */
export function inputsOf(insn: number, seed: number): InstructionCase {
  const random = randomWords((insn ^ Math.imul(seed, 0x9e3779b1)) >>> 0);
  const x = Array.from({ length: 4 }, () => BigInt(random()) << 32n | BigInt(random()));
  return { insn, x, v: Array.from({ length: 4 }, () => vector(random)) };
}

/** Cases of all rows: `count` words for each shape, at most `limit` shapes a row. */
export function simdCases(seed: number, count: number, limit: number): InstructionCase[] {
  const random = randomWords(seed);
  return SIMD_ROWS.filter((row) => row.semantics !== null).flatMap((row) =>
    Array.from(lowRegisterWords(row, random, count, limit), (insn) => inputsOf(insn, seed))
  );
}
