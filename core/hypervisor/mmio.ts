import { ACTION, UNCLAIMED, type Verdict } from "../policy/verdict.ts";
import { sysregIndex } from "../cpu/sysregs.ts";
import type { Mapping } from "../machine/bus.ts";
import { handleStage2Fault } from "./aborts.ts";
import { FSC, injectAbort, injectUndefined } from "./inject.ts";
import { emulateAccess } from "./mmio_instruction.ts";
import type { VmVcpu } from "./vm.ts";

// What another module exports is looked up at every use
const DO = ACTION;
const SCTLR_EL1 = sysregIndex("SCTLR_EL1");

// ISS of a Data Abort. Arm DDI 0487, "ISS encoding for an exception from a Data Abort"
const ISV = 1 << 24, SSE = 1 << 21, SF = 1 << 15, CM = 1 << 8, S1PTW = 1 << 7, WNR = 1 << 6;
const FSC_TYPE = 0x3c, FSC_TRANSLATION = 4;

/** SCTLR_EL1.EE and E0E. */
const EE = 1 << 25, E0E = 1 << 24;
const HIGH_MASK = 0x1f_ffff;
const TWO_32 = 2 ** 32;

/** Whether the guest's data is big-endian at the level that trapped. */
export function isBigEndian(c: VmVcpu): boolean {
  const mask = (c.frame.spsr & 0xc) === 0 ? E0E : EE;
  return (c.vcpu.sysLo(SCTLR_EL1) & mask) !== 0;
}

/** A Data Abort to EL2: an access to a device, or else a stage 2 fault. */
export function handleDataAbort(c: VmVcpu, esr: number): void {
  const ipa = c.frame.faultIpa;
  const isPlain = (esr & (S1PTW | CM)) === 0 && (esr & FSC_TYPE) === FSC_TRANSLATION;
  if (!isPlain || c.vm.ram.has(ipa)) return handleStage2Fault(c, esr, ipa);
  if (c.vm.decidesAborts) return handleStage2Fault(c, esr, ipa, true);
  emulateLoadStore(c, esr, ipa);
}

/** Carries out a load or store that faulted, for the guest: by devices, or where RAM is by it. */
export function emulateLoadStore(c: VmVcpu, esr: number, ipa: number): void {
  if ((esr & ISV) === 0) return emulateAccess(c, esr, ipa);
  const { vcpu } = c;
  const sas = esr >>> 22 & 3, Rt = esr >>> 16 & 31;
  const isWrite = (esr & WNR) !== 0;
  const bytes = 1 << sas;
  if (isWrite) {
    setAccessValue(c, bytes, vcpu.xLo(Rt), vcpu.xHi(Rt));
    if (!accessDevice(c, esr, ipa, bytes, true)) return;
  } else {
    if (!accessDevice(c, esr, ipa, bytes, false)) return;
    if (Rt !== 31) loadRegister(c, Rt, sas, (esr & SSE) !== 0, (esr & SF) !== 0);
  }
  c.frame.advance();
}

/** Puts what the access read into a general-purpose register: extended to 32 or 64 bits. */
function loadRegister(c: VmVcpu, Rt: number, sas: number, isSigned: boolean, is64: boolean): void {
  let lo = c.accessLo, hi = c.accessHi;
  if (isSigned && sas < 3) {
    const unused = 32 - (8 << sas);
    lo = lo << unused >> unused;
    hi = is64 ? lo >> 31 : 0;
  }
  c.vcpu.setX(Rt, lo, is64 ? hi : 0);
}

/** Sets the value that the next `accessDevice` writes: the low `bytes` bytes of a register. */
export function setAccessValue(c: VmVcpu, bytes: number, lo: number, hi: number): void {
  c.accessLo = bytes >= 4 ? lo : lo & (bytes === 1 ? 0xff : 0xffff);
  c.accessHi = bytes === 8 ? hi : 0;
  if (isBigEndian(c)) swapAccess(c, bytes);
}

function swapAccess(c: VmVcpu, bytes: number): void {
  const lo = swap32(c.accessLo);
  if (bytes === 8) {
    c.accessLo = swap32(c.accessHi);
    c.accessHi = lo;
  } else c.accessLo = lo >>> (32 - 8 * bytes);
}
function swap32(word: number): number {
  return (word << 24 | (word & 0xff00) << 8 | word >>> 8 & 0xff00 | word >>> 24) >>> 0;
}

/**
 * One access of 1, 2, 4 or 8 bytes where no RAM is: asks the policy, then the device. A write takes its value from
 * `c.accessLo` and `c.accessHi`, a read leaves it there, zero-extended.
 * @returns false when an exception was injected instead.
 */
