import { sysregName } from "../cpu/sysregs.ts";
import { EC_NAMES } from "../cpu/syndrome.ts";

/** The kinds of traps, in the order that records and statistics count them. */
export const TRAP_KINDS = ["mmio", "sysreg", "hypercall", "smc", "wfx", "abort", "exception"] as const;
export type TrapKind = (typeof TRAP_KINDS)[number];

const halves = new Uint32Array(2), whole = new BigUint64Array(halves.buffer);

/** A 64-bit value from its halves. */
function join(lo: number, hi: number): bigint {
  halves[0] = lo;
  halves[1] = hi;
  return whole[0];
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** What all traps have in common: an object of one shape, whatever their kind. */
export class TrapCommon {
  seq = 0;
  vcpu = 0;
  el = 0;
  pcLo = 0;
  pcHi = 0;
  esr = 0;
  time = 0;
  valueLo = 0;
  valueHi = 0;
  /** The kind's place in TRAP_KINDS. */
  readonly kindIndex: number;

  constructor(kind: TrapKind) {
    this.kindIndex = TRAP_KINDS.indexOf(kind);
  }

  copyFrom(from: TrapCommon): void {
    this.seq = from.seq;
    this.vcpu = from.vcpu;
    this.el = from.el;
    this.pcLo = from.pcLo;
    this.pcHi = from.pcHi;
    this.esr = from.esr;
    this.time = from.time;
    this.valueLo = from.valueLo;
    this.valueHi = from.valueHi;
  }
}

/**
 * A trap object is reused for the next trap of its kind: `clone()` keeps one. 64-bit values are kept as unsigned halves.
 */
abstract class TrapBase<Self> {
  abstract readonly kind: TrapKind;
  abstract readonly common: TrapCommon;

  /** Number of the trap since the VM was started, from 1. */
  get seq(): number {
    return this.common.seq;
  }
  /** The VM's vCPU. */
  get vcpu(): number {
    return this.common.vcpu;
  }
  /** The Exception level that trapped: 0 or 1. */
  get el(): number {
    return this.common.el;
  }
  /** ESR_EL2[31:0]. */
  get esr(): number {
    return this.common.esr;
  }
  /** The machine's time in nanoseconds. */
  get time(): number {
    return this.common.time;
  }
  /** Address of the instruction that trapped. */
  get pc(): bigint {
    return join(this.common.pcLo, this.common.pcHi);
  }
  /** What was written, or what a read or call returned. */
  get value(): bigint {
    return join(this.common.valueLo, this.common.valueHi);
  }

  /** What the trap is about, in one word without spaces, for records. */
  abstract get what(): string;

  /** Makes this a copy of another trap of the same kind. */
  abstract copyFrom(from: Self): void;
  abstract clone(): Self;
}

/** A load or store, or a part of one, where no RAM is. */
export class MmioTrap extends TrapBase<MmioTrap> {
  readonly kind = "mmio";
  readonly common = new TrapCommon("mmio");
  ipa = 0;
  /** Bytes: 1, 2, 4 or 8. */
  size = 0;
  isWrite = false;
  /** Name of the device that claims the address, or "". */
  device = "";
  /** Tells the hypervisor whose name that is, as storing a name each time costs more. */
  nameKey = NaN;
  /** Bytes from the device's start. */
  offset = 0;

  get what(): string {
    const place = this.device === "" ? hex(this.ipa) : `${this.device}+${hex(this.offset)}`;
    return `${place}:${this.isWrite ? "w" : "r"}${this.size}`;
  }
  copyFrom(from: MmioTrap): void {
    this.common.copyFrom(from.common);
    this.ipa = from.ipa;
    this.size = from.size;
    this.isWrite = from.isWrite;
    this.device = from.device;
    this.offset = from.offset;
  }
  clone(): MmioTrap {
    const copy = new MmioTrap();
    copy.copyFrom(this);
    return copy;
  }
}

/** An MRS, MSR or System instruction. */
export class SysregTrap extends TrapBase<SysregTrap> {
  readonly kind = "sysreg";
  readonly common = new TrapCommon("sysreg");
  /** op0:op1:CRn:CRm:op2 in 2+3+4+4+3 bits. */
  encoding = 0;
  isWrite = false;

  get op0(): number {
    return this.encoding >> 14 & 3;
  }
  get op1(): number {
    return this.encoding >> 11 & 7;
  }
  get CRn(): number {
    return this.encoding >> 7 & 15;
  }
  get CRm(): number {
    return this.encoding >> 3 & 15;
  }
  get op2(): number {
    return this.encoding & 7;
  }
  get name(): string {
    return sysregName(this.encoding);
  }
  get what(): string {
    return `${this.name}:${this.isWrite ? "w" : "r"}`;
  }
  copyFrom(from: SysregTrap): void {
    this.common.copyFrom(from.common);
    this.encoding = from.encoding;
    this.isWrite = from.isWrite;
  }
  clone(): SysregTrap {
    const copy = new SysregTrap();
    copy.copyFrom(this);
    return copy;
  }
}

/** Registers of a call that are handed to policies: X0 to X7. */
const CALL_REGISTERS = 8;

/** A call: HVC or SMC. */
abstract class CallTrap<Self extends CallTrap<Self>> extends TrapBase<Self> {
  /** The instruction's immediate. */
  imm16 = 0;
  /** W0. */
  functionId = 0;
  /** The function's name, or "" when nobody knows it. */
  functionName = "";
  /** Tells the hypervisor whose name that is, as storing a name each time costs more. */
  nameKey = NaN;
  /** The memory in which vCPUs have their registers: none of a policy's business. */
  readonly #live: Uint32Array;
  /** Index of X0 in it while the registers stand there as they are; -1 once they are captured. */
  #liveAt = -1;
  readonly #captured = new Uint32Array(2 * CALL_REGISTERS);
  readonly #args = new BigUint64Array(this.#captured.buffer, 8, CALL_REGISTERS - 1);

  /** @param live the memory in which vCPUs have their registers. */
  constructor(live: Uint32Array = new Uint32Array(0)) {
    super();
    this.#live = live;
  }

  /** The registers are those that stand from an index in the vCPUs' memory on, until `capture`. */
  follow(x0: number): void {
    this.#liveAt = x0;
  }

  /** Keeps the registers as they are: to be called before one of them but X0 changes. */
  capture(): void {
    const live = this.#live, x0 = this.#liveAt, captured = this.#captured;
    if (x0 < 0) return;
    for (let i = 0; i < 2 * CALL_REGISTERS; i++) captured[i] = live[x0 + i];
    this.#liveAt = -1;
  }

  /** Where X0 to X7 stand as halves, low first: from index `sourceAt` on. X0 may be the result already. */
  get source(): Uint32Array {
    return this.#liveAt < 0 ? this.#captured : this.#live;
  }
  get sourceAt(): number {
    return this.#liveAt < 0 ? 0 : this.#liveAt;
  }
  /** X0 to X7 as halves, low first. */
  get registers(): Uint32Array {
    this.capture();
    return this.#captured;
  }
  /** X1 to X7: a view. */
  get args(): BigUint64Array {
    this.capture();
    return this.#args;
  }

  get what(): string {
    return this.functionName === "" ? hex(this.functionId) : this.functionName;
  }
  copyFrom(from: Self): void {
    this.common.copyFrom(from.common);
    this.imm16 = from.imm16;
    this.functionId = from.functionId;
    this.functionName = from.functionName;
    this.registers.set(from.registers);
  }
}

/** An HVC: one of our hypercalls, or an SMCCC call by that conduit. */
export class HypercallTrap extends CallTrap<HypercallTrap> {
  readonly kind = "hypercall";
  readonly common = new TrapCommon("hypercall");
  clone(): HypercallTrap {
    const copy = new HypercallTrap();
    copy.copyFrom(this);
    return copy;
  }
}

/** An SMC. */
export class SmcTrap extends CallTrap<SmcTrap> {
  readonly kind = "smc";
  readonly common = new TrapCommon("smc");
  clone(): SmcTrap {
    const copy = new SmcTrap();
    copy.copyFrom(this);
    return copy;
  }
}

/** The instructions of a WfxTrap by ESR_ELx.ISS.TI. */
export const WFX = ["WFI", "WFE", "WFIT", "WFET"] as const;

/** A wait instruction, while those are trapped. */
export class WfxTrap extends TrapBase<WfxTrap> {
  readonly kind = "wfx";
  readonly common = new TrapCommon("wfx");
  /** ISS.TI: 0 WFI, 1 WFE, 2 WFIT, 3 WFET. */
  instruction = 0;

  get what(): string {
    return WFX[this.instruction];
  }
  copyFrom(from: WfxTrap): void {
    this.common.copyFrom(from.common);
    this.instruction = from.instruction;
  }
  clone(): WfxTrap {
    const copy = new WfxTrap();
    copy.copyFrom(this);
    return copy;
  }
}

/** What the hypervisor will do about a stage 2 fault unless a policy decides otherwise. */
export type Intent = "map" | "emulate" | "inject" | "skip" | "pause" | "kill";
/** What kind of stage 2 fault it is. */
export type FaultKind =
  | "addressSize"
  | "translation"
  | "accessFlag"
  | "permission"
  | "external"
  | "other"
  | "alignment";

/** A stage 2 fault. Those that are plainly accesses to a device are MmioTraps at once, unless a policy decides on aborts. */
export class AbortTrap extends TrapBase<AbortTrap> {
  readonly kind = "abort";
  readonly common = new TrapCommon("abort");
  ipa = 0;
  access: "read" | "write" | "execute" = "read";
  fault: FaultKind = "translation";
  region: "ram" | "device" | "unknown" = "unknown";
  /** The fault is on a stage 1 table walk: the guest's tables are where nothing is. */
  isTableWalk = false;
  intent: Intent = "inject";

  get what(): string {
    return `${hex(this.ipa)}:${this.access[0] === "e" ? "x" : this.access[0]}:${this.fault}:${this.intent}`;
  }
  copyFrom(from: AbortTrap): void {
    this.common.copyFrom(from.common);
    this.ipa = from.ipa;
    this.access = from.access;
    this.fault = from.fault;
    this.region = from.region;
    this.isTableWalk = from.isTableWalk;
    this.intent = from.intent;
  }
  clone(): AbortTrap {
    const copy = new AbortTrap();
    copy.copyFrom(this);
    return copy;
  }
}

/** The exception class of a syndrome as one word. */
export function exceptionClassWord(syndrome: number): string {
  const name = EC_NAMES[syndrome >>> 26] ?? `EC ${hex(syndrome >>> 26)}`;
  return name.replaceAll(" ", "_").replaceAll(",", "");
}

/** An exception of the guest: one that it takes, one that it reports, or one that came to EL2 and is none of the other kinds. */
export class ExceptionTrap extends TrapBase<ExceptionTrap> {
  readonly kind = "exception";
  readonly common = new TrapCommon("exception");
  /** The guest's syndrome and fault address; as reported, or those of EL2. */
  syndrome = 0;
  farLo = 0;
  farHi = 0;
  isReported = false;
  /** The guest takes it at EL1, or has: what is decided cannot undo it. */
  isTaken = false;

  get what(): string {
    return exceptionClassWord(this.syndrome);
  }
  copyFrom(from: ExceptionTrap): void {
    this.common.copyFrom(from.common);
    this.syndrome = from.syndrome;
    this.farLo = from.farLo;
    this.farHi = from.farHi;
    this.isReported = from.isReported;
    this.isTaken = from.isTaken;
  }
  clone(): ExceptionTrap {
    const copy = new ExceptionTrap();
    copy.copyFrom(this);
    return copy;
  }
}

/** What a guest did that EL2 got to see. */
export type Trap = MmioTrap | SysregTrap | HypercallTrap | SmcTrap | WfxTrap | AbortTrap | ExceptionTrap;
