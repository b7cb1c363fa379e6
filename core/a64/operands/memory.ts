import type { Operand, Operands } from "../operand.ts";
import type { Fields } from "../row.ts";
import {
  EXTENDS,
  keyword,
  parseNumber,
  parseRegister,
  parseShift,
  put,
  registerName,
  signed as signedOperand,
  widthBy,
} from "./general.ts";

/*
 * Operands of loads and stores. Where an offset is scaled, its name ends in the number of bytes: 1, 2, 4, 8, 16, R by
 * the field sf, or V by the size of the SIMD and FP register.
 *
 *   [Xn|SP]             the base register alone
 *   [Xn|SP+imm9]        an unscaled signed offset; with ! behind it pre-indexed, and #imm9 when it is post-indexed
 *   [Xn|SP+imm12*8]     a scaled unsigned offset
 *   [Xn|SP+imm7*R]      a scaled signed offset; likewise with ! and as #imm7*R
 *   [Xn|SP+Rm*8]        a register offset with its extension
 *   [Xn|SP+S:imm9*8]    LDRAA's
 *   Vt:size  Vt:opc  Vt2:opc   a SIMD and FP register by size and Q, or by opc
 *   Rs+1  Rt+1          the second register of CASP's pairs
 *   prfop               a prefetch operation
 */

/** The text between the brackets of an address, in parts, and whether ! follows; null where it is no address. */
function parseBrackets(text: string): { parts: string[]; isPreIndexed: boolean } | null {
  const match = /^\[([^\]]*)\]\s*(!?)$/.exec(text);
  return match && { parts: match[1].split(",").map((part) => part.trim()), isPreIndexed: match[2] === "!" };
}

/** Puts the base register, an X register or SP. */
function putBase(text: string, f: Fields): boolean {
  const r = parseRegister(text);
  return r !== null && r.is64 && (r.n !== 31 || r.isSp) && put(f, "Rn", r.n);
}

function printBase(f: Fields): string {
  return registerName(true, f.Rn, true);
}

/** How many bytes a scaled offset counts in. */
type Scale = (f: Fields) => number;

const byRegister: Scale = (f) => 4 << f.sf;
const byVector: Scale = (f) => f.opc !== undefined ? 4 << f.opc : f.Q === 1 ? 16 : 1 << f.size;

interface OffsetField {
  readonly width: number;
  readonly isSigned: boolean;
  get(f: Fields): number;
  put(f: Fields, value: number): boolean;
}

/** An offset that stands in one field of that width. */
function offsetField(field: string, width: number, isSigned: boolean): OffsetField {
  return { width, isSigned, get: (f) => f[field], put: (f, value) => put(f, field, value) };
}

/** LDRAA's offset of ten bits in two fields. */
const SPLIT: OffsetField = {
  width: 10,
  isSigned: true,
  get: (f) => f.immS * 512 + f.imm9,
  put: (f, value) => put(f, "immS", value >> 9) && put(f, "imm9", value & 511),
};

function offsetOf(field: OffsetField, f: Fields, scale: number): number {
  const value = field.get(f);
  return (field.isSigned && value >= 2 ** (field.width - 1) ? value - 2 ** field.width : value) * scale;
}

function putOffset(field: OffsetField, f: Fields, offset: number | null, scale: number): boolean {
  if (offset === null || offset % scale !== 0) return false;
  const value = offset / scale, half = 2 ** (field.width - 1);
  const [least, greatest] = field.isSigned ? [-half, half - 1] : [0, 2 * half - 1];
  return value >= least && value <= greatest && field.put(f, value < 0 ? value + 2 * half : value);
}

/** `[Xn|SP, #offset]`, without the offset when it is 0. */
function offset(field: OffsetField, scale: Scale): Operand {
  return {
    print(f) {
      const value = offsetOf(field, f, scale(f));
      return value === 0 ? `[${printBase(f)}]` : `[${printBase(f)}, #${value}]`;
    },
    parse(text, f) {
      const address = parseBrackets(text);
      if (!address || address.isPreIndexed || address.parts.length > 2 || !putBase(address.parts[0], f)) return false;
      return putOffset(field, f, address.parts.length === 1 ? 0 : parseNumber(address.parts[1]), scale(f));
    },
  };
}

