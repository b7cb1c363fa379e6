import { JSON_MARKER, LineParser, startsWith, TEXT_MARKER } from "./line_parser.ts";
import type { LogRecord } from "./log_record.ts";
import { FIELD } from "./fields.ts";

/** A line that is longer is cut: no line of a log is. */
const LINE_MAX_BYTES = 1 << 16;
/** What is not searched for lines, by its first bytes. */
const FORMS: readonly { readonly magic: Uint8Array; readonly what: string }[] = [
  { magic: Uint8Array.of(0x1f, 0x8b), what: "packed by gzip" },
  { magic: Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), what: "packed by xz" },
  { magic: Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd), what: "packed by zstd" },
  { magic: Uint8Array.of(0x42, 0x5a, 0x68), what: "packed by bzip2" },
  { magic: Uint8Array.of(0x50, 0x4b, 3, 4), what: "packed by zip" },
  { magic: Uint8Array.of(0xff, 0xfe), what: "text in UTF-16" },
  { magic: Uint8Array.of(0xfe, 0xff), what: "text in UTF-16" },
];
const NEWLINE = 0x0a, RETURN = 0x0d, BRACKET = 0x5b, BRACE = 0x7b;

/** What was found in a capture, by lines and by records. */
export interface LineCounts {
  /** All lines. */
  lines: number;
  records: number;
  /** First lines, last lines, and those that say that records were lost. */
  control: number;
  /** Lines of someone else. */
  foreign: number;
  /** Records that share their line with something else. */
  interleaved: number;
  /** What begins as a record does and is none. */
  damaged: number;
  /** What ends before the record does. */
  truncated: number;
  /** Records that the log itself says it has lost. */
  lost: number;
  /** Records that are neither here nor counted as lost, in a log of all traps. */
  missing: number;
  /** The log begins anew within the capture so often. */
  restarts: number;
}

/** The first line of each kind that was not read well, from 1; 0 when there is none. */
export type FirstLines = Record<"interleaved" | "damaged" | "truncated", number>;

/** Who takes what was read. */
export interface LogConsumer {
  /** The record is reused: what is kept must be copied. */
  record(record: LogRecord): void;
  /** The log's first line. */
  header?(header: Readonly<Record<string, string | number>>): void;
}

/**
 * Reads a log in pieces as they come. A capture may hold anything beside: what is no record is counted and passed over.
 */
export class LogReader {
  readonly counts: LineCounts = {
    lines: 0,
    records: 0,
    control: 0,
    foreign: 0,
    interleaved: 0,
    damaged: 0,
    truncated: 0,
    lost: 0,
    missing: 0,
    restarts: 0,
  };
  readonly firstLines: FirstLines = { interleaved: 0, damaged: 0, truncated: 0 };
  /** Bytes read. */
  bytes = 0;
  /** What the capture is by its first bytes where no log can be read out of it, such as "packed by gzip"; or null. */
  form: string | null = null;
  readonly #consumer: LogConsumer;
  readonly #parser = new LineParser();
  /** The end of the last piece, which has no line end yet. */
  #rest = new Uint8Array(2 * LINE_MAX_BYTES);
  #restLength = 0;
  #isCut = false;
  /** In what has been read of a line that was cut, or in the last line, nothing is ours. */
  #isForeign = false;
  /** Where the next bracket and brace are, at or behind what has been read of the piece. */
  #bracket = -1;
  #brace = -1;
  /** The log says that it has all traps. */
  #isComplete = false;
  #lastSeq = 0;
  #lostSince = 0;
  /** Records that this log has said to be lost: a capture may hold several logs. */
  #lostInLog = 0;

  constructor(consumer: LogConsumer) {
    this.#consumer = consumer;
  }

  /** Reads a piece; it may end anywhere. */
  push(piece: Uint8Array<ArrayBuffer>): void {
    if (this.bytes === 0) {
      this.form = FORMS.find(({ magic }) => startsWith(piece, 0, piece.length, magic))?.what ?? null;
    }
    this.bytes += piece.length;
    let start = 0;
    if (this.#restLength > 0) {
      const end = piece.indexOf(NEWLINE);
      start = end < 0 ? piece.length : end + 1;
      this.#keep(piece.subarray(0, start));
      if (end < 0) return;
      this.#readRest();
    }
    this.#bracket = this.#brace = -1;
    for (let end = piece.indexOf(NEWLINE, start); end >= 0; end = piece.indexOf(NEWLINE, start)) {
      this.#line(piece, start, end);
      start = end + 1;
    }
    this.#keep(piece.subarray(start));
  }

  /** Reads what is left after the last piece. */
  end(): void {
    if (this.#restLength > 0) this.#readRest();
  }

  /** Keeps what has no line end; of a line that is too long, a part is read as a line. */
  #keep(bytes: Uint8Array): void {
    let from = 0;
    while (this.#restLength + bytes.length - from > LINE_MAX_BYTES) {
      const part = bytes.subarray(from, from + LINE_MAX_BYTES - this.#restLength);
      this.#rest.set(part, this.#restLength);
      this.#restLength += part.length;
      from += part.length;
      this.#readRest();
      this.#isCut = true;
    }
    this.#rest.set(bytes.subarray(from), this.#restLength);
    this.#restLength += bytes.length - from;
  }

  #readRest(): void {
    const length = this.#restLength;
    this.#restLength = 0;
    this.#bracket = this.#brace = -1;
    const end = this.#rest[length - 1] === NEWLINE ? length - 1 : length;
    this.#line(this.#rest, 0, end, length);
  }

