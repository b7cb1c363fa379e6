import type { I32, I64, Int, V128, Value, WasmType } from "./builder.ts";
import { type AccessKind, EXIT_KINDS, type ExitKind, SCRATCH, STATE, type StateField, SYSREG } from "../cpu/layout.ts";
import { FLAGS, type FlagState, SYSREG_ACCESS } from "../cpu/layout.ts";
import { Emitter, type Operand } from "./emitter.ts";
import { memoryRequest, WRITE_TLB_OFFSET } from "./memory_request.ts";
import { findHelper } from "./helpers.ts";
import { encodeSysreg, findSysreg, sysregIndex } from "../cpu/sysregs.ts";

/** Imported functions, in the order in which every module of generated code imports them. */
export const IMPORT = { helper: 0, memory: 1, decode: 2, hot: 3, fetch: 4, exit: 5, resident: 6, fill: 7 } as const;

/** For each condition code, the set of NZCV values for which it holds, as 16 bits. Arm DDI 0487, ConditionHolds(). */
const CONDITION_SETS: readonly number[] = Array.from({ length: 16 }, (_, cond) => {
  let set = 0;
  for (let nzcv = 0; nzcv < 16; nzcv++) if (conditionHolds(cond, nzcv)) set |= 1 << nzcv;
  return set;
});

/** ConditionHolds(cond) of a constant NZCV. */
export function conditionHolds(cond: number, nzcv: number): boolean {
  const n = !!(nzcv & 8), z = !!(nzcv & 4), c = !!(nzcv & 2), v = !!(nzcv & 1);
  const base = [z, c, n, v, c && !z, n === v, n === v && !z, true][cond >> 1];
  return (cond & 1) && cond !== 15 ? !base : base;
}

export const SYSREG_NZCV = encodeSysreg(3, 3, 4, 2, 0);
export const SYSREG_DAIF = encodeSysreg(3, 3, 4, 2, 1);
export const SYSREG_FPCR = encodeSysreg(3, 3, 4, 4, 0);
export const SYSREG_FPSR = encodeSysreg(3, 3, 4, 4, 1);
export const SYSREG_CURRENT_EL = encodeSysreg(3, 0, 4, 2, 2);

/** An access to guest memory, as code for it is written. */
export interface Access {
  readonly address: I64;
  /** All bytes of the access. */
  readonly bytes: number;
  readonly write: boolean;
  readonly kind: AccessKind;
  /** The packed MemoryRequest with which TypeScript is asked. */
  readonly request: number;
  /** Writes the access itself, at a host address and so many bytes behind it. */
  readonly fast: (host: I32, offset?: number) => void;
  /** Put in front of asking TypeScript, which takes values from the scratch slots, and behind it. */
  readonly before?: () => void;
  readonly after?: () => void;
}

/** Whether a misaligned access must not be done by generated code. */
export function mustAlign(a: Access): boolean {
  return (a.kind === "ordered" || a.kind === "atomic") && a.bytes > 1;
}

/** The TLB of the current context for an address, by its bit 55. */
export function tlbOf(e: Emitter, cpu: Operand<"i32">, address: I64): I32 {
  const lower = e.loadMemory("i32", 4, cpu, STATE.tlb.offset),
    upper = e.loadMemory("i32", 4, cpu, STATE.tlbUpper.offset);
  return e.select(e.and(e.wrap(e.shrU(address, e.i32(55))), e.i32(1)), upper, lower) as I32;
}

/** The entry of a TLB array for an address. Its layout is mmu/tlb.ts's. */
export function tlbEntry(e: Emitter, array: I32, address: I64): I32 {
  return e.add(array, e.and(e.shrU(e.wrap(address), e.i32(8)), e.i32(0xfff0)));
}

/**
 * The part of the Builder that reads and writes guest state in memory in the same way in both tiers: state fields,
 * exact flags, system registers, loads and stores through the TLB, helpers and exits.
 */
export abstract class GuestEmitter extends Emitter {
  /** Pointer to the vCPU's state block. */
  abstract readonly cpu: Operand<"i32">;
  /** Leaves in the state block what TypeScript needs to know where the code stands. */
  protected abstract spill(): void;
  /** Takes up again what TypeScript may have changed: the instruction budget. */
  protected abstract reload(): void;
  /** Ends the code: TypeScript has said where execution goes on. */
  protected abstract leave(): void;

