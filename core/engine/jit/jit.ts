import type { Decoder } from "../../a64/decoder.ts";
import { type CodeCache, UNDEFINED_ROW } from "../code_cache.ts";
import type { Handlers } from "../handlers.ts";
import { GENERATION_OFFSET, PAGE_RECORD_BYTES } from "../record.ts";
import { findRegion } from "./region.ts";
import { RegionCompiler } from "./region_compiler.ts";
import type { RegionEmitter } from "./region_emitter.ts";
import { encodeRegions, MODULE_FUNCTIONS, OutlineFunctions } from "./region_module.ts";

/** Regions shorter than this are not worth a function. */
const INSTRUCTIONS_MIN = 2;

/** What the JIT did, for statistics. */
export interface JitCounts {
  regions: number;
  instructions: number;
  wasmBytes: number;
  compileMs: number;
  dropped: number;
}

/**
 * Tier 2: translates hot code into one WebAssembly function per region and puts it in place of the interpreter's handler
 * of the region's first instruction.
 */
export class Jit {
  readonly counts: JitCounts = { regions: 0, instructions: 0, wasmBytes: 0, compileMs: 0, dropped: 0 };
  readonly #code: CodeCache;
  readonly #handlers: Handlers;
  readonly #decoder: Decoder;
  readonly #i32: Int32Array;
  readonly #u16: Uint16Array;
  /** Records to be compiled: in the order in which they became hot. */
  readonly #queue = new Set<number>();
  /** Table slots of the regions of each page slot, and the records that are no region or too short to be one. */
  readonly #regions = new Map<number, number[]>();
  readonly #settled = new Map<number, Set<number>>();
  readonly #freeSlots: number[] = [];

  constructor(code: CodeCache, handlers: Handlers, decoder: Decoder) {
    this.#code = code;
    this.#handlers = handlers;
    this.#decoder = decoder;
    this.#i32 = new Int32Array(code.buffer);
    this.#u16 = new Uint16Array(code.buffer);
    code.onDrop = (slot) => this.#drop(slot);
  }

  /** Every instruction that is met is compiled before it runs, with what it leads to: for tests. */
  isEager = false;

  /** Told of a record at which many branches arrive. */
  hot(record: number): void {
    if (!this.#settled.get(this.#code.slotOf(record))?.has(record)) this.#queue.add(record);
  }

  #drop(pageSlot: number): void {
    for (const slot of this.#regions.get(pageSlot) ?? []) {
      this.#handlers.table.set(slot, null);
      this.#freeSlots.push(slot);
      this.counts.dropped++;
    }
    this.#regions.delete(pageSlot);
    this.#settled.delete(pageSlot);
  }

  /** Compiles the region at a record now. False where none was made: the interpreter runs the instruction. */
  compileAt(record: number): boolean {
    const { regions } = this.counts;
    this.hot(record);
    this.compile();
    return this.counts.regions !== regions;
  }

  /** Compiles what became hot, all in one module. */
  compile(): void {
    if (this.#queue.size === 0) return;
    const start = performance.now();
    const regions: RegionEmitter[] = [], slots: number[] = [], records: number[] = [];
    const outlines = new OutlineFunctions();
    for (const record of this.#queue) {
      const region = this.#translate(record, outlines);
      const slot = region ? this.#freeSlots.pop() ?? this.#handlers.allocate() : -1;
      if (!region || slot < 0) continue;
      regions.push(region);
      slots.push(slot);
      records.push(record);
    }
    this.#queue.clear();
    if (regions.length) {
      const bytes = encodeRegions(regions, outlines, slots, this.#handlers.memoryPages);
      this.#handlers.install(new WebAssembly.Module(bytes));
      records.forEach((record, i) => this.#install(record, slots[i]));
      this.counts.wasmBytes += bytes.length;
      this.counts.regions += regions.length;
    }
    this.counts.compileMs += performance.now() - start;
  }

  #translate(record: number, outlines: OutlineFunctions): RegionEmitter | null {
    const at = this.#code.instructionOf(record);
    if (at < 0 || this.#code.breakpoints.size !== 0) return null;
    const pageSlot = this.#code.slotOf(record);
    if (!this.#settled.has(pageSlot)) this.#settled.set(pageSlot, new Set());
    const settled = this.#settled.get(pageSlot)!;
    if (settled.has(record)) return null;
    settled.add(record);
    const page = at & ~0xfff;
    const words = this.#i32.subarray(page >>> 2, (page >>> 2) + 1024);
    const region = findRegion(words, (at & 0xfff) >>> 2, this.#decoder, UNDEFINED_ROW);
    if (region.instructionCount < INSTRUCTIONS_MIN) return null;
    this.counts.instructions += region.instructionCount;
    const generation = this.#i32[(this.#code.base + pageSlot * PAGE_RECORD_BYTES + GENERATION_OFFSET) >>> 2];
    if (this.#u16[record >>> 1] === 0) this.#code.decode(record);
    return new RegionCompiler(region, generation, this.#u16[record >>> 1], MODULE_FUNCTIONS, outlines).compile();
  }

  #install(record: number, slot: number): void {
    const pageSlot = this.#code.slotOf(record);
    const slots = this.#regions.get(pageSlot);
    if (slots) slots.push(slot);
    else this.#regions.set(pageSlot, [slot]);
    this.#u16[record >>> 1] = slot;
  }
}
