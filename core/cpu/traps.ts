import { el2Enabled, hcrHi, hcrLo, isInHost, isSecureBelowEl3, scr } from "./security.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

/** One trap of system registers: accesses from the levels `from` go to EL `to` (0: UNDEFINED) while `when` holds. */
export interface Trap {
  /** Bit n: accesses from ELn. */
  readonly from: number;
  readonly to: 0 | 1 | 2 | 3;
  readonly when: (vcpu: Vcpu, el: number) => boolean;
  /** The exception is that of SIMD and FP accesses, whose target depends on more than this row. */
  readonly fp?: true;
}

const EL0 = 1, EL1 = 2, EL2 = 4, EL3 = 8;

const SCTLR_EL1 = sysregIndex("SCTLR_EL1");
const SCTLR_EL2 = sysregIndex("SCTLR_EL2");
const CPTR_EL2 = sysregIndex("CPTR_EL2");
const CPTR_EL3 = sysregIndex("CPTR_EL3");
const MDCR_EL2 = sysregIndex("MDCR_EL2");
const MDCR_EL3 = sysregIndex("MDCR_EL3");
const MDSCR_EL1 = sysregIndex("MDSCR_EL1");
const CNTKCTL_EL1 = sysregIndex("CNTKCTL_EL1");
const CNTHCTL_EL2 = sysregIndex("CNTHCTL_EL2");
const PMUSERENR_EL0 = sysregIndex("PMUSERENR_EL0");

/** All bits of `mask` are 0, or any is 1, in the low half of a register. */
function clear(register: number, mask: number): (vcpu: Vcpu) => boolean {
  return (vcpu) => (vcpu.sysLo(register) & mask) === 0;
}
function set(register: number, mask: number): (vcpu: Vcpu) => boolean {
  return (vcpu) => (vcpu.sysLo(register) & mask) !== 0;
}
/** A bit of HCR_EL2 that traps EL1 and, outside a host, EL0. */
function hcr(from: number, bit: number): Trap {
  const mask = 1 << bit;
  return { from, to: 2, when: (vcpu) => (hcrLo(vcpu) & mask) !== 0 && !isInHost(vcpu) };
}
/** An enable for EL0 in a register of EL1, which counts outside a host, and its twin of EL2 for EL0 in a host. */
function el0ByEl1(when: (vcpu: Vcpu) => boolean): Trap {
  return { from: EL0, to: 1, when: (vcpu) => !isInHost(vcpu) && when(vcpu) };
}
function el0InHost(when: (vcpu: Vcpu) => boolean): Trap {
  return { from: EL0, to: 2, when: (vcpu) => isInHost(vcpu) && when(vcpu) };
}
/** A permission for EL1 and EL0 in CNTHCTL_EL2, whose place depends on E2H. */
function el1ByCnthctl(bit: number, bitE2h: number): Trap {
  return {
    from: EL0 | EL1,
    to: 2,
    when: (vcpu) => {
      if (isInHost(vcpu)) return false;
      const n = (hcrHi(vcpu) & 4) !== 0 ? bitE2h : bit;
      return (vcpu.sysLo(CNTHCTL_EL2) & 1 << n) === 0;
    },
  };
}
function ichHcr(from: number, bit: number): Trap {
  return { from, to: 2, when: (vcpu) => vcpu.gic !== null && (vcpu.gic.ichHcr & 1 << bit) !== 0 };
}
/** SCR_EL3 routes the interrupts of a GIC register to EL3, unless the access is to the virtual interface. */
function gicToEl3(mask: number, virtualBits: number): Trap {
  return {
    from: EL1 | EL2,
    to: 3,
    when: (vcpu, el) => (scr(vcpu) & mask) === mask && (el === 2 || (hcrLo(vcpu) & virtualBits) === 0),
  };
}

const HCR_FMO = 1 << 3, HCR_IMO = 1 << 4;
const SCR_EEL2 = 1 << 18;

/**
 * Every trap of a system register by the control bit's name, which the rows of the register table use.
 * A trap to EL2 or EL3 counts only where that level is implemented and enabled; one of EL0 to EL1 goes to EL2 while
 * HCR_EL2.TGE = 1. Arm DDI 0487, accessibility pseudocode of each register.
 */
