import { ByteRing } from "../machine/byte_ring.ts";
import { GUEST_BYTES } from "../machine/memory_map.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { LOG_LEVELS, type LogLevel } from "../log/record.ts";
import { LOG_FORMATS, type LogFormat } from "../log/record_formatter.ts";
import { RecordRing } from "../log/record_ring.ts";
import { BUILT_IN_POLICIES } from "../policy/built_in.ts";
import type { OnPolicyError } from "../policy/handlers.ts";
import { Heartbeat } from "../policy/heartbeat.ts";
import { type NamedPolicies, readPolicies } from "./policy_files.ts";
import { type DebugArguments, listenForDebuggers } from "./debug_options.ts";
import { parseNumber, parseSize, reason } from "./files.ts";
import { readGuestFiles } from "./guest_files.ts";
import {
  besideStream,
  createUserFile,
  openResult,
  OrderedOutput,
  say,
  type StandardOutput,
  standardOutput,
} from "./output.ts";
import { machineWorker } from "./machine_worker.ts";
import { QEMU_OPTIONS } from "./qemu_options.ts";
import { Session, type SessionLog } from "./session.ts";
import { INTERRUPTED } from "./signals.ts";
import { VERSION } from "./version.ts";
import {
  CONTROL_BYTES,
  type DebugOptions,
  DEFAULT_APPEND,
  type GuestFiles,
  type Outcome,
  type StartMessage,
} from "./vm_protocol.ts";

export const EXIT = {
  success: 0,
  internal: 1,
  usage: 2,
  crashed: 3,
  killed: 4,
  limit: 5,
  interrupted: INTERRUPTED,
} as const;

/** Bytes of console input that wait for the guest at most. */
const INPUT_RING_BYTES = 65536;
/** Trap records that wait to be written at most: of all traps, and of few. */
const LOG_RING_RECORDS = 1 << 16, QUIET_LOG_RING_RECORDS = 1 << 12;
/** The date at which every run in virtual time begins: 1 January 2026, in seconds since 1970. */
const VIRTUAL_EPOCH_S = 1_767_225_600;
/** The longest time limit that a timer of the host takes: 24 days. */
const TIMEOUT_MAX_S = 2_147_483;