  // State fields
  state32(field: StateField): I32 {
    return this.loadMemory("i32", 4, this.cpu, STATE[field].offset);
  }
  state64(field: StateField): I64 {
    return this.loadMemory("i64", 8, this.cpu, STATE[field].offset);
  }
  setState32(field: StateField, value: I32): void {
    this.storeMemory(4, this.cpu, STATE[field].offset, value);
  }
  setState64(field: StateField, value: I64): void {
    this.storeMemory(8, this.cpu, STATE[field].offset, value);
  }

  // Flags, exact
  nzcv(): I32 {
    return this.state32("nzcv");
  }
  setNzcv(nzcv: I32): void {
    this.setState32("nzcv", nzcv);
  }
  carry(): I32 {
    return this.and(this.shrU(this.nzcv(), this.i32(1)), this.i32(1));
  }
  condition(cond: number): I32 {
    if (cond >= 14) return this.i32(1);
    return this.and(this.shrU(this.i32(CONDITION_SETS[cond]), this.nzcv()), this.i32(1));
  }
  #signBit(value: Int, place: number): I32 {
    if (value.type === "i32") {
      return this.and(this.shrU(value as I32, this.i32(31 - place)), this.i32(1 << place));
    }
    return this.and(this.wrap(this.shrU(value as I64, this.i32(63 - place))), this.i32(1 << place));
  }
  /** NZCV from a result, the carry (0 or 1) and a value whose sign is the overflow. */
  protected nzcvOf(result: Int, carry: I32 | null, overflow: Int | null): I32 {
    let nzcv = this.or(this.#signBit(result, 3), this.shl(this.eqz(result), this.i32(2)));
    if (carry) nzcv = this.or(nzcv, this.shl(carry, this.i32(1)));
    return overflow ? this.or(nzcv, this.#signBit(overflow, 0)) : nzcv;
  }
  protected nzcvOfAdd<T extends Int>(a: T, b: T, result: T): I32 {
    return this.nzcvOf(result, this.ltU(result, a), this.and(this.xor(a, result), this.xor(b, result)));
  }
  protected nzcvOfSub<T extends Int>(a: T, b: T, result: T): I32 {
    return this.nzcvOf(result, this.geU(a, b), this.and(this.xor(a, b), this.xor(a, result)));
  }
  /** NZCV of a lazy state. */
  protected lazyNzcv(state: FlagState, a: Int, b: Int): I32 {
    if (state === FLAGS.add64 || state === FLAGS.add32) return this.nzcvOfAdd(a, b, this.add(a, b));
    if (state === FLAGS.sub64 || state === FLAGS.sub32) return this.nzcvOfSub(a, b, this.sub(a, b));
    return this.nzcvOf(a, null, null);
  }
  setFlagsAdd<T extends Int>(a: T, b: T, result: T): void {
    this.setNzcv(this.nzcvOfAdd(a, b, result));
  }
  setFlagsSub<T extends Int>(a: T, b: T, result: T): void {
    this.setNzcv(this.nzcvOfSub(a, b, result));
  }
  setFlagsAdc<T extends Int>(a: T, b: T, carry: I32, result: T): void {
    const out = this.select(carry, this.geU(a, result), this.ltU(result, a)) as I32;
    this.setNzcv(this.nzcvOf(result, out, this.and(this.xor(a, result), this.xor(b, result))));
  }
  setFlagsLogic<T extends Int>(result: T): void {
    this.setNzcv(this.nzcvOf(result, null, null));
  }
  setFlagsIf(condition: I32, isSub: boolean, a: Int, b: Int, nzcv: I32): void {
    this.if(
      condition,
      () => isSub ? this.setFlagsSub(a, b, this.sub(a, b)) : this.setFlagsAdd(a, b, this.add(a, b)),
      () => this.setNzcv(nzcv),
    );
  }

  // System registers
  storedSysreg(name: string): I64 {
    return this.loadMemory("i64", 8, this.cpu, SYSREG + 8 * sysregIndex(name));
  }
  #el(): I32 {
    return this.and(this.shrU(this.state32("pstate"), this.i32(2)), this.i32(3));
  }
  /** 1 where the current Exception level may use the register's slot directly. */
  #direct(slot: number, write: boolean): I32 {
    const access = this.loadMemory("i32", 1, this.cpu, SYSREG_ACCESS + slot);
    const bit = write ? this.add(this.#el(), this.i32(4)) : this.#el();
    return this.and(this.shrU(access, bit), this.i32(1));
  }
  readSysreg(encoding: number): I64 {
    switch (encoding) {
      case SYSREG_NZCV:
        return this.zeroExtend(this.shl(this.nzcv(), this.i32(28)));
      case SYSREG_CURRENT_EL: {
        const el = this.and(this.state32("pstate"), this.i32(0xc));
        this.if(this.eqz(el), () => this.undefined());
        return this.zeroExtend(el);
      }
      case SYSREG_FPCR:
      case SYSREG_FPSR:
        this.checkFp();
        return this.zeroExtend(this.state32(encoding === SYSREG_FPCR ? "fpcr" : "fpsr"));
    }
    const slot = findSysreg(encoding);
    if (slot < 0) return this.#mrs(encoding) as I64;
    const result = this.temporary("i64");
    this.beginIf(encoding === SYSREG_DAIF ? this.#el() : this.#direct(slot, false), 1);
    if (encoding === SYSREG_DAIF) {
      this.get(this.zeroExtend(this.and(this.state32("pstate"), this.i32(0x3c0))));
    } else {
      this.get(this.loadMemory("i64", 8, this.cpu, SYSREG + 8 * slot));
    }
    this.set(result);
    this.beginElse();
    this.get(this.#mrs(encoding));
    this.set(result);
    this.endBlock();
    return result;
  }
  #mrs(encoding: number): Value<"i64"> {
    return this.helper("mrs", "i64", this.i32(encoding));
  }
  writeSysreg(encoding: number, value: I64): void {
    const msr = () => this.helper("msr", null, this.i32(encoding), value);
    switch (encoding) {
      case SYSREG_NZCV:
        return this.setNzcv(this.and(this.shrU(this.wrap(value), this.i32(28)), this.i32(15)));
      case SYSREG_FPSR:
        this.checkFp();
        return this.setState32("fpsr", this.and(this.wrap(value), this.i32(0x0800009f)));
      case SYSREG_DAIF:
        this.if(this.#el(), () => {
          const others = this.and(this.state32("pstate"), this.i32(~0x3c0));
          this.setState32("pstate", this.or(others, this.and(this.wrap(value), this.i32(0x3c0))));
          this.checkInterrupts();
        }, msr);
        return;
    }
    const slot = findSysreg(encoding);
    if (slot < 0) return msr();
    this.if(
      this.#direct(slot, true),
      () => this.storeMemory(8, this.cpu, SYSREG + 8 * slot, value),
      msr,
    );
  }

  /** Exits where SIMD and FP instructions are trapped. */
  checkFp(): void {
    this.beginIf(this.state32("fpTrap"), 0);
    this.exit("fp");
    this.endBlock();
  }

  // Memory
  /** Writes an access: by way of the TLB, or of TypeScript where the TLB has no such entry. */
  protected access(a: Access): void {
    const low = this.wrap(a.address);
    const tlb = a.kind === "unprivileged" ? this.state32("tlbUnprivileged") : tlbOf(this, this.cpu, a.address);
    const entry = tlbEntry(this, tlb, a.address);
    const offset = a.write ? WRITE_TLB_OFFSET : 0;
    const tag = this.loadMemory("i64", 8, entry, offset);
    let hit: I32 = this.ltU(this.sub(a.address, tag) as I64, this.i64(4097 - a.bytes));
    if (mustAlign(a)) hit = this.and(hit, this.eqz(this.and(low, this.i32(a.bytes - 1))));
    this.beginIf(hit, 1);
    a.fast(this.add(low, this.loadMemory("i32", 4, entry, offset + 8)));
    this.beginElse();
    a.before?.();
    this.#slowAccess(a.request, a.address);
    a.after?.();
    this.endBlock();
  }

  /** Has TypeScript do the access; leaves the code when it faulted. Scratch slot 1 takes the address. */
  #slowAccess(request: number, address: I64): void {
    this.storeMemory(8, this.cpu, SCRATCH + 16, address);
    this.spill();
    const fault = this.callFunction(IMPORT.memory, "i32", this.cpu, this.i32(request));
    this.beginIf(fault, 0);
    this.leave();
    this.endBlock();
    this.reload();
  }

  /** Loads `count` values of `width` bytes each that stand side by side. */
  #loadMany<T extends WasmType>(type: T, width: number, count: number, address: I64, kind: AccessKind): Operand<T>[] {
    const results = Array.from({ length: count }, () => this.temporary(type));
    const take = (base: Value, offset: number, step: number) =>
      results.forEach((r, i) => {
        this.get(this.loadMemory(type, width, base, offset + step * i));
        this.set(r);
      });
    this.access({
      address,
      bytes: width * count,
      write: false,
      kind,
      request: memoryRequest({ bytes: width, count, write: false, kind }),
      fast: (host, offset = 0) => take(host, offset, width),
      after: () => take(this.cpu, SCRATCH, width === 16 ? 32 : 8),
    });
    return results;
  }
  #storeMany(width: number, values: readonly Value[], address: I64, kind: AccessKind): void {
    const put = (base: Value, offset: number, step: number, bytes: number) =>
      values.forEach((v, i) => this.storeMemory(bytes, base, offset + step * i, v));
    this.access({
      address,
      bytes: width * values.length,
      write: true,
      kind,
      request: memoryRequest({ bytes: width, count: values.length, write: true, kind }),
      fast: (host, offset = 0) => {
        // Together they are one store, whose bounds are checked once
        if (values.length === 2 && width === 8) this.storeMemory(16, host, offset, this.#pair(values as I64[]));
        else put(host, offset, width, width);
      },
      before: () => put(this.cpu, SCRATCH, width === 16 ? 32 : 8, width === 16 ? 16 : 8),
    });
  }

  #pair([first, second]: readonly I64[]): V128 {
    return this.lane("i64x2.replace_lane", 1, this.op("i64x2.splat", first), second);
  }

  load(address: I64, bytes: number, kind: AccessKind = "normal"): I64 {
    return this.#loadMany("i64", bytes, 1, address, kind)[0];
  }
  loadV(address: I64, bytes: number, kind: AccessKind = "normal"): V128 {
    return this.#loadMany("v128", bytes, 1, address, kind)[0];
  }
  store(address: I64, bytes: number, value: I64, kind: AccessKind = "normal"): void {
    this.#storeMany(bytes, [value], address, kind);
  }
  store128(address: I64, value: V128, kind: AccessKind = "normal"): void {
    this.#storeMany(16, [value], address, kind);
  }
  loadPair(address: I64, bytes: number, kind: AccessKind = "normal"): [I64, I64] {
    return this.#loadMany("i64", bytes, 2, address, kind) as unknown as [I64, I64];
  }
  storePair(address: I64, bytes: number, first: I64, second: I64, kind: AccessKind = "normal"): void {
    this.#storeMany(bytes, [first, second], address, kind);
  }
  loadPairV(address: I64, bytes: number, kind: AccessKind = "normal"): [V128, V128] {
    return this.#loadMany("v128", bytes, 2, address, kind) as unknown as [V128, V128];
  }
  storePair128(address: I64, first: V128, second: V128, kind: AccessKind = "normal"): void {
    this.#storeMany(16, [first, second], address, kind);
  }
  zeroBlock(address: I64): void {
    this.access({
      address: this.and(address, this.i64(-64)),
      bytes: 64,
      write: true,
      kind: "normal",
      request: memoryRequest({ bytes: 64, count: 1, write: true, kind: "normal" }),
      fast: (host) => {
        const zero = this.v128(0n, 0n);
        for (let i = 0; i < 64; i += 16) this.storeMemory(16, host, i, zero);
      },
    });
  }

  /** The host address of an aligned location that may be read and written; leaves the code when there is none. */
  #probe(address: I64, bytes: number, kind: AccessKind): I32 {
    const result = this.temporary("i32");
    const take = (host: Value) => {
      this.get(host);
      this.set(result);
    };
    this.access({
      address,
      bytes,
      write: true,
      kind,
      request: memoryRequest({ bytes, count: 1, write: true, kind, probe: true }),
      fast: take,
      after: () => take(this.loadMemory("i32", 4, this.cpu, SCRATCH)),
    });
    return result;
  }
  atomic(address: I64, bytes: number, update: (old: I64) => I64, kind: AccessKind = "atomic"): I64 {
    const host = this.#probe(address, bytes, kind);
    const old = this.loadMemory("i64", bytes, host, 0);
    this.storeMemory(bytes, host, 0, update(old));
    return old;
  }
  atomicPair(
    address: I64,
    bytes: number,
    update: (low: I64, high: I64) => [I64, I64],
    kind: AccessKind = "atomic",
  ): [I64, I64] {
    const host = this.#probe(address, 2 * bytes, kind);
    const old: [I64, I64] = [this.loadMemory("i64", bytes, host, 0), this.loadMemory("i64", bytes, host, bytes)];
    const [low, high] = update(...old);
    this.storeMemory(bytes, host, 0, low);
    this.storeMemory(bytes, host, bytes, high);
    return old;
  }

  // Exclusives: the local monitor keeps address and value, and a store-exclusive compares both
  loadExclusive(address: I64, bytes: number, kind: AccessKind = "atomic"): I64 {
    const value = this.load(address, bytes, kind);
    this.#setMonitor(address, bytes, value, this.i64(0));
    return value;
  }
  loadExclusivePair(address: I64, bytes: number, kind: AccessKind = "atomic"): [I64, I64] {
    if (bytes === 4) {
      const both = this.load(address, 8, kind);
      this.#setMonitor(address, 8, both, this.i64(0));
      return [this.and(both, this.i64(0xffff_ffff)), this.shrU(both, this.i32(32))];
    }
    const both = this.loadV(address, 16, kind);
    const low = this.lane("i64x2.extract_lane", 0, both), high = this.lane("i64x2.extract_lane", 1, both);
    this.#setMonitor(address, 16, low, high);
    return [low, high];
  }
  #setMonitor(address: I64, bytes: number, low: I64, high: I64): void {
    this.setState32("exclusiveBytes", this.i32(bytes));
    this.setState64("exclusiveAddress", address);
    this.setState64("exclusiveLow", low);
    this.setState64("exclusiveHigh", high);
  }
  storeExclusive(address: I64, bytes: number, value: I64, kind: AccessKind = "atomic"): I32 {
    return this.#storeExclusive(address, bytes, value, null, kind);
  }
  storeExclusivePair(address: I64, bytes: number, first: I64, second: I64, kind: AccessKind = "atomic"): I32 {
    if (bytes === 8) return this.#storeExclusive(address, 16, first, second, kind);
    const both = this.or(this.and(first, this.i64(0xffff_ffff)), this.shl(second, this.i32(32)));
    return this.#storeExclusive(address, 8, both, null, kind);
  }
  #storeExclusive(address: I64, bytes: number, low: I64, high: I64 | null, kind: AccessKind): I32 {
    const status = this.variable<"i32">(this.i32(1));
    const monitored = this.and(
      this.eq(this.state32("exclusiveBytes"), this.i32(bytes)),
      this.eq(this.state64("exclusiveAddress"), address),
    );
    // AArch64.ExclusiveMonitorsPass(): the Alignment fault comes before the monitor.
    const isMisaligned = bytes === 1 ? this.i32(0) : this.and(this.wrap(address), this.i32(bytes - 1));
    this.if(this.or(monitored, isMisaligned), () => {
      const host = this.#probe(address, bytes, kind);
      const width = Math.min(bytes, 8);
      let same: I32 = this.eq(this.loadMemory("i64", width, host, 0) as I64, this.state64("exclusiveLow"));
      if (high) {
        same = this.and(same, this.eq(this.loadMemory("i64", 8, host, 8) as I64, this.state64("exclusiveHigh")));
      }
      this.if(same, () => {
        this.storeMemory(width, host, 0, low);
        if (high) this.storeMemory(8, host, 8, high);
        this.assign(status, this.i32(0));
      });
    });
    this.clearExclusive();
    return status;
  }
  clearExclusive(): void {
    this.setState32("exclusiveBytes", this.i32(0));
  }

  // Exits and helpers
  exit(kind: ExitKind, argument?: I64): void {
    if (argument) this.setState64("exitArgument", argument);
    this.spill();
    this.callProcedure(IMPORT.exit, this.i32(EXIT_KINDS.indexOf(kind)));
    this.leave();
  }
  undefined(): void {
    this.exit("undefined");
  }
  helper<T extends WasmType>(name: string, result: T, ...operands: Value[]): Value<T>;
  helper(name: string, result: null, ...operands: Value[]): void;
  helper(name: string, result: WasmType | null, ...operands: Value[]): Value | void {
    const { id, mayExit } = findHelper(name);
    operands.forEach((operand, i) => this.storeMemory(widthOf(operand.type), this.cpu, SCRATCH + 16 * i, operand));
    if (mayExit) this.spill();
    const left = this.callFunction(IMPORT.helper, "i32", this.i32(id));
    if (mayExit) {
      this.beginIf(left, 0);
      this.leave();
      this.endBlock();
      this.reload();
    }
    if (result) return this.loadMemory(result, widthOf(result), this.cpu, SCRATCH);
  }

  abstract checkInterrupts(): void;
}

function widthOf(type: WasmType): number {
  return { i32: 4, i64: 8, f32: 4, f64: 8, v128: 16 }[type];
}