/** `[Xn|SP, #offset]!`; `isZeroShort` where an offset of 0 is not written. */
function preIndexed(field: OffsetField, scale: Scale, isZeroShort = false): Operand {
  return {
    print(f) {
      const value = offsetOf(field, f, scale(f));
      return isZeroShort && value === 0 ? `[${printBase(f)}]!` : `[${printBase(f)}, #${value}]!`;
    },
    parse(text, f) {
      const address = parseBrackets(text);
      if (!address?.isPreIndexed || !putBase(address.parts[0], f)) return false;
      if (address.parts.length !== 2 && !(isZeroShort && address.parts.length === 1)) return false;
      return putOffset(field, f, address.parts.length === 1 ? 0 : parseNumber(address.parts[1]), scale(f));
    },
  };
}

/** `#offset` behind a post-indexed base. */
function postIndexed(field: OffsetField, scale: Scale): Operand {
  return {
    print: (f) => `#${offsetOf(field, f, scale(f))}`,
    parse: (text, f) => putOffset(field, f, parseNumber(text), scale(f)),
  };
}

const BASE: Operand = {
  print: (f) => `[${printBase(f)}]`,
  parse(text, f) {
    const address = parseBrackets(text);
    if (!address || address.isPreIndexed || !putBase(address.parts[0], f)) return false;
    return address.parts.length === 1 || (address.parts.length === 2 && parseNumber(address.parts[1]) === 0);
  },
};

/** Reads the extension of a register offset: option and S, or null when it is not one for this register. */
function parseExtension(text: string | undefined, isX: boolean, shift: number): { option: number; S: number } | null {
  if (text === undefined) return isX ? { option: 0b011, S: 0 } : null;
  const { word, amount, hasAmount } = parseShift(text) ?? { word: "", amount: null, hasAmount: false };
  const option = word === "lsl" ? 0b011 : EXTENDS.indexOf(word);
  if ((option & 0b010) === 0 || option < 0 || word === "uxtx" || ((option & 1) === 1) !== isX) return null;
  if (amount === null || (word === "lsl" && !hasAmount) || (amount !== 0 && amount !== shift)) return null;
  // An amount of 0 that is written means S = 1 for bytes, and S = 0 for everything else.
  return { option, S: hasAmount && amount === shift ? 1 : 0 };
}

/** `[Xn|SP, Xm, lsl #3]`, `[Xn|SP, Wm, uxtw]`: the amount is 0 or the log2 of the bytes. */
function registerOffset(scale: Scale): Operand {
  return {
    print(f) {
      const base = `${printBase(f)}, ${registerName((f.option & 1) === 1, f.Rm, false)}`;
      if (f.option === 0b011 && f.S === 0) return `[${base}]`;
      const word = f.option === 0b011 ? "lsl" : EXTENDS[f.option];
      return f.S === 0 ? `[${base}, ${word}]` : `[${base}, ${word} #${Math.log2(scale(f))}]`;
    },
    parse(text, f) {
      const address = parseBrackets(text);
      if (!address || address.isPreIndexed || address.parts.length < 2 || address.parts.length > 3) return false;
      const index = parseRegister(address.parts[1]);
      if (!index || index.isSp || !putBase(address.parts[0], f)) return false;
      const extension = parseExtension(address.parts[2], index.is64, Math.log2(scale(f)));
      return extension !== null && put(f, "Rm", index.n) && put(f, "option", extension.option) &&
        put(f, "S", extension.S);
    },
  };
}

const LETTERS = "bhsdq";

/** The name of a SIMD and FP register taken apart: the log2 of its bytes and its number. */
function parseScalar(text: string): { log2: number; n: number } | null {
  const match = /^([bhsdq])(\d|[12]\d|3[01])$/.exec(text);
  return match && { log2: LETTERS.indexOf(match[1]), n: Number(match[2]) };
}

