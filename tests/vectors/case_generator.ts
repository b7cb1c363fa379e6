import type { Row } from "../../core/a64/row.ts";
import type { FlatMachine } from "../oracle/flat_machine.ts";
import { randomWords, sampleWords } from "../oracle/gnu.ts";
import { CODE_BASE, CODE_PAGES, MEMORY_BASE, MEMORY_BYTES, STOPS, WORD } from "../oracle/sequence.ts";
import { type CaseSpec, makeCase, runOptions } from "./case_spec.ts";
import { systemWord, whyExcluded } from "./exclusions.ts";
import { rowOf, TESTED_ROWS } from "./rows.ts";
import { sequencePins, SequenceWriter } from "./sequence_writer.ts";
import { isIndirectBranch, isLiteral, isLoadOrStore } from "./words.ts";

/** The rows that cases are made of: not all of their words are excluded. */
const ROWS = TESTED_ROWS.filter(({ value, mask }) => !whyExcluded(value) || !whyExcluded((value | ~mask) >>> 0));

/** Every value of the bits of a mask. */
function* subsets(mask: number): Generator<number> {
  let subset = 0;
  do {
    yield subset >>> 0;
    subset = (subset - mask) & mask;
  } while (subset !== 0);
}

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

const ADDRESS_TRIES = 3, SHAPE_TRIES = 16;

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
    if (die < 22) return this.single(this.#wordOf(ROWS[random() % ROWS.length]));
    if (die < 25) return this.single(this.#tested(() => random()));
    if (die < 29) {
      return this.single(this.#tested(() => {
        const word = this.#wordOf(ROWS[random() % ROWS.length]);
        return (word ^ (1 << (random() & 31)) ^ (random() & 1 ? 1 << (random() & 31) : 0)) >>> 0;
      }));
    }
    return this.sequence();
  }

  /**
   * A word for every value of the fields that choose a shape, of every row; words that are excluded are left out.
   * @param limit how many words of a row there are at most, spread over its shapes.
   */
  *shapeWords(limit = Infinity): Generator<number> {
    for (const row of ROWS) {
      const words = Array.from(subsets((row.shapeMask & ~row.mask) >>> 0), (shape) => this.#wordOfShape(row, shape))
        .filter((word) => word >= 0);
      const step = Math.max(1, words.length / limit);
      for (let i = 0; i < words.length; i += step) yield words[Math.floor(i)];
    }
  }

  /** A word of that shape that is not reserved; -1 when there seems to be none. */
  #wordOfShape(row: Row, shape: number): number {
    const dynamic = ~(row.mask | row.shapeMask);
    for (let i = 0; i < SHAPE_TRIES; i++) {
      const word = (row.value | shape | (this.#random() & dynamic)) >>> 0;
      if (rowOf(word) === row && !whyExcluded(word)) return word;
    }
    return -1;
  }

  /** A case of one word. */
  single(word: number): CaseSpec {
    const random = this.#random, seed = random(), pc = this.#places.next(1, random);
    if (isLiteral(word)) word = this.#aimLiteral(word, pc);
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
    const imm19 = random() % 16 === 0 ? random() & 0x7ffff : Number(target - pc) >> 2;
    return ((word & ~0x00ffffe0) | (imm19 << 5)) >>> 0;
  }

  /** A sequence of 10 to 50 words. */
  sequence(): CaseSpec {
    const random = this.#random, seed = random(), count = 10 + random() % 41;
    const pc = this.#places.next(count, random);
    const words = new SequenceWriter(random, count, (word) => this.#aimLiteral(word, pc)).write();
    return { pc, seed, words, pins: sequencePins(random) };
  }
}
