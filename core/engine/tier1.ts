import type { F32, F64, I32, I64, Int, V128, Value, WasmType } from "./builder.ts";
import type { Builder } from "./builder.ts";
import type { ExitKind } from "../cpu/layout.ts";
import { GuestEmitter } from "./guest_emitter.ts";
import { Operand } from "./emitter.ts";
import { RECORD_BYTES, RecordSlots, VARIANT } from "./record.ts";
import {
  BRANCH_TYPE,
  countArrival,
  cpuOperand,
  endSlice,
  EXCEPTION_SLOTS,
  goOn,
  HANDLER_PARAMS,
  loadHead,
  slotOfHead,
} from "./code_flow.ts";

const SLOT_OF_EXIT: Partial<Record<ExitKind, number>> = EXCEPTION_SLOTS;

/** A handler of the same module, by its table slot and its function. */
export interface Successor {
  readonly slot: number;
  readonly function: number;
}

/**
 * Writes an interpreter handler: `(cpu, record, count, head)`, where `head` is the first half of the record, which whoever
 * calls has read for the handler's table slot. It ends in a tail call of the next record's handler: a direct one where that
 * is one of those that often come next, as processors predict compares better than indirect jumps, and V8 inlines it.
 *
 * `count + record/16` is the number of instructions executed minus the slice's budget, so that straight-line code counts
 * itself; it is looked at where the program branches backwards, calls, returns, jumps through a register or goes to another
 * page: wherever the execute TLB may send it to TypeScript, whose contents depend on the tier. The result is LEFT, or the
 * address that a RET goes to.
 */
export class Tier1Emitter extends GuestEmitter implements Builder {
  readonly cpu: Operand<"i32">;
  /** What is added to an operand slot for the address of its register in memory, beside `cpu`. */
  readonly #registers: number;
  readonly #record = new Operand("i32", 1);
  readonly #count = new Operand("i32", 2);
  readonly #head = new Operand("i64", 3);
  readonly #slots = new RecordSlots();
  #ended = false;
  #calls = false;
  /** The head of the next record, where it was read ahead. */
  #next: Operand<"i64"> | null = null;

  /**
   * @param variant bits of VARIANT.
   * @param dispatch index of the module's dispatch function, and behind it its resume function.
   * @param profile whether arrivals at branch targets are counted, to find hot code.
   * @param soleVcpu where the state block of a machine's only vCPU stands; 0 where there are several.
   * @param successors handlers that often come next.
   * @param paramCount where it is no handler.
   */
  constructor(
    readonly variant: number,
    readonly dispatch: number,
    readonly profile: boolean,
    soleVcpu = 0,
    readonly successors: readonly Successor[] = [],
    paramCount = HANDLER_PARAMS,
  ) {
    super(paramCount);
    this.cpu = cpuOperand(soleVcpu);
    this.#registers = soleVcpu;
  }

  /**
   * Reads the next record's head at once: that may take long, and the handler's work is done meanwhile. To be called first,
   * and only where `mayReadAhead` says so of a handler that was written without.
   */
  readAhead(): void {
    const next = this.newLocal("i64");
    this.get(loadHead(this, this.#record, RECORD_BYTES));
    this.set(next);
    this.#next = next;
  }
  /** The next record is the same at the end as it was at the start, and is wanted. */
  get mayReadAhead(): boolean {
    return !this.#calls && !this.#ended;
  }
  override callProcedure(index: number, ...operands: Value[]): void {
    this.#calls = true;
    super.callProcedure(index, ...operands);
  }

  // Operands
  #slot(): I32 {
    const at = this.#slots.small();
    if (at >= 8) return this.loadMemory("i32", 2, this.#record, at);
    const above = this.wrap(this.shrU(this.#head as I64, this.i64(8 * at)));
    return at === 6 ? above : this.and(above, this.i32(0xffff));
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
  link(): void {
    this.storeMemory(8, this.cpu, 30 * 8, this.add(this.#pc(), this.i64(4)));
  }
  branchLink(offset: number): void {
    this.link();
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
    this.#goOn(target, count, loadHead(this, target));
  }
  /** Goes on with a record's handler: by a direct call where it is one that often comes next. */
  #goOn(record: I32, count: Value, head: Operand<"i64">): void {
    const slot = slotOfHead(this, head);
    for (const likely of this.successors) {
      this.beginIf(this.eq(slot, this.i32(likely.slot)));
      for (const value of [this.cpu, record, count, head]) this.get(value);
      this.code.u8(0x12); // return_call
      this.code.u32(likely.function);
      this.endOfCode();
      this.endBlock();
    }
    goOn(this, this.cpu, record, count, head, slot);
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
    // For the JIT: see LeafFinder
    else if (this.profile) this.storeMemory(8, this.#record, 8, address);
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
    goOn(this, this.cpu, this.#record, this.#count, this.#head, this.i32(slot));
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
    this.#goOn(next, this.#count, this.#next ?? loadHead(this, this.#record, RECORD_BYTES));
  }
}
