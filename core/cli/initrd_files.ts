import {
  type CpioEntry,
  encodeCpio,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../machine/cpio.ts";
import { UsageError } from "./command.ts";
import { readUserFile, reason } from "./files.ts";

/** Linux looks for the next archive at a multiple of this. */
const ALIGNMENT = 4;
const PERMISSIONS = 0o7777;
/** What a kernel opens before its /init runs: only root can make it in a folder. */
const CONSOLE: CpioEntry = { path: "dev/console", mode: S_IFCHR | 0o600, device: [5, 1] };

/** The initial RAM disk of one run. */
export interface Initrd {
  /** For messages. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Where each of the archives begins. */
  readonly starts: readonly number[];
}

/** Reads files and packs folders, one after another as Linux unpacks them. Null without any. Throws UsageError. */
export function readInitrd(files: readonly string[], folders: readonly string[]): Initrd | null {
  const parts = [
    ...files.map((path) => ({ name: path, bytes: readUserFile(path, "the initrd") })),
    ...folders.map((path) => ({ name: `${path}/`, bytes: encodeCpio(folderEntries(path)) })),
  ];
  const empty = parts.find(({ bytes }) => bytes.length === 0);
  if (empty) throw new UsageError(`Cannot use the initrd ${empty.name}: it is empty`);
  if (parts.length <= 1) return parts.length === 0 ? null : { ...parts[0], starts: [0] };
  const starts = parts.map(() => 0);
  let length = 0;
  parts.forEach(({ bytes }, i) => {
    starts[i] = length;
    length += bytes.length + (-bytes.length & (ALIGNMENT - 1));
  });
  const joined = new Uint8Array(length);
  parts.forEach(({ bytes }, i) => joined.set(bytes, starts[i]));
  return { name: parts.map(({ name }) => name).join(" + "), bytes: joined, starts };
}

/**
 * What is in a folder, in order of names, all of it root's; with /dev/console where it has none. Sockets are left out,
 * as they mean nothing without the program that serves them. Throws UsageError.
 */
export function folderEntries(folder: string): CpioEntry[] {
  const entries: CpioEntry[] = [];
  const visit = (inside: string) => {
    const names = [...Deno.readDirSync(`${folder}/${inside}`)].map(({ name }) => name).sort();
    for (const name of names) {
      const entry = entryOf(`${folder}/${inside}${name}`, `${inside}${name}`);
      if (entry === null) continue;
      entries.push(entry);
      if ((entry.mode & S_IFMT) === S_IFDIR) visit(`${inside}${name}/`);
    }
  };
  try {
    visit("");
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`Cannot pack the folder ${folder} (--initrd-dir): ${reason(error)}`);
  }
  if (!entries.some(({ path }) => path === "dev")) entries.push({ path: "dev", mode: S_IFDIR | 0o755 });
  if (!entries.some(({ path }) => path === CONSOLE.path)) entries.push(CONSOLE);
  return entries;
}

function entryOf(file: string, path: string): CpioEntry | null {
  const info = Deno.lstatSync(file), permissions = (info.mode ?? 0o755) & PERMISSIONS;
  if (info.isSymlink) {
    return { path, mode: S_IFLNK | 0o777, bytes: new TextEncoder().encode(Deno.readLinkSync(file)) };
  }
  if (info.isDirectory) return { path, mode: S_IFDIR | permissions };
  if (info.isFile) return { path, mode: S_IFREG | permissions, bytes: readPart(file) };
  if (info.isFifo) return { path, mode: S_IFIFO | permissions };
  if (info.isSocket || info.rdev === null) return null;
  return { path, mode: (info.isBlockDevice ? S_IFBLK : S_IFCHR) | permissions, device: deviceNumbers(info.rdev) };
}

function readPart(file: string): Uint8Array {
  try {
    return Deno.readFileSync(file);
  } catch (error) {
    throw new UsageError(`Cannot pack ${file} (--initrd-dir): ${reason(error)}`);
  }
}

/** Linux's encoding of st_rdev, as glibc's gnu_dev_major() and gnu_dev_minor() take it apart. */
function deviceNumbers(rdev: number): [major: number, minor: number] {
  return [rdev >>> 8 & 0xfff, rdev & 0xff | rdev >>> 12 & 0xfff00];
}
