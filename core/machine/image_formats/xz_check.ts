/*
 * The checks of The .xz File Format 1.2.1, section 3.4: how they are computed, as bytes in the order of the file.
 */

/** How long a check of each type is. */
export const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

/** The polynomial of CRC-32 (IEEE 802.3) and, in halves, that of CRC-64 (ECMA-182): bit-reversed. */
const CRC32_POLYNOMIAL = 0xedb88320, CRC64_LO = 0xd7870f42, CRC64_HI = 0xc96c5795;
let tables: ReturnType<typeof makeTables> | undefined;

/** The remainders of each byte. */
function makeTables() {
  const crc32 = new Uint32Array(256), lo = new Uint32Array(256), hi = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let c = byte, l = byte, h = 0;
    for (let bit = 0; bit < 8; bit++) {
      c = c >>> 1 ^ (c & 1 ? CRC32_POLYNOMIAL : 0);
      const isOdd = (l & 1) !== 0;
      l = (l >>> 1 | h << 31) ^ (isOdd ? CRC64_LO : 0);
      h = h >>> 1 ^ (isOdd ? CRC64_HI : 0);
    }
    crc32[byte] = c;
    lo[byte] = l;
    hi[byte] = h;
  }
  return { crc32, lo, hi };
}

export function crc32(bytes: Uint8Array): Uint8Array {
  const { crc32: table } = tables ??= makeTables();
  let crc = -1;
  for (const byte of bytes) crc = crc >>> 8 ^ table[crc & 255 ^ byte];
  return littleEndian(~crc);
}

function crc64(bytes: Uint8Array): Uint8Array {
  const { lo, hi } = tables ??= makeTables();
  let l = -1, h = -1;
  for (const byte of bytes) {
    const at = l & 255 ^ byte;
    l = (l >>> 8 | h << 24) ^ lo[at];
    h = h >>> 8 ^ hi[at];
  }
  return littleEndian(~l, ~h);
}

function littleEndian(...words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * words.length), view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setUint32(4 * i, word, true));
  return bytes;
}

/** The check of a type. Throws SyntaxError for one that the format names, but does not define. */
export async function checkOf(type: number, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  switch (type) {
    case 0:
      return new Uint8Array(0);
    case 1:
      return crc32(bytes);
    case 4:
      return crc64(bytes);
    case 10:
      return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    default:
      throw new SyntaxError(`its XZ data has a check of type ${type}, which is not known`);
  }
}
