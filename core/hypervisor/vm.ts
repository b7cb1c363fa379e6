import { exceptionReturn } from "../cpu/exceptions.ts";
import type { GicCpuInterface } from "../cpu/gic_interface.ts";
import { readSysreg } from "../cpu/sysreg_access.ts";
import { sysregIndex } from "../cpu/sysregs.ts";
import { toNumber } from "../cpu/word64.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import type { TrapLog } from "../log/record.ts";
import { Bus } from "../machine/bus.ts";
import { GICD_BASE, GICR_BASE } from "../machine/memory_map.ts";
import type { PhysicalMemory } from "../mmu/physical.ts";
import {
  AbortTrap,
  ExceptionTrap,
  HypercallTrap,
  MmioTrap,
  SmcTrap,
  SysregTrap,
  type Trap,
  TRAP_KINDS,
  type TrapCommon,
  WfxTrap,
} from "../policy/trap.ts";
import { ACTION, ACTIONS, ALLOW, type Verdict } from "../policy/verdict.ts";
import type { Clock, Line } from "../../devices/device.ts";
import { type EntryState, HCR_GUEST, writeEl2Controls, writeEntryState } from "./el2_controls.ts";
import { IpaInterval } from "./ipa_interval.ts";
import { PAGE_BYTES, Stage2 } from "./stage2.ts";
import type { TablePool } from "./table_pool.ts";
import { TrapFrame } from "./trap_frame.ts";
import { Vgic } from "./vgic.ts";

const CNTPCT_EL0 = sysregIndex("CNTPCT_EL0");
const DO = ACTION;
const ACTION_COUNT = ACTIONS.length;

/** What a VM asks of the world. All calls come from within a trap: they are to take effect after it. */
export interface VmHost {
  /** The hypervisor's console. */
  transmit(byte: number): void;
  /** The guest has switched its machine off; no vCPU of it runs any more. */
  powerOff(vm: Vm): void;
  /** The guest wants to begin anew: its devices and memory are to be as at first, then `vm.start` is to be called. */
  reset(vm: Vm): void;
  /** The machine is to stop for the monitor. @returns false where there is none: the guest goes on. */
  pause(vm: Vm): boolean;
  /** A policy has ended the guest; no vCPU of it runs any more. */
  kill(vm: Vm, code: number, why: string): void;
}

/** Where a VM lives and what it is given. */
export interface VmOptions {
  readonly name: string;
  /** 1 to 255. */
  readonly vmid: number;
  /** Guest RAM: its first IPA, its size in bytes, the PA that backs it. All page-aligned. */
  readonly ramIpa: number;
  readonly ramBytes: number;
  readonly ramPa: number;
  /** The physical CPUs that are its vCPUs, at most 8, by vCPU number. */
  readonly vcpus: readonly Vcpu[];
  readonly host: VmHost;
  readonly clock: Clock;
  readonly log: TrapLog;
}

/** What a VM takes from its hypervisor. */
export interface VmResources {
  readonly memory: PhysicalMemory;
  readonly pool: TablePool;
  /** Forgets the translations that were cached for a VMID. */
  readonly invalidate: (vmid: number) => void;
}

/** One vCPU of a VM: what EL2 keeps of it beside its registers. */
export class VmVcpu {
  readonly frame: TrapFrame;
  /** PSCI: it has been switched on. */
  isOn = false;
  /** Its trap is being handled. */
  isInTrap = false;
  /** Its list registers must be looked at before it runs on. */
  hasStaleLists = false;
  /** A physical SGI is on its way to it. */
  isKicked = false;
  /** The value of the access to a device that is being emulated. */
  accessLo = 0;
  accessHi = 0;
  #isWaitWanted = false;

  /** @param index the vCPU's number in its VM. */
  constructor(readonly vm: Vm, readonly vcpu: Vcpu, readonly index: number) {
    this.frame = new TrapFrame(vcpu);
  }

  get gic(): GicCpuInterface {
    return this.vcpu.gic!;
  }
  /** Aff3:Aff2:Aff1:Aff0, a byte each: what the virtual GIC routes by. */
  get affinity(): number {
    return this.index;
  }

