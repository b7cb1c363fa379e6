import type { GicCpuInterface } from "../../core/cpu/gic_interface.ts";
import type { Device, Line } from "../device.ts";
import { Distributor, type DistributorState, GROUP, SPECIAL } from "./distributor.ts";
import { distributorDevice, redistributorsDevice } from "./frames.ts";
import { GIC_ENCODING } from "./system_registers.ts";
import { ICH_HCR, LIST_REGISTERS, LR_HI } from "./virtual_interface.ts";

/** How a virtual GIC is built. */
export interface VgicOptions {
  /** 1 to 8. */
  readonly vcpus: number;
  /** A multiple of 32; 256 by default. */
  readonly spis?: number;
  /** Each vCPU's affinity as Aff3:Aff2:Aff1:Aff0, a byte each. Its number by default. */
  readonly affinities?: readonly number[];
  /**
   * Virtual interrupts that stand for a physical one, by virtual INTID (such as 27 for 27, the virtual timer): their
   * list registers have HW = 1, so the guest's deactivation deactivates the physical interrupt too.
   */
  readonly forwarded?: ReadonlyMap<number, number>;
  /** What is offered to that vCPU may have changed: call {@link VgicDistributor.enter} before it runs on; it may have to wake. */
  readonly changed?: (vcpu: number) => void;
  /** The guest has cleared a forwarded interrupt by GICD or GICR registers: deactivate the physical one. */
  readonly releasePhysical?: (vcpu: number, physicalIntid: number) => void;
}

/** A pending interrupt as a list register would hold it. */
export interface PendingInterrupt {
  intid: number;
  priority: number;
  group: 0 | 1;
}

interface VgicState {
  distributor: DistributorState;
  /** Forwarded interrupts whose physical one is active, in the distributor's words. */
  inFlight: Uint32Array;
  /** Each vCPU's ICH_VMCR_EL2, ICH_AP0R0_EL2 and ICH_AP1R0_EL2 while it is not loaded. */
  cpu: Uint32Array;
}

const LR = Array.from({ length: LIST_REGISTERS }, (_, n) => GIC_ENCODING[`ICH_LR${n}_EL2`]);
const { ICH_HCR_EL2: HCR, ICH_VMCR_EL2: VMCR, ICH_AP0R0_EL2: AP0R, ICH_AP1R0_EL2: AP1R } = GIC_ENCODING;
const SAVED = [VMCR, AP0R, AP1R];
const EOI_COUNT_MASK = (0xffff_ffff << ICH_HCR.EOIcountShift) >>> 0;

/**
 * The GICv3 that a hypervisor shows to a guest with one Security state. The registers are those of the physical one;
 * instead of signalling a CPU interface it fills the list registers of the vCPU on which the guest runs.
 *
 * A hypervisor uses it so:
 * - stage 2 faults on GICD and GICR go to {@link distributor} and {@link redistributors};
 * - its devices drive {@link line}; trapped writes of ICC_SGI<n>R_EL1 go to {@link sendSgi};
 * - `load(vcpu, ich)` when the vCPU is put onto a physical CPU, `put(vcpu)` when it is taken off;
 * - `enter(vcpu)` before it returns to the guest, after `changed` and after a maintenance interrupt. That is enough:
 *   what the guest has acknowledged and ended in the meantime is read back there;
 * - a physical interrupt that is forwarded (it took it with EOImode = 1 and dropped the priority): `pend`.
 *
 * Without list registers, `highestPending`, `acknowledged` and `deactivate` are the whole interface.
 */
export class VgicDistributor {
  readonly distributor: Device;
  readonly redistributors: Device;
  readonly #gic: Distributor;
  readonly #options: VgicOptions;
  readonly #ich: (GicCpuInterface | null)[];
  readonly #found: PendingInterrupt = { intid: 0, priority: 0, group: 0 };
  /** The list registers' next contents. */
  readonly #newLo = new Uint32Array(LIST_REGISTERS);
  readonly #newHi = new Uint32Array(LIST_REGISTERS);
  /** How many of them are in use, while they are made. */
  #count = 0;
  #inFlight: Uint32Array;
  #cpu: Uint32Array;
  /** The vCPU whose list registers are being read back or filled: its own changes are no news. */
  #quiet = -1;

