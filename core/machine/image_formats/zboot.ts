const ZBOOT_MAGIC = 0x676d697a; // "zimg", little-endian, at 4
const COMPRESSION_OFFSET = 24, COMPRESSION_BYTES = 32;

/** The packed kernel in an EFI zboot image. Linux, drivers/firmware/efi/libstub/zboot-header.S. */
export interface ZbootPayload {
  readonly bytes: Uint8Array;
  /** The compression's name, such as "gzip". */
  readonly compression: string;
}

/** What a compressed EFI image ("vmlinuz.efi") carries; null for other files. Throws SyntaxError when it is cut off. */
export function zbootPayload(file: Uint8Array): ZbootPayload | null {
  if (file.length < 64) return null;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint16(0, true) !== 0x5a4d || view.getUint32(4, true) !== ZBOOT_MAGIC) return null;
  const start = view.getUint32(8, true), size = view.getUint32(12, true);
  if (start < 64 || start + size > file.length) {
    throw new SyntaxError(`it is cut off: its header names ${start + size} bytes, it has ${file.length}`);
  }
  const name = new TextDecoder().decode(file.subarray(COMPRESSION_OFFSET, COMPRESSION_OFFSET + COMPRESSION_BYTES));
  return { bytes: file.subarray(start, start + size), compression: name.split("\0")[0] };
}
