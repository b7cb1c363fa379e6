import { STATE } from "./layout.ts";
import { debugTarget, generateDebugExceptionsFrom } from "./debug.ts";
import { currentEl, el2Enabled, elIsInHost, isSecureBelowEl3 } from "./security.ts";
import { takeSynchronous } from "./exceptions.ts";
import { EC } from "./syndrome.ts";
import { defineSysreg } from "./sysreg_functions.ts";
import { sysregIndex, SYSREGS } from "./sysregs.ts";
import type { Vcpu } from "./vcpu.ts";

/*
 * Breakpoints and watchpoints: which instructions and accesses they match. Arm DDI 0487, "Breakpoint Exceptions" and
 * "Watchpoint exceptions". Values are bigint, as all this happens only while one is enabled.
 */

const numbered = (prefix: string) => Array.from({ length: 16 }, (_, n) => sysregIndex(`${prefix}${n}_EL1`));
const BVR = numbered("DBGBVR"), BCR = numbered("DBGBCR"), WVR = numbered("DBGWVR"), WCR = numbered("DBGWCR");
const MDSCR_EL1 = sysregIndex("MDSCR_EL1");
const OSLSR_EL1 = sysregIndex("OSLSR_EL1");
const ID_AA64DFR0_EL1 = sysregIndex("ID_AA64DFR0_EL1");
const CONTEXTIDR_EL1 = sysregIndex("CONTEXTIDR_EL1");
const CONTEXTIDR_EL2 = sysregIndex("CONTEXTIDR_EL2");
const VTTBR_EL2 = sysregIndex("VTTBR_EL2");
const VTCR_EL2 = sysregIndex("VTCR_EL2");
const PSTATE = STATE.pstate.offset >>> 2;

const MDSCR_MDE = 1 << 15;
const OSLK = 2;
const VTCR_VS = 1 << 19;
const PSTATE_D = 1 << 9;
/** IFSC of a debug exception. */
const FSC_DEBUG = 0x22;
const ENABLE = 1;
/** DBGWCR<n>_EL1.WT: linked. */
const WT = 1 << 20;
/** Addresses are compared without their tag, whose lowest bit tells the ranges apart. */
const ADDRESS = (1n << 56n) - 1n;

/** The breakpoints and watchpoints of a vCPU that may match, by number. */
export interface EnabledDebug {
  readonly breakpoints: readonly number[];
  readonly watchpoints: readonly number[];
  /** A breakpoint matches by context alone: any instruction may be the one. */
  readonly matchesAnywhere: boolean;
}

/** One data access. */
export interface DebugAccess {
  readonly va: bigint;
  readonly bytes: number;
  readonly isRead: boolean;
  readonly isWrite: boolean;
  /** The Exception level that it is made as. */
  readonly el: number;
}

/** The breakpoints and watchpoints that the registers enable, or null where there is none. */
function enabledDebug(vcpu: Vcpu): EnabledDebug | null {
  if ((vcpu.sysLo(MDSCR_EL1) & MDSCR_MDE) === 0 || (vcpu.sysLo(OSLSR_EL1) & OSLK) !== 0) return null;
  const enabled = (registers: readonly number[], count: number) =>
    [...registers.slice(0, count).keys()].filter((n) => (vcpu.sysLo(registers[n]) & ENABLE) !== 0);
  const breakpoints = enabled(BCR, vcpu.model.breakpoints).filter((n) =>
    isAddressMatch(vcpu, n) || isUnlinked(vcpu, n)
  );
  const watchpoints = enabled(WCR, vcpu.model.watchpoints);
  if (breakpoints.length + watchpoints.length === 0) return null;
  return { breakpoints, watchpoints, matchesAnywhere: breakpoints.some((n) => !isAddressMatch(vcpu, n)) };
}

/** Makes `debug` of the vCPU true again: a register that it follows from may have changed. */
export function updateDebug(vcpu: Vcpu): void {
  const old = vcpu.debug;
  vcpu.debug = enabledDebug(vcpu);
  if (old !== null || vcpu.debug !== null) vcpu.onDebugChanged(vcpu);
}

function value(vcpu: Vcpu, index: number): bigint {
  return BigInt(vcpu.sysHi(index)) << 32n | BigInt(vcpu.sysLo(index));
}

/** DBGBCR<n>_EL1.BT. */
function breakpointType(vcpu: Vcpu, n: number): number {
  return vcpu.sysLo(BCR[n]) >>> 20 & 15;
}
/** A breakpoint matches by address, perhaps linked with a context. */
export function isAddressMatch(vcpu: Vcpu, n: number): boolean {
  return breakpointType(vcpu, n) <= 1;
}
function isUnlinked(vcpu: Vcpu, n: number): boolean {
  return (breakpointType(vcpu, n) & 1) === 0;
}

