/** What a kind of CPU has and says of itself. */
export interface CpuModel {
  readonly name: string;
  /** Architectural features by their FEAT_ names, beyond Armv8.0 with SIMD and FP. */
  readonly features: ReadonlySet<string>;
  /** Reset values of registers, by name; ID registers that are not named are 0. */
  readonly registers: Readonly<Record<string, bigint>>;
  /** CCSIDR_EL1 by CSSELR_EL1 (level and InD). */
  readonly caches: Readonly<Record<number, number>>;
  /** Frequency of the generic timer. */
  readonly counterHz: number;
  /** PMCR_EL0.{IMP, IDCODE} in place, and the number of event counters. */
  readonly pmcr: number;
  readonly eventCounters: number;
  readonly breakpoints: number;
  readonly watchpoints: number;
}

const CACHES = { 0: 0x701fe00a, 1: 0x201fe012, 2: 0x70ffe07a };

/** Everything that this emulator implements, and nothing that it does not. */
const MAX: CpuModel = {
  name: "max",
  // deno-fmt-ignore
  features: new Set([
    "FEAT_CRC32", "FEAT_LSE", "FEAT_RDM", "FEAT_AES", "FEAT_PMULL", "FEAT_SHA1", "FEAT_SHA256", "FEAT_SHA512",
    "FEAT_SHA3", "FEAT_DotProd", "FEAT_FP16", "FEAT_FCMA", "FEAT_JSCVT", "FEAT_LRCPC", "FEAT_LRCPC2", "FEAT_FlagM",
    "FEAT_FlagM2", "FEAT_FRINTTS", "FEAT_DPB", "FEAT_DPB2", "FEAT_SB", "FEAT_SSBS", "FEAT_SSBS2", "FEAT_PAN",
    "FEAT_PAN2", "FEAT_UAO", "FEAT_DIT", "FEAT_BTI", "FEAT_PAuth", "FEAT_PACIMP", "FEAT_VHE", "FEAT_SEL2", "FEAT_CSV2",
    "FEAT_CSV3", "FEAT_HAFDBS", "FEAT_VMID16", "FEAT_LOR", "FEAT_HPDS", "FEAT_XNX", "FEAT_TTCNP", "FEAT_TLBIOS",
    "FEAT_TLBIRANGE", "FEAT_S2FWB", "FEAT_PMUv3p1", "FEAT_Debugv8p1", "FEAT_Debugv8p2",
  ]),
  registers: {
    MIDR_EL1: 0x000f0510n,
    // CSV3 CSV2 RME DIT, AMU MPAM SEL2 SVE, RAS GIC AdvSIMD FP, EL3 EL2 EL1 EL0
    ID_AA64PFR0_EL1: 0x1101_0010_0011_1111n,
    // SSBS 2, BT 1
    ID_AA64PFR1_EL1: 0x21n,
    // DoubleLock 15, WRPs 1, BRPs 1, PMUVer 4, DebugVer 8
    ID_AA64DFR0_EL1: 0xf0_0010_1408n,
    // RNDR TLB TS FHM, DP SM4 SM3 SHA3, RDM TME Atomic CRC32, SHA2 SHA1 AES
    ID_AA64ISAR0_EL1: 0x0220_1001_1021_2120n,
    // SB FRINTTS, GPI GPA LRCPC FCMA, JSCVT API APA DPB
    ID_AA64ISAR1_EL1: 0x0011_1021_1102n,
    // TGran16 1, SNSMem 1, BigEnd 1, ASIDBits 2, PARange 5
    ID_AA64MMFR0_EL1: 0x0010_1125n,
    // XNX 1, PAN 2, LO 1, HPDS 1, VH 1, VMIDBits 2, HAFDBS 2
    ID_AA64MMFR1_EL1: 0x1021_1122n,
    // FWB 1, UAO 1, CnP 1
    ID_AA64MMFR2_EL1: 0x100_0000_0011n,
    CLIDR_EL1: 0x0a200023n,
    // RES1, DIC, IDC, 64-byte lines
    CTR_EL0: 0xb444c004n,
    DCZID_EL0: 4n,
  },
  caches: CACHES,
  counterHz: 1_000_000_000,
  pmcr: 0x41010000,
  eventCounters: 4,
  breakpoints: 2,
  watchpoints: 2,
};

/** Arm DDI 0488, "Identification registers"; r1p0. But all levels are AArch64 only. */
const CORTEX_A57: CpuModel = {
  name: "cortex-a57",
  features: new Set(["FEAT_CRC32", "FEAT_AES", "FEAT_PMULL", "FEAT_SHA1", "FEAT_SHA256", "Cortex-A57"]),
  registers: {
    MIDR_EL1: 0x411fd070n,
    ID_AA64PFR0_EL1: 0x1111n,
    ID_AA64DFR0_EL1: 0x10305106n,
    ID_AA64ISAR0_EL1: 0x00011120n,
    ID_AA64MMFR0_EL1: 0x1124n,
    CLIDR_EL1: 0x0a200023n,
    CTR_EL0: 0x8444c004n,
    DCZID_EL0: 4n,
  },
  caches: CACHES,
  counterHz: 62_500_000,
  pmcr: 0x41010000,
  eventCounters: 6,
  breakpoints: 6,
  watchpoints: 4,
};

/** The CPU models by the name that --cpu takes. */
export const CPU_MODELS: Readonly<Record<string, CpuModel>> = { "max": MAX, "cortex-a57": CORTEX_A57 };

/** The features that exception entry and return look at, so that no set is searched there. */
export interface PstateFeatures {
  readonly pan: boolean;
  readonly ssbs: boolean;
  readonly pauth: boolean;
  readonly bti: boolean;
  /** Bits of SPSR_ELx that a legal exception return puts in PSTATE. */
  readonly pstateMask: number;
}

/** The PSTATE features of a model. */
export function pstateFeatures({ features }: CpuModel): PstateFeatures {
  const bit = (feature: string, mask: number) => features.has(feature) ? mask : 0;
  return {
    pan: features.has("FEAT_PAN"),
    ssbs: features.has("FEAT_SSBS"),
    pauth: features.has("FEAT_PAuth"),
    bti: features.has("FEAT_BTI"),
    pstateMask: 0x10000d | bit("FEAT_BTI", 3 << 10) | bit("FEAT_SSBS", 1 << 12) | bit("FEAT_UAO", 1 << 23) |
      bit("FEAT_DIT", 1 << 24),
  };
}
