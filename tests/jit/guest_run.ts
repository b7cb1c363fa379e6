import { createHash } from "node:crypto";
import { layOutGuest } from "../../core/cli/guest_layout.ts";
import type { GuestFiles } from "../../core/cli/vm_protocol.ts";
import { CPU_MODELS } from "../../core/cpu/features.ts";
import { Hypervisor } from "../../core/hypervisor/hypervisor.ts";
import { TrapLog } from "../../core/log/record.ts";
import { Machine } from "../../core/machine/machine.ts";
import { GUEST_PA, PL011_BASE, PL011_INTID, PL031_BASE, PL031_INTID, RAM_PA } from "../../core/machine/memory_map.ts";
import { Pl011 } from "../../devices/pl011.ts";
import { Pl031 } from "../../devices/pl031.ts";

/** A guest, and how it is run. */
export interface GuestOptions {
  readonly kernel?: Uint8Array;
  readonly initrd?: Uint8Array;
  readonly append?: string;
  readonly memoryBytes: number;
  readonly cpuCount?: number;
  readonly jit: boolean;
  readonly maxInstructions: number;
}

/** What must be the same however the guest was run. */
export interface GuestResult {
  readonly instructions: number;
  readonly console: string;
  /** Of the guest's whole memory. */
  readonly memoryDigest: string;
  readonly ending: string;
}

const EPOCH_SECONDS = 1_767_225_600;

/** The machine with our hypervisor and a guest, in virtual time, without a command line around it. */
export class GuestRun {
  readonly machine: Machine;
  #console: number[] = [];
  #ending = "limit";

  constructor(readonly options: GuestOptions) {
    const { memoryBytes, cpuCount = 1, jit } = options;
    const machine = this.machine = new Machine({
      ramBytes: GUEST_PA - RAM_PA + memoryBytes,
      cpuCount,
      model: CPU_MODELS.max,
      highestEl: 2,
      time: "virtual",
      jit,
    });
    const { vcpus, ram: memory, mmu, clock, bus } = machine;
    // The interpreter's are all TypeScript's
    for (const vcpu of vcpus) vcpu.hasCodeExceptions = jit;
    const transmit = (byte: number) => void this.#console.push(byte);
    const stop = (ending: string) => {
      this.#ending = ending;
      machine.stop();
    };
    const vm = new Hypervisor({ vcpus, memory, mmu, clock, bus }).createVm({
      ramBytes: memoryBytes,
      log: new TrapLog("none", () => {}),
      host: {
        transmit,
        powerOff: () => stop("off"),
        reset: () => stop("reset"),
        pause: () => false,
        kill: (_, code) => stop(`killed (${code})`),
      },
    });
    vm.bus.add(PL011_BASE, new Pl011(vm.line(PL011_INTID), clock, { transmit }));
    vm.bus.add(PL031_BASE, new Pl031(vm.line(PL031_INTID), clock, EPOCH_SECONDS));
    const layout = layOutGuest(guestFiles(options), memoryBytes, cpuCount);
    for (const { address, bytes } of layout.segments) {
      memory.u8.set(bytes, memory.hostOffset(vm.stage2.translate(address)));
    }
    vm.start(layout.entry);
  }

  /** Runs the guest to its end or to the limit. */
  run(): GuestResult {
    const { machine, options } = this;
    machine.run({ poll() {}, wait: () => machine.stop() }, {
      instructions: options.maxInstructions,
      milliseconds: Infinity,
    });
    const start = machine.ram.hostOffset(GUEST_PA);
    const memory = machine.ram.u8.subarray(start, start + options.memoryBytes);
    return {
      instructions: machine.instructions,
      console: new TextDecoder().decode(Uint8Array.from(this.#console)),
      memoryDigest: createHash("sha256").update(memory).digest("hex"),
      ending: this.#ending,
    };
  }
}

function guestFiles({ kernel, initrd, append }: GuestOptions): GuestFiles {
  return {
    kernelName: kernel ? "kernel" : null,
    kernel: kernel?.slice() ?? null,
    initrdName: initrd ? "initrd" : null,
    initrd: initrd?.slice() ?? null,
    append: append ?? null,
    dtb: null,
    dtbName: null,
    rngSeed: new Uint8Array(32).fill(5),
    dumpDtb: false,
  };
}
