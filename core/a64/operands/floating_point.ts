import type { Operand, Operands } from "../operand.ts";
import type { Fields } from "../row.ts";
import { parseNumber, put } from "./general.ts";
import { expandFloat } from "./simd.ts";

/*
 * Operands of floating point. Names, for every register field suffix d n m a:
 *   Fd          S or D by the one-bit field ftype           Fd:sz       S or D by the field sz
 *   Vd.sz       2s, 4s or 2d by sz and Q                    Vd.sz2      two elements, 2s or 2d by sz
 *   Vd.2H       two half-precision elements                 Vd.wide     4s or 2d by sz
 *   Vd.narrow   4h, 8h, 2s or 4s by sz and Q                Vd.hQ       2h or 4h by Q
 *   Vd.D[1]     the upper doubleword
 *   Vm.hc[H:L]  a complex number of half precision, Vm.sc[H] of single precision, by its index
 *   float       a constant that fits the field imm8         #0.0
 *   fbits       fraction bits, 64 less the field immscale
 *   rot, rot2   #90 or #270 by a one-bit field rot; #0 to #270 by a two-bit one
 */

const SUFFIXES = ["d", "n", "m", "a"];

function registerNumber(text: string): number {
  return /^(\d|[12]\d|3[01])$/.test(text) ? Number(text) : -1;
}

/** A scalar register, S or D by a one-bit field. */
function scalar(field: string, precision: string): Operand {
  return {
    print: (f) => `${f[precision] ? "d" : "s"}${f[field]}`,
    parse(text, f) {
      const n = registerNumber(text.slice(1));
      if (n < 0 || (text[0] !== "s" && text[0] !== "d")) return false;
      return put(f, precision, text[0] === "d" ? 1 : 0) && put(f, field, n);
    },
  };
}

/** A vector register whose arrangement is chosen by fields: the spellings by the bits of `by`, the first one highest. */
function vector(field: string, by: readonly string[], spellings: readonly (string | null)[]): Operand {
  const index = (f: Fields): number => by.reduce((sum, name) => sum << 1 | f[name], 0);
  return {
    print: (f) => `v${f[field]}.${spellings[index(f)]}`,
    parse(text, f) {
      const match = /^v(\d+)\.(\w+)$/.exec(text);
      if (!match) return false;
      const n = registerNumber(match[1]), value = spellings.indexOf(match[2]);
      if (n < 0 || value < 0) return false;
      return by.every((name, i) => put(f, name, (value >> (by.length - 1 - i)) & 1)) && put(f, field, n);
    },
  };
}

function registerOperands(): Record<string, Operand> {
  const result: Record<string, Operand> = {};
  for (const suffix of SUFFIXES) {
    const field = `R${suffix}`;
    result[`F${suffix}`] = scalar(field, "ftype");
    result[`F${suffix}:sz`] = scalar(field, "sz");
    result[`V${suffix}.sz`] = vector(field, ["sz", "Q"], ["2s", "4s", null, "2d"]);
    result[`V${suffix}.sz2`] = vector(field, ["sz"], ["2s", "2d"]);
    result[`V${suffix}.2H`] = vector(field, [], ["2h"]);
    result[`V${suffix}.wide`] = vector(field, ["sz"], ["4s", "2d"]);
    result[`V${suffix}.narrow`] = vector(field, ["sz", "Q"], ["4h", "8h", "2s", "4s"]);
    result[`V${suffix}.hQ`] = vector(field, ["Q"], ["2h", "4h"]);
    result[`V${suffix}.D[1]`] = {
      print: (f) => `v${f[field]}.d[1]`,
      parse(text, f) {
        const match = /^v(\d+)\.d\[\s*1\s*\]$/.exec(text);
        const n = registerNumber(match?.[1] ?? "");
        return n >= 0 && put(f, field, n);
      },
    };
  }
  return result;
}

/** An element by an index of one-bit fields, the first one highest. */
function element(field: string, letter: string, by: readonly string[]): Operand {
  return {
    print: (f) => `v${f[field]}.${letter}[${by.reduce((sum, name) => sum << 1 | f[name], 0)}]`,
    parse(text, f) {
      const match = /^v(\d+)\.([hs])\[\s*(\d+)\s*\]$/.exec(text);
      if (!match || match[2] !== letter) return false;
      const n = registerNumber(match[1]), index = Number(match[3]);
      if (n < 0 || index >= 2 ** by.length) return false;
      return by.every((name, i) => put(f, name, (index >> (by.length - 1 - i)) & 1)) && put(f, field, n);
    },
  };
}

/** A floating-point number as C's "%.18e" writes it. */
function printFloat(value: number): string {
  return `#${value.toExponential(18).replace(/e([+-])(\d)$/, "e$10$2")}`;
}

const FLOAT: Operand = {
  print: (f) => printFloat(expandFloat(f.imm8)),
  parse(text, f) {
    const value = Number(text.replace(/^#/, "") || NaN);
    for (let i = 0; i < 256; i++) if (expandFloat(i) === value) return put(f, "imm8", i);
    return false;
  },
};

const ZERO: Operand = {
  print: () => "#0.0",
  parse: (text) => /^#?0(\.0*)?$/.test(text),
};

const FBITS: Operand = {
  print: (f) => `#${64 - f.immscale}`,
  parse(text, f) {
    const value = parseNumber(text);
    return value !== null && value >= 1 && value <= 64 && put(f, "immscale", 64 - value);
  },
};

/** A rotation by multiples of 90 degrees. */
function rotation(angles: readonly number[]): Operand {
  return {
    print: (f) => `#${angles[f.rot]}`,
    parse(text, f) {
      const value = angles.indexOf(parseNumber(text) ?? -1);
      return value >= 0 && put(f, "rot", value);
    },
  };
}

/** The operands of this file by name. */
export const FLOATING_POINT_OPERANDS: Operands = {
  ...registerOperands(),
  "Vm.hc[H:L]": element("Rm", "h", ["H", "L"]),
  "Vm.sc[H]": element("Rm", "s", ["H"]),
  float: FLOAT,
  "#0.0": ZERO,
  fbits: FBITS,
  rot: rotation([90, 270]),
  rot2: rotation([0, 90, 180, 270]),
};
