import { breathe, OutputBytes, type Progress } from "./output_bytes.ts";

const PIECE_BYTES = 1 << 18;

/** Unpacks a Zstandard file (RFC 8878), with its checksum. Throws SyntaxError when it is damaged or cut off. */
export async function unpackZstd(file: Uint8Array, progress: Progress): Promise<Uint8Array<ArrayBuffer>> {
  const { ZSTDDecoder } = await import("zstddec");
  const decoder = new ZSTDDecoder();
  await decoder.init();
  const output = new OutputBytes(4 * file.length);
  let read = 0, emptyCount = 0;
  function* pieces(): Generator<Uint8Array> {
    for (let at = 0; at < file.length; at += PIECE_BYTES) {
      emptyCount = 0;
      yield file.subarray(at, read = Math.min(at + PIECE_BYTES, file.length));
    }
  }
  try {
    let told = 0;
    for (const piece of decoder.decodeStreaming(pieces())) {
      // After an error the decoder comes back with nothing again and again
      if (piece.length === 0 && ++emptyCount > 1) throw new SyntaxError("its Zstandard data is damaged");
      output.push(piece);
      if (read === told) continue;
      progress(told = read, file.length);
      await breathe();
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    throw new SyntaxError("its Zstandard data is cut off");
  }
  return output.bytes;
}
