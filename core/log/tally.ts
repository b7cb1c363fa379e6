import { AddressCounter } from "./address_counter.ts";
import { EventTally } from "./event_tally.ts";
import { FIELD } from "./fields.ts";
import type { LogConsumer } from "./log_reader.ts";
import type { LogRecord } from "./log_record.ts";
import { RECORD_KINDS, VERDICTS } from "./record_layout.ts";
import { recordJson } from "./record_text.ts";
import { TimeHistogram } from "./time_histogram.ts";

export const KINDS = RECORD_KINDS.length, ACTIONS = VERDICTS.length;
const ALLOW = VERDICTS.indexOf("allow"), NONE = VERDICTS.indexOf("none");
const IS_REFUSED = VERDICTS.map((v) => v === "deny" || v === "pause" || v === "kill");

/** Intervals of the timeline and of the heat map. */
const TIMELINE_INTERVALS = 512, HEAT_INTERVALS = 256;
/** Places that are followed over time. */
const HEAT_ROWS_MAX = 1024;
/** From this number on, vCPUs are counted as one. */
export const VCPUS_MAX = 1024;
/** Addresses of instructions that are told apart. */
const SITES_MAX = 1 << 14;
/** Records that were not simply allowed and are kept as they are. */
const SAMPLES_MAX = 500;

/** Counters by index, which grow as they are used. */
export class Counters {
  values = new Float64Array(256);

  add(index: number): void {
    if (index >= this.values.length) {
      const grown = new Float64Array(Math.max(2 * this.values.length, index + 1));
      grown.set(this.values);
      this.values = grown;
    }
    this.values[index]++;
  }
  at(index: number): number {
    return index < this.values.length ? this.values[index] : 0;
  }
}

/** Adds up a log record by record. Memory does not grow with the number of records. */
export class Tally implements LogConsumer {
  records = 0;
  firstNs = Infinity;
  lastNs = 0;
  /** By kind and verdict. */
  readonly kinds = new Counters();
  /** By what and kind: all, and those that were refused. */
  readonly whats = new Counters();
  readonly refusedWhats = new Counters();
  /** By rule and verdict; by vCPU and kind; by error. */
  readonly rules = new Counters();
  readonly vcpus = new Counters();
  readonly errors = new Counters();
  readonly sites = new AddressCounter(SITES_MAX);
  readonly events = new EventTally();
  /** By kind, and behind them what was refused. */
  readonly timeline = new TimeHistogram(TIMELINE_INTERVALS);
  readonly heat = new TimeHistogram(HEAT_INTERVALS);
  /** The heat map's rows by kind and name. */
  readonly heatRows = new Map<string, number>();
  /** Records that were not simply allowed, as lines of JSON. */
  readonly samples: string[] = [];
  firstHeader: Readonly<Record<string, string | number>> | null = null;
  /** A record, whose texts the counters' numbers mean. */
  example: LogRecord | null = null;
  /** By what and kind: the heat map's row and one more; -1 for none. */
  readonly #rowOfWhat: number[] = [];

  header(header: Readonly<Record<string, string | number>>): void {
    this.firstHeader ??= header;
  }

  record(record: LogRecord): void {
    const { words } = record;
    this.example = record;
    this.records++;
    const kind = Math.min(words[2 * FIELD.kind], KINDS - 1);
    const verdict = words[2 * FIELD.verdict] < ACTIONS ? words[2 * FIELD.verdict] : NONE;
    const time = record.number(FIELD.t), what = words[2 * FIELD.what] * KINDS + kind;
    if (time < this.firstNs) this.firstNs = time;
    if (time > this.lastNs) this.lastNs = time;
    this.kinds.add(kind * ACTIONS + verdict);
    this.whats.add(what);
    if (RECORD_KINDS[kind] !== "timer") this.rules.add(words[2 * FIELD.rule] * ACTIONS + verdict);
    this.vcpus.add(Math.min(words[2 * FIELD.vcpu], VCPUS_MAX) * KINDS + kind);
    this.timeline.add(kind, time);
    if (RECORD_KINDS[kind] !== "timer") this.sites.add(words[2 * FIELD.pc], words[2 * FIELD.pc + 1]);
    this.#addHeat(record, what, time);
    if (verdict !== ALLOW && verdict !== NONE) this.#addUnusual(record, what, time, IS_REFUSED[verdict]);
    this.events.record(record);
  }

  /** What was not simply allowed. */
  #addUnusual(record: LogRecord, what: number, time: number, isRefused: boolean): void {
    if (isRefused) {
      this.refusedWhats.add(what);
      this.timeline.add(KINDS, time);
    }
    if (record.has(FIELD.error)) this.errors.add(record.textId(FIELD.error));
    if (this.samples.length < SAMPLES_MAX) this.samples.push(recordJson(record));
  }

  #addHeat(record: LogRecord, what: number, time: number): void {
    const row = this.#rowOfWhat[what] ?? (this.#rowOfWhat[what] = this.#findRow(record));
    if (row > 0) this.heat.add(row - 1, time);
  }

  #findRow(record: LogRecord): number {
    if (record.textId(FIELD.what) === record.interners[FIELD.what]!.other) return -1;
    const name = `${record.kind} ${record.subject.name}`;
    const known = this.heatRows.get(name);
    if (known !== undefined) return known;
    if (this.heatRows.size === HEAT_ROWS_MAX) return -1;
    const row = this.heatRows.size + 1;
    this.heatRows.set(name, row);
    return row;
  }
}
