import type { Fields } from "./row.ts";

/**
 * One operand of the assembly syntax: how it is written and how it is read. Operands have names, by which the
 * `asm` column of the rows refers to them: `Xd`, `Rn|SP`, `imm12`, ...
 */
export interface Operand {
  /**
   * The operand's text, as GNU objdump writes it; "" when it is left out (an optional operand at its default).
   * @param pc the instruction's address, for PC-relative operands.
   */
  print(f: Fields, pc: bigint): string;
  /**
   * Reads the operand and adds its fields to `f` (fields of operands to the left are there already).
   * @param text one operand, trimmed and in lower case; "" where the source has no more operands.
   * @param pc the instruction's address, and `labels` the known symbols, for PC-relative operands.
   * @returns false when the text is not this operand: the assembler then tries another row.
   */
  parse(text: string, f: Fields, pc: bigint, labels: ReadonlyMap<string, bigint>): boolean;
}

export type Operands = Readonly<Record<string, Operand>>;
