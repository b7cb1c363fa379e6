import "./pac_algorithm.ts";
import { Decoder } from "../../core/a64/decoder.ts";
import type { Row } from "../../core/a64/row.ts";
import { setBranchTarget } from "../../core/cpu/exceptions.ts";
import { CPU_MODELS } from "../../core/cpu/features.ts";
import { type ExitKind, SP_SLOT, STATE, V, X } from "../../core/cpu/layout.ts";
import "../../core/cpu/pstate_registers.ts";
import { updateRegime } from "../../core/cpu/regime.ts";
import { resetCpu } from "../../core/cpu/reset.ts";
import "../../core/cpu/system_instructions.ts";
import { sysregIndex } from "../../core/cpu/sysregs.ts";
import { Vcpu } from "../../core/cpu/vcpu.ts";
import { Engine } from "../../core/engine/engine.ts";
import type { EngineMmu, ExceptionModel } from "../../core/engine/engine_host.ts";
import { EXEC_TLB_OFFSET, WRITE_TLB_OFFSET } from "../../core/engine/memory_request.ts";
import {
  ACCESS_ALIGNED_ONLY,
  ACCESS_ATOMIC,
  ACCESS_UNALIGNED,
  ACCESS_WRITE,
  ACCESS_ZERO,
} from "../../core/mmu/access.ts";
import {
  CODE_BASE,
  CODE_PAGES,
  END_WORD,
  MEMORY_BASE,
  MEMORY_BYTES,
  type SequenceCase,
  type SequenceResult,
  STATE_WORDS,
  type STOPS,
  WORD,
} from "./sequence.ts";

/*
 * The counterpart of sequence.ts: the engine with nothing around it but the code pages and the memory of cases, as a
 * process sees them (no SP alignment checks, a top byte that is ignored).
 */

/** A way to run code: every tier is judged by the same cases. */
interface Tier {
  readonly usesJit: boolean;
  /** Returns how many instructions were executed. */
  readonly run: (engine: Engine, vcpu: Vcpu, budget: number) => number;
}

const runSlice = (engine: Engine, vcpu: Vcpu, budget: number): number => engine.run(vcpu, budget);

export const TIERS: Readonly<Record<string, Tier>> = {
  interpreter: { usesJit: false, run: runSlice },
  /** One instruction at a time, as for a debugger. */
  step: {
    usesJit: false,
    run(engine, vcpu, budget) {
      let executed = 0;
      for (let i = 0; i < budget && vcpu.isRunning; i++) executed += engine.step(vcpu);
      return executed;
    },
  },
  /** All code is compiled before it runs. */
  jit: {
    usesJit: true,
    run(engine, vcpu, budget) {
      engine.jit!.isEager = true;
      return engine.run(vcpu, budget);
    },
  },
};

const CPU = 0x10000,
  TLB = 0x100000,
  RAM = 0x200000,
  MEMORY = RAM + CODE_PAGES * 4096,
  MEMO = 0x800000,
  RECORDS = 0x400000;
/** 64 KiB pages of WebAssembly memory. */
const WASM_PAGES = 0x1000000 >>> 16;
const CODE_LOW = Number(CODE_BASE & 0xffffffffn), CODE_HIGH = Number(CODE_BASE >> 32n);
/** Instructions after which a case is given up. */
const BUDGET = 20_000;

/** EL and SP of PSTATE: EL1 with its own stack pointer, EL0. */
const PSTATE_EL1 = 5, PSTATE_EL0 = 0;

/** How a case is run; the result must not depend on it. */
export interface RunOptions {
  readonly isEl0: boolean;
  /** Whether the TLB answers accesses to memory; else all take the slow path. */
  readonly hasTlb: boolean;
}

/** Whether a virtual address is in the code pages (0), in memory (1) or in neither (-1), and how far in. */
class FlatMmu implements EngineMmu {
  pa = 0;
  readonly guarded = false;
  /** The address of the last access that was no good. */
  faultAddress = 0n;
  /** The pages of the case's code, by their offsets in memory, and whether anything else of the code pages was used. */
  firstPage = 0;
  lastPage = 0;
  isAstray = false;

  constructor(readonly flush: () => void) {}

  #find(lo: number, hi: number, forExecution: boolean): number {
    // TBI: the lower half of the address space ignores the top byte.
    const distance = ((hi & 0x800000) === 0 ? (hi & 0xffffff) - CODE_HIGH : -1) * 2 ** 32 + (lo >>> 0) - CODE_LOW;
    if (distance >= 0 && distance < CODE_PAGES * 4096) return RAM + distance;
    const offset = distance - Number(MEMORY_BASE - CODE_BASE);
    if (!forExecution && offset >= 0 && offset < MEMORY_BYTES) return MEMORY + offset;
    return -1;
  }

  hostOf(_vcpu: Vcpu, lo: number, hi: number): number {
    return this.#find(lo, hi, false);
  }
  fill(_vcpu: Vcpu, lo: number, hi: number, access: number): number {
    const host = this.#find(lo, hi, false);
    const isWrite = (access & (ACCESS_WRITE | ACCESS_ATOMIC | ACCESS_ZERO)) !== 0;
    const isMisaligned = (access & ACCESS_UNALIGNED) !== 0 && (access & (ACCESS_ALIGNED_ONLY | ACCESS_ATOMIC)) !== 0;
    if (host >= 0 && host < MEMORY) this.isAstray = true;
    if (host >= 0 && !isMisaligned && !(isWrite && host < MEMORY)) return host;
    this.faultAddress = BigInt(hi >>> 0) << 32n | BigInt(lo >>> 0);
    return -1;
  }
  fillExec(_vcpu: Vcpu, lo: number, hi: number): number {
    const host = this.#find(lo, hi, true), page = host >>> 12;
    if (host >= 0 && (page < this.firstPage || page > this.lastPage)) this.isAstray = true;
    return host;
  }
  protectCode(): void {}
  unprotectCode(): void {
    this.flush();
  }
  flushExecTlbs(): void {
    this.flush();
  }
  isBigEndian(): boolean {
    return false;
  }
}

