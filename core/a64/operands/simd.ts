import type { Operand, Operands } from "../operand.ts";
import type { Fields } from "../row.ts";
import { parseNumber, parseShift, put, unsigned } from "./general.ts";

/*
 * Operands of Advanced SIMD. Names, for every register field suffix d n m a t t2:
 *   Bd Hd Sd Dd Qd          a scalar of that width                  <V>d   a scalar by size   <Vw>d   twice as wide
 *   Vd.T                    arrangement by size and Q               Vd.Ta  elements twice as wide, 128 bits
 *   Vd.Tl                   elements twice as wide, by Q            Vd.B Vd.H Vd.S Vd.D   those elements, by Q
 *   Vd.8B ... Vd.2D, Vd.1Q  that arrangement
 *   Vd.B[index] ... Vd.D[index], Vn.B[index2] ...                   an element by the field index or index2
 *   Vm.H[H:L:M], Vm.S[H:L], Vm.D[H], Vm.4B[H:L]                     an element by the fields H, L and M
 *   Vn=m.B                  one operand that stands in two fields
 *   {Vn.16B}                a list of len + 1 registers
 *   left3 ... left6, right3 ... right6   shift amounts from the fields imm3 to imm6
 */

const SUFFIXES = ["d", "n", "m", "a", "t", "t2"];
const LETTERS = ["b", "h", "s", "d", "q"];

/** "4s" for elements of `size` in 64 (Q = 0) or 128 bits. */
function arrangementName(size: number, Q: number): string {
  return `${((Q ? 16 : 8) >> size)}${LETTERS[size]}`;
}

/** How the arrangement of a register follows from the fields and is put into them. */
interface Arrangement {
  /** Element size; undefined when it is not in the fields yet. */
  size(f: Fields): number;
  Q(f: Fields): number;
  put(f: Fields, size: number, Q: number): boolean;
}

const BY_SIZE: Arrangement = {
  size: (f) => f.size,
  Q: (f) => f.Q,
  put: (f, size, Q) => size < 4 && put(f, "size", size) && put(f, "Q", Q),
};
const WIDE: Arrangement = {
  size: (f) => f.size + 1,
  Q: () => 1,
  put: (f, size, Q) => Q === 1 && size > 0 && put(f, "size", size - 1),
};
const LONG: Arrangement = {
  size: (f) => f.size + 1,
  Q: (f) => f.Q,
  put: (f, size, Q) => size > 0 && put(f, "size", size - 1) && put(f, "Q", Q),
};
const byQ = (size: number): Arrangement => ({
  size: () => size,
  Q: (f) => f.Q,
  put: (f, given, Q) => given === size && put(f, "Q", Q),
});
const fixed = (size: number, Q: number): Arrangement => ({
  size: () => size,
  Q: () => Q,
  put: (_, givenSize, givenQ) => givenSize === size && givenQ === Q,
});

/** Reads "4s" as element size and Q, or null. */
function parseArrangement(text: string): { size: number; Q: number } | null {
  const match = /^(\d+)([bhsdq])$/.exec(text);
  if (!match) return null;
  const size = LETTERS.indexOf(match[2]), bytes = Number(match[1]) << size;
  return bytes === 8 || bytes === 16 ? { size, Q: bytes >> 4 } : null;
}

/** The number of a register `v0` to `v31`, or -1. */
function parseV(text: string): number {
  return /^v(\d|[12]\d|3[01])$/.test(text) ? Number(text.slice(1)) : -1;
}

/** A vector register in `field`, and also in `twin` if that is given. */
function vector(field: string, arrangement: Arrangement, twin?: string): Operand {
  return {
    print: (f) => `v${f[field]}.${arrangementName(arrangement.size(f), arrangement.Q(f))}`,
    parse(text, f) {
      const [name, suffix, rest] = text.split(".");
      const n = parseV(name), a = parseArrangement(suffix ?? "");
      if (rest !== undefined || n < 0 || !a || !arrangement.put(f, a.size, a.Q)) return false;
      return put(f, field, n) && (twin === undefined || put(f, twin, n));
    },
  };
}

/** A scalar register of element size `size`, or of a size by the field size plus `more`. */
function scalar(field: string, size: number | null, more = 0): Operand {
  return {
    print: (f) => `${LETTERS[size ?? f.size + more]}${f[field]}`,
    parse(text, f) {
      const given = LETTERS.indexOf(text[0]), n = parseV(`v${text.slice(1)}`);
      if (given < 0 || n < 0) return false;
      if (size === null ? given < more || given - more > 3 || !put(f, "size", given - more) : given !== size) {
        return false;
      }
      return put(f, field, n);
    },
  };
}

