import { type Block, type Deferral, findPredecessors, successors } from "./block.ts";
import { latchesOf, naturalLoop } from "./loops.ts";

/** Stores at the exits of a loop at most: each is code. */
const STORES_MAX = 128;

/**
 * Finds the loops in which registers stay in locals, the outermost first that are small enough: in code that runs long, a
 * store for each register written takes longer than the rest.
 * @param blocks in reverse postorder.
 */
export function findDeferrals(blocks: readonly Block[]): Deferral[] {
  const predecessors = findPredecessors(blocks), covered = new Set<Block>();
  const deferrals: Deferral[] = [];
  for (const header of blocks) {
    if (!header.isLoopHeader || covered.has(header)) continue;
    const deferral = deferralOf(header, naturalLoop(header, latchesOf(header, predecessors), predecessors));
    if (!deferral) continue;
    for (const b of deferral.blocks) covered.add(b);
    deferrals.push(deferral);
  }
  return deferrals;
}

/** What stays in locals in a loop; null where it calls, as callees look at the state block, or has too many exits. */
function deferralOf(header: Block, blocks: ReadonlySet<Block>): Deferral | null {
  let x = 0, v = 0, exits = 0;
  for (const block of blocks) {
    const { ending } = block.instructions.at(-1)!;
    if (ending === "call" || ending === "callTo") return null;
    for (const f of block.instructions) {
      x |= f.xWrites;
      v |= f.vWrites;
      exits += Number(f.mayLeave);
    }
    // The budget is looked at where a branch goes back
    exits += ways(block) - successors(block).filter((b) => blocks.has(b) && b.order > block.order).length;
  }
  if (exits * (bitCount(x) + bitCount(v)) > STORES_MAX) return null;
  return { header, blocks, x, v };
}

/** How many ways lead out of a block. */
function ways(block: Block): number {
  return block.instructions.at(-1)!.ending === "branchIf" ? 2 : 1;
}

function bitCount(set: number): number {
  let count = 0;
  for (let rest = set; rest; rest &= rest - 1) count++;
  return count;
}
