import type { Vcpu } from "../cpu/vcpu.ts";

/**
 * TypeScript functions that generated code calls by name: the slow paths of instructions.
 * A helper finds its operands in the vCPU's scratch slots, in order, and leaves its result in slot 0.
 */
export interface Helper {
  readonly name: string;
  /** Index in {@link helperTable}: what generated code passes. */
  id: number;
  readonly run: (vcpu: Vcpu) => void;
  /** The helper may take an exception or move the PC; it then returns after `vcpu.redirect()`. */
  readonly mayExit: boolean;
  /** It is all that its instruction does, and most often returns: regions call it and go on. */
  readonly isWhole: boolean;
}

const helpers = new Map<string, Helper>();
/** All helpers by id. */
export const helperTable: Helper[] = [];

type HelperOptions = Partial<Pick<Helper, "mayExit" | "isWhole">>;

/** Registers a helper under a name that no other has. */
export function defineHelper(name: string, run: (vcpu: Vcpu) => void, options: HelperOptions = {}): void {
  if (helpers.has(name)) throw new TypeError(`Cannot define helper ${name} as it exists already`);
  const { mayExit = false, isWhole = false } = options,
    helper = { name, id: helperTable.length, run, mayExit, isWhole };
  helpers.set(name, helper);
  helperTable.push(helper);
}

/** The helper of that name. Throws TypeError when there is none. */
export function findHelper(name: string): Helper {
  const helper = helpers.get(name);
  if (!helper) throw new TypeError(`Cannot call helper ${name} as it is not defined`);
  return helper;
}

/** Gives the helpers the ids that another thread has given them: each its place among `names`. */
export function numberHelpers(names: readonly string[]): void {
  names.forEach((name, id) => {
    const helper = helpers.get(name);
    if (helper) helper.id = id;
  });
}
