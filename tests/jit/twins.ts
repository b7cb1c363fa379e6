import { assemble } from "../../core/a64/assembler.ts";
import { disassemble } from "../../core/a64/disassembler.ts";
import {
  EXCEPTIONS,
  HOT,
  SP_SLOT,
  STATE,
  type StateField,
  SYSREG,
  SYSREG_SLOTS,
  V,
  VCPU_BYTES,
  X,
} from "../../core/cpu/layout.ts";
import { SYSREGS } from "../../core/cpu/sysregs.ts";
import type { Vcpu } from "../../core/cpu/vcpu.ts";
import type { Machine } from "../../core/machine/machine.ts";
import { RAM_PA } from "../../core/machine/memory_map.ts";
import { loadProgram, makeMachine } from "./bare_machine.ts";
import { CODE, MEMORY, OTHER_MEMORY, RAM_BYTES, SUPERVISOR, USER, writeTables } from "./layout.ts";

/** Fields that say how an engine stands and nothing of the architecture. */
const PRIVATE: readonly StateField[] = [
  "exitKind",
  "exitArgument",
  "pcPage",
  "recordBase",
  "budget",
  "attention",
  "record",
  "stackBytes",
  "left",
  "sideExits",
  "callSites",
  "recordMemo",
  "unfilledPage",
  "flagA",
  "flagB",
  "resume",
  "restart",
  "codeExceptions",
  "regimeEpoch",
];
/** Memory that is compared at every stop. */
const WATCHED = [CODE, MEMORY, OTHER_MEMORY, USER, { ...SUPERVISOR, pages: 2 }];

/** Where both tiers stood when they differed, and in what. */
export interface Difference {
  readonly instructions: number;
  /** Where they stood when they were last the same. */
  readonly after: string;
  readonly parts: readonly string[];
}

/**
 * Two machines that run the same program: the interpreter, and the JIT with everything compiled. They stop after slices
 * of the same length, and there everything that a guest can see must be the same.
 */
export class Twins {
  readonly interpreter: Machine;
  readonly jit: Machine;
  readonly #machines: readonly Machine[];
  /** Where each page's descriptor stands, by VA, for programs that change it. */
  readonly descriptors: Map<bigint, bigint>;

  constructor() {
    this.#machines = [false, true].map((jit) => makeMachine(jit));
    [this.interpreter, this.jit] = this.#machines;
    this.jit.engine.jit!.isEager = true;
    this.descriptors = this.#machines.map(writeTables)[0];
  }

  #isEnded = false;

  /** Begins anew with a program at its VA in an area, whose first instruction is the next. */
  load(source: string, origin: bigint = CODE.va, symbols: Record<string, bigint> = {}): ReadonlyMap<string, bigint> {
    const program = assemble(source, { origin, symbols });
    this.loadBytes(program.bytes, origin);
    return program.labels;
  }

