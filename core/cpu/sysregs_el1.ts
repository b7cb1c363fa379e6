import { bits, type SysregRow } from "./sysreg_row.ts";

const VIRTUAL_MEMORY = { readTraps: ["HCR_EL2.TRVM"], writeTraps: ["HCR_EL2.TVM"] } as const;
const PAUTH_KEYS = { access: "EL1", traps: ["HCR_EL2.APK", "SCR_EL3.APK"], feature: "FEAT_PAuth" } as const;
const LOR = { access: "EL1", traps: ["HCR_EL2.TLOR", "SCR_EL3.TLOR"], feature: "FEAT_LOR" } as const;

/** SCTLR_ELx bits of the features that the models may have. */
const SCTLR = "0-6 9-10 12-16 18-19 21 23-27 30-31 35-36 44";
const TCR_FEATURES = {
  FEAT_HAFDBS: bits("39-40"),
  FEAT_HPDS: bits("41-42"),
  FEAT_HPDS2: bits("43-50"),
  FEAT_PAuth: bits("51-52"),
  FEAT_E0PD: bits("55-56"),
};
export const SCTLR_FEATURES = {
  FEAT_PAuth: bits("13 27 30-31"),
  FEAT_PAN: bits("23"),
  FEAT_BTI: bits("35-36"),
  FEAT_SSBS: bits("44"),
};

/** The halves of the five pointer authentication keys, in encoding order from CRm = 1. */
const KEYS = ["APIA", "APIB", "APDA", "APDB", "APGA"].map((key, n) =>
  ["Lo", "Hi"].map((half, op2): SysregRow => (
    { name: `${key}Key${half}_EL1`, op: [3, 0, 2, 1 + (n >> 1), 2 * (n & 1) + op2], ...PAUTH_KEYS }
  ))
).flat();

