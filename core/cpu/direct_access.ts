import { STATE, SYSREG_ACCESS } from "./layout.ts";
import { checkSysregAccess, isRedirected, OUTCOME } from "./sysreg_check.ts";
import { HCR_E2H_HI, hcrHi, hcrLo, scr } from "./security.ts";
import { SYSREG_FUNCTIONS } from "./sysreg_functions.ts";
import { sysregIndex, SYSREGS } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

const SP_EL0 = sysregIndex("SP_EL0"), SP_EL0_BYTE = SYSREG_ACCESS + SP_EL0;
const SP_EL0_ACCESS = STATE.spEl0Access.offset >>> 2;

/** The control bits that decide about registers with direct access, as (register, mask of the low half). */
const CONTROLS = ([
  ["MDCR_EL2", 0xf60],
  ["MDCR_EL3", 0x640],
  ["CPTR_EL2", 1 << 31],
  ["CPTR_EL3", 1 << 31],
  ["CNTHCTL_EL2", 0xf03],
  ["CNTKCTL_EL1", 0x303],
  ["SCTLR_EL1", 0x8200],
  ["SCTLR_EL2", 0x8200],
  ["PMUSERENR_EL0", 15],
  ["MDSCR_EL1", 1 << 12],
] as const).map(([name, mask]) => ({ index: sysregIndex(name), mask }));

/** TID1 to TID3, TIDCP, TACR, TVM, TGE, TRVM, and in the high half E2H, TLOR, APK. */
const HCR_TRAPS = 0x4c3f0018 | 0, HCR_TRAPS_HI = 0x10c;
/** NS, ST, TLOR, APK, EEL2. */
const SCR_TRAPS = 0x54801 | 0;

/** Access bytes of one state of the control bits. */
interface Cached {
  readonly key: Int32Array;
  readonly bytes: Uint8Array;
}
const CACHED_STATES = 16;

/**
 * Access bytes by the control bits that they follow from: hypervisors switch between a few states all the time.
 * One for each vCPU, as `sysregTraps` belongs to the vCPU.
 */
export class DirectAccessCache {
  readonly #states: Cached[] = [];
  readonly #key = new Int32Array(3 + CONTROLS.length);

  /** To be called when `sysregTraps`, the model or the presence of levels changed. */
  clear(): void {
    this.#states.length = 0;
  }

  /** Makes the access bytes in the state block those of the current control bits. */
  apply(vcpu: Vcpu): void {
    const key = this.#key;
    key[0] = hcrLo(vcpu) & HCR_TRAPS;
    key[1] = hcrHi(vcpu) & HCR_TRAPS_HI;
    key[2] = scr(vcpu) & SCR_TRAPS;
    for (let i = 0; i < CONTROLS.length; i++) key[3 + i] = vcpu.sysLo(CONTROLS[i].index) & CONTROLS[i].mask;
    const state = this.#find() ?? this.#compute(vcpu);
    vcpu.u8.set(state.bytes, vcpu.base + SYSREG_ACCESS);
    vcpu.u32[vcpu.w + SP_EL0_ACCESS] = state.bytes[SP_EL0];
    patchSpEl0Access(vcpu, (vcpu.get32("pstate") & 1) !== 0);
  }

  #find(): Cached | null {
    const key = this.#key;
    for (const state of this.#states) {
      let i = 0;
      while (i < key.length && state.key[i] === key[i]) i++;
      if (i === key.length) return state;
    }
    return null;
  }

  #compute(vcpu: Vcpu): Cached {
    const bytes = Uint8Array.from(SYSREGS, (_, index) => accessByte(vcpu, index));
    const state = { key: this.#key.slice(), bytes };
    if (this.#states.length === CACHED_STATES) this.#states.shift();
    this.#states.push(state);
    return state;
  }
}

function accessByte(vcpu: Vcpu, index: number): number {
  const row = SYSREGS[index], functions = SYSREG_FUNCTIONS[index];
  if (row.alias || row.feature === "GICv3" || !row.op) return 0;
  const canRead = !functions?.read;
  const canWrite = !functions?.write && !functions?.written && !row.after && vcpu.writable[2 * index] === 0xffffffff &&
    vcpu.writable[2 * index + 1] === 0xffffffff;
  const isHost = (hcrHi(vcpu) & HCR_E2H_HI) !== 0;
  let byte = 0;
  for (let el = 0; el <= 3; el++) {
    if (isRedirected(index) && ((el === 2 && isHost) || el === 0)) continue;
    if (canRead && isAllowed(vcpu, index, false, el)) byte |= 1 << el;
    if (canWrite && isAllowed(vcpu, index, true, el)) byte |= 16 << el;
  }
  return byte;
}

function isAllowed(vcpu: Vcpu, index: number, isWrite: boolean, el: number): boolean {
  // PSTATE.SP decides about SP_EL0 later
  if (index === SP_EL0) return el >= 1 && (el >= 2 || (vcpu.sysregTraps[index] & (isWrite ? 2 : 1)) === 0);
  return checkSysregAccess(vcpu, index, isWrite, el) === OUTCOME.access;
}

/**
 * Recomputes which system registers MRS and MSR may reach without TypeScript (the bytes at SYSREG_ACCESS). To be called
 * whenever a trap control changed.
 */
export function updateDirectAccess(vcpu: Vcpu): void {
  vcpu.directAccess.apply(vcpu);
}

/** Sets, in whole, the registers whose accesses from EL1 and EL0 trap to EL2 although the architecture has no bit for it. */
export function setSysregTraps(vcpu: Vcpu, traps: Uint8Array): void {
  vcpu.sysregTraps.set(traps);
  vcpu.directAccess.clear();
  updateDirectAccess(vcpu);
  vcpu.onSysregTraps();
}

/** SP_EL0 is UNDEFINED while it is the current stack pointer. */
export function patchSpEl0Access(vcpu: Vcpu, isSpElx: boolean): void {
  vcpu.u8[vcpu.base + SP_EL0_BYTE] = isSpElx ? vcpu.u32[vcpu.w + SP_EL0_ACCESS] : 0;
}
