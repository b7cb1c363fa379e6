import type { RunOptions } from "../oracle/flat_machine.ts";
import { type SequenceCase, WORD } from "../oracle/sequence.ts";
import { inputsOf } from "./inputs.ts";

/** A case by what it follows from: this is what is recorded and printed. */
export interface CaseSpec {
  readonly pc: bigint;
  /** Of the inputs, and of how our side runs it. */
  readonly seed: number;
  readonly words: readonly number[];
  /** Registers (31 is SP) whose values do not follow from the seed. */
  readonly pins: readonly (readonly [register: number, value: bigint])[];
}

/** The state and code of a case. */
export function makeCase(spec: CaseSpec): SequenceCase {
  const state = inputsOf(spec.seed);
  setDoubleword(state, WORD.pc, spec.pc);
  for (const [n, value] of spec.pins) setDoubleword(state, WORD.x + 2 * n, value);
  return { words: spec.words, state };
}

/** How our side runs a case: at either Exception level, with and without the TLB's help. */
export function runOptions(spec: CaseSpec): RunOptions {
  return { isEl0: (spec.seed & 1) !== 0, hasTlb: (spec.seed & 6) !== 0 };
}

function setDoubleword(state: Uint32Array, at: number, value: bigint): void {
  state[at] = Number(BigInt.asUintN(32, value));
  state[at + 1] = Number(BigInt.asUintN(64, value) >> 32n);
}

/** A case as a line of text. */
export function formatSpec(spec: CaseSpec): string {
  const pins = spec.pins.map(([n, value]) => ` x${n}=${value.toString(16)}`).join("");
  return `${spec.pc.toString(16)} ${spec.seed.toString(16)} ${spec.words.map((w) => w.toString(16)).join(",")}${pins}`;
}

/** Reads what formatSpec wrote. Throws SyntaxError. */
export function parseSpec(text: string): CaseSpec {
  const [pc, seed, words, ...pins] = text.trim().split(/\s+/);
  if (!words) throw new SyntaxError(`Cannot read case "${text}"`);
  return {
    pc: BigInt(`0x${pc}`),
    seed: parseInt(seed, 16),
    words: words.split(",").map((w) => parseInt(w, 16)),
    pins: pins.map((pin) => {
      const m = /^x(\d+)=([0-9a-f]+)$/.exec(pin);
      if (!m) throw new SyntaxError(`Cannot read "${pin}" in case "${text}"`);
      return [Number(m[1]), BigInt(`0x${m[2]}`)];
    }),
  };
}
