import type { Vcpu } from "../cpu/vcpu.ts";

/** Translation regimes. Arm DDI 0487, enumeration Regime. */
export const REGIME = { EL10: 0, EL20: 1, EL2: 2, EL3: 3 } as const;
export type Regime = (typeof REGIME)[keyof typeof REGIME];

/** The system registers that translation reads, and PAR_EL1. */
// deno-fmt-ignore
export const MMU_REGISTERS = [
  "SCTLR_EL1", "SCTLR_EL2", "SCTLR_EL3",
  "TCR_EL1", "TCR_EL2", "TCR_EL3",
  "TTBR0_EL1", "TTBR1_EL1", "TTBR0_EL2", "TTBR1_EL2", "TTBR0_EL3",
  "MAIR_EL1", "MAIR_EL2", "MAIR_EL3",
  "HCR_EL2", "VTCR_EL2", "VTTBR_EL2", "VSTCR_EL2", "VSTTBR_EL2", "SCR_EL3", "PAR_EL1",
] as const;

/** Where each of MMU_REGISTERS stands among the vCPU's system-register slots. */
export type MmuRegisters = Readonly<Record<(typeof MMU_REGISTERS)[number], number>>;

/** Looks up all of MMU_REGISTERS once. */
export function resolveMmuRegisters(indexOf: (name: string) => number): MmuRegisters {
  return Object.fromEntries(MMU_REGISTERS.map((name) => [name, indexOf(name)])) as MmuRegisters;
}

/** What the processor implements, as far as translation goes. */
export interface MmuFeatures {
  /** ID_AA64MMFR0_EL1.PARange in bits: 32, 36, 40, 42, 44, 48 or 52 (52 with 64 KiB granules only). */
  readonly paBits: number;
  /** Granule sizes as address bits, by TCR_ELx.TG0 or VTCR_EL2.TG0, and by TCR_ELx.TG1. */
  readonly tg0Bits: readonly number[];
  readonly tg1Bits: readonly number[];
  /** FEAT_LVA: 52-bit virtual addresses with 64 KiB granules. */
  readonly largeVa: boolean;
  /** FEAT_TTST: TxSZ up to 48. */
  readonly smallTables: boolean;
  /** FEAT_XNX. */
  readonly xnx: boolean;
  /** Control bits that are not RES0: TCR_EL1 format (high half), TCR_EL3 format, VTCR_EL2, SCTLR_ELx and HCR_EL2 (high). */
  readonly tcrHi: number;
  readonly tcrSingleLo: number;
  readonly vtcr: number;
  readonly sctlrHi: number;
  readonly hcrHi: number;
}

/** Granule sizes as address bits by TCR_ELx.TG0, and by TG1; a reserved or unsupported value is taken for 4 KiB. */
const TG0_BITS = [12, 16, 14, 12], TG1_BITS = [12, 14, 12, 16];
const PA_BITS = [32, 36, 40, 42, 44, 48, 52];

/** The translation features of a CPU model: its FEAT_ names and ID_AA64MMFR0_EL1.PARange. */
export function mmuFeatures(
  model: { readonly features: ReadonlySet<string>; readonly registers: Readonly<Record<string, bigint>> },
): MmuFeatures {
  const bits = (name: string, mask: number) => model.features.has(name) ? 0 : mask;
  const mmfr0 = model.registers.ID_AA64MMFR0_EL1;
  const has16K = (mmfr0 >> 20n & 15n) !== 0n;
  const supported = (size: number) => size === 14 && !has16K ? 12 : size;
  const tbid = bits("FEAT_PAuth", 1 << 19 | 1 << 20);
  return {
    paBits: PA_BITS[Number(mmfr0 & 15n)] ?? 48,
    tg0Bits: TG0_BITS.map(supported),
    tg1Bits: TG1_BITS.map(supported),
    largeVa: model.features.has("FEAT_LVA"),
    smallTables: model.features.has("FEAT_TTST"),
    xnx: model.features.has("FEAT_XNX"),
    tcrHi: ~(bits("FEAT_HAFDBS", 3 << 7) | bits("FEAT_HPDS", 3 << 9) | bits("FEAT_E0PD", 3 << 23) | tbid),
    tcrSingleLo: ~(bits("FEAT_HAFDBS", 3 << 21) | bits("FEAT_HPDS", 1 << 24) | bits("FEAT_PAuth", 1 << 29)),
    vtcr: ~(bits("FEAT_HAFDBS", 3 << 21) | bits("FEAT_VMID16", 1 << 19)),
    sctlrHi: ~bits("FEAT_PAN3", SCTLR_EPAN_HI),
    hcrHi: ~bits("FEAT_S2FWB", HCR_FWB_HI),
  };
}

