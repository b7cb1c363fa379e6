/*
 * Plugins run in a Worker without permissions. What is left of the host's interfaces there, what runs code later, when
 * nobody watches, and what makes code out of text (which could import files), is taken away before the first plugin is
 * loaded. What stays is as it was for everybody in this realm: a plugin cannot change it.
 */

/** Globals that stay: the language's own, and what reckons without a host. */
const KEPT = [
  ..."Object Function Array String Number Boolean Symbol BigInt Date RegExp Promise Proxy Reflect JSON Math Intl".split(
    " ",
  ),
  ..."Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError DOMException".split(" "),
  ..."Map Set WeakMap WeakSet WeakRef Iterator ArrayBuffer SharedArrayBuffer DataView Atomics WebAssembly".split(" "),
  ..."Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float16Array".split(" "),
  ..."Float32Array Float64Array BigInt64Array BigUint64Array".split(" "),
  ..."Temporal DisposableStack AsyncDisposableStack SuppressedError".split(" "),
  ..."globalThis undefined NaN Infinity isFinite isNaN parseFloat parseInt".split(" "),
  ..."decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape".split(" "),
  ..."TextEncoder TextDecoder URL URLSearchParams atob btoa structuredClone performance console".split(" "),
];
/** Names that the engine treats in a special way: it would be slower if they were touched. */
const UNTOUCHED: ReadonlySet<string> = new Set(["constructor", "next", "then", "resolve", "toString", "valueOf"]);
/** Prototypes that are left alone, as objects of plugins and of their own classes may hide what these have. */
const HIDDEN: readonly unknown[] = [Object.prototype, Error.prototype];
const MISSING = /^(\w+) is not defined/;

let removed: ReadonlySet<string> | null = null;

/** The global object as some code sees it. */
interface Globals {
  names(): string[];
  /** Whatever stands behind it is removed, too: behind Deno's there may be V8's. What cannot be deleted, as gc, is undefined. */
  remove(name: string): void;
  define(name: string, descriptor: PropertyDescriptor): void;
}
/** A module's text, so that it sees what plugins see: to scripts of node:vm Deno shows others of some globals. */
const GLOBALS = `
export const names = () => Object.getOwnPropertyNames(globalThis);
export const remove = (name) => {
  while (Object.hasOwn(globalThis, name) && Reflect.deleteProperty(globalThis, name));
  if (Object.hasOwn(globalThis, name)) Reflect.defineProperty(globalThis, name, { value: undefined, writable: false });
};
export const define = (name, descriptor) => Object.defineProperty(globalThis, name, descriptor);
`;

/**
 * Takes away, for good, what plugins must not have in this realm. Who needs `postMessage` later keeps it before.
 * @param tell is given what plugins write on the console.
 */
export async function sealRealm(tell: (text: string) => void): Promise<void> {
  if (removed !== null) return;
  const { performance, console } = globalThis, show = Deno.inspect;
  const url = `data:text/javascript,${encodeURIComponent(GLOBALS)}`, seen: Globals = await import(url);
  removed = removeGlobals(seen);
  // It is a target of events, which could run code later
  const clock = { now: () => performance.now(), timeOrigin: performance.timeOrigin };
  seen.define("performance", { value: Object.freeze(clock) });
  const print = (...items: unknown[]) =>
    tell(items.map((item) => typeof item === "string" ? item : show(item)).join(" "));
  const printing = ["log", "info", "debug", "warn", "error", "dir", "table", "trace"];
  const methods = Object.keys(console).map((name) => [name, printing.includes(name) ? print : () => {}]);
  seen.define("console", { value: Object.freeze(Object.fromEntries(methods)) });
  Reflect.deleteProperty(Atomics, "waitAsync");
  removeCodeFromText(seen);
  for (const name of KEPT) keepAsItIs(name, seen);
}

function removeGlobals(seen: Globals): Set<string> {
  const kept = new Set(KEPT), { prototype } = EventTarget;
  // Deno needs V8's, which it looks for when it is called first
  queueMicrotask(() => {});
  const all = [...Object.getOwnPropertyNames(globalThis), ...seen.names()];
  const names = new Set(all.filter((name) => !kept.has(name)));
  for (const name of names) {
    seen.remove(name);
    Reflect.deleteProperty(globalThis, name);
  }
  for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"]) {
    Reflect.deleteProperty(prototype, name);
    names.add(name);
  }
  // Deno asks whether anybody takes care of an error
  seen.define("dispatchEvent", { value: () => true });
  return names;
}

function removeCodeFromText(seen: Globals): void {
  function noCode(): never {
    throw new TypeError("Cannot make code from text in a policy");
  }
  const functions = [function () {}, async function () {}, function* () {}, async function* () {}];
  for (const sample of functions) {
    const prototype = Object.getPrototypeOf(sample);
    Object.defineProperty(prototype, "constructor", { value: noCode, writable: false, configurable: false });
  }
  noCode.prototype = Function.prototype;
  seen.define("Function", { value: noCode });
}

/** Makes a global, and what it and its prototype have, read-only. */
function keepAsItIs(name: string, seen: Globals): void {
  const global: unknown = Reflect.get(globalThis, name);
  if (global === undefined || name === "globalThis") return;
  seen.define(name, { value: global, writable: false, configurable: false });
  if (Object(global) !== global) return;
  // V8 is told by Error.prepareStackTrace what to make of a stack
  if (name !== "Error") lockMembers(global as object);
  const prototype: unknown = (global as { prototype?: unknown }).prototype;
  if (Object(prototype) === prototype && !HIDDEN.includes(prototype)) lockMembers(prototype as object);
}

function lockMembers(holder: object): void {
  for (const name of Object.getOwnPropertyNames(holder)) {
    const member = Object.getOwnPropertyDescriptor(holder, name)!;
    if (UNTOUCHED.has(name) || !member.configurable) continue;
    Object.defineProperty(holder, name, { configurable: false, ...("value" in member ? { writable: false } : {}) });
  }
}

/** What the message of an error lacks to be understood, or "". */
export function sandboxHint(message: string): string {
  const name = MISSING.exec(message)?.[1] ?? "";
  const isHost = removed?.has(name) || ["require", "__dirname", "__filename"].includes(name);
  return isHost ? "; a policy has no access to the host" : "";
}
