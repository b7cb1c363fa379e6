import type { Vcpu } from "../cpu/vcpu.ts";
import {
  ACCESS_AT,
  ACCESS_ATOMIC,
  ACCESS_DC,
  ACCESS_DEBUG,
  ACCESS_EXECUTE,
  ACCESS_IC,
  ACCESS_PAN,
  ACCESS_UNALIGNED,
  ACCESS_WALK,
  ACCESS_WALK_UPDATE,
  ACCESS_WRITE,
  ACCESS_ZERO,
} from "./access.ts";
import { ATTR, isDevice, mairAttribute, SHAREABILITY } from "./attributes.ts";
import { FAULT, type Fault, type FaultStatus } from "./fault.ts";
import type { PhysicalMemory } from "./physical.ts";
import {
  HCR_DC,
  HCR_PTW,
  POW2,
  REGIME,
  SCR_SIF,
  SCTLR_EPAN_HI,
  SCTLR_I,
  SCTLR_WXN,
  swapBytes,
  type TranslationControls,
} from "./regime.ts";
import { Stage1Range } from "./stage1_range.ts";
import { WalkCache } from "./walk_cache.ts";
import {
  bitField,
  DESC_AF,
  DESC_DBM_HI,
  DESC_TABLE,
  DESC_VALID,
  exchangeLow,
  isBlockLevel,
  type Stage2Walker,
} from "./walk_stage2.ts";

const AP1_USER = 1 << 6;
const AP2_READ_ONLY = 1 << 7;
const DESC_NS = 1 << 5;
const DESC_NG = 1 << 11;
/** In the high half: GP (bit 50), PXN (53), UXN or XN (54). */
const GP_HI = 1 << 18;
const PXN_HI = 1 << 21;
const UXN_HI = 1 << 22;
/** Of table descriptors, in the high half: PXNTable (59), XNTable (60), APTable (62:61), NSTable (63). */
const PXN_TABLE_HI = 1 << 27;
const UXN_TABLE_HI = 1 << 28;
const AP_TABLE_NO_USER_HI = 1 << 29;
const AP_TABLE_READ_ONLY_HI = 1 << 30;
const NS_TABLE_HI = 1 << 31;
const TABLE_ATTRIBUTES_HI = PXN_TABLE_HI | UXN_TABLE_HI | AP_TABLE_NO_USER_HI | AP_TABLE_READ_ONLY_HI;

/**
 * Stage 1 of a translation: from VA to IPA (or PA). Arm DDI 0487, AArch64.S1Translate() and AArch64.S1Walk().
 * What the last translation found stands in the fields; one that failed has filled the fault record.
 */
export class Stage1Walker {
  /** The output address, unsigned or signed halves. */
  outHi = 0;
  outLo = 0;
  outSecure = false;
  /** In MAIR encoding. */
  attr = 0;
  shareability = 0;
  level = 0;
  /** log2 of the size of the page or block. */
  blockShift = 12;
  /** The page checks branch targets (GP). */
  guarded = false;
  /** The page belongs to the current ASID alone (nG, or reached through a Non-secure table in Secure state). */
  nonGlobal = false;
  /** The cache of the vCPU that translates. */
  cache: WalkCache = new WalkCache();

  readonly #range = new Stage1Range();
  // The walk under way.
  #tableHi = 0;
  #tableLo = 0;
  #tableAttributes = 0;
  /** The table's byte offset in memory where it is known, else -1; whether it may be remembered. */
  #tableHost = -1;
  #isCached = false;
  #walkSecure = false;
  #descHost = 0;
  #descOffset = 0;
  #descLo = 0;
  #descHi = 0;
  #canRead = false;
  #canWrite = false;

  constructor(readonly memory: PhysicalMemory, readonly fault: Fault, readonly stage2: Stage2Walker) {}

