import { bits, numbered, type SysregRow } from "./sysreg_row.ts";

const TDA = ["MDCR_EL2.TDA", "MDCR_EL3.TDA"] as const;
const TDOSA = ["MDCR_EL2.TDOSA", "MDCR_EL3.TDOSA"] as const;
const DCC = ["MDSCR_EL1.TDCC", ...TDA] as const;

/** Self-hosted debug and the OS lock. Arm DDI 0487, D17.3. */
// deno-fmt-ignore
export const DEBUG_SYSREGS: readonly SysregRow[] = [
  { name: "OSDTRRX_EL1", op: [2, 0, 0, 0, 2], access: "EL1", traps: TDA, writable: bits("0-31") },
  // A context has all 64 bits
  ...numbered(16, (n): SysregRow => (
    { name: `DBGBVR${n}_EL1`, op: [2, 0, 0, n, 4], access: "EL1", traps: TDA, feature: `breakpoint ${n}` })),
  ...numbered(16, (n): SysregRow => (
    { name: `DBGBCR${n}_EL1`, op: [2, 0, 0, n, 5], access: "EL1", traps: TDA, feature: `breakpoint ${n}`, writable: bits("0-2 5-8 13-23") })),
  ...numbered(16, (n): SysregRow => (
    { name: `DBGWVR${n}_EL1`, op: [2, 0, 0, n, 6], access: "EL1", traps: TDA, feature: `watchpoint ${n}`, writable: bits("2-63") })),
  ...numbered(16, (n): SysregRow => (
    { name: `DBGWCR${n}_EL1`, op: [2, 0, 0, n, 7], access: "EL1", traps: TDA, feature: `watchpoint ${n}`, writable: bits("0-20 24-28") })),
  { name: "MDCCINT_EL1", op: [2, 0, 0, 2, 0], access: "EL1", traps: TDA, writable: bits("29-30") },
  { name: "MDSCR_EL1",   op: [2, 0, 0, 2, 2], access: "EL1", traps: TDA, writable: bits("0 6 12-15 19 21-23 26-27 29-31"), after: ["traps", "context"] },
  { name: "OSDTRTX_EL1", op: [2, 0, 0, 3, 2], access: "EL1", traps: TDA, writable: bits("0-31") },
  { name: "OSECCR_EL1",  op: [2, 0, 0, 6, 2], access: "EL1", traps: TDA, writable: bits("0-31") },
  { name: "MDCCSR_EL0",  op: [2, 3, 0, 1, 0], access: "EL0 RO", traps: DCC, writable: 0n },
  { name: "DBGDTR_EL0",  op: [2, 3, 0, 4, 0], access: "EL0", traps: DCC, writable: 0n },
  { name: "DBGDTRRX_EL0", op: [2, 3, 0, 5, 0], access: "EL0", traps: DCC, writable: 0n },
  { name: "DBGVCR32_EL2", op: [2, 4, 0, 7, 0], access: "EL2", feature: "FEAT_AA32EL1", writable: bits("0-31") },
  { name: "MDRAR_EL1",   op: [2, 0, 1, 0, 0], access: "EL1 RO", traps: ["MDCR_EL2.TDRA", "MDCR_EL3.TDA"], writable: 0n },
  { name: "OSLAR_EL1",   op: [2, 0, 1, 0, 4], access: "EL1 WO", traps: TDOSA },
  { name: "OSLSR_EL1",   op: [2, 0, 1, 1, 4], access: "EL1 RO", traps: TDOSA, reset: 0xan, writable: 0n },
  { name: "OSDLR_EL1",   op: [2, 0, 1, 3, 4], access: "EL1", traps: TDOSA, writable: 0n },
  { name: "DBGPRCR_EL1", op: [2, 0, 1, 4, 4], access: "EL1", traps: TDOSA, writable: 1n },
  { name: "DBGCLAIMSET_EL1", op: [2, 0, 7, 8, 6], access: "EL1", traps: TDA },
  { name: "DBGCLAIMCLR_EL1", op: [2, 0, 7, 9, 6], access: "EL1", traps: TDA },
  { name: "DBGAUTHSTATUS_EL1", op: [2, 0, 7, 14, 6], access: "EL1 RO", traps: TDA, writable: 0n },
];

