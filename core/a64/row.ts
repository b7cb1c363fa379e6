import type { Builder } from "../engine/builder.ts";

/**
 * One encoding of the A64 instruction set: the Arm ARM's diagram, its assembly syntax and its meaning.
 * Decoder, disassembler, assembler, interpreter and JIT are all derived from rows. Arm DDI 0487, chapter C4.
 */
export interface Row {
  /** The page title in the Arm ARM, such as "ADD (immediate)". */
  readonly name: string;
  /** 32 bits, most significant first: digits are fixed, `x` is ignored, `name:width` is a field. */
  readonly diagram: string;
  /** Assembly syntax: mnemonic, a space, operand names of `operands/`, separated by ", ". */
  readonly asm: string;
  /** What the instruction does; null for an alias, which only the assembler and disassembler use. */
  readonly semantics: Semantics | null;
  readonly options: RowOptions;
  /** Fixed bits: a word belongs to the row if `(word & mask) === value` and `reserved` does not hold. */
  readonly mask: number;
  readonly value: number;
  readonly fields: readonly Field[];
  /** Bits that choose the shape (see {@link RowOptions.shape}): two words alike in them share a handler. */
  readonly shapeMask: number;
}

export interface RowOptions {
  /** The architectural feature that must be present, such as "FEAT_LSE"; without it the word is UNDEFINED. */
  readonly feature?: string;
  /** Words of this row that are UNDEFINED (a reserved value) or, for an alias, not shown as the alias. */
  readonly reserved?: (f: Fields) => boolean;
  /** Immediate fields on which the meaning branches, so that they belong to the shape. */
  readonly shape?: readonly string[];
  /** "fp": the instruction is subject to CPACR_EL1.FPEN, CPTR_EL2 and CPTR_EL3 and is checked before it runs. */
  readonly trap?: "fp";
}

export interface Field {
  readonly name: string;
  /** Least significant bit, 0 to 31. */
  readonly lsb: number;
  readonly width: number;
}

export type Fields = Record<string, number>;

// deno-lint-ignore no-explicit-any
export type Semantics = (o: Builder, f: any) => void;

type Words<S extends string> = S extends `${infer A} ${infer B}` ? A | Words<B> : S;
/** The field names of a diagram; a misspelt field in a meaning does not compile. */
export type FieldNames<D extends string> = Words<D> extends infer W ? W extends `${infer N}:${string}` ? N : never
  : never;
export type FieldsOf<D extends string> = { readonly [N in FieldNames<D>]: number };

/** Register fields: their value only ever picks a register, so it stands in the decoded record. */
function isRegister(name: string): boolean {
  return name.length > 1 && name.startsWith("R");
}

/** Immediate fields: their value only ever computes an operand. */
function isImmediate(name: string): boolean {
  return name.startsWith("imm");
}

const SPACE = 0x20, ZERO = 0x30, ONE = 0x31, COLON = 0x3a, X = 0x78;

/**
 * Parses a diagram: at each start of the program, some thousand of them before anything is compiled, so by characters.
 * Throws SyntaxError when it is not 32 bits wide or a field stands twice.
 */
export function parseDiagram(diagram: string): { mask: number; value: number; fields: Field[] } {
  let mask = 0, value = 0, position = 32;
  const fields: Field[] = [];
  for (let at = 0, end = 0; at < diagram.length; at = end + 1) {
    let colon = -1;
    for (end = at; end < diagram.length; end++) {
      const character = diagram.charCodeAt(end);
      if (character === SPACE) break;
      if (character === COLON) colon = end;
    }
    if (colon >= 0) {
      const name = diagram.slice(at, colon), width = Number(diagram.slice(colon + 1, end));
      if (!(width >= 1 && width <= 26)) throw unreadable(diagram.slice(at, end), diagram);
      if (fields.some((f) => f.name === name)) throw new SyntaxError(`Field ${name} stands twice in "${diagram}"`);
      position -= width;
      fields.push({ name, lsb: position, width });
      continue;
    }
    for (let i = at; i < end; i++) {
      const bit = diagram.charCodeAt(i);
      position--;
      if (bit === X) continue;
      if (bit !== ZERO && bit !== ONE) throw unreadable(diagram.slice(at, end), diagram);
      mask |= 1 << position;
      if (bit === ONE) value |= 1 << position;
    }
  }
  if (position !== 0) throw new SyntaxError(`Diagram "${diagram}" has ${32 - position} bits, not 32`);
  return { mask: mask >>> 0, value: value >>> 0, fields };
}

function unreadable(item: string, diagram: string): SyntaxError {
  return new SyntaxError(`Cannot parse "${item}" in diagram "${diagram}"`);
}

/** A row of the instruction table. See {@link Row} for the parts. */
export function row<const D extends string>(
  name: string,
  diagram: D,
  asm: string,
  semantics: (o: Builder, f: FieldsOf<D>) => void,
  options: RowOptions = {},
): Row {
  return makeRow(name, diagram, asm, semantics as Semantics, options);
}

/**
 * Another way to write some words of other rows, such as MOV for ORR: more specific in its diagram than the row it
 * renames, and preferred by the disassembler unless `reserved` holds.
 */
export function alias<const D extends string>(name: string, diagram: D, asm: string, options: RowOptions = {}): Row {
  return makeRow(name, diagram, asm, null, options);
}

/** Gives every row of a group the same options; a row's own options come first. */
export function group(options: RowOptions, rows: readonly Row[]): Row[] {
  return rows.map((r) => {
    const all = { ...options, ...r.options };
    return { ...r, options: all, shapeMask: options.shape ? shapeMaskOf(r.fields, all) : r.shapeMask };
  });
}

function makeRow(name: string, diagram: string, asm: string, semantics: Semantics | null, options: RowOptions): Row {
  const { mask, value, fields } = parseDiagram(diagram);
  return { name, diagram, asm, semantics, options, mask, value, fields, shapeMask: shapeMaskOf(fields, options) };
}

function shapeMaskOf(fields: readonly Field[], { shape }: RowOptions): number {
  let mask = 0;
  for (const { name, lsb, width } of fields) {
    if (isRegister(name) || isImmediate(name) && !shape?.includes(name)) continue;
    mask |= (2 ** width - 1) << lsb;
  }
  return mask >>> 0;
}

/** The fields of `word`, each as an unsigned number. */
export function extractFields(row: Row, word: number): Fields {
  const result: Fields = {};
  for (const f of row.fields) result[f.name] = (word >>> f.lsb) & ((1 << f.width) - 1);
  return result;
}

/** The word with these fields; a field that is not given is 0. Throws RangeError when a value does not fit. */
export function encodeFields(row: Row, fields: Fields): number {
  let word = row.value;
  for (const f of row.fields) {
    const v = fields[f.name] ?? 0;
    if (v < 0 || v >= 2 ** f.width || !Number.isInteger(v)) {
      throw new RangeError(`Cannot encode ${row.name} as ${f.name} = ${v} does not fit in ${f.width} bits`);
    }
    word |= v << f.lsb;
  }
  return word >>> 0;
}
