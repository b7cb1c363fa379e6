import type { I32, I64 } from "../builder.ts";
import type { Operand } from "../emitter.ts";
import { CALL_SITE_BYTES, CALL_SITE_COUNT, CALL_SITES, FLAGS, STATE } from "../../cpu/layout.ts";
import { makeFlagsExact } from "../lazy_flags.ts";
import { GENERATION_OFFSET, RECORD_BYTES } from "../record.ts";
import {
  BRANCH_TYPE,
  countAt,
  FIRST_REGION_SLOT,
  goOn,
  loadHead,
  pushHandler,
  slotOfHead,
  TYPE,
} from "../code_flow.ts";
import { findRuns } from "./access_runs.ts";
import { blocksInLoops, findLoops, type Loop, type LoopKind, loopKind } from "./loops.ts";
import type { Block, Region } from "./block.ts";
import type { Facts } from "./analysis.ts";
import type { FarPage, Leaf } from "./leaf.ts";
import type { RegionOptions } from "./access_emitter.ts";
import type { ModuleFunctions } from "./module_functions.ts";
import { type CallTerminal, RegionEmitter, type Terminal } from "./region_emitter.ts";

/** Bytes of the host's stack that nested calls may take, of some 980,000 that V8 gives: TypeScript is called on top. */
export const STACK_BYTES = 750_000;

/** What a branch inside the function can go to: its nesting from the inside counts labels. */
type Label = { readonly kind: LoopKind | "block"; readonly target: Block } | { readonly kind: "if" };

/**
 * Writes the function of a region: `(cpu, record, count)` as an interpreter handler is called, with the blocks as
 * structured WebAssembly. Ramsey, "Beyond Relooper: recursive translation of unstructured control flow to structured
 * control flow" (ICFP 2022): the dominator tree gives the nesting, a block with several ways in ends a `block`, a loop
 * header begins a `loop`.
 */
export class RegionCompiler {
  readonly emitter: RegionEmitter;
  readonly #region: Region;
  readonly #generation: number;
  readonly #recordBase: number;
  readonly #self: { readonly slot: number; readonly function: number };
  readonly #functions: ModuleFunctions;
  readonly #labels: Label[] = [];
  readonly #loops: ReadonlyMap<Block, readonly Loop[]>;
  readonly #inLoops: ReadonlySet<Block>;
  /** Blocks that are written behind loops. */
  readonly #behindLoops: ReadonlySet<Block>;

  /**
   * @param generation of the page when its words were read: a page that has another was written to since.
   * @param rootSlot table slot of the first instruction's handler in tier 1.
   * @param recordBase where the records of the page start.
   * @param self table slot of the region, and its function's index in the module.
   */
  constructor(
    region: Region,
    generation: number,
    rootSlot: number,
    recordBase: number,
    self: { readonly slot: number; readonly function: number },
    functions: ModuleFunctions,
    soleVcpu: number,
    options: RegionOptions,
  ) {
    this.#region = region;
    this.#generation = generation;
    this.#loops = findLoops(region.blocks);
    this.#behindLoops = new Set([...this.#loops.values()].flat().flatMap((loop) => loop.exits));
    this.#inLoops = blocksInLoops(region.blocks);
    this.#functions = functions;
    this.#recordBase = recordBase;
    this.#self = self;
    this.emitter = new RegionEmitter(functions, region.root.start, rootSlot, recordBase, soleVcpu, options);
  }

