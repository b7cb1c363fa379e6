import { definePolicy } from "../../policies/define.ts";
import type { Policy } from "../../policies/types.ts";
import { BUILT_IN_POLICIES } from "./built_in.ts";
import type { BundledModule, PolicyBundle, PolicySource } from "./bundle.ts";
import { watchHeap } from "./heap.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { describeError, registerModule } from "./places.ts";
import { PolicyError } from "./policy_error.ts";
import { sealRealm } from "./sandbox.ts";
import { parseSourceMap } from "./source_map.ts";

/** Modules loaded in this realm. */
let moduleCount = 0;

/**
 * Loads policies in this realm, which is a Worker's without permissions: plugins run here. Throws PolicyError, with the
 * place, for a plugin that does not load or exports no policy.
 * @param tell is given what plugins write on the console.
 */
export async function loadPolicies(
  sources: readonly PolicySource[],
  heartbeat: Heartbeat,
  tell: (text: string) => void,
): Promise<Policy[]> {
  const policies: Policy[] = [];
  if (sources.some((source) => "bundle" in source)) await watchHeap();
  for (const [index, source] of sources.entries()) {
    if ("builtIn" in source) {
      policies.push(BUILT_IN_POLICIES.get(source.builtIn)!);
      continue;
    }
    await sealRealm(tell);
    heartbeat.enterLoading(index);
    try {
      policies.push(await loadBundle(source.bundle));
    } finally {
      heartbeat.leave();
    }
  }
  return policies;
}

async function loadBundle({ modules }: PolicyBundle): Promise<Policy> {
  const { file } = modules.at(-1)!;
  const urls: string[] = [];
  for (const module of modules) urls.push(moduleUrl(module, urls));
  let exports: { default?: unknown };
  try {
    exports = await import(urls.at(-1)!);
  } catch (error) {
    throw new PolicyError(loadMessage(error, file));
  }
  if (exports.default === undefined) {
    throw new PolicyError(`${file}: Cannot find a policy: it must have "export default definePolicy({ ... })"`);
  }
  try {
    return definePolicy(exports.default as Policy);
  } catch (error) {
    throw new PolicyError(`${file}: ${(error as Error).message}`);
  }
}

/** What went wrong when a module was linked or ran. */
function loadMessage(error: unknown, file: string): string {
  const text = describeError(error);
  const missing = /does not provide an export named '(.*?)'/.exec(text);
  const hint = missing ? `; where ${missing[1]} is a type, write "import type { ${missing[1]} }"` : "";
  return `${text.startsWith(file) || /^\S+:\d+:\d+: /.test(text) ? "" : `${file}: `}${text}${hint}`;
}

/** The URL under which a module can be imported: its code itself, with the URLs of what it imports. */
function moduleUrl(module: BundledModule, urls: readonly string[]): string {
  let code = "", at = 0;
  for (const { start, end, attributesEnd, module: imported, isDynamic } of module.imports) {
    code += module.code.slice(at, start) + (isDynamic ? `"${urls[imported]}"` : urls[imported]);
    at = end;
    if (attributesEnd <= end) continue;
    // The quotation mark, and what followed it as white space
    code += module.code[end] + " ".repeat(attributesEnd - end - 1);
    at = attributesEnd;
  }
  code += module.code.slice(at);
  // The same text under another URL is another module; stack traces show the end of the URL
  moduleCount++;
  const footer = `//module ${String(moduleCount).padStart(12, "0")}`;
  const url = `data:text/javascript;base64,${base64(`${code}\n${footer}`)}`;
  registerModule(url, { file: module.file, map: module.map === null ? null : parseSourceMap(module.map) });
  return url;
}

const CHUNK = 0x8000;

function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let binary = "";
  for (let i = 0; i < bytes.length; i += CHUNK) binary += String.fromCharCode(...bytes.subarray(i, i + CHUNK));
  return btoa(binary);
}
