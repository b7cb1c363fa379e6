import type { Builder, V128 } from "../engine/builder.ts";
import { alias, group, type Row, row, type RowOptions, type Semantics } from "./row.ts";
import {
  andNot,
  choose,
  clamp,
  datasize,
  esize,
  evens,
  extend,
  greatest,
  lanes,
  type Narrowing,
  negative,
  ones,
  or,
  readV,
  setQC,
  shiftRightRounding,
  shiftRightU,
  writePart,
  writeV,
  xor,
} from "./simd_lanes.ts";

/** The fields of a shift by an immediate; immh gives the size, the bits below its highest one the amount. */
export interface ShiftImmediate {
  readonly Q: number;
  readonly size: number;
  readonly Rn: number;
  readonly Rd: number;
  /** The shift's field without the size: the left amount, or 2^n minus the right amount. */
  readonly amount: number;
}

type Meaning = (o: Builder, w: ShiftImmediate) => void;

const rightAmount = (w: ShiftImmediate): number => esize(w.size) - w.amount;

/** The right shift `a >> amount` of elements; SSHR, USHR and the rounding ones. */
function shiftRight(o: Builder, w: ShiftImmediate, unsigned: boolean, rounding: boolean, a: V128): V128 {
  const right = rightAmount(w);
  if (rounding) return shiftRightRounding(o, w.size, unsigned, a, o.imm16(right - 1));
  if (unsigned) return shiftRightU(o, w.size, a, o.imm16(right - 1));
  return lanes(o, w.size, "shr_s", a, o.imm16(Math.min(right, esize(w.size) - 1)));
}

/** What a vector or scalar shift does; `bits` is the width of the register. */
type Shift = (o: Builder, w: ShiftImmediate, bits: number) => V128;

export const right = (unsigned: boolean, rounding: boolean): Shift => (o, w) =>
  shiftRight(o, w, unsigned, rounding, o.v(w.Rn));

export const rightAccumulate = (unsigned: boolean, rounding: boolean): Shift => (o, w) =>
  lanes(o, w.size, "add", o.v(w.Rd), shiftRight(o, w, unsigned, rounding, o.v(w.Rn)));

/** SRI: the bits that the shift frees keep the destination's. */
export const rightInsert: Shift = (o, w) => {
  const amountLess1 = o.imm16(rightAmount(w) - 1);
  const mask = shiftRightU(o, w.size, ones(o), amountLess1);
  return choose(o, mask, shiftRightU(o, w.size, o.v(w.Rn), amountLess1), o.v(w.Rd));
};

export const left: Shift = (o, w) => lanes(o, w.size, "shl", o.v(w.Rn), o.imm16(w.amount));

/** SLI. */
export const leftInsert: Shift = (o, w) => {
  const amount = o.imm16(w.amount);
  const mask = lanes(o, w.size, "shl", ones(o), amount);
  return choose(o, mask, lanes(o, w.size, "shl", o.v(w.Rn), amount), o.v(w.Rd));
};

/** SQSHL, UQSHL, SQSHLU: what does not come back by the opposite shift has been lost. */
export const leftSaturating = (how: Narrowing): Shift => (o, w, bits) => {
  const a = readV(o, w.Rn, bits), amount = o.imm16(w.amount);
  const shifted = lanes(o, w.size, "shl", a, amount);
  const back = lanes(o, w.size, how === "signed" ? "shr_s" : "shr_u", shifted, amount);
  const lost = lanes(o, w.size, "ne", back, a);
  const isNegative = negative(o, w.size, a);
  switch (how) {
    case "signed":
      setQC(o, lost);
      return choose(o, lost, xor(o, isNegative, greatest(o, w.size)), shifted);
    case "unsigned":
      setQC(o, lost);
      return or(o, lost, shifted);
    default:
      setQC(o, or(o, lost, isNegative));
      return andNot(o, or(o, lost, shifted), isNegative);
  }
};

/** What a narrowing shift makes of elements twice as wide as w.size; SHRN, SQSHRN and so on. */
export function narrowRight(o: Builder, w: ShiftImmediate, how: Narrowing | null, rounding: boolean, a: V128): V128 {
  const wide = w.size + 1, unsigned = how === "unsigned" || how === null, amount = rightAmount(w);
  const shifted = rounding
    ? shiftRightRounding(o, wide, unsigned, a, o.imm16(amount - 1))
    : lanes(o, wide, unsigned ? "shr_u" : "shr_s", a, o.imm16(amount));
  const result = how ? clamp(o, w.size, how, shifted) : shifted;
  return evens(o, w.size, result, result);
}

