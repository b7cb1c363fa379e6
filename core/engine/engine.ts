import type { Decoder } from "../a64/decoder.ts";
import { EXIT_KINDS, STATE } from "../cpu/layout.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import { CodeCache } from "./code_cache.ts";
import { commonShapes } from "./common_shapes.ts";
import { Handlers, SPECIAL } from "./handlers.ts";
import { Jit } from "./jit/jit.ts";
import { LocalCompiler, type RegionCompilerService, Translator } from "./jit/translator.ts";
import { Profile } from "./jit/profile.ts";
import { helperTable } from "./helpers.ts";
import type { EngineMmu, ExceptionModel } from "./engine_host.ts";
import { enterPage, Fetcher } from "./fetcher.ts";
import { prebuiltModule } from "./prebuilt.ts";
import { MemoryPath, type PhysicalBus } from "./memory_path.ts";
import { PAGE_RECORD_BYTES, RECORD_BYTES } from "./record.ts";
import { FETCH_FROM_REGION } from "./code_flow.ts";
import { checkingDecoder } from "./trapped_sysregs.ts";

/** Whose a breakpoint in decoded code is: bits. */
export const BREAKPOINT_OWNER = { debugger: 1, guest: 2 } as const;

const PC = STATE.pc.offset >>> 2;
const BUDGET = STATE.budget.offset >>> 2, RECORD_MEMO = STATE.recordMemo.offset >>> 2;
const KIND_FIELD = STATE.exitKind.offset >>> 2;
/** 0: no interrupt pends; 1: one pends but is masked; 2: look now. */
const ATTENTION = STATE.attention.offset >>> 2;
const TLB = STATE.tlb.offset >>> 2;
const RESUME = STATE.resume.offset >>> 2, RESTART = STATE.restart.offset >>> 2;
const KINDS = EXIT_KINDS;
const REDIRECT = EXIT_KINDS.indexOf("redirect");
const SLICE = EXIT_KINDS.indexOf("slice");
const FETCH = EXIT_KINDS.indexOf("fetch");
const STEP = EXIT_KINDS.indexOf("step");
const BREAKPOINT = EXIT_KINDS.indexOf("breakpoint");
const REGION = EXIT_KINDS.indexOf("region");
const FROM_REGION = FETCH_FROM_REGION;

export interface EngineOptions {
  readonly memory: WebAssembly.Memory;
  readonly mmu: EngineMmu;
  readonly bus: PhysicalBus;
  readonly exceptions: ExceptionModel;
  readonly decoder: Decoder;
  /** Byte offset in memory of the decoded records, a multiple of 16, and how many pages of code fit there. */
  readonly recordsOffset: number;
  readonly recordPages: number;
  /** Byte offset in memory of MEMO_BYTES. */
  readonly memoOffset: number;
  /** Hot code is translated by the JIT. */
  readonly jit: boolean;
  /** Where the state block of the only vCPU stands; 0 (the default) where there are several. */
  readonly soleVcpu?: number;
  /** Who compiles it; by default that is done between slices. */
  readonly compiler?: RegionCompilerService;
}

/** Runs vCPUs: enters generated code, and does in TypeScript what that leaves to it. */
export class Engine {
  readonly handlers: Handlers;
  readonly code: CodeCache;
  readonly jit: Jit | null;
  readonly fetcher: Fetcher;
  readonly #memoryPath: MemoryPath;
  readonly #mmu: EngineMmu;
  readonly #exceptions: ExceptionModel;
  readonly #decoder: Decoder;
  #trappedSysregs: readonly number[] = [];
  readonly #i32: Int32Array;
  /** Records for single steps: one page that nothing else uses. */
  readonly #stepRecords: number;
  #vcpu!: Vcpu;
  /** The vCPU whose slice is on. */
  #running: Vcpu | null = null;
  /** Instructions of the running vCPU at which its slice ends; `sliceEnd + budget` is how many it has executed. */
  #sliceEnd = 0;
  /** Memory exits of generated code, for statistics. */
  slowAccesses = 0;
  /** The common handlers were generated when the program was compiled. */
  readonly isPrebuilt: boolean;
  helperCalls = 0;
  /** How often generated code was left, by index in EXIT_KINDS. */
  readonly exits = new Float64Array(EXIT_KINDS.length);
  readonly profile: Profile;
  /**
   * A debugger is told of every data access that goes the slow path, before it is made: true leaves generated code with
   * the PC on the instruction. Accesses to pages that Mmu.isWatched names all go the slow path.
   */
  onAccess: ((vcpu: Vcpu, lo: number, hi: number, request: number) => boolean) | null = null;
  /** Bits of BREAKPOINT_OWNER by byte of memory. */
  readonly #breakpointOwners = new Map<number, number>();
  /** The next instruction is executed apart from the code cache, past a breakpoint on it. */
  #stepsNext = false;

