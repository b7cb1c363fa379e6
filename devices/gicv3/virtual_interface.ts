import { PRIORITY_MASK, SPECIAL } from "./distributor.ts";

/** List registers of a vCPU: ICH_VTR_EL2.ListRegs + 1. */
export const LIST_REGISTERS = 4;

/** ICH_HCR_EL2. */
export const ICH_HCR = {
  En: 1,
  UIE: 2,
  LRENPIE: 4,
  NPIE: 8,
  VGrp0EIE: 0x10,
  VGrp0DIE: 0x20,
  VGrp1EIE: 0x40,
  VGrp1DIE: 0x80,
  TC: 0x400,
  TALL0: 0x800,
  TALL1: 0x1000,
  TSEI: 0x2000,
  TDIR: 0x4000,
  EOIcountShift: 27,
} as const;

/** ICH_VTR_EL2: 5 priority and pre-emption bits, 16-bit INTIDs, A3V, nV4, TDS, four list registers. */
export const ICH_VTR = (4 << 29 | 4 << 26 | 1 << 21 | 1 << 20 | 1 << 19 | (LIST_REGISTERS - 1)) >>> 0;

/** ICH_MISR_EL2. */
const MISR = { EOI: 1, U: 2, LRENP: 4, NP: 8, VGrp0E: 0x10, VGrp0D: 0x20, VGrp1E: 0x40, VGrp1D: 0x80 };

/** ICH_VMCR_EL2. */
const VMCR = {
  VENG0: 1,
  VENG1: 2,
  VFIQEn: 8,
  VCBPR: 0x10,
  VEOIM: 0x200,
  VBPR1Shift: 18,
  VBPR0Shift: 21,
  VPMRShift: 24,
};
const VMCR_WRITABLE = (0xff00_0000 | 7 << 21 | 7 << 18 | VMCR.VEOIM | VMCR.VCBPR | VMCR.VENG0 | VMCR.VENG1) >>> 0;

/** The upper halves of ICH_LR<n>_EL2. */
export const LR_HI = {
  pINTID: 0x1fff,
  EOI: 0x200,
  group1: 1 << 28,
  HW: 1 << 29,
  pending: 1 << 30,
  active: 1 << 31,
} as const;
const LR_HI_WRITABLE = LR_HI.pINTID | PRIORITY_MASK << 16 | LR_HI.group1 | LR_HI.HW | LR_HI.pending | LR_HI.active;
const LR_STATE = LR_HI.pending | LR_HI.active;

const HCR_WRITABLE = 0xf800_7cff;
/** The least binary point of Group 0 with five pre-emption bits; Group 1's is one more. */
const MIN_BPR0 = 2;
const IDLE_PRIORITY = 0xff;

/** ICV_CTLR_EL1: PRIbits 4 (five bits), A3V. */
const ICV_CTLR_READ_ONLY = 4 << 8 | 1 << 15;

/** All that the virtual interface remembers. */
export interface VirtualInterfaceState {
  hcr: number;
  vmcr: number;
  /** ICH_AP0R0_EL2 and ICH_AP1R0_EL2. */
  apr: [number, number];
  lrLo: Uint32Array;
  lrHi: Uint32Array;
}

/** Virtual Group 0 raises vFIQ, Group 1 vIRQ. */
export const VIRTUAL_SIGNAL = { none: -1, fiq: 0, irq: 1 } as const;

/** What the virtual interface does to the rest. */
export interface VirtualInterfaceHost {
  /** Deactivates a physical interrupt: a list register with HW = 1 was deactivated. */
  deactivatePhysical(intid: number): void;
  /** The level of the maintenance interrupt. */
  setMaintenance(level: boolean): void;
  /** vIRQ and vFIQ may have changed. */
  changed(): void;
}

/**
 * The virtual CPU interface of one vCPU: the ICH registers that a hypervisor fills, and the ICV registers through which
 * its guest takes virtual interrupts. Arm IHI 0069, "Virtual interrupt handling and prioritization".
 */
export class VirtualInterface {
  state: VirtualInterfaceState = resetState();
  readonly #host: VirtualInterfaceHost;
  #signal: number = VIRTUAL_SIGNAL.none;
  #isStale = true;

