import type { Vcpu } from "../cpu/vcpu.ts";
import { KEY_REGIME_MASK, KEY_REGIME_SHIFT, KEY_SECURE, KEY_UPPER, KEY_USED, KEY_VMID_SHIFT } from "./context.ts";
import { HCR_E2H_HI, HCR_FB, HCR_TGE, REGIME, type TranslationControls } from "./regime.ts";
import { KEY_WORDS, TLB_CONTEXTS, type VcpuTlb } from "./tlb.ts";

/** Ranges of more pages than this drop whole contexts. */
const RANGE_PAGES = 128;
/** TG of the range instructions: 1 is 4 KiB, 2 is 16 KiB, 3 is 64 KiB. */
const RANGE_GRANULE_BITS = [12, 12, 14, 16];

/** What a TLBI instruction removes; parsed from the encoding into one reused object. */
const KIND = { everything: 0, all: 1, asid: 2, va: 3, range: 4, stage2: 5, stages12: 6, allEl1: 7 } as const;
type Kind = (typeof KIND)[keyof typeof KIND];

/** TLB maintenance over the TLBs of all vCPUs. Arm DDI 0487, "TLB maintenance instructions". */
export class TlbMaintenance {
  #key0 = 0;
  #vmid = -1;
  /** Tables above the last level stay what they were. */
  #isLastLevel = false;
  /** The ASID whose pages go, with those that are global; -1 for those of all ASIDs. */
  #asid = -1;

  /**
   * @param controls scratch controls, loaded anew here.
   * @param tlbs the TLBs by vCPU number.
   */
  constructor(readonly controls: TranslationControls, readonly tlbs: readonly (VcpuTlb | undefined)[]) {}

  /**
   * Executes a TLBI instruction.
   * @param encoding op0:op1:CRn:CRm:op2.
   * @param lo Xt[31:0].
   * @param hi Xt[63:32].
   */
  tlbi(vcpu: Vcpu, encoding: number, lo: number, hi: number): void {
    const op1 = encoding >>> 11 & 7, CRm = encoding >>> 3 & 15, op2 = encoding & 7;
    const kind = tlbiKind(op1, CRm, op2);
    const c = this.controls;
    const el = vcpu.currentEl();
    this.#isLastLevel = (op2 & 4) !== 0;
    const isByAsid = (kind === KIND.va || kind === KIND.range) && (op2 & 2) === 0;
    c.load(vcpu, op1 === 6 ? 3 : op1 === 4 && kind < KIND.stage2 ? 2 : 1);
    const isHost = (c.hcrHi & HCR_E2H_HI) !== 0 && (c.hcrLo & HCR_TGE) !== 0;
    if (op1 === 0 && el >= 2 && isHost) c.load(vcpu, 2);
    this.#key0 = KEY_USED | c.regime << KEY_REGIME_SHIFT | (c.secure ? KEY_SECURE : 0);
    this.#asid = isByAsid && c.twoRanges ? asidOf(c, hi) : -1;
    this.#vmid = c.regime === REGIME.EL10 && kind !== KIND.allEl1 ? c.vmid(vcpu) : -1;
    const isLocal = CRm >= 6 || (op1 === 4 && CRm === 4 && (op2 === 1 || op2 === 2 || op2 === 5 || op2 === 6));
    if (isLocal && !(el === 1 && (c.hcrLo & HCR_FB) !== 0)) {
      this.#apply(this.tlbs[vcpu.index]!, kind, c, lo, hi);
      return;
    }
    for (let i = 0; i < this.tlbs.length; i++) {
      const tlb = this.tlbs[i];
      if (tlb) this.#apply(tlb, kind, c, lo, hi);
    }
  }

  /** Forgets all that a virtual machine's tables said: for who changes stage 2 tables without TLBI instructions. */
  invalidateVmid(vmid: number, secure: boolean): void {
    this.#key0 = KEY_USED | REGIME.EL10 << KEY_REGIME_SHIFT | (secure ? KEY_SECURE : 0);
    this.#vmid = vmid;
    for (const tlb of this.tlbs) {
      if (!tlb) continue;
      tlb.walks.invalidateAll();
      this.#stage2(tlb, secure);
    }
  }

