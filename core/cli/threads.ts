/**
 * Workers are scripts with what V8 has made of them before, which starts sooner. Null when the program runs from its
 * source: `deno task compile` puts true here.
 */
export const HAS_SCRIPTS: boolean | null = null;

const OPTIONS = { type: "module", deno: { permissions: "none" } } as const;

/** The first message to script_worker.ts. */
export interface ScriptMessage {
  readonly name: string;
  /** ASCII text: a function expression, whose argument is what imports modules. */
  readonly source: Uint8Array<ArrayBuffer>;
  /** V8's code cache of `source`. */
  readonly cache: Uint8Array<ArrayBuffer>;
}

/** Starts a Worker without permissions. @param module where it begins: `new URL(...)` itself, by which it is found. */
export function startThread(module: URL): Worker {
  if (HAS_SCRIPTS === null) return new Worker(module, OPTIONS);
  const worker = new Worker(new URL("./script_worker.ts", import.meta.url), OPTIONS);
  const [source, cache] = ["script", "cache"].map((type) =>
    Deno.readFileSync(new URL(module.href.replace(/js$/, type)))
  );
  const message: ScriptMessage = { name: module.href, source, cache };
  worker.postMessage(message, [source.buffer, cache.buffer]);
  return worker;
}
