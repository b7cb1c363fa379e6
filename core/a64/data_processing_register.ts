import type { Builder, I32, I64, Int } from "../engine/builder.ts";
import { type Crc, crc32, crc32Doubleword } from "./crc32.ts";
import { addPac, addPacga, authenticate, type PauthKey, strip } from "./pointer_authentication.ts";
import { alias, type Fields, group, type Row, row } from "./row.ts";

/*
 * Data processing, register. Arm DDI 0487, section C4.1, "Data Processing -- Register".
 *
 * Where a register or a shift is fixed at the value that does nothing, as in MOV, CMP or an unshifted ADD, a row of its
 * own with the same meaning saves the interpreter that work; the field is then absent.
 */

type Meaning<F> = (o: Builder, f: F) => void;

interface Registers {
  readonly sf: number;
  readonly Rm: number;
  readonly Rn: number;
  readonly Rd: number;
}

// Data-processing (2 source)

/** 0 where the divisor is 0. */
function udiv(o: Builder, f: Registers): void {
  const dividend = o.reg(f.sf, f.Rn), divisor = o.reg(f.sf, f.Rm);
  const quotient = o.variable(divisor);
  o.if(o.eqz(o.eqz(divisor)), () => {
    o.assign(quotient, o.op(f.sf === 1 ? "i64.div_u" : "i32.div_u", dividend, divisor));
  });
  o.setReg(f.Rd, quotient);
}

/** For the divisors 0 and -1, for which WebAssembly may trap, the quotient is the product. */
function sdiv(o: Builder, f: Registers): void {
  const dividend = o.reg(f.sf, f.Rn), divisor = o.reg(f.sf, f.Rm);
  const quotient = o.variable(o.mul(dividend, divisor));
  o.if(o.gtU(o.add(divisor, o.const(divisor, 1)), o.const(divisor, 1)), () => {
    o.assign(quotient, o.op(f.sf === 1 ? "i64.div_s" : "i32.div_s", dividend, divisor));
  });
  o.setReg(f.Rd, quotient);
}

function shiftVariable(name: "shl" | "shrU" | "shrS" | "rotr"): Meaning<Registers> {
  return (o, f) => o.setReg(f.Rd, o[name](o.reg(f.sf, f.Rn), o.reg(f.sf, f.Rm)));
}

function crc(kind: Crc, bytes: 1 | 2 | 4 | 8): Meaning<Omit<Registers, "sf">> {
  return (o, f) => {
    const accumulator = o.w(f.Rn);
    if (bytes === 8) return o.setW(f.Rd, crc32Doubleword(o, kind, accumulator, o.x(f.Rm)));
    o.setW(f.Rd, crc32(o, kind, accumulator, o.w(f.Rm), bytes));
  };
}

function pacga(o: Builder, f: { Rm: number; Rn: number; Rd: number }): void {
  o.setX(f.Rd, addPacga(o, o.x(f.Rn), o.xsp(f.Rm)));
}

// Data-processing (1 source)

interface OneSource {
  readonly sf: number;
  readonly Rn: number;
  readonly Rd: number;
}

/** The bytes in reverse order within each container of that many bytes. */
function reverseBytes(o: Builder, value: Int, container: number): Int {
  const lanes = Array.from({ length: 16 }, (_, i) => i ^ (container - 1));
  if (value.type === "i32") {
    const v = o.op("i32x4.splat", value);
    return o.lane("i32x4.extract_lane", 0, o.shuffle(v, v, lanes));
  }
  const v = o.op("i64x2.splat", value);
  return o.lane("i64x2.extract_lane", 0, o.shuffle(v, v, lanes));
}

function rev16(o: Builder, f: OneSource): void {
  o.setReg(f.Rd, reverseBytes(o, o.reg(f.sf, f.Rn), 2));
}

function revW(o: Builder, f: { Rn: number; Rd: number }): void {
  o.setReg(f.Rd, reverseBytes(o, o.w(f.Rn), 4));
}

function revX(container: 4 | 8): Meaning<{ Rn: number; Rd: number }> {
  return (o, f) => o.setReg(f.Rd, reverseBytes(o, o.x(f.Rn), container));
}

/** For each value of four bits the bits reversed; as two tables, which put them low and high in a byte. */
const NIBBLES_LOW = { lo: 0x0e060a020c040800n, hi: 0x0f070b030d050901n };
const NIBBLES_HIGH = { lo: NIBBLES_LOW.lo << 4n, hi: NIBBLES_LOW.hi << 4n };

function rbit(o: Builder, f: OneSource): void {
  const source = o.reg(f.sf, f.Rn), is64 = f.sf === 1;
  const bytes = o.op(is64 ? "i64x2.splat" : "i32x4.splat", reverseBytes(o, source, is64 ? 8 : 4));
  const low = o.op("v128.and", bytes, o.op("i8x16.splat", o.i32(15)));
  const high = o.op("i8x16.shr_u", bytes, o.i32(4));
  const reversed = o.op(
    "v128.or",
    o.op("i8x16.swizzle", o.v128(NIBBLES_HIGH.lo, NIBBLES_HIGH.hi), low),
    o.op("i8x16.swizzle", o.v128(NIBBLES_LOW.lo, NIBBLES_LOW.hi), high),
  );
  o.setReg(f.Rd, is64 ? o.lane("i64x2.extract_lane", 0, reversed) : o.lane("i32x4.extract_lane", 0, reversed));
}

