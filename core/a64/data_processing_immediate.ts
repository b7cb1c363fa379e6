import type { Builder, Int } from "../engine/builder.ts";
import { decodeBitMasks, isReservedBitMask } from "./bit_masks.ts";
import { alias, type Fields, type Row, row } from "./row.ts";

/*
 * Data processing, immediate. Arm DDI 0487, section C4.1, "Data Processing -- Immediate".
 */

type Semantics<F> = (o: Builder, f: F) => void;

/** A 32- or 64-bit immediate by sf, from its signed halves. */
function immediate(o: Builder, sf: number, lo: number, hi: number): Int {
  return sf === 1 ? o.imm64(lo, hi) : o.wrap(o.imm(lo));
}

/** A shift amount, which is taken modulo 32 or 64. */
function amount(o: Builder, sf: number, value: number): Int {
  return o.imm16(value & (sf === 1 ? 63 : 31));
}

// PC-relative addressing

function adr(o: Builder, f: { immlo: number; immhi: number; Rd: number }): void {
  o.setX(f.Rd, o.pcPlus(offset21(f)));
}

function adrp(o: Builder, f: { immlo: number; immhi: number; Rd: number }): void {
  o.setX(f.Rd, o.pagePlus(offset21(f) * 4096));
}

function offset21(f: { immlo: number; immhi: number }): number {
  return (((f.immhi << 2) | f.immlo) << 11) >> 11;
}

// Add/subtract (immediate)

interface AddSubImmediate {
  readonly sf: number;
  readonly sh: number;
  readonly imm12: number;
  readonly Rn: number;
  /** Absent where the result is discarded. */
  readonly Rd?: number;
}

function imm12(o: Builder, f: AddSubImmediate): Int {
  if (f.sf === 1) return o.imm(f.sh === 1 ? f.imm12 * 4096 : f.imm12);
  return f.sh === 1 ? o.shl(o.imm16(f.imm12), o.i32(12)) : o.imm16(f.imm12);
}

function addSubImmediate(sub: boolean, setflags: boolean): Semantics<AddSubImmediate> {
  return (o, f) => {
    const operand1 = o.regsp(f.sf, f.Rn), operand2 = imm12(o, f);
    const result = sub ? o.sub(operand1, operand2) : o.add(operand1, operand2);
    if (!setflags) return o.setRegsp(f.Rd!, result);
    if (sub) o.setFlagsSub(operand1, operand2, result);
    else o.setFlagsAdd(operand1, operand2, result);
    if (f.Rd !== undefined) o.setReg(f.Rd, result);
  };
}

const add = addSubImmediate(false, false), adds = addSubImmediate(false, true);
const sub = addSubImmediate(true, false), subs = addSubImmediate(true, true);

/** MOV (to/from SP) is shown for ADD of 0 where one of the registers is SP. */
const isNotMovSp = (f: Fields): boolean => f.Rd !== 31 && f.Rn !== 31;

// Logical (immediate)

interface LogicalImmediate {
  readonly sf: number;
  readonly immN: number;
  readonly immr: number;
  readonly imms: number;
  readonly Rn: number;
  /** Absent where the result is discarded. */
  readonly Rd?: number;
}

function logicalImmediate(name: "and" | "or" | "xor", setflags: boolean): Semantics<LogicalImmediate> {
  return (o, f) => {
    const operand1 = o.reg(f.sf, f.Rn);
    const [lo, hi] = decodeBitMasks(f.immN, f.imms, f.immr);
    const result = o[name](operand1, immediate(o, f.sf, lo, hi));
    if (!setflags) return o.setRegsp(f.Rd!, result);
    o.setFlagsLogic(result);
    if (f.Rd !== undefined) o.setReg(f.Rd, result);
  };
}

const logical = {
  reserved: (f: Fields) => (f.sf === 0 && f.immN === 1) || isReservedBitMask(f.immN, f.imms),
};

/** Whether MOVZ or MOVN makes the value, so that ORR is not shown as MOV. Arm DDI 0487, MoveWidePreferred(). */
function moveWidePreferred(f: Fields): boolean {
  const [lo, hi] = decodeBitMasks(f.immN, f.imms, f.immr);
  const words = f.sf === 1 ? [lo, lo >>> 16, hi, hi >>> 16] : [lo, lo >>> 16];
  const count = (word: number): number => words.filter((w) => (w & 0xffff) === word).length;
  return Math.max(count(0), count(0xffff)) >= words.length - 1;
}

// Move wide (immediate)

interface MoveWide {
  readonly sf: number;
  readonly hw: number;
  readonly imm16: number;
  readonly Rd: number;
}

