import { CHECK_BYTES, crc32 } from "./xz_check.ts";

/*
 * What an XZ file consists of: The .xz File Format 1.2.1.
 */

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], FOOTER_MAGIC = [0x59, 0x5a];
const STREAM_HEADER_BYTES = 12, STREAM_FOOTER_BYTES = 12;
/** Identifiers of filters. */
export const FILTER = { arm64: 0x0a, lzma2: 0x21 } as const;

export interface XzFilter {
  readonly id: number;
  readonly properties: Uint8Array;
}

/** A part of the file that is unpacked by itself. */
export interface XzBlock {
  /** Where in the file it begins. */
  readonly at: number;
  /** In the order in which they were applied: the last is LZMA2. */
  readonly filters: readonly XzFilter[];
  /** What the last filter made. */
  readonly data: Uint8Array;
  readonly unpackedBytes: number;
  readonly checkType: number;
  readonly check: Uint8Array;
}

/** The filters of the first block, and the check of the first stream. Throws SyntaxError when they are damaged. */
export function describeXz(file: Uint8Array): { readonly filters: readonly XzFilter[]; readonly checkType: number } {
  const checkType = streamCheck(file, 0);
  // Without blocks the index, which begins with 0, follows
  const filters = file[STREAM_HEADER_BYTES] === 0 ? [] : blockHeader(file, STREAM_HEADER_BYTES).filters;
  return { filters, checkType };
}

/** The blocks of a file, in order. Throws SyntaxError when it is damaged or cut off. */
export function xzBlocks(file: Uint8Array): XzBlock[] {
  const streams: XzBlock[][] = [];
  for (let end = file.length; end > 0;) {
    // Streams may be followed by zeros
    while (end > 0 && file[end - 1] === 0) end--;
    const footer = end - STREAM_FOOTER_BYTES;
    if (footer < 0 || !FOOTER_MAGIC.every((byte, i) => file[end - 2 + i] === byte)) damaged();
    verify(file.subarray(footer + 4, end - 2), file, footer);
    const index = footer - 4 * (uint32(file, footer + 4) + 1);
    if (index < STREAM_HEADER_BYTES) damaged();
    const records = readIndex(file, index, footer);
    const start = records.reduce((at, { unpaddedBytes }) => at - padded(unpaddedBytes), index) - STREAM_HEADER_BYTES;
    if (start < 0) damaged();
    const checkType = streamCheck(file, start);
    let at = start + STREAM_HEADER_BYTES;
    streams.push(records.map(({ unpaddedBytes, unpackedBytes }) => {
      const { filters, bytes } = blockHeader(file, at), dataEnd = at + unpaddedBytes - CHECK_BYTES[checkType];
      const data = file.subarray(at + bytes, dataEnd), next = at + padded(unpaddedBytes);
      const check = file.subarray(next - CHECK_BYTES[checkType], next);
      const block = { at, filters, data, unpackedBytes, checkType, check };
      at = next;
      return block;
    }));
    end = start;
  }
  return streams.reverse().flat();
}

/** A file with a block's LZMA2 data alone, without other filters and without a check. */
export function plainXz({ filters, data, unpackedBytes }: XzBlock): Uint8Array {
  const [dictionarySize] = filters.at(-1)!.properties;
  const header = withCrc([2, 0, FILTER.lzma2, 1, dictionarySize, 0, 0, 0]);
  const index = [0, 1, ...vli(header.length + data.length), ...vli(unpackedBytes)];
  while (index.length % 4 !== 0) index.push(0);
  const backward = index.length / 4; // with the checksum, less 1
  const flags = [0, 0], size = [backward & 255, backward >>> 8 & 255, backward >>> 16 & 255, backward >>> 24];
  const padding = new Uint8Array(padded(data.length) - data.length);
  const parts = [
    [...MAGIC, ...withCrc(flags)],
    header,
    data,
    padding,
    withCrc(index),
    [...withCrc([...size, ...flags]).slice(-4), ...size, ...flags, ...FOOTER_MAGIC],
  ];
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** The type of check that a stream's header names. */
function streamCheck(file: Uint8Array, at: number): number {
  if (!MAGIC.every((byte, i) => file[at + i] === byte)) damaged();
  verify(file.subarray(at + 6, at + 8), file, at + 8);
  const checkType = file[at + 7];
  if (file[at + 6] !== 0 || !(checkType in CHECK_BYTES)) damaged();
  return checkType;
}

function blockHeader(file: Uint8Array, at: number): { readonly filters: XzFilter[]; readonly bytes: number } {
  const bytes = 4 * (file[at] + 1), end = at + bytes - 4, flags = file[at + 1];
  verify(file.subarray(at, end), file, end);
  const numbers = new Numbers(file, at + 2, end);
  // Both sizes are in the index as well
  for (const isThere of [flags & 0x40, flags & 0x80]) if (isThere) numbers.next();
  const filters = Array.from({ length: (flags & 3) + 1 }, () => {
    const id = numbers.next(), size = numbers.next();
    return { id, properties: numbers.bytes(size) };
  });
  return { filters, bytes };
}

function readIndex(file: Uint8Array, at: number, footer: number) {
  verify(file.subarray(at, footer - 4), file, footer - 4);
  const numbers = new Numbers(file, at, footer - 4);
  if (numbers.next() !== 0) damaged();
  const count = numbers.next();
  // A record has two bytes at least
  if (count > (footer - at) / 2) damaged();
  return Array.from({ length: count }, () => ({ unpaddedBytes: numbers.next(), unpackedBytes: numbers.next() }));
}

/** Reads multibyte integers, least significant seven bits first. */
class Numbers {
  constructor(readonly file: Uint8Array, private at: number, readonly end: number) {}

  next(): number {
    let value = 0;
    for (let scale = 1; this.at < this.end && scale < Number.MAX_SAFE_INTEGER; scale *= 128) {
      const byte = this.file[this.at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return damaged();
  }
  bytes(count: number): Uint8Array {
    if (this.at + count > this.end) damaged();
    return this.file.subarray(this.at, this.at += count);
  }
}

function vli(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...vli(Math.floor(value / 128))];
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

function uint32(file: Uint8Array, at: number): number {
  return (file[at] | file[at + 1] << 8 | file[at + 2] << 16 | file[at + 3] << 24) >>> 0;
}

function withCrc(bytes: readonly number[]): number[] {
  return [...bytes, ...crc32(Uint8Array.from(bytes))];
}

/** Compares bytes with the CRC32 that stands at `at`. */
function verify(bytes: Uint8Array, file: Uint8Array, at: number): void {
  if (at + 4 > file.length || crc32(bytes).some((byte, i) => byte !== file[at + i])) damaged();
}

function damaged(): never {
  throw new SyntaxError("its XZ data is damaged or cut off");
}
