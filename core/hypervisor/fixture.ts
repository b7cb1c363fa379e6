import { assemble } from "../a64/assembler.ts";
import { CPU_MODELS } from "../cpu/features.ts";
import { handOver } from "../firmware/boot.ts";
import { TrapLog } from "../log/record.ts";
import { Machine } from "../machine/machine.ts";
import { DTB_ROOM_BYTES, GUEST_IPA, PL011_BASE, PL011_INTID, PL031_BASE, PL031_INTID } from "../machine/memory_map.ts";
import { Pl011 } from "../../devices/pl011.ts";
import { Pl031 } from "../../devices/pl031.ts";
import { Hypervisor } from "./hypervisor.ts";
import type { Vm } from "./vm.ts";

/** A machine with our hypervisor and a VM with console and clock, for tests: what the guest writes stands in `console`. */
export class HypervisorFixture {
  readonly machine: Machine;
  readonly hypervisor: Hypervisor;
  readonly vm: Vm;
  readonly uart: Pl011;
  console = "";
  /** Where the labels of the last guest are. */
  labels: ReadonlyMap<string, bigint> = new Map();
  readonly lines: string[] = [];
  /** What the guest asked of its host, such as "off" or "kill 3". */
  readonly events: string[] = [];
  /** Somebody is there when the guest is to pause; it goes on all the same. */
  hasMonitor = false;

  constructor(options: { vcpus?: number; ramBytes?: number; model?: string; time?: "virtual" | "real" } = {}) {
    const { vcpus = 1, ramBytes = 0x100_0000, model = "max", time = "virtual" } = options;
    const transmit = (byte: number) => void (this.console += String.fromCharCode(byte));
    this.machine = new Machine({
      ramBytes: 0x200_0000 + ramBytes,
      cpuCount: vcpus,
      model: CPU_MODELS[model],
      highestEl: 3,
      time,
    });
    const { clock, ram, mmu, bus, gic } = this.machine;
    handOver(this.machine.vcpus, gic.distributor(true));
    this.hypervisor = new Hypervisor({ vcpus: this.machine.vcpus, memory: ram, mmu, clock, bus });
    const stop = (event: string) => {
      this.events.push(event);
      this.machine.stop();
    };
    this.vm = this.hypervisor.createVm({
      ramBytes,
      log: new TrapLog("deny", (line) => void this.lines.push(line)),
      host: {
        transmit,
        powerOff: () => stop("off"),
        reset: () => stop("reset"),
        pause: () => {
          this.events.push("pause");
          return this.hasMonitor;
        },
        kill: (_, code) => stop(`kill ${code}`),
      },
    });
    this.uart = new Pl011(this.vm.line(PL011_INTID), clock, { transmit });
    this.vm.bus.add(PL011_BASE, this.uart);
    this.vm.bus.add(PL031_BASE, new Pl031(this.vm.line(PL031_INTID), clock, 1_700_000_000));
  }

  /** Byte offset in memory of an IPA of guest RAM. */
  host(ipa: number): number {
    return this.machine.ram.hostOffset(this.vm.stage2.translate(ipa));
  }

  load(ipa: number, bytes: Uint8Array): void {
    const host = this.host(ipa), { ram, engine } = this.machine;
    ram.u8.set(bytes, host);
    for (let page = host >>> 12; page <= (host + bytes.length) >>> 12; page++) engine.storedTo(page);
  }

  /** Types on the guest's console. @returns how many characters it took. */
  type(text: string): number {
    for (let i = 0; i < text.length; i++) if (!this.uart.receive(text.charCodeAt(i))) return i;
    return text.length;
  }

  /** Where the devicetree goes. */
  get dtbIpa(): number {
    return GUEST_IPA + this.vm.ram.bytes - DTB_ROOM_BYTES;
  }

  /** Runs for at most this many instructions more. */
  run(instructions: number): string {
    return this.machine.run({ poll: () => {}, wait: () => {} }, {
      instructions: this.machine.instructions + instructions,
      milliseconds: 60_000,
    });
  }

  /**
   * Assembles and runs a guest on vCPU 0 until it ends with the `off` macro or by an exception at EL1, which leaves
   * ESR_EL1, FAR_EL1, ELR_EL1 and SPSR_EL1 in x20 to x23 and the vector's offset in x24 (0 without exception).
   * @param source begins at GUEST_IPA with x28 and x29 the PL011 and the GICD.
   */
  runGuest(source: string, instructions = 1_000_000): this {
    const { bytes, labels } = assemble(PROLOGUE + source + EPILOGUE, { origin: BigInt(GUEST_IPA) });
    this.labels = labels;
    this.load(GUEST_IPA, bytes);
    this.vm.start({ pc: GUEST_IPA });
    this.run(instructions);
    return this;
  }

  /** X<n> of a vCPU. */
  x(n: number, vcpu = 0): bigint {
    const c = this.machine.vcpus[vcpu];
    return BigInt(c.xHi(n)) << 32n | BigInt(c.xLo(n));
  }
}

const PROLOGUE = `
.macro off
    ldr x0, =0x84000008
    hvc #0
.endm
    adr x24, vectors
    msr vbar_el1, x24
    mov x24, #0
    ldr x28, =0x09000000
    ldr x29, =0x08000000
`;
const EPILOGUE = `
    off
    .balign 2048
vectors:
${
  Array.from({ length: 16 }, (_, n) => `
    .balign 128
    mov x24, #${128 * n}
    b caught`).join("")
}
caught:
    mrs x20, esr_el1
    mrs x21, far_el1
    mrs x22, elr_el1
    mrs x23, spsr_el1
    off
`;
