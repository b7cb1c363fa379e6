import type { Builder, I32, I64, V128 } from "../engine/builder.ts";
import { group, row } from "./row.ts";
import { and, andNot, or, shuffleOf, xor } from "./simd_lanes.ts";

interface Two {
  readonly Rn: number;
  readonly Rd: number;
}
interface Three extends Two {
  readonly Rm: number;
}

/** Multiplication in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. FFmul() in Arm DDI 0487. */
function fieldMultiply(a: number, b: number): number {
  let result = 0;
  for (let factor = a, bits = b; bits !== 0; bits >>= 1) {
    if (bits & 1) result ^= factor;
    factor = (factor << 1) ^ (factor & 0x80 ? 0x11b : 0);
  }
  return result;
}

/** FIPS 197, section 5.1.1: the inverse in the field, then an affine transformation. */
function makeSbox(): Uint8Array {
  const sbox = new Uint8Array(256).fill(0x63), powers = [1];
  // The powers of 3 are all elements but 0: power n times power 255 - n is 1
  for (let n = 1; n < 255; n++) powers.push(fieldMultiply(powers[n - 1], 3));
  for (let n = 0; n < 255; n++) {
    const inverse = powers[(255 - n) % 255], doubled = inverse * 0x101;
    sbox[powers[n]] = inverse ^ (doubled >> 4) ^ (doubled >> 5) ^ (doubled >> 6) ^ (doubled >> 7) ^ 0x63;
  }
  return sbox;
}

function inverseOf(table: Uint8Array): Uint8Array {
  const inverse = new Uint8Array(256);
  table.forEach((value, index) => inverse[value] = index);
  return inverse;
}

/** A table of 256 bytes as the sixteen vectors that i8x16.swizzle can look up. */
function tableVectors(table: Uint8Array): readonly (readonly [lo: bigint, hi: bigint])[] {
  const words = new BigUint64Array(table.slice().buffer);
  return Array.from({ length: 16 }, (_, i) => [words[2 * i], words[2 * i + 1]] as const);
}

const SBOX = makeSbox();
const SUB_BYTES = tableVectors(SBOX);
const INV_SUB_BYTES = tableVectors(inverseOf(SBOX));
/** Byte `row + 4 * column` comes from the column that is `row` further on, or back. */
const SHIFT_ROWS = shuffleOf(0, (i) => (i + 4 * (i & 3)) & 15);
const INV_SHIFT_ROWS = shuffleOf(0, (i) => (i - 4 * (i & 3)) & 15);
/** Each byte from the row `by` further on in its column. */
const ROTATIONS = [0, 1, 2, 3].map((by) => shuffleOf(0, (i) => (i & ~3) | ((i + by) & 3)));

/** Looks up sixteen bytes: a swizzle gives 0 for the indices that are another table's. */
function substitute(o: Builder, tables: typeof SUB_BYTES, indices: V128): V128 {
  let result: V128 | null = null;
  const sixteen = o.v128(0x1010101010101010n, 0x1010101010101010n);
  let index = indices;
  for (const [lo, hi] of tables) {
    const found = o.op("i8x16.swizzle", o.v128(lo, hi), index);
    result = result ? or(o, result, found) : found;
    index = o.op("i8x16.sub", index, sixteen);
  }
  return result!;
}

const aese = (o: Builder, w: Two): void => {
  const state = xor(o, o.v(w.Rd), o.v(w.Rn));
  o.setV(w.Rd, substitute(o, SUB_BYTES, o.shuffle(state, state, SHIFT_ROWS)));
};

const aesd = (o: Builder, w: Two): void => {
  const state = xor(o, o.v(w.Rd), o.v(w.Rn));
  o.setV(w.Rd, substitute(o, INV_SUB_BYTES, o.shuffle(state, state, INV_SHIFT_ROWS)));
};

/** Each byte times x in the field. */
function xtime(o: Builder, a: V128): V128 {
  const carry = o.op("i8x16.shr_s", a, o.i32(7));
  return xor(o, o.op("i8x16.shl", a, o.i32(1)), and(o, carry, o.v128(0x1b1b1b1b1b1b1b1bn, 0x1b1b1b1b1b1b1b1bn)));
}

