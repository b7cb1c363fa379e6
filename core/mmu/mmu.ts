import type { CpuMmu } from "../cpu/mmu_interface.ts";
import { STATE } from "../cpu/layout.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import {
  ACCESS_ATOMIC,
  ACCESS_DC,
  ACCESS_DEBUG,
  ACCESS_EXECUTE,
  ACCESS_IC,
  ACCESS_UNPRIVILEGED,
  ACCESS_WRITE,
  ACCESS_ZERO,
} from "./access.ts";
import { translateAt } from "./address_translation.ts";
import { isDevice } from "./attributes.ts";
import { isBigEndianData, makeUpperKey, writeContextKey } from "./context.ts";
import type { Fault } from "./fault.ts";
import { TlbMaintenance } from "./maintenance.ts";
import { PAGE_FLAG, PageTracker } from "./page_tracker.ts";
import type { PhysicalMemory } from "./physical.ts";
import { type MmuFeatures, type MmuRegisters, SCTLR_A } from "./regime.ts";
import { KEY_WORDS, TLB_READ, TLB_WRITE, VcpuTlb } from "./tlb.ts";
import { isUnprivileged, Translator } from "./translate.ts";

/** Answers of `fill` and `fillExec` that are no byte offsets in memory. */
export const FILL_FAULT = -1;
/** No RAM is there: the physical address is in `pa`. */
export const FILL_DEVICE = -2;

const PSTATE = STATE.pstate.offset >>> 2;
const PC = STATE.pc.offset >>> 2;
/** The TLB of the lower half of the address space, and behind it that of the upper half. */
const TLB = STATE.tlb.offset >>> 2;

export interface MmuOptions {
  readonly memory: PhysicalMemory;
  readonly registers: MmuRegisters;
  readonly features: MmuFeatures;
}

/**
 * The memory management units of all vCPUs of a machine: translation, the software TLBs that generated code reads,
 * and their maintenance. Addresses are passed as 32-bit halves, low first; nothing is allocated per access.
 */
export class Mmu implements CpuMmu {
  readonly memory: PhysicalMemory;
  readonly maintenance: TlbMaintenance;
  /** The fault of the last translation that failed. */
  fault: Fault;
  /** Physical address of the last translation, and whether it is in the Secure PA space. */
  pa = 0;
  paSecure = false;
  /** The page of the last `fillExec` is guarded (FEAT_BTI). */
  guarded = false;
  /**
   * Pages whose accesses must all be seen (watchpoints): true keeps a page, at this VA and this byte of memory, out of
   * the TLBs. Call `flushDataTlbs` when the answer changes.
   */
  isWatched: ((vcpu: Vcpu, lo: number, hi: number, isWrite: boolean, hostPage: number) => boolean) | null = null;

  /** The same for a guest's own watchpoints: call `invalidateAll` of the vCPU's TLBs when the answer changes. */
  isWatchedByGuest: ((vcpu: Vcpu, lo: number, hi: number) => boolean) | null = null;

  get isWatching(): boolean {
    return this.isWatched !== null || this.isWatchedByGuest !== null;
  }

  /**
   * Enters RAM in the TLBs even where the guest says that it is Device memory, as it is while the MMU is off. Faster,
   * but unaligned accesses there do not fault then. Call `flushDataTlbs` after a change.
   */
  deviceRamIsFast = false;

  /**
   * The byte offset in memory of the instruction whose access TypeScript makes, or -1 where only its address is known:
   * who runs decoded instructions can tell without a translation.
   */
  runningInstruction: (vcpu: Vcpu) => number = () => -1;

  readonly #tlbs: (VcpuTlb | undefined)[] = [];
  readonly #translator: Translator;
  readonly #debugTranslator: Translator;
  readonly #pages: PageTracker;