  /** Sets X0 to a result: a number of either sign, below 2^53. */
  setResult(value: number): void {
    this.vcpu.setX(0, value, Math.floor(value / 2 ** 32));
  }

  /** Executes a WFI for the guest once the trap has been handled. */
  wait(): void {
    this.#isWaitWanted = true;
  }

  /** What is left to do when a trap has been handled. */
  finishTrap(): void {
    if (!this.#isWaitWanted) return;
    this.#isWaitWanted = false;
    if (!this.isOn || this.gic.pending(1, false) !== 0) return;
    this.vcpu.waiting = 1;
    this.vcpu.isRunning = false;
  }

  /** Switches it on, to begin at EL1 with the MMU off. */
  powerOn(entry: EntryState): void {
    const { vm, vcpu } = this;
    const wasInResident = vcpu.inResident;
    vcpu.inResident = true;
    writeEl2Controls(vcpu, {
      stage2Root: vm.stage2.root,
      vmid: vm.vmid,
      affinity: this.affinity,
      counterOffset: vm.counterOffset,
      hcr: vm.hcr,
      mdcr: vm.mdcr,
    });
    writeEntryState(vcpu, entry);
    this.isOn = true;
    vm.vgic.load(this);
    vcpu.inResident = wasInResident;
    vcpu.waiting = 0;
    vcpu.isRunning = true;
    // A trap that is being handled ends with an ERET anyway
    if (!this.isInTrap) exceptionReturn(vcpu);
    vcpu.interruptsChanged();
  }

  /** Switches it off: nothing but `powerOn` makes it run again. */
  powerOff(): void {
    if (this.isOn) this.vm.vgic.put(this);
    this.isOn = false;
    this.vcpu.waiting = 0;
    this.vcpu.isRunning = false;
  }
}

/** A virtual machine. */
export class Vm {
  readonly name: string;
  readonly vmid: number;
  readonly ram: IpaInterval;
  readonly vcpus: VmVcpu[] = [];
  readonly memory: PhysicalMemory;
  readonly stage2: Stage2;
  /** The devices by IPA. */
  readonly bus = new Bus();
  readonly vgic: Vgic;
  readonly host: VmHost;
  readonly log: TrapLog;
  /** The policy. It may be replaced at any time. */
  decide: (trap: Trap) => Verdict = () => ALLOW;
  /** The policy decides on stage 2 faults, too: accesses to devices are such first. */
  decidesAborts = false;
  /** Told that the hypervisor has stored to memory, by byte offset: what was made of those bytes is stale. */
  storedTo: (host: number, bytes: number) => void = () => {};
  /** HCR_EL2[31:0] that the vCPUs get when they are switched on. */
  hcr: number = HCR_GUEST;
  /** MDCR_EL2.TDE where debug exceptions are to come to EL2, else 0. */
  mdcr = 0;
  /** The physical count at which the guest's virtual count was 0. */
  counterOffset = 0;
  /** The trap of each kind that is being handled. */
  readonly traps: {
    readonly mmio: MmioTrap;
    readonly sysreg: SysregTrap;
    readonly hypercall: HypercallTrap;
    readonly smc: SmcTrap;
    readonly wfx: WfxTrap;
    readonly abort: AbortTrap;
    readonly exception: ExceptionTrap;
  };
  /** Traps since the VM was made; exceptions that the guest has reported. */
  trapCount = 0;
  exceptionsReported = 0;
  readonly #counts = new Float64Array(TRAP_KINDS.length * ACTIONS.length);
  readonly #timeNs: () => number;
  readonly #ramPa: number;

