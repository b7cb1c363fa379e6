import type { Facts } from "./analysis.ts";

/** Bytes from the first to the last of a run at most: the more, the more often a run lies in two pages. */
const RUN_BYTES_MAX = 128;

/**
 * Loads, or stores, of a block at fixed distances from each other: where the first has found all of them in one page, the
 * others need not look.
 */
export interface AccessRun {
  /** Its place among the runs of the block. */
  readonly number: number;
  /** Bytes from its lowest to its highest. */
  readonly bytes: number;
}

/** What an instruction has to do with a run. */
export interface RunMember {
  readonly run: AccessRun;
  readonly isFirst: boolean;
  /** Bytes from the run's lowest byte to the instruction's access. */
  readonly offset: number;
}

interface Candidate {
  readonly places: { readonly position: number; readonly at: number }[];
  low: number;
  high: number;
}

/** Finds the runs of a block: for each instruction what it has to do with one, or null. */
export function findRuns(instructions: readonly Facts[]): (RunMember | null)[] {
  const members: (RunMember | null)[] = instructions.map(() => null);
  let number = 0;
  for (const { places, low, high } of candidates(instructions)) {
    if (places.length < 2) continue;
    const run = { number: number++, bytes: high - low };
    places.forEach(({ position, at }, i) => members[position] = { run, isFirst: i === 0, offset: at - low });
  }
  return members;
}

/** Accesses through the same value of a base register, and through what a constant was added to. */
function candidates(instructions: readonly Facts[]): Candidate[] {
  /** For each register the number of a value, and what was added to that. */
  const values = Array.from({ length: 32 }, (_, n) => n), added = new Array<number>(32).fill(0);
  let nextValue = 32;
  const open = new Map<number, Candidate>(), all: Candidate[] = [];
  instructions.forEach(({ access, xWrites, mayRemap }, position) => {
    if (mayRemap) open.clear();
    let base = -1, value = 0, after = 0;
    if (access) {
      base = access.base;
      value = values[base];
      after = added[base] + access.writeback;
      const at = added[base] + access.offset, end = at + access.bytes, key = 2 * value + Number(access.isWrite);
      let run = open.get(key);
      if (!run || Math.max(run.high, end) - Math.min(run.low, at) > RUN_BYTES_MAX) {
        open.set(key, run = { places: [], low: at, high: end });
        all.push(run);
      }
      run.places.push({ position, at });
      run.low = Math.min(run.low, at);
      run.high = Math.max(run.high, end);
    }
    for (let n = 0; n < 32; n++) {
      if ((xWrites & 1 << n) === 0) continue;
      const isWriteback = n === base && access!.writeback !== 0;
      values[n] = isWriteback ? value : nextValue++;
      added[n] = isWriteback ? after : 0;
    }
  });
  return all;
}
