import { FlatMachine } from "../oracle/flat_machine.ts";
import { type SequenceCase, type SequenceJudge, type SequenceResult, STOPS, WORD } from "../oracle/sequence.ts";
import { MEANINGS } from "../../core/a64/table.ts";
import { CaseGenerator } from "./case_generator.ts";
import { type CaseSpec, formatSpec, makeCase, runOptions } from "./case_spec.ts";
import { NOP } from "./words.ts";
import { rowOf } from "./rows.ts";
import { whyAllowed } from "./allowed_differences.ts";
import { describeDifference, isAlike, isEqual } from "./differences.ts";
import { initialMemory } from "./inputs.ts";

const BATCH = 20_000;
/** Sequences that are made shorter; the differences of all others are only counted. */
const SHRINKS = 100;

interface Batch {
  readonly specs: CaseSpec[];
  readonly cases: SequenceCase[];
  readonly ours: SequenceResult[];
}

/** How cases came out. */
export interface Outcome {
  readonly seed: number;
  cases: number;
  words: number;
  /** Cases left out as they do not come to an end. */
  endless: number;
  /** Cases left out as they come to the code of others. */
  astray: number;
  /** Cases that end the judge itself: it asserts that what is not allocated does not come. */
  unjudged: number;
  /** Cases that our side and the judge both ran to their end, by why they ended. */
  readonly stops: Map<string, number>;
  /** How many cases differ for a listed reason. */
  readonly allowed: Map<string, number>;
  readonly differences: Map<string, { count: number; readonly shown: string[] }>;
}

/** Runs cases on our side and on the judge's, and keeps what differs. */
export class Comparison {
  readonly outcome: Outcome;
  readonly #memory = initialMemory();
  readonly #judge: SequenceJudge;
  readonly #machine: FlatMachine;
  #shrinks = 0;

  /** @param shown how many differences of one row are described; all are counted. */
  constructor(judge: SequenceJudge, seed: number, tier = "interpreter", readonly shown = 2) {
    this.#judge = judge;
    this.#machine = new FlatMachine(this.#memory, MEANINGS, tier);
    this.#machine.setKeys(judge.keys);
    this.outcome = {
      seed,
      cases: 0,
      words: 0,
      endless: 0,
      astray: 0,
      unjudged: 0,
      stops: new Map(),
      allowed: new Map(),
      differences: new Map(),
    };
  }

  /** Compares so many random cases; `progress` is called now and then. */
  async random(count: number, progress: (outcome: Outcome) => void = () => {}): Promise<Outcome> {
    const generator = this.#generator();
    const cases = function* () {
      for (let i = 0; i < count; i++) yield generator.next();
    };
    return await this.#run(cases(), progress);
  }

  /** Compares a case of every shape of every row. */
  async shapes(progress: (outcome: Outcome) => void = () => {}): Promise<Outcome> {
    const generator = this.#generator();
    const cases = function* () {
      for (const word of generator.shapeWords()) yield generator.single(word);
    };
    return await this.#run(cases(), progress);
  }

  /** Compares given cases. */
  async specs(specs: readonly CaseSpec[]): Promise<Outcome> {
    return await this.#run(specs, () => {});
  }

  #generator(): CaseGenerator {
    return new CaseGenerator(this.outcome.seed, () => this.#machine);
  }

  /** Runs cases in batches: our side goes on while the judge is busy with the batch before. */
  async #run(specs: Iterable<CaseSpec>, progress: (outcome: Outcome) => void): Promise<Outcome> {
    let judged = Promise.resolve();
    for (const batch of this.#batches(specs)) {
      await judged;
      progress(this.outcome);
      judged = this.#compare(batch);
      // Lets the judge begin before our side computes on
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await judged;
    return this.outcome;
  }