  constructor(options: EngineOptions) {
    const { memory, mmu, exceptions, decoder } = options;
    const buffer = memory.buffer as unknown as SharedArrayBuffer;
    this.#mmu = mmu;
    this.#exceptions = exceptions;
    this.#decoder = decoder;
    this.#i32 = new Int32Array(buffer);
    this.handlers = new Handlers(
      memory,
      {
        helper: (id) => this.#helper(id),
        memoryAccess: (_cpu, request) => this.#memoryAccess(request),
        decode: (record) => this.#decode(record),
        fetch: (branchType) => this.#fetchTarget(branchType),
        exit: (kind) => this.#exit(kind),
        resident: (kind) => this.#resident(kind),
        fill: (request) => this.#memoryPath.fill(this.#vcpu, request),
        hot: (record) => {
          this.jit?.hot(record, this.#vcpu);
          return 0;
        },
      },
      options.jit,
      options.soleVcpu,
    );
    const shapes = commonShapes(decoder), prebuilt = prebuiltModule(this.handlers, shapes);
    this.isPrebuilt = prebuilt !== null;
    this.handlers.generate(shapes, prebuilt);
    const pages = options.recordPages - 1;
    this.#stepRecords = options.recordsOffset + pages * PAGE_RECORD_BYTES;
    const { recordsOffset, memoOffset } = options, flush = () => mmu.flushExecTlbs();
    this.code = new CodeCache(buffer, recordsOffset, pages, memoOffset, decoder, this.handlers, flush);
    this.fetcher = new Fetcher(mmu, exceptions, this.code);
    this.jit = null;
    if (options.jit) {
      const compiler = options.compiler ?? new LocalCompiler(new Translator(buffer, decoder, options.soleVcpu));
      this.jit = new Jit(this.code, this.handlers, compiler);
    }
    this.profile = new Profile(this.code);
    this.code.onDrop = (slot, reason) => {
      this.profile.forget(slot);
      this.jit?.drop(slot, reason);
    };
    this.#memoryPath = new MemoryPath(
      buffer,
      mmu,
      options.bus,
      (vcpu) => exceptions.abort(vcpu),
      (vcpu, lo, hi, write) => exceptions.externalAbort(vcpu, lo, hi, write ? "write" : "read"),
      (host) => this.storedTo(host >>> 12),
      (vcpu) => mmu.isBigEndian(vcpu),
    );
  }

  /** A page of memory was written to behind the back of generated code: decoded instructions of it are dropped. */
  storedTo(hostPage: number): void {
    if (!this.code.holds(hostPage)) return;
    this.code.invalidate(hostPage);
    this.#mmu.unprotectCode(hostPage);
  }

