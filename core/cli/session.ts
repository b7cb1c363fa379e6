import { LogDrain, type LogDrainOptions } from "../log/log_drain.ts";
import { RecordRing } from "../log/record_ring.ts";
import { KILL_CODE } from "../policy/answers.ts";
import { Heartbeat, Watchdog } from "../policy/heartbeat.ts";
import { ByteRing } from "../machine/byte_ring.ts";
import { UsageError } from "./command.ts";
import { DebugLink, type DebugSetup } from "./debug_link.ts";
import type { KernelFile } from "./kernel_file.ts";
import { type OrderedOutput, said } from "./output.ts";
import { strayError } from "./policy_files.ts";
import { END_SIGNALS } from "./signals.ts";
import { startThread } from "./threads.ts";
import { ConsoleInput } from "./terminal.ts";
import {
  CONTROL,
  type KernelAnswer,
  type Outcome,
  type StartMessage,
  type Statistics,
  type WorkerMessage,
} from "./vm_protocol.ts";

/** What the stop word is set to: the index in STOP_REQUESTS. */
const STOP = { interrupted: 1, timeout: 2 } as const;
/** A Worker that was asked to stop has this long to do so. */
const PATIENCE_MS = 3000;
/** Output that nobody takes does not keep an interrupted run from its end for longer. */
const DRAIN_MS = 250;
/**
 * The JIT's thread starts so long after the machine's where the guest is the bundled one, which has next to nothing
 * compiled and would end a tenth later. A kernel soon has regions to be compiled.
 */
const COMPILER_DELAY_MS = 100;

export interface SessionResult {
  readonly outcome: Outcome;
  readonly statistics: Statistics | null;
  readonly dtb: Uint8Array | null;
}

/** The policies' names, and how long their code may run at a time. */
export interface SessionPolicies {
  readonly names: readonly string[];
  readonly timeoutMs: number;
}

const NOTHING = new Uint8Array(0);

/** How the trap log is written. */
export type SessionLog = Pick<LogDrainOptions, "format" | "header" | "isQuiet">;

