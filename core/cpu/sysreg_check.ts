import { el2Enabled, elIsInHost, isSecureBelowEl3 } from "./security.ts";
import { sysregIndex, SYSREGS } from "./sysregs.ts";
import { type Trap, TRAPS } from "./traps.ts";
import type { Vcpu } from "./vcpu.ts";

/** What an MRS or MSR does instead of its access; 1 to 3 are traps to that Exception level with EC 0x18. */
export const OUTCOME = { access: 0, undefined: 4, fp: 5 } as const;

const NEVER = 4;

/** The lowest levels that may read and write, from a row's `access`. */
export function accessLevels(access: string): { read: number; write: number } {
  const m = /^EL([0-3])(?: (RO|WO)|\/EL([0-3]))?$/.exec(access);
  if (!m) throw new SyntaxError(`Cannot parse access "${access}"`);
  const el = Number(m[1]);
  return { read: m[2] === "WO" ? NEVER : el, write: m[2] === "RO" ? NEVER : m[3] ? Number(m[3]) : el };
}

const READ_EL = Uint8Array.from(SYSREGS, (row) => accessLevels(row.access).read);
const WRITE_EL = Uint8Array.from(SYSREGS, (row) => accessLevels(row.access).write);
const READ_TRAPS = SYSREGS.map((row): Trap[] =>
  [...row.traps ?? [], ...row.readTraps ?? []].map((name) => TRAPS[name])
);
const WRITE_TRAPS = SYSREGS.map((row): Trap[] =>
  [...row.traps ?? [], ...row.writeTraps ?? []].map((name) => TRAPS[name])
);
/** The register at EL2 with E2H = 1, and the register behind a name; -1 where it is the register itself. */
const E2H_INDEX = SYSREGS.map((row) => row.e2h ? sysregIndex(row.e2h) : -1);
const ALIAS_INDEX = SYSREGS.map((row) => row.alias ? sysregIndex(row.alias) : -1);

/** True for a row that can be another register: its accesses from EL2 depend on HCR_EL2.E2H. */
export function isRedirected(index: number): boolean {
  return E2H_INDEX[index] >= 0;
}

const SP_EL0 = sysregIndex("SP_EL0");
const CNTP_TVAL_EL0 = sysregIndex("CNTP_TVAL_EL0"), CNTV_CVAL_EL0 = sysregIndex("CNTV_CVAL_EL0");
/** From EL2's timers in Non-secure state to those in Secure state. */
const TO_SECURE_TIMERS = sysregIndex("CNTHPS_TVAL_EL2") - sysregIndex("CNTHP_TVAL_EL2");

/** The register that an access from `el` to the register `index` reaches: the timers of EL0 are EL2's in a host, too. */
export function redirectSysreg(vcpu: Vcpu, index: number, el: number): number {
  if (ALIAS_INDEX[index] >= 0) return ALIAS_INDEX[index];
  const e2h = E2H_INDEX[index];
  if (e2h < 0 || !elIsInHost(vcpu, el)) return index;
  if (index >= CNTP_TVAL_EL0 && index <= CNTV_CVAL_EL0) return isSecureBelowEl3(vcpu) ? e2h + TO_SECURE_TIMERS : e2h;
  return el === 2 ? e2h : index;
}

/**
 * Decides on an access from `el` to the register `index`, before redirection by E2H.
 * @returns a value of OUTCOME, or the level that it traps to.
 */
export function checkSysregAccess(vcpu: Vcpu, index: number, isWrite: boolean, el: number): number {
  if (vcpu.sysregPresent[index] === 0) return OUTCOME.undefined;
  if ((isWrite ? WRITE_EL : READ_EL)[index] > el) return OUTCOME.undefined;
  const outcome = checkTraps(vcpu, (isWrite ? WRITE_TRAPS : READ_TRAPS)[index], el);
  // As with every trap to EL2, what EL1 forbids EL0 comes first
  const reachesEl2 = outcome !== 1 && outcome !== OUTCOME.undefined && outcome !== OUTCOME.fp;
  if (reachesEl2 && el <= 1 && (vcpu.sysregTraps[index] & (isWrite ? 2 : 1)) !== 0 && el2Enabled(vcpu)) return 2;
  return outcome;
}

/** Whether EL1 has the register for reads or writes at all, if perhaps not as PSTATE.SP stands or without a trap. */
export function isOfEl1(vcpu: Vcpu, index: number, isWrite: boolean): boolean {
  return index === SP_EL0 || checkSysregAccess(vcpu, index, isWrite, 1) !== OUTCOME.undefined;
}

/** The first of `traps` that an access from `el` runs into, as a value of OUTCOME or the level that it goes to. */
export function checkTraps(vcpu: Vcpu, traps: readonly Trap[], el: number): number {
  for (let i = 0; i < traps.length; i++) {
    const trap = traps[i];
    if ((trap.from >> el & 1) === 0) continue;
    if (trap.to === 2 ? !el2Enabled(vcpu) : trap.to === 3 && !vcpu.hasEl3) continue;
    if (!trap.when(vcpu, el)) continue;
    if (trap.fp) return OUTCOME.fp;
    return trap.to === 0 ? OUTCOME.undefined : trap.to;
  }
  return OUTCOME.access;
}
