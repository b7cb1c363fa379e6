import { breathe, OutputBytes, type Progress } from "./output_bytes.ts";

/*
 * LZ4 as `lz4 -l` (the legacy frame, which kernels use) and `lz4` write it: "LZ4 Frame Format Description" 1.6.3 and
 * "LZ4 Block Format Description". Checksums are not verified.
 */

export const LZ4_LEGACY_MAGIC = 0x184c2102;
export const LZ4_MAGIC = 0x184d2204;
/** What a block of a legacy frame holds at most. */
const LEGACY_BLOCK_BYTES = 8 << 20;
/** A block of a frame may repeat what stands so far before it. */
const DICTIONARY_BYTES = 0x1_0000;
const MIN_MATCH = 4;

/** Unpacks an LZ4 file. Throws SyntaxError when it is damaged or cut off. */
export async function unpackLz4(file: Uint8Array, progress: Progress): Promise<Uint8Array<ArrayBuffer>> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const blocks = view.getUint32(0, true) === LZ4_LEGACY_MAGIC ? legacyBlocks(view) : frameBlocks(view);
  const output = new OutputBytes(4 * file.length);
  for (const block of blocks) {
    const bytes = file.subarray(block.start, block.end);
    if (block.isStored) output.push(bytes);
    else output.push(decodeBlock(bytes, output.bytes.subarray(-DICTIONARY_BYTES), block.outputMax));
    progress(block.end, file.length);
    await breathe();
  }
  return output.bytes;
}

/** Where the blocks of an LZ4 file in the legacy frame end. Throws SyntaxError when it is cut off. */
export function legacyLz4End(file: Uint8Array): number {
  let end = 4;
  for (const block of legacyBlocks(new DataView(file.buffer, file.byteOffset, file.byteLength))) end = block.end;
  return end;
}

interface Block {
  readonly start: number;
  readonly end: number;
  readonly isStored: boolean;
  readonly outputMax: number;
}

/** Blocks with their size before them, up to the end of the file or what cannot be a size (the kernel's own length). */
function* legacyBlocks(view: DataView): Generator<Block> {
  const length = view.byteLength;
  for (let at = 4; at + 4 <= length;) {
    const size = view.getUint32(at, true);
    if (size === LZ4_LEGACY_MAGIC) {
      at += 4;
      continue;
    }
    const start = at + 4, end = start + size;
    // Kernels append the unpacked length, and files may be padded
    if (start === length || size === 0) return;
    if (end > length) throw new SyntaxError("its LZ4 data is cut off");
    yield { start, end, isStored: false, outputMax: LEGACY_BLOCK_BYTES };
    at = end;
  }
}

function* frameBlocks(view: DataView): Generator<Block> {
  const flags = view.getUint8(4), descriptor = view.getUint8(5);
  if (flags >>> 6 !== 1) throw new SyntaxError("its LZ4 data is of an unknown version");
  const hasBlockChecksum = (flags & 0x10) !== 0, hasSize = (flags & 8) !== 0, hasDictionary = (flags & 1) !== 0;
  if (hasDictionary) throw new SyntaxError("its LZ4 data needs a dictionary");
  const outputMax = 1 << (8 + 2 * (descriptor >>> 4 & 7));
  for (let at = 7 + (hasSize ? 8 : 0); at + 4 <= view.byteLength;) {
    const size = view.getUint32(at, true), start = at + 4, end = start + (size & 0x7fff_ffff);
    if (size === 0) return;
    if (end > view.byteLength) break;
    yield { start, end, isStored: size >>> 31 === 1, outputMax };
    at = end + (hasBlockChecksum ? 4 : 0);
  }
  throw new SyntaxError("its LZ4 data is cut off");
}

/** Decodes one block. @param before what it may repeat. */
function decodeBlock(input: Uint8Array, before: Uint8Array, outputMax: number): Uint8Array {
  const output = new Uint8Array(before.length + outputMax);
  output.set(before);
  let from = 0, to = before.length;
  const lengthOf = (nibble: number): number => {
    let length = nibble;
    if (nibble === 15) {
      for (let byte = 255; byte === 255;) length += byte = input[from++] ?? 0;
    }
    return length;
  };
  while (from < input.length) {
    const token = input[from++], literals = lengthOf(token >>> 4);
    if (from + literals > input.length || to + literals > output.length) throw damaged();
    output.set(input.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === input.length) return output.subarray(before.length, to);
    const distance = input[from] | input[from + 1] << 8;
    from += 2;
    const end = to + MIN_MATCH + lengthOf(token & 15);
    if (distance === 0 || distance > to || end > output.length) throw damaged();
    if (distance >= end - to) {
      output.copyWithin(to, to - distance, end - distance);
      to = end;
    } else for (; to < end; to++) output[to] = output[to - distance];
  }
  throw damaged();
}

function damaged(): SyntaxError {
  return new SyntaxError("its LZ4 data is damaged");
}
