import type { Builder, I32, I64 } from "../engine/builder.ts";

/*
 * Pointer authentication, FEAT_PAuth. Arm DDI 0487, AddPAC(), Auth() and Strip(), without FEAT_EPAC, FEAT_PAuth2 and
 * FEAT_FPAC: ID_AA64ISAR1_EL1.API and .GPI are 1, .APA and .GPA are 0, and ID_AA64ISAR2_EL1.APA3 and .GPA3 are 0.
 *
 * What depends on the translation regime (which keys are enabled, whether use is trapped, where a PAC stands in a
 * pointer) is computed when the regime changes and kept in the vCPU's state: the field `pauth`, whose bits are named
 * here, and four masks.
 */

export type PauthKey = "IA" | "IB" | "DA" | "DB";

/** A computation from two values and stored state, as {@link Builder.outline} takes it. */
export type Computation = (o: Builder, a: I64, b: I64) => I64;

/** Bits of the state field `pauth`. */
export const PAUTH = {
  /** SCTLR_ELx.EnIA, EnIB, EnDA and EnDB of the current Exception level's regime. */
  IA: 1 << 0,
  IB: 1 << 1,
  DA: 1 << 2,
  DB: 1 << 3,
  /** HCR_EL2.API or SCR_EL3.API makes the use of an enabled key, or PACGA, a trap. */
  trap: 1 << 4,
  /** Bit 55 and not bit 63 tells in which half of the address space an instruction address is: TBI applies to one. */
  select55: 1 << 5,
  /** The same for a data address. */
  select55Data: 1 << 6,
} as const;

function isData(key: PauthKey): boolean {
  return key[0] === "D";
}

/**
 * Where the PAC stands in an address of the given half of the address space (`upper`: all ones, else 0): bits 54 down
 * to the lowest bit of the PAC, and bits 63:56 unless TBI applies. 0 without FEAT_PAuth.
 */
function pacMask(o: Builder, upper: I64, isData: boolean): I64 {
  const high = o.state64(isData ? "pacMaskDataHigh" : "pacMaskHigh");
  const low = o.state64(isData ? "pacMaskDataLow" : "pacMaskLow");
  return o.select(o.wrap(upper), high, low);
}

/** 1 where TBI applies, so that the PAC leaves out bits 63:56. */
function isTbi(o: Builder, mask: I64): I32 {
  return o.geS(mask, o.i64(0));
}

/** All ones where the bit is 1, else 0. */
function replicate(o: Builder, value: I64, bit: number): I64 {
  return o.shrS(o.shl(value, o.i64(63 - bit)), o.i64(63));
}

/** `value` with the bits of `mask` taken from `bits`. */
function insert(o: Builder, value: I64, mask: I64, bits: I64): I64 {
  return o.xor(value, o.and(o.xor(value, bits), mask));
}

/** The result of `body` where the key is enabled, else the pointer as it is; traps where its use is trapped. */
function withKey(o: Builder, pointer: I64, key: PauthKey, body: () => I64): I64 {
  const result = o.variable(pointer);
  const config = o.state32("pauth");
  o.if(o.and(config, o.i32(PAUTH[key])), () => {
    trapUse(o, config);
    o.assign(result, body());
  });
  return result;
}

function trapUse(o: Builder, config: I32): void {
  o.if(o.and(config, o.i32(PAUTH.trap)), () => o.helper("pauthTrap", null));
}

/** AddPACIA(), AddPACIB(), AddPACDA(), AddPACDB(): the pointer signed. */
export function addPac(o: Builder, pointer: I64, modifier: I64, key: PauthKey): I64 {
  return withKey(o, pointer, key, () => o.outline(`addPac${key}`, pointer, modifier, OUTLINES[`addPac${key}`]));
}

function sign(key: PauthKey): Computation {
  return (o, pointer, modifier) => {
    const upper = replicate(o, pointer, 55), mask = pacMask(o, upper, isData(key));
    const extension = o.or(mask, o.i64(1n << 55n)), result = o.variable(pointer);
    const isExtended = o.eqz(o.and(o.xor(pointer, upper), extension));
    o.if(
      isExtended,
      () => o.assign(result, insert(o, pointer, mask, computePac(o, pointer, modifier, `AP${key}Key`))),
      () => o.assign(result, spoil(o, pointer, modifier, key)),
    );
    return result;
  };
}

