import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { breathe, OutputBytes, type Progress } from "./output_bytes.ts";

/** Bytes of gzip data that are unpacked at a time. */
const PIECE_BYTES = 1 << 18;

/** Unpacks a gzip file (RFC 1952), of one member or several. Throws SyntaxError when it is damaged or cut off. */
export async function unpackGzip(file: Uint8Array, progress: Progress): Promise<Uint8Array> {
  const output = new OutputBytes(4 * file.length);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < file.length; at += PIECE_BYTES) {
      yield file.subarray(at, at + PIECE_BYTES);
      progress(Math.min(at + PIECE_BYTES, file.length), file.length);
      await breathe();
    }
  }
  try {
    for await (const piece of Readable.from(pieces()).pipe(createGunzip({ chunkSize: PIECE_BYTES }))) {
      output.push(piece);
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    throw new SyntaxError(`its gzip data is cut off or damaged (${(error as Error).message})`);
  }
  return output.bytes;
}
