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
import { SIMD_ACROSS_LANES } from "./simd_across_lanes.ts";
import { SIMD_BY_ELEMENT } from "./simd_by_element.ts";
import { SIMD_COPY } from "./simd_copy.ts";
import { SIMD_FLOATING_POINT } from "./simd_floating_point.ts";
import { SIMD_FLOATING_POINT_BY_ELEMENT } from "./simd_floating_point_by_element.ts";
import { SIMD_FLOATING_POINT_COMPLEX } from "./simd_floating_point_complex.ts";
import { SIMD_FLOATING_POINT_SCALAR } from "./simd_floating_point_scalar.ts";
import { SIMD_MODIFIED_IMMEDIATE } from "./simd_modified_immediate.ts";
import { SIMD_PERMUTE } from "./simd_permute.ts";
import { SIMD_SCALAR } from "./simd_scalar.ts";
import { SIMD_SHIFT_IMMEDIATE } from "./simd_shift_immediate.ts";
import { SIMD_THREE_DIFFERENT } from "./simd_three_different.ts";
import { SIMD_THREE_SAME } from "./simd_three_same.ts";
import { SIMD_TWO_REGISTER } from "./simd_two_register.ts";
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
  ...SIMD_ACROSS_LANES,
  ...SIMD_BY_ELEMENT,
  ...SIMD_COPY,
  ...SIMD_FLOATING_POINT,
  ...SIMD_FLOATING_POINT_BY_ELEMENT,
  ...SIMD_FLOATING_POINT_COMPLEX,
  ...SIMD_FLOATING_POINT_SCALAR,
  ...SIMD_MODIFIED_IMMEDIATE,
  ...SIMD_PERMUTE,
  ...SIMD_SCALAR,
  ...SIMD_SHIFT_IMMEDIATE,
  ...SIMD_THREE_DIFFERENT,
  ...SIMD_THREE_SAME,
  ...SIMD_TWO_REGISTER,
  ...CRYPTOGRAPHY,
];

/** The rows that say what words do; the rest are aliases. */
export const MEANINGS: readonly Row[] = INSTRUCTIONS.filter((r) => r.semantics !== null);