  constructor(options: MmuOptions) {
    const { memory, registers, features } = options;
    this.memory = memory;
    this.#translator = new Translator(memory, registers, features);
    this.#debugTranslator = new Translator(memory, registers, features);
    this.fault = this.#translator.fault;
    this.#pages = new PageTracker(memory, this.#tlbs);
    this.maintenance = new TlbMaintenance(this.#debugTranslator.controls, this.#tlbs);
  }

  /** Gives a vCPU its TLBs: TLB_BYTES of memory at byte `base`, a multiple of 16. */
  attach(vcpu: Vcpu, base: number): void {
    this.#tlbs[vcpu.index] = new VcpuTlb(vcpu, base);
    this.contextChanged(vcpu);
  }

  /** The TLBs of a vCPU, for statistics and tests. */
  tlbOf(vcpu: Vcpu): VcpuTlb {
    return this.#tlbs[vcpu.index]!;
  }

  /**
   * Makes the `tlb`, `tlbUpper` and `tlbUnprivileged` fields suit the current Exception level, security state and controls.
   * @param regime where `contextResumed` finds the contexts again.
   */
  contextChanged(vcpu: Vcpu, regime = -1): void {
    const tlb = this.#tlbs[vcpu.index]!;
    const c = this.#translator.controls;
    const pstate = vcpu.i32[vcpu.w + PSTATE];
    const el = pstate >> 2 & 3;
    c.load(vcpu, el);
    writeContextKey(tlb.wanted, vcpu, c, pstate);
    const current = tlb.select(tlb.recent[el]);
    tlb.recent[el] = current;
    const upper = el !== 0 && c.twoRanges ? this.#selectUpper(tlb, el, current) : current;
    let unprivileged = current;
    if (el !== 0 && isUnprivileged(c, pstate)) {
      c.load(vcpu, 0);
      writeContextKey(tlb.wanted, vcpu, c, pstate);
      unprivileged = tlb.select(tlb.partner[current]);
      tlb.partner[current] = unprivileged;
    }
    tlb.use(current, upper, unprivileged);
    if (regime >= 0) tlb.remember(regime);
    else vcpu.forgetRegimes();
  }

  contextResumed(vcpu: Vcpu, regime: number): void {
    if (!this.#tlbs[vcpu.index]!.resume(regime)) this.contextChanged(vcpu, regime);
  }

  /** The context for the upper half while `current` serves the lower half of the address space at a level above EL0. */
  #selectUpper(tlb: VcpuTlb, el: number, current: number): number {
    makeUpperKey(tlb.wanted);
    const upper = tlb.select(tlb.recentUpper[el]);
    tlb.recentUpper[el] = upper;
    return tlb.hasNonGlobal[upper] !== 0 ? current : upper;
  }

  hostOf(vcpu: Vcpu, lo: number, hi: number, write: boolean): number {
    return this.#tlbs[vcpu.index]!.hostOf(lo, hi, write);
  }

  /**
   * Translates a data access, and enters the page in the TLB where all later accesses may go fast.
   * @param access bits of access.ts.
   * @returns the byte offset in memory, FILL_FAULT with the record in `fault`, or FILL_DEVICE with the address in `pa`.
   */
  fill(vcpu: Vcpu, lo: number, hi: number, access: number): number {
    const t = this.#translator;
    const tlb = this.#tlbs[vcpu.index]!;
    const known = tlb.faults.find(vcpu.i32[vcpu.w + TLB + (hi >>> 23 & 1)], lo, hi, access);
    if (known !== null) {
      this.fault = known;
      return FILL_FAULT;
    }
    if (!t.translate(vcpu, tlb, lo, hi, access)) {
      if (vcpu.residents[2] !== null) this.#noteFault(vcpu, tlb, lo, hi, access);
      return this.#fail();
    }
    this.pa = t.pa;
    this.paSecure = t.paSecure;
    const host = this.memory.hostOffset(t.pa, t.paSecure);
    if (host < 0) return FILL_DEVICE;
    if ((access & (ACCESS_WRITE | ACCESS_ATOMIC)) !== 0 && this.memory.isReadOnly(host)) return FILL_DEVICE;
    if (
      (!isDevice(t.attr) || this.deviceRamIsFast) && (t.controls.sctlrLo & SCTLR_A) === 0 &&
      !isBigEndianData(t.controls)
    ) {
      this.#insert(vcpu, tlb, lo, hi, access, host - (lo & 0xfff));
    }
    return host;
  }

  #fail(): typeof FILL_FAULT {
    this.fault = this.#translator.fault;
    return FILL_FAULT;
  }