const rotate = (o: Builder, by: number, a: V128): V128 => o.shuffle(a, a, ROTATIONS[by]);

/** FIPS 197, section 5.1.3: 2 a0 + 3 a1 + a2 + a3. */
function mixColumns(o: Builder, a: V128): V128 {
  const doubled = xtime(o, a), next = rotate(o, 1, xor(o, doubled, a));
  return xor(o, xor(o, doubled, next), xor(o, rotate(o, 2, a), rotate(o, 3, a)));
}

const aesmc = (o: Builder, w: Two): void => o.setV(w.Rd, mixColumns(o, o.v(w.Rn)));

/** The inverse matrix is the matrix times one with 5 a0 + 4 a2 in each row. */
const aesimc = (o: Builder, w: Two): void => {
  const a = o.v(w.Rn), quadruple = xtime(o, xtime(o, a));
  o.setV(w.Rd, mixColumns(o, xor(o, xor(o, a, quadruple), rotate(o, 2, quadruple))));
};

const word = (o: Builder, index: number, a: V128): I32 => o.lane("i32x4.extract_lane", index, a);
const rotateLeft = (o: Builder, a: I32, by: number): I32 => o.rotr(a, o.i32(32 - by));
const sum = (o: Builder, first: I32, ...rest: I32[]): I32 => rest.reduce((total, a) => o.add(total, a), first);

/** Four words as a vector, lowest first. */
function vectorOf(o: Builder, words: readonly I32[]): V128 {
  return words.slice(1).reduce<V128>(
    (v, value, i) => o.lane("i32x4.replace_lane", i + 1, v, value),
    o.op("i32x4.splat", words[0]),
  );
}

/** SHAchoose(), which is (y EOR z) AND x EOR z. */
const choose = (o: Builder, x: I32, y: I32, z: I32): I32 => o.xor(o.and(o.xor(y, z), x), z);
const parity = (o: Builder, x: I32, y: I32, z: I32): I32 => o.xor(o.xor(x, y), z);
const majority = (o: Builder, x: I32, y: I32, z: I32): I32 => o.or(o.and(x, y), o.and(o.or(x, y), z));

/** SHA1C, SHA1P, SHA1M: four rounds with one of the functions. */
const sha1Rounds = (f: typeof choose) => (o: Builder, w: Three): void => {
  const x = o.v(w.Rd), schedule = o.v(w.Rm);
  let [a, b, c, d] = [0, 1, 2, 3].map((i) => word(o, i, x));
  let e: I32 = o.vLow32(w.Rn);
  for (let round = 0; round < 4; round++) {
    const next = sum(o, e, rotateLeft(o, a, 5), f(o, b, c, d), word(o, round, schedule));
    [a, b, c, d, e] = [next, a, rotateLeft(o, b, 30), c, d];
  }
  o.setV(w.Rd, vectorOf(o, [a, b, c, d]));
};

const sha1h = (o: Builder, w: Two): void => o.setVLow32(w.Rd, rotateLeft(o, o.vLow32(w.Rn), 30));

const MIDDLE = shuffleOf(2, (i) => i + 2);
const FROM_SECOND = shuffleOf(2, (i) => i + 1);

const sha1su0 = (o: Builder, w: Three): void => {
  const d = o.v(w.Rd);
  o.setV(w.Rd, xor(o, xor(o, o.shuffle(d, o.v(w.Rn), MIDDLE), d), o.v(w.Rm)));
};

const rotateWordsLeft1 = (o: Builder, a: V128): V128 =>
  or(o, o.op("i32x4.shl", a, o.i32(1)), o.op("i32x4.shr_u", a, o.i32(31)));

/** The last word of the result needs the first. */
const sha1su1 = (o: Builder, w: Two): void => {
  const zero = o.v128(0n, 0n);
  const result = rotateWordsLeft1(o, xor(o, o.v(w.Rd), o.shuffle(o.v(w.Rn), zero, FROM_SECOND)));
  const last = o.xor(word(o, 3, result), rotateLeft(o, word(o, 0, result), 1));
  o.setV(w.Rd, o.lane("i32x4.replace_lane", 3, result, last));
};

