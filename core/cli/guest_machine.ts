import { ExceptionLoop } from "../cpu/exception_loop.ts";
import { CPU_MODELS } from "../cpu/features.ts";
import { EC_NAMES } from "../cpu/syndrome.ts";
import { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { Vm, VmHost } from "../hypervisor/vm.ts";
import { TrapLog } from "../log/record.ts";
import { RecordRing } from "../log/record_ring.ts";
import type { ByteRing } from "../machine/byte_ring.ts";
import { Machine, ramBytesMax } from "../machine/machine.ts";
import { GUEST_PA, PL011_BASE, PL011_INTID, PL031_BASE, PL031_INTID, RAM_PA } from "../machine/memory_map.ts";
import { Pl011 } from "../../devices/pl011.ts";
import { Pl031 } from "../../devices/pl031.ts";
import { hex } from "../debug/debug_error.ts";
import type { DebugHost } from "../debug/debugger.ts";
import type { DebuggedGuest, GuestDebugger, PolicyChange } from "./guest_debugger.ts";
import type { GuestLayout } from "./guest_layout.ts";
import type { Outbox } from "./outbox.ts";
import type { Outcome, StartMessage } from "./vm_protocol.ts";

/** Memory of the machine that is not the guest's: the hypervisor's. */
const HYPERVISOR_BYTES = GUEST_PA - RAM_PA;

/** The most RAM that a guest with so many vCPUs can have. */
export function guestBytesMax(cpuCount: number): number {
  return ramBytesMax(cpuCount) - HYPERVISOR_BYTES;
}

/** How one life of the guest ended: with the run, or with a reset after which the next begins. */
export type Ending = Outcome | { readonly kind: "reset" };
/** Why a run came back: its end, or policies that wait to be put in place. */
export type Return = Ending | { readonly kind: "policies"; readonly change: PolicyChange };

/** A machine with our hypervisor and one guest on it, from its start to its end or reset. */
export class GuestMachine implements VmHost, DebuggedGuest {
  readonly machine: Machine;
  readonly vm: Vm;
  readonly #console: Pl011;
  readonly #outbox: Outbox;
  readonly #input: ByteRing;
  /** Why the machine is to stop, as the main thread or the guest asked for. */
  #ending: Ending | null = null;
  #change: PolicyChange | null = null;
  /** Who may stop the machine, if anybody. */
  debugger: GuestDebugger | null = null;
  readonly #stopRequest: () => Outcome | null;
  readonly #loops: readonly ExceptionLoop[];
  /** A byte of input that the UART had no room for, or -1. */
  #refused = -1;
  #isPauseTold = false;

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
      jit: message.jit,
      compilerPort: message.compilerPort ?? undefined,
    });
    const { vcpus, ram: memory, mmu, clock, bus } = this.machine;
    const hypervisor = new Hypervisor({ vcpus, memory, mmu, clock, bus });
    const log = new TrapLog(message.logLevel, new RecordRing(message.logRing));
    this.#loops = vcpus.map((vcpu) => new ExceptionLoop(vcpu));
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

  /**
   * Runs until the guest or the main thread ends it, or so many instructions have been executed since its start. It goes
   * on when it is called again after policies have been changed.
   */
  run(instructions: number): Return {
    const limits = { instructions, milliseconds: Infinity };
    const reason = this.debugger?.run(this.#host, limits) ?? this.machine.run(this.#host, limits);
    this.#outbox.flush();
    if (this.#ending) return this.#ending;
    const change = this.#change;
    this.#change = null;
    if (change) return { kind: "policies", change };
    return { kind: reason === "idle" ? "idle" : "limit" };
  }

  /** The first end counts, and each before a reset. */
  #end(ending: Ending): void {
    if (this.#ending === null || this.#ending.kind === "reset") this.#ending = ending;
    this.machine.stop();
  }

  readonly #host: DebugHost = ((guest: GuestMachine): DebugHost => ({
    poll: () => guest.#poll(),
    wait: (ms) => guest.#wait(ms),
    get isOpen() {
      return guest.debugger !== null || !guest.#input.isEnded || (guest.#refused < 0 && guest.#input.pending > 0);
    },
    get isEnding() {
      return guest.#ending !== null || guest.#change !== null;
    },
    waitForCommand: () => guest.#waitForCommand(),
  }))(this);

  /** Between slices: what the main thread wants, and what it sends. */
  #poll(): void {
    const request = this.#stopRequest();
    if (request) this.#end(request);
    this.#lookForCrash();
    this.#outbox.flushIfDue();
    this.debugger?.frontEnds.poll();
    this.#feed();
  }

  /** Ends the run when every vCPU that is on does nothing but take exceptions. */
  #lookForCrash(): void {
    const loops = this.#loops.filter((_, n) => this.vm.vcpus[n].isOn);
    if (!loops.length || !loops.every((loop) => loop.isEndless())) return;
    const [{ vcpu, place: { el, pc, esr } }] = loops, what = EC_NAMES[esr >>> 26] ?? "unknown class";
    const why = `vCPU ${vcpu.index} fails at its own exception vector: PC ${hex(pc, 16)}, ` +
      `ESR_EL${el} ${hex(esr, 8)} (${what})`;
    for (const loop of loops) loop.forget();
    if (!this.debugger?.crashed(why)) this.#end({ kind: "crashed", why });
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
    this.#input.wait(ms, () => this.#isCalled, known);
  }

  /** Somebody wants the machine to look up. */
  get #isCalled(): boolean {
    return this.#stopRequest() !== null || (this.debugger?.hasInput ?? false);
  }

  #waitForCommand(): void {
    this.#outbox.flush();
    // The guest's input waits as long as the guest
    this.#input.wait(Infinity, () => this.#isCalled, this.#input.pending);
  }

  // DebuggedGuest

  quit(): void {
    this.#end({ kind: "interrupted" });
  }
  changePolicies(change: PolicyChange): void {
    this.#change = change;
    this.machine.stop();
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
  pause(): boolean {
    if (this.debugger?.pause()) return true;
    if (!this.#isPauseTold) this.#outbox.notice("the guest asked for the monitor, and none is attached: it goes on");
    this.#isPauseTold = true;
    return false;
  }
  kill(_: Vm, code: number, why: string): void {
    this.#end({ kind: "killed", code, why });
  }
}