const vector = (f: Shift): Meaning => (o, w) => writeV(o, w.Rd, datasize(w.Q), f(o, w, datasize(w.Q)));

const narrow = (how: Narrowing | null, rounding: boolean): Meaning => (o, w) =>
  writePart(o, w.Rd, w.Q, narrowRight(o, w, how, rounding, o.v(w.Rn)));

/** SSHLL, USHLL. */
const leftLong = (unsigned: boolean): Meaning => (o, w) => {
  const wide = extend(o, w.size, w.Q, unsigned, o.v(w.Rn));
  o.setV(w.Rd, lanes(o, w.size + 1, "shl", wide, o.imm16(w.amount)));
};

const HIGH_BITS = ["0001", "001", "01", "1"];

/**
 * A row for every element size of `sizes`, so that the amount is no part of the shape: the diagram's `immh:immb`
 * becomes immh's highest one and a field for the amount, and in the syntax N stands for the amount's width.
 */
export function shiftRows(
  name: string,
  diagram: string,
  syntax: (letter: string, amountWidth: number, size: number) => string,
  meaning: Meaning,
  sizes: readonly number[],
): Row[] {
  return sizes.map((size) => {
    const width = 3 + size, field = `imm${width}`;
    const semantics: Semantics = (o, f) => meaning(o, { Q: f.Q ?? 0, size, Rn: f.Rn, Rd: f.Rd, amount: f[field] });
    const options: RowOptions = size === 3 && diagram.includes("Q:1") ? { reserved: (f) => f.Q === 0 } : {};
    const asm = syntax("BHSD"[size], width, size);
    return row(name, diagram.replace("immh:immb", `${HIGH_BITS[size]} ${field}:${width}`), asm, semantics, options);
  });
}

const ALL = [0, 1, 2, 3], NARROW = [0, 1, 2];

const toRight = (mnemonic: string) => (T: string, n: number): string => `${mnemonic} Vd.${T}, Vn.${T}, right${n}`;
const toLeft = (mnemonic: string) => (T: string, n: number): string => `${mnemonic} Vd.${T}, Vn.${T}, left${n}`;
const WIDE = ["8H", "4S", "2D"];
const narrowing = (mnemonic: string) => (T: string, n: number, size: number): string =>
  `${mnemonic}{2} Vd.${T}, Vn.${WIDE[size]}, right${n}`;
const widening = (mnemonic: string) => (T: string, n: number, size: number): string =>
  `${mnemonic}{2} Vd.${WIDE[size]}, Vn.${T}, left${n}`;

