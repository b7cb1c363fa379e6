import { el2Enabled, hcrLo, scr } from "./security.ts";
import { updateDirectAccess } from "./direct_access.ts";
import { syncRegime } from "./regime.ts";
import { SYSREG_FUNCTIONS } from "./sysreg_functions.ts";
import { SYSREGS } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

const CONTEXT = 1, TRAPS = 2, INTERRUPTS = 4, ASID = 8;
const EFFECTS = Uint8Array.from(
  SYSREGS,
  ({ after = [] }) =>
    (after.includes("context") ? CONTEXT : 0) | (after.includes("traps") ? TRAPS : 0) |
    (after.includes("interrupts") ? INTERRUPTS : 0) | (after.includes("asid") ? ASID : 0),
);
const ENCODINGS = SYSREGS.map(({ op }) => op ? op[0] << 14 | op[1] << 11 | op[2] << 7 | op[3] << 3 | op[4] : 0);
const IS_GIC = Uint8Array.from(SYSREGS, (row) => row.feature === "GICv3" && !/^ICC_SRE_/.test(row.name) ? 1 : 0);

/** ICC registers that are ICV ones at EL1 while HCR_EL2.FMO = 1 (bit 3), HCR_EL2.IMO = 1 (bit 4) or either is. */
const VIRTUAL_BITS = Uint8Array.from(SYSREGS, ({ name }) => {
  if (/^ICC_(IAR0|EOIR0|HPPIR0|BPR0|AP0R\d|IGRPEN0)_EL1$/.test(name)) return 1 << 3;
  if (/^ICC_(IAR1|EOIR1|HPPIR1|BPR1|AP1R\d|IGRPEN1)_EL1$/.test(name)) return 1 << 4;
  return /^ICC_(PMR|RPR|CTLR|DIR)_EL1$/.test(name) ? 1 << 3 | 1 << 4 : 0;
});

function isVirtualGicAccess(vcpu: Vcpu, index: number): boolean {
  const bits = VIRTUAL_BITS[index];
  return bits !== 0 && vcpu.currentEl() === 1 && el2Enabled(vcpu) && (hcrLo(vcpu) & bits) !== 0;
}

/**
 * Reads a register as software at the current level would, without any check or trap: for residents, firmware and the
 * access that has passed its checks.
 * @returns the low half; the high half is in `vcpu.hi`.
 */
export function readSysreg(vcpu: Vcpu, index: number): number {
  if (IS_GIC[index] !== 0) {
    const gic = vcpu.gic!;
    const lo = gic.read(ENCODINGS[index], isVirtualGicAccess(vcpu, index), vcpu.currentEl(), (scr(vcpu) & 1) !== 0);
    vcpu.hi = gic.readHi;
    return lo;
  }
  const functions = SYSREG_FUNCTIONS[index];
  if (functions !== null && functions.read !== undefined) {
    vcpu.hi = 0;
    return functions.read(vcpu) >>> 0;
  }
  vcpu.hi = vcpu.sysHi(index);
  return vcpu.sysLo(index);
}

/** Writes a register as software at the current level would, with all side effects, without any check or trap. */
export function writeSysreg(vcpu: Vcpu, index: number, lo: number, hi: number): void {
  if (IS_GIC[index] !== 0) {
    vcpu.gic!.write(ENCODINGS[index], lo, hi, isVirtualGicAccess(vcpu, index), vcpu.currentEl(), (scr(vcpu) & 1) !== 0);
    if (EFFECTS[index] !== 0) vcpu.interruptsChanged();
    return;
  }
  const functions = SYSREG_FUNCTIONS[index];
  if (functions !== null && functions.write !== undefined) {
    functions.write(vcpu, lo >>> 0, hi >>> 0);
    return;
  }
  const maskLo = vcpu.writable[2 * index], maskHi = vcpu.writable[2 * index + 1];
  const oldLo = vcpu.sysLo(index), oldHi = vcpu.sysHi(index);
  const newLo = (oldLo & ~maskLo | lo & maskLo) >>> 0, newHi = (oldHi & ~maskHi | hi & maskHi) >>> 0;
  vcpu.setSys(index, newLo, newHi);
  if (functions !== null && functions.written !== undefined) functions.written(vcpu);
  const effects = EFFECTS[index];
  if (effects === ASID) {
    if ((newHi ^ oldHi) >>> 16 !== 0) asidChanged(vcpu);
  } else if (effects !== 0 && (newLo !== oldLo || newHi !== oldHi)) applyEffects(vcpu, effects);
}

function asidChanged(vcpu: Vcpu): void {
  vcpu.asidStale = true;
  if (!vcpu.inResident) syncRegime(vcpu);
}

function applyEffects(vcpu: Vcpu, effects: number): void {
  if ((effects & TRAPS) !== 0) updateDirectAccess(vcpu);
  if ((effects & INTERRUPTS) !== 0) vcpu.interruptsChanged();
  if ((effects & CONTEXT) !== 0) {
    vcpu.regimeStale = true;
    if (!vcpu.inResident) syncRegime(vcpu);
  }
}
