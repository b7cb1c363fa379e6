const UTF8 = new TextEncoder();

/** A growing byte buffer with WebAssembly's number formats. WebAssembly Core Specification, "Values". */
export class WasmBytes {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  #reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  u8(value: number): void {
    if (this.length >= this.bytes.length) this.#reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Unsigned LEB128 of 0 to 2^32 - 1. */
  u32(value: number): void {
    this.#reserve(5);
    value >>>= 0;
    while (value >= 0x80) {
      this.bytes[this.length++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.bytes[this.length++] = value;
  }

  /** Unsigned LEB128 of 0 to 2^28 - 1 in five bytes, so that it can be changed in its place. */
  u32InFive(value: number): void {
    for (let i = 0; i < 4; i++, value >>>= 7) this.u8(value & 0x7f | 0x80);
    this.u8(0);
  }

  /** Signed LEB128 of a 32-bit integer. */
  s32(value: number): void {
    this.#reserve(5);
    value |= 0;
    for (;;) {
      const low = value & 0x7f;
      value >>= 7;
      if ((value === 0 && !(low & 0x40)) || (value === -1 && (low & 0x40))) {
        this.bytes[this.length++] = low;
        return;
      }
      this.bytes[this.length++] = low | 0x80;
    }
  }

  /** Signed LEB128 of the 64-bit integer with these halves. */
  s64(lo: number, hi: number): void {
    this.#reserve(10);
    lo |= 0;
    hi |= 0;
    for (;;) {
      const low = lo & 0x7f;
      lo = (lo >>> 7) | (hi << 25);
      hi >>= 7;
      if ((lo === 0 && hi === 0 && !(low & 0x40)) || (lo === -1 && hi === -1 && (low & 0x40))) {
        this.bytes[this.length++] = low;
        return;
      }
      this.bytes[this.length++] = low | 0x80;
    }
  }

  /** Little-endian bytes. */
  raw(values: ArrayLike<number>): void {
    const count = values.length;
    this.#reserve(count);
    if (count > 16) this.bytes.set(values, this.length);
    else for (let i = 0; i < count; i++) this.bytes[this.length + i] = values[i];
    this.length += count;
  }

  /** The other buffer's bytes with their count in front. */
  sized(other: WasmBytes): void {
    this.u32(other.length);
    this.raw(other.view());
  }

  name(text: string): void {
    const bytes = UTF8.encode(text);
    this.u32(bytes.length);
    this.raw(bytes);
  }

  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }
}
