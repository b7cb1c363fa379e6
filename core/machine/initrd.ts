import { hasBzip2End } from "./image_formats/bzip2.ts";
import { unpackGzip } from "./image_formats/gzip.ts";
import { legacyLz4End } from "./image_formats/lz4.ts";
import { lzoEnd } from "./image_formats/lzo.ts";
import type { Progress } from "./image_formats/output_bytes.ts";
import { zstdFrameEnd } from "./image_formats/zstd_frame.ts";

/** A compression: how it begins, and what follows it from `start` to its end, or to the file's where only that shows. */
interface Compression {
  readonly magic: readonly number[];
  /** Throws SyntaxError where it is cut off or damaged. */
  readonly end: (bytes: Uint8Array, start: number, progress: Progress) => number | Promise<number>;
}

/** Compressions that Linux unpacks by their first bytes. Linux, lib/decompress.c. */
const COMPRESSIONS: readonly Compression[] = [
  { magic: [0x1f, 0x8b], end: gzipEnd },
  { magic: [0x42, 0x5a, 0x68], end: (bytes) => fileEnd(bytes, "bzip2", hasBzip2End) },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], end: (bytes) => fileEnd(bytes, "XZ", hasXzEnd) },
  { magic: [0x02, 0x21, 0x4c, 0x18], end: (bytes, start) => start + legacyLz4End(bytes.subarray(start)) },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], end: zstdFrameEnd },
  { magic: [0x5d, 0x00, 0x00], end: (bytes, start) => fileEnd(bytes.subarray(start), "LZMA", hasLzmaStart) + start },
  { magic: [0x89, 0x4c, 0x5a, 0x4f], end: (bytes, start) => start + lzoEnd(bytes.subarray(start)) },
];
const XZ_FOOTER = [0x59, 0x5a];
/** An LZMA file's header, and what its range decoder needs before the first bit. */
const LZMA_BYTES_MIN = 13 + 5;

interface FileSystem {
  readonly magic: readonly number[];
  /** Where the magic stands. */
  readonly offset: number;
  readonly sizeBytes: (superblock: DataView) => number;
}

/** File systems that Linux finds in a RAM disk. Linux, init/do_mounts_rd.c. */
// deno-fmt-ignore
const FILE_SYSTEMS: readonly FileSystem[] = [
  { magic: [0x68, 0x73, 0x71, 0x73], offset: 0, sizeBytes: (squashfs) => Number(squashfs.getBigUint64(40, true)) },
  { magic: [0x2d, 0x72, 0x6f, 0x6d], offset: 0, sizeBytes: (romfs) => romfs.getUint32(8) },
  { magic: [0x45, 0x3d, 0xcd, 0x28], offset: 0, sizeBytes: (cramfs) => cramfs.getUint32(4, true) },
  { magic: [0x53, 0xef], offset: 1080, sizeBytes: (ext2) => ext2.getUint32(1028, true) * 2 ** (10 + ext2.getUint32(1048, true)) },
];
/** What sizeBytes needs of a file system. */
const SUPERBLOCK_BYTES = 1052;

const CPIO_HEADER_BYTES = 110, CPIO_ALIGNMENT = 4;
/** Linux, Documentation/admin-guide/bootconfig.rst: the end of a file that has its size and checksum before this. */
const BOOTCONFIG_MAGIC = "#BOOTCONFIG\n", BOOTCONFIG_FOOTER_BYTES = BOOTCONFIG_MAGIC.length + 8;

/**
 * Checks that Linux will find something in an initial RAM disk: cpio archives, perhaps compressed, one behind the other,
 * or a file system. Throws SyntaxError for what is none of these, and for what is cut off; LZMA, which has neither sizes
 * nor an end that could be seen without unpacking it, may be cut off anywhere behind its header.
 */
export function checkInitrd(bytes: Uint8Array, progress: Progress = () => {}): Promise<void> {
  return checkContents(withoutBootconfig(bytes), COMPRESSIONS, progress);
}