  /** Accesses to these registers, which `uncheckedSysregs` gave, ask TypeScript from the next instruction on. */
  trapSysregs(encodings: readonly number[]): void {
    if (encodings.join() === this.#trappedSysregs.join()) return;
    this.#trappedSysregs = encodings;
    this.code.decodeWith(checkingDecoder(this.#decoder, encodings));
    this.jit?.trapSysregs(encodings);
    for (const hostPage of this.code.heldPages) this.storedTo(hostPage);
  }

  /** Leaves generated code before the instruction at a byte of memory: ExceptionModel.exit is told "breakpoint". */
  setBreakpoint(host: number, isSet: boolean, owner: number = BREAKPOINT_OWNER.debugger): void {
    const old = this.#breakpointOwners.get(host) ?? 0, owners = isSet ? old | owner : old & ~owner;
    if (owners !== 0) this.#breakpointOwners.set(host, owners);
    else this.#breakpointOwners.delete(host);
    if ((old === 0) === (owners === 0)) return;
    if (owners !== 0) this.code.breakpoints.add(host);
    else this.code.breakpoints.delete(host);
    this.storedTo(host >>> 12);
    if (this.#running) this.#running.i32[this.#running.w + RECORD_MEMO] = this.code.memoForCode;
  }

  /** To be called at a breakpoint: the instruction is executed, and the slice ends behind it. */
  stepOver(): void {
    this.#stepsNext = true;
  }

  /** Instructions that the running vCPU has executed in this slice, exact during helpers and exits; 0 between slices. */
  get elapsed(): number {
    if (this.#running === null) return 0;
    return this.#sliceEnd + this.#running.i32[this.#running.w + BUDGET] - this.#running.instructions;
  }

  /** Instructions that a vCPU has executed, exact as `elapsed` is. */
  executedBy(vcpu: Vcpu): number {
    return vcpu === this.#running ? vcpu.instructions + this.elapsed : vcpu.instructions;
  }

  /** Ends the slice at the running vCPU's next check: an interrupt or an event may be due. */
  stopSoon(): void {
    const vcpu = this.#running;
    if (vcpu === null) return;
    this.#sliceEnd += vcpu.i32[vcpu.w + BUDGET];
    vcpu.i32[vcpu.w + BUDGET] = 0;
  }

  /**
   * Runs a vCPU for `budget` instructions or a few more (up to the next check), fewer when it waits or is stopped.
   * @returns the number executed.
   */
  run(vcpu: Vcpu, budget: number): number {
    const { i32, w } = vcpu;
    this.jit?.compile();
    this.jit?.cool(vcpu);
    const start = this.#begin(vcpu, budget);
    while (i32[w + BUDGET] < 0 && vcpu.isRunning) {
      if (this.#exceptions.takeInterrupts(vcpu) || this.#stepsNext) {
        this.#stepsNext = false;
        this.#stepOne(vcpu);
        continue;
      }
      const record = this.fetcher.fetch(vcpu);
      if (record !== 0) this.#enter(vcpu, record);
    }
    const executed = this.#finish(vcpu) - start, kind = i32[w + KIND_FIELD];
    this.profile.note(vcpu, kind === REGION ? "translated" : kind === SLICE ? "interpreted" : "other", executed);
    return executed;
  }

  #begin(vcpu: Vcpu, budget: number): number {
    this.#vcpu = this.#running = vcpu;
    this.#sliceEnd = vcpu.instructions + budget;
    vcpu.i32[vcpu.w + BUDGET] = -budget;
    vcpu.i32[vcpu.w + RECORD_MEMO] = this.code.memoForCode;
    return vcpu.instructions;
  }
  #finish(vcpu: Vcpu): number {
    this.#running = null;
    return vcpu.instructions = this.#sliceEnd + vcpu.i32[vcpu.w + BUDGET];
  }

  #enter(vcpu: Vcpu, record: number): void {
    const { i32, w } = vcpu;
    let kind: number;
    do {
      i32[w + KIND_FIELD] = SLICE;
      this.handlers.enter(vcpu.base, record, i32[w + BUDGET] - (record >>> 4));
      kind = i32[w + KIND_FIELD];
      if (kind === REDIRECT) return;
      this.exits[kind]++;
      // The budget was looked at before, or will be
      if (kind === FETCH) record = this.#fetchTarget(vcpu.get32("exitArgument"));
    } while (kind === FETCH && record !== 0);
    if (kind !== STEP && kind !== BREAKPOINT) return;
    vcpu.syncPc();
    if (kind === BREAKPOINT) this.#exceptions.exit(vcpu, "breakpoint");
  }

  #wordOfRecord(record: number): number {
    const at = this.code.instructionOf(record);
    return at < 0 ? 0 : this.#i32[at >>> 2];
  }

  /** Byte offset in memory of the instruction that has called TypeScript; -1 where it is executed from elsewhere. */
  runningInstruction(vcpu: Vcpu): number {
    return this.code.instructionOf(vcpu.get32("record"));
  }

  /**
   * Executes exactly one instruction, past a breakpoint on it, or takes the exception or interrupt that comes instead.
   * @param isHeld interrupts wait.
   * @returns the number executed: 0 or 1.
   */
  step(vcpu: Vcpu, isHeld = false): number {
    const start = this.#begin(vcpu, 1);
    this.#exceptions.takeInterrupts(vcpu, isHeld);
    this.#stepOne(vcpu);
    return this.#finish(vcpu) - start;
  }

  /** Executes one instruction from a record of its own, and ends the slice. */
  #stepOne(vcpu: Vcpu): void {
    const { i32, u32, w } = vcpu;
    this.#sliceEnd += i32[w + BUDGET] + 1;
    i32[w + BUDGET] = -1;
    const isSoftwareStep = this.#exceptions.isStepping(vcpu);
    const host = this.fetcher.translate(vcpu);
    if (host < 0) {
      i32[w + BUDGET]++;
      return;
    }
    const lo = u32[w + PC], hi = u32[w + PC + 1];
    const record = this.#stepRecords + (lo & 0xfff) * 4;
    this.code.decodeWord(i32[host >>> 2], record, NaN);
    i32.fill(0, (record + RECORD_BYTES) >>> 2, (record + 2 * RECORD_BYTES) >>> 2);
    i32[(record + RECORD_BYTES) >>> 2] = SPECIAL.step;
    enterPage(vcpu, lo, hi, this.#stepRecords);
    this.#enter(vcpu, record);
    const kind = i32[w + KIND_FIELD];
    if (kind === SLICE && u32[w + PC + 1] >>> 24 !== 0) this.#exceptions.branchAddress(vcpu);
    if (!isSoftwareStep) return;
    // The instruction is yet to be executed when the resident of EL2 has repaired a fault, or a debugger wants to see it
    const isExecuted = kind === SLICE || kind === FETCH || u32[w + PC] !== lo || u32[w + PC + 1] !== hi;
    if (isExecuted) this.#exceptions.stepped(vcpu);
  }

  // Called by generated code

  #exit(kind: number): void {
    const vcpu = this.#vcpu, { i32, w } = vcpu;
    const tlb = i32[w + TLB], upper = i32[w + TLB + 1];
    this.exits[kind]++;
    i32[w + BUDGET]++;
    vcpu.syncPc();
    vcpu.codeMoved = false;
    this.#exceptions.exit(vcpu, KINDS[kind]);
    this.#goOn(vcpu, tlb, upper);
  }