export const SCTLR_M = 1 << 0;
export const SCTLR_A = 1 << 1;
export const SCTLR_I = 1 << 12;
export const SCTLR_WXN = 1 << 19;
/** Data at EL0, and data at the other levels with the tables of the regime, are big-endian. */
export const SCTLR_E0E = 1 << 24;
export const SCTLR_EE = 1 << 25;
/** SCTLR_ELx.EPAN, in the high half. */
export const SCTLR_EPAN_HI = 1 << 25;

export const HCR_VM = 1 << 0;
export const HCR_PTW = 1 << 2;
export const HCR_FB = 1 << 9;
export const HCR_DC = 1 << 12;
export const HCR_TGE = 1 << 27;
/** In the high half. */
export const HCR_CD_HI = 1 << 0;
export const HCR_ID_HI = 1 << 1;
export const HCR_E2H_HI = 1 << 2;
export const HCR_FWB_HI = 1 << 14;

export const SCR_NS = 1 << 0;
export const SCR_SIF = 1 << 9;
export const SCR_EEL2 = 1 << 18;

/**
 * What decides how an access from `el` is translated: regime, security state and control registers with their
 * effective values. Read again for each translation into one reused object.
 */
export class TranslationControls {
  regime: Regime = REGIME.EL10;
  /** The Exception level as which the access is checked. */
  el = 0;
  secure = false;
  el2Enabled = false;
  /** EL1&0 and EL2&0 have two VA ranges and an unprivileged level. */
  twoRanges = true;
  stage1Enabled = false;
  stage2Enabled = false;
  sctlrLo = 0;
  sctlrHi = 0;
  tcrLo = 0;
  tcrHi = 0;
  /** HCR_EL2, or 0 where EL2 is not enabled in the current Security state. */
  hcrLo = 0;
  hcrHi = 0;
  scr = 0;
  /** Descriptors of stage 1 and of stage 2 are big-endian. */
  bigEndianTables = false;
  bigEndianStage2 = false;

  constructor(readonly registers: MmuRegisters, readonly features: MmuFeatures) {}

  /** Reads the registers for an access from `el`. Arm DDI 0487, TranslationRegime(), S1Enabled(), EL2Enabled(). */
  load(vcpu: Vcpu, el: number): void {
    const r = this.registers;
    const scr = vcpu.hasEl3 ? vcpu.sysLo(r.SCR_EL3) | 0 : SCR_NS;
    this.scr = scr;
    this.el = el;
    this.secure = el === 3 || (scr & SCR_NS) === 0;
    const el2Enabled = vcpu.hasEl2 && (scr & (SCR_NS | SCR_EEL2)) !== 0;
    this.el2Enabled = el2Enabled;
    const hcrLo = el2Enabled ? vcpu.sysLo(r.HCR_EL2) | 0 : 0;
    const hcrHi = el2Enabled ? vcpu.sysHi(r.HCR_EL2) & this.features.hcrHi : 0;
    this.hcrLo = hcrLo;
    this.hcrHi = hcrHi;
    const e2h = (hcrHi & HCR_E2H_HI) !== 0;
    if (el === 3) this.#loadRegime(vcpu, REGIME.EL3, r.SCTLR_EL3, r.TCR_EL3);
    else if (el === 2) this.#loadRegime(vcpu, e2h ? REGIME.EL20 : REGIME.EL2, r.SCTLR_EL2, r.TCR_EL2);
    else if (el === 0 && e2h && (hcrLo & HCR_TGE) !== 0) this.#loadRegime(vcpu, REGIME.EL20, r.SCTLR_EL2, r.TCR_EL2);
    else this.#loadRegime(vcpu, REGIME.EL10, r.SCTLR_EL1, r.TCR_EL1);
    const isEl10 = this.regime === REGIME.EL10;
    this.stage1Enabled = (this.sctlrLo & SCTLR_M) !== 0 && (!isEl10 || (hcrLo & (HCR_DC | HCR_TGE)) === 0);
    this.bigEndianTables = (this.sctlrLo & SCTLR_EE) !== 0;
    this.bigEndianStage2 = isEl10 && el2Enabled && (vcpu.sysLo(r.SCTLR_EL2) & SCTLR_EE) !== 0;
    this.stage2Enabled = isEl10 && (hcrLo & (HCR_VM | HCR_DC)) !== 0;
  }

