import { extractFields, type Fields, type Row, type Semantics } from "./row.ts";

/** What one register of a load or store has to do with memory. */
export interface Transfer {
  /** "x": a general-purpose register, 31 being XZR; "v": a SIMD and FP register. */
  readonly register: "x" | "v";
  readonly number: number;
  /** Bytes in memory: 1, 2, 4, 8 or 16. */
  readonly bytes: number;
  /** A load sign-extends to `width`. */
  readonly isSigned: boolean;
  /** Bits of the register that a load writes, from the element's place on: the value and zeros, or sign, above it. */
  readonly width: number;
  /** The element of a vector register that is transferred, counted in `bytes`; "all": a load writes every element. */
  readonly element: number | "all";
}

/** Where the first byte of an access is, and what becomes of the base register. */
export interface Addressing {
  /** Number of the base register, 31 being SP; null: the address is relative to the PC. */
  readonly base: number | null;
  /** Bytes added to the base or to the PC. */
  readonly offset: number;
  /** The index register that is added as well: extended by `option` (Arm DDI 0487, ExtendReg) and shifted left. */
  readonly index: { readonly number: number; readonly option: number; readonly shift: number } | null;
  /** What is added to the base register in the end: bytes or the value of a register; null: it stays. */
  readonly writeback: number | { readonly number: number } | null;
  /** The base is a signed pointer (LDRAA, LDRAB), which AuthDA() or AuthDB() makes an address. */
  readonly isAuthenticated: boolean;
}

/** The words of the atomic instructions, Arm DDI 0487, MemAtomicOp, and compare and swap. */
export type AtomicOperation = "add" | "bic" | "eor" | "orr" | "smax" | "smin" | "umax" | "umin" | "swp" | "cas";

/**
 * A load or store, told so that a hypervisor can carry it out when the syndrome says nothing (ESR_ELx.ISV = 0).
 * Arm DDI 0487, ISS encoding for an exception from a Data Abort.
 */
export interface Access extends Addressing {
  readonly kind: "load" | "store" | "atomic";
  /** In order of their addresses, without gaps. Of an atomic: the registers that receive the old value. */
  readonly transfers: readonly Transfer[];
  /** A pair of registers, as LDP has it. */
  readonly isPair: boolean;
  readonly isAcquire: boolean;
  readonly isRelease: boolean;
  readonly isExclusive: boolean;
  /** LDTR, STTR: with the permissions of EL0. */
  readonly isUnprivileged: boolean;
  /** Store-exclusive: the register that receives 0 for success. */
  readonly status: number | null;
  /**
   * Atomics: what is stored follows from the old value and these registers (one, or two for a pair). "cas" stores them
   * where memory is equal to the registers of `transfers`; "bic" clears the bits that are set in them.
   */
  readonly operation: { readonly name: AtomicOperation; readonly operands: readonly number[] } | null;
}

type Flags = "isPair" | "isAcquire" | "isRelease" | "isExclusive" | "isUnprivileged" | "status" | "operation";

/** An access whose flags are false where they are not given. */
export function makeAccess(
  kind: Access["kind"],
  transfers: readonly Transfer[],
  addressing: Addressing,
  flags: Partial<Pick<Access, Flags>> = {},
): Access {
  return {
    kind,
    transfers,
    ...addressing,
    isPair: false,
    isAcquire: false,
    isRelease: false,
    isExclusive: false,
    isUnprivileged: false,
    status: null,
    operation: null,
    ...flags,
  };
}

/** The addressing by a base register, or null for the PC, and a number of bytes. */
export function makeAddressing(base: number | null, offset: number, writeback: number | null = null): Addressing {
  return { base, offset, index: null, writeback, isAuthenticated: false };
}

/** A general-purpose register of an access; `width` as for the register's name, W or X. */
export function transferX(number: number, bytes: number, width: number, isSigned = false): Transfer {
  return { register: "x", number, bytes, isSigned, width, element: 0 };
}

/** A whole SIMD and FP register of an access: a load writes zeros above its bytes. */
export function transferV(number: number, bytes: number): Transfer {
  return { register: "v", number, bytes, isSigned: false, width: 128, element: 0 };
}

const descriptions = new WeakMap<Semantics, (f: Fields) => Access>();

/** Gives a meaning the description of its access, and returns the meaning. */
// deno-lint-ignore no-explicit-any
export function describe<S extends (o: any, f: any) => void>(access: (f: Parameters<S>[1]) => Access, meaning: S): S {
  descriptions.set(meaning, access);
  return meaning;
}

/** The access that a word of `row` makes, or null when it makes none. */
export function accessOf(row: Row, word: number): Access | null {
  const access = row.semantics && descriptions.get(row.semantics);
  return access ? access(extractFields(row, word)) : null;
}