export const RUN: Command = {
  name: "run",
  summary: "Run a guest at EL1 under the hypervisor",
  positional: "[GUEST]",
  elsewhere: QEMU_OPTIONS,
  options: [
    {
      name: "kernel",
      argument: "FILE",
      help: "The guest, as GUEST: Linux Image, packed or not, ELF or flat binary; a reset reads it again",
    },
    { name: "initrd", argument: "FILE", many: true, help: "Initial RAM disk for Linux; several are joined" },
    { name: "initrd-dir", argument: "DIR", many: true, help: "Pack a folder and add it to the initial RAM disk" },
    {
      name: "append",
      argument: "STRING",
      mayBeEmpty: true,
      help: `Kernel command line; "${DEFAULT_APPEND}" when not given`,
    },
    { name: "dtb", argument: "FILE", help: "Devicetree for the guest instead of the generated one" },
    { name: "dump-dtb", argument: "FILE", help: "Write the guest's devicetree to a file and end" },
    { name: "memory", short: "m", argument: "SIZE", default: `${GUEST_BYTES / 2 ** 20}M`, help: "Guest RAM" },
    { name: "smp", argument: "N", default: "1", help: "Number of vCPUs, up to 8" },
    { name: "cpu", argument: "MODEL", choices: ["max", "cortex-a57"], default: "max", help: "CPU model, AArch64 only" },
    {
      name: "time",
      argument: "CLOCK",
      choices: ["real", "virtual"],
      default: "real",
      help: "The guest's clock: the host's, or one nanosecond an instruction (every run is then the same)",
    },
    {
      name: "jit",
      argument: "MODE",
      choices: ["on", "off"],
      default: "on",
      help: "Translate hot code, or interpret everything",
    },
    { name: "timeout", argument: "SECONDS", help: "End the run after this time" },
    { name: "max-insns", argument: "N", help: "End the run after this many instructions" },
    { name: "log", argument: "FILE", help: "Write the trap records to a file, or to stdout for -, not to stderr" },
    {
      name: "log-level",
      argument: "LEVEL",
      choices: LOG_LEVELS,
      help:
        "Which traps are recorded: all, those that took another course, or those refused [all with --log, else deny]",
    },
    {
      name: "log-format",
      argument: "FORMAT",
      choices: LOG_FORMATS,
      default: "text",
      help: 'Lines for "ariel log decode", or JSON objects',
    },
    {
      name: "policy",
      argument: "NAME|FILE",
      suggestions: [...BUILT_IN_POLICIES.keys()],
      many: true,
      help: `What the guest may do: ${[...BUILT_IN_POLICIES.keys()].join(", ")}, or a TypeScript file`,
    },
    {
      name: "policy-timeout",
      argument: "SECONDS",
      default: "1",
      help: "End the run when a policy's code does not return within this time",
    },
    {
      name: "on-policy-error",
      argument: "WHAT",
      choices: ["deny", "halt"],
      default: "deny",
      help: "After an error in a policy's code: deny the trap, or deny it and end the run",
    },
    {
      name: "monitor",
      argument: "stdio|none|unix=PATH",
      many: true,
      help: "Where the monitor is: on the terminal (Ctrl-A c; so by default), nowhere, or on a Unix socket",
    },
    {
      name: "gdb",
      argument: "[HOST:]PORT[,wait]",
      help: "Listen for GDB, on the loopback interface unless a host is named; wait: start when GDB lets the guest go",
    },
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

async function run(args: Arguments): Promise<number> {
  // It loads while the files are read
  const worker = machineWorker();
  const policies = await readPolicies(args.all("policy"));
  policies.notices.forEach(say);
  const debug = await listenForDebuggers(debugArguments(args), Deno.stdin.isTerminal());
  const { files, kernelFile } = await readGuestFiles(args);
  const message = startMessage(args, files, policies, debug?.options ?? null);
  const seconds = args.get("timeout");
  const timeoutMs = seconds === undefined ? Infinity : parseNumber(seconds, "--timeout", TIMEOUT_MAX_S) * 1000;
  const open = (name: string, dash: StandardOutput) =>
    args.has(name) ? openResult(args.get(name)!, `--${name}`, dash) : undefined;
  const dump = open("dump-dtb", "stdout"), statistics = open("stats", "stderr");
  let consoleError: Error | undefined;
  const console = new OrderedOutput(Deno.stdout, (error) => {
    consoleError = error;
    session.stop("interrupted");
  });
  const log = logOutput(args.get("log"), console);
  const session = new Session(
    message,
    log,
    besideStream(logStream(args.get("log")), log),
    console,
    sessionLog(args, message),
    {
      names: policies.names,
      timeoutMs: parseNumber(args.get("policy-timeout")!, "--policy-timeout", TIMEOUT_MAX_S) * 1000,
    },
    debug,
    worker,
    kernelFile,
  );
  const result = await session.run(timeoutMs);
  if (result.dtb) dump?.(result.dtb);
  if (result.statistics) statistics?.(new TextEncoder().encode(JSON.stringify(result.statistics, null, 2) + "\n"));
  if (consoleError && !(consoleError instanceof Deno.errors.BrokenPipe)) {
    throw new UsageError(`Cannot write to stdout: ${reason(consoleError)}`);
  }
  return report(result.outcome, message, timeoutMs);
}

/** The standard stream that the trap log goes to, or null. */
function logStream(path: string | undefined): StandardOutput | null {
  return path === undefined ? "stderr" : standardOutput(path, "stdout");
}

/** Where the lines of the trap log go: "-" has them between the lines of the console. */
function logOutput(path: string | undefined, console: OrderedOutput): OrderedOutput {
  const standard = logStream(path);
  if (standard === "stdout") return console;
  const to = standard === "stderr" ? Deno.stderr : createUserFile(path!, "--log");
  return new OrderedOutput(to, (error) => say(`Cannot write the log: ${reason(error)}`));
}

function sessionLog(args: Arguments, { logLevel, time, cpuCount, guest }: StartMessage): SessionLog {
  const names = args.all("policy").join(",");
  const policy: Record<string, string> = names === "" ? {} : { policy: names };
  return {
    format: args.get("log-format") as LogFormat,
    header: {
      ariel: VERSION,
      level: logLevel,
      time,
      vcpus: cpuCount,
      guest: guest.kernelName ?? "diagnostic",
      ...policy,
    },
    isQuiet: !args.has("log"),
  };
}

function debugArguments(args: Arguments): DebugArguments {
  return { monitors: args.all("monitor"), gdb: args.get("gdb") };
}

function startMessage(
  args: Arguments,
  guest: GuestFiles,
  { sources }: NamedPolicies,
  debug: DebugOptions | null,
): StartMessage {
  const instructions = args.get("max-insns");
  const logLevel = (args.get("log-level") ?? (args.has("log") ? "all" : "deny")) as LogLevel;
  return {
    type: "start",
    guest,
    memoryBytes: parseSize(args.get("memory")!, "--memory"),
    cpuCount: parseCpuCount(args.get("smp")!),
    cpu: args.get("cpu")!,
    time: args.get("time") as "real" | "virtual",
    jit: args.get("jit") === "on",
    compilerPort: null,
    kernelPort: null,
    maxInstructions: instructions === undefined ? Infinity : parseNumber(instructions, "--max-insns"),
    epochSeconds: args.get("time") === "virtual" ? VIRTUAL_EPOCH_S : Math.floor(Date.now() / 1000),
    logLevel,
    logRing: RecordRing.create(logLevel === "all" ? LOG_RING_RECORDS : QUIET_LOG_RING_RECORDS).buffer,
    isLogInterleaved: logLevel !== "all" && logStream(args.get("log")) !== null,
    policies: sources,
    debug,
    heartbeat: new SharedArrayBuffer(Heartbeat.BYTES),
    onPolicyError: args.get("on-policy-error") as OnPolicyError,
    input: ByteRing.create(INPUT_RING_BYTES).buffer,
    control: new SharedArrayBuffer(CONTROL_BYTES),
    startedAtMs: performance.timeOrigin,
  };
}

function parseCpuCount(text: string): number {
  const count = parseNumber(text, "--smp", 8);
  if (!Number.isInteger(count)) throw new UsageError(`Cannot take "${text}" for --smp as it must be a whole number`);
  return count;
}

/** Says on stderr why the run ended, where the guest did not end it itself. Returns the exit code. */
function report(outcome: Outcome, message: StartMessage, timeoutMs: number): number {
  switch (outcome.kind) {
    case "off":
      return EXIT.success;
    case "badInput":
      say(outcome.why);
      return EXIT.usage;
    case "crashed":
      say(`The guest crashed: ${outcome.why}`);
      return EXIT.crashed;
    case "killed":
      say(`The guest was ended: ${outcome.why}`);
      return outcome.code;
    case "timeout":
      say(`The guest was stopped after ${timeoutMs / 1000} s (--timeout)`);
      return EXIT.limit;
    case "limit":
      say(`The guest was stopped after ${message.maxInstructions} instructions (--max-insns)`);
      return EXIT.limit;
    case "idle":
      say("The guest waits for an interrupt that cannot come");
      return EXIT.crashed;
    case "interrupted":
      return EXIT.interrupted;
  }
}