  #loadRegime(vcpu: Vcpu, regime: Regime, sctlr: number, tcr: number): void {
    this.regime = regime;
    this.twoRanges = regime <= REGIME.EL20;
    // Signed, so that V8 keeps small integers.
    this.sctlrLo = vcpu.sysLo(sctlr) | 0;
    this.sctlrHi = vcpu.sysHi(sctlr) & this.features.sctlrHi;
    this.tcrLo = vcpu.sysLo(tcr) | 0;
    this.tcrHi = vcpu.sysHi(tcr) & this.features.tcrHi;
    if (!this.twoRanges) this.tcrLo &= this.features.tcrSingleLo;
  }

  /** The current ASID of the regime: TTBR1's or TTBR0's by TCR_ELx.A1, 8 or 16 bits by TCR_ELx.AS; 0 without ASIDs. */
  asid(vcpu: Vcpu): number {
    if (!this.twoRanges) return 0;
    const r = this.registers;
    const isEl10 = this.regime === REGIME.EL10;
    const a1 = (this.tcrLo & 1 << 22) !== 0;
    const ttbr = a1 ? (isEl10 ? r.TTBR1_EL1 : r.TTBR1_EL2) : (isEl10 ? r.TTBR0_EL1 : r.TTBR0_EL2);
    return vcpu.sysHi(ttbr) >>> 16 & ((this.tcrHi & 1 << 4) !== 0 ? 0xffff : 0xff);
  }

  /** VTCR_EL2 with the bits that are RES0 clear. */
  vtcr(vcpu: Vcpu): number {
    return vcpu.sysLo(this.registers.VTCR_EL2) & this.features.vtcr;
  }

  /** The current VMID, 8 or 16 bits by VTCR_EL2.VS; 0 in regimes without stage 2. */
  vmid(vcpu: Vcpu): number {
    if (this.regime !== REGIME.EL10 || !this.el2Enabled) return 0;
    const wide = (this.vtcr(vcpu) & 1 << 19) !== 0;
    return vcpu.sysHi(this.registers.VTTBR_EL2) >>> 16 & (wide ? 0xffff : 0xff);
  }
}

/** Output address sizes by TCR_ELx.(I)PS. */
export const PS_BITS = [32, 36, 40, 42, 44, 48, 52, 52];
/** A 32-bit word with its bytes in the other order. */
export function swapBytes(word: number): number {
  return word << 24 | (word & 0xff00) << 8 | word >>> 8 & 0xff00 | word >>> 24;
}

/** 2 to the power of the index, 0 to 63, as Number. */
export const POW2 = Float64Array.from({ length: 64 }, (_, i) => 2 ** i);

/**
 * The output address size in bits that descriptors are checked against.
 * @param ps the three-bit field.
 */
export function outputSizeBits(ps: number, granuleBits: number, paBits: number): number {
  const limit = granuleBits === 16 || paBits < 48 ? paBits : 48;
  const size = PS_BITS[ps];
  return size < limit ? size : limit;
}
