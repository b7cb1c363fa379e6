import type { Resident } from "../cpu/exceptions.ts";
import { readSysreg, writeSysreg } from "../cpu/sysreg_access.ts";
import { sysregIndex } from "../cpu/sysregs.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import { TrapLog } from "../log/record.ts";
import type { Bus } from "../machine/bus.ts";
import { GUEST_BYTES, GUEST_IPA, GUEST_PA, HYPERVISOR_PA } from "../machine/memory_map.ts";
import type { Mmu } from "../mmu/mmu.ts";
import type { PhysicalMemory } from "../mmu/physical.ts";
import type { Clock } from "../../devices/device.ts";
import { TablePool } from "./table_pool.ts";
import { handleSynchronous } from "./traps.ts";
import { enableDistributor, enablePhysicalInterrupts } from "./vgic.ts";
import { Vm, type VmHost, type VmOptions, type VmVcpu } from "./vm.ts";

const HCR_EL2 = sysregIndex("HCR_EL2");
const HCR_VSE = 1 << 8;
/** Vector offsets: the kind of exception, and the bit of a lower level. */
const VECTOR_KIND = 0x180, VECTOR_LOWER = 0x400;
const IRQ = 0x80, FIQ = 0x100, SERROR = 0x180;

/** The machine on which a hypervisor runs. */
export interface HypervisorOptions {
  /** The vCPUs of the machine, reset to EL2; each has its GIC CPU interface, MMU and timers. */
  readonly vcpus: readonly Vcpu[];
  readonly memory: PhysicalMemory;
  readonly mmu: Mmu;
  readonly clock: Clock;
  /** The physical address space's devices: the GIC is set up there. */
  readonly bus: Bus;
}

/**
 * Our hypervisor: the resident of EL2. It is installed on every vCPU when it is made, and reaches the machine only as
 * software at EL2 could: system registers, memory, the GIC.
 *
 *     const hypervisor = new Hypervisor({ vcpus, memory, mmu, clock, bus });
 *     const vm = hypervisor.createVm({ host });
 *     vm.bus.add(PL011_BASE, new Pl011(vm.line(PL011_INTID), clock, backend));
 *     vm.start({ pc: entry, x0Lo: dtb });   // then the machine runs
 */
export class Hypervisor implements Resident {
  readonly vms: Vm[] = [];
  readonly #options: HypervisorOptions;
  readonly #pool: TablePool;
  /** What runs on each physical CPU. */
  readonly #running: (VmVcpu | undefined)[] = [];

  constructor(options: HypervisorOptions) {
    this.#options = options;
    this.#pool = new TablePool(options.memory, HYPERVISOR_PA, GUEST_PA);
    enableDistributor(options.bus);
    for (const vcpu of options.vcpus) {
      vcpu.residents[2] = this;
      enablePhysicalInterrupts(vcpu.gic!, vcpu.index, options.bus);
    }
  }

  /** Makes a VM with RAM at its place in the memory map and, unless others are named, all vCPUs of the machine. */
  createVm(options: Partial<VmOptions> & { readonly host: VmHost }): Vm {
    const { vcpus, clock, memory, mmu } = this.#options;
    const vmid = this.vms.length + 1;
    const vm = new Vm({
      name: `vm${vmid}`,
      vmid,
      ramIpa: GUEST_IPA,
      ramBytes: GUEST_BYTES,
      ramPa: GUEST_PA,
      vcpus,
      clock,
      log: new TrapLog(),
      ...options,
    }, {
      memory,
      pool: this.#pool,
      invalidate: (id) => mmu.maintenance.invalidateVmid(id, false),
    });
    for (const c of vm.vcpus) {
      if (this.#running[c.vcpu.index] !== undefined) {
        throw new RangeError(`Cannot give CPU ${c.vcpu.index} to VM ${vm.name} as another VM has it`);
      }
    }
    for (const c of vm.vcpus) {
      this.#running[c.vcpu.index] = c;
      c.powerOff();
    }
    this.vms.push(vm);
    return vm;
  }

  onException(vcpu: Vcpu, _el: number, vector: number): void {
    const c = this.#running[vcpu.index];
    if (c === undefined || (vector & VECTOR_LOWER) === 0) {
      throw new Error(`Cannot handle exception 0x${vector.toString(16)} at EL2 as no guest has caused it`);
    }
    c.isInTrap = true;
    switch (vector & VECTOR_KIND) {
      case IRQ:
        c.vm.vgic.handleInterrupt(c, false);
        break;
      case FIQ:
        c.vm.vgic.handleInterrupt(c, true);
        break;
      case SERROR:
        // The guest takes it as a virtual SError
        writeSysreg(vcpu, HCR_EL2, readSysreg(vcpu, HCR_EL2) | HCR_VSE, vcpu.hi);
        break;
      default:
        handleSynchronous(c);
    }
    c.vm.vgic.enter(c);
    c.isInTrap = false;
    c.finishTrap();
  }
}
