import { ByteRing } from "../machine/byte_ring.ts";
import { GUEST_BYTES } from "../machine/memory_map.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { parseNumber, parseSize, readUserFile, reason } from "./files.ts";
import { ConsoleInput } from "./terminal.ts";
import type { GuestFiles, Outcome, StartMessage, Statistics, WorkerMessage } from "./vm_protocol.ts";

export const EXIT = { success: 0, internal: 1, usage: 2, crashed: 3, killed: 4, limit: 5, interrupted: 130 } as const;

/** Bytes of console input that wait for the guest at most. */
const INPUT_RING_BYTES = 65536;
/** The command line of a kernel that is given none: its console is the PL011. */
const DEFAULT_APPEND = "console=ttyAMA0";

export const RUN: Command = {
  name: "run",
  summary: "Run a guest at EL1 under the hypervisor",
  positional: "[GUEST]",
  options: [
    { name: "kernel", argument: "FILE", help: "The guest, as GUEST: Linux Image (also gzipped), ELF or flat binary" },
    { name: "initrd", argument: "FILE", help: "Initial RAM disk for Linux" },
    { name: "append", argument: "STRING", help: `Kernel command line; "${DEFAULT_APPEND}" when not given` },
    { name: "dtb", argument: "FILE", help: "Devicetree for the guest instead of the generated one" },
    { name: "dump-dtb", argument: "FILE", help: "Write the guest's devicetree to a file and end" },
    { name: "memory", short: "m", argument: "SIZE", default: `${GUEST_BYTES / 2 ** 20}M`, help: "Guest RAM" },
    { name: "smp", argument: "N", default: "1", help: "Number of vCPUs, up to 8" },
    { name: "cpu", argument: "MODEL", choices: ["max", "cortex-a57"], default: "max", help: "CPU model" },
    {
      name: "time",
      argument: "CLOCK",
      choices: ["real", "virtual"],
      default: "real",
      help: "The guest's clock: the host's, or one nanosecond an instruction (every run is then the same)",
    },
    { name: "timeout", argument: "SECONDS", help: "End the run after this time" },
    { name: "max-insns", argument: "N", help: "End the run after this many instructions" },
    { name: "log", argument: "FILE", help: "Write the record of every decision to a file, or to stdout for -" },
    { name: "stats", argument: "FILE", help: "Write statistics as JSON to a file, or to stderr for -" },
  ],
  examples: [
    { command: "ariel run", what: "the bundled diagnostic guest" },
    {
      command: 'ariel run --kernel Image --initrd initrd.gz --append "console=ttyAMA0 rdinit=/init" -m 1G',
      what: "Linux; Ctrl-A x quits",
    },
  ],
  exitCodes: {
    [EXIT.success]: "the guest powered off",
    [EXIT.crashed]: "the guest crashed beyond recovery",
    [EXIT.killed]: "a policy ended the guest",
    [EXIT.limit]: "timeout or instruction limit",
    [EXIT.interrupted]: "interrupted",
  },
  run,
};

/** Text that goes to a file, to a standard stream for "-", or nowhere. */
class TextSink {
  readonly #write: ((bytes: Uint8Array) => void) | null;
  readonly #encoder = new TextEncoder();

  constructor(path: string | undefined, standard: { writeSync(bytes: Uint8Array): number }, option: string) {
    if (path === undefined) this.#write = null;
    else if (path === "-") this.#write = (bytes) => writeAll(standard, bytes);
    else {
      const file = createUserFile(path, option);
      this.#write = (bytes) => writeAll(file, bytes);
    }
  }
  get isOpen(): boolean {
    return this.#write !== null;
  }
  write(text: string): void {
    this.#write?.(this.#encoder.encode(text));
  }
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(to.writeSync(rest));
}

function createUserFile(path: string, option: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (error) {
    throw new UsageError(`Cannot write ${path} for ${option}: ${reason(error)}`);
  }
}

async function run(args: Arguments): Promise<number> {
  const message = startMessage(args);
  const dump = args.get("dump-dtb");
  const log = new TextSink(args.get("log"), Deno.stdout, "--log");
  const stats = new TextSink(args.get("stats"), Deno.stderr, "--stats");
  const session = new Session({ ...message, logAll: log.isOpen }, log);
  const { outcome, statistics, dtb } = await session.run();
  if (dtb && dump) {
    const file = createUserFile(dump, "--dump-dtb");
    writeAll(file, dtb);
    file.close();
  }
  stats.write(JSON.stringify(statistics, null, 2) + "\n");
  return report(outcome, message);
}

