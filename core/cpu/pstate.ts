import { isInHost } from "./security.ts";
import { SYSREG } from "./layout.ts";
import { sysregIndex } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

const BITS = {
  SP: 1 << 0,
  EL: 3 << 2,
  F: 1 << 6,
  I: 1 << 7,
  A: 1 << 8,
  D: 1 << 9,
  DAIF: 15 << 6,
  BTYPE: 3 << 10,
  SSBS: 1 << 12,
  IL: 1 << 20,
  SS: 1 << 21,
  PAN: 1 << 22,
  UAO: 1 << 23,
  DIT: 1 << 24,
} as const;
/** PSTATE bits, where SPSR_ELx has them. */
export const PSTATE = BITS;
/** What an exception leaves of PSTATE as it was, but NZCV. */
export const PSTATE_KEPT = BITS.PAN | BITS.DIT;

const SYSREGS = SYSREG >>> 2;
const SCTLR = [0, 1, 2, 3].map((el) => el === 0 ? 0 : 2 * sysregIndex(`SCTLR_EL${el}`));
const SCTLR_SPAN = 1 << 23;
/** SCTLR_ELx.DSSBS, in the high half. */
const SCTLR_DSSBS_HI = 1 << 12;

/** What an exception to `target` sets in PSTATE, beside PSTATE_KEPT and NZCV. Arm DDI 0487, AArch64.TakeException(). */
export function handlerPstate(vcpu: Vcpu, target: number): number {
  const { i32, w, features } = vcpu, sctlr = w + SYSREGS + SCTLR[target];
  let pstate = target << 2 | BITS.SP | BITS.DAIF;
  if ((i32[sctlr] & SCTLR_SPAN) === 0 && features.pan && (target === 1 || (target === 2 && isInHost(vcpu)))) {
    pstate |= BITS.PAN;
  }
  if ((i32[sctlr + 1] & SCTLR_DSSBS_HI) !== 0 && features.ssbs) pstate |= BITS.SSBS;
  return pstate;
}

/** The bits of SPSR_ELx that a legal exception return makes PSTATE, but NZCV and SS. */
export function returnedBits({ features }: Vcpu): number {
  return features.pstateMask | BITS.DAIF | (features.pan ? BITS.PAN : 0);
}
