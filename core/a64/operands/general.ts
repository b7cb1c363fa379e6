import type { Operand, Operands } from "../operand.ts";
import type { Fields } from "../row.ts";

/*
 * Operands that many classes share. Names, for every field suffix d n m a t t2 s:
 *   Xd Wd Rd           register 31 is the zero register; R is W or X by the field sf
 *   Xd|SP Wd|SP Rd|SP  register 31 is the stack pointer
 *   Xm<31              a register that is not number 31
 *   Rn=Rm Xn=Xm Wn=Wm  one operand that stands in two fields (CINC, CNEG, ROR (immediate))
 *   imm3 ... imm16     the field as #0x..      cond, cond_inverted   a condition
 *   nzcv, immnzcv      #0x..                   sh, hw                optional lsl #12, lsl #16..48
 *   label26 label19 label14 label_adr label_adrp   an address from imm26, imm19, imm14, immhi:immlo
 *   shift, shift_ror   optional shift by the fields shift and imm6, without and with ror
 *   Rm|option, extend, extend_s   extended register: width by the field option, then the extension of imm3
 *   Rt|b5, bit         TBZ: register by b5, bit number b5:b40 (the second field b40 or immb40)
 */

/** Sets a field, or says false when an operand to the left gave it another value. */
export function put(f: Fields, name: string, value: number): boolean {
  if (f[name] !== undefined && f[name] !== value) return false;
  f[name] = value;
  return true;
}

/** The value of `#1`, `#0x1f`, `#-8`, with or without the `#`, or null when the text is something else. */
export function parseInteger(text: string): bigint | null {
  const match = /^#?\s*([+-]?)\s*(0x[0-9a-f]+|0b[01]+|0|[1-9]\d*)$/.exec(text);
  if (!match) return null;
  const magnitude = BigInt(match[2]);
  return match[1] === "-" ? -magnitude : magnitude;
}

/** Like {@link parseInteger} for values that are safe integers; null for all others. */
export function parseNumber(text: string): number | null {
  const value = parseInteger(text);
  if (value === null) return null;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : null;
}

/** `#0x..`, with a minus sign in front of the digits where the value is negative. */
export function hex(value: number | bigint): string {
  return value < 0 ? `#-0x${(-value).toString(16)}` : `#0x${value.toString(16)}`;
}

/** An operand of one unsigned field, in steps of `scale`, written `#0x..` or, with `radix` 10, `#12`. */
export function unsigned(field: string, width: number, { scale = 1, radix = 16 } = {}): Operand {
  return {
    print: (f) => radix === 16 ? hex(f[field] * scale) : `#${f[field] * scale}`,
    parse(text, f) {
      const value = parseNumber(text);
      if (value === null || value < 0 || value % scale !== 0 || value / scale >= 2 ** width) return false;
      return put(f, field, value / scale);
    },
  };
}

/** An operand of one two's-complement field, in steps of `scale`, written `#-8` or `#12`. */
export function signed(field: string, width: number, { scale = 1 } = {}): Operand {
  const half = 2 ** (width - 1);
  return {
    print: (f) => `#${(f[field] >= half ? f[field] - 2 * half : f[field]) * scale}`,
    parse(text, f) {
      const value = parseNumber(text);
      if (value === null || value % scale !== 0 || value / scale < -half || value / scale >= half) return false;
      return put(f, field, value < 0 ? value / scale + 2 * half : value / scale);
    },
  };
}

/** An operand with a fixed set of spellings for the values of one field; `null` has no spelling. */
export function keyword(field: string, names: readonly (string | null)[]): Operand {
  return {
    print: (f) => names[f[field]] ?? `#${f[field]}`,
    parse(text, f) {
      const value = names.indexOf(text);
      return value >= 0 && put(f, field, value);
    },
  };
}

/** The name of a general-purpose register. */
export function registerName(is64: boolean, n: number, isSp: boolean): string {
  if (n !== 31) return `${is64 ? "x" : "w"}${n}`;
  return isSp ? (is64 ? "sp" : "wsp") : is64 ? "xzr" : "wzr";
}

