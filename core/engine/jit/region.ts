import { FLAGS, type FlagState } from "../../cpu/layout.ts";
import type { Analyst, Facts } from "./analysis.ts";
import { type Block, findPredecessors, type Mutable, type Region, successors } from "./block.ts";
import { findDeferrals } from "./deferral.ts";
import type { Leaf } from "./leaf.ts";
import { unrollLoops } from "./unroll.ts";

/** Instructions of a region at most: larger functions take V8's optimizing compiler too long. */
const REGION_INSTRUCTIONS = 600;

/**
 * Finds the region of the instruction at index `start` of a page's words.
 * @param isExecuted whether the instruction at an index was ever executed: the others are left to tier 1.
 * @param leafOf what the call at an index goes to, if that is to be written in its place.
 */
export function findRegion(
  words: Int32Array,
  start: number,
  analyst: Analyst,
  isExecuted: (index: number) => boolean = () => true,
  leafOf: (index: number, call: Facts) => Leaf | null = () => null,
): Region {
  const facts = discover(words, start, analyst, isExecuted);
  const blocks = new Map<number, Mutable<Block>>();
  const leaders = findLeaders(facts, start);
  const root = buildBlock(start, facts, leaders, blocks);
  const all = [...blocks.values()];
  const loop = loopOf(root, all);
  for (const b of loop.size > 0 ? all : []) {
    if (b.taken && !loop.has(b.taken)) b.taken = null;
    if (b.next && !loop.has(b.next)) b.next = null;
  }
  unrollLoops(all);
  const ordered = reversePostorder(root);
  findDominators(ordered);
  cutIrreducible(ordered);
  findLeaves(ordered, leafOf);
  for (const deferral of findDeferrals(ordered)) {
    for (const b of deferral.blocks) (b as Mutable<Block>).deferral = deferral;
  }
  findLiveness(ordered);
  findFlags(ordered);
  findFlagsLive(ordered);
  let instructionCount = 0, ownCount = 0;
  // Once for a body that stands there twice
  for (const { instructions } of new Map(ordered.map((b) => [b.start, b])).values()) {
    instructionCount += instructions.length;
    ownCount += instructions.length - (instructions.at(-1)!.ending === "exit" ? 1 : 0);
  }
  return { root, blocks: ordered, instructionCount, ownCount };
}

const GOES_ON: ReadonlySet<string> = new Set(["next", "branchIf", "call", "callTo"]);

/** Index that a direct branch at `index` leads to, or -1 outside the page. */
function targetOf(index: number, facts: Facts): number {
  if (facts.ending !== "branch" && facts.ending !== "branchIf") return -1;
  const target = index + facts.offset / 4;
  return target >= 0 && target < 1024 ? target : -1;
}

/** The facts of every instruction that is reached and was executed, breadth first up to the limit. */
function discover(
  words: Int32Array,
  start: number,
  analyst: Analyst,
  isExecuted: (index: number) => boolean,
): Map<number, Facts> {
  const facts = new Map<number, Facts>();
  const queue = [start];
  while (queue.length && facts.size < REGION_INSTRUCTIONS) {
    let index = queue.shift()!;
    while (index >= 0 && index < 1024 && !facts.has(index) && facts.size < REGION_INSTRUCTIONS) {
      const f = analyst.factsOf(words[index]);
      facts.set(index, f);
      const target = targetOf(index, f);
      if (target >= 0 && isExecuted(target)) queue.push(target);
      if (!GOES_ON.has(f.ending)) break;
      index++;
      if (f.ending !== "next" && !isExecuted(index)) break;
    }
  }
  return facts;
}

function findLeaders(facts: ReadonlyMap<number, Facts>, start: number): Set<number> {
  const leaders = new Set([start]);
  for (const [index, f] of facts) {
    const target = targetOf(index, f);
    if (target >= 0) leaders.add(target);
    if (f.ending !== "next") leaders.add(index + 1);
  }
  return leaders;
}