function clz(o: Builder, f: OneSource): void {
  o.setReg(f.Rd, o.clz(o.reg(f.sf, f.Rn)));
}

/** The bits that differ from their neighbour above, of which there is always one fewer than leading sign bits. */
function cls(o: Builder, f: OneSource): void {
  const source = o.reg(f.sf, f.Rn), one = o.const(source, 1);
  o.setReg(f.Rd, o.sub(o.clz(o.xor(source, o.shrS(source, one))), one));
}

type PointerWithModifier = { readonly Rn: number; readonly Rd: number };
type Sign = (o: Builder, pointer: I64, modifier: I64, key: PauthKey) => I64;

function signPointer(sign: Sign, key: PauthKey): Meaning<PointerWithModifier> {
  return (o, f) => {
    const pointer = o.x(f.Rd), modifier = o.xsp(f.Rn);
    o.setX(f.Rd, sign(o, pointer, modifier, key));
  };
}

function signPointerZero(sign: Sign, key: PauthKey): Meaning<{ readonly Rd: number }> {
  return (o, f) => o.setX(f.Rd, sign(o, o.x(f.Rd), o.i64(0), key));
}

function xpac(isData: boolean): Meaning<{ readonly Rd: number }> {
  return (o, f) => o.setX(f.Rd, strip(o, o.x(f.Rd), isData));
}

// Logical and add/subtract (shifted register)

interface Shifted {
  readonly sf: number;
  readonly Rm: number;
  /** Absent where the register is not shifted. */
  readonly shift?: number;
  readonly imm6?: number;
  /** Absent where the first operand is the zero register. */
  readonly Rn?: number;
  /** Absent where the result is discarded. */
  readonly Rd?: number;
}

const SHIFTS = ["shl", "shrU", "shrS", "rotr"] as const;

/** Arm DDI 0487, ShiftReg(). */
function shiftReg(o: Builder, f: Shifted): Int {
  const value = o.reg(f.sf, f.Rm);
  return f.imm6 === undefined ? value : o[SHIFTS[f.shift!]](value, o.imm16(f.imm6));
}

function logicalShifted(name: "and" | "or" | "xor", isInverted: boolean, setflags: boolean): Meaning<Shifted> {
  return (o, f) => {
    const operand1 = f.Rn === undefined ? null : o.reg(f.sf, f.Rn);
    const shifted = shiftReg(o, f);
    const operand2 = isInverted ? o.not(shifted) : shifted;
    const result = operand1 ? o[name](operand1, operand2) : operand2;
    if (setflags) o.setFlagsLogic(result);
    if (f.Rd !== undefined) o.setReg(f.Rd, result);
  };
}

const and = logicalShifted("and", false, false), bic = logicalShifted("and", true, false);
const orr = logicalShifted("or", false, false), orn = logicalShifted("or", true, false);
const eor = logicalShifted("xor", false, false), eon = logicalShifted("xor", true, false);
const ands = logicalShifted("and", false, true), bics = logicalShifted("and", true, true);

function addSub(sub: boolean, setflags: boolean, o: Builder, operand1: Int, operand2: Int): Int {
  const result = sub ? o.sub(operand1, operand2) : o.add(operand1, operand2);
  if (setflags && sub) o.setFlagsSub(operand1, operand2, result);
  else if (setflags) o.setFlagsAdd(operand1, operand2, result);
  return result;
}

function addSubShifted(sub: boolean, setflags: boolean): Meaning<Shifted & { readonly Rn: number }> {
  return (o, f) => {
    const operand1 = o.reg(f.sf, f.Rn);
    const result = addSub(sub, setflags, o, operand1, shiftReg(o, f));
    if (f.Rd !== undefined) o.setReg(f.Rd, result);
  };
}

const add = addSubShifted(false, false), adds = addSubShifted(false, true);
const sub = addSubShifted(true, false), subs = addSubShifted(true, true);

const shiftedLogical = { reserved: (f: Fields) => f.sf === 0 && f.imm6 > 31 };
const shiftedArithmetic = { reserved: (f: Fields) => f.shift === 3 || (f.sf === 0 && f.imm6 > 31) };
const negs = { reserved: (f: Fields) => f.Rd === 31 || shiftedArithmetic.reserved(f) };
const negsPlain = { reserved: (f: Fields) => f.Rd === 31 };

// Add/subtract (extended register)

interface Extended {
  readonly sf: number;
  readonly Rm: number;
  readonly option: number;
  readonly imm3: number;
  readonly Rn: number;
  /** Absent where the result is discarded. */
  readonly Rd?: number;
}