  /** @param limit end of what `bytes` hold, behind the line. */
  #line(bytes: Uint8Array<ArrayBuffer>, start: number, lineEnd: number, limit = bytes.length): void {
    const isContinued = this.#isCut;
    this.#isCut = false;
    if (!isContinued) this.counts.lines++;
    const end = lineEnd > start && bytes[lineEnd - 1] === RETURN ? lineEnd - 1 : lineEnd;
    let at = start, found = 0, hasForeign = false;
    for (;;) {
      const marker = this.#marker(bytes, at, end, limit);
      if (marker < 0) break;
      if (marker > at) hasForeign = true;
      found++;
      at = this.#item(bytes, marker, end);
    }
    if (found === 0) {
      if (!isContinued) this.counts.foreign++;
      this.#isForeign ||= !isContinued;
      return;
    }
    if (isContinued && this.#isForeign) {
      this.counts.foreign--;
      hasForeign = true;
    }
    this.#isForeign = false;
    if (at < end || hasForeign || found > 1) this.#shared();
  }

  #shared(): void {
    this.counts.interleaved++;
    this.firstLines.interleaved ||= this.counts.lines;
  }

  /** Where the next thing of ours begins, or -1. */
  #marker(bytes: Uint8Array, at: number, end: number, limit: number): number {
    for (let from = at; from < end; from++) {
      if (this.#bracket < from) this.#bracket = indexOf(bytes, BRACKET, from, limit);
      if (this.#brace < from) this.#brace = indexOf(bytes, BRACE, from, limit);
      from = Math.min(this.#bracket, this.#brace);
      if (from >= end) return -1;
      if (bytes[from] === BRACKET ? startsWith(bytes, from, end, TEXT_MARKER) : isJsonStart(bytes, from, end)) {
        return from;
      }
    }
    return -1;
  }

  /** Reads what is at a marker, as far as the next one. @returns where it ended. */
  #item(bytes: Uint8Array<ArrayBuffer>, marker: number, end: number): number {
    const isJson = bytes[marker] === BRACE, parser = this.#parser;
    const from = marker + (isJson ? JSON_MARKER.length : TEXT_MARKER.length);
    const parsed = parser.parse(bytes, from, end, isJson);
    if (parsed === "record") {
      this.#sequence(parser.record);
      this.counts.records++;
      this.#consumer.record(parser.record);
      return parser.position;
    }
    // Whatever broke this one off may be the next
    const next = findMarker(bytes, from, end);
    if (parsed === "control" && next < 0) {
      this.#control(parser.control);
      return end;
    }
    const kind = parsed === "truncated" || next >= 0 ? "truncated" : "damaged";
    this.counts[kind]++;
    this.firstLines[kind] ||= this.counts.lines;
    return next < 0 ? end : next;
  }

  #control(control: Readonly<Record<string, string | number>>): void {
    this.counts.control++;
    if ("schema" in control) {
      this.#parser.schema = Number(control.schema);
      if (this.#lastSeq > 0) this.counts.restarts++;
      this.#lastSeq = this.#lostSince = this.#lostInLog = 0;
      this.#isComplete = control.level === "all";
      this.#consumer.header?.(control);
    } else if ("end" in control) {
      // What was lost at the very end is only said here
      this.counts.lost += Math.max(0, Number(control.lost ?? 0) - this.#lostInLog);
      this.counts.missing = Math.max(0, this.counts.missing - Number(control.withheld ?? 0));
    } else {
      this.counts.lost += Number(control.lost);
      this.#lostSince += Number(control.lost);
      this.#lostInLog += Number(control.lost);
    }
  }

  /** Looks for gaps in the numbers. A trap within another has the later number and the earlier record. */
  #sequence(record: LogRecord): void {
    const seq = record.number(FIELD.seq), isTimer = record.has(FIELD.late);
    if (seq > this.#lastSeq) {
      if (this.#isComplete) this.counts.missing += Math.max(0, seq - this.#lastSeq - 1 - this.#lostSince);
      this.#lastSeq = seq;
      this.#lostSince = 0;
    } else if (isTimer) return;
    else if (seq === 1 && this.#lastSeq > 2) {
      this.counts.restarts++;
      this.#lastSeq = 1;
    } else if (this.#isComplete) this.counts.missing = Math.max(0, this.counts.missing - 1);
  }
}

/** As `Uint8Array.indexOf`, with the end where there is none. */
function indexOf(bytes: Uint8Array, value: number, from: number, limit: number): number {
  const at = bytes.indexOf(value, from);
  return at < 0 ? limit : at;
}

const JSON_STARTS = ["seq", "schema", "lost", "end"].map((key) => new TextEncoder().encode(`{"${key}":`));

function isJsonStart(bytes: Uint8Array, at: number, end: number): boolean {
  return JSON_STARTS.some((start) => startsWith(bytes, at, end, start));
}

/** Where the next thing of ours begins between `from` and `end`, or -1. */
function findMarker(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    if (bytes[at] === BRACKET && startsWith(bytes, at, end, TEXT_MARKER)) return at;
    if (bytes[at] === BRACE && isJsonStart(bytes, at, end)) return at;
  }
  return -1;
}
