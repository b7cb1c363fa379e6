const HEADER_BYTES = 16;

/**
 * A ring of bytes between two threads, one that writes and one that reads. The first words are the counts of bytes read
 * and written and of wakes, modulo 2^32, and whether the writer has ended; the rest is data.
 */
export class ByteRing {
  readonly #counts: Int32Array;
  readonly #data: Uint8Array;

  /** @param buffer HEADER_BYTES more than the ring's size, which is a power of two. */
  constructor(readonly buffer: SharedArrayBuffer) {
    this.#counts = new Int32Array(buffer, 0, 4);
    this.#data = new Uint8Array(buffer, HEADER_BYTES);
  }

  static create(sizeBytes: number): ByteRing {
    return new ByteRing(new SharedArrayBuffer(sizeBytes + HEADER_BYTES));
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

  /** Says that nothing more will be written, and wakes a waiting reader. */
  end(): void {
    Atomics.store(this.#counts, 3, 1);
    this.wake();
  }

  /** Nothing will come but what is pending: to be asked before that. */
  get isEnded(): boolean {
    return Atomics.load(this.#counts, 3) !== 0;
  }

  /** Ends a wait. */
  wake(): void {
    Atomics.add(this.#counts, 2, 1);
    Atomics.notify(this.#counts, 2);
  }

  /**
   * Blocks until more bytes wait than the `known` ones, `wake` is called or the time is over.
   * @param isOver asked once before: a wake that comes after this question is not missed.
   */
  wait(timeoutMs: number, isOver: () => boolean = () => false, known = 0): void {
    const wakes = Atomics.load(this.#counts, 2);
    if (this.pending <= known && !isOver()) Atomics.wait(this.#counts, 2, wakes, timeoutMs);
  }
}
