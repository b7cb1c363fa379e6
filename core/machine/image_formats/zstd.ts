import { breathe, OutputBytes, type Progress } from "./output_bytes.ts";

const PIECE_BYTES = 1 << 20;

/** Unpacks a Zstandard file (RFC 8878). Throws SyntaxError when it is damaged or cut off. */
export async function unpackZstd(file: Uint8Array, progress: Progress): Promise<Uint8Array<ArrayBuffer>> {
  const { Decompress } = await import("fzstd");
  const output = new OutputBytes(4 * file.length);
  const stream = new Decompress((piece) => output.push(piece));
  for (let at = 0; at < file.length; at += PIECE_BYTES) {
    const end = Math.min(at + PIECE_BYTES, file.length);
    try {
      stream.push(file.subarray(at, end), end === file.length);
    } catch (error) {
      if (error instanceof SyntaxError) throw error;
      throw new SyntaxError(`its Zstandard data is damaged or cut off (${(error as Error).message})`);
    }
    progress(end, file.length);
    await breathe();
  }
  return output.bytes;
}
