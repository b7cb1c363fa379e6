import { HOT, HOT_COUNTERS, STATE } from "../../cpu/layout.ts";
import type { Vcpu } from "../../cpu/vcpu.ts";
import type { CodeCache, DropReason } from "../code_cache.ts";
import type { Handlers } from "../handlers.ts";
import { GENERATION_OFFSET, PAGE_RECORD_BYTES } from "../record.ts";
import type { CodePlace } from "./leaf.ts";
import { encodeShared } from "./region_module.ts";
import { HOT_STRADDLE } from "../code_flow.ts";
import { type CompileRequest, POSTPONED, type RegionCompilerService } from "./translator.ts";

/**
 * Instructions after which a vCPU's arrivals are forgotten: what is met seldom would be hot at last, and is worth neither
 * the work nor the memory of a region.
 */
export const COOLING_INSTRUCTIONS = 2 ** 29;

/** What the JIT did, for statistics. */
export interface JitCounts {
  /** Records that became hot, and those that were not to be compiled: regions would be too short, or too many, or wait. */
  requested: number;
  tooShort: number;
  postponed: number;
  tooMany: number;
  regions: number;
  instructions: number;
  modules: number;
  wasmBytes: number;
  /** On the thread that compiles. */
  compileMs: number;
  /** Regions that are no more, by why; those that were late: their page was written to while they were compiled. */
  readonly dropped: Record<DropReason | "straddled", number>;
  late: number;
}

/** A region that is in place. */
export interface RegionInfo {
  /** The record of its first instruction. */
  readonly record: number;
  readonly instructions: number;
  /** Table slot of that instruction's handler in tier 1. */
  readonly rootSlot: number;
}

/**
 * Tier 2: has hot code translated into one WebAssembly function per region, and puts that in place of the interpreter's
 * handler of the region's first instruction.
 */
export class Jit {
  readonly counts: JitCounts = {
    requested: 0,
    tooShort: 0,
    postponed: 0,
    tooMany: 0,
    regions: 0,
    instructions: 0,
    modules: 0,
    wasmBytes: 0,
    compileMs: 0,
    dropped: { written: 0, recycled: 0, straddled: 0 },
    late: 0,
  };
  readonly #code: CodeCache;
  readonly #handlers: Handlers;
  readonly #compiler: RegionCompilerService;
  readonly #i32: Int32Array;
  readonly #u16: Uint16Array;
  /** Records to be compiled: in the order in which they became hot. */
  readonly #queue = new Set<number>();
  /** A batch is being compiled. */
  #isBusy = false;
  /** The regions of each page slot by their table slots, and the records that were asked for already. */
  readonly #regions = new Map<number, Map<number, RegionInfo>>();
  readonly #settled = new Map<number, Set<number>>();
  /** By page slot, where the page was when one of its records became hot last. */
  readonly #places = new Map<number, CodePlace>();
  /** Page slots whose regions split runs of accesses. */
  readonly #splitting = new Set<number>();
  readonly #freeSlots: number[] = [];
  /** By vCPU, at how many of its instructions its arrivals are forgotten next. */
  readonly #coolsAt: number[] = [];

  constructor(code: CodeCache, handlers: Handlers, compiler: RegionCompilerService) {
    this.#code = code;
    this.#handlers = handlers;
    this.#compiler = compiler;
    this.#i32 = new Int32Array(code.buffer);
    this.#u16 = new Uint16Array(code.buffer);
  }

  /** Every instruction that is met is compiled before it runs, with what it leads to: for tests. */
  get isEager(): boolean {
    return !this.#code.decodesAhead;
  }
  set isEager(isEager: boolean) {
    this.#code.decodesAhead = !isEager;
  }

  /** Told of a record at which many branches arrive, or with HOT_STRADDLE set. */
  hot(record: number, vcpu: Vcpu): void {
    if ((record & HOT_STRADDLE) !== 0) return this.#split(record - HOT_STRADDLE);
    this.#places.set(this.#code.slotOf(record), placeOf(vcpu));
    const isSettled = this.#settled.get(this.#code.slotOf(record))?.has(record) ?? false;
    // A loop that runs on in tier 1: what is ready is put in place before the slice's end
    if (isSettled ? this.#isBusy : this.#queue.has(record)) this.compile();
    else if (!isSettled) this.#queue.add(record);
  }

  /** Forgets a vCPU's arrivals when it is time to. */
  cool({ index, instructions, base }: Vcpu): void {
    const at = this.#coolsAt[index] ??= COOLING_INSTRUCTIONS;
    if (instructions < at) return;
    this.#coolsAt[index] = instructions + COOLING_INSTRUCTIONS;
    this.#u16.fill(0, (base + HOT) >>> 1, ((base + HOT) >>> 1) + HOT_COUNTERS);
  }

  /** Told of the slot of every page whose records are dropped. */
  drop(pageSlot: number, reason: DropReason): void {
    for (const slot of this.#regions.get(pageSlot)?.keys() ?? []) {
      this.#free(slot);
      this.counts.dropped[reason]++;
    }
    this.#regions.delete(pageSlot);
    this.#settled.delete(pageSlot);
    this.#splitting.delete(pageSlot);
    this.#places.delete(pageSlot);
  }

  /** Has the regions of a record's page compiled anew, with runs of accesses split. */
  #split(record: number): void {
    const pageSlot = this.#code.slotOf(record), regions = this.#regions.get(pageSlot);
    if (!regions || this.#splitting.has(pageSlot)) return;
    this.#splitting.add(pageSlot);
    this.#regions.delete(pageSlot);
    for (const [slot, region] of regions) {
      this.#u16[region.record >>> 1] = region.rootSlot;
      this.#free(slot);
      this.counts.dropped.straddled++;
      this.#settled.get(pageSlot)?.delete(region.record);
      this.#queue.add(region.record);
    }
  }

  #free(slot: number): void {
    this.#handlers.table.set(slot, null);
    this.#freeSlots.push(slot);
  }

