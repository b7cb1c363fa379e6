import type { Decoder } from "../../a64/decoder.ts";
import { UNDEFINED_ROW } from "../code_cache.ts";
import { RECORD_BYTES } from "../record.ts";
import { Analyst, type Facts } from "./analysis.ts";
import { Coverage } from "./coverage.ts";
import { checkingDecoder } from "../trapped_sysregs.ts";
import { type CodePlace, LeafFinder } from "./leaf.ts";
import { findRegion } from "./region.ts";
import { RegionCompiler } from "./region_compiler.ts";
import type { RegionEmitter } from "./region_emitter.ts";
import { FIRST_REGION_FUNCTION, MODULE_FUNCTIONS, RegionModules } from "./region_module.ts";
import type { Rehearsal } from "./rehearsal.ts";

/** Regions that execute fewer instructions by themselves are not worth a function. */
const INSTRUCTIONS_MIN = 2;

/** See Coverage. */
export const POSTPONED = -1;

/** A region to be compiled. */
export interface CompileRequest {
  /** The record of its first instruction. */
  readonly record: number;
  /** Byte offset in memory of that instruction. */
  readonly at: number;
  /** The page's generation when the request was made. */
  readonly generation: number;
  /** Table slot of the instruction's handler in tier 1, and the one that the region gets. */
  readonly rootSlot: number;
  readonly slot: number;
  /** What was never executed is part of the region too. */
  readonly isWhole: boolean;
  /** Runs of accesses are expected in two pages; see RegionEmitter. */
  readonly splitsRuns: boolean;
  readonly place: CodePlace | null;
}

/** What became of a batch of requests. */
export interface CompiledBatch {
  readonly requests: readonly CompileRequest[];
  /** Instructions of each region; 0 where none was made, and POSTPONED where it may be later. */
  readonly instructions: readonly number[];
  /** Null where no region was made at all. */
  readonly module: WebAssembly.Module | null;
  readonly wasmBytes: number;
  readonly milliseconds: number;
}

/** Makes modules of regions: on the vCPU's thread or on another. */
export class Translator {
  readonly #i32: Int32Array;
  readonly #u16: Uint16Array;
  #analyst: Analyst;
  readonly #modules: RegionModules;
  readonly #coverage = new Coverage();

  /**
   * @param soleVcpu where the state block of a machine's only vCPU stands; 0 where there are several.
   * @param rehearsal for a thread that has the time.
   */
  constructor(
    readonly buffer: SharedArrayBuffer,
    readonly decoder: Decoder,
    readonly soleVcpu = 0,
    readonly rehearsal: Rehearsal | null = null,
  ) {
    this.#i32 = new Int32Array(buffer);
    this.#u16 = new Uint16Array(buffer);
    this.#analyst = new Analyst(decoder, UNDEFINED_ROW);
    this.#modules = new RegionModules(buffer.byteLength / 65536, soleVcpu);
  }

  /** See Engine.trapSysregs. */
  trapSysregs(encodings: readonly number[]): void {
    this.#analyst = new Analyst(checkingDecoder(this.decoder, encodings), UNDEFINED_ROW);
  }

  compile(requests: readonly CompileRequest[]): CompiledBatch {
    const start = performance.now();
    const regions: RegionEmitter[] = [], slots: number[] = [], instructions: number[] = [];
    for (const request of requests) {
      if (this.#coverage.postpones(request)) {
        instructions.push(POSTPONED);
        continue;
      }
      // A copy: the guest may write to the page meanwhile. It then has another generation, and the region is not used.
      const first = (request.at & ~0xfff) >>> 2;
      const words = this.#i32.slice(first, first + 1024);
      const start = (request.at & 0xfff) >>> 2;
      const recordBase = request.record - start * RECORD_BYTES;
      const isExecuted = (index: number) =>
        request.isWhole || this.#u16[(recordBase + index * RECORD_BYTES) >>> 1] !== 0;
      const leaves = new LeafFinder(this.buffer, this.#analyst, recordBase, words, request.place);
      const leafOf = (index: number, call: Facts) => leaves.find(index, call);
      const region = findRegion(words, start, this.#analyst, isExecuted, leafOf);
      const isWorth = region.ownCount >= INSTRUCTIONS_MIN;
      instructions.push(isWorth ? region.instructionCount : 0);
      if (!isWorth) continue;
      this.#coverage.add(request, region);
      const { generation, rootSlot, slot } = request;
      const self = { slot, function: FIRST_REGION_FUNCTION + regions.length };
      const compiler = new RegionCompiler(
        region,
        generation,
        rootSlot,
        recordBase,
        self,
        MODULE_FUNCTIONS,
        this.soleVcpu,
        { splitsRuns: request.splitsRuns, isUpper: request.place !== null && request.place.pageHi < 0 },
      );
      regions.push(compiler.compile());
      slots.push(slot);
    }
    let module: WebAssembly.Module | null = null, wasmBytes = 0;
    if (regions.length) {
      const bytes = this.#modules.encode(regions, slots);
      module = new WebAssembly.Module(bytes);
      wasmBytes = bytes.length;
      this.rehearsal?.run(module, slots);
    }
    return { requests, instructions, module, wasmBytes, milliseconds: performance.now() - start };
  }
}

/** Who compiles for a Jit. */
export interface RegionCompilerService {
  /** Takes a batch; `poll` gives the result, in order. */
  submit(requests: readonly CompileRequest[]): void;
  /** What is submitted from now on is compiled with these traps; see Engine.trapSysregs. */
  trapSysregs(encodings: readonly number[]): void;
  /** The next result, or null. */
  poll(): CompiledBatch | null;
}

/** Compiles at once, on this thread. */
export class LocalCompiler implements RegionCompilerService {
  readonly #done: CompiledBatch[] = [];
  constructor(readonly translator: Translator) {}

  submit(requests: readonly CompileRequest[]): void {
    this.#done.push(this.translator.compile(requests));
  }
  trapSysregs(encodings: readonly number[]): void {
    this.translator.trapSysregs(encodings);
  }
  poll(): CompiledBatch | null {
    return this.#done.shift() ?? null;
  }
}