/** Advanced SIMD shift by immediate, without fixed-point conversions. Arm DDI 0487, section C4.1. */
// deno-fmt-ignore
export const SIMD_SHIFT_IMMEDIATE = group({ trap: "fp" }, [
  ...shiftRows("SSHR",   "0 Q:1 0 011110 immh:immb 00000 1 Rn:5 Rd:5", toRight("sshr"),   vector(right(false, false)), ALL),
  ...shiftRows("USHR",   "0 Q:1 1 011110 immh:immb 00000 1 Rn:5 Rd:5", toRight("ushr"),   vector(right(true, false)), ALL),
  ...shiftRows("SSRA",   "0 Q:1 0 011110 immh:immb 00010 1 Rn:5 Rd:5", toRight("ssra"),   vector(rightAccumulate(false, false)), ALL),
  ...shiftRows("USRA",   "0 Q:1 1 011110 immh:immb 00010 1 Rn:5 Rd:5", toRight("usra"),   vector(rightAccumulate(true, false)), ALL),
  ...shiftRows("SRSHR",  "0 Q:1 0 011110 immh:immb 00100 1 Rn:5 Rd:5", toRight("srshr"),  vector(right(false, true)), ALL),
  ...shiftRows("URSHR",  "0 Q:1 1 011110 immh:immb 00100 1 Rn:5 Rd:5", toRight("urshr"),  vector(right(true, true)), ALL),
  ...shiftRows("SRSRA",  "0 Q:1 0 011110 immh:immb 00110 1 Rn:5 Rd:5", toRight("srsra"),  vector(rightAccumulate(false, true)), ALL),
  ...shiftRows("URSRA",  "0 Q:1 1 011110 immh:immb 00110 1 Rn:5 Rd:5", toRight("ursra"),  vector(rightAccumulate(true, true)), ALL),
  ...shiftRows("SRI",    "0 Q:1 1 011110 immh:immb 01000 1 Rn:5 Rd:5", toRight("sri"),    vector(rightInsert), ALL),
  ...shiftRows("SHL",    "0 Q:1 0 011110 immh:immb 01010 1 Rn:5 Rd:5", toLeft("shl"),     vector(left), ALL),
  ...shiftRows("SLI",    "0 Q:1 1 011110 immh:immb 01010 1 Rn:5 Rd:5", toLeft("sli"),     vector(leftInsert), ALL),
  ...shiftRows("SQSHLU", "0 Q:1 1 011110 immh:immb 01100 1 Rn:5 Rd:5", toLeft("sqshlu"),  vector(leftSaturating("signed to unsigned")), ALL),
  ...shiftRows("SQSHL (immediate)", "0 Q:1 0 011110 immh:immb 01110 1 Rn:5 Rd:5", toLeft("sqshl"), vector(leftSaturating("signed")), ALL),
  ...shiftRows("UQSHL (immediate)", "0 Q:1 1 011110 immh:immb 01110 1 Rn:5 Rd:5", toLeft("uqshl"), vector(leftSaturating("unsigned")), ALL),
  ...shiftRows("SHRN, SHRN2",         "0 Q:1 0 011110 immh:immb 10000 1 Rn:5 Rd:5", narrowing("shrn"),     narrow(null, false), NARROW),
  ...shiftRows("SQSHRUN, SQSHRUN2",   "0 Q:1 1 011110 immh:immb 10000 1 Rn:5 Rd:5", narrowing("sqshrun"),  narrow("signed to unsigned", false), NARROW),
  ...shiftRows("RSHRN, RSHRN2",       "0 Q:1 0 011110 immh:immb 10001 1 Rn:5 Rd:5", narrowing("rshrn"),    narrow(null, true), NARROW),
  ...shiftRows("SQRSHRUN, SQRSHRUN2", "0 Q:1 1 011110 immh:immb 10001 1 Rn:5 Rd:5", narrowing("sqrshrun"), narrow("signed to unsigned", true), NARROW),
  ...shiftRows("SQSHRN, SQSHRN2",     "0 Q:1 0 011110 immh:immb 10010 1 Rn:5 Rd:5", narrowing("sqshrn"),   narrow("signed", false), NARROW),
  ...shiftRows("UQSHRN, UQSHRN2",     "0 Q:1 1 011110 immh:immb 10010 1 Rn:5 Rd:5", narrowing("uqshrn"),   narrow("unsigned", false), NARROW),
  ...shiftRows("SQRSHRN, SQRSHRN2",   "0 Q:1 0 011110 immh:immb 10011 1 Rn:5 Rd:5", narrowing("sqrshrn"),  narrow("signed", true), NARROW),
  ...shiftRows("UQRSHRN, UQRSHRN2",   "0 Q:1 1 011110 immh:immb 10011 1 Rn:5 Rd:5", narrowing("uqrshrn"),  narrow("unsigned", true), NARROW),
  ...shiftRows("SSHLL, SSHLL2",       "0 Q:1 0 011110 immh:immb 10100 1 Rn:5 Rd:5", widening("sshll"),     leftLong(false), NARROW),
  ...shiftRows("USHLL, USHLL2",       "0 Q:1 1 011110 immh:immb 10100 1 Rn:5 Rd:5", widening("ushll"),     leftLong(true), NARROW),
  alias("SXTL, SXTL2", "0 Q:1 0 011110 0001 000 10100 1 Rn:5 Rd:5",   "sxtl{2} Vd.8H, Vn.B"),
  alias("SXTL, SXTL2", "0 Q:1 0 011110 001 0000 10100 1 Rn:5 Rd:5",   "sxtl{2} Vd.4S, Vn.H"),
  alias("SXTL, SXTL2", "0 Q:1 0 011110 01 00000 10100 1 Rn:5 Rd:5",   "sxtl{2} Vd.2D, Vn.S"),
  alias("UXTL, UXTL2", "0 Q:1 1 011110 0001 000 10100 1 Rn:5 Rd:5",   "uxtl{2} Vd.8H, Vn.B"),
  alias("UXTL, UXTL2", "0 Q:1 1 011110 001 0000 10100 1 Rn:5 Rd:5",   "uxtl{2} Vd.4S, Vn.H"),
  alias("UXTL, UXTL2", "0 Q:1 1 011110 01 00000 10100 1 Rn:5 Rd:5",   "uxtl{2} Vd.2D, Vn.S"),
]);