function buildBlock(
  start: number,
  facts: ReadonlyMap<number, Facts>,
  leaders: ReadonlySet<number>,
  blocks: Map<number, Mutable<Block>>,
): Mutable<Block> {
  const work = [start];
  const make = (index: number): Mutable<Block> | null => {
    if (!facts.has(index)) return null;
    let block = blocks.get(index);
    if (!block) {
      blocks.set(index, block = emptyBlock(index));
      work.push(index);
    }
    return block;
  };
  const root = make(start)!;
  work.shift();
  while (work.length) {
    const block = blocks.get(work.pop()!)!;
    const instructions = block.instructions as Facts[];
    let index = block.start, f = facts.get(index)!;
    for (;;) {
      instructions.push(f);
      index++;
      if (f.ending !== "next" || leaders.has(index) || !facts.has(index)) break;
      f = facts.get(index)!;
    }
    const target = targetOf(index - 1, f);
    block.taken = target >= 0 ? make(target) : null;
    block.next = GOES_ON.has(f.ending) ? make(index) : null;
  }
  return root;
}

function emptyBlock(start: number): Mutable<Block> {
  return {
    start,
    instructions: [],
    taken: null,
    next: null,
    forwardCount: 0,
    isLoopHeader: false,
    order: -1,
    dominator: null,
    dominated: [],
    xLive: 0,
    vLive: 0,
    flagsIn: FLAGS.memory,
    flagsLive: false,
    deferral: null,
    leaf: null,
  };
}

/**
 * The blocks that can come back to the root, where it is in a loop. Only these stay: a loop that runs long is soon compiled
 * without what stands around it, which has regions of its own.
 */
function loopOf(root: Block, blocks: readonly Block[]): Set<Block> {
  const predecessors = findPredecessors(blocks);
  const loop = new Set<Block>();
  const work = [...predecessors.get(root)!];
  while (work.length) {
    const block = work.pop()!;
    if (loop.has(block)) continue;
    loop.add(block);
    work.push(...predecessors.get(block)!);
  }
  return loop;
}

function reversePostorder(root: Block): Mutable<Block>[] {
  const order: Mutable<Block>[] = [];
  const seen = new Set<Block>([root]);
  const stack: { block: Mutable<Block>; left: Block[] }[] = [{ block: root, left: successors(root) }];
  while (stack.length) {
    const top = stack.at(-1)!;
    const successor = top.left.pop();
    if (!successor) {
      order.push(top.block);
      stack.pop();
    } else if (!seen.has(successor)) {
      seen.add(successor);
      stack.push({ block: successor, left: successors(successor) });
    }
  }
  order.reverse();
  order.forEach((b, i) => b.order = i);
  return order;
}

/** Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm". */
function findDominators(blocks: readonly Mutable<Block>[]): void {
  const predecessors = findPredecessors(blocks);
  const root = blocks[0];
  root.dominator = root;
  for (let changed = true; changed;) {
    changed = false;
    for (const b of blocks.slice(1)) {
      let dominator: Block | null = null;
      for (const p of predecessors.get(b)!) {
        if (!p.dominator) continue;
        dominator = dominator ? intersect(p, dominator) : p;
      }
      if (b.dominator !== dominator) {
        b.dominator = dominator;
        changed = true;
      }
    }
  }
  root.dominator = null;
  for (const b of blocks) b.dominator?.dominated.push(b);
}

function intersect(a: Block, b: Block): Block {
  while (a !== b) {
    while (a.order > b.order) a = a.dominator!;
    while (b.order > a.order) b = b.dominator!;
  }
  return a;
}

function dominates(a: Block, b: Block): boolean {
  let block: Block | null = b;
  while (block && block.order > a.order) block = block.dominator;
  return block === a;
}

/** Classes the edges; one that goes back to a block which does not dominate its source leaves the region instead. */
function cutIrreducible(blocks: readonly Mutable<Block>[]): void {
  for (const b of blocks) {
    for (const edge of ["taken", "next"] as const) {
      const target = b[edge] as Mutable<Block> | null;
      if (!target) continue;
      if (target.order > b.order) target.forwardCount++;
      else if (dominates(target, b)) target.isLoopHeader = true;
      else b[edge] = null;
    }
  }
}