/** Runs cases on the engine. */
export class FlatMachine {
  readonly engine: Engine;
  readonly #vcpu: Vcpu;
  readonly #u32: Uint32Array;
  readonly #initial: Uint32Array;
  readonly #mmu: FlatMmu;
  /** Index in STOPS of the exception that was taken, or the exit that no case should meet. */
  #stop: number | ExitKind = 3;

  readonly #tier: Tier;
  /** Instructions of the last case. */
  executed = 0;

  /**
   * @param memory what cases find in memory.
   * @param tier a name of TIERS.
   */
  constructor(memory: Uint8Array, rows: readonly Row[], tier = "interpreter") {
    const shared = new WebAssembly.Memory({ initial: WASM_PAGES, maximum: WASM_PAGES, shared: true });
    this.#u32 = new Uint32Array(shared.buffer);
    this.#initial = new Uint32Array(memory.slice().buffer);
    this.#u32.set(this.#initial, MEMORY >>> 2);
    this.#mmu = new FlatMmu(() => this.#flushExec());
    this.#tier = TIERS[tier];
    this.engine = new Engine({
      jit: this.#tier.usesJit,
      memory: shared,
      mmu: this.#mmu,
      bus: { read: () => -1, write: () => false, high: 0 },
      exceptions: this.#exceptions(),
      decoder: new Decoder(rows, CPU_MODELS.max.features),
      recordsOffset: RECORDS,
      recordPages: CODE_PAGES + 8,
      memoOffset: MEMO,
      soleVcpu: this.#tier.usesJit ? CPU : 0,
    });
    this.#vcpu = this.#makeVcpu(shared.buffer as unknown as SharedArrayBuffer);
  }

