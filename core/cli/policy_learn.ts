import { FIELD } from "../log/fields.ts";
import { LogReader } from "../log/log_reader.ts";
import type { LogRecord } from "../log/log_record.ts";
import { jsonText, logfmtText } from "../log/quote.ts";
import { GUEST_SYSREGS } from "../policy/targets.ts";

/** Items of a list that stand on one line. */
const LINE_WIDTH = 110;

/** Names that were accessed, in the order of their first time: read, written, or both. */
type Accesses = Map<string, { reads: boolean; writes: boolean }>;
/** Kinds of records that become rules with values. */
type ValueKind = "mmio" | "sysreg" | "hypercall" | "smc";

/**
 * Makes the least policy under which a recorded run passes: what was allowed is, and nothing else. A capture of the
 * console holds what the guest likes, so names in it are texts of the policy whatever they are.
 */
export class Learner {
  readonly #reader = new LogReader({
    record: (record) => this.#record(record),
    header: (header) => {
      const policies = String(header.policy ?? "").split(",");
      this.#hasRegisters ||= policies.includes("audit");
    },
  });
  readonly #devices = new Map<string, number>();
  readonly #sysregs: Accesses = new Map();
  readonly #calls = { hypercall: new Map<string, number>(), smc: new Map<string, number>() };
  /** Rules that give what a policy gave, by their text before the value; null where it was not always the same. */
  readonly #values = new Map<string, string | null>();
  readonly #ignored = new Set<string>();
  readonly #intents = new Map<string, number>();
  readonly #denied = new Map<string, number>();
  /** The log tells of every register, not only of those that were trapped anyway. */
  #hasRegisters = false;
  records = 0;

  push(piece: Uint8Array<ArrayBuffer>): void {
    this.#reader.push(piece);
  }

  /** Why the policy may be another one than the run needs: parts of a sentence, none where all is as it should be. */
  doubts(): string[] {
    const { lost, missing, damaged, truncated, foreign, interleaved } = this.#reader.counts;
    const unread = lost + missing + damaged + truncated, others = foreign + interleaved;
    return [
      ...unread > 0 ? [`records of the run are missing (${unread})`] : [],
      ...others > 0 ? [`lines hold what is no record (${others}), and who wrote that can write records, too`] : [],
    ];
  }

  #record(record: LogRecord): void {
    const verdict = record.text(FIELD.verdict), { kind, subject } = record;
    this.records++;
    if (verdict === "deny" || verdict === "kill") {
      return count(this.#denied, `${kind} ${logfmtText(record.text(FIELD.what))}`);
    }
    switch (kind) {
      case "mmio":
        if (isSpecial(verdict, subject.access)) this.#special(record, verdict, mmioTarget(record));
        else if (subject.device !== "") count(this.#devices, subject.device);
        return;
      case "sysreg":
        if (isSpecial(verdict, subject.access)) return this.#special(record, verdict, jsonText(subject.name));
        return access(this.#sysregs, subject.name, subject.access === "w");
      case "hypercall":
      case "smc": {
        const target = callTarget(subject.name);
        if (isSpecial(verdict, "r")) this.#special(record, verdict, target);
        else count(this.#calls[kind], target);
        return;
      }
      case "wfx":
        if (verdict === "ignore") this.#ignored.add(`ignore.wfx(${jsonText(subject.name)})`);
        return;
      case "abort":
        // Those that the hypervisor injects or skips by itself need no rule
        if (record.text(FIELD.rule) !== "default") this.#abort(record);
    }
  }

  /** A rule that ignores, or gives a value. */
  #special(record: LogRecord, verdict: string, target: string): void {
    const kind = record.kind as ValueKind, isWrite = record.subject.access === "w";
    if (verdict === "ignore" || isWrite) {
      const direction = kind === "mmio" || kind === "sysreg" ? `, { access: "${isWrite ? "write" : "read"}" }` : "";
      this.#ignored.add(`ignore.${kind}(${target}${direction})`);
      return;
    }
    const value = `0x${record.bigint(FIELD.value).toString(16)}n`;
    const known = this.#values.get(`${kind}(${target}`);
    this.#values.set(`${kind}(${target}`, known === undefined || known === value ? value : null);
  }

  #abort(record: LogRecord): void {
    const { subject: { access, fault, intent } } = record;
    const page = Math.floor(record.number(FIELD.ipa) / 4096) * 4096;
    const word = { r: "read", w: "write", x: "execute" }[access] ?? "read";
    count(
      this.#intents,
      `intent.abort({ ipa: range(0x${page.toString(16)}, 0x1000), access: "${word}", fault: ${jsonText(fault)} }, ${
        jsonText(intent)
      })`,
    );
  }

  /** The policy's source. */
  source(name: string, from: string): string {
    this.#reader.end();
    const rules = [
      ...[...this.#intents.keys()],
      ...this.#ignored,
      ...this.#valueRules(),
      ...this.#allowed(),
    ];
    const body = rules.map((rule) => `    ${rule.replaceAll("\n", "\n    ")},\n`).join("");
    const used = ["allow", "definePolicy", "deny", "ignore", "intent", "range", "value"].filter((word) =>
      word === "definePolicy" || word === "deny" || new RegExp(`(^|[^\\w])${word}[.(]`, "m").test(body)
    );
    const denied = [...this.#denied].map(([what, n]) => `    // denied in that run: ${what} (${n})\n`).join("");
    return `import { ${used.join(", ")} } from "ariel/policy";\n\n` +
      `/** What the guest was allowed in the run of ${from.replaceAll("*/", "* /")}, and nothing else. */\n` +
      `export default definePolicy({\n  name: ${
        JSON.stringify(name)
      },\n  apiVersion: 1,\n  rules: [\n${body}${denied}  ],\n` +
      `  otherwise: deny,\n});\n`;
  }

  #valueRules(): string[] {
    return [...this.#values].map(([start, value]) =>
      value === null
        ? `allow.${start}) /* a policy gave it values that changed: this is the hypervisor's */`
        : `value.${start}, ${value}${/^(mmio|sysreg)/.test(start) ? ', { access: "read" }' : ""})`
    );
  }

  #allowed(): string[] {
    const rules: string[] = [];
    if (this.#devices.size > 0) rules.push(listRule("allow.mmio", quoted(this.#devices.keys())));
    for (const kind of ["hypercall", "smc"] as const) {
      if (this.#calls[kind].size > 0) rules.push(listRule(`allow.${kind}`, [...this.#calls[kind].keys()]));
    }
    if (!this.#hasRegisters) {
      return [...rules, 'allow.sysreg("*") /* the log tells of few registers: record one with --policy audit */'];
    }
    const groups = { read: [] as string[], write: [] as string[], both: [] as string[] };
    for (const [name, { reads, writes }] of this.#sysregs) {
      groups[reads && writes ? "both" : writes ? "write" : "read"].push(name);
    }
    if (groups.both.length > 0) rules.push(listRule("allow.sysreg", quoted(inOrder(groups.both))));
    for (const direction of ["read", "write"] as const) {
      const names = groups[direction];
      if (names.length > 0) {
        rules.push(listRule("allow.sysreg", quoted(inOrder(names)), `, { access: "${direction}" }`));
      }
    }
    return rules;
  }
}

/** A verdict that is more than leave: what is read under a mask is a value, too. */
function isSpecial(verdict: string, access: string): boolean {
  return verdict === "ignore" || verdict === "value" || (verdict === "mask" && access === "r");
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function access(accesses: Accesses, name: string, isWrite: boolean): void {
  const known = accesses.get(name);
  if (known === undefined) accesses.set(name, { reads: !isWrite, writes: isWrite });
  else if (isWrite) known.writes = true;
  else known.reads = true;
}

function mmioTarget(record: LogRecord): string {
  return `range(0x${record.number(FIELD.ipa).toString(16)}, ${record.subject.size})`;
}
function callTarget(name: string): string {
  return /^0x[0-9a-f]+$/.test(name) ? name : jsonText(name);
}
function quoted(names: Iterable<string>): string[] {
  return [...names].map(jsonText);
}

const ORDER = new Map(GUEST_SYSREGS.map(({ name }, n) => [name, n]));

/** Registers in the order of the architecture's tables. */
function inOrder(names: readonly string[]): string[] {
  return names.toSorted((a, b) => (ORDER.get(a) ?? Infinity) - (ORDER.get(b) ?? Infinity));
}

/** A rule about several things, on as many lines as they need. */
function listRule(maker: string, items: readonly string[], options = ""): string {
  if (items.length === 1) return `${maker}(${items[0]}${options})`;
  const lines = [""];
  for (const item of items) {
    if (lines.at(-1)!.length + item.length > LINE_WIDTH) lines.push("");
    lines[lines.length - 1] += `${lines.at(-1) === "" ? "" : " "}${item},`;
  }
  const text = lines.length === 1 ? lines[0].slice(0, -1) : `\n  ${lines.join("\n  ")}\n`;
  return `${maker}([${text}]${options})`;
}
