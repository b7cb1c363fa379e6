/** Keys by the escape sequence that terminals send for them, without ESC. */
const SEQUENCES: Readonly<Record<string, string>> = {
  "[A": "up",
  "[B": "down",
  "[C": "right",
  "[D": "left",
  "[H": "home",
  "[F": "end",
  "[1~": "home",
  "[4~": "end",
  "[3~": "delete",
  "OA": "up",
  "OB": "down",
  "OC": "right",
  "OD": "left",
  "OH": "home",
  "OF": "end",
  "[1;5C": "wordRight",
  "[1;5D": "wordLeft",
  "f": "wordRight",
  "b": "wordLeft",
  "d": "killWord",
  "\x7f": "rubWord",
};
/** Control characters by letter. */
const CONTROLS: Readonly<Record<number, string>> = {
  0x01: "home",
  0x02: "left",
  0x03: "cancel",
  0x04: "deleteOrEnd",
  0x05: "end",
  0x06: "right",
  0x08: "backspace",
  0x09: "complete",
  0x0a: "enter",
  0x0b: "killToEnd",
  0x0c: "clear",
  0x0d: "enter",
  0x0e: "down",
  0x10: "up",
  0x15: "killToStart",
  0x17: "rubWord",
  0x7f: "backspace",
};
const HISTORY_MAX = 200;
/** An escape sequence is at most so long. */
const SEQUENCE_MAX = 8;

/** What an editor asks of its surroundings. */
export interface LineHost {
  /** Writes to the terminal. */
  write(text: string): void;
  /** A line was entered. */
  line(text: string): void;
  /** Ctrl-D on an empty line. */
  end(): void;
  /** What could stand in place of the word that ends the text; each is the whole word. */
  complete(text: string): readonly string[];
}

/**
 * Line editing on a raw terminal, with history and completion: the keys that shells have. Lines longer than the
 * terminal is wide are shown as the terminal wraps them.
 */
export class LineEditor {
  prompt = "";
  readonly #host: LineHost;
  readonly #history: string[] = [];
  readonly #decoder = new TextDecoder();
  /** The line as code points, and the cursor's place in it. */
  #line: string[] = [];
  #cursor = 0;
  /** Which line of the history is shown; its length for the line that is being written, which is kept meanwhile. */
  #shown = 0;
  #draft: string[] = [];
  #sequence: string | null = null;
  #wasCompletion = false;

  constructor(host: LineHost) {
    this.#host = host;
  }

  /** Takes what the terminal sends. */
  receive(bytes: Uint8Array): void {
    for (const char of this.#decoder.decode(bytes, { stream: true })) this.#take(char);
  }

  /** Shows the prompt and what has been written so far. */
  show(): void {
    this.#host.write(`\r\x1b[K${this.prompt}${this.#line.join("")}${back(this.#line.length - this.#cursor)}`);
  }

  /** Takes the prompt away, so that something else can be written. */
  hide(): void {
    this.#host.write("\r\x1b[K");
  }

  #take(char: string): void {
    if (this.#sequence !== null) return this.#takeSequence(char);
    const code = char.codePointAt(0)!;
    if (code === 0x1b) this.#sequence = "";
    else if (code < 0x20 || code === 0x7f) this.#press(CONTROLS[code] ?? "");
    else this.#insert(char);
  }

  #takeSequence(char: string): void {
    this.#sequence += char;
    const sequence = this.#sequence!;
    const isIncomplete = sequence === "[" || sequence === "O" || /^\[[\d;]*$/.test(sequence);
    if (isIncomplete && sequence.length < SEQUENCE_MAX) return;
    this.#sequence = null;
    this.#press(SEQUENCES[sequence] ?? "");
  }

  #insert(char: string): void {
    this.#wasCompletion = false;
    this.#line.splice(this.#cursor++, 0, char);
    this.#host.write(char + this.#tail());
  }

