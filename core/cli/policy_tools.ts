import { Heartbeat, Watchdog } from "../policy/heartbeat.ts";
import { UsageError } from "./command.ts";
import { say } from "./output.ts";
import { readPolicies, strayError } from "./policy_files.ts";
import type { ToolReply, ToolRequest } from "./policy_protocol.ts";

/** How long code of a policy may run where no other time is given. */
const TIMEOUT_MS = 1000;

/** Policies in a Worker without permissions, where they can be asked without harm. */
export class PolicyTools {
  readonly #worker = new Worker(new URL("./policy_worker.ts", import.meta.url), {
    type: "module",
    deno: { permissions: "none" },
  });
  readonly #words = new SharedArrayBuffer(Heartbeat.BYTES);
  readonly #heartbeat = new Heartbeat(this.#words);
  #watchdog: Watchdog | null = null;
  /** Why the Worker answers no more. */
  #failure: Error | null = null;
  #settle: { resolve: (reply: ToolReply) => void; reject: (error: Error) => void } | null = null;

  private constructor(names: readonly string[]) {
    this.#worker.onmessage = ({ data }: MessageEvent<ToolReply>) => {
      if (data.type === "notice") say(data.text);
      else if (data.type === "error") this.#settle?.reject(new UsageError(data.why));
      else this.#settle?.resolve(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      const stray = strayError(names, event.message);
      this.#failure = stray === null ? new Error(event.message) : new UsageError(stray);
      this.#settle?.reject(this.#failure);
    };
  }

  /** Loads policies by name or file, does something with them, and ends them. Throws UsageError for what is wrong. */
  static async use<T>(names: readonly string[], act: (tools: PolicyTools) => Promise<T>): Promise<T> {
    const { sources, notices } = await readPolicies(names);
    notices.forEach(say);
    const tools = new PolicyTools(names);
    tools.#watchdog = new Watchdog(
      tools.#heartbeat,
      TIMEOUT_MS,
      names,
      (why) => tools.#settle?.reject(new UsageError(why.replace(" (--policy-timeout)", ""))),
    );
    try {
      await tools.#ask({ type: "load", sources, heartbeat: tools.#words }, "loaded");
      return await act(tools);
    } finally {
      tools.#watchdog.stop();
      tools.#worker.terminate();
    }
  }

  /** Asks the Worker; one question at a time. */
  async ask<T extends ToolReply["type"]>(request: ToolRequest, type: T): Promise<Extract<ToolReply, { type: T }>> {
    // What plugins have left behind runs first: the Worker tells when it has come to the question
    this.#heartbeat.enterJobs();
    return await this.#ask(request, type);
  }

  async #ask<T extends ToolReply["type"]>(request: ToolRequest, type: T): Promise<Extract<ToolReply, { type: T }>> {
    const reply = await new Promise<ToolReply>((resolve, reject) => {
      this.#settle = { resolve, reject };
      if (this.#failure) return reject(this.#failure);
      this.#worker.postMessage(request);
    });
    if (reply.type !== type) throw new Error(`The policies' Worker answered "${reply.type}" instead of "${type}"`);
    return reply as Extract<ToolReply, { type: T }>;
  }
}