function startMessage(args: Arguments): StartMessage {
  const [named, flagged] = [args.positional[0], args.get("kernel")];
  if (named !== undefined && flagged !== undefined) {
    throw new UsageError("Cannot take both GUEST and --kernel as they mean the same");
  }
  const kernelName = flagged ?? (named === "diagnostic" ? null : named ?? null);
  const initrdName = args.get("initrd") ?? null, dtbName = args.get("dtb") ?? null;
  const read = (name: string | null, what: string) => name === null ? null : readUserFile(name, what);
  const guest: GuestFiles = {
    kernelName,
    kernel: read(kernelName, "the kernel"),
    initrdName,
    initrd: read(initrdName, "the initrd"),
    dtbName,
    dtb: read(dtbName, "the devicetree"),
    append: args.get("append") ?? DEFAULT_APPEND,
    dumpDtb: args.has("dump-dtb"),
  };
  if (guest.initrd?.length === 0) throw new UsageError(`Cannot use the initrd ${initrdName}: it is empty`);
  const seconds = args.get("timeout"), instructions = args.get("max-insns");
  return {
    type: "start",
    guest,
    memoryBytes: parseSize(args.get("memory")!, "--memory"),
    cpuCount: parseCpuCount(args.get("smp")!),
    cpu: args.get("cpu")!,
    time: args.get("time") as "real" | "virtual",
    maxInstructions: instructions === undefined ? Infinity : parseNumber(instructions, "--max-insns"),
    timeoutMs: seconds === undefined ? Infinity : parseNumber(seconds, "--timeout") * 1000,
    epochSeconds: Math.floor(Date.now() / 1000),
    logAll: false,
    input: ByteRing.create(INPUT_RING_BYTES).buffer,
    control: new SharedArrayBuffer(4),
    startedAtMs: performance.timeOrigin,
  };
}

function parseCpuCount(text: string): number {
  const count = parseNumber(text, "--smp", 8);
  if (!Number.isInteger(count)) throw new UsageError(`Cannot take "${text}" for --smp as it must be a whole number`);
  return count;
}

interface SessionResult {
  readonly outcome: Outcome;
  readonly statistics: Statistics | null;
  readonly dtb: Uint8Array | null;
}

/** One run of a machine in its Worker, with the terminal and signals on this side. */
class Session {
  readonly #message: StartMessage;
  readonly #log: TextSink;
  readonly #ring: ByteRing;

  constructor(message: StartMessage, log: TextSink) {
    this.#message = message;
    this.#log = log;
    this.#ring = new ByteRing(message.input);
  }

  /** Asks the machine to stop: it ends with the outcome "interrupted". */
  #stop = () => {
    Atomics.store(new Int32Array(this.#message.control), 0, 1);
    this.#ring.wake();
  };

  async run(): Promise<SessionResult> {
    const worker = new Worker(new URL("./vm_worker.ts", import.meta.url), {
      type: "module",
      deno: { permissions: "none" },
    });
    const input = new ConsoleInput(this.#ring, this.#stop);
    const signals: Deno.Signal[] = ["SIGINT", "SIGTERM"];
    for (const signal of signals) Deno.addSignalListener(signal, this.#stop);
    try {
      const done = this.#outcome(worker);
      worker.postMessage(this.#message);
      input.start();
      return await done;
    } finally {
      input.restore();
      for (const signal of signals) Deno.removeSignalListener(signal, this.#stop);
      worker.terminate();
    }
  }

  #outcome(worker: Worker): Promise<SessionResult> {
    let dtb: Uint8Array | null = null;
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
        if (data.type === "console") writeConsole(data.bytes, this.#stop);
        else if (data.type === "log") this.#log.write(data.text);
        else if (data.type === "notice") Deno.stderr.writeSync(new TextEncoder().encode(`ariel: ${data.text}\n`));
        else if (data.type === "dtb") dtb = data.bytes;
        else resolve({ outcome: data.outcome, statistics: data.statistics, dtb });
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    });
  }
}

/** Writes the guest's output; a reader that went away ends the run quietly. */
function writeConsole(bytes: Uint8Array, stop: () => void): void {
  try {
    writeAll(Deno.stdout, bytes);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    stop();
  }
}

/** Says on stderr why the run ended, where the guest did not end it itself. Returns the exit code. */
function report(outcome: Outcome, message: StartMessage): number {
  const say = (text: string, code: number) => {
    Deno.stderr.writeSync(new TextEncoder().encode(`ariel: ${text}\n`));
    return code;
  };
  switch (outcome.kind) {
    case "off":
      return EXIT.success;
    case "badInput":
      return say(outcome.why, EXIT.usage);
    case "crashed":
      return say(`The guest crashed: ${outcome.why}`, EXIT.crashed);
    case "killed":
      return say(`The guest was ended: ${outcome.why}`, outcome.code);
    case "timeout":
      return say(`The guest was stopped after ${message.timeoutMs / 1000} s (--timeout)`, EXIT.limit);
    case "limit":
      return say(`The guest was stopped after ${message.maxInstructions} instructions (--max-insns)`, EXIT.limit);
    case "idle":
      return say("The guest waits for an interrupt that cannot come", EXIT.crashed);
    case "interrupted":
      return EXIT.interrupted;
  }
}