export function accessDevice(c: VmVcpu, esr: number, ipa: number, bytes: number, isWrite: boolean): boolean {
  const { vm } = c, trap = vm.traps.mmio, { common } = trap;
  vm.begin(c, common, esr);
  const mapping = (ipa & (bytes - 1)) === 0 ? vm.bus.find(ipa, bytes) : null;
  trap.ipa = ipa;
  trap.size = bytes;
  trap.isWrite = isWrite;
  const base = mapping === null ? -1 : mapping.base;
  if (base !== trap.nameKey) {
    trap.nameKey = base;
    trap.device = mapping === null ? "" : mapping.device.name;
  }
  trap.offset = mapping === null ? 0 : ipa - base;
  if (isWrite) {
    common.valueLo = c.accessLo;
    common.valueHi = c.accessHi;
  }
  const verdict = vm.decide(trap);
  const isDone = carryOut(c, verdict, mapping, ipa, bytes, isWrite);
  if (!isWrite && isDone) {
    common.valueLo = c.accessLo;
    common.valueHi = c.accessHi;
    if (isBigEndian(c)) swapAccess(c, bytes);
  }
  vm.note(trap, isDone || verdict.actionIndex !== DO.allow ? verdict : UNCLAIMED);
  if (isDone) return true;
  if (verdict.inject === "undefined") injectUndefined(c.vcpu);
  else injectAbort(c.vcpu, FSC.external);
  return false;
}

/** Does what the verdict says. @returns false when the guest gets an exception. */
function carryOut(
  c: VmVcpu,
  verdict: Verdict,
  mapping: Mapping | null,
  ipa: number,
  bytes: number,
  isWrite: boolean,
): boolean {
  switch (verdict.actionIndex) {
    case DO.allow:
    case DO.pause:
    case DO.mask:
      if (mapping !== null) performAccess(c, mapping, ipa - mapping.base, bytes, isWrite);
      else if (!accessRam(c, ipa, bytes, isWrite)) {
        if (!isWrite) readAs(c, bytes, 0, 0);
        return false;
      }
      if (verdict.actionIndex === DO.mask && !isWrite) {
        readAs(
          c,
          bytes,
          c.accessLo & ~verdict.clearLo | verdict.valueLo,
          c.accessHi & ~verdict.clearHi | verdict.valueHi,
        );
      }
      return true;
    case DO.value:
      if (!isWrite) readAs(c, bytes, verdict.valueLo, verdict.valueHi);
      return true;
    case DO.ignore:
    case DO.kill:
      if (!isWrite) readAs(c, bytes, 0, 0);
      return true;
    case DO.deny:
      if (!isWrite) readAs(c, bytes, 0, 0);
      return false;
  }
}

function readAs(c: VmVcpu, bytes: number, lo: number, hi: number): void {
  c.accessLo = bytes >= 4 ? lo >>> 0 : lo & (bytes === 1 ? 0xff : 0xffff);
  c.accessHi = bytes === 8 ? hi >>> 0 : 0;
}

/** An access to guest RAM whatever stage 2 permits there. @returns false when no RAM is there. */
function accessRam(c: VmVcpu, ipa: number, bytes: number, isWrite: boolean): boolean {
  const host = c.vm.ramHost(ipa, bytes), { u8 } = c.vm.memory;
  if (host < 0) return false;
  if (isWrite) {
    for (let i = 0; i < bytes; i++) u8[host + i] = (i < 4 ? c.accessLo : c.accessHi) >>> (8 * (i & 3));
    c.vm.storedTo(host, bytes);
    return true;
  }
  c.accessLo = 0;
  c.accessHi = 0;
  for (let i = 0; i < bytes; i++) {
    if (i < 4) c.accessLo = (c.accessLo | u8[host + i] << (8 * i)) >>> 0;
    else c.accessHi = (c.accessHi | u8[host + i] << (8 * (i - 4))) >>> 0;
  }
  return true;
}

function performAccess(c: VmVcpu, { device }: Mapping, offset: number, bytes: number, isWrite: boolean): void {
  if (isWrite) {
    const value = bytes === 8 ? (c.accessHi & HIGH_MASK) * TWO_32 + c.accessLo : c.accessLo;
    device.write(offset, bytes, value, c.index);
    return;
  }
  const value = device.read(offset, bytes, c.index);
  c.accessLo = value >>> 0;
  c.accessHi = bytes === 8 ? Math.floor(value / TWO_32) : 0;
}
