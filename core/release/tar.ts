import { filesOf } from "./folder.ts";

const BLOCK_BYTES = 512;

/**
 * The files of a folder as a tar archive: POSIX.1-1988 "ustar". Order, owner and time are always the same, so equal files
 * make equal archives.
 * @param prefix the folder's name in the archive.
 * @param isExecutable by path from the folder.
 */
export function tarOf(
  folder: string,
  prefix: string,
  seconds: number,
  isExecutable: (path: string) => boolean,
): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const path of filesOf(folder).sort()) {
    const bytes = Deno.readFileSync(`${folder}/${path}`);
    parts.push(header(`${prefix}/${path}`, bytes.length, seconds, isExecutable(path) ? 0o755 : 0o644), bytes);
    parts.push(new Uint8Array(-bytes.length & (BLOCK_BYTES - 1)));
  }
  parts.push(new Uint8Array(2 * BLOCK_BYTES));
  const archive = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

function header(name: string, size: number, seconds: number, mode: number): Uint8Array {
  if (name.length > 100) throw new RangeError(`Cannot archive ${name} as its name has more than 100 characters`);
  const block = new Uint8Array(BLOCK_BYTES), encoder = new TextEncoder();
  const put = (at: number, text: string) => block.set(encoder.encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0") + "\0";
  put(0, name);
  put(100, octal(mode, 7));
  put(108, octal(0, 7)); // owner
  put(116, octal(0, 7)); // group
  put(124, octal(size, 11));
  put(136, octal(seconds, 11));
  put(148, "        "); // the checksum, while it is computed
  put(156, "0"); // a file
  put(257, "ustar\0" + "00");
  put(265, "root");
  put(297, "root");
  put(148, octal(block.reduce((sum, byte) => sum + byte, 0), 6) + " ");
  return block;
}
