/*
 * How the elements of AdvSIMD structures are sorted: as shuffles of up to four vectors of sixteen bytes.
 */

/**
 * The shuffles that gather one vector out of several: of the first two sources, of the other two, and of both results.
 * Where there are three sources the last shuffle takes the third as it is.
 */
export type GatherSteps = readonly (readonly number[])[];

/** The steps that gather these bytes, which are counted from the first byte of the first source. */
export function gatherSteps(bytes: readonly number[], sourceCount: number): GatherSteps {
  const low = bytes.map((b) => b < 32 ? b : 0), high = bytes.map((b) => b >= 32 ? b - 32 : 0);
  const isSingle = sourceCount === 3;
  return [low, high, bytes.map((b, i) => b < 32 ? i : isSingle ? b - 16 : 16 + i)];
}

function numbers(count: number, f: (i: number) => number): number[] {
  return Array.from({ length: count }, (_, i) => f(i));
}

/** The bytes of memory that make register `r`: 16, of which only the low eight matter where Q = 0. */
function registerBytes(r: number, selem: number, size: number, Q: number): number[] {
  return numbers(16, (k) => {
    const element = k >> size, within = k & ((1 << size) - 1);
    return k < 8 << Q ? ((element * selem + r) << size) + within : 0;
  });
}

/** The bytes of the registers, sixteen each, that make the sixteen bytes of memory from `16 * chunk` on. */
function memoryBytes(chunk: number, selem: number, size: number, Q: number): number[] {
  return numbers(16, (k) => {
    const j = 16 * chunk + k, element = j >> size, within = j & ((1 << size) - 1);
    return j < selem * (8 << Q) ? 16 * (element % selem) + (Math.floor(element / selem) << size) + within : 0;
  });
}

function makePlan(direction: "load" | "store", selem: number, size: number, Q: number): GatherSteps[] {
  const chunkCount = Math.ceil(selem * (8 << Q) / 16);
  if (direction === "load") {
    return numbers(selem, (r) => r).map((r) => gatherSteps(registerBytes(r, selem, size, Q), chunkCount));
  }
  return numbers(chunkCount, (c) => c).map((c) => gatherSteps(memoryBytes(c, selem, size, Q), selem));
}

const plans = new Map<number, readonly GatherSteps[]>();

/**
 * The steps for structures of `selem` elements of 1 << size bytes: for a load one entry a register, out of the vectors
 * of memory; for a store one entry for each sixteen bytes of memory, out of the registers.
 */
export function structurePlan(
  direction: "load" | "store",
  selem: number,
  size: number,
  Q: number,
): readonly GatherSteps[] {
  const key = ((selem * 4 + size) * 2 + Q) * 2 + (direction === "load" ? 1 : 0);
  let plan = plans.get(key);
  if (!plan) plans.set(key, plan = makePlan(direction, selem, size, Q));
  return plan;
}