/** An element whose index is made of `bits`, most significant first: one-bit fields or one field with its width. */
function element(field: string, letter: string, bits: readonly (readonly [name: string, width: number])[]): Operand {
  const width = bits.reduce((sum, b) => sum + b[1], 0);
  return {
    print(f) {
      const index = bits.reduce((sum, [name, w]) => sum << w | f[name], 0);
      return `v${f[field]}.${letter}[${index}]`;
    },
    parse(text, f) {
      const match = /^(v\d+)\.(\w+)\[\s*([^\]]+?)\s*\]$/.exec(text);
      if (!match || match[2] !== letter) return false;
      const n = parseV(match[1]), index = parseNumber(match[3]);
      if (n < 0 || index === null || index < 0 || index >= 2 ** width) return false;
      // With M in the index, Rm has four bits.
      if (n > 15 && bits.some((b) => b[0] === "M")) return false;
      let rest = width;
      for (const [name, w] of bits) {
        rest -= w;
        if (!put(f, name, (index >> rest) & (2 ** w - 1))) return false;
      }
      return put(f, field, n);
    },
  };
}

/** A list of len + 1 registers of sixteen bytes: `{v0.16b-v2.16b}`, or with commas for two, or when V31 is passed. */
const TABLE_LIST: Operand = {
  print(f) {
    const last = (f.Rn + f.len) % 32;
    if (f.len > 1 && last > f.Rn) return `{v${f.Rn}.16b-v${last}.16b}`;
    const names = Array.from({ length: f.len + 1 }, (_, i) => `v${(f.Rn + i) % 32}.16b`);
    return `{${names.join(", ")}}`;
  },
  parse(text, f) {
    const content = /^\{\s*(.*?)\s*\}$/.exec(text);
    if (!content) return false;
    const isRange = content[1].includes("-");
    const numbers = content[1].split(isRange ? "-" : ",").map((item) => {
      const [name, arrangement] = item.trim().split(".");
      return arrangement === "16b" ? parseV(name) : -1;
    });
    if (numbers.includes(-1) || (isRange && numbers.length !== 2)) return false;
    if (!isRange && numbers.some((n, i) => n !== (numbers[0] + i) % 32)) return false;
    const len = isRange ? (numbers[1] - numbers[0] + 32) % 32 : numbers.length - 1;
    return len < 4 && put(f, "len", len) && put(f, "Rn", numbers[0]);
  },
};

/** A right shift by 2^width minus the field, 1 to 2^width. */
function rightShift(width: number): Operand {
  const field = `imm${width}`, esize = 2 ** width;
  return {
    print: (f) => `#${esize - f[field]}`,
    parse(text, f) {
      const amount = parseNumber(text);
      return amount !== null && amount >= 1 && amount <= esize && put(f, field, esize - amount);
    },
  };
}

/** A left shift by `steps[f[field]]` written as `lsl #8`; left out when it is 0. */
function shiftBy(field: string, word: string, steps: readonly number[]): Operand {
  return {
    print: (f) => steps[f[field]] === 0 ? "" : `${word} #${steps[f[field]]}`,
    parse(text, f) {
      if (text === "") return steps[0] === 0 && put(f, field, 0);
      const shift = parseShift(text);
      if (shift?.word !== word || shift.amount === null) return false;
      const value = steps.indexOf(shift.amount);
      return value >= 0 && put(f, field, value);
    },
  };
}

/** A constant that is written out but stands in no field. */
function literal(text: string): Operand {
  const value = parseNumber(text);
  return { print: () => text, parse: (given) => parseNumber(given) === value };
}

/** The shift of SHLL: the element's width. */
const ELEMENT_WIDTH: Operand = {
  print: (f) => `#${8 << f.size}`,
  parse: (text, f) => parseNumber(text) === 8 << f.size,
};

const putImm8 = (f: Fields, value: number): boolean =>
  value >= 0 && value < 256 && put(f, "immabc", value >> 5) && put(f, "immdefgh", value & 31);
const imm8 = (f: Fields): number => f.immabc << 5 | f.immdefgh;

/** The eight bits a:b:c:d:e:f:g:h as a number. */
const IMM8: Operand = {
  print: (f) => `#0x${imm8(f).toString(16)}`,
  parse: (text, f) => putImm8(f, parseNumber(text) ?? -1),
};

