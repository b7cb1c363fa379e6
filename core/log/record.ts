import type { Trap } from "../policy/trap.ts";
import { type Action, ACTIONS, type Verdict } from "../policy/verdict.ts";
import { ByteWriter, utf8 } from "./byte_writer.ts";
import { RecordEncoder, type TimerEvent } from "./record_encoder.ts";
import { RecordFormatter } from "./record_formatter.ts";
import { LOST_COUNT, LOST_RECORD, NAME, NAME_RECORD, RECORD_WORDS, WORD } from "./record_layout.ts";
import type { RecordRing } from "./record_ring.ts";

/**
 * Which traps become lines: all; those that did not simply take their course; those that were refused or stopped the
 * guest; or none.
 */
export const LOG_LEVELS = ["all", "change", "deny", "none"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The levels that actions are written at, as an index in LOG_LEVELS. */
const ACTION_LEVEL: Readonly<Record<Action, number>> = {
  allow: 0,
  value: 1,
  mask: 1,
  ignore: 1,
  deny: 2,
  pause: 2,
  kill: 2,
};
const LEVEL_OF_ACTION = ACTIONS.map((action) => ACTION_LEVEL[action]);

/** Traps that the log remembers. */
const HISTORY_RECORDS = 512;
/** Names that are told apart; policies can make any number of them. */
const NAMES_MAX = 1 << 16;
const TOO_MANY_NAMES = "(too many names)";

/**
 * The log of one VM: it remembers the latest records, and hands those of its level to a ring that another thread reads,
 * or as lines to a function. It runs on the vCPU's thread at every trap, so it only stores numbers.
 */
export class TrapLog {
  /** Called before a record goes out, so that what came before can go before it. */
  beforeRecord: (() => void) | null = null;
  /** Asked of every record, as a line, before it goes out: the monitor's filter. */
  wantsLine: ((line: string) => boolean) | null = null;
  /** Index of the level in LOG_LEVELS. */
  #level = 0;
  readonly #sink: RecordRing | ((line: string) => void) | null;
  readonly #history: Uint32Array;
  readonly #encoder: RecordEncoder;
  readonly #names: string[] = [""];
  readonly #nameIds = new Map<string, number>([["", 0]]);
  readonly #seen = new WeakSet<Verdict>();
  #recordCount = 0;
  /** Names that the ring's reader has been told, and records that it has not been told to be lost. */
  #namesSent = 1;
  #lost = 0;
  #formatter: { readonly lines: RecordFormatter; readonly out: ByteWriter; names: number } | null = null;

  /** @param sink takes the records, or each line without a line end. */
  constructor(level: LogLevel = "none", sink: RecordRing | ((line: string) => void) | null = null) {
    this.level = level;
    this.#sink = sink;
    const memory = new ArrayBuffer(4 * RECORD_WORDS * HISTORY_RECORDS);
    this.#history = new Uint32Array(memory);
    this.#encoder = new RecordEncoder(this.#history, new Float64Array(memory), (name) => this.#nameId(name));
  }

  get level(): LogLevel {
    return LOG_LEVELS[this.#level];
  }
  set level(level: LogLevel) {
    this.#level = LOG_LEVELS.indexOf(level);
  }

  /** Records a trap; `trap` may be reused afterwards. */
  note(trap: Trap, verdict: Verdict): void {
    const at = this.#next();
    this.#encoder.trap(at, trap, verdict);
    if (this.#isWanted(verdict)) this.#send(at);
    else if (verdict.log !== "default" && this.#sink !== null && typeof this.#sink !== "function") {
      this.#sink.withhold();
    }
  }

  /** Has a record ready for the ring's reader, should the trap never come to its end: see RecordRing.takeReady. */
  makeReady(trap: Trap, verdict: Verdict): void {
    const sink = this.#sink, at = this.#recordCount % HISTORY_RECORDS * RECORD_WORDS;
    if (sink === null || typeof sink === "function" || LEVEL_OF_ACTION[verdict.actionIndex] < this.#level) return;
    this.#encoder.trap(at, trap, verdict);
    if (!this.#catchUp(sink)) return;
    this.#copy(at, sink);
    sink.makeReady();
  }

  /** Whether timer interrupts are recorded: at level "all". */
  get wantsTimers(): boolean {
    return this.#level === 0;
  }

  /** Records a timer interrupt of the guest. */
  timer(event: TimerEvent): void {
    const at = this.#next();
    this.#encoder.timer(at, event);
    this.#send(at);
  }

  /** The lines of the latest records, at most `count`, oldest first. */
  *lines(count = HISTORY_RECORDS): Generator<string> {
    const end = this.#recordCount;
    for (let n = Math.max(0, end - Math.min(count, HISTORY_RECORDS)); n < end; n++) {
      yield this.#line(n % HISTORY_RECORDS * RECORD_WORDS);
    }
  }

  #next(): number {
    return this.#recordCount++ % HISTORY_RECORDS * RECORD_WORDS;
  }

  #isWanted(verdict: Verdict): boolean {
    const { log } = verdict;
    if (log === "default") return LEVEL_OF_ACTION[verdict.actionIndex] >= this.#level;
    if (log !== "once") return log === "always";
    if (this.#seen.has(verdict)) return false;
    this.#seen.add(verdict);
    return true;
  }

  #nameId(name: string): number {
    let id = this.#nameIds.get(name);
    if (id === undefined) {
      if (this.#names.length === NAMES_MAX) return this.#nameIds.get(TOO_MANY_NAMES)!;
      id = this.#names.length;
      const text = id === NAMES_MAX - 1 ? TOO_MANY_NAMES : name;
      this.#names.push(text);
      this.#nameIds.set(text, id);
    }
    return id;
  }

  #send(at: number): void {
    const sink = this.#sink;
    if (sink === null || (this.wantsLine !== null && !this.wantsLine(this.#line(at)))) return;
    this.beforeRecord?.();
    if (typeof sink === "function") return sink(this.#line(at));
    if (!this.#catchUp(sink)) {
      this.#lost++;
      sink.lose();
      return;
    }
    this.#copy(at, sink);
    sink.publish();
  }

  #copy(at: number, { words, next }: RecordRing): void {
    const history = this.#history;
    for (let i = 0; i < RECORD_WORDS; i++) words[next + i] = history[at + i];
  }

  /** Tells the ring's reader of lost records and new names. @returns false when there is no room for a record then. */
  #catchUp(ring: RecordRing): boolean {
    if (this.#lost > 0) {
      if (!ring.hasRoom(2)) return false;
      ring.words[ring.next + WORD.head] = LOST_RECORD;
      ring.words[ring.next + LOST_COUNT] = this.#lost;
      ring.publish();
      this.#lost = 0;
    }
    while (this.#namesSent < this.#names.length) {
      if (!this.#sendName(ring, this.#namesSent)) return false;
      this.#namesSent++;
    }
    return ring.hasRoom(1);
  }

  #sendName(ring: RecordRing, id: number): boolean {
    const text = utf8(this.#names[id].slice(0, NAME.maximumCharacters));
    if (!ring.hasRoom(Math.ceil(text.length / NAME.textBytes) + 1)) return false;
    for (let offset = 0; offset === 0 || offset < text.length; offset += NAME.textBytes) {
      const { words, next } = ring;
      words[next + WORD.head] = NAME_RECORD;
      words[next + NAME.id] = id;
      words[next + NAME.length] = text.length;
      words[next + NAME.offset] = offset;
      const part = text.subarray(offset, offset + NAME.textBytes);
      for (let i = 0; i < NAME.textBytes; i += 4) {
        words[next + NAME.text + (i >> 2)] = part[i] | part[i + 1] << 8 | part[i + 2] << 16 | part[i + 3] << 24;
      }
      ring.publish();
    }
    return true;
  }

  /** A record of the history as a line. */
  #line(at: number): string {
    if (this.#formatter === null) {
      const out = new ByteWriter(256);
      const memory = { words: this.#history, floats: this.#encoder.floats };
      this.#formatter = { lines: new RecordFormatter("text", out, memory), out, names: 1 };
    }
    const { lines, out } = this.#formatter;
    for (; this.#formatter.names < this.#names.length; this.#formatter.names++) {
      lines.name(this.#formatter.names, this.#names[this.#formatter.names]);
    }
    lines.record(at);
    return new TextDecoder().decode(out.take()).trimEnd();
  }
}
