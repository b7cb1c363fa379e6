import { Decoder } from "./decoder.ts";
import { extractFields, type Row } from "./row.ts";
import { printMnemonic, syntaxOf } from "./syntax.ts";
import { INSTRUCTIONS, MEANINGS } from "./table.ts";

let meanings: Decoder | undefined;
let spellings: Decoder | undefined;

/** The row as which a word is shown: the most specific alias that applies, else the row of its meaning, else null. */
export function shownRow(word: number): Row | null {
  meanings ??= new Decoder(MEANINGS);
  spellings ??= new Decoder(INSTRUCTIONS);
  return meanings.decode(word) && spellings.decode(word);
}

/**
 * The word as a line of assembly, as GNU objdump writes it: lower case, a tab-free single space after the mnemonic.
 * @param pc the word's address, for PC-relative operands.
 */
export function disassemble(word: number, pc: bigint): string {
  const row = shownRow(word);
  return row ? printRow(row, word, pc) : `.inst 0x${(word >>> 0).toString(16).padStart(8, "0")} ; undefined`;
}

/** The word as a line of assembly by the syntax of a row that it belongs to. */
export function printRow(row: Row, word: number, pc: bigint): string {
  const { mnemonic, operands } = syntaxOf(row);
  const f = extractFields(row, word);
  const texts = operands.map((operand) => operand.print(f, pc)).filter((text) => text !== "");
  const name = printMnemonic(mnemonic, f);
  return texts.length === 0 ? name : `${name} ${texts.join(", ")}`;
}