const SCALAR_BY_SIZE: Operand = {
  print: (f) => `${f.Q === 1 ? "q" : LETTERS[f.size]}${f.Rt}`,
  parse(text, f) {
    const r = parseScalar(text);
    return r !== null && put(f, "Rt", r.n) && put(f, "size", r.log2 & 3) && put(f, "Q", r.log2 >> 2);
  },
};

function scalarByOpc(field: string): Operand {
  return {
    print: (f) => `${LETTERS[f.opc + 2]}${f[field]}`,
    parse(text, f) {
      const r = parseScalar(text);
      return r !== null && r.log2 >= 2 && put(f, field, r.n) && put(f, "opc", r.log2 - 2);
    },
  };
}

/** The register after the even register of `field`. */
function nextRegister(field: string): Operand {
  const { is64, put: putWidth } = widthBy("sf");
  return {
    print: (f) => registerName(is64(f), (f[field] + 1) % 32, false),
    parse(text, f) {
      const r = parseRegister(text);
      return r !== null && !r.isSp && r.n === f[field] + 1 && putWidth(f, r.is64);
    },
  };
}

/** Prefetch operations by their encoding. Arm DDI 0487, PRFM. */
const PREFETCH_OPERATIONS = Array.from({ length: 32 }, (_, prfop) => {
  const type = ["pld", "pli", "pst"][prfop >> 3], target = (prfop >> 1) & 3;
  return type !== undefined && target < 3 ? `${type}l${target + 1}${prfop & 1 ? "strm" : "keep"}` : null;
});

const PREFETCH_NAME = keyword("immprfop", PREFETCH_OPERATIONS);
const PREFETCH: Operand = {
  print: (f) => PREFETCH_OPERATIONS[f.immprfop] ?? `#0x${f.immprfop.toString(16).padStart(2, "0")}`,
  parse(text, f, pc, labels) {
    const value = parseNumber(text);
    if (value === null) return PREFETCH_NAME.parse(text, f, pc, labels);
    return value >= 0 && value < 32 && put(f, "immprfop", value);
  },
};

function scaledOperands(): Record<string, Operand> {
  const scales: [string, Scale][] = [["R", byRegister], ["V", byVector]];
  for (const bytes of [1, 2, 4, 8, 16]) scales.push([`${bytes}`, () => bytes]);
  const result: Record<string, Operand> = {};
  for (const [name, scale] of scales) {
    result[`[Xn|SP+imm12*${name}]`] = offset(offsetField("imm12", 12, false), scale);
    result[`[Xn|SP+Rm*${name}]`] = registerOffset(scale);
    const imm7 = offsetField("imm7", 7, true);
    result[`[Xn|SP+imm7*${name}]`] = offset(imm7, scale);
    result[`[Xn|SP+imm7*${name}]!`] = preIndexed(imm7, scale);
    result[`#imm7*${name}`] = postIndexed(imm7, scale);
  }
  return result;
}

const IMM9 = offsetField("imm9", 9, true);

/** The operands of loads and stores by name. */
export const MEMORY_OPERANDS: Operands = {
  ...scaledOperands(),
  "[Xn|SP]": BASE,
  "[Xn|SP+imm9]": offset(IMM9, () => 1),
  "[Xn|SP+imm9]!": preIndexed(IMM9, () => 1),
  "#imm9": signedOperand("imm9", 9),
  "[Xn|SP+S:imm9*8]": offset(SPLIT, () => 8),
  "[Xn|SP+S:imm9*8]!": preIndexed(SPLIT, () => 8, true),
  "Vt:size": SCALAR_BY_SIZE,
  "Vt:opc": scalarByOpc("Rt"),
  "Vt2:opc": scalarByOpc("Rt2"),
  "Rs+1": nextRegister("Rs"),
  "Rt+1": nextRegister("Rt"),
  prfop: PREFETCH,
};
