import type { F32, F64, I32, I64, Int, OpResult, V128, Value, Variable, WasmType } from "./builder.ts";
import { WasmBytes } from "./wasm_bytes.ts";
import { TYPE_CODE } from "./wasm_module.ts";
import { LANE_OPS, WASM_OPS, type WasmOp } from "./wasm_ops.ts";

/** A value in generated code: a local, or a constant that is written where it is used. */
export class Operand<T extends WasmType = WasmType> implements Value<T> {
  readonly variable = true;
  constructor(
    readonly type: T,
    /** The local's index, or -1 for a constant. */
    readonly local: number,
    readonly lo = 0,
    readonly hi = 0,
    readonly bits: bigint = 0n,
  ) {}
}

const RESULT: Record<string, WasmType> = { i: "i32", l: "i64", f: "f32", d: "f64", v: "v128" };

interface OpCode {
  readonly bytes: Uint8Array;
  readonly result: WasmType;
}

const OP_CODES = new Map<string, OpCode>(
  Object.entries(WASM_OPS).map(([name, [code, signature]]) => {
    const s = new WasmBytes(8);
    if (code > 0xffff) {
      s.u8(code >>> 16);
      s.u32(code & 0xffff);
    } else if (code > 0xff) {
      s.u8(code >>> 8);
      s.u32(code & 0xff);
    } else s.u8(code);
    return [name, { bytes: s.view(), result: RESULT[signature[signature.length - 1]] }];
  }),
);

/** What a call takes of the stack beside its locals: V8's own, and values that are being reckoned with. */
const FRAME_BYTES = 128;

/** Opcodes of loads and stores used by the engine, by value type and width in bytes. */
const LOAD: Record<string, number> = {
  "i64.8": 0x29,
  "i64.4": 0x35,
  "i64.2": 0x33,
  "i64.1": 0x31,
  "i32.4": 0x28,
  "i32.2": 0x2f,
  "i32.1": 0x2d,
  "f32.4": 0x2a,
  "f64.8": 0x2b,
};
const STORE: Record<string, number> = {
  "i64.8": 0x37,
  "i64.4": 0x3e,
  "i64.2": 0x3d,
  "i64.1": 0x3c,
  "i32.4": 0x36,
  "i32.2": 0x3b,
  "i32.1": 0x3a,
  "f32.4": 0x38,
  "f64.8": 0x39,
};
/** Those of vector loads, whose rest is 0: v128.load8_lane, load16_lane, load32_zero, load64_zero and load. */
const LOAD_V128: Record<number, number> = { 1: 0x54, 2: 0x55, 4: 0x5c, 8: 0x5d, 16: 0x00 };

/**
 * Writes WebAssembly for the part of the {@link Builder} that knows nothing of guest state: constants, pure operations
 * and structured control. Each result goes to a local of its own; V8's optimizing compiler removes the copies.
 */
export class Emitter {
  readonly code = new WasmBytes(512);
  readonly locals: WasmType[] = [];
  readonly hints: { offset: number; likely: 0 | 1 }[] = [];
  /** Position and index of the `local.set` written last, which a `local.get` right after turns into a tee. */
  #setEnd = -1;
  #setStart = -1;
  #setLocal = -1;
  #free: Record<WasmType, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  #temporaries: Operand[] = [];
  /** Where in the code constants stand that `settleFrames` is to write. */
  readonly #frames: number[] = [];

  /** @param paramCount parameters of the function, whose indices come before the locals'. */
  constructor(readonly paramCount: number) {}