  /** The rest of the line behind the cursor, and the cursor back again. */
  #tail(): string {
    const rest = this.#line.slice(this.#cursor).join("");
    return rest === "" ? "" : `\x1b[K${rest}${back(this.#line.length - this.#cursor)}`;
  }

  #press(key: string): void {
    const isSecondTab = key === "complete" && this.#wasCompletion;
    this.#wasCompletion = key === "complete";
    switch (key) {
      case "enter":
        return this.#enter();
      case "cancel":
        this.#host.write("^C\r\n");
        this.#set([]);
        return;
      case "clear":
        this.#host.write("\x1b[H\x1b[2J");
        return this.show();
      case "complete":
        return this.#complete(isSecondTab);
      case "up":
        return this.#showHistory(this.#shown - 1);
      case "down":
        return this.#showHistory(this.#shown + 1);
      case "deleteOrEnd":
        if (this.#line.length === 0) return this.#host.end();
        return this.#cut(this.#cursor, this.#cursor + 1);
      case "delete":
        return this.#cut(this.#cursor, this.#cursor + 1);
      case "backspace":
        return this.#cut(this.#cursor - 1, this.#cursor);
      case "killToEnd":
        return this.#cut(this.#cursor, this.#line.length);
      case "killToStart":
        return this.#cut(0, this.#cursor);
      case "rubWord":
        return this.#cut(this.#wordStart(), this.#cursor);
      case "killWord":
        return this.#cut(this.#cursor, this.#wordEnd());
      default:
        this.#move(key);
    }
  }

  #move(key: string): void {
    const to: Record<string, () => number> = {
      left: () => this.#cursor - 1,
      right: () => this.#cursor + 1,
      home: () => 0,
      end: () => this.#line.length,
      wordLeft: () => this.#wordStart(),
      wordRight: () => this.#wordEnd(),
    };
    if (!(key in to)) return;
    const target = Math.max(0, Math.min(this.#line.length, to[key]()));
    if (target < this.#cursor) this.#host.write(back(this.#cursor - target));
    else this.#host.write(this.#line.slice(this.#cursor, target).join(""));
    this.#cursor = target;
  }

  #wordStart(): number {
    let at = this.#cursor;
    while (at > 0 && this.#line[at - 1] === " ") at--;
    while (at > 0 && this.#line[at - 1] !== " ") at--;
    return at;
  }
  #wordEnd(): number {
    let at = this.#cursor;
    while (at < this.#line.length && this.#line[at] === " ") at++;
    while (at < this.#line.length && this.#line[at] !== " ") at++;
    return at;
  }

  #cut(start: number, end: number): void {
    if (start < 0 || start >= this.#line.length || end <= start) return;
    this.#host.write(back(this.#cursor - start));
    this.#line.splice(start, end - start);
    this.#cursor = start;
    this.#host.write(`\x1b[K${this.#tail()}`);
  }

  #set(line: readonly string[]): void {
    this.#line = [...line];
    this.#cursor = this.#line.length;
    this.show();
  }

  #enter(): void {
    const text = this.#line.join("");
    this.#host.write("\r\n");
    this.#line = [];
    this.#cursor = 0;
    if (text.trim() !== "" && this.#history.at(-1) !== text) this.#history.push(text);
    if (this.#history.length > HISTORY_MAX) this.#history.shift();
    this.#shown = this.#history.length;
    this.#host.line(text);
  }

  #showHistory(index: number): void {
    if (index < 0 || index > this.#history.length) return;
    if (this.#shown === this.#history.length) this.#draft = this.#line;
    this.#shown = index;
    this.#set(index === this.#history.length ? this.#draft : [...this.#history[index]]);
  }

  /** Completes as far as all choices agree; a second Tab lists them. */
  #complete(isSecond: boolean): void {
    const before = this.#line.slice(0, this.#cursor).join("");
    const word = /\S*$/.exec(before)![0];
    const choices = this.#host.complete(before);
    if (choices.length === 0) return;
    const common = choices.reduce(commonPrefix);
    const added = [...common.slice(word.length), ...(choices.length === 1 ? [" "] : [])];
    if (added.length > 0) { for (const char of added) this.#insert(char); }
    else if (isSecond) {
      this.#host.write(`\r\n${choices.join("  ")}\r\n`);
      this.show();
    }
    this.#wasCompletion = true;
  }
}

function back(columns: number): string {
  return columns > 0 ? `\x1b[${columns}D` : "";
}

function commonPrefix(a: string, b: string): string {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return a.slice(0, i);
}
