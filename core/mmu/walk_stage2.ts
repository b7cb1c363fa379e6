import type { Vcpu } from "../cpu/vcpu.ts";
import {
  ACCESS_AT,
  ACCESS_ATOMIC,
  ACCESS_DC,
  ACCESS_DEBUG,
  ACCESS_EXECUTE,
  ACCESS_IC,
  ACCESS_UNALIGNED,
  ACCESS_WALK,
  ACCESS_WALK_UPDATE,
  ACCESS_WRITE,
  ACCESS_ZERO,
} from "./access.ts";
import { FAULT, type Fault, type FaultStatus } from "./fault.ts";
import type { PhysicalMemory } from "./physical.ts";
import { HCR_FWB_HI, HCR_PTW, outputSizeBits, POW2, swapBytes, type TranslationControls } from "./regime.ts";
import {
  IPA_SECURE,
  S2_DEVICE,
  S2_LEVEL_SHIFT,
  S2_PX,
  S2_READ,
  S2_SECURE,
  S2_SH_SHIFT,
  S2_UX,
  S2_WRITE,
  Stage2Cache,
  STATE_SECURE,
} from "./stage2_cache.ts";

export const DESC_VALID = 1 << 0;
/** Bit 1: a table, or a page at level 3; else a block. */
export const DESC_TABLE = 1 << 1;
export const DESC_AF = 1 << 10;
/** DBM, bit 51, in the high half. */
export const DESC_DBM_HI = 1 << 19;
/** S2AP[1]: writable. */
const S2AP_WRITE = 1 << 7;

/** The first level by VTCR_EL2.SL0, per granule; -1 is reserved. Level 3 of 4 KiB is FEAT_TTST's. */
const START_LEVEL_4K = [2, 1, 0, 3];
const START_LEVEL_16K = [3, 2, 1, -1];
const START_LEVEL_64K = [3, 2, 1, -1];

/** Bits `shift + width - 1` to `shift` of a 64-bit value; `shift` 1 to 63, `width` below 32. */
export function bitField(hi: number, lo: number, shift: number, width: number): number {
  const mask = (1 << width) - 1;
  if (shift >= 32) return hi >>> (shift - 32) & mask;
  return (lo >>> shift | hi << (32 - shift)) & mask;
}

/** Replaces the low half of the descriptor at word `w`. @returns false when it is not `old` any more. */
export function exchangeLow(words: Int32Array, w: number, old: number, updated: number, bigEndian: boolean): boolean {
  if (!bigEndian) return Atomics.compareExchange(words, w, old, updated) === old;
  const swapped = swapBytes(old);
  return Atomics.compareExchange(words, w + 1, swapped, swapBytes(updated)) === swapped;
}

/** Whether a descriptor below the last level may be a block. Arm DDI 0487, AArch64.BlockDescSupported(). */
export function isBlockLevel(granule: number, level: number, paBits: number): boolean {
  if (granule === 12) return level === 1 || level === 2;
  return level === 2 || (granule === 16 && level === 1 && paBits === 52);
}

/**
 * Stage 2 of a translation: from IPA to PA. Arm DDI 0487, AArch64.S2Translate() and AArch64.S2Walk().
 * What the last translation found stands in the fields; one that failed has filled the fault record.
 */
export class Stage2Walker {
  paHi = 0;
  paLo = 0;
  paSecure = false;
  /** The page may be read too, whatever the access was. */
  canRead = false;
  /** MemAttr[3:0], SH[1:0] and level of the descriptor. */
  memAttr = 0;
  shareability = 0;
  level = 0;
  /** The cache of the vCPU that translates. */
  cache: Stage2Cache = new Stage2Cache();

  #spaceNonSecure = 0;
  #spaceSecure = 0;
  // The walk under way.
  #granule = 12;
  #iaSize = 0;
  #outputSize = 0;
  #tableHi = 0;
  #tableLo = 0;
  #walkSecure = false;
  #descHost = 0;
  #descLo = 0;
  #descHi = 0;
  #bits = 0;

  constructor(readonly memory: PhysicalMemory, readonly fault: Fault) {}

  /** Prepares for translations under the controls `c`, whose stage 2 is enabled. */
  begin(vcpu: Vcpu, c: TranslationControls): void {
    const r = c.registers;
    const vtcr = c.vtcr(vcpu);
    const fwb = c.hcrHi & HCR_FWB_HI;
    const baseHi = vcpu.sysHi(r.VTTBR_EL2);
    const vmid = c.vmid(vcpu);
    if (!c.secure) {
      this.#spaceNonSecure = this.cache.space(vcpu.sysLo(r.VTTBR_EL2), baseHi, vtcr, 0, fwb, vmid);
      return;
    }
    const vstcr = vcpu.sysLo(r.VSTCR_EL2);
    const flags = fwb | STATE_SECURE;
    this.#spaceNonSecure = this.cache.space(vcpu.sysLo(r.VTTBR_EL2), baseHi, vtcr, vstcr, flags, vmid);
    const sBaseHi = vcpu.sysHi(r.VSTTBR_EL2) & 0xffff | vmid << 16;
    this.#spaceSecure = this.cache.space(vcpu.sysLo(r.VSTTBR_EL2), sBaseHi, vtcr, vstcr, flags | IPA_SECURE, vmid);
  }