/** Arm DDI 0487, ExtendReg(). */
function extendReg(o: Builder, f: Extended): Int {
  const isSigned = f.option > 3, bytes = 1 << (f.option & 3);
  const amount = o.imm16(f.imm3);
  if (f.sf === 0) {
    const value = o.w(f.Rm);
    return o.shl(
      bytes > 2 ? value : isSigned ? extendSigned(o, value, bytes) : extendUnsigned(o, value, bytes),
      amount,
    );
  }
  if (bytes === 8) return o.shl(o.x(f.Rm), amount);
  const value = o.w(f.Rm);
  if (!isSigned) return o.shl(o.zeroExtend(bytes === 4 ? value : extendUnsigned(o, value, bytes)), amount);
  return o.shl(o.signExtend(bytes === 4 ? value : extendSigned(o, value, bytes)), amount);
}

function extendUnsigned(o: Builder, value: I32, bytes: number): I32 {
  return o.and(value, o.i32(2 ** (8 * bytes) - 1));
}

function extendSigned(o: Builder, value: I32, bytes: number): I32 {
  return o.op(bytes === 1 ? "i32.extend8_s" : "i32.extend16_s", value);
}

function addSubExtended(sub: boolean, setflags: boolean): Meaning<Extended> {
  return (o, f) => {
    const operand1 = o.regsp(f.sf, f.Rn);
    const result = addSub(sub, setflags, o, operand1, extendReg(o, f));
    if (!setflags) return o.setRegsp(f.Rd!, result);
    if (f.Rd !== undefined) o.setReg(f.Rd, result);
  };
}

const extended = { reserved: (f: Fields) => f.imm3 > 4 };

// Add/subtract (with carry)

function addSubCarry(sub: boolean, setflags: boolean): Meaning<Registers> {
  return (o, f) => {
    const operand1 = o.reg(f.sf, f.Rn), register = o.reg(f.sf, f.Rm);
    const operand2 = sub ? o.not(register) : register;
    const carry = o.carry();
    const result = o.add(o.add(operand1, operand2), f.sf === 1 ? o.zeroExtend(carry) : carry);
    if (setflags) o.setFlagsAdc(operand1, operand2, carry, result);
    o.setReg(f.Rd, result);
  };
}

// Rotate right into flags, evaluate into flags

function rmif(o: Builder, f: { imm6: number; Rn: number; immmask: number }): void {
  const bits = o.wrap(o.rotr(o.x(f.Rn), o.imm16(f.imm6)));
  const nzcv = o.nzcv();
  o.setNzcv(o.xor(nzcv, o.and(o.xor(nzcv, bits), o.imm16(f.immmask))));
}

/** N, Z and V as if the low bits were a result of that size; C stays. */
function setf(bits: 8 | 16): Meaning<{ Rn: number }> {
  return (o, f) => {
    const value = o.w(f.Rn);
    const n = o.and(o.shrU(value, o.i32(bits - 4)), o.i32(8));
    const z = o.shl(o.eqz(o.and(value, o.i32(2 ** bits - 1))), o.i32(2));
    const v = o.and(o.shrU(o.xor(value, o.shrU(value, o.i32(1))), o.i32(bits - 1)), o.i32(1));
    o.setNzcv(o.or(o.or(n, z), o.or(v, o.and(o.nzcv(), o.i32(2)))));
  };
}

// Conditional compare

interface ConditionalCompare {
  readonly sf: number;
  readonly cond: number;
  readonly Rn: number;
  readonly immnzcv: number;
  /** One of the two is there. */
  readonly imm5?: number;
  readonly Rm?: number;
}

function conditionalCompare(sub: boolean): Meaning<ConditionalCompare> {
  return (o, f) => {
    const operand1 = o.reg(f.sf, f.Rn);
    const operand2 = f.Rm !== undefined ? o.reg(f.sf, f.Rm) : f.sf === 1 ? o.imm(f.imm5!) : o.imm16(f.imm5!);
    const otherwise = o.imm16(f.immnzcv);
    o.setFlagsIf(o.condition(f.cond), sub, operand1, operand2, otherwise);
  };
}

// Conditional select

interface ConditionalSelect extends Registers {
  readonly cond: number;
}

function conditionalSelect(change: (o: Builder, value: Int) => Int): Meaning<ConditionalSelect> {
  return (o, f) => {
    const operand1 = o.reg(f.sf, f.Rn), operand2 = change(o, o.reg(f.sf, f.Rm));
    o.setReg(f.Rd, f.sf === 1 ? selectX(o, f.cond, operand1, operand2) : selectW(o, f.cond, operand1, operand2));
  };
}

function selectX(o: Builder, cond: number, a: Int, b: Int): I64 {
  return o.select(o.condition(cond), a as I64, b as I64);
}

function selectW(o: Builder, cond: number, a: Int, b: Int): I32 {
  return o.select(o.condition(cond), a as I32, b as I32);
}

const csel = conditionalSelect((_, value) => value);
const csinc = conditionalSelect((o, value) => o.add(value, o.const(value, 1)));
const csinv = conditionalSelect((o, value) => o.not(value));
const csneg = conditionalSelect((o, value) => o.sub(o.const(value, 0), value));

