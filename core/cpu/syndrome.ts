/** Exception classes, ESR_ELx.EC. Arm DDI 0487, ESR_EL1 and ESR_EL2. */
export const EC = {
  unknown: 0x00,
  wfx: 0x01,
  simdFp: 0x07,
  pauth: 0x09,
  branchTarget: 0x0d,
  illegalState: 0x0e,
  svc: 0x15,
  hvc: 0x16,
  smc: 0x17,
  sysreg: 0x18,
  sve: 0x19,
  fpac: 0x1c,
  instructionAbortLower: 0x20,
  instructionAbortSame: 0x21,
  pcAlignment: 0x22,
  dataAbortLower: 0x24,
  dataAbortSame: 0x25,
  spAlignment: 0x26,
  fpException: 0x2c,
  serror: 0x2f,
  breakpointLower: 0x30,
  breakpointSame: 0x31,
  stepLower: 0x32,
  stepSame: 0x33,
  watchpointLower: 0x34,
  watchpointSame: 0x35,
  brk: 0x3c,
} as const;

/** What the Arm ARM calls each class, for logs. */
export const EC_NAMES: Readonly<Record<number, string>> = {
  [EC.unknown]: "Unknown reason",
  [EC.wfx]: "Trapped WFI or WFE",
  [EC.simdFp]: "Trapped SIMD or floating-point",
  [EC.pauth]: "Trapped Pointer authentication",
  [EC.branchTarget]: "Branch Target",
  [EC.illegalState]: "Illegal Execution state",
  [EC.svc]: "SVC",
  [EC.hvc]: "HVC",
  [EC.smc]: "SMC",
  [EC.sysreg]: "Trapped MSR, MRS or System instruction",
  [EC.sve]: "Trapped SVE",
  [EC.fpac]: "Pointer authentication failure",
  [EC.instructionAbortLower]: "Instruction Abort from a lower Exception level",
  [EC.instructionAbortSame]: "Instruction Abort",
  [EC.pcAlignment]: "PC alignment fault",
  [EC.dataAbortLower]: "Data Abort from a lower Exception level",
  [EC.dataAbortSame]: "Data Abort",
  [EC.spAlignment]: "SP alignment fault",
  [EC.fpException]: "Trapped floating-point exception",
  [EC.serror]: "SError",
  [EC.breakpointLower]: "Breakpoint from a lower Exception level",
  [EC.breakpointSame]: "Breakpoint",
  [EC.stepLower]: "Software Step from a lower Exception level",
  [EC.stepSame]: "Software Step",
  [EC.watchpointLower]: "Watchpoint from a lower Exception level",
  [EC.watchpointSame]: "Watchpoint",
  [EC.brk]: "BRK",
};

/** ESR_ELx of an A64 instruction: EC, IL = 1, ISS. */
export function buildEsr(ec: number, iss: number): number {
  return (ec << 26 | 1 << 25 | iss) >>> 0;
}

/** ISS of EC 0x18. Arm DDI 0487, "ISS encoding for an exception from MSR, MRS, or System instruction execution". */
export function sysregIss(encoding: number, Rt: number, isRead: boolean): number {
  const op0 = encoding >> 14 & 3, op1 = encoding >> 11 & 7, CRn = encoding >> 7 & 15, CRm = encoding >> 3 & 15;
  return op0 << 20 | (encoding & 7) << 17 | op1 << 14 | CRn << 10 | Rt << 5 | CRm << 1 | (isRead ? 1 : 0);
}

/**
 * ISS[24:14] of a stage 2 Data Abort: ISV, SAS, SSE, SRT, SF and AR of the instruction, or 0 where the architecture
 * gives none. Arm DDI 0487, LSInstructionSyndrome(); loads and stores of one general-purpose register without writeback.
 */