/** The eight bits, each repeated eight times. */
const IMM64: Operand = {
  print(f) {
    let text = "";
    for (let bit = 7; bit >= 0; bit--) text += (imm8(f) >> bit) & 1 ? "ff" : "00";
    return `#0x${text.replace(/^0+(?=.)/, "")}`;
  },
  parse(text, f) {
    const match = /^#?(0x[0-9a-f]+|\d+)$/.exec(text);
    if (!match) return false;
    const digits = BigInt(match[1]).toString(16).padStart(16, "0");
    if (!/^(?:00|ff){8}$/.test(digits)) return false;
    return putImm8(f, digits.match(/../g)!.reduce((sum, byte) => sum << 1 | (byte === "ff" ? 1 : 0), 0));
  },
};

/** VFPExpandImm() as a number: a sign, an exponent of -3 to 4 and four bits of fraction. */
export function expandFloat(imm8: number): number {
  const exponent = ((imm8 >> 4) & 7) ^ 4;
  return (imm8 & 0x80 ? -1 : 1) * (1 + (imm8 & 15) / 16) * 2 ** (exponent - 3);
}

/** A floating-point constant that fits eight bits, as C's "%.18e" writes it. */
const FLOAT8: Operand = {
  print: (f) => `#${expandFloat(imm8(f)).toExponential(18).replace(/e([+-])(\d)$/, "e$10$2")}`,
  parse(text, f) {
    const value = Number(text.replace(/^#/, "") || NaN);
    for (let i = 0; i < 256; i++) if (expandFloat(i) === value) return putImm8(f, i);
    return false;
  },
};

function registerOperands(): Record<string, Operand> {
  const result: Record<string, Operand> = {};
  for (const suffix of SUFFIXES) {
    const field = `R${suffix}`;
    LETTERS.forEach((letter, size) => {
      const L = letter.toUpperCase();
      result[`${L}${suffix}`] = scalar(field, size);
      if (size === 4) return;
      result[`V${suffix}.${L}`] = vector(field, byQ(size));
      result[`V${suffix}.${8 >> size}${L}`] = vector(field, fixed(size, 0));
      result[`V${suffix}.${16 >> size}${L}`] = vector(field, fixed(size, 1));
      for (const index of ["index", "index2"]) {
        result[`V${suffix}.${L}[${index}]`] = element(field, letter, [[index, 4 - size]]);
      }
    });
    result[`<V>${suffix}`] = scalar(field, null);
    result[`<Vw>${suffix}`] = scalar(field, null, 1);
    result[`V${suffix}.T`] = vector(field, BY_SIZE);
    result[`V${suffix}.Ta`] = vector(field, WIDE);
    result[`V${suffix}.Tl`] = vector(field, LONG);
    result[`V${suffix}.1Q`] = vector(field, fixed(4, 1));
  }
  return result;
}

function shiftOperands(): Record<string, Operand> {
  const result: Record<string, Operand> = {};
  for (let width = 3; width <= 6; width++) {
    result[`left${width}`] = unsigned(`imm${width}`, width, { radix: 10 });
    result[`right${width}`] = rightShift(width);
  }
  return result;
}

/** The operands of this file by name. */
export const SIMD_OPERANDS: Operands = {
  ...registerOperands(),
  ...shiftOperands(),
  "Vn=m.B": vector("Rn", byQ(0), "Rm"),
  "{Vn.16B}": TABLE_LIST,
  "Vm.H[H:L:M]": element("Rm", "h", [["H", 1], ["L", 1], ["M", 1]]),
  "Vm.S[H:L]": element("Rm", "s", [["H", 1], ["L", 1]]),
  "Vm.D[H]": element("Rm", "d", [["H", 1]]),
  "Vm.4B[H:L]": element("Rm", "4b", [["H", 1], ["L", 1]]),
  ext3: unsigned("index", 3, { radix: 10 }),
  ext4: unsigned("index", 4, { radix: 10 }),
  rotate6: unsigned("imm6", 6, { radix: 10 }),
  "#0": literal("#0"),
  esize: ELEMENT_WIDTH,
  immabcdefgh: IMM8,
  immabcdefgh64: IMM64,
  float8: FLOAT8,
  lsl32: shiftBy("immshift", "lsl", [0, 8, 16, 24]),
  lsl16: shiftBy("immshift", "lsl", [0, 8]),
  msl: shiftBy("immshift", "msl", [8, 16]),
};
