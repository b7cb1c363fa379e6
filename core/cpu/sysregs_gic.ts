import { numbered, type SysregRow } from "./sysreg_row.ts";
import type { TrapName } from "./traps.ts";

const GICV3 = { feature: "GICv3" } as const;
/** Our GIC has 5 preemption bits and 4 list registers: what more of them need does not exist. */
const MORE_PRIORITIES = { feature: "GICv3 with 6 or 7 preemption bits" } as const;
const MORE_LIST_REGISTERS = { feature: "GICv3 with 5 to 16 list registers" } as const;
const byPriorities = (n: number) => n === 0 ? GICV3 : MORE_PRIORITIES;
const G0: readonly TrapName[] = ["ICH_HCR_EL2.TALL0", "SCR_EL3.FIQ"];
const G1: readonly TrapName[] = ["ICH_HCR_EL2.TALL1", "SCR_EL3.IRQ"];
const COMMON: readonly TrapName[] = ["ICH_HCR_EL2.TC", "SCR_EL3.{IRQ,FIQ}"];
const SGI: readonly TrapName[] = ["ICH_HCR_EL2.TC", "HCR_EL2.{IMO,FMO}", "SCR_EL3.{IRQ,FIQ}"];

/** The GIC CPU interface: what the registers do is the GIC's. Arm IHI 0069, "AArch64 System register descriptions". */
// deno-fmt-ignore
export const GIC_SYSREGS: readonly SysregRow[] = [
  { name: "ICC_PMR_EL1",     op: [3, 0, 4, 6, 0],   access: "EL1",    traps: COMMON, ...GICV3 },
  { name: "ICC_IAR0_EL1",    op: [3, 0, 12, 8, 0],  access: "EL1 RO", traps: G0, ...GICV3 },
  { name: "ICC_EOIR0_EL1",   op: [3, 0, 12, 8, 1],  access: "EL1 WO", traps: G0, ...GICV3 },
  { name: "ICC_HPPIR0_EL1",  op: [3, 0, 12, 8, 2],  access: "EL1 RO", traps: G0, ...GICV3 },
  { name: "ICC_BPR0_EL1",    op: [3, 0, 12, 8, 3],  access: "EL1",    traps: G0, ...GICV3 },
  ...numbered(4, (n): SysregRow => ({ name: `ICC_AP0R${n}_EL1`, op: [3, 0, 12, 8, 4 + n], access: "EL1", traps: G0, ...byPriorities(n) })),
  ...numbered(4, (n): SysregRow => ({ name: `ICC_AP1R${n}_EL1`, op: [3, 0, 12, 9, n], access: "EL1", traps: G1, ...byPriorities(n) })),
  { name: "ICC_DIR_EL1",     op: [3, 0, 12, 11, 1], access: "EL1 WO", traps: ["ICH_HCR_EL2.TC", "ICH_HCR_EL2.TDIR", "SCR_EL3.{IRQ,FIQ}"], ...GICV3 },
  { name: "ICC_RPR_EL1",     op: [3, 0, 12, 11, 3], access: "EL1 RO", traps: COMMON, ...GICV3 },
  { name: "ICC_SGI1R_EL1",   op: [3, 0, 12, 11, 5], access: "EL1 WO", traps: SGI, ...GICV3 },
  { name: "ICC_ASGI1R_EL1",  op: [3, 0, 12, 11, 6], access: "EL1 WO", traps: SGI, ...GICV3 },
  { name: "ICC_SGI0R_EL1",   op: [3, 0, 12, 11, 7], access: "EL1 WO", traps: SGI, ...GICV3 },
  { name: "ICC_IAR1_EL1",    op: [3, 0, 12, 12, 0], access: "EL1 RO", traps: G1, ...GICV3 },
  { name: "ICC_EOIR1_EL1",   op: [3, 0, 12, 12, 1], access: "EL1 WO", traps: G1, ...GICV3 },
  { name: "ICC_HPPIR1_EL1",  op: [3, 0, 12, 12, 2], access: "EL1 RO", traps: G1, ...GICV3 },
  { name: "ICC_BPR1_EL1",    op: [3, 0, 12, 12, 3], access: "EL1",    traps: G1, ...GICV3 },
  { name: "ICC_CTLR_EL1",    op: [3, 0, 12, 12, 4], access: "EL1",    traps: COMMON, ...GICV3 },
  // System registers only: SRE, DFB, DIB and Enable are RAO/WI
  { name: "ICC_SRE_EL1",     op: [3, 0, 12, 12, 5], access: "EL1", reset: 7n, writable: 0n, ...GICV3 },
  { name: "ICC_IGRPEN0_EL1", op: [3, 0, 12, 12, 6], access: "EL1",    traps: G0, ...GICV3 },
  { name: "ICC_IGRPEN1_EL1", op: [3, 0, 12, 12, 7], access: "EL1",    traps: G1, ...GICV3 },
  { name: "ICC_SRE_EL2",     op: [3, 4, 12, 9, 5],  access: "EL2", reset: 15n, writable: 0n, ...GICV3 },
  { name: "ICC_CTLR_EL3",    op: [3, 6, 12, 12, 4], access: "EL3", ...GICV3 },
  { name: "ICC_SRE_EL3",     op: [3, 6, 12, 12, 5], access: "EL3", reset: 15n, writable: 0n, ...GICV3 },
  { name: "ICC_IGRPEN1_EL3", op: [3, 6, 12, 12, 7], access: "EL3", ...GICV3 },
  ...numbered(4, (n): SysregRow => ({ name: `ICH_AP0R${n}_EL2`, op: [3, 4, 12, 8, n], access: "EL2", ...byPriorities(n) })),
  ...numbered(4, (n): SysregRow => ({ name: `ICH_AP1R${n}_EL2`, op: [3, 4, 12, 9, n], access: "EL2", ...byPriorities(n) })),
  { name: "ICH_HCR_EL2",     op: [3, 4, 12, 11, 0], access: "EL2", after: ["interrupts"], ...GICV3 },
  { name: "ICH_VTR_EL2",     op: [3, 4, 12, 11, 1], access: "EL2 RO", ...GICV3 },
  { name: "ICH_MISR_EL2",    op: [3, 4, 12, 11, 2], access: "EL2 RO", ...GICV3 },
  { name: "ICH_EISR_EL2",    op: [3, 4, 12, 11, 3], access: "EL2 RO", ...GICV3 },
  { name: "ICH_ELRSR_EL2",   op: [3, 4, 12, 11, 5], access: "EL2 RO", ...GICV3 },
  { name: "ICH_VMCR_EL2",    op: [3, 4, 12, 11, 7], access: "EL2", ...GICV3 },
  ...numbered(16, (n): SysregRow => (
    { name: `ICH_LR${n}_EL2`, op: [3, 4, 12, 12 + (n >> 3), n & 7], access: "EL2", ...n < 4 ? GICV3 : MORE_LIST_REGISTERS })),
];
