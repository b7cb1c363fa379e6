import { accessLevels } from "../cpu/sysreg_check.ts";
import { encodeSysreg, findSysreg, parseSysreg, SYSREGS } from "../cpu/sysregs.ts";
import type { AbortTarget, FunctionTarget, MmioTarget, OneOrMore, Range, SysregTarget } from "../../policies/types.ts";
import { DEVICE_NAMES, type PolicyEnvironment } from "./environment.ts";
import type { Interval } from "./interval_table.ts";
import { WFX } from "./trap.ts";

/*
 * What the targets of rules are on a machine. Everything throws RangeError with a reason, to be completed with the place
 * of the rule, where a name, a pattern or a range means nothing.
 */

/** Function identifiers end below this. */
const FUNCTION_END = 2 ** 32;
/** Names that are as near as this to what was written are suggested. */
const NEAR = 0.4;

function list<T>(target: OneOrMore<T>): readonly T[] {
  return Array.isArray(target) ? target as readonly T[] : [target as T];
}

/** A pattern with `*` and `?` as a test of whole names, in any case. */
function glob(pattern: string): RegExp {
  const source = pattern.replaceAll(/[^\w*?]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`, "i");
}
function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

function asInterval(range: Range, end: number, what: string): Interval {
  const { start, bytes } = Object(range);
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(bytes) || start < 0 || bytes <= 0) {
    throw new RangeError(`a target must be ${what} or range(start, size)`);
  }
  if (start + bytes > end) throw new RangeError(`the range from 0x${start.toString(16)} on wraps or ends too high`);
  return { start, end: start + bytes };
}

/** "; did you mean X?", or "". */
function suggestion(word: string, words: Iterable<string>): string {
  const upper = word.toUpperCase();
  let best = "", least = Math.max(2, upper.length * NEAR);
  for (const candidate of words) {
    const distance = differences(upper, candidate.toUpperCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best === "" ? "" : `; did you mean ${best}?`;
}

/** Levenshtein's distance. */
function differences(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1]));
    }
    row = next;
  }
  return row[b.length];
}

/** The addresses that a rule is about. */
export function mmioIntervals(target: MmioTarget, { devices }: PolicyEnvironment): Interval[] {
  return list<string | Range>(target).flatMap((item) => {
    if (typeof item !== "string") return [asInterval(item, 2 ** 52, "a device's name")];
    const test = glob(item);
    const found = devices.filter(({ name }) => test.test(name));
    const isKnown = isPattern(item) || DEVICE_NAMES.some((name) => name === item);
    if (found.length === 0 && !isKnown) {
      const names = [...new Set([...devices.map(({ name }) => name), ...DEVICE_NAMES])];
      throw new RangeError(
        `there is no device "${item}"${suggestion(item, names) || "."} The machine has ${names.join(", ")}`,
      );
    }
    return found.map(({ base, bytes }) => ({ start: base, end: base + bytes }));
  });
}

/** A register that EL1 or EL0 can reach, with the access that they have. */
interface GuestSysreg {
  readonly name: string;
  readonly index: number;
  readonly encoding: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
}

/** The registers that rules can be about, in the table's order. */
export const GUEST_SYSREGS: readonly GuestSysreg[] = SYSREGS.flatMap(({ name, op, access }, index) => {
  const { read, write } = accessLevels(access);
  if (op === null || Math.min(read, write) > 1) return [];
  return [{ name, index, encoding: encodeSysreg(...op), canRead: read <= 1, canWrite: write <= 1 }];
});
const guestSysregByEncoding = new Map(GUEST_SYSREGS.map((register) => [register.encoding, register]));

const ANY = { canRead: true, canWrite: true };

/**
 * What EL1 may do with a register, or null for one of EL2 or EL3, and for System instructions. Where the CPU has no
 * register, accesses come to EL2, too, and are UNDEFINED unless a policy gives the guest more.
 */
export function guestSysreg(encoding: number): Pick<GuestSysreg, "canRead" | "canWrite"> | null {
  const isUnused = encoding >> 14 >= 2 && findSysreg(encoding) < 0;
  return guestSysregByEncoding.get(encoding) ?? (isUnused ? ANY : null);
}

/** The encodings of the registers that a rule is about. */
export function sysregEncodings(target: SysregTarget): Set<number> {
  const result = new Set<number>();
  for (const item of list<string>(target)) {
    if (typeof item !== "string") throw new RangeError("a target must be a register's name");
    if (isPattern(item)) {
      const test = glob(item);
      const found = GUEST_SYSREGS.filter(({ name }) => test.test(name));
      if (found.length === 0) throw new RangeError(`no system register of a guest has a name like "${item}"`);
      for (const { encoding } of found) result.add(encoding);
    } else result.add(oneSysreg(item));
  }
  return result;
}

function oneSysreg(name: string): number {
  const encoding = parseSysreg(name);
  if (encoding < 0) {
    const near = suggestion(name, GUEST_SYSREGS.map((register) => register.name));
    throw new RangeError(`there is no system register ${name}${near}`);
  }
  if (guestSysreg(encoding) === null) {
    throw new RangeError(
      findSysreg(encoding) >= 0
        ? `${name} is a register of EL2 or EL3, which no guest reaches`
        : `${name} is a System instruction: rules are about registers`,
    );
  }
  return encoding;
}

/** The function identifiers that a rule is about. */
export function functionIntervals(
  target: FunctionTarget,
  kind: "hypercall" | "smc",
  environment: PolicyEnvironment,
): Interval[] {
  const functions = environment.functions[kind];
  return list<string | number | Range>(target).flatMap((item) => {
    if (typeof item === "number") return [asInterval({ start: item, bytes: 1 }, FUNCTION_END, "an identifier")];
    if (typeof item !== "string") return [asInterval(item, FUNCTION_END, "a function's name, its identifier")];
    const test = glob(item);
    const found = functions.filter(({ name }) => test.test(name));
    if (found.length === 0) {
      const near = suggestion(item, functions.map(({ name }) => name));
      throw new RangeError(
        isPattern(item) ? `no function has a name like "${item}"` : `there is no function "${item}"${near}`,
      );
    }
    return found.map(({ id }) => ({ start: id, end: id + 1 }));
  });
}

/** The instructions that a rule is about, as bits by ISS.TI. */
export function wfxMask(target: OneOrMore<string>): number {
  let mask = 0;
  for (const name of list(target)) {
    const n = WFX.indexOf(name as (typeof WFX)[number]);
    if (n < 0) throw new RangeError(`there is no wait instruction "${name}": there are ${WFX.join(", ")}`);
    mask |= 1 << n;
  }
  return mask;
}

/** The exception classes that a rule is about. */
export function exceptionClasses(target: OneOrMore<number>): Set<number> {
  for (const ec of list(target)) {
    if (!Number.isInteger(ec) || ec < 0 || ec > 63) throw new RangeError(`${ec} is no exception class: 0 to 63`);
  }
  return new Set(list(target));
}

export const ABORT_ACCESS = ["read", "write", "execute"] as const;
export const ABORT_FAULT = [
  "addressSize",
  "translation",
  "accessFlag",
  "permission",
  "external",
  "other",
  "alignment",
] as const;
export const ABORT_REGION = ["ram", "device", "unknown"] as const;

/** The stage 2 faults that a rule is about: masks by place in the lists above, and addresses, null for all. */
export interface AbortMatch {
  readonly access: number;
  readonly fault: number;
  readonly region: number;
  readonly intervals: readonly Interval[] | null;
}

export function abortMatch(target: AbortTarget): AbortMatch {
  const keys = ["ipa", "access", "fault", "region"];
  if (typeof target !== "object" || target === null || Array.isArray(target)) {
    throw new RangeError(`a target must be an object with ${keys.join(", ")}`);
  }
  const unknown = Object.keys(target).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw new RangeError(`a stage 2 fault has no "${unknown}": it has ${keys.join(", ")}`);
  return {
    access: mask("access", target.access, ABORT_ACCESS),
    fault: mask("fault", target.fault, ABORT_FAULT),
    region: mask("region", target.region, ABORT_REGION),
    intervals: target.ipa === undefined
      ? null
      : list<Range>(target.ipa).map((range) => asInterval(range, 2 ** 52, "a range of addresses")),
  };
}

function mask(what: string, given: OneOrMore<string> | undefined, words: readonly string[]): number {
  if (given === undefined) return (1 << words.length) - 1;
  let bits = 0;
  for (const word of list(given)) {
    const n = words.indexOf(word);
    if (n < 0) throw new RangeError(`${what} must be ${words.join(", ")}: it is "${word}"`);
    bits |= 1 << n;
  }
  return bits;
}
