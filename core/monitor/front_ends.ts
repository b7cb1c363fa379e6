import { CHANNEL, type ChannelReader, FRAME, type Frame } from "../debug/channel.ts";
import { GdbStub } from "../gdb/stub.ts";
import { Monitor } from "./monitor.ts";
import { MonitorSession } from "./session.ts";
import type { MonitorTarget } from "./target.ts";

/** What the front ends send to the main thread. */
export interface FrontEndHost {
  /** Bytes for a channel's other side. */
  send(channel: number, bytes: Uint8Array): void;
  /** A channel's connection is to be closed. */
  hangUp(channel: number): void;
  /** Who gets what is typed on the terminal. */
  focus(isMonitor: boolean): void;
  /** The main thread has answered something that was asked for. */
  reply(bytes: Uint8Array): void;
}

const encoder = new TextEncoder();

/** All who look at a machine from outside: the terminal's monitor, the monitor on a socket, and GDB. */
export class FrontEnds {
  readonly gdb: GdbStub;
  readonly #target: MonitorTarget;
  readonly #reader: ChannelReader;
  readonly #host: FrontEndHost;
  readonly #terminal: MonitorSession | null;
  #socket: MonitorSession | null = null;
  /** An answer of the main thread, in frames: it begins with "open" and ends with "close". */
  #reply: number[] = [];

  /** @param hasTerminal the monitor shares the guest's terminal. */
  constructor(target: MonitorTarget, reader: ChannelReader, host: FrontEndHost, hasTerminal: boolean) {
    this.#target = target;
    this.#reader = reader;
    this.#host = host;
    this.#terminal = hasTerminal ? this.#session(CHANNEL.terminal, true) : null;
    // Commands come to their end in the order in which they were begun
    const answers: ((output: string) => void)[] = [];
    const commands = new Monitor(target, (outcome) => answers.shift()?.(`${outcome}\n`), false);
    this.gdb = new GdbStub(target.debugger, {
      send: (bytes) => host.send(CHANNEL.gdb, bytes),
      command: (line, done) => {
        commands.selectVcpu(this.gdb.selected);
        const before = commands.begun, output = commands.execute(line);
        // A reset lets the machine run, which GDB takes for stopped
        target.debugger.interrupt("", "gdb");
        if (commands.begun > before) answers.push(done);
        else done(output === "" ? "" : `${output}\n`);
      },
      kill: () => {
        host.hangUp(CHANNEL.gdb);
        target.quit();
      },
    });
  }

  #session(channel: number, isTerminal: boolean): MonitorSession {
    return new MonitorSession(this.#target, {
      write: (text) => this.#host.send(channel, encoder.encode(text)),
      focus: (isMonitor) => this.#host.focus(isMonitor),
      hangUp: () => this.#host.hangUp(channel),
    }, isTerminal);
  }

  /** Somebody is there who can let a stopped machine go on. */
  get canResume(): boolean {
    return this.#terminal !== null || this.#socket !== null || this.gdb.isConnected;
  }

  /** Takes what has come from the main thread: between slices, and while the machine is stopped. */
  poll(): void {
    if (!this.#reader.hasInput) return;
    for (let frame = this.#reader.read(); frame !== null; frame = this.#reader.read()) this.#take(frame);
  }

  #take({ channel, type, bytes }: Frame): void {
    if (channel === CHANNEL.main) return this.#takeReply(type, bytes);
    if (channel === CHANNEL.gdb) {
      if (type === FRAME.open) this.gdb.connect();
      else if (type === FRAME.close) this.gdb.disconnect();
      else this.gdb.receive(bytes);
      return;
    }
    if (channel === CHANNEL.monitorSocket && type === FRAME.open) this.#socket = this.#session(channel, false);
    const session = channel === CHANNEL.terminal ? this.#terminal : this.#socket;
    if (type === FRAME.open) session?.open();
    else if (type === FRAME.close) session?.close();
    else session?.receive(bytes);
    if (channel === CHANNEL.monitorSocket && type === FRAME.close) this.#socket = null;
  }

  #takeReply(type: number, bytes: Uint8Array): void {
    if (type === FRAME.open) this.#reply = [];
    else if (type === FRAME.data) { for (const byte of bytes) this.#reply.push(byte); }
    else this.#host.reply(Uint8Array.from(this.#reply));
  }

  /** The guest has ended, with an exit code. */
  ended(code: number): void {
    this.gdb.exited(code);
  }
}
