import { EvaluatorState } from "../../tests/oracle/evaluator.ts";
import { MEMORY_BASE, MEMORY_BYTES } from "../../tests/oracle/load_store.ts";
import { LOADS_STORES_ATOMIC } from "./loads_stores_atomic.ts";
import { LOADS_STORES_EXCLUSIVE } from "./loads_stores_exclusive.ts";
import { LOADS_STORES_GENERAL } from "./loads_stores_general.ts";
import { LOADS_STORES_PAIR } from "./loads_stores_pair.ts";
import { LOADS_STORES_SIMD } from "./loads_stores_simd.ts";
import { LOADS_STORES_STRUCTURES } from "./loads_stores_structures.ts";
import { randomWords } from "../../tests/oracle/gnu.ts";
import { encodeFields, extractFields, type Row } from "./row.ts";

/*
 * Cases for the tests of loads and stores: words whose base is X1, in the middle of a small memory.
 */

/** The loads and stores whose address is a base register that is not signed, and that are no prefetches. */
export const loadStoreRows: readonly Row[] = [
  ...LOADS_STORES_STRUCTURES,
  ...LOADS_STORES_EXCLUSIVE,
  ...LOADS_STORES_PAIR,
  ...LOADS_STORES_GENERAL,
  ...LOADS_STORES_ATOMIC,
  ...LOADS_STORES_SIMD,
].filter((row) => row.semantics !== null && !/literal|PRF/.test(row.name));

const BASE = 1, INDEX = 2;

/**
 * The word with its base X1, its index X2, other registers that do not overlap where that is CONSTRAINED UNPREDICTABLE,
 * and an offset that stays in memory; null when it is reserved.
 */
export function placeRegisters(row: Row, sample: number, random: () => number): number | null {
  const f = extractFields(row, sample), isVector = row.options.trap === "fp";
  const free = (): number => 3 + random() % 26;
  f.Rn = BASE;
  if (f.Rm !== undefined) f.Rm = row.name.includes("structure") || /^LD\dR/.test(row.name) ? free() : INDEX;
  if (isVector) {
    if (f.Rt2 !== undefined) f.Rt2 = (f.Rt + 1 + random() % 31) % 32;
  } else {
    f.Rt = random() % 6 === 0 ? 31 : 3 + random() % 8;
    if (f.Rt2 !== undefined) f.Rt2 = 11 + random() % 8;
    if (f.Rs !== undefined) f.Rs = 20 + random() % 8;
    if (row.name.startsWith("CASP")) [f.Rt, f.Rs] = [f.Rt & 14, f.Rs & ~1];
  }
  if (f.imm12 !== undefined) f.imm12 &= 31;
  // Ordered accesses are aligned.
  if (row.options.feature === "FEAT_LRCPC2") f.imm9 &= ~7;
  const given = Object.fromEntries(row.fields.map(({ name }) => [name, f[name]]));
  return row.options.reserved?.(given) ? null : encodeFields(row, given);
}

/** A random state for a word of the row, the same for the same seed. */
export function randomState(seed: number, row: Row): EvaluatorState {
  const random = randomWords(seed), state = new EvaluatorState(MEMORY_BASE, MEMORY_BYTES);
  const random64 = (): bigint => BigInt(random()) << 32n | BigInt(random());
  for (let i = 0; i < MEMORY_BYTES; i += 4) new DataView(state.memory.buffer).setUint32(i, random(), true);
  for (let n = 0; n < 29; n++) state.x[n] = random64();
  for (let n = 0; n < 32; n++) state.v[n] = random64() << 64n | random64();
  state.x[BASE] = MEMORY_BASE + 2048n;
  state.x[INDEX] = BigInt(random() % 64);
  // Small operands often meet in comparisons, and compare and swap now and then finds what it expects.
  if (row.options.feature === "FEAT_LSE" && seed % 2 === 0) {
    for (let n = 20; n < 29; n++) state.x[n] = state.read(state.x[BASE] + (n % 2 ? 8n : 0n), 8);
    if (row.name.startsWith("CASP") && seed % 4 === 0) {
      for (let n = 20; n < 29; n++) state.x[n] = state.read(state.x[BASE] + (n % 2 ? 4n : 0n), 4);
    }
  }
  return state;
}
