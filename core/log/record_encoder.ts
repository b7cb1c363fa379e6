import type { AbortTrap, HypercallTrap, SmcTrap, Trap } from "../policy/trap.ts";
import type { Verdict } from "../policy/verdict.ts";
import { ABORT, IS_WRITE, RECORD_KINDS, VERDICTS, WORD } from "./record_layout.ts";

const KIND_INDEX = indexes(RECORD_KINDS);
const VERDICT_INDEX = indexes(VERDICTS);
const ACCESS_INDEX = indexes(ABORT.access), FAULT_INDEX = indexes(ABORT.fault);
const REGION_INDEX = indexes(ABORT.region), INTENT_INDEX = indexes(ABORT.intent);

function indexes<T extends string>(names: readonly T[]): Readonly<Record<T, number>> {
  return Object.fromEntries(names.map((name, n) => [name, n])) as Record<T, number>;
}

/** A timer interrupt of the guest that went through EL2, and how late it was. */
export interface TimerEvent {
  readonly seq: number;
  readonly vcpu: number;
  readonly intid: number;
  /** The timer's compare value, and the count when EL2 took the interrupt. */
  readonly cval: number;
  readonly count: number;
  /** What the timer's count is behind the physical count: CNTVOFF_EL2, or 0. */
  readonly counterOffset: number;
  /** From the moment for which the guest had set the timer to the interrupt, in nanoseconds. */
  readonly lateNs: number;
  readonly timeNs: number;
}

/**
 * Writes trap records to memory of its own or of a ring: stores of numbers, since it runs on the vCPU's thread at every
 * trap.
 */
export class RecordEncoder {
  /** @param nameId gives the number of a name. */
  constructor(
    readonly words: Uint32Array,
    readonly floats: Float64Array,
    readonly nameId: (name: string) => number,
  ) {}

  /** @param at word index of the record, a multiple of RECORD_WORDS. */
  trap(at: number, trap: Trap, verdict: Verdict): void {
    const { words, floats } = this, pair = at >>> 1;
    words[at + WORD.head] = KIND_INDEX[trap.kind] | VERDICT_INDEX[verdict.action] << 8 | trap.el << 16;
    words[at + WORD.vcpu] = trap.vcpu;
    floats[pair + WORD.seqPair] = trap.seq;
    floats[pair + WORD.timePair] = trap.time;
    words[at + WORD.pc] = trap.pcLo;
    words[at + WORD.pc + 1] = trap.pcHi;
    words[at + WORD.value] = trap.valueLo;
    words[at + WORD.value + 1] = trap.valueHi;
    words[at + WORD.esr] = trap.esr;
    words[at + WORD.rule] = this.nameId(verdict.rule);
    words[at + WORD.error] = verdict.error === undefined ? 0 : this.nameId(verdict.error);
    switch (trap.kind) {
      case "mmio":
        if (trap.isWrite) words[at + WORD.head] |= IS_WRITE;
        floats[pair + WORD.addressPair] = trap.ipa;
        words[at + WORD.detail] = trap.size;
        words[at + WORD.name] = this.nameId(trap.device);
        floats[pair + WORD.offsetPair] = trap.offset;
        return;
      case "sysreg":
        if (trap.isWrite) words[at + WORD.head] |= IS_WRITE;
        words[at + WORD.detail] = trap.encoding;
        return;
      case "hypercall":
      case "smc":
        return this.#call(at, trap);
      case "wfx":
        words[at + WORD.detail] = trap.instruction;
        return;
      case "abort":
        return this.#abort(at, trap);
      case "exception":
        words[at + WORD.detail] = trap.syndrome;
        words[at + WORD.far] = trap.farLo;
        words[at + WORD.far + 1] = trap.farHi;
        words[at + WORD.extra] = trap.isReported ? 1 : 0;
    }
  }

  #call(at: number, trap: HypercallTrap | SmcTrap): void {
    const { words } = this, { registers } = trap;
    words[at + WORD.detail] = trap.functionId;
    words[at + WORD.name] = this.nameId(trap.functionName);
    for (let i = 2; i < 16; i++) words[at + WORD.args + i - 2] = registers[i];
    words[at + WORD.extra] = trap.imm16;
  }

  #abort(at: number, trap: AbortTrap): void {
    const { words } = this;
    if (trap.access === "write") words[at + WORD.head] |= IS_WRITE;
    this.floats[(at >>> 1) + WORD.addressPair] = trap.ipa;
    words[at + WORD.detail] = ACCESS_INDEX[trap.access] << ABORT.accessShift |
      FAULT_INDEX[trap.fault] << ABORT.faultShift | REGION_INDEX[trap.region] << ABORT.regionShift |
      INTENT_INDEX[trap.intent] << ABORT.intentShift | (trap.isTableWalk ? ABORT.tableWalkBit : 0);
  }

  timer(at: number, event: TimerEvent): void {
    const { words, floats } = this, pair = at >>> 1;
    words[at + WORD.head] = KIND_INDEX.timer | VERDICT_INDEX.none << 8;
    words[at + WORD.vcpu] = event.vcpu;
    floats[pair + WORD.seqPair] = event.seq;
    floats[pair + WORD.timePair] = event.timeNs;
    words[at + WORD.pc] = 0;
    words[at + WORD.pc + 1] = 0;
    words[at + WORD.value] = event.count >>> 0;
    words[at + WORD.value + 1] = Math.floor(event.count / 2 ** 32);
    words[at + WORD.esr] = 0;
    words[at + WORD.rule] = this.nameId("");
    words[at + WORD.name] = event.intid;
    words[at + WORD.far] = event.cval >>> 0;
    words[at + WORD.far + 1] = Math.floor(event.cval / 2 ** 32);
    words[at + WORD.counterOffset] = event.counterOffset >>> 0;
    words[at + WORD.counterOffset + 1] = Math.floor(event.counterOffset / 2 ** 32);
    words[at + WORD.extra] = Math.min(event.lateNs, 0xffff_ffff) >>> 0;
    words[at + WORD.error] = 0;
  }
}