  constructor(host: VirtualInterfaceHost) {
    this.#host = host;
  }

  reset(): void {
    this.state = resetState();
    this.update();
  }

  /** Replaces the whole state by a copy of `state`. */
  restore(state: VirtualInterfaceState): void {
    this.state = structuredClone(state);
    this.update();
  }

  /** Which virtual line is up: VIRTUAL_SIGNAL. */
  signal(): number {
    if (this.#isStale) {
      this.#isStale = false;
      const index = this.#highestPending();
      this.#signal = index >= 0 && this.#canSignal(index) ? this.#group(index) : VIRTUAL_SIGNAL.none;
    }
    return this.#signal;
  }

  /** Follows any change of state. */
  update(): void {
    this.#isStale = true;
    this.#host.setMaintenance((this.state.hcr & ICH_HCR.En) !== 0 && this.misr() !== 0);
    this.#host.changed();
  }

  // ICH registers

  writeHcr(value: number): void {
    this.state.hcr = (value & HCR_WRITABLE) >>> 0;
    this.update();
  }

  writeVmcr(value: number): void {
    const s = this.state;
    s.vmcr = ((value & VMCR_WRITABLE & ~(7 << 24)) | VMCR.VFIQEn) >>> 0;
    this.#setBpr(0, (value >>> VMCR.VBPR0Shift) & 7);
    this.#setBpr(1, (value >>> VMCR.VBPR1Shift) & 7);
    this.update();
  }

  writeAp(group: number, value: number): void {
    this.state.apr[group] = value;
    this.update();
  }

  /** ICH_LR<n>_EL2: of the virtual INTID 16 bits, of the priority five. */
  writeLr(index: number, lo: number, hi: number): void {
    this.state.lrLo[index] = lo & 0xffff;
    this.state.lrHi[index] = hi & LR_HI_WRITABLE;
    this.update();
  }

  /** The list registers whose interrupt was ended and asked for an EOI maintenance interrupt. */
  eisr(): number {
    let bits = 0;
    for (let i = 0; i < LIST_REGISTERS; i++) {
      if ((this.state.lrHi[i] & (LR_STATE | LR_HI.HW | LR_HI.EOI)) === LR_HI.EOI) bits |= 1 << i;
    }
    return bits;
  }

  /** The list registers that are free for use. */
  elrsr(): number {
    let bits = 0;
    for (let i = 0; i < LIST_REGISTERS; i++) {
      const hi = this.state.lrHi[i];
      if ((hi & LR_STATE) === 0 && ((hi & LR_HI.HW) !== 0 || (hi & LR_HI.EOI) === 0)) bits |= 1 << i;
    }
    return bits;
  }

  misr(): number {
    const s = this.state;
    if ((s.hcr & 0xff) === ICH_HCR.En && this.#noEoiAsked()) return 0;
    let valid = 0, pending = 0;
    for (let i = 0; i < LIST_REGISTERS; i++) {
      if ((s.lrHi[i] & LR_STATE) !== 0) valid++;
      if ((s.lrHi[i] & LR_STATE) === LR_HI.pending) pending++;
    }
    let misr = this.eisr() !== 0 ? MISR.EOI : 0;
    if ((s.hcr & ICH_HCR.UIE) !== 0 && valid <= 1) misr |= MISR.U;
    if ((s.hcr & ICH_HCR.LRENPIE) !== 0 && s.hcr >>> ICH_HCR.EOIcountShift !== 0) misr |= MISR.LRENP;
    if ((s.hcr & ICH_HCR.NPIE) !== 0 && pending === 0) misr |= MISR.NP;
    if ((s.hcr & ICH_HCR.VGrp0EIE) !== 0 && (s.vmcr & VMCR.VENG0) !== 0) misr |= MISR.VGrp0E;
    if ((s.hcr & ICH_HCR.VGrp0DIE) !== 0 && (s.vmcr & VMCR.VENG0) === 0) misr |= MISR.VGrp0D;
    if ((s.hcr & ICH_HCR.VGrp1EIE) !== 0 && (s.vmcr & VMCR.VENG1) !== 0) misr |= MISR.VGrp1E;
    if ((s.hcr & ICH_HCR.VGrp1DIE) !== 0 && (s.vmcr & VMCR.VENG1) === 0) misr |= MISR.VGrp1D;
    return misr;
  }

  #noEoiAsked(): boolean {
    const hi = this.state.lrHi;
    return ((hi[0] | hi[1] | hi[2] | hi[3]) & LR_HI.EOI) === 0;
  }

