import { unpackGzip } from "./gzip.ts";
import { LZ4_LEGACY_MAGIC, LZ4_MAGIC, unpackLz4 } from "./lz4.ts";
import type { Progress } from "./output_bytes.ts";
import { unpackXz } from "./xz.ts";
import { unpackZstd } from "./zstd.ts";
import { zbootPayload } from "./zboot.ts";

type Unpacker = (file: Uint8Array, progress: Progress) => Uint8Array | Promise<Uint8Array>;

/** How files that people have for kernels are packed: by their first bytes. */
const COMPRESSIONS: readonly { readonly name: string; readonly magic: readonly number[]; readonly unpack: Unpacker }[] =
  [
    { name: "gzip", magic: [0x1f, 0x8b], unpack: unpackGzip },
    { name: "zstd", magic: [0x28, 0xb5, 0x2f, 0xfd], unpack: unpackZstd },
    { name: "xz", magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], unpack: unpackXz },
    { name: "lz4", magic: bytesOf(LZ4_LEGACY_MAGIC), unpack: unpackLz4 },
    { name: "lz4", magic: bytesOf(LZ4_MAGIC), unpack: unpackLz4 },
    { name: "bzip2", magic: [0x42, 0x5a, 0x68], unpack: () => refuse("bzip2") },
    { name: "lzop", magic: [0x89, 0x4c, 0x5a, 0x4f], unpack: () => refuse("lzop") },
    { name: "lzma", magic: [0x5d, 0x00, 0x00], unpack: () => refuse("lzma") },
  ];
/** A packed file in a packed file, and so on: more is a mistake. */
const DEPTH_MAX = 3;

/**
 * Unpacks a kernel as it is found: gzip, Zstandard, XZ, LZ4, and EFI images that unpack themselves. Other files come
 * back as they are. Throws SyntaxError for damaged ones, and for compressions that are not supported.
 */
export async function unpackImage(file: Uint8Array, progress: Progress = () => {}): Promise<Uint8Array> {
  let bytes = file;
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    const payload = zbootPayload(bytes);
    if (payload) bytes = payload.bytes;
    const found = COMPRESSIONS.find(({ magic }) => magic.every((byte, i) => bytes[i] === byte));
    if (found) bytes = await found.unpack(bytes, progress);
    else if (payload) throw new SyntaxError(`it is an EFI image compressed with ${payload.compression}, not supported`);
    else return bytes;
  }
  return bytes;
}

function refuse(name: string): never {
  throw new SyntaxError(`it is compressed with ${name}: unpack it first`);
}

function bytesOf(magic: number): number[] {
  return [magic & 255, magic >>> 8 & 255, magic >>> 16 & 255, magic >>> 24];
}