/** Where an address breakpoint is, without tag. */
export function breakpointAddress(vcpu: Vcpu, n: number): bigint {
  return value(vcpu, BVR[n]) & ADDRESS & ~3n;
}

/** Whether an enabled breakpoint matches the instruction at the PC. Arm DDI 0487, AArch64.CheckBreakpoint(). */
export function matchesBreakpoint(vcpu: Vcpu): boolean {
  const el = currentEl(vcpu), pc = vcpu.get64("pc") & ADDRESS;
  if (vcpu.debug === null || !canGenerate(vcpu)) return false;
  return vcpu.debug.breakpoints.some((n) => {
    const control = vcpu.sysLo(BCR[n]), isAddress = isAddressMatch(vcpu, n);
    const isHere = isAddress ? breakpointAddress(vcpu, n) === pc : matchesContext(vcpu, n);
    return isHere && matchesState(vcpu, control >>> 1 & 3, control, isAddress && !isUnlinked(vcpu, n), el);
  });
}

/** Arm DDI 0487, AArch64.BreakpointException(). */
export function takeBreakpoint(vcpu: Vcpu): void {
  const el = currentEl(vcpu), target = el === 2 ? 2 : debugTarget(vcpu);
  takeSynchronous(vcpu, target, target === el ? EC.breakpointSame : EC.breakpointLower, FSC_DEBUG);
}

function canGenerate(vcpu: Vcpu): boolean {
  return generateDebugExceptionsFrom(vcpu, currentEl(vcpu), (vcpu.u32[vcpu.w + PSTATE] & PSTATE_D) !== 0);
}

/** Whether a context breakpoint matches the current context. Arm DDI 0487, AArch64.BreakpointValueMatch(). */
function matchesContext(vcpu: Vcpu, n: number): boolean {
  const contextBreakpoints = (vcpu.sysLo(ID_AA64DFR0_EL1) >>> 28) + 1;
  if (n < vcpu.model.breakpoints - contextBreakpoints || n >= vcpu.model.breakpoints) return false;
  const type = breakpointType(vcpu, n) >>> 1, lo = vcpu.sysLo(BVR[n]), hi = vcpu.sysHi(BVR[n]);
  const el = currentEl(vcpu), isHost = elIsInHost(vcpu, el), isGuest = el <= 1 && !isHost;
  const hasVhe = vcpu.model.features.has("FEAT_VHE");
  // Bits 1:0 of `type` are 1 the context, 3 that of EL1; 2 is that of EL2, or with bit 2 alone the VMID
  if (type === 0 || type === 2 || (!hasVhe && (type === 3 || type >= 6))) return false;
  const isById = (type & 3) === 1, isByEl1 = (type & 3) === 3, isByEl2 = type >= 6, isByVmid = type === 4 || type === 5;
  if (isById && vcpu.sysLo(isHost ? CONTEXTIDR_EL2 : CONTEXTIDR_EL1) !== lo) return false;
  if (isById && !isHost && !isGuest) return false;
  if (isByEl1 && (!isGuest || vcpu.sysLo(CONTEXTIDR_EL1) !== lo)) return false;
  if (isByEl2 && (!el2Enabled(vcpu) || el === 3 || vcpu.sysLo(CONTEXTIDR_EL2) !== hi)) return false;
  if (!isByVmid) return true;
  const mask = (vcpu.sysLo(VTCR_EL2) & VTCR_VS) !== 0 ? 0xffff : 0xff;
  return isGuest && el2Enabled(vcpu) && (vcpu.sysHi(VTTBR_EL2) >>> 16 & mask) === (hi & mask);
}

/**
 * Whether a breakpoint or watchpoint is for this Exception level and Security state. Arm DDI 0487, AArch64.StateMatch().
 * @param pxc PMC or PAC.
 * @param control DBGBCR<n>_EL1 or DBGWCR<n>_EL1, which have SSC, HMC and LBN at the same places.
 * @param isLinked the context of breakpoint LBN counts too.
 */