/** CSET: 0 and 0 + 1 are all that there is to choose from. */
function cset(o: Builder, f: { sf: number; cond: number; Rd: number }): void {
  o.setX(f.Rd, o.zeroExtend(o.eqz(o.condition(f.cond))));
}

const hasNoInverse = { reserved: (f: Fields) => f.cond > 13 };
const isNotConditionalChange = { reserved: (f: Fields) => f.cond > 13 || f.Rn !== f.Rm || f.Rn === 31 };
const isNotCneg = { reserved: (f: Fields) => f.cond > 13 || f.Rn !== f.Rm };

// Data-processing (3 source)

interface MultiplyAdd {
  readonly sf: number;
  readonly Rm: number;
  /** Absent where nothing is added. */
  readonly Ra?: number;
  readonly Rn: number;
  readonly Rd: number;
}

function multiplyAdd(sub: boolean): Meaning<MultiplyAdd> {
  return (o, f) => {
    const product = o.mul(o.reg(f.sf, f.Rn), o.reg(f.sf, f.Rm));
    if (f.Ra === undefined) return o.setReg(f.Rd, sub ? o.sub(o.const(product, 0), product) : product);
    const addend = o.reg(f.sf, f.Ra);
    o.setReg(f.Rd, sub ? o.sub(addend, product) : o.add(addend, product));
  };
}

const madd = multiplyAdd(false), msub = multiplyAdd(true);

function multiplyAddLong(extend: "signExtend" | "zeroExtend", sub: boolean): Meaning<Omit<MultiplyAdd, "sf">> {
  return (o, f) => {
    const product = o.mul(o[extend](o.w(f.Rn)), o[extend](o.w(f.Rm)));
    if (f.Ra === undefined) return o.setX(f.Rd, sub ? o.sub(o.i64(0), product) : product);
    const addend = o.x(f.Ra);
    o.setX(f.Rd, sub ? o.sub(addend, product) : o.add(addend, product));
  };
}

const smaddl = multiplyAddLong("signExtend", false), smsubl = multiplyAddLong("signExtend", true);
const umaddl = multiplyAddLong("zeroExtend", false), umsubl = multiplyAddLong("zeroExtend", true);

/** The high half of the product, by schoolbook multiplication of halves. */
function multiplyHigh(high: "shrS" | "shrU"): Meaning<Omit<Registers, "sf">> {
  return (o, f) => {
    const a = o.x(f.Rn), b = o.x(f.Rm), half = o.i64(32), mask = o.i64(0xffff_ffff);
    const aLow = o.and(a, mask), aHigh = o[high](a, half);
    const bLow = o.and(b, mask), bHigh = o[high](b, half);
    const middle = o.add(o.mul(aHigh, bLow), o.shrU(o.mul(aLow, bLow), half));
    const carried = o.add(o.mul(aLow, bHigh), o.and(middle, mask));
    o.setX(f.Rd, o.add(o.add(o.mul(aHigh, bHigh), o[high](middle, half)), o[high](carried, half)));
  };
}

