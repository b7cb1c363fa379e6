import type { Builder, I64 } from "../engine/builder.ts";
import { type Addressing, makeAddressing } from "./access.ts";

/*
 * The addressing modes of loads and stores, Arm DDI 0487, "Load/Store addressing modes". A mode has the fields of
 * its diagrams; the number of bytes that are transferred scales its offset.
 */

/** The fields of a diagram that a function looks at. */
export type With<N extends string> = { readonly [K in N]: number };

export interface AddressingMode<F> {
  /** The address of the first byte. */
  address(o: Builder, f: F, bytes: number): I64;
  /** Writes the base register back, when all accesses have succeeded. */
  writeBack(o: Builder, f: F, bytes: number, address: I64): void;
  describe(f: F, bytes: number): Addressing;
}

/** The signed value of a field of `width` bits. */
export function signed(value: number, width: number): number {
  return value >= 2 ** (width - 1) ? value - 2 ** width : value;
}

function noWriteBack(): void {}

/** `[Xn|SP]` */
export const baseOnly: AddressingMode<With<"Rn">> = {
  address: (o, f) => o.base(f.Rn),
  writeBack: noWriteBack,
  describe: (f) => makeAddressing(f.Rn, 0),
};

/** `[Xn|SP, #imm]`, the offset unsigned and scaled. */
export const unsignedOffset: AddressingMode<With<"Rn" | "imm12">> = {
  address: (o, f, bytes) => o.add(o.base(f.Rn), o.imm(f.imm12 * bytes)),
  writeBack: noWriteBack,
  describe: (f, bytes) => makeAddressing(f.Rn, f.imm12 * bytes),
};

type Unscaled = With<"Rn" | "imm9">;

/** `[Xn|SP, #simm]` */
export const unscaledOffset: AddressingMode<Unscaled> = {
  address: (o, f) => o.add(o.base(f.Rn), o.imm(signed(f.imm9, 9))),
  writeBack: noWriteBack,
  describe: (f) => makeAddressing(f.Rn, signed(f.imm9, 9)),
};

/** `[Xn|SP, #simm]!` */
export const preIndex: AddressingMode<Unscaled> = {
  address: unscaledOffset.address,
  writeBack: (o, f, _bytes, address) => o.setXsp(f.Rn, address),
  describe: (f) => makeAddressing(f.Rn, signed(f.imm9, 9), signed(f.imm9, 9)),
};

/** `[Xn|SP], #simm` */
export const postIndex: AddressingMode<Unscaled> = {
  address: (o, f) => o.base(f.Rn),
  writeBack: (o, f, _bytes, address) => o.setXsp(f.Rn, o.add(address, o.imm(signed(f.imm9, 9)))),
  describe: (f) => makeAddressing(f.Rn, 0, signed(f.imm9, 9)),
};

type Indexed = With<"Rn" | "Rm" | "option" | "S">;

/** ExtendReg() for the options that a register offset has: UXTW, LSL, SXTW, SXTX. */
function extendReg(o: Builder, f: Indexed): I64 {
  if (f.option === 0b010) return o.zeroExtend(o.w(f.Rm));
  if (f.option === 0b110) return o.signExtend(o.w(f.Rm));
  return o.x(f.Rm);
}

function indexShift(f: Indexed, bytes: number): number {
  return f.S === 1 ? Math.log2(bytes) : 0;
}

/** `[Xn|SP, Wm|Xm, extend #amount]` */
export const registerOffset: AddressingMode<Indexed> = {
  address(o, f, bytes) {
    const base = o.base(f.Rn), index = extendReg(o, f), shift = indexShift(f, bytes);
    return o.add(base, shift === 0 ? index : o.shl(index, o.i32(shift)));
  },
  writeBack: noWriteBack,
  describe: (f, bytes) => ({
    ...makeAddressing(f.Rn, 0),
    index: { number: f.Rm, option: f.option, shift: indexShift(f, bytes) },
  }),
};

/** A label within 1 MiB. */
export const literal: AddressingMode<With<"imm19">> = {
  address: (o, f) => o.pcPlus(signed(f.imm19, 19) * 4),
  writeBack: noWriteBack,
  describe: (f) => makeAddressing(null, signed(f.imm19, 19) * 4),
};

type PairOffset = With<"Rn" | "imm7">;

function pairOffsetOf(f: PairOffset, bytes: number): number {
  return signed(f.imm7, 7) * bytes;
}

/** `[Xn|SP, #simm]` of a pair, the offset scaled. */
export const pairOffset: AddressingMode<PairOffset> = {
  address: (o, f, bytes) => o.add(o.base(f.Rn), o.imm16s(pairOffsetOf(f, bytes))),
  writeBack: noWriteBack,
  describe: (f, bytes) => makeAddressing(f.Rn, pairOffsetOf(f, bytes)),
};

/** `[Xn|SP, #simm]!` of a pair. */
export const pairPreIndex: AddressingMode<PairOffset> = {
  address: pairOffset.address,
  writeBack: (o, f, _bytes, address) => o.setXsp(f.Rn, address),
  describe: (f, bytes) => makeAddressing(f.Rn, pairOffsetOf(f, bytes), pairOffsetOf(f, bytes)),
};

/** `[Xn|SP], #simm` of a pair. */
export const pairPostIndex: AddressingMode<PairOffset> = {
  address: (o, f) => o.base(f.Rn),
  writeBack: (o, f, bytes, address) => o.setXsp(f.Rn, o.add(address, o.imm16s(pairOffsetOf(f, bytes)))),
  describe: (f, bytes) => makeAddressing(f.Rn, 0, pairOffsetOf(f, bytes)),
};