/** One run of a machine in its Worker, with the terminal, the signals and the time limit on this side. */
export class Session {
  readonly #message: StartMessage;
  readonly #log: OrderedOutput;
  readonly #aside: (bytes: Uint8Array) => void;
  readonly #drain: LogDrain;
  readonly #ring: ByteRing;
  readonly #control: Int32Array;
  readonly #console: OrderedOutput;
  readonly #worker: Worker;
  readonly #kernelFile: KernelFile | null;
  #kernelPort: MessagePort | null = null;
  #policies: SessionPolicies;
  #watchdog: Watchdog | null = null;
  readonly #debug: DebugLink | null;
  #input: ConsoleInput | null = null;
  #resolve!: (result: SessionResult) => void;
  #reject!: (error: Error) => void;
  #dtb: Uint8Array | null = null;
  /** Resolved when the run is asked to stop. */
  readonly #stopping = Promise.withResolvers<keyof typeof STOP>();
  #patience: ReturnType<typeof setTimeout> | undefined;
  #compiler: Worker | null = null;
  #compilerTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param log takes the lines of the trap log.
   * @param aside writes to stderr, and not into a line of the log.
   */
  constructor(
    message: StartMessage,
    log: OrderedOutput,
    aside: (bytes: Uint8Array) => void,
    console: OrderedOutput,
    logOptions: SessionLog,
    policies: SessionPolicies,
    debug: DebugSetup | null,
    worker: Worker,
    kernelFile: KernelFile | null,
  ) {
    this.#worker = worker;
    this.#kernelFile = kernelFile;
    this.#message = message;
    this.#policies = policies;
    this.#log = log;
    this.#aside = aside;
    this.#drain = new LogDrain({
      ...logOptions,
      ring: new RecordRing(message.logRing),
      write: (bytes, done) => log.write(bytes, done),
    });
    this.#console = console;
    this.#ring = new ByteRing(message.input);
    this.#control = new Int32Array(message.control);
    this.#debug = debug && new DebugLink(
      debug,
      this.#control,
      () => this.#ring.wake(),
      // After what the guest has written
      (bytes) => console.write(NOTHING, () => aside(bytes)),
      policies.names,
      (names) => this.#watch({ ...policies, names }),
    );
  }

  /**
   * Asks the machine to stop; it ends with that outcome, and without an answer after a while. Output of a guest that
   * has ended by itself is waited for no longer.
   */
  stop(kind: keyof typeof STOP): void {
    this.#stopping.resolve(kind);
    Atomics.compareExchange(this.#control, CONTROL.stop, 0, STOP[kind]);
    Atomics.notify(this.#control, CONTROL.consumed);
    this.#ring.wake();
    this.#patience ??= setTimeout(
      () => this.#resolve({ outcome: { kind }, statistics: null, dtb: null }),
      PATIENCE_MS,
    );
  }

  /** Runs the machine to its end. The terminal is then as it was. */
  async run(timeoutMs: number): Promise<SessionResult> {
    const interrupt = () => this.stop("interrupted");
    const hasMonitor = this.#message.debug?.hasTerminal ?? false;
    const input = this.#input = new ConsoleInput(this.#ring, interrupt, hasMonitor ? this.#debug!.writer : null);
    const worker = this.#worker;
    for (const signal of END_SIGNALS) Deno.addSignalListener(signal, interrupt);
    this.#watch(this.#policies);
    const timer = timeoutMs === Infinity ? undefined : setTimeout(() => this.stop("timeout"), timeoutMs);
    try {
      const done = this.#listen(worker);
      const message = this.#withPorts();
      worker.postMessage(message, transfers(message));
      if (!this.#message.guest.dumpDtb) input.start();
      this.#drain.start();
      const result = await done;
      // What is typed is nobody's any more, while output may take its time
      input.restore();
      const isOut = await this.#drained(this.#console);
      this.#drain.stop();
      if (await this.#drained(this.#log) && isOut) return result;
      return { ...result, outcome: { kind: await this.#stopping.promise } };
    } finally {
      input.restore();
      this.#watchdog?.stop();
      await this.#debug?.close();
      clearTimeout(timer);
      clearTimeout(this.#patience);
      for (const signal of END_SIGNALS) Deno.removeSignalListener(signal, interrupt);
      worker.terminate();
      clearTimeout(this.#compilerTimer);
      this.#compiler?.terminate();
    }
  }

  /** Waits until all output is out; once the run is to stop, not for long. Returns whether it is. */
  async #drained(output: OrderedOutput): Promise<boolean> {
    return await Promise.race([output.drain(), this.#stopping.promise.then(() => output.drain(DRAIN_MS))]);
  }

  /** The start message, with what leads to the JIT's thread and to the kernel's file. */
  #withPorts(): StartMessage {
    let compilerPort: MessagePort | null = null, kernelPort: MessagePort | null = null;
    if (this.#message.jit && !this.#message.guest.dumpDtb) {
      const { port1, port2 } = new MessageChannel();
      compilerPort = port1;
      const delayMs = this.#message.guest.kernel ? 0 : COMPILER_DELAY_MS;
      this.#compilerTimer = setTimeout(() => this.#startCompiler(port2), delayMs);
    }
    if (this.#kernelFile) ({ port1: kernelPort, port2: this.#kernelPort } = new MessageChannel());
    return { ...this.#message, compilerPort, kernelPort };
  }

  /** The JIT's requests wait for it at the port. */
  #startCompiler(port: MessagePort): void {
    this.#compiler = startThread(new URL("../engine/jit/compiler_worker.ts", import.meta.url));
    this.#compiler.postMessage(port, [port]);
  }

  /** Ends the run when code of a policy does not return. What it shares with us is then not to be trusted any more. */
  #watch(policies: SessionPolicies): void {
    this.#policies = policies;
    this.#watchdog?.stop();
    const { names, timeoutMs } = policies;
    if (names.length === 0) return;
    const heartbeat = new Heartbeat(this.#message.heartbeat);
    this.#watchdog = new Watchdog(
      heartbeat,
      timeoutMs,
      names,
      (why) => {
        if (heartbeat.isInHandler) this.#drain.takeReady();
        this.#resolve({ outcome: { kind: "killed", code: KILL_CODE, why }, statistics: null, dtb: null });
      },
    );
  }

  #listen(worker: Worker): Promise<SessionResult> {
    worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => this.#receive(data);
    worker.onerror = (event) => {
      event.preventDefault();
      const why = strayError(this.#policies.names, event.message);
      if (why !== null) {
        return this.#resolve({ outcome: { kind: "killed", code: KILL_CODE, why }, statistics: null, dtb: null });
      }
      this.#reject(event.error instanceof Error ? event.error : new Error(event.message));
    };
    return new Promise((resolve, reject) => [this.#resolve, this.#reject] = [resolve, reject]);
  }

  #receive(data: WorkerMessage): void {
    switch (data.type) {
      case "console":
        this.#console.write(data.bytes, () => this.#consumed(data.bytes.length));
        // Records that follow what was written are already in the ring
        if (this.#message.isLogInterleaved) this.#drain.drain();
        return;
      case "notice":
        return this.#aside(said(data.text));
      case "dtb":
        this.#dtb = data.bytes;
        return;
      case "focus":
        if (this.#input) this.#input.isMonitor = data.isMonitor;
        return;
      case "readKernel":
        return void this.#readKernel();
      case "end":
        return this.#resolve({ outcome: data.outcome, statistics: data.statistics, dtb: this.#dtb });
      default:
        this.#debug?.receive(data);
    }
  }

  async #readKernel(): Promise<void> {
    let answer: KernelAnswer;
    try {
      const { buffer, byteOffset, length } = await this.#kernelFile!.readAgain();
      answer = { buffer: buffer as ArrayBuffer, byteOffset, length };
    } catch (error) {
      if (!(error instanceof UsageError)) return this.#reject(error as Error);
      answer = { why: error.message };
    }
    this.#kernelPort!.postMessage(answer, "buffer" in answer ? [answer.buffer] : []);
    Atomics.add(this.#control, CONTROL.kernels, 1);
    Atomics.notify(this.#control, CONTROL.kernels);
  }

  #consumed(size: number): void {
    Atomics.add(this.#control, CONTROL.consumed, size);
    Atomics.notify(this.#control, CONTROL.consumed);
  }
}

/** The files go to the Worker without being copied. */
function transfers({ guest, compilerPort, kernelPort }: StartMessage): Transferable[] {
  const files = [guest.kernel, guest.initrd, guest.dtb].flatMap((file) => file ? [file.buffer as ArrayBuffer] : []);
  return [...files, ...[compilerPort, kernelPort].filter((port) => port !== null)];
}
