import { VIRT_ENVIRONMENT } from "../hypervisor/policy.ts";
import { checkPolicies } from "../policy/check.ts";
import { PolicyEngine } from "../policy/engine.ts";
import { explainTrap } from "../policy/explain.ts";
import { Heartbeat } from "../policy/heartbeat.ts";
import { loadPolicies } from "../policy/load.ts";
import { PolicyError } from "../policy/policy_error.ts";
import { parseTrap, TRAP_TEXT } from "../policy/trap_text.ts";
import type { LoadRequest, ToolReply, ToolRequest } from "./policy_protocol.ts";
import { RecordedVm, Replay } from "./policy_replay.ts";

/*
 * The Worker of the tools for policies. It has no permissions: the plugins that are looked at run here.
 */

declare const self: { postMessage(reply: ToolReply): void; onmessage: ((event: MessageEvent) => void) | null };

/** Kept: before a plugin is loaded, what it could speak with is taken away. */
const post = self.postMessage.bind(self);
const vm = new RecordedVm();
let engine: PolicyEngine, replay: Replay, heartbeat: Heartbeat;

self.onmessage = async ({ data }: MessageEvent<ToolRequest>) => {
  try {
    if (data.type === "load") return post(await load(data));
    heartbeat.leave();
    post(answer(data));
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    post({ type: "error", why: error.message });
  }
};

async function load({ sources, heartbeat: buffer }: LoadRequest): Promise<ToolReply> {
  heartbeat = new Heartbeat(buffer);
  const tell = (text: string) => post({ type: "notice", text });
  const policies = await loadPolicies(sources, heartbeat, tell);
  engine = new PolicyEngine(policies, VIRT_ENVIRONMENT, { vm, heartbeat, onError: "deny", tell });
  replay = new Replay(engine, VIRT_ENVIRONMENT, vm);
  return { type: "loaded" };
}

function answer(request: Exclude<ToolRequest, LoadRequest>): ToolReply {
  switch (request.type) {
    case "check":
      return { type: "report", report: checkPolicies(engine) };
    case "explain":
      return {
        type: "explanations",
        explanations: request.traps.map(({ kind, text }) => {
          const trap = parseTrap(kind, text, VIRT_ENVIRONMENT);
          if (trap === null) {
            throw new PolicyError(`Cannot take "${text}" for --${kind} as it must be ${TRAP_TEXT[kind]}`);
          }
          vm.trap = trap;
          return explainTrap(engine, trap);
        }),
      };
    case "replay":
      if (request.piece === null) return { type: "replayed", result: replay.end() };
      replay.push(request.piece);
      return { type: "taken" };
  }
}
