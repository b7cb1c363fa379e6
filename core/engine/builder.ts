import type { WASM_OPS, WasmOp } from "./wasm_ops.ts";
import type { AccessKind, ExitKind, StateField } from "../cpu/layout.ts";

export type WasmType = "i32" | "i64" | "f32" | "f64" | "v128";

/** A typed value in the code being built: a WebAssembly local or a constant. It may be used any number of times. */
export interface Value<T extends WasmType = WasmType> {
  readonly type: T;
}
export type I32 = Value<"i32">;
export type I64 = Value<"i64">;
export type F32 = Value<"f32">;
export type F64 = Value<"f64">;
export type V128 = Value<"v128">;
export type Int = I32 | I64;

/** A mutable local. Read it by using it as a value: what is read is its value at that point of the code. */
export type Variable<T extends WasmType = WasmType> = Value<T> & { readonly variable: true };

type Letter = { i: "i32"; l: "i64"; f: "f32"; d: "f64"; v: "v128" };
type ResultOf<S> = S extends `${string}:${infer R extends keyof Letter}` ? Letter[R] : never;
export type OpResult<N extends WasmOp> = Value<ResultOf<(typeof WASM_OPS)[N][1]>>;

/**
 * What the meaning of an instruction is written against. A meaning is asked for interpreter handlers, where register
 * numbers and immediates are operands read from a decoded record, and for regions of the JIT, where they are constants.
 *
 * Rules for meanings:
 * - A plain `if` may look only at shape fields (neither registers nor `imm...` fields; see RowOptions.shape).
 *   Guest state decides through `select` and `if`.
 * - An immediate field is used only to compute the argument of `imm`, `imm64` or `imm16`, or an offset of the
 *   PC-relative methods; a register field only as a register number (`(f.Rt + 1) % 32` is fine).
 * - Each register method and each immediate takes an operand slot of the record, in the order of the calls: at most
 *   seven 16-bit slots, of which a 64-bit immediate takes four. Read a register once and keep the value.
 * - Whatever can fault (memory, traps) comes before the first write of architectural state.
 * - An instruction that does not end in `branch...` or `exit` goes on with the next one.
 */
export interface Builder {
  // Operands from the record
  /** A 64-bit immediate; `value` is a safe integer and is sign-extended. */
  imm(value: number): I64;
  /** A 64-bit immediate of two unsigned or signed 32-bit halves. */
  imm64(lo: number, hi: number): I64;
  /** A small immediate, 0 to 65535: a shift amount, an index, NZCV. */
  imm16(value: number): I32;
  /** A small signed immediate, -32768 to 32767, sign-extended: one slot where `imm` takes four. */
  imm16s(value: number): I64;

  // Constants: part of the shape
  i32(value: number): I32;
  i64(value: number | bigint): I64;
  f32(value: number): F32;
  f64(value: number): F64;
  /** A vector constant of its low and high 64 bits. */
  v128(lo: bigint, hi: bigint): V128;

  // General-purpose registers. Number 31 is XZR for x/w and SP for xsp/wsp.
  x(n: number): I64;
  w(n: number): I32;
  xsp(n: number): I64;
  /** The base register of an access, checked by CheckSPAlignment when it is SP. */
  base(n: number): I64;
  wsp(n: number): I32;
  /** The W (sf = 0) or X (sf = 1) register. */
  reg(sf: number, n: number): Int;
  regsp(sf: number, n: number): Int;
  setX(n: number, value: I64): void;
  /** Writes a W register: the upper 32 bits become zero. */
  setW(n: number, value: I32): void;
  setXsp(n: number, value: I64): void;
  setWsp(n: number, value: I32): void;
  /** Writes W or X by the value's type. */
  setReg(n: number, value: Int): void;
  setRegsp(n: number, value: Int): void;

  // SIMD and FP registers. The setters of a part write zeros above it.
  v(n: number): V128;
  setV(n: number, value: V128): void;
  /** The low 64, 32, 16 or 8 bits as an integer, zero-extended to the type. */
  vLow64(n: number): I64;
  vLow32(n: number): I32;
  vLow16(n: number): I32;
  vLow8(n: number): I32;
  /** The high 64 bits. */
  vHigh64(n: number): I64;
  setVLow64(n: number, value: I64): void;
  setVLow32(n: number, value: I32): void;
  setVLow16(n: number, value: I32): void;
  setVLow8(n: number, value: I32): void;
  /** Writes the element `index` of 1, 2, 4 or 8 bytes with the low bytes of `value`; the rest of Vn stays. */
  setVElement(n: number, bytes: number, index: number, value: I64): void;
  /** The D or S register as a floating-point value (bits unchanged). */
  d(n: number): F64;
  s(n: number): F32;
  setD(n: number, value: F64): void;
  setS(n: number, value: F32): void;

