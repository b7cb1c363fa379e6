import { SCTLR_FEATURES } from "./sysregs_el1.ts";
import { bits, numbered, type SysregRow } from "./sysreg_row.ts";

const SCTLR = "0-6 11-13 15-16 18-19 21-27 30-31 35-36 44";

/** Registers of EL2. Arm DDI 0487, D17.2. */
// deno-fmt-ignore
export const EL2_SYSREGS: readonly SysregRow[] = [
  { name: "VPIDR_EL2",  op: [3, 4, 0, 0, 0], access: "EL2", writable: bits("0-31") },
  { name: "VMPIDR_EL2", op: [3, 4, 0, 0, 5], access: "EL2", reset: 0x80000000n, writable: bits("0-30 32-39") },
  { name: "SCTLR_EL2",  op: [3, 4, 1, 0, 0], access: "EL2", reset: 0x30c50830n, writable: bits(`${SCTLR} 9-10 14`), featureBits: SCTLR_FEATURES, after: ["context", "traps"] },
  { name: "ACTLR_EL2",  op: [3, 4, 1, 0, 1], access: "EL2", writable: 0n },
  // EL1 is AArch64 only, so RW is RAO/WI
  { name: "HCR_EL2",    op: [3, 4, 1, 1, 0], access: "EL2", reset: 0x80000000n,
    writable: bits("0-30 32-35 38 40-41 46"),
    featureBits: { FEAT_VHE: bits("34"), FEAT_LOR: bits("35"), FEAT_PAuth: bits("40-41"), FEAT_S2FWB: bits("46") }, after: ["context", "traps", "interrupts"] },
  { name: "MDCR_EL2",   op: [3, 4, 1, 1, 1], access: "EL2", writable: bits("0-11 17 23 26"), after: ["traps", "context"] },
  { name: "CPTR_EL2",   op: [3, 4, 1, 1, 2], access: "EL2", traps: ["CPTR_EL3.TCPAC"], reset: 0x33ffn,
    writable: bits("10 20-21 28 30-31"), after: ["context", "traps"] },
  { name: "HSTR_EL2",   op: [3, 4, 1, 1, 3], access: "EL2", writable: bits("0-3 5-13 15") },
  { name: "HACR_EL2",   op: [3, 4, 1, 1, 7], access: "EL2", writable: 0n },
  { name: "TTBR0_EL2",  op: [3, 4, 2, 0, 0], access: "EL2", after: ["asid"] },
  { name: "TTBR1_EL2",  op: [3, 4, 2, 0, 1], access: "EL2", feature: "FEAT_VHE", after: ["asid"] },
  { name: "TCR_EL2",    op: [3, 4, 2, 0, 2], access: "EL2", after: ["context"] },
  { name: "VTTBR_EL2",  op: [3, 4, 2, 1, 0], access: "EL2", after: ["asid"] },
  { name: "VTCR_EL2",   op: [3, 4, 2, 1, 2], access: "EL2", reset: 0x80000000n, writable: bits("0-19 21-22 25-30"),
    featureBits: { FEAT_VMID16: bits("19"), FEAT_HAFDBS: bits("21-22"), FEAT_SEL2: bits("29-30") }, after: ["context"] },
  { name: "VSTTBR_EL2", op: [3, 4, 2, 6, 0], access: "EL2", traps: ["not Secure"], feature: "FEAT_SEL2", after: ["context"] },
  { name: "VSTCR_EL2",  op: [3, 4, 2, 6, 2], access: "EL2", traps: ["not Secure"], feature: "FEAT_SEL2",
    reset: 0x80000000n, writable: bits("0-7 14-15 29-30"), after: ["context"] },
  { name: "SPSR_EL2",   op: [3, 4, 4, 0, 0], access: "EL2" },
  { name: "ELR_EL2",    op: [3, 4, 4, 0, 1], access: "EL2" },
  { name: "SPSR_irq",   op: [3, 4, 4, 3, 0], access: "EL2", writable: 0n },
  { name: "SPSR_abt",   op: [3, 4, 4, 3, 1], access: "EL2", writable: 0n },
  { name: "SPSR_und",   op: [3, 4, 4, 3, 2], access: "EL2", writable: 0n },
  { name: "SPSR_fiq",   op: [3, 4, 4, 3, 3], access: "EL2", writable: 0n },
  { name: "DACR32_EL2", op: [3, 4, 3, 0, 0], access: "EL2", feature: "FEAT_AA32EL1", writable: bits("0-31") },
  { name: "IFSR32_EL2", op: [3, 4, 5, 0, 1], access: "EL2", feature: "FEAT_AA32EL1", writable: bits("0-31") },
  { name: "FPEXC32_EL2", op: [3, 4, 5, 3, 0], access: "EL2", feature: "FEAT_AA32EL1", writable: bits("0-31") },
  { name: "AFSR0_EL2",  op: [3, 4, 5, 1, 0], access: "EL2" },
  { name: "AFSR1_EL2",  op: [3, 4, 5, 1, 1], access: "EL2" },
  { name: "ESR_EL2",    op: [3, 4, 5, 2, 0], access: "EL2" },
  { name: "FAR_EL2",    op: [3, 4, 6, 0, 0], access: "EL2" },
  { name: "HPFAR_EL2",  op: [3, 4, 6, 0, 4], access: "EL2", writable: bits("4-43 63") },
  { name: "MAIR_EL2",   op: [3, 4, 10, 2, 0], access: "EL2", after: ["context"] },
  { name: "AMAIR_EL2",  op: [3, 4, 10, 3, 0], access: "EL2" },
  { name: "VBAR_EL2",   op: [3, 4, 12, 0, 0], access: "EL2", writable: bits("11-63") },
  { name: "RVBAR_EL2",  op: [3, 4, 12, 0, 1], access: "EL2 RO", traps: ["not highest EL2"], writable: 0n },
  { name: "RMR_EL2",    op: [3, 4, 12, 0, 2], access: "EL2", traps: ["not highest EL2"], reset: 1n, writable: 0n },
  { name: "CONTEXTIDR_EL2", op: [3, 4, 13, 0, 1], access: "EL2", feature: "FEAT_VHE", writable: bits("0-31") },
  { name: "TPIDR_EL2",  op: [3, 4, 13, 0, 2], access: "EL2" },

  // The EL1 registers by another name, for a host at EL2 with E2H = 1
  ...([
    ["SCTLR", 1, 0, 0], ["CPACR", 1, 0, 2], ["TTBR0", 2, 0, 0], ["TTBR1", 2, 0, 1], ["TCR", 2, 0, 2],
    ["SPSR", 4, 0, 0], ["ELR", 4, 0, 1], ["AFSR0", 5, 1, 0], ["AFSR1", 5, 1, 1], ["ESR", 5, 2, 0], ["FAR", 6, 0, 0],
    ["MAIR", 10, 2, 0], ["AMAIR", 10, 3, 0], ["VBAR", 12, 0, 0], ["CONTEXTIDR", 13, 0, 1], ["CNTKCTL", 14, 1, 0],
  ] as const).map(([name, CRn, CRm, op2]): SysregRow => (
    { name: `${name}_EL12`, op: [3, 5, CRn, CRm, op2], access: "EL2", traps: ["not E2H", ...(name === "CPACR" ? ["CPTR_EL3.TCPAC" as const] : [])],
      feature: "FEAT_VHE", alias: `${name}_EL1` }
  )),
  ...numbered(6, (n): SysregRow => {
    const name = ["CNTP_TVAL", "CNTP_CTL", "CNTP_CVAL", "CNTV_TVAL", "CNTV_CTL", "CNTV_CVAL"][n];
    return { name: `${name}_EL02`, op: [3, 5, 14, 2 + Math.floor(n / 3), n % 3], access: "EL2", traps: ["not E2H"], feature: "FEAT_VHE", alias: `${name}_EL0` };
  }),
];

