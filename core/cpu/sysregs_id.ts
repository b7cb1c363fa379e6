import { numbered, type SysregRow } from "./sysreg_row.ts";

/** Rows of CRm 0 to 7 of the ID space; their values come from the CPU model. */
function id(name: string, CRm: number, op2: number): SysregRow {
  return { name, op: [3, 0, 0, CRm, op2], access: "EL1 RO", traps: ["HCR_EL2.TID3"], writable: 0n };
}

/** Reserved encodings of the ID space read as zero, op0 = 3, op1 = 0, CRn = 0, CRm = 2 to 7. */
const NAMED: Readonly<Record<string, string>> = {
  "4.0": "ID_AA64PFR0_EL1",
  "4.1": "ID_AA64PFR1_EL1",
  "4.4": "ID_AA64ZFR0_EL1",
  "5.0": "ID_AA64DFR0_EL1",
  "5.1": "ID_AA64DFR1_EL1",
  "5.4": "ID_AA64AFR0_EL1",
  "5.5": "ID_AA64AFR1_EL1",
  "6.0": "ID_AA64ISAR0_EL1",
  "6.1": "ID_AA64ISAR1_EL1",
  "6.2": "ID_AA64ISAR2_EL1",
  "7.0": "ID_AA64MMFR0_EL1",
  "7.1": "ID_AA64MMFR1_EL1",
  "7.2": "ID_AA64MMFR2_EL1",
  "1.0": "ID_PFR0_EL1",
  "1.1": "ID_PFR1_EL1",
  "1.2": "ID_DFR0_EL1",
  "1.3": "ID_AFR0_EL1",
  "1.4": "ID_MMFR0_EL1",
  "1.5": "ID_MMFR1_EL1",
  "1.6": "ID_MMFR2_EL1",
  "1.7": "ID_MMFR3_EL1",
  "2.0": "ID_ISAR0_EL1",
  "2.1": "ID_ISAR1_EL1",
  "2.2": "ID_ISAR2_EL1",
  "2.3": "ID_ISAR3_EL1",
  "2.4": "ID_ISAR4_EL1",
  "2.5": "ID_ISAR5_EL1",
  "2.6": "ID_MMFR4_EL1",
  "2.7": "ID_ISAR6_EL1",
  "3.0": "MVFR0_EL1",
  "3.1": "MVFR1_EL1",
  "3.2": "MVFR2_EL1",
  "3.4": "ID_PFR2_EL1",
  "3.5": "ID_DFR1_EL1",
  "3.6": "ID_MMFR5_EL1",
};

/** Identification and cache registers. Arm DDI 0487, D17.2. */
// deno-fmt-ignore
export const ID_SYSREGS: readonly SysregRow[] = [
  { name: "MIDR_EL1",   op: [3, 0, 0, 0, 0], access: "EL1 RO", writable: 0n },
  { name: "MPIDR_EL1",  op: [3, 0, 0, 0, 5], access: "EL1 RO", writable: 0n },
  { name: "REVIDR_EL1", op: [3, 0, 0, 0, 6], access: "EL1 RO", traps: ["HCR_EL2.TID1"], writable: 0n },
  ...numbered(7, (n) => numbered(8, (op2) => id(NAMED[`${n + 1}.${op2}`] ?? `S3_0_C0_C${n + 1}_${op2}`, n + 1, op2))).flat(),
  { name: "CCSIDR_EL1", op: [3, 1, 0, 0, 0], access: "EL1 RO", traps: ["HCR_EL2.TID2"], writable: 0n },
  { name: "CLIDR_EL1",  op: [3, 1, 0, 0, 1], access: "EL1 RO", traps: ["HCR_EL2.TID2"], writable: 0n },
  { name: "CCSIDR2_EL1", op: [3, 1, 0, 0, 2], access: "EL1 RO", traps: ["HCR_EL2.TID2"], writable: 0n, feature: "FEAT_CCIDX" },
  { name: "AIDR_EL1",   op: [3, 1, 0, 0, 7], access: "EL1 RO", traps: ["HCR_EL2.TID1"], writable: 0n },
  { name: "CSSELR_EL1", op: [3, 2, 0, 0, 0], access: "EL1",    traps: ["HCR_EL2.TID2"], writable: 0xfn },
  { name: "CTR_EL0",    op: [3, 3, 0, 0, 1], access: "EL0 RO", traps: ["SCTLR_EL1.UCT", "HCR_EL2.TID2", "SCTLR_EL2.UCT"], writable: 0n },
  { name: "DCZID_EL0",  op: [3, 3, 0, 0, 7], access: "EL0 RO", writable: 0n },

  // Cortex-A57 only (IMPLEMENTATION DEFINED). Arm DDI 0488, "AArch64 implementation defined registers"
  { name: "L2CTLR_EL1",    op: [3, 1, 11, 0, 2], access: "EL1", traps: ["HCR_EL2.TIDCP"], feature: "Cortex-A57" },
  { name: "L2ECTLR_EL1",   op: [3, 1, 11, 0, 3], access: "EL1", traps: ["HCR_EL2.TIDCP"], feature: "Cortex-A57" },
  { name: "L2ACTLR_EL1",   op: [3, 1, 15, 0, 0], access: "EL1", traps: ["HCR_EL2.TIDCP"], feature: "Cortex-A57" },
  { name: "CPUACTLR_EL1",  op: [3, 1, 15, 2, 0], access: "EL1", traps: ["HCR_EL2.TIDCP"], feature: "Cortex-A57" },
  { name: "CPUECTLR_EL1",  op: [3, 1, 15, 2, 1], access: "EL1", traps: ["HCR_EL2.TIDCP"], feature: "Cortex-A57" },
  { name: "CPUMERRSR_EL1", op: [3, 1, 15, 2, 2], access: "EL1", traps: ["HCR_EL2.TIDCP"], feature: "Cortex-A57" },
  { name: "L2MERRSR_EL1",  op: [3, 1, 15, 2, 3], access: "EL1", traps: ["HCR_EL2.TIDCP"], feature: "Cortex-A57" },
];