/** The exclusive OR of three right rotations. */
function rotations(o: Builder, a: I32, n: readonly number[]): I32 {
  return o.xor(o.xor(o.rotr(a, o.i32(n[0])), o.rotr(a, o.i32(n[1]))), o.rotr(a, o.i32(n[2])));
}

/** SHA256hash(): four rounds on the words a to d of x and e to h of y; the half that `part1` asks for. */
function sha256Hash(o: Builder, x: V128, y: V128, schedule: V128, part1: boolean): V128 {
  let [a, b, c, d] = [0, 1, 2, 3].map((i) => word(o, i, x));
  let [e, f, g, h] = [0, 1, 2, 3].map((i) => word(o, i, y));
  for (let round = 0; round < 4; round++) {
    const t = sum(o, h, rotations(o, e, [6, 11, 25]), choose(o, e, f, g), word(o, round, schedule));
    const next = sum(o, t, majority(o, a, b, c), rotations(o, a, [2, 13, 22]));
    [a, b, c, d, e, f, g, h] = [next, a, b, c, o.add(d, t), e, f, g];
  }
  return vectorOf(o, part1 ? [a, b, c, d] : [e, f, g, h]);
}

const sha256h = (o: Builder, w: Three): void => o.setV(w.Rd, sha256Hash(o, o.v(w.Rd), o.v(w.Rn), o.v(w.Rm), true));
const sha256h2 = (o: Builder, w: Three): void => o.setV(w.Rd, sha256Hash(o, o.v(w.Rn), o.v(w.Rd), o.v(w.Rm), false));

/** sigma of the message schedule: two rotations and a shift of each word. */
function wordSigma(o: Builder, a: V128, first: number, second: number, shift: number): V128 {
  const rotr = (n: number): V128 => or(o, o.op("i32x4.shr_u", a, o.i32(n)), o.op("i32x4.shl", a, o.i32(32 - n)));
  return xor(o, xor(o, rotr(first), rotr(second)), o.op("i32x4.shr_u", a, o.i32(shift)));
}

const sha256su0 = (o: Builder, w: Two): void => {
  const d = o.v(w.Rd);
  o.setV(w.Rd, o.op("i32x4.add", d, wordSigma(o, o.shuffle(d, o.v(w.Rn), FROM_SECOND), 7, 18, 3)));
};

const UPPER_THEN_B = shuffleOf(3, (i) => i + 1);
const LOW_TO_HIGH = shuffleOf(3, (i) => i === 0 ? 0 : 2);

/** The upper two words need the lower two of the result. */
const sha256su1 = (o: Builder, w: Three): void => {
  const m = o.v(w.Rm), zero = o.v128(0n, 0n);
  const base = o.op("i32x4.add", o.v(w.Rd), o.shuffle(o.v(w.Rn), m, FROM_SECOND));
  const low = o.op("i32x4.add", base, o.shuffle(wordSigma(o, m, 17, 19, 10), zero, UPPER_THEN_B));
  const high = wordSigma(o, low, 17, 19, 10);
  o.setV(w.Rd, o.op("i32x4.add", low, o.shuffle(zero, high, LOW_TO_HIGH)));
};

const doubleword = (o: Builder, index: number, a: V128): I64 => o.lane("i64x2.extract_lane", index, a);

function setDoublewords(o: Builder, n: number, low: I64, high: I64): void {
  o.setV(n, o.lane("i64x2.replace_lane", 1, o.op("i64x2.splat", low), high));
}

function rotations64(o: Builder, a: I64, n: readonly number[]): I64 {
  return o.xor(o.xor(o.rotr(a, o.i32(n[0])), o.rotr(a, o.i32(n[1]))), o.rotr(a, o.i32(n[2])));
}

const choose64 = (o: Builder, x: I64, y: I64, z: I64): I64 => o.xor(o.and(o.xor(y, z), x), z);
const majority64 = (o: Builder, x: I64, y: I64, z: I64): I64 => o.or(o.and(x, y), o.and(o.or(x, y), z));