/** A pointer whose extension is neither all zeros nor all ones gets a PAC that will not authenticate. */
function spoil(o: Builder, pointer: I64, modifier: I64, key: PauthKey): I64 {
  const by55 = o.and(o.state32("pauth"), o.i32(isData(key) ? PAUTH.select55Data : PAUTH.select55));
  const upper = o.select(by55, replicate(o, pointer, 55), replicate(o, pointer, 63));
  const mask = pacMask(o, upper, isData(key));
  const extended = insert(o, pointer, o.or(mask, o.i64(1n << 55n)), upper);
  const pac = computePac(o, extended, modifier, `AP${key}Key`);
  return insert(o, extended, mask, o.xor(pac, o.select(isTbi(o, mask), o.i64(1n << 54n), o.i64(1n << 62n))));
}

/** AuthIA(), AuthIB(), AuthDA(), AuthDB(): the pointer without its PAC, or one that faults where the PAC is wrong. */
export function authenticate(o: Builder, pointer: I64, modifier: I64, key: PauthKey): I64 {
  return withKey(o, pointer, key, () => o.outline(`auth${key}`, pointer, modifier, OUTLINES[`auth${key}`]));
}

function verify(key: PauthKey): Computation {
  return (o, pointer, modifier) => {
    const upper = replicate(o, pointer, 55);
    const mask = pacMask(o, upper, isData(key));
    const original = insert(o, pointer, mask, upper);
    const pac = computePac(o, original, modifier, `AP${key}Key`);
    const result = o.variable(original);
    o.if(o.ne(o.and(o.xor(pac, pointer), mask), o.i64(0)), () => {
      const errorCode = key[1] === "A" ? 1n : 2n, tbi = isTbi(o, mask);
      const field = o.select(tbi, o.i64(3n << 53n), o.i64(3n << 61n));
      o.assign(result, insert(o, original, field, o.select(tbi, o.i64(errorCode << 53n), o.i64(errorCode << 61n))));
    });
    return result;
  };
}

/** Everything that meanings outline, by name. */
export const OUTLINES: Readonly<Record<string, Computation>> = Object.fromEntries(
  (["IA", "IB", "DA", "DB"] as const).flatMap((key) => [[`addPac${key}`, sign(key)], [`auth${key}`, verify(key)]]),
);

/** Strip(): the pointer with the PAC replaced by copies of bit 55. */
export function strip(o: Builder, pointer: I64, isData: boolean): I64 {
  const upper = replicate(o, pointer, 55);
  return insert(o, pointer, pacMask(o, upper, isData), upper);
}

/** AddPACGA(): a generic authentication code of 32 bits in the upper half. */
export function addPacga(o: Builder, value: I64, modifier: I64): I64 {
  trapUse(o, o.state32("pauth"));
  return o.and(computePac(o, value, modifier, "APGAKey"), o.i64(-0x1_0000_0000));
}

/** ComputePAC() of 64 bits, of which an address has room for some. */
export type PacAlgorithm = (o: Builder, data: I64, modifier: I64, keyLow: I64, keyHigh: I64) => I64;

const MULTIPLIERS = [0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn].map((m) => BigInt.asIntN(64, m));

/**
 * The IMPLEMENTATION DEFINED algorithm: two rounds of multiplication, as Linux signs an address in each function that calls.
 * A bit of a factor changes the product from its own place up, so the high half is folded onto the low one before the second.
 */
export const twoRounds: PacAlgorithm = (o, data, modifier, keyLow, keyHigh) => {
  const fold = (value: I64) => o.xor(value, o.shrU(value, o.i64(32)));
  const first = o.mul(o.xor(data, keyLow), o.i64(MULTIPLIERS[0]));
  const second = fold(o.xor(first, o.add(modifier, keyHigh)));
  return fold(o.mul(second, o.i64(MULTIPLIERS[1])));
};

let algorithm = twoRounds;

/** Has code that is generated from now on compute as another implementation does, to be compared with it. */
export function setPacAlgorithm(other: PacAlgorithm): void {
  algorithm = other;
}

function computePac(o: Builder, data: I64, modifier: I64, key: string): I64 {
  return algorithm(o, data, modifier, o.storedSysreg(`${key}Lo_EL1`), o.storedSysreg(`${key}Hi_EL1`));
}