/** Finds what is written in the place of calls. What follows such a call has a second way in: behind the call itself. */
function findLeaves(blocks: readonly Mutable<Block>[], leafOf: (index: number, call: Facts) => Leaf | null): void {
  for (const b of blocks) {
    const { ending } = b.instructions.at(-1)!;
    if ((ending !== "call" && ending !== "callTo") || !b.next) continue;
    b.leaf = leafOf(b.start + b.instructions.length - 1, b.instructions.at(-1)!);
    if (b.leaf && b.next.order > b.order) b.next.forwardCount++;
  }
}

/** Registers live at the start of each block. Calls end a block; what is read behind them is read from memory again. */
function findLiveness(blocks: readonly Mutable<Block>[]): void {
  for (let changed = true; changed;) {
    changed = false;
    for (let i = blocks.length - 1; i >= 0; i--) {
      const b = blocks[i], last = b.instructions.at(-1)!;
      let x = 0, v = 0;
      if (b.leaf || last.ending !== "call" && last.ending !== "callTo") {
        for (const s of successors(b)) {
          x |= s.xLive;
          v |= s.vLive;
        }
      }
      for (const instructions of [b.leaf?.instructions ?? [], b.instructions]) {
        for (let k = instructions.length - 1; k >= 0; k--) {
          const f = instructions[k];
          x = (x & ~f.xWrites) | f.xReads;
          v = (v & ~f.vWrites) | f.vReads;
        }
      }
      // What is stored where the loop is left must be in locals when it begins
      if (b === b.deferral?.header) {
        x |= b.deferral.x;
        v |= b.deferral.v;
      }
      if (x !== b.xLive || v !== b.vLive) {
        b.xLive = x;
        b.vLive = v;
        changed = true;
      }
    }
  }
}

/** The state of the flags at the start of each block: what all ways to it agree on. */
function findFlags(blocks: readonly Mutable<Block>[]): void {
  const known = new Set<Block>([blocks[0]]);
  for (let changed = true; changed;) {
    changed = false;
    for (const b of blocks) {
      if (!known.has(b)) continue;
      const out = flagsOut(b);
      for (const s of successors(b) as Mutable<Block>[]) {
        const merged = known.has(s) && s.flagsIn !== out ? FLAGS.memory : out;
        if (!known.has(s) || s.flagsIn !== merged) {
          known.add(s);
          s.flagsIn = merged;
          changed = true;
        }
      }
    }
  }
}

function flagsOut(b: Block): FlagState {
  const last = b.instructions.at(-1)!;
  if (last.ending === "call" || last.ending === "callTo") return FLAGS.memory;
  let state = b.flagsIn;
  for (const f of b.instructions) if (f.flags >= 0) state = f.flags as FlagState;
  return state;
}

function findFlagsLive(blocks: readonly Mutable<Block>[]): void {
  for (let changed = true; changed;) {
    changed = false;
    for (const b of blocks.toReversed()) {
      if (b.flagsLive || !flagsLookedAt(b)) continue;
      b.flagsLive = changed = true;
    }
  }
}

/** Whether the flags as they are at a block's start are looked at in the state block, given what follows the block. */
function flagsLookedAt(b: Block): boolean {
  for (const f of b.instructions) {
    if (f.mayLeave || f.readsFlags && b.flagsIn === FLAGS.memory) return true;
    if (f.flags >= 0) return false;
  }
  const last = b.instructions.at(-1)!;
  if (last.ending !== "next" && last.ending !== "branch" && last.ending !== "branchIf") return true;
  const isWhole = (last.ending === "branch" || b.next) && (last.ending === "next" || b.taken);
  // The slice may end where a branch goes back
  const isBackward = last.ending !== "next" && last.offset <= 0;
  return !isWhole || isBackward || successors(b).some((s) => s.flagsLive);
}
