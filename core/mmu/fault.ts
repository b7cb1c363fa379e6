/** What went wrong, before it is known at which level it is written. Arm DDI 0487, enumeration Fault. */
export const FAULT = {
  none: 0,
  accessFlag: 1,
  alignment: 2,
  background: 3,
  translation: 5,
  addressSize: 6,
  permission: 7,
  /** Synchronous External abort on the access itself. */
  syncExternal: 8,
  /** Synchronous External abort on a translation table walk. */
  syncExternalOnWalk: 9,
  syncParity: 10,
  syncParityOnWalk: 11,
  tlbConflict: 12,
  /** Unsupported atomic hardware update of a descriptor. */
  hwUpdateAccessFlag: 13,
  /** Implementation defined fault: lockdown. */
  lockdown: 14,
  /** Unsupported Exclusive or atomic access (for example to Device memory). */
  exclusive: 15,
  /** Watchpoint or breakpoint: FSC 0b100010. */
  debug: 16,
} as const;
export type FaultStatus = (typeof FAULT)[keyof typeof FAULT];

/** What the access was for. Arm DDI 0487, enumeration AccessType, as far as syndromes tell them apart. */
export const ACCESS = {
  read: 0,
  write: 1,
  execute: 2,
  /** Cache maintenance by address: reported as a write with ISS.CM = 1. */
  dc: 3,
  ic: 4,
  /** Address translation instructions: reported with ISS.CM = 1. */
  at: 5,
} as const;
export type AccessType = (typeof ACCESS)[keyof typeof ACCESS];

// What a module exports is looked up at every use, even its own
const STATUS = FAULT, KIND = ACCESS;

/**
 * A fault of one access, reused for every fault of a vCPU. Arm DDI 0487, FaultRecord.
 * It becomes ESR_ELx, FAR_ELx and HPFAR_EL2 where the exception is taken, nowhere else.
 */
export class Fault {
  statusCode: FaultStatus = STATUS.none;
  accessType: AccessType = KIND.read;
  /** The faulting virtual address exactly as used (with its tag byte), unsigned halves: for FAR_ELx. */
  vaHi = 0;
  vaLo = 0;
  /** Level as Arm counts, -1 to 3; only where the status code has one. */
  level = 0;
  /** The fault is one of stage 2: taken to EL2. */
  secondStage = false;
  /** Stage 2 fault on a stage 1 translation table walk: ISS.S1PTW. */
  s2fs1walk = false;
  /** Stage 2 fault on a hardware update of a stage 1 descriptor. */
  hwUpdateWalk = false;
  /** What ISS.WnR says (with S1PTW: whether the walk's own access was a write). */
  write = false;
  /** LDTR, STTR and their like. */
  unprivileged = false;
  /** The intermediate physical address, below 2^52: for HPFAR_EL2; only where `secondStage`. */
  ipa = 0;
  /** The IPA belongs to the Secure IPA space (HPFAR_EL2.NS is its complement). */
  ipaSecure = false;
  /** ISS.EA: external aborts only. */
  external = false;
  /** DISR/ISS.FnV: the FAR is not valid. */
  farNotValid = false;

  /** ISS and HPFAR_EL2 where `settle` has worked them out; an ISS of -1 where not. */
  #iss = -1;
  #hpfarLo = 0;
  #hpfarHi = 0;

  /** It will be the same for every such access to its page. */
  get isSettled(): boolean {
    return this.#iss >= 0;
  }

  /** Works out `iss` and HPFAR_EL2 once and for all: nothing changes any more but the offset in the page. */
  settle(): void {
    this.#iss = -1;
    const { iss, hpfarLo, hpfarHi } = this;
    this.#iss = iss;
    this.#hpfarLo = hpfarLo;
    this.#hpfarHi = hpfarHi;
  }

  /** Makes this the record of no fault. */
  clear(): void {
    this.#iss = -1;
    this.statusCode = STATUS.none;
    this.level = 0;
    this.secondStage = false;
    this.s2fs1walk = false;
    this.hwUpdateWalk = false;
    this.write = false;
    this.unprivileged = false;
    this.ipa = 0;
    this.ipaSecure = false;
    this.external = false;
    this.farNotValid = false;
  }

