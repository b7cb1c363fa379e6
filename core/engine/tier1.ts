import type { F32, F64, I32, I64, Int, V128, Value, WasmType } from "./builder.ts";
import type { Builder } from "./builder.ts";
import { EXIT_KINDS, type ExitKind, HOT, HOT_COUNTERS, STATE } from "../cpu/layout.ts";
import { GuestEmitter, IMPORT, tlbOf } from "./guest_emitter.ts";
import { Emitter, Operand } from "./emitter.ts";
import { EXEC_TLB_OFFSET } from "./memory_request.ts";
import { makeFlagsExact } from "./lazy_flags.ts";
import { RECORD_BYTES, RecordSlots, VARIANT } from "./record.ts";

/** Indices of the function types that every module of generated code has. */
export const TYPE = { handler: 0, import: 1, dispatch: 2, exit: 3, resume: 4, enterRegime: 5 } as const;
/** The exit for TypeScript to translate the PC. */
const FETCH_EXIT = EXIT_KINDS.indexOf("fetch");
/** Arrivals after which TypeScript is told of a hot record: a power of two. */
const HOT_PERIOD = 4096;
/** Set in the record that TypeScript is told of: accesses of its region that were checked together lie in two pages. */
export const HOT_STRADDLE = 1;

/** How dispatch is told of the kind of an indirect branch: not 0 where BTYPE will be. */
export const BRANCH_TYPE = { ret: 0, br: 1, blr: 2 } as const;

/** Added to the BRANCH_TYPE that TypeScript is told of: the branch may have come from a region. */
export const FETCH_FROM_REGION = 4;

/** What generated code returns, with the state field `left` set, when TypeScript has to look; else it is an address. */
export const LEFT = 1;

/** The vCPU's state block in generated code: a constant where there is one vCPU, as V8 then checks no bounds. */
export function cpuOperand(soleVcpu: number): Operand<"i32"> {
  return soleVcpu ? new Operand("i32", -1, soleVcpu) : new Operand("i32", 0);
}

/** Returns to TypeScript, through all WebAssembly callers: none expects an odd address. */
export function leaveCode(e: Emitter, cpu: Operand<"i32">): void {
  e.storeMemory(4, cpu, STATE.left.offset, e.i32(1));
  e.code.raw([0x42, LEFT]);
  e.return();
}

/** Ends the slice: `pc` is the next instruction, and `executed` the number executed minus the budget. */
export function endSlice(
  e: Emitter,
  cpu: Operand<"i32">,
  pc: Value,
  executed: Value,
  kind: "slice" | "region" = "slice",
): void {
  e.storeMemory(8, cpu, STATE.pc.offset, pc);
  e.storeMemory(4, cpu, STATE.exitKind.offset, e.i32(EXIT_KINDS.indexOf(kind)));
  e.storeMemory(4, cpu, STATE.budget.offset, executed);
  leaveCode(e, cpu);
}

/** Table slots of the code in exception_code.ts. */
export const EXCEPTION_SLOTS = { svc: 4, hvc: 5, eret: 6 } as const;
const SLOT_OF_EXIT: Partial<Record<ExitKind, number>> = EXCEPTION_SLOTS;

/** Table slots below are handlers of instructions, the others regions of the JIT. */
export const FIRST_REGION_SLOT = 0x8000;

/**
 * Counts the arrivals at a record that is no region yet, and has TypeScript look at it every HOT_PERIOD times.
 * @param exactFlags function that tier 1 needs to be called first where regions may come by (lazy_flags.ts).
 * @returns the table slot of what runs there.
 */
export function countArrival(
  e: Emitter,
  cpu: Operand<"i32">,
  record: I32,
  exactFlags: number | null = null,
): Operand<"i32"> {
  const slot = e.loadMemory("i32", 2, record, 0);
  e.beginIf(e.ltU(slot as I32, e.i32(FIRST_REGION_SLOT)));
  if (exactFlags !== null) makeFlagsExact(e, cpu, exactFlags);
  const counter = e.add(cpu as I32, e.and(e.shrU(record, e.i32(3)), e.i32(2 * HOT_COUNTERS - 2)));
  const count = e.add(e.loadMemory("i32", 2, counter, HOT) as I32, e.i32(1));
  e.storeMemory(2, counter, HOT, count);
  e.beginIf(e.eqz(e.and(count, e.i32(HOT_PERIOD - 1))), 0);
  e.callFunction(IMPORT.hot, "i32", record);
  e.endBlock();
  e.endBlock();
  return slot;
}

