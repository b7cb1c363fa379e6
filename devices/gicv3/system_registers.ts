import type { CpuInterface } from "./cpu_interface.ts";
import { ICH_VTR, LIST_REGISTERS } from "./virtual_interface.ts";

/** A system register of the GIC: the ICC or ICH register, and the ICV register that has the same encoding. */
export interface SystemRegister {
  readonly name: string;
  /** op0, op1, CRn, CRm, op2. */
  readonly op: readonly [number, number, number, number, number];
  readonly read?: (c: CpuInterface) => number;
  readonly write?: (c: CpuInterface, lo: number, hi: number) => void;
  readonly virtualRead?: (c: CpuInterface) => number;
  readonly virtualWrite?: (c: CpuInterface, lo: number, hi: number) => void;
}

/** The encoding op0:op1:CRn:CRm:op2 in 2+3+4+4+3 bits. */
export function systemRegisterEncoding(op: SystemRegister["op"]): number {
  return op[0] << 14 | op[1] << 11 | op[2] << 7 | op[3] << 3 | op[4];
}

const INTID = 0xff_ffff;

// deno-fmt-ignore
const ROWS: readonly SystemRegister[] = [
  { name: "ICC_PMR_EL1",     op: [3, 0, 4, 6, 0],    read: (c) => c.readPmr(),         write: (c, v) => c.writePmr(v),          virtualRead: (c) => c.virtual.readPmr(),     virtualWrite: (c, v) => c.virtual.writePmr(v) },
  { name: "ICC_IAR0_EL1",    op: [3, 0, 12, 8, 0],   read: (c) => c.acknowledge(false),                                         virtualRead: (c) => c.virtual.acknowledge(0) },
  { name: "ICC_EOIR0_EL1",   op: [3, 0, 12, 8, 1],   write: (c, v) => c.endOfInterrupt(false, v & INTID),                       virtualWrite: (c, v) => c.virtual.endOfInterrupt(0, v & INTID) },
  { name: "ICC_HPPIR0_EL1",  op: [3, 0, 12, 8, 2],   read: (c) => c.hppir(false),                                               virtualRead: (c) => c.virtual.hppir(0) },
  { name: "ICC_BPR0_EL1",    op: [3, 0, 12, 8, 3],   read: (c) => c.readBpr(false),    write: (c, v) => c.writeBpr(false, v),   virtualRead: (c) => c.virtual.readBpr(0),    virtualWrite: (c, v) => c.virtual.writeBpr(0, v) },
  { name: "ICC_AP0R0_EL1",   op: [3, 0, 12, 8, 4],   read: (c) => c.readAp(false),     write: (c, v) => c.writeAp(false, v),    virtualRead: (c) => c.state.virtual.apr[0],  virtualWrite: (c, v) => c.virtual.writeAp(0, v) },
  { name: "ICC_AP1R0_EL1",   op: [3, 0, 12, 9, 0],   read: (c) => c.readAp(true),      write: (c, v) => c.writeAp(true, v),     virtualRead: (c) => c.state.virtual.apr[1],  virtualWrite: (c, v) => c.virtual.writeAp(1, v) },
  { name: "ICC_DIR_EL1",     op: [3, 0, 12, 11, 1],  write: (c, v) => c.deactivate(v & INTID),                                  virtualWrite: (c, v) => c.virtual.deactivate(v & INTID) },
  { name: "ICC_RPR_EL1",     op: [3, 0, 12, 11, 3],  read: (c) => c.readRpr(),                                                  virtualRead: (c) => c.virtual.runningPriority() },
  { name: "ICC_SGI1R_EL1",   op: [3, 0, 12, 11, 5],  write: (c, lo, hi) => c.sendSgi("SGI1R", lo, hi) },
  { name: "ICC_ASGI1R_EL1",  op: [3, 0, 12, 11, 6],  write: (c, lo, hi) => c.sendSgi("ASGI1R", lo, hi) },
  { name: "ICC_SGI0R_EL1",   op: [3, 0, 12, 11, 7],  write: (c, lo, hi) => c.sendSgi("SGI0R", lo, hi) },
  { name: "ICC_IAR1_EL1",    op: [3, 0, 12, 12, 0],  read: (c) => c.acknowledge(true),                                          virtualRead: (c) => c.virtual.acknowledge(1) },
  { name: "ICC_EOIR1_EL1",   op: [3, 0, 12, 12, 1],  write: (c, v) => c.endOfInterrupt(true, v & INTID),                        virtualWrite: (c, v) => c.virtual.endOfInterrupt(1, v & INTID) },
  { name: "ICC_HPPIR1_EL1",  op: [3, 0, 12, 12, 2],  read: (c) => c.hppir(true),                                                virtualRead: (c) => c.virtual.hppir(1) },
  { name: "ICC_BPR1_EL1",    op: [3, 0, 12, 12, 3],  read: (c) => c.readBpr(true),     write: (c, v) => c.writeBpr(true, v),    virtualRead: (c) => c.virtual.readBpr(1),    virtualWrite: (c, v) => c.virtual.writeBpr(1, v) },
  { name: "ICC_CTLR_EL1",    op: [3, 0, 12, 12, 4],  read: (c) => c.readCtlr(),        write: (c, v) => c.writeCtlr(v),         virtualRead: (c) => c.virtual.readCtlr(),    virtualWrite: (c, v) => c.virtual.writeCtlr(v) },
  { name: "ICC_IGRPEN0_EL1", op: [3, 0, 12, 12, 6],  read: (c) => c.readIgrpen(false), write: (c, v) => c.writeIgrpen(false, v), virtualRead: (c) => c.virtual.readIgrpen(0), virtualWrite: (c, v) => c.virtual.writeIgrpen(0, v) },
  { name: "ICC_IGRPEN1_EL1", op: [3, 0, 12, 12, 7],  read: (c) => c.readIgrpen(true),  write: (c, v) => c.writeIgrpen(true, v), virtualRead: (c) => c.virtual.readIgrpen(1), virtualWrite: (c, v) => c.virtual.writeIgrpen(1, v) },
  { name: "ICC_CTLR_EL3",    op: [3, 6, 12, 12, 4],  read: (c) => c.readCtlrEl3(),     write: (c, v) => c.writeCtlrEl3(v) },
  { name: "ICC_IGRPEN1_EL3", op: [3, 6, 12, 12, 7],  read: (c) => c.readIgrpen1El3(),  write: (c, v) => c.writeIgrpen1El3(v) },
  { name: "ICH_AP0R0_EL2",   op: [3, 4, 12, 8, 0],   read: (c) => c.state.virtual.apr[0], write: (c, v) => c.virtual.writeAp(0, v) },
  { name: "ICH_AP1R0_EL2",   op: [3, 4, 12, 9, 0],   read: (c) => c.state.virtual.apr[1], write: (c, v) => c.virtual.writeAp(1, v) },
  { name: "ICH_HCR_EL2",     op: [3, 4, 12, 11, 0],  read: (c) => c.state.virtual.hcr, write: (c, v) => c.virtual.writeHcr(v) },
  { name: "ICH_VTR_EL2",     op: [3, 4, 12, 11, 1],  read: () => ICH_VTR },
  { name: "ICH_MISR_EL2",    op: [3, 4, 12, 11, 2],  read: (c) => c.virtual.misr() },
  { name: "ICH_EISR_EL2",    op: [3, 4, 12, 11, 3],  read: (c) => c.virtual.eisr() },
  { name: "ICH_ELRSR_EL2",   op: [3, 4, 12, 11, 5],  read: (c) => c.virtual.elrsr() },
  { name: "ICH_VMCR_EL2",    op: [3, 4, 12, 11, 7],  read: (c) => c.state.virtual.vmcr, write: (c, v) => c.virtual.writeVmcr(v) },
  ...Array.from({ length: LIST_REGISTERS }, (_, n): SystemRegister => ({
    name: `ICH_LR${n}_EL2`, op: [3, 4, 12, 12, n],
    read: (c) => { c.readHi = c.state.virtual.lrHi[n]; return c.state.virtual.lrLo[n]; },
    write: (c, lo, hi) => c.virtual.writeLr(n, lo, hi),
  })),
];

/** The rows by the low 14 bits of their encoding; op0 is always 3. */
export const SYSTEM_REGISTERS: readonly (SystemRegister | undefined)[] = (() => {
  const table: (SystemRegister | undefined)[] = new Array(0x4000).fill(undefined);
  for (const row of ROWS) table[systemRegisterEncoding(row.op) & 0x3fff] = row;
  return table;
})();

/** Encodings by name, for those who reach the registers from TypeScript. */
export const GIC_ENCODING: Readonly<Record<string, number>> = Object.fromEntries(
  ROWS.map((row) => [row.name, systemRegisterEncoding(row.op)]),
);
