import $ from "dax";
import { mersenneTwister } from "./mersenne_twister.ts";

/**
 * Sequences of instructions, from any state of registers and memory: what a case is, and a foreign judge of cases.
 * The judge is an emulator in user mode (or an AArch64 host) that runs `sequence.c`; it needs `qemu-aarch64` and
 * `aarch64-linux-gnu-gcc`.
 */

/** Where the code of cases stands: pages that hold zeros (UDF) outside of a case's words. */
export const CODE_BASE = 0x31_fff1_0000n;
export const CODE_PAGES = 0xe0;
/** The memory that cases may load from and store to; a 4 GiB boundary is in its middle. */
export const MEMORY_BASE = 0x31_ffff_f000n;
export const MEMORY_BYTES = 8192;

/** BRK #0: where a sequence that branches nowhere else ends. */
export const END_WORD = 0xd4200000;

/**
 * A state as 32-bit words: what X and V hold, low half first. In a result STOP tells why the sequence ended, and PC is
 * the address of the instruction that it ended at.
 */
export const WORD = { stop: 0, fpcr: 1, fpsr: 2, nzcv: 3, pc: 4, x: 6, sp: 68, v: 70 } as const;
export const STATE_WORDS = 198;

/** Why a sequence ended. */
export const STOPS = ["end", "undefined", "abort", "too long"] as const;

/** The instructions of a case and the state that they start from. */
export interface SequenceCase {
  readonly words: readonly number[];
  readonly state: Uint32Array;
}

/** The state at the end, and the doublewords of memory that differ from before: triples of offset, low and high half. */
export interface SequenceResult {
  readonly state: Uint32Array;
  readonly changes: readonly number[];
}

const isNative = Deno.build.arch === "aarch64";
const compiler = isNative ? "gcc" : "aarch64-linux-gnu-gcc";
const source = new URL("./sequence.c", import.meta.url);
/** Without SVE and SME, which the frames of signal handlers would have to hold as well. */
const CPU = "max,sve=off,sme=off,pauth-impdef=on";

const EMULATOR_SEED = 1;
/** Where no case branches to by chance. */
const PROGRAM_PLACE = "-Wl,-Ttext-segment=0x13579bd00000";
/** SIGABRT: an assertion of the emulator. */
const JUDGE_ABORTED = 128 + 6;

function encode(memory: Uint8Array, cases: readonly SequenceCase[]): Uint8Array<ArrayBuffer> {
  const words = cases.reduce((sum, c) => sum + STATE_WORDS + c.words.length + 1, memory.byteLength >>> 2);
  const file = new Uint32Array(words);
  new Uint8Array(file.buffer).set(memory);
  let at = memory.byteLength >>> 2;
  for (const c of cases) {
    file.set(c.state, at);
    file[at + WORD.stop] = c.words.length + 1;
    file.set(c.words, at + STATE_WORDS);
    at += STATE_WORDS + c.words.length + 1;
    file[at - 1] = END_WORD;
  }
  return new Uint8Array(file.buffer);
}

function decode(bytes: Uint8Array, count: number): SequenceResult[] {
  const file = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2), results: SequenceResult[] = [];
  let at = 4;
  for (let i = 0; i < count; i++) {
    const state = file.subarray(at, at + STATE_WORDS), changes: number[] = [];
    let changed = file[at + STATE_WORDS];
    at += STATE_WORDS + 2;
    for (; changed > 0; changed--, at += 4) changes.push(file[at], file[at + 2], file[at + 3]);
    results.push({ state, changes });
  }
  if (at !== file.length) throw new Error(`Cannot read the judge's results: ${file.length} words instead of ${at}`);
  return results;
}

/** What a process finds at AT_RANDOM is followed by its keys in the numbers that the emulator draws from its seed. */
function keysOf(atRandom: Uint8Array): BigUint64Array<ArrayBuffer> {
  const next = mersenneTwister([EMULATOR_SEED, 0]), drawn: number[] = [];
  const start = Array.from(new Uint32Array(atRandom.slice().buffer));
  do {
    drawn.push(next());
    if (drawn.length > 100) throw new Error("Cannot find out the judge's keys of pointer authentication");
  } while (!start.every((word, i) => word === drawn.at(i - 4)));
  return new BigUint64Array(Uint32Array.from({ length: 20 }, next).buffer);
}

/** Runs cases in another emulator. */
export class SequenceJudge {
  readonly #command: readonly string[];
  readonly #folder: string;
  /** The judge's keys of pointer authentication: IA, IB, DA, DB and GA, low halves first. */
  keys = new BigUint64Array(10);

  private constructor(command: readonly string[], folder: string) {
    this.#command = command;
    this.#folder = folder;
  }

  /** Whether a judge can be had on this machine. */
  static isPresent(): boolean {
    const commands = isNative ? [compiler] : [compiler, "qemu-aarch64"];
    try {
      return commands.every((command) =>
        new Deno.Command(command, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success
      );
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return false;
      throw error;
    }
  }

  /** To be disposed of. Throws Error when the program cannot be compiled. */
  static async open(): Promise<SequenceJudge> {
    const folder = await Deno.makeTempDir({ prefix: "ariel-sequence-" }), program = `${folder}/sequence`;
    await $`${compiler} -O2 -static ${PROGRAM_PLACE} -o ${program} ${source.pathname}`;
    const emulator = ["qemu-aarch64", "-cpu", CPU, "-seed", String(EMULATOR_SEED)];
    const judge = new SequenceJudge(isNative ? [program] : [...emulator, program], folder);
    // Learns the keys
    await judge.run(new Uint8Array(MEMORY_BYTES), []);
    return judge;
  }

  /**
   * Runs the cases in order; pages are cleared when a case's PC is not in a page above the last one's.
   * @returns null for a case that is the judge's own end.
   */
  async run(memory: Uint8Array, cases: readonly SequenceCase[]): Promise<(SequenceResult | null)[]> {
    const input = `${this.#folder}/input`, output = `${this.#folder}/output`;
    await Deno.writeFile(input, encode(memory, cases));
    const { code, stderr } = await new Deno.Command(this.#command[0], {
      args: [...this.#command.slice(1), input, output],
      stdout: "null",
      stderr: "piped",
    }).output();
    if (code === JUDGE_ABORTED && cases.length > 0) {
      if (cases.length === 1) return [null];
      const middle = cases.length >>> 1;
      return [...await this.run(memory, cases.slice(0, middle)), ...await this.run(memory, cases.slice(middle))];
    }
    if (code !== 0) throw new Error(`The judge ended with ${code}: ${new TextDecoder().decode(stderr)}`);
    const bytes = await Deno.readFile(output);
    this.keys = keysOf(bytes.subarray(0, 16));
    return decode(bytes, cases.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}
