import { CPU_MODELS } from "../../core/cpu/features.ts";
import { extractFields, type Row } from "../../core/a64/row.ts";
import { MEANINGS } from "../../core/a64/table.ts";
import { randomWords, sampleWords } from "../oracle/gnu.ts";
import type { FlatMachine, RunOptions } from "../oracle/flat_machine.ts";
import {
  CODE_BASE,
  CODE_PAGES,
  MEMORY_BASE,
  MEMORY_BYTES,
  type SequenceCase,
  STOPS,
  WORD,
} from "../oracle/sequence.ts";
import { systemWord, whyExcluded, whyOnlyAlone } from "./exclusions.ts";
import { branchTarget, pointerOf, signExtendTag } from "./words.ts";
import { rowOf } from "./rows.ts";
import { inputsOf } from "./inputs.ts";

/** A case by what it follows from: this is what is recorded and printed. */
export interface CaseSpec {
  readonly pc: bigint;
  /** Of the inputs, and of how our side runs it. */
  readonly seed: number;
  readonly words: readonly number[];
  /** Registers (31 is SP) whose values do not follow from the seed. */
  readonly pins: readonly (readonly [register: number, value: bigint])[];
}

/** The state and code of a case. */
export function makeCase(spec: CaseSpec): SequenceCase {
  const state = inputsOf(spec.seed);
  setDoubleword(state, WORD.pc, spec.pc);
  for (const [n, value] of spec.pins) setDoubleword(state, WORD.x + 2 * n, value);
  return { words: spec.words, state };
}

/** How our side runs a case: at either Exception level, with and without the TLB's help. */
export function runOptions(spec: CaseSpec): RunOptions {
  return { isEl0: (spec.seed & 1) !== 0, hasTlb: (spec.seed & 6) !== 0 };
}

function setDoubleword(state: Uint32Array, at: number, value: bigint): void {
  state[at] = Number(BigInt.asUintN(32, value));
  state[at + 1] = Number(BigInt.asUintN(64, value) >> 32n);
}

/** A case as a line of text. */
export function formatSpec(spec: CaseSpec): string {
  const pins = spec.pins.map(([n, value]) => ` x${n}=${value.toString(16)}`).join("");
  return `${spec.pc.toString(16)} ${spec.seed.toString(16)} ${spec.words.map((w) => w.toString(16)).join(",")}${pins}`;
}

/** Reads what formatSpec wrote. Throws SyntaxError. */
export function parseSpec(text: string): CaseSpec {
  const [pc, seed, words, ...pins] = text.trim().split(/\s+/);
  if (!words) throw new SyntaxError(`Cannot read case "${text}"`);
  return {
    pc: BigInt(`0x${pc}`),
    seed: parseInt(seed, 16),
    words: words.split(",").map((w) => parseInt(w, 16)),
    pins: pins.map((pin) => {
      const m = /^x(\d+)=([0-9a-f]+)$/.exec(pin);
      if (!m) throw new SyntaxError(`Cannot read "${pin}" in case "${text}"`);
      return [Number(m[1]), BigInt(`0x${m[2]}`)];
    }),
  };
}

/** The rows that max executes, but the system instructions, most of which are excluded. */
export const TESTED_ROWS: readonly Row[] = MEANINGS.filter(({ options, value, mask }) =>
  (!options.feature || CPU_MODELS.max.features.has(options.feature)) && (value & 0xffc00000) >>> 0 !== 0xd5000000 &&
  !whyExcluded(value) && !whyExcluded((value | ~mask) >>> 0)
);

/** Deals out places in the code pages, in ascending order; after the last page it begins anew. */
export class Places {
  #page = 0;

