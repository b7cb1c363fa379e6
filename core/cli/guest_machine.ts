import { CPU_MODELS } from "../cpu/features.ts";
import { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { Vm, VmHost } from "../hypervisor/vm.ts";
import { TrapLog } from "../log/record.ts";
import { RecordRing } from "../log/record_ring.ts";
import type { ByteRing } from "../machine/byte_ring.ts";
import { Machine } from "../machine/machine.ts";
import { GUEST_PA, PL011_BASE, PL011_INTID, PL031_BASE, PL031_INTID, RAM_PA } from "../machine/memory_map.ts";
import { Pl011 } from "../../devices/pl011.ts";
import { Pl031 } from "../../devices/pl031.ts";
import type { GuestLayout } from "./guest_layout.ts";
import type { Outbox } from "./outbox.ts";
import type { Outcome, StartMessage } from "./vm_protocol.ts";

/** Memory of the machine that is not the guest's: the hypervisor's. */
const HYPERVISOR_BYTES = GUEST_PA - RAM_PA;

/** How one life of the guest ended: with the run, or with a reset after which the next begins. */
export type Ending = Outcome | { readonly kind: "reset" };

/** A machine with our hypervisor and one guest on it, from its start to its end or reset. */
export class GuestMachine implements VmHost {
  readonly machine: Machine;
  readonly vm: Vm;
  readonly #console: Pl011;
  readonly #outbox: Outbox;
  readonly #input: ByteRing;
  /** Why the machine is to stop, as the main thread or the guest asked for. */
  #ending: Ending | null = null;
  readonly #stopRequest: () => Outcome | null;
  /** A byte of input that the UART had no room for, or -1. */
  #refused = -1;

  /**
   * Throws RangeError when the host has not the memory.
   * @param stopRequest tells whether the main thread wants the machine to stop, and as what.
   */
  constructor(message: StartMessage, outbox: Outbox, input: ByteRing, stopRequest: () => Outcome | null) {
    this.#outbox = outbox;
    this.#input = input;
    this.#stopRequest = stopRequest;
    this.machine = new Machine({
      ramBytes: HYPERVISOR_BYTES + message.memoryBytes,
      cpuCount: message.cpuCount,
      model: CPU_MODELS[message.cpu],
      highestEl: 2,
      time: message.time,
    });
    const { vcpus, ram: memory, mmu, clock, bus } = this.machine;
    const hypervisor = new Hypervisor({ vcpus, memory, mmu, clock, bus });
    const log = new TrapLog(message.logLevel, new RecordRing(message.logRing));
    if (message.isLogInterleaved) log.beforeRecord = () => outbox.flush();
    this.vm = hypervisor.createVm({
      ramBytes: message.memoryBytes,
      log,
      host: this,
    });
    this.#console = new Pl011(this.vm.line(PL011_INTID), clock, this);
    this.vm.bus.add(PL011_BASE, this.#console);
    this.vm.bus.add(PL031_BASE, new Pl031(this.vm.line(PL031_INTID), clock, message.epochSeconds));
  }

  /** Puts the guest in its memory and starts its first vCPU. */
  load({ segments, entry }: GuestLayout): void {
    const { ram } = this.machine;
    for (const { address, bytes } of segments) ram.u8.set(bytes, ram.hostOffset(this.vm.stage2.translate(address)));
    this.vm.start(entry);
  }

  /** Runs until the guest or the main thread ends it, or so many instructions have been executed. */
  run(instructions: number): Ending {
    const reason = this.machine.run({ poll: () => this.#poll(), wait: (ms) => this.#wait(ms) }, {
      instructions,
      milliseconds: Infinity,
    });
    this.#outbox.flush();
    if (this.#ending) return this.#ending;
    return { kind: reason === "idle" ? "idle" : "limit" };
  }

  #end(ending: Ending): void {
    this.#ending ??= ending;
    this.machine.stop();
  }

  /** Between slices: what the main thread wants, and what it sends. */
  #poll(): void {
    const request = this.#stopRequest();
    if (request) this.#end(request);
    this.#outbox.flushIfDue();
    this.#feed();
  }

  /** Gives the UART what input there is, as far as it takes it. */
  #feed(): void {
    for (;;) {
      if (this.#refused < 0) this.#refused = this.#input.read();
      if (this.#refused < 0 || !this.#console.receive(this.#refused)) return;
      this.#refused = -1;
    }
  }

  #wait(ms: number): void {
    this.#outbox.flush();
    // While the UART is full or off, only the guest can change that
    const known = this.#refused >= 0 ? this.#input.pending : 0;
    this.#input.wait(ms, () => this.#stopRequest() !== null, known);
  }

  // VmHost and Pl011Backend

  transmit(byte: number): void {
    this.#outbox.transmit(byte);
  }
  ready(): void {
    this.#feed();
  }
  powerOff(): void {
    this.#end({ kind: "off" });
  }
  reset(): void {
    this.#end({ kind: "reset" });
  }
  pause(): void {
    this.#outbox.notice("the guest asked for the monitor, and none is attached: it goes on");
  }
  kill(_: Vm, code: number, why: string): void {
    this.#end({ kind: "killed", code, why });
  }
}
