import type { Vcpu } from "../cpu/vcpu.ts";
import type { Host, Machine, RunLimits, StopReason } from "../machine/machine.ts";
import { DebugError, hex } from "./debug_error.ts";
import { DebugMemory, type GuestRam } from "./memory.ts";
import { type Breakpoint, isOwnedBy, type Owner, type Stop, type Watchpoint, type WatchStop } from "./stop.ts";
import { type WatchHit, WatchTable } from "./watch.ts";

/** What a debugged run asks of its surroundings. */
export interface DebugHost extends Host {
  /** The run is to end: asked while the machine is stopped, after `poll`. */
  readonly isEnding: boolean;
  /** Blocks while the machine is stopped, until a front end may have something to read or the run is to end. */
  waitForCommand(): void;
}

/** A front end that wants to know what the machine does. */
export interface StopListener {
  /** The machine has stopped; registers and memory can be looked at. */
  stopped(stop: Stop): void;
  /** It goes on. */
  resumed(): void;
}

/** How the machine goes on. */
type Plan =
  | { readonly kind: "continue" }
  | {
    readonly kind: "step";
    readonly vcpu: Vcpu;
    readonly owner: Owner;
    /** Steps that are left. */
    count: number;
    /** The other vCPUs run beside it. */
    readonly withOthers: boolean;
    /** Steps go on while the PC is in [start, end). */
    readonly range: { readonly start: bigint; readonly end: bigint } | null;
  };

/** Between so many steps the host is looked at. */
const STEPS_PER_POLL = 256;
/** Instructions that each other vCPU executes beside a step. */
const INSTRUCTIONS_BESIDE_STEP = 100;

/**
 * The debugger's core, which the monitor and the GDB stub share: it stops the machine and lets it go on, keeps breakpoints
 * and watchpoints. It stands between whoever runs the machine and the machine: call `run` instead of `Machine.run`.
 */
export class Debugger {
  machine!: Machine;
  memory!: DebugMemory;
  readonly breakpoints: Breakpoint[] = [];
  readonly listeners = new Set<StopListener>();
  #watch!: WatchTable;
  #nextId = 1;
  /** Why the machine stands still, or null while it runs. */
  #stop: Stop | null = null;
  #isAnnounced = false;
  #plan: Plan = { kind: "continue" };
  /** The vCPU and its PC at the last breakpoint or access: there it does not stop again at once. */
  #pass: { readonly vcpu: Vcpu; readonly pc: bigint; readonly isAccess: boolean } | null = null;
  /** A single instruction is executed by `#step`, perhaps without its accesses being looked at. */
  #isStepping = false;
  #isPassing = false;

  /** @param guestRam the RAM of the guest on a vCPU by IPA, or null where IPAs are physical addresses. */
  constructor(machine: Machine, guestRam: GuestRam = () => null) {
    this.attach(machine, guestRam);
  }

  /**
   * Goes on with another machine, as after a reset: with the same breakpoints and watchpoints. Where the old one stood
   * still or made steps, the new one stands still before its first instruction.
   */
  attach(machine: Machine, guestRam: GuestRam = () => null): void {
    const watchpoints = this.#watch?.list ?? [];
    this.machine = machine;
    this.memory = new DebugMemory(machine, guestRam);
    this.#watch = new WatchTable(machine, this.memory);
    this.#pass = null;
    machine.exceptions.onBreakpoint = (vcpu) => this.#reached(vcpu);
    this.#placeBreakpoints();
    for (const watchpoint of watchpoints) this.#watchFor(watchpoint);
    const owner = this.#haltedBy();
    this.#plan = { kind: "continue" };
    if (owner !== null) this.#stopWith({ kind: "interrupt", vcpu: machine.vcpus[0], owner, why: "" });
  }

  /** Who keeps the machine from running on. */
  #haltedBy(): Owner | null {
    if (this.#stop !== null) return isOwnedBy(this.#stop, "gdb") ? "gdb" : "monitor";
    return this.#plan.kind === "step" ? this.#plan.owner : null;
  }

  get stop(): Stop | null {
    return this.#stop;
  }
  get watchpoints(): readonly Watchpoint[] {
    return this.#watch.list;
  }

  // Stopping and going on