  #resident(kind: number): number {
    const vcpu = this.#vcpu, { i32, w } = vcpu;
    const tlb = i32[w + TLB], upper = i32[w + TLB + 1];
    this.exits[kind]++;
    if (kind === REDIRECT) this.slowAccesses++;
    vcpu.codeMoved = false;
    this.#exceptions.callResident(vcpu);
    const isForCode = i32[w + BUDGET] < 0 && i32[w + ATTENTION] === 0 && vcpu.isRunning && !vcpu.codeMoved &&
      !this.#stepsNext;
    if (this.#exceptions.returnFromResident(vcpu, isForCode)) return 0;
    this.#goOn(vcpu, tlb, upper);
    return 1;
  }

  /**
   * Says where generated code goes on after an exception or what else has moved the PC. It is left where the run loop
   * has something to do first.
   * @param tlb the TLBs that were in use before: where those are others now, so is the code that its callers were in.
   */
  #goOn(vcpu: Vcpu, tlb: number, upper: number): void {
    const { i32, w } = vcpu;
    i32[w + KIND_FIELD] = REDIRECT;
    i32[w + RESUME] = 0;
    if (i32[w + BUDGET] >= 0 || !vcpu.isRunning || this.#stepsNext || this.#exceptions.takeInterrupts(vcpu)) return;
    const record = this.fetcher.find(vcpu);
    if (record === 0) return;
    const isSame = !vcpu.codeMoved && i32[w + TLB] === tlb && i32[w + TLB + 1] === upper;
    i32[w + (isSame ? RESUME : RESTART)] = record;
  }

