import { UsageError } from "./command.ts";
import { reason } from "./files.ts";

/** Writes all of `bytes`, which one call of the system need not do. */
export function writeAll(to: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(to.writeSync(rest));
}

/** Writes the answer of a command to stdout; when nobody reads it, it is lost. Returns exit code 0. */
export function print(text: string): number {
  try {
    writeAll(Deno.stdout, new TextEncoder().encode(text));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
  return 0;
}

/** Says something to the user, on stderr. It is lost when nobody reads there. */
export function say(text: string): void {
  try {
    writeAll(Deno.stderr, new TextEncoder().encode(`ariel: ${text}\n`));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Creates or empties a file that the user named. Throws UsageError, with its name and the option's. */
export function createUserFile(path: string, option: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (error) {
    throw new UsageError(`Cannot write ${path} for ${option}: ${reason(error)}`);
  }
}

/**
 * A stream that is written in order without blocking the thread, so that signals are seen although nobody reads. When
 * the reader goes away `closed` is called once, and what comes then is dropped.
 */
export class OrderedOutput {
  readonly #to: { write(bytes: Uint8Array): Promise<number> };
  readonly #closed: (error: Error) => void;
  #tail: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(to: { write(bytes: Uint8Array): Promise<number> }, closed: (error: Error) => void) {
    this.#to = to;
    this.#closed = closed;
  }

  /** Writes after what was written before; `done` is called when it is out. */
  write(bytes: Uint8Array, done: () => void = () => {}): void {
    this.#tail = this.#tail.then(() => this.#write(bytes)).then(done);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0 && !this.#isClosed;) {
      try {
        rest = rest.subarray(await this.#to.write(rest));
      } catch (error) {
        if (error instanceof Deno.errors.WouldBlock) await new Promise((resolve) => setTimeout(resolve, 5));
        else {
          this.#isClosed = true;
          this.#closed(error as Error);
        }
      }
    }
  }

  /** Waits until everything is out, or `ms` have passed. */
  async drain(ms = Infinity): Promise<void> {
    if (ms === Infinity) return await this.#tail;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
    await Promise.race([this.#tail, timeout]);
    clearTimeout(timer);
  }
}
