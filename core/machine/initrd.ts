import { gunzipSync } from "node:zlib";

/** Compressions that Linux unpacks by their first bytes. Linux, lib/decompress.c. */
const COMPRESSIONS: readonly (readonly number[])[] = [
  [0x42, 0x5a, 0x68], // bzip2
  [0x5d, 0x00, 0x00], // LZMA
  [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], // XZ
  [0x89, 0x4c, 0x5a, 0x4f], // LZO
  [0x02, 0x21, 0x4c, 0x18], // LZ4
  [0x28, 0xb5, 0x2f, 0xfd], // Zstandard
];
/** File systems that Linux finds in a RAM disk: where their magic stands. Linux, init/do_mounts_rd.c. */
const FILE_SYSTEMS: readonly (readonly [offset: number, magic: readonly number[]])[] = [
  [0, [0x68, 0x73, 0x71, 0x73]], // squashfs
  [0, [0x2d, 0x72, 0x6f, 0x6d]], // romfs
  [0, [0x45, 0x3d, 0xcd, 0x28]], // cramfs
  [1080, [0x53, 0xef]], // ext2
];
const GZIP = [0x1f, 0x8b];
const XZ = COMPRESSIONS[2], XZ_FOOTER = [0x59, 0x5a];
const CPIO_HEADER_BYTES = 110;

/**
 * Checks that Linux will find something in an initial RAM disk: a cpio archive, perhaps compressed, or a file system.
 * Throws SyntaxError for what is none of these, and for archives and gzip or XZ files that are cut off.
 */
export function checkInitrd(bytes: Uint8Array): void {
  const has = (magic: readonly number[], at = 0) => magic.every((byte, i) => bytes[at + i] === byte);
  if (isCpio(bytes, 0)) return checkCpio(bytes);
  if (has(GZIP)) {
    try {
      gunzipSync(bytes);
    } catch (error) {
      throw new SyntaxError(`it is cut off or damaged (${(error as Error).message})`);
    }
  } else if (has(XZ)) {
    // Behind it there may be zeros
    if (!has(XZ_FOOTER, bytes.findLastIndex((byte) => byte !== 0) - 1)) throw new SyntaxError("its XZ data is cut off");
  } else if (!COMPRESSIONS.some((magic) => has(magic)) && !FILE_SYSTEMS.some(([at, magic]) => has(magic, at))) {
    throw new SyntaxError("it is neither a cpio archive nor anything else that Linux takes as one");
  }
}

/** "070701" or "070702": the newc format, without and with checksums. */
function isCpio(bytes: Uint8Array, at: number): boolean {
  const magic = String.fromCharCode(...bytes.subarray(at, at + 6));
  return magic === "070701" || magic === "070702";
}

/** Follows an archive to its trailer. What comes after that may be anything that Linux takes. */
function checkCpio(bytes: Uint8Array): void {
  const field = (at: number) => parseInt(String.fromCharCode(...bytes.subarray(at, at + 8)), 16);
  for (let at = 0; isCpio(bytes, at) && at + CPIO_HEADER_BYTES <= bytes.length;) {
    const nameBytes = field(at + 94), fileBytes = field(at + 54), start = at + CPIO_HEADER_BYTES;
    if (Number.isNaN(nameBytes + fileBytes)) break;
    const name = new TextDecoder().decode(bytes.subarray(start, start + Math.min(nameBytes, 16) - 1));
    if (name === "TRAILER!!!") return;
    at = start + nameBytes + (-(start + nameBytes) & 3) + fileBytes + (-fileBytes & 3);
  }
  throw new SyntaxError("its cpio archive is cut off or damaged: it has no end");
}
