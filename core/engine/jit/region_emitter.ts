import type { Builder, F32, F64, I32, I64, Int, V128, Value, WasmType } from "../builder.ts";
import { type ExitKind, type FlagState, SITE_BYTES, SITES, V, WRITE_SITES, X } from "../../cpu/layout.ts";
import { Operand } from "../emitter.ts";
import { type Access, mustAlign } from "../guest_emitter.ts";
import { findHelper } from "../helpers.ts";
import { WRITE_TLB_OFFSET } from "../memory_request.ts";
import { cpuOperand, HANDLER_PARAMS } from "../code_flow.ts";
import type { RunMember } from "./access_runs.ts";
import type { Facts } from "./analysis.ts";
import { LazyFlagsEmitter } from "./lazy_flags_emitter.ts";

/** No access is longer: those that begin in the last bytes of a page ask the TLB. */
export const ACCESS_BYTES_MAX = 64;

/** Functions that all regions share, by index; see region_module.ts. */
export interface ModuleFunctions {
  readonly dispatch: number;
  readonly read: number;
  readonly write: number;
  readonly unprivileged: number;
  readonly exactFlags: number;
  readonly arrive: number;
  readonly endSlice: number;
  readonly continueAt: number;
  readonly sideExit: number;
  readonly straddle: number;
  readonly callFar: number;
  /** Those of Builder.outline, by name. */
  readonly outlines: ReadonlyMap<string, number>;
}

/** Where an instruction's meaning says that execution goes. */
export type Terminal =
  | { readonly kind: "branchIf"; readonly condition: I32 }
  | { readonly kind: "jumpTo" | "return"; readonly address: I64 }
  | CallTerminal
  | { readonly kind: "branch" | "synchronize" };
export type CallTerminal = { readonly kind: "callTo"; readonly address: I64 } | { readonly kind: "call" };

/**
 * Writes the instructions of a region: registers are locals, and each write of one is stored in the state block too, so
 * that the state is exact at every fault. At the end of a block the operands of flags go to the state block. What crosses blocks (structure, branches, calls) is region_compiler.ts's.
 */
export class RegionEmitter extends LazyFlagsEmitter implements Builder {
  readonly cpu: Operand<"i32">;
  protected readonly exactFlags: number;
  readonly count = new Operand("i32", 2);
  /** VA of the page, start of its records, and instructions executed up to the block minus the budget. */
  readonly page = this.newLocal("i64");
  readonly recordBase: Operand<"i32">;
  readonly executed = this.newLocal("i32");
  readonly #x: (Operand<"i64"> | undefined)[] = [];
  readonly #v: (Operand<"v128"> | undefined)[] = [];
  /** Base register of the instruction's accesses; 32 where none is (literals). */
  #base = 32;
  #facts!: Facts;
  #member: RunMember | null = null;
  /** Host addresses of the lowest bytes of a block's runs, by number. */
  readonly #runs: Operand<"i32">[] = [];
  /** Index of the instruction in the page, and in its block. */
  #index = 0;
  #position = 0;
  #fpChecked = false;
  /** SP is known to be aligned. */
  #spChecked = false;
  terminal: Terminal | null = null;

  /**
   * @param root index of the region's first instruction, in whose record the region stands, and `rootSlot` the table
   * slot of that instruction's handler in tier 1.
   * @param recordBase where the records of the region's page start: as long as they do, the region is in use.
   * @param soleVcpu where the state block of a machine's only vCPU stands; 0 where there are several.
   */
  constructor(
    readonly functions: ModuleFunctions,
    readonly root: number,
    readonly rootSlot: number,
    recordBase: number,
    soleVcpu: number,
  ) {
    super(HANDLER_PARAMS);
    this.cpu = cpuOperand(soleVcpu);
    this.exactFlags = functions.exactFlags;
    this.recordBase = new Operand("i32", -1, recordBase);
  }

  // Entering blocks and instructions

  beginBlock(flags: FlagState): void {
    this.flags = flags;
    this.flagsPending = false;
    this.#fpChecked = false;
    this.#spChecked = false;
  }
  /** Writes one instruction: the `position`th of its block, at `index` in the page. */
  instruction(facts: Facts, index: number, position: number, member: RunMember | null = null): void {
    this.#facts = facts;
    this.#member = member;
    this.#index = index;
    this.#position = position;
    this.#base = 32;
    this.terminal = null;
    if (facts.row.options.trap === "fp" && !this.#fpChecked) {
      this.checkFp();
      this.#fpChecked = true;
    }
    facts.row.semantics!(this, facts.fields);
  }

