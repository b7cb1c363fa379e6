import { EXCEPTION_BYTES, EXCEPTION_KINDS, EXCEPTIONS, STATE, SYSREG } from "./layout.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

/** Kinds of exceptions that are counted: the 64 classes of ESR_ELx.EC, then IRQ, FIQ and SError. */
export const KIND_IRQ = 64;

const SYSREGS = SYSREG >>> 2;
const PC = STATE.pc.offset >>> 2;
const HPFAR = SYSREGS + 2 * sysregIndex("HPFAR_EL2");
const banked = (name: string) => [0, 1, 2, 3].map((el) => el === 0 ? 0 : SYSREGS + 2 * sysregIndex(`${name}_EL${el}`));
const ESR = banked("ESR"), FAR = banked("FAR");

const FIRST = EXCEPTIONS, KINDS = EXCEPTION_KINDS, BYTES = EXCEPTION_BYTES;

/** The last exception of a kind. 64-bit values. */
export interface LastException {
  readonly esr: bigint;
  readonly far: bigint;
  readonly hpfar: bigint;
  /** Where it was taken from. */
  readonly pc: bigint;
}

/** How many exceptions a vCPU has taken, by Exception level and kind, and the last of each: a view of its state block. */
export class ExceptionTelemetry {
  /** Told of the syndrome of each synchronous exception that is about to be taken to EL1; see observeExceptions. */
  observer: ((esr: number) => void) | null = null;

  constructor(readonly vcpu: Vcpu) {}

  #entry(el: number, kind: number): number {
    return this.vcpu.base + FIRST + BYTES * (el * KINDS + kind);
  }

  /** Notes an exception that is being taken: ESR_ELx and the fault addresses are set, the PC is the old one. */
  note(el: number, vector: number): void {
    const { i32, f64, w } = this.vcpu, type = vector >> 7 & 3, esr = w + ESR[el], far = w + FAR[el];
    const entry = this.#entry(el, type === 0 ? i32[esr] >>> 26 : KIND_IRQ - 1 + type), at = entry >>> 2;
    f64[entry >>> 3]++;
    i32[at + 2] = i32[esr];
    i32[at + 3] = i32[esr + 1];
    i32[at + 4] = i32[far];
    i32[at + 5] = i32[far + 1];
    i32[at + 6] = i32[w + HPFAR];
    i32[at + 7] = i32[w + HPFAR + 1];
    i32[at + 8] = i32[w + PC];
    i32[at + 9] = i32[w + PC + 1];
    if (this.observer !== null && el === 1 && type === 0) this.observer(i32[esr] >>> 0);
  }

  /** Exceptions of a kind (an EC, or KIND_IRQ and the following) taken to an Exception level. */
  count(el: number, kind: number): number {
    return this.vcpu.f64[this.#entry(el, kind) >>> 3];
  }

  last(el: number, kind: number): LastException {
    const at = this.#entry(el, kind) >>> 3, { u64 } = this.vcpu;
    return { esr: u64[at + 1], far: u64[at + 2], hpfar: u64[at + 3], pc: u64[at + 4] };
  }
}
