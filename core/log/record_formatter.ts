import { sysregName } from "../cpu/sysregs.ts";
import { exceptionClassWord, WFX } from "../policy/trap.ts";
import { type ByteWriter, utf8 } from "./byte_writer.ts";
import { jsonText, logfmtText } from "./quote.ts";
import {
  ABORT,
  CALL_ARGUMENTS,
  IS_WRITE,
  LOST_COUNT,
  LOST_RECORD,
  NAME,
  NAME_RECORD,
  RECORD_KINDS,
  type RecordKind,
  VERDICTS,
  WORD,
} from "./record_layout.ts";

/** The forms of a log: logfmt lines that begin with `[ariel] `, or a JSON object a line. */
export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What the first line says beside the version of the schema. */
export type LogHeader = Readonly<Record<string, string | number>>;

const INTID_NAMES: Readonly<Record<number, string>> = { 26: "CNTHP", 27: "CNTV", 28: "CNTHV", 29: "CNTPS", 30: "CNTP" };
const QUOTE = 0x22, COMMA = 0x2c, NEWLINE = 0x0a, BRACE = 0x7d;

/** The texts between the values, in one form of the log. */
interface Keys {
  readonly start: Uint8Array;
  readonly hexQuote: boolean;
  readonly text: (text: string) => string;
  readonly key: (name: string) => Uint8Array;
}

const FORMS: Readonly<Record<LogFormat, Keys>> = {
  text: { start: utf8("[ariel] seq="), hexQuote: false, text: logfmtText, key: (name) => utf8(` ${name}=`) },
  json: { start: utf8('{"seq":'), hexQuote: true, text: jsonText, key: (name) => utf8(`,"${name}":`) },
};

const KEYS = [
  "t",
  "vcpu",
  "pc",
  "kind",
  "what",
  "value",
  "verdict",
  "rule",
  "el",
  "esr",
  "ipa",
  "id",
  "imm",
  "args",
  "region",
  "s1ptw",
  "syndrome",
  "far",
  "reported",
  "cval",
  "off",
  "late",
  "error",
] as const;

type KeyTexts = Readonly<Record<(typeof KEYS)[number], Uint8Array>>;

/** Turns records of the ring into lines. Nothing is allocated for a record but the names that are new in it. */
export class RecordFormatter {
  readonly #form: Keys;
  readonly #key: KeyTexts;
  readonly #out: ByteWriter;
  readonly #words: Uint32Array;
  readonly #floats: Float64Array;
  /** By number: the name as it is, and as a value. */
  readonly #names: Uint8Array[] = [utf8("")];
  readonly #nameValues: Uint8Array[] = [];
  readonly #partial = new Map<number, Uint8Array>();
  readonly #fixed = new Map<string, Uint8Array>();
  readonly #sysregs = new Map<number, Uint8Array>();

  constructor(readonly format: LogFormat, out: ByteWriter, memory: { words: Uint32Array; floats: Float64Array }) {
    this.#form = FORMS[format];
    this.#key = Object.fromEntries(KEYS.map((key) => [key, this.#form.key(key)])) as KeyTexts;
    this.#out = out;
    this.#words = memory.words;
    this.#floats = memory.floats;
    this.#nameValues.push(utf8(this.#form.text("")));
  }

  /** The first line of a log. */
  header(header: LogHeader): void {
    this.#control(Object.entries(header));
  }
  /** The line that says how many records are missing at its place. */
  lost(count: number): void {
    this.#control([["lost", count]]);
  }
  /** The last line. @param lost records that are missing in all. @param withheld those that verdicts kept out. */
  end(records: number, lost: number, withheld: number): void {
    this.#control([["end", records], ["lost", lost], ...(withheld > 0 ? [["withheld", withheld] as const] : [])]);
  }