  /** It runs on, or stands still and everybody knows: no step and no stop is under way. */
  get isSettled(): boolean {
    return this.#stop === null ? this.#plan.kind === "continue" : this.#isAnnounced;
  }

  /** The machine has been let go, and not for steps. */
  get isContinuing(): boolean {
    return this.#stop === null && this.#plan.kind === "continue";
  }

  /** Stops the machine as soon as it can. @param why shown to the user where it was not the user; else "". */
  interrupt(why = "", owner: Owner = "monitor", vcpu: Vcpu = this.#likelyVcpu()): void {
    if (this.#stop === null) this.#stopWith({ kind: "interrupt", vcpu, owner, why });
  }

  /** The vCPU to be shown when nobody in particular caused a stop: one that runs. */
  #likelyVcpu(): Vcpu {
    const { vcpus } = this.machine;
    return vcpus.find((v) => v.isRunning) ?? vcpus.find((v) => v.waiting !== 0) ?? vcpus[0];
  }

  #stopWith(stop: Stop): void {
    this.#stop = stop;
    this.#isAnnounced = false;
    this.machine.stop();
  }

  /** Lets the machine run on, but for some vCPUs. */
  resume(held: readonly Vcpu[] = []): void {
    this.#go({ kind: "continue" }, held);
  }

  /** Executes `count` instructions of a vCPU, then stops. Throws DebugError when it is off. */
  step(vcpu: Vcpu, count = 1, owner: Owner = "monitor", withOthers = false): void {
    this.#checkOn(vcpu);
    this.#go({ kind: "step", vcpu, owner, count, withOthers, range: null });
  }

  /** Executes instructions of a vCPU while its PC is in [start, end), at least one. */
  stepRange(vcpu: Vcpu, start: bigint, end: bigint, owner: Owner, withOthers: boolean): void {
    this.#checkOn(vcpu);
    this.#go({ kind: "step", vcpu, owner, count: Infinity, withOthers, range: { start, end } });
  }

  #checkOn(vcpu: Vcpu): void {
    if (isOff(vcpu)) throw new DebugError(`Cannot step vCPU ${vcpu.index} as it is off`);
  }

  #go(plan: Plan, held: readonly Vcpu[] = []): void {
    if (this.#stop === null) throw new DebugError("Cannot do that as the machine runs");
    this.#plan = plan;
    this.#stop = null;
    for (const vcpu of this.machine.vcpus) vcpu.isHeld = held.includes(vcpu);
    for (const listener of this.listeners) listener.resumed();
  }

  /**
   * Runs the machine as Machine.run does, through stops and steps.
   * @returns as Machine.run; "stopped" when the host ends it.
   */
  run(host: DebugHost, limits: RunLimits): StopReason {
    let milliseconds = limits.milliseconds;
    for (;;) {
      if (this.#stop !== null) {
        this.#announce();
        host.poll();
        if (host.isEnding) return "stopped";
        if (this.#stop !== null) host.waitForCommand();
        continue;
      }
      const startMs = performance.now();
      const reason = this.#plan.kind === "step"
        ? this.#takeSteps(this.#plan, host, limits)
        : this.#runOn(host, { ...limits, milliseconds });
      milliseconds -= performance.now() - startMs;
      if (reason !== null) return reason;
    }
  }

  #announce(): void {
    if (this.#isAnnounced || this.#stop === null) return;
    this.#isAnnounced = true;
    const stop = this.#stop;
    const hit = stop.kind === "breakpoint" ? stop.breakpoint : null;
    const isOver = (b: Breakpoint) => b.lifetime === "stop" || (b.lifetime === "hit" && b === hit);
    for (const breakpoint of this.breakpoints.filter(isOver)) this.deleteBreakpoint(breakpoint);
    for (const listener of this.listeners) listener.stopped(stop);
  }

  /** Null when a stop of ours has ended it. */
  #runOn(host: DebugHost, limits: RunLimits): StopReason | null {
    const pass = this.#pass;
    this.#pass = null;
    if (pass !== null && pass.vcpu.get64("pc") === pass.pc && !isOff(pass.vcpu)) this.#step(pass.vcpu, pass.isAccess);
    if (this.#stop !== null) return null;
    const reason = this.machine.run(host, limits);
    const stop = this.#stop as Stop | null;
    // A stop may have been taken back before the machine stood still
    if (stop === null) return reason === "stopped" && !host.isEnding ? null : reason;
    if (stop.kind === "watchpoint" && stop.watchpoint.when === "after") {
      this.#pass = null;
      this.#step(stop.vcpu, true);
    }
    return null;
  }

  /** Executes one instruction, whatever breakpoint is on it. @param isPassing its accesses are nobody's business. */
  #step(vcpu: Vcpu, isPassing: boolean): void {
    this.#isStepping = true;
    this.#isPassing = isPassing;
    this.machine.step(vcpu);
    this.#isStepping = this.#isPassing = false;
    const stop = this.#stop;
    if (stop?.kind === "watchpoint" && stop.watchpoint.when === "after") {
      stop.after = this.#watched(vcpu, stop.watchpoint);
    }
  }

  #takeSteps(plan: Plan & { kind: "step" }, host: DebugHost, limits: RunLimits): StopReason | null {
    const { vcpu, range } = plan;
    for (let n = 1;; n++) {
      const pass = this.#pass;
      this.#pass = null;
      this.#step(vcpu, pass !== null && pass.isAccess && pass.vcpu === vcpu && pass.pc === vcpu.get64("pc"));
      if (plan.withOthers) this.#runOthers(vcpu);
      const stop = this.#stop as Stop | null;
      if (stop !== null) return null;
      const pc = vcpu.get64("pc");
      const isDone = --plan.count <= 0 || (range !== null && (pc < range.start || pc >= range.end)) || isOff(vcpu);
      const found = isDone ? null : this.#matching(vcpu);
      if (found) this.#hit(vcpu, found);
      else if (isDone) this.#stopWith({ kind: "step", vcpu, owner: plan.owner });
      if (this.#stop !== null) return null;
      if (this.machine.instructions >= limits.instructions) return "instructions";
      if (n % STEPS_PER_POLL === 0) host.poll();
      if (host.isEnding) return "stopped";
    }
  }

  #runOthers(but: Vcpu): void {
    for (const vcpu of this.machine.vcpus) {
      if (vcpu !== but && this.#stop === null) this.machine.runAlone(vcpu, INSTRUCTIONS_BESIDE_STEP);
    }
  }

  // Breakpoints

  /** Throws DebugError for an address that no instruction can have. */
  addBreakpoint(
    owner: Owner,
    space: Breakpoint["space"],
    address: bigint,
    condition: Breakpoint["condition"] = null,
    lifetime: Breakpoint["lifetime"] = "kept",
  ): Breakpoint {
    if ((address & 3n) !== 0n) {
      throw new DebugError(`Cannot set a breakpoint at ${hex(address)} as instructions are 4 bytes aligned`);
    }
    if (space !== "virtual") this.memory.read(this.machine.vcpus[0], space, address, 4);
    const breakpoint = { id: this.#nextId++, owner, space, address, condition, lifetime, hits: 0 };
    this.breakpoints.push(breakpoint);
    this.#placeBreakpoints();
    return breakpoint;
  }

  deleteBreakpoint(breakpoint: Breakpoint): void {
    const at = this.breakpoints.indexOf(breakpoint);
    if (at < 0) return;
    this.breakpoints.splice(at, 1);
    this.#placeBreakpoints();
  }

  /**
   * Marks the instructions in memory. A VA is looked up in every vCPU's current translation, and again whenever its page
   * comes to be executed: it may be mapped later, or elsewhere in another address space.
   */
  #placeBreakpoints(): void {
    const { engine, mmu, vcpus } = this.machine;
    for (const host of [...engine.code.breakpoints]) engine.setBreakpoint(host, false);
    for (const { space, address } of this.breakpoints) {
      for (const vcpu of vcpus) {
        const host = this.memory.hostOf(vcpu, space, address);
        if (host >= 0) engine.setBreakpoint(host, true);
      }
    }
    const virtual = this.breakpoints.filter((b) => b.space === "virtual");
    engine.fetcher.onFetchPage = virtual.length === 0
      ? null
      : (_vcpu, lo, hi, hostPage) => this.#placeInPage(virtual, BigInt(hi >>> 0) << 32n | BigInt(lo >>> 0), hostPage);
    mmu.flushExecTlbs();
  }

  #placeInPage(breakpoints: readonly Breakpoint[], page: bigint, hostPage: number): void {
    const { engine } = this.machine;
    for (const { address } of breakpoints) {
      if ((address & ~0xfffn) !== page) continue;
      engine.setBreakpoint(hostPage * 4096 + Number(address & 0xfffn), true);
    }
  }

  /** A marked instruction is about to be executed: by its VA it may be none of ours. */
  #reached(vcpu: Vcpu): void {
    const found = this.#matching(vcpu);
    if (found) this.#hit(vcpu, found);
    else this.machine.engine.stepOver();
  }

  #matching(vcpu: Vcpu): Breakpoint | undefined {
    if (this.breakpoints.length === 0) return undefined;
    const pc = vcpu.get64("pc");
    return this.breakpoints.find((b) => {
      const isHere = b.space === "virtual"
        ? b.address === pc
        : this.memory.hostOf(vcpu, b.space, b.address) === this.memory.hostOf(vcpu, "virtual", pc);
      return isHere && (b.condition === null || b.condition.holds(vcpu));
    });
  }

  #hit(vcpu: Vcpu, breakpoint: Breakpoint): void {
    breakpoint.hits++;
    this.#pass = { vcpu, pc: vcpu.get64("pc"), isAccess: false };
    this.#stopWith({ kind: "breakpoint", vcpu, breakpoint });
  }

  // Watchpoints

  addWatchpoint(
    owner: Owner,
    space: Watchpoint["space"],
    address: bigint,
    bytes: number,
    access: Watchpoint["access"],
    when: Watchpoint["when"],
  ): Watchpoint {
    if (!Number.isInteger(bytes) || bytes < 1 || bytes > 4096) {
      throw new DebugError(`Cannot watch ${bytes} bytes as it must be 1 to 4096`);
    }
    if (address < 0n || address + BigInt(bytes) > 1n << 64n) {
      throw new DebugError(`Cannot watch ${hex(address)} as it wraps around`);
    }
    if (space !== "virtual") this.memory.read(this.machine.vcpus[0], space, address, bytes);
    const watchpoint = { id: this.#nextId++, owner, space, address, bytes, access, when, hits: 0 };
    this.#watchFor(watchpoint);
    return watchpoint;
  }

  #watchFor(watchpoint: Watchpoint): void {
    this.#watch.add(watchpoint);
    this.machine.engine.onAccess = (vcpu, lo, hi, request) =>
      this.#accessed(vcpu, this.#watch.find(vcpu, lo, hi, request));
  }

  deleteWatchpoint(watchpoint: Watchpoint): void {
    if (!this.#watch.list.includes(watchpoint)) return;
    this.#watch.remove(watchpoint);
    if (this.#watch.list.length === 0) this.machine.engine.onAccess = null;
  }

  /** Deletes what one front end has set. */
  deleteAll(owner: Owner): void {
    for (const b of this.breakpoints.filter((b) => b.owner === owner)) this.deleteBreakpoint(b);
    for (const w of this.#watch.list.filter((w) => w.owner === owner)) this.deleteWatchpoint(w);
  }

  /** An access is about to be made. @returns true to leave the instruction before it. */
  #accessed(vcpu: Vcpu, hit: WatchHit | null): boolean {
    if (hit === null || this.#isPassing || this.#stop !== null) return false;
    const { watchpoint, address, isWrite } = hit, pc = vcpu.get64("pc");
    watchpoint.hits++;
    this.#pass = { vcpu, pc, isAccess: true };
    const before = this.#watched(vcpu, watchpoint);
    this.#stopWith({ kind: "watchpoint", vcpu, watchpoint, address, isWrite, pc, before, after: null });
    // A step goes on to the end of its instruction
    if (!this.#isStepping || watchpoint.when === "before") return true;
    this.#pass = null;
    return false;
  }

  #watched(vcpu: Vcpu, { space, address, bytes }: Watchpoint): Uint8Array {
    return this.memory.readPrefix(vcpu, space, address, Math.min(bytes, 16));
  }
}

/** Whether a vCPU is switched off, rather than waiting for an interrupt. */
export function isOff(vcpu: Vcpu): boolean {
  return !vcpu.isRunning && vcpu.waiting === 0;
}
