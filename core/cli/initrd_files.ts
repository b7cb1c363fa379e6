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
import { checkInitrd } from "../machine/initrd.ts";
import { UsageError } from "./command.ts";
import { readUserFile, reason } from "./files.ts";
import { say } from "./output.ts";
import { Progress } from "./progress.ts";

/** Linux looks for the next archive at a multiple of this. */
const ALIGNMENT = 4;
const PERMISSIONS = 0o7777;
/** So many of what is left out are named. */
const NAMED_MAX = 3;
/** What a kernel opens before its /init runs: only root can make it in a folder. */
const CONSOLE: CpioEntry = { path: "dev/console", mode: S_IFCHR | 0o600, device: [5, 1] };

/** The initial RAM disk of one run. */
export interface Initrd {
  /** For messages. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Reads files and packs folders, one after another as Linux unpacks them. Null without any. Throws UsageError. */
export async function readInitrd(files: readonly string[], folders: readonly string[]): Promise<Initrd | null> {
  const parts: { readonly name: string; readonly bytes: Uint8Array }[] = [];
  for (const path of files) parts.push({ name: path, bytes: await readUserFile(path, "the initrd") });
  for (const path of folders) parts.push({ name: `${path}/`, bytes: encodeCpio(await folderEntries(path)) });
  const empty = parts.find(({ bytes }) => bytes.length === 0);
  if (empty) throw new UsageError(`Cannot use the initrd ${empty.name}: it is empty`);
  for (const { name, bytes } of parts) await check(name, bytes);
  if (parts.length <= 1) return parts[0] ?? null;
  const aligned = (bytes: Uint8Array) => bytes.length + (-bytes.length & (ALIGNMENT - 1));
  const joined = new Uint8Array(parts.reduce((sum, { bytes }) => sum + aligned(bytes), 0));
  let at = 0;
  for (const { bytes } of parts) {
    joined.set(bytes, at);
    at += aligned(bytes);
  }
  return { name: parts.map(({ name }) => name).join(" + "), bytes: joined };
}

/** Linux must find something in it. Throws UsageError. */
async function check(name: string, bytes: Uint8Array): Promise<void> {
  const progress = new Progress(`Checking ${name}`);
  try {
    await checkInitrd(bytes, (done, total) => progress.show(done, total));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(`Cannot use the initrd ${name}: ${error.message}`);
  } finally {
    progress.clear();
  }
}

/**
 * What is in a folder, in order of names, all of it root's; with /dev/console where it has none. Sockets are left out,
 * as they mean nothing without the program that serves them; that is told. Throws UsageError.
 */
export async function folderEntries(folder: string, tell: (text: string) => void = say): Promise<CpioEntry[]> {
  const { entries, sockets } = listEntries(folder), progress = new Progress(`Packing ${folder}`);
  if (sockets.length > 0) {
    const named = sockets.slice(0, NAMED_MAX).join(", "), more = sockets.length - NAMED_MAX;
    const all = more > 0 ? `${named} and ${more} more` : named;
    tell(`Sockets in ${folder} are left out of the initial RAM disk (--initrd-dir): ${all}`);
  }
  const totalBytes = entries.reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0);
  let doneBytes = 0;
  try {
    for (const entry of entries) {
      if (entry.sizeBytes === undefined) continue;
      entry.bytes = await readPart(`${folder}/${entry.path}`);
      progress.show(doneBytes += entry.sizeBytes, totalBytes);
    }
  } finally {
    progress.clear();
  }
  const packed: CpioEntry[] = entries.map(({ sizeBytes, ...entry }) => entry);
  if (!packed.some(({ path }) => path === "dev")) packed.push({ path: "dev", mode: S_IFDIR | 0o755 });
  if (!packed.some(({ path }) => path === CONSOLE.path)) packed.push(CONSOLE);
  return packed;
}

/** What is found in a folder, before its files are read. */
type Found = { -readonly [K in keyof CpioEntry]: CpioEntry[K] } & {
  /** Of a file. */
  readonly sizeBytes?: number;
};

/** What is to be packed, and the paths of what is not. */
function listEntries(folder: string): { readonly entries: readonly Found[]; readonly sockets: readonly string[] } {
  const entries: Found[] = [], sockets: string[] = [];
  const visit = (inside: string) => {
    const names = [...Deno.readDirSync(`${folder}/${inside}`)].map(({ name }) => name).sort();
    for (const name of names) {
      const entry = entryOf(`${folder}/${inside}${name}`, `${inside}${name}`);
      if (entry === null) {
        sockets.push(`${inside}${name}`);
        continue;
      }
      entries.push(entry);
      if ((entry.mode & S_IFMT) === S_IFDIR) visit(`${inside}${name}/`);
    }
  };
  try {
    visit("");
  } catch (error) {
    throw new UsageError(`Cannot pack the folder ${folder} (--initrd-dir): ${reason(error)}`);
  }
  return { entries, sockets };
}

/** Null for a socket. */
function entryOf(file: string, path: string): Found | null {
  const info = Deno.lstatSync(file), permissions = (info.mode ?? 0o755) & PERMISSIONS;
  if (info.isSymlink) {
    return { path, mode: S_IFLNK | 0o777, bytes: new TextEncoder().encode(Deno.readLinkSync(file)) };
  }
  if (info.isDirectory) return { path, mode: S_IFDIR | permissions };
  if (info.isFile) return { path, mode: S_IFREG | permissions, sizeBytes: info.size };
  if (info.isFifo) return { path, mode: S_IFIFO | permissions };
  if (info.isSocket || info.rdev === null) return null;
  return { path, mode: (info.isBlockDevice ? S_IFBLK : S_IFCHR) | permissions, device: deviceNumbers(info.rdev) };
}

async function readPart(file: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(file);
  } catch (error) {
    throw new UsageError(`Cannot pack ${file} (--initrd-dir): ${reason(error)}`);
  }
}

/** Linux's encoding of st_rdev, as glibc's gnu_dev_major() and gnu_dev_minor() take it apart. */
function deviceNumbers(rdev: number): [major: number, minor: number] {
  return [rdev >>> 8 & 0xfff, rdev & 0xff | rdev >>> 12 & 0xfff00];
}