const sha512h = (o: Builder, w: Three): void => {
  const d = o.v(w.Rd), x = o.v(w.Rn), y = o.v(w.Rm);
  const y0 = doubleword(o, 0, y), y1 = doubleword(o, 1, y), x0 = doubleword(o, 0, x);
  const sigma = (a: I64): I64 => rotations64(o, a, [14, 18, 41]);
  const high = o.add(o.add(choose64(o, y1, x0, doubleword(o, 1, x)), sigma(y1)), doubleword(o, 1, d));
  const t = o.add(high, y0);
  setDoublewords(o, w.Rd, o.add(o.add(choose64(o, t, y1, x0), sigma(t)), doubleword(o, 0, d)), high);
};

const sha512h2 = (o: Builder, w: Three): void => {
  const d = o.v(w.Rd), y = o.v(w.Rm);
  const x0 = o.vLow64(w.Rn), y0 = doubleword(o, 0, y), y1 = doubleword(o, 1, y);
  const sigma = (a: I64): I64 => rotations64(o, a, [28, 34, 39]);
  const high = o.add(o.add(majority64(o, x0, y1, y0), sigma(y0)), doubleword(o, 1, d));
  const low = o.add(o.add(majority64(o, high, y0, y1), sigma(high)), doubleword(o, 0, d));
  setDoublewords(o, w.Rd, low, high);
};

const rotateDoublewords = (o: Builder, a: V128, by: I32): V128 =>
  or(o, o.op("i64x2.shr_u", a, by), o.op("i64x2.shl", a, o.sub(o.i32(64), by)));

function doublewordSigma(o: Builder, a: V128, first: number, second: number, shift: number): V128 {
  const rotated = xor(o, rotateDoublewords(o, a, o.i32(first)), rotateDoublewords(o, a, o.i32(second)));
  return xor(o, rotated, o.op("i64x2.shr_u", a, o.i32(shift)));
}

const sha512su0 = (o: Builder, w: Two): void => {
  const d = o.v(w.Rd);
  o.setV(w.Rd, o.op("i64x2.add", d, doublewordSigma(o, o.shuffle(d, o.v(w.Rn), UPPER_THEN_B), 1, 8, 7)));
};

const sha512su1 = (o: Builder, w: Three): void => {
  const sigma = doublewordSigma(o, o.v(w.Rn), 19, 61, 6);
  o.setV(w.Rd, o.op("i64x2.add", o.op("i64x2.add", o.v(w.Rd), sigma), o.v(w.Rm)));
};

const eor3 = (o: Builder, w: Three & { Ra: number }): void =>
  o.setV(w.Rd, xor(o, xor(o, o.v(w.Rn), o.v(w.Rm)), o.v(w.Ra)));

const bcax = (o: Builder, w: Three & { Ra: number }): void =>
  o.setV(w.Rd, xor(o, o.v(w.Rn), andNot(o, o.v(w.Rm), o.v(w.Ra))));

const rax1 = (o: Builder, w: Three): void =>
  o.setV(w.Rd, xor(o, o.v(w.Rn), rotateDoublewords(o, o.v(w.Rm), o.i32(63))));

/** XAR; a left shift by 64 counts as one by 0, which does no harm. */
const xar = (o: Builder, w: Three & { imm6: number }): void =>
  o.setV(w.Rd, rotateDoublewords(o, xor(o, o.v(w.Rn), o.v(w.Rm)), o.imm16(w.imm6)));

const AES = { feature: "FEAT_AES" }, SHA1 = { feature: "FEAT_SHA1" }, SHA256 = { feature: "FEAT_SHA256" };
const SHA512 = { feature: "FEAT_SHA512" }, SHA3 = { feature: "FEAT_SHA3" };

