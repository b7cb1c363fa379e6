import { FIELD, type Field, FIELDS, KIND_FIELDS, REQUIRED_FIELDS } from "./fields.ts";
import { LogRecord } from "./log_record.ts";
import { RECORD_KINDS, SCHEMA_VERSION, VERDICTS } from "./record_layout.ts";

/** What stood at a marker. */
export type Parsed = "record" | "control" | "damaged" | "truncated";

const SPACE = 0x20, QUOTE = 0x22, COMMA = 0x2c, ZERO = 0x30, EQUALS = 0x3d, BACKSLASH = 0x5c, LETTER_X = 0x78;
const CLOSE = 0x7d;
const encoder = new TextEncoder(), decoder = new TextDecoder();

/** What every line of ours begins with, in either form. */
export const TEXT_MARKER: Uint8Array = encoder.encode("[ariel] ");
export const JSON_MARKER: Uint8Array = encoder.encode('{"');

/** By field: its key with what stands before and after it. */
const TEXT_KEYS = FIELDS.map(({ name }, n) => encoder.encode(n === 0 ? "seq=" : ` ${name}=`));
const JSON_KEYS = FIELDS.map(({ name }, n) => encoder.encode(n === 0 ? 'seq":' : `,"${name}":`));
const IS_TEXT = FIELDS.map((f: Field) => f.type === "text");
const IS_HEX = FIELDS.map((f: Field) => f.isHex === true);
/** The keys of lines that are no records. */
const CONTROL_KEYS = ["schema", "lost", "end"];
const PC_DIGITS = 16;

/** By kind: the fields that its records have behind the first ones, as bits. */
const NEEDED = RECORD_KINDS.map((kind) => KIND_FIELDS[kind].reduce((bits, name) => bits | 1 << FIELD[name], 0));

/** Values of hexadecimal digits by character, 255 for others. */
const HEX = new Uint8Array(256).fill(255);
for (const c of "0123456789abcdef") HEX[c.charCodeAt(0)] = parseInt(c, 16);

