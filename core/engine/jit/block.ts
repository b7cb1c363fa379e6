import type { FlagState } from "../../cpu/layout.ts";
import type { Facts } from "./analysis.ts";
import type { Leaf } from "./leaf.ts";

/** A straight run of instructions: entered at its first, left at its last. */
export interface Block {
  /** Index of the first instruction in the page, 0 to 1023. */
  readonly start: number;
  readonly instructions: readonly Facts[];
  /** Blocks that a direct branch or the next instruction leads to, within the region. */
  readonly taken: Block | null;
  readonly next: Block | null;
  /** Predecessors over edges that are not back edges, and whether back edges come here. */
  forwardCount: number;
  isLoopHeader: boolean;
  /** Position in reverse postorder. */
  order: number;
  dominator: Block | null;
  /** Blocks that this one dominates immediately, in reverse postorder. */
  readonly dominated: Block[];
  /** Registers that are read before they are written, from the block's start. */
  xLive: number;
  vLive: number;
  flagsIn: FlagState;
  /** The flags in the state block are looked at before the block, or what follows, sets them. */
  flagsLive: boolean;
  /** What stays in locals in the block; null where all stands in the state block. */
  deferral: Deferral | null;
  /** What the call at its end goes to, where that is written in its place. */
  leaf: Leaf | null;
}

/** While the region is being found. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A loop in which registers stay in locals: they are stored where it is left. */
export interface Deferral {
  /** Its only way in. */
  readonly header: Block;
  readonly blocks: ReadonlySet<Block>;
  /** Sets of registers: those that the loop writes. */
  readonly x: number;
  readonly v: number;
  /** Of these X registers those that stay together: only LDP and STP of both use them in the loop, as those that copy do. */
  readonly pairs: readonly RegisterPair[];
}

/** Two X registers, the first in the lower half of what an LDP or STP accesses. */
export type RegisterPair = readonly [first: number, second: number];

/** Code reached from one instruction by direct branches within its page. */
export interface Region {
  readonly root: Block;
  /** In reverse postorder; the first is the root. */
  readonly blocks: readonly Block[];
  readonly instructionCount: number;
  /** Those that it executes by itself: exceptions and their like are left to tier 1. */
  readonly ownCount: number;
}

/** The blocks' successors: at most two. */
export function successors(block: Block): Block[] {
  return [block.taken, block.next].filter((b) => b !== null);
}

/** The predecessors of each of a region's blocks. */
export function findPredecessors(blocks: readonly Block[]): Map<Block, Block[]> {
  const predecessors = new Map<Block, Block[]>(blocks.map((b) => [b, []]));
  for (const b of blocks) for (const s of successors(b)) predecessors.get(s)!.push(b);
  return predecessors;
}
