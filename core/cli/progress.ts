import { writeAside } from "./output.ts";

/** How often the line is drawn anew. */
const INTERVAL_MS = 100;
/** Work that takes no longer is done without a word. */
const PATIENCE_MS = 1000;
const BAR_WIDTH = 30;

/** Where a bar is shown, and when: replaced in tests. */
export interface ProgressTerminal {
  readonly isShown: boolean;
  write(text: string): void;
  now(): number;
}

/** stderr, where it is a terminal that can move its cursor. */
const STDERR: ProgressTerminal = {
  get isShown() {
    return Deno.stderr.isTerminal() && !isDumbTerminal();
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

/** Whether text for a stream is coloured: on a terminal that has colours, unless NO_COLOR is set. */
export function isColoured(stream: { isTerminal(): boolean }): boolean {
  return stream.isTerminal() && !Deno.noColor && !isDumbTerminal();
}

/** How far work has come, in one line on stderr, from its second second on; nothing where stderr is no terminal. */
export class Progress {
  readonly #what: string;
  readonly #terminal: ProgressTerminal | null;
  readonly #startMs: number;
  #drawnAtMs = -Infinity;
  #isDrawn = false;

  /** @param what is done, such as "Unpacking Image.xz"; null to show nothing. */
  constructor(what: string | null, terminal: ProgressTerminal = STDERR) {
    this.#what = what ?? "";
    this.#terminal = what !== null && terminal.isShown ? terminal : null;
    this.#startMs = terminal.now();
  }

  /** `done` of `total` are done. @param detail stands behind the percentage. */
  show(done: number, total: number, detail = ""): void {
    if (this.#terminal === null) return;
    const now = this.#terminal.now(), elapsedMs = now - this.#startMs;
    if (elapsedMs < PATIENCE_MS || now - this.#drawnAtMs < INTERVAL_MS) return;
    this.#drawnAtMs = now;
    this.#isDrawn = true;
    const part = Math.min(1, done / Math.max(1, total));
    const bar = "#".repeat(Math.floor(part * BAR_WIDTH)).padEnd(BAR_WIDTH, ".");
    const leftS = Math.ceil(elapsedMs / 1000 * (1 - part) / Math.max(part, 0.001));
    const parts = [this.#what, `[${bar}]`, `${Math.floor(part * 100)}%`, detail, `${leftS} s left`];
    this.#terminal.write(`\r${parts.filter((text) => text !== "").join(" ")}\x1b[K`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#isDrawn) this.#terminal?.write("\r\x1b[K");
    this.#isDrawn = false;
  }
}
