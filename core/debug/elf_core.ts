import type { Vcpu } from "../cpu/vcpu.ts";
import { registerNamed } from "./registers.ts";

// System V ABI, "Object Files", and Linux's elf_prstatus of arm64
const EHDR_BYTES = 64, PHDR_BYTES = 56, ET_CORE = 4, EM_AARCH64 = 183, PT_LOAD = 1, PT_NOTE = 4;
const NT_PRSTATUS = 1, NT_FPREGSET = 2;
const PRSTATUS_BYTES = 392, PRSTATUS_PID = 32, PRSTATUS_REGS = 112, FPREGSET_BYTES = 528;
const SEGMENTS_MAX = 60_000;
/** RAM begins in the file at a multiple of this, and is looked through for zeros in such pieces. */
const PIECE_BYTES = 65536;

/** Where a part of RAM is to be seen: `bytes` from `address` on are those at `physical`. */
export interface CoreRange {
  readonly address: bigint;
  readonly physical: number;
  readonly bytes: number;
}

export interface CoreOptions {
  readonly vcpus: readonly Vcpu[];
  /** RAM by the physical address (IPA) that the guest knows. */
  readonly ram: { readonly physical: number; readonly bytes: number };
  /** Virtual addresses, as the tables of stage 1 have them, in order. */
  readonly virtual: Iterable<CoreRange>;
}

/** An ELF core file but for RAM itself, which stands at `ramOffset` and ends the file. */
export interface CoreHeader {
  readonly bytes: Uint8Array;
  readonly ramOffset: number;
}

/**
 * Makes the head of a core file that GDB opens: the registers of every vCPU as a thread's, and RAM at the virtual
 * addresses where the guest has it, or at its physical ones where no virtual address is in the way.
 */
export function coreHeader({ vcpus, ram, virtual }: CoreOptions): CoreHeader {
  const ranges = mergedRanges(virtual, ram);
  const end = BigInt(ram.physical + ram.bytes);
  const isFree = ranges.every((r) => r.address >= end || r.address + BigInt(r.bytes) <= BigInt(ram.physical));
  if (isFree) ranges.push({ address: BigInt(ram.physical), physical: ram.physical, bytes: ram.bytes });
  const notes = concat(vcpus.flatMap((vcpu) => [note(NT_PRSTATUS, prstatus(vcpu)), note(NT_FPREGSET, fpregset(vcpu))]));
  const notesOffset = EHDR_BYTES + PHDR_BYTES * (1 + ranges.length);
  const ramOffset = Math.ceil((notesOffset + notes.length) / PIECE_BYTES) * PIECE_BYTES;
  const bytes = new Uint8Array(ramOffset);
  const view = new DataView(bytes.buffer);
  writeFileHeader(view, 1 + ranges.length);
  writeSegment(view, 0, PT_NOTE, notesOffset, { address: 0n, physical: 0, bytes: notes.length });
  ranges.forEach((r, n) => writeSegment(view, n + 1, PT_LOAD, ramOffset + r.physical - ram.physical, r));
  bytes.set(notes, notesOffset);
  return { bytes, ramOffset };
}

/** The ranges that lie in RAM; neighbours in both address spaces become one. */
function mergedRanges(ranges: Iterable<CoreRange>, ram: CoreOptions["ram"]): CoreRange[] {
  const result: CoreRange[] = [];
  for (const range of ranges) {
    if (range.physical < ram.physical || range.physical + range.bytes > ram.physical + ram.bytes) continue;
    const last = result.at(-1);
    const isNext = last && last.address + BigInt(last.bytes) === range.address &&
      last.physical + last.bytes === range.physical;
    if (isNext) result[result.length - 1] = { ...last, bytes: last.bytes + range.bytes };
    else if (result.length < SEGMENTS_MAX) result.push(range);
  }
  return result;
}

function writeFileHeader(view: DataView, segments: number): void {
  [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1].forEach((byte, n) => view.setUint8(n, byte));
  view.setUint16(16, ET_CORE, true);
  view.setUint16(18, EM_AARCH64, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(32, BigInt(EHDR_BYTES), true);
  view.setUint16(52, EHDR_BYTES, true);
  view.setUint16(54, PHDR_BYTES, true);
  view.setUint16(56, segments, true);
}

function writeSegment(view: DataView, index: number, type: number, offset: number, range: CoreRange): void {
  const at = EHDR_BYTES + PHDR_BYTES * index;
  view.setUint32(at, type, true);
  view.setUint32(at + 4, type === PT_LOAD ? 7 : 0, true);
  view.setBigUint64(at + 8, BigInt(offset), true);
  view.setBigUint64(at + 16, range.address, true);
  view.setBigUint64(at + 24, BigInt(range.physical), true);
  view.setBigUint64(at + 32, BigInt(range.bytes), true);
  view.setBigUint64(at + 40, BigInt(range.bytes), true);
  view.setBigUint64(at + 48, type === PT_LOAD ? 4096n : 4n, true);
}

function note(type: number, description: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode("CORE\0");
  const bytes = new Uint8Array(12 + 8 + description.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, name.length, true);
  view.setUint32(4, description.length, true);
  view.setUint32(8, type, true);
  bytes.set(name, 12);
  bytes.set(description, 20);
  return bytes;
}

function prstatus(vcpu: Vcpu): Uint8Array {
  const view = new DataView(new ArrayBuffer(PRSTATUS_BYTES));
  view.setUint32(PRSTATUS_PID, vcpu.index + 1, true);
  const names = [...Array.from({ length: 31 }, (_, n) => `x${n}`), "sp", "pc", "cpsr"];
  names.forEach((name, n) => view.setBigUint64(PRSTATUS_REGS + 8 * n, registerNamed(name).read(vcpu), true));
  return new Uint8Array(view.buffer);
}

function fpregset(vcpu: Vcpu): Uint8Array {
  const view = new DataView(new ArrayBuffer(FPREGSET_BYTES));
  for (let n = 0; n < 32; n++) {
    view.setBigUint64(16 * n, vcpu.u64[vcpu.v64(n)], true);
    view.setBigUint64(16 * n + 8, vcpu.u64[vcpu.v64(n) + 1], true);
  }
  view.setUint32(512, vcpu.get32("fpsr"), true);
  view.setUint32(516, vcpu.get32("fpcr"), true);
  return new Uint8Array(view.buffer);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** The pieces of RAM that are not all zero, as parts of the file. */
export function* coreMemory(
  ram: Uint8Array,
  ramOffset: number,
): Generator<{ readonly offset: number; readonly bytes: Uint8Array }> {
  for (let at = 0; at < ram.length; at += PIECE_BYTES) {
    const piece = ram.subarray(at, at + PIECE_BYTES);
    // A copy: the other side must not see a shared buffer, nor changes
    if (!isZero(piece)) yield { offset: ramOffset + at, bytes: piece.slice() };
  }
}

function isZero(piece: Uint8Array): boolean {
  const words = new Uint32Array(piece.buffer, piece.byteOffset, piece.length >>> 2);
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
  return true;
}
