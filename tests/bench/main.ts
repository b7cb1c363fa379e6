import { parseArgs } from "@std/cli";
import $ from "dax";
import { V8_FLAGS } from "../../core/release/v8_flags.ts";
import { compareGuests, type GuestFigures, meanSpeed, missing } from "./guests.ts";

/*
 * deno task bench: all micro-benchmarks and the comparison with QEMU, beside the committed baseline.
 *   deno task bench [--micro | --guests] [--rounds 3] [--filter TEXT] [--json FILE] [--update]
 * The comparison needs qemu-system-aarch64, aarch64-linux-gnu-gcc and the environment's ARIEL_REAL; ARIEL_BINARY names a
 * compiled program to be measured instead of the source. --update makes these results the baseline.
 */

/** Results, as they are written. */
export interface Results {
  readonly cpu: string;
  readonly runtime: string;
  /** Nanoseconds each, the least of all iterations, by name. */
  readonly micro: Readonly<Record<string, number>>;
  readonly guests: GuestFigures;
}

const BASELINE = new URL("./baseline.json", import.meta.url);
const ROOT = new URL("../..", import.meta.url).pathname;

interface BenchOutput {
  readonly cpu: string;
  readonly runtime: string;
  readonly benches: readonly {
    readonly name: string;
    readonly results: readonly { readonly ok?: { readonly min: number } }[];
  }[];
}

/** A benchmark's name is "COUNT x WHAT": what is counted, and how many of it an iteration has. */
export function perUnit(name: string, nanoseconds: number): [name: string, nanoseconds: number] {
  const m = /^([\d,]+) x (.*)$/.exec(name);
  return m ? [m[2], nanoseconds / Number(m[1].replaceAll(",", ""))] : [name, nanoseconds];
}

async function microBenchmarks(filter: string | undefined): Promise<Omit<Results, "guests">> {
  const only = filter ? ["--filter", filter] : [];
  const bench = $`${Deno.execPath()} bench --allow-all ${V8_FLAGS} --json ${only}`.cwd(ROOT).noThrow();
  const { cpu, runtime, benches } = await bench.json<BenchOutput>();
  const micro: Record<string, number> = {};
  for (const { name, results } of benches) {
    const least = results[0].ok?.min;
    if (least === undefined) {
      console.log(`${name}: FAILED`);
      Deno.exitCode = 1;
      continue;
    }
    const [unit, nanoseconds] = perUnit(name, least);
    micro[unit] = Number(nanoseconds.toPrecision(4));
  }
  return { cpu, runtime, micro };
}

function readBaseline(): Results | null {
  try {
    return JSON.parse(Deno.readTextFileSync(BASELINE));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

const figure = (value: number, digits = 2): string => Number.isFinite(value) ? value.toFixed(digits) : "none";

/** Name, now, then, and how many times as fast it is now. */
function printMicro(results: Results, baseline: Results | null): void {
  console.log(
    `\n${"nanoseconds each".padEnd(84)} ${"now".padStart(10)} ${"baseline".padStart(10)} ${"speed".padStart(7)}`,
  );
  for (const [name, now] of Object.entries(results.micro)) {
    const then = baseline?.micro[name] ?? NaN;
    console.log(
      `${name.padEnd(84)} ${figure(now).padStart(10)} ${figure(then).padStart(10)} ${figure(then / now).padStart(7)}`,
    );
  }
}

function printGuests(guests: GuestFigures, baseline: Results | null): void {
  const head = ["qemu s", "ariel s", "speed", "baseline"].map((title) => title.padStart(10)).join("");
  console.log(`\n${"".padEnd(12)}${head}`);
  for (const [name, { qemu, ariel }] of Object.entries(guests)) {
    const then = baseline?.guests[name];
    const columns = [
      figure(qemu, 3),
      figure(ariel, 3),
      figure(qemu / ariel),
      figure(then ? then.qemu / then.ariel : NaN),
    ];
    console.log(`${name.padEnd(12)}${columns.map((column) => column.padStart(10)).join("")}`);
  }
  const then = baseline && Object.keys(baseline.guests).length > 0 ? meanSpeed(baseline.guests) : NaN;
  console.log(
    `geometric mean of the workloads: ${figure(meanSpeed(guests))} times QEMU's speed, baseline ${figure(then)}`,
  );
}

async function main(): Promise<void> {
  const args = parseArgs(Deno.args, {
    string: ["rounds", "filter", "json"],
    boolean: ["micro", "guests", "update"],
  });
  const baseline = readBaseline();
  let results: Results = { cpu: "", runtime: "", micro: {}, guests: {} };
  if (!args.guests) {
    results = { ...results, ...await microBenchmarks(args.filter) };
    printMicro(results, baseline);
  }
  if (!args.micro) {
    const why = missing();
    if (why !== null) console.log(`\nNo comparison with QEMU: ${why}`);
    else {
      const guests = await compareGuests(Number(args.rounds ?? 3), (text) => console.error(text));
      results = { ...results, guests };
      printGuests(guests, baseline);
    }
  }
  const text = JSON.stringify(results, null, 2) + "\n";
  if (args.json) Deno.writeTextFileSync(args.json, text);
  if (args.update) Deno.writeTextFileSync(BASELINE, merged(results, baseline));
}

/** The baseline with what was measured now in place of what stood there. */
function merged(results: Results, baseline: Results | null): string {
  const old = baseline ?? { cpu: "", runtime: "", micro: {}, guests: {} };
  const next: Results = {
    cpu: results.cpu || old.cpu,
    runtime: results.runtime || old.runtime,
    micro: Object.keys(results.micro).length > 0 ? results.micro : old.micro,
    guests: Object.keys(results.guests).length > 0 ? results.guests : old.guests,
  };
  return JSON.stringify(next, null, 2) + "\n";
}

if (import.meta.main) await main();
