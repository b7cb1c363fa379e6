import { setPstate } from "../cpu/exceptions.ts";
import { readSysreg, writeSysreg } from "../cpu/sysreg_access.ts";
import { sysregIndex } from "../cpu/sysregs.ts";
import { highHalf, lowHalf } from "../cpu/word64.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import { IPA_BITS } from "./stage2.ts";

/** HCR_EL2. Arm DDI 0487, HCR_EL2. */
export const HCR = {
  /** Stage 2 translation. */
  VM: 1 << 0,
  /** DC ISW is DC CISW. */
  SWIO: 1 << 1,
  /** A stage 1 walk through Device memory is a fault. */
  PTW: 1 << 2,
  /** Physical FIQ, IRQ and SError are taken to EL2, virtual ones by the guest. */
  FMO: 1 << 3,
  IMO: 1 << 4,
  AMO: 1 << 5,
  /** TLB and branch predictor maintenance, and barriers, reach the Inner Shareable domain. */
  FB: 1 << 9,
  BSU_INNER: 1 << 10,
  TWI: 1 << 13,
  TWE: 1 << 14,
  TID3: 1 << 18,
  TSC: 1 << 19,
  TIDCP: 1 << 20,
  TACR: 1 << 21,
  RW: 1 << 31,
} as const;
/** MDCR_EL2.TDE: debug exceptions of EL1 and EL0 are taken to EL2. */
export const MDCR_TDE = 1 << 8;
/** HCR_EL2.{APK, API}, in the high half: pointer authentication is not trapped. */
const HCR_APK_API_HI = 3 << 8;

/** What a guest runs with unless it is asked for more traps. */
export const HCR_GUEST = HCR.VM | HCR.SWIO | HCR.PTW | HCR.FMO | HCR.IMO | HCR.AMO | HCR.FB | HCR.BSU_INNER | HCR.TSC |
  HCR.TIDCP | HCR.TACR | HCR.RW;

/** CPTR_EL2 with no trap: its RES1 bits. */
const CPTR_RES1 = 0x33ff;
/** CNTHCTL_EL2.{EL1PCEN, EL1PCTEN}: the guest may use the physical counter and timer. */
const CNTHCTL_GUEST = 3;
/** SCTLR_EL1 with its RES1 bits: MMU and caches off, little-endian. */
const SCTLR_EL1_RESET = 0x30d0_0800;
/** SPSR_EL2 of a start: EL1h with DAIF masked, and PSTATE of EL2h likewise. */
const EL1H_MASKED = 0x3c5, EL2H_MASKED = 0x3c9;

const R = Object.fromEntries(
  [
    "HCR_EL2",
    "VTCR_EL2",
    "VTTBR_EL2",
    "CPTR_EL2",
    "HSTR_EL2",
    "MDCR_EL2",
    "CNTHCTL_EL2",
    "CNTVOFF_EL2",
    "VPIDR_EL2",
    "VMPIDR_EL2",
    "MIDR_EL1",
    "PMCR_EL0",
    "ID_AA64MMFR0_EL1",
    "SCTLR_EL1",
    "ELR_EL2",
    "SPSR_EL2",
    "SP_EL1",
  ].map((name) => [name, sysregIndex(name)]),
);

/** Registers of the guest that a start finds at 0. */
const CLEARED = [
  "CPACR_EL1",
  "TTBR0_EL1",
  "TTBR1_EL1",
  "TCR_EL1",
  "MAIR_EL1",
  "VBAR_EL1",
  "CONTEXTIDR_EL1",
  "TPIDR_EL0",
  "TPIDR_EL1",
  "TPIDRRO_EL0",
  "SP_EL0",
  "SP_EL1",
  "ELR_EL1",
  "SPSR_EL1",
  "ESR_EL1",
  "FAR_EL1",
  "PAR_EL1",
  "CNTKCTL_EL1",
  "CNTV_CTL_EL0",
  "CNTP_CTL_EL0",
  "MDSCR_EL1",
  "CSSELR_EL1",
].map(sysregIndex);

