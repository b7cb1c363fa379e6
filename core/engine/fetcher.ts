import { STATE } from "../cpu/layout.ts";
import { forgetCallSites } from "../cpu/sites.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import type { CodeCache } from "./code_cache.ts";
import type { EngineMmu, ExceptionModel, GuestDebug } from "./engine_host.ts";
import { EXEC_TLB_OFFSET } from "./memory_request.ts";

const PC = STATE.pc.offset >>> 2, BUDGET = STATE.budget.offset >>> 2, TLB = STATE.tlb.offset >>> 2;
const PC_PAGE = STATE.pcPage.offset >>> 2, RECORD_BASE = STATE.recordBase.offset >>> 2;

/** Finds the records that vCPUs go on at: by the execute TLB, and with the MMU's help where that has none. */
export class Fetcher {
  /** A debugger is told of every page of memory that is about to run at a VA, before its records are used. */
  onFetchPage: ((vcpu: Vcpu, lo: number, hi: number, hostPage: number) => void) | null = null;
  /** Set while a guest has breakpoints or watchpoints. */
  guestDebug: GuestDebug | null = null;
  readonly #mmu: EngineMmu;
  readonly #exceptions: ExceptionModel;
  readonly #code: CodeCache;

  constructor(mmu: EngineMmu, exceptions: ExceptionModel, code: CodeCache) {
    this.#mmu = mmu;
    this.#exceptions = exceptions;
    this.#code = code;
  }

  /** The record of the PC's instruction; 0 after an exception was taken. */
  fetch(vcpu: Vcpu): number {
    const record = this.find(vcpu);
    if (record !== 0) return record;
    const host = this.translate(vcpu);
    if (host >= 0) return this.#fillExec(vcpu, host);
    vcpu.i32[vcpu.w + BUDGET]++;
    return 0;
  }

  /** The record of the PC's instruction if the execute TLB has its page, and 0 otherwise. */
  find(vcpu: Vcpu): number {
    const { i32, u32, w } = vcpu;
    const lo = u32[w + PC], hi = i32[w + PC + 1];
    const entry = execEntry(vcpu, lo, hi);
    if (i32[entry] !== (lo & ~0xfff) || i32[entry + 1] !== hi || (lo & 3) !== 0) return 0;
    return enterPage(vcpu, lo, hi, u32[entry + 2]);
  }

  /**
   * `fetch` after an indirect branch by the instruction `word`.
   * @param kind 1 or 2: BR, BLR.
   */
  fetchIndirect(vcpu: Vcpu, word: number, kind: number): number {
    const { i32, w } = vcpu;
    this.#exceptions.indirectBranch(vcpu, word, kind);
    const host = this.translate(vcpu);
    if (host < 0) return 0;
    if (this.#exceptions.branchTarget(vcpu, i32[host >>> 2], this.#mmu.guarded)) {
      i32[w + BUDGET]++;
      return 0;
    }
    const record = this.#fillExec(vcpu, host);
    return i32[w + BUDGET] < 0 ? record : 0;
  }

  /** Byte offset of the PC's instruction in memory, or a negative number after an exception was taken. */
  translate(vcpu: Vcpu): number {
    const lo = vcpu.u32[vcpu.w + PC], hi = vcpu.u32[vcpu.w + PC + 1];
    if (lo & 3) {
      this.#exceptions.pcAlignment(vcpu);
      return -1;
    }
    const host = this.#mmu.fillExec(vcpu, lo, hi);
    if (host >= 0) return host;
    if (host === -1) this.#exceptions.abort(vcpu);
    else this.#exceptions.externalAbort(vcpu, lo, hi, "execute");
    return -1;
  }

  /** Puts the page just translated in the execute TLB. @returns the record of the PC's instruction. */
  #fillExec(vcpu: Vcpu, host: number): number {
    const { i32, u32, w } = vcpu, hostPage = host >>> 12;
    const lo = u32[w + PC], hi = i32[w + PC + 1];
    if (this.onFetchPage !== null) this.onFetchPage(vcpu, lo & ~0xfff, hi, hostPage);
    if (this.guestDebug !== null) this.guestDebug.fetchesPage(vcpu, lo & ~0xfff, hi, hostPage);
    if (!this.#code.holds(hostPage)) this.#mmu.protectCode(hostPage);
    const recordBase = this.#code.recordsOf(hostPage);
    // Only now, as entering the page in the cache may have emptied the TLB
    const entry = execEntry(vcpu, lo, hi);
    i32[entry] = lo & ~0xfff;
    i32[entry + 1] = hi;
    u32[entry + 2] = recordBase;
    u32[entry + 3] = this.#mmu.guarded ? 3 : 0;
    return enterPage(vcpu, lo, hi, recordBase);
  }

  /** Takes the PC's page out of the execute TLB: its records were dropped. */
  forgetPage(vcpu: Vcpu): void {
    const lo = vcpu.u32[vcpu.w + PC];
    const entry = execEntry(vcpu, lo, vcpu.i32[vcpu.w + PC + 1]);
    forgetCallSites(vcpu);
    vcpu.i32[entry] = (lo & 0xfff000) === 0 ? 0x1000 : 0;
    vcpu.i32[entry + 1] = 0;
  }
}

/** Has the vCPU run the records at `recordBase` as the PC's page. @returns the record of the PC's instruction. */
export function enterPage({ i32, u32, w }: Vcpu, lo: number, hi: number, recordBase: number): number {
  u32[w + PC_PAGE] = lo & ~0xfff;
  i32[w + PC_PAGE + 1] = hi;
  u32[w + RECORD_BASE] = recordBase;
  return recordBase + (lo & 0xfff) * 4;
}

/** The word index of an address's entry in the execute TLB. */
function execEntry({ u32, w }: Vcpu, lo: number, hi: number): number {
  return (u32[w + TLB + (hi >>> 23 & 1)] + EXEC_TLB_OFFSET + ((lo >>> 8) & 0xfff0)) >>> 2;
}
