import { toText } from "@std/streams";

/** The program as its user starts it: from the source, or another one that does the same. */
export const FROM_SOURCE: readonly string[] = [
  Deno.execPath(),
  "run",
  "--quiet",
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-env=TERM",
  new URL("../../main.ts", import.meta.url).pathname,
];

/** A command that is run on a pseudo-terminal of its own: what is sent to its stdin is typed. */
export function onTerminal(command: readonly string[]): string[] {
  return ["python3", new URL("./pseudo_terminal.py", import.meta.url).pathname, ...command];
}

/** How a program ended, and all that it wrote. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DialogOptions {
  /** The program before its arguments. */
  readonly command?: readonly string[];
  readonly cwd?: string;
  /** Added to the environment, or all of it with `isAlone`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly isAlone?: boolean;
  /** The user and group that the program runs as, where the tests run as root. */
  readonly uid?: number;
  /** The whole dialog: then the program is killed, and what is waited for fails. */
  readonly timeoutMs?: number;
  /** stdin is /dev/null. */
  readonly isStdinClosed?: boolean;
}

/** A running program that is talked to. */
export class Dialog {
  readonly #process: Deno.ChildProcess;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array> | null;
  readonly #stdout: Promise<void>;
  readonly #stderr: Promise<string>;
  #seen = "";
  /** How much of `#seen` has been waited for. */
  #at = 0;
  #isEnded = false;
  #changed: () => void = () => {};

  constructor(args: readonly string[], options: DialogOptions = {}) {
    const [program, ...rest] = [...options.command ?? FROM_SOURCE, ...args];
    this.#process = new Deno.Command(program, {
      args: rest,
      cwd: options.cwd,
      env: options.env,
      clearEnv: options.isAlone,
      uid: options.uid,
      gid: options.uid,
      stdin: options.isStdinClosed ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#timer = setTimeout(() => this.#process.kill("SIGKILL"), options.timeoutMs ?? 60_000);
    this.#stdin = options.isStdinClosed ? null : this.#process.stdin.getWriter();
    this.#stdout = this.#read();
    this.#stderr = toText(this.#process.stderr);
  }

  async #read(): Promise<void> {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      this.#seen += text;
      this.#changed();
    }
    this.#isEnded = true;
    this.#changed();
  }

  /** Waits until `what` has been written to stdout, after what was waited for before. Returns the match. */
  async expect(what: string | RegExp): Promise<RegExpExecArray> {
    const pattern = typeof what === "string" ? new RegExp(RegExp.escape(what)) : what;
    for (;;) {
      const match = pattern.exec(this.#seen.slice(this.#at));
      if (match) {
        this.#at += match.index + match[0].length;
        return match;
      }
      if (this.#isEnded) {
        const { code, stderr } = await this.end();
        throw new Error(
          `Expected ${what}, but the program ended (${code}) after:\n${this.#seen.slice(-2000)}\n${stderr}`,
        );
      }
      await new Promise<void>((resolve) => this.#changed = resolve);
    }
  }

  async send(text: string): Promise<void> {
    await this.#stdin!.write(new TextEncoder().encode(text));
  }

  signal(name: Deno.Signal): void {
    this.#process.kill(name);
  }

  /** How much of the program is in the host's memory. */
  async residentKib(): Promise<number> {
    const args = ["-o", "rss=", "-p", String(this.#process.pid)];
    const { stdout } = await new Deno.Command("ps", { args }).output();
    return Number(new TextDecoder().decode(stdout));
  }

  /** Closes stdin and waits for the end. */
  async end(): Promise<Ended> {
    await this.#stdin?.close().catch(() => {});
    const { code } = await this.#process.status;
    clearTimeout(this.#timer);
    await this.#stdout;
    return { code, stdout: this.#seen, stderr: await this.#stderr };
  }
}

/** Runs the program to its end with nothing on stdin. */
export function ariel(args: readonly string[], options: DialogOptions = {}): Promise<Ended> {
  return new Dialog(args, { isStdinClosed: true, ...options }).end();
}
