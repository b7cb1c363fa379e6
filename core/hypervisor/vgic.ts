import type { GicCpuInterface } from "../cpu/gic_interface.ts";
import { encodeSysreg } from "../cpu/sysregs.ts";
import type { Bus } from "../machine/bus.ts";
import { GICD_BASE, GICR_BASE, GICR_STRIDE, PMU_INTID, TIMER_INTID } from "../machine/memory_map.ts";
import type { Device, Line } from "../../devices/device.ts";
import { VgicDistributor } from "../../devices/gicv3/vgic.ts";
import { logTimer } from "./timer_log.ts";
import type { VmVcpu } from "./vm.ts";

const ICC_PMR_EL1 = encodeSysreg(3, 0, 4, 6, 0);
const ICC_IAR0_EL1 = encodeSysreg(3, 0, 12, 8, 0);
const ICC_EOIR0_EL1 = encodeSysreg(3, 0, 12, 8, 1);
const ICC_DIR_EL1 = encodeSysreg(3, 0, 12, 11, 1);
const ICC_SGI1R_EL1 = encodeSysreg(3, 0, 12, 11, 5);
const ICC_IAR1_EL1 = encodeSysreg(3, 0, 12, 12, 0);
const ICC_EOIR1_EL1 = encodeSysreg(3, 0, 12, 12, 1);
const ICC_BPR1_EL1 = encodeSysreg(3, 0, 12, 12, 3);
const ICC_CTLR_EL1 = encodeSysreg(3, 0, 12, 12, 4);
const ICC_IGRPEN1_EL1 = encodeSysreg(3, 0, 12, 12, 7);

/** ICC_CTLR_EL1.EOImode: ending an interrupt only drops the priority. */
const EOI_MODE = 2;
const NO_INTERRUPT = 1020;

/** Physical interrupts of the hypervisor's own. */
const KICK_SGI = 0;
const MAINTENANCE_INTID = 25;
/** Private interrupts that are the guest's: they come to EL2 and go on as virtual ones with the same number. */
const FORWARDED: ReadonlyMap<number, number> = new Map(
  [TIMER_INTID.virtual, TIMER_INTID.physical, PMU_INTID].map((intid) => [intid, intid]),
);

// Arm IHI 0069, register maps of the Distributor and the Redistributor
const GICD_CTLR = 0, GICR_WAKER = 0x14, SGI_FRAME = 0x1_0000;
const GICR_IGROUPR0 = SGI_FRAME + 0x80, GICR_ISENABLER0 = SGI_FRAME + 0x100, GICR_IPRIORITYR = SGI_FRAME + 0x400;
/** ARE_NS where there are two Security states, and EnableGrp1. */
const GICD_CTLR_GROUP1 = 0x12;
const PRIORITY = 0xa0a0_a0a0;

/** Accesses from EL2: Non-secure, never to the virtual interface. */
function read(gic: GicCpuInterface, encoding: number): number {
  return gic.read(encoding, false, 2, true);
}
function write(gic: GicCpuInterface, encoding: number, lo: number): void {
  gic.write(encoding, lo, 0, false, 2, true);
}

/** Makes the physical GIC deliver Group 1 interrupts. Once for the machine. */
export function enableDistributor(physical: Bus): void {
  const found = physical.find(GICD_BASE, 4);
  found?.device.write(GICD_BASE + GICD_CTLR - found.base, 4, GICD_CTLR_GROUP1, 0);
}

/** Makes a physical CPU take the interrupts that the hypervisor knows: priority drop and deactivation apart. */
export function enablePhysicalInterrupts(gic: GicCpuInterface, index: number, physical: Bus): void {
  const frame = GICR_BASE + GICR_STRIDE * index;
  const found = physical.find(frame, 4);
  const set = (offset: number, value: number) => found?.device.write(frame + offset - found.base, 4, value, index);
  const enabled = [KICK_SGI, MAINTENANCE_INTID, ...FORWARDED.keys()].reduce((bits, intid) => bits | 1 << intid, 0);
  set(GICR_WAKER, 0);
  set(GICR_IGROUPR0, 0xffff_ffff);
  for (let i = 0; i < 32; i += 4) set(GICR_IPRIORITYR + i, PRIORITY);
  set(GICR_ISENABLER0, enabled >>> 0);
  write(gic, ICC_PMR_EL1, 0xff);
  write(gic, ICC_BPR1_EL1, 0);
  write(gic, ICC_CTLR_EL1, EOI_MODE);
  write(gic, ICC_IGRPEN1_EL1, 1);
}

