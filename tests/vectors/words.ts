/** What can be read from instruction words without their rows. */

export const NOP = 0xd503201f;

export const isLoadOrStore = (word: number): boolean => ((word >>> 25) & 5) === 4;
/** LDR, LDRSW, PRFM (literal). */
export const isLiteral = (word: number): boolean => (word & 0x3b000000) >>> 0 === 0x18000000;
/** BR, BLR, RET without pointer authentication. */
export const isIndirectBranch = (word: number): boolean => (word & 0xff9ffc1f) >>> 0 === 0xd61f0000;

/** The register that the word puts a PAC in, or -1. */
export function pointerOf(word: number): number {
  const is = (mask: number, value: number): boolean => (word & mask) >>> 0 === value;
  // PACIA to PACDB, PACIZA to PACDZB
  if (is(0xffffd000, 0xdac10000)) return word & 31;
  // PACIA1716, PACIB1716
  if (is(0xffffffbf, 0xd503211f)) return 17;
  // PACIAZ, PACIASP, PACIBZ, PACIBSP
  return is(0xffffff9f, 0xd503231f) ? 30 : -1;
}

/** SBFX Xn, Xn, #0, #56: the register without its tag. */
function signExtendTag(n: number): number {
  return (0x9340dc00 | (n << 5) | n) >>> 0;
}

/** AND Xn, Xn, with so many ones rotated to the right. */
function andImmediate(n: number, immr: number, ones: number): number {
  return (0x92400000 | (immr << 16) | ((ones - 1) << 10) | (n << 5) | n) >>> 0;
}

const isMsrFpcr = (word: number): boolean => (word & 0xffffffe0) >>> 0 === 0xd51b4400;
const isMsrFpsr = (word: number): boolean => (word & 0xffffffe0) >>> 0 === 0xd51b4420;

/**
 * What comes before a word in a sequence, so that no difference that is allowed spreads from it: the bits of FPCR and
 * FPSR that only AArch32 has, and the tags of pointers to be signed, are taken away.
 */
export function preparationOf(word: number): readonly number[] {
  const rt = word & 31, pointer = pointerOf(word);
  if (isMsrFpcr(word)) return [andImmediate(rt, 42, 62), andImmediate(rt, 45, 61)];
  if (isMsrFpsr(word)) return [andImmediate(rt, 32, 60)];
  return pointer < 0 || pointer === 31 ? [] : [signExtendTag(pointer)];
}

/** Whether the preparation of a case's word is not there, or can be jumped over. */
export function isUnprepared(words: readonly number[], i: number): boolean {
  const preparation = preparationOf(words[i]), first = i - preparation.length;
  if (preparation.some((word, n) => words[first + n] !== word)) return true;
  return words.some((word, from) => {
    const target = branchTarget(word, BigInt(4 * from));
    return target !== null && target > BigInt(4 * first) && target <= BigInt(4 * i);
  });
}

/** Where a word at `pc` branches to by a label, or the address that an ADR computes; null for all other words. */
export function branchTarget(word: number, pc: bigint): bigint | null {
  const offset = (lsb: number, width: number): bigint =>
    pc + BigInt(((word << (32 - lsb - width)) >> (32 - width)) * 4);
  if ((word & 0x7c000000) === 0x14000000) return offset(0, 26);
  if ((word & 0xff000000) >>> 0 === 0x54000000 || (word & 0x7e000000) === 0x34000000) return offset(5, 19);
  if ((word & 0x7e000000) === 0x36000000) return offset(5, 14);
  return (word & 0x9f000000) >>> 0 === 0x10000000 ? offset(5, 19) : null;
}