  #apply(tlb: VcpuTlb, kind: Kind, c: TranslationControls, lo: number, hi: number): void {
    if (kind !== KIND.va && kind !== KIND.range) tlb.walks.invalidateAll();
    switch (kind) {
      case KIND.all:
        return this.#contexts(tlb);
      case KIND.asid:
        return this.#ofAsid(tlb, asidOf(c, hi));
      case KIND.va:
        if (!this.#isLastLevel) tlb.walks.invalidateVa(hi << 12 | lo >>> 20, lo << 12);
        return this.#va(tlb, lo << 12, hi << 12 | lo >>> 20);
      case KIND.range:
        if (!this.#isLastLevel) tlb.walks.invalidateAll();
        return this.#range(tlb, lo, hi);
      case KIND.stage2:
      case KIND.stages12:
        return this.#stage2(tlb, c.secure);
      case KIND.allEl1:
        tlb.stage2.invalidateAll();
        return this.#contexts(tlb);
      default:
        tlb.stage2.invalidateAll();
        tlb.invalidateAll();
    }
  }

  #matches(tlb: VcpuTlb, context: number): boolean {
    const k = context * KEY_WORDS;
    return (tlb.keys[k] & KEY_REGIME_MASK) === this.#key0 &&
      (this.#vmid < 0 || tlb.keys[k + 1] >>> KEY_VMID_SHIFT === this.#vmid);
  }

  #contexts(tlb: VcpuTlb): void {
    for (let i = 0; i < TLB_CONTEXTS; i++) if (this.#matches(tlb, i)) tlb.invalidate(i);
  }

  /** Contexts of the upper half hold global pages only, which stay. */
  #ofAsid(tlb: VcpuTlb, asid: number): void {
    for (let i = 0; i < TLB_CONTEXTS; i++) {
      const k = i * KEY_WORDS;
      if ((tlb.keys[k] & KEY_UPPER) !== 0 || (tlb.keys[k + 1] & 0xffff) !== asid) continue;
      if (this.#matches(tlb, i)) tlb.invalidate(i);
    }
  }

  #va(tlb: VcpuTlb, lo: number, hi: number): void {
    tlb.forgetPages();
    for (let i = 0; i < TLB_CONTEXTS; i++) if (this.#mayHold(tlb, i, hi)) tlb.invalidateVa(i, lo, hi);
  }

  /** Whether a context may hold pages that go, in the half of the address space that an address is in. */
  #mayHold(tlb: VcpuTlb, context: number, hi: number): boolean {
    if (!this.#matches(tlb, context)) return false;
    const k = context * KEY_WORDS;
    if ((tlb.keys[k] & KEY_UPPER) !== 0) return (hi & 1 << 23) !== 0;
    return this.#asid < 0 || (tlb.keys[k + 1] & 0xffff) === this.#asid || tlb.hasGlobal[context] !== 0;
  }

  #range(tlb: VcpuTlb, lo: number, hi: number): void {
    const granule = RANGE_GRANULE_BITS[hi >>> 14 & 3];
    const scale = hi >>> 12 & 3;
    const count = (hi >>> 7 & 31) + 1;
    const pages = count * 2 ** (5 * scale + 1 + granule - 12);
    let vaLo = lo << granule;
    let vaHi = (hi & 31) << granule | lo >>> (32 - granule);
    if ((hi & 16) !== 0) vaHi |= -1 << (granule + 5);
    if (pages > RANGE_PAGES) {
      for (let i = 0; i < TLB_CONTEXTS; i++) if (this.#mayHold(tlb, i, vaHi)) tlb.invalidate(i);
      return;
    }
    for (let i = 0; i < pages; i++) {
      this.#va(tlb, vaLo, vaHi);
      vaLo = vaLo + 4096 | 0;
      if (vaLo === 0) vaHi++;
    }
  }

  #stage2(tlb: VcpuTlb, secure: boolean): void {
    tlb.stage2.invalidateVmid(this.#vmid, secure);
    this.#contexts(tlb);
  }
}

/** The ASID in Xt[63:48], of 8 or 16 bits by TCR_ELx.AS. */
function asidOf(c: TranslationControls, hi: number): number {
  return hi >>> 16 & ((c.tcrHi & 1 << 4) !== 0 ? 0xffff : 0xff);
}

function tlbiKind(op1: number, CRm: number, op2: number): Kind {
  if (op1 === 4 && (CRm === 0 || CRm === 4)) return KIND.stage2;
  if (CRm === 2 || CRm === 5 || CRm === 6) return KIND.range;
  if ((op2 & 1) !== 0) return KIND.va;
  if (op2 === 0) return KIND.all;
  if (op1 === 0 && op2 === 2) return KIND.asid;
  if (op1 === 4 && op2 === 4) return KIND.allEl1;
  if (op1 === 4 && op2 === 6) return KIND.stages12;
  return KIND.everything;
}
