import type { AccessKind } from "../cpu/layout.ts";

/** Offsets of the write and execute parts of a TLB context block; the read part comes first. See mmu/tlb.ts. */
export const WRITE_TLB_OFFSET = 0x10000;
export const EXEC_TLB_OFFSET = 0x20000;

const KINDS: readonly AccessKind[] = [
  "normal",
  "unprivileged",
  "ordered",
  "atomic",
  "simd8",
  "simd16",
  "simd32",
  "simd64",
];

/**
 * What generated code asks of TypeScript when the TLB does not answer: `count` elements of `bytes` at the address in
 * scratch slot 1. Values stand in slot 0 on: 8 bytes apart for elements up to 8 bytes, 32 apart for 16-byte ones.
 * `probe` only asks for the host address of a location in RAM that may be read and written (slot 0).
 */
export interface MemoryRequest {
  readonly bytes: number;
  readonly count: number;
  readonly write: boolean;
  readonly kind: AccessKind;
  readonly probe?: boolean;
}

/** Packs a request in an i32: bytes 7:0, count 9:8, write 10, probe 11, kind 14:12. */
export function memoryRequest(r: MemoryRequest): number {
  return r.bytes | (r.count << 8) | (Number(r.write) << 10) | (Number(r.probe ?? false) << 11) |
    (KINDS.indexOf(r.kind) << 12);
}

/** The parts of a packed request; called on the slow path, so without allocation. */
export const requestBytes = (request: number): number => request & 0xff;
export const requestCount = (request: number): number => (request >>> 8) & 3;
export const requestWrites = (request: number): boolean => (request & 0x400) !== 0;
export const requestProbes = (request: number): boolean => (request & 0x800) !== 0;
export const requestKind = (request: number): number => (request >>> 12) & 7;
/** Indices of `requestKind`. */
export const KIND = {
  normal: 0,
  unprivileged: 1,
  ordered: 2,
  atomic: 3,
  simd8: 4,
  simd16: 5,
  simd32: 6,
  simd64: 7,
} as const;
