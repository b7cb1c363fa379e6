import type { Builder, I32, I64, Value, WasmType } from "../builder.ts";
import { type ExitKind, FLAGS, type FlagState } from "../../cpu/layout.ts";
import { Operand } from "../emitter.ts";
import { findHelper } from "../helpers.ts";
import { makeFlagsExact } from "../lazy_flags.ts";
import { RECORD_BYTES } from "../record.ts";
import { cpuOperand, HANDLER_PARAMS } from "../code_flow.ts";
import { AccessEmitter, type RegionOptions } from "./access_emitter.ts";
import type { Facts } from "./analysis.ts";
import type { Deferral } from "./block.ts";
import type { KnownFlags } from "./lazy_flags_emitter.ts";
import type { FarPage, Leaf } from "./leaf.ts";
import type { ModuleFunctions } from "./module_functions.ts";
import type { Surroundings } from "./register_emitter.ts";

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
 * Writes the instructions of a region, and where it is left. What crosses blocks (structure, branches, calls) is
 * region_compiler.ts's.
 */
export class RegionEmitter extends AccessEmitter implements Builder {
  readonly cpu: Operand<"i32">;
  protected readonly exactFlags: number;
  readonly count = new Operand("i32", 2);
  /** Start of the records of the region's page, and instructions executed up to the block minus the budget. */
  readonly recordBase: Operand<"i32">;
  readonly executed = this.newLocal("i32");
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
    readonly options: RegionOptions,
  ) {
    super(HANDLER_PARAMS);
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
    this.forgetBase();
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
  protected straddle(start: I32, bytes: number): void {
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