/**
 * The interrupts of a VM: its distributor and redistributors, its vCPUs' list registers, and what of the physical
 * interrupts goes on to it. Arm IHI 0069, "Virtual interrupt handling and prioritization".
 */
export class Vgic {
  readonly distributor: Device;
  readonly redistributors: Device;
  readonly #gic: VgicDistributor;
  readonly #vcpus: readonly VmVcpu[];
  /** A register access of the guest runs: it brings all list registers up to date by itself. */
  #isInRegisters = false;

  /** @param vcpus the VM's vCPUs by number; the array may be filled later. */
  constructor(vcpus: readonly VmVcpu[], count: number) {
    this.#vcpus = vcpus;
    this.#gic = new VgicDistributor({
      vcpus: count,
      forwarded: FORWARDED,
      changed: (index) => this.#changed(index),
      releasePhysical: (index, intid) => write(this.#vcpus[index].gic, ICC_DIR_EL1, intid),
    });
    this.distributor = this.#quiet(this.#gic.distributor);
    this.redistributors = this.#quiet(this.#gic.redistributors);
  }

  #quiet(device: Device): Device {
    return {
      ...device,
      read: (offset, bytes, vcpu) => {
        this.#isInRegisters = true;
        const value = device.read(offset, bytes, vcpu);
        this.#isInRegisters = false;
        return value;
      },
      write: (offset, bytes, value, vcpu) => {
        this.#isInRegisters = true;
        device.write(offset, bytes, value, vcpu);
        this.#isInRegisters = false;
      },
    };
  }

  /** An interrupt input of the VM: 16 to 31 for a private one of `vcpu`, or from 32 on for a shared one. */
  line(intid: number, vcpu = 0): Line {
    return this.#gic.line(intid, vcpu);
  }

  /** What is offered to a vCPU may have changed: before it runs on, its list registers are looked at. */
  #changed(index: number): void {
    const c = this.#vcpus[index];
    if (this.#isInRegisters || c === undefined || !c.isOn) return;
    c.hasStaleLists = true;
    if (!c.isInTrap) this.#kick(c);
  }

  /** Brings a vCPU to EL2 by a physical SGI. */
  #kick(c: VmVcpu): void {
    if (c.isKicked) return;
    c.isKicked = true;
    write(c.gic, ICC_SGI1R_EL1, KICK_SGI << 24 | 1 << c.vcpu.index);
  }

  /** The vCPU begins to run. */
  load(c: VmVcpu): void {
    this.#gic.load(c.index, c.gic);
    c.hasStaleLists = false;
  }

  /** The vCPU is switched off. */
  put(c: VmVcpu): void {
    this.#gic.put(c.index);
  }

  /** Brings the list registers up to date, where they are not. */
  enter(c: VmVcpu): void {
    if (!c.hasStaleLists) return;
    c.hasStaleLists = false;
    this.#gic.enter(c.index);
  }

  /** The guest has written ICC_SGI0R_EL1 (group 0), ICC_SGI1R_EL1 or ICC_ASGI1R_EL1 (group 1). */
  sendSgi(c: VmVcpu, lo: number, hi: number, group: 0 | 1): void {
    this.#gic.sendSgi(c.index, lo, hi, group);
  }

  /** Takes one physical interrupt. @param isGroup0 it came as an FIQ. */
  handleInterrupt(c: VmVcpu, isGroup0: boolean): void {
    const { gic } = c;
    const intid = read(gic, isGroup0 ? ICC_IAR0_EL1 : ICC_IAR1_EL1);
    if (intid >= NO_INTERRUPT) return;
    write(gic, isGroup0 ? ICC_EOIR0_EL1 : ICC_EOIR1_EL1, intid);
    if (FORWARDED.has(intid)) {
      logTimer(c, intid);
      // The guest's deactivation of the virtual interrupt deactivates the physical one
      this.#gic.pend(intid, c.index);
      return;
    }
    if (intid === KICK_SGI) c.isKicked = false;
    if (intid === MAINTENANCE_INTID) c.hasStaleLists = true;
    this.enter(c);
    write(gic, ICC_DIR_EL1, intid);
  }

  reset(): void {
    this.#gic.distributor.reset();
  }
  snapshot(): unknown {
    return this.#gic.distributor.snapshot();
  }
  restore(state: unknown): void {
    this.#gic.distributor.restore(state);
  }
}