  /**
   * Translates an IPA for an access described by ACCESS bits, after `begin`.
   * @returns false when the fault record was filled.
   */
  translate(
    vcpu: Vcpu,
    c: TranslationControls,
    hi: number,
    lo: number,
    ipaSecure: boolean,
    access: number,
  ): boolean {
    const cache = this.cache;
    const entry = cache.find(ipaSecure ? this.#spaceSecure : this.#spaceNonSecure, hi, lo);
    if (entry >= 0) {
      const bits = cache.words[entry + 2];
      if (this.#permits(c, bits, access) && !isMisaligned(bits, access)) {
        const word = cache.words[entry + 3];
        this.#setOutput(word & 0xfffff, bits & ~0xfff | lo & 0xfff, word >>> 20, bits);
        return true;
      }
    }
    return this.#walk(vcpu, c, hi, lo, ipaSecure, access);
  }

  /** Tells the address space of Non-secure IPAs, which `begin` found, from all others: 24 bits. */
  get spaceTag(): number {
    return this.#spaceNonSecure | this.cache.generation << 12;
  }

  #setOutput(paHi: number, paLo: number, memAttr: number, bits: number): void {
    this.paHi = paHi;
    this.paLo = paLo;
    this.memAttr = memAttr;
    this.paSecure = (bits & S2_SECURE) !== 0;
    this.canRead = (bits & S2_READ) !== 0;
    this.shareability = bits >>> S2_SH_SHIFT & 3;
    this.level = bits >>> S2_LEVEL_SHIFT & 3;
  }