  #makeVcpu(buffer: SharedArrayBuffer): Vcpu {
    const vcpu = new Vcpu(buffer, CPU, 0);
    vcpu.hasEl2 = vcpu.hasEl3 = false;
    resetCpu(vcpu, { el: 1 });
    vcpu.set32("tlb", TLB);
    vcpu.set32("tlbUpper", TLB);
    vcpu.set32("tlbUnprivileged", TLB);
    // Pointer authentication with all keys, DC ZVA and the like at EL0; 48-bit addresses, TBI0
    vcpu.setSys(sysregIndex("SCTLR_EL1"), 0xcc02e000 | 0x30d00800, 0);
    vcpu.setSys(sysregIndex("TCR_EL1"), 16 << 16 | 16, 1 << 5);
    vcpu.setSys(sysregIndex("CPACR_EL1"), 3 << 20, 0);
    updateRegime(vcpu);
    return vcpu;
  }

  #exceptions(): ExceptionModel {
    const stop = (vcpu: Vcpu, kind: number | ExitKind): void => {
      this.#stop = kind;
      vcpu.isRunning = false;
    };
    return {
      takeInterrupts: () => false,
      isStepping: () => false,
      stepped() {},
      exit: (vcpu, kind) => stop(vcpu, kind === "brk" ? 0 : kind === "undefined" ? 1 : kind),
      callResident() {},
      returnFromResident: () => false,
      abort: (vcpu) => stop(vcpu, 2),
      externalAbort: (vcpu) => stop(vcpu, 2),
      pcAlignment: (vcpu) => stop(vcpu, 2),
      branchAddress: (vcpu) => setBranchTarget(vcpu, vcpu.get32("pc"), Number(vcpu.get64("pc") >> 32n)),
      indirectBranch: () => {},
      branchTarget: () => false,
    };
  }

  #flushExec(): void {
    const start = (TLB + EXEC_TLB_OFFSET) >>> 2;
    this.#u32.fill(0, start, start + 0x4000);
    // The entry of index 0 must not match address 0.
    this.#u32[start] = 0x1000;
  }

  /** Enters the pages of memory in the read and write TLBs, or takes them out. */
  #setTlb(isOn: boolean): void {
    for (let page = 0; page < MEMORY_BYTES; page += 4096) {
      const va = MEMORY_BASE + BigInt(page), lo = Number(va & 0xffffffffn);
      for (const array of [0, WRITE_TLB_OFFSET]) {
        const entry = (TLB + array + ((lo >>> 8) & 0xfff0)) >>> 2;
        this.#u32[entry] = isOn ? lo : ~lo & 0x1000;
        this.#u32[entry + 1] = isOn ? Number(va >> 32n) : 0;
        this.#u32[entry + 2] = MEMORY + page - lo;
      }
    }
  }

  /** Sets the keys of pointer authentication: IA, IB, DA, DB and GA, low halves first. */
  setKeys(keys: BigUint64Array): void {
    ["IA", "IB", "DA", "DB", "GA"].forEach((name, i) =>
      ["Lo", "Hi"].forEach((half, j) => {
        const key = keys[2 * i + j];
        this.#vcpu.setSys(sysregIndex(`AP${name}Key${half}_EL1`), Number(key & 0xffffffffn), Number(key >> 32n));
      })
    );
  }

  /** The address of the last access that faulted. */
  get faultAddress(): bigint {
    return this.#mmu.faultAddress;
  }

  /** Whether the last case came to code pages that are not its own, or read its own: there the judge sees other cases. */
  get isAstray(): boolean {
    return this.#mmu.isAstray;
  }

  /** Runs a case. Throws Error where it leaves the engine in a way that cases must not. */
  run(c: SequenceCase, options: RunOptions): SequenceResult {
    const u32 = this.#u32, vcpu = this.#vcpu;
    const code = (RAM + c.state[WORD.pc] - CODE_LOW) >>> 2, count = c.words.length + 1;
    u32.set(c.words, code);
    u32[code + count - 1] = END_WORD;
    this.#mmu.firstPage = code >>> 10;
    this.#mmu.lastPage = (code + count - 1) >>> 10;
    this.#mmu.isAstray = false;
    this.#setTlb(options.hasTlb);
    this.#load(c.state, options.isEl0);
    this.#stop = 3;
    vcpu.isRunning = true;
    this.executed = this.#tier.run(this.engine, vcpu, BUDGET);
    u32.fill(0, code, code + count);
    const { isAstray, firstPage, lastPage } = this.#mmu;
    const [first, last] = isAstray ? [RAM >>> 12, (MEMORY >>> 12) - 1] : [firstPage, lastPage];
    for (let page = first; page <= last; page++) this.engine.storedTo(page);
    const changes = this.#takeChanges();
    if (typeof this.#stop === "string") throw new Error(`Cannot go on after "${this.#stop}"`);
    return { state: this.#save(this.#stop), changes };
  }

  #load(state: Uint32Array, isEl0: boolean): void {
    const u32 = this.#u32, vcpu = this.#vcpu, w = CPU >>> 2;
    u32.set(state.subarray(WORD.x, WORD.sp), w + (X >>> 2));
    u32.set(state.subarray(WORD.sp, WORD.v), w + ((X + 8 * SP_SLOT) >>> 2));
    u32.set(state.subarray(WORD.v, STATE_WORDS), w + (V >>> 2));
    u32.set(state.subarray(WORD.pc, WORD.x), w + (STATE.pc.offset >>> 2));
    vcpu.set32("nzcv", state[WORD.nzcv]);
    vcpu.set32("fpcr", state[WORD.fpcr]);
    vcpu.set32("fpsr", state[WORD.fpsr]);
    vcpu.set32("exclusiveBytes", 0);
    vcpu.setSys(sysregIndex("TPIDR_EL0"), 0, 0);
    const pstate = isEl0 ? PSTATE_EL0 : PSTATE_EL1;
    if (vcpu.get32("pstate") === pstate) return;
    vcpu.set32("pstate", pstate);
    updateRegime(vcpu);
  }

  #save(stop: number): Uint32Array {
    const u32 = this.#u32, vcpu = this.#vcpu, w = CPU >>> 2, state = new Uint32Array(STATE_WORDS);
    state.set(u32.subarray(w + (X >>> 2), w + (X >>> 2) + 62), WORD.x);
    state.set(u32.subarray(w + ((X + 8 * SP_SLOT) >>> 2), w + ((X + 8 * SP_SLOT) >>> 2) + 2), WORD.sp);
    state.set(u32.subarray(w + (V >>> 2), w + (V >>> 2) + 128), WORD.v);
    state.set(u32.subarray(w + (STATE.pc.offset >>> 2), w + (STATE.pc.offset >>> 2) + 2), WORD.pc);
    state[WORD.stop] = stop;
    state[WORD.nzcv] = vcpu.get32("nzcv");
    state[WORD.fpcr] = vcpu.get32("fpcr");
    state[WORD.fpsr] = vcpu.get32("fpsr");
    return state;
  }

  /** Lists what memory holds now and did not before, and puts it back. */
  #takeChanges(): number[] {
    const u32 = this.#u32, initial = this.#initial, start = MEMORY >>> 2, changes: number[] = [];
    for (let i = 0; i < initial.length; i += 2) {
      const lo = u32[start + i], hi = u32[start + i + 1];
      if (lo === initial[i] && hi === initial[i + 1]) continue;
      changes.push(4 * i, lo, hi);
      u32[start + i] = initial[i];
      u32[start + i + 1] = initial[i + 1];
    }
    return changes;
  }
}
