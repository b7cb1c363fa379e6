/** Addresses end below this: the architecture's largest intermediate physical address space has 52 bits. */
const IPA_END = 2 ** 52;

/**
 * The half-open interval [start, end) of intermediate physical addresses. Every interval is canonical: its bounds are
 * safe integers with 0 <= start <= end <= 2^52, so no arithmetic on it can wrap.
 */
export class IpaInterval {
  private constructor(readonly start: number, readonly end: number) {}

  /** The interval of `bytes` bytes from `start` on, or null where it would be none: fractions, negatives, wrap-around. */
  static of(start: number, bytes: number): IpaInterval | null {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(bytes) || start < 0 || bytes < 0) return null;
    const end = start + bytes;
    return end <= IPA_END ? new IpaInterval(start, end) : null;
  }

  /**
   * The same from 64-bit values in unsigned halves, as registers hold them: what does not fit in 52 bits is no interval.
   */
  static ofHalves(startLo: number, startHi: number, bytesLo: number, bytesHi: number): IpaInterval | null {
    if (startHi >= 1 << 20 || bytesHi >= 1 << 20) return null;
    return IpaInterval.of(startHi * 2 ** 32 + startLo, bytesHi * 2 ** 32 + bytesLo);
  }

  get bytes(): number {
    return this.end - this.start;
  }
  get isEmpty(): boolean {
    return this.start === this.end;
  }

  /** Whether `address` lies in it: never in an empty one. */
  has(address: number): boolean {
    return address >= this.start && address < this.end;
  }

  /** Whether [address, address + bytes) lies wholly in it; without allocation, for the paths of traps. */
  hasBytes(address: number, bytes: number): boolean {
    return address >= this.start && address + bytes <= this.end;
  }

  /** Whether `other` lies wholly in it. An empty interval lies in one whose bounds enclose its start. */
  contains(other: IpaInterval): boolean {
    return other.start >= this.start && other.end <= this.end;
  }

  /** Whether both have an address in common. */
  overlaps(other: IpaInterval): boolean {
    return this.start < other.end && other.start < this.end && !this.isEmpty && !other.isEmpty;
  }

  /** As interval notation, such as "[0x40000000, 0x70000000)". */
  toString(): string {
    return `[0x${this.start.toString(16)}, 0x${this.end.toString(16)})`;
  }
}
