import { SCRATCH, STATE } from "../cpu/layout.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import {
  ACCESS_ALIGNED_ONLY,
  ACCESS_ATOMIC,
  ACCESS_UNALIGNED,
  ACCESS_UNPRIVILEGED,
  ACCESS_WRITE,
  ACCESS_ZERO,
} from "../mmu/access.ts";
import { KIND, requestBytes, requestCount, requestKind, requestProbes, requestWrites } from "./memory_request.ts";

/** Answers of {@link Translation.translate} that are no byte offsets in memory. */
export const TRANSLATION = {
  /** The access faulted; the MMU holds the Fault. */
  fault: -1,
  /** No RAM is there: the physical address is in `pa`. */
  device: -2,
} as const;

/** The MMU, as the engine needs it for data. */
export interface Translation {
  /**
   * Translates a data access for the slow path, and enters the page in the TLB where later accesses may go fast.
   * @param access bits of mmu/access.ts.
   * @returns the byte offset in memory, or a value of TRANSLATION.
   */
  fill(vcpu: Vcpu, vaLo: number, vaHi: number, access: number): number;
  /** Where the byte at an address stands in memory, if later accesses may go fast now; else -1. */
  hostOf(vcpu: Vcpu, vaLo: number, vaHi: number, write: boolean): number;
  /** Physical address of the last translation. */
  readonly pa: number;
}

/** Physical addresses at which no RAM stands. */
export interface PhysicalBus {
  /** @returns the value, or -1 when nothing answers. */
  read(pa: number, bytes: number, vcpu: Vcpu): number;
  /** @returns false when nothing answers. */
  write(pa: number, bytes: number, value: number, vcpu: Vcpu): boolean;
  /** Upper half of a 64-bit read, and of the next 64-bit write. */
  high: number;
}

// What other modules export, and this one, is looked up at every use
const ALIGNED_ONLY = ACCESS_ALIGNED_ONLY, UNALIGNED = ACCESS_UNALIGNED, UNPRIVILEGED = ACCESS_UNPRIVILEGED;
const WRITE = ACCESS_WRITE, KINDS = KIND, ANSWER = TRANSLATION, SLOTS = SCRATCH;
const UNFILLED = STATE.unfilledPage.offset >>> 2;
const bytesOf = requestBytes, countOf = requestCount, kindOf = requestKind;
const isProbe = requestProbes, isWrite = requestWrites;

/** The access that a packed MemoryRequest makes at an address, as bits of mmu/access.ts. */
export function accessOf(request: number, lo: number): number {
  const bytes = bytesOf(request), kind = kindOf(request);
  if (bytes === 64) return WRITE | ACCESS_ZERO;
  let access = isWrite(request) ? WRITE : 0;
  if (kind === KINDS.unprivileged) access |= UNPRIVILEGED;
  // An exclusive pair is aligned to the pair, all other accesses to their element.
  const total = bytes * countOf(request);
  const alignment = kind >= KINDS.simd8 ? 1 << (kind - KINDS.simd8) : kind === KINDS.atomic ? total : bytes;
  if (lo & (alignment - 1)) access |= UNALIGNED;
  if (kind === KINDS.ordered || kind === KINDS.atomic) access |= ALIGNED_ONLY;
  return isProbe(request) ? access | ACCESS_ATOMIC : access;
}

/**
 * Loads and stores that the inline TLB look-up of generated code does not serve: first touches, devices, accesses
 * across pages, alignment checks, pages with decoded code, big-endian data.
 */
export class MemoryPath {
  readonly #u8: Uint8Array;
  readonly #translated = [0, 0];

  /**
   * @param abort takes the exception for the MMU's fault.
   * @param external takes a synchronous external abort: nothing answers at the physical address of the MMU.
   * @param stored is told of every page of memory that is written to here, by byte offset.
   */
  constructor(
    buffer: SharedArrayBuffer,
    readonly mmu: Translation,
    readonly bus: PhysicalBus,
    readonly abort: (vcpu: Vcpu) => void,
    readonly external: (vcpu: Vcpu, lo: number, hi: number, write: boolean) => void,
    readonly stored: (hostOffset: number) => void,
    readonly isBigEndian: (vcpu: Vcpu) => boolean,
  ) {
    this.#u8 = new Uint8Array(buffer);
  }

  /** Does the access of a packed MemoryRequest. Returns 1 when an exception was taken, else 0. */
  access(vcpu: Vcpu, request: number): number {
    const bytes = bytesOf(request), total = bytes * countOf(request);
    const write = isWrite(request), at = vcpu.scratch32(1);
    const lo = vcpu.u32[at], hi = vcpu.u32[at + 1];
    if (bytes === 64) return this.#zero(vcpu, (lo & ~63) >>> 0, lo, hi);
    const access = accessOf(request, lo);
    if (isProbe(request)) return this.#probe(vcpu, lo, hi, access);
    if ((lo & 0xfff) + total > 4096) return this.#acrossPages(vcpu, lo, hi, bytes, total, access);
    const host = this.mmu.fill(vcpu, lo, hi, access);
    if (host === ANSWER.fault) return this.#fault(vcpu);
    if (host === ANSWER.device) return this.#device(vcpu, lo, hi, bytes, total, write);
    if (write) this.stored(host);
    for (let done = 0; done < total; done += bytes) this.#element(vcpu, host + done, bytes, done, write);
    return 0;
  }

