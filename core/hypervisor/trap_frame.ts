import { SYSREG, X } from "../cpu/layout.ts";
import { PSTATE } from "../cpu/pstate.ts";
import { sysregIndex } from "../cpu/sysregs.ts";
import type { Vcpu } from "../cpu/vcpu.ts";

/** The fields of a trap frame in order, 8 bytes each: X0 to X30, then these. */
export const TRAP_FRAME_FIELDS = [
  ...Array.from({ length: 31 }, (_, n) => `x${n}`),
  "sp_el0",
  "sp_el1",
  "elr_el2",
  "spsr_el2",
  "esr_el2",
  "far_el2",
  "hpfar_el2",
] as const;

/** Places of the fields behind X30. */
export const FRAME = { sp_el0: 31, sp_el1: 32, elr_el2: 33, spsr_el2: 34, esr_el2: 35, far_el2: 36, hpfar_el2: 37 };

/** 38 fields of 8 bytes. */
export const TRAP_FRAME_BYTES = 8 * TRAP_FRAME_FIELDS.length;

/** Word offset from the vCPU's first word, by field. */
const OFFSETS = Int32Array.from(
  TRAP_FRAME_FIELDS,
  (name, n) => n <= 30 ? (X >>> 2) + 2 * n : (SYSREG >>> 2) + 2 * sysregIndex(name.toUpperCase()),
);

const BTYPE = PSTATE.BTYPE;
const [ELR, SPSR, ESR, FAR, HPFAR] = OFFSETS.subarray(FRAME.elr_el2);

/**
 * What a trap to EL2 finds of the guest, as a view over the vCPU's state: it holds while the vCPU is at EL2, where
 * every other stack pointer stands in its system register.
 */
export class TrapFrame {
  constructor(readonly vcpu: Vcpu) {}

  /** The low half of a field, unsigned. @param field its place in TRAP_FRAME_FIELDS. */
  lo(field: number): number {
    return this.vcpu.u32[this.vcpu.w + OFFSETS[field]];
  }
  hi(field: number): number {
    return this.vcpu.u32[this.vcpu.w + OFFSETS[field] + 1];
  }
  set(field: number, lo: number, hi: number): void {
    const i = this.vcpu.w + OFFSETS[field];
    this.vcpu.u32[i] = lo;
    this.vcpu.u32[i + 1] = hi;
  }

  // What every trap looks at, without looking for its place
  get elrLo(): number {
    return this.vcpu.u32[this.vcpu.w + ELR];
  }
  get elrHi(): number {
    return this.vcpu.u32[this.vcpu.w + ELR + 1];
  }
  /** SPSR_EL2[31:0], signed. */
  get spsr(): number {
    return this.vcpu.i32[this.vcpu.w + SPSR];
  }
  /** ESR_EL2[31:0], unsigned. */
  get esr(): number {
    return this.vcpu.u32[this.vcpu.w + ESR];
  }
  /** The IPA of a stage 2 fault: HPFAR_EL2.FIPA and the offset of FAR_EL2. */
  get faultIpa(): number {
    const { u32, w } = this.vcpu;
    const page = (u32[w + HPFAR + 1] & 0xfff) * 2 ** 28 + (u32[w + HPFAR] >>> 4);
    return page * 4096 + (u32[w + FAR] & 0xfff);
  }

  /** Steps over the instruction at ELR_EL2: as behind every instruction but a branch, BTYPE is 0. */
  advance(): void {
    const { u32, w } = this.vcpu, lo = u32[w + ELR] + 4;
    u32[w + SPSR] &= ~BTYPE;
    u32[w + ELR] = lo;
    if (lo > 0xffff_ffff) u32[w + ELR + 1]++;
  }

  /** A copy as the frame would stand in memory, little-endian. */
  bytes(): Uint8Array<ArrayBuffer> {
    const view = new DataView(new ArrayBuffer(TRAP_FRAME_BYTES));
    for (let n = 0; n < TRAP_FRAME_FIELDS.length; n++) {
      view.setUint32(8 * n, this.lo(n), true);
      view.setUint32(8 * n + 4, this.hi(n), true);
    }
    return new Uint8Array(view.buffer);
  }
}