  // ICV registers

  /** ICV_IAR0_EL1 and ICV_IAR1_EL1. */
  acknowledge(group: number): number {
    const s = this.state;
    const index = this.#highestPending();
    if (index < 0 || this.#group(index) !== group || !this.#canSignal(index)) return SPECIAL.none;
    const intid = s.lrLo[index];
    if (isSpecial(intid)) {
      s.lrHi[index] &= ~LR_HI.pending;
    } else {
      s.apr[group] = (s.apr[group] | 1 << ((this.#priority(index) & this.#groupPriorityMask(group)) >>> 3)) >>> 0;
      s.lrHi[index] = (s.lrHi[index] & ~LR_HI.pending) | LR_HI.active;
    }
    this.update();
    return intid;
  }

  /** ICV_HPPIR0_EL1 and ICV_HPPIR1_EL1. */
  hppir(group: number): number {
    const index = this.#highestPending();
    return index >= 0 && this.#group(index) === group ? this.state.lrLo[index] : SPECIAL.none;
  }

  /** ICV_EOIR0_EL1 and ICV_EOIR1_EL1: priority drop, and without EOImode deactivation. */
  endOfInterrupt(group: number, intid: number): void {
    if (isSpecial(intid)) return;
    const s = this.state;
    const dropped = this.#dropPriority();
    if (dropped === IDLE_PRIORITY) return;
    if ((s.vmcr & VMCR.VEOIM) === 0) {
      const index = this.#findActive(intid);
      if (index < 0) this.#countEoi();
      else if (this.#group(index) === group && (this.#priority(index) & this.#groupPriorityMask(group)) === dropped) {
        this.#deactivate(index);
      }
    }
    this.update();
  }

  /** ICV_DIR_EL1. */
  deactivate(intid: number): void {
    if (isSpecial(intid) || (this.state.vmcr & VMCR.VEOIM) === 0) return;
    const index = this.#findActive(intid);
    if (index < 0) this.#countEoi();
    else this.#deactivate(index);
    this.update();
  }

  readPmr(): number {
    return this.state.vmcr >>> VMCR.VPMRShift;
  }

  writePmr(value: number): void {
    const s = this.state;
    s.vmcr = ((s.vmcr & 0xff_ffff) | (value & PRIORITY_MASK) << VMCR.VPMRShift) >>> 0;
    this.update();
  }

  readBpr(group: number): number {
    const s = this.state;
    const bpr0 = (s.vmcr >>> VMCR.VBPR0Shift) & 7;
    if (group === 0) return bpr0;
    return (s.vmcr & VMCR.VCBPR) !== 0 ? Math.min(bpr0 + 1, 7) : (s.vmcr >>> VMCR.VBPR1Shift) & 7;
  }

  writeBpr(group: number, value: number): void {
    if (group === 1 && (this.state.vmcr & VMCR.VCBPR) !== 0) return;
    this.#setBpr(group, value & 7);
    this.update();
  }

  readIgrpen(group: number): number {
    return (this.state.vmcr >>> group) & 1;
  }

  writeIgrpen(group: number, value: number): void {
    const s = this.state;
    s.vmcr = ((s.vmcr & ~(1 << group)) | (value & 1) << group) >>> 0;
    this.update();
  }

  readCtlr(): number {
    const vmcr = this.state.vmcr;
    return ICV_CTLR_READ_ONLY | ((vmcr & VMCR.VCBPR) !== 0 ? 1 : 0) | ((vmcr & VMCR.VEOIM) !== 0 ? 2 : 0);
  }

  writeCtlr(value: number): void {
    const s = this.state;
    const bits = ((value & 1) !== 0 ? VMCR.VCBPR : 0) | ((value & 2) !== 0 ? VMCR.VEOIM : 0);
    s.vmcr = ((s.vmcr & ~(VMCR.VCBPR | VMCR.VEOIM)) | bits) >>> 0;
    this.update();
  }

  /** ICV_RPR_EL1: the running priority, 0xff when idle. */
  runningPriority(): number {
    const bits = this.state.apr[0] | this.state.apr[1];
    return bits === 0 ? IDLE_PRIORITY : (31 - Math.clz32(bits & -bits)) << 3;
  }

  #group(index: number): number {
    return (this.state.lrHi[index] >>> 28) & 1;
  }

  #priority(index: number): number {
    return (this.state.lrHi[index] >>> 16) & 0xff;
  }

  #setBpr(group: number, value: number): void {
    const s = this.state;
    const shift = group === 0 ? VMCR.VBPR0Shift : VMCR.VBPR1Shift;
    s.vmcr = ((s.vmcr & ~(7 << shift)) | Math.max(value, MIN_BPR0 + group) << shift) >>> 0;
  }

  /** The list register of the highest priority pending virtual interrupt of an enabled group, or -1. */
  #highestPending(): number {
    const s = this.state;
    if ((s.vmcr & (VMCR.VENG0 | VMCR.VENG1)) === 0) return -1;
    let best = -1;
    let bestPriority = IDLE_PRIORITY;
    for (let i = 0; i < LIST_REGISTERS; i++) {
      const hi = s.lrHi[i];
      if ((hi & LR_STATE) !== LR_HI.pending || (s.vmcr & (1 << this.#group(i))) === 0) continue;
      if (this.#priority(i) < bestPriority) {
        bestPriority = this.#priority(i);
        best = i;
      }
    }
    return best;
  }

  /** Enabled, above the priority mask, and able to pre-empt what runs. */
  #canSignal(index: number): boolean {
    const s = this.state;
    const priority = this.#priority(index);
    if ((s.hcr & ICH_HCR.En) === 0 || priority >= this.readPmr()) return false;
    const running = this.runningPriority();
    if (running === IDLE_PRIORITY) return true;
    const mask = this.#groupPriorityMask(this.#group(index));
    return (priority & mask) < (running & mask);
  }

  /** The bits of a priority that are its group priority: above the binary point. */
  #groupPriorityMask(group: number): number {
    const bpr = this.readBpr(group) - group;
    return (0xff << (bpr + 1)) & 0xff;
  }

  /** @returns the priority that was dropped, or 0xff when none was active. */
  #dropPriority(): number {
    const apr = this.state.apr;
    const bits = apr[0] | apr[1];
    if (bits === 0) return IDLE_PRIORITY;
    const lowest = bits & -bits;
    if ((apr[0] & lowest) !== 0) apr[0] = (apr[0] & ~lowest) >>> 0;
    else apr[1] = (apr[1] & ~lowest) >>> 0;
    return (31 - Math.clz32(lowest)) << 3;
  }

  #findActive(intid: number): number {
    for (let i = 0; i < LIST_REGISTERS; i++) {
      if ((this.state.lrHi[i] & LR_HI.active) !== 0 && this.state.lrLo[i] === intid) return i;
    }
    return -1;
  }

  #deactivate(index: number): void {
    const s = this.state;
    s.lrHi[index] &= ~LR_HI.active;
    if ((s.lrHi[index] & LR_HI.HW) !== 0) this.#host.deactivatePhysical(s.lrHi[index] & LR_HI.pINTID);
  }

  #countEoi(): void {
    this.state.hcr = (this.state.hcr + (1 << ICH_HCR.EOIcountShift)) >>> 0;
  }
}

function isSpecial(intid: number): boolean {
  return intid >= SPECIAL.secure && intid <= SPECIAL.none;
}

function resetState(): VirtualInterfaceState {
  return {
    hcr: 0,
    vmcr: (VMCR.VFIQEn | (MIN_BPR0 + 1) << VMCR.VBPR1Shift | MIN_BPR0 << VMCR.VBPR0Shift) >>> 0,
    apr: [0, 0],
    lrLo: new Uint32Array(LIST_REGISTERS),
    lrHi: new Uint32Array(LIST_REGISTERS),
  };
}
