import type { AccessOptions, Injection, Intent, LogOption, Range, Value, Verdict } from "./types.ts";

/** Every option that a verdict or rule may have. */
export interface AllOptions extends AccessOptions {
  readonly inject?: Injection;
  readonly code?: number;
}

const LOG: readonly LogOption[] = ["default", "always", "once", "never"];
const INJECT: readonly Injection[] = ["default", "undefined", "abort", "notSupported"];
const INTENTS: readonly Intent[] = ["map", "emulate", "inject", "skip", "pause", "kill"];
const ACCESS = ["read", "write"] as const;
/** Addresses end below this. */
const ADDRESS_END = 2 ** 52;

/** Throws TypeError or RangeError unless these are options that `who` takes. */
export function checkOptions(who: string, options: AllOptions, known: readonly (keyof AllOptions)[]): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot make ${who} as its options must be an object: they are ${show(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key as keyof AllOptions)) {
      throw new TypeError(`Cannot make ${who} as it has no option "${key}": it takes ${known.join(", ")}`);
    }
  }
  const { log, inject, access, because, code, limit } = options;
  checkWord(who, "log", log, LOG);
  checkWord(who, "inject", inject, INJECT);
  checkWord(who, "access", access, ACCESS);
  if (because !== undefined && typeof because !== "string") {
    throw new TypeError(`Cannot make ${who} as because must be text: it is ${show(because)}`);
  }
  if (code !== undefined && !(Number.isInteger(code) && code >= 0 && code <= 255)) {
    throw new RangeError(`Cannot make ${who} as code must be 0 to 255: it is ${show(code)}`);
  }
  if (limit !== undefined) checkLimit(who, limit);
}

function checkLimit(who: string, limit: NonNullable<AllOptions["limit"]>): void {
  const { count, perSeconds } = Object(limit);
  if (!Number.isInteger(count) || count < 0 || !(perSeconds > 0)) {
    throw new RangeError(
      `Cannot make ${who} as limit must be { count, perSeconds } with a whole count and seconds above 0`,
    );
  }
}

function checkWord(who: string, option: string, word: unknown, words: readonly string[]): void {
  if (word !== undefined && !words.includes(word as string)) {
    throw new TypeError(`Cannot make ${who} as ${option} must be ${words.join(" or ")}: it is ${show(word)}`);
  }
}

/** What a user's value looks like in a message. */
export function show(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `function ${value.name}`;
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** The parts of a "value" verdict. Throws TypeError or RangeError for what is no 64-bit value. */
export function valueParts(who: string, value: Value): Pick<Verdict, "value" | "clear"> {
  if (typeof value !== "object" || value === null) return { value: uint64(who, value) };
  const unknown = Object.keys(value).find((key) => key !== "clear" && key !== "set");
  if (unknown !== undefined) {
    throw new TypeError(`Cannot make ${who} as a value has no "${unknown}": use clear and set`);
  }
  if (value.clear === undefined && value.set === undefined) {
    throw new TypeError(`Cannot make ${who} as it needs a value: a number, a bigint, or { clear, set }`);
  }
  return { value: uint64(who, value.set ?? 0n), clear: uint64(who, value.clear ?? 0n) };
}

function uint64(who: string, value: unknown): bigint {
  if (typeof value !== "bigint" && !Number.isSafeInteger(value)) {
    throw new TypeError(`Cannot make ${who} as it needs a value, a whole number or bigint: it is ${show(value)}`);
  }
  const wide = BigInt(value as bigint | number);
  if (wide >= 1n << 64n || wide < -(1n << 63n)) {
    throw new RangeError(`Cannot make ${who} as ${show(value)} does not fit in 64 bits`);
  }
  return BigInt.asUintN(64, wide);
}

/** Throws TypeError unless `intent` is one. */
export function checkIntent(who: string, intent: unknown): void {
  if (intent === undefined) throw new TypeError(`Cannot make ${who} as it needs an intent: ${INTENTS.join(", ")}`);
  checkWord(who, "the intent", intent, INTENTS);
}

/**
 * The half-open interval [start, start + bytes) of addresses, or of function identifiers. Throws RangeError where it is
 * empty or wraps: addresses have 52 bits.
 *
 *     allow.mmio(range(0x0900_0000, 0x1000))
 */
export function range(start: number | bigint, bytes: number | bigint): Range {
  const from = Number(start), size = Number(bytes);
  const text = `range(0x${start.toString(16)}, 0x${bytes.toString(16)})`;
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(size) || from < 0 || size <= 0) {
    throw new RangeError(`Cannot use ${text} as it needs a whole start from 0 on and at least one byte`);
  }
  if (from + size > ADDRESS_END) {
    throw new RangeError(`Cannot use ${text} as it wraps: it must end at or below 2^52`);
  }
  return Object.freeze({ start: from, bytes: size });
}
