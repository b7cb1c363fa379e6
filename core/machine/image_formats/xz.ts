import { undoArm64Filter } from "./arm64_filter.ts";
import { breathe, OutputBytes, type Progress } from "./output_bytes.ts";
import { checkOf } from "./xz_check.ts";
import { describeXz, FILTER, plainXz, type XzBlock, xzBlocks } from "./xz_container.ts";

const PIECE_BYTES = 1 << 18;
/** Filters that are not supported, as xz names them. */
const FILTER_NAMES: Readonly<Record<number, string>> = {
  3: "delta",
  4: "x86",
  5: "powerpc",
  6: "ia64",
  7: "arm",
  8: "armthumb",
  9: "sparc",
  11: "riscv",
};
const SHA256_CHECK = 10;

/**
 * Unpacks an XZ file (The .xz File Format 1.2.1), also one whose code went through the filter for ARM64, as Linux packs
 * its kernels. Throws SyntaxError when it is damaged or cut off.
 */
export async function unpackXz(file: Uint8Array, progress: Progress): Promise<Uint8Array<ArrayBuffer>> {
  const output = new OutputBytes(5 * file.length);
  const { filters, checkType } = describeXz(file);
  const unknown = filters.find(({ id }) => id !== FILTER.lzma2 && id !== FILTER.arm64);
  if (unknown) {
    const name = FILTER_NAMES[unknown.id] ?? `0x${unknown.id.toString(16)}`;
    throw new SyntaxError(`its XZ data needs the filter "${name}", which is not supported`);
  }
  if (filters.length === 1 && checkType !== SHA256_CHECK) await decode(file, output, progress);
  else for (const block of xzBlocks(file)) await decodeBlock(block, output, progress, file.length);
  return output.bytes;
}

/** The library knows LZMA2 alone: filters and the check are seen to here. */
async function decodeBlock(block: XzBlock, output: OutputBytes, progress: Progress, total: number): Promise<void> {
  const start = output.bytes.length;
  await decode(plainXz(block), output, (done) => progress(Math.min(block.at + done, total), total));
  const bytes = output.bytes.subarray(start);
  for (const { id, properties } of block.filters) {
    if (id === FILTER.arm64) undoArm64Filter(bytes, startOffset(properties));
  }
  const check = await checkOf(block.checkType, bytes);
  if (check.some((byte, i) => byte !== block.check[i])) throw new SyntaxError("its XZ data is damaged");
}

/** Where a filter's counting of addresses begins. */
function startOffset(properties: Uint8Array): number {
  if (properties.length !== 4) return 0;
  return new DataView(properties.buffer, properties.byteOffset).getUint32(0, true);
}

/** Unpacks what the library can. */
async function decode(file: Uint8Array, output: OutputBytes, progress: Progress): Promise<void> {
  const { default: { XzReadableStream } } = await import("xz-decompress");
  let at = 0;
  const packed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (at >= file.length) return controller.close();
      controller.enqueue(file.slice(at, at += PIECE_BYTES));
      progress(Math.min(at, file.length), file.length);
      await breathe();
    },
  }, { highWaterMark: 0 });
  try {
    for await (const piece of new XzReadableStream(packed)) output.push(piece);
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    throw new SyntaxError("its XZ data is damaged");
  }
}
