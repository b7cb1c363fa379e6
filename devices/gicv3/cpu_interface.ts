import { type GicCpuInterface, type GicVcpu, INTERRUPT } from "../../core/cpu/gic_interface.ts";
import { type Distributor, type GICD_CTLR, GROUP, PRIORITY_MASK, SPECIAL } from "./distributor.ts";
import { SYSTEM_REGISTERS } from "./system_registers.ts";
import { VIRTUAL_SIGNAL, VirtualInterface, type VirtualInterfaceState } from "./virtual_interface.ts";

/** All that a CPU interface remembers; arrays are indexed by GROUP, whose Group 1s are the banks of Group 1 registers. */
export interface CpuInterfaceState {
  pmr: number;
  bpr: [number, number, number];
  igrpen: [number, number, number];
  /** ICC_AP0R0_EL1, and the Secure and Non-secure ICC_AP1R0_EL1. */
  apr: [number, number, number];
  /** CBPR and EOImode of ICC_CTLR_EL1 as bits 0 and 1, by the same index; index 0 is EOImode_EL3. */
  ctlr: [number, number, number];
  virtual: VirtualInterfaceState;
}

const CBPR = 1;
const EOI_MODE = 2;
/** ICC_CTLR_EL1 and _EL3: PRIbits 4 (five bits), A3V. */
const CTLR_READ_ONLY = 4 << 8 | 1 << 15;
const CTLR_EL3_NDS = 1 << 17;
const MIN_BPR = [2, 2, 3];
const IDLE_PRIORITY = 0xff;
const MAINTENANCE_INTID = 25;

/**
 * The GIC's CPU interface of one vCPU, reached by system registers. Arm IHI 0069, "The GIC CPU interface" and
 * "Priority drop and interrupt deactivation".
 */
export class CpuInterface implements GicCpuInterface {
  readonly hasSystemRegisters = true;
  readonly virtual: VirtualInterface;
  state: CpuInterfaceState;
  readHi = 0;
  /** The access that runs: its Exception level, and SCR_EL3.NS. */
  el = 1;
  nonSecure = true;
  readonly #gic: Distributor;
  readonly #index: number;
  #vcpu: GicVcpu | undefined;
  /** The group of the interrupt that is signalled, or -1. */
  #signal = -1;
  #isStale = true;

  constructor(gic: Distributor, index: number) {
    this.#gic = gic;
    this.#index = index;
    this.virtual = new VirtualInterface({
      deactivatePhysical: (intid) => this.#deactivatePhysical(intid),
      setMaintenance: (level) => gic.setLevel(MAINTENANCE_INTID, index, level),
      changed: () => this.#vcpu?.interruptsChanged(),
    });
    this.state = resetState(this.virtual.state);
    this.#groupsChanged();
  }

  /** Tells the interface its vCPU, which is made later. */
  connect(vcpu: GicVcpu): void {
    this.#vcpu = vcpu;
  }

  reset(): void {
    this.virtual.reset();
    this.state = resetState(this.virtual.state);
    this.#groupsChanged();
    this.changed();
  }

  snapshot(): CpuInterfaceState {
    return structuredClone(this.state);
  }

  restore(state: CpuInterfaceState): void {
    this.virtual.restore(state.virtual);
    this.state = { ...structuredClone(state), virtual: this.virtual.state };
    this.#groupsChanged();
    this.changed();
  }

  /** The signalled interrupt may be another one. */
  changed(): void {
    this.#isStale = true;
    this.#vcpu?.interruptsChanged();
  }

