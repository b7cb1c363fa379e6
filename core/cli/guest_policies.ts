import { attachPolicy, environmentOf, PolicyView } from "../hypervisor/policy.ts";
import type { Vm } from "../hypervisor/vm.ts";
import type { Machine } from "../machine/machine.ts";
import type { PolicySource } from "../policy/bundle.ts";
import { PolicyEngine } from "../policy/engine.ts";
import { Heartbeat } from "../policy/heartbeat.ts";
import { loadPolicies } from "../policy/load.ts";
import type { Policy } from "../../policies/types.ts";
import type { StartMessage } from "./vm_protocol.ts";

/** The policies of a run, through all lives of its guest. */
export class GuestPolicies {
  #policies: readonly Policy[];
  readonly #message: StartMessage;
  readonly #heartbeat: Heartbeat;
  readonly #tell: (text: string) => void;
  #view: PolicyView | null = null;
  #engine: PolicyEngine | null = null;

  private constructor(policies: readonly Policy[], message: StartMessage, tell: (text: string) => void) {
    this.#policies = policies;
    this.#message = message;
    this.#heartbeat = new Heartbeat(message.heartbeat);
    this.#tell = tell;
  }

  /** Loads what the start message holds: plugins run in this thread. Throws PolicyError, with the place. */
  static async load(message: StartMessage, tell: (text: string) => void): Promise<GuestPolicies> {
    const policies = await loadPolicies(message.policies, new Heartbeat(message.heartbeat), tell);
    return new GuestPolicies(policies, message, tell);
  }

  /** Lets run, within the time that a handler has, what plugins have left to run later. */
  async settle(): Promise<void> {
    this.#heartbeat.enterJobs();
    await null;
    this.#heartbeat.leave();
  }

  /** Puts other policies in the place of these. Throws PolicyError where they cannot be used: then these stay. */
  async replace(sources: readonly PolicySource[], vm: Vm, machine: Machine): Promise<void> {
    const old = { policies: this.#policies, engine: this.#engine };
    const policies = await loadPolicies(sources, this.#heartbeat, this.#tell);
    this.#policies = policies;
    this.#engine = null;
    try {
      if (policies.length > 0) this.attach(vm, machine);
      else attachPolicy(vm, null);
    } catch (error) {
      this.#policies = old.policies;
      this.#engine = old.engine;
      throw error;
    }
  }

  /** The engine of the VM that was attached last, or null where there is no policy. */
  get engine(): PolicyEngine | null {
    return this.#engine;
  }

  /** Puts a VM under the policies. Throws PolicyError for rules that mean nothing there. */
  attach(vm: Vm, machine: Machine): void {
    if (this.#policies.length === 0) return;
    vm.storedTo = (host, bytes) => {
      for (let page = host >>> 12; page <= (host + bytes - 1) >>> 12; page++) machine.engine.storedTo(page);
    };
    if (this.#view === null || this.#engine === null) {
      const view = this.#view = new PolicyView(vm, this.#tell);
      this.#engine = new PolicyEngine(this.#policies, environmentOf(vm), {
        vm: view,
        heartbeat: this.#heartbeat,
        onError: this.#message.onPolicyError,
        makeReady: (trap, verdict) => view.vm.log.makeReady(trap, verdict),
        tell: this.#tell,
      });
    } else this.#view.vm = vm;
    attachPolicy(vm, this.#engine);
  }
}
