import { extractFields, type Row } from "../../core/a64/row.ts";
import { sampleWords } from "../oracle/gnu.ts";
import { MEMORY_BASE, MEMORY_BYTES } from "../oracle/sequence.ts";
import { systemWord, whyExcluded, whyOnlyAlone } from "./exclusions.ts";
import { rowOf, TESTED_ROWS } from "./rows.ts";
import { isLiteral, isLoadOrStore, isUnprepared, NOP, preparationOf } from "./words.ts";

/** Whether sequences must not contain the word. */
function isUnfit(word: number): boolean {
  return whyExcluded(word) !== null || whyOnlyAlone(word) !== null;
}

/** Registers that sequences keep for themselves. */
function isReserved(n: number): boolean {
  return n >= COUNTER && n < 29;
}

/** In sequences: registers that hold addresses of memory, small offsets, and the counter of loops. */
const BASES = [26, 27, 28, 31], INDICES = [24, 25], COUNTER = 23;
/** Rows that sequences are made of: what branches is written by hand, and rows that are never defined are left out. */
const SEQUENCE_ROWS = TESTED_ROWS.filter((row) =>
  !whyExcluded(row.value) && ((row.value >>> 26) & 7) !== 5 && row.name !== "UDF" &&
  !/^(LD|ST)L?A?XR|^(LD|ST)[LA]?XP/.test(row.name)
);

/** The registers that sequences start from. */
export function sequencePins(random: () => number): (readonly [register: number, value: bigint])[] {
  const address = (): bigint => {
    const alignment = random() % 4 === 0 ? 1 : 16;
    return MEMORY_BASE + BigInt(1024 + random() % (MEMORY_BYTES - 2048) & -alignment);
  };
  const offset = (): bigint => BigInt.asUintN(64, BigInt(random() % 256 - 64));
  return [
    ...BASES.map((n) => [n, address()] as const),
    ...INDICES.map((n) => [n, offset()] as const),
    [COUNTER, BigInt(random() % 8 + 1)],
  ];
}

/** Writes a sequence whose loads and stores mostly go to memory and whose loops mostly end. */
export class SequenceWriter {
  readonly #words: number[] = [];
  #loopStart = -1;
  /** Of all exclusives: a store that does not suit its load is CONSTRAINED UNPREDICTABLE. */
  readonly #exclusiveSize: number;
  readonly #exclusivePairs: number;

  constructor(
    readonly random: () => number,
    readonly count: number,
    readonly aimLiteral: (word: number) => number,
  ) {
    this.#exclusiveSize = random() & 3;
    this.#exclusivePairs = this.#exclusiveSize >= 2 && random() & 1 ? 1 << 21 : 0;
  }

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
    const cut = words.slice(0, count);
    return cut.map((word, i) => isUnprepared(cut, i) ? NOP : word);
  }

  #unlikely(): number {
    const word = this.random();
    return isUnfit(word) ? this.#ordinary() : word;
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
    const { random } = this, size = this.#exclusiveSize, base = BASES[random() & 3];
    const [rt, rt2, rs] = [random() % COUNTER, random() % COUNTER, random() % COUNTER];
    const pair = this.#exclusivePairs, acquire = (random() & 1) << 15;
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
    this.#words.push(...preparationOf(word), word);
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