  constructor(options: VgicOptions) {
    this.#options = options;
    this.#gic = new Distributor({ ...options, securityStates: 1 }, (vcpu) => {
      if (vcpu !== this.#quiet) options.changed?.(vcpu);
    });
    this.#ich = new Array(options.vcpus).fill(null);
    this.#inFlight = new Uint32Array(this.#gic.words);
    this.#cpu = new Uint32Array(SAVED.length * options.vcpus);
    this.distributor = this.#exact(distributorDevice(this.#gic, "vgicd", false, {
      reset: () => this.#reset(),
      snapshot: () => this.#snapshot(),
      restore: (state) => this.#restore(state as VgicState),
    }));
    this.redistributors = this.#exact(redistributorsDevice(this.#gic, "vgicr", false));
  }

  /** An input: 16 to 31 for a private peripheral interrupt of `vcpu`, or from 32 on for a shared one. */
  line(intid: number, vcpu = 0): Line {
    if (intid < 16 || !this.#gic.has(intid)) {
      throw new RangeError(`Cannot connect a line to INTID ${intid} as it must be a PPI or SPI of the GIC`);
    }
    return { set: (level) => this.#gic.setLevel(intid, vcpu, level) };
  }

  /** Makes an interrupt pending once, as an edge does; for a forwarded one its physical interrupt is now active. */
  pend(intid: number, vcpu: number): void {
    if (!this.#gic.has(intid)) return;
    if (this.#options.forwarded?.has(intid)) this.#inFlight[this.#gic.wordOf(intid, vcpu)] |= 1 << (intid & 31);
    this.#gic.pend(intid, vcpu);
  }

  /**
   * The guest on `vcpu` has written ICC_SGI0R_EL1 (`group` 0) or ICC_SGI1R_EL1 (`group` 1); ICC_ASGI1R_EL1 counts as
   * the latter with one Security state.
   */
  sendSgi(vcpu: number, lo: number, hi: number, group: 0 | 1): void {
    this.#gic.sendSgi(vcpu, lo, hi, group === 0 ? GROUP.group0 : GROUP.nonSecureGroup1, true);
  }

  /**
   * The highest priority interrupt that is pending, enabled, not active and not in a list register.
   * @returns one object that is reused by the next call.
   */
  highestPending(vcpu: number): PendingInterrupt | null {
    const intid = this.#gic.highestPending(vcpu);
    if (intid === SPECIAL.none) return null;
    this.#found.intid = intid;
    this.#found.priority = this.#gic.priorityOfHighest(vcpu);
    this.#found.group = this.#gic.groupOfHighest(vcpu) === GROUP.group0 ? 0 : 1;
    return this.#found;
  }

  /** The guest has acknowledged an interrupt other than by a list register: it is active now. */
  acknowledged(intid: number, vcpu: number): void {
    this.#gic.acknowledge(intid, vcpu);
  }

  /** The guest has ended (or with EOImode deactivated) an interrupt other than by a list register. */
  deactivate(intid: number, vcpu: number): void {
    if (this.#gic.has(intid)) this.#gic.deactivate(intid, vcpu);
  }

  /** The vCPU comes onto a physical CPU, whose ICH registers are `ich`. */
  load(vcpu: number, ich: GicCpuInterface): void {
    this.#ich[vcpu] = ich;
    SAVED.forEach((encoding, i) => write(ich, encoding, this.#cpu[SAVED.length * vcpu + i]));
    this.enter(vcpu);
  }

  /** The vCPU leaves its physical CPU, whose virtual interface is switched off. */
  put(vcpu: number): void {
    const ich = this.#ich[vcpu];
    if (ich === null) return;
    this.leave(vcpu);
    SAVED.forEach((encoding, i) => this.#cpu[SAVED.length * vcpu + i] = read(ich, encoding));
    for (const encoding of LR) write(ich, encoding, 0);
    write(ich, HCR, 0);
    this.#ich[vcpu] = null;
  }

  /**
   * Reads back what the guest did to its list registers, and fills them anew: active interrupts, then the highest
   * pending ones. A list register that would not change is not written. Nothing happens while it is not loaded.
   * @returns whether an interrupt is pending for the vCPU, be it in a list register or still waiting for one.
   */
  enter(vcpu: number): boolean {
    const ich = this.#ich[vcpu];
    if (ich === null) return this.#gic.highestPending(vcpu) !== SPECIAL.none;
    this.leave(vcpu);
    this.#quiet = vcpu;
    this.#release(vcpu);
    const isPending = this.#gic.highestPending(vcpu) !== SPECIAL.none;
    const activeLeft = this.#listActive(vcpu, isPending ? LIST_REGISTERS - 1 : LIST_REGISTERS);
    for (let n = this.#count; n < LIST_REGISTERS && this.#gic.highestPending(vcpu) !== SPECIAL.none; n++) {
      this.#list(this.#gic.highestPending(vcpu), vcpu);
    }
    for (let n = 0; n < LIST_REGISTERS; n++) {
      const lo = n < this.#count ? this.#newLo[n] : 0;
      const hi = n < this.#count ? this.#newHi[n] : 0;
      if (read(ich, LR[n]) !== lo || ich.readHi !== hi) write(ich, LR[n], lo, hi);
    }
    let hcr = ich.ichHcr & ~(ICH_HCR.NPIE | ICH_HCR.LRENPIE) | ICH_HCR.En;
    if (this.#gic.highestPending(vcpu) !== SPECIAL.none) hcr |= ICH_HCR.NPIE;
    if (activeLeft) hcr |= ICH_HCR.LRENPIE;
    if (hcr >>> 0 !== ich.ichHcr) write(ich, HCR, hcr >>> 0);
    this.#quiet = -1;
    return isPending;
  }

  /** Takes all interrupts out of the list registers, with what the guest did to them. */
  leave(vcpu: number): void {
    const ich = this.#ich[vcpu];
    if (ich === null) return;
    this.#quiet = vcpu;
    for (let n = 0; n < LIST_REGISTERS; n++) {
      const intid = read(ich, LR[n]);
      if ((intid | ich.readHi) !== 0) this.#fold(intid, ich.readHi, vcpu);
    }
    const hcr = ich.ichHcr;
    if ((hcr & EOI_COUNT_MASK) !== 0) {
      for (let n = hcr >>> ICH_HCR.EOIcountShift; n > 0; n--) this.#endHighestActive(vcpu);
      write(ich, HCR, (hcr & ~EOI_COUNT_MASK) >>> 0);
    }
    this.#quiet = -1;
  }

  /** Puts an interrupt into the next list register. */
  #list(intid: number, vcpu: number): void {
    const s = this.#gic.state;
    const w = this.#gic.wordOf(intid, vcpu);
    const bit = 1 << (intid & 31);
    const slot = 32 * w + (intid & 31);
    const physical = this.#options.forwarded?.get(intid);
    const isEdge = physical !== undefined || (s.edge[w] & bit) !== 0;
    const isHigh = !isEdge && (s.level[w] & bit) !== 0;
    let hi = s.priority[slot] << 16 | ((s.group[w] & bit) !== 0 ? LR_HI.group1 : 0);
    if ((s.active[w] & bit) !== 0) hi |= LR_HI.active;
    if (isHigh || (s.latch[w] & bit) !== 0) hi |= LR_HI.pending;
    if (isHigh) hi |= LR_HI.EOI;
    if (physical !== undefined) {
      // A list register with HW = 1 must not be active and pending: the new occurrence waits for the old one's end.
      if ((hi & LR_HI.active) !== 0) hi &= ~LR_HI.pending;
      hi |= LR_HI.HW | physical;
    }
    if (isEdge && (hi & LR_HI.pending) !== 0) s.latch[w] &= ~bit;
    s.listed[w] |= bit;
    s.owner[slot] = vcpu;
    this.#newLo[this.#count] = intid;
    this.#newHi[this.#count++] = hi;
    this.#gic.touch(intid, vcpu);
  }

  /** Takes over a list register's state. */
  #fold(intid: number, hi: number, vcpu: number): void {
    if (!this.#gic.has(intid)) return;
    const s = this.#gic.state;
    const w = this.#gic.wordOf(intid, vcpu);
    const bit = 1 << (intid & 31);
    if ((s.listed[w] & bit) === 0 || s.owner[32 * w + (intid & 31)] !== vcpu) return;
    s.listed[w] &= ~bit;
    if ((hi & LR_HI.active) !== 0) s.active[w] |= bit;
    else s.active[w] &= ~bit;
    const isEdge = (s.edge[w] & bit) !== 0 || (hi & LR_HI.HW) !== 0;
    if ((hi & LR_HI.pending) === 0) {
      if (!isEdge) s.latch[w] &= ~bit;
      if ((hi & LR_HI.active) === 0 && (s.latch[w] & bit) === 0) this.#inFlight[w] &= ~bit;
    } else if (isEdge) {
      s.latch[w] |= bit;
    }
    this.#gic.touch(intid, vcpu);
  }

  /** Lists up to `room` of the vCPU's active interrupts, the highest priority first. @returns whether some are left. */
  #listActive(vcpu: number, room: number): boolean {
    this.#count = 0;
    for (;;) {
      const intid = this.#highestActive(vcpu);
      if (intid < 0) return false;
      if (this.#count === room) return true;
      this.#list(intid, vcpu);
    }
  }

  /** The active interrupt of the highest priority that is in no list register, or -1. */
  #highestActive(vcpu: number): number {
    const gic = this.#gic;
    const s = gic.state;
    let best = -1;
    let bestPriority = 0x100;
    for (let i = 0; i <= gic.spiWords; i++) {
      const w = i === 0 ? vcpu : gic.vcpus + i - 1;
      for (let bits = s.active[w] & ~s.listed[w]; bits !== 0; bits &= bits - 1) {
        const bit = 31 - Math.clz32(bits & -bits);
        if (s.owner[32 * w + bit] !== vcpu || s.priority[32 * w + bit] >= bestPriority) continue;
        bestPriority = s.priority[32 * w + bit];
        best = 32 * i + bit;
      }
    }
    return best;
  }

  /** The guest ended an active interrupt that had no list register: by the order of EOIs, that of the highest priority. */
  #endHighestActive(vcpu: number): void {
    const intid = this.#highestActive(vcpu);
    if (intid >= 0) this.#gic.deactivate(intid, vcpu);
  }

  /** Lets go of physical interrupts whose virtual one is neither pending nor active any more. */
  #release(vcpu: number): void {
    const gic = this.#gic;
    for (let i = 0; i <= gic.spiWords; i++) {
      const w = i === 0 ? vcpu : gic.vcpus + i - 1;
      const kept = gic.state.latch[w] | gic.state.active[w] | gic.state.listed[w];
      for (let bits = this.#inFlight[w] & ~kept; bits !== 0; bits &= bits - 1) {
        const bit = 31 - Math.clz32(bits & -bits);
        this.#inFlight[w] &= ~(1 << bit);
        this.#options.releasePhysical?.(vcpu, this.#options.forwarded?.get(32 * i + bit) ?? 0);
      }
    }
  }

  /** Makes register accesses see, and change, what stands in list registers at that moment. */
  #exact(device: Device): Device {
    const around = <T>(access: () => T): T => {
      for (let vcpu = 0; vcpu < this.#ich.length; vcpu++) this.leave(vcpu);
      const result = access();
      for (let vcpu = 0; vcpu < this.#ich.length; vcpu++) this.enter(vcpu);
      return result;
    };
    return {
      ...device,
      read: (offset, bytes, vcpu) => around(() => device.read(offset, bytes, vcpu)),
      write: (offset, bytes, value, vcpu) => around(() => device.write(offset, bytes, value, vcpu)),
    };
  }

  #reset(): void {
    this.#inFlight.fill(0);
    this.#cpu.fill(0);
    this.#gic.reset();
    this.#ich.forEach((ich, vcpu) => {
      if (ich !== null) this.load(vcpu, ich);
    });
  }

  #snapshot(): VgicState {
    this.#ich.forEach((_, vcpu) => this.leave(vcpu));
    const cpu = this.#cpu.slice();
    this.#ich.forEach((ich, vcpu) => {
      if (ich !== null) SAVED.forEach((encoding, i) => cpu[SAVED.length * vcpu + i] = read(ich, encoding));
    });
    const state = structuredClone({ distributor: this.#gic.state, inFlight: this.#inFlight, cpu });
    this.#ich.forEach((_, vcpu) => this.enter(vcpu));
    return state;
  }

  #restore(state: VgicState): void {
    this.#inFlight = state.inFlight.slice();
    this.#cpu = state.cpu.slice();
    this.#gic.restore(state.distributor);
    this.#ich.forEach((ich, vcpu) => {
      if (ich !== null) this.load(vcpu, ich);
    });
  }
}

/** ICH registers are EL2's, and have one bank. */
function read(ich: GicCpuInterface, encoding: number): number {
  return ich.read(encoding, false, 2, true);
}

function write(ich: GicCpuInterface, encoding: number, lo: number, hi = 0): void {
  ich.write(encoding, lo, hi, false, 2, true);
}