function matchesState(vcpu: Vcpu, pxc: number, control: number, isLinked: boolean, el: number): boolean {
  const hmc = control >>> 13 & 1, ssc = control >>> 14 & 3, LBN = control >>> 16 & 15;
  if (isReservedState(vcpu, hmc, ssc, pxc)) return false;
  const isForLevel = [
    (pxc & 2) !== 0,
    (pxc & 1) !== 0,
    (hmc === 1 && !(ssc === 2 && pxc === 0)) || ssc === 3,
    hmc === 1 && (ssc & 1) === 0,
  ];
  if (!isForLevel[el]) return false;
  const isSecure = el === 3 || isSecureBelowEl3(vcpu);
  const isForSecurityState = [true, !isSecure, isSecure, hmc === 1 || isSecure];
  if (!isForSecurityState[ssc]) return false;
  if (!isLinked) return true;
  const isLinkedContext = LBN < vcpu.model.breakpoints && (vcpu.sysLo(BCR[LBN]) & ENABLE) !== 0 &&
    !isAddressMatch(vcpu, LBN) && !isUnlinked(vcpu, LBN);
  return isLinkedContext && matchesContext(vcpu, LBN);
}

/** Combinations that mean nothing, which disable. Arm DDI 0487, CheckValidStateMatch(). */
function isReservedState(vcpu: Vcpu, hmc: number, ssc: number, pxc: number): boolean {
  const { hasEl2, hasEl3 } = vcpu, all = hmc << 4 | ssc << 2 | pxc;
  if (hmc === 0 && pxc === 0 && ssc !== 3) return true;
  if (!hasEl3 && !hasEl2 && (hmc !== 0 || ssc !== 0)) return true;
  if (!hasEl3 && (ssc === 1 || ssc === 2) && all !== 0b10100) return true;
  if (!hasEl2 && all === 0b11100) return true;
  const hasSecureEl2 = hasEl2 && hasEl3 && vcpu.model.features.has("FEAT_SEL2");
  if (!hasSecureEl2 && (all === 0b01100 || all === 0b10100 || (all & 0b01101) === 0b01101)) return true;
  return all === 0b01110 || (all & 0b11101) === 0b10000 || all === 0b10110 || (all & 0b11011) === 0b11010;
}

/** The addresses that a watchpoint may match: 2 to the power of `bits` from `start`. */
interface WatchedRange {
  readonly start: bigint;
  readonly bits: number;
}

/** Without tag; null for a reserved mask. Arm DDI 0487, AArch64.WatchpointByteMatch(). */
function watchedRange(vcpu: Vcpu, n: number): WatchedRange | null {
  const MASK = vcpu.sysLo(WCR[n]) >>> 24 & 31, base = value(vcpu, WVR[n]);
  if (MASK === 1 || MASK === 2) return null;
  const bits = MASK !== 0 ? MASK : (base & 4n) !== 0n ? 2 : 3;
  return { start: base & ADDRESS & ~((1n << BigInt(bits)) - 1n), bits };
}

/** Whether an enabled watchpoint may match an access to the page of a VA. */
export function isPageWatched(vcpu: Vcpu, lo: number, hi: number): boolean {
  if (vcpu.debug === null) return false;
  const page = (BigInt(hi >>> 0) << 32n | BigInt(lo >>> 0)) & ADDRESS & ~0xfffn;
  return vcpu.debug.watchpoints.some((n) => {
    const range = watchedRange(vcpu, n);
    if (range === null) return false;
    const shift = BigInt(Math.max(range.bits, 12));
    return range.start >> shift === page >> shift;
  });
}

/** The first watched address of an access, with its tag, or -1. Arm DDI 0487, AArch64.CheckWatchpoint(). */
export function watchedAddress(vcpu: Vcpu, access: DebugAccess): bigint {
  if (vcpu.debug === null || !canGenerate(vcpu)) return -1n;
  for (const n of vcpu.debug.watchpoints) {
    const control = vcpu.sysLo(WCR[n]), range = watchedRange(vcpu, n);
    const isForAccess = ((control & 1 << 3) !== 0 && access.isRead) || ((control & 1 << 4) !== 0 && access.isWrite);
    if (range === null || !isForAccess) continue;
    if (!matchesState(vcpu, control >>> 1 & 3, control, (control & WT) !== 0, access.el)) continue;
    const BAS = range.bits > 3 ? 0xff : control >>> 5 & 0xff;
    for (let i = 0n; i < access.bytes; i++) {
      const offset = (access.va + i & ADDRESS) - range.start;
      if (offset >= 0n && offset < 1n << BigInt(range.bits) && (BAS >>> Number(offset & 7n) & 1) !== 0) {
        return access.va + i;
      }
    }
  }
  return -1n;
}

for (const index of [...BVR, ...BCR, ...WVR, ...WCR]) defineSysreg(SYSREGS[index].name, { written: updateDebug });
defineSysreg("MDSCR_EL1", { written: updateDebug });
defineSysreg("OSLAR_EL1", {
  write: (vcpu, lo) => {
    vcpu.setSys(OSLSR_EL1, vcpu.sysLo(OSLSR_EL1) & ~OSLK | (lo & 1) << 1, 0);
    updateDebug(vcpu);
  },
});
