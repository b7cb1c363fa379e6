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
/** Addresses that no memory has, but Linux has for itself. */
const UPPER_HALF = 1n << 63n;

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
  if (isLinux(view)) return linuxImage(file, view, base);
  if (file.length >= 4 && view.getUint32(0, true) === ELF_MAGIC) return elfImage(file, view, base);
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

function isLinux(view: DataView): boolean {
  return view.byteLength >= LINUX_HEADER_BYTES && view.getUint32(56, true) === LINUX_MAGIC;
}

/** Linux, Documentation/arch/arm64/booting.rst: the decompressed kernel image header. */
function linuxHeader(view: DataView, base: number): { readonly address: number; readonly imageSize: number } {
  const textOffset = Number(view.getBigUint64(8, true)), imageSize = Number(view.getBigUint64(16, true));
  if (textOffset > 2 ** 32 || imageSize > 2 ** 32) {
    throw new SyntaxError(`its Image header is damaged: text_offset 0x${textOffset.toString(16)}`);
  }
  if (view.getUint8(24) & 1) throw new SyntaxError("it is a big-endian kernel, which cannot be run");
  // Before Linux 3.17 image_size is 0 and text_offset 0x80000.
  return { address: base + (imageSize === 0 ? 0x80000 : textOffset), imageSize };
}

function linuxImage(file: Uint8Array, view: DataView, base: number): Image {
  const { address, imageSize } = linuxHeader(view, base);
  // An Image is followed by its BSS only, so one that is far shorter than its text is cut off.
  const truncated = fileSizeOfPe(view);
  if (truncated > file.length) {
    throw new SyntaxError(`it is cut off: its header names 0x${truncated.toString(16)} bytes, it has ${file.length}`);
  }
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
function elfImage(file: Uint8Array, view: DataView, base: number): Image {
  if (file.length < 64) throw new SyntaxError("its ELF header is cut off");
  if (view.getUint8(4) !== 2 || view.getUint8(5) !== 1) {
    throw new SyntaxError("it is not a 64-bit little-endian ELF file");
  }
  if (view.getUint16(18, true) !== EM_AARCH64) {
    throw new SyntaxError("it is an ELF file for another machine than AArch64");
  }
  const type = view.getUint16(16, true);
  if (type !== ET_EXEC && type !== ET_DYN) throw new SyntaxError("it is an ELF file, but not an executable");
  const entry = view.getBigUint64(24, true), parts = loadableParts(file, view);
  if (parts.length === 0) throw new SyntaxError("it is an ELF file without anything to load");
  if (parts.every(({ physical }) => physical >= UPPER_HALF)) return linuxElf(parts, base);
  const segments = parts.map(({ physical, bytes }) => ({ address: Number(physical), bytes }));
  const end = Math.max(...parts.map(({ physical, memoryBytes }) => Number(physical) + memoryBytes));
  return { kind: "elf", segments, entry: elfEntry(parts, entry), end };
}

/** Where the entry point is loaded. It is a virtual address, but that of some files is a physical one. */
function elfEntry(parts: readonly Part[], entry: bigint): number {
  for (const start of [(part: Part) => part.virtual, (part: Part) => part.physical]) {
    for (const part of parts) {
      const offset = entry - start(part);
      if (offset >= 0n && offset < BigInt(part.bytes.length)) return Number(part.physical + offset);
    }
  }
  throw new SyntaxError(`its ELF entry point 0x${entry.toString(16)} is in nothing that it loads`);
}

/** A segment of an ELF file that is to be loaded. */
interface Part {
  readonly virtual: bigint;
  readonly physical: bigint;
  readonly bytes: Uint8Array;
  /** With what is not in the file. */
  readonly memoryBytes: number;
}

function loadableParts(file: Uint8Array, view: DataView): Part[] {
  const headers = Number(view.getBigUint64(32, true)),
    size = view.getUint16(54, true),
    count = view.getUint16(56, true);
  const parts: Part[] = [];
  for (let i = 0; i < count; i++) {
    const at = headers + i * size;
    if (at + 56 > file.length) throw new SyntaxError("its ELF program headers are cut off");
    if (view.getUint32(at, true) !== PT_LOAD) continue;
    const [offset, virtual, physical, fileBytes, memoryBytes] = [8, 16, 24, 32, 40].map((field) =>
      view.getBigUint64(at + field, true)
    );
    if (offset + fileBytes > file.length) throw new SyntaxError("one of its ELF segments is cut off");
    if (fileBytes > memoryBytes) {
      throw new SyntaxError("one of its ELF segments has more bytes than it takes in memory");
    }
    const bytes = file.subarray(Number(offset), Number(offset + fileBytes));
    parts.push({ virtual, physical, bytes, memoryBytes: Number(memoryBytes) });
  }
  return parts;
}

/**
 * "vmlinux", as the kernel's build leaves it: linked at virtual addresses, and an Image once its segments are laid out
 * as they follow one another.
 */
function linuxElf(parts: readonly Part[], base: number): Image {
  const first = parts.reduce((lowest, part) => part.virtual < lowest.virtual ? part : lowest);
  const view = new DataView(first.bytes.buffer, first.bytes.byteOffset, first.bytes.byteLength);
  if (!isLinux(view)) throw new SyntaxError("it is an ELF file for virtual addresses, and no Linux kernel");
  const { address, imageSize } = linuxHeader(view, base);
  const place = ({ virtual }: Part) => address + Number(virtual - first.virtual);
  return {
    kind: "linux",
    segments: parts.map((part) => ({ address: place(part), bytes: part.bytes })),
    entry: address,
    end: Math.max(address + imageSize, ...parts.map((part) => place(part) + part.memoryBytes)),
  };
}
