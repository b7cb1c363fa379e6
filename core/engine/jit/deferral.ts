import type { Facts } from "./analysis.ts";
import { type Block, type Deferral, findPredecessors, type RegisterPair, successors } from "./block.ts";
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
  return { header, blocks, x, v, pairs: findPairs([...blocks].flatMap((b) => b.instructions)) };
}

/** The pairs of registers that are only ever loaded and stored together, and are both. */
function findPairs(instructions: readonly Facts[]): RegisterPair[] {
  const pairs: RegisterPair[] = [];
  let loaded = 0, otherwise = 0;
  for (const f of instructions) {
    const pair = pairOf(f), set = setOf(pair);
    loaded |= f.xWrites & set;
    otherwise |= (f.xReads | f.xWrites) & ~set;
    if (!pair) continue;
    const known = pairs.find((p) => (setOf(p) & set) !== 0);
    if (!known) pairs.push(pair);
    else if (known.join() !== pair.join()) otherwise |= set | setOf(known);
  }
  return pairs.filter((pair) => (setOf(pair) & (otherwise | ~loaded)) === 0);
}

/** The registers of an LDP or STP of two X registers that are not its base; null for other instructions. */
export function pairOf({ row, fields }: Facts): RegisterPair | null {
  const { sf, Rt, Rt2, Rn } = fields;
  const isPair = PAIRS.has(row.name) && sf === 1 && Rt !== 31 && Rt2 !== 31;
  return isPair && Rt !== Rt2 && Rt !== Rn && Rt2 !== Rn ? [Rt, Rt2] : null;
}
const PAIRS: ReadonlySet<string> = new Set(["LDP", "STP", "LDNP", "STNP"]);

function setOf(pair: RegisterPair | null): number {
  return pair ? 1 << pair[0] | 1 << pair[1] : 0;
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