  /** Writes the whole function. */
  compile(): RegionEmitter {
    const o = this.emitter;
    const { root } = this.#region;
    o.get(o.add(o.count as I32, o.i32((this.#recordBase >>> 4) + root.start)));
    o.set(o.executed);
    o.loadRegisters(root.xLive, root.vLive);
    if (root.deferral) o.joinPairs(root.deferral);
    o.releaseTemporaries();
    this.#tree(root);
    o.code.u8(0x00); // unreachable: every way ends in a branch
    return o;
  }

  /**
   * Writes a block and all that it dominates, but what stands behind a loop.
   * @param isOnlyWay what is known where the code stands holds in the block too.
   */
  #tree(block: Block, isOnlyWay = false): void {
    const merges = block.dominated.filter((b) => b.forwardCount > 1 && !this.#behindLoops.has(b));
    const write = () => {
      if (!isOnlyWay) this.emitter.beginBlock(block.flagsIn);
      this.#body(block);
    };
    this.#loop(block, this.#loops.get(block) ?? [], () => this.#nest(merges, write));
  }

  /** Writes the loops of a header, the first outermost, and behind each its exits. */
  #loop(header: Block, loops: readonly Loop[], write: () => void): void {
    if (loops.length === 0) return write();
    const [{ kind, exits }, ...inner] = loops;
    this.#nest(exits, () => {
      this.#open(0x03, { kind, target: header });
      this.#loop(header, inner, write);
      this.#close();
      this.emitter.code.u8(0x00); // unreachable: every way ends in a branch
    });
  }

  /** Nests what `write` writes in a `block` for each of the blocks that follow, the last in order outermost. */
  #nest(following: readonly Block[], write: () => void): void {
    const outer = following.toSorted((a, b) => b.order - a.order);
    for (const block of outer) this.#open(0x02, { kind: "block", target: block });
    write();
    for (const block of outer.toReversed()) {
      this.#close();
      this.#tree(block);
    }
  }

