import { CHANNEL, ChannelReader } from "../debug/channel.ts";
import { Debugger, type DebugHost } from "../debug/debugger.ts";
import type { Vm } from "../hypervisor/vm.ts";
import { parseFilter } from "../log/filter.ts";
import { LogReader } from "../log/log_reader.ts";
import type { LogLevel, TrapLog } from "../log/record.ts";
import type { Machine, RunLimits, StopReason } from "../machine/machine.ts";
import { ByteRing } from "../machine/byte_ring.ts";
import { FrontEnds } from "../monitor/front_ends.ts";
import type { FilePart, LogControl, MonitorTarget, PolicyControl } from "../monitor/target.ts";
import type { PolicySource } from "../policy/bundle.ts";
import type { PolicyEngine } from "../policy/engine.ts";
import { showHits } from "../policy/hits.ts";
import { CONTROL, type DebugOptions, type MainReply, type WorkerMessage } from "./vm_protocol.ts";

/** Parts of a file that may be on their way to the main thread. */
const PARTS_UNDER_WAY = 64;

/** What the debugger asks of the guest's machine. */
export interface DebuggedGuest {
  readonly machine: Machine;
  readonly vm: Vm;
  reset(): void;
  quit(): void;
  /** New policies wait to be put in place, which takes the event loop: the run is interrupted for them. */
  changePolicies(change: PolicyChange): void;
}

/** Policies that were read, and who wants to know what became of them. */
export interface PolicyChange {
  readonly sources: readonly PolicySource[];
  readonly done: (message: string) => void;
}

/** The monitor and GDB of a run, through all lives of its guest. */
export class GuestDebugger implements MonitorTarget {
  readonly debugger: Debugger;
  readonly frontEnds: FrontEnds;
  readonly #post: (message: WorkerMessage) => void;
  readonly #control: Int32Array;
  readonly #reader: ChannelReader;
  readonly #engine: () => PolicyEngine | null;
  #guest: DebuggedGuest;
  #partsSent = 0;
  /** Who waits for the main thread's answers: by what is asked for, in order. */
  readonly #waiting: Record<MainReply["kind"], ((message: string) => void)[]> = { saved: [], policies: [] };

  constructor(
    guest: DebuggedGuest,
    options: DebugOptions,
    post: (message: WorkerMessage) => void,
    control: Int32Array,
    engine: () => PolicyEngine | null,
  ) {
    this.#guest = guest;
    this.#post = post;
    this.#control = control;
    this.#engine = engine;
    this.#reader = new ChannelReader(new ByteRing(options.channels));
    this.debugger = new Debugger(guest.machine, () => this.#guest.vm.ram);
    this.frontEnds = new FrontEnds(this, this.#reader, {
      send: (channel, bytes) => post({ type: "channel", channel, bytes }),
      hangUp: (channel) => post({ type: "hangUp", channel }),
      focus: (isMonitor) => post({ type: "focus", isMonitor }),
      reply: (bytes) => this.#replied(JSON.parse(new TextDecoder().decode(bytes)) as MainReply),
    }, options.hasTerminal);
    if (options.waits) this.debugger.interrupt("", "gdb");
  }

  /** Goes on with the guest's next life. */
  attach(guest: DebuggedGuest): void {
    this.#guest = guest;
    this.debugger.attach(guest.machine, () => guest.vm.ram);
  }

  /** The main thread has sent something. */
  get hasInput(): boolean {
    return this.#reader.hasInput;
  }

  run(host: DebugHost, limits: RunLimits): StopReason {
    return this.debugger.run(host, limits);
  }

  /** The guest or a policy wants the monitor. @returns false when nobody is there. */
  pause(): boolean {
    if (!this.frontEnds.canResume) return false;
    const [last = ""] = this.#guest.vm.log.lines(1);
    const isPolicy = last.includes("verdict=pause");
    const what = / what=(\S+)/.exec(last)?.[1] ?? "", rule = / rule=(\S+)/.exec(last)?.[1] ?? "";
    this.debugger.interrupt(
      isPolicy ? `Paused by policy: ${what}, rule ${rule}` : "The guest asked for the monitor (PAUSE)",
    );
    return true;
  }