  pending(el: number, secure: boolean): number {
    if (this.#isStale) this.#updateSignal();
    let lines = 0;
    if (this.#signal >= 0) lines = this.#isFiq(this.#signal, el, secure) ? INTERRUPT.fiq : INTERRUPT.irq;
    const virtual = this.virtual.signal();
    if (virtual === VIRTUAL_SIGNAL.irq) lines |= INTERRUPT.virtualIrq;
    else if (virtual === VIRTUAL_SIGNAL.fiq) lines |= INTERRUPT.virtualFiq;
    return lines;
  }

  read(encoding: number, virtual: boolean, el: number, nonSecure: boolean): number {
    const row = SYSTEM_REGISTERS[encoding & 0x3fff];
    this.readHi = 0;
    this.el = el;
    this.nonSecure = nonSecure;
    const read = virtual ? row?.virtualRead : row?.read;
    return read === undefined ? 0 : read(this) >>> 0;
  }

  write(encoding: number, lo: number, hi: number, virtual: boolean, el: number, nonSecure: boolean): void {
    const row = SYSTEM_REGISTERS[encoding & 0x3fff];
    this.el = el;
    this.nonSecure = nonSecure;
    if (virtual) row?.virtualWrite?.(this, lo, hi);
    else row?.write?.(this, lo, hi);
  }

  get ichHcr(): number {
    return this.state.virtual.hcr;
  }

  setPpi(intid: number, level: boolean): void {
    this.#gic.setLevel(intid, this.#index, level);
  }

  // ICC registers

  /** ICC_IAR0_EL1 and ICC_IAR1_EL1. */
  acknowledge(isGroup1: boolean): number {
    if (this.#isStale) this.#updateSignal();
    if (this.#signal < 0) return SPECIAL.none;
    const intid = this.hppir(isGroup1);
    if (intid >= SPECIAL.secure) return intid;
    const group = this.#signal;
    const priority = this.#gic.priorityOfHighest(this.#index) & this.#groupPriorityMask(group);
    const apr = this.state.apr;
    apr[group] = (apr[group] | 1 << (priority >>> 3)) >>> 0;
    this.#gic.acknowledge(intid, this.#index);
    this.#isStale = true;
    return intid;
  }

  /** ICC_HPPIR0_EL1 and ICC_HPPIR1_EL1: what the Security state may know of the highest pending interrupt. */
  hppir(isGroup1: boolean): number {
    const intid = this.#gic.highestPending(this.#index);
    if (intid === SPECIAL.none) return intid;
    const group = this.#gic.groupOfHighest(this.#index);
    const twoStates = this.#gic.twoStates;
    const isSecure = this.el === 3 || !this.nonSecure;
    const isOurs = !twoStates || (group === GROUP.nonSecureGroup1 ? this.el === 3 || this.nonSecure : isSecure);
    if (isGroup1) return group !== GROUP.group0 && isOurs ? intid : SPECIAL.none;
    if (group === GROUP.group0) return isOurs ? intid : SPECIAL.none;
    if (this.el !== 3 || !twoStates) return SPECIAL.none;
    return group === GROUP.secureGroup1 ? SPECIAL.secure : SPECIAL.nonSecure;
  }

  /** ICC_EOIR0_EL1 and ICC_EOIR1_EL1: priority drop, and without EOImode deactivation. */
  endOfInterrupt(isGroup1: boolean, intid: number): void {
    if (!this.#gic.has(intid)) return;
    const group = this.#highestActiveGroup();
    if (group < 0 || isGroup1 !== (group !== GROUP.group0) || !this.#mayEnd(group)) return;
    const apr = this.state.apr;
    apr[group] = (apr[group] & (apr[group] - 1)) >>> 0;
    if (!this.#isEoiSplit()) this.#gic.deactivate(intid, this.#index);
    this.changed();
  }

  /** ICC_DIR_EL1: deactivates, when EOIR does not. */
  deactivate(intid: number): void {
    if (!this.#gic.has(intid) || !this.#isEoiSplit()) return;
    const group = this.#gic.groupOf(intid, this.#index);
    const isHidden = this.#gic.twoStates && group !== GROUP.nonSecureGroup1 && this.el !== 3 && this.nonSecure;
    if (!isHidden) this.#gic.deactivate(intid, this.#index);
  }

  readPmr(): number {
    return this.#seesShifted() ? shiftedView(this.state.pmr) : this.state.pmr;
  }

  /** Where Group 0 is hidden, Non-secure state reaches only the lower half of the priorities. */
  writePmr(value: number): void {
    const s = this.state;
    if (this.#seesShifted()) {
      if ((s.pmr & 0x80) === 0) return;
      s.pmr = (0x80 | (value & 0xff) >>> 1) & PRIORITY_MASK;
    } else {
      s.pmr = value & PRIORITY_MASK;
    }
    this.changed();
  }

  /** ICC_RPR_EL1. */
  readRpr(): number {
    const running = this.#runningPriority();
    return this.#seesShifted() ? shiftedView(running) : running;
  }

  readBpr(isGroup1: boolean): number {
    const s = this.state;
    if (!isGroup1) return s.bpr[0];
    const bank = this.#bank();
    if ((s.ctlr[bank] & CBPR) === 0) return s.bpr[bank];
    return bank === GROUP.secureGroup1 || this.el === 3 ? s.bpr[0] : Math.min(s.bpr[0] + 1, 7);
  }

  writeBpr(isGroup1: boolean, value: number): void {
    const s = this.state;
    let bank = isGroup1 ? this.#bank() : GROUP.group0;
    if (isGroup1 && (s.ctlr[bank] & CBPR) !== 0) {
      if (bank === GROUP.nonSecureGroup1 && this.el !== 3) return;
      bank = GROUP.group0;
    }
    s.bpr[bank] = Math.max(value & 7, MIN_BPR[bank]);
    this.changed();
  }

  /** ICC_IGRPEN0_EL1 and ICC_IGRPEN1_EL1. */
  readIgrpen(isGroup1: boolean): number {
    return this.state.igrpen[isGroup1 ? this.#bank() : GROUP.group0];
  }

  writeIgrpen(isGroup1: boolean, value: number): void {
    this.state.igrpen[isGroup1 ? this.#bank() : GROUP.group0] = value & 1;
    this.#groupsChanged();
  }

  readIgrpen1El3(): number {
    const igrpen = this.state.igrpen;
    return igrpen[GROUP.nonSecureGroup1] | igrpen[GROUP.secureGroup1] << 1;
  }

  writeIgrpen1El3(value: number): void {
    this.state.igrpen[GROUP.nonSecureGroup1] = value & 1;
    this.state.igrpen[GROUP.secureGroup1] = (value >>> 1) & 1;
    this.#groupsChanged();
  }

  readAp(isGroup1: boolean): number {
    return this.state.apr[isGroup1 ? this.#bank() : GROUP.group0];
  }

  writeAp(isGroup1: boolean, value: number): void {
    this.state.apr[isGroup1 ? this.#bank() : GROUP.group0] = value;
    this.changed();
  }

  readCtlr(): number {
    return CTLR_READ_ONLY | this.state.ctlr[this.#bank()];
  }

  /** CBPR is EL3's to set while there are two Security states. */
  writeCtlr(value: number): void {
    const ctlr = this.state.ctlr;
    const bank = this.#bank();
    const writable = this.#gic.twoStates ? EOI_MODE : EOI_MODE | CBPR;
    ctlr[bank] = (ctlr[bank] & ~writable) | (value & writable);
    this.changed();
  }

  readCtlrEl3(): number {
    const [el3, secure, nonSecure] = this.state.ctlr;
    return CTLR_READ_ONLY | (this.#gic.twoStates ? 0 : CTLR_EL3_NDS) | (secure & CBPR) | (nonSecure & CBPR) << 1 |
      (el3 & EOI_MODE) << 1 | (secure & EOI_MODE) << 2 | (nonSecure & EOI_MODE) << 3;
  }

  writeCtlrEl3(value: number): void {
    this.state.ctlr = [
      (value >>> 1) & EOI_MODE,
      (value & CBPR) | (value >>> 2) & EOI_MODE,
      (value >>> 1) & CBPR | (value >>> 3) & EOI_MODE,
    ];
    this.changed();
  }

  /** ICC_SGI0R_EL1, ICC_SGI1R_EL1 and, for the other Security state's Group 1, ICC_ASGI1R_EL1. */
  sendSgi(kind: "SGI0R" | "SGI1R" | "ASGI1R", lo: number, hi: number): void {
    const isNonSecure = this.nonSecure && this.el !== 3;
    let group: number = GROUP.group0;
    if (kind !== "SGI0R") {
      const toNonSecure = this.nonSecure === (kind === "SGI1R");
      group = toNonSecure || !this.#gic.twoStates ? GROUP.nonSecureGroup1 : GROUP.secureGroup1;
    }
    this.#gic.sendSgi(this.#index, lo, hi, group, isNonSecure);
  }

  /** The bank of a Group 1 register: Secure only where two Security states are in use. */
  #bank(): 1 | 2 {
    return this.nonSecure || !this.#gic.twoStates ? GROUP.nonSecureGroup1 : GROUP.secureGroup1;
  }

  /** Non-secure accesses while EL3 takes the FIQs: priorities are shown shifted. */
  #seesShifted(): boolean {
    return this.nonSecure && this.el !== 3 && this.#gic.securityStates === 2 && (this.#vcpu?.fiqToEl3() ?? false);
  }

  #isEoiSplit(): boolean {
    return (this.state.ctlr[this.el === 3 ? 0 : this.#bank()] & EOI_MODE) !== 0;
  }

  /** Whether the access's Security state may drop the priority of that group. */
  #mayEnd(group: number): boolean {
    if (!this.#gic.twoStates || this.el === 3) return true;
    return (group === GROUP.nonSecureGroup1) === this.nonSecure;
  }

  #isFiq(group: number, el: number, secure: boolean): boolean {
    if (group === GROUP.group0) return true;
    if (!this.#gic.twoStates) return false;
    return el === 3 || secure === (group === GROUP.nonSecureGroup1);
  }

  #updateSignal(): void {
    this.#isStale = false;
    this.#signal = -1;
    if (this.#gic.highestPending(this.#index) === SPECIAL.none) return;
    const priority = this.#gic.priorityOfHighest(this.#index);
    if (priority >= this.state.pmr) return;
    const group = this.#gic.groupOfHighest(this.#index);
    const running = this.#runningPriority();
    const mask = this.#groupPriorityMask(group);
    if (running === IDLE_PRIORITY || (priority & mask) < (running & mask)) this.#signal = group;
  }

  /** The bits of a priority that are its group priority; the Non-secure binary point counts in shifted priorities. */
  #groupPriorityMask(group: number): number {
    const s = this.state;
    const bank = (s.ctlr[group] & CBPR) !== 0 && group !== GROUP.group0 ? GROUP.group0 : group;
    const bpr = s.bpr[bank] - (bank === GROUP.nonSecureGroup1 ? 1 : 0);
    return (0xff << (bpr + 1)) & 0xff;
  }

  #runningPriority(): number {
    const apr = this.state.apr;
    const bits = apr[0] | apr[1] | apr[2];
    return bits === 0 ? IDLE_PRIORITY : (31 - Math.clz32(bits & -bits)) << 3;
  }

  #highestActiveGroup(): number {
    const apr = this.state.apr;
    const bits = apr[0] | apr[1] | apr[2];
    return bits === 0 ? -1 : apr.findIndex((word) => (word & bits & -bits) !== 0);
  }

  #groupsChanged(): void {
    const [group0, secure, nonSecure] = this.state.igrpen;
    this.#gic.setCpuGroups(this.#index, group0 | secure << 1 | nonSecure << 2);
  }

  #deactivatePhysical(intid: number): void {
    if (this.#gic.has(intid)) this.#gic.deactivate(intid, this.#index);
  }
}

/** A priority as Non-secure state sees it: that of Secure interrupts as 0, the lower half stretched. */
function shiftedView(priority: number): number {
  if ((priority & 0x80) === 0) return 0;
  return priority === IDLE_PRIORITY ? IDLE_PRIORITY : (priority << 1) & 0xff;
}

function resetState(virtual: VirtualInterfaceState): CpuInterfaceState {
  return { pmr: 0, bpr: [2, 2, 3], igrpen: [0, 0, 0], apr: [0, 0, 0], ctlr: [0, 0, 0], virtual };
}