const PMU_EL2 = ["MDCR_EL2.TPM", "MDCR_EL3.TPM"] as const;
const PMU = ["PMUSERENR_EL0.EN", ...PMU_EL2] as const;
const COUNTERS = "0-30";

/** The Performance Monitors Extension. Arm DDI 0487, D17.5. */
// deno-fmt-ignore
export const PMU_SYSREGS: readonly SysregRow[] = [
  { name: "PMINTENSET_EL1", op: [3, 0, 9, 14, 1], access: "EL1", traps: PMU_EL2, writable: bits(COUNTERS + " 31") },
  { name: "PMINTENCLR_EL1", op: [3, 0, 9, 14, 2], access: "EL1", traps: PMU_EL2 },
  { name: "PMMIR_EL1",      op: [3, 0, 9, 14, 6], access: "EL1 RO", traps: PMU_EL2, writable: 0n, feature: "FEAT_PMUv3p4" },
  { name: "PMCR_EL0",       op: [3, 3, 9, 12, 0], access: "EL0", traps: ["PMUSERENR_EL0.EN", "MDCR_EL2.TPMCR", ...PMU_EL2] },
  { name: "PMCNTENSET_EL0", op: [3, 3, 9, 12, 1], access: "EL0", traps: PMU },
  { name: "PMCNTENCLR_EL0", op: [3, 3, 9, 12, 2], access: "EL0", traps: PMU },
  { name: "PMOVSCLR_EL0",   op: [3, 3, 9, 12, 3], access: "EL0", traps: PMU },
  { name: "PMSWINC_EL0",    op: [3, 3, 9, 12, 4], access: "EL0 WO", traps: ["PMUSERENR_EL0.SW", ...PMU_EL2] },
  { name: "PMSELR_EL0",     op: [3, 3, 9, 12, 5], access: "EL0", traps: ["PMUSERENR_EL0.ER", ...PMU_EL2], writable: 0x1fn },
  { name: "PMCEID0_EL0",    op: [3, 3, 9, 12, 6], access: "EL0 RO", traps: PMU, writable: 0n },
  { name: "PMCEID1_EL0",    op: [3, 3, 9, 12, 7], access: "EL0 RO", traps: PMU, writable: 0n },
  { name: "PMCCNTR_EL0",    op: [3, 3, 9, 13, 0], access: "EL0", readTraps: ["PMUSERENR_EL0.CR", ...PMU_EL2], writeTraps: PMU },
  { name: "PMXEVTYPER_EL0", op: [3, 3, 9, 13, 1], access: "EL0", traps: PMU },
  { name: "PMXEVCNTR_EL0",  op: [3, 3, 9, 13, 2], access: "EL0", readTraps: ["PMUSERENR_EL0.ER", ...PMU_EL2], writeTraps: PMU },
  { name: "PMUSERENR_EL0",  op: [3, 3, 9, 14, 0], access: "EL0/EL1", traps: PMU_EL2, writable: 0xfn, after: ["traps"] },
  { name: "PMOVSSET_EL0",   op: [3, 3, 9, 14, 3], access: "EL0", traps: PMU },
  ...numbered(31, (n): SysregRow => (
    { name: `PMEVCNTR${n}_EL0`, op: [3, 3, 14, 8 + (n >> 3), n & 7], access: "EL0", readTraps: ["PMUSERENR_EL0.ER", ...PMU_EL2], writeTraps: PMU,
      feature: `event counter ${n}` })),
  ...numbered(31, (n): SysregRow => (
    { name: `PMEVTYPER${n}_EL0`, op: [3, 3, 14, 12 + (n >> 3), n & 7], access: "EL0", traps: PMU, feature: `event counter ${n}`, writable: bits("0-15 26-31") })),
  { name: "PMCCFILTR_EL0",  op: [3, 3, 14, 15, 7], access: "EL0", traps: PMU, writable: bits("26-31") },
];