  /** The PC of a case of so many words; now and then it runs across the end of a page. */
  next(count: number, random: () => number): bigint {
    if (this.#page + 2 > CODE_PAGES) this.#page = 0;
    const isAcross = random() % 16 === 0;
    const offset = isAcross ? 4096 - 4 * (1 + random() % count) : 4 * (random() % (1024 - count));
    const pc = CODE_BASE + BigInt(this.#page * 4096 + offset);
    this.#page += isAcross ? 2 : 1;
    return pc;
  }
}

export const isLoadOrStore = (word: number): boolean => ((word >>> 25) & 5) === 4;
const isLiteral = (word: number): boolean => ((word & 0x3b000000) >>> 0) === 0x18000000;
const isMsrFpcr = (word: number): boolean => ((word & 0xffffffe0) >>> 0) === 0xd51b4400;
const isMsrFpsr = (word: number): boolean => ((word & 0xffffffe0) >>> 0) === 0xd51b4420;

/** AND Xn, Xn, with so many ones rotated to the right. */
function andImmediate(n: number, immr: number, ones: number): number {
  return (0x92400000 | (immr << 16) | ((ones - 1) << 10) | (n << 5) | n) >>> 0;
}

/** B to the next instruction. */
const B_NEXT = 0x14000001;

/** Whether the word branches to another page of code: other cases may stand there on the judge's side. */
function strays(word: number, pc: bigint): boolean {
  const target = branchTarget(word, pc);
  if (target === null || target < CODE_BASE || target >= CODE_BASE + BigInt(CODE_PAGES * 4096)) return false;
  return target >> 12n !== pc >> 12n;
}

/** Whether sequences must not contain the word. */
function isUnfit(word: number): boolean {
  return whyExcluded(word) !== null || whyOnlyAlone(word) !== null;
}

/** Registers that sequences keep for themselves. */
function isReserved(n: number): boolean {
  return n >= COUNTER && n < 29;
}
/** BR, BLR, RET without pointer authentication. */
const isIndirectBranch = (word: number): boolean => ((word & 0xff9ffc1f) >>> 0) === 0xd61f0000;

const ADDRESS_TRIES = 3;

/** Makes single instructions and sequences. */
export class CaseGenerator {
  readonly #random: () => number;
  readonly #places = new Places();

  /** @param machine tells where accesses go, so that they can be sent to memory. */
  constructor(seed: number, readonly machine: () => FlatMachine) {
    this.#random = randomWords(seed);
  }

  /** A case: of a word of a random row, a random word, a word next to a row, or a sequence. */
  next(): CaseSpec {
    const random = this.#random, die = random() % 40;
    if (die === 0) return this.single(systemWord(random));
    if (die < 22) return this.single(this.#wordOf(TESTED_ROWS[random() % TESTED_ROWS.length]));
    if (die < 25) return this.single(this.#tested(() => random()));
    if (die < 29) {
      return this.single(this.#tested(() => {
        const word = this.#wordOf(TESTED_ROWS[random() % TESTED_ROWS.length]);
        return (word ^ (1 << (random() & 31)) ^ (random() & 1 ? 1 << (random() & 31) : 0)) >>> 0;
      }));
    }
    return this.#sequence();
  }

  /** A case of one word. */
  single(word: number): CaseSpec {
    const random = this.#random, seed = random(), pc = this.#places.next(1, random);
    if (isLiteral(word)) word = this.#aimLiteral(word, pc);
    if (strays(word, pc)) word = B_NEXT;
    const spec: CaseSpec = { pc, seed, words: [word], pins: [] };
    const rn = (word >>> 5) & 31;
    if (isLoadOrStore(word) && !isLiteral(word)) return this.#aim(spec, rn);
    if (isIndirectBranch(word) && random() & 1) {
      return { ...spec, pins: [[rn, pc + BigInt(4 * (random() & 7))]] };
    }
    return spec;
  }

  /** A word of the row that is neither excluded nor, mostly, reserved. */
  #wordOf(row: Row): number {
    return this.#tested(() => sampleWords(row, this.#random, 1, 1)[0] ?? row.value);
  }

  #tested(choose: () => number): number {
    for (;;) {
      const word = choose();
      if (!whyExcluded(word)) return word;
    }
  }

