import { LogReader } from "../log/log_reader.ts";
import type { LogRecord } from "../log/log_record.ts";
import type { PolicyEngine } from "../policy/engine.ts";
import type { PolicyEnvironment } from "../policy/environment.ts";
import { parseTrap } from "../policy/trap_text.ts";
import type { Trap, TrapKind } from "../policy/trap.ts";
import type { Verdict } from "../policy/verdict.ts";
import type { PolicyVm } from "../../policies/types.ts";
import type { Difference, ReplayResult } from "./policy_protocol.ts";
import { FIELD } from "../log/fields.ts";

/** Differences that are told apart. */
const DIFFERENCES_MAX = 1000;
/** Traps that were made from their texts, so that the same text is read once. */
const TRAPS_MAX = 1 << 16;

/** The machine of a run that is over: a log does not hold it. */
export class RecordedVm implements PolicyVm {
  readonly name = "vm1";
  readonly vcpuCount = 1;
  readonly ram = { start: 0x4000_0000, bytes: 0x3000_0000 };
  /** A handler has asked for what is not there. */
  wasAsked = false;
  /** The trap whose registers are known. */
  trap: Trap | null = null;

  x(n: number): bigint {
    const { trap } = this;
    if (trap && (trap.kind === "hypercall" || trap.kind === "smc") && n >= 1 && n <= 7) return trap.args[n - 1];
    return this.#missing(`X${n}`);
  }
  setX(): void {}
  read(): Uint8Array<ArrayBuffer> {
    return this.#missing("memory");
  }
  write(): void {}
  tell(): void {}

  #missing(what: string): never {
    this.wasAsked = true;
    throw new Error(`Cannot tell ${what} as there is no machine: only a log`);
  }
}

/** Decides again on the traps of a recorded run, and gathers what comes out differently. */
export class Replay {
  readonly #engine: PolicyEngine;
  readonly #environment: PolicyEnvironment;
  readonly #vm: RecordedVm;
  readonly #reader = new LogReader({ record: (record) => this.#record(record) });
  readonly #traps = new Map<string, Trap | null>();
  readonly #differences = new Map<string, Difference>();
  #records = 0;
  #undecided = 0;
  #more = 0;

  constructor(engine: PolicyEngine, environment: PolicyEnvironment, vm: RecordedVm) {
    this.#engine = engine;
    this.#environment = environment;
    this.#vm = vm;
  }

  push(piece: Uint8Array<ArrayBuffer>): void {
    this.#reader.push(piece);
  }

  end(): ReplayResult {
    this.#reader.end();
    const { damaged, truncated } = this.#reader.counts;
    return {
      records: this.#records,
      undecided: this.#undecided,
      unreadable: damaged + truncated,
      differences: [...this.#differences.values()].sort((a, b) => b.count - a.count || a.firstSeq - b.firstSeq),
      more: this.#more,
    };
  }

  #record(record: LogRecord): void {
    const kind = record.kind, before = record.text(FIELD.verdict);
    if (kind === "timer" || before === "none" || record.has(FIELD.reported)) return;
    const trap = this.#trap(kind, record.text(FIELD.what));
    if (trap === null) return;
    this.#records++;
    fill(trap, record);
    this.#vm.trap = trap;
    this.#vm.wasAsked = false;
    const verdict = this.#engine.decide(trap);
    if (this.#vm.wasAsked) this.#undecided++;
    else if (!isSame(record, verdict)) this.#differ(record, verdict);
  }

  #trap(kind: TrapKind, what: string): Trap | null {
    const key = `${kind} ${what}`;
    let trap = this.#traps.get(key);
    if (trap === undefined) {
      trap = parseTrap(kind, trapText(kind, what), this.#environment);
      if (this.#traps.size < TRAPS_MAX) this.#traps.set(key, trap);
    }
    return trap;
  }

  #differ(record: LogRecord, verdict: Verdict): void {
    const kind = record.kind, what = record.text(FIELD.what);
    // Of a stage 2 fault, what is done is what differs
    const before = kind === "abort" ? record.subject.intent : record.text(FIELD.verdict);
    const after = kind === "abort" ? verdict.intent ?? "the hypervisor's intent" : verdict.action;
    const key = `${kind} ${what} ${before} ${after} ${verdict.rule}`;
    const known = this.#differences.get(key);
    if (known) known.count++;
    else if (this.#differences.size >= DIFFERENCES_MAX) this.#more++;
    else {
      const { rule, error = "" } = verdict;
      this.#differences.set(key, {
        kind,
        what,
        before,
        after,
        rule,
        error,
        count: 1,
        firstSeq: record.number(FIELD.seq),
      });
    }
  }
}

/** What a record says of a trap that `parseTrap` reads: the rest stands in fields of their own. */
function trapText(kind: TrapKind, what: string): string {
  if (kind === "exception") return "0";
  return kind === "abort" ? what.split(":").slice(0, 3).join(":") : what;
}

/** Gives a trap what the record tells beside its text. */
function fill(trap: Trap, record: LogRecord): void {
  const { common } = trap;
  common.seq = record.number(FIELD.seq);
  common.vcpu = record.number(FIELD.vcpu);
  common.el = record.number(FIELD.el);
  common.esr = record.number(FIELD.esr);
  common.time = record.number(FIELD.t);
  common.pcLo = record.words[2 * FIELD.pc];
  common.pcHi = record.words[2 * FIELD.pc + 1];
  // What a read or call gave was not known when it was decided on
  const isWrite = "isWrite" in trap && trap.isWrite;
  common.valueLo = isWrite ? record.words[2 * FIELD.value] : 0;
  common.valueHi = isWrite ? record.words[2 * FIELD.value + 1] : 0;
  if (trap.kind === "hypercall" || trap.kind === "smc") {
    const args = record.has(FIELD.args) ? record.text(FIELD.args).split(",") : [];
    trap.functionId = record.has(FIELD.id) ? record.number(FIELD.id) : trap.functionId;
    trap.imm16 = record.has(FIELD.imm) ? record.number(FIELD.imm) : 0;
    trap.registers.fill(0);
    trap.registers[0] = trap.functionId;
    args.forEach((text, n) => {
      const value = BigInt(text);
      trap.registers[2 * n + 2] = Number(value & 0xffff_ffffn);
      trap.registers[2 * n + 3] = Number(value >> 32n);
    });
  } else if (trap.kind === "exception") {
    trap.syndrome = record.number(FIELD.syndrome);
    // What came to EL2 has a syndrome there
    trap.isTaken = trap.esr === 0 || record.has(FIELD.reported);
  } else if (trap.kind === "abort") {
    trap.region = record.text(FIELD.region) as typeof trap.region;
    trap.isTableWalk = record.has(FIELD.s1ptw);
    trap.intent = record.subject.intent as typeof trap.intent;
  }
}

function isSame(record: LogRecord, verdict: Verdict): boolean {
  const before = record.text(FIELD.verdict);
  // Nobody has answered, though the policy allowed it
  if (record.text(FIELD.rule) === "unclaimed") return verdict.action === "allow" || verdict.action === "deny";
  if (record.kind === "abort") {
    if (verdict.intent !== undefined) return verdict.intent === record.subject.intent;
    // What the hypervisor would have done without the policy is not known any more
    if (record.text(FIELD.rule).includes("/intent.")) return false;
  }
  if (verdict.action !== before) return false;
  if (before !== "value" || record.subject.access === "w") return true;
  return record.words[2 * FIELD.value] === verdict.valueLo >>> 0 &&
    record.words[2 * FIELD.value + 1] === verdict.valueHi >>> 0;
}
