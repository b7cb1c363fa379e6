import { type Block, findPredecessors } from "./block.ts";

/**
 * Which loop an edge to a header goes round. A region that begins in an inner loop has one header for this and for the
 * loop around it, whose way back comes from in front of the header: from the outer loop's own beginning.
 */
export type LoopKind = "outerLoop" | "loop";
export function loopKind(from: Block, header: Block): LoopKind {
  return from.start < header.start ? "outerLoop" : "loop";
}

/** A loop as it is written. */
export interface Loop {
  readonly kind: LoopKind;
  /** Blocks that only come behind the loop though its blocks dominate them, in reverse postorder: written behind it. */
  readonly exits: readonly Block[];
}

/**
 * Finds the loops of each header, the outermost first. What is written inside a `loop` of WebAssembly counts as part of it
 * for V8, which carries round the loop all that is assigned there: so that is to be no more than goes round.
 * @param blocks in reverse postorder.
 */
export function findLoops(blocks: readonly Block[]): Map<Block, Loop[]> {
  const predecessors = findPredecessors(blocks);
  const loops = new Map<Block, Loop[]>();
  const placed = new Set<Block>();
  for (const header of blocks) {
    if (!header.isLoopHeader) continue;
    const sources = latchesOf(header, predecessors);
    const inner = sources.filter((b) => loopKind(b, header) === "loop");
    const list: Loop[] = [];
    for (const [kind, latches] of [["outerLoop", sources], ["loop", inner]] as const) {
      if (latches.length === 0 || kind === "outerLoop" && inner.length === sources.length) continue;
      const body = naturalLoop(header, latches, predecessors);
      const exits = blocks.filter((b) => b.dominator && body.has(b.dominator) && !body.has(b) && !placed.has(b));
      for (const exit of exits) placed.add(exit);
      list.push({ kind, exits });
    }
    loops.set(header, list);
  }
  return loops;
}

/** All blocks that some loop goes round. */
export function blocksInLoops(blocks: readonly Block[]): Set<Block> {
  const predecessors = findPredecessors(blocks), found = new Set<Block>();
  for (const header of blocks) {
    if (!header.isLoopHeader) continue;
    for (const b of naturalLoop(header, latchesOf(header, predecessors), predecessors)) found.add(b);
  }
  return found;
}

/** The blocks that go back to a header. */
export function latchesOf(header: Block, predecessors: ReadonlyMap<Block, readonly Block[]>): Block[] {
  return predecessors.get(header)!.filter((b) => b.order >= header.order);
}

/** The blocks from which the latches are reached without passing the header, and the header. */
export function naturalLoop(
  header: Block,
  latches: readonly Block[],
  predecessors: ReadonlyMap<Block, readonly Block[]>,
): Set<Block> {
  const body = new Set([header]);
  const work = [...latches];
  while (work.length) {
    const block = work.pop()!;
    if (body.has(block)) continue;
    body.add(block);
    work.push(...predecessors.get(block)!);
  }
  return body;
}
