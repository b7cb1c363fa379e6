/**
 * Archives in cpio's "newc" format, which Linux unpacks as its initial RAM disk.
 * Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
 */

/** The type bits of a mode, and the types. */
export const S_IFMT = 0o170000;
export const S_IFREG = 0o100000;
export const S_IFDIR = 0o040000;
export const S_IFLNK = 0o120000;
export const S_IFCHR = 0o020000;
export const S_IFBLK = 0o060000;
export const S_IFIFO = 0o010000;

/** A file, folder, link or device of an archive. */
export interface CpioEntry {
  /** Path without a leading slash; folders come before what is in them. */
  readonly path: string;
  /** Type and permission bits. */
  readonly mode: number;
  /** A file's contents, or a link's target; nothing for others. */
  readonly bytes?: Uint8Array;
  /** Major and minor number of a device. */
  readonly device?: readonly [major: number, minor: number];
}

const MAGIC = "070701";
const TRAILER = "TRAILER!!!";

/** The archive of `entries`, in their order. Owner is root, time is 0: equal entries make equal archives. */
export function encodeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  const add = (bytes: Uint8Array) => {
    const padding = -(length + bytes.length) & 3;
    parts.push(bytes, new Uint8Array(padding));
    length += bytes.length + padding;
  };
  [...entries, { path: TRAILER, mode: 0 }].forEach((entry, i) => {
    add(header(entry, i + 1));
    if (entry.bytes?.length) add(entry.bytes);
  });
  const archive = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

/** The header with the name and its NUL. */
function header({ path, mode, bytes, device }: CpioEntry, inode: number): Uint8Array {
  const name = new TextEncoder().encode(path + "\0");
  const links = (mode & S_IFMT) === S_IFDIR ? 2 : 1;
  const fields = [inode, mode, 0, 0, links, 0, bytes?.length ?? 0, 0, 0, ...(device ?? [0, 0]), name.length, 0];
  const text = MAGIC + fields.map((n) => n.toString(16).padStart(8, "0")).join("");
  const result = new Uint8Array(text.length + name.length);
  result.set(new TextEncoder().encode(text));
  result.set(name, text.length);
  return result;
}