  /** The guest has crashed. @returns false when no GDB is there to look at it. */
  crashed(why: string): boolean {
    if (!this.frontEnds.gdb.isConnected) return false;
    this.debugger.interrupt(why);
    return true;
  }

  // MonitorTarget

  get vms(): readonly Vm[] {
    return [this.#guest.vm];
  }
  get log(): LogControl {
    return new VmLog(this.#guest.vm.log);
  }
  get policy(): PolicyControl {
    return {
      show: () => showPolicies(this.#engine()),
      reload: (done) => this.#askForPolicies(null, done),
      set: (names, done) => this.#askForPolicies(names, done),
    };
  }
  reset(): void {
    this.#guest.reset();
    if (this.debugger.stop !== null) this.debugger.resume();
  }
  quit(): void {
    this.#guest.quit();
  }

  #askForPolicies(names: readonly string[] | null, done: (message: string) => void): void {
    this.#waiting.policies.push(done);
    this.#post({ type: "readPolicies", names });
  }

  saveFile(path: string, sizeBytes: number, parts: Iterable<FilePart>, done: (message: string) => void): void {
    this.#waiting.saved.push(done);
    this.#post({ type: "fileBegin", path, sizeBytes });
    for (const { offset, bytes } of parts) {
      this.#post({ type: "filePart", offset, bytes });
      this.#partsSent = this.#partsSent + 1 | 0;
      if (!this.#awaitParts()) break;
    }
    this.#post({ type: "fileEnd" });
  }

  /** Waits while too many parts are under way. @returns false when the run is to end. */
  #awaitParts(): boolean {
    for (;;) {
      const saved = Atomics.load(this.#control, CONTROL.saved);
      if ((this.#partsSent - saved | 0) <= PARTS_UNDER_WAY) return true;
      if (Atomics.load(this.#control, CONTROL.stop) !== 0) return false;
      Atomics.wait(this.#control, CONTROL.saved, saved, 100);
    }
  }

  #replied(reply: MainReply): void {
    const done = this.#waiting[reply.kind].shift();
    if (!done) return;
    if (reply.kind === "saved" || reply.sources === null) done(reply.message);
    else this.#guest.changePolicies({ sources: reply.sources, done });
  }

  /** The run has ended, with an exit code. */
  ended(code: number): void {
    this.frontEnds.ended(code);
    this.#post({ type: "hangUp", channel: CHANNEL.gdb });
    this.#post({ type: "hangUp", channel: CHANNEL.monitorSocket });
  }
}

function showPolicies(engine: PolicyEngine | null): string {
  return engine === null ? "No policy is in force: everything is allowed." : showHits(engine);
}

/** The log of a VM, with filters on its lines. */
class VmLog implements LogControl {
  readonly #log: TrapLog;

  constructor(log: TrapLog) {
    this.#log = log;
  }

  get level(): LogLevel {
    return this.#log.level;
  }
  set level(level: LogLevel) {
    this.#log.level = level;
  }

  filter(expression: string | null): void {
    this.#log.wantsLine = expression === null ? null : lineFilter(expression);
  }

  *dump(count: number, expression: string | null): Generator<string> {
    const isWanted = expression === null ? () => true : lineFilter(expression);
    const lines = [...this.#log.lines()].filter(isWanted);
    yield* lines.slice(Math.max(0, lines.length - count));
  }
}

/** Whether a filter wants the record of a line. Throws for nonsense. */
function lineFilter(expression: string): (line: string) => boolean {
  const filter = parseFilter(expression), encoder = new TextEncoder();
  return (line) => {
    let isWanted = false;
    const reader = new LogReader({ record: (record) => isWanted = filter(record) });
    reader.push(encoder.encode(`${line}\n`));
    return isWanted;
  };
}
