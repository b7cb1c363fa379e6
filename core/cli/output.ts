import { harmlessLines } from "../log/quote.ts";
import { UsageError } from "./command.ts";
import { reason } from "./files.ts";

/** Writes all of `bytes`, which one call of the system need not do. */
export function writeAll(to: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(to.writeSync(rest));
}

/** A text in the quotes of a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A word for a shell's command line: in quotes where it needs them. */
export function shellWord(text: string): string {
  return /^[\w./@%+:,][\w./@%+:,-]*$/.test(text) ? text : quoted(text);
}

export type StandardOutput = "stdout" | "stderr";

/** Files that are standard streams, and cannot be opened as files. */
const STREAM_FILES: Readonly<Record<string, StandardOutput>> = {
  "/dev/stdout": "stdout",
  "/dev/stderr": "stderr",
  "/dev/fd/1": "stdout",
  "/dev/fd/2": "stderr",
};

/** The standard stream that a path means, or null. @param dash what "-" means. */
export function standardOutput(path: string, dash: StandardOutput): StandardOutput | null {
  return path === "-" ? dash : STREAM_FILES[path] ?? null;
}

/**
 * Writes a result to a standard stream; when nobody reads it, it is lost, and false is returned. Throws UsageError when
 * it cannot be written, as on a full disk.
 */
export function writeStandard(name: StandardOutput, bytes: Uint8Array): boolean {
  try {
    writeAll(Deno[name], bytes);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw new UsageError(`Cannot write to ${name}: ${reason(error)}`);
  }
}

/** Writes the answer of a command to stdout. Returns exit code 0. Throws UsageError when it cannot be written. */
export function print(text: string): number {
  writeStandard("stdout", new TextEncoder().encode(text));
  return 0;
}

/** Writes to stderr what matters only to somebody who looks: where it cannot be written, it is lost. */
export function writeAside(bytes: Uint8Array): void {
  try {
    writeAll(Deno.stderr, bytes);
  } catch {
    // There is nowhere else to say so
  }
}

/** What is said to the user, as bytes for stderr. Guests may have had a hand in it, so nothing in it acts on a terminal. */
export function said(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`ariel: ${harmlessLines(text)}\n`);
}

/** Says something to the user, on stderr. */
export function say(text: string): void {
  writeAside(said(text));
}

/** Creates or empties a file that the user named. Throws UsageError, with its name and the option's. */
export function createUserFile(path: string, option: string): Deno.FsFile {
  return writing(path, option, () => Deno.openSync(path, { write: true, create: true, truncate: true }));
}

/**
 * Opens a file for a result, so that one that cannot be written is told before the work; "-" is a standard stream,
 * `dash`. Returns what writes it. Both throw UsageError.
 */
export function openResult(path: string, option: string, dash: StandardOutput): (bytes: Uint8Array) => void {
  const standard = standardOutput(path, dash);
  if (standard !== null) return (bytes) => writeStandard(standard, bytes);
  const file = createUserFile(path, option);
  return (bytes) => writing(path, option, () => writeAll(file, bytes));
}

function writing<T>(path: string, option: string, act: () => T): T {
  try {
    return act();
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

  /** Waits until everything is out, or `ms` have passed. Returns whether it is. */
  async drain(ms = Infinity): Promise<boolean> {
    const isOut = this.#tail.then(() => true);
    if (ms === Infinity) return await isOut;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
    const result = await Promise.race([isOut, timeout]);
    clearTimeout(timer);
    return result;
  }
}

/** What writes to stderr between the writes of `output`, which goes to a standard stream, both perhaps to one file. */
export function besideStream(stream: StandardOutput | null, output: OrderedOutput): (bytes: Uint8Array) => void {
  switch (stream) {
    case "stderr":
      return (bytes) => output.write(bytes);
    case "stdout":
      return (bytes) => output.write(new Uint8Array(0), () => writeAside(bytes));
    case null:
      return writeAside;
  }
}