  #open(opcode: number, label: Label): void {
    this.emitter.code.raw([opcode, 0x40]);
    this.emitter.endOfCode();
    this.#labels.push(label);
  }
  #close(): void {
    this.emitter.endBlock();
    this.#labels.pop();
  }

  #body(block: Block): void {
    const o = this.emitter, last = block.instructions.length - 1;
    const members = findRuns(block.instructions), dead = findDeadWrites(block.instructions);
    o.deferral = block.deferral;
    o.isInLoop = this.#inLoops.has(block);
    block.instructions.forEach((facts, position) => {
      o.instruction(facts, block.start + position, { position, member: members[position], ...dead[position] });
      if (position < last) o.releaseTemporaries();
    });
    const { ending, offset } = block.instructions[last];
    if (ending !== "exit") this.#terminal(block, o.terminal, offset);
    o.releaseTemporaries();
  }

  /** Adds the block's instructions to those executed. */
  #countBlock(block: Block): void {
    const o = this.emitter;
    o.get(o.add(o.executed as I32, o.i32(block.instructions.length)));
    o.set(o.executed);
  }

  #terminal(block: Block, terminal: Terminal | null, offset: number): void {
    const o = this.emitter;
    const index = block.start + block.instructions.length - 1;
    this.#countBlock(block);
    switch (terminal?.kind) {
      case undefined:
        return this.#goTo(block, block.next, index + 1);
      case "branch":
        return this.#branch(block, block.taken, index, offset);
      case "branchIf": {
        const { knowledge } = o;
        o.beginIf(terminal.condition);
        this.#labels.push({ kind: "if" });
        this.#branch(block, block.taken, index, offset);
        this.#labels.pop();
        o.endBlock();
        o.knowledge = knowledge;
        return this.#goTo(block, block.next, index + 1);
      }
      case "call":
      case "callTo":
        return this.#call(block, terminal, index, offset);
      case "return":
        return this.#return(terminal.address);
      case "jumpTo":
        o.settle();
        // TypeScript finds the BR by its record where a guarded page is entered.
        o.setState32("record", this.#recordOf(index));
        return this.#dispatch(terminal.address, BRANCH_TYPE.br);
      case "synchronize": {
        const next = this.#addressOf(index + 1);
        o.settle();
        this.#checkBudget(() => next);
        return this.#dispatch(next, BRANCH_TYPE.ret);
      }
    }
  }

  #addressOf(index: number): I64 {
    return this.emitter.pagePlus(4 * index);
  }
  #recordOf(index: number): I32 {
    const o = this.emitter;
    return o.i32(this.#recordBase + RECORD_BYTES * index);
  }

  /** A direct branch, taken. Where it goes back or to another page it looks at the budget, as in tier 1. */
  #branch(from: Block, to: Block | null, index: number, offset: number): void {
    const target = index + offset / 4, isNear = target >= 0 && target < 1024;
    if (offset <= 0 || !isNear) this.#checkBudget(() => this.#addressOf(target));
    if (isNear) return this.#goTo(from, to, target);
    this.emitter.settle();
    this.#dispatch(this.#addressOf(target), BRANCH_TYPE.ret);
  }

  /** Goes on with a block of the region, or leaves it for the record at `index` (1024 is the page's end). */
  #goTo(from: Block, to: Block | null, index: number): void {
    const o = this.emitter;
    if (!to) {
      o.settle();
      return this.#continueAt(index);
    }
    if (to.deferral !== from.deferral) {
      o.storeDeferred();
      if (from.deferral) o.splitPairs(from.deferral);
      if (to.deferral) o.joinPairs(to.deferral);
    }
    const isInline = to.order > from.order && to.forwardCount === 1 && !this.#behindLoops.has(to);
    const isOnlyWay = isInline && !to.isLoopHeader && to.deferral === from.deferral;
    if (to.flagsLive && !isOnlyWay) o.storeFlags();
    if (isInline) return this.#tree(to, isOnlyWay);
    const kind = to.order > from.order ? "block" : loopKind(from, to);
    const depth = this.#labels.toReversed().findIndex((l) => l.kind === kind && l.target === to);
    o.leaveBlock(depth);
  }

  #checkBudget(pc: () => I64): void {
    const o = this.emitter;
    o.beginIf(o.geS(o.executed as I32, o.i32(0)), 0);
    o.settle();
    for (const value of [o.cpu, pc(), o.executed]) o.get(value);
    o.code.u8(0x12); // return_call
    o.code.u32(this.#functions.endSlice);
    o.endOfCode();
    o.endBlock();
  }

  /** Pushes the call of the handler of a record, whose arrival is counted. Regions know where their records start. */
  #pushHandler(record: I32, recordBase: () => I32): void {
    const o = this.emitter;
    const head = loadHead(o, record), slot = slotOfHead(o, head);
    o.beginIf(o.ltU(slot, o.i32(FIRST_REGION_SLOT)), 0);
    o.setState32("recordBase", recordBase());
    o.callFunction(this.#functions.arrive, "i32", o.cpu, record);
    o.endBlock();
    pushHandler(o, o.cpu, record, countAt(o, record, o.executed), head, slot);
  }
  /** Leaves the region for a record; the page's last leads to the next page. */
  #continueAt(index: number): void {
    const o = this.emitter, record = this.#recordOf(index);
    if (index === 1024) {
      makeFlagsExact(o, o.cpu, this.#functions.exactFlags);
      return goOn(o, o.cpu, record, countAt(o, record, o.executed));
    }
    for (const value of [o.cpu, record, o.executed]) o.get(value);
    o.code.u8(0x12); // return_call
    o.code.u32(this.#functions.continueAt);
    o.endOfCode();
  }
  #dispatch(address: I64, branchType: number): void {
    const o = this.emitter;
    for (const value of [o.cpu, address, o.executed, o.i32(branchType)]) o.get(value);
    o.code.u8(0x12); // return_call
    o.code.u32(this.#functions.dispatch);
    o.endOfCode();
  }

  #return(address: I64): void {
    const o = this.emitter;
    o.storeState();
    this.#checkBudget(() => address);
    o.setState32("budget", o.executed as I32);
    o.get(address);
    o.return();
  }

  /** A call of the guest is one of WebAssembly, which comes back when the callee returns to the expected address. */
  #call(block: Block, terminal: CallTerminal, index: number, offset: number): void {
    const o = this.emitter;
    if (block.leaf) this.#callLeaf(block, block.leaf, terminal, index);
    o.storeFlags();
    o.flags = FLAGS.memory;
    o.flagsPending = false;
    this.#afterCall(block, this.#callAddress(terminal, index, index + offset / 4), index);
  }

  /** Has the callee in the call's place, as long as it is still that one; the budget is looked at where the two do it. */
  #callLeaf(block: Block, leaf: Leaf, terminal: CallTerminal, index: number): void {
    const o = this.emitter, { knowledge } = o;
    o.beginPlainBlock();
    this.#labels.push({ kind: "if" });
    o.leaveBlockIf(o.geS(o.executed as I32, o.i32(0)), 0);
    if (terminal.kind === "callTo") {
      const { far, start } = leaf;
      const known = far ? o.i64(BigInt.asIntN(64, far.va + BigInt(4 * start))) : o.pagePlus(4 * start);
      o.leaveBlockIf(o.ne(terminal.address, known), 0);
      // A site knows no guarded page; the same code may also stand in one (FEAT_BTI)
      if (!far) o.leaveBlockIf(o.state32("guarded"), 0);
    }
    if (leaf.far) this.#checkFar(leaf.far, leaf.start, index);
    o.leaf(leaf);
    o.get(o.add(o.executed as I32, o.i32(leaf.instructions.length)));
    o.set(o.executed);
    this.#checkBudget(() => o.returnAddress);
    this.#goTo(block, block.next!, index + 1);
    this.#labels.pop();
    o.endBlock();
    o.knowledge = knowledge;
  }

  /** Leaves a block where the address in another page stands for other code now, as far as the call site knows. */
  #checkFar({ va, recordBase, generation }: FarPage, start: number, index: number): void {
    const o = this.emitter, site = this.#callSite(index), record = recordBase + RECORD_BYTES * start;
    const address = o.i64(BigInt.asIntN(64, va + BigInt(4 * start)));
    o.leaveBlockIf(o.ne(site.load("i64", 0) as I64, address), 0);
    o.leaveBlockIf(o.ne(site.load("i64", 16) as I64, o.loadMemory("i64", 8, o.cpu, STATE.tlb.offset) as I64), 0);
    o.leaveBlockIf(o.ne(site.load("i32", 8) as I32, o.i32(record)), 0);
    const now = o.loadMemory("i32", 4, o.i32(recordBase), GENERATION_OFFSET) as I32;
    o.leaveBlockIf(o.ne(now, o.i32(generation)), 0);
  }

  /** What the site of a call to another page knows: see CALL_SITES. */
  #callSite(index: number) {
    const o = this.emitter, number = (index ^ index >>> 5 ^ this.#generation) & (CALL_SITE_COUNT - 1);
    const site = CALL_SITES + CALL_SITE_BYTES * number;
    const load = (type: "i32" | "i64", offset: number) =>
      o.loadMemory(type, type === "i32" ? 4 : 8, o.cpu, site + offset);
    return { number, load };
  }

  #callAddress(terminal: CallTerminal, index: number, target: number): Operand<"i64"> {
    if (terminal.kind === "callTo") return this.#callFar(terminal.address, BRANCH_TYPE.blr, index);
    const address = () => this.emitter.add(this.emitter.returnAddress, this.emitter.i64(4 * (target - index - 1)));
    this.#checkBudget(address);
    const isNear = target >= 0 && target < 1024;
    return isNear ? this.#callNear(address, target) : this.#callFar(address(), BRANCH_TYPE.ret, index);
  }

  #callNear(address: () => I64, target: number): Operand<"i64"> {
    const o = this.emitter, stackBytes = o.state32("stackBytes");
    o.beginIf(o.geU(stackBytes, o.i32(STACK_BYTES)), 0);
    o.settle();
    this.#dispatch(address(), BRANCH_TYPE.ret);
    o.endBlock();
    o.setState32("stackBytes", o.add(stackBytes, o.frame()));
    const returned = target === this.#region.root.start ? this.#callSelf() : this.#callRecord(target);
    o.setState32("stackBytes", stackBytes);
    return returned;
  }

  #callRecord(index: number): Operand<"i64"> {
    this.#pushHandler(this.#recordOf(index), () => this.emitter.recordBase as I32);
    return this.#callIndirect();
  }

  /** Recursion: a direct call, as long as the region is in place. */
  #callSelf(): Operand<"i64"> {
    const o = this.emitter, { start } = this.#region.root, record = this.#recordOf(start);
    const returned = o.temporary("i64");
    o.beginIf(o.eq(o.loadMemory("i32", 2, record, 0) as I32, o.i32(this.#self.slot)), 1);
    // A region reads no operands
    o.get(o.callFunction(this.#self.function, "i64", o.cpu, record, countAt(o, record, o.executed), o.i64(0)));
    o.set(returned);
    o.beginElse();
    o.get(this.#callRecord(start));
    o.set(returned);
    o.endBlock();
    return returned;
  }

  /** A call to another page goes where the call site's last one went, if to the same address, or asks the TLB. */
  #callFar(address: I64, branchType: number, index: number): Operand<"i64"> {
    const o = this.emitter, { number, load } = this.#callSite(index);
    const returned = o.temporary("i64"), stackBytes = o.state32("stackBytes");
    o.setState32("stackBytes", o.add(stackBytes, o.frame()));
    o.beginPlainBlock();
    o.beginPlainBlock();
    o.leaveBlockIf(o.ne(load("i64", 0) as I64, address), 0);
    o.leaveBlockIf(o.ne(load("i64", 16) as I64, o.loadMemory("i64", 8, o.cpu, STATE.tlb.offset) as I64), 0);
    o.leaveBlockIf(o.geU(stackBytes, o.i32(STACK_BYTES)), 0);
    // Direct calls have looked at the budget already
    if (branchType !== BRANCH_TYPE.ret) o.leaveBlockIf(o.geS(o.executed as I32, o.i32(0)), 0);
    o.setState64("pcPage", o.and(address, o.i64(-4096)));
    this.#pushHandler(load("i32", 8) as I32, () => load("i32", 12) as I32);
    o.get(this.#callIndirect());
    o.set(returned);
    o.leaveBlock(1);
    o.endBlock();
    o.settle();
    const { callFar } = this.#functions;
    o.get(o.callFunction(callFar, "i64", o.cpu, address, o.executed, o.i32(branchType), o.i32(number)));
    o.set(returned);
    o.endBlock();
    o.setState32("stackBytes", stackBytes);
    return returned;
  }

  #callIndirect(): Operand<"i64"> {
    this.emitter.code.raw([0x11, TYPE.handler, 0x00]);
    return this.emitter.take("i64");
  }

  #afterCall(block: Block, returned: Operand<"i64">, index: number): void {
    const o = this.emitter;
    const { returnAddress: link } = o,
      generation = () => o.loadMemory("i32", 4, o.recordBase, GENERATION_OFFSET) as I32;
    for (const isElsewhere of [() => o.ne(returned as I64, link), () => o.ne(generation(), o.i32(this.#generation))]) {
      o.beginIf(isElsewhere(), 0);
      o.get(returned);
      o.return();
      o.endBlock();
    }
    o.setState64("pcPage", o.sub(link, o.i64(4 * (index + 1))));
    o.get(o.state32("budget"));
    o.set(o.executed);
    if (!block.next) return this.#continueAt(index + 1);
    o.loadRegisters(block.next.xLive, block.next.vLive);
    o.beginBlock(FLAGS.memory);
    this.#goTo(block, block.next, index + 1);
  }
}

/** For each instruction of a block the registers that are written again before the region can be left. */
function findDeadWrites(instructions: readonly Facts[]): { xDead: number; vDead: number }[] {
  let x = 0, v = 0;
  const dead = instructions.toReversed().map((f) => {
    const { xDead, vDead } = { xDead: x & f.xWrites, vDead: v & f.vWrites };
    x = f.mayLeave ? 0 : x | f.xAlways;
    v = f.mayLeave ? 0 : v | f.vAlways;
    return { xDead, vDead };
  });
  return dead.reverse();
}
