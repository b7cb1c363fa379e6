import { KNOWN_ABORT_BYTES, KNOWN_ABORT_COUNT, KNOWN_ABORTS, STATE } from "./layout.ts";
import type { Vcpu } from "./vcpu.ts";

const TLB = STATE.tlb.offset >>> 2;
const FIRST = KNOWN_ABORTS >>> 2, WORDS = KNOWN_ABORT_BYTES >>> 2, COUNT = KNOWN_ABORT_COUNT;

/** Which aborts generated code takes to EL2 by itself, as a view of the vCPU's state block; see layout.ts. */
export class KnownAborts {
  #isEmpty = true;

  constructor(readonly vcpu: Vcpu) {}

  /** Notes an abort that the same instruction causes whenever it accesses the page. @param word the instruction. */
  note(vaLo: number, vaHi: number, word: number, esr: number, hpfarLo: number, hpfarHi: number): void {
    const { i32, w } = this.vcpu, at = w + FIRST + WORDS * knownAbortIndex(vaLo, word);
    i32[at] = vaLo & ~0xfff;
    i32[at + 1] = vaHi;
    i32[at + 2] = i32[w + TLB + (vaHi >>> 23 & 1)];
    i32[at + 3] = word;
    i32[at + 4] = esr;
    i32[at + 5] = 0;
    i32[at + 6] = hpfarLo;
    i32[at + 7] = hpfarHi;
    this.#isEmpty = false;
  }

  /** To be called when a translation may have changed. */
  forget(): void {
    if (this.#isEmpty) return;
    const { i32, w } = this.vcpu;
    for (let n = 0; n < COUNT; n++) i32[w + FIRST + WORDS * n] = 1;
    this.#isEmpty = true;
  }
}

/** Which of KNOWN_ABORTS stands for an instruction's accesses to a page. */
function knownAbortIndex(vaLo: number, word: number): number {
  return (vaLo >>> 12 ^ word ^ word >>> 10) & COUNT - 1;
}
