import type { Operand } from "./operand.ts";
import type { Fields, Row } from "./row.ts";
import { CONDITIONS } from "./operands/general.ts";
import { findOperand } from "./operands/mod.ts";

/** The asm column of a row, taken apart. */
export interface Syntax {
  /** The mnemonic with its templates, such as `b.{cond}` or `saddl{2}`. */
  readonly mnemonic: string;
  readonly operandNames: readonly string[];
}

/** One way to write a row's mnemonic, and the fields that it fixes. */
export interface Spelling {
  readonly mnemonic: string;
  readonly fields: Fields;
}

/** Takes an asm column apart: "mnemonic operand, operand". */
export function parseSyntax(asm: string): Syntax {
  const space = asm.indexOf(" ");
  if (space < 0) return { mnemonic: asm, operandNames: [] };
  return { mnemonic: asm.slice(0, space), operandNames: asm.slice(space + 1).split(",").map((name) => name.trim()) };
}

/** All ways to write a mnemonic: `{cond}` stands for a condition, `{2}` for "2" where the field Q is 1. */
export function spellings(mnemonic: string): Spelling[] {
  const template = /\{(\w+)\}/.exec(mnemonic);
  if (!template) return [{ mnemonic, fields: {} }];
  const spell = (text: string): string => mnemonic.replace(template[0], text);
  switch (template[1]) {
    case "2":
      return [{ mnemonic: spell(""), fields: { Q: 0 } }, { mnemonic: spell("2"), fields: { Q: 1 } }];
    case "cond":
      return [
        ...CONDITIONS.map((name, cond) => ({ mnemonic: spell(name), fields: { cond } })),
        { mnemonic: spell("hs"), fields: { cond: 2 } },
        { mnemonic: spell("lo"), fields: { cond: 3 } },
      ];
    default:
      throw new TypeError(`Cannot read mnemonic "${mnemonic}"`);
  }
}

/** The mnemonic of a word with these fields. */
export function printMnemonic(mnemonic: string, f: Fields): string {
  return mnemonic.replace(/\{(\w+)\}/, (_, name) => name === "cond" ? CONDITIONS[f.cond] : f.Q === 1 ? "2" : "");
}

const cache = new WeakMap<Row, { mnemonic: string; operands: readonly Operand[] }>();

/** The mnemonic and operand objects of a row. */
export function syntaxOf(row: Row): { mnemonic: string; operands: readonly Operand[] } {
  let found = cache.get(row);
  if (!found) {
    const { mnemonic, operandNames } = parseSyntax(row.asm);
    cache.set(row, found = { mnemonic, operands: operandNames.map(findOperand) });
  }
  return found;
}