  /** An address in memory: mostly aligned, often near the 4 GiB boundary. */
  #target(): bigint {
    const random = this.#random, die = random();
    let offset = die & 3 ? random() % MEMORY_BYTES : MEMORY_BYTES / 2 - 64 + random() % 96;
    if (die & 12) offset &= ~15;
    const tag = (die >>> 4) % 32 === 0 ? BigInt(random() & 0xff) << 56n : 0n;
    return tag | (MEMORY_BASE + BigInt(offset));
  }

  /** Pins the base register so that the access goes to memory: where it went without tells the offset. */
  #aim(spec: CaseSpec, base: number): CaseSpec {
    const target = this.#target(), machine = this.machine();
    for (let i = 0; i < ADDRESS_TRIES; i++) {
      const c = makeCase(spec);
      const { state } = machine.run(c, runOptions(spec));
      if (STOPS[state[WORD.stop]] !== "abort") break;
      const at = WORD.x + 2 * base, old = BigInt(c.state[at + 1]) << 32n | BigInt(c.state[at]);
      const pin = BigInt.asUintN(64, old + target - machine.faultAddress);
      spec = { ...spec, pins: [[base, pin]] };
    }
    return spec;
  }

  #aimLiteral(word: number, pc: bigint): number {
    const random = this.#random, target = MEMORY_BASE + BigInt(random() % MEMORY_BYTES & ~3);
    let imm19 = Number(target - pc) >> 2;
    // Now and then a fault; other cases' code is left alone.
    if (random() % 16 === 0) imm19 = random() & 1 ? 0x40000 + (random() & 0xffff) : 0x3f000 + (random() & 0xfff);
    return ((word & ~0x00ffffe0) | (imm19 << 5)) >>> 0;
  }

  // Sequences

  /** A sequence of 10 to 50 words. */
  #sequence(): CaseSpec {
    const random = this.#random, seed = random(), count = 10 + random() % 41;
    const pc = this.#places.next(count, random);
    const words = new SequenceWriter(random, count, pc, (word) => this.#aimLiteral(word, pc)).write();
    const pins: [number, bigint][] = BASES.map((n) => [
      n,
      MEMORY_BASE + BigInt((1024 + random() % (MEMORY_BYTES - 2048)) & ~(random() % 4 === 0 ? 0 : 15)),
    ]);
    for (const n of INDICES) pins.push([n, BigInt(random() % 256 - 64) & 0xffff_ffff_ffff_ffffn]);
    pins.push([COUNTER, BigInt(random() % 8 + 1)]);
    return { pc, seed, words, pins };
  }
}

/** In sequences: registers that hold addresses of memory, small offsets, and the counter of loops. */
const BASES = [26, 27, 28, 31], INDICES = [24, 25], COUNTER = 23;
/** Rows that sequences are made of: what branches is written by hand, and rows that are never defined are left out. */
const SEQUENCE_ROWS = TESTED_ROWS.filter((row) =>
  ((row.value >>> 26) & 7) !== 5 && row.name !== "UDF" && !/^(LD|ST)L?A?XR|^(LD|ST)[LA]?XP/.test(row.name)
);

/** Writes a sequence whose loads and stores mostly go to memory and whose loops mostly end. */
class SequenceWriter {
  readonly #words: number[] = [];
  #loopStart = -1;

  constructor(
    readonly random: () => number,
    readonly count: number,
    readonly pc: bigint,
    readonly aimLiteral: (word: number) => number,
  ) {}

  write(): number[] {
    const words = this.#words, { random, count } = this;
    while (words.length < count) {
      const die = random() % 64, left = count - words.length;
      if (die < 5) words.push(this.#forwardBranch(left));
      else if (die < 7 && left > 3) this.#exclusivePair();
      else if (die < 9 && left > 3) this.#systemRegister();
      else if (die < 11 && left > 3) this.#loop();
      else if (die === 11 && left > 3) this.#throughRegister(left);
      else if (die === 12 && random() % 8 === 0) this.#push(this.#unlikely());
      else this.#push(this.#ordinary());
    }
    return words.slice(0, count);
  }

  #unlikely(): number {
    const word = this.random();
    return isUnfit(word) || strays(word, this.pc) ? this.#ordinary() : word;
  }

