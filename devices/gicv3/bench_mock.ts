import { INTERRUPT } from "../../core/cpu/gic_interface.ts";
import type { Device } from "../device.ts";
import type { DistributorOptions } from "./distributor.ts";
import { Gicv3 } from "./gicv3.ts";
import { GIC_ENCODING } from "./system_registers.ts";

export const GICD = {
  CTLR: 0x0,
  TYPER: 0x4,
  IGROUPR: 0x80,
  ISENABLER: 0x100,
  ICENABLER: 0x180,
  ISPENDR: 0x200,
  ICPENDR: 0x280,
  ISACTIVER: 0x300,
  ICACTIVER: 0x380,
  IPRIORITYR: 0x400,
  ICFGR: 0xc00,
  IGRPMODR: 0xd00,
  NSACR: 0xe00,
  IROUTER: 0x6000,
  PIDR2: 0xffe8,
};
export const SGI_FRAME = 0x1_0000;

/** A driver of a GIC for tests: registers by name and offset, from one vCPU at a time. */
export class Bench {
  readonly gic: Gicv3;
  readonly gicd: Device;
  readonly gicr: Device;
  vcpu = 0;
  el = 1;
  nonSecure = true;
  fiqToEl3 = false;
  /** The accesses go to the virtual registers. */
  virtual = false;
  /** How often each vCPU was told that its interrupts may have changed. */
  readonly told: number[];

  constructor(options: Partial<DistributorOptions> = {}, isSecure = false) {
    this.gic = new Gicv3({ vcpus: 2, ...options });
    this.gicd = this.gic.distributor(isSecure);
    this.gicr = this.gic.redistributors(isSecure);
    this.told = new Array(options.vcpus ?? 2).fill(0);
    this.told.forEach((_, i) =>
      this.gic.connect(i, { interruptsChanged: () => void this.told[i]++, fiqToEl3: () => this.fiqToEl3 })
    );
  }

  read(name: string): number {
    return this.gic.cpuInterface(this.vcpu).read(GIC_ENCODING[name], this.virtual, this.el, this.nonSecure);
  }

  write(name: string, lo: number, hi = 0): void {
    this.gic.cpuInterface(this.vcpu).write(GIC_ENCODING[name], lo, hi, this.virtual, this.el, this.nonSecure);
  }

  get(offset: number): number {
    return this.gicd.read(offset, 4, this.vcpu);
  }

  put(offset: number, value: number): void {
    this.gicd.write(offset, 4, value, this.vcpu);
  }

  /** The interrupt lines of the vCPU, by name. */
  lines(): string {
    const isSecure = this.el === 3 || !this.nonSecure;
    const bits = this.gic.cpuInterface(this.vcpu).pending(this.el, isSecure);
    return Object.entries(INTERRUPT).filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name).join();
  }

  /** What a driver does first: all interrupts in Group 1, distributor and CPU interface on, priority mask open. */
  start(): this {
    this.put(GICD.CTLR, 2);
    for (let i = 1; i < 9; i++) this.put(GICD.IGROUPR + 4 * i, 0xffff_ffff);
    this.told.forEach((_, vcpu) => {
      this.vcpu = vcpu;
      this.gicr.write(0x2_0000 * vcpu + 0x14, 4, 0, vcpu);
      this.redistributor(GICD.IGROUPR, 0xffff_ffff);
      this.write("ICC_PMR_EL1", 0xff);
      this.write("ICC_IGRPEN1_EL1", 1);
    });
    this.vcpu = 0;
    return this;
  }

  /** Writes a register of the vCPU's SGI frame, or reads it. */
  redistributor(offset: number, value?: number): number {
    const at = 0x2_0000 * this.vcpu + SGI_FRAME + offset;
    if (value === undefined) return this.gicr.read(at, 4, this.vcpu);
    this.gicr.write(at, 4, value, this.vcpu);
    return 0;
  }

  /** Enables an interrupt at a priority. */
  enable(intid: number, priority = 0xa0): void {
    const device = intid < 32 ? this.gicr : this.gicd;
    const base = intid < 32 ? 0x2_0000 * this.vcpu + SGI_FRAME : 0;
    device.write(base + GICD.IPRIORITYR + intid, 1, priority, this.vcpu);
    device.write(base + GICD.ISENABLER + 4 * (intid >>> 5), 4, (1 << (intid & 31)) >>> 0, this.vcpu);
  }
}
