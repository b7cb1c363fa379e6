import { Decoder } from "../../core/a64/decoder.ts";
import type { Row } from "../../core/a64/row.ts";
import { MEANINGS } from "../../core/a64/table.ts";
import { CPU_MODELS } from "../../core/cpu/features.ts";

const decoder = new Decoder(MEANINGS, CPU_MODELS.max.features);

/** The row by which the CPU model "max" executes a word; null where it is UNDEFINED. */
export function rowOf(word: number): Row | null {
  return decoder.decode(word);
}

/** The rows that it executes and that are not system instructions, few of which can be compared. */
export const TESTED_ROWS: readonly Row[] = MEANINGS.filter(({ options, value }) =>
  (!options.feature || CPU_MODELS.max.features.has(options.feature)) && (value & 0xffc00000) >>> 0 !== 0xd5000000
);