  /** A word of a row that leaves the bases alone and addresses memory through them. */
  #ordinary(): number {
    const { random } = this;
    for (;;) {
      const row = SEQUENCE_ROWS[random() % SEQUENCE_ROWS.length];
      const word = this.#restrict(row, sampleWords(row, random, 1, 1)[0] ?? row.value);
      if (!isUnfit(word) && rowOf(word) === row && !row.options.reserved?.(extractFields(row, word))) return word;
    }
  }

  #restrict(row: Row, word: number): number {
    const { random } = this, isMemory = isLoadOrStore(word);
    if (isLiteral(word)) return this.aimLiteral(word);
    for (const { name, lsb, width } of row.fields) {
      const value = (word >>> lsb) & (2 ** width - 1);
      let wanted = value;
      if (/^R([dts]|t2)$/.test(name)) wanted = isReserved(value) ? value & 15 : value;
      if (name === "Rd" && value === 31 && row.asm.includes("Rd|SP")) wanted = random() & 15;
      if (isMemory && name === "Rn") wanted = BASES[random() % BASES.length];
      if (isMemory && name === "Rm") wanted = [...INDICES, 31][random() % 3];
      if (isMemory && name === "imm12") wanted = value & 0x3f;
      word = ((word & ~((2 ** width - 1) << lsb)) | (wanted << lsb)) >>> 0;
    }
    return word;
  }

  /** B, BL, B.cond, CBZ, CBNZ, TBZ or TBNZ over some of the words that follow. */
  #forwardBranch(left: number): number {
    const { random } = this, offset = 1 + random() % Math.min(left, 8), rt = random() & 31, die = random() % 8;
    if (die === 0) return 0x14000000 | offset;
    if (die === 1) return (0x94000000 | offset) >>> 0;
    if (die < 4) return (0x54000000 | (offset << 5) | (random() & 15)) >>> 0;
    if (die < 6) return (0x34000000 | ((random() & 0x81) << 24) | (offset << 5) | rt) >>> 0;
    return (0x36000000 | ((random() & 0x81) << 24) | ((random() & 31) << 19) | (offset << 5) | rt) >>> 0;
  }

  /** A load-exclusive, perhaps a word, and a store-exclusive that often suits it. */
  #exclusivePair(): void {
    const { random } = this, size = random() & 3, base = BASES[random() & 3];
    const [rt, rt2, rs] = [random() % COUNTER, random() % COUNTER, random() % COUNTER];
    const pair = size >= 2 && random() & 1 ? 1 << 21 : 0, acquire = (random() & 1) << 15;
    const shared = ((size << 30) | 0x08000000 | pair | acquire | (base << 5)) >>> 0;
    this.#words.push((shared | 0x005f0000 | (pair ? rt2 : 31) << 10 | rt) >>> 0);
    if (random() & 1) this.#words.push(this.#ordinary());
    this.#words.push((shared | (rs << 16) | ((pair ? rt2 : 31) << 10) | (random() % COUNTER)) >>> 0);
  }

  /** A system instruction. */
  #systemRegister(): void {
    const word = systemWord(this.random), rt = word & 31;
    if (!isReserved(rt)) this.#push(word);
  }

  /** Adds a word, and before it what it needs not to meet a listed difference. */
  #push(word: number): void {
    const rt = word & 31;
    if (isMsrFpcr(word)) this.#words.push(andImmediate(rt, 42, 62), andImmediate(rt, 45, 61));
    else if (isMsrFpsr(word)) this.#words.push(andImmediate(rt, 32, 60));
    else {
      const pointer = pointerOf(word);
      if (pointer >= 0) this.#words.push(signExtendTag(pointer));
    }
    this.#words.push(word);
  }

  /** Begins a loop, or ends the one that was begun: SUB and CBNZ of the counter. */
  #loop(): void {
    const words = this.#words;
    if (this.#loopStart < 0) {
      words.push(0xd2800000 | ((1 + this.random() % 5) << 5) | COUNTER);
      this.#loopStart = words.length;
      return;
    }
    words.push(0xd1000400 | (COUNTER << 5) | COUNTER);
    const distance = this.#loopStart - words.length;
    words.push((0xb5000000 | ((distance & 0x7ffff) << 5) | COUNTER) >>> 0);
    this.#loopStart = -1;
  }

  /** ADR of a word that follows and BR, BLR or RET to it. */
  #throughRegister(left: number): void {
    const { random } = this, rd = random() % COUNTER, offset = 1 + random() % Math.min(left - 1, 6);
    const bytes = 4 * (offset + 1);
    this.#words.push((0x10000000 | ((bytes >>> 2) << 5) | rd) >>> 0);
    this.#words.push((0xd61f0000 | (random() % 3 << 21) | (rd << 5)) >>> 0);
  }
}
