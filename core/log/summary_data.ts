import type { FirstLines, LineCounts } from "./log_reader.ts";

export interface NamedCount {
  readonly name: string;
  readonly count: number;
}
/** A kind or rule, by verdict. */
export interface VerdictCount extends NamedCount {
  readonly verdicts: Readonly<Record<string, number>>;
}
/** A place, register or function. */
export interface SubjectCount extends NamedCount {
  readonly kind: string;
  readonly refused: number;
  /** By r, w and x. */
  readonly accesses: Readonly<Record<string, number>>;
}
/** A vCPU, by kind. */
export interface VcpuCount extends NamedCount {
  readonly kinds: Readonly<Record<string, number>>;
}
/** A class of guest exceptions, with the last of them. Addresses are hexadecimal. */
export interface ExceptionCount extends NamedCount {
  readonly reported: number;
  readonly lastNs: number;
  readonly pc: string;
  readonly syndrome: string;
  readonly far: string;
}
/** Stage 2 faults of one sort: access, fault, region and intent. */
export interface FaultCount extends NamedCount {
  readonly lastIpa: string;
}
/** How late the interrupts of a timer came, in nanoseconds; and how far its count moved against the physical one. */
export interface TimerCount extends NamedCount {
  readonly meanNs: number;
  readonly p99Ns: number;
  readonly maxNs: number;
  readonly offsetTicks: number;
  readonly offsetChangeTicks: number;
}
/** Counts over time, by kind. */
export interface TimelineData {
  readonly widthNs: number;
  readonly total: readonly number[];
  readonly series: Readonly<Record<string, readonly number[]>>;
  readonly refused: readonly number[];
}
/** Counts of places, registers and functions over time. */
export interface HeatData {
  readonly widthNs: number;
  readonly rows: readonly { readonly kind: string; readonly name: string; readonly counts: readonly number[] }[];
}

/** All that `ariel log decode` says of a log. Lists have the most frequent first. */
export interface Summary {
  /** What the log's first line says, if it has one. */
  readonly header: Readonly<Record<string, string | number>> | null;
  readonly counts: LineCounts;
  readonly firstLines: FirstLines;
  /** Records that were taken; those that a filter left out are not. */
  readonly records: number;
  /** Guest time. */
  readonly firstNs: number;
  readonly lastNs: number;
  readonly perSecond: number;
  readonly peakPerSecond: number;
  readonly peakNs: number;
  readonly kinds: readonly VerdictCount[];
  readonly verdicts: readonly NamedCount[];
  readonly rules: readonly VerdictCount[];
  readonly vcpus: readonly VcpuCount[];
  readonly addresses: readonly SubjectCount[];
  readonly registers: readonly SubjectCount[];
  readonly calls: readonly SubjectCount[];
  /** Instructions that trapped, by address. */
  readonly sites: readonly NamedCount[];
  readonly exceptions: readonly ExceptionCount[];
  readonly faults: readonly FaultCount[];
  readonly timers: readonly TimerCount[];
  readonly errors: readonly NamedCount[];
  readonly timeline: TimelineData;
  readonly heat: HeatData;
  /** The first records that were not simply allowed, as lines of JSON. */
  readonly samples: readonly string[];
}