  /**
   * Translates the VA `hi:lo` under the controls `c`, for which `stage2.begin` was called if stage 2 is enabled.
   * @param pan PSTATE.PAN.
   * @returns false when the fault record was filled.
   */
  translate(vcpu: Vcpu, c: TranslationControls, hi: number, lo: number, access: number, pan: boolean): boolean {
    const range = this.#range;
    range.read(c, hi);
    const tagged = range.effectiveTbi(c, (access & ACCESS_EXECUTE) !== 0);
    // The address with its tag byte replaced by copies of bit 55 (of zeros where there is one range only).
    const vaHi = tagged ? (range.upper ? hi | -1 << 24 : hi & 0xffffff) : hi;
    if (!c.stage1Enabled) return this.#disabledOutput(c, vaHi, lo, access);
    if (range.disabled || range.isOutOfRange(c, vaHi, lo)) return this.#fail(FAULT.translation, 0, access);
    return this.#walk(vcpu, c, vaHi, lo, access, pan);
  }

  /** AArch64.S1DisabledOutput(): a flat mapping. */
  #disabledOutput(c: TranslationControls, hi: number, lo: number, access: number): boolean {
    const isExecute = (access & ACCESS_EXECUTE) !== 0;
    const isDefaultCacheable = c.regime === REGIME.EL10 && (c.hcrLo & HCR_DC) !== 0;
    if (hi >>> 0 >= POW2[c.features.paBits - 32]) return this.#fail(FAULT.addressSize, 0, access);
    if (isDefaultCacheable) this.attr = ATTR.normalWriteBack;
    else if (!isExecute) this.attr = ATTR.deviceNGnRnE;
    else this.attr = (c.sctlrLo & SCTLR_I) !== 0 ? ATTR.normalWriteThrough : ATTR.normalNonCacheable;
    this.shareability = isDefaultCacheable ? SHAREABILITY.non : SHAREABILITY.outer;
    this.outHi = hi;
    this.outLo = lo;
    this.outSecure = c.secure;
    this.level = 0;
    this.blockShift = 12;
    this.guarded = false;
    this.nonGlobal = false;
    if (isMisaligned(this.attr, access)) return this.#fail(FAULT.alignment, 0, access);
    return true;
  }

  /** AArch64.S1Walk(). */
  #walk(vcpu: Vcpu, c: TranslationControls, hi: number, lo: number, access: number, pan: boolean): boolean {
    const granule = this.#range.granule;
    const stride = granule - 3;
    const depth = Math.trunc((this.#range.inputSize - 1 - granule) / stride);
    let level = 3 - depth;
    let shift = granule + depth * stride;
    let width = this.#range.inputSize - shift;
    this.#tableHost = -1;
    this.#isCached = granule === 12 && (access & ACCESS_DEBUG) === 0 && !(c.secure && c.stage2Enabled);
    this.#selectTtbr(vcpu, c, width + 3);
    this.#tableAttributes = 0;
    this.#walkSecure = c.secure;
    if (this.#range.isOutputOutOfRange(this.#tableHi)) return this.#fail(FAULT.addressSize, 0, access);
    if (this.#isCached) {
      const cached = this.#findTable(hi, lo);
      if (cached > level) {
        level = cached;
        shift = granule + (3 - level) * stride;
        width = stride;
      }
    }
    for (;;) {
      const offset = bitField(hi, lo, shift, width) << 3;
      if (!this.#fetch(vcpu, c, offset, level, access)) return false;
      if (level >= 2 && this.#isCached && this.#tableHost < 0) this.#rememberTable(level, hi, lo, offset);
      const descLo = this.#descLo;
      const isTable = (descLo & DESC_TABLE) !== 0;
      if ((descLo & DESC_VALID) === 0) break;
      if (level === 3 ? isTable : !isTable && isBlockLevel(granule, level, c.features.paBits)) {
        return this.#leaf(vcpu, c, hi, lo, access, pan, level, shift);
      }
      if (level === 3 || !isTable) break;
      this.#tableHost = -1;
      this.#setTable(this.#descHi & 0xffff, descLo, granule === 16 ? descLo >>> 12 & 15 : 0, granule);
      if (this.#range.isOutputOutOfRange(this.#tableHi)) return this.#fail(FAULT.addressSize, level, access);
      if (!this.#range.hpd) this.#tableAttributes |= this.#descHi & TABLE_ATTRIBUTES_HI;
      if ((this.#descHi & NS_TABLE_HI) !== 0) this.#walkSecure = false;
      level++;
      shift -= stride;
      width = stride;
    }
    return this.#fail(FAULT.translation, level, access);
  }

  /** The table that TTBR0 or TTBR1 of the regime points to, aligned to its size. */
  #selectTtbr(vcpu: Vcpu, c: TranslationControls, tableBits: number): void {
    const r = c.registers;
    let index = r.TTBR0_EL3;
    if (c.regime === REGIME.EL10) index = this.#range.upper ? r.TTBR1_EL1 : r.TTBR0_EL1;
    else if (c.regime !== REGIME.EL3) index = this.#range.upper ? r.TTBR1_EL2 : r.TTBR0_EL2;
    const lo = vcpu.sysLo(index);
    if (this.#isCached) {
      const flags = 1 | c.regime << 1 | (c.secure ? 1 << 3 : 0) | (c.bigEndianTables ? 1 << 4 : 0) |
        ((c.hcrLo & HCR_PTW) !== 0 ? 1 << 5 : 0) | (c.stage2Enabled ? 1 << 6 | this.stage2.spaceTag << 8 : 0);
      this.cache.select(lo, vcpu.sysHi(index), c.tcrLo, c.tcrHi, flags);
    }
    const high = this.#range.outputSize === 52 ? lo >>> 2 & 15 : 0;
    this.#setTable(
      vcpu.sysHi(index) & 0xffff,
      lo,
      high,
      this.#range.outputSize === 52 && tableBits < 6 ? 6 : tableBits,
    );
  }

  /** Takes the last table that the cache knows for an address. @returns its level, or -1. */
  #findTable(hi: number, lo: number): number {
    const { cache } = this;
    let level = 3;
    if (!cache.find(3, hi, lo)) {
      if (!cache.find(2, hi, lo)) return -1;
      level = 2;
    }
    this.#tableHi = cache.tableHi;
    this.#tableLo = cache.tableLo;
    this.#tableAttributes = cache.attributes;
    this.#walkSecure = cache.walkSecure;
    this.#tableHost = cache.host;
    return level;
  }

  #rememberTable(level: number, hi: number, lo: number, offset: number): void {
    const { cache } = this;
    const host = this.#descHost - offset;
    cache.insert(level, hi, lo, this.#tableHi, this.#tableLo, this.#tableAttributes, this.#walkSecure, host);
  }

  #setTable(hi: number, lo: number, bits51To48: number, alignBits: number): void {
    this.#tableHi = hi | bits51To48 << 16;
    this.#tableLo = lo & -1 << alignBits;
  }

  /** FetchDescriptor(): reads the descriptor at `offset` of the current table, through stage 2 where that is enabled. */
  #fetch(vcpu: Vcpu, c: TranslationControls, offset: number, level: number, access: number): boolean {
    let host = this.#tableHost + offset;
    if (this.#tableHost < 0) {
      host = this.#hostOfDescriptor(vcpu, c, offset, access);
      if (host < 0) return host === -2 ? false : this.#fail(FAULT.syncExternalOnWalk, level, access);
    }
    const words = this.memory.i32;
    const w = host / 4;
    this.#descHost = host;
    this.#descOffset = offset;
    // Another vCPU may write between the two halves.
    do {
      this.#descLo = words[w];
      this.#descHi = words[w + 1];
    } while (this.#descLo !== words[w]);
    if (c.bigEndianTables) {
      const first = this.#descLo;
      this.#descLo = swapBytes(this.#descHi);
      this.#descHi = swapBytes(first);
    }
    return true;
  }

  /** @returns the byte offset in memory, -1 where no RAM is, -2 after a fault of stage 2. */
  #hostOfDescriptor(vcpu: Vcpu, c: TranslationControls, offset: number, access: number): number {
    const hi = this.#tableHi, lo = this.#tableLo | offset;
    const secure = this.#walkSecure;
    if (!c.stage2Enabled) return this.memory.hostOffset(hi * 0x100000000 + (lo >>> 0), secure);
    const s2 = this.stage2;
    if (!s2.translate(vcpu, c, hi, lo, secure, ACCESS_WALK | access & ACCESS_DEBUG)) return -2;
    return this.memory.hostOffset(s2.paHi * 0x100000000 + (s2.paLo >>> 0), s2.paSecure);
  }

  /** Address size, Access flag, alignment and permissions of a page or block; then the hardware update. */
  #leaf(
    vcpu: Vcpu,
    c: TranslationControls,
    hi: number,
    lo: number,
    access: number,
    pan: boolean,
    level: number,
    shift: number,
  ): boolean {
    const descLo = this.#descLo;
    const isDebug = (access & ACCESS_DEBUG) !== 0;
    const high = this.#range.outputSize === 52 ? (descLo >>> 12 & 15) << 16 : 0;
    const outHi = this.#descHi & 0xffff | high;
    if (this.#range.isOutputOutOfRange(outHi)) return this.#fail(FAULT.addressSize, level, access);
    if ((descLo & DESC_AF) === 0 && !this.#range.ha && !isDebug) return this.#fail(FAULT.accessFlag, level, access);
    if (shift < 32) {
      this.outHi = outHi;
      this.outLo = descLo & -1 << shift | lo & ~(-1 << shift);
    } else {
      this.outHi = outHi & -1 << (shift - 32) | hi & ~(-1 << (shift - 32));
      this.outLo = lo;
    }
    this.outSecure = this.#walkSecure && (descLo & DESC_NS) === 0;
    this.level = level;
    this.blockShift = shift;
    this.shareability = descLo >>> 8 & 3;
    this.guarded = (this.#descHi & GP_HI) !== 0;
    this.nonGlobal = (descLo & DESC_NG) !== 0 || (c.secure && !this.#walkSecure);
    this.#setAttributes(vcpu, c, descLo >>> 2 & 7);
    if (isDebug) return true;
    if (isMisaligned(this.attr, access)) return this.#fail(FAULT.alignment, level, access);
    if (!this.#permits(c, access, pan)) return this.#fail(FAULT.permission, level, access);
    if ((descLo & DESC_AF) !== 0 && (descLo & AP2_READ_ONLY) === 0) return true;
    return this.#update(vcpu, c, hi, lo, access, pan);
  }

  #setAttributes(vcpu: Vcpu, c: TranslationControls, attrIndx: number): void {
    const r = c.registers;
    const mair = c.regime === REGIME.EL10 ? r.MAIR_EL1 : c.regime === REGIME.EL3 ? r.MAIR_EL3 : r.MAIR_EL2;
    this.attr = mairAttribute(vcpu.sysLo(mair), vcpu.sysHi(mair), attrIndx);
    const isUncached = isDevice(this.attr) || this.attr === ATTR.normalNonCacheable;
    if (isUncached) this.shareability = SHAREABILITY.outer;
  }

  /** AArch64.S1HasPermissionsFault(), negated, with AArch64.S1DirectBasePermissions(). */
  #permits(c: TranslationControls, access: number, pan: boolean): boolean {
    const descLo = this.#descLo;
    const table = this.#tableAttributes;
    const canDirty = this.#range.ha && this.#range.hd && (this.#descHi & DESC_DBM_HI) !== 0;
    const isWritable = ((descLo & AP2_READ_ONLY) === 0 || canDirty) && (table & AP_TABLE_READ_ONLY_HI) === 0;
    const wxn = (c.sctlrLo & SCTLR_WXN) !== 0;
    const xn = (this.#descHi & UXN_HI) !== 0 || (table & UXN_TABLE_HI) !== 0;
    let canExecute: boolean;
    if (!c.twoRanges) {
      this.#canRead = true;
      this.#canWrite = isWritable;
      canExecute = !xn && !(wxn && isWritable);
    } else {
      const userReads = (descLo & AP1_USER) !== 0 && (table & AP_TABLE_NO_USER_HI) === 0;
      const userWrites = userReads && isWritable;
      const userExecutes = !xn && !(wxn && userWrites);
      if (c.el === 0) {
        this.#canRead = userReads;
        this.#canWrite = userWrites;
        canExecute = userExecutes;
      } else {
        const pxn = (this.#descHi & PXN_HI) !== 0 || (table & PXN_TABLE_HI) !== 0;
        const never = pan && obeysPan(access) && (userReads || (userExecutes && (c.sctlrHi & SCTLR_EPAN_HI) !== 0));
        this.#canRead = !never;
        this.#canWrite = isWritable && !never;
        canExecute = !pxn && !userWrites && !(wxn && isWritable);
      }
    }
    if ((access & ACCESS_EXECUTE) !== 0) {
      return canExecute && !(c.secure && !this.outSecure && (c.scr & SCR_SIF) !== 0);
    }
    if ((access & ACCESS_ATOMIC) !== 0) return this.#canRead && this.#canWrite;
    if ((access & ACCESS_WRITE) !== 0) return this.#canWrite;
    return this.#canRead || ((access & (ACCESS_DC | ACCESS_IC)) !== 0 && c.el !== 0);
  }

  /** Sets the Access flag and the dirty state in the descriptor, through stage 2 where that is enabled. */
  #update(vcpu: Vcpu, c: TranslationControls, hi: number, lo: number, access: number, pan: boolean): boolean {
    const old = this.#descLo;
    let updated = old | DESC_AF;
    const isWrite = (access & (ACCESS_WRITE | ACCESS_ATOMIC)) !== 0 && (access & (ACCESS_DC | ACCESS_AT)) === 0;
    if (isWrite) updated &= ~AP2_READ_ONLY;
    if (updated === old) return true;
    if (c.stage2Enabled) {
      const walk = ACCESS_WALK | ACCESS_WALK_UPDATE;
      const ipaLo = this.#tableLo | this.#descOffset;
      if (!this.stage2.translate(vcpu, c, this.#tableHi, ipaLo, this.#walkSecure, walk)) return false;
    }
    if (exchangeLow(this.memory.i32, this.#descHost / 4, old, updated, c.bigEndianTables)) return true;
    return this.#walk(vcpu, c, hi, lo, access, pan);
  }

  #fail(status: FaultStatus, level: number, access: number): false {
    const fault = this.fault;
    fault.clear();
    fault.statusCode = status;
    fault.level = level;
    if ((access & ACCESS_ATOMIC) === 0) fault.write = (access & ACCESS_WRITE) !== 0;
    else fault.write = status === FAULT.permission && this.#canRead;
    return false;
  }
}

/** Privileged data accesses obey PSTATE.PAN; cache maintenance and address translation do not. */
function obeysPan(access: number): boolean {
  if ((access & ACCESS_PAN) !== 0) return true;
  return (access & (ACCESS_EXECUTE | ACCESS_DC | ACCESS_IC | ACCESS_AT)) === 0;
}

function isMisaligned(attr: number, access: number): boolean {
  return (access & (ACCESS_UNALIGNED | ACCESS_ZERO)) !== 0 && isDevice(attr) &&
    (access & (ACCESS_EXECUTE | ACCESS_DEBUG)) === 0;
}