function moveWide(inverted: boolean): Semantics<MoveWide> {
  return (o, f) => {
    const part = f.imm16 << (16 * (f.hw & 1)), flip = inverted ? -1 : 0;
    const lo = (f.hw < 2 ? part : 0) ^ flip, hi = (f.hw < 2 ? 0 : part) ^ flip;
    o.setX(f.Rd, o.imm64(lo, f.sf === 1 ? hi : 0));
  };
}

function movk(o: Builder, f: MoveWide): void {
  const old = o.reg(f.sf, f.Rd), imm = o.imm16(f.imm16);
  if (f.sf === 0) {
    const kept = o.and(old, o.i32(~(0xffff << (16 * f.hw))));
    return o.setReg(f.Rd, o.or(kept, o.shl(imm, o.i32(16 * f.hw))));
  }
  const kept = o.and(old, o.i64(~(0xffffn << BigInt(16 * f.hw))));
  o.setReg(f.Rd, o.or(kept, o.shl(o.zeroExtend(imm), o.i64(16 * f.hw))));
}

const wide = { reserved: (f: Fields) => f.sf === 0 && f.hw > 1 };
/** Where `mov` is not shown: a zero that is shifted, reserved words, and what MOVZ would be taken for. */
const isNotMovz = (f: Fields): boolean => wide.reserved(f) || (f.imm16 === 0 && f.hw !== 0);
const isNotMovn = (f: Fields): boolean => isNotMovz(f) || (f.sf === 0 && f.imm16 === 0xffff);

// Bitfield

interface Bitfield {
  readonly sf: number;
  readonly immr: number;
  readonly imms: number;
  readonly Rn: number;
  readonly Rd: number;
}

/*
 * Bitfield moves are two shifts: the field's highest bit, imms, goes to the top of the register, and from there the
 * field goes down to its place. The second amount is taken modulo the width, which covers both the extracting
 * (imms >= immr) and the inserting (imms < immr) forms.
 */

function toTop(o: Builder, f: Bitfield): Int {
  return amount(o, f.sf, ~f.imms);
}

function fromTop(o: Builder, f: Bitfield): Int {
  return amount(o, f.sf, ~f.imms + f.immr);
}

function sbfm(o: Builder, f: Bitfield): void {
  const top = o.shl(o.reg(f.sf, f.Rn), toTop(o, f));
  o.setReg(f.Rd, o.shrS(top, fromTop(o, f)));
}

function ubfm(o: Builder, f: Bitfield): void {
  const top = o.shl(o.reg(f.sf, f.Rn), toTop(o, f));
  o.setReg(f.Rd, o.shrU(top, fromTop(o, f)));
}

/** The field is taken of the difference to the destination as it stands, so that XOR replaces just those bits. */
function bfm(o: Builder, f: Bitfield): void {
  const dst = o.reg(f.sf, f.Rd), src = o.reg(f.sf, f.Rn);
  const difference = o.xor(src, o.rotr(dst, amount(o, f.sf, -f.immr)));
  const field = o.shrU(o.shl(difference, toTop(o, f)), fromTop(o, f));
  o.setReg(f.Rd, o.xor(dst, field));
}

const bitfield = {
  reserved: (f: Fields) => f.N !== f.sf || (f.sf === 0 && (f.immr > 31 || f.imms > 31)),
};

interface Extension {
  readonly sf: number;
  readonly Rn: number;
  readonly Rd: number;
}

function sxt(bits: 8 | 16 | 32): Semantics<Extension> {
  return (o, f) => {
    if (bits === 32) return o.setX(f.Rd, o.signExtend(o.w(f.Rn)));
    const type = f.sf === 1 ? "i64" : "i32";
    o.setReg(f.Rd, o.op(`${type}.extend${bits}_s`, o.reg(f.sf, f.Rn)));
  };
}

function uxt(bits: 8 | 16): Semantics<{ Rn: number; Rd: number }> {
  return (o, f) => o.setW(f.Rd, o.and(o.w(f.Rn), o.i32(2 ** bits - 1)));
}

interface ShiftRight {
  readonly sf: number;
  readonly immr: number;
  readonly Rn: number;
  readonly Rd: number;
}

function asr(o: Builder, f: ShiftRight): void {
  o.setReg(f.Rd, o.shrS(o.reg(f.sf, f.Rn), o.imm16(f.immr)));
}

function lsr(o: Builder, f: ShiftRight): void {
  o.setReg(f.Rd, o.shrU(o.reg(f.sf, f.Rn), o.imm16(f.immr)));
}

/** Rows whose imms fixes the highest bit of the register, so that one shift does it; other words are SBFM or UBFM. */
const toHighestBit = {
  reserved: (f: Fields) => f.N !== f.sf || f.top !== f.sf || (f.sf === 0 && f.immr > 31),
};
const isWrongWidth = (f: Fields): boolean => f.N !== f.sf;
const isNotInsertion = (f: Fields): boolean => bitfield.reserved(f) || f.imms >= f.immr;
const isNotExtraction = (f: Fields): boolean => bitfield.reserved(f) || f.imms < f.immr;
const isNotLsl = (f: Fields): boolean => bitfield.reserved(f) || f.imms + 1 !== f.immr;

