import { writeAside } from "./output.ts";

/** How often the bar is drawn anew, and how often a line is written where there is none. */
const BAR_INTERVAL_MS = 100, LINE_INTERVAL_MS = 5000;
/** Work that takes no longer is done without a word. */
const PATIENCE_MS = 1000;
const BAR_WIDTH = 30;

/** Where progress is shown, and when: replaced in tests. */
export interface ProgressTerminal {
  /** It can move its cursor, so a bar is drawn. */
  readonly hasCursor: boolean;
  /** Its width, in characters. */
  readonly columns: number;
  write(text: string): void;
  now(): number;
}

const STDERR: ProgressTerminal = {
  get hasCursor() {
    return Deno.stderr.isTerminal() && !isDumbTerminal();
  },
  get columns() {
    return consoleSize().columns;
  },
  write(text) {
    writeAside(new TextEncoder().encode(text));
  },
  now: () => performance.now(),
};

/** The terminal knows no escape sequences. It is not asked about where the environment must not be read. */
export function isDumbTerminal(): boolean {
  const isReadable = Deno.permissions.querySync({ name: "env", variable: "TERM" }).state === "granted";
  return isReadable && Deno.env.get("TERM") === "dumb";
}

/** The terminal's size in characters; a usual one where it tells none. */
export function consoleSize(): { readonly columns: number; readonly rows: number } {
  const usual = { columns: 80, rows: 24 };
  try {
    const size = Deno.consoleSize();
    return size.columns > 0 ? size : usual;
  } catch {
    return usual;
  }
}

/** Whether text for a stream is coloured: on a terminal that has colours, unless NO_COLOR is set. */
export function isColoured(stream: { isTerminal(): boolean }): boolean {
  return stream.isTerminal() && !Deno.noColor && !isDumbTerminal();
}

/**
 * How far work has come, on stderr: a bar on a terminal, from the work's second second on, and a line now and then where
 * there is none.
 */
export class Progress {
  /** The one whose bar stands on the terminal. */
  static #drawn: Progress | null = null;
  readonly #what: string;
  readonly #terminal: ProgressTerminal | null;
  readonly #hasCursor: boolean;
  readonly #startMs: number;
  #drawnAtMs: number;

  /** @param what is done, such as "Unpacking Image.xz"; null to show nothing. */
  constructor(what: string | null, terminal: ProgressTerminal = STDERR) {
    this.#what = what ?? "";
    this.#terminal = what === null ? null : terminal;
    this.#hasCursor = this.#terminal?.hasCursor ?? false;
    this.#startMs = this.#drawnAtMs = terminal.now();
  }

  /** `done` of `total` are done. @param detail stands behind the percentage. */
  show(done: number, total: number, detail = ""): void {
    if (this.#terminal === null) return;
    const now = this.#terminal.now(), elapsedMs = now - this.#startMs;
    const intervalMs = this.#hasCursor ? BAR_INTERVAL_MS : LINE_INTERVAL_MS;
    if (elapsedMs < PATIENCE_MS || now - this.#drawnAtMs < intervalMs) return;
    this.#drawnAtMs = now;
    const part = Math.min(1, done / Math.max(1, total)), percent = `${Math.floor(part * 100)}%`;
    if (!this.#hasCursor) {
      return this.#terminal.write(`ariel: ${[this.#what, percent, detail].filter((text) => text !== "").join(" ")}\n`);
    }
    Progress.#drawn = this;
    const bar = "#".repeat(Math.floor(part * BAR_WIDTH)).padEnd(BAR_WIDTH, ".");
    const leftS = Math.ceil(elapsedMs / 1000 * (1 - part) / Math.max(part, 0.001));
    const parts = [this.#what, `[${bar}]`, percent, detail, `${leftS} s left`];
    const text = parts.filter((text) => text !== "").join(" ");
    // What goes on in a second line could not be taken away
    const fits = text.length < this.#terminal.columns;
    this.#terminal.write(`\r${fits ? text : `${percent} ${this.#what}`.slice(0, this.#terminal.columns - 1)}\x1b[K`);
  }

  /** Takes the bar away. */
  clear(): void {
    if (Progress.#drawn !== this) return;
    this.#terminal?.write("\r\x1b[K");
    Progress.#drawn = null;
  }

  /** Takes away what bar there is. */
  static clearAny(): void {
    Progress.#drawn?.clear();
  }
}
