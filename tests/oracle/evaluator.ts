import "./pac_algorithm.ts";
import type { Builder, Value, WasmType } from "../../core/engine/builder.ts";
import { extractFields, type Row } from "../../core/a64/row.ts";

/*
 * A Builder that carries an instruction's meaning out at once, on plain state: what a meaning says, without generated
 * code, TLB or exceptions. It knows what loads and stores use; anything else throws.
 */

/** The state of an evaluation: registers as unsigned numbers, and memory from `memoryBase` on. */
export class EvaluatorState {
  readonly x: bigint[] = Array(32).fill(0n);
  sp = 0n;
  readonly v: bigint[] = Array(32).fill(0n);
  nzcv = 0;
  pc = 0n;
  readonly memory: Uint8Array;
  /** Accesses in order, such as "load 8 normal". */
  readonly accesses: string[] = [];
  exclusive: { address: bigint; bytes: number } | null = null;
  /** Stored system registers and state fields by name; 0 where there is none. */
  readonly stored = new Map<string, bigint>();

  constructor(readonly memoryBase: bigint, sizeBytes: number) {
    this.memory = new Uint8Array(sizeBytes);
  }

  read(address: bigint, bytes: number): bigint {
    const at = this.#offset(address, bytes);
    let value = 0n;
    for (let i = bytes - 1; i >= 0; i--) value = value << 8n | BigInt(this.memory[at + i]);
    return value;
  }

  write(address: bigint, bytes: number, value: bigint): void {
    const at = this.#offset(address, bytes);
    for (let i = 0; i < bytes; i++) this.memory[at + i] = Number(value >> BigInt(8 * i) & 0xffn);
  }

  #offset(address: bigint, bytes: number): number {
    const at = Number(address - this.memoryBase);
    if (at < 0 || at + bytes > this.memory.length) throw new EvaluatorFault(address);
    return at;
  }
}

/** An access outside the memory of the state. */
export class EvaluatorFault extends Error {
  constructor(readonly address: bigint) {
    super(`Cannot access 0x${address.toString(16)}`);
  }
}

interface Known extends Value {
  value: bigint;
}

const WIDTH: Readonly<Record<string, number>> = { i32: 32, i64: 64, f32: 32, f64: 64, v128: 128 };

function make(type: WasmType, value: bigint): Known {
  return { type, value: BigInt.asUintN(WIDTH[type], value) };
}
const i32 = (value: bigint | number): Known => make("i32", BigInt(value));
const i64 = (value: bigint | number): Known => make("i64", BigInt(value));
const v128 = (value: bigint): Known => make("v128", value);
const bool = (value: boolean): Known => i32(value ? 1 : 0);
const signed = (a: Known): bigint => BigInt.asIntN(WIDTH[a.type], a.value);

const LANE_BITS: Readonly<Record<string, number>> = { i8x16: 8, i16x8: 16, i32x4: 32, i64x2: 64 };

/** Conversions and vector instructions of WebAssembly by the part of the name behind the point. */
function vectorOp(name: string, lane: number, a: Known, b?: Known): Known {
  const [shape, operation] = name.split("."), bits = LANE_BITS[shape];
  const result = bits === 64 ? "i64" : "i32";
  if (operation === "splat") {
    let value = 0n;
    for (let i = 0; i < 128; i += bits) value |= BigInt.asUintN(bits, a.value) << BigInt(i);
    return v128(value);
  }
  if (/^extract_lane(_u)?$/.test(operation)) {
    return make(result, BigInt.asUintN(bits, a.value >> BigInt(lane * bits)));
  }
  const extend = /^extend(8|16|32)_s$/.exec(operation);
  if (extend && b === undefined) return make(a.type, BigInt.asIntN(Number(extend[1]), a.value));
  throw new TypeError(`Cannot evaluate ${name}`);
}

function bytesOf(value: bigint): number[] {
  return Array.from({ length: 16 }, (_, i) => Number(value >> BigInt(8 * i) & 0xffn));
}

