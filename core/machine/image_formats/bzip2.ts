/** What a bzip2 stream ends with, at any bit: this, 32 bits of checksum, and zeros up to a byte. */
const END_OF_STREAM = 0x1772_4538_5090n, END_BITS = 48, CHECKSUM_BITS = 32;
const TAIL_BYTES = (END_BITS + CHECKSUM_BITS) / 8 + 1;

/** Whether a bzip2 file is whole; zeros may follow it. */
export function hasBzip2End(bytes: Uint8Array): boolean {
  const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
  let bits = 0n;
  for (const byte of bytes.subarray(Math.max(0, used - TAIL_BYTES), used)) bits = bits << 8n | BigInt(byte);
  // Zeros that the checksum ends with are not among these
  const zeroBits = 8 * (bytes.length - used);
  for (let after = Math.max(0, CHECKSUM_BITS - zeroBits); after < CHECKSUM_BITS + 8; after++) {
    if (BigInt.asUintN(END_BITS, bits >> BigInt(after)) === END_OF_STREAM) return true;
  }
  return false;
}
