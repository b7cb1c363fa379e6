import type { I32, I64, Int, Value, Variable } from "../builder.ts";
import { type AccessKind, SITE_BYTES, SITES, SPAN_BYTES, SPANS, WRITE_SITES } from "../../cpu/layout.ts";
import type { Operand } from "../emitter.ts";
import { type Access, mustAlign, tlbEntry } from "../guest_emitter.ts";
import { memoryRequest, WRITE_TLB_OFFSET } from "../memory_request.ts";
import type { RunMember } from "./access_runs.ts";
import { pairOf } from "./deferral.ts";
import type { ModuleFunctions } from "./module_functions.ts";
import { IN_PAIR, RegisterEmitter } from "./register_emitter.ts";

/** No access is longer: those that begin in the last bytes of a page ask the TLB. */
export const ACCESS_BYTES_MAX = 64;

/** Where in the last parameter of `read` and `write` the place of the access stands; see region_module.ts. */
export const WHAT_OFFSET = 16;

/** How the accesses of a region are written. */
export interface RegionOptions {
  /** Accesses of a run that is in two pages are checked each for itself; else tier 1 does the first. */
  readonly splitsRuns: boolean;
  /** The code is in the upper half of the address space, and what it accesses most likely, too. */
  readonly isUpper: boolean;
}

/**
 * Writes accesses to memory: a page per base register (in loops, and on the stack), then the TLB, then TypeScript by way of
 * tier 1.
 */
export abstract class AccessEmitter extends RegisterEmitter {
  abstract readonly functions: ModuleFunctions;
  abstract readonly options: RegionOptions;
  /** The block is part of a loop. */
  isInLoop = false;
  /** Base register of the instruction's accesses, 32 where none is (literals), its value, and what was added to that. */
  #base = 32;
  #baseValue: I64 | null = null;
  #sum: { readonly address: I64; readonly added: I64 } | null = null;
  /** Host addresses of the lowest bytes of a block's runs, by number. */
  readonly #runs: Operand<"i32">[] = [];

  /** Has tier 1 execute this instruction, of which nothing has been done yet, and what follows. */
  abstract sideExit(): void;
  /** The same where a run was not found, which may be because it lies in two pages. */
  protected abstract straddle(start: I32, bytes: number): void;

  // Bases of addresses

  base(n: number): I64 {
    this.#base = n;
    const value = this.readX(n);
    if (n === 31 && !this.spChecked) {
      this.sideExitIf(this.and(this.wrap(value), this.i32(15)));
      this.spChecked = true;
    }
    return this.#baseValue = value;
  }
  override add<T extends Int>(a: T, b: T): T {
    const sum = super.add(a, b);
    if (a === this.#baseValue) this.#sum = { address: sum as I64, added: b as I64 };
    return sum;
  }
  /** To be called where an instruction begins. */
  protected forgetBase(): void {
    this.#base = 32;
    this.#baseValue = this.#sum = null;
  }

  // Accesses

  protected override access(a: Access): void {
    const { member } = this.around;
    if (!member) return this.#accessAlone(a);
    const host = this.#hostOfRun(a, member);
    if (!this.options.splitsRuns) return a.fast(host, member.offset);
    this.beginIf(host, 1);
    a.fast(host, member.offset);
    this.beginElse();
    this.#accessAlone(a);
    this.endBlock();
  }

  override loadPair(address: I64, bytes: number, kind: AccessKind = "normal"): [I64, I64] {
    const both = this.#pairOfInstruction;
    if (!both) return super.loadPair(address, bytes, kind);
    const take = (host: Value, offset = 0) => {
      this.get(this.loadMemory("v128", 16, host, offset));
      this.set(both);
    };
    this.access(pairAccess(address, kind, false, take));
    return [IN_PAIR, IN_PAIR];
  }
  override storePair(address: I64, bytes: number, first: I64, second: I64, kind: AccessKind = "normal"): void {
    const both = this.#pairOfInstruction;
    if (!both) return super.storePair(address, bytes, first, second, kind);
    this.access(pairAccess(address, kind, true, (host, offset = 0) => this.storeMemory(16, host, offset, both)));
  }
  /** Where the instruction's two registers stay together: see Deferral. */
  get #pairOfInstruction(): Operand<"v128"> | null {
    const own = pairOf(this.facts);
    const pair = own && this.deferral?.pairs.find(([first, second]) => first === own[0] && second === own[1]);
    return pair ? this.pairLocal(pair) : null;
  }

