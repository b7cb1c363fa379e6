/**
 * A ring of bytes between two threads, one that writes and one that reads. The first two words are the counts of bytes
 * read and written, modulo 2^32; the rest is data.
 */
export class ByteRing {
  readonly #counts: Int32Array;
  readonly #data: Uint8Array;

  /** @param buffer 8 bytes more than the ring's size, which is a power of two. */
  constructor(readonly buffer: SharedArrayBuffer) {
    this.#counts = new Int32Array(buffer, 0, 2);
    this.#data = new Uint8Array(buffer, 8);
  }

  static create(sizeBytes: number): ByteRing {
    return new ByteRing(new SharedArrayBuffer(sizeBytes + 8));
  }

  /** Bytes that wait to be read. */
  get pending(): number {
    return (Atomics.load(this.#counts, 1) - Atomics.load(this.#counts, 0)) >>> 0;
  }

  /** Writes as many of `bytes` as fit, wakes a waiting reader, and returns how many that were. */
  write(bytes: Uint8Array): number {
    const written = Atomics.load(this.#counts, 1);
    const count = Math.min(bytes.length, this.#data.length - this.pending);
    for (let i = 0; i < count; i++) this.#data[(written + i) & (this.#data.length - 1)] = bytes[i];
    Atomics.store(this.#counts, 1, written + count);
    this.wake();
    return count;
  }

  /** Takes one byte, or -1 when there is none. */
  read(): number {
    if (this.pending === 0) return -1;
    const at = Atomics.load(this.#counts, 0);
    const byte = this.#data[at & (this.#data.length - 1)];
    Atomics.store(this.#counts, 0, at + 1);
    return byte;
  }

  wake(): void {
    Atomics.notify(this.#counts, 1);
  }

  /** Blocks until a byte waits, `wake` is called or the time is over. */
  wait(timeoutMs: number): void {
    const written = Atomics.load(this.#counts, 1);
    if (this.pending === 0) Atomics.wait(this.#counts, 1, written, timeoutMs);
  }
}
