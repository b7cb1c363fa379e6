import { MEANINGS } from "../a64/table.ts";
import { Decoder } from "../a64/decoder.ts";
import type { CpuModel } from "../cpu/features.ts";
import { CpuExceptionModel } from "../cpu/exception_model.ts";
import { VCPU_BYTES } from "../cpu/layout.ts";
import { Pmu } from "../cpu/pmu.ts";
import { resetCpu } from "../cpu/reset.ts";
import { sysregIndex } from "../cpu/sysregs.ts";
import { Timers } from "../cpu/timers.ts";
import { Vcpu } from "../cpu/vcpu.ts";
import { Engine } from "../engine/engine.ts";
import { RemoteCompiler } from "../engine/jit/remote_compiler.ts";
import { PAGE_RECORD_BYTES } from "../engine/record.ts";
import { MEMO_BYTES } from "../engine/record_memo.ts";
import { uncheckedSysregs } from "../engine/trapped_sysregs.ts";
import { Mmu } from "../mmu/mmu.ts";
import { PhysicalMemory } from "../mmu/physical.ts";
import { mmuFeatures, resolveMmuRegisters } from "../mmu/regime.ts";
import { TLB_BYTES } from "../mmu/tlb.ts";
import { Gicv3 } from "../../devices/gicv3/gicv3.ts";
import { Bus } from "./bus.ts";
import { EventQueue } from "./events.ts";
import { HardwareDebug } from "./hardware_debug.ts";
import { GICD_BASE, GICR_BASE, RAM_PA } from "./memory_map.ts";
import { busAccess } from "./bus_access.ts";

/** Code pages whose decoded records are kept at once: 32 MiB of guest code. */
const RECORD_PAGES = 8192;
const WASM_PAGE = 65536;
const WASM_PAGES_MAX = 65536;
/** The first bytes of memory stay empty, so that a null pointer of ours meets zeros. */
const STATE_OFFSET = WASM_PAGE;
/** Instructions of one slice: how long the host, other vCPUs and new events may wait. */
const SLICE_INSTRUCTIONS = 200_000;
const SMP_SLICE_INSTRUCTIONS = 20_000;

export interface MachineOptions {
  readonly ramBytes: number;
  readonly cpuCount: number;
  readonly model: CpuModel;
  /** Highest Exception level implemented: 3, 2 or 1. */
  readonly highestEl: 1 | 2 | 3;
  /** "virtual": an instruction takes one nanosecond and waiting none; "real": the host's clock. */
  readonly time: "virtual" | "real";
  /** Whether hot code is translated by the JIT; true by default. */
  readonly jit?: boolean;
  /** Leads to a thread that compiles for the JIT (see engine/jit/compiler_worker.ts); by default this one does. */
  readonly compilerPort?: MessagePort;
}

/** Why `run` came back. */
export type StopReason = "stopped" | "instructions" | "time" | "idle";

export interface RunLimits {
  /** Instructions of all vCPUs together. */
  readonly instructions: number;
  /** Milliseconds of the host's clock. */
  readonly milliseconds: number;
}

/** Looks at the host while no vCPU runs: input, and whether to stop. */
export interface Host {
  /** Called between slices. */
  poll(): void;
  /** Blocks until something happens on the host or `ms` have passed; Infinity waits for the host alone. */
  wait(ms: number): void;
  /** False when nothing on the host can reach the machine any more: it then waits for its own events alone. */
  readonly isOpen?: boolean;
}

/** The emulated machine: vCPUs, RAM, GIC, timers and what runs them. It knows nothing of what runs in it. */
export class Machine {
  readonly memory: WebAssembly.Memory;
  readonly buffer: SharedArrayBuffer;
  readonly ram: PhysicalMemory;
  readonly vcpus: readonly Vcpu[];
  readonly mmu: Mmu;
  readonly engine: Engine;
  readonly gic: Gicv3;
  readonly bus = new Bus();
  readonly clock: EventQueue;
  readonly exceptions = new CpuExceptionModel();
  /** Instructions executed by all vCPUs up to the running slice. */
  #instructions = 0;
  /** Virtual nanoseconds that passed while every vCPU waited. */
  #idleNs = 0;
  /** The host's time at which the machine's was 0, were it not for pauses; and when the pause began. */
  #startMs = performance.now();
  #pausedAtMs: number | null = this.#startMs;
  /** The time when it was looked at last; with real time that is dear, and done between slices at least. */
  #recentNs = 0;
  #stopped = false;
  #turn = 0;

