import { IMPORTS, TABLE_SLOTS } from "../handlers.ts";
import { encodeShared } from "./region_module.ts";

const WASM_PAGE = 65536;
/** Where the state block stands in the memory of rehearsals when regions do not say it, and a record. */
const CPU = WASM_PAGE, RECORD = CPU + 16 * WASM_PAGE;

/**
 * Calls each function of a module of regions once, on the thread that made it: V8 compiles a function when it is first
 * called, for all threads, so that the vCPU's finds it compiled. They run on a memory and a table of their own where
 * nothing stands: with the budget spent and no other function to be had, each comes back soon, most of them by a trap.
 */
export class Rehearsal {
  readonly #table = new WebAssembly.Table({ element: "anyfunc", initial: TABLE_SLOTS, maximum: TABLE_SLOTS });
  readonly #imports: WebAssembly.Imports;
  readonly #cpu: number;

  /** Throws RangeError where the host has no address space for another memory of that size. */
  constructor(memoryPages: number, soleVcpu: number) {
    const memory = new WebAssembly.Memory({ initial: memoryPages, maximum: memoryPages, shared: true });
    const nothing = Object.fromEntries(IMPORTS.map(({ name }) => [name, () => 0]));
    this.#imports = { env: { memory, table: this.#table, ...nothing } };
    const shared = new WebAssembly.Module(encodeShared(memoryPages, soleVcpu));
    Object.assign(this.#imports.env, new WebAssembly.Instance(shared, this.#imports).exports);
    this.#cpu = soleVcpu || CPU;
  }

  /** Calls the functions that a module puts in these table slots. */
  run(module: WebAssembly.Module, slots: readonly number[]): void {
    new WebAssembly.Instance(module, this.#imports);
    for (const slot of slots) {
      const region = this.#table.get(slot) as (cpu: number, record: number, count: number, head: bigint) => bigint;
      try {
        region(this.#cpu, RECORD, 0, 0n);
      } catch (error) {
        if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      }
      this.#table.set(slot, null);
    }
  }
}