/** Registers of EL3. Arm DDI 0487, D17.2. */
// deno-fmt-ignore
export const EL3_SYSREGS: readonly SysregRow[] = [
  { name: "SCTLR_EL3", op: [3, 6, 1, 0, 0], access: "EL3", reset: 0x30c50830n, writable: bits(SCTLR), featureBits: SCTLR_FEATURES, after: ["context"] },
  { name: "ACTLR_EL3", op: [3, 6, 1, 0, 1], access: "EL3", writable: 0n },
  // Lower levels are AArch64 only: RW and the RES1 bits 5:4
  { name: "SCR_EL3",   op: [3, 6, 1, 1, 0], access: "EL3", reset: 0x430n, writable: bits("0-3 7-9 11-14 16-18"),
    featureBits: { FEAT_LOR: bits("14"), FEAT_PAuth: bits("16-17"), FEAT_SEL2: bits("18") }, after: ["context", "traps", "interrupts"] },
  { name: "SDER32_EL3", op: [3, 6, 1, 1, 1], access: "EL3", feature: "FEAT_AA32EL1", writable: bits("0-1") },
  { name: "CPTR_EL3",  op: [3, 6, 1, 1, 2], access: "EL3", writable: bits("10 20 30-31"), after: ["context", "traps"] },
  { name: "MDCR_EL3",  op: [3, 6, 1, 3, 1], access: "EL3", writable: bits("6 9-10 14-18 20-21 23"), after: ["traps", "context"] },
  { name: "TTBR0_EL3", op: [3, 6, 2, 0, 0], access: "EL3", after: ["context"] },
  { name: "TCR_EL3",   op: [3, 6, 2, 0, 2], access: "EL3", reset: 0x80800000n, writable: bits("0-5 8-18 20-22 24-30"), after: ["context"] },
  { name: "SPSR_EL3",  op: [3, 6, 4, 0, 0], access: "EL3" },
  { name: "ELR_EL3",   op: [3, 6, 4, 0, 1], access: "EL3" },
  { name: "AFSR0_EL3", op: [3, 6, 5, 1, 0], access: "EL3" },
  { name: "AFSR1_EL3", op: [3, 6, 5, 1, 1], access: "EL3" },
  { name: "ESR_EL3",   op: [3, 6, 5, 2, 0], access: "EL3" },
  { name: "FAR_EL3",   op: [3, 6, 6, 0, 0], access: "EL3" },
  { name: "MAIR_EL3",  op: [3, 6, 10, 2, 0], access: "EL3", after: ["context"] },
  { name: "AMAIR_EL3", op: [3, 6, 10, 3, 0], access: "EL3" },
  { name: "VBAR_EL3",  op: [3, 6, 12, 0, 0], access: "EL3", writable: bits("11-63") },
  { name: "RVBAR_EL3", op: [3, 6, 12, 0, 1], access: "EL3 RO", writable: 0n },
  { name: "RMR_EL3",   op: [3, 6, 12, 0, 2], access: "EL3", reset: 1n, writable: 0n },
  { name: "TPIDR_EL3", op: [3, 6, 13, 0, 2], access: "EL3" },
];
