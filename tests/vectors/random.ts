import { parseArgs } from "@std/cli";
import { SequenceJudge } from "../oracle/sequence.ts";
import { parseSpec } from "./case_spec.ts";
import { Comparison, describeOutcome } from "./comparison.ts";

/*
 * Compares random instructions with another emulator:
 *   deno run -A tests/vectors/random.ts [--cases 1000000] [--seed N] [--tier interpreter] [--shown 2]
 *   [--shapes | --case "PC SEED WORDS..."]
 */

const args = parseArgs(Deno.args, { string: ["cases", "seed", "tier", "case", "shown"], boolean: ["shapes"] });
const seed = Number(args.seed ?? Date.now() % 1e9), tier = args.tier ?? "interpreter";
if (!SequenceJudge.isPresent()) {
  console.error("Cannot compare as qemu-aarch64 or aarch64-linux-gnu-gcc is missing");
  Deno.exit(2);
}
await using judge = await SequenceJudge.open();
const comparison = new Comparison(judge, seed, tier, Number(args.shown ?? 2));
console.log(`seed ${seed}`);
const started = performance.now();
const outcome = args.case
  ? await comparison.specs([parseSpec(args.case)])
  : args.shapes
  ? await comparison.shapes()
  : await comparison.random(Number(args.cases ?? 1_000_000), (o) => {
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.error(`${seconds} s: ${o.cases} cases, ${o.differences.size} rows differ`);
  });
console.log(describeOutcome(outcome));
if (outcome.differences.size > 0) Deno.exitCode = 1;
