import { ByteWriter } from "./byte_writer.ts";
import { type LogFormat, type LogHeader, RecordFormatter } from "./record_formatter.ts";
import { SCHEMA_VERSION } from "./record_layout.ts";
import type { RecordRing } from "./record_ring.ts";

/** Records that are turned into lines at one time, so that the thread sees to other things in between. */
const BATCH_RECORDS = 8192;
/** How often the ring is looked at. */
const INTERVAL_MS = 10;
/** Bytes that may wait to be written: beyond, records stay in the ring. */
const UNWRITTEN_MAX_BYTES = 16 << 20;

/** Writes bytes in order and calls `done` when they are out. */
export type WriteBytes = (bytes: Uint8Array<ArrayBuffer>, done: () => void) => void;

export interface LogDrainOptions {
  readonly ring: RecordRing;
  readonly format: LogFormat;
  readonly write: WriteBytes;
  /** What the first line says beside the version of the schema. */
  readonly header: LogHeader;
  /** The first line is written only when there is a record, the last when records were lost. */
  readonly isQuiet: boolean;
}

/** The thread that writes the log: takes records out of the ring and writes them as lines. */
export class LogDrain {
  readonly #options: LogDrainOptions;
  readonly #out = new ByteWriter(1 << 20);
  readonly #formatter: RecordFormatter;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStarted = false;
  #unwritten = 0;
  /** Lines of records so far. */
  records = 0;

  constructor(options: LogDrainOptions) {
    this.#options = options;
    this.#formatter = new RecordFormatter(options.format, this.#out, options.ring);
    if (!options.isQuiet) this.#begin();
  }

  #begin(): void {
    this.#isStarted = true;
    this.#formatter.header({ schema: SCHEMA_VERSION, ...this.#options.header });
  }

  /** Begins to look at the ring from time to time. */
  start(): void {
    this.#timer = setTimeout(() => {
      this.drain();
      this.start();
    }, this.#options.ring.pending > 0 ? 0 : INTERVAL_MS);
  }

  /** Writes what waits, at most one batch. @returns whether more waits. */
  drain(): boolean {
    const { ring } = this.#options;
    if (this.#unwritten < UNWRITTEN_MAX_BYTES) this.#read(BATCH_RECORDS);
    return ring.pending > 0;
  }

  #read(limit: number): void {
    const { ring } = this.#options;
    if (ring.pending > 0 && !this.#isStarted) this.#begin();
    ring.read(limit, (at) => {
      if (this.#formatter.record(at)) this.records++;
    });
    this.#flush();
  }

  #flush(): void {
    if (this.#out.length === 0) return;
    const bytes = this.#out.take();
    this.#unwritten += bytes.length;
    this.#options.write(bytes, () => this.#unwritten -= bytes.length);
  }

  /** The writer of records does not come back from a trap: its record, which stands ready, is the last. */
  takeReady(): void {
    this.#options.ring.takeReady();
  }

  /** Writes all that is left and the last line. The writer of records must have stopped. */
  stop(): void {
    clearTimeout(this.#timer);
    const { ring } = this.#options;
    while (ring.pending > 0) this.#read(BATCH_RECORDS);
    if (!this.#options.isQuiet || ring.lost > 0) this.#formatter.end(this.records, ring.lost, ring.withheld);
    this.#flush();
  }
}