  // Pure operations
  /** Any numeric or SIMD instruction of WebAssembly; `lane` for the lane instructions. */
  op<N extends WasmOp>(name: N, ...operands: Value[]): OpResult<N>;
  lane<N extends WasmOp>(name: N, lane: number, ...operands: Value[]): OpResult<N>;
  /** i8x16.shuffle with sixteen lane numbers, 0 to 31. */
  shuffle(a: V128, b: V128, lanes: readonly number[]): V128;
  add<T extends Int>(a: T, b: T): T;
  sub<T extends Int>(a: T, b: T): T;
  mul<T extends Int>(a: T, b: T): T;
  and<T extends Int>(a: T, b: T): T;
  or<T extends Int>(a: T, b: T): T;
  xor<T extends Int>(a: T, b: T): T;
  not<T extends Int>(a: T): T;
  /** Shifts and rotations take the amount modulo the width, in the type of `a` or as I32. */
  shl<T extends Int>(a: T, b: T | I32): T;
  shrU<T extends Int>(a: T, b: T | I32): T;
  shrS<T extends Int>(a: T, b: T | I32): T;
  rotr<T extends Int>(a: T, b: T | I32): T;
  clz<T extends Int>(a: T): T;
  eqz(a: Int): I32;
  eq<T extends Int>(a: T, b: T): I32;
  ne<T extends Int>(a: T, b: T): I32;
  ltU<T extends Int>(a: T, b: T): I32;
  ltS<T extends Int>(a: T, b: T): I32;
  geU<T extends Int>(a: T, b: T): I32;
  geS<T extends Int>(a: T, b: T): I32;
  gtU<T extends Int>(a: T, b: T): I32;
  gtS<T extends Int>(a: T, b: T): I32;
  /** I64 to I32: the low half. */
  wrap(a: I64): I32;
  zeroExtend(a: I32): I64;
  signExtend(a: I32): I64;
  /** A constant of the type of `like`. */
  const<T extends Int>(like: T, value: number): T;
  /** `a` where `condition` is not 0, else `b`; both are evaluated. */
  select<T extends WasmType>(condition: I32, a: Value<T>, b: Value<T>): Value<T>;

  // Control inside one instruction
  if(condition: I32, then: () => void, otherwise?: () => void): void;
  /** Repeats `body` while the condition it returns is not 0. */
  loop(body: () => I32): void;
  variable<T extends WasmType>(initial: Value<T>): Variable<T>;
  assign<T extends WasmType>(variable: Variable<T>, value: Value<T>): void;

  // Flags. As a number, NZCV is N = 8, Z = 4, C = 2, V = 1.
  nzcv(): I32;
  setNzcv(nzcv: I32): void;
  /** Flags of `result = a + b`. */
  setFlagsAdd<T extends Int>(a: T, b: T, result: T): void;
  /** Flags of `result = a - b`. */
  setFlagsSub<T extends Int>(a: T, b: T, result: T): void;
  /** Flags of `result = a + b + carry`; for SBC give `not(b)`. */
  setFlagsAdc<T extends Int>(a: T, b: T, carry: I32, result: T): void;
  /** N and Z of `result`, C = V = 0. */
  setFlagsLogic<T extends Int>(result: T): void;
  /** Flags of `a - b` or `a + b` where `condition` is not 0, else `nzcv`. */
  setFlagsIf(condition: I32, isSub: boolean, a: Int, b: Int, nzcv: I32): void;
  /** PSTATE.C, 0 or 1. */
  carry(): I32;
  /** ConditionHolds(cond) for a condition known from the shape, 0 to 15: 0 or 1. */
  condition(cond: number): I32;

