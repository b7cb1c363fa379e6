/** Block_Maximum_Size at most. */
const BLOCK_BYTES_MAX = 1 << 17;
/** Bytes of a frame header's fields by the two bits that tell. RFC 8878, 3.1.1.1. */
const DICTIONARY_ID_BYTES = [0, 1, 2, 4], CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const BLOCK_RLE = 1, BLOCK_RESERVED = 3;

/**
 * Follows a Zstandard frame from block to block, without unpacking any (RFC 8878, 3.1.1).
 * @param start where its magic number stands.
 * @returns where it ends. Throws SyntaxError when it is cut off or no frame.
 */
export function zstdFrameEnd(file: Uint8Array, start: number): number {
  const byteAt = (at: number): number => {
    if (at >= file.length) throw new SyntaxError("its Zstandard data is cut off");
    return file[at];
  };
  const descriptor = byteAt(start + 4), isSingleSegment = (descriptor & 1 << 5) !== 0;
  const contentSizeBytes = CONTENT_SIZE_BYTES[descriptor >> 6] || Number(isSingleSegment);
  let at = start + 5 + Number(!isSingleSegment) + DICTIONARY_ID_BYTES[descriptor & 3] + contentSizeBytes;
  for (let isLast = false; !isLast;) {
    const header = byteAt(at) | byteAt(at + 1) << 8 | byteAt(at + 2) << 16;
    const type = header >> 1 & 3, size = header >> 3;
    if (type === BLOCK_RESERVED || size > BLOCK_BYTES_MAX) throw new SyntaxError("its Zstandard data is damaged");
    isLast = (header & 1) !== 0;
    at += 3 + (type === BLOCK_RLE ? 1 : size);
  }
  const end = at + ((descriptor & 1 << 2) !== 0 ? 4 : 0);
  byteAt(end - 1);
  return end;
}