  /** Throws RangeError when its RAM is not page-aligned or its tables do not fit. */
  constructor(options: VmOptions, resources: VmResources) {
    const ram = IpaInterval.of(options.ramIpa, options.ramBytes);
    if (ram === null) throw new RangeError(`Cannot make VM ${options.name} as its RAM is no address range`);
    this.name = options.name;
    this.vmid = options.vmid;
    this.ram = ram;
    this.host = options.host;
    this.log = options.log;
    this.memory = resources.memory;
    const { clock } = options;
    this.#timeNs = clock.recentNs ? () => clock.recentNs!() : () => clock.nowNs();
    this.#ramPa = options.ramPa;
    const registers = options.vcpus[0].u32;
    this.traps = {
      mmio: new MmioTrap(),
      sysreg: new SysregTrap(),
      hypercall: new HypercallTrap(registers),
      smc: new SmcTrap(registers),
      wfx: new WfxTrap(),
      abort: new AbortTrap(),
      exception: new ExceptionTrap(),
    };
    this.stage2 = new Stage2(resources.pool, () => resources.invalidate(options.vmid));
    this.stage2.map(ram.start, options.ramPa, ram.bytes);
    options.vcpus.forEach((vcpu, index) => this.vcpus.push(new VmVcpu(this, vcpu, index)));
    this.vgic = new Vgic(this.vcpus, options.vcpus.length);
    this.bus.add(GICD_BASE, this.vgic.distributor);
    this.bus.add(GICR_BASE, this.vgic.redistributors);
  }

  /** An interrupt input of the VM, for its devices. */
  line(intid: number, vcpu = 0): Line {
    return this.vgic.line(intid, vcpu);
  }

  /** Begins: vCPU 0 at the entry, the others off. What ran before ends. The devices on `bus` are the caller's to reset. */
  start(entry: EntryState): void {
    for (const c of this.vcpus) c.powerOff();
    this.vgic.reset();
    const [boot] = this.vcpus;
    this.counterOffset = toNumber(readSysreg(boot.vcpu, CNTPCT_EL0), boot.vcpu.hi);
    boot.powerOn(entry);
  }

  /** Maps a page of guest RAM to its backing again. @returns false where the guest has no RAM. */
  mapPage(ipa: number): boolean {
    if (!this.ram.hasBytes(ipa, PAGE_BYTES)) return false;
    this.stage2.map(ipa, this.#ramPa + ipa - this.ram.start, PAGE_BYTES);
    return true;
  }

  /** The byte offset in memory of guest RAM, whatever stage 2 permits there, or -1 where it has none. */
  ramHost(ipa: number, bytes: number): number {
    return this.ram.hasBytes(ipa, bytes) ? this.memory.hostOffset(this.#ramPa + ipa - this.ram.start) : -1;
  }

  /** Fills what all traps have in common from the trap frame. */
  begin(c: VmVcpu, common: TrapCommon, esr: number): void {
    const { frame } = c;
    common.seq = ++this.trapCount;
    common.vcpu = c.index;
    common.el = frame.spsr >> 2 & 3;
    common.pcLo = frame.elrLo;
    common.pcHi = frame.elrHi;
    common.esr = esr;
    common.time = this.#timeNs();
    common.valueLo = 0;
    common.valueHi = 0;
  }

  /** Records what was decided, and does what does not depend on the kind of trap. @returns whether it stops for the monitor. */
  note(trap: Trap, verdict: Verdict): boolean {
    this.#counts[trap.common.kindIndex * ACTION_COUNT + verdict.actionIndex]++;
    this.log.note(trap, verdict);
    const { actionIndex } = verdict;
    if (actionIndex === DO.pause) return this.pause();
    if (actionIndex === DO.kill) this.kill(verdict.code, `${verdict.rule}: ${verdict.because ?? trap.what}`);
    return false;
  }

  /** Traps by kind and verdict, those that were. */
  statistics(): Record<string, Record<string, number>> {
    const result: Record<string, Record<string, number>> = {};
    TRAP_KINDS.forEach((kind, k) =>
      ACTIONS.forEach((action, a) => {
        const count = this.#counts[k * ACTIONS.length + a];
        if (count > 0) (result[kind] ??= {})[action] = count;
      })
    );
    return result;
  }

  pause(): boolean {
    return this.host.pause(this);
  }
  kill(code: number, why: string): void {
    this.#stop();
    this.host.kill(this, code, why);
  }
  systemOff(): void {
    this.#stop();
    this.host.powerOff(this);
  }
  systemReset(): void {
    this.#stop();
    this.host.reset(this);
  }
  #stop(): void {
    for (const c of this.vcpus) c.powerOff();
  }
}
