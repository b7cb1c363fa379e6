import { collectGarbage } from "../engine/garbage.ts";
import { ByteRing } from "../machine/byte_ring.ts";
import { PolicyError } from "../policy/policy_error.ts";
import { HostMemoryError } from "../machine/machine.ts";
import { BadInput, layOutGuest } from "./guest_layout.ts";
import { type Ending, guestBytesMax, GuestMachine } from "./guest_machine.ts";
import { GuestDebugger } from "./guest_debugger.ts";
import { KernelReader } from "./kernel_reader.ts";
import { GuestPolicies } from "./guest_policies.ts";
import { Outbox } from "./outbox.ts";
import { machineStatistics } from "./stats.ts";
import {
  CONTROL,
  type GuestFiles,
  type Outcome,
  type StartMessage,
  type Statistics,
  STOP_REQUESTS,
  type WorkerMessage,
} from "./vm_protocol.ts";

/*
 * The machine's Worker. It has no permissions: what it runs comes with the start message, and all it can reach are the
 * messages that it sends.
 */

declare const self: { postMessage(message: WorkerMessage): void; onmessage: ((event: MessageEvent) => void) | null };

/** Counts of the lives that a reset has ended, which the statistics go on from. */
interface Totals {
  instructions: number;
  traps: Record<string, Record<string, number>>;
}

/** Kept: before a plugin is loaded, what it could speak with is taken away. */
const post = self.postMessage.bind(self);

self.onmessage = async ({ data }: MessageEvent<StartMessage>) => {
  try {
    await start(data);
  } catch (error) {
    if (!(error instanceof BadInput || error instanceof PolicyError)) throw error;
    end({ kind: "badInput", why: error.message }, null);
  }
};

async function start(message: StartMessage): Promise<void> {
  const hasPlugin = message.policies.some((source) => "bundle" in source);
  const layOut = (files: GuestFiles) => layOutGuest(files, message.memoryBytes, message.cpuCount, hasPlugin);
  let layout = layOut(message.guest);
  const control = new Int32Array(message.control);
  const outbox = new Outbox(post, control);
  for (const text of layout.notices) outbox.notice(text);
  if (message.guest.dumpDtb) {
    post({ type: "dtb", bytes: layout.dtb });
    return end({ kind: "off" }, null);
  }
  const policies = await GuestPolicies.load(message, (text) => outbox.notice(text));
  const input = new ByteRing(message.input);
  const stopRequest = (): Outcome | null => STOP_REQUESTS[Atomics.load(control, CONTROL.stop)];
  const kernel = new KernelReader(message, post, control);
  const totals: Totals = { instructions: 0, traps: {} };
  const startMs = performance.now();
  let dbg: GuestDebugger | null = null;
  for (;;) {
    const guest = makeMachine(message, outbox, input, stopRequest);
    policies.attach(guest.vm, guest.machine);
    guest.load(layout);
    kernel.release();
    if (dbg) dbg.attach(guest);
    else if (message.debug) dbg = new GuestDebugger(guest, message.debug, post, control, () => policies.engine);
    guest.debugger = dbg;
    // Now nothing refers to the last life's machine any more
    if (totals.instructions > 0) collectGarbage();
    const ending = await run(guest, policies, message.maxInstructions - totals.instructions);
    const statistics = count(guest, totals, outbox, message, performance.now() - startMs);
    const files = ending.kind === "reset" ? kernel.readAgain() : null;
    if (files) {
      layout = layOut(files);
      continue;
    }
    dbg?.ended(ending.kind === "off" ? 0 : 1);
    return end(ending.kind === "reset" ? stopRequest()! : ending, statistics);
  }
}

/** Runs the guest to its end or reset, through changes of its policies. */
async function run(guest: GuestMachine, policies: GuestPolicies, instructions: number): Promise<Ending> {
  for (;;) {
    const ending = guest.run(instructions);
    await policies.settle();
    if (ending.kind !== "policies") return ending;
    const { sources, done } = ending.change;
    try {
      await policies.replace(sources, guest.vm, guest.machine);
      done(sources.length === 1 ? "1 policy is in force." : `${sources.length} policies are in force.`);
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      done(`${error.message}. The policies stay as they were.`);
    }
  }
}

function makeMachine(...args: ConstructorParameters<typeof GuestMachine>): GuestMachine {
  try {
    return new GuestMachine(...args);
  } catch (error) {
    if (!(error instanceof HostMemoryError)) throw error;
    const { memoryBytes, cpuCount } = args[0], maxMib = Math.floor(guestBytesMax(cpuCount) / 2 ** 20);
    throw new BadInput(
      `Cannot make ${memoryBytes / 2 ** 20} MiB of guest RAM (--memory) as ` +
        (memoryBytes > guestBytesMax(cpuCount)
          ? `a guest's machine lies in one WebAssembly memory, which holds ${maxMib} MiB of it at most`
          : "this host gives no such amount"),
    );
  }
}

/** Adds the counts of a life that has ended to the totals. */
function count(
  { machine, vm }: GuestMachine,
  totals: Totals,
  { firstOutputMs }: Outbox,
  message: StartMessage,
  elapsedMs: number,
): Statistics {
  totals.instructions += machine.instructions;
  for (const [kind, verdicts] of Object.entries(vm.statistics())) {
    const sum = totals.traps[kind] ??= {};
    for (const [verdict, n] of Object.entries(verdicts)) sum[verdict] = (sum[verdict] ?? 0) + n;
  }
  return {
    instructions: totals.instructions,
    seconds: round(elapsedMs / 1000),
    mips: round(totals.instructions / elapsedMs / 1000),
    first_output_ms: firstOutputMs === null ? null : round(firstOutputMs - message.startedAtMs),
    traps: totals.traps,
    ...machineStatistics(machine),
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function end(outcome: Exclude<Ending, { kind: "reset" }>, statistics: Statistics | null): void {
  post({ type: "end", outcome, statistics });
}
