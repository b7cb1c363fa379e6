const ZERO = 0x30;
const HEX_DIGITS = Uint8Array.from("0123456789abcdef", (c) => c.charCodeAt(0));
const encoder = new TextEncoder();

/** The bytes of a text in UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** Bytes of text that grow at the end: no strings are made for numbers and for what is written again and again. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 1 << 16) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** A copy of what has been written; the writer is then empty. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.slice(0, this.length);
    this.length = 0;
    return bytes;
  }

  #reserve(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + count));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
  }

  bytes(text: Uint8Array): void {
    const count = text.length;
    this.#reserve(count);
    const bytes = this.#bytes, start = this.length;
    for (let i = 0; i < count; i++) bytes[start + i] = text[i];
    this.length = start + count;
  }

  text(text: string): void {
    this.bytes(encoder.encode(text));
  }

  /** A whole number of 0 or more in decimal; what comes after the point is dropped. */
  decimal(value: number): void {
    this.#reserve(20);
    let digits = 1;
    for (let power = 10; value >= power && digits < 17; power *= 10) digits++;
    const end = this.length + digits;
    let rest = Math.floor(value);
    for (let i = end - 1; rest > 0xffff_ffff; i--) {
      const next = Math.floor(rest / 10);
      this.#bytes[i] = ZERO + rest - next * 10;
      rest = next;
      digits--;
    }
    let low = rest >>> 0;
    for (let i = this.length + digits - 1; i >= this.length; i--) {
      const next = (low / 10) >>> 0;
      this.#bytes[i] = ZERO + low - next * 10;
      low = next;
    }
    this.length = end;
  }

  /** 0x and the hexadecimal digits of an unsigned pair, none in vain but `minimum`. */
  hex(lo: number, hi: number, minimum = 1): void {
    this.#reserve(18);
    const bytes = this.#bytes;
    bytes[this.length++] = ZERO;
    bytes[this.length++] = 0x78;
    let digits = hi !== 0 ? 16 - (Math.clz32(hi) >> 2) : 8 - (Math.clz32(lo) >> 2);
    if (digits < minimum) digits = minimum;
    for (let n = digits - 1; n >= 0; n--) {
      const half = n >= 8 ? hi : lo;
      bytes[this.length++] = HEX_DIGITS[half >>> (4 * (n & 7)) & 15];
    }
  }

  /** A number below 2^53 in hexadecimal. */
  hexNumber(value: number): void {
    this.hex(value >>> 0, Math.floor(value / 2 ** 32));
  }
}
