import { MEANINGS } from "../../core/a64/table.ts";
import { FlatMachine } from "../oracle/flat_machine.ts";
import { SequenceJudge, type SequenceResult, STOPS, WORD } from "../oracle/sequence.ts";
import { CaseGenerator } from "./case_generator.ts";
import { type CaseSpec, formatSpec, makeCase, parseSpec, runOptions } from "./case_spec.ts";
import { describeResult, isEqual } from "./differences.ts";
import { initialMemory } from "./inputs.ts";

/*
 * Recorded vectors: a line for each case, which is its spec, a bar, and what another implementation changed. Only cases
 * on which we agreed are recorded. To record anew: deno run -A tests/vectors/recorded.ts
 */

const VECTORS = new URL("./random.txt", import.meta.url);
const SEED = 1, SEQUENCES = 200;

const hex = (values: BigUint64Array): string => Array.from(values, (value) => value.toString(16)).join(" ");

/** The cases whose result is not what was recorded, in words. */
export async function recordedDifferences(tier: string): Promise<string[]> {
  const lines = (await Deno.readTextFile(VECTORS)).trim().split("\n").filter((line) => !line.startsWith("#"));
  const keys = BigUint64Array.from(lines[0].split(" ").slice(1), (key) => BigInt(`0x${key}`));
  const machine = new FlatMachine(initialMemory(), MEANINGS, tier);
  machine.setKeys(keys);
  return lines.slice(1).flatMap((line) => {
    const [text, expected] = line.split(" | "), spec = parseSpec(text), c = makeCase(spec);
    const ours = describeResult(c, machine.run(c, runOptions(spec)));
    return ours === expected ? [] : [`${text}\n  ours  ${ours}\n  judge ${expected}`];
  });
}

/** A case of a word of every row and every mnemonic's shapes, as far as the limit goes, and some sequences. */
function* casesToRecord(generator: CaseGenerator): Generator<CaseSpec> {
  for (const word of generator.shapeWords(SHAPES_PER_ROW)) yield generator.single(word);
  for (let i = 0; i < SEQUENCES; i++) yield generator.sequence();
}
const SHAPES_PER_ROW = 2;

async function record(judge: SequenceJudge): Promise<void> {
  const memory = initialMemory(), machine = new FlatMachine(memory, MEANINGS);
  machine.setKeys(judge.keys);
  const specs: CaseSpec[] = [], ours: SequenceResult[] = [];
  for (const spec of casesToRecord(new CaseGenerator(SEED, () => machine))) {
    const result = machine.run(makeCase(spec), runOptions(spec));
    if (STOPS[result.state[WORD.stop]] === "too long" || machine.isAstray) continue;
    specs.push(spec);
    ours.push(result);
  }
  const judged = await judge.run(memory, specs.map(makeCase));
  const lines = specs.flatMap((spec, i) => {
    const theirs = judged[i];
    if (theirs === null || !isEqual(ours[i], theirs)) return [];
    return [`${formatSpec(spec)} | ${describeResult(makeCase(spec), theirs)}`];
  });
  const head = ["# Keys; then PC, seed of the inputs, words and registers of a case, and what it changed"];
  await Deno.writeTextFile(VECTORS, [...head, `keys ${hex(judge.keys)}`, ...lines].join("\n") + "\n");
}

if (import.meta.main) {
  await using judge = await SequenceJudge.open();
  await record(judge);
}