  /** @param memory what MEMORY begins with. */
  loadBytes(bytes: Uint8Array, origin: bigint, memory: Uint8Array = new Uint8Array(0)): void {
    for (const m of this.#machines) loadProgram(m, bytes, origin, memory);
  }

  /** Sets a variable in the supervisor's data or anywhere else in RAM. */
  poke(pa: number, value: bigint): void {
    for (const { ram } of this.#machines) new BigUint64Array(ram.u8.buffer)[ram.hostOffset(pa) >>> 3] = value;
  }

  peek(pa: number): bigint {
    const { ram } = this.jit;
    return new BigUint64Array(ram.u8.buffer)[ram.hostOffset(pa) >>> 3];
  }

  /** Calls `change` for both machines. */
  each(change: (machine: Machine) => void): void {
    this.#machines.forEach(change);
  }

  /**
   * Runs both to the end of the program, or to so many instructions.
   * @param slice gives the length of the next slice.
   */
  run(slice: () => number, limit = 1_000_000): Difference | null {
    const start = this.interpreter.instructions;
    this.#isEnded = false;
    let after = "the start";
    for (;;) {
      const instructions = this.interpreter.instructions - start;
      if (instructions >= limit) return null;
      const budget = slice();
      const reasons = this.#machines.map((m) =>
        m.run({ poll() {}, wait: () => m.stop() }, { instructions: m.instructions + budget, milliseconds: Infinity })
      );
      const parts = this.#compare(reasons);
      if (parts.length > 0) return { instructions, after, parts };
      this.#isEnded = reasons[0] === "stopped";
      if (this.#isEnded) return this.#compareRam(instructions, after);
      const [vcpu] = this.interpreter.vcpus;
      after = `${vcpu.get64("pc").toString(16)} (${this.#wordAt(vcpu)})`;
    }
  }

  /** Whether the program came to its BRK #0. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  #wordAt(vcpu: Vcpu): string {
    const pc = vcpu.get64("pc"), offset = pc - CODE.va;
    if (offset < 0n || offset >= BigInt(CODE.pages * 4096)) return "not in the code";
    const at = this.interpreter.ram.hostOffset(CODE.pa + Number(offset));
    return disassemble(vcpu.u32[at >>> 2], pc);
  }

  #compare(reasons: readonly string[]): string[] {
    const [a, b] = this.#machines, parts: string[] = [];
    const differ = (name: string, x: unknown, y: unknown): void => {
      if (x !== y) parts.push(`${name}: interpreter ${show(x)}, JIT ${show(y)}`);
    };
    differ("reason", reasons[0], reasons[1]);
    differ("instructions", a.instructions, b.instructions);
    a.vcpus.forEach((vcpu, i) => compareCpus(vcpu, b.vcpus[i], differ));
    for (const area of WATCHED) compareBytes(a, b, area.pa, area.pages * 4096, differ);
    return parts;
  }

  #compareRam(instructions: number, after: string): Difference | null {
    const parts: string[] = [], [a, b] = this.#machines;
    compareBytes(a, b, RAM_PA, RAM_BYTES, (name, x, y) => {
      if (x !== y) parts.push(`${name}: interpreter ${show(x)}, JIT ${show(y)}`);
    });
    return parts.length > 0 ? { instructions, after, parts } : null;
  }
}

/** A difference as text. */
export function describe({ instructions, after, parts }: Difference): string {
  return [`after ${instructions} instructions, last the same at ${after}:`, ...parts.slice(0, 12)].join("\n  ");
}

function show(value: unknown): string {
  return typeof value === "bigint" ? value.toString(16) : String(value);
}

type Differ = (name: string, a: unknown, b: unknown) => void;

function compareCpus(a: Vcpu, b: Vcpu, differ: Differ): void {
  for (let at = 0; at < VCPU_BYTES; at += at === HOT - 4 ? EXCEPTIONS - at : 4) {
    const i = (a.base + at) >>> 2, j = (b.base + at) >>> 2;
    if (a.u32[i] === b.u32[j]) continue;
    const name = fieldAt(at);
    if (name !== null) differ(name, BigInt(a.u32[i]), BigInt(b.u32[j]));
  }
  differ("isRunning", a.isRunning, b.isRunning);
}

/** What stands in the word at an offset of the state block; null where it need not be the same. */
function fieldAt(offset: number): string | null {
  const part = offset & 4 ? "high" : "low";
  if (offset >= X && offset < X + 8 * 31) return `x${(offset - X) >>> 3}.${part}`;
  if (offset >>> 3 === (X + 8 * SP_SLOT) >>> 3) return `sp.${part}`;
  if (offset >= V && offset < V + 512) return `v${(offset - V) >>> 4}[${(offset >>> 2) & 3}]`;
  if (offset >= SYSREG && offset < SYSREG + 8 * SYSREG_SLOTS) {
    return `${SYSREGS[(offset - SYSREG) >>> 3]?.name ?? "no system register"}.${part}`;
  }
  if (offset >= EXCEPTIONS) return `exceptions+${offset - EXCEPTIONS}`;
  const field = Object.entries(STATE).find(([, f]) => offset >= f.offset && offset < f.offset + f.bytes);
  return !field || PRIVATE.includes(field[0] as StateField) ? null : `${field[0]}.${part}`;
}

function compareBytes(a: Machine, b: Machine, pa: number, bytes: number, differ: Differ): void {
  const at = a.ram.hostOffset(pa) >>> 3, other = b.ram.hostOffset(pa) >>> 3;
  const x = new BigUint64Array(a.ram.u8.buffer, 8 * at, bytes >>> 3);
  const y = new BigUint64Array(b.ram.u8.buffer, 8 * other, bytes >>> 3);
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) differ(`[${(pa + 8 * i).toString(16)}]`, x[i], y[i]);
}
