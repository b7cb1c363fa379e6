import { CONTROL, type WorkerMessage } from "./vm_protocol.ts";

/** Output is sent when so much has gathered, or so long after the last time. */
const CONSOLE_BYTES = 8192;
const INTERVAL_MS = 4;
/** Bytes that may be on their way: beyond, the machine waits for the reader. */
const UNREAD_MAX = 1 << 20;

/** What the machine sends to the main thread, gathered into few messages and in the order in which it came about. */
export class Outbox {
  readonly #post: (message: WorkerMessage) => void;
  readonly #control: Int32Array;
  #console = new Uint8Array(CONSOLE_BYTES);
  #count = 0;
  #sentAtMs = -Infinity;
  /** Bytes sent so far, modulo 2^32. */
  #sent = 0;
  /** When the first byte of the console was written, in ms since 1970. */
  firstOutputMs: number | null = null;

  constructor(post: (message: WorkerMessage) => void, control: Int32Array) {
    this.#post = post;
    this.#control = control;
  }

  transmit(byte: number): void {
    this.#console[this.#count++] = byte;
    if (this.firstOutputMs === null) {
      this.firstOutputMs = performance.timeOrigin + performance.now();
      this.flush();
    } else if (this.#count === CONSOLE_BYTES) this.flush();
  }

  /** Tells the user something. */
  notice(text: string): void {
    this.flush();
    this.#post({ type: "notice", text });
  }

  /** Sends what has gathered if it has waited long enough. */
  flushIfDue(): void {
    if (this.#count > 0 && performance.now() - this.#sentAtMs >= INTERVAL_MS) this.flush();
  }

  flush(): void {
    this.#sentAtMs = performance.now();
    if (this.#count === 0) return;
    const bytes = this.#console.slice(0, this.#count);
    this.#account(this.#count);
    this.#count = 0;
    this.#post({ type: "console", bytes });
  }

  /** Waits while the main thread is too far behind, unless the machine is to stop. */
  #account(size: number): void {
    this.#sent = this.#sent + size | 0;
    for (;;) {
      const consumed = Atomics.load(this.#control, CONTROL.consumed);
      if ((this.#sent - consumed | 0) <= UNREAD_MAX + size || Atomics.load(this.#control, CONTROL.stop) !== 0) return;
      Atomics.wait(this.#control, CONTROL.consumed, consumed, INTERVAL_MS * 10);
    }
  }
}
