import { takeAbort } from "../cpu/aborts.ts";
import { breakpointAddress, isAddressMatch, isPageWatched, watchedAddress } from "../cpu/hardware_debug.ts";
import { STATE } from "../cpu/layout.ts";
import { PSTATE } from "../cpu/pstate.ts";
import { currentEl, isInHost } from "../cpu/security.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import { BREAKPOINT_OWNER, type Engine } from "../engine/engine.ts";
import type { GuestDebug } from "../engine/engine_host.ts";
import { accessOf } from "../engine/memory_path.ts";
import { requestBytes, requestCount, requestProbes, requestWrites } from "../engine/memory_request.ts";
import { ACCESS_UNPRIVILEGED } from "../mmu/access.ts";
import { ACCESS, FAULT, Fault } from "../mmu/fault.ts";
import type { Mmu } from "../mmu/mmu.ts";

const PSTATE_WORD = STATE.pstate.offset >>> 2;
/** Bytes that DC ZVA zeroes. */
const ZVA_BYTES = 64;
const PAGE_MASK = ~0xfffn;

/**
 * Puts the breakpoints and watchpoints that guests enable where generated code meets them: breakpoints among decoded
 * instructions, watched pages out of the TLBs. While there are none, the engine and the MMU know nothing of it.
 */
export class HardwareDebug implements GuestDebug {
  readonly #fault = new Fault();
  /** Bytes of memory with breakpoints. */
  #placed = new Set<number>();

  constructor(readonly engine: Engine, readonly mmu: Mmu, readonly vcpus: readonly Vcpu[]) {}

  /** What a vCPU has enabled may be other breakpoints and watchpoints now. */
  changed(vcpu: Vcpu): void {
    const { engine, mmu, vcpus } = this;
    const isUsed = vcpus.some(({ debug }) => debug !== null);
    engine.fetcher.guestDebug = isUsed ? this : null;
    mmu.isWatchedByGuest = vcpus.some(({ debug }) => debug !== null && debug.watchpoints.length !== 0)
      ? isPageWatched
      : null;
    mmu.tlbOf(vcpu).invalidateAll();
    const old = this.#placed;
    this.#placed = new Set(vcpus.flatMap((v) => this.#hostsOf(v)));
    for (const host of old) if (!this.#placed.has(host)) engine.setBreakpoint(host, false, BREAKPOINT_OWNER.guest);
    for (const host of this.#placed) engine.setBreakpoint(host, true, BREAKPOINT_OWNER.guest);
    // Other pages may be mapped there by now, or later
    mmu.flushExecTlbs();
    vcpu.codeMoved = true;
  }

  /** Where a vCPU's breakpoints are in memory, as far as they are mapped. */
  #hostsOf(vcpu: Vcpu): number[] {
    return addressesOf(vcpu).flatMap((va) => {
      const pa = this.mmu.translateForDebugger(vcpu, Number(va & 0xffff_ffffn), Number(va >> 32n));
      const host = pa < 0 ? -1 : this.mmu.memory.hostOffset(pa);
      return host < 0 ? [] : [host];
    });
  }

  fetchesPage(vcpu: Vcpu, lo: number, hi: number, hostPage: number): void {
    const page = BigInt(hi >>> 0) << 32n | BigInt(lo >>> 0);
    for (const va of addressesOf(vcpu)) {
      if ((va & PAGE_MASK) !== page) continue;
      const host = hostPage * 4096 + Number(va & 0xfffn);
      this.#placed.add(host);
      this.engine.setBreakpoint(host, true, BREAKPOINT_OWNER.guest);
    }
  }

  accesses(vcpu: Vcpu, request: number): boolean {
    const at = vcpu.scratch32(1), lo = vcpu.u32[at], hi = vcpu.u32[at + 1];
    const isZero = requestBytes(request) === ZVA_BYTES, isWrite = requestWrites(request) || isZero;
    const access = accessOf(request, lo), va = BigInt(hi) << 32n | BigInt(isZero ? (lo & -ZVA_BYTES) >>> 0 : lo);
    const bytes = requestBytes(request) * (isZero ? 1 : requestCount(request));
    const isRead = !isWrite || (requestProbes(request) && !isStoreExclusive(this.mmu.instructionWord(vcpu)));
    const el = (access & ACCESS_UNPRIVILEGED) !== 0 && isUnprivileged(vcpu) ? 0 : currentEl(vcpu);
    const watched = watchedAddress(vcpu, { va, bytes, isRead, isWrite, el });
    if (watched < 0n) return false;
    // The faults of the MMU come first
    const last = va + BigInt(bytes) - 1n, isSplit = (last & PAGE_MASK) !== (va & PAGE_MASK);
    if (!this.#isMapped(vcpu, va, access) || (isSplit && !this.#isMapped(vcpu, last & PAGE_MASK, access))) return false;
    const fault = this.#fault;
    fault.clear();
    fault.statusCode = FAULT.debug;
    fault.accessType = isWrite ? ACCESS.write : ACCESS.read;
    fault.write = isWrite;
    fault.vaLo = Number(watched & 0xffff_ffffn);
    fault.vaHi = Number(watched >> 32n);
    takeAbort(vcpu, fault);
    return true;
  }

  #isMapped(vcpu: Vcpu, va: bigint, access: number): boolean {
    return this.mmu.translate(vcpu, Number(va & 0xffff_ffffn), Number(va >> 32n & 0xffff_ffffn), access);
  }
}

/** The addresses of a vCPU's breakpoints, as the PC has them. */
function addressesOf(vcpu: Vcpu): bigint[] {
  const numbers = vcpu.debug?.breakpoints.filter((n) => isAddressMatch(vcpu, n)) ?? [];
  return numbers.map((n) => BigInt.asUintN(64, BigInt.asIntN(56, breakpointAddress(vcpu, n))));
}

/** LDTR and STTR are made as from EL0. */
function isUnprivileged(vcpu: Vcpu): boolean {
  const el = currentEl(vcpu);
  return (vcpu.u32[vcpu.w + PSTATE_WORD] & PSTATE.UAO) === 0 && (el === 1 || (el === 2 && isInHost(vcpu)));
}

/** STXR, STLXR, STXP or STLXP, which only write. */
function isStoreExclusive(word: number): boolean {
  const isPair = (word & 0xbfe00000 | 0) === (0x88200000 | 0);
  return (word & 0x3fe00000) === 0x08000000 || isPair;
}