export function lsInstructionSyndrome(word: number): number {
  const size = word >>> 30, opc = word >>> 22 & 3, Rt = word & 31;
  if ((word & 0x3f000000) === 0x18000000) return literalSyndrome(size, Rt);
  const isUnsignedOffset = (word & 0x3f000000) === 0x39000000;
  // Unscaled and unprivileged, and register offset
  const isImmediate = (word & 0x3f200400) === 0x38000000;
  const isRegisterOffset = (word & 0x3f200c00) === 0x38200800;
  if (isUnsignedOffset || isImmediate || isRegisterOffset) return registerSyndrome(size, opc, Rt, 0);
  // LDRAA and LDRAB
  if ((word & 0xff200c00 | 0) === (0xf8200400 | 0)) return registerSyndrome(3, 1, Rt, 0);
  // LDAPUR, STLUR
  if ((word & 0x3f200c00) === 0x19000000) return registerSyndrome(size, opc, Rt, 1);
  // LDAPR
  if ((word & 0x3ffffc00) === 0x38bfc000) return registerSyndrome(size, 1, Rt, 1);
  // LDAR, STLR, LDLAR, STLLR
  if ((word & 0x3fa00000) === 0x08800000) return registerSyndrome(size, word >>> 22 & 1, Rt, 1);
  return 0;
}

const ISV = 1 << 24;

function registerSyndrome(size: number, opc: number, Rt: number, ar: number): number {
  const isSigned = opc >= 2;
  if (isSigned && size === 3) return 0;
  const sf = isSigned ? (opc === 2 ? 1 : 0) : (size === 3 ? 1 : 0);
  return ISV | size << 22 | (isSigned ? 1 << 21 : 0) | Rt << 16 | sf << 15 | ar << 14;
}

function literalSyndrome(opc: number, Rt: number): number {
  if (opc === 3) return 0;
  const isSigned = opc === 2;
  const size = opc === 1 ? 3 : 2;
  return ISV | size << 22 | (isSigned ? 1 << 21 : 0) | Rt << 16 | (opc !== 0 ? 1 << 15 : 0);
}

/** The fields that every ESR_ELx has. */
export interface Esr {
  readonly ec: number;
  readonly il: number;
  readonly iss: number;
}

/** Takes ESR_ELx apart. */
export function parseEsr(esr: number): Esr {
  return { ec: esr >>> 26, il: esr >>> 25 & 1, iss: esr & 0x1ffffff };
}

/** ISS of EC 0x18. */
export interface SysregSyndrome {
  readonly encoding: number;
  readonly Rt: number;
  readonly isRead: boolean;
}

/** Takes the ISS of EC 0x18 apart. */
export function parseSysregIss(iss: number): SysregSyndrome {
  const encoding = (iss >> 20 & 3) << 14 | (iss >> 14 & 7) << 11 | (iss >> 10 & 15) << 7 | (iss >> 1 & 15) << 3 |
    (iss >> 17 & 7);
  return { encoding, Rt: iss >> 5 & 31, isRead: (iss & 1) !== 0 };
}

/** ISS of a Data Abort. `isv` says whether sizeBytes, signExtend, Rt, is64 and acquireRelease are valid. */
export interface DataAbortSyndrome {
  readonly isv: boolean;
  readonly sizeBytes: number;
  readonly signExtend: boolean;
  readonly Rt: number;
  readonly is64: boolean;
  readonly acquireRelease: boolean;
  readonly farNotValid: boolean;
  readonly external: boolean;
  readonly isCacheMaintenance: boolean;
  readonly s1ptw: boolean;
  readonly isWrite: boolean;
  readonly dfsc: number;
}

/** Takes the ISS of a Data Abort apart. Arm DDI 0487, "ISS encoding for an exception from a Data Abort". */
export function parseDataAbortIss(iss: number): DataAbortSyndrome {
  return {
    isv: (iss & ISV) !== 0,
    sizeBytes: 1 << (iss >> 22 & 3),
    signExtend: (iss & 1 << 21) !== 0,
    Rt: iss >> 16 & 31,
    is64: (iss & 1 << 15) !== 0,
    acquireRelease: (iss & 1 << 14) !== 0,
    farNotValid: (iss & 1 << 10) !== 0,
    external: (iss & 1 << 9) !== 0,
    isCacheMaintenance: (iss & 1 << 8) !== 0,
    s1ptw: (iss & 1 << 7) !== 0,
    isWrite: (iss & 1 << 6) !== 0,
    dfsc: iss & 63,
  };
}
