import type { Row } from "./row.ts";

/** The whole instruction set in the order of the Arm ARM, Arm DDI 0487, chapter C4. */
export const INSTRUCTIONS: readonly Row[] = [];

/** The rows that say what words do; the rest are aliases. */
export const MEANINGS: readonly Row[] = INSTRUCTIONS.filter((r) => r.semantics !== null);
