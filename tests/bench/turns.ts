/*
 * Costs of traps measured in turns, so that what the machine does beside meets all of them:
 *   deno run --allow-all tests/bench/turns.ts [--rounds 300] "HVC, 1 rule" "HVC, 10,000 rules"
 * The names are those of core/hypervisor/policy_bench.ts. Prints nanoseconds for each trap, and the medians' ratio to
 * the first.
 */

import { parseArgs } from "@std/cli";
import $ from "dax";
import { V8_FLAGS } from "../../core/release/v8_flags.ts";
import { askCase, CASE_NAMES, startCase, TRAPS } from "../../core/hypervisor/policy_bench.ts";

/** Set in the process that measures: V8 is to be told there what it is told in the compiled program. */
const MEASURES = "ARIEL_TURNS";
if (Deno.env.get(MEASURES) === undefined) {
  const { code } = await $`${Deno.execPath()} run --allow-all ${V8_FLAGS} ${import.meta.filename!} ${Deno.args}`
    .env(MEASURES, "1").noThrow();
  Deno.exit(code);
}

const args = parseArgs(Deno.args, { string: ["_", "rounds"], default: { rounds: "300" } });
const names: string[] = args._.map(String), rounds = Number(args.rounds);
const unknown = names.find((name) => !CASE_NAMES.includes(name));
if (names.length === 0 || unknown !== undefined) {
  const what = unknown === undefined ? "No case is named" : `There is no case "${unknown}"`;
  console.error(`turns: ${what}: the cases are ${CASE_NAMES.map((name) => `"${name}"`).join(", ")}`);
  Deno.exit(2);
}
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error(`turns: --rounds is to be a whole number from 1 on, and not "${args.rounds}"`);
  Deno.exit(2);
}
const workers = await Promise.all(names.map(startCase));
const times = workers.map(() => new Float64Array(rounds));
for (let round = 0; round < rounds; round++) {
  for (let i = 0; i < workers.length; i++) {
    const start = performance.now();
    await askCase(workers[i], "run");
    times[i][round] = (performance.now() - start) * 1e6 / TRAPS;
  }
}
for (const worker of workers) worker.terminate();

const quantile = (i: number, part: number) => times[i].toSorted()[Math.floor(part * times[i].length)];
names.forEach((name, i) => {
  const figures = [0, 0.01, 0.5].map((part) => quantile(i, part).toFixed(0).padStart(6));
  const ratio = (quantile(i, 0.5) / quantile(0, 0.5)).toFixed(3);
  console.log(`${name.padEnd(60)} least, 1 %, median: ${figures.join("")} ns   median / first: ${ratio}`);
});
