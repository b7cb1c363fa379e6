import { MEANINGS } from "../../core/a64/table.ts";
import { FlatMachine } from "../oracle/flat_machine.ts";
import { STOPS, WORD } from "../oracle/sequence.ts";
import { CaseGenerator } from "../vectors/case_generator.ts";
import { type CaseSpec, makeCase, runOptions } from "../vectors/case_spec.ts";
import { describeDifference, isEqual } from "../vectors/differences.ts";
import { initialMemory } from "../vectors/inputs.ts";

/*
 * The cases of tests/vectors on the interpreter and on the JIT with everything compiled, the former as the judge. To run
 * many of them: deno run -A tests/jit/flat_cases.ts [CASES] [SEED]
 */

/** What came of comparing cases. */
export interface FlatOutcome {
  cases: number;
  instructions: number;
  readonly differences: string[];
}

const SHOWN_MAX = 20;

/** Runs cases in both ways. */
export class FlatCases {
  readonly #memory = initialMemory();
  readonly #interpreter = new FlatMachine(this.#memory, MEANINGS, "interpreter");
  readonly #jit = new FlatMachine(this.#memory, MEANINGS, "jit");
  readonly outcome: FlatOutcome = { cases: 0, instructions: 0, differences: [] };

  generator(seed: number): CaseGenerator {
    return new CaseGenerator(seed, () => this.#interpreter);
  }

  /** Compares single instructions and sequences. */
  random(count: number, seed: number): FlatOutcome {
    const generator = this.generator(seed);
    for (let i = 0; i < count && this.outcome.differences.length < SHOWN_MAX; i++) this.compare(generator.next());
    return this.outcome;
  }

  /** Compares a case of every shape of every row. */
  shapes(seed: number): FlatOutcome {
    const generator = this.generator(seed);
    for (const word of generator.shapeWords()) {
      if (this.outcome.differences.length >= SHOWN_MAX) break;
      this.compare(generator.single(word));
    }
    return this.outcome;
  }

  compare(spec: CaseSpec): void {
    const c = makeCase(spec), options = runOptions(spec), { outcome } = this;
    const expected = this.#interpreter.run(c, options);
    if (this.#interpreter.isAstray || STOPS[expected.state[WORD.stop]] === "too long") return;
    const actual = this.#jit.run(c, options);
    const counts = [this.#interpreter.executed, this.#jit.executed];
    outcome.cases++;
    outcome.instructions += counts[0];
    if (counts[0] === counts[1] && isEqual(expected, actual)) return;
    const text = describeDifference(spec, actual, expected);
    outcome.differences.push(`${text}\n  instructions ${counts[1]}, judge ${counts[0]}`);
  }
}

if (import.meta.main) {
  const [count = 20_000, seed = Date.now() % 1e9] = Deno.args.map(Number);
  console.log(`seed ${seed}`);
  const { cases, instructions, differences } = new FlatCases().random(count, seed);
  console.log(`${cases} cases of ${instructions} instructions`, ...differences);
  if (differences.length > 0) Deno.exitCode = 1;
}
