import type { Palette } from "./record_text.ts";
import type { NamedCount, SubjectCount, Summary, VerdictCount } from "./summary_data.ts";
import { shownText } from "./quote.ts";

/** Rows of a list before "and so many more". */
const ROWS = 15;
const BLOCKS = "▁▂▃▄▅▆▇█";
/** Characters of the line of rates. */
const SPARK_WIDTH = 64;
/** Labels are cut at this length. */
const LABEL_MAX = 72;

/** A whole number with its thousands apart. */
export function formatCount(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A time in the unit that fits it. */
export function formatNs(ns: number): string {
  if (ns < 1000) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${round(ns / 1e3)} us`;
  return ns < 1e9 ? `${round(ns / 1e6)} ms` : `${round(ns / 1e9)} s`;
}

function round(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** What a summary says, for reading on a terminal. */
export function summaryText(s: Summary, palette: Palette): string {
  const sections = [
    overview(s, palette),
    rates(s, palette),
    table(palette, "By kind", s.kinds, verdictsOf),
    table(palette, "By rule", s.rules, verdictsOf),
    s.vcpus.length > 1 ? table(palette, "By vCPU", s.vcpus, (v) => pairs(v.kinds)) : "",
    table(palette, "Addresses", s.addresses, subjectOf),
    table(palette, "System registers", s.registers, subjectOf),
    table(palette, "Calls and waits", s.calls, (c) => [c.kind, subjectOf(c)].filter((part) => part !== "").join(", ")),
    table(palette, "Instructions that trapped most", s.sites.slice(0, ROWS), () => ""),
    table(
      palette,
      "Guest exceptions",
      s.exceptions,
      (e) => `last at ${formatNs(e.lastNs)}: pc=${e.pc} syndrome=${e.syndrome} far=${e.far}`,
    ),
    table(palette, "Stage 2 faults", s.faults, (f) => `last ipa=${f.lastIpa}`),
    table(
      palette,
      "Timer interrupts, and how late they came",
      s.timers,
      (t) =>
        `mean ${formatNs(t.meanNs)}, 99% within ${formatNs(t.p99Ns)}, at most ${formatNs(t.maxNs)}; ` +
        `count ${formatCount(t.offsetTicks)} ticks behind the physical one` +
        (t.offsetChangeTicks === 0 ? ", no drift" : `, drifted by ${formatCount(t.offsetChangeTicks)}`),
    ),
    table(palette, "Errors of policies", s.errors, () => ""),
  ];
  return sections.filter((section) => section !== "").join("\n");
}

function overview(s: Summary, { bold, warn, bad, dim }: Palette): string {
  const { counts: c, firstLines: first } = s;
  const lines = [
    `${bold(formatCount(s.records))} records${s.records === c.records ? "" : ` of ${formatCount(c.records)}`} in ${
      formatCount(c.lines)
    } lines${
      s.header
        ? dim(`  (${pairs(s.header)})`)
        : c.records > 0
        ? warn("  (without a first line: the schema is guessed)")
        : ""
    }`,
  ];
  const verdicts = s.verdicts.map(({ name, count }) => `${name} ${formatCount(count)}`).join(", ");
  if (verdicts !== "") lines.push(`Verdicts: ${verdicts}`);
  const say = (count: number, text: string, where = 0) => {
    if (count > 0) lines.push(warn(`${formatCount(count)} ${text}${where > 0 ? `, the first at line ${where}` : ""}`));
  };
  if (c.foreign > 0) lines.push(dim(`${formatCount(c.foreign)} lines of something else`));
  say(c.interleaved, "lines that a record shares with something else", first.interleaved);
  say(c.damaged, "damaged records", first.damaged);
  say(c.truncated, "truncated records", first.truncated);
  say(c.missing, "records missing in the capture");
  if (c.lost > 0) lines.push(bad(`${formatCount(c.lost)} records lost when the log was written`));
  if (c.restarts > 0) lines.push(`The guest or the log began anew ${formatCount(c.restarts)} times`);
  return lines.join("\n") + "\n";
}

function rates(s: Summary, { bold }: Palette): string {
  if (s.records === 0) return "";
  const { total, widthNs } = s.timeline;
  const step = Math.max(1, Math.ceil(total.length / SPARK_WIDTH)), sums: number[] = [];
  for (let i = 0; i < total.length; i += step) sums.push(total.slice(i, i + step).reduce((a, b) => a + b, 0));
  const most = Math.max(...sums);
  const spark = sums.map((n) => n === 0 ? " " : BLOCKS[Math.min(7, Math.floor(n / most * 8))]).join("");
  return [
    bold("Over guest time"),
    `  ${formatCount(s.perSecond)} a second from ${formatNs(s.firstNs)} to ${formatNs(s.lastNs)}; ` +
    `at most ${formatCount(s.peakPerSecond)} a second, at ${formatNs(s.peakNs)}`,
    `  |${spark}| ${formatNs(step * widthNs)} a column`,
    "",
  ].join("\n");
}

function verdictsOf({ verdicts, count }: VerdictCount): string {
  return Object.values(verdicts)[0] === count ? Object.keys(verdicts)[0] : pairs(verdicts);
}

function subjectOf({ accesses, refused }: SubjectCount): string {
  const names: Readonly<Record<string, string>> = { r: "read", w: "written", x: "executed" };
  const parts = Object.entries(accesses).map(([access, n]) => `${names[access] ?? access} ${formatCount(n)}`);
  if (refused > 0) parts.push(`refused ${formatCount(refused)}`);
  return parts.join(", ");
}

function pairs(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values).map(([key, value]) =>
    `${key} ${typeof value === "number" ? formatCount(value) : shownText(value)}`
  ).join(", ");
}

/** A list under a heading: counts, names, and a remark on each. "" when there is nothing. */
function table<T extends NamedCount>(
  { bold, dim }: Palette,
  title: string,
  all: readonly T[],
  remark: (entry: T) => string,
): string {
  if (all.length === 0) return "";
  const rows = all.slice(0, ROWS);
  const labels = rows.map(({ name }) => {
    const label = shownText(name);
    return label.length > LABEL_MAX ? label.slice(0, LABEL_MAX - 1) + "…" : label;
  });
  const width = Math.max(...labels.map((label) => label.length));
  const counts = rows.map(({ count }) => formatCount(count)), countWidth = Math.max(...counts.map((c) => c.length));
  const lines = rows.map((entry, n) =>
    `  ${counts[n].padStart(countWidth)}  ${labels[n].padEnd(width)}  ${dim(remark(entry))}`.trimEnd()
  );
  const rest = all.length - rows.length;
  if (rest > 0) lines.push(dim(`  and ${formatCount(rest)} more`));
  return [bold(title), ...lines, ""].join("\n");
}
