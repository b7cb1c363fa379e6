/** Interrupt lines into a vCPU, as bits of {@link GicCpuInterface.pending}. */
export const INTERRUPT = { irq: 1, fiq: 2, virtualIrq: 4, virtualFiq: 8 } as const;

/**
 * The GIC as one vCPU sees it: the interrupt lines, and the ICC, ICV and ICH system registers.
 * Arm IHI 0069, "The GIC CPU interface". The CPU has done every trap and UNDEFINED check before it calls: ICC_SRE_ELx,
 * ICH_HCR_EL2.{TC, TALL0, TALL1, TDIR}, HCR_EL2.{IMO, FMO}, SCR_EL3.{IRQ, FIQ}. It also owns ICC_SRE_EL1, _EL2 and _EL3,
 * which read as one constant (system registers only), so these never get here.
 */
export interface GicCpuInterface {
  /** False for a GICv2, which has the lines only: all its registers are then UNDEFINED. */
  readonly hasSystemRegisters: boolean;

  /**
   * The interrupts to be taken, as bits of INTERRUPT, before any masking by PSTATE or routing by HCR_EL2 and SCR_EL3.
   * The vCPU asks each time it looks for interrupts and after it came back from an exception, so it must be cheap.
   * The GIC calls `vcpu.interruptsChanged()` whenever the answer may have grown.
   * @param el the current Exception level, 0 to 3, and `secure` its Security state: they decide which of IRQ and FIQ
   * a Group 1 interrupt is.
   */
  pending(el: number, secure: boolean): number;

  /**
   * Reads a register.
   * @param encoding op0:op1:CRn:CRm:op2 in 2+3+4+4+3 bits.
   * @param virtual the access is to the ICV register with the encoding of an ICC one (at EL1, by HCR_EL2.IMO or FMO).
   * @param el the Exception level of the access, and `nonSecure` SCR_EL3.NS: it selects the bank, at EL3 too (true
   * without EL3).
   * @returns the low half, unsigned; the high half is in `readHi` until the next read.
   */
  read(encoding: number, virtual: boolean, el: number, nonSecure: boolean): number;
  /** Bits 63:32 of what was last read. */
  readonly readHi: number;
  /** Writes a register; the halves are unsigned. */
  write(encoding: number, lo: number, hi: number, virtual: boolean, el: number, nonSecure: boolean): void;

  /** ICH_HCR_EL2 without side effects: the CPU looks at its trap bits. */
  readonly ichHcr: number;
  /** The vCPU tells its level of a private peripheral interrupt (16 to 31) that is made inside the CPU, as timers are. */
  setPpi(intid: number, level: boolean): void;
}

/** What a GIC asks of the vCPU that it serves. */
export interface GicVcpu {
  /** The interrupts to be taken may have become more. */
  interruptsChanged(): void;
  /** EL3 is implemented and SCR_EL3.FIQ is 1: Group 0 is out of Non-secure reach, which then sees shifted priorities. */
  fiqToEl3(): boolean;
}
