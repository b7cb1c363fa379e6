import { Script } from "node:vm";
import type { ScriptMessage } from "./threads.ts";

/*
 * What the Workers of the compiled program begin with: the first message brings the script that takes over. A cache that
 * V8 does not know as its own is as none.
 */

declare const self: { onmessage: ((event: MessageEvent<ScriptMessage>) => void) | null };

self.onmessage = ({ data: { name, source, cache } }) => {
  self.onmessage = null;
  const script = new Script(new TextDecoder().decode(source), { filename: name, cachedData: cache });
  // Not before the next collection of garbage, otherwise
  for (const { buffer } of [source, cache]) buffer.transfer(0);
  script.runInThisContext()((specifier: string) => import(specifier));
};