/** Whether `text` stands at `at`. */
export function startsWith(bytes: Uint8Array, at: number, end: number, text: Uint8Array): boolean {
  if (end - at < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

/**
 * Reads lines of a log out of bytes, without a string for what it has seen before. A record is taken only when all of it
 * is as we write it: in a capture of a serial line, what is nearly a record is damage.
 */
export class LineParser {
  readonly record = new LogRecord();
  /** The keys and values of a line that is no record. */
  control: Readonly<Record<string, string | number>> = {};
  /** Where the record that was read ended. */
  position = 0;
  /** Version of the schema in the log's first line. What a later one adds is passed over. */
  schema = SCHEMA_VERSION;
  #bytes = new Uint8Array(0);
  #end = 0;

  /** Reads what follows a marker. @param at behind the marker. */
  parse(bytes: Uint8Array<ArrayBuffer>, at: number, end: number, isJson: boolean): Parsed {
    this.#bytes = bytes;
    this.#end = end;
    this.position = at;
    const keys = isJson ? JSON_KEYS : TEXT_KEYS;
    if (!startsWith(bytes, at, end, keys[0])) return this.#control(at, isJson);
    this.record.present = 0;
    for (let field = 0; field < REQUIRED_FIELDS; field++) {
      if (!this.#key(keys[field])) return this.#isAtEnd() ? "truncated" : "damaged";
      if (!this.#value(field, isJson)) return this.position >= end ? "truncated" : "damaged";
    }
    const more = this.#more(keys, isJson);
    if (more !== "record") return more;
    return this.#check();
  }

  /** Whether the rest is a part of the key that was to come. */
  #isAtEnd(): boolean {
    const rest = decoder.decode(this.#bytes.slice(this.position, this.#end));
    return rest.length < 10 && /^[ ,"]{0,2}[a-z]*"?$/.test(rest);
  }

  #key(key: Uint8Array): boolean {
    if (!startsWith(this.#bytes, this.position, this.#end, key)) return false;
    this.position += key.length;
    return true;
  }

  /** The keys that only some records have, in their order. */
  #more(keys: readonly Uint8Array[], isJson: boolean): Parsed {
    for (let field = REQUIRED_FIELDS; field < FIELDS.length; field++) {
      if (!this.#key(keys[field])) continue;
      if (!this.#value(field, isJson)) return this.position >= this.#end ? "truncated" : "damaged";
    }
    if (isJson) {
      while (this.schema > SCHEMA_VERSION && this.#skipUnknown(COMMA)) { /* passes over it */ }
      if (this.#bytes[this.position] !== CLOSE || this.position >= this.#end) {
        return this.position >= this.#end ? "truncated" : "damaged";
      }
      this.position++;
      return "record";
    }
    while (this.schema > SCHEMA_VERSION && this.#skipUnknown(SPACE)) { /* passes over it */ }
    return "record";
  }

  /** Passes over a key of a later schema, if one is there. */
  #skipUnknown(separator: number): boolean {
    const bytes = this.#bytes, start = this.position;
    if (start >= this.#end || bytes[start] !== separator) return false;
    let at = start + 1, isQuoted = false, hasValue = false;
    for (; at < this.#end; at++) {
      if (bytes[at] === BACKSLASH) at++;
      else if (bytes[at] === QUOTE) isQuoted = !isQuoted;
      else if (bytes[at] === EQUALS || bytes[at] === 0x3a) hasValue = true;
      else if (!isQuoted && (bytes[at] === separator || bytes[at] === CLOSE)) break;
    }
    if (!hasValue) return false;
    this.position = at;
    return true;
  }

  /** What must hold between the parts. */
  #check(): Parsed {
    const { record } = this;
    if (this.schema > SCHEMA_VERSION) return "record";
    if (record.textId(FIELD.kind) >= RECORD_KINDS.length) return "damaged";
    if (record.textId(FIELD.verdict) >= VERDICTS.length) return "damaged";
    const needed = NEEDED[record.textId(FIELD.kind)];
    if ((record.present & needed) === needed) return "record";
    return this.position >= this.#end ? "truncated" : "damaged";
  }

  #value(field: number, isJson: boolean): boolean {
    this.record.present |= 1 << field;
    if (IS_TEXT[field]) return this.#text(field);
    if (!IS_HEX[field]) return this.#decimal(field);
    if (isJson && this.#bytes[this.position++] !== QUOTE) return false;
    const first = this.position;
    if (!this.#hex(field)) return false;
    if (field === FIELD.pc && this.position - first !== PC_DIGITS + 2) return false;
    return !isJson || (this.position < this.#end && this.#bytes[this.position++] === QUOTE);
  }

  #decimal(field: number): boolean {
    const bytes = this.#bytes, end = this.#end, first = this.position;
    let at = first, value = 0;
    for (; at < end; at++) {
      const digit = bytes[at] - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.position = at;
    if (at === first || at - first > 16) return false;
    const { words } = this.record;
    words[2 * field] = value >>> 0;
    words[2 * field + 1] = value / 2 ** 32;
    return true;
  }

  #hex(field: number): boolean {
    const bytes = this.#bytes, end = this.#end, first = this.position + 2;
    if (first >= end || bytes[first - 2] !== ZERO || bytes[first - 1] !== LETTER_X) {
      if (first >= end) this.position = end;
      return false;
    }
    let at = first, lo = 0, hi = 0;
    for (; at < end; at++) {
      const digit = HEX[bytes[at]];
      if (digit === 255) break;
      hi = hi << 4 | lo >>> 28;
      lo = lo << 4 | digit;
    }
    this.position = at;
    if (at === first || at - first > 16) return false;
    const { words } = this.record;
    words[2 * field] = lo;
    words[2 * field + 1] = hi;
    return true;
  }

  /** A text: up to a space, or between quotation marks. */
  #text(field: number): boolean {
    const bytes = this.#bytes, end = this.#end, first = this.position, interner = this.record.interners[field]!;
    let at = first;
    if (bytes[at] === QUOTE && at < end) return this.#quoted(field);
    // Visible ASCII without what would need quotation marks, so a record of JSON has none of this
    for (; at < end; at++) {
      const c = bytes[at];
      if (c <= SPACE || c > 0x7e || c === QUOTE || c === EQUALS || c === BACKSLASH) break;
    }
    this.position = at;
    if (at === first || (at < end && bytes[at] !== SPACE)) return false;
    this.record.words[2 * field] = interner.idOfBytes(bytes, first, at);
    return true;
  }

  #quoted(field: number): boolean {
    const bytes = this.#bytes, end = this.#end, first = this.position, interner = this.record.interners[field]!;
    let at = first + 1, isEscaped = false;
    for (; at < end && bytes[at] !== QUOTE; at++) {
      if (bytes[at] < SPACE) return false;
      if (bytes[at] === BACKSLASH) {
        isEscaped = true;
        at++;
      }
    }
    this.position = Math.min(at + 1, end);
    if (at >= end) return false;
    if (!isEscaped) this.record.words[2 * field] = interner.idOfBytes(bytes, first + 1, at);
    else {
      const text = unquote(bytes, first, at + 1);
      if (text === null) return false;
      this.record.words[2 * field] = interner.id(text);
    }
    return true;
  }

  /** The lines that are no records; there are few. */
  #control(at: number, isJson: boolean): Parsed {
    const line = decoder.decode(this.#bytes.slice(at, this.#end)).trimEnd();
    const entries = isJson ? jsonEntries(`{"${line}`) : logfmtEntries(line);
    this.position = this.#end;
    if (!entries || !CONTROL_KEYS.includes(entries[0]?.[0])) return isStart(line, isJson) ? "truncated" : "damaged";
    for (const [key, value] of entries) {
      if ((CONTROL_KEYS.includes(key)) && !(typeof value === "number" && value >= 0)) return "damaged";
    }
    this.control = Object.fromEntries(entries);
    return "control";
  }
}

/** Whether a line is the beginning of one of ours. */
function isStart(line: string, isJson: boolean): boolean {
  const ends = isJson ? '":' : "=";
  return ["seq", ...CONTROL_KEYS].some((key) => (key + ends).startsWith(line));
}

function unquote(bytes: Uint8Array, start: number, end: number): string | null {
  try {
    const value = JSON.parse(decoder.decode(bytes.slice(start, end)));
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}

type Entries = [string, string | number][];

function logfmtEntries(line: string): Entries | null {
  const entries: Entries = [];
  let rest = line;
  while (rest !== "") {
    const match = /^([a-z0-9_]+)=("(?:[^"\\]|\\.)*"|[^\s"=\\]+)(?: |$)/.exec(rest);
    if (!match) return null;
    const [whole, key, value] = match;
    rest = rest.slice(whole.length);
    const text = value[0] === '"' ? unquote(encoder.encode(value), 0, encoder.encode(value).length) : value;
    if (text === null) return null;
    entries.push([key, /^\d{1,15}$/.test(text) && value[0] !== '"' ? Number(text) : text]);
  }
  return entries;
}

function jsonEntries(line: string): Entries | null {
  try {
    return Object.entries(JSON.parse(line)).filter(([, value]) =>
      typeof value === "string" || typeof value === "number"
    ) as Entries;
  } catch {
    return null;
  }
}