/**
 * Writes an interpreter handler: `(cpu, record, count)`, operands read from the record, ending in a tail call of the
 * next record's handler. `count + record/16` is the number of instructions executed minus the slice's budget, so that
 * straight-line code counts itself; it is looked at where the program branches backwards, calls, returns, jumps through
 * a register or goes to another page: wherever the execute TLB may send it to TypeScript, whose contents depend on the
 * tier. The result is LEFT, or the address that a RET goes to.
 */
export class Tier1Emitter extends GuestEmitter implements Builder {
  readonly cpu: Operand<"i32">;
  /** What is added to an operand slot for the address of its register in memory, beside `cpu`. */
  readonly #registers: number;
  readonly #record = new Operand("i32", 1);
  readonly #count = new Operand("i32", 2);
  readonly #slots = new RecordSlots();
  #ended = false;

  /**
   * @param variant bits of VARIANT.
   * @param dispatch index of the module's dispatch function, and behind it its resume function.
   * @param profile whether arrivals at branch targets are counted, to find hot code.
   * @param soleVcpu where the state block of a machine's only vCPU stands; 0 where there are several.
   */
  constructor(readonly variant: number, readonly dispatch: number, readonly profile: boolean, soleVcpu = 0) {
    super(3);
    this.cpu = cpuOperand(soleVcpu);
    this.#registers = soleVcpu;
  }