// Extract

function extr(o: Builder, f: { sf: number; Rm: number; imms: number; Rn: number; Rd: number }): void {
  const high = o.reg(f.sf, f.Rn), low = o.reg(f.sf, f.Rm);
  // Two shifts to the left, since by the whole width, where imms is 0, one would not shift at all.
  const upper = o.shl(o.shl(high, o.const(high, 1)), amount(o, f.sf, ~f.imms));
  o.setReg(f.Rd, o.or(upper, o.shrU(low, amount(o, f.sf, f.imms))));
}

const extract = { reserved: (f: Fields) => f.N !== f.sf || (f.sf === 0 && f.imms > 31) };
const isNotRor = (f: Fields): boolean => extract.reserved(f) || f.Rn !== f.Rm;

/** The rows of the group, in the Arm ARM's order; an alias follows what it renames. */
// deno-fmt-ignore
export const DATA_PROCESSING_IMMEDIATE: readonly Row[] = [
  // PC-rel. addressing
  row("ADR",  "0 immlo:2 10000 immhi:19 Rd:5", "adr Xd, label_adr",   adr),
  row("ADRP", "1 immlo:2 10000 immhi:19 Rd:5", "adrp Xd, label_adrp", adrp),

  // Add/subtract (immediate)
  row("ADD (immediate)",        "sf:1 00 100010 sh:1 imm12:12 Rn:5 Rd:5",        "add Rd|SP, Rn|SP, imm12, sh", add),
  alias("MOV (to/from SP)",     "sf:1 00 100010 0 000000000000 Rn:5 Rd:5",       "mov Rd|SP, Rn|SP", { reserved: isNotMovSp }),
  row("ADDS (immediate)",       "sf:1 01 100010 sh:1 imm12:12 Rn:5 Rd:5",        "adds Rd, Rn|SP, imm12, sh",   adds),
  row("CMN (immediate)",        "sf:1 01 100010 sh:1 imm12:12 Rn:5 11111",       "cmn Rn|SP, imm12, sh",        adds),
  row("SUB (immediate)",        "sf:1 10 100010 sh:1 imm12:12 Rn:5 Rd:5",        "sub Rd|SP, Rn|SP, imm12, sh", sub),
  row("SUBS (immediate)",       "sf:1 11 100010 sh:1 imm12:12 Rn:5 Rd:5",        "subs Rd, Rn|SP, imm12, sh",   subs),
  row("CMP (immediate)",        "sf:1 11 100010 sh:1 imm12:12 Rn:5 11111",       "cmp Rn|SP, imm12, sh",        subs),

  // Add/subtract (immediate, with tags): FEAT_MTE is not implemented
  // row("ADDG",                "1 0 0 100011 0 imm6:6 00 imm4:4 Rn:5 Rd:5"),
  // row("SUBG",                "1 1 0 100011 0 imm6:6 00 imm4:4 Rn:5 Rd:5"),

  // Logical (immediate)
  row("AND (immediate)",        "sf:1 00 100100 immN:1 immr:6 imms:6 Rn:5 Rd:5",  "and Rd|SP, Rn, bitmask", logicalImmediate("and", false), logical),
  row("ORR (immediate)",        "sf:1 01 100100 immN:1 immr:6 imms:6 Rn:5 Rd:5",  "orr Rd|SP, Rn, bitmask", logicalImmediate("or", false), logical),
  row("EOR (immediate)",        "sf:1 10 100100 immN:1 immr:6 imms:6 Rn:5 Rd:5",  "eor Rd|SP, Rn, bitmask", logicalImmediate("xor", false), logical),
  row("ANDS (immediate)",       "sf:1 11 100100 immN:1 immr:6 imms:6 Rn:5 Rd:5",  "ands Rd, Rn, bitmask",   logicalImmediate("and", true), logical),
  row("TST (immediate)",        "sf:1 11 100100 immN:1 immr:6 imms:6 Rn:5 11111", "tst Rn, bitmask",        logicalImmediate("and", true), logical),

  // Move wide (immediate)
  row("MOVN",                   "sf:1 00 100101 hw:2 imm16:16 Rd:5", "movn Rd, imm16, hw", moveWide(true), wide),
  row("MOVZ",                   "sf:1 10 100101 hw:2 imm16:16 Rd:5", "movz Rd, imm16, hw", moveWide(false), wide),
  alias("MOV (wide immediate)",     "sf:1 10 100101 hw:2 imm16:16 Rd:5", "mov Rd, movz", { reserved: isNotMovz }),
  alias("MOV (inverted wide immediate)", "sf:1 00 100101 hw:2 imm16:16 Rd:5", "mov Rd, movn", { reserved: isNotMovn }),
  alias("MOV (bitmask immediate)",
    "sf:1 01 100100 immN:1 immr:6 imms:6 11111 Rd:5", "mov Rd|SP, bitmask",
    { reserved: (f) => logical.reserved(f) || moveWidePreferred(f) }),
  row("MOVK",                   "sf:1 11 100101 hw:2 imm16:16 Rd:5", "movk Rd, imm16, hw", movk, wide),

  // Bitfield
  row("SBFM",            "sf:1 00 100110 N:1 immr:6 imms:6 Rn:5 Rd:5",      "sbfm Rd+N, Rn, immr, imms", sbfm, bitfield),
  row("ASR (immediate)", "sf:1 00 100110 N:1 immr:6 top:1 11111 Rn:5 Rd:5", "asr Rd+N, Rn, immr_top",   asr, toHighestBit),
  row("SXTB",            "sf:1 00 100110 N:1 000000 000111 Rn:5 Rd:5",      "sxtb Rd+N, Wn", sxt(8), { reserved: isWrongWidth }),
  row("SXTH",            "sf:1 00 100110 N:1 000000 001111 Rn:5 Rd:5",      "sxth Rd+N, Wn", sxt(16), { reserved: isWrongWidth }),
  row("SXTW",            "sf:1 00 100110 N:1 000000 011111 Rn:5 Rd:5",      "sxtw Rd+N, Wn", sxt(32), { reserved: (f) => f.sf === 0 || f.N === 0 }),
  alias("SBFIZ",         "sf:1 00 100110 N:1 immr:6 imms:6 Rn:5 Rd:5",      "sbfiz Rd+N, Rn, insert_lsb, insert_width", { reserved: isNotInsertion }),
  alias("SBFX",          "sf:1 00 100110 N:1 immr:6 imms:6 Rn:5 Rd:5",      "sbfx Rd+N, Rn, immr, extract_width", { reserved: isNotExtraction }),
  row("BFM",             "sf:1 01 100110 N:1 immr:6 imms:6 Rn:5 Rd:5",      "bfm Rd+N, Rn, immr, imms", bfm, bitfield),
  alias("BFC",           "sf:1 01 100110 N:1 immr:6 imms:6 11111 Rd:5",     "bfc Rd+N, insert_lsb, insert_width", { reserved: isNotInsertion }),
  alias("BFI",           "sf:1 01 100110 N:1 immr:6 imms:6 Rn:5 Rd:5",      "bfi Rd+N, Rn, insert_lsb, insert_width", { reserved: isNotInsertion }),
  alias("BFXIL",         "sf:1 01 100110 N:1 immr:6 imms:6 Rn:5 Rd:5",      "bfxil Rd+N, Rn, immr, extract_width", { reserved: isNotExtraction }),
  row("UBFM",            "sf:1 10 100110 N:1 immr:6 imms:6 Rn:5 Rd:5",      "ubfm Rd+N, Rn, immr, imms", ubfm, bitfield),
  row("LSR (immediate)", "sf:1 10 100110 N:1 immr:6 top:1 11111 Rn:5 Rd:5", "lsr Rd+N, Rn, immr_top",   lsr, toHighestBit),
  alias("LSL (immediate)", "sf:1 10 100110 N:1 immr:6 imms:6 Rn:5 Rd:5",    "lsl Rd+N, Rn, lsl_amount", { reserved: isNotLsl }),
  row("UXTB",            "0 10 100110 0 000000 000111 Rn:5 Rd:5",           "uxtb Wd, Wn", uxt(8)),
  row("UXTH",            "0 10 100110 0 000000 001111 Rn:5 Rd:5",           "uxth Wd, Wn", uxt(16)),
  alias("UBFIZ",         "sf:1 10 100110 N:1 immr:6 imms:6 Rn:5 Rd:5",      "ubfiz Rd+N, Rn, insert_lsb, insert_width",
    { reserved: (f) => isNotInsertion(f) || !isNotLsl(f) }),
  alias("UBFX",          "sf:1 10 100110 N:1 immr:6 imms:6 Rn:5 Rd:5",      "ubfx Rd+N, Rn, immr, extract_width", { reserved: isNotExtraction }),

  // Extract
  row("EXTR",              "sf:1 00 100111 N:1 0 Rm:5 imms:6 Rn:5 Rd:5", "extr Rd+N, Rn, Rm, imms", extr, extract),
  alias("ROR (immediate)", "sf:1 00 100111 N:1 0 Rm:5 imms:6 Rn:5 Rd:5", "ror Rd+N, Rn=Rm, imms", { reserved: isNotRor }),
];
