import { STATE, V, X } from "../../core/cpu/layout.ts";
import { randomWords } from "../oracle/gnu.ts";
import { WORD } from "../oracle/sequence.ts";
import { initialMemory, inputsOf } from "../vectors/inputs.ts";
import { assemble } from "../../core/a64/assembler.ts";
import { CODE, MEMORY, OTHER_MEMORY, SUPERVISOR } from "./layout.ts";
import { ProgramWriter } from "./program_writer.ts";
import { describe, Twins } from "./twins.ts";

/*
 * Random programs on both tiers: deno run -A tests/jit/programs.ts [COUNT] [SEED]. A seed that failed is run again by
 * giving 1 and the seed.
 */

const INSTRUCTIONS_MAX = 30_000;
const PERIOD = SUPERVISOR.pa + 0x1028;

/** Runs random programs and compares every stop. */
export class Programs {
  readonly twins = new Twins();
  readonly #memory = initialMemory();
  instructions = 0;
  ended = 0;

  /** The source of the program of a seed. */
  source(seed: number): string {
    const random = randomWords(seed);
    return new ProgramWriter(random, {
      functions: 2 + random() % 5,
      steps: 2 + random() % 6,
      fuel: 20 + random() % 200,
      hasInterrupts: random() % 3 === 0,
    }).write();
  }

  /** Runs the program of a seed. Returns what differs, in words, or null. */
  run(seed: number): string | null {
    const { twins } = this, random = randomWords(seed ^ 0x5555);
    const symbols = {
      DESCRIPTOR: twins.descriptors.get(MEMORY.va)!,
      DESCRIPTOR_OTHER: twins.descriptors.get(OTHER_MEMORY.va)!,
    };
    const { bytes } = assemble(this.source(seed), { origin: CODE.va, symbols });
    twins.loadBytes(bytes, CODE.va, this.#memory);
    twins.poke(PERIOD, BigInt(60 + random() % 500));
    this.#setRegisters(seed);
    const long = random() % 4 === 0, max = [1, 5, 50, 50][random() % 4];
    const difference = twins.run(() => long ? INSTRUCTIONS_MAX : 1 + random() % max, INSTRUCTIONS_MAX);
    this.instructions += twins.interpreter.vcpus[0].instructions;
    if (twins.isEnded) this.ended++;
    return difference && `seed ${seed} ${describe(difference)}`;
  }

  #setRegisters(seed: number): void {
    const state = inputsOf(seed);
    this.twins.each(({ vcpus: [vcpu] }) => {
      vcpu.u32.set(state.subarray(WORD.x, WORD.x + 62), vcpu.w + (X >>> 2));
      vcpu.u32.set(state.subarray(WORD.v, WORD.v + 128), vcpu.w + (V >>> 2));
      vcpu.u32[vcpu.w + (STATE.nzcv.offset >>> 2)] = state[WORD.nzcv];
      vcpu.u32[vcpu.w + (STATE.fpcr.offset >>> 2)] = state[WORD.fpcr];
    });
  }
}

function runGuarded(programs: Programs, seed: number): string | null {
  try {
    return programs.run(seed);
  } catch (error) {
    throw new Error(`Cannot run the program of seed ${seed}`, { cause: error });
  }
}

if (import.meta.main) {
  const [count = 200, first = Date.now() % 1e9] = Deno.args.map(Number);
  const programs = new Programs();
  let failures = 0;
  for (let i = 0; i < count && failures < 10; i++) {
    const difference = runGuarded(programs, first + i);
    if (difference === null) continue;
    console.log(difference);
    failures++;
  }
  console.log(`${count} programs from seed ${first}: ${programs.instructions} instructions, ${programs.ended} ended`);
  if (failures > 0) Deno.exitCode = 1;
}