const REGISTER_ALIASES: Readonly<Record<string, string>> = { lr: "x30", fp: "x29", ip0: "x16", ip1: "x17" };

/** The register that the text names, or null: `n` is 31 for SP and for the zero register. */
export function parseRegister(text: string): { is64: boolean; n: number; isSp: boolean } | null {
  if (text === "sp" || text === "wsp") return { is64: text === "sp", n: 31, isSp: true };
  if (text === "xzr" || text === "wzr") return { is64: text === "xzr", n: 31, isSp: false };
  const match = /^([xw])(\d|[12]\d|30)$/.exec(REGISTER_ALIASES[text] ?? text);
  return match && { is64: match[1] === "x", n: Number(match[2]), isSp: false };
}

/**
 * A register operand in `field`, which stands also in `twin` if that is given.
 * @param width "x", "w", or how the width follows from the fields and is put into them.
 */
export function register(field: string, width: "x" | "w" | WidthField, isSp = false, twin?: string): Operand {
  const is64 = (f: Fields): boolean => typeof width === "string" ? width === "x" : width.is64(f);
  return {
    print: (f) => registerName(is64(f), f[field], isSp),
    parse(text, f) {
      const r = parseRegister(text);
      if (!r || (r.n === 31 && r.isSp !== isSp)) return false;
      if (typeof width === "string" ? r.is64 !== (width === "x") : !width.put(f, r.is64)) return false;
      return put(f, field, r.n) && (twin === undefined || put(f, twin, r.n));
    },
  };
}

/** How the width of a register stands in the fields. */
export interface WidthField {
  is64(f: Fields): boolean;
  put(f: Fields, is64: boolean): boolean;
}

/** The register is X where a one-bit field is 1. */
export function widthBy(field: string): WidthField {
  return { is64: (f) => f[field] === 1, put: (f, is64) => put(f, field, is64 ? 1 : 0) };
}

const BY_SF = widthBy("sf");

function registerOperands(): Record<string, Operand> {
  const result: Record<string, Operand> = {};
  for (const suffix of ["d", "n", "m", "a", "t", "t2", "s"]) {
    const field = `R${suffix}`;
    for (const [letter, width] of [["X", "x"], ["W", "w"], ["R", BY_SF]] as const) {
      result[`${letter}${suffix}`] = register(field, width);
      result[`${letter}${suffix}|SP`] = register(field, width, true);
    }
  }
  for (const [letter, width] of [["X", "x"], ["W", "w"], ["R", BY_SF]] as const) {
    result[`${letter}n=${letter}m`] = register("Rn", width, false, "Rm");
  }
  return result;
}

const NOT_ZERO_REGISTER: Operand = {
  print: (f) => registerName(true, f.Rm, false),
  parse(text, f) {
    const r = parseRegister(text);
    return r !== null && r.is64 && r.n !== 31 && put(f, "Rm", r.n);
  },
};

function immediateOperands(): Record<string, Operand> {
  const result: Record<string, Operand> = {};
  for (let width = 1; width <= 16; width++) result[`imm${width}`] = unsigned(`imm${width}`, width);
  return result;
}

/** The conditions by their encoding, as they are printed. */
// deno-fmt-ignore
export const CONDITIONS: readonly string[] = [
  "eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv",
];

/** The encoding of a condition's name, or -1. */
export function parseCondition(text: string): number {
  return text === "hs" ? 2 : text === "lo" ? 3 : CONDITIONS.indexOf(text);
}

function condition(inverted: number): Operand {
  return {
    print: (f) => CONDITIONS[f.cond ^ inverted],
    parse(text, f) {
      const value = parseCondition(text);
      return value >= 0 && (value < 14 || inverted === 0) && put(f, "cond", value ^ inverted);
    },
  };
}

/** The value of an address operand: a number or a label; null when it is neither. */
export function parseAddress(text: string, labels: ReadonlyMap<string, bigint>): bigint | null {
  return parseInteger(text) ?? labels.get(text) ?? null;
}

function signExtend(value: number, width: number): number {
  return value >= 2 ** (width - 1) ? value - 2 ** width : value;
}