/** Registers of EL1 and EL0. Arm DDI 0487, D17.2. */
// deno-fmt-ignore
export const EL1_SYSREGS: readonly SysregRow[] = [
  // Banked stack pointers, in the order of the Exception levels; SP itself is in its register slot
  { name: "SP_EL0", op: [3, 0, 4, 1, 0], access: "EL1", traps: ["PSTATE.SP"] },
  { name: "SP_EL1", op: [3, 4, 4, 1, 0], access: "EL2" },
  { name: "SP_EL2", op: [3, 6, 4, 1, 0], access: "EL3" },
  { name: "SP_EL3", op: null, access: "EL3" },

  { name: "SCTLR_EL1", op: [3, 0, 1, 0, 0], access: "EL1", ...VIRTUAL_MEMORY, e2h: "SCTLR_EL2",
    reset: 0x30d50980n, writable: bits(SCTLR), featureBits: SCTLR_FEATURES, after: ["context", "traps"] },
  { name: "ACTLR_EL1", op: [3, 0, 1, 0, 1], access: "EL1", traps: ["HCR_EL2.TACR"], writable: 0n },
  { name: "CPACR_EL1", op: [3, 0, 1, 0, 2], access: "EL1", traps: ["CPTR_EL2.TCPAC", "CPTR_EL3.TCPAC"], e2h: "CPTR_EL2",
    writable: bits("20-21 28"), after: ["context"] },
  { name: "TTBR0_EL1", op: [3, 0, 2, 0, 0], access: "EL1", ...VIRTUAL_MEMORY, e2h: "TTBR0_EL2", after: ["asid"] },
  { name: "TTBR1_EL1", op: [3, 0, 2, 0, 1], access: "EL1", ...VIRTUAL_MEMORY, e2h: "TTBR1_EL2", after: ["asid"] },
  { name: "TCR_EL1",   op: [3, 0, 2, 0, 2], access: "EL1", ...VIRTUAL_MEMORY, e2h: "TCR_EL2",
    writable: bits("0-5 7-34 36-52 55-56"), featureBits: TCR_FEATURES, after: ["context"] },
  ...KEYS,
  { name: "SPSR_EL1", op: [3, 0, 4, 0, 0], access: "EL1", e2h: "SPSR_EL2" },
  { name: "ELR_EL1",  op: [3, 0, 4, 0, 1], access: "EL1", e2h: "ELR_EL2" },
  { name: "SPSel",      op: [3, 0, 4, 2, 0], access: "EL1", writable: 1n },
  { name: "CurrentEL",  op: [3, 0, 4, 2, 2], access: "EL1 RO", writable: 0n },
  { name: "PAN",        op: [3, 0, 4, 2, 3], access: "EL1", feature: "FEAT_PAN", writable: bits("22") },
  { name: "UAO",        op: [3, 0, 4, 2, 4], access: "EL1", feature: "FEAT_UAO", writable: bits("23") },
  { name: "AFSR0_EL1", op: [3, 0, 5, 1, 0], access: "EL1", ...VIRTUAL_MEMORY, e2h: "AFSR0_EL2" },
  { name: "AFSR1_EL1", op: [3, 0, 5, 1, 1], access: "EL1", ...VIRTUAL_MEMORY, e2h: "AFSR1_EL2" },
  { name: "ESR_EL1",   op: [3, 0, 5, 2, 0], access: "EL1", ...VIRTUAL_MEMORY, e2h: "ESR_EL2" },
  { name: "FAR_EL1",   op: [3, 0, 6, 0, 0], access: "EL1", ...VIRTUAL_MEMORY, e2h: "FAR_EL2" },
  { name: "PAR_EL1",   op: [3, 0, 7, 4, 0], access: "EL1" },
  { name: "MAIR_EL1",  op: [3, 0, 10, 2, 0], access: "EL1", ...VIRTUAL_MEMORY, e2h: "MAIR_EL2", after: ["context"] },
  { name: "AMAIR_EL1", op: [3, 0, 10, 3, 0], access: "EL1", ...VIRTUAL_MEMORY, e2h: "AMAIR_EL2" },
  { name: "LORSA_EL1", op: [3, 0, 10, 4, 0], ...LOR, writable: bits("0 16-47") },
  { name: "LOREA_EL1", op: [3, 0, 10, 4, 1], ...LOR, writable: bits("16-47") },
  { name: "LORN_EL1",  op: [3, 0, 10, 4, 2], ...LOR, writable: 0xffn },
  { name: "LORC_EL1",  op: [3, 0, 10, 4, 3], ...LOR, writable: bits("0 2-9") },
  { name: "LORID_EL1", op: [3, 0, 10, 4, 7], ...LOR, access: "EL1 RO", writable: 0n },
  { name: "VBAR_EL1",  op: [3, 0, 12, 0, 0], access: "EL1", e2h: "VBAR_EL2", writable: bits("11-63") },
  { name: "RVBAR_EL1", op: [3, 0, 12, 0, 1], access: "EL1 RO", traps: ["not highest EL1"], writable: 0n },
  { name: "RMR_EL1",   op: [3, 0, 12, 0, 2], access: "EL1", traps: ["not highest EL1"], reset: 1n, writable: 0n },
  { name: "ISR_EL1",   op: [3, 0, 12, 1, 0], access: "EL1 RO", writable: 0n },
  { name: "CONTEXTIDR_EL1", op: [3, 0, 13, 0, 1], access: "EL1", ...VIRTUAL_MEMORY, e2h: "CONTEXTIDR_EL2", writable: bits("0-31") },
  { name: "TPIDR_EL1",   op: [3, 0, 13, 0, 4], access: "EL1" },
  { name: "TPIDR_EL0",   op: [3, 3, 13, 0, 2], access: "EL0" },
  { name: "TPIDRRO_EL0", op: [3, 3, 13, 0, 3], access: "EL0/EL1" },
  { name: "NZCV", op: [3, 3, 4, 2, 0], access: "EL0", writable: bits("28-31") },
  { name: "DAIF", op: [3, 3, 4, 2, 1], access: "EL0", traps: ["SCTLR_EL1.UMA", "SCTLR_EL2.UMA"], writable: bits("6-9") },
  { name: "DIT",  op: [3, 3, 4, 2, 5], access: "EL0", feature: "FEAT_DIT", writable: bits("24") },
  { name: "SSBS", op: [3, 3, 4, 2, 6], access: "EL0", feature: "FEAT_SSBS", writable: bits("12") },
  { name: "FPCR", op: [3, 3, 4, 4, 0], access: "EL0", traps: ["FP"], writable: bits("19 22-26"), featureBits: { FEAT_FP16: bits("19") } },
  { name: "FPSR", op: [3, 3, 4, 4, 1], access: "EL0", traps: ["FP"], writable: bits("0-4 7 27") },
];
