import type { Builder, F32, F64, I32, I64, Int, OpResult, V128, Value, Variable, WasmType } from "./builder.ts";
import type { AccessKind, ExitKind, StateField } from "../cpu/layout.ts";
import type { WasmOp } from "./wasm_ops.ts";

/** Stands for every value while a meaning is only looked at. */
const INT32 = { type: "i32", variable: true } as const;
const INT64 = { type: "i64", variable: true } as const;
const FLOAT32 = { type: "f32", variable: true } as const;
const FLOAT64 = { type: "f64", variable: true } as const;
const VECTOR = { type: "v128", variable: true } as const;
const BY_TYPE = { i32: INT32, i64: INT64, f32: FLOAT32, f64: FLOAT64, v128: VECTOR } as const;
const BY_PREFIX: Record<string, Value> = {
  i32: INT32,
  i64: INT64,
  f32: FLOAT32,
  f64: FLOAT64,
};

/** The result type of a WebAssembly instruction, by what the meanings use of it. */
const RESULT_TYPE = new Map<string, Value>();
function resultOf(name: string): Value {
  let value = RESULT_TYPE.get(name);
  if (!value) {
    const [prefix, operation] = name.split(".");
    if (/^(eqz|eq|ne|lt|gt|le|ge)(_[su])?$/.test(operation) && prefix in BY_PREFIX) value = INT32;
    else if (/extract_lane/.test(operation)) {
      value =
        BY_PREFIX[{ i8x16: "i32", i16x8: "i32", i32x4: "i32", i64x2: "i64", f32x4: "f32", f64x2: "f64" }[prefix]!];
    } else if (/^(any_true|all_true|bitmask)$/.test(operation)) value = INT32;
    else value = BY_PREFIX[prefix] ?? VECTOR;
    RESULT_TYPE.set(name, value);
  }
  return value;
}

/** The Builder that builds nothing: a base for those that only look at what a meaning asks for. */
export class NullBuilder implements Builder {
  imm(_value: number): I64 {
    return INT64;
  }
  imm64(_lo: number, _hi: number): I64 {
    return INT64;
  }
  imm16(_value: number): I32 {
    return INT32;
  }
  imm16s(_value: number): I64 {
    return INT64;
  }

  i32(): I32 {
    return INT32;
  }
  i64(): I64 {
    return INT64;
  }
  f32(): F32 {
    return FLOAT32;
  }
  f64(): F64 {
    return FLOAT64;
  }
  v128(): V128 {
    return VECTOR;
  }

  x(_n: number): I64 {
    return INT64;
  }
  w(_n: number): I32 {
    return INT32;
  }
  xsp(_n: number): I64 {
    return INT64;
  }
  wsp(_n: number): I32 {
    return INT32;
  }
  base(n: number): I64 {
    return this.xsp(n);
  }
  reg(sf: number, n: number): Int {
    return sf ? this.x(n) : this.w(n);
  }
  regsp(sf: number, n: number): Int {
    return sf ? this.xsp(n) : this.wsp(n);
  }
  setX(_n: number): void {}
  setW(n: number): void {
    this.setX(n);
  }
  setXsp(_n: number): void {}
  setWsp(n: number): void {
    this.setXsp(n);
  }
  setReg(n: number): void {
    this.setX(n);
  }
  setRegsp(n: number): void {
    this.setXsp(n);
  }

  /** A read of any part of Vn. */
  protected readVector(_n: number): void {}
  /** A write of all of Vn. */
  protected writeVector(_n: number): void {}
  v(n: number): V128 {
    this.readVector(n);
    return VECTOR;
  }
  vLow64(n: number): I64 {
    this.readVector(n);
    return INT64;
  }
  vHigh64(n: number): I64 {
    this.readVector(n);
    return INT64;
  }
  vLow32(n: number): I32 {
    this.readVector(n);
    return INT32;
  }
  vLow16(n: number): I32 {
    this.readVector(n);
    return INT32;
  }
  vLow8(n: number): I32 {
    this.readVector(n);
    return INT32;
  }
  d(n: number): F64 {
    this.readVector(n);
    return FLOAT64;
  }
  s(n: number): F32 {
    this.readVector(n);
    return FLOAT32;
  }
  setV(n: number): void {
    this.writeVector(n);
  }
  setVLow64(n: number): void {
    this.writeVector(n);
  }
  setVLow32(n: number): void {
    this.writeVector(n);
  }
  setVLow16(n: number): void {
    this.writeVector(n);
  }
  setVLow8(n: number): void {
    this.writeVector(n);
  }
  /** A write of an element leaves the rest of Vn. */
  setVElement(n: number): void {
    this.writeVector(n);
  }
  setD(n: number): void {
    this.writeVector(n);
  }
  setS(n: number): void {
    this.writeVector(n);
  }

