import { counted } from "../log/counted.ts";
import type { CompiledPolicy } from "./compiled_rule.ts";
import type { PolicyEngine } from "./engine.ts";
import { TRAP_KINDS } from "./trap.ts";

/** What of a policy has decided, how often and why, in the order of its turns; `otherwise` once for all kinds. */
function decidersOf(policy: CompiledPolicy): { label: string; because: string | undefined; hits: number }[] {
  const rules = policy.rules.map(({ label, because, hits }) => ({ label, because, hits }));
  const tails = new Map<string, { label: string; because: string | undefined; hits: number }>();
  for (const { label, because, hits } of TRAP_KINDS.flatMap((kind) => policy.tail(kind))) {
    const known = tails.get(label);
    if (known === undefined) tails.set(label, { label, because, hits });
    else known.hits += hits;
  }
  const [handlers, otherwise] = [false, true].map((isLast) =>
    [...tails.values()].filter(({ label }) => label.endsWith("/otherwise") === isLast)
  );
  return [...rules, ...handlers, ...otherwise];
}

/** How often each rule has decided, as lines. */
export function showHits(engine: PolicyEngine): string {
  return engine.policies.map((policy) => {
    const { name, rules } = policy.policy;
    const lines = decidersOf(policy).map(({ label, because, hits }) =>
      `${String(hits).padStart(10)}  ${label}${because ? `  (${because})` : ""}`
    );
    return [`${name}: ${counted(rules.length, "rule")}`, ...lines].join("\n");
  }).join("\n");
}
