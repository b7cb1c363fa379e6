import { EXEC_TLB_OFFSET } from "../memory_request.ts";
import { GENERATION_OFFSET, HOST_PAGE_OFFSET, RECORD_BYTES } from "../record.ts";
import type { Analyst, Facts } from "./analysis.ts";

/** Instructions of a leaf at most, with its RET. */
const LEAF_INSTRUCTIONS = 16;

/** Where code was met: the VA of its page, and byte offsets in memory of the TLBs in use, as the vCPU's state has them. */
export interface CodePlace {
  readonly pageLo: number;
  readonly pageHi: number;
  readonly tlb: number;
  readonly tlbUpper: number;
}

/** A page of code other than the region's. */
export interface FarPage {
  readonly va: bigint;
  readonly recordBase: number;
  readonly generation: number;
}

/** A function that only computes, loads and stores, one instruction after the other, and returns. */
export interface Leaf {
  readonly instructions: readonly Facts[];
  /** Index of the first in its page. */
  readonly start: number;
  /** Null in the region's page. */
  readonly far: FarPage | null;
}

/**
 * Finds the leaf that a call goes to, or went to last: written in place of the call it costs a fraction of one. What is found
 * in shared memory while the guest runs is a guess, which the region checks: the address, and that it stands for that page.
 */
export class LeafFinder {
  readonly #i32: Int32Array;

  /**
   * @param recordBase where the records of the region's page start, and `words` its instructions.
   * @param place where the page is; null where that is not known.
   */
  constructor(
    buffer: SharedArrayBuffer,
    readonly analyst: Analyst,
    readonly recordBase: number,
    readonly words: Int32Array,
    readonly place: CodePlace | null,
  ) {
    this.#i32 = new Int32Array(buffer);
  }

  /** The leaf that the call at an index of the page goes to. */
  find(index: number, { ending, offset }: Facts): Leaf | null {
    const near = index + offset / 4;
    if (ending === "call" && near >= 0 && near < 1024) return leafOf(this.analyst, this.words, near, null);
    const { place } = this;
    if (!place) return null;
    const page = pageOf(place),
      target = ending === "call" ? page + BigInt(4 * index + offset) : this.#calledLast(index);
    const start = Number(target & 0xfffn) / 4, targetPage = target & ~0xfffn;
    if (targetPage === page) return leafOf(this.analyst, this.words, start, null);
    const found = this.#findPage(targetPage, place);
    return found && leafOf(this.analyst, found.words, start, found.far);
  }

  /** Where tier 1's handler of a BLR, which has no immediate, has noted its target. */
  #calledLast(index: number): bigint {
    const at = this.recordBase + index * RECORD_BYTES + 8 >>> 2;
    return wide(this.#i32[at], this.#i32[at + 1]);
  }

  #findPage(va: bigint, { tlb, tlbUpper }: CodePlace): { readonly far: FarPage; readonly words: Int32Array } | null {
    const i32 = this.#i32, lo = Number(BigInt.asIntN(32, va)), hi = Number(BigInt.asIntN(32, va >> 32n));
    const entry = ((hi >>> 23 & 1) !== 0 ? tlbUpper : tlb) + EXEC_TLB_OFFSET + (lo >>> 8 & 0xfff0) >>> 2;
    // No call site knows a guarded page, whose entry has flags
    if (i32[entry] !== lo || i32[entry + 1] !== hi || i32[entry + 3] !== 0) return null;
    const recordBase = i32[entry + 2] >>> 0, generation = i32[recordBase + GENERATION_OFFSET >>> 2];
    if (generation === 0) return null;
    const first = i32[recordBase + HOST_PAGE_OFFSET >>> 2] * 1024;
    return { far: { va, recordBase, generation }, words: i32.slice(first, first + 1024) };
  }
}

function pageOf({ pageLo, pageHi }: CodePlace): bigint {
  return wide(pageLo, pageHi);
}

function wide(lo: number, hi: number): bigint {
  return BigInt.asIntN(64, BigInt(hi) << 32n | BigInt(lo >>> 0));
}

function leafOf(analyst: Analyst, words: Int32Array, start: number, far: FarPage | null): Leaf | null {
  const instructions: Facts[] = [];
  if (!Number.isInteger(start)) return null;
  for (let i = start; i < Math.min(start + LEAF_INSTRUCTIONS, 1024); i++) {
    const facts = analyst.factsOf(words[i]);
    instructions.push(facts);
    if (isPlainReturn(facts)) return { instructions, start, far };
    if (facts.ending !== "next" || facts.mayRemap || (facts.xWrites & LINK) !== 0) return null;
  }
  return null;
}

const LINK = 1 << 30;

/** RET, by X30 and without authentication. */
function isPlainReturn({ ending, xReads, xWrites }: Facts): boolean {
  return ending === "return" && xReads === LINK && xWrites === 0;
}
