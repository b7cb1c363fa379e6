import { SYSREG_SLOTS } from "./layout.ts";
import type { SysregRow } from "./sysreg_row.ts";
import { DEBUG_SYSREGS, PMU_SYSREGS } from "./sysregs_debug.ts";
import { EL1_SYSREGS } from "./sysregs_el1.ts";
import { EL2_SYSREGS, EL3_SYSREGS } from "./sysregs_el2.ts";
import { GIC_SYSREGS } from "./sysregs_gic.ts";
import { ID_SYSREGS } from "./sysregs_id.ts";
import { TIMER_SYSREGS } from "./sysregs_timer.ts";

/** Every system register; a register's place here is the index of its slot in the vCPU's state block. */
export const SYSREGS: readonly SysregRow[] = [
  ...EL1_SYSREGS,
  ...EL2_SYSREGS,
  ...EL3_SYSREGS,
  ...ID_SYSREGS,
  ...TIMER_SYSREGS,
  ...DEBUG_SYSREGS,
  ...PMU_SYSREGS,
  ...GIC_SYSREGS,
];

const indexByName = new Map(SYSREGS.map((row, index) => [row.name, index]));
/** Index plus one, by encoding; 0 where no register is. */
const indexByEncoding = new Uint16Array(1 << 16);

for (const [index, { op, name }] of SYSREGS.entries()) {
  if (!op) continue;
  const encoding = encodeSysreg(...op);
  if (indexByEncoding[encoding] !== 0) throw new TypeError(`Cannot place ${name} as its encoding is taken`);
  indexByEncoding[encoding] = index + 1;
}
if (indexByName.size !== SYSREGS.length || SYSREGS.length > SYSREG_SLOTS) {
  throw new TypeError("Cannot build the system register table as a name stands twice or it is too long");
}

/** The 16-bit encoding op0:op1:CRn:CRm:op2 in 2+3+4+4+3 bits, as in bits 20:5 of MRS and MSR with op0 complete. */
export function encodeSysreg(op0: number, op1: number, CRn: number, CRm: number, op2: number): number {
  return op0 << 14 | op1 << 11 | CRn << 7 | CRm << 3 | op2;
}

/** The index of the register called `name`. Throws TypeError when there is none. */
export function sysregIndex(name: string): number {
  const index = indexByName.get(name);
  if (index === undefined) throw new TypeError(`Cannot find system register ${name}`);
  return index;
}

/** The index of the register with this encoding, or -1. */
export function findSysreg(encoding: number): number {
  return indexByEncoding[encoding & 0xffff] - 1;
}

/** What an assembler calls the encoding: the register's name, or S<op0>_<op1>_C<n>_C<m>_<op2>. */
export function sysregName(encoding: number): string {
  const index = findSysreg(encoding);
  if (index >= 0) return SYSREGS[index].name;
  const [op0, op1, CRn, CRm, op2] = decodeSysreg(encoding);
  return `S${op0}_${op1}_C${CRn}_C${CRm}_${op2}`;
}

/** The encoding of a name as an assembler reads it, in any case, or -1. */
export function parseSysreg(name: string): number {
  const lower = name.toLowerCase();
  const row = SYSREGS.find((r) => r.name.toLowerCase() === lower);
  if (row?.op) return encodeSysreg(...row.op);
  const m = /^s([0-3])_([0-7])_c(\d+)_c(\d+)_([0-7])$/.exec(lower);
  if (!m || Number(m[3]) > 15 || Number(m[4]) > 15) return -1;
  return encodeSysreg(Number(m[1]), Number(m[2]), Number(m[3]), Number(m[4]), Number(m[5]));
}

/** op0, op1, CRn, CRm and op2 of an encoding. */
export function decodeSysreg(encoding: number): [number, number, number, number, number] {
  return [encoding >> 14 & 3, encoding >> 11 & 7, encoding >> 7 & 15, encoding >> 3 & 15, encoding & 7];
}
