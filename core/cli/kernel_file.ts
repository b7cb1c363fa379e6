import { unpackImage } from "../machine/image_formats/unpack.ts";
import { UsageError } from "./command.ts";
import { isRegularFile, readFromStart, readUserFile, reason } from "./files.ts";
import { Progress } from "./progress.ts";

/**
 * A kernel's file. It stays open, so that it can be read again when the guest resets itself: a kernel's bytes would take
 * tens of mebibytes for as long as it runs. One that has been replaced or removed is still the same file then.
 */
export class KernelFile {
  readonly #name: string;
  readonly #file: Deno.FsFile;
  readonly #version: string;

  private constructor(name: string) {
    this.#name = name;
    this.#file = Deno.openSync(name);
    this.#version = this.#readVersion();
  }

  /** Null for a pipe, which can be read only once. Throws UsageError. */
  static open(name: string): KernelFile | null {
    try {
      return isRegularFile(name) ? new KernelFile(name) : null;
    } catch (error) {
      throw unreadable(name, error);
    }
  }

  /** The kernel, unpacked. Throws UsageError. */
  async read(): Promise<Uint8Array> {
    let file: Uint8Array;
    try {
      file = await readFromStart(this.#file, this.#name);
    } catch (error) {
      throw unreadable(this.#name, error);
    }
    return await unpackKernel(this.#name, file);
  }

  /** The same bytes as `read` gave before. Throws UsageError where others stand in the file now. */
  async readAgain(): Promise<Uint8Array> {
    if (this.#readVersion() === this.#version) {
      const bytes = await this.read();
      if (this.#readVersion() === this.#version) return bytes;
    }
    throw new UsageError(
      `Cannot start the guest again after its reset as the kernel ${this.#name} has been written to since it was loaded`,
    );
  }

  #readVersion(): string {
    // Not by its ctime, which a new name changes, too
    const { size, mtime } = this.#file.statSync();
    return [size, mtime?.getTime()].join();
  }
}

/** What a pipe brings, unpacked. Throws UsageError. */
export async function readKernelOnce(name: string): Promise<Uint8Array> {
  return await unpackKernel(name, await readUserFile(name, "the kernel"));
}

async function unpackKernel(name: string, file: Uint8Array): Promise<Uint8Array> {
  const progress = new Progress(`Unpacking ${name}`);
  try {
    return await unpackImage(file, (done, total) => progress.show(done, total));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(`Cannot load the kernel ${name}: ${error.message}`);
  } finally {
    progress.clear();
  }
}

function unreadable(name: string, error: unknown): UsageError {
  return new UsageError(`Cannot read the kernel ${name}: ${reason(error)}`);
}