  /** See Engine.trapSysregs: the pages that hold regions are to be dropped then. */
  trapSysregs(encodings: readonly number[]): void {
    this.#compiler.trapSysregs(encodings);
  }

  /** Compiles the region at a record now. False where none was made: the interpreter runs the instruction. */
  compileAt(record: number, vcpu: Vcpu): boolean {
    const { regions } = this.counts;
    this.hot(record, vcpu);
    this.compile();
    return this.counts.regions !== regions;
  }

  /** Has what became hot compiled, and puts in place what is ready. */
  compile(): void {
    if (this.#isBusy) this.#collect();
    if (this.#queue.size === 0 || this.#isBusy) return;
    // Functions come before what is behind their loops: see Coverage
    const records = [...this.#queue].sort((a, b) => a - b);
    const requests = records.map((record) => this.#request(record)).filter((r) => r !== null);
    this.#queue.clear();
    if (requests.length === 0) return;
    this.#isBusy = true;
    this.#compiler.submit(requests);
    this.#collect();
  }

  #generationOf(record: number): number {
    return this.#i32[(this.#code.base + this.#code.slotOf(record) * PAGE_RECORD_BYTES + GENERATION_OFFSET) >>> 2];
  }

  #request(record: number): CompileRequest | null {
    const at = this.#code.instructionOf(record);
    if (at < 0 || this.#code.breakpoints.size !== 0) return null;
    const pageSlot = this.#code.slotOf(record);
    let settled = this.#settled.get(pageSlot);
    if (!settled) this.#settled.set(pageSlot, settled = new Set());
    if (settled.has(record)) return null;
    const slot = this.#freeSlots.pop() ?? this.#handlers.allocate();
    this.counts.requested++;
    if (slot < 0) {
      this.counts.tooMany++;
      return null;
    }
    settled.add(record);
    if (this.#u16[record >>> 1] === 0) this.#code.decode(record);
    return {
      record,
      at,
      generation: this.#generationOf(record),
      rootSlot: this.#u16[record >>> 1],
      slot,
      isWhole: this.isEager,
      splitsRuns: this.#splitting.has(pageSlot),
      place: this.#places.get(pageSlot) ?? null,
    };
  }

  #collect(): void {
    const batch = this.#compiler.poll();
    if (batch === null) return;
    this.#isBusy = false;
    if (batch.module) {
      if (this.counts.modules === 0) this.#share();
      this.#handlers.install(batch.module);
      this.counts.modules++;
    }
    batch.requests.forEach((request, i) => this.#install(request, batch.instructions[i]));
    this.counts.wasmBytes += batch.wasmBytes;
    this.counts.compileMs += batch.milliseconds;
  }

  /** Puts in place what all regions import: not at the start, which it would delay. */
  #share(): void {
    const { memoryPages, soleVcpu } = this.#handlers;
    this.#handlers.share(new WebAssembly.Module(encodeShared(memoryPages, soleVcpu)));
  }

  #install({ record, slot, generation, rootSlot }: CompileRequest, instructions: number): void {
    const isLate = generation !== this.#generationOf(record) || this.#code.breakpoints.size !== 0;
    if (instructions <= 0 || isLate) {
      if (isLate) this.counts.late++;
      else if (instructions === POSTPONED) this.counts.postponed++;
      else this.counts.tooShort++;
      if (isLate || instructions === POSTPONED) this.#settled.get(this.#code.slotOf(record))?.delete(record);
      return this.#free(slot);
    }
    const pageSlot = this.#code.slotOf(record);
    let regions = this.#regions.get(pageSlot);
    if (!regions) this.#regions.set(pageSlot, regions = new Map());
    regions.set(slot, { record, instructions, rootSlot });
    this.#u16[record >>> 1] = slot;
    this.counts.regions++;
    this.counts.instructions += instructions;
  }

  /** The regions of a page slot that are in place. */
  regionsOf(pageSlot: number): Iterable<RegionInfo> {
    return this.#regions.get(pageSlot)?.values() ?? [];
  }
}

/** Where the code is that a vCPU runs. */
function placeOf(vcpu: Vcpu): CodePlace {
  const at = vcpu.w + (STATE.pcPage.offset >>> 2);
  return {
    pageLo: vcpu.i32[at],
    pageHi: vcpu.i32[at + 1],
    tlb: vcpu.get32("tlb"),
    tlbUpper: vcpu.get32("tlbUpper"),
  };
}
