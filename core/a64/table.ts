import { BRANCHES } from "./branches.ts";
import { CRYPTOGRAPHY } from "./cryptography.ts";
import { DATA_PROCESSING_IMMEDIATE } from "./data_processing_immediate.ts";
import { DATA_PROCESSING_REGISTER } from "./data_processing_register.ts";
import { FLOATING_POINT } from "./floating_point.ts";
import { FLOATING_POINT_CONVERT } from "./floating_point_convert.ts";
import { LOADS_STORES_ATOMIC } from "./loads_stores_atomic.ts";
import { LOADS_STORES_AUTHENTICATED } from "./loads_stores_authenticated.ts";
import { LOADS_STORES_EXCLUSIVE } from "./loads_stores_exclusive.ts";
import { LOADS_STORES_GENERAL } from "./loads_stores_general.ts";
import { LOADS_STORES_PAIR } from "./loads_stores_pair.ts";
import { LOADS_STORES_SIMD } from "./loads_stores_simd.ts";
import { LOADS_STORES_STRUCTURES } from "./loads_stores_structures.ts";
import { SIMD_ROWS } from "./simd_test_data.ts";
import { SYSTEM } from "./system.ts";
import type { Row } from "./row.ts";

/** The whole instruction set in the order of the Arm ARM, Arm DDI 0487, chapter C4. */
export const INSTRUCTIONS: readonly Row[] = [
  ...DATA_PROCESSING_IMMEDIATE,
  ...DATA_PROCESSING_REGISTER,
  ...BRANCHES,
  ...SYSTEM,
  ...LOADS_STORES_ATOMIC,
  ...LOADS_STORES_AUTHENTICATED,
  ...LOADS_STORES_EXCLUSIVE,
  ...LOADS_STORES_GENERAL,
  ...LOADS_STORES_PAIR,
  ...LOADS_STORES_SIMD,
  ...LOADS_STORES_STRUCTURES,
  ...FLOATING_POINT,
  ...FLOATING_POINT_CONVERT,
  ...SIMD_ROWS,
  ...CRYPTOGRAPHY,
];

/** The rows that say what words do; the rest are aliases. */
export const MEANINGS: readonly Row[] = INSTRUCTIONS.filter((r) => r.semantics !== null);
