import { FIELD } from "./fields.ts";
import type { LogRecord } from "./log_record.ts";
import type { ExceptionCount, FaultCount, TimerCount } from "./summary_data.ts";

/** Classes, faults and timers that are told apart. */
const ENTRIES_MAX = 256;
/** Lateness is counted by its power of two. */
const LATENESS_BITS = 33;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface TimerTally {
  readonly name: string;
  count: number;
  sumNs: number;
  maxNs: number;
  readonly byBits: Float64Array;
  offset: bigint;
  readonly firstOffset: bigint;
}

/** What happened rarely and is worth more than a count: guest exceptions, stage 2 faults, timer interrupts. */
export class EventTally {
  readonly #exceptions = new Map<string, Mutable<ExceptionCount>>();
  readonly #faults = new Map<string, Mutable<FaultCount>>();
  readonly #timers = new Map<string, TimerTally>();

  record(record: LogRecord): void {
    switch (record.kind) {
      case "exception":
        return this.#exception(record);
      case "abort":
        return this.#fault(record);
      case "timer":
        return this.#timer(record);
    }
  }

  #exception(record: LogRecord): void {
    const entry = find(this.#exceptions, record.text(FIELD.what), (name) => ({
      name,
      count: 0,
      reported: 0,
      lastNs: 0,
      pc: "",
      syndrome: "",
      far: "",
    }));
    entry.count++;
    if (record.has(FIELD.reported)) entry.reported++;
    entry.lastNs = record.number(FIELD.t);
    entry.pc = hex(record, FIELD.pc);
    entry.syndrome = hex(record, FIELD.syndrome);
    entry.far = hex(record, FIELD.far);
  }

  #fault(record: LogRecord): void {
    const { access, fault, intent } = record.subject;
    const region = record.has(FIELD.region) ? record.text(FIELD.region) : "unknown";
    const walk = record.has(FIELD.s1ptw) ? " of a table walk" : "";
    const name = `${fault} on ${access}${walk} in ${region}: ${intent}`;
    const entry = find(this.#faults, name, (name) => ({ name, count: 0, lastIpa: "" }));
    entry.count++;
    entry.lastIpa = hex(record, FIELD.ipa);
  }

  #timer(record: LogRecord): void {
    const offset = record.has(FIELD.off) ? record.bigint(FIELD.off) : 0n;
    const entry = find(this.#timers, record.text(FIELD.what), (name) => ({
      name,
      count: 0,
      sumNs: 0,
      maxNs: 0,
      byBits: new Float64Array(LATENESS_BITS),
      offset,
      firstOffset: offset,
    }));
    const lateNs = record.has(FIELD.late) ? record.number(FIELD.late) : 0;
    entry.count++;
    entry.sumNs += lateNs;
    entry.maxNs = Math.max(entry.maxNs, lateNs);
    entry.byBits[32 - Math.clz32(Math.min(lateNs, 0xffff_ffff))]++;
    entry.offset = offset;
  }

  summary(): { exceptions: ExceptionCount[]; faults: FaultCount[]; timers: TimerCount[] } {
    const byCount = (a: { count: number }, b: { count: number }) => b.count - a.count;
    return {
      exceptions: [...this.#exceptions.values()].sort(byCount),
      faults: [...this.#faults.values()].sort(byCount),
      timers: [...this.#timers.values()].sort(byCount).map((t) => ({
        name: t.name,
        count: t.count,
        meanNs: t.sumNs / t.count,
        p99Ns: quantile(t, 0.99),
        maxNs: t.maxNs,
        offsetTicks: Number(t.offset),
        offsetChangeTicks: Number(t.offset - t.firstOffset),
      })),
    };
  }
}

/** The entry of a name; what comes when there are too many shares one. */
function find<T>(map: Map<string, T>, name: string, make: (name: string) => T): T {
  const key = map.has(name) || map.size < ENTRIES_MAX ? name : "(others)";
  let entry = map.get(key);
  if (entry === undefined) map.set(key, entry = make(key));
  return entry;
}

/** A lateness that so large a part does not exceed, as exact as powers of two are. */
function quantile({ byBits, count, maxNs }: TimerTally, part: number): number {
  let seen = 0;
  for (let bits = 0; bits < LATENESS_BITS; bits++) {
    seen += byBits[bits];
    if (seen >= part * count) return Math.min(2 ** bits - 1, maxNs);
  }
  return maxNs;
}

function hex(record: LogRecord, field: number): string {
  return record.has(field) ? `0x${record.bigint(field).toString(16)}` : "";
}