  /** AArch64.S2Walk() and what follows it in AArch64.S2Translate(). */
  #walk(vcpu: Vcpu, c: TranslationControls, hi: number, lo: number, ipaSecure: boolean, access: number): boolean {
    let level = this.#start(vcpu, c, hi, lo, ipaSecure);
    if (level < 0) return this.#fail(c, FAULT.translation, 0, hi, lo, ipaSecure, access);
    if (this.#isOutOfRange(this.#tableHi)) return this.#fail(c, FAULT.addressSize, 0, hi, lo, ipaSecure, access);
    const granule = this.#granule;
    const stride = granule - 3;
    let shift = granule + (3 - level) * stride;
    let width = this.#iaSize - shift;
    for (;;) {
      const offset = bitField(hi, lo, shift, width) << 3;
      const pa = this.#tableHi * 0x100000000 + ((this.#tableLo | offset) >>> 0);
      if (!this.#fetch(pa, c.bigEndianStage2)) {
        return this.#fail(c, FAULT.syncExternalOnWalk, level, hi, lo, ipaSecure, access);
      }
      const isTable = (this.#descLo & DESC_TABLE) !== 0;
      if ((this.#descLo & DESC_VALID) === 0) break;
      if (level === 3 ? isTable : !isTable && isBlockLevel(granule, level, c.features.paBits)) {
        return this.#leaf(vcpu, c, hi, lo, ipaSecure, access, level, shift);
      }
      if (level === 3 || !isTable) break;
      this.#setTable(this.#descHi & 0xffff, this.#descLo, granule === 16 ? this.#descLo >>> 12 & 15 : 0, granule);
      if (this.#isOutOfRange(this.#tableHi)) return this.#fail(c, FAULT.addressSize, level, hi, lo, ipaSecure, access);
      level++;
      shift -= stride;
      width = stride;
    }
    return this.#fail(c, FAULT.translation, level, hi, lo, ipaSecure, access);
  }

  /**
   * Reads the controls and finds the first level and table.
   * @returns -1 where the walk cannot start: AArch64.S2InvalidTxSZ(), S2InvalidSL(), S2InconsistentSL(), and an IPA
   * that is out of range.
   */
  #start(vcpu: Vcpu, c: TranslationControls, hi: number, lo: number, ipaSecure: boolean): number {
    const r = c.registers;
    const vtcr = c.vtcr(vcpu);
    const control = ipaSecure ? vcpu.sysLo(r.VSTCR_EL2) : vtcr;
    const base = ipaSecure ? r.VSTTBR_EL2 : r.VTTBR_EL2;
    this.#setPaSpaces(vcpu, c, vtcr, ipaSecure);
    const granule = c.features.tg0Bits[control >>> 14 & 3];
    const paBits = c.features.paBits;
    const iaSize = 64 - (control & 63);
    const maxSize = granule === 16 || paBits < 48 ? paBits : 48;
    const sl0 = control >>> 6 & 3;
    const level = (granule === 12 ? START_LEVEL_4K : granule === 14 ? START_LEVEL_16K : START_LEVEL_64K)[sl0];
    const small = c.features.smallTables;
    if (level < 0 || (!small && (iaSize < 25 || (granule === 12 && level === 3)))) return -1;
    // The longest walks are reserved where the physical address is too short for them.
    if (iaSize > maxSize || (sl0 === 2 && paBits < (granule === 14 ? 42 : 44))) return -1;
    const stride = granule - 3;
    const minSize = (3 - level) * stride + granule + 1;
    if (iaSize < minSize || iaSize > minSize + stride + 3) return -1;
    if (iaSize >= 32 ? hi >>> (iaSize - 32) !== 0 : hi !== 0 || lo >>> iaSize !== 0) return -1;
    this.#granule = granule;
    this.#iaSize = iaSize;
    this.#outputSize = outputSizeBits(vtcr >>> 16 & 7, granule, paBits);
    const tableBits = iaSize - minSize + 4;
    const ttbrLo = vcpu.sysLo(base);
    const high = this.#outputSize === 52 ? ttbrLo >>> 2 & 15 : 0;
    this.#setTable(vcpu.sysHi(base) & 0xffff, ttbrLo, high, high !== 0 && tableBits < 6 ? 6 : tableBits);
    return level;
  }

  /** The PA spaces of tables and of the output, by VTCR_EL2.{NSW,NSA} and VSTCR_EL2.{SW,SA}; kept for `#leaf`. */
  #setPaSpaces(vcpu: Vcpu, c: TranslationControls, vtcr: number, ipaSecure: boolean): void {
    this.#walkSecure = false;
    this.#bits = 0;
    if (!c.secure) return;
    const vstcr = vcpu.sysLo(c.registers.VSTCR_EL2);
    const nonSecure = ipaSecure ? vstcr : vstcr | vtcr;
    this.#walkSecure = (nonSecure & 1 << 29) === 0;
    this.#bits = (nonSecure & 1 << 30) === 0 ? S2_SECURE : 0;
  }

  #setTable(hi: number, lo: number, bits51To48: number, alignBits: number): void {
    this.#tableHi = hi | bits51To48 << 16;
    this.#tableLo = lo & -1 << alignBits;
  }

  /** AArch64.OAOutOfRange(), for the high half of an output address. */
  #isOutOfRange(hi: number): boolean {
    return hi >= POW2[this.#outputSize - 32];
  }

  #fetch(pa: number, bigEndian: boolean): boolean {
    const host = this.memory.hostOffset(pa, this.#walkSecure);
    if (host < 0) return false;
    const words = this.memory.i32;
    const w = host / 4;
    this.#descHost = host;
    // Another vCPU may write between the two halves.
    do {
      this.#descLo = words[w];
      this.#descHi = words[w + 1];
    } while (this.#descLo !== words[w]);
    if (bigEndian) {
      const first = this.#descLo;
      this.#descLo = swapBytes(this.#descHi);
      this.#descHi = swapBytes(first);
    }
    return true;
  }

  /** Address size, Access flag, alignment and permissions of a page or block; then the hardware update. */
  #leaf(
    vcpu: Vcpu,
    c: TranslationControls,
    hi: number,
    lo: number,
    ipaSecure: boolean,
    access: number,
    level: number,
    shift: number,
  ): boolean {
    const descLo = this.#descLo;
    const high = this.#outputSize === 52 ? (descLo >>> 12 & 15) << 16 : 0;
    let paHi = this.#descHi & 0xffff | high;
    let paLo = lo;
    if (shift < 32) paLo = descLo & -1 << shift | lo & ~(-1 << shift);
    else paHi = paHi & -1 << (shift - 32) | hi & ~(-1 << (shift - 32));
    if (this.#isOutOfRange(paHi)) return this.#fail(c, FAULT.addressSize, level, hi, lo, ipaSecure, access);
    const vtcr = c.vtcr(vcpu);
    const ha = (vtcr & 1 << 21) !== 0;
    const isDebug = (access & ACCESS_DEBUG) !== 0;
    if ((descLo & DESC_AF) === 0 && !ha && !isDebug) {
      return this.#fail(c, FAULT.accessFlag, level, hi, lo, ipaSecure, access);
    }
    const canDirty = ha && (vtcr & 1 << 22) !== 0 && (this.#descHi & DESC_DBM_HI) !== 0;
    const bits = this.#bits | leafBits(descLo, this.#descHi, level, c);
    if (isMisaligned(bits, access)) return this.#fail(c, FAULT.alignment, level, hi, lo, ipaSecure, access);
    if (!this.#permits(c, canDirty ? bits | S2_WRITE : bits, access)) {
      return this.#fail(c, FAULT.permission, level, hi, lo, ipaSecure, access, bits);
    }
    const memAttr = descLo >>> 2 & 15;
    this.#setOutput(paHi, paLo, memAttr, bits);
    if (isDebug) return true;
    const isWrite = (access & (ACCESS_WRITE | ACCESS_ATOMIC | ACCESS_WALK_UPDATE)) !== 0;
    const dirties = canDirty && isWrite && (access & (ACCESS_DC | ACCESS_AT)) === 0;
    if (!this.#update(c, descLo | DESC_AF | (dirties ? S2AP_WRITE : 0))) {
      return this.#walk(vcpu, c, hi, lo, ipaSecure, access);
    }
    const space = ipaSecure ? this.#spaceSecure : this.#spaceNonSecure;
    this.cache.insert(space, hi, lo, paHi, paLo, memAttr, dirties ? bits | S2_WRITE : bits);
    return true;
  }

  /** Writes the descriptor's low half when it is to change. @returns false when someone else has changed it meanwhile. */
  #update(c: TranslationControls, descLo: number): boolean {
    if (descLo === this.#descLo) return true;
    return exchangeLow(this.memory.i32, this.#descHost / 4, this.#descLo, descLo, c.bigEndianStage2);
  }

  /** AArch64.S2HasPermissionsFault(), negated. */
  #permits(c: TranslationControls, bits: number, access: number): boolean {
    if ((access & ACCESS_DEBUG) !== 0) return true;
    if ((access & ACCESS_WALK) !== 0) {
      if ((bits & S2_DEVICE) !== 0 && (c.hcrLo & HCR_PTW) !== 0) return false;
      return (bits & S2_READ) !== 0 && ((access & ACCESS_WALK_UPDATE) === 0 || (bits & S2_WRITE) !== 0);
    }
    if ((access & ACCESS_EXECUTE) !== 0) return (bits & (c.el === 0 ? S2_UX : S2_PX)) !== 0;
    if ((access & ACCESS_ATOMIC) !== 0) return (bits & S2_READ) !== 0 && (bits & S2_WRITE) !== 0;
    if ((access & ACCESS_WRITE) !== 0) return (bits & S2_WRITE) !== 0;
    return (bits & S2_READ) !== 0 || ((access & (ACCESS_DC | ACCESS_IC)) !== 0 && c.el !== 0);
  }

  #fail(
    c: TranslationControls,
    status: FaultStatus,
    level: number,
    hi: number,
    lo: number,
    ipaSecure: boolean,
    access: number,
    bits = 0,
  ): false {
    const fault = this.fault;
    const isWalk = (access & ACCESS_WALK) !== 0;
    fault.clear();
    fault.statusCode = status;
    fault.level = level;
    fault.secondStage = true;
    fault.s2fs1walk = isWalk;
    fault.hwUpdateWalk = (access & ACCESS_WALK_UPDATE) !== 0;
    fault.ipa = hi * 0x100000000 + (lo >>> 0);
    fault.ipaSecure = ipaSecure;
    if (isWalk) fault.write = fault.hwUpdateWalk;
    else if ((access & ACCESS_ATOMIC) !== 0) fault.write = (bits & S2_READ) !== 0;
    else fault.write = (access & ACCESS_WRITE) !== 0;
    return false;
  }
}

/** The S2 bits of a page or block descriptor. XN[1:0] as FEAT_XNX has it. */
function leafBits(descLo: number, descHi: number, level: number, c: TranslationControls): number {
  const xn = descHi >>> 21 & (c.features.xnx ? 3 : 2);
  const fwb = (c.hcrHi & HCR_FWB_HI) !== 0;
  const isDeviceAttr = (descLo & (fwb ? 1 << 4 : 3 << 4)) === 0;
  return ((descLo & 1 << 6) !== 0 ? S2_READ : 0) | ((descLo & S2AP_WRITE) !== 0 ? S2_WRITE : 0) |
    (xn === 0 || xn === 3 ? S2_PX : 0) | (xn <= 1 ? S2_UX : 0) | (isDeviceAttr ? S2_DEVICE : 0) |
    (descLo >>> 8 & 3) << S2_SH_SHIFT | level << S2_LEVEL_SHIFT;
}

function isMisaligned(bits: number, access: number): boolean {
  return (access & (ACCESS_UNALIGNED | ACCESS_ZERO)) !== 0 && (bits & S2_DEVICE) !== 0 &&
    (access & (ACCESS_EXECUTE | ACCESS_WALK | ACCESS_DEBUG)) === 0;
}
