import { FIELD } from "./fields.ts";
import type { LogReader } from "./log_reader.ts";
import { parseWhat } from "./log_record.ts";
import { RECORD_KINDS, VERDICTS } from "./record_layout.ts";
import type {
  HeatData,
  NamedCount,
  SubjectCount,
  Summary,
  TimelineData,
  VcpuCount,
  VerdictCount,
} from "./summary_data.ts";
import { ACTIONS, KINDS, type Tally, VCPUS_MAX } from "./tally.ts";

/** Rows of the list of instructions, and of the heat map: of places, registers and the rest each. */
const SITES = 100, HEAT_ROWS = 40;
const OTHERS = "(others)";

/** What was counted, in the order in which it is worth reading. */
export function summarize(tally: Tally, reader: LogReader): Summary {
  const timeline = timelineOf(tally), { total, widthNs } = timeline;
  const peak = total.reduce((best, count, n) => count > total[best] ? n : best, 0);
  const seconds = tally.records > 0 ? (tally.lastNs - tally.firstNs) / 1e9 : 0;
  const subjects = subjectsOf(tally);
  const ofKinds = (...kinds: string[]) => subjects.filter((s) => kinds.includes(s.kind));
  const kinds = byVerdict(tally.kinds.values, (n) => RECORD_KINDS[n]);
  return {
    header: tally.firstHeader,
    counts: reader.counts,
    firstLines: reader.firstLines,
    records: tally.records,
    firstNs: tally.records > 0 ? tally.firstNs : 0,
    lastNs: tally.lastNs,
    perSecond: seconds > 0 ? tally.records / seconds : 0,
    peakPerSecond: total.length > 0 ? total[peak] / (widthNs / 1e9) : 0,
    peakNs: peak * widthNs,
    kinds,
    verdicts: VERDICTS.map((name) => ({ name, count: kinds.reduce((sum, k) => sum + (k.verdicts[name] ?? 0), 0) }))
      .filter((v) => v.count > 0).sort(byCount),
    rules: byVerdict(tally.rules.values, (id) => textOf(tally, FIELD.rule, id)),
    vcpus: vcpusOf(tally),
    addresses: ofKinds("mmio", "abort"),
    registers: ofKinds("sysreg"),
    calls: ofKinds("hypercall", "smc", "wfx"),
    sites: tally.sites.top(SITES).map(({ lo, hi, count }) => ({ name: `0x${digits(hi)}${digits(lo)}`, count })),
    ...tally.events.summary(),
    errors: errorsOf(tally),
    timeline,
    heat: heatOf(tally),
    samples: tally.samples,
  };
}

function digits(word: number): string {
  return word.toString(16).padStart(8, "0");
}

function byCount(a: NamedCount, b: NamedCount): number {
  return b.count - a.count || (a.name < b.name ? -1 : 1);
}

function textOf({ example }: Tally, field: number, id: number): string {
  const interner = example!.interners[field]!;
  return id === interner.other ? OTHERS : interner.text(id);
}

/** Takes a table of counts by something and verdict apart. */
function byVerdict(values: Float64Array, name: (row: number) => string): VerdictCount[] {
  const result: VerdictCount[] = [];
  for (let row = 0; row * ACTIONS < values.length; row++) {
    const counts = values.subarray(row * ACTIONS, (row + 1) * ACTIONS);
    const count = counts.reduce((a, b) => a + b, 0);
    if (count > 0) result.push({ name: name(row), count, verdicts: named(counts, VERDICTS) });
  }
  return result.sort(byCount);
}

function named(counts: Float64Array, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.flatMap((name, n) => counts[n] > 0 ? [[name, counts[n]]] : []));
}

function vcpusOf({ vcpus: { values } }: Tally): VcpuCount[] {
  const result: VcpuCount[] = [];
  for (let vcpu = 0; vcpu * KINDS < values.length; vcpu++) {
    const counts = values.subarray(vcpu * KINDS, (vcpu + 1) * KINDS);
    const count = counts.reduce((a, b) => a + b, 0);
    const name = vcpu === VCPUS_MAX ? `${VCPUS_MAX} and on` : String(vcpu);
    if (count > 0) result.push({ name, count, kinds: named(counts, RECORD_KINDS) });
  }
  return result;
}

/** All places, registers and functions, reads and writes of one together. */
function subjectsOf(tally: Tally): SubjectCount[] {
  const byName = new Map<string, SubjectCount & { count: number; refused: number; accesses: Record<string, number> }>();
  tally.whats.values.forEach((count, index) => {
    if (count === 0) return;
    const kind = RECORD_KINDS[index % KINDS], what = textOf(tally, FIELD.what, Math.floor(index / KINDS));
    const { name, access } = parseWhat(kind, what);
    const entry = byName.get(`${kind} ${name}`) ?? { kind, name, count: 0, refused: 0, accesses: {} };
    entry.count += count;
    entry.refused += tally.refusedWhats.at(index);
    if (access !== "") entry.accesses[access] = (entry.accesses[access] ?? 0) + count;
    byName.set(`${kind} ${name}`, entry);
  });
  return [...byName.values()].sort(byCount);
}

function errorsOf(tally: Tally): NamedCount[] {
  const result: NamedCount[] = [];
  tally.errors.values.forEach((count, id) => {
    if (count > 0) result.push({ name: textOf(tally, FIELD.error, id), count });
  });
  return result.sort(byCount);
}

function timelineOf({ timeline }: Tally): TimelineData {
  const used = timeline.used, total = new Array<number>(used).fill(0);
  const series: Record<string, readonly number[]> = {};
  RECORD_KINDS.forEach((kind, k) => {
    const counts = [...timeline.row(k).subarray(0, used)];
    if (counts.some((n) => n > 0)) series[kind] = counts;
    counts.forEach((n, i) => total[i] += n);
  });
  return { widthNs: timeline.widthNs, total, series, refused: [...timeline.row(KINDS).subarray(0, used)] };
}

function heatOf({ heat, heatRows }: Tally): HeatData {
  const used = heat.used;
  const rows = [...heatRows].map(([label, row]) => {
    const counts = [...heat.row(row - 1).subarray(0, used)], space = label.indexOf(" ");
    return {
      kind: label.slice(0, space),
      name: label.slice(space + 1),
      count: counts.reduce((a, b) => a + b, 0),
      counts,
    };
  });
  rows.sort(byCount);
  const places = rows.filter((r) => r.kind === "mmio" || r.kind === "abort");
  const registers = rows.filter((r) => r.kind === "sysreg");
  const others = rows.filter((r) => !places.includes(r) && !registers.includes(r));
  return { widthNs: heat.widthNs, rows: [places, registers, others].flatMap((group) => group.slice(0, HEAT_ROWS)) };
}
