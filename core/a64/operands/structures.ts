import type { Operand, Operands } from "../operand.ts";
import type { Fields } from "../row.ts";
import { parseNumber, put } from "./general.ts";

/*
 * Operands of the loads and stores of AdvSIMD structures.
 *
 *   {Vt.T*3}        a list of three registers with the arrangement of size and Q
 *   {Vt.s*3}[i]     the elements of a single structure; the index stands in Q, S and size
 *   #3*(8<<Q) #3*4 #3<<size   the post-index offset, which says nothing new
 */

const ARRANGEMENTS = ["8b", "16b", "4h", "8h", "2s", "4s", "1d", "2d"];

/** A register list in braces: with a range where objdump writes one. */
function printList(first: number, count: number, suffix: string): string {
  const name = (i: number): string => `v${(first + i) % 32}.${suffix}`;
  if (count > 2 && first + count <= 32) return `{${name(0)}-${name(count - 1)}}`;
  return `{${Array.from({ length: count }, (_, i) => name(i)).join(", ")}}`;
}

/** The number and arrangement of one vector register. */
function parseVector(text: string): { n: number; suffix: string } | null {
  const match = /^v(\d|[12]\d|3[01])\.(\w+)$/.exec(text);
  return match && { n: Number(match[1]), suffix: match[2] };
}

/** Reads a list: the first register, how many there are, their arrangement, and what follows the braces. */
function parseList(text: string): { first: number; count: number; suffix: string; rest: string } | null {
  const match = /^\{([^}]*)\}\s*(.*)$/.exec(text);
  if (!match) return null;
  const range = match[1].split("-"), isRange = range.length === 2;
  const items = (isRange ? range : match[1].split(",")).map((item) => parseVector(item.trim()));
  const [head] = items, last = items[items.length - 1];
  if (!head || !last || items.some((item) => item?.suffix !== head.suffix)) return null;
  if (!isRange && items.some((item, i) => item!.n !== (head.n + i) % 32)) return null;
  const count = isRange ? (last.n - head.n + 32) % 32 + 1 : items.length;
  return { first: head.n, count, suffix: head.suffix, rest: match[2] };
}

/** The list of whole registers. */
function wholeRegisters(count: number): Operand {
  return {
    print: (f) => printList(f.Rt, count, ARRANGEMENTS[f.size * 2 + f.Q]),
    parse(text, f) {
      const list = parseList(text);
      if (!list || list.count !== count || list.rest !== "") return false;
      const arrangement = ARRANGEMENTS.indexOf(list.suffix);
      return arrangement >= 0 && put(f, "Rt", list.first) && put(f, "size", arrangement >> 1) &&
        put(f, "Q", arrangement & 1);
    },
  };
}

/** The fields that hold an element's index, most significant first, with their widths. */
type IndexFields = readonly (readonly [name: string, width: number])[];

function getIndex(fields: IndexFields, f: Fields): number {
  return fields.reduce((index, [name, width]) => index * 2 ** width + f[name], 0);
}

function putIndex(fields: IndexFields, f: Fields, index: number): boolean {
  let rest = index;
  for (const [name, width] of fields.toReversed()) {
    if (!put(f, name, rest & (2 ** width - 1))) return false;
    rest >>= width;
  }
  return rest === 0;
}

/** The list of elements. */
function elements(count: number, letter: string, fields: IndexFields): Operand {
  return {
    print: (f) => `${printList(f.Rt, count, letter)}[${getIndex(fields, f)}]`,
    parse(text, f) {
      const list = parseList(text), index = list && /^\[\s*(\d+)\s*\]$/.exec(list.rest);
      if (!list || !index || list.count !== count || list.suffix !== letter) return false;
      return put(f, "Rt", list.first) && putIndex(fields, f, Number(index[1]));
    },
  };
}

/** A number that follows from the other fields. */
function computed(value: (f: Fields) => number): Operand {
  return { print: (f) => `#${value(f)}`, parse: (text, f) => parseNumber(text) === value(f) };
}

const INDEX_FIELDS: readonly (readonly [letter: string, bytes: number, fields: IndexFields])[] = [
  ["b", 1, [["Q", 1], ["S", 1], ["size", 2]]],
  ["h", 2, [["Q", 1], ["S", 1], ["size", 1]]],
  ["s", 4, [["Q", 1], ["S", 1]]],
  ["d", 8, [["Q", 1]]],
];

function structureOperands(): Record<string, Operand> {
  const result: Record<string, Operand> = {};
  for (let count = 1; count <= 4; count++) {
    result[`{Vt.T*${count}}`] = wholeRegisters(count);
    result[`#${count}*(8<<Q)`] = computed((f) => count * (8 << f.Q));
    result[`#${count}<<size`] = computed((f) => count << f.size);
    for (const [letter, bytes, fields] of INDEX_FIELDS) {
      result[`{Vt.${letter}*${count}}[i]`] = elements(count, letter, fields);
      result[`#${count}*${bytes}`] = computed(() => count * bytes);
    }
  }
  return result;
}

/** The operands of this file by name. */
export const STRUCTURE_OPERANDS: Operands = structureOperands();