/** Pure operations on values. */
const PURE = {
  imm: i64,
  imm16: i32,
  imm16s: i64,
  i32,
  i64,
  v128: (lo: bigint, hi: bigint) => v128(hi << 64n | lo),
  op: (name: string, a: Known, b?: Known) => vectorOp(name, 0, a, b),
  lane: (name: string, lane: number, a: Known, b?: Known) => vectorOp(name, lane, a, b),
  shuffle(a: Known, b: Known, lanes: readonly number[]) {
    const bytes = [...bytesOf(a.value), ...bytesOf(b.value)];
    if (lanes.length !== 16 || lanes.some((n) => !(n >= 0 && n < 32))) throw new RangeError(`Cannot shuffle ${lanes}`);
    return v128(lanes.reduceRight((value, n) => value << 8n | BigInt(bytes[n]), 0n));
  },
  add: (a: Known, b: Known) => make(a.type, a.value + b.value),
  sub: (a: Known, b: Known) => make(a.type, a.value - b.value),
  mul: (a: Known, b: Known) => make(a.type, a.value * b.value),
  and: (a: Known, b: Known) => make(a.type, a.value & b.value),
  or: (a: Known, b: Known) => make(a.type, a.value | b.value),
  xor: (a: Known, b: Known) => make(a.type, a.value ^ b.value),
  not: (a: Known) => make(a.type, ~a.value),
  shl: (a: Known, b: Known) => make(a.type, a.value << b.value % BigInt(WIDTH[a.type])),
  shrU: (a: Known, b: Known) => make(a.type, a.value >> b.value % BigInt(WIDTH[a.type])),
  shrS: (a: Known, b: Known) => make(a.type, signed(a) >> b.value % BigInt(WIDTH[a.type])),
  rotr(a: Known, b: Known) {
    const width = BigInt(WIDTH[a.type]), amount = b.value % width;
    return make(a.type, a.value >> amount | a.value << (width - amount));
  },
  eqz: (a: Known) => bool(a.value === 0n),
  eq: (a: Known, b: Known) => bool(a.value === b.value),
  ne: (a: Known, b: Known) => bool(a.value !== b.value),
  gtU: (a: Known, b: Known) => bool(a.value > b.value),
  gtS: (a: Known, b: Known) => bool(signed(a) > signed(b)),
  ltU: (a: Known, b: Known) => bool(a.value < b.value),
  ltS: (a: Known, b: Known) => bool(signed(a) < signed(b)),
  geU: (a: Known, b: Known) => bool(a.value >= b.value),
  geS: (a: Known, b: Known) => bool(signed(a) >= signed(b)),
  wrap: (a: Known) => i32(a.value),
  zeroExtend: (a: Known) => i64(a.value),
  signExtend: (a: Known) => i64(signed(a)),
  select: (condition: Known, a: Known, b: Known) => condition.value !== 0n ? a : b,
  variable: (initial: Known) => ({ ...initial }),
  assign(variable: Known, value: Known) {
    variable.value = value.value;
  },
  if(condition: Known, then: () => void, otherwise?: () => void) {
    if (condition.value !== 0n) then();
    else otherwise?.();
  },
};

/** Registers of the state. */
function registerMethods(s: EvaluatorState) {
  const low = (n: number, bits: number): bigint => BigInt.asUintN(bits, s.v[n]);
  const setX = (n: number, a: Known): void => {
    if (n !== 31) s.x[n] = a.value;
  };
  const xsp = (n: number): Known => i64(n === 31 ? s.sp : s.x[n]);
  return {
    x: (n: number) => i64(n === 31 ? 0n : s.x[n]),
    w: (n: number) => i32(n === 31 ? 0n : s.x[n]),
    xsp,
    base: xsp,
    setX,
    setW: setX,
    setXsp(n: number, a: Known) {
      if (n === 31) s.sp = a.value;
      else s.x[n] = a.value;
    },
    v: (n: number) => v128(s.v[n]),
    vLow64: (n: number) => i64(low(n, 64)),
    setV(n: number, a: Known) {
      s.v[n] = a.value;
    },
    setVLow64(n: number, a: Known) {
      s.v[n] = a.value;
    },
    setVElement(n: number, bytes: number, index: number, a: Known) {
      const shift = BigInt(8 * bytes * index), mask = (1n << BigInt(8 * bytes)) - 1n;
      s.v[n] = s.v[n] & ~(mask << shift) | (a.value & mask) << shift;
    },
    pcPlus: (offset: number) => i64(s.pc + BigInt(offset)),
    state32: (name: string) => i32(s.stored.get(name) ?? 0n),
    state64: (name: string) => i64(s.stored.get(name) ?? 0n),
    storedSysreg: (name: string) => i64(s.stored.get(name) ?? 0n),
  };
}