  /** Lets the locals of values made since the last call be used again. */
  releaseTemporaries(): void {
    for (const t of this.#temporaries) this.#free[t.type].push(t.local);
    this.#temporaries.length = 0;
    this.#setEnd = -1;
  }

  /** A local of this type that `releaseTemporaries` leaves alone. */
  newLocal<T extends WasmType>(type: T): Operand<T> {
    this.locals.push(type);
    return new Operand(type, this.paramCount + this.locals.length - 1);
  }

  /** A local that lives until `releaseTemporaries`. */
  temporary<T extends WasmType>(type: T): Operand<T> {
    const free = this.#free[type].pop();
    const t = free === undefined ? this.newLocal(type) : new Operand(type, free);
    this.#temporaries.push(t);
    return t;
  }

  /** Pushes a value on the WebAssembly stack. */
  get(value: Value): void {
    const v = value as Operand;
    if (v.local < 0) return this.#constant(v);
    if (this.#setEnd === this.code.length && this.#setLocal === v.local) {
      this.code.bytes[this.#setStart] = 0x22; // local.set becomes local.tee
      this.#setEnd = -1;
      return;
    }
    this.code.u8(0x20);
    this.code.u32(v.local);
  }

  #constant(v: Operand): void {
    switch (v.type) {
      case "i32":
        this.code.u8(0x41);
        return this.code.s32(v.lo);
      case "i64":
        this.code.u8(0x42);
        return this.code.s64(v.lo, v.hi);
      case "f32":
      case "f64": {
        const view = new DataView(new ArrayBuffer(8));
        if (v.type === "f32") view.setUint32(0, v.lo, true);
        else view.setBigUint64(0, v.bits, true);
        this.code.u8(v.type === "f32" ? 0x43 : 0x44);
        return this.code.raw(new Uint8Array(view.buffer, 0, v.type === "f32" ? 4 : 8));
      }
      case "v128": {
        const view = new DataView(new ArrayBuffer(16));
        view.setBigUint64(0, v.bits & 0xffff_ffff_ffff_ffffn, true);
        view.setBigUint64(8, v.bits >> 64n, true);
        this.code.raw([0xfd, 0x0c]);
        return this.code.raw(new Uint8Array(view.buffer));
      }
    }
  }

  /** Pops the stack into a local. */
  set(value: Operand): void {
    this.#setStart = this.code.length;
    this.code.u8(0x21);
    this.code.u32(value.local);
    this.#setEnd = this.code.length;
    this.#setLocal = value.local;
  }

  /** Pops the stack into a fresh value. */
  take<T extends WasmType>(type: T): Operand<T> {
    const t = this.temporary(type);
    this.set(t);
    return t;
  }

  /** How many bytes of the host's stack a call of this function takes at most, known when all of it is written. */
  frame(): I32 {
    this.code.u8(0x41);
    this.#frames.push(this.code.length);
    this.code.u32InFive(0);
    return this.take("i32");
  }

  /** Writes what `frame` stands for, when nothing else follows. */
  settleFrames(): void {
    const { length } = this.code, bytes = this.#frameBytes();
    for (const at of this.#frames) {
      this.code.length = at;
      this.code.u32InFive(bytes);
    }
    this.code.length = length;
  }

  /** V8's first compiler has every local on the stack; code of the optimizing one takes less. */
  #frameBytes(): number {
    const localBytes = (type: WasmType) => type === "v128" ? 16 : 8;
    return FRAME_BYTES + this.locals.reduce((sum, type) => sum + localBytes(type), 8 * this.paramCount);
  }

  i32(value: number): I32 {
    return new Operand("i32", -1, value | 0);
  }
  i64(value: number | bigint): I64 {
    if (typeof value === "number") return this.i64Halves(value | 0, Math.floor(value / 2 ** 32));
    return this.i64Halves(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  }
  i64Halves(lo: number, hi: number): I64 {
    return new Operand("i64", -1, lo | 0, hi | 0);
  }
  f32(value: number): F32 {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value);
    return new Operand("f32", -1, view.getUint32(0));
  }
  f64(value: number): F64 {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    return new Operand("f64", -1, 0, 0, view.getBigUint64(0));
  }
  v128(lo: bigint, hi: bigint): V128 {
    return new Operand("v128", -1, 0, 0, BigInt.asUintN(64, lo) | (BigInt.asUintN(64, hi) << 64n));
  }

