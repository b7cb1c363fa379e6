import type { Builder, I32, I64, Int, Value, Variable, WasmType } from "../builder.ts";
import {
  type AccessKind,
  type ExitKind,
  FLAGS,
  type FlagState,
  SITE_BYTES,
  SITES,
  SPAN_BYTES,
  SPANS,
  WRITE_SITES,
} from "../../cpu/layout.ts";
import { Operand } from "../emitter.ts";
import { type Access, mustAlign, tlbEntry } from "../guest_emitter.ts";
import { findHelper } from "../helpers.ts";
import { makeFlagsExact } from "../lazy_flags.ts";
import { memoryRequest, WRITE_TLB_OFFSET } from "../memory_request.ts";
import { RECORD_BYTES } from "../record.ts";
import { cpuOperand, HANDLER_PARAMS } from "../code_flow.ts";
import type { RunMember } from "./access_runs.ts";
import type { Facts } from "./analysis.ts";
import type { Deferral } from "./block.ts";
import { pairOf } from "./deferral.ts";
import type { FarPage, Leaf } from "./leaf.ts";
import type { KnownFlags } from "./lazy_flags_emitter.ts";
import { IN_PAIR, RegisterEmitter, type Surroundings } from "./register_emitter.ts";

/** No access is longer: those that begin in the last bytes of a page ask the TLB. */
export const ACCESS_BYTES_MAX = 64;

/** Where in the last parameter of `read` and `write` the place of the access stands; see region_module.ts. */
export const WHAT_OFFSET = 16;

/** Functions that all regions share, by index; see region_module.ts. */
export interface ModuleFunctions {
  readonly dispatch: number;
  readonly read: number;
  readonly write: number;
  readonly unprivileged: number;
  readonly resume: number;
  readonly exactFlags: number;
  readonly arrive: number;
  readonly endSlice: number;
  readonly continueAt: number;
  readonly sideExit: number;
  readonly straddle: number;
  readonly callFar: number;
  /** Those of Builder.outline, by name. */
  readonly outlines: ReadonlyMap<string, number>;
}

/** How the accesses of a region are written. */
export interface RegionOptions {
  /** Accesses of a run that is in two pages are checked each for itself; else tier 1 does the first. */
  readonly splitsRuns: boolean;
  /** The code is in the upper half of the address space, and what it accesses most likely, too. */
  readonly isUpper: boolean;
}

/** Where an instruction's meaning says that execution goes. */
export type Terminal =
  | { readonly kind: "branchIf"; readonly condition: I32 }
  | { readonly kind: "jumpTo" | "return"; readonly address: I64 }
  | CallTerminal
  | { readonly kind: "branch" | "synchronize" };
export type CallTerminal = { readonly kind: "callTo"; readonly address: I64 } | { readonly kind: "call" };

/** What is known at one place of the code. */
interface Knowledge {
  readonly flags: KnownFlags;
  readonly deferral: Deferral | null;
  readonly fpChecked: boolean;
  readonly spChecked: boolean;
}

/**
 * Writes the instructions of a region: their accesses and where it is left. What crosses blocks (structure, branches, calls)
 * is region_compiler.ts's.
 */
export class RegionEmitter extends RegisterEmitter implements Builder {
  readonly cpu: Operand<"i32">;
  protected readonly exactFlags: number;
  readonly count = new Operand("i32", 2);
  /** Start of the records of the region's page, and instructions executed up to the block minus the budget. */
  readonly recordBase: Operand<"i32">;
  readonly executed = this.newLocal("i32");
  readonly splitsRuns: boolean;
  readonly isUpper: boolean;
  /** The block is part of a loop. */
  isInLoop = false;
  /** Base register of the instruction's accesses, 32 where none is (literals), its value, and what was added to that. */
  #base = 32;
  #baseValue: I64 | null = null;
  #sum: { readonly address: I64; readonly added: I64 } | null = null;
  /** Host addresses of the lowest bytes of a block's runs, by number. */
  readonly #runs: Operand<"i32">[] = [];
  /** Index of the instruction in its page, and that page where it is another than the region's. */
  #index = 0;
  #far: FarPage | null = null;
  #fpChecked = false;
  terminal: Terminal | null = null;

  /**
   * @param root index of the region's first instruction, in whose record the region stands, and `rootSlot` the table
   * slot of that instruction's handler in tier 1.
   * @param recordBase where the records of the region's page start: as long as they do, the region is in use.
   * @param soleVcpu where the state block of a machine's only vCPU stands; 0 where there are several.
   */
  constructor(
    readonly functions: ModuleFunctions,
    readonly root: number,
    readonly rootSlot: number,
    recordBase: number,
    soleVcpu: number,
    { splitsRuns, isUpper }: RegionOptions,
  ) {
    super(HANDLER_PARAMS);
    this.splitsRuns = splitsRuns;
    this.isUpper = isUpper;
    this.cpu = cpuOperand(soleVcpu);
    this.exactFlags = functions.exactFlags;
    this.recordBase = new Operand("i32", -1, recordBase);
  }

