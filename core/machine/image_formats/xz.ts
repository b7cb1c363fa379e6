import { OutputBytes, type Progress } from "./output_bytes.ts";

const PIECE_BYTES = 1 << 18;

/** Unpacks an XZ file (The .xz File Format 1.2.1). Throws SyntaxError when it is damaged or cut off. */
export async function unpackXz(file: Uint8Array, progress: Progress): Promise<Uint8Array<ArrayBuffer>> {
  const { default: { XzReadableStream } } = await import("xz-decompress");
  const output = new OutputBytes(5 * file.length);
  let at = 0;
  const packed = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= file.length) return controller.close();
      controller.enqueue(file.slice(at, at += PIECE_BYTES));
      progress(Math.min(at, file.length), file.length);
    },
  }, { highWaterMark: 0 });
  try {
    for await (const piece of new XzReadableStream(packed)) output.push(piece);
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    const isOption = /code 6$/.test((error as Error).message);
    throw new SyntaxError(isOption ? "its XZ data needs a filter that is not supported" : "its XZ data is damaged");
  }
  return output.bytes;
}
