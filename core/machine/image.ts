import { findUndefined } from "./flat_binary.ts";

/** A program in guest memory: what to put where, and where to begin. Addresses are the guest's (IPA). */
export interface Image {
  readonly kind: "linux" | "elf" | "flat";
  readonly segments: readonly Segment[];
  readonly entry: number;
  /** End of the memory that the image claims, with what is not in the file (BSS). */
  readonly end: number;
}

export interface Segment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

const LINUX_MAGIC = 0x644d5241; // "ARM\x64", little-endian
const ELF_MAGIC = 0x464c457f;
const EM_AARCH64 = 183, PT_LOAD = 1, ET_EXEC = 2, ET_DYN = 3;
/** An Image's header, and the "MZ" with which it begins when it is an EFI program, too. */
const LINUX_HEADER_BYTES = 64, MZ_MAGIC = 0x5a4d;
/** What precedes the section table of a PE file: signature and file header, without the optional header. */
const PE_HEADER_BYTES = 24;

/**
 * Recognizes a kernel that is not packed: a Linux arm64 Image, an ELF file, or else a flat binary. Throws SyntaxError
 * when the file claims to be one of the first two and is damaged, and when it cannot be the third.
 * @param base address at which guest RAM begins, where a flat binary goes.
 */
export function loadImage(file: Uint8Array, base: number): Image {
  if (file.length === 0) throw new SyntaxError("it is empty");
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < LINUX_HEADER_BYTES && file.length >= 2 && view.getUint16(0, true) === MZ_MAGIC) {
    throw new SyntaxError(`it is cut off: the header of a Linux Image has ${LINUX_HEADER_BYTES} bytes`);
  }
  if (file.length >= LINUX_HEADER_BYTES && view.getUint32(56, true) === LINUX_MAGIC) {
    return linuxImage(file, view, base);
  }
  if (file.length >= 4 && view.getUint32(0, true) === ELF_MAGIC) return elfImage(file, view);
  if (file.length % 4 !== 0 || file.length < 4) {
    throw new SyntaxError(
      "it is neither a Linux arm64 Image nor an ELF file, and a flat binary has whole instructions",
    );
  }
  const undefinedAt = findUndefined(file);
  if (undefinedAt >= 0) {
    const word = view.getUint32(undefinedAt, true).toString(16).padStart(8, "0");
    throw new SyntaxError(
      `it is neither a Linux arm64 Image nor an ELF file, and as a flat binary it would soon end: ` +
        `0x${word} at 0x${undefinedAt.toString(16)} is no instruction`,
    );
  }
  return { kind: "flat", segments: [{ address: base, bytes: file }], entry: base, end: base + file.length };
}

/** Linux, Documentation/arch/arm64/booting.rst: the decompressed kernel image header. */
function linuxImage(file: Uint8Array, view: DataView, base: number): Image {
  const textOffset = Number(view.getBigUint64(8, true)), imageSize = Number(view.getBigUint64(16, true));
  if (textOffset > 2 ** 32 || imageSize > 2 ** 32) {
    throw new SyntaxError(`its Image header is damaged: text_offset 0x${textOffset.toString(16)}`);
  }
  if (view.getUint8(24) & 1) throw new SyntaxError("it is a big-endian kernel, which cannot be run");
  // Before Linux 3.17 image_size is 0 and text_offset 0x80000.
  const offset = imageSize === 0 ? 0x80000 : textOffset;
  // An Image is followed by its BSS only, so one that is far shorter than its text is cut off.
  const truncated = fileSizeOfPe(view);
  if (truncated > file.length) {
    throw new SyntaxError(`it is cut off: its header names 0x${truncated.toString(16)} bytes, it has ${file.length}`);
  }
  const address = base + offset;
  return {
    kind: "linux",
    segments: [{ address, bytes: file }],
    entry: address,
    end: address + Math.max(imageSize, file.length),
  };
}

/** End of the last section that the PE header of an EFI-stub kernel names, or 0 without one. */
function fileSizeOfPe(view: DataView): number {
  const pe = view.getUint32(60, true);
  if (pe === 0) return 0;
  if (pe + PE_HEADER_BYTES > view.byteLength) return pe + PE_HEADER_BYTES;
  if (view.getUint32(pe, true) !== 0x4550) return 0;
  const sections = view.getUint16(pe + 6, true), table = pe + PE_HEADER_BYTES + view.getUint16(pe + 20, true);
  let end = 0;
  for (let i = 0; i < sections; i++) {
    const at = table + 40 * i;
    if (at + 40 > view.byteLength) return at + 40;
    end = Math.max(end, view.getUint32(at + 20, true) + view.getUint32(at + 16, true));
  }
  return end;
}

/** System V ABI, ELF-64: the loadable segments, at their physical addresses. */
function elfImage(file: Uint8Array, view: DataView): Image {
  if (file.length < 64) throw new SyntaxError("its ELF header is cut off");
  if (view.getUint8(4) !== 2 || view.getUint8(5) !== 1) {
    throw new SyntaxError("it is not a 64-bit little-endian ELF file");
  }
  if (view.getUint16(18, true) !== EM_AARCH64) {
    throw new SyntaxError("it is an ELF file for another machine than AArch64");
  }
  const type = view.getUint16(16, true);
  if (type !== ET_EXEC && type !== ET_DYN) throw new SyntaxError("it is an ELF file, but not an executable");
  const entry = view.getBigUint64(24, true);
  const headers = Number(view.getBigUint64(32, true)),
    size = view.getUint16(54, true),
    count = view.getUint16(56, true);
  const segments: ElfSegment[] = [];
  for (let i = 0; i < count; i++) {
    const at = headers + i * size;
    if (at + 56 > file.length) throw new SyntaxError("its ELF program headers are cut off");
    if (view.getUint32(at, true) === PT_LOAD) segments.push(elfSegment(file, view, at));
  }
  if (!segments.length) throw new SyntaxError("it is an ELF file without anything to load");
  return { kind: "elf", segments, entry: elfEntry(segments, entry), end: Math.max(...segments.map(({ end }) => end)) };
}

/** A segment with its virtual address, and the end of its memory at the physical one. */
interface ElfSegment extends Segment {
  readonly virtual: bigint;
  readonly end: number;
}

/** The segment of the program header at `at`. */
function elfSegment(file: Uint8Array, view: DataView, at: number): ElfSegment {
  const field = (offset: number) => Number(view.getBigUint64(at + offset, true));
  const offset = field(8), address = field(24), fileBytes = field(32), memoryBytes = field(40);
  if (offset + fileBytes > file.length) throw new SyntaxError("one of its ELF segments is cut off");
  if (fileBytes > memoryBytes) throw new SyntaxError("one of its ELF segments has more bytes than it takes in memory");
  const bytes = file.subarray(offset, offset + fileBytes);
  return { virtual: view.getBigUint64(at + 16, true), address, bytes, end: address + memoryBytes };
}

/** Where the entry point is loaded. It is a virtual address, but that of some files is a physical one. */
function elfEntry(segments: readonly ElfSegment[], entry: bigint): number {
  for (const start of [(s: ElfSegment) => s.virtual, (s: ElfSegment) => BigInt(s.address)]) {
    for (const segment of segments) {
      const offset = entry - start(segment);
      if (offset >= 0n && offset < BigInt(segment.bytes.length)) return segment.address + Number(offset);
    }
  }
  throw new SyntaxError(`its ELF entry point 0x${entry.toString(16)} is in nothing that it loads`);
}
