import type { VmVcpu } from "./vm.ts";

/** A function that a guest may call by HVC or SMC. It returns its result by `c.setResult`, or not at all. */
export interface CallFunction {
  readonly name: string;
  readonly run: (c: VmVcpu) => void;
}

/** Slots of a CallTable: a power of two. */
const SLOTS = 64;

/** Functions by identifier. Those called lately are found at once. */
export class CallTable {
  readonly #ids = new Float64Array(SLOTS).fill(-1);
  readonly #found: (CallFunction | undefined)[] = new Array(SLOTS).fill(undefined);

  constructor(readonly functions: ReadonlyMap<number, CallFunction>) {}

  find(id: number): CallFunction | undefined {
    const slot = id & SLOTS - 1;
    if (this.#ids[slot] !== id) {
      this.#ids[slot] = id;
      this.#found[slot] = this.functions.get(id);
    }
    return this.#found[slot];
  }
}

/** Errors of calls. Arm DEN 0028 and DEN 0022, and our hypercalls alike: small negative numbers in X0. */
export const CALL_ERROR = { notSupported: -1, invalidParameters: -2, denied: -3 } as const;