  // Operands
  #slot(): I32 {
    return this.loadMemory("i32", 2, this.#record, this.#slots.small());
  }
  imm(_value: number): I64 {
    return this.loadMemory("i64", 8, this.#record, this.#slots.wide());
  }
  imm64(_lo: number, _hi: number): I64 {
    return this.imm(0);
  }
  imm16(_value: number): I32 {
    return this.#slot();
  }
  imm16s(_value: number): I64 {
    return this.signExtend(this.op("i32.extend16_s", this.#slot()));
  }

  // Registers: the slot holds the offset in the state block
  #register(): I32 {
    return this.#registers ? this.#slot() : this.add(this.cpu as I32, this.#slot());
  }
  #read<T extends WasmType>(type: T, bytes: number, offset = 0): Operand<T> {
    return this.loadMemory(type, bytes, this.#register(), this.#registers + offset);
  }
  #write(bytes: number, register: I32, offset: number, value: Value): void {
    this.storeMemory(bytes, register, this.#registers + offset, value);
  }
  x(_n: number): I64 {
    return this.#read("i64", 8);
  }
  w(_n: number): I32 {
    return this.#read("i32", 4);
  }
  xsp(_n: number): I64 {
    return this.#read("i64", 8);
  }
  wsp(_n: number): I32 {
    return this.#read("i32", 4);
  }
  base(_n: number): I64 {
    const value = this.#read("i64", 8);
    if (this.variant & VARIANT.spBase) {
      this.beginIf(this.and(this.wrap(value), this.i32(15)), 0);
      this.helper("spAlignment", null);
      this.endBlock();
    }
    return value;
  }
  reg(sf: number, n: number): Int {
    return sf ? this.x(n) : this.w(n);
  }
  regsp(sf: number, n: number): Int {
    return sf ? this.xsp(n) : this.wsp(n);
  }
  setX(_n: number, value: I64): void {
    this.#write(8, this.#register(), 0, value);
  }
  setW(_n: number, value: I32): void {
    this.#write(8, this.#register(), 0, this.zeroExtend(value));
  }
  setXsp(n: number, value: I64): void {
    this.setX(n, value);
  }
  setWsp(n: number, value: I32): void {
    this.setW(n, value);
  }
  setReg(n: number, value: Int): void {
    if (value.type === "i64") this.setX(n, value);
    else this.setW(n, value as I32);
  }
  setRegsp(n: number, value: Int): void {
    this.setReg(n, value);
  }

  v(_n: number): V128 {
    return this.#read("v128", 16);
  }
  vLow64(_n: number): I64 {
    return this.#read("i64", 8);
  }
  vHigh64(_n: number): I64 {
    return this.#read("i64", 8, 8);
  }
  vLow32(_n: number): I32 {
    return this.#read("i32", 4);
  }
  vLow16(_n: number): I32 {
    return this.#read("i32", 2);
  }
  vLow8(_n: number): I32 {
    return this.#read("i32", 1);
  }
  d(_n: number): F64 {
    return this.#read("f64", 8);
  }
  s(_n: number): F32 {
    return this.#read("f32", 4);
  }
  setV(_n: number, value: V128): void {
    this.#write(16, this.#register(), 0, value);
  }
  #setLow(bytes: number, value: Value): void {
    const register = this.#register();
    if (bytes < 8) this.#write(8, register, 0, this.i64(0));
    this.#write(bytes, register, 0, value);
    this.#write(8, register, 8, this.i64(0));
  }
  setVLow64(_n: number, value: I64): void {
    this.#setLow(8, value);
  }
  setVLow32(_n: number, value: I32): void {
    this.#setLow(4, value);
  }
  setVLow16(_n: number, value: I32): void {
    this.#setLow(2, value);
  }
  setVLow8(_n: number, value: I32): void {
    this.#setLow(1, value);
  }
  setD(_n: number, value: F64): void {
    this.#setLow(8, value);
  }
  setS(_n: number, value: F32): void {
    this.#setLow(4, value);
  }
  setVElement(_n: number, bytes: number, index: number, value: I64): void {
    this.#write(bytes, this.#register(), bytes * index, value);
  }

  // The guest's control flow
  /** Instructions executed before this one, minus the budget. */
  #executed(): I32 {
    return this.add(this.#count as I32, this.shrU(this.#record as I32, this.i32(4)));
  }
  #pageOffset(): I32 {
    const base = this.state32("recordBase");
    return this.shrU(this.sub(this.#record as I32, base), this.i32(2));
  }
  #pc(): I64 {
    return this.add(this.state64("pcPage"), this.zeroExtend(this.#pageOffset()));
  }
  pcPlus(offset: number): I64 {
    return this.add(this.#pc(), this.imm(offset));
  }
  pagePlus(offset: number): I64 {
    return this.add(this.state64("pcPage"), this.imm(offset));
  }
  branch(offset: number): void {
    this.#branch(offset, false);
    this.#ended = true;
  }
  branchIf(condition: I32, offset: number): void {
    this.beginIf(condition);
    this.#branch(offset, false);
    this.endBlock();
  }
  branchLink(offset: number): void {
    const link = this.add(this.#pc(), this.i64(4));
    this.storeMemory(8, this.cpu, 30 * 8, link);
    this.#branch(offset, true);
    this.#ended = true;
  }
  #branch(offset: number, call: boolean): void {
    if (this.variant & VARIANT.far) {
      return this.#dispatch(this.add(this.#pc(), this.imm(offset)));
    }
    // The wide immediate holds the distance in records times 16.
    const distance = this.wrap(this.imm(offset));
    const target = this.add(this.#record as I32, distance);
    const count = this.add(this.#count as I32, this.sub(this.i32(1), this.shrS(distance, this.i32(4))));
    if (call || this.variant & VARIANT.backward) {
      this.#checkBudget(this.add(count, this.shrU(target, this.i32(4))), () => this.#targetPc(target));
      if (this.profile) countArrival(this, this.cpu, target);
    }
    this.#continueAt(target, count);
  }
  #targetPc(record: I32): I64 {
    const offset = this.shrU(this.sub(record, this.state32("recordBase")), this.i32(2));
    return this.add(this.state64("pcPage"), this.zeroExtend(offset));
  }
  /** Ends the slice when the budget is spent, with `pc` as the next instruction. */
  #checkBudget(executed: I32, pc: () => I64): void {
    this.beginIf(this.geS(executed, this.i32(0)), 0);
    endSlice(this, this.cpu, pc(), executed);
    this.endBlock();
  }
  #continueAt(record: I32, count: Value): void {
    this.get(this.cpu);
    this.get(record);
    this.get(count);
    this.get(this.loadMemory("i32", 2, record, 0));
    this.#returnCallIndirect();
  }
  #returnCallIndirect(): void {
    this.code.raw([0x13, TYPE.handler, 0x00]);
    this.endOfCode();
  }
  /** Goes to an address in any page, by way of the execute TLB; for indirect branches that looks at the budget. */
  #dispatch(address: I64, branchType: number = BRANCH_TYPE.ret): void {
    const executed = this.add(this.#executed(), this.i32(1));
    if (branchType === BRANCH_TYPE.ret) this.#checkBudget(executed, () => address);
    this.get(this.cpu);
    this.get(address);
    this.get(executed);
    this.get(this.i32(branchType));
    this.code.u8(0x12); // return_call
    this.code.u32(this.dispatch);
    this.endOfCode();
  }
  branchTo(address: I64, kind: "br" | "blr" | "ret"): void {
    this.#ended = true;
    if (kind === "ret") return this.#return(address);
    // BTYPE of a BR depends on its register: TypeScript looks at the instruction where a guarded page is entered.
    if (kind === "br") this.setState32("record", this.#record as I32);
    this.#dispatch(address, BRANCH_TYPE[kind]);
  }
  /** Returns to who called this code in WebAssembly, which goes on if it expects that address. */
  #return(address: I64): void {
    const executed = this.add(this.#executed(), this.i32(1));
    this.#checkBudget(executed, () => address);
    this.setState32("budget", executed);
    this.get(address);
    this.return();
  }
  synchronize(): void {
    this.#dispatch(this.add(this.#pc(), this.i64(4)));
    this.#ended = true;
  }
  checkInterrupts(): void {
    this.beginIf(this.state32("attention"), 0);
    endSlice(this, this.cpu, this.add(this.#pc(), this.i64(4)), this.add(this.#executed(), this.i32(1)));
    this.endBlock();
  }

  outline(_name: string, a: I64, b: I64, body: (o: Builder, a: I64, b: I64) => I64): I64 {
    return body(this, a, b);
  }

  override exit(kind: ExitKind, argument?: I64): void {
    const slot = SLOT_OF_EXIT[kind];
    if (slot === undefined) return super.exit(kind, argument);
    if (argument) this.setState64("exitArgument", argument);
    for (const value of [this.cpu, this.#record, this.#count, this.i32(slot)]) this.get(value);
    this.#returnCallIndirect();
    this.#ended = true;
  }
  protected spill(): void {
    this.setState32("record", this.#record as I32);
    this.setState32("budget", this.#executed());
  }
  protected reload(): void {
    this.get(this.sub(this.state32("budget"), this.shrU(this.#record as I32, this.i32(4))));
    this.set(this.#count);
  }
  protected leave(): void {
    this.get(this.cpu);
    this.code.u8(0x12); // return_call
    this.code.u32(this.dispatch + 1);
    this.endOfCode();
  }

  /** Finishes the handler: the next record's handler follows unless the instruction branched away for good. */
  finish(): void {
    if (this.#ended) {
      this.code.u8(0x00); // unreachable
      return;
    }
    const next = this.add(this.#record as I32, this.i32(RECORD_BYTES));
    this.get(this.cpu);
    this.get(next);
    this.get(this.#count);
    this.get(this.loadMemory("i32", 2, this.#record, RECORD_BYTES));
    this.#returnCallIndirect();
  }
}

/**
 * Writes the way to the record of an address: by way of the execute TLB, or of TypeScript, which translates it or takes an
 * exception; then the code is left. `pcPage` and `recordBase` are set. TypeScript is asked too where a branch of a
 * BRANCH_TYPE that is not 0 goes to a guarded page, to check its target (FEAT_BTI), and where the budget is spent: such a
 * branch has not looked at it, as the slice must not end between it and the check of its target.
 * @param executed a local, which is read again behind TypeScript.
 * @param exactFlags function to be called before TypeScript where regions may come by (lazy_flags.ts).
 */
export function emitFind(
  e: Emitter,
  cpu: Operand<"i32">,
  address: Operand<"i64">,
  executed: Operand<"i32">,
  branchType: I32 | null,
  exactFlags: number | null,
): I32 {
  const result = e.newLocal("i32");
  const index = e.and(e.shrU(e.wrap(address), e.i32(8)), e.i32(0xfff0));
  const entry = e.add(tlbOf(e, cpu, address as I64), index);
  const tag = e.loadMemory("i64", 8, entry, EXEC_TLB_OFFSET);
  const offset = e.sub(address as I64, tag as I64);
  // Neither beyond the page nor misaligned
  let hit: I32 = e.eqz(e.and(offset, e.i64(~0xffc)));
  if (branchType) {
    // The entry's flags are 3 for a guarded page.
    hit = e.and(hit, e.eqz(e.and(e.loadMemory("i32", 4, entry, EXEC_TLB_OFFSET + 12), branchType)));
    hit = e.and(hit, e.ltS(executed as I32, e.i32(0)));
  }
  e.beginIf(hit, 1);
  const recordBase = e.loadMemory("i32", 4, entry, EXEC_TLB_OFFSET + 8);
  e.storeMemory(8, cpu, STATE.pcPage.offset, tag);
  e.storeMemory(4, cpu, STATE.recordBase.offset, recordBase);
  e.get(e.add(recordBase as I32, e.shl(e.wrap(offset), e.i32(2))));
  e.set(result);
  e.beginElse();
  if (exactFlags !== null) makeFlagsExact(e, cpu, exactFlags);
  e.storeMemory(8, cpu, STATE.pc.offset, address);
  e.storeMemory(4, cpu, STATE.budget.offset, executed);
  const from = e.i32(exactFlags === null ? 0 : FETCH_FROM_REGION);
  e.get(e.callFunction(IMPORT.fetch, "i32", branchType ? e.or(branchType, from) : from));
  e.set(result);
  e.beginIf(e.eqz(result), 0);
  leaveCode(e, cpu);
  e.endBlock();
  e.get(e.loadMemory("i32", 4, cpu, STATE.budget.offset));
  e.set(executed);
  e.endBlock();
  return result;
}

/** Writes `dispatch(cpu, address, executed, branchType)`: goes on at an address of any page. */
export function emitDispatch(profile: boolean, soleVcpu: number, exactFlags: number | null = null): Emitter {
  const e = new Emitter(4);
  const cpu = cpuOperand(soleVcpu), address = new Operand("i64", 1);
  const executed = new Operand("i32", 2), branchType = new Operand("i32", 3);
  const record = emitFind(e, cpu, address, executed, branchType, exactFlags);
  const slot = profile ? countArrival(e, cpu, record, exactFlags) : e.loadMemory("i32", 2, record, 0);
  e.get(cpu);
  e.get(record);
  e.get(e.sub(executed as I32, e.shrU(record, e.i32(4))));
  e.get(slot);
  e.code.raw([0x13, TYPE.handler, 0x00]); // return_call_indirect
  e.endOfCode();
  return e;
}

/** Writes `resume(cpu)`: goes on where TypeScript has said, or leaves. */
export function emitResume(soleVcpu: number): Emitter {
  const e = new Emitter(1);
  const cpu = cpuOperand(soleVcpu);
  const record = e.loadMemory("i32", 4, cpu, STATE.resume.offset);
  e.beginIf(e.eqz(record));
  leaveCode(e, cpu);
  e.endBlock();
  e.get(cpu);
  e.get(record);
  e.get(e.sub(e.loadMemory("i32", 4, cpu, STATE.budget.offset) as I32, e.shrU(record, e.i32(4))));
  e.get(e.loadMemory("i32", 2, record, 0));
  e.code.raw([0x13, TYPE.handler, 0x00]); // return_call_indirect
  e.endOfCode();
  return e;
}

/** Leaves for TypeScript to translate an address, which a branch of that BRANCH_TYPE goes to. */
export function leaveForFetch(
  e: Emitter,
  cpu: Operand<"i32">,
  address: Operand<"i64">,
  executed: Operand<"i32">,
  branchType: Operand<"i32">,
): void {
  e.storeMemory(8, cpu, STATE.pc.offset, address);
  e.storeMemory(4, cpu, STATE.budget.offset, executed);
  e.storeMemory(4, cpu, STATE.exitKind.offset, e.i32(FETCH_EXIT));
  e.storeMemory(8, cpu, STATE.exitArgument.offset, e.zeroExtend(branchType));
  leaveCode(e, cpu);
}