  *#batches(specs: Iterable<CaseSpec>): Generator<Batch> {
    let batch: Batch = { specs: [], cases: [], ours: [] };
    for (const spec of specs) {
      const c = makeCase(spec), result = this.#runOurs(spec, c);
      const isEndless = STOPS[result.state[WORD.stop]] === "too long";
      if (isEndless || this.#machine.isAstray) {
        this.outcome[isEndless ? "endless" : "astray"]++;
        continue;
      }
      batch.specs.push(spec);
      batch.cases.push(c);
      batch.ours.push(result);
      if (batch.specs.length < BATCH) continue;
      yield batch;
      batch = { specs: [], cases: [], ours: [] };
    }
    yield batch;
  }

  #runOurs(spec: CaseSpec, c: SequenceCase): SequenceResult {
    try {
      return this.#machine.run(c, runOptions(spec));
    } catch (error) {
      throw new Error(`Cannot run case ${formatSpec(spec)}`, { cause: error });
    }
  }

  async #compare({ specs, cases, ours }: Batch): Promise<void> {
    const theirs = await this.#judge.run(this.#memory, cases), { outcome } = this;
    outcome.cases += cases.length;
    for (let i = 0; i < cases.length; i++) {
      outcome.words += cases[i].words.length;
      const judged = theirs[i];
      if (judged === null) {
        outcome.unjudged++;
        continue;
      }
      const stop = STOPS[judged.state[WORD.stop]];
      outcome.stops.set(stop, (outcome.stops.get(stop) ?? 0) + 1);
      if (isEqual(ours[i], judged)) continue;
      const reason = whyAllowed(cases[i], ours[i], judged);
      if (reason === null) await this.#note(specs[i], ours[i], judged);
      else outcome.allowed.set(reason, (outcome.allowed.get(reason) ?? 0) + 1);
    }
  }

  async #note(spec: CaseSpec, ours: SequenceResult, theirs: SequenceResult): Promise<void> {
    let found = { spec, ours, theirs };
    if (spec.words.length > 1) {
      if (this.#shrinks++ >= SHRINKS) return this.#count("sequences", "");
      found = await this.#shrink(found);
    }
    const words = found.spec.words.filter((word) => word !== NOP), last = words.at(-1) ?? NOP;
    const name = rowOf(last)?.name ?? "no row";
    this.#count(name, describeDifference(found.spec, found.ours, found.theirs));
  }

  #count(name: string, description: string): void {
    const entry = this.outcome.differences.get(name) ?? { count: 0, shown: [] };
    this.outcome.differences.set(name, entry);
    entry.count++;
    if (description !== "" && entry.shown.length < this.shown) entry.shown.push(description);
  }

  /** A shorter case that differs as well: what comes behind is cut off, and words become NOPs. */
  async #shrink(found: Found): Promise<Found> {
    const { words } = found.spec;
    const cut = await this.#differing(words.map((_, i) => ({ ...found.spec, words: words.slice(0, i + 1) })));
    if (cut.length > 0) found = cut[0];
    for (;;) {
      const { spec } = found;
      const indices = spec.words.slice(0, -1).flatMap((word, i) => word === NOP ? [] : [i]);
      const without = (drop: (i: number) => boolean): CaseSpec => ({
        ...spec,
        words: spec.words.map((word, i) => i < spec.words.length - 1 && drop(i) ? NOP : word),
      });
      const parts = [1, 2, 4, 8, 16, 32].flatMap((bit) => [0, bit].map((is) => without((i) => (i & bit) === is)));
      const smaller = await this.#differing([
        without(() => true),
        ...parts,
        ...indices.map((n) => without((i) => i === n)),
      ]);
      const best = smaller.sort((a, b) => nops(b) - nops(a))[0];
      if (!best || nops(best) === nops(found)) break;
      found = best;
    }
    const first = found.spec.words.findIndex((word) => word !== NOP);
    const { pc } = found.spec;
    const tail = { ...found.spec, pc: pc + BigInt(4 * first), words: found.spec.words.slice(first) };
    return (await this.#differing([tail]))[0] ?? found;
  }

  async #differing(specs: CaseSpec[]): Promise<Found[]> {
    const isEndless = (r: SequenceResult): boolean => STOPS[r.state[WORD.stop]] === "too long";
    const candidates = specs.map((spec) => ({ spec, c: makeCase(spec) }))
      .map(({ spec, c }) => ({ spec, c, ours: this.#runOurs(spec, c) })).filter(({ ours }) => !isEndless(ours));
    const judged = await this.#judge.run(this.#memory, candidates.map(({ c }) => c));
    return candidates.flatMap(({ spec, c, ours }, i) => {
      const theirs = judged[i];
      return theirs === null || isEndless(theirs) || isAlike(c, ours, theirs) ? [] : [{ spec, ours, theirs }];
    });
  }
}

function nops({ spec }: Found): number {
  return spec.words.filter((word) => word === NOP).length;
}

interface Found {
  readonly spec: CaseSpec;
  readonly ours: SequenceResult;
  readonly theirs: SequenceResult;
}

/** The outcome as text: counts, then the differences by row. */
export function describeOutcome(o: Outcome): string {
  const stops = [...o.stops].map(([stop, count]) => `${count} ${stop}`).join(", ");
  const lines = [
    `seed ${o.seed}: ${o.cases} cases of ${o.words} instructions (${stops}; ${o.endless} endless, ${o.astray} astray and ${o.unjudged} that end the judge left out)`,
  ];
  for (const [reason, count] of o.allowed) lines.push(`allowed ${count}: ${reason}`);
  const all = [...o.differences].sort((a, b) => b[1].count - a[1].count);
  for (const [name, { count, shown }] of all) lines.push(`${name}: ${count} differences`, ...shown);
  if (all.length === 0) lines.push("no differences");
  return lines.join("\n");
}
