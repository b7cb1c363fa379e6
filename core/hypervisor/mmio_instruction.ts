import { type Access, describeAccess, type Transfer } from "../a64/access_syndrome.ts";
import { V } from "../cpu/layout.ts";
import { fetchGuestInstruction } from "./guest_fetch.ts";
import { FSC, injectAbort } from "./inject.ts";
import { accessDevice, isBigEndian, setAccessValue } from "./mmio.ts";
import { FRAME } from "./trap_frame.ts";
import type { VmVcpu } from "./vm.ts";

/** Descriptions of words that were met, so that a loop over a device decodes its instructions once. */
const descriptions = new Map<number, Access | null>();
const DESCRIPTIONS_MAX = 1024;

/** The most that one instruction transfers: LD4 of four vectors, byte by byte. */
const TRANSFERS_MAX = 64;
/** What loads read, low halves and high halves in turns, 16 bytes for each transfer. */
const loaded = new Uint32Array(4 * TRANSFERS_MAX);

function describe(word: number): Access | null {
  let access = descriptions.get(word);
  if (access === undefined) {
    access = describeAccess(word);
    if (descriptions.size >= DESCRIPTIONS_MAX) descriptions.clear();
    descriptions.set(word, access);
  }
  return access;
}

/**
 * Carries out a load or store whose syndrome says nothing (ISV = 0) at a device: pairs, writeback, SIMD and FP
 * registers. Exclusives and atomics are not supported there; what is no load or store, or reaches beyond its page,
 * is an External abort for the guest.
 * @param ipa where the access faulted.
 */
export function emulateAccess(c: VmVcpu, esr: number, ipa: number): void {
  const access = describe(fetchGuestInstruction(c.vcpu, c.vm.memory));
  if (access === null) return injectAbort(c.vcpu, FSC.external);
  if (access.isExclusive || access.kind === "atomic") return injectAbort(c.vcpu, FSC.unsupportedAtomic);
  const { transfers } = access;
  let total = 0;
  for (let i = 0; i < transfers.length; i++) total += transfers[i].bytes;
  const isWhole = (ipa & 0xfff) + total <= 4096 && (startAddress(c, access) & 0xfff) === (ipa & 0xfff);
  if (!isWhole || transfers.length > TRANSFERS_MAX) return injectAbort(c.vcpu, FSC.external);
  const isStore = access.kind === "store";
  for (let i = 0, at = ipa; i < transfers.length; at += transfers[i++].bytes) {
    if (isStore ? !store(c, esr, at, transfers[i]) : !load(c, esr, at, transfers[i].bytes, 4 * i)) return;
  }
  if (!isStore) { for (let i = 0; i < transfers.length; i++) writeRegister(c, transfers[i], 4 * i); }
  writeBack(c, access);
  c.frame.advance();
}

/** The low 32 bits of the address at which the access begins. */
function startAddress(c: VmVcpu, access: Access): number {
  const { base, offset, index } = access;
  let address = offset + (base === null ? c.frame.lo(FRAME.elr_el2) : baseLo(c, base));
  if (index !== null) address += c.vcpu.xLo(index.number) << index.shift;
  return address | 0;
}

/** The frame's field that is the guest's stack pointer: SP_EL0, or SP_EL1 at EL1h. */
function spField(c: VmVcpu): number {
  return (c.frame.lo(FRAME.spsr_el2) & 15) === 5 ? FRAME.sp_el1 : FRAME.sp_el0;
}
function baseLo(c: VmVcpu, base: number): number {
  return c.frame.lo(base === 31 ? spField(c) : base);
}

/** Accesses of 16 bytes are two of 8. */
function load(c: VmVcpu, esr: number, ipa: number, bytes: number, slot: number): boolean {
  const step = bytes === 16 ? 8 : bytes;
  for (let done = 0; done < bytes; done += step) {
    if (!accessDevice(c, esr, ipa + done, step, false)) return false;
    // Big-endian, the half at the lower address is the upper one
    const half = bytes === 16 && isBigEndian(c) ? 8 - done : done;
    loaded[slot + half / 4] = c.accessLo;
    loaded[slot + half / 4 + 1] = c.accessHi;
  }
  return true;
}

function store(c: VmVcpu, esr: number, ipa: number, t: Transfer): boolean {
  const step = t.bytes === 16 ? 8 : t.bytes;
  for (let done = 0; done < t.bytes; done += step) {
    const half = t.bytes === 16 && isBigEndian(c) ? 8 - done : done;
    if (t.register === "x") setAccessValue(c, step, c.vcpu.xLo(t.number), c.vcpu.xHi(t.number));
    else setAccessValue(c, step, vectorWord(c, t, half), step === 8 ? vectorWord(c, t, half + 4) : 0);
    if (!accessDevice(c, esr, ipa + done, step, true)) return false;
  }
  return true;
}

/** Four bytes of a transfer's vector element, fewer at the end of the register, from byte `from` of it on. */
function vectorWord(c: VmVcpu, t: Transfer, from: number): number {
  const { vcpu } = c;
  const at = vcpu.base + V + 16 * t.number + (t.element === "all" ? 0 : t.element) * t.bytes + from;
  if (t.bytes >= 4) return vcpu.u32[at >>> 2];
  return t.bytes === 1 ? vcpu.u8[at] : vcpu.u8[at] | vcpu.u8[at + 1] << 8;
}

function writeRegister(c: VmVcpu, t: Transfer, slot: number): void {
  if (t.register === "v") return writeVector(c, t, slot);
  if (t.number === 31) return;
  let lo = loaded[slot], hi = loaded[slot + 1];
  if (t.isSigned && t.bytes < 8) {
    const unused = 32 - 8 * t.bytes;
    lo = lo << unused >> unused;
    hi = lo >> 31;
  }
  c.vcpu.setX(t.number, lo, t.width === 64 ? hi : 0);
}

/** Writes `width` bits from the element's place on: the value and zeros; or the value to every element. */
function writeVector(c: VmVcpu, t: Transfer, slot: number): void {
  const { u8, base } = c.vcpu;
  const register = base + V + 16 * t.number;
  const isAll = t.element === "all";
  const from = t.element === "all" ? 0 : t.element * t.bytes;
  const end = Math.min(16, isAll ? 16 : from + t.width / 8);
  for (let i = from; i < end; i++) {
    const byte = isAll ? i % t.bytes : i - from;
    const isValue = isAll ? i < t.width / 8 : byte < t.bytes;
    u8[register + i] = isValue ? loaded[slot + (byte >>> 2)] >>> (8 * (byte & 3)) : 0;
  }
}

function writeBack(c: VmVcpu, access: Access): void {
  const { base, writeback, isAuthenticated } = access;
  if (base === null || writeback === null) return;
  const field = base === 31 ? spField(c) : base;
  // The address that authentication made is FAR_EL2's, with the offset added
  if (isAuthenticated) return c.frame.set(field, c.frame.lo(FRAME.far_el2), c.frame.hi(FRAME.far_el2));
  const isNumber = typeof writeback === "number";
  const addLo = isNumber ? writeback >>> 0 : c.vcpu.xLo(writeback.number);
  const addHi = isNumber ? (writeback < 0 ? 0xffff_ffff : 0) : c.vcpu.xHi(writeback.number);
  const lo = c.frame.lo(field) + addLo;
  c.frame.set(field, lo, c.frame.hi(field) + addHi + (lo >= 2 ** 32 ? 1 : 0));
}
