import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

/** So many exceptions one after another are no accident. */
const EXCEPTIONS_MIN = 100;
/** The vector of a synchronous exception from the current Exception level with SP_ELx. */
const VECTOR_OWN = 0x200;
const CLASSES = 64;

const banked = (name: string) => [0, 1, 2, 3].map((el) => el === 0 ? -1 : sysregIndex(`${name}_EL${el}`));
const VBAR = banked("VBAR"), ELR = banked("ELR"), ESR = banked("ESR");

/**
 * Tells when a vCPU does nothing any more but take exceptions, as where it has no vectors: the first instruction of its
 * vector causes the exception whose vector that is, and so on.
 */
export class ExceptionLoop {
  #isSuspected = false;
  /** Counts at the suspicion. */
  #instructions = 0;
  #exceptions = 0;

  constructor(readonly vcpu: Vcpu) {}

  /** Whether it is so. To be asked between slices, at which the vCPU's instructions are counted. */
  isEndless(): boolean {
    const { vcpu } = this;
    if (!isAtOwnVector(vcpu)) return this.#isSuspected = false;
    const exceptions = synchronousExceptions(vcpu), taken = exceptions - this.#exceptions;
    // Each attempt at an instruction counts as one
    if (this.#isSuspected && taken >= vcpu.instructions - this.#instructions) return taken >= EXCEPTIONS_MIN;
    this.#isSuspected = true;
    this.#instructions = vcpu.instructions;
    this.#exceptions = exceptions;
    return false;
  }

  /** Somebody has seen to it: the next exceptions tell. */
  forget(): void {
    this.#isSuspected = false;
  }

  /** The Exception level, the address of its vector, and the syndrome of the last exception. */
  get place(): { readonly el: number; readonly pc: bigint; readonly esr: number } {
    const el = this.vcpu.currentEl();
    return { el, pc: this.vcpu.get64("pc"), esr: this.vcpu.sysLo(ESR[el]) };
  }
}

/** The PC is at the current level's vector, and the exception came from there. */
function isAtOwnVector(vcpu: Vcpu): boolean {
  const el = vcpu.currentEl();
  if (el === 0) return false;
  const lo = vcpu.sysLo(VBAR[el]) + VECTOR_OWN, hi = vcpu.sysHi(VBAR[el]);
  return vcpu.sysLo(ELR[el]) === lo && vcpu.sysHi(ELR[el]) === hi &&
    vcpu.get64("pc") === (BigInt(hi) << 32n | BigInt(lo));
}

function synchronousExceptions({ telemetry }: Vcpu): number {
  let count = 0;
  for (let el = 1; el <= 3; el++) {
    for (let ec = 0; ec < CLASSES; ec++) count += telemetry.count(el, ec);
  }
  return count;
}