/** ID_AA64MMFR0_EL1.PARange and VTCR_EL2.PS of 48 bits, the largest with the 4 KiB granule. */
const PS_48_BITS = 5;

/**
 * VTCR_EL2 of the tables that Stage2 makes: IPA_BITS bits, starting at level 1, 4 KiB granule, walks through Inner
 * Shareable Write-Back memory.
 * @param paRange ID_AA64MMFR0_EL1.PARange.
 */
export function vtcr(paRange: number): number {
  const T0SZ = 64 - IPA_BITS, SL0 = 1, IRGN0 = 1, ORGN0 = 1, SH0 = 3, RES1 = 1 << 31;
  const PS = Math.min(paRange, PS_48_BITS);
  return (T0SZ | SL0 << 6 | IRGN0 << 8 | ORGN0 << 10 | SH0 << 12 | PS << 16 | RES1) >>> 0;
}

/** What the EL2 registers of a vCPU are set to. */
export interface El2Controls {
  /** PA of the stage 2 tables, and the VMID. */
  readonly stage2Root: number;
  readonly vmid: number;
  /** The vCPU's affinity within its VM. */
  readonly affinity: number;
  /** The physical count at which the guest's virtual count is 0. */
  readonly counterOffset: number;
  /** HCR_EL2[31:0]. */
  readonly hcr: number;
  /** MDCR_EL2.TDE, or 0. */
  readonly mdcr: number;
}

/** Where and with what a vCPU begins at EL1. */
export interface EntryState {
  readonly pc: number;
  readonly sp?: number;
  readonly x0Lo?: number;
  readonly x0Hi?: number;
}

/** Puts a vCPU at EL2, as firmware hands it over, with the controls under which its guest runs. */
export function writeEl2Controls(vcpu: Vcpu, controls: El2Controls): void {
  setPstate(vcpu, EL2H_MASKED);
  const { stage2Root, vmid, affinity, counterOffset } = controls;
  const set = (name: string, lo: number, hi = 0) => writeSysreg(vcpu, R[name], lo >>> 0, hi >>> 0);
  set("HCR_EL2", controls.hcr, HCR_APK_API_HI);
  set("VTCR_EL2", vtcr(readSysreg(vcpu, R.ID_AA64MMFR0_EL1) & 15));
  set("VTTBR_EL2", lowHalf(stage2Root), highHalf(stage2Root) | vmid << 16);
  set("CPTR_EL2", CPTR_RES1);
  set("HSTR_EL2", 0);
  // The guest has all event counters: HPMN = PMCR_EL0.N
  set("MDCR_EL2", readSysreg(vcpu, R.PMCR_EL0) >>> 11 & 31 | controls.mdcr);
  set("CNTHCTL_EL2", CNTHCTL_GUEST);
  set("CNTVOFF_EL2", lowHalf(counterOffset), highHalf(counterOffset));
  set("VPIDR_EL2", readSysreg(vcpu, R.MIDR_EL1));
  set("VMPIDR_EL2", 0x80000000 | affinity & 0xffffff, affinity >>> 24);
}

/** Sets what an ERET from EL2 then begins with: EL1h, MMU off, registers 0 but those given. */
export function writeEntryState(vcpu: Vcpu, { pc, sp = 0, x0Lo = 0, x0Hi = 0 }: EntryState): void {
  for (let n = 0; n <= 30; n++) vcpu.setX(n, 0, 0);
  for (const index of CLEARED) writeSysreg(vcpu, index, 0, 0);
  writeSysreg(vcpu, R.SCTLR_EL1, SCTLR_EL1_RESET, 0);
  vcpu.setX(0, x0Lo, x0Hi);
  writeSysreg(vcpu, R.SP_EL1, lowHalf(sp), highHalf(sp));
  writeSysreg(vcpu, R.ELR_EL2, lowHalf(pc), highHalf(pc));
  writeSysreg(vcpu, R.SPSR_EL2, EL1H_MASKED, 0);
}
