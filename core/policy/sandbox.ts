/*
 * Plugins run in a Worker without permissions. What is left of the host's interfaces there, and what makes code out of
 * text (which could import files), is taken away before the first plugin is loaded.
 */

/** Globals that no policy needs. */
const REMOVED = [
  "Deno",
  "process",
  "Buffer",
  "Worker",
  "eval",
  "postMessage",
  "close",
  "fetch",
  "WebSocket",
  "EventSource",
  "BroadcastChannel",
  "caches",
  "localStorage",
  "sessionStorage",
] as const;
/** What a ReferenceError says of them. */
const MISSING = new RegExp(`^(${REMOVED.join("|")}|require|__dirname|__filename) is not defined`);

let isSealed = false;

/** Takes away, for good, what plugins must not have in this realm. Who needs `postMessage` later keeps it before. */
export function sealRealm(): void {
  if (isSealed) return;
  isSealed = true;
  for (const name of REMOVED) Reflect.deleteProperty(globalThis, name);
  function noCode(): never {
    throw new TypeError("Cannot make code from text in a policy");
  }
  const functions = [function () {}, async function () {}, function* () {}, async function* () {}];
  for (const sample of functions) {
    const prototype = Object.getPrototypeOf(sample);
    Object.defineProperty(prototype, "constructor", { value: noCode, writable: false, configurable: false });
  }
  noCode.prototype = Function.prototype;
  Object.defineProperty(globalThis, "Function", { value: noCode, writable: false, configurable: false });
}

/** What the message of an error lacks to be understood, or "". */
export function sandboxHint(message: string): string {
  return MISSING.test(message) ? "; a policy has no access to the host" : "";
}
