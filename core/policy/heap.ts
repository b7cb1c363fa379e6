/*
 * V8 ends the whole process when the heap of one of its threads is full, and the terminal stays as it is then. So a
 * plugin that keeps more and more is ended before, as long as its handlers return.
 */

/** What `getHeapStatistics` of `node:v8` says, in bytes. */
export interface HeapStatistics {
  readonly used_heap_size: number;
  readonly heap_size_limit: number;
}

/** One look at the heap takes some 2 us: so many questions share it. */
const QUESTIONS_A_LOOK = 64;
/** What V8's limit counts for young objects: no room for those that are kept. */
const YOUNG_BYTES = 96 * 2 ** 20;
/** As V8 collects garbage before: its threshold is at most halfway between what was kept and the limit. */
const FULL = 0.8;
const MIB = 2 ** 20;

let look: (() => HeapStatistics) | null = null;
let questions = 0;

/** Has the heap watched from now on; before the realm is sealed, as what looks at it comes from the host. */
export async function watchHeap(): Promise<void> {
  look ??= (await import("node:v8")).getHeapStatistics;
}

/** What is wrong with a heap that is about to be full, or null. */
export function heapComplaint({ used_heap_size: used, heap_size_limit: limit }: HeapStatistics): string | null {
  const kept = Math.max(limit - YOUNG_BYTES, limit / 2);
  if (used < FULL * kept) return null;
  return `${Math.round(used / MIB)} of the ${Math.round(kept / MIB)} MiB that JavaScript may keep are in use`;
}

/** Asked again and again: what is wrong with this thread's heap where it is watched, or null. */
export function askHeap(): string | null {
  questions = (questions + 1) % QUESTIONS_A_LOOK;
  return questions !== 0 || look === null ? null : heapComplaint(look());
}