  copyFrom(from: Fault): void {
    this.#iss = -1;
    this.statusCode = from.statusCode;
    this.accessType = from.accessType;
    this.vaHi = from.vaHi;
    this.vaLo = from.vaLo;
    this.level = from.level;
    this.secondStage = from.secondStage;
    this.s2fs1walk = from.s2fs1walk;
    this.hwUpdateWalk = from.hwUpdateWalk;
    this.write = from.write;
    this.unprivileged = from.unprivileged;
    this.ipa = from.ipa;
    this.ipaSecure = from.ipaSecure;
    this.external = from.external;
    this.farNotValid = from.farNotValid;
  }

  /** True when there is a fault. */
  get isFault(): boolean {
    return this.statusCode !== STATUS.none;
  }

  /** Arm DDI 0487, IsExternalAbort(): what SCR_EL3.EA and HCR_EL2.TEA route. */
  get isExternalAbort(): boolean {
    return this.statusCode >= STATUS.syncExternal && this.statusCode <= STATUS.syncParityOnWalk;
  }

  /** ISS.CM: the fault comes from cache maintenance or address translation instructions. */
  get isCacheMaintenance(): boolean {
    return this.accessType >= KIND.dc;
  }

  /** ISS.WnR. Arm DDI 0487, ISS encoding for an exception from a Data Abort, WnR: 1 for DC, IC and AT. */
  get wnr(): number {
    return this.write || this.accessType >= KIND.dc ? 1 : 0;
  }

  /** ISS.DFSC or ISS.IFSC, 6 bits. */
  get fsc(): number {
    return encodeLdfsc(this.statusCode, this.level);
  }

  /** The part of ISS that this record decides: FSC, WnR, S1PTW, CM, EA (bits 5:0, 6, 7, 8, 9) and FnV (10). */
  get iss(): number {
    if (this.#iss >= 0) return this.#iss;
    const common = this.fsc | (this.s2fs1walk ? 1 << 7 : 0) | (this.external ? 1 << 9 : 0) |
      (this.farNotValid ? 1 << 10 : 0);
    if (this.accessType === KIND.execute) return common;
    return common | this.wnr << 6 | (this.isCacheMaintenance ? 1 << 8 : 0);
  }

  /** HPFAR_EL2 of this fault as two unsigned halves: FIPA is IPA[51:12] at bits 43:4, NS at bit 63. */
  get hpfarLo(): number {
    return this.#iss >= 0 ? this.#hpfarLo : (Math.floor(this.ipa / 4096) * 16) >>> 0;
  }
  get hpfarHi(): number {
    return this.#iss >= 0 ? this.#hpfarHi : Math.floor(this.ipa / 2 ** 40) & 0xfff;
  }
}

/**
 * The six-bit fault status code of a status and level. Arm DDI 0487, EncodeLDFSC().
 * @param level -1 to 3; ignored where the status has no level.
 */
export function encodeLdfsc(statusCode: FaultStatus, level: number): number {
  const isMinus1 = level < 0;
  switch (statusCode) {
    case STATUS.addressSize:
      return isMinus1 ? 0b101001 : level;
    case STATUS.translation:
      return isMinus1 ? 0b101011 : 0b000100 | level;
    case STATUS.accessFlag:
      return 0b001000 | level;
    case STATUS.permission:
      return 0b001100 | level;
    case STATUS.syncExternal:
      return 0b010000;
    case STATUS.syncExternalOnWalk:
      return isMinus1 ? 0b010011 : 0b010100 | level;
    case STATUS.syncParity:
      return 0b011000;
    case STATUS.syncParityOnWalk:
      return isMinus1 ? 0b011011 : 0b011100 | level;
    case STATUS.alignment:
      return 0b100001;
    case STATUS.debug:
      return 0b100010;
    case STATUS.tlbConflict:
      return 0b110000;
    case STATUS.hwUpdateAccessFlag:
      return 0b110001;
    case STATUS.lockdown:
      return 0b110100;
    case STATUS.exclusive:
      return 0b110101;
    default:
      throw new TypeError(`Cannot encode fault status ${statusCode} as it has no fault status code`);
  }
}
