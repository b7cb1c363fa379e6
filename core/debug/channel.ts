import { ByteRing } from "../machine/byte_ring.ts";

/*
 * How the main thread, which has the terminal and the sockets, hands their bytes to the machine's Worker: frames in one
 * ring of bytes, read between slices. A frame is channel, type, length in two bytes (low first), then so many bytes.
 */

/** Where bytes come from; `main` are answers of the main thread itself. */
export const CHANNEL = { terminal: 0, monitorSocket: 1, gdb: 2, main: 3 } as const;
/** What a frame says: bytes have come, somebody has connected, or has gone. */
export const FRAME = { data: 0, open: 1, close: 2 } as const;

const HEADER_BYTES = 4;
const PAYLOAD_MAX = 2048;
/** Size of the ring: several frames. */
const RING_BYTES = 1 << 16;

export interface Frame {
  readonly channel: number;
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** The writing end, on the main thread. What does not fit waits here. */
export class ChannelWriter {
  readonly #ring: ByteRing;
  readonly #wake: () => void;
  #tail: Promise<void> = Promise.resolve();

  /** @param wake called after every write: the reader may wait for something else too. */
  constructor(ring: ByteRing, wake: () => void) {
    this.#ring = ring;
    this.#wake = wake;
  }

  static ring(): ByteRing {
    return ByteRing.create(RING_BYTES);
  }

  /** Sends a frame, or several for many bytes, after those that were sent before. Resolves when all are in the ring. */
  send(channel: number, type: number, bytes: Uint8Array = new Uint8Array(0)): Promise<void> {
    const copy = bytes.slice();
    return this.#tail = this.#tail.then(async () => {
      let at = 0;
      do {
        const part = copy.subarray(at, at + PAYLOAD_MAX);
        await this.#write(Uint8Array.from([channel, type, part.length & 0xff, part.length >> 8, ...part]));
        at += part.length;
      } while (at < copy.length);
    });
  }

  async #write(frame: Uint8Array): Promise<void> {
    for (let rest = frame; rest.length > 0;) {
      rest = rest.subarray(this.#ring.write(rest));
      this.#wake();
      if (rest.length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** The reading end, in the machine's Worker. */
export class ChannelReader {
  readonly #ring: ByteRing;
  readonly #header: number[] = [];
  #payload: number[] = [];

  constructor(ring: ByteRing) {
    this.#ring = ring;
  }

  /** Bytes wait to be read. */
  get hasInput(): boolean {
    return this.#ring.pending > 0;
  }

  /** The next frame that is complete, or null. */
  read(): Frame | null {
    for (let byte = this.#ring.read(); byte >= 0; byte = this.#ring.read()) {
      if (this.#header.length < HEADER_BYTES) this.#header.push(byte);
      else this.#payload.push(byte);
      if (this.#header.length < HEADER_BYTES) continue;
      const [channel, type, low, high] = this.#header;
      if (this.#payload.length < (low | high << 8)) continue;
      const frame = { channel, type, bytes: Uint8Array.from(this.#payload) };
      this.#header.length = 0;
      this.#payload = [];
      return frame;
    }
    return null;
  }
}