  #control(entries: readonly (readonly [string, string | number])[]): void {
    const line = this.format === "json"
      ? JSON.stringify(Object.fromEntries(entries))
      : "[ariel] " + entries.map(([key, value]) => `${key}=${logfmtText(String(value))}`).join(" ");
    this.#out.text(line + "\n");
  }

  /** Writes the line of the record at word `at`, if it has one. @returns whether it is a record of a trap or timer. */
  record(at: number): boolean {
    const head = this.#words[at], kind = RECORD_KINDS[head & 0xff];
    if (kind !== undefined) {
      this.#line(at, head, kind);
      return true;
    }
    if ((head & 0xff) === NAME_RECORD) this.#define(at);
    else if ((head & 0xff) === LOST_RECORD) this.lost(this.#words[at + LOST_COUNT]);
    return false;
  }

  /** Takes in a name, or a part of one. */
  #define(at: number): void {
    const words = this.#words,
      id = words[at + NAME.id],
      length = words[at + NAME.length],
      offset = words[at + NAME.offset];
    const bytes = offset === 0 ? new Uint8Array(length) : this.#partial.get(id) ?? new Uint8Array(length);
    const part = Math.min(length - offset, NAME.textBytes);
    for (let i = 0; i < part; i++) bytes[offset + i] = words[at + NAME.text + (i >> 2)] >>> (8 * (i & 3));
    if (offset + part < length) {
      this.#partial.set(id, bytes);
      return;
    }
    this.#partial.delete(id);
    this.name(id, new TextDecoder().decode(bytes));
  }

  /** Says what a name's number stands for. */
  name(id: number, text: string): void {
    this.#names[id] = utf8(text);
    this.#nameValues[id] = utf8(this.#form.text(text));
  }

  /** A value that is one of few texts. */
  #word(text: string): void {
    let bytes = this.#fixed.get(text);
    if (bytes === undefined) this.#fixed.set(text, bytes = utf8(this.#form.text(text)));
    this.#out.bytes(bytes);
  }
  #hex(lo: number, hi: number, minimum = 1): void {
    const out = this.#out, { hexQuote } = this.#form;
    if (hexQuote) out.byte(QUOTE);
    out.hex(lo, hi, minimum);
    if (hexQuote) out.byte(QUOTE);
  }
  #hexKey(key: Uint8Array, lo: number, hi: number): void {
    this.#out.bytes(key);
    this.#hex(lo, hi);
  }
  #decimalKey(key: Uint8Array, value: number): void {
    this.#out.bytes(key);
    this.#out.decimal(value);
  }
  #wordKey(key: Uint8Array, text: string): void {
    this.#out.bytes(key);
    this.#word(text);
  }

  #line(at: number, head: number, kind: RecordKind): void {
    const out = this.#out, words = this.#words, pair = at >>> 1, key = this.#key;
    out.bytes(this.#form.start);
    out.decimal(this.#floats[pair + WORD.seqPair]);
    this.#decimalKey(key.t, this.#floats[pair + WORD.timePair]);
    this.#decimalKey(key.vcpu, words[at + WORD.vcpu]);
    out.bytes(key.pc);
    this.#hex(words[at + WORD.pc], words[at + WORD.pc + 1], 16);
    this.#wordKey(key.kind, kind);
    out.bytes(key.what);
    this.#what(at, head, kind);
    this.#hexKey(key.value, words[at + WORD.value], words[at + WORD.value + 1]);
    this.#wordKey(key.verdict, VERDICTS[head >>> 8 & 0xff]);
    out.bytes(key.rule);
    out.bytes(this.#nameValues[words[at + WORD.rule]]);
    if (kind !== "timer") {
      this.#decimalKey(key.el, head >>> 16 & 15);
      this.#hexKey(key.esr, words[at + WORD.esr], 0);
    }
    this.#more(at, kind);
    if (words[at + WORD.error] !== 0) {
      out.bytes(key.error);
      out.bytes(this.#nameValues[words[at + WORD.error]]);
    }
    if (this.format === "json") out.byte(BRACE);
    out.byte(NEWLINE);
  }

  /** What the trap is about, as `Trap.what` has it. */
  #what(at: number, head: number, kind: RecordKind): void {
    const words = this.#words, detail = words[at + WORD.detail];
    switch (kind) {
      case "mmio":
      case "abort":
        return this.#place(at, head, kind);
      case "sysreg":
        return this.#sysreg(detail, (head & IS_WRITE) !== 0);
      case "hypercall":
      case "smc":
        if (words[at + WORD.name] !== 0) return this.#out.bytes(this.#nameValues[words[at + WORD.name]]);
        return this.#hex(detail, 0);
      case "wfx":
        return this.#word(WFX[detail & 3]);
      case "exception":
        return this.#word(exceptionClassWord(detail));
      case "timer":
        return this.#word(INTID_NAMES[words[at + WORD.name]] ?? `INTID${words[at + WORD.name]}`);
    }
  }

  #place(at: number, head: number, kind: "mmio" | "abort"): void {
    const out = this.#out, words = this.#words, detail = words[at + WORD.detail], { hexQuote } = this.#form;
    const device = kind === "mmio" ? words[at + WORD.name] : 0;
    if (hexQuote) out.byte(QUOTE);
    if (device !== 0) {
      out.bytes(this.#names[device]);
      out.byte(0x2b);
      out.hexNumber(this.#floats[(at >>> 1) + WORD.offsetPair]);
    } else out.hexNumber(this.#floats[(at >>> 1) + WORD.addressPair]);
    if (kind === "mmio") {
      out.byte(0x3a);
      out.byte((head & IS_WRITE) !== 0 ? 0x77 : 0x72);
      out.decimal(detail);
    } else {
      const part = (list: readonly string[], shift: number) => list[detail >>> shift & 15];
      const access = part(ABORT.access, ABORT.accessShift);
      out.text(
        `:${access[0] === "e" ? "x" : access[0]}:${part(ABORT.fault, ABORT.faultShift)}` +
          `:${part(ABORT.intent, ABORT.intentShift)}`,
      );
    }
    if (hexQuote) out.byte(QUOTE);
  }

  #sysreg(encoding: number, isWrite: boolean): void {
    const index = encoding << 1 | (isWrite ? 1 : 0);
    let bytes = this.#sysregs.get(index);
    if (bytes === undefined) {
      bytes = utf8(this.#form.text(`${sysregName(encoding)}:${isWrite ? "w" : "r"}`));
      this.#sysregs.set(index, bytes);
    }
    this.#out.bytes(bytes);
  }

  /** What only some kinds have. */
  #more(at: number, kind: RecordKind): void {
    const words = this.#words, floats = this.#floats, key = this.#key, detail = words[at + WORD.detail];
    const far = at + WORD.far, extra = words[at + WORD.extra];
    switch (kind) {
      case "mmio":
      case "abort": {
        const ipa = floats[(at >>> 1) + WORD.addressPair];
        this.#hexKey(key.ipa, ipa >>> 0, Math.floor(ipa / 2 ** 32));
        if (kind === "mmio") return;
        this.#wordKey(key.region, ABORT.region[detail >>> ABORT.regionShift & 15]);
        if ((detail & ABORT.tableWalkBit) !== 0) this.#decimalKey(key.s1ptw, 1);
        return;
      }
      case "hypercall":
      case "smc":
        this.#hexKey(key.id, detail, 0);
        if (extra !== 0) this.#hexKey(key.imm, extra, 0);
        return this.#arguments(at);
      case "exception":
        this.#hexKey(key.syndrome, detail, 0);
        this.#hexKey(key.far, words[far], words[far + 1]);
        if (extra !== 0) this.#decimalKey(key.reported, 1);
        return;
      case "timer":
        this.#hexKey(key.cval, words[far], words[far + 1]);
        this.#hexKey(key.off, words[at + WORD.counterOffset], words[at + WORD.counterOffset + 1]);
        this.#decimalKey(key.late, extra);
    }
  }

  /** X1 and on, up to the last that is not 0. */
  #arguments(at: number): void {
    const words = this.#words, out = this.#out, first = at + WORD.args, { hexQuote } = this.#form;
    let count = CALL_ARGUMENTS;
    while (count > 0 && (words[first + 2 * count - 2] | words[first + 2 * count - 1]) === 0) count--;
    if (count === 0) return;
    out.bytes(this.#key.args);
    if (hexQuote) out.byte(QUOTE);
    for (let n = 0; n < count; n++) {
      if (n > 0) out.byte(COMMA);
      out.hex(words[first + 2 * n], words[first + 2 * n + 1]);
    }
    if (hexQuote) out.byte(QUOTE);
  }
}