/** The text of an address operand: 64 bits in hexadecimal. */
export function printAddress(address: bigint): string {
  return `0x${BigInt.asUintN(64, address).toString(16)}`;
}

/** A PC-relative address in units of four bytes. */
function wordLabel(field: string, width: number): Operand {
  return {
    print: (f, pc) => printAddress(pc + BigInt(signExtend(f[field], width) * 4)),
    parse(text, f, pc, labels) {
      const address = parseAddress(text, labels);
      if (address === null) return false;
      const offset = BigInt.asIntN(64, address - pc);
      if (offset % 4n !== 0n || BigInt.asIntN(width + 2, offset) !== offset) return false;
      return put(f, field, Number(BigInt.asUintN(width, offset / 4n)));
    },
  };
}

/** A PC-relative address in immhi:immlo, in bytes (ADR) or pages of 4 KiB (ADRP). */
function adrLabel(shift: bigint): Operand {
  const base = (pc: bigint): bigint => (pc >> shift) << shift;
  return {
    print: (f, pc) => printAddress(base(pc) + (BigInt(signExtend(f.immhi * 4 + f.immlo, 21)) << shift)),
    parse(text, f, pc, labels) {
      const address = parseAddress(text, labels);
      if (address === null) return false;
      const offset = BigInt.asIntN(64, base(address) - base(pc)) >> shift;
      if (BigInt.asIntN(21, offset) !== offset) return false;
      const bits = Number(BigInt.asUintN(21, offset));
      return put(f, "immhi", bits >> 2) && put(f, "immlo", bits & 3);
    },
  };
}

/** Splits `lsl #3` into its word and amount; the amount is 0 where none is written, null where it is nonsense. */
export function parseShift(text: string): { word: string; amount: number | null; hasAmount: boolean } | null {
  const match = /^([a-z]+)\s*(.*)$/.exec(text);
  if (!match) return null;
  return { word: match[1], amount: match[2] === "" ? 0 : parseNumber(match[2]), hasAmount: match[2] !== "" };
}

const SHIFTS: readonly string[] = ["lsl", "lsr", "asr", "ror"];

/** A shift of a register by the fields shift and imm6, left out when it is lsl #0. */
function shiftOperand(count: number): Operand {
  return {
    print: (f) => f.shift === 0 && f.imm6 === 0 ? "" : `${SHIFTS[f.shift]} #${f.imm6}`,
    parse(text, f) {
      if (text === "") return put(f, "shift", 0) && put(f, "imm6", 0);
      const shift = parseShift(text);
      if (!shift?.hasAmount || shift.amount === null) return false;
      const kind = SHIFTS.indexOf(shift.word);
      if (kind < 0 || kind >= count || shift.amount < 0 || shift.amount > 63) return false;
      return (f.sf !== 0 || shift.amount < 32) && put(f, "shift", kind) && put(f, "imm6", shift.amount);
    },
  };
}

/** A left shift by `step` times a field, left out when it is 0: `lsl #12`. */
export function leftShift(field: string, step: number, count: number): Operand {
  return {
    print: (f) => f[field] === 0 ? "" : `lsl #${f[field] * step}`,
    parse(text, f) {
      if (text === "") return f.isShifted === 1 || put(f, field, 0);
      const shift = parseShift(text);
      if (f.isShifted === 1 || shift?.word !== "lsl" || !shift.hasAmount || shift.amount === null) return false;
      const value = shift.amount / step;
      if (!Number.isInteger(value) || value < 0 || value >= count) return false;
      return (field !== "hw" || f.sf !== 0 || value < 2) && put(f, field, value);
    },
  };
}

/** The immediate of ADD: one above 4095 that is a multiple of 4096 stands for its upper part and the shift in sh. */
const ADD_IMMEDIATE: Operand = {
  print: (f) => hex(f.imm12),
  parse(text, f) {
    const value = parseNumber(text);
    if (value === null || value < 0 || value > 0xfff000 || (value > 0xfff && value % 4096 !== 0)) return false;
    if (value <= 0xfff) return put(f, "imm12", value);
    f.isShifted = 1;
    return put(f, "imm12", value / 4096) && put(f, "sh", 1);
  },
};