  op<N extends WasmOp>(name: N): OpResult<N> {
    return resultOf(name) as OpResult<N>;
  }
  lane<N extends WasmOp>(name: N): OpResult<N> {
    return resultOf(name) as OpResult<N>;
  }
  shuffle(): V128 {
    return VECTOR;
  }
  add<T extends Int>(a: T): T {
    return a;
  }
  sub<T extends Int>(a: T): T {
    return a;
  }
  mul<T extends Int>(a: T): T {
    return a;
  }
  and<T extends Int>(a: T): T {
    return a;
  }
  or<T extends Int>(a: T): T {
    return a;
  }
  xor<T extends Int>(a: T): T {
    return a;
  }
  not<T extends Int>(a: T): T {
    return a;
  }
  shl<T extends Int>(a: T): T {
    return a;
  }
  shrU<T extends Int>(a: T): T {
    return a;
  }
  shrS<T extends Int>(a: T): T {
    return a;
  }
  rotr<T extends Int>(a: T): T {
    return a;
  }
  clz<T extends Int>(a: T): T {
    return a;
  }
  eqz(): I32 {
    return INT32;
  }
  eq(): I32 {
    return INT32;
  }
  ne(): I32 {
    return INT32;
  }
  ltU(): I32 {
    return INT32;
  }
  ltS(): I32 {
    return INT32;
  }
  geU(): I32 {
    return INT32;
  }
  geS(): I32 {
    return INT32;
  }
  gtU(): I32 {
    return INT32;
  }
  gtS(): I32 {
    return INT32;
  }
  wrap(): I32 {
    return INT32;
  }
  zeroExtend(): I64 {
    return INT64;
  }
  signExtend(): I64 {
    return INT64;
  }
  const<T extends Int>(like: T): T {
    return like;
  }
  select<T extends WasmType>(_condition: I32, a: Value<T>): Value<T> {
    return a;
  }

  if(_condition: I32, then: () => void, otherwise?: () => void): void {
    then();
    otherwise?.();
  }
  loop(body: () => I32): void {
    body();
  }
  variable<T extends WasmType>(initial: Value<T>): Variable<T> {
    return initial as Variable<T>;
  }
  assign(): void {}

  nzcv(): I32 {
    return INT32;
  }
  setNzcv(): void {}
  setFlagsAdd(): void {}
  setFlagsSub(): void {}
  setFlagsAdc(): void {}
  setFlagsLogic(): void {}
  setFlagsIf(): void {}
  carry(): I32 {
    return INT32;
  }
  condition(): I32 {
    return INT32;
  }
  state32(_field: StateField): I32 {
    return INT32;
  }
  state64(_field: StateField): I64 {
    return INT64;
  }
  setState32(): void {}
  setState64(): void {}
  readSysreg(): I64 {
    return INT64;
  }
  storedSysreg(): I64 {
    return INT64;
  }
  writeSysreg(): void {}

  /** A load or store of guest memory; an atomic access is a store. */
  protected access(_write: boolean, _kind?: AccessKind): void {}
  load(_address: I64, _bytes: number, kind?: AccessKind): I64 {
    this.access(false, kind);
    return INT64;
  }
  loadV(_address: I64, _bytes: number, kind?: AccessKind): V128 {
    this.access(false, kind);
    return VECTOR;
  }
  store(_address: I64, _bytes: number, _value: I64, kind?: AccessKind): void {
    this.access(true, kind);
  }
  store128(_address: I64, _value: V128, kind?: AccessKind): void {
    this.access(true, kind);
  }
  loadPair(_address: I64, _bytes: number, kind?: AccessKind): [I64, I64] {
    this.access(false, kind);
    return [INT64, INT64];
  }
  storePair(_address: I64, _bytes: number, _first: I64, _second: I64, kind?: AccessKind): void {
    this.access(true, kind);
  }
  loadPairV(_address: I64, _bytes: number, kind?: AccessKind): [V128, V128] {
    this.access(false, kind);
    return [VECTOR, VECTOR];
  }
  storePair128(_address: I64, _first: V128, _second: V128, kind?: AccessKind): void {
    this.access(true, kind);
  }
  atomic(_address: I64, _bytes: number, update: (old: I64) => I64): I64 {
    this.access(true);
    update(INT64);
    return INT64;
  }
  atomicPair(_address: I64, _bytes: number, update: (low: I64, high: I64) => [I64, I64]): [I64, I64] {
    this.access(true);
    return update(INT64, INT64);
  }
  loadExclusive(): I64 {
    this.access(false);
    return INT64;
  }
  loadExclusivePair(): [I64, I64] {
    this.access(false);
    return [INT64, INT64];
  }
  storeExclusive(): I32 {
    this.access(true);
    return INT32;
  }
  storeExclusivePair(): I32 {
    this.access(true);
    return INT32;
  }
  clearExclusive(): void {}
  zeroBlock(): void {
    this.access(true);
  }

  pcPlus(offset: number): I64 {
    return this.imm(offset);
  }
  pagePlus(offset: number): I64 {
    return this.imm(offset);
  }
  branch(_offset: number): void {}
  branchIf(_condition: I32, _offset: number): void {}
  link(): void {}
  branchLink(_offset: number): void {}
  branchTo(_address: I64, _kind: "br" | "blr" | "ret"): void {}
  exit(_kind: ExitKind): void {}
  undefined(): void {
    this.exit("undefined");
  }
  synchronize(): void {}
  checkInterrupts(): void {}

  outline(): I64 {
    return INT64;
  }
  helper<T extends WasmType>(name: string, result: T, ...operands: Value[]): Value<T>;
  helper(name: string, result: null, ...operands: Value[]): void;
  helper(_name: string, result: WasmType | null, ..._operands: Value[]): Value | void {
    if (result) return BY_TYPE[result];
  }
}
