import "./pac_algorithm.ts";
import { CaptureBuilder } from "../../core/engine/capture.ts";
import { Handlers, SPECIAL } from "../../core/engine/handlers.ts";
import { helperTable } from "../../core/engine/helpers.ts";
import { EXIT_KINDS, SCRATCH, STATE, type StateField, V, X } from "../../core/cpu/layout.ts";
import type { Vcpu } from "../../core/cpu/vcpu.ts";
import { Decoder } from "../../core/a64/decoder.ts";
import { extractFields, type Row } from "../../core/a64/row.ts";
import type { InstructionCase, InstructionResult } from "./instruction.ts";

/*
 * Runs single instructions through the handlers that the engine generates from their rows, with no machine around
 * them: the counterpart of instruction.ts. The rows must not touch memory or take exceptions.
 */

const BASE = 0x1000, RECORD = 0x8000;

/** Handlers of some rows, and a vCPU's state block to run them on. */
export class RowRunner {
  readonly #memory = new WebAssembly.Memory({ initial: 2, maximum: 2, shared: true });
  readonly #u32 = new Uint32Array(this.#memory.buffer);
  readonly #u64 = new BigUint64Array(this.#memory.buffer);
  readonly #u16 = new Uint16Array(this.#memory.buffer);
  readonly #capture = new CaptureBuilder(this.#memory.buffer as unknown as SharedArrayBuffer);
  readonly #handlers: Handlers;
  readonly #decoder: Decoder;
  /** Helpers called since the runner was made: the slow paths taken. */
  helperCalls = 0;

  constructor(rows: readonly Row[]) {
    this.#decoder = new Decoder(rows);
    const vcpu = this.#vcpu();
    this.#handlers = new Handlers(this.#memory, {
      helper: (id) => {
        this.helperCalls++;
        helperTable[id].run(vcpu);
        return 0;
      },
      memoryAccess: () => 1,
      decode: () => 0,
      hot: () => 0,
      fetch: () => 0,
      exit: (kind) => this.#u32[this.#field("exitKind")] = kind,
      resident: () => 0,
      fill: () => 1,
    });
  }

  /** What helpers of arithmetic use of a vCPU. */
  #vcpu(): Vcpu {
    const word = (field: StateField): number => (BASE + STATE[field].offset) >>> 2;
    return {
      u32: this.#u32,
      u64: this.#u64,
      f32: new Float32Array(this.#memory.buffer),
      f64: new Float64Array(this.#memory.buffer),
      get32: (field: StateField) => this.#u32[word(field)],
      set32: (field: StateField, value: number) => this.#u32[word(field)] = value,
      scratch64: (slot: number) => (BASE + SCRATCH + 16 * slot) >>> 3,
      scratch32: (slot: number) => (BASE + SCRATCH + 16 * slot) >>> 2,
    } as unknown as Vcpu;
  }

  #field(field: StateField): number {
    return (BASE + STATE[field].offset) >>> 2;
  }

  /** Runs one case; `fpsr` is what FPSR starts from. */
  run(c: InstructionCase, fpsr = 0): InstructionResult {
    const x = (BASE + X) >>> 3, v = (BASE + V) >>> 3;
    for (let n = 0; n < 4; n++) {
      this.#u64[x + n] = c.x?.[n] ?? 0n;
      this.#u64[v + 2 * n] = BigInt.asUintN(64, c.v?.[n] ?? 0n);
      this.#u64[v + 2 * n + 1] = (c.v?.[n] ?? 0n) >> 64n;
    }
    this.#u32[this.#field("fpcr")] = c.fpcr ?? 0;
    this.#u32[this.#field("fpsr")] = fpsr;
    this.#u32[this.#field("nzcv")] = c.nzcv ?? 0;
    this.#u32[this.#field("exitKind")] = EXIT_KINDS.indexOf("step");
    const row = this.#decoder.decode(c.insn);
    if (row) this.#execute(row, c.insn);
    return {
      undefined: !row || this.#u32[this.#field("exitKind")] === EXIT_KINDS.indexOf("undefined"),
      fpsr: this.#u32[this.#field("fpsr")],
      nzcv: this.#u32[this.#field("nzcv")],
      x0: this.#u64[x],
      x1: this.#u64[x + 1],
      v0: this.#u64[v] | (this.#u64[v + 1] << 64n),
    };
  }

  #execute(row: Row, insn: number): void {
    this.#capture.begin(RECORD, 0);
    row.semantics!(this.#capture, extractFields(row, insn));
    this.#u16[RECORD >>> 1] = this.#handlers.slotOf(row, insn, this.#capture.variant);
    this.#u16[(RECORD + 16) >>> 1] = SPECIAL.step;
    this.#handlers.enter(BASE, RECORD, -1000);
  }
}