/** The extensions by the field option. */
export const EXTENDS: readonly string[] = ["uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx"];

/**
 * The extension of an extended register, by option and imm3. Where a stack pointer is an operand, the extension that
 * changes nothing is written lsl, or left out when its amount is 0. Arm DDI 0487, ADD (extended register).
 */
function extendOperand(rdIsSp: boolean): Operand {
  const plain = (f: Fields): number => f.sf === 0 ? 2 : 3;
  const hasSp = (f: Fields): boolean => f.Rn === 31 || (rdIsSp && f.Rd === 31);
  return {
    print(f) {
      if (hasSp(f) && f.option === plain(f)) return f.imm3 === 0 ? "" : `lsl #${f.imm3}`;
      return f.imm3 === 0 ? EXTENDS[f.option] : `${EXTENDS[f.option]} #${f.imm3}`;
    },
    parse(text, f) {
      if (text === "") return hasSp(f) && put(f, "imm3", 0) && putOption(f, plain(f));
      const shift = parseShift(text);
      if (!shift || shift.amount === null || shift.amount < 0 || shift.amount > 4) return false;
      const option = shift.word === "lsl" ? plain(f) : EXTENDS.indexOf(shift.word);
      if (option < 0 || (shift.word === "lsl" && !hasSp(f))) return false;
      return put(f, "imm3", shift.amount) && putOption(f, option);
    },
  };
}

/** The register of an extended register is X for the 64-bit variant with an extension from 64 bits, else W. */
function isExtendedX(f: Fields, option: number): boolean {
  return f.sf !== 0 && (option & 3) === 3;
}

/** Sets option, which must agree with the width of the register in `Rm|option`. */
function putOption(f: Fields, option: number): boolean {
  f.option = option;
  return f.isExtendedX === (isExtendedX(f, option) ? 1 : 0);
}

const EXTENDED_REGISTER: Operand = {
  print: (f) => registerName(isExtendedX(f, f.option), f.Rm, false),
  parse(text, f) {
    const r = parseRegister(text);
    if (!r || r.isSp) return false;
    return put(f, "isExtendedX", r.is64 ? 1 : 0) && put(f, "Rm", r.n);
  },
};

/** The bit number of TBZ: b5 is its highest bit and fixes the register's least width. */
const BIT: Operand = {
  print: (f) => `#${f.b5 * 32 + (f.b40 ?? f.immb40)}`,
  parse(text, f) {
    const value = parseNumber(text);
    if (value === null || value < 0 || value > 63 || (value > 31 && f.isW === 1)) return false;
    f.b5 = value >> 5;
    f.b40 = f.immb40 = value & 31;
    return true;
  },
};

const TEST_REGISTER: Operand = {
  print: (f) => registerName(f.b5 === 1, f.Rt, false),
  parse(text, f) {
    const r = parseRegister(text);
    if (!r || r.isSp) return false;
    return put(f, "isW", r.is64 ? 0 : 1) && put(f, "Rt", r.n);
  },
};

/** The operands of this file by name. */
export const GENERAL_OPERANDS: Operands = {
  ...registerOperands(),
  ...immediateOperands(),
  imm12: ADD_IMMEDIATE,
  nzcv: unsigned("nzcv", 4),
  immnzcv: unsigned("immnzcv", 4),
  cond: condition(0),
  cond_inverted: condition(1),
  label26: wordLabel("imm26", 26),
  label19: wordLabel("imm19", 19),
  label14: wordLabel("imm14", 14),
  label_adr: adrLabel(0n),
  label_adrp: adrLabel(12n),
  shift: shiftOperand(3),
  shift_ror: shiftOperand(4),
  sh: leftShift("sh", 12, 2),
  hw: leftShift("hw", 16, 4),
  "Xm<31": NOT_ZERO_REGISTER,
  "Rm|option": EXTENDED_REGISTER,
  extend: extendOperand(true),
  extend_s: extendOperand(false),
  "Rt|b5": TEST_REGISTER,
  bit: BIT,
};
