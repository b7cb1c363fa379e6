import { UsageError } from "./command.ts";
import { isStdin, reason } from "./files.ts";

/** Bytes that are read at a time. */
const PIECE_BYTES = 1 << 20;
/** How often a file that is followed is looked at. */
const FOLLOW_MS = 100;

/** Where a log comes from: a file, or stdin. */
export class LogInput {
  readonly name: string;
  /** Null when it is not known. */
  readonly sizeBytes: number | null;
  readonly #file: Deno.FsFile | typeof Deno.stdin;
  readonly #stopped = Promise.withResolvers<null>();
  #isStopped = false;

  /** @param path undefined or "-" for stdin. Throws UsageError when it cannot be opened. */
  constructor(path: string | undefined) {
    this.name = path === undefined || isStdin(path) ? "-" : path;
    if (this.name === "-") {
      this.#file = Deno.stdin;
      this.sizeBytes = null;
      return;
    }
    try {
      const file = Deno.openSync(this.name);
      const info = file.statSync();
      if (info.isDirectory) throw new Deno.errors.IsADirectory();
      this.#file = file;
      this.sizeBytes = info.isFile ? info.size : null;
    } catch (error) {
      throw new UsageError(`Cannot read ${this.name}: ${reason(error)}`);
    }
  }

  /** Makes `pieces` end. */
  stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve(null);
  }

  /** What is there, in pieces that are overwritten by the next; and then what comes, when it is followed. */
  async *pieces(isFollowing: boolean): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const buffer = new Uint8Array(PIECE_BYTES);
    let position = 0;
    while (!this.#isStopped) {
      const reading = this.#file.read(buffer);
      // Nothing may come on stdin for ever
      const count = this.name === "-" ? await Promise.race([reading, this.#stopped.promise]) : await reading;
      if (count !== null) {
        position += count;
        yield buffer.subarray(0, count);
      } else if (!isFollowing || this.#isStopped) return;
      else {
        await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
        position = await this.#restart(position);
      }
    }
  }

  /** A file that became shorter is read from its start. @returns the position. */
  async #restart(position: number): Promise<number> {
    const file = this.#file as Deno.FsFile;
    if ((await file.stat()).size >= position) return position;
    return await file.seek(0, Deno.SeekMode.Start);
  }
}