// deno-fmt-ignore
export const TRAPS = {
  "HCR_EL2.TID1":  hcr(EL1, 16),
  "HCR_EL2.TID2":  hcr(EL0 | EL1, 17),
  "HCR_EL2.TID3":  hcr(EL1, 18),
  "HCR_EL2.TIDCP": hcr(EL1, 20),
  "HCR_EL2.TSW":   hcr(EL1, 22),
  "HCR_EL2.TPC":   hcr(EL0 | EL1, 23),
  "HCR_EL2.TPU":   hcr(EL0 | EL1, 24),
  "HCR_EL2.TTLB":  hcr(EL1, 25),
  "HCR_EL2.TACR":  hcr(EL1, 21),
  "HCR_EL2.TVM":   hcr(EL1, 26),
  "HCR_EL2.TRVM":  hcr(EL1, 30),
  "HCR_EL2.TLOR":  { from: EL1, to: 2, when: (vcpu) => (hcrHi(vcpu) & 8) !== 0 },
  "HCR_EL2.APK":   { from: EL1, to: 2, when: (vcpu) => (hcrHi(vcpu) & 1 << 8) === 0 },
  "HCR_EL2.{IMO,FMO}": { from: EL1, to: 2, when: (vcpu) => (hcrLo(vcpu) & (HCR_IMO | HCR_FMO)) !== 0 },
  "SCR_EL3.APK":   { from: EL1 | EL2, to: 3, when: (vcpu) => (scr(vcpu) & 1 << 16) === 0 },
  "SCR_EL3.TLOR":  { from: EL1 | EL2, to: 3, when: (vcpu) => (scr(vcpu) & 1 << 14) !== 0 },
  "SCR_EL3.ST":    { from: EL1, to: 3, when: (vcpu) => (scr(vcpu) & 1 << 11) === 0 },

  "SCTLR_EL1.UCT": el0ByEl1(clear(SCTLR_EL1, 1 << 15)),
  "SCTLR_EL2.UCT": el0InHost(clear(SCTLR_EL2, 1 << 15)),
  "SCTLR_EL1.UCI": el0ByEl1(clear(SCTLR_EL1, 1 << 26)),
  "SCTLR_EL2.UCI": el0InHost(clear(SCTLR_EL2, 1 << 26)),
  "SCTLR_EL1.UMA": el0ByEl1(clear(SCTLR_EL1, 1 << 9)),
  "SCTLR_EL2.UMA": el0InHost(clear(SCTLR_EL2, 1 << 9)),

  "CPTR_EL2.TCPAC": { from: EL1, to: 2, when: set(CPTR_EL2, 1 << 31) },
  "CPTR_EL3.TCPAC": { from: EL1 | EL2, to: 3, when: set(CPTR_EL3, 1 << 31) },
  "FP": { from: 15, to: 0, when: (vcpu) => vcpu.get32("fpTrap") !== 0, fp: true },

  "MDSCR_EL1.TDCC": { from: EL0, to: 1, when: set(MDSCR_EL1, 1 << 12) },
  "MDCR_EL2.TPMCR": { from: EL0 | EL1, to: 2, when: set(MDCR_EL2, 1 << 5) },
  "MDCR_EL2.TPM":   { from: EL0 | EL1, to: 2, when: set(MDCR_EL2, 1 << 6) },
  "MDCR_EL2.TDA":   { from: EL0 | EL1, to: 2, when: set(MDCR_EL2, 3 << 8) },
  "MDCR_EL2.TDOSA": { from: EL1, to: 2, when: set(MDCR_EL2, 1 << 8 | 1 << 10) },
  "MDCR_EL2.TDRA":  { from: EL1, to: 2, when: set(MDCR_EL2, 1 << 8 | 1 << 11) },
  "MDCR_EL3.TPM":   { from: EL0 | EL1 | EL2, to: 3, when: set(MDCR_EL3, 1 << 6) },
  "MDCR_EL3.TDA":   { from: EL0 | EL1 | EL2, to: 3, when: set(MDCR_EL3, 1 << 9) },
  "MDCR_EL3.TDOSA": { from: EL1 | EL2, to: 3, when: set(MDCR_EL3, 1 << 10) },
  "PMUSERENR_EL0.EN": { from: EL0, to: 1, when: clear(PMUSERENR_EL0, 1 << 0) },
  "PMUSERENR_EL0.SW": { from: EL0, to: 1, when: clear(PMUSERENR_EL0, 1 << 0 | 1 << 1) },
  "PMUSERENR_EL0.CR": { from: EL0, to: 1, when: clear(PMUSERENR_EL0, 1 << 0 | 1 << 2) },
  "PMUSERENR_EL0.ER": { from: EL0, to: 1, when: clear(PMUSERENR_EL0, 1 << 0 | 1 << 3) },

  "CNTKCTL_EL1.EL0PCTEN": el0ByEl1(clear(CNTKCTL_EL1, 1 << 0)),
  "CNTKCTL_EL1.EL0VCTEN": el0ByEl1(clear(CNTKCTL_EL1, 1 << 1)),
  "CNTKCTL_EL1.EL0xCTEN": el0ByEl1(clear(CNTKCTL_EL1, 3)),
  "CNTKCTL_EL1.EL0VTEN":  el0ByEl1(clear(CNTKCTL_EL1, 1 << 8)),
  "CNTKCTL_EL1.EL0PTEN":  el0ByEl1(clear(CNTKCTL_EL1, 1 << 9)),
  "CNTHCTL_EL2.EL0PCTEN": el0InHost(clear(CNTHCTL_EL2, 1 << 0)),
  "CNTHCTL_EL2.EL0VCTEN": el0InHost(clear(CNTHCTL_EL2, 1 << 1)),
  "CNTHCTL_EL2.EL0xCTEN": el0InHost(clear(CNTHCTL_EL2, 3)),
  "CNTHCTL_EL2.EL0VTEN":  el0InHost(clear(CNTHCTL_EL2, 1 << 8)),
  "CNTHCTL_EL2.EL0PTEN":  el0InHost(clear(CNTHCTL_EL2, 1 << 9)),
  "CNTHCTL_EL2.EL1PCTEN": el1ByCnthctl(0, 10),
  "CNTHCTL_EL2.EL1PTEN":  el1ByCnthctl(1, 11),

  "ICH_HCR_EL2.TC":    ichHcr(EL1, 10),
  "ICH_HCR_EL2.TALL0": ichHcr(EL1, 11),
  "ICH_HCR_EL2.TALL1": ichHcr(EL1, 12),
  "ICH_HCR_EL2.TDIR":  ichHcr(EL1, 14),
  "SCR_EL3.FIQ": gicToEl3(1 << 2, HCR_FMO),
  "SCR_EL3.IRQ": gicToEl3(1 << 1, HCR_IMO),
  "SCR_EL3.{IRQ,FIQ}": gicToEl3(3 << 1, HCR_IMO | HCR_FMO),

  // Encodings that are UNDEFINED in some configurations
  "PSTATE.SP":       { from: EL1 | EL2 | EL3, to: 0, when: (vcpu) => (vcpu.get32("pstate") & 1) === 0 },
  "not EL2":         { from: EL3, to: 0, when: (vcpu) => !el2Enabled(vcpu) },
  "not E2H":         { from: EL2 | EL3, to: 0, when: (vcpu) => (hcrHi(vcpu) & 4) === 0 },
  "not Secure":      { from: EL2 | EL3, to: 0, when: (vcpu) => !isSecureBelowEl3(vcpu) },
  "Secure EL2":      { from: EL2 | EL3, to: 0, when: (vcpu, el) => el === 3 ? (scr(vcpu) & SCR_EEL2) === 0 : !isSecureBelowEl3(vcpu) },
  "secure timer":    { from: EL1 | EL2, to: 0, when: (vcpu) => el2Enabled(vcpu) || !isSecureBelowEl3(vcpu) },
  "not highest":     { from: EL1 | EL2, to: 0, when: (vcpu, el) => vcpu.hasEl3 || (vcpu.hasEl2 && el === 1) },
  "not highest EL1": { from: EL1 | EL2 | EL3, to: 0, when: (vcpu) => vcpu.hasEl2 || vcpu.hasEl3 },
  "not highest EL2": { from: EL2 | EL3, to: 0, when: (vcpu) => vcpu.hasEl3 },
} as const satisfies Record<string, Trap>;

/** The name of a trap: the control bit, as the register pages write it. */
export type TrapName = keyof typeof TRAPS;