  #redirect(vcpu: Vcpu, tlb: number, upper: number): void {
    this.exits[REDIRECT]++;
    vcpu.i32[vcpu.w + BUDGET]++;
    this.#goOn(vcpu, tlb, upper);
  }

  #helper(id: number): number {
    const vcpu = this.#vcpu, { run, mayExit } = helperTable[id];
    this.helperCalls++;
    if (mayExit) {
      vcpu.syncPc();
      vcpu.redirected = vcpu.codeMoved = false;
    }
    const { i32, w } = vcpu;
    if (!mayExit) {
      run(vcpu);
      return 0;
    }
    const tlb = i32[w + TLB], upper = i32[w + TLB + 1];
    run(vcpu);
    if (i32[w + ATTENTION] === 2) this.stopSoon();
    if (!vcpu.redirected) {
      if (!vcpu.codeMoved) return 0;
      skipInstruction(vcpu);
    }
    this.#redirect(vcpu, tlb, upper);
    return 1;
  }

  #memoryAccess(request: number): number {
    this.slowAccesses++;
    const vcpu = this.#vcpu, { i32, w } = vcpu;
    vcpu.syncPc();
    if (this.onAccess !== null) {
      const at = vcpu.scratch32(1);
      if (this.onAccess(vcpu, vcpu.u32[at], vcpu.u32[at + 1], request)) {
        i32[w + KIND_FIELD] = STEP;
        i32[w + RESUME] = 0;
        return 1;
      }
    }
    const tlb = i32[w + TLB], upper = i32[w + TLB + 1];
    vcpu.codeMoved = false;
    const isWatched = this.fetcher.guestDebug !== null && this.fetcher.guestDebug.accesses(vcpu, request);
    const left = isWatched ? 1 : this.#memoryPath.access(vcpu, request);
    if (i32[w + ATTENTION] === 2) this.stopSoon();
    if (left === 0) return 0;
    this.#redirect(vcpu, tlb, upper);
    return 1;
  }

  /**
   * The record of the PC, which a branch went to: it then holds no tag, and where an indirect branch entered a guarded
   * page, its target must allow that.
   * @param kind 0, 1 or 2: RET and direct branches, BR, BLR.
   * @returns 0 when an exception was taken.
   */
  #fetchTarget(branch: number): number {
    const vcpu = this.#vcpu, { i32, u32, w } = vcpu, kind = branch & ~FROM_REGION;
    i32[w + KIND_FIELD] = branch === kind ? SLICE : REGION;
    if (u32[w + PC + 1] >>> 24 !== 0) this.#exceptions.branchAddress(vcpu);
    if (kind === 0) return this.fetcher.fetch(vcpu);
    return this.fetcher.fetchIndirect(vcpu, this.#wordOfRecord(vcpu.get32("record")), kind);
  }

  #decode(record: number): number {
    if (this.jit?.isEager && this.jit.compileAt(record, this.#vcpu)) return record;
    if (this.code.decode(record)) return record;
    const vcpu = this.#vcpu;
    vcpu.syncPc();
    this.fetcher.forgetPage(vcpu);
    vcpu.i32[vcpu.w + KIND_FIELD] = SLICE;
    return 0;
  }
}

/** Moves the PC behind its instruction. */
function skipInstruction({ u32, w }: Vcpu): void {
  const lo = u32[w + PC] + 4;
  u32[w + PC] = lo;
  if (lo > 0xffffffff) u32[w + PC + 1]++;
}