  // Entering blocks and instructions

  /** Begins where nothing is known but how the flags stand. */
  beginBlock(flags: FlagState): void {
    this.flags = flags;
    this.flagsPending = false;
    this.#fpChecked = false;
    this.spChecked = false;
  }
  /** To be kept before other code is written that does not come back, and set behind it. */
  get knowledge(): Knowledge {
    const { knownFlags: flags } = this;
    return { flags, deferral: this.deferral, fpChecked: this.#fpChecked, spChecked: this.spChecked };
  }
  set knowledge({ flags, deferral, fpChecked, spChecked }: Knowledge) {
    this.knownFlags = flags;
    this.deferral = deferral;
    this.#fpChecked = fpChecked;
    this.spChecked = spChecked;
  }
  /** Writes one instruction, at `index` in the page. */
  instruction(facts: Facts, index: number, around: Surroundings): void {
    this.facts = facts;
    this.around = around;
    this.#index = index;
    this.#base = 32;
    this.#baseValue = this.#sum = null;
    this.terminal = null;
    if (facts.row.options.trap === "fp" && !this.#fpChecked) {
      this.checkFp();
      this.#fpChecked = true;
    }
    facts.row.semantics!(this, facts.fields);
  }

  /** Writes the instructions of a leaf up to its RET, after `executed` instructions. */
  leaf({ instructions, start, far }: Leaf): void {
    this.#far = far;
    instructions.forEach((facts, i) => {
      this.instruction(facts, start + i, { position: i, member: null, xDead: 0, vDead: 0 });
    });
    this.#far = null;
  }

  // Bases of addresses

  base(n: number): I64 {
    this.#base = n;
    const value = this.readX(n);
    if (n === 31 && !this.spChecked) {
      this.#sideExitIf(this.and(this.wrap(value), this.i32(15)));
      this.spChecked = true;
    }
    return this.#baseValue = value;
  }
  override add<T extends Int>(a: T, b: T): T {
    const sum = super.add(a, b);
    if (a === this.#baseValue) this.#sum = { address: sum as I64, added: b as I64 };
    return sum;
  }

  // Leaving

  /** Puts what only locals have in the state block: to be called where other code goes on. */
  storeState(): void {
    this.storeFlags();
    this.storeDeferred();
  }
  /** The same where that may be tier 1 or TypeScript: `recordBase` is theirs, and regions leave it alone. */
  settle(): void {
    this.storeState();
    this.#enterPage();
    this.setState32("recordBase", this.#records);
  }
  /** Has the state block name the page of the instruction. */
  #enterPage(): void {
    if (this.#far) this.setState64("pcPage", this.i64(this.#far.va));
  }
  /** Where the records of the instruction's page start. */
  get #records(): I32 {
    return this.#far ? this.i32(this.#far.recordBase) : this.recordBase as I32;
  }

  /** Has tier 1 execute this instruction, of which nothing has been done yet, and what follows. */
  sideExit(): void {
    this.#leaveTo(this.functions.sideExit);
  }
  /** The same where a run was not found, which may be because it lies in two pages. */
  #straddle(start: I32, bytes: number): void {
    this.#leaveTo(this.functions.straddle, start, this.i32(bytes));
  }
  #leaveTo(index: number, ...more: Value[]): void {
    this.storeState();
    this.#enterPage();
    const isRoot = !this.#far && this.#index === this.root;
    const where = this.i64(this.#index + 2 ** 10 * this.around.position + (isRoot ? 2 ** 20 * this.rootSlot : 0));
    for (const value of [this.cpu, this.#records, this.executed, where, ...more]) this.get(value);
    this.code.u8(0x12); // return_call
    this.code.u32(index);
    this.endOfCode();
  }
  override exit(_kind: ExitKind, _argument?: I64): void {
    this.sideExit();
  }
  protected spill(): void {
    this.settle();
    makeFlagsExact(this, this.cpu, this.exactFlags);
    this.flags = FLAGS.memory;
    this.flagsPending = false;
    this.setState32("record", this.add(this.#records, this.i32(RECORD_BYTES * this.#index)));
    this.setState32("budget", this.add(this.executed as I32, this.i32(this.around.position)));
  }
  protected reload(): void {
    this.get(this.sub(this.state32("budget"), this.i32(this.around.position)));
    this.set(this.executed);
  }
  protected leave(): void {
    this.get(this.cpu);
    this.code.u8(0x12); // return_call
    this.code.u32(this.functions.resume);
    this.endOfCode();
  }
  override helper<T extends WasmType>(name: string, result: T, ...operands: Value[]): Value<T>;
  override helper(name: string, result: null, ...operands: Value[]): void;
  override helper(name: string, result: WasmType | null, ...operands: Value[]): Value | void {
    const { mayExit, isWhole } = findHelper(name);
    if (!mayExit || isWhole) return super.helper(name, result as WasmType, ...operands);
    this.sideExit();
    if (result) return this.temporary(result);
  }
  checkInterrupts(): void {
    this.beginIf(this.state32("attention"), 0);
    this.settle();
    const executed = this.add(this.executed as I32, this.i32(this.around.position + 1));
    for (const value of [this.cpu, this.pcPlus(4), executed]) this.get(value);
    this.code.u8(0x12); // return_call
    this.code.u32(this.functions.endSlice);
    this.endOfCode();
    this.endBlock();
  }

  // Memory: a page per base register (in loops, and on the stack), then the TLB, then TypeScript by way of tier 1

  protected override access(a: Access): void {
    const { member } = this.around;
    if (!member) return this.#accessAlone(a);
    const host = this.#hostOfRun(a, member);
    if (!this.splitsRuns) return a.fast(host, member.offset);
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
      this.#sideExitIf(this.and(addend, this.i32(1)));
      return a.fast(this.add(low, addend));
    }
    // Round a loop a base register stays in a page for a while; elsewhere it is likely to be in another each time
    const entry = this.isInLoop || this.#base >= 31 ? null : this.#likelyEntry(a);
    let miss: I32 = entry ? this.geU(entry.inPage, limit) : this.geU(this.#inPage(a), this.#spanOf(a));
    if (misaligned) miss = this.or(miss, misaligned);
    this.beginIf(miss, 0);
    if (misaligned) this.#sideExitIf(misaligned);
    this.#sideExitIf(this.#lookUp(a, a.address, a.bytes));
    if (entry) this.assign(entry.addend, this.#siteAddend(a));
    this.endBlock();
    this.#accessAt(a, entry ? entry.addend : this.#siteAddend(a));
  }

  /** What the TLB of the region's half of the address space has for an access, if anything. */
  #likelyEntry(a: Access): { readonly inPage: I64; readonly addend: Variable<"i32"> } {
    const entry = tlbEntry(this, this.state32(this.isUpper ? "tlbUpper" : "tlb"), a.address);
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
    this.beginIf(this.#lookUp(a, start, run.bytes, offset), this.splitsRuns ? undefined : 0);
    if (this.splitsRuns) {
      this.get(this.i32(0));
      this.set(host);
      this.beginElse();
      setHost();
    } else this.#straddle(this.wrap(start), run.bytes);
    this.endBlock();
    if (this.splitsRuns) {
      this.beginElse();
      setHost();
    }
    this.endBlock();
    if (!this.splitsRuns) setHost();
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
  #sideExitIf(condition: I32): void {
    this.beginIf(condition, 0);
    this.sideExit();
    this.endBlock();
  }

  outline(name: string, a: I64, b: I64): I64 {
    return this.callFunction(this.functions.outlines.get(name)!, "i64", this.cpu, a, b);
  }

  // The guest's control flow: written by the region's compiler

  pcPlus(offset: number): I64 {
    return this.pagePlus(4 * this.#index + offset);
  }
  /** The page is not kept in a local, which V8 would give a register of the host in loops that do not look at it. */
  pagePlus(offset: number): I64 {
    if (this.#far) return this.i64(BigInt.asIntN(64, this.#far.va + BigInt(offset)));
    return this.add(this.state64("pcPage"), this.i64(offset));
  }
  branch(_offset: number): void {
    this.terminal = { kind: "branch" };
  }
  branchIf(condition: I32, _offset: number): void {
    this.terminal = { kind: "branchIf", condition };
  }
  /** Where a call that has just been made is to return to: no callee changes the local. */
  get returnAddress(): I64 {
    return this.xLocal(30);
  }

  link(): void {
    this.writeX(30, this.pcPlus(4));
  }
  branchLink(_offset: number): void {
    this.link();
    this.terminal = { kind: "call" };
  }
  branchTo(address: I64, kind: "br" | "blr" | "ret"): void {
    if (kind === "blr") this.terminal = { kind: "callTo", address };
    else this.terminal = { kind: kind === "br" ? "jumpTo" : "return", address };
  }
  synchronize(): void {
    this.terminal = { kind: "synchronize" };
  }
}

function pairAccess(address: I64, kind: AccessKind, write: boolean, fast: Access["fast"]): Access {
  return { address, bytes: 16, write, kind, request: memoryRequest({ bytes: 8, count: 2, write, kind }), fast };
}
