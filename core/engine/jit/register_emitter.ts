import type { F32, F64, I32, I64, Int, V128 } from "../builder.ts";
import { V, X } from "../../cpu/layout.ts";
import { Operand } from "../emitter.ts";
import type { RunMember } from "./access_runs.ts";
import type { Facts } from "./analysis.ts";
import type { Deferral, RegisterPair } from "./block.ts";
import { LazyFlagsEmitter } from "./lazy_flags_emitter.ts";

const NOTHING_DEFERRED: Pick<Deferral, "x" | "v" | "pairs"> = { x: 0, v: 0, pairs: [] };
/** Stands for the value of a register whose pair has it already. */
export const IN_PAIR = new Operand("i64", 0) as I64;

/** What the compiler knows of an instruction from those around it. */
export interface Surroundings {
  /** Its place in its block. */
  readonly position: number;
  readonly member: RunMember | null;
  /** Registers that it need not store: they are written again before the region can be left. */
  readonly xDead: number;
  readonly vDead: number;
}

/**
 * Keeps registers in locals: each write of one is stored in the state block too, so that the state is exact at every fault;
 * but in some loops (deferral.ts) they are stored where the loop is left, and what is soon written again is not stored.
 */
export abstract class RegisterEmitter extends LazyFlagsEmitter {
  readonly #x: (Operand<"i64"> | undefined)[] = [];
  readonly #v: (Operand<"v128"> | undefined)[] = [];
  readonly #pairs: (Operand<"v128"> | undefined)[] = [];
  /** The instruction that is written. */
  protected facts!: Facts;
  protected around!: Surroundings;
  /** What stays in locals from here on. */
  deferral: Deferral | null = null;
  /** SP is known to be aligned. */
  protected spChecked = false;

  protected xLocal(n: number): Operand<"i64"> {
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
        this.set(this.xLocal(n));
      }
      if (v & (1 << n)) {
        this.get(this.loadMemory("v128", 16, this.cpu, V + 16 * n));
        this.set(this.#vLocal(n));
      }
    }
  }
  /** The register's value; a copy where this instruction writes the register too. */
  protected readX(n: number): I64 {
    const local = this.xLocal(n);
    if (!(this.facts.xWrites & (1 << n))) return local;
    this.get(local);
    return this.take("i64");
  }
  protected writeX(n: number, value: I64): void {
    if (value === IN_PAIR) return;
    if (n === 31 && !this.#keepsAlignment) this.spChecked = false;
    const local = this.xLocal(n);
    this.get(value);
    this.set(local);
    const unstored = this.around.xDead | (this.deferral?.x ?? 0);
    if ((unstored & (1 << n)) === 0) this.#storeX(n);
  }
  /** The instruction changes its base register, SP, by a multiple of 16 only. */
  get #keepsAlignment(): boolean {
    const { access } = this.facts;
    return access !== null && access.base === 31 && access.writeback % 16 === 0;
  }
  #storeX(n: number): void {
    this.storeMemory(8, this.cpu, xOffset(n), this.xLocal(n));
  }
  /** Puts what only locals have of the registers in the state block. */
  storeDeferred(): void {
    const { x, v, pairs } = this.deferral ?? NOTHING_DEFERRED;
    let left = x;
    for (const pair of pairs) {
      left &= ~(1 << pair[0] | 1 << pair[1]);
      this.#storePair(pair);
    }
    for (let n = 0; n < 32; n++) {
      if (left & (1 << n)) this.#storeX(n);
      if (v & (1 << n)) this.#storeV(n);
    }
  }
  /** To be called on the way into a loop in which registers are deferred: has its pairs together. */
  joinPairs({ pairs }: Deferral): void {
    for (const pair of pairs) {
      const low = this.op("i64x2.splat", this.xLocal(pair[0]));
      this.get(this.lane("i64x2.replace_lane", 1, low, this.xLocal(pair[1])));
      this.set(this.pairLocal(pair));
    }
  }
  /** The same on the way out: has each register of its pairs for itself. */
  splitPairs({ pairs }: Deferral): void {
    for (const pair of pairs) {
      pair.forEach((n, lane) => {
        this.get(this.lane("i64x2.extract_lane", lane, this.pairLocal(pair)));
        this.set(this.xLocal(n));
      });
    }
  }
  protected pairLocal([first, second]: RegisterPair): Operand<"v128"> {
    return this.#pairs[32 * first + second] ??= this.newLocal("v128");
  }
  #storePair(pair: RegisterPair): void {
    const [first, second] = pair, both = this.pairLocal(pair);
    if (second === first + 1) return this.storeMemory(16, this.cpu, xOffset(first), both);
    pair.forEach((n, lane) => this.storeMemory(8, this.cpu, xOffset(n), this.lane("i64x2.extract_lane", lane, both)));
  }
  x(n: number): I64 {
    return n === 31 ? this.i64(0) : this.readX(n);
  }
  w(n: number): I32 {
    return n === 31 ? this.i32(0) : this.wrap(this.readX(n));
  }
  xsp(n: number): I64 {
    return this.readX(n);
  }
  wsp(n: number): I32 {
    return this.wrap(this.readX(n));
  }
  reg(sf: number, n: number): Int {
    return sf ? this.x(n) : this.w(n);
  }
  regsp(sf: number, n: number): Int {
    return sf ? this.xsp(n) : this.wsp(n);
  }
  setX(n: number, value: I64): void {
    if (n !== 31) this.writeX(n, value);
  }
  setW(n: number, value: I32): void {
    if (n !== 31) this.writeX(n, this.zeroExtend(value));
  }
  setXsp(n: number, value: I64): void {
    this.writeX(n, value);
  }
  setWsp(n: number, value: I32): void {
    this.writeX(n, this.zeroExtend(value));
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
    if (!(this.facts.vWrites & (1 << n))) return local;
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
    this.get(value);
    this.#writeV(n);
  }
  /** Takes the register's value from the stack. */
  #writeV(n: number): void {
    this.set(this.#vLocal(n));
    const unstored = this.around.vDead | (this.deferral?.v ?? 0);
    if ((unstored & (1 << n)) === 0) this.#storeV(n);
  }
  #storeV(n: number): void {
    this.storeMemory(16, this.cpu, V + 16 * n, this.#vLocal(n));
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
    this.#writeV(n);
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
}

/** Where Xn stands in the state block; 31 is SP. */
function xOffset(n: number): number {
  return X + 8 * (n === 31 ? 32 : n);
}