  #accessAlone(a: Access): void {
    const low = this.wrap(a.address), limit = this.i64(4097 - a.bytes);
    const misaligned = mustAlign(a) ? this.and(low, this.i32(a.bytes - 1)) : null;
    if (a.kind === "unprivileged") {
      const array = this.i32(a.write ? WRITE_TLB_OFFSET : 0);
      const { unprivileged } = this.functions;
      const request = this.i32(a.request);
      const addend = this.callFunction(unprivileged, "i32", this.cpu, array, a.address, limit, request) as I32;
      this.sideExitIf(this.and(addend, this.i32(1)));
      return a.fast(this.add(low, addend));
    }
    // Round a loop a base register stays in a page for a while; elsewhere it is likely to be in another each time
    const entry = this.isInLoop || this.#base >= 31 ? null : this.#likelyEntry(a);
    let miss: I32 = entry ? this.geU(entry.inPage, limit) : this.geU(this.#inPage(a), this.#spanOf(a));
    if (misaligned) miss = this.or(miss, misaligned);
    this.beginIf(miss, 0);
    if (misaligned) this.sideExitIf(misaligned);
    this.sideExitIf(this.#lookUp(a, a.address, a.bytes));
    if (entry) this.assign(entry.addend, this.#siteAddend(a));
    this.endBlock();
    this.#accessAt(a, entry ? entry.addend : this.#siteAddend(a));
  }

  /** What the TLB of the region's half of the address space has for an access, if anything. */
  #likelyEntry(a: Access): { readonly inPage: I64; readonly addend: Variable<"i32"> } {
    const entry = tlbEntry(this, this.state32(this.options.isUpper ? "tlbUpper" : "tlb"), a.address);
    const offset = a.write ? WRITE_TLB_OFFSET : 0;
    const inPage = this.sub(a.address, this.loadMemory("i64", 8, entry, offset) as I64);
    return { inPage, addend: this.variable(this.loadMemory("i32", 4, entry, offset + 8)) };
  }

  /**
   * Writes an access to a page that begins at `addend` in the host's memory. What is added to the base register comes last,
   * a constant as the access's own offset, so that what takes longest to know is used latest.
   */
  #accessAt(a: Access, addend: I32): void {
    if (a.address !== this.#sum?.address) return a.fast(this.add(this.wrap(a.address), addend));
    const { added } = this.#sum, start = this.add(this.wrap(this.#baseValue!), addend);
    const { local, lo, hi } = added as Operand;
    // No page of the guest is so low in memory that the start would be below 0
    if (local < 0 && hi === 0 && lo >= 0 && a.kind === "normal") a.fast(start, lo);
    else a.fast(this.add(start, this.wrap(added)));
  }

  /**
   * Where the lowest byte of a run stands in the host's memory: its first access finds the page of all of them. 0 where runs
   * are split and this one is not known to be in one page.
   */
  #hostOfRun(a: Access, { run, isFirst, offset }: RunMember): I32 {
    const host = this.#runs[run.number] ??= this.newLocal("i32");
    if (!isFirst) return host as I32;
    const start = offset === 0 ? a.address : this.sub(a.address, this.i64(offset));
    const inPage = this.#inPage(a, start), span = this.#spanOf(a);
    let miss: I32 = this.geU(inPage, span);
    if (run.bytes > ACCESS_BYTES_MAX) miss = this.or(miss, this.geU(inPage, this.i64(4097 - run.bytes)));
    const setHost = () => {
      this.get(this.add(this.wrap(start), this.#siteAddend(a)));
      this.set(host);
    };
    this.beginIf(miss, 0);
    this.beginIf(this.#lookUp(a, start, run.bytes, offset), this.options.splitsRuns ? undefined : 0);
    if (this.options.splitsRuns) {
      this.get(this.i32(0));
      this.set(host);
      this.beginElse();
      setHost();
    } else this.straddle(this.wrap(start), run.bytes);
    this.endBlock();
    if (this.options.splitsRuns) {
      this.beginElse();
      setHost();
    }
    this.endBlock();
    if (!this.options.splitsRuns) setHost();
    return host as I32;
  }

  /** The site of the instruction's accesses. Those without a base register, which are few, share that of IP0. */
  get #siteNumber(): number {
    return this.#base === 32 ? 16 : this.#base;
  }
  #numberOf(a: Access): number {
    return this.#siteNumber + (a.write ? WRITE_SITES : 0);
  }
  #spanOf(a: Access): I64 {
    return this.loadMemory("i64", 4, this.cpu, SPANS + SPAN_BYTES * this.#numberOf(a));
  }
  #siteOf(a: Access): number {
    return SITES + SITE_BYTES * this.#numberOf(a);
  }
  #siteAddend(a: Access): I32 {
    return this.loadMemory("i32", 4, this.cpu, this.#siteOf(a) + 8) as I32;
  }
  /** Where an address is in the page that the site knows. */
  #inPage(a: Access, address = a.address): I64 {
    return this.sub(address, this.loadMemory("i64", 8, this.cpu, this.#siteOf(a)) as I64);
  }
  /** Has the site know the page of so many bytes, of which the access is `offset` bytes behind the start; 0 if it does. */
  #lookUp(a: Access, start: I64, bytes: number, offset = 0): I32 {
    const tlb = a.write ? this.functions.write : this.functions.read;
    const site = this.i32(this.#siteNumber), what = this.i32(a.request | offset << WHAT_OFFSET);
    return this.callFunction(tlb, "i32", this.cpu, site, start, this.i64(4097 - bytes), what);
  }
  protected sideExitIf(condition: I32): void {
    this.beginIf(condition, 0);
    this.sideExit();
    this.endBlock();
  }
}

function pairAccess(address: I64, kind: AccessKind, write: boolean, fast: Access["fast"]): Access {
  return { address, bytes: 16, write, kind, request: memoryRequest({ bytes: 8, count: 2, write, kind }), fast };
}
