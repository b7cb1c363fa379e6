/** An unpacked image larger than this cannot be meant for the guest. */
export const UNPACKED_MAX = 2 ** 31 - 1;

/** Bytes that are gathered piece by piece. */
export class OutputBytes {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** @param expected how many there will be, where that is known. */
  constructor(expected: number) {
    this.#bytes = new Uint8Array(Math.min(expected, UNPACKED_MAX));
  }

  /** Throws SyntaxError when the whole would be larger than any guest. */
  push(piece: Uint8Array): void {
    const end = this.#length + piece.length;
    if (end > UNPACKED_MAX) throw new SyntaxError("unpacked it is larger than 2 GiB");
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(Math.max(end, 2 * this.#bytes.length), UNPACKED_MAX));
      larger.set(this.bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = end;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** Told how many of the packed bytes have been read. */
export type Progress = (done: number, total: number) => void;

/** Lets signals and messages through between two pieces of work. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
