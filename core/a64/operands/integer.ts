import { decodeBitMasks, encodeBitMasks } from "../bit_masks.ts";
import type { Operand, Operands } from "../operand.ts";
import type { Fields } from "../row.ts";
import { hex, parseInteger, parseNumber, put, register, unsigned, widthBy } from "./general.ts";

/*
 * Operands of the integer data-processing instructions:
 *   Rd+N                          Rd by sf; the field N equals sf
 *   bitmask                       a logical immediate: immN, immr, imms
 *   movz movn                     the value that MOVZ or MOVN makes of imm16 and hw
 *   immr imms                     a bit number below the register's width, in decimal
 *   immr_top                      immr where imms is the highest bit of the register, by the field top
 *   lsl_amount                    the amount of LSL: immr and imms
 *   insert_lsb insert_width       lsb and width of UBFIZ, SBFIZ, BFI, BFC
 *   extract_width                 width of UBFX, SBFX, BFXIL, behind immr
 *   rmif_shift rmif_mask          RMIF
 */

function widthOf(f: Fields): number {
  return f.sf === 1 ? 64 : 32;
}

const SF = widthBy("sf");
/** The field N of bitfield instructions is the same as sf. */
const SF_AND_N = { is64: SF.is64, put: (f: Fields, is64: boolean) => SF.put(f, is64) && put(f, "N", is64 ? 1 : 0) };

const BITMASK: Operand = {
  print(f) {
    const [lo, hi] = decodeBitMasks(f.immN, f.imms, f.immr);
    const low = BigInt(lo >>> 0);
    return hex(f.sf === 1 ? (BigInt(hi >>> 0) << 32n) | low : low);
  },
  parse(text, f) {
    const value = parseForRegister(text, f);
    const fields = value === null ? null : encodeBitMasks(value, widthOf(f));
    return fields !== null && Object.assign(f, fields) !== null;
  },
};

/** The value of an immediate as the register holds it; null where it fits neither as signed nor as unsigned. */
function parseForRegister(text: string, f: Fields): bigint | null {
  const value = parseInteger(text), width = widthOf(f);
  if (value === null || value >= 1n << BigInt(width) || value < -(1n << BigInt(width - 1))) return null;
  return BigInt.asUintN(width, value);
}

function wideValue(isInverted: boolean): Operand {
  const invert = (value: bigint, f: Fields): bigint => isInverted ? BigInt.asUintN(widthOf(f), ~value) : value;
  return {
    print: (f) => hex(invert(BigInt(f.imm16) << BigInt(16 * f.hw), f)),
    parse(text, f) {
      const value = parseForRegister(text, f);
      if (value === null) return false;
      const wide = invert(value, f);
      for (let hw = 0; hw < widthOf(f) / 16; hw++) {
        const imm16 = wide >> BigInt(16 * hw);
        if (imm16 > 0xffffn || imm16 << BigInt(16 * hw) !== wide) continue;
        return put(f, "imm16", Number(imm16)) && put(f, "hw", hw);
      }
      return false;
    },
  };
}

/** A decimal number from `least` to the register's width less one, or the width where `least` is 1. */
function number(print: (f: Fields) => number, set: (value: number, f: Fields) => boolean, least = 0): Operand {
  return {
    print: (f) => `#${print(f)}`,
    parse(text, f) {
      const value = parseNumber(text);
      return value !== null && value >= least && value < widthOf(f) + least && set(value, f);
    },
  };
}

/** Modulo the width of the register. */
function modulo(value: number, f: Fields): number {
  return value & (widthOf(f) - 1);
}

export const INTEGER_OPERANDS: Operands = {
  "Rd+N": register("Rd", SF_AND_N),
  bitmask: BITMASK,
  movz: wideValue(false),
  movn: wideValue(true),
  immr: number((f) => f.immr, (value, f) => put(f, "immr", value)),
  imms: number((f) => f.imms, (value, f) => put(f, "imms", value)),
  immr_top: number((f) => f.immr, (value, f) => put(f, "immr", value) && put(f, "top", f.sf)),
  lsl_amount: number(
    (f) => widthOf(f) - 1 - f.imms,
    (value, f) => put(f, "immr", modulo(-value, f)) && put(f, "imms", widthOf(f) - 1 - value),
  ),
  insert_lsb: number((f) => modulo(-f.immr, f), (value, f) => put(f, "immr", modulo(-value, f))),
  insert_width: number(
    (f) => f.imms + 1,
    (value, f) => value + modulo(-f.immr, f) <= widthOf(f) && put(f, "imms", value - 1),
    1,
  ),
  extract_width: number(
    (f) => f.imms - f.immr + 1,
    (value, f) => f.immr + value <= widthOf(f) && put(f, "imms", f.immr + value - 1),
    1,
  ),
  rmif_shift: unsigned("imm6", 6, { radix: 10 }),
  rmif_mask: unsigned("immmask", 4, { radix: 10 }),
};