  op<N extends WasmOp>(name: N, ...operands: Value[]): OpResult<N> {
    for (const o of operands) this.get(o);
    const op = OP_CODES.get(name)!;
    this.code.raw(op.bytes);
    return this.take(op.result) as unknown as OpResult<N>;
  }
  lane<N extends WasmOp>(name: N, lane: number, ...operands: Value[]): OpResult<N> {
    if (!LANE_OPS.has(name)) throw new TypeError(`Cannot give a lane to ${name}`);
    for (const o of operands) this.get(o);
    const op = OP_CODES.get(name)!;
    this.code.raw(op.bytes);
    this.code.u8(lane);
    return this.take(op.result) as unknown as OpResult<N>;
  }
  shuffle(a: V128, b: V128, lanes: readonly number[]): V128 {
    this.get(a);
    this.get(b);
    this.code.raw([0xfd, 0x0d]);
    this.code.raw(lanes);
    return this.take("v128");
  }

  #int<T extends Int>(name: string, a: T, b: T | I32): T {
    let amount: Int = b;
    if (a.type === "i64" && b.type === "i32") amount = this.zeroExtend(b as I32);
    return this.op(`${a.type}.${name}` as WasmOp, a, amount) as T;
  }
  #compare<T extends Int>(name: string, a: T, b: T): I32 {
    return this.op(`${a.type}.${name}` as WasmOp, a, b) as I32;
  }

  add<T extends Int>(a: T, b: T): T {
    return this.#int("add", a, b);
  }
  sub<T extends Int>(a: T, b: T): T {
    return this.#int("sub", a, b);
  }
  mul<T extends Int>(a: T, b: T): T {
    return this.#int("mul", a, b);
  }
  and<T extends Int>(a: T, b: T): T {
    return this.#int("and", a, b);
  }
  or<T extends Int>(a: T, b: T): T {
    return this.#int("or", a, b);
  }
  xor<T extends Int>(a: T, b: T): T {
    return this.#int("xor", a, b);
  }
  not<T extends Int>(a: T): T {
    return this.#int("xor", a, this.const(a, -1));
  }
  shl<T extends Int>(a: T, b: T | I32): T {
    return this.#int("shl", a, b);
  }
  shrU<T extends Int>(a: T, b: T | I32): T {
    return this.#int("shr_u", a, b);
  }
  shrS<T extends Int>(a: T, b: T | I32): T {
    return this.#int("shr_s", a, b);
  }
  rotr<T extends Int>(a: T, b: T | I32): T {
    const amount = b as unknown as Operand;
    if (amount.local >= 0) return this.#int("rotr", a, b);
    // V8's baseline compiler calls C for a rotation; the optimizing one makes a rotation of this.
    return this.or(this.shrU(a, this.const(a, amount.lo)), this.shl(a, this.const(a, -amount.lo)));
  }
  clz<T extends Int>(a: T): T {
    return this.op(`${a.type}.clz` as WasmOp, a) as unknown as T;
  }
  eqz(a: Int): I32 {
    return this.op(`${a.type}.eqz` as WasmOp, a) as I32;
  }
  eq<T extends Int>(a: T, b: T): I32 {
    return this.#compare("eq", a, b);
  }
  ne<T extends Int>(a: T, b: T): I32 {
    return this.#compare("ne", a, b);
  }
  ltU<T extends Int>(a: T, b: T): I32 {
    return this.#compare("lt_u", a, b);
  }
  ltS<T extends Int>(a: T, b: T): I32 {
    return this.#compare("lt_s", a, b);
  }
  geU<T extends Int>(a: T, b: T): I32 {
    return this.#compare("ge_u", a, b);
  }
  geS<T extends Int>(a: T, b: T): I32 {
    return this.#compare("ge_s", a, b);
  }
  gtU<T extends Int>(a: T, b: T): I32 {
    return this.#compare("gt_u", a, b);
  }
  gtS<T extends Int>(a: T, b: T): I32 {
    return this.#compare("gt_s", a, b);
  }
  wrap(a: I64): I32 {
    return this.op("i32.wrap_i64", a);
  }
  zeroExtend(a: I32): I64 {
    return this.op("i64.extend_i32_u", a);
  }
  signExtend(a: I32): I64 {
    return this.op("i64.extend_i32_s", a);
  }
  const<T extends Int>(like: T, value: number): T {
    return (like.type === "i32" ? this.i32(value) : this.i64(value)) as T;
  }
  select<T extends WasmType>(condition: I32, a: Value<T>, b: Value<T>): Value<T> {
    this.get(a);
    this.get(b);
    this.get(condition);
    if (a.type === "v128") this.code.raw([0x1c, 0x01, TYPE_CODE.v128]);
    else this.code.u8(0x1b);
    return this.take(a.type);
  }

  if(condition: I32, then: () => void, otherwise?: () => void): void {
    this.beginIf(condition);
    then();
    if (otherwise) {
      this.beginElse();
      otherwise();
    }
    this.endBlock();
  }
  /** `if` without a result; `likely` is a hint for the compiler. */
  beginIf(condition: Value, likely?: 0 | 1): void {
    this.get(condition);
    if (likely !== undefined) this.hints.push({ offset: this.code.length, likely });
    this.code.raw([0x04, 0x40]);
    this.#setEnd = -1;
  }
  beginElse(): void {
    this.code.u8(0x05);
    this.#setEnd = -1;
  }
  endBlock(): void {
    this.code.u8(0x0b);
    this.#setEnd = -1;
  }
  /** Begins what `leaveBlock` leaves. */
  beginPlainBlock(): void {
    this.code.raw([0x02, 0x40]);
    this.#setEnd = -1;
  }
  /** Goes on behind a block, or anew at the start of a loop: 0 is the innermost. */
  leaveBlock(depth: number): void {
    this.code.u8(0x0c);
    this.code.u32(depth);
    this.#setEnd = -1;
  }
  /** The same where a condition holds, which is not likely. */
  leaveBlockIf(condition: I32, depth: number): void {
    this.get(condition);
    this.hints.push({ offset: this.code.length, likely: 0 });
    this.code.u8(0x0d);
    this.code.u32(depth);
    this.#setEnd = -1;
  }
  loop(body: () => I32): void {
    this.code.raw([0x03, 0x40]);
    this.#setEnd = -1;
    this.get(body());
    this.code.raw([0x0d, 0x00]);
    this.endBlock();
  }
  variable<T extends WasmType>(initial: Value<T>): Variable<T> {
    this.get(initial);
    return this.take(initial.type) as Variable<T>;
  }
  assign<T extends WasmType>(variable: Variable<T>, value: Value<T>): void {
    this.get(value);
    this.set(variable as unknown as Operand);
    this.#setEnd = -1; // the variable is read later too: leave the set in place
  }

  /** Loads from linear memory at the i32 `address` plus `offset`; what is wider than `bytes` is zero-extended. */
  loadMemory<T extends WasmType>(type: T, bytes: number, address: Value, offset: number): Operand<T> {
    this.get(address);
    const isLane = type === "v128" && bytes < 4;
    if (isLane) this.get(this.v128(0n, 0n));
    if (type === "v128") this.code.raw([0xfd, LOAD_V128[bytes]]);
    else this.code.u8(LOAD[`${type}.${bytes}`]);
    this.code.u8(0); // alignment hint: none, guest accesses may be unaligned
    this.code.u32(offset);
    if (isLane) this.code.u8(0);
    return this.take(type);
  }
  storeMemory(bytes: number, address: Value, offset: number, value: Value): void {
    this.get(address);
    this.get(value);
    if (value.type === "v128") this.code.raw([0xfd, 0x0b]);
    else this.code.u8(STORE[`${value.type}.${bytes}`]);
    this.code.u8(0);
    this.code.u32(offset);
  }
  /** Calls function `index` (imports first); its arguments are pushed in order. */
  callFunction<T extends WasmType>(index: number, result: T, ...operands: Value[]): Operand<T> {
    this.callProcedure(index, ...operands);
    return this.take(result);
  }
  /** The same for a function without a result. */
  callProcedure(index: number, ...operands: Value[]): void {
    for (const o of operands) this.get(o);
    this.code.u8(0x10);
    this.code.u32(index);
  }
  return(): void {
    this.code.u8(0x0f);
    this.endOfCode();
  }
  /** To be called behind an instruction that never goes on, which was written byte by byte. */
  endOfCode(): void {
    this.#setEnd = -1;
  }
}
