import type { AbortTrap, HypercallTrap, SmcTrap, Trap } from "../policy/trap.ts";
import type { Verdict } from "../policy/verdict.ts";
import { ABORT, CALL_ARGUMENTS, IS_WRITE, RECORD_KINDS, VERDICTS, WORD } from "./record_layout.ts";

const TIMER_HEAD = RECORD_KINDS.indexOf("timer") | VERDICTS.indexOf("none") << 8;
const ACCESS_INDEX = indexes(ABORT.access), FAULT_INDEX = indexes(ABORT.fault);
const REGION_INDEX = indexes(ABORT.region), INTENT_INDEX = indexes(ABORT.intent);

const ARGUMENT_WORDS = 2 * CALL_ARGUMENTS;

// What another module exports is looked up at every use
const PLACE = WORD, WRITE_BIT = IS_WRITE;

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

/** The numbers of names that come in runs. */
class NameNumbers {
  #name = "";
  #number = 0;
  constructor(readonly nameId: (name: string) => number) {}

  of(name: string): number {
    if (name !== this.#name) {
      this.#name = name;
      this.#number = this.nameId(name);
    }
    return this.#number;
  }
}

/**
 * Writes trap records to memory of its own or of a ring: stores of numbers, since it runs on the vCPU's thread at every
 * trap.
 */
export class RecordEncoder {
  readonly #rules: NameNumbers;
  readonly #subjects: NameNumbers;
  /** The latest verdict and the number of its rule: comparing objects costs less than comparing names. */
  #verdict: Verdict | null = null;
  #rule = 0;

  /** @param nameId gives the number of a name, 0 for "". */
  constructor(
    readonly words: Uint32Array,
    readonly floats: Float64Array,
    readonly nameId: (name: string) => number,
  ) {
    this.#rules = new NameNumbers(nameId);
    this.#subjects = new NameNumbers(nameId);
  }

  /** @param at word index of the record, a multiple of RECORD_WORDS. */
  trap(at: number, trap: Trap, verdict: Verdict): void {
    const { words, floats } = this, { common } = trap, pair = at >>> 1;
    words[at + PLACE.head] = common.kindIndex | verdict.actionIndex << 8 | common.el << 16;
    words[at + PLACE.vcpu] = common.vcpu;
    floats[pair + PLACE.seqPair] = common.seq;
    floats[pair + PLACE.timePair] = common.time;
    words[at + PLACE.pc] = common.pcLo;
    words[at + PLACE.pc + 1] = common.pcHi;
    words[at + PLACE.value] = common.valueLo;
    words[at + PLACE.value + 1] = common.valueHi;
    words[at + PLACE.esr] = common.esr;
    if (verdict !== this.#verdict) {
      this.#verdict = verdict;
      this.#rule = this.#rules.of(verdict.rule);
    }
    words[at + PLACE.rule] = this.#rule;
    words[at + PLACE.error] = verdict.error === undefined ? 0 : this.nameId(verdict.error);
    switch (trap.kind) {
      case "mmio":
        if (trap.isWrite) words[at + PLACE.head] |= WRITE_BIT;
        floats[pair + PLACE.addressPair] = trap.ipa;
        words[at + PLACE.detail] = trap.size;
        words[at + PLACE.name] = this.#subjects.of(trap.device);
        floats[pair + PLACE.offsetPair] = trap.offset;
        return;
      case "sysreg":
        if (trap.isWrite) words[at + PLACE.head] |= WRITE_BIT;
        words[at + PLACE.detail] = trap.encoding;
        return;
      case "hypercall":
      case "smc":
        return this.#call(at, trap);
      case "wfx":
        words[at + PLACE.detail] = trap.instruction;
        return;
      case "abort":
        return this.#abort(at, trap);
      case "exception":
        words[at + PLACE.detail] = trap.syndrome;
        words[at + PLACE.far] = trap.farLo;
        words[at + PLACE.far + 1] = trap.farHi;
        words[at + PLACE.extra] = trap.isReported ? 1 : 0;
    }
  }

  #call(at: number, trap: HypercallTrap | SmcTrap): void {
    const { words } = this, { source, sourceAt } = trap;
    words[at + PLACE.detail] = trap.functionId;
    words[at + PLACE.name] = this.#subjects.of(trap.functionName);
    const from = sourceAt + 2, to = at + PLACE.args;
    for (let i = 0; i < ARGUMENT_WORDS; i++) words[to + i] = source[from + i];
    words[at + PLACE.extra] = trap.imm16;
  }

  #abort(at: number, trap: AbortTrap): void {
    const { words } = this;
    if (trap.access === "write") words[at + PLACE.head] |= WRITE_BIT;
    this.floats[(at >>> 1) + PLACE.addressPair] = trap.ipa;
    words[at + PLACE.detail] = ACCESS_INDEX[trap.access] << ABORT.accessShift |
      FAULT_INDEX[trap.fault] << ABORT.faultShift | REGION_INDEX[trap.region] << ABORT.regionShift |
      INTENT_INDEX[trap.intent] << ABORT.intentShift | (trap.isTableWalk ? ABORT.tableWalkBit : 0);
  }

  timer(at: number, event: TimerEvent): void {
    const { words, floats } = this, pair = at >>> 1;
    words[at + PLACE.head] = TIMER_HEAD;
    words[at + PLACE.vcpu] = event.vcpu;
    floats[pair + PLACE.seqPair] = event.seq;
    floats[pair + PLACE.timePair] = event.timeNs;
    words[at + PLACE.pc] = 0;
    words[at + PLACE.pc + 1] = 0;
    words[at + PLACE.value] = event.count >>> 0;
    words[at + PLACE.value + 1] = Math.floor(event.count / 2 ** 32);
    words[at + PLACE.esr] = 0;
    words[at + PLACE.rule] = this.nameId("");
    words[at + PLACE.name] = event.intid;
    words[at + PLACE.far] = event.cval >>> 0;
    words[at + PLACE.far + 1] = Math.floor(event.cval / 2 ** 32);
    words[at + PLACE.counterOffset] = event.counterOffset >>> 0;
    words[at + PLACE.counterOffset + 1] = Math.floor(event.counterOffset / 2 ** 32);
    words[at + PLACE.extra] = Math.min(event.lateNs, 0xffff_ffff) >>> 0;
    words[at + PLACE.error] = 0;
  }
}
