/** The fields of a state that hold a number. */
export type NumberField<S> = { [K in keyof S]: S[K] extends number ? K : never }[keyof S];

/** One register of a device, or an array of consecutive words that share a meaning: a row of the manual's summary. */
export interface Register<D, S> {
  /** Bytes from the device's start, a multiple of 4. */
  readonly offset: number;
  readonly name: string;
  /** Count of 32-bit words: 2 for a 64-bit register, more for an array. 1 by default. */
  readonly words?: number;
  /** The bits that can be written; all by default where there is a field or a `write`, else none. */
  readonly writable?: number;
  /** What an identification register always reads. */
  readonly value?: number;
  /** Where the device's state keeps the register. */
  readonly field?: NumberField<S>;
  /** @param index the word's number within the row. */
  readonly read?: (d: D, index: number) => number;
  /**
   * @param value the bits written; with a `field`, the register as it now is, already stored.
   * @param old the field's former value, 0 without a field.
   * @param index the word's number within the row.
   * @param mask the writable bits that the access covers.
   */
  readonly write?: (d: D, value: number, old: number, index: number, mask: number) => void;
}

/** Told of an access that means nothing: off the map, or a write of what is read-only. */
export type Ignored<D> = (d: D, offset: number, isWrite: boolean) => void;

const NONE = 0xffff;
/** Bits of the high word that a device's answer can hold: 53 in all. */
const HIGH_MASK = 0x1f_ffff;

/**
 * A device's registers as a table. Everything that all devices share is here once: words of arrays, 64-bit and narrow
 * accesses, reserved bits, and what lies off the map (RAZ/WI).
 */
export class RegisterMap<D, S> {
  readonly #rows: readonly Register<D, S>[];
  readonly #rowOfWord: Uint16Array;
  readonly #ignored: Ignored<D> | undefined;

  /** @param sizeBytes the device's size, a multiple of 4. */
  constructor(sizeBytes: number, rows: readonly Register<D, S>[], ignored?: Ignored<D>) {
    // Objects of one shape
    this.#rows = rows.map(({ offset, name, words, writable, value, field, read, write }) => (
      { offset, name, words, writable, value, field, read, write }
    ));
    this.#ignored = ignored;
    this.#rowOfWord = new Uint16Array(sizeBytes >>> 2).fill(NONE);
    rows.forEach((row, number) => {
      for (let i = 0; i < (row.words ?? 1); i++) {
        const word = (row.offset >>> 2) + i;
        if ((row.offset & 3) !== 0 || this.#rowOfWord[word] !== NONE) {
          throw new Error(`Cannot place ${row.name} at 0x${row.offset.toString(16)} as it must be a free aligned word`);
        }
        this.#rowOfWord[word] = number;
      }
    });
  }

  /**
   * @param offset a multiple of `bytes`, below the device's size.
   * @param bytes 1, 2, 4 or 8; a narrow read takes its bytes of the whole word.
   */
  read(d: D, state: S, offset: number, bytes: number): number {
    if (bytes === 4) return this.#readWord(d, state, offset);
    if (bytes === 8) {
      const lo = this.#readWord(d, state, offset);
      return lo + (this.#readWord(d, state, offset + 4) & HIGH_MASK) * 0x1_0000_0000;
    }
    return (this.#readWord(d, state, offset & ~3) >>> (8 * (offset & 3))) & (bytes === 1 ? 0xff : 0xffff);
  }

  /** A narrow write leaves the other bytes of a field alone and hands a `write` zeros there, with the mask to tell. */
  write(d: D, state: S, offset: number, bytes: number, value: number): void {
    if (bytes === 4) {
      this.#writeWord(d, state, offset, value, 0xffff_ffff);
    } else if (bytes === 8) {
      this.#writeWord(d, state, offset, value % 0x1_0000_0000, 0xffff_ffff);
      this.#writeWord(d, state, offset + 4, Math.floor(value / 0x1_0000_0000), 0xffff_ffff);
    } else {
      const shift = 8 * (offset & 3);
      this.#writeWord(d, state, offset & ~3, value << shift, (bytes === 1 ? 0xff : 0xffff) << shift);
    }
  }

  /** The name of the register at `offset`, for logs. */
  nameAt(offset: number): string | undefined {
    return this.#rows[this.#rowOfWord[offset >>> 2]]?.name;
  }

  #readWord(d: D, state: S, offset: number): number {
    const row = this.#rows[this.#rowOfWord[offset >>> 2]];
    if (row === undefined) {
      this.#ignored?.(d, offset, false);
      return 0;
    }
    if (row.read !== undefined) return row.read(d, (offset - row.offset) >>> 2) >>> 0;
    if (row.field !== undefined) return (state[row.field] as number) >>> 0;
    return row.value ?? 0;
  }

  #writeWord(d: D, state: S, offset: number, value: number, bytesMask: number): void {
    const row = this.#rows[this.#rowOfWord[offset >>> 2]];
    if (row === undefined || (row.field === undefined && row.write === undefined)) {
      this.#ignored?.(d, offset, true);
      return;
    }
    const mask = ((row.writable ?? 0xffff_ffff) & bytesMask) >>> 0;
    let stored = (value & mask) >>> 0;
    let old = 0;
    if (row.field !== undefined) {
      old = (state[row.field] as number) >>> 0;
      stored = ((old & ~mask) | stored) >>> 0;
      (state[row.field] as number) = stored;
    }
    row.write?.(d, stored, old, (offset - row.offset) >>> 2, mask);
  }
}

/** The PeriphID and PCellID registers of a PrimeCell, from 0xfe0 on, one byte each. */
export function identificationRows<D, S>(prefix: string, bytes: readonly number[]): Register<D, S>[] {
  return bytes.map((value, i) => ({
    offset: 0xfe0 + 4 * i,
    name: i < 4 ? `${prefix}PeriphID${i}` : `${prefix}PCellID${i - 4}`,
    value,
  }));
}
