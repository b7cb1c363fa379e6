import { bits, type SysregRow } from "./sysreg_row.ts";

const PHYSICAL = {
  access: "EL0",
  traps: ["CNTKCTL_EL1.EL0PTEN", "CNTHCTL_EL2.EL1PTEN", "CNTHCTL_EL2.EL0PTEN"],
} as const;
const VIRTUAL = { access: "EL0", traps: ["CNTKCTL_EL1.EL0VTEN", "CNTHCTL_EL2.EL0VTEN"] } as const;
const SECURE_EL2 = { access: "EL2", traps: ["Secure EL2"], feature: "FEAT_SEL2" } as const;
const SECURE = { access: "EL1", traps: ["secure timer", "SCR_EL3.ST"] } as const;

/** The generic timer. Arm DDI 0487, D17.11. */
// deno-fmt-ignore
export const TIMER_SYSREGS: readonly SysregRow[] = [
  { name: "CNTFRQ_EL0",    op: [3, 3, 14, 0, 0], access: "EL0/EL1", readTraps: ["CNTKCTL_EL1.EL0xCTEN", "CNTHCTL_EL2.EL0xCTEN"], writeTraps: ["not highest"],
    writable: bits("0-31") },
  { name: "CNTPCT_EL0",    op: [3, 3, 14, 0, 1], access: "EL0 RO", traps: ["CNTKCTL_EL1.EL0PCTEN", "CNTHCTL_EL2.EL1PCTEN", "CNTHCTL_EL2.EL0PCTEN"] },
  { name: "CNTVCT_EL0",    op: [3, 3, 14, 0, 2], access: "EL0 RO", traps: ["CNTKCTL_EL1.EL0VCTEN", "CNTHCTL_EL2.EL0VCTEN"] },
  { name: "CNTKCTL_EL1",   op: [3, 0, 14, 1, 0], access: "EL1", e2h: "CNTHCTL_EL2", writable: bits("0-9"), after: ["traps"] },
  { name: "CNTP_TVAL_EL0", op: [3, 3, 14, 2, 0], ...PHYSICAL, e2h: "CNTHP_TVAL_EL2" },
  { name: "CNTP_CTL_EL0",  op: [3, 3, 14, 2, 1], ...PHYSICAL, e2h: "CNTHP_CTL_EL2", writable: 3n },
  { name: "CNTP_CVAL_EL0", op: [3, 3, 14, 2, 2], ...PHYSICAL, e2h: "CNTHP_CVAL_EL2" },
  { name: "CNTV_TVAL_EL0", op: [3, 3, 14, 3, 0], ...VIRTUAL, e2h: "CNTHV_TVAL_EL2" },
  { name: "CNTV_CTL_EL0",  op: [3, 3, 14, 3, 1], ...VIRTUAL, e2h: "CNTHV_CTL_EL2", writable: 3n },
  { name: "CNTV_CVAL_EL0", op: [3, 3, 14, 3, 2], ...VIRTUAL, e2h: "CNTHV_CVAL_EL2" },
  { name: "CNTVOFF_EL2",    op: [3, 4, 14, 0, 3], access: "EL2" },
  { name: "CNTHCTL_EL2",    op: [3, 4, 14, 1, 0], access: "EL2", reset: 3n, writable: bits("0-11 17"), after: ["traps"] },
  { name: "CNTHP_TVAL_EL2", op: [3, 4, 14, 2, 0], access: "EL2" },
  { name: "CNTHP_CTL_EL2",  op: [3, 4, 14, 2, 1], access: "EL2", writable: 3n },
  { name: "CNTHP_CVAL_EL2", op: [3, 4, 14, 2, 2], access: "EL2" },
  { name: "CNTHV_TVAL_EL2", op: [3, 4, 14, 3, 0], access: "EL2", feature: "FEAT_VHE" },
  { name: "CNTHV_CTL_EL2",  op: [3, 4, 14, 3, 1], access: "EL2", feature: "FEAT_VHE", writable: 3n },
  { name: "CNTHV_CVAL_EL2", op: [3, 4, 14, 3, 2], access: "EL2", feature: "FEAT_VHE" },
  { name: "CNTHPS_TVAL_EL2", op: [3, 4, 14, 5, 0], ...SECURE_EL2 },
  { name: "CNTHPS_CTL_EL2",  op: [3, 4, 14, 5, 1], ...SECURE_EL2, writable: 3n },
  { name: "CNTHPS_CVAL_EL2", op: [3, 4, 14, 5, 2], ...SECURE_EL2 },
  { name: "CNTHVS_TVAL_EL2", op: [3, 4, 14, 4, 0], ...SECURE_EL2 },
  { name: "CNTHVS_CTL_EL2",  op: [3, 4, 14, 4, 1], ...SECURE_EL2, writable: 3n },
  { name: "CNTHVS_CVAL_EL2", op: [3, 4, 14, 4, 2], ...SECURE_EL2 },
  { name: "CNTPS_TVAL_EL1",  op: [3, 7, 14, 2, 0], ...SECURE },
  { name: "CNTPS_CTL_EL1",   op: [3, 7, 14, 2, 1], ...SECURE, writable: 3n },
  { name: "CNTPS_CVAL_EL1",  op: [3, 7, 14, 2, 2], ...SECURE },
];
