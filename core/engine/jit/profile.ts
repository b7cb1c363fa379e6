import { STATE } from "../../cpu/layout.ts";
import type { Vcpu } from "../../cpu/vcpu.ts";
import type { CodeCache } from "../code_cache.ts";

const PC = STATE.pc.offset >>> 2, PC_PAGE = STATE.pcPage.offset >>> 2, RECORD_BASE = STATE.recordBase.offset >>> 2;

/** Which code a slice ended in: handlers, a region, or neither (a wait, an exception). */
export type Tier = "interpreted" | "translated" | "other";

/** A place where slices ended. */
export interface Sample {
  readonly record: number;
  /** Its address when it was met last. */
  pcLow: number;
  pcHigh: number;
  /** Instructions of the slices that ended here, in regions and in handlers. */
  translated: number;
  interpreted: number;
}

/**
 * Where time goes: the end of each slice is a sample, which stands for the slice's instructions. Nothing is counted
 * while code runs.
 */
export class Profile {
  /** Instructions of all slices by the tier that they ended in. */
  readonly instructions: Record<Tier, number> = { interpreted: 0, translated: 0, other: 0 };
  /** By page slot, then by record. */
  readonly #samples = new Map<number, Map<number, Sample>>();

  constructor(readonly code: CodeCache) {}

  /** A slice of so many instructions has ended, with the PC exact. */
  note(vcpu: Vcpu, tier: Tier, instructions: number): void {
    this.instructions[tier] += instructions;
    if (tier === "other") return;
    const { u32, w } = vcpu, low = u32[w + PC], high = u32[w + PC + 1];
    // A slice that ended in a branch to another page counts for the page that it left.
    const isHere = u32[w + PC_PAGE] === (low & ~0xfff) >>> 0 && u32[w + PC_PAGE + 1] === high;
    const record = u32[w + RECORD_BASE] + (isHere ? (low & 0xffc) * 4 : 0);
    const sample = this.#sampleAt(record);
    sample.pcLow = isHere ? low : u32[w + PC_PAGE];
    sample.pcHigh = u32[w + PC_PAGE + 1];
    sample[tier] += instructions;
  }

  #sampleAt(record: number): Sample {
    const slot = this.code.slotOf(record);
    let page = this.#samples.get(slot);
    if (!page) this.#samples.set(slot, page = new Map());
    let sample = page.get(record);
    if (!sample) page.set(record, sample = { record, pcLow: 0, pcHigh: 0, translated: 0, interpreted: 0 });
    return sample;
  }

  /** The page's code is another now. */
  forget(slot: number): void {
    this.#samples.delete(slot);
  }

  /** All places that are still what they were. */
  *samples(): Generator<Sample> {
    for (const page of this.#samples.values()) yield* page.values();
  }
}