  /** Enters the page of an access in the TLB, if later ones may go fast. Returns 1 where it would fault or no RAM is there. */
  fill(vcpu: Vcpu, request: number): number {
    const at = vcpu.scratch32(1), lo = vcpu.u32[at], hi = vcpu.u32[at + 1];
    if (this.mmu.fill(vcpu, lo, hi, accessOf(request, lo)) >= 0) return 0;
    vcpu.u32[vcpu.w + UNFILLED] = lo & ~0xfff;
    vcpu.u32[vcpu.w + UNFILLED + 1] = hi;
    return 1;
  }

  #fault(vcpu: Vcpu): number {
    this.abort(vcpu);
    return 1;
  }

  /** Byte offset of the scratch slot's value that begins `done` bytes into the access. */
  #valueOffset(vcpu: Vcpu, bytes: number, done: number): number {
    return vcpu.base + SLOTS + (bytes === 16 ? 2 * done : done === 0 ? 0 : 8);
  }

  /** Copies one element between memory and its scratch slot, zero-extending. */
  #element(vcpu: Vcpu, host: number, bytes: number, done: number, write: boolean): void {
    const u8 = this.#u8, value = this.#valueOffset(vcpu, bytes, done);
    const flip = this.isBigEndian(vcpu) ? bytes - 1 : 0;
    if (write) { for (let i = 0; i < bytes; i++) u8[host + i] = u8[value + (i ^ flip)]; }
    else {
      for (let i = 0; i < bytes; i++) u8[value + (i ^ flip)] = u8[host + i];
      for (let i = bytes; i < 8; i++) u8[value + i] = 0;
    }
  }

  #acrossPages(vcpu: Vcpu, lo: number, hi: number, bytes: number, total: number, access: number): number {
    const first = 4096 - (lo & 0xfff);
    const nextLo = (lo + first) >>> 0, nextHi = nextLo === 0 ? (hi + 1) >>> 0 : hi;
    const write = (access & WRITE) !== 0;
    const hosts = this.#translated;
    hosts[0] = this.#find(vcpu, lo, hi, access);
    if (hosts[0] === ANSWER.fault) return this.#fault(vcpu);
    const deviceFirst = hosts[0] === ANSWER.device;
    if (!deviceFirst) {
      hosts[1] = this.#find(vcpu, nextLo, nextHi, access);
      if (hosts[1] === ANSWER.fault) return this.#fault(vcpu);
    }
    if (deviceFirst || hosts[1] === ANSWER.device) {
      this.external(vcpu, lo, hi, write);
      return 1;
    }
    if (write) {
      this.stored(hosts[0]);
      this.stored(hosts[1]);
    }
    const flip = this.isBigEndian(vcpu) ? bytes - 1 : 0;
    for (let i = 0; i < total; i++) {
      const element = i - i % bytes, within = i % bytes;
      const host = i < first ? hosts[0] + i : hosts[1] + i - first;
      const value = this.#valueOffset(vcpu, bytes, element) + (within ^ flip);
      if (write) this.#u8[host] = this.#u8[value];
      else {
        if (within === 0 && bytes < 8) this.#u8.fill(0, value - flip, value - flip + 8);
        this.#u8[value] = this.#u8[host];
      }
    }
    return 0;
  }

  /** Translation.fill, of what the TLB may have already: plain accesses that lie in two pages come here each time. */
  #find(vcpu: Vcpu, lo: number, hi: number, access: number): number {
    const isPlain = (access & ~(WRITE | UNALIGNED)) === 0;
    const host = isPlain ? this.mmu.hostOf(vcpu, lo, hi, (access & WRITE) !== 0) : -1;
    return host >= 0 ? host : this.mmu.fill(vcpu, lo, hi, access);
  }

  #probe(vcpu: Vcpu, lo: number, hi: number, access: number): number {
    const host = this.mmu.fill(vcpu, lo, hi, access);
    if (host === ANSWER.fault) return this.#fault(vcpu);
    if (host === ANSWER.device) {
      this.external(vcpu, lo, hi, true);
      return 1;
    }
    this.stored(host);
    vcpu.u32[vcpu.scratch32(0)] = host;
    return 0;
  }

  #zero(vcpu: Vcpu, blockLo: number, lo: number, hi: number): number {
    const host = this.mmu.fill(vcpu, lo, hi, WRITE | ACCESS_ZERO);
    if (host === ANSWER.fault) return this.#fault(vcpu);
    if (host === ANSWER.device) {
      this.external(vcpu, lo, hi, true);
      return 1;
    }
    const start = host - (lo - blockLo);
    this.stored(start);
    this.#u8.fill(0, start, start + 64);
    return 0;
  }

  #device(vcpu: Vcpu, lo: number, hi: number, bytes: number, total: number, write: boolean): number {
    const pa = this.mmu.pa, step = Math.min(bytes, 8);
    for (let done = 0; done < total; done += step) {
      const at = (this.#valueOffset(vcpu, bytes, done - done % bytes) + done % bytes) >>> 2;
      if (write) {
        this.bus.high = vcpu.u32[at + 1];
        const value = step === 8 ? vcpu.u32[at] : (vcpu.u32[at] & (2 ** (8 * step) - 1)) >>> 0;
        if (this.bus.write(pa + done, step, value, vcpu)) continue;
      } else {
        this.bus.high = 0;
        const value = this.bus.read(pa + done, step, vcpu);
        if (value >= 0) {
          vcpu.u32[at] = value;
          vcpu.u32[at + 1] = step === 8 ? this.bus.high : 0;
          continue;
        }
      }
      this.external(vcpu, lo, hi, write);
      return 1;
    }
    return 0;
  }
}