  #noteFault(vcpu: Vcpu, tlb: VcpuTlb, lo: number, hi: number, access: number): void {
    const context = this.#contextOf(tlb, hi);
    if (!this.#isInContext(vcpu, tlb, context)) return;
    tlb.faults.note(tlb.offset(context), lo, hi, access, this.#translator.fault);
  }

  /** Enters a page of Normal memory at byte `hostPage`, unless its accesses must be seen. */
  #insert(vcpu: Vcpu, tlb: VcpuTlb, lo: number, hi: number, access: number, hostPage: number): void {
    const isWrite = (access & (ACCESS_WRITE | ACCESS_ATOMIC)) !== 0;
    if (isWrite && !this.#translator.canRead) return;
    if (!this.#pages.allows(hostPage >>> 12, isWrite)) return;
    if (this.isWatched !== null && this.isWatched(vcpu, lo & ~0xfff, hi, isWrite, hostPage)) return;
    if (this.isWatchedByGuest !== null && this.isWatchedByGuest(vcpu, lo, hi)) return;
    const context = (access & ACCESS_UNPRIVILEGED) !== 0 ? tlb.unprivileged : this.#contextOf(tlb, hi);
    if (!this.#isInContext(vcpu, tlb, context)) return;
    const { blockShift, nonGlobal } = this.#translator.stage1;
    tlb.noteLeaf(context, lo, hi, blockShift, !nonGlobal);
    const entry = tlb.insert(context, isWrite ? TLB_WRITE : TLB_READ, lo, hi, hostPage);
    if (isWrite) this.#pages.noteWrite(hostPage, entry);
  }

  /** The context of the current level for the page just translated. */
  #contextOf(tlb: VcpuTlb, hi: number): number {
    if ((hi & 1 << 23) === 0) return tlb.current;
    if (tlb.upper !== tlb.current && this.#translator.stage1.nonGlobal) {
      tlb.setNonGlobal(tlb.upper);
      tlb.use(tlb.current, tlb.current, tlb.unprivileged);
    }
    return tlb.upper;
  }

  /** Whether the translation just made belongs in a context: registers may have changed since it was chosen. */
  #isInContext(vcpu: Vcpu, tlb: VcpuTlb, context: number): boolean {
    const { keys, wanted } = tlb;
    writeContextKey(wanted, vcpu, this.#translator.controls, vcpu.i32[vcpu.w + PSTATE]);
    if (context === tlb.upper && context !== tlb.current) makeUpperKey(wanted);
    const k = context * KEY_WORDS;
    for (let i = 0; i < KEY_WORDS; i++) if (keys[k + i] !== wanted[i]) return false;
    return true;
  }

  /**
   * Translates an address for execution; `guarded` then holds for its page. The caller enters the page in the EXEC array.
   * @returns as `fill` does.
   */
  fillExec(vcpu: Vcpu, lo: number, hi: number): number {
    const t = this.#translator;
    const tlb = this.#tlbs[vcpu.index]!;
    if (!t.translate(vcpu, tlb, lo, hi, ACCESS_EXECUTE)) return this.#fail();
    this.pa = t.pa;
    this.paSecure = t.paSecure;
    this.guarded = t.stage1.guarded;
    const host = this.memory.hostOffset(t.pa, t.paSecure);
    if (host < 0) return FILL_DEVICE;
    if (!this.#isInContext(vcpu, tlb, this.#contextOf(tlb, hi))) this.contextChanged(vcpu);
    const context = this.#contextOf(tlb, hi);
    tlb.noteLeaf(context, lo, hi, t.stage1.blockShift, !t.stage1.nonGlobal);
    tlb.noteExec(context, lo, this.guarded);
    return host;
  }

  /** Checks and translates an access without touching the TLBs. @returns false when `fault` was filled; else `pa` is set. */
  translate(vcpu: Vcpu, lo: number, hi: number, access: number): boolean {
    const t = this.#translator;
    if (!t.translate(vcpu, this.#tlbs[vcpu.index]!, lo, hi, access)) {
      this.#fail();
      return false;
    }
    this.pa = t.pa;
    this.paSecure = t.paSecure;
    return true;
  }

  /** The PA that an address of the current level stands for, whatever the permissions, or -1; changes nothing. */
  translateForDebugger(vcpu: Vcpu, lo: number, hi: number): number {
    const t = this.#debugTranslator;
    return t.translate(vcpu, this.#tlbs[vcpu.index]!, lo, hi, ACCESS_DEBUG) ? t.pa : -1;
  }

  /** The PA that a Non-secure IPA of the EL1&0 regime stands for, or -1; the same address where there is no stage 2. */
  translateIpaForDebugger(vcpu: Vcpu, ipa: number): number {
    const { controls: c, stage2 } = this.#debugTranslator;
    c.load(vcpu, 1);
    if (!c.stage2Enabled) return ipa;
    stage2.cache = this.#tlbs[vcpu.index]!.stage2;
    stage2.begin(vcpu, c);
    const hi = Math.floor(ipa / 0x100000000), lo = ipa | 0;
    if (!stage2.translate(vcpu, c, hi, lo, false, ACCESS_DEBUG)) return -1;
    return stage2.paHi * 0x100000000 + (stage2.paLo >>> 0);
  }

  instructionWord(vcpu: Vcpu): number {
    const running = this.runningInstruction(vcpu);
    const host = running >= 0 ? running : this.#instructionByAddress(vcpu);
    return host < 0 ? 0 : this.memory.u32[host >>> 2];
  }
  #instructionByAddress(vcpu: Vcpu): number {
    const lo = vcpu.u32[vcpu.w + PC], hi = vcpu.u32[vcpu.w + PC + 1];
    const t = this.#debugTranslator;
    const isMapped = t.translate(vcpu, this.#tlbs[vcpu.index]!, lo, hi, ACCESS_EXECUTE | ACCESS_DEBUG);
    return isMapped ? this.memory.hostOffset(t.pa, t.paSecure) : -1;
  }

  cacheMaintenance(vcpu: Vcpu, lo: number, hi: number, kind: "dc" | "dcInvalidate" | "ic" | "zero"): boolean {
    if (kind === "zero") return this.translate(vcpu, lo, hi, ACCESS_WRITE | ACCESS_ZERO);
    if (kind === "dcInvalidate") return this.translate(vcpu, lo, hi, ACCESS_DC | ACCESS_WRITE);
    // What may be read, may be cleaned; lines of a page come one after the other
    if (this.#tlbs[vcpu.index]!.hostOf(lo, hi, false) >= 0) return true;
    if (!this.translate(vcpu, lo, hi, kind === "ic" ? ACCESS_IC : ACCESS_DC)) return false;
    this.fill(vcpu, lo, hi, 0);
    return true;
  }

  at(vcpu: Vcpu, encoding: number, lo: number, hi: number): boolean {
    this.fault = this.#translator.fault;
    return translateAt(this.#translator, vcpu, this.#tlbs[vcpu.index]!, encoding, lo, hi);
  }

  tlbi(vcpu: Vcpu, encoding: number, lo: number, hi: number): void {
    this.maintenance.tlbi(vcpu, encoding, lo, hi);
  }

  /** Data accesses of the current Exception level are big-endian. */
  isBigEndian(vcpu: Vcpu): boolean {
    const c = this.#debugTranslator.controls;
    c.load(vcpu, vcpu.i32[vcpu.w + PSTATE] >> 2 & 3);
    return isBigEndianData(c);
  }

  // What the code cache asks for; pages are byte offsets in memory divided by 4096.

  /** From now on stores to the page are seen: none goes through a TLB. */
  protectCode(hostPage: number): void {
    this.#pages.protect(hostPage, PAGE_FLAG.code);
  }

  /** The page holds no decoded code any more. */
  unprotectCode(hostPage: number): void {
    this.#pages.unprotect(hostPage, PAGE_FLAG.code);
  }

  /** From now on stores to the page are seen, for who keeps track of changed pages; until `untrackWrites`. */
  trackWrites(hostPage: number): void {
    this.#pages.protect(hostPage, PAGE_FLAG.tracked);
  }

  untrackWrites(hostPage: number): void {
    this.#pages.unprotect(hostPage, PAGE_FLAG.tracked);
  }

  flushExecTlbs(): void {
    for (const tlb of this.#tlbs) tlb?.invalidateExec();
  }

  /** Empties the TLBs of all vCPUs: after a reset, a restored snapshot or a change of watched pages. */
  flushDataTlbs(): void {
    for (const tlb of this.#tlbs) {
      tlb?.stage2.invalidateAll();
      tlb?.walks.invalidateAll();
      tlb?.invalidateAll();
    }
  }
}
