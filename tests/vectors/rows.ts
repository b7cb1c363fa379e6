import { Decoder } from "../../core/a64/decoder.ts";
import type { Row } from "../../core/a64/row.ts";
import { MEANINGS } from "../../core/a64/table.ts";
import { CPU_MODELS } from "../../core/cpu/features.ts";

const decoder = new Decoder(MEANINGS, CPU_MODELS.max.features);

/** The row by which the CPU model "max" executes a word; null where it is UNDEFINED. */
export function rowOf(word: number): Row | null {
  return decoder.decode(word);
}
