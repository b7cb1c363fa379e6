/** What can be read from instruction words without their rows. */

/** The register that the word puts a PAC in, or -1. */
export function pointerOf(word: number): number {
  const isHint = (mask: number, value: number): boolean => (word & mask) >>> 0 === value;
  // PACIA to PACDB, PACIZA to PACDZB
  if (isHint(0xffffd000, 0xdac10000)) return word & 31;
  // PACIA1716, PACIB1716
  if (isHint(0xffffffbf, 0xd503211f)) return 17;
  // PACIAZ, PACIASP, PACIBZ, PACIBSP
  return isHint(0xffffff9f, 0xd503231f) ? 30 : -1;
}

/** SBFX Xn, Xn, #0, #56: the register without its tag. */
export function signExtendTag(n: number): number {
  return (0x9340dc00 | (n << 5) | n) >>> 0;
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