/** Memory of the state. A pair is read, or found writable, before it is used. */
function memoryMethods(s: EvaluatorState) {
  const next = (address: Known, bytes: number): bigint => address.value + BigInt(bytes);
  const note = (text: string): number => s.accesses.push(text);
  const loadTwo = (make: typeof i64, address: Known, bytes: number, kind: string): [Known, Known] => {
    note(`load 2*${bytes} ${kind}`);
    return [make(s.read(address.value, bytes)), make(s.read(next(address, bytes), bytes))];
  };
  const storeTwo = (address: Known, bytes: number, first: Known, second: Known, kind: string): void => {
    note(`store 2*${bytes} ${kind}`);
    s.read(next(address, bytes), bytes);
    s.write(address.value, bytes, first.value);
    s.write(next(address, bytes), bytes, second.value);
  };
  const load = (address: Known, bytes: number, kind = "normal"): Known => {
    note(`load ${bytes} ${kind}`);
    return i64(s.read(address.value, bytes));
  };
  const store = (address: Known, bytes: number, value: Known, kind = "normal"): void => {
    note(`store ${bytes} ${kind}`);
    s.write(address.value, bytes, value.value);
  };
  /** 1 when the monitor does not hold these bytes; it is open afterwards. */
  const lost = (address: Known, bytes: number): boolean => {
    const held = s.exclusive;
    s.exclusive = null;
    return held?.address !== address.value || held.bytes !== bytes;
  };
  return {
    load,
    store,
    loadV(address: Known, bytes: number, kind = "normal") {
      note(`load ${bytes} ${kind}`);
      return v128(s.read(address.value, bytes));
    },
    store128: (address: Known, value: Known, kind?: string) => store(address, 16, value, kind),
    loadPair: (address: Known, bytes: number, kind = "normal") => loadTwo(i64, address, bytes, kind),
    loadPairV: (address: Known, bytes: number, kind = "normal") => loadTwo(v128 as typeof i64, address, bytes, kind),
    storePair: (a: Known, bytes: number, first: Known, second: Known, kind = "normal") =>
      storeTwo(a, bytes, first, second, kind),
    storePair128: (a: Known, first: Known, second: Known, kind = "normal") => storeTwo(a, 16, first, second, kind),
    atomic(address: Known, bytes: number, update: (old: Known) => Known, kind = "normal") {
      const old = load(address, bytes, kind);
      store(address, bytes, update(old), kind);
      return old;
    },
    atomicPair(address: Known, bytes: number, update: (low: Known, high: Known) => [Known, Known], kind = "normal") {
      const [low, high] = loadTwo(i64, address, bytes, kind), [first, second] = update(low, high);
      storeTwo(address, bytes, first, second, kind);
      return [low, high];
    },
    loadExclusive(address: Known, bytes: number, kind = "normal") {
      s.exclusive = { address: address.value, bytes };
      return load(address, bytes, kind);
    },
    loadExclusivePair(address: Known, bytes: number, kind = "normal") {
      s.exclusive = { address: address.value, bytes: 2 * bytes };
      return loadTwo(i64, address, bytes, kind);
    },
    storeExclusive(address: Known, bytes: number, value: Known, kind = "normal") {
      if (lost(address, bytes)) return i32(1);
      store(address, bytes, value, kind);
      return i32(0);
    },
    storeExclusivePair(address: Known, bytes: number, first: Known, second: Known, kind = "normal") {
      if (lost(address, 2 * bytes)) return i32(1);
      storeTwo(address, bytes, first, second, kind);
      return i32(0);
    },
  };
}

/** Carries out one word of a row. Throws EvaluatorFault at an access outside of memory. */
export function evaluate(row: Row, word: number, state: EvaluatorState): void {
  const methods = {
    ...PURE,
    ...registerMethods(state),
    ...memoryMethods(state),
    outline: (_name: string, a: Known, b: Known, body: (o: unknown, a: Known, b: Known) => Known) =>
      body(methods, a, b),
  };
  row.semantics!(methods as unknown as Builder, extractFields(row, word));
}
