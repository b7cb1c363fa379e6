import { Decoder } from "./decoder.ts";
import { readExpression, type Scope } from "./expression.ts";
import type { Operand } from "./operand.ts";
import { encodeFields, extractFields, type Fields, type Row } from "./row.ts";
import { spellings, syntaxOf } from "./syntax.ts";
import { splitOperands, splitWord } from "./assembler_source.ts";
import { INSTRUCTIONS, MEANINGS } from "./table.ts";

/** What names mean in the operands of an instruction. */
export interface OperandScope extends Scope {
  /** Whether the name is a symbol, and not a word of an operand such as a register. */
  isSymbol(name: string): boolean;
}

/** One way to write a row: its operands, and the fields that the mnemonic fixed. */
interface Form {
  readonly row: Row;
  readonly operands: readonly Operand[];
  readonly fields: Fields;
}

const NO_LABELS: ReadonlyMap<string, bigint> = new Map();

let forms: Map<string, Form[]> | undefined;
let meanings: Decoder | undefined;

function formsOf(mnemonic: string): readonly Form[] | undefined {
  if (!forms) {
    forms = new Map();
    for (const row of INSTRUCTIONS) {
      const syntax = syntaxOf(row);
      for (const spelling of spellings(syntax.mnemonic)) {
        const form = { row, operands: syntax.operands, fields: spelling.fields };
        const list = forms.get(spelling.mnemonic);
        if (list) list.push(form);
        else forms.set(spelling.mnemonic, [form]);
      }
    }
  }
  // GNU as takes beq for b.eq.
  return forms.get(mnemonic) ?? (/^b[a-z]{2}$/.test(mnemonic) ? forms.get(`b.${mnemonic.slice(1)}`) : undefined);
}

/** Whether the word is a mnemonic of the table. */
export function isMnemonic(word: string): boolean {
  return formsOf(word) !== undefined;
}

/**
 * The word of one instruction. Of the rows with that mnemonic, the first whose operands fit is taken; an alias that
 * would not be shown for the word is taken only when no other row fits.
 * Throws SyntaxError when none does.
 */
export function assembleInstruction(text: string, pc: bigint, scope: OperandScope): number {
  const { word: mnemonic, rest } = splitWord(text), source = text.replaceAll(/\s+/g, " ");
  const candidates = formsOf(mnemonic);
  if (!candidates) throw new SyntaxError(`Cannot assemble "${source}" as ${mnemonic} is no instruction or directive`);
  const operands = splitOperands(rest).map((operand) => resolveOperand(operand, scope));
  if (operands.includes("")) throw new SyntaxError(`Cannot assemble "${source}" as an operand is empty`);
  const word = tryForms(candidates, operands, pc) ?? tryNegated(mnemonic, operands, pc);
  if (word !== null) return word;
  throw new SyntaxError(`Cannot assemble "${source}" as ${mnemonic} does not take these operands${describe(operands)}`);
}

function tryForms(candidates: readonly Form[], operands: readonly string[], pc: bigint): number | null {
  let unusual: number | null = null;
  for (const form of candidates) {
    const encoded = tryForm(form, operands, pc);
    if (encoded === null) continue;
    if (!form.row.options.reserved?.(extractFields(form.row, encoded))) return encoded;
    if (form.row.semantics === null) unusual ??= encoded;
  }
  return unusual;
}

/** As GNU as does, takes the addition of a negative immediate for a subtraction and the reverse. */
function tryNegated(mnemonic: string, operands: readonly string[], pc: bigint): number | null {
  const opposite = OPPOSITES[mnemonic], last = operands.at(-1);
  if (!opposite || !last?.startsWith("#-")) return null;
  return tryForms(formsOf(opposite)!, [...operands.slice(0, -1), `#${last.slice(2)}`], pc);
}

const OPPOSITES: Readonly<Record<string, string>> = {
  add: "sub",
  sub: "add",
  adds: "subs",
  subs: "adds",
  cmp: "cmn",
  cmn: "cmp",
};

/** Names that are operands' own words and so are not complained about. */
const OPERAND_WORD = /^(?:[wxbhsdqv]\d+(?:\.\w+)?|w?sp|[wx]zr|lr|fp|ip[01])$/;

/** Names the operands that might be meant as symbols. */
function describe(operands: readonly string[]): string {
  const names = operands.filter((operand) => /^[a-z_.$][\w.$]*$/.test(operand) && !OPERAND_WORD.test(operand));
  return names.length === 0 ? "" : ` (${names.join(", ")}: no symbol)`;
}

/** The word in this form, or null when the operands do not fit or the word is UNDEFINED. */
function tryForm(form: Form, texts: readonly string[], pc: bigint): number | null {
  if (texts.length > form.operands.length) return null;
  const f: Fields = { ...form.fields };
  for (let i = 0; i < form.operands.length; i++) {
    if (!form.operands[i].parse(texts[i] ?? "", f, pc, NO_LABELS)) return null;
  }
  const word = encodeFields(form.row, f);
  meanings ??= new Decoder(MEANINGS);
  return meanings.decode(word) ? word : null;
}

/** Literals that stand as they are: octal is not among them. */
const LITERAL = /^[-+]?(?:0x[\da-f]+|0|[1-9]\d*|\d+\.\d*(?:e[-+]?\d+)?|\d+e[-+]?\d+|\d*\.\d+(?:e[-+]?\d+)?)$/i;

/** An operand with its symbols and expressions replaced by numbers, in lower case. */
function resolveOperand(text: string, scope: OperandScope): string {
  if (text.startsWith("[")) {
    const end = text.indexOf("]");
    if (end < 0) throw new SyntaxError(`Cannot find "]" in "${text}"`);
    const inner = splitOperands(text.slice(1, end)).map((part) => resolveOperand(part, scope));
    return `[${inner.join(", ")}]${text.slice(end + 1).trim()}`;
  }
  if (text.startsWith("{")) return text.toLowerCase();
  if (text.startsWith("#")) return `#${resolveValue(text.slice(1).trim(), scope)}`;
  // lsl #3, uxtw 2, mul #4, msl #8
  const modified = /^([a-z]+)\s+([#\w(.~][^]*)$/i.exec(text);
  if (modified && !scope.isSymbol(modified[1])) {
    return `${modified[1].toLowerCase()} #${resolveValue(modified[2].replace(/^#\s*/, ""), scope)}`;
  }
  const name = /^[a-z_.$][\w.$]*/i.exec(text)?.[0];
  if (name !== undefined ? scope.isSymbol(name) : /^[\d(~+':-]/.test(text)) return resolveValue(text, scope);
  return text.toLowerCase();
}

function resolveValue(text: string, scope: OperandScope): string {
  if (LITERAL.test(text)) return text.toLowerCase();
  const low = /^:lo12:/i.test(text);
  const { value, end } = readExpression(low ? text.slice(6) : text, 0, scope);
  const rest = text.slice(end + (low ? 6 : 0)).trim();
  if (rest !== "") throw new SyntaxError(`Cannot read "${rest}" in "${text}"`);
  return String(low ? value & 0xfffn : value);
}
