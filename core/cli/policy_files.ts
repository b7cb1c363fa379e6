import { BUILT_IN_POLICIES } from "../policy/built_in.ts";
import type { PolicySource } from "../policy/bundle.ts";
import { PolicyError } from "../policy/policy_error.ts";
import { nearest, UsageError } from "./command.ts";

/** Policies as the user named them, read and ready to be loaded elsewhere. */
export interface NamedPolicies {
  readonly names: readonly string[];
  readonly sources: readonly PolicySource[];
  /** Something that the user should know. */
  readonly notices: readonly string[];
}

/** Finds built-in policies by name, and reads plugins from their files. Throws UsageError for what cannot be used. */
export async function readPolicies(names: readonly string[]): Promise<NamedPolicies> {
  const sources: PolicySource[] = [], notices: string[] = [];
  for (const name of names) {
    if (BUILT_IN_POLICIES.has(name)) {
      sources.push({ builtIn: name });
      continue;
    }
    checkFile(name);
    // What reads plugins is only loaded for plugins
    const { readPlugin } = await import("../policy/read_plugin.ts");
    try {
      const bundle = await readPlugin(name);
      sources.push({ bundle });
      notices.push(...bundle.notices);
    } catch (error) {
      throw error instanceof PolicyError ? new UsageError(error.message) : error;
    }
  }
  return { names, sources, notices };
}

/**
 * What to say when the Worker fails that plugins run in, for an error that came when none of their functions was called:
 * out of a promise. Null without plugins, as the error is then our own.
 */
export function strayError(names: readonly string[], message: string): string | null {
  const plugins = names.filter((name) => !BUILT_IN_POLICIES.has(name));
  if (plugins.length === 0) return null;
  return `policy ${plugins.join(" or ")} failed outside its handlers: ${
    message.replace(/^Uncaught (\(in promise\) )?/, "")
  }`;
}

/** A name without a file is most likely a built-in policy's, misspelt. */
function checkFile(name: string): void {
  if (/[./\\]/.test(name)) return;
  try {
    Deno.statSync(name);
  } catch {
    const builtIn = [...BUILT_IN_POLICIES.keys()], near = nearest(name, builtIn);
    throw new UsageError(
      `Cannot find policy "${name}": there is no such file, and the built-in policies are ${builtIn.join(", ")}${
        near ? `; did you mean ${near}?` : ""
      }`,
    );
  }
}
