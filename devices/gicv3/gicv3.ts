import type { Device, Line } from "../device.ts";
import type { GicCpuInterface, GicVcpu } from "../../core/cpu/gic_interface.ts";
import { CpuInterface, type CpuInterfaceState } from "./cpu_interface.ts";
import { Distributor, type DistributorOptions, type DistributorState } from "./distributor.ts";
import { type DeviceState, distributorDevice, type IsSecure, redistributorsDevice } from "./frames.ts";

interface Gicv3State {
  distributor: DistributorState;
  cpus: CpuInterfaceState[];
}

/**
 * The physical GICv3: a distributor, and for each vCPU a redistributor, a CPU interface and a virtual CPU interface.
 * No LPIs and no ITS. Arm IHI 0069.
 */
export class Gicv3 {
  readonly #distributor: Distributor;
  readonly #cpus: CpuInterface[];

  constructor(options: DistributorOptions) {
    this.#distributor = new Distributor(options, (vcpu) => this.#cpus?.[vcpu]?.changed());
    this.#cpus = Array.from({ length: options.vcpus }, (_, i) => new CpuInterface(this.#distributor, i));
  }

  /** What the vCPU's system registers reach. */
  cpuInterface(vcpu: number): GicCpuInterface {
    return this.#cpus[vcpu];
  }

  /** Tells the CPU interface its vCPU. */
  connect(vcpu: number, cpu: GicVcpu): void {
    this.#cpus[vcpu].connect(cpu);
  }

  /**
   * An interrupt input.
   * @param intid 16 to 31 for a private peripheral interrupt of `vcpu`, or from 32 on for a shared one.
   */
  line(intid: number, vcpu = 0): Line {
    if (intid < 16 || !this.#distributor.has(intid)) {
      throw new RangeError(`Cannot connect a line to INTID ${intid} as it must be a PPI or SPI of the GIC`);
    }
    return { set: (level) => this.#distributor.setLevel(intid, vcpu, level) };
  }

  /**
   * GICD. Its reset and snapshot are the whole GIC's, redistributors and CPU interfaces included.
   * @param isSecure for a machine with two Security states: whose accesses this view answers.
   */
  distributor(isSecure: IsSecure = false): Device {
    return distributorDevice(this.#distributor, "gicd", isSecure, this.#state());
  }

  /** GICR: 128 KiB for each vCPU. */
  redistributors(isSecure: IsSecure = false): Device {
    return redistributorsDevice(this.#distributor, "gicr", isSecure);
  }

  #state(): DeviceState {
    return {
      reset: () => {
        this.#distributor.reset();
        for (const cpu of this.#cpus) cpu.reset();
      },
      snapshot: (): Gicv3State => ({
        distributor: structuredClone(this.#distributor.state),
        cpus: this.#cpus.map((cpu) => cpu.snapshot()),
      }),
      restore: (state: unknown) => {
        const { distributor, cpus } = state as Gicv3State;
        this.#distributor.restore(distributor);
        this.#cpus.forEach((cpu, i) => cpu.restore(cpus[i]));
      },
    };
  }
}
