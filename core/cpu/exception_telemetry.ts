import { STATE, SYSREG } from "./layout.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

/** Kinds of exceptions that are counted: the 64 classes of ESR_ELx.EC, then IRQ, FIQ and SError. */
export const EXCEPTION_KINDS = 67;
export const KIND_IRQ = 64;

const SYSREGS = SYSREG >>> 2;
const PC = STATE.pc.offset >>> 2;
const HPFAR = SYSREGS + 2 * sysregIndex("HPFAR_EL2");
const banked = (name: string) => [0, 1, 2, 3].map((el) => el === 0 ? 0 : SYSREGS + 2 * sysregIndex(`${name}_EL${el}`));
const ESR = banked("ESR"), FAR = banked("FAR");
/** Words kept of the last exception: ESR_ELx, FAR_ELx, HPFAR_EL2 and the PC that was left, low halves first. */
const LAST_WORDS = 8;

/** The last exception of a kind. 64-bit values. */
export interface LastException {
  readonly esr: bigint;
  readonly far: bigint;
  readonly hpfar: bigint;
  /** Where it was taken from. */
  readonly pc: bigint;
}

/** How many exceptions a vCPU has taken, by Exception level and kind, and the last of each. */
export class ExceptionTelemetry {
  readonly #counts = new Float64Array(4 * EXCEPTION_KINDS);
  readonly #last = new Uint32Array(4 * EXCEPTION_KINDS * LAST_WORDS);

  /** Notes an exception that is being taken: ESR_ELx and the fault addresses are set, the PC is the old one. */
  note(vcpu: Vcpu, el: number, vector: number): void {
    const { u32, w } = vcpu;
    const type = vector >> 7 & 3;
    const entry = el * EXCEPTION_KINDS + (type === 0 ? u32[w + ESR[el]] >>> 26 : KIND_IRQ - 1 + type);
    this.#counts[entry]++;
    const last = this.#last, at = entry * LAST_WORDS;
    last[at] = u32[w + ESR[el]];
    last[at + 1] = u32[w + ESR[el] + 1];
    last[at + 2] = u32[w + FAR[el]];
    last[at + 3] = u32[w + FAR[el] + 1];
    last[at + 4] = u32[w + HPFAR];
    last[at + 5] = u32[w + HPFAR + 1];
    last[at + 6] = u32[w + PC];
    last[at + 7] = u32[w + PC + 1];
  }

  /** Exceptions of a kind (an EC, or KIND_IRQ and the following) taken to an Exception level. */
  count(el: number, kind: number): number {
    return this.#counts[el * EXCEPTION_KINDS + kind];
  }

  last(el: number, kind: number): LastException {
    const at = (el * EXCEPTION_KINDS + kind) * LAST_WORDS, last = this.#last;
    const value = (n: number) => BigInt(last[at + 2 * n + 1]) << 32n | BigInt(last[at + 2 * n]);
    return { esr: value(0), far: value(1), hpfar: value(2), pc: value(3) };
  }
}