  constructor(readonly options: MachineOptions) {
    const { ramBytes, cpuCount, model } = options;
    const { tlbs, records, memo, ram } = layOut(cpuCount);
    this.memory = allocate(ram + ramBytes);
    this.buffer = this.memory.buffer as unknown as SharedArrayBuffer;
    this.ram = new PhysicalMemory(this.buffer, [{ base: RAM_PA, size: ramBytes, offset: ram }]);
    const recent = options.time === "real" ? () => this.#recentNs : undefined;
    this.clock = new EventQueue(() => this.#nowNs(), () => this.engine.stopSoon(), recent);
    this.mmu = new Mmu({
      memory: this.ram,
      registers: resolveMmuRegisters(sysregIndex),
      features: mmuFeatures(model),
    });
    const soleVcpu = cpuCount === 1 ? STATE_OFFSET : 0;
    this.engine = new Engine({
      memory: this.memory,
      mmu: this.mmu,
      bus: busAccess(this.bus),
      exceptions: this.exceptions,
      decoder: new Decoder(MEANINGS, model.features),
      recordsOffset: records,
      recordPages: RECORD_PAGES,
      memoOffset: memo,
      jit: options.jit ?? true,
      soleVcpu,
      compiler: options.compilerPort &&
        new RemoteCompiler(options.compilerPort, this.buffer, model.features, soleVcpu),
    });
    this.mmu.runningInstruction = (vcpu) => this.engine.runningInstruction(vcpu);
    this.exceptions.onBreakpoint = () => this.engine.stepOver();
    this.gic = new Gicv3({ vcpus: cpuCount, securityStates: options.highestEl === 3 ? 2 : 1 });
    this.bus.add(GICD_BASE, this.gic.distributor());
    this.bus.add(GICR_BASE, this.gic.redistributors());
    this.vcpus = Array.from(
      { length: cpuCount },
      (_, n) => this.#makeVcpu(n, STATE_OFFSET + n * VCPU_BYTES, tlbs + n * TLB_BYTES),
    );
    const debug = new HardwareDebug(this.engine, this.mmu, this.vcpus);
    for (const vcpu of this.vcpus) {
      vcpu.onDebugChanged = () => debug.changed(vcpu);
      vcpu.peers = this.vcpus;
      resetCpu(vcpu);
      vcpu.isRunning = vcpu.index === 0;
    }
  }

  #makeVcpu(n: number, base: number, tlb: number): Vcpu {
    const { model, highestEl } = this.options;
    const vcpu = new Vcpu(this.buffer, base, n);
    vcpu.model = model;
    vcpu.hasEl2 = highestEl >= 2;
    vcpu.hasEl3 = highestEl >= 3;
    vcpu.gic = this.gic.cpuInterface(n);
    this.gic.connect(n, vcpu);
    vcpu.mmu = this.mmu;
    vcpu.clock = this.clock;
    vcpu.timers = new Timers(vcpu, this.clock);
    vcpu.pmu = new Pmu(vcpu, this.clock, () => this.engine.executedBy(vcpu));
    vcpu.onAttention = () => this.engine.stopSoon();
    vcpu.onSysregTraps = () => this.engine.trapSysregs(uncheckedSysregs(this.vcpus.map((c) => c.sysregTraps)));
    this.mmu.attach(vcpu, tlb);
    return vcpu;
  }

  /** Instructions executed by all vCPUs. */
  get instructions(): number {
    return this.#instructions + this.engine.elapsed;
  }

