import { RECORD_BYTES } from "../record.ts";
import type { Region } from "./block.ts";
import type { CompileRequest } from "./translator.ts";

/** Instructions of a page. */
const INSTRUCTIONS = 1024;

interface PageCoverage {
  readonly generation: number;
  /** By index in the page: 1 where an instruction is part of a region, 2 where one began or was to begin. */
  readonly states: Uint8Array;
}

/**
 * What the regions of each page are made of. When a function becomes hot, so do the places behind its loops and calls, from
 * which regions of all that follows would be made: as many as it has loops. They are postponed until they are still hot when
 * the function has its region.
 */
export class Coverage {
  /** By where the page's records start. */
  readonly #pages = new Map<number, PageCoverage>();

  /** Whether a region is to wait, as its first instruction is part of another: said once for each. */
  postpones(request: CompileRequest): boolean {
    if (request.isWhole || request.splitsRuns) return false;
    const { states } = this.#pageOf(request), index = indexOf(request);
    if (states[index] !== 1) return false;
    states[index] = 2;
    return true;
  }

  /** A region was made. */
  add(request: CompileRequest, { blocks }: Region): void {
    const { states } = this.#pageOf(request);
    states[indexOf(request)] = 2;
    for (const { start, instructions } of blocks) {
      for (let i = start; i < start + instructions.length; i++) states[i] ||= 1;
    }
  }

  #pageOf(request: CompileRequest): PageCoverage {
    const { generation } = request, recordBase = request.record - indexOf(request) * RECORD_BYTES;
    let coverage = this.#pages.get(recordBase);
    if (coverage?.generation !== generation) {
      this.#pages.set(recordBase, coverage = { generation, states: new Uint8Array(INSTRUCTIONS) });
    }
    return coverage;
  }
}

/** Index in its page of the instruction that a region is to begin with. */
function indexOf({ at }: CompileRequest): number {
  return (at & 0xfff) >>> 2;
}