/** @param compressions that may be in it: none in what was compressed already. */
async function checkContents(
  bytes: Uint8Array,
  compressions: readonly Compression[],
  progress: Progress,
): Promise<void> {
  const fileSystem = FILE_SYSTEMS.find(({ magic, offset }) => has(bytes, magic, offset));
  if (fileSystem) return checkFileSystem(bytes, fileSystem);
  for (let at = 0, isFirst = true;; isFirst = false) {
    while (bytes[at] === 0) at++;
    if (at >= bytes.length && !isFirst) return;
    const compression = compressions.find(({ magic }) => has(bytes, magic, at));
    if (at % CPIO_ALIGNMENT === 0 && isCpio(bytes, at)) at = cpioEnd(bytes, at);
    else if (compression) at = await compression.end(bytes, at, progress);
    else if (!isFirst) throw new SyntaxError(`what follows its archive at 0x${at.toString(16)} is none`);
    else throw new SyntaxError("it is neither a cpio archive nor anything else that Linux takes as one");
  }
}

function has(bytes: Uint8Array, magic: readonly number[], at: number): boolean {
  return magic.every((byte, i) => bytes[at + i] === byte);
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

function withoutBootconfig(bytes: Uint8Array): Uint8Array {
  const footer = bytes.length - BOOTCONFIG_FOOTER_BYTES;
  if (footer < 0 || textAt(bytes, footer + 8, BOOTCONFIG_MAGIC.length) !== BOOTCONFIG_MAGIC) return bytes;
  const size = new DataView(bytes.buffer, bytes.byteOffset + footer).getUint32(0, true);
  return bytes.subarray(0, Math.max(0, footer - size));
}

function checkFileSystem(bytes: Uint8Array, { sizeBytes }: FileSystem): void {
  const superblock = new Uint8Array(SUPERBLOCK_BYTES);
  superblock.set(bytes.subarray(0, SUPERBLOCK_BYTES));
  const size = sizeBytes(new DataView(superblock.buffer));
  if (size === 0 || size > bytes.length) throw new SyntaxError("its file system is cut off or damaged");
}

/** "070701" or "070702": the newc format, without and with checksums. */
function isCpio(bytes: Uint8Array, at: number): boolean {
  const magic = textAt(bytes, at, 6);
  return magic === "070701" || magic === "070702";
}

/** Follows an archive to the end of its trailer. */
function cpioEnd(bytes: Uint8Array, start: number): number {
  const field = (at: number) => parseInt(textAt(bytes, at, 8), 16);
  const aligned = (at: number) => Math.ceil(at / CPIO_ALIGNMENT) * CPIO_ALIGNMENT;
  for (let at = start; isCpio(bytes, at) && at + CPIO_HEADER_BYTES <= bytes.length;) {
    const nameBytes = field(at + 94), fileBytes = field(at + 54), nameAt = at + CPIO_HEADER_BYTES;
    if (Number.isNaN(nameBytes + fileBytes)) break;
    at = aligned(aligned(nameAt + nameBytes) + fileBytes);
    if (textAt(bytes, nameAt, Math.min(nameBytes, 16) - 1) === "TRAILER!!!") return at;
  }
  throw new SyntaxError("its cpio archive is cut off or damaged: it has no end");
}

/** What gzip has packed, several times perhaps, and zeros. */
async function gzipEnd(bytes: Uint8Array, start: number, progress: Progress): Promise<number> {
  const unpacked = await unpackGzip(bytes.subarray(start), (done) => progress(start + done, bytes.length));
  await checkContents(unpacked, [], () => {});
  return bytes.length;
}

/** The end of a file whose compression shows there whether it is whole; zeros may follow it. */
function fileEnd(bytes: Uint8Array, name: string, hasEnd: (bytes: Uint8Array) => boolean): number {
  if (!hasEnd(bytes)) throw new SyntaxError(`its ${name} data is cut off`);
  return bytes.length;
}

function hasXzEnd(bytes: Uint8Array): boolean {
  return has(bytes, XZ_FOOTER, bytes.findLastIndex((byte) => byte !== 0) + 1 - XZ_FOOTER.length);
}

function hasLzmaStart(bytes: Uint8Array): boolean {
  return bytes.length >= LZMA_BYTES_MIN;
}