  // Registers

  #xLocal(n: number): Operand<"i64"> {
    return this.#x[n] ??= this.newLocal("i64");
  }
  #vLocal(n: number): Operand<"v128"> {
    return this.#v[n] ??= this.newLocal("v128");
  }
  /** Reads the registers of two sets from the state block. */
  loadRegisters(x: number, v: number): void {
    for (let n = 0; n < 32; n++) {
      if (x & (1 << n)) {
        this.get(this.loadMemory("i64", 8, this.cpu, xOffset(n)));
        this.set(this.#xLocal(n));
      }
      if (v & (1 << n)) {
        this.get(this.loadMemory("v128", 16, this.cpu, V + 16 * n));
        this.set(this.#vLocal(n));
      }
    }
  }
  /** The register's value; a copy where this instruction writes the register too. */
  #readX(n: number): I64 {
    const local = this.#xLocal(n);
    if (!(this.#facts.xWrites & (1 << n))) return local;
    this.get(local);
    return this.take("i64");
  }
  #writeX(n: number, value: I64): void {
    if (n === 31) this.#spChecked = false;
    const local = this.#xLocal(n);
    this.get(value);
    this.set(local);
    this.storeMemory(8, this.cpu, xOffset(n), local);
  }
  x(n: number): I64 {
    return n === 31 ? this.i64(0) : this.#readX(n);
  }
  w(n: number): I32 {
    return n === 31 ? this.i32(0) : this.wrap(this.#readX(n));
  }
  xsp(n: number): I64 {
    return this.#readX(n);
  }
  wsp(n: number): I32 {
    return this.wrap(this.#readX(n));
  }
  base(n: number): I64 {
    this.#base = n;
    const value = this.#readX(n);
    if (n === 31 && !this.#spChecked) {
      this.#sideExitIf(this.and(this.wrap(value), this.i32(15)));
      this.#spChecked = true;
    }
    return value;
  }
  reg(sf: number, n: number): Int {
    return sf ? this.x(n) : this.w(n);
  }
  regsp(sf: number, n: number): Int {
    return sf ? this.xsp(n) : this.wsp(n);
  }
  setX(n: number, value: I64): void {
    if (n !== 31) this.#writeX(n, value);
  }
  setW(n: number, value: I32): void {
    if (n !== 31) this.#writeX(n, this.zeroExtend(value));
  }
  setXsp(n: number, value: I64): void {
    this.#writeX(n, value);
  }
  setWsp(n: number, value: I32): void {
    this.#writeX(n, this.zeroExtend(value));
  }
  setReg(n: number, value: Int): void {
    if (value.type === "i64") this.setX(n, value);
    else this.setW(n, value as I32);
  }
  setRegsp(n: number, value: Int): void {
    if (value.type === "i64") this.setXsp(n, value);
    else this.setWsp(n, value as I32);
  }

  v(n: number): V128 {
    const local = this.#vLocal(n);
    if (!(this.#facts.vWrites & (1 << n))) return local;
    this.get(local);
    return this.take("v128");
  }
  vLow64(n: number): I64 {
    return this.lane("i64x2.extract_lane", 0, this.#vLocal(n));
  }
  vHigh64(n: number): I64 {
    return this.lane("i64x2.extract_lane", 1, this.#vLocal(n));
  }
  vLow32(n: number): I32 {
    return this.lane("i32x4.extract_lane", 0, this.#vLocal(n));
  }
  vLow16(n: number): I32 {
    return this.lane("i16x8.extract_lane_u", 0, this.#vLocal(n));
  }
  vLow8(n: number): I32 {
    return this.lane("i8x16.extract_lane_u", 0, this.#vLocal(n));
  }
  d(n: number): F64 {
    return this.lane("f64x2.extract_lane", 0, this.#vLocal(n));
  }
  s(n: number): F32 {
    return this.lane("f32x4.extract_lane", 0, this.#vLocal(n));
  }
  setV(n: number, value: V128): void {
    const local = this.#vLocal(n);
    this.get(value);
    this.set(local);
    this.storeMemory(16, this.cpu, V + 16 * n, local);
  }
  setVLow64(n: number, value: I64): void {
    this.setV(n, this.lane("i64x2.replace_lane", 0, this.v128(0n, 0n), value));
  }
  setVLow32(n: number, value: I32): void {
    this.setV(n, this.lane("i32x4.replace_lane", 0, this.v128(0n, 0n), value));
  }
  setVLow16(n: number, value: I32): void {
    this.setV(n, this.lane("i16x8.replace_lane", 0, this.v128(0n, 0n), value));
  }
  setVLow8(n: number, value: I32): void {
    this.setV(n, this.lane("i8x16.replace_lane", 0, this.v128(0n, 0n), value));
  }
  setD(n: number, value: F64): void {
    this.setV(n, this.lane("f64x2.replace_lane", 0, this.v128(0n, 0n), value));
  }
  setS(n: number, value: F32): void {
    this.setV(n, this.lane("f32x4.replace_lane", 0, this.v128(0n, 0n), value));
  }
  setVElement(n: number, bytes: number, index: number, value: I64): void {
    const local = this.#vLocal(n);
    if (bytes === 8) this.get(this.lane("i64x2.replace_lane", index, local, value));
    else {
      const name = ({ 1: "i8x16.replace_lane", 2: "i16x8.replace_lane", 4: "i32x4.replace_lane" } as const)[bytes]!;
      this.get(this.lane(name, index, local, this.wrap(value)));
    }
    this.set(local);
    this.storeMemory(16, this.cpu, V + 16 * n, local);
  }

  // Operands are constants

  imm(value: number): I64 {
    return this.i64(value);
  }
  imm64(lo: number, hi: number): I64 {
    return this.i64Halves(lo, hi);
  }
  imm16(value: number): I32 {
    return this.i32(value);
  }
  imm16s(value: number): I64 {
    return this.i64(value);
  }

  // Leaving

  /** Has tier 1 execute this instruction, of which nothing has been done yet, and what follows. */
  sideExit(): void {
    this.#leaveTo(this.functions.sideExit);
  }
  /** The same where a run was not found, which may be because it lies in two pages. */
  #straddle(start: I32, bytes: number): void {
    this.#leaveTo(this.functions.straddle, start, this.i32(bytes));
  }
  #leaveTo(index: number, ...more: Value[]): void {
    this.storeFlags();
    const where = this.i64(
      this.#index + 2 ** 10 * this.#position + (this.#index === this.root ? 2 ** 20 * this.rootSlot : 0),
    );
    for (const value of [this.cpu, this.recordBase, this.executed, where, ...more]) this.get(value);
    this.code.u8(0x12); // return_call
    this.code.u32(index);
    this.endOfCode();
  }
  override exit(_kind: ExitKind, _argument?: I64): void {
    this.sideExit();
  }
  protected spill(): void {
    throw new TypeError("Cannot call TypeScript from a region where it may raise an exception");
  }
  protected reload(): void {}
  protected leave(): void {}
  override helper<T extends WasmType>(name: string, result: T, ...operands: Value[]): Value<T>;
  override helper(name: string, result: null, ...operands: Value[]): void;
  override helper(name: string, result: WasmType | null, ...operands: Value[]): Value | void {
    if (!findHelper(name).mayExit) return super.helper(name, result as WasmType, ...operands);
    this.sideExit();
    if (result) return this.temporary(result);
  }
  checkInterrupts(): void {
    this.beginIf(this.state32("attention"), 0);
    this.storeFlags();
    const executed = this.add(this.executed as I32, this.i32(this.#position + 1));
    for (const value of [this.cpu, this.pcPlus(4), executed]) this.get(value);
    this.code.u8(0x12); // return_call
    this.code.u32(this.functions.endSlice);
    this.endOfCode();
    this.endBlock();
  }

  // Memory: a page per base register, then the TLB, then TypeScript by way of tier 1

  protected override access(a: Access): void {
    if (this.#member) return this.#accessInRun(a, this.#member);
    const low = this.wrap(a.address), limit = this.i64(4097 - a.bytes);
    const misaligned = mustAlign(a) ? this.and(low, this.i32(a.bytes - 1)) : null;
    if (a.kind === "unprivileged") {
      const array = this.i32(a.write ? WRITE_TLB_OFFSET : 0);
      const { unprivileged } = this.functions;
      const addend = this.callFunction(unprivileged, "i32", this.cpu, array, a.address, limit) as I32;
      this.#sideExitIf(this.and(addend, this.i32(1)));
      return a.fast(this.add(low, addend));
    }
    let miss: I32 = this.geU(this.#inPage(a), this.loadMemory("i64", 4, this.cpu, this.#siteOf(a) + 12) as I64);
    if (misaligned) miss = this.or(miss, misaligned);
    this.beginIf(miss, 0);
    let absent = this.#lookUp(a, a.address, a.bytes);
    if (misaligned) absent = this.or(absent, misaligned);
    this.#sideExitIf(absent);
    this.endBlock();
    a.fast(this.add(low, this.loadMemory("i32", 4, this.cpu, this.#siteOf(a) + 8)));
  }

  /** The first access of a run finds the page of all of them. */
  #accessInRun(a: Access, { run, isFirst, offset }: RunMember): void {
    const host = this.#runs[run.number] ??= this.newLocal("i32");
    if (isFirst) {
      const start = offset === 0 ? a.address : this.sub(a.address, this.i64(offset));
      const inPage = this.#inPage(a, start), span = this.loadMemory("i64", 4, this.cpu, this.#siteOf(a) + 12);
      let miss: I32 = this.geU(inPage, span as I64);
      if (run.bytes > ACCESS_BYTES_MAX) miss = this.or(miss, this.geU(inPage, this.i64(4097 - run.bytes)));
      this.beginIf(miss, 0);
      this.beginIf(this.#lookUp(a, start, run.bytes), 0);
      this.#straddle(this.wrap(start), run.bytes);
      this.endBlock();
      this.endBlock();
      this.get(this.add(this.wrap(start), this.loadMemory("i32", 4, this.cpu, this.#siteOf(a) + 8) as I32));
      this.set(host);
    }
    a.fast(host as I32, offset);
  }

  /** The site of the instruction's accesses. Those without a base register, which are few, share that of IP0. */
  get #siteNumber(): number {
    return this.#base === 32 ? 16 : this.#base;
  }
  #siteOf(a: Access): number {
    return (a.write ? WRITE_SITES : SITES) + SITE_BYTES * this.#siteNumber;
  }
  /** Where an address is in the page that the site knows. */
  #inPage(a: Access, address = a.address): I64 {
    return this.sub(address, this.loadMemory("i64", 8, this.cpu, this.#siteOf(a)) as I64);
  }
  /** Has the site know the page of so many bytes; 0 where the TLB has it. */
  #lookUp(a: Access, start: I64, bytes: number): I32 {
    const tlb = a.write ? this.functions.write : this.functions.read;
    return this.callFunction(tlb, "i32", this.cpu, this.i32(this.#siteNumber), start, this.i64(4097 - bytes));
  }
  #sideExitIf(condition: I32): void {
    this.beginIf(condition, 0);
    this.sideExit();
    this.endBlock();
  }

  outline(name: string, a: I64, b: I64): I64 {
    return this.callFunction(this.functions.outlines.get(name)!, "i64", this.cpu, a, b);
  }

  // The guest's control flow: written by the region's compiler

  pcPlus(offset: number): I64 {
    return this.add(this.page as I64, this.i64(4 * this.#index + offset));
  }
  pagePlus(offset: number): I64 {
    return this.add(this.page as I64, this.i64(offset));
  }
  branch(_offset: number): void {
    this.terminal = { kind: "branch" };
  }
  branchIf(condition: I32, _offset: number): void {
    this.terminal = { kind: "branchIf", condition };
  }
  branchLink(_offset: number): void {
    this.#writeX(30, this.pcPlus(4));
    this.terminal = { kind: "call" };
  }
  branchTo(address: I64, kind: "br" | "blr" | "ret"): void {
    if (kind === "blr") this.terminal = { kind: "callTo", address };
    else this.terminal = { kind: kind === "br" ? "jumpTo" : "return", address };
  }
  synchronize(): void {
    this.terminal = { kind: "synchronize" };
  }
}

/** Where Xn stands in the state block; 31 is SP. */
function xOffset(n: number): number {
  return X + 8 * (n === 31 ? 32 : n);
}