/** The rows of the group, in the Arm ARM's order; an alias follows what it renames. */
// deno-fmt-ignore
export const DATA_PROCESSING_REGISTER: readonly Row[] = [
  // Data-processing (2 source)
  row("UDIV",            "sf:1 0 0 11010110 Rm:5 000010 Rn:5 Rd:5", "udiv Rd, Rn, Rm", udiv),
  row("SDIV",            "sf:1 0 0 11010110 Rm:5 000011 Rn:5 Rd:5", "sdiv Rd, Rn, Rm", sdiv),
  // SUBP, SUBPS, IRG, GMI: FEAT_MTE is not implemented
  row("LSLV",            "sf:1 0 0 11010110 Rm:5 001000 Rn:5 Rd:5", "lsl Rd, Rn, Rm",  shiftVariable("shl")),
  row("LSRV",            "sf:1 0 0 11010110 Rm:5 001001 Rn:5 Rd:5", "lsr Rd, Rn, Rm",  shiftVariable("shrU")),
  row("ASRV",            "sf:1 0 0 11010110 Rm:5 001010 Rn:5 Rd:5", "asr Rd, Rn, Rm",  shiftVariable("shrS")),
  row("RORV",            "sf:1 0 0 11010110 Rm:5 001011 Rn:5 Rd:5", "ror Rd, Rn, Rm",  shiftVariable("rotr")),
  row("PACGA",           "1 0 0 11010110 Rm:5 001100 Rn:5 Rd:5",    "pacga Xd, Xn, Xm|SP", pacga, { feature: "FEAT_PAuth" }),
  ...group({ feature: "FEAT_CRC32" }, [
    row("CRC32B",        "0 0 0 11010110 Rm:5 010000 Rn:5 Rd:5",    "crc32b Wd, Wn, Wm",  crc("crc32", 1)),
    row("CRC32H",        "0 0 0 11010110 Rm:5 010001 Rn:5 Rd:5",    "crc32h Wd, Wn, Wm",  crc("crc32", 2)),
    row("CRC32W",        "0 0 0 11010110 Rm:5 010010 Rn:5 Rd:5",    "crc32w Wd, Wn, Wm",  crc("crc32", 4)),
    row("CRC32X",        "1 0 0 11010110 Rm:5 010011 Rn:5 Rd:5",    "crc32x Wd, Wn, Xm",  crc("crc32", 8)),
    row("CRC32CB",       "0 0 0 11010110 Rm:5 010100 Rn:5 Rd:5",    "crc32cb Wd, Wn, Wm", crc("crc32c", 1)),
    row("CRC32CH",       "0 0 0 11010110 Rm:5 010101 Rn:5 Rd:5",    "crc32ch Wd, Wn, Wm", crc("crc32c", 2)),
    row("CRC32CW",       "0 0 0 11010110 Rm:5 010110 Rn:5 Rd:5",    "crc32cw Wd, Wn, Wm", crc("crc32c", 4)),
    row("CRC32CX",       "1 0 0 11010110 Rm:5 010111 Rn:5 Rd:5",    "crc32cx Wd, Wn, Xm", crc("crc32c", 8)),
  ]),

  // Data-processing (1 source)
  row("RBIT",            "sf:1 1 0 11010110 00000 000000 Rn:5 Rd:5", "rbit Rd, Rn",  rbit),
  row("REV16",           "sf:1 1 0 11010110 00000 000001 Rn:5 Rd:5", "rev16 Rd, Rn", rev16),
  row("REV",             "0 1 0 11010110 00000 000010 Rn:5 Rd:5",    "rev Wd, Wn",   revW),
  row("REV32",           "1 1 0 11010110 00000 000010 Rn:5 Rd:5",    "rev32 Xd, Xn", revX(4)),
  row("REV",             "1 1 0 11010110 00000 000011 Rn:5 Rd:5",    "rev Xd, Xn",   revX(8)),
  row("CLZ",             "sf:1 1 0 11010110 00000 000100 Rn:5 Rd:5", "clz Rd, Rn",   clz),
  row("CLS",             "sf:1 1 0 11010110 00000 000101 Rn:5 Rd:5", "cls Rd, Rn",   cls),
  ...group({ feature: "FEAT_PAuth" }, [
    row("PACIA",         "1 1 0 11010110 00001 000000 Rn:5 Rd:5",    "pacia Xd, Xn|SP", signPointer(addPac, "IA")),
    row("PACIB",         "1 1 0 11010110 00001 000001 Rn:5 Rd:5",    "pacib Xd, Xn|SP", signPointer(addPac, "IB")),
    row("PACDA",         "1 1 0 11010110 00001 000010 Rn:5 Rd:5",    "pacda Xd, Xn|SP", signPointer(addPac, "DA")),
    row("PACDB",         "1 1 0 11010110 00001 000011 Rn:5 Rd:5",    "pacdb Xd, Xn|SP", signPointer(addPac, "DB")),
    row("AUTIA",         "1 1 0 11010110 00001 000100 Rn:5 Rd:5",    "autia Xd, Xn|SP", signPointer(authenticate, "IA")),
    row("AUTIB",         "1 1 0 11010110 00001 000101 Rn:5 Rd:5",    "autib Xd, Xn|SP", signPointer(authenticate, "IB")),
    row("AUTDA",         "1 1 0 11010110 00001 000110 Rn:5 Rd:5",    "autda Xd, Xn|SP", signPointer(authenticate, "DA")),
    row("AUTDB",         "1 1 0 11010110 00001 000111 Rn:5 Rd:5",    "autdb Xd, Xn|SP", signPointer(authenticate, "DB")),
    row("PACIZA",        "1 1 0 11010110 00001 001000 11111 Rd:5",   "paciza Xd", signPointerZero(addPac, "IA")),
    row("PACIZB",        "1 1 0 11010110 00001 001001 11111 Rd:5",   "pacizb Xd", signPointerZero(addPac, "IB")),
    row("PACDZA",        "1 1 0 11010110 00001 001010 11111 Rd:5",   "pacdza Xd", signPointerZero(addPac, "DA")),
    row("PACDZB",        "1 1 0 11010110 00001 001011 11111 Rd:5",   "pacdzb Xd", signPointerZero(addPac, "DB")),
    row("AUTIZA",        "1 1 0 11010110 00001 001100 11111 Rd:5",   "autiza Xd", signPointerZero(authenticate, "IA")),
    row("AUTIZB",        "1 1 0 11010110 00001 001101 11111 Rd:5",   "autizb Xd", signPointerZero(authenticate, "IB")),
    row("AUTDZA",        "1 1 0 11010110 00001 001110 11111 Rd:5",   "autdza Xd", signPointerZero(authenticate, "DA")),
    row("AUTDZB",        "1 1 0 11010110 00001 001111 11111 Rd:5",   "autdzb Xd", signPointerZero(authenticate, "DB")),
    row("XPACI",         "1 1 0 11010110 00001 010000 11111 Rd:5",   "xpaci Xd", xpac(false)),
    row("XPACD",         "1 1 0 11010110 00001 010001 11111 Rd:5",   "xpacd Xd", xpac(true)),
  ]),

  // Logical (shifted register)
  row("AND (shifted register)",   "sf:1 00 01010 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",  "and Rd, Rn, Rm, shift_ror",  and,  shiftedLogical),
  row("AND (shifted register)",   "sf:1 00 01010 00 0 Rm:5 000000 Rn:5 Rd:5",       "and Rd, Rn, Rm",             and),
  row("BIC (shifted register)",   "sf:1 00 01010 shift:2 1 Rm:5 imm6:6 Rn:5 Rd:5",  "bic Rd, Rn, Rm, shift_ror",  bic,  shiftedLogical),
  row("BIC (shifted register)",   "sf:1 00 01010 00 1 Rm:5 000000 Rn:5 Rd:5",       "bic Rd, Rn, Rm",             bic),
  row("ORR (shifted register)",   "sf:1 01 01010 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",  "orr Rd, Rn, Rm, shift_ror",  orr,  shiftedLogical),
  row("ORR (shifted register)",   "sf:1 01 01010 00 0 Rm:5 000000 Rn:5 Rd:5",       "orr Rd, Rn, Rm",             orr),
  row("MOV (register)",           "sf:1 01 01010 00 0 Rm:5 000000 11111 Rd:5",      "mov Rd, Rm",                 orr),
  row("ORN (shifted register)",   "sf:1 01 01010 shift:2 1 Rm:5 imm6:6 Rn:5 Rd:5",  "orn Rd, Rn, Rm, shift_ror",  orn,  shiftedLogical),
  row("ORN (shifted register)",   "sf:1 01 01010 00 1 Rm:5 000000 Rn:5 Rd:5",       "orn Rd, Rn, Rm",             orn),
  alias("MVN",                    "sf:1 01 01010 shift:2 1 Rm:5 imm6:6 11111 Rd:5", "mvn Rd, Rm, shift_ror",            shiftedLogical),
  row("MVN",                      "sf:1 01 01010 00 1 Rm:5 000000 11111 Rd:5",      "mvn Rd, Rm",                 orn),
  row("EOR (shifted register)",   "sf:1 10 01010 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",  "eor Rd, Rn, Rm, shift_ror",  eor,  shiftedLogical),
  row("EOR (shifted register)",   "sf:1 10 01010 00 0 Rm:5 000000 Rn:5 Rd:5",       "eor Rd, Rn, Rm",             eor),
  row("EON (shifted register)",   "sf:1 10 01010 shift:2 1 Rm:5 imm6:6 Rn:5 Rd:5",  "eon Rd, Rn, Rm, shift_ror",  eon,  shiftedLogical),
  row("EON (shifted register)",   "sf:1 10 01010 00 1 Rm:5 000000 Rn:5 Rd:5",       "eon Rd, Rn, Rm",             eon),
  row("ANDS (shifted register)",  "sf:1 11 01010 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",  "ands Rd, Rn, Rm, shift_ror", ands, shiftedLogical),
  row("ANDS (shifted register)",  "sf:1 11 01010 00 0 Rm:5 000000 Rn:5 Rd:5",       "ands Rd, Rn, Rm",            ands),
  alias("TST (shifted register)", "sf:1 11 01010 shift:2 0 Rm:5 imm6:6 Rn:5 11111", "tst Rn, Rm, shift_ror",            shiftedLogical),
  row("TST (shifted register)",   "sf:1 11 01010 00 0 Rm:5 000000 Rn:5 11111",      "tst Rn, Rm",                 ands),
  row("BICS (shifted register)",  "sf:1 11 01010 shift:2 1 Rm:5 imm6:6 Rn:5 Rd:5",  "bics Rd, Rn, Rm, shift_ror", bics, shiftedLogical),
  row("BICS (shifted register)",  "sf:1 11 01010 00 1 Rm:5 000000 Rn:5 Rd:5",       "bics Rd, Rn, Rm",            bics),

  // Add/subtract (shifted register)
  row("ADD (shifted register)",   "sf:1 00 01011 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",  "add Rd, Rn, Rm, shift",  add,  shiftedArithmetic),
  row("ADD (shifted register)",   "sf:1 00 01011 00 0 Rm:5 000000 Rn:5 Rd:5",       "add Rd, Rn, Rm",         add),
  row("ADDS (shifted register)",  "sf:1 01 01011 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",  "adds Rd, Rn, Rm, shift", adds, shiftedArithmetic),
  row("ADDS (shifted register)",  "sf:1 01 01011 00 0 Rm:5 000000 Rn:5 Rd:5",       "adds Rd, Rn, Rm",        adds),
  alias("CMN (shifted register)", "sf:1 01 01011 shift:2 0 Rm:5 imm6:6 Rn:5 11111", "cmn Rn, Rm, shift",            shiftedArithmetic),
  row("CMN (shifted register)",   "sf:1 01 01011 00 0 Rm:5 000000 Rn:5 11111",      "cmn Rn, Rm",             adds),
  row("SUB (shifted register)",   "sf:1 10 01011 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",  "sub Rd, Rn, Rm, shift",  sub,  shiftedArithmetic),
  row("SUB (shifted register)",   "sf:1 10 01011 00 0 Rm:5 000000 Rn:5 Rd:5",       "sub Rd, Rn, Rm",         sub),
  alias("NEG (shifted register)", "sf:1 10 01011 shift:2 0 Rm:5 imm6:6 11111 Rd:5", "neg Rd, Rm, shift",            shiftedArithmetic),
  alias("NEG (shifted register)", "sf:1 10 01011 00 0 Rm:5 000000 11111 Rd:5",      "neg Rd, Rm"),
  row("SUBS (shifted register)",  "sf:1 11 01011 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",  "subs Rd, Rn, Rm, shift", subs, shiftedArithmetic),
  row("SUBS (shifted register)",  "sf:1 11 01011 00 0 Rm:5 000000 Rn:5 Rd:5",       "subs Rd, Rn, Rm",        subs),
  alias("CMP (shifted register)", "sf:1 11 01011 shift:2 0 Rm:5 imm6:6 Rn:5 11111", "cmp Rn, Rm, shift",            shiftedArithmetic),
  row("CMP (shifted register)",   "sf:1 11 01011 00 0 Rm:5 000000 Rn:5 11111",      "cmp Rn, Rm",             subs),
  alias("NEGS",                   "sf:1 11 01011 shift:2 0 Rm:5 imm6:6 11111 Rd:5", "negs Rd, Rm, shift",           negs),
  alias("NEGS",                   "sf:1 11 01011 00 0 Rm:5 000000 11111 Rd:5",      "negs Rd, Rm",                  negsPlain),

  // Add/subtract (extended register)
  row("ADD (extended register)",  "sf:1 00 01011 00 1 Rm:5 option:3 imm3:3 Rn:5 Rd:5",  "add Rd|SP, Rn|SP, Rm|option, extend", addSubExtended(false, false), extended),
  row("ADDS (extended register)", "sf:1 01 01011 00 1 Rm:5 option:3 imm3:3 Rn:5 Rd:5",  "adds Rd, Rn|SP, Rm|option, extend_s", addSubExtended(false, true), extended),
  row("CMN (extended register)",  "sf:1 01 01011 00 1 Rm:5 option:3 imm3:3 Rn:5 11111", "cmn Rn|SP, Rm|option, extend_s",      addSubExtended(false, true), extended),
  row("SUB (extended register)",  "sf:1 10 01011 00 1 Rm:5 option:3 imm3:3 Rn:5 Rd:5",  "sub Rd|SP, Rn|SP, Rm|option, extend", addSubExtended(true, false), extended),
  row("SUBS (extended register)", "sf:1 11 01011 00 1 Rm:5 option:3 imm3:3 Rn:5 Rd:5",  "subs Rd, Rn|SP, Rm|option, extend_s", addSubExtended(true, true), extended),
  row("CMP (extended register)",  "sf:1 11 01011 00 1 Rm:5 option:3 imm3:3 Rn:5 11111", "cmp Rn|SP, Rm|option, extend_s",      addSubExtended(true, true), extended),

  // Add/subtract (with carry)
  row("ADC",             "sf:1 00 11010000 Rm:5 000000 Rn:5 Rd:5",  "adc Rd, Rn, Rm",  addSubCarry(false, false)),
  row("ADCS",            "sf:1 01 11010000 Rm:5 000000 Rn:5 Rd:5",  "adcs Rd, Rn, Rm", addSubCarry(false, true)),
  row("SBC",             "sf:1 10 11010000 Rm:5 000000 Rn:5 Rd:5",  "sbc Rd, Rn, Rm",  addSubCarry(true, false)),
  alias("NGC",           "sf:1 10 11010000 Rm:5 000000 11111 Rd:5", "ngc Rd, Rm"),
  row("SBCS",            "sf:1 11 11010000 Rm:5 000000 Rn:5 Rd:5",  "sbcs Rd, Rn, Rm", addSubCarry(true, true)),
  alias("NGCS",          "sf:1 11 11010000 Rm:5 000000 11111 Rd:5", "ngcs Rd, Rm"),

  // Rotate right into flags, evaluate into flags
  row("RMIF",            "1 0 1 11010000 imm6:6 00001 Rn:5 0 immmask:4", "rmif Xn, rmif_shift, rmif_mask", rmif, { feature: "FEAT_FlagM" }),
  row("SETF8",           "0 0 1 11010000 000000 0 0010 Rn:5 0 1101",     "setf8 Wn",  setf(8),  { feature: "FEAT_FlagM" }),
  row("SETF16",          "0 0 1 11010000 000000 1 0010 Rn:5 0 1101",     "setf16 Wn", setf(16), { feature: "FEAT_FlagM" }),

  // Conditional compare
  row("CCMN (register)",  "sf:1 0 1 11010010 Rm:5 cond:4 0 0 Rn:5 0 immnzcv:4",   "ccmn Rn, Rm, immnzcv, cond",   conditionalCompare(false)),
  row("CCMP (register)",  "sf:1 1 1 11010010 Rm:5 cond:4 0 0 Rn:5 0 immnzcv:4",   "ccmp Rn, Rm, immnzcv, cond",   conditionalCompare(true)),
  row("CCMN (immediate)", "sf:1 0 1 11010010 imm5:5 cond:4 1 0 Rn:5 0 immnzcv:4", "ccmn Rn, imm5, immnzcv, cond", conditionalCompare(false)),
  row("CCMP (immediate)", "sf:1 1 1 11010010 imm5:5 cond:4 1 0 Rn:5 0 immnzcv:4", "ccmp Rn, imm5, immnzcv, cond", conditionalCompare(true)),

  // Conditional select
  row("CSEL",             "sf:1 0 0 11010100 Rm:5 cond:4 00 Rn:5 Rd:5",   "csel Rd, Rn, Rm, cond",  csel),
  row("CSINC",            "sf:1 0 0 11010100 Rm:5 cond:4 01 Rn:5 Rd:5",   "csinc Rd, Rn, Rm, cond", csinc),
  alias("CINC",           "sf:1 0 0 11010100 Rm:5 cond:4 01 Rn:5 Rd:5",   "cinc Rd, Rn=Rm, cond_inverted", isNotConditionalChange),
  row("CSET",             "sf:1 0 0 11010100 11111 cond:4 01 11111 Rd:5", "cset Rd, cond_inverted", cset, hasNoInverse),
  row("CSINV",            "sf:1 1 0 11010100 Rm:5 cond:4 00 Rn:5 Rd:5",   "csinv Rd, Rn, Rm, cond", csinv),
  alias("CINV",           "sf:1 1 0 11010100 Rm:5 cond:4 00 Rn:5 Rd:5",   "cinv Rd, Rn=Rm, cond_inverted", isNotConditionalChange),
  alias("CSETM",          "sf:1 1 0 11010100 11111 cond:4 00 11111 Rd:5", "csetm Rd, cond_inverted", hasNoInverse),
  row("CSNEG",            "sf:1 1 0 11010100 Rm:5 cond:4 01 Rn:5 Rd:5",   "csneg Rd, Rn, Rm, cond", csneg),
  alias("CNEG",           "sf:1 1 0 11010100 Rm:5 cond:4 01 Rn:5 Rd:5",   "cneg Rd, Rn=Rm, cond_inverted", isNotCneg),

  // Data-processing (3 source)
  row("MADD",             "sf:1 00 11011 000 Rm:5 0 Ra:5 Rn:5 Rd:5",  "madd Rd, Rn, Rm, Ra",   madd),
  row("MUL",              "sf:1 00 11011 000 Rm:5 0 11111 Rn:5 Rd:5", "mul Rd, Rn, Rm",        madd),
  row("MSUB",             "sf:1 00 11011 000 Rm:5 1 Ra:5 Rn:5 Rd:5",  "msub Rd, Rn, Rm, Ra",   msub),
  row("MNEG",             "sf:1 00 11011 000 Rm:5 1 11111 Rn:5 Rd:5", "mneg Rd, Rn, Rm",       msub),
  row("SMADDL",           "1 00 11011 001 Rm:5 0 Ra:5 Rn:5 Rd:5",     "smaddl Xd, Wn, Wm, Xa", smaddl),
  row("SMULL",            "1 00 11011 001 Rm:5 0 11111 Rn:5 Rd:5",    "smull Xd, Wn, Wm",      smaddl),
  row("SMSUBL",           "1 00 11011 001 Rm:5 1 Ra:5 Rn:5 Rd:5",     "smsubl Xd, Wn, Wm, Xa", smsubl),
  row("SMNEGL",           "1 00 11011 001 Rm:5 1 11111 Rn:5 Rd:5",    "smnegl Xd, Wn, Wm",     smsubl),
  row("SMULH",            "1 00 11011 010 Rm:5 0 11111 Rn:5 Rd:5",    "smulh Xd, Xn, Xm",      multiplyHigh("shrS")),
  row("UMADDL",           "1 00 11011 101 Rm:5 0 Ra:5 Rn:5 Rd:5",     "umaddl Xd, Wn, Wm, Xa", umaddl),
  row("UMULL",            "1 00 11011 101 Rm:5 0 11111 Rn:5 Rd:5",    "umull Xd, Wn, Wm",      umaddl),
  row("UMSUBL",           "1 00 11011 101 Rm:5 1 Ra:5 Rn:5 Rd:5",     "umsubl Xd, Wn, Wm, Xa", umsubl),
  row("UMNEGL",           "1 00 11011 101 Rm:5 1 11111 Rn:5 Rd:5",    "umnegl Xd, Wn, Wm",     umsubl),
  row("UMULH",            "1 00 11011 110 Rm:5 0 11111 Rn:5 Rd:5",    "umulh Xd, Xn, Xm",      multiplyHigh("shrU")),
];