  // Other state
  /** A 32- or 64-bit field of the vCPU's state block. */
  state32(field: StateField): I32;
  state64(field: StateField): I64;
  setState32(field: StateField, value: I32): void;
  setState64(field: StateField, value: I64): void;
  /** Reads the system register with this encoding, op0:op1:CRn:CRm:op2 in 2+3+4+4+3 bits; traps as it must. */
  readSysreg(encoding: number): I64;
  writeSysreg(encoding: number, value: I64): void;
  /** The stored value of a system register by name, without any trap: pseudocode's own reads, such as of a key. */
  storedSysreg(name: string): I64;

  // Memory. Addresses are virtual; alignment, permission, faults, endianness and watchpoints are taken care of.
  /** Loads 1, 2, 4 or 8 bytes, zero-extended. */
  load(address: I64, bytes: number, kind?: AccessKind): I64;
  /** The same for up to 16 bytes of a vector. */
  loadV(address: I64, bytes: number, kind?: AccessKind): V128;
  /** Stores the low bytes of `value`; what stands above them does not matter, here and in all that follow. */
  store(address: I64, bytes: number, value: I64, kind?: AccessKind): void;
  store128(address: I64, value: V128, kind?: AccessKind): void;
  /** Two adjacent elements of 4 or 8 bytes, zero-extended. Nothing is written when either faults. */
  loadPair(address: I64, bytes: number, kind?: AccessKind): [I64, I64];
  storePair(address: I64, bytes: number, first: I64, second: I64, kind?: AccessKind): void;
  loadPairV(address: I64, bytes: number, kind?: AccessKind): [V128, V128];
  storePair128(address: I64, first: V128, second: V128, kind?: AccessKind): void;
  /** Atomic read-modify-write of 1 to 8 bytes, aligned; returns the old value, zero-extended. */
  atomic(address: I64, bytes: number, update: (old: I64) => I64, kind?: AccessKind): I64;
  /** The same for a pair of 4- or 8-byte elements (CASP). */
  atomicPair(address: I64, bytes: number, update: (low: I64, high: I64) => [I64, I64], kind?: AccessKind): [I64, I64];
  /** Load-exclusive of one element, which sets the local monitor. */
  loadExclusive(address: I64, bytes: number, kind?: AccessKind): I64;
  loadExclusivePair(address: I64, bytes: number, kind?: AccessKind): [I64, I64];
  /** Store-exclusive: 0 when it stored, 1 when the monitor had been lost. */
  storeExclusive(address: I64, bytes: number, value: I64, kind?: AccessKind): I32;
  storeExclusivePair(address: I64, bytes: number, first: I64, second: I64, kind?: AccessKind): I32;
  clearExclusive(): void;
  /** DC ZVA: zeroes the 64-byte block that holds the address. */
  zeroBlock(address: I64): void;

  // Control flow of the guest
  /** The address of this instruction plus `offset` bytes. */
  pcPlus(offset: number): I64;
  /** The address of this instruction's 4 KiB page plus `offset` bytes. */
  pagePlus(offset: number): I64;
  branch(offset: number): void;
  branchIf(condition: I32, offset: number): void;
  /** X30 takes the address behind this instruction. */
  link(): void;
  /** The same, and branches. */
  branchLink(offset: number): void;
  /** To an address in a register; BLR writes X30 itself, after reading its target. BTYPE follows from the kind. */
  branchTo(address: I64, kind: "br" | "blr" | "ret"): void;
  /** Leaves the code with the PC on this instruction; TypeScript takes the exception, returns from one or waits. */
  exit(kind: ExitKind, argument?: I64): void;
  undefined(): void;
  /** ISB: what follows is fetched anew, interrupts and the translation regime are looked at again. */
  synchronize(): void;
  /** PSTATE changed in a way that may unmask an interrupt: look before the next instruction. */
  checkInterrupts(): void;

  /**
   * A long computation from two values and stored state, without effects or operands of the record. Where code size
   * counts it becomes a function of its own, one for each name.
   */
  outline(name: string, a: I64, b: I64, body: (o: Builder, a: I64, b: I64) => I64): I64;

  /**
   * Calls a TypeScript helper by name (`core/engine/helpers.ts`): arguments and result go through the vCPU's scratch
   * slots. A helper that can raise an exception is declared so, and nothing of the instruction is done after it raised.
   */
  helper<T extends WasmType>(name: string, result: T, ...operands: Value[]): Value<T>;
  helper(name: string, result: null, ...operands: Value[]): void;
}