/** Cryptographic instructions on SIMD registers, without PMULL. Arm DDI 0487, section C4.1. */
// deno-fmt-ignore
export const CRYPTOGRAPHY = group({ trap: "fp" }, [
  row("AESE",      "01001110 00 10100 00100 10 Rn:5 Rd:5",     "aese Vd.16B, Vn.16B",      aese, AES),
  row("AESD",      "01001110 00 10100 00101 10 Rn:5 Rd:5",     "aesd Vd.16B, Vn.16B",      aesd, AES),
  row("AESMC",     "01001110 00 10100 00110 10 Rn:5 Rd:5",     "aesmc Vd.16B, Vn.16B",     aesmc, AES),
  row("AESIMC",    "01001110 00 10100 00111 10 Rn:5 Rd:5",     "aesimc Vd.16B, Vn.16B",    aesimc, AES),
  row("SHA1C",     "01011110 00 0 Rm:5 0 000 00 Rn:5 Rd:5",    "sha1c Qd, Sn, Vm.4S",      sha1Rounds(choose), SHA1),
  row("SHA1P",     "01011110 00 0 Rm:5 0 001 00 Rn:5 Rd:5",    "sha1p Qd, Sn, Vm.4S",      sha1Rounds(parity), SHA1),
  row("SHA1M",     "01011110 00 0 Rm:5 0 010 00 Rn:5 Rd:5",    "sha1m Qd, Sn, Vm.4S",      sha1Rounds(majority), SHA1),
  row("SHA1SU0",   "01011110 00 0 Rm:5 0 011 00 Rn:5 Rd:5",    "sha1su0 Vd.4S, Vn.4S, Vm.4S",   sha1su0, SHA1),
  row("SHA256H",   "01011110 00 0 Rm:5 0 100 00 Rn:5 Rd:5",    "sha256h Qd, Qn, Vm.4S",    sha256h, SHA256),
  row("SHA256H2",  "01011110 00 0 Rm:5 0 101 00 Rn:5 Rd:5",    "sha256h2 Qd, Qn, Vm.4S",   sha256h2, SHA256),
  row("SHA256SU1", "01011110 00 0 Rm:5 0 110 00 Rn:5 Rd:5",    "sha256su1 Vd.4S, Vn.4S, Vm.4S", sha256su1, SHA256),
  row("SHA1H",     "01011110 00 10100 00000 10 Rn:5 Rd:5",     "sha1h Sd, Sn",             sha1h, SHA1),
  row("SHA1SU1",   "01011110 00 10100 00001 10 Rn:5 Rd:5",     "sha1su1 Vd.4S, Vn.4S",     sha1su1, SHA1),
  row("SHA256SU0", "01011110 00 10100 00010 10 Rn:5 Rd:5",     "sha256su0 Vd.4S, Vn.4S",   sha256su0, SHA256),
  row("SHA512H",   "11001110 011 Rm:5 1 0 00 00 Rn:5 Rd:5",    "sha512h Qd, Qn, Vm.2D",    sha512h, SHA512),
  row("SHA512H2",  "11001110 011 Rm:5 1 0 00 01 Rn:5 Rd:5",    "sha512h2 Qd, Qn, Vm.2D",   sha512h2, SHA512),
  row("SHA512SU1", "11001110 011 Rm:5 1 0 00 10 Rn:5 Rd:5",    "sha512su1 Vd.2D, Vn.2D, Vm.2D", sha512su1, SHA512),
  row("RAX1",      "11001110 011 Rm:5 1 0 00 11 Rn:5 Rd:5",    "rax1 Vd.2D, Vn.2D, Vm.2D", rax1, SHA3),
  row("EOR3",      "11001110 000 Rm:5 0 Ra:5 Rn:5 Rd:5",       "eor3 Vd.16B, Vn.16B, Vm.16B, Va.16B", eor3, SHA3),
  row("BCAX",      "11001110 001 Rm:5 0 Ra:5 Rn:5 Rd:5",       "bcax Vd.16B, Vn.16B, Vm.16B, Va.16B", bcax, SHA3),
  row("XAR",       "11001110 100 Rm:5 imm6:6 Rn:5 Rd:5",       "xar Vd.2D, Vn.2D, Vm.2D, rotate6",    xar, SHA3),
  row("SHA512SU0", "11001110 11 0 00000 1 0 00 00 Rn:5 Rd:5",  "sha512su0 Vd.2D, Vn.2D",   sha512su0, SHA512),
]);
