import type { StopListener } from "../debug/debugger.ts";
import { isOwnedBy, type Stop } from "../debug/stop.ts";
import { LineEditor } from "./line_editor.ts";
import { Monitor } from "./monitor.ts";
import { describeStop } from "./stop_text.ts";
import type { MonitorTarget } from "./target.ts";

const PROMPT = "(ariel) ";
const BANNER = "ariel monitor; `help` shows the commands";
/** A line that a socket may send. */
const LINE_MAX = 4096;

/** Where a session's output goes, and who has the keyboard. */
export interface SessionHost {
  write(text: string): void;
  /** The monitor wants the keyboard, or gives it back to the guest; for terminals that both share. */
  focus(isMonitor: boolean): void;
  /** The user wants no more; for sockets. */
  hangUp(): void;
}

/** One user's dialogue with the monitor, on a terminal with line editing or on a socket by lines. */
export class MonitorSession implements StopListener {
  readonly monitor: Monitor;
  readonly #host: SessionHost;
  readonly #editor: LineEditor | null;
  #isOpen = false;
  #wasGreeted = false;
  /** A command runs: what is said meanwhile stands before the prompt that follows. */
  #isBusy = false;
  #line: number[] = [];
  /** Input that waits until a step or a stop is done. */
  #waiting: Uint8Array[] = [];

  constructor(target: MonitorTarget, host: SessionHost, isTerminal: boolean) {
    this.#host = host;
    this.monitor = new Monitor(target, (text) => this.say(text));
    this.#editor = isTerminal
      ? new LineEditor({
        write: (text) => host.write(text),
        line: (text) => this.#run(text),
        end: () => this.#leave(),
        complete: (text) => this.monitor.complete(text),
      })
      : null;
    if (this.#editor) this.#editor.prompt = PROMPT;
    target.debugger.listeners.add(this);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The user turns to the monitor. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    if (this.#editor) this.#host.write("\r\n");
    if (!this.#wasGreeted) this.#write(BANNER);
    this.#wasGreeted = true;
    this.#prompt();
  }

  /** The user turns away. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#editor) this.#host.write("\r\n");
    else this.monitor.target.debugger.listeners.delete(this);
  }

  receive(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#work();
  }

  /** Takes input byte by byte, as long as commands are done at once. */
  #work(): void {
    const { debugger: dbg } = this.monitor.target;
    while (this.#waiting.length > 0) {
      const [bytes] = this.#waiting;
      for (let i = 0; i < bytes.length; i++) {
        if (!this.#isOpen) break;
        if (!dbg.isSettled) {
          this.#waiting[0] = bytes.subarray(i);
          return;
        }
        if (this.#editor) this.#editor.receive(bytes.subarray(i, i + 1));
        else this.#take(bytes[i]);
      }
      this.#waiting.shift();
    }
  }

  #take(byte: number): void {
    if (byte !== 0x0a) {
      if (this.#line.length < LINE_MAX) this.#line.push(byte);
      return;
    }
    const line = new TextDecoder().decode(Uint8Array.from(this.#line)).replace(/\r$/, "");
    this.#line = [];
    if (/^\s*(?:exit|logout)\s*$/.test(line)) this.#leave();
    else this.#run(line);
  }

  /** Shows something that no command has asked for now. */
  say(text: string): void {
    if (!this.#isOpen || text === "") return;
    if (this.#isBusy) return this.#write(text);
    this.#editor?.hide();
    this.#write(text);
    this.#prompt();
  }

  stopped(stop: Stop): void {
    this.monitor.selectVcpu(stop.vcpu.index);
    if (isOwnedBy(stop, "gdb")) return;
    if (!this.#isOpen && this.#editor) {
      this.#host.focus(true);
      this.open();
    }
    this.say(describeStop(this.monitor, stop));
    this.#work();
  }

  resumed(): void {}

  #run(line: string): void {
    const { debugger: dbg } = this.monitor.target;
    const wasStopped = dbg.stop !== null;
    this.#isBusy = true;
    const output = this.monitor.execute(line);
    this.#isBusy = false;
    if (output !== "") this.#write(output);
    if (!this.#isOpen || this.monitor.hasQuit) return;
    // Where the terminal is shared, the guest gets it back when it is let go; steps come back at once
    if (this.#editor && wasStopped && dbg.isContinuing) this.#leave();
    else if (dbg.isSettled) this.#prompt();
  }

  #leave(): void {
    this.close();
    if (this.#editor) this.#host.focus(false);
    else this.#host.hangUp();
  }

  #write(text: string): void {
    this.#host.write(this.#editor ? `${text.replaceAll("\n", "\r\n")}\r\n` : `${text}\n`);
  }

  #prompt(): void {
    if (this.#editor) this.#editor.show();
    else this.#host.write(PROMPT);
  }
}
