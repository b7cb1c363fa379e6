import { encodeSysreg, sysregIndex } from "../cpu/sysregs.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import type { PhysicalMemory } from "../mmu/physical.ts";

const PAR_EL1 = sysregIndex("PAR_EL1");
const ELR_EL2 = sysregIndex("ELR_EL2");
const PAR_F = 1;
/** AT S12E1R and AT S12E0R: both stages, as EL1 and as EL0 read. */
const AT_S12E1R = encodeSysreg(1, 4, 7, 8, 4);
const AT_S12E0R = encodeSysreg(1, 4, 7, 8, 6);

/**
 * The PA of a guest's virtual address by both stages, as an AT instruction at EL2 finds it, or -1. PAR_EL1 is kept.
 */
export function translateGuest(vcpu: Vcpu, lo: number, hi: number): number {
  const parLo = vcpu.sysLo(PAR_EL1), parHi = vcpu.sysHi(PAR_EL1);
  const pa = translateAs(vcpu, AT_S12E1R, lo, hi);
  const result = pa >= 0 ? pa : translateAs(vcpu, AT_S12E0R, lo, hi);
  vcpu.setSys(PAR_EL1, parLo, parHi);
  return result;
}

function translateAs(vcpu: Vcpu, encoding: number, lo: number, hi: number): number {
  const mmu = vcpu.mmu!;
  if (!mmu.at(vcpu, encoding, lo, hi) || (vcpu.sysLo(PAR_EL1) & PAR_F) !== 0) return -1;
  return (vcpu.sysHi(PAR_EL1) & 0xfffff) * 2 ** 32 + ((vcpu.sysLo(PAR_EL1) & ~0xfff | lo & 0xfff) >>> 0);
}

/** The instruction at ELR_EL2 as the guest fetched it; 0, which is UDF, where it cannot be read any more. */
export function fetchGuestInstruction(vcpu: Vcpu, memory: PhysicalMemory): number {
  const pa = translateGuest(vcpu, vcpu.sysLo(ELR_EL2), vcpu.sysHi(ELR_EL2));
  const host = pa < 0 ? -1 : memory.hostOffset(pa, false);
  return host < 0 ? 0 : memory.u32[host >>> 2];
}
