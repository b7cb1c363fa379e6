/** LZO as lzop writes it, whose magic is 9 bytes. Linux, lib/decompress_unlzo.c. */
const MAGIC_BYTES = 9;
/** From this version on the header names the level and has 64-bit times. */
const VERSION_WITH_LEVEL = 0x0940;
const HEADER_HAS_FILTER = 0x800;
/** What a block holds at most, unpacked. */
const BLOCK_BYTES_MAX = 256 << 10;

/** Where an LZO file ends. Its blocks are not unpacked. Throws SyntaxError when it is cut off or damaged. */
export function lzoEnd(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  try {
    for (let at = firstBlock(view);;) {
      const unpackedBytes = view.getUint32(at);
      if (unpackedBytes === 0) return at + 4;
      const packedBytes = view.getUint32(at + 4);
      if (unpackedBytes > BLOCK_BYTES_MAX || packedBytes === 0 || packedBytes > unpackedBytes) break;
      // Behind the sizes is a checksum
      at += 12 + packedBytes;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SyntaxError("its LZO data is cut off");
  }
  throw new SyntaxError("its LZO data is damaged: a block has a size that cannot be");
}

function firstBlock(view: DataView): number {
  const isLong = view.getUint16(MAGIC_BYTES) >= VERSION_WITH_LEVEL;
  // Three versions, the method and the level, or two versions and the method; flags, filter, mode and times
  let at = MAGIC_BYTES + (isLong ? 8 : 5);
  at += (view.getUint32(at) & HEADER_HAS_FILTER) !== 0 ? 8 : 4;
  at += isLong ? 12 : 8;
  const nameBytes = view.getUint8(at), checksumBytes = 4;
  return at + 1 + nameBytes + checksumBytes;
}
