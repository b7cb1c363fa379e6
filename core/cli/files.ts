import { UsageError } from "./command.ts";
import { Progress } from "./progress.ts";

/** Bytes of a large file that are read at a time. */
const PIECE_BYTES = 1 << 24;

/** Reads a file that the user named. Throws UsageError, with its name, when that cannot be done. */
export async function readUserFile(path: string, what: string): Promise<Uint8Array> {
  try {
    // A pipe may let one wait, and signals have to come through
    if (!isRegularFile(path)) return await Deno.readFile(path);
    using file = Deno.openSync(path);
    return file.statSync().size > PIECE_BYTES ? await readFromStart(file, path) : Deno.readFileSync(path);
  } catch (error) {
    throw new UsageError(`Cannot read ${what} ${path}: ${reason(error)}`);
  }
}

/** Throws when there is no such file, and for a device: one such as /dev/zero has no end. */
export function isRegularFile(path: string): boolean {
  const { isFile, isCharDevice } = Deno.statSync(path);
  if (isCharDevice) throw new Error("it is a device");
  return isFile;
}

/** All of an open file. @param path its name, for messages. */
export async function readFromStart(file: Deno.FsFile, path: string): Promise<Uint8Array> {
  const { size } = file.statSync(), progress = new Progress(`Reading ${path}`);
  // Room for a byte more shows the end; files of the kernel's own have a size of 0
  let bytes = new Uint8Array(size + 1), at = file.seekSync(0, Deno.SeekMode.Start);
  try {
    for (;;) {
      const count = await file.read(bytes.subarray(at, at + PIECE_BYTES));
      if (count === null) return bytes.subarray(0, at);
      progress.show(at += count, size);
      if (at === bytes.length) bytes = enlarged(bytes);
    }
  } finally {
    progress.clear();
  }
}

function enlarged(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 * bytes.length + PIECE_BYTES);
  larger.set(bytes);
  return larger;
}

/** Whether a path means stdin, which cannot be opened as a file. */
export function isStdin(path: string): boolean {
  return ["-", "/dev/stdin", "/dev/fd/0"].includes(path);
}

/** Why a file operation failed, in a few words. */
export function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotCapable) return "Ariel is not permitted to open it";
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  if (error instanceof Deno.errors.NotADirectory) return "it is not a directory, or not in one";
  return (error as Error).message.replace(/ \(os error.*/, "");
}

const UNITS: Readonly<Record<string, number>> = { "": 2 ** 20, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** A size as QEMU's -m takes it: a number of mebibytes, or with the unit K, M or G. Bytes. Throws UsageError. */
export function parseSize(text: string, option: string): number {
  const match = /^(\d+)([KMG]?)(?:i?B)?$/i.exec(text);
  const bytes = match ? Number(match[1]) * UNITS[match[2].toUpperCase()] : NaN;
  if (!(bytes > 0 && bytes <= Number.MAX_SAFE_INTEGER)) {
    throw new UsageError(`Cannot take "${text}" for ${option} as it must be a size such as 768M or 1G`);
  }
  return bytes;
}

/** A positive number. Throws UsageError. */
export function parseNumber(text: string, option: string, maximum = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (!/^[\d.e]+$/i.test(text) || !(value > 0 && value <= maximum)) {
    throw new UsageError(
      `Cannot take "${text}" for ${option} as it must be a number above 0${
        maximum < Number.MAX_SAFE_INTEGER ? ` and at most ${maximum}` : ""
      }`,
    );
  }
  return value;
}
