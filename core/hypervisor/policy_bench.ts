import { allow, definePolicy, deny, type PolicyDefinition, range, value } from "ariel/policy";
import { PolicyEngine } from "../policy/engine.ts";
import { HypervisorFixture } from "./fixture.ts";
import { attachPolicy, environmentOf, PolicyView } from "./policy.ts";

/*
 * What a trap costs from the guest's instruction to the next one. Each case has a Worker of its own, as a machine has in a
 * run: V8 would compile code that several machines have run for all of them.
 */

/** Traps of an iteration: so many that asking the Worker for them costs next to nothing. */
export const TRAPS = 100_000;

/** A loop that the guest never leaves: its trap, and two instructions around it. X28 is the PL011's address. */
function loop(definition: Omit<PolicyDefinition, "name" | "apiVersion"> | null, body: string): () => void {
  const f = new HypervisorFixture({ time: "real" });
  f.vm.log.level = "none";
  if (definition !== null) {
    const policy = definePolicy({ name: "bench", apiVersion: 1, ...definition });
    const host = { vm: new PolicyView(f.vm, () => {}), heartbeat: null, onError: "deny", tell: () => {} } as const;
    attachPolicy(f.vm, new PolicyEngine([policy], environmentOf(f.vm), host));
  }
  f.runGuest(`mov x9, #1\nldr x10, =${PLACES}\n0: mov x0, #0\n${body}\ncbnz x9, 0b`, 100_000);
  const traps = 3 * TRAPS;
  return () => void f.run(traps);
}

const hvc = "hvc #0";
const many = (n: number) => Array.from({ length: n }, (_, i) => value.hypercall(i, BigInt(i)));
const PLACES = 0x0c00_0000;
const places = (n: number) => Array.from({ length: n }, (_, i) => value.mmio(range(PLACES + 16 * i, 16), BigInt(i)));

const CASES: Readonly<Record<string, () => () => void>> = {
  "HVC without a policy": () => loop(null, hvc),
  "HVC, 1 rule": () => loop({ rules: many(1) }, hvc),
  "HVC, 10,000 rules": () => loop({ rules: many(10_000) }, hvc),
  "HVC, 1 denial by otherwise": () => loop({ otherwise: deny, rules: [allow.sysreg()] }, hvc),
  "HVC, a handler": () =>
    loop({ on: { hypercall: (trap) => trap.functionId === 0 ? deny : value(trap.args[0] + trap.pc) } }, hvc),
  "HVC, a handler that looks at arguments and makes a value": () =>
    loop({ on: { hypercall: (trap) => trap.functionId === 1 ? deny : value(trap.args[0] + trap.pc) } }, hvc),
  "MMIO read, a rule's value": () => loop({ rules: places(1) }, "ldr w2, [x10]"),
  "MMIO read, the value of one of 10,000 rules": () => loop({ rules: places(10_000) }, "ldr w2, [x10]"),
  "MMIO read of the PL011, without a policy": () => loop(null, "ldr w2, [x28, #0x18]"),
  "MMIO read of the PL011, 1 rule": () => loop({ rules: [allow.mmio("pl011")] }, "ldr w2, [x28, #0x18]"),
  "MRS, 1 rule": () => loop({ rules: [value.sysreg("MIDR_EL1", 1n)] }, "mrs x2, midr_el1"),
};
export const CASE_NAMES: readonly string[] = Object.keys(CASES);

const isWorker = "WorkerGlobalScope" in globalThis;
const scope = globalThis as unknown as Worker;

/** Runs the case whose name the first message is, once for each message from then on. */
function serve(): void {
  let run: (() => void) | null = null;
  scope.onmessage = ({ data }) => {
    if (run === null) run = CASES[data]();
    else run();
    scope.postMessage(null);
  };
}

/** Sends a case's Worker a message and waits until it was served. */
export function askCase(worker: Worker, message: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  worker.onmessage = () => resolve();
  worker.postMessage(message);
  return promise;
}

/** The Worker of a case, which runs TRAPS traps whenever it is asked for "run". */
export async function startCase(name: string): Promise<Worker> {
  const worker = new Worker(import.meta.url, { type: "module" });
  await askCase(worker, name);
  return worker;
}

function register(name: string): void {
  let worker: Worker | null = null;
  Deno.bench({
    name: `${TRAPS} x ${name}`,
    n: 400,
    async fn(b) {
      worker ??= await startCase(name);
      b.start();
      await askCase(worker, "run");
      b.end();
    },
  });
}

if (isWorker) serve();
else CASE_NAMES.forEach(register);
