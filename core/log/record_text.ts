import { FIELD, type Field, FIELDS, REQUIRED_FIELDS } from "./fields.ts";
import type { LogRecord } from "./log_record.ts";
import { jsonText, logfmtText } from "./quote.ts";

/** Colours of a terminal, or none. */
export interface Palette {
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bad: (text: string) => string;
}

const paint = (code: string) => (text: string) => `\x1b[${code}m${text}\x1b[0m`;
const plain = (text: string) => text;
export const COLOURED: Palette = {
  dim: paint("2"),
  bold: paint("1"),
  good: paint("32"),
  warn: paint("33"),
  bad: paint("31"),
};
export const PLAIN: Palette = { dim: plain, bold: plain, good: plain, warn: plain, bad: plain };

/** A number of a field as a record writes it. */
function number(record: LogRecord, field: number): string {
  const { isHex }: Field = FIELDS[field];
  if (!isHex) return String(record.number(field));
  const digits = record.bigint(field).toString(16);
  return `0x${field === FIELD.pc ? digits.padStart(16, "0") : digits}`;
}

/** A record as a line of JSON, as the log itself would have it; without the line end. */
export function recordJson(record: LogRecord): string {
  let line = "";
  for (let field = 0; field < FIELDS.length; field++) {
    if (!record.has(field)) continue;
    const { name, isHex }: Field = FIELDS[field];
    const value = record.interners[field] !== null
      ? jsonText(record.text(field))
      : isHex
      ? `"${number(record, field)}"`
      : number(record, field);
    line += `${line === "" ? "{" : ","}"${name}":${value}`;
  }
  return line + "}";
}

const ACTION_PALETTE: Readonly<Record<string, keyof Palette>> = {
  allow: "good",
  none: "dim",
  deny: "bad",
  pause: "bad",
  kill: "bad",
};
const SEQ_WIDTH = 7, TIME_WIDTH = 14, KIND_WIDTH = 9, WHAT_WIDTH = 28, VALUE_WIDTH = 18, VERDICT_WIDTH = 6;

/** What the columns of `recordColumns` are. */
export function columnTitles(palette: Palette): string {
  return palette.dim([
    "seq".padStart(SEQ_WIDTH),
    "seconds".padStart(TIME_WIDTH),
    "cpu",
    "EL",
    "pc".padEnd(16),
    "kind".padEnd(KIND_WIDTH),
    "what".padEnd(WHAT_WIDTH),
    "value".padEnd(VALUE_WIDTH),
    "verdict",
    "rule",
  ].join(" "));
}

/** A record as a line for reading; without the line end. */
export function recordColumns(record: LogRecord, palette: Palette): string {
  const time = record.number(FIELD.t), verdict = record.text(FIELD.verdict);
  const seconds = `${Math.floor(time / 1e9)}.${String(time % 1e9).padStart(9, "0")}`;
  let line = [
    String(record.number(FIELD.seq)).padStart(SEQ_WIDTH),
    seconds.padStart(TIME_WIDTH),
    String(record.number(FIELD.vcpu)).padStart(3),
    (record.has(FIELD.el) ? String(record.number(FIELD.el)) : "-").padStart(2),
    palette.dim(number(record, FIELD.pc).slice(2)),
    record.text(FIELD.kind).padEnd(KIND_WIDTH),
    palette.bold(logfmtText(record.text(FIELD.what)).padEnd(WHAT_WIDTH)),
    number(record, FIELD.value).padEnd(VALUE_WIDTH),
    palette[ACTION_PALETTE[verdict] ?? "warn"](logfmtText(verdict).padEnd(VERDICT_WIDTH + 1)),
    logfmtText(record.text(FIELD.rule)),
  ].join(" ");
  for (let field = REQUIRED_FIELDS; field < FIELDS.length; field++) {
    if (!record.has(field) || field === FIELD.el || field === FIELD.esr) continue;
    const value = record.interners[field] !== null ? logfmtText(record.text(field)) : number(record, field);
    line += palette.dim(` ${FIELDS[field].name}=${value}`);
  }
  return line;
}