  #nowNs(): number {
    if (this.options.time === "real") {
      return this.#recentNs = Math.floor(((this.#pausedAtMs ?? performance.now()) - this.#startMs) * 1e6);
    }
    return this.instructions + this.#idleNs;
  }

  /** Makes `run` return soon. */
  stop(): void {
    this.#stopped = true;
    this.engine.stopSoon();
    for (const vcpu of this.vcpus) vcpu.interruptsChanged();
  }

  /** Runs until `stop` is called, a limit is reached, or nothing can happen any more. Time passes only meanwhile. */
  run(host: Host, limits: RunLimits): StopReason {
    if (this.#pausedAtMs !== null) this.#startMs += performance.now() - this.#pausedAtMs;
    this.#pausedAtMs = null;
    try {
      return this.#run(host, limits);
    } finally {
      this.#pausedAtMs = performance.now();
    }
  }

  /** Executes one instruction of a vCPU that runs or waits, while no time passes and no interrupt is taken. */
  step(vcpu: Vcpu): void {
    vcpu.waiting = 0;
    vcpu.isRunning = true;
    this.#instructions += this.engine.step(vcpu, true);
  }

  /** Runs one vCPU alone for some instructions. */
  runAlone(vcpu: Vcpu, instructions: number): void {
    this.#stopped = false;
    if (vcpu.isRunning) this.#instructions += this.engine.run(vcpu, instructions);
  }

  #run(host: Host, limits: RunLimits): StopReason {
    const endMs = performance.now() + limits.milliseconds;
    this.#stopped = false;
    for (;;) {
      const reason = this.#runSlice(host, limits, endMs);
      if (reason !== null) return reason;
    }
  }

  /** A function of its own: V8 would compile the loop around it again and again while it runs. */
  #runSlice(host: Host, limits: RunLimits, endMs: number): StopReason | null {
    this.clock.fire();
    this.#nowNs();
    host.poll();
    if (this.#stopped) return "stopped";
    if (this.#instructions >= limits.instructions) return "instructions";
    if (performance.now() >= endMs) return "time";
    const vcpu = this.#next();
    if (vcpu) this.#instructions += this.engine.run(vcpu, this.#budget(limits));
    else if (!this.#idle(host, endMs)) return "idle";
    return null;
  }

  /** The next vCPU in turn that runs; an interrupt ends a wait by itself. */
  #next(): Vcpu | null {
    const count = this.vcpus.length;
    for (let i = 0; i < count; i++) {
      const vcpu = this.vcpus[(this.#turn + i) % count];
      if (vcpu.isRunning && !vcpu.isHeld) {
        this.#turn = (vcpu.index + 1) % count;
        return vcpu;
      }
    }
    return null;
  }

  #budget(limits: RunLimits): number {
    const slice = this.vcpus.length > 1 ? SMP_SLICE_INSTRUCTIONS : SLICE_INSTRUCTIONS;
    const left = Math.min(slice, limits.instructions - this.#instructions);
    if (this.options.time === "real") return left;
    return Math.max(1, Math.min(left, this.clock.nextNs - this.#nowNs()));
  }

  /** Every vCPU waits: passes the time up to the next event. False when there is none and nothing to wait for on the host. */
  #idle(host: Host, endMs: number): boolean {
    const next = this.clock.nextNs;
    if (this.options.time === "virtual" && next !== Infinity) {
      this.#idleNs += Math.max(0, next - this.#nowNs());
      return true;
    }
    if (this.vcpus.every((vcpu) => vcpu.waiting === 0)) return false;
    if (next === Infinity && host.isOpen === false) return false;
    const untilEvent = next === Infinity ? Infinity : (next - this.#nowNs()) / 1e6;
    host.wait(Math.min(untilEvent, endMs - performance.now()));
    return true;
  }
}

/** Where the parts of the machine's memory begin that follow the vCPUs' states. */
function layOut(cpuCount: number): Readonly<Record<"tlbs" | "records" | "memo" | "ram", number>> {
  const tlbs = align(STATE_OFFSET + cpuCount * VCPU_BYTES, WASM_PAGE);
  const records = align(tlbs + cpuCount * TLB_BYTES, WASM_PAGE);
  const memo = align(records + RECORD_PAGES * PAGE_RECORD_BYTES, WASM_PAGE);
  return { tlbs, records, memo, ram: align(memo + MEMO_BYTES, WASM_PAGE) };
}

/** The most RAM that a machine with so many vCPUs can have: all of it lies in one WebAssembly memory, of 4 GiB at most. */
export function ramBytesMax(cpuCount: number): number {
  return WASM_PAGES_MAX * WASM_PAGE - layOut(cpuCount).ram;
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

/** The host has not the memory that the machine is to have. */
export class HostMemoryError extends RangeError {}

function allocate(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / WASM_PAGE);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch {
    throw new HostMemoryError(`Cannot allocate ${Math.ceil(bytes / 2 ** 20)} MiB of memory for a machine on this host`);
  }
}
