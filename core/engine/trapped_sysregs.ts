import { Decoder } from "../a64/decoder.ts";
import type { Row, Semantics } from "../a64/row.ts";
import { encodeSysreg, findSysreg } from "../cpu/sysregs.ts";
import { SYSREG_CURRENT_EL, SYSREG_DAIF, SYSREG_FPCR, SYSREG_FPSR, SYSREG_NZCV } from "./guest_emitter.ts";

/*
 * Generated code reads and writes some registers by itself, without a look at the access bytes. Where one of these is
 * trapped, its instructions are decoded as other rows, which have TypeScript check each access; until then that costs
 * nothing.
 */

/** Such registers by encoding, with the MSR (immediate) that generated code does by itself, too. */
const UNCHECKED: ReadonlyMap<number, readonly string[]> = new Map([
  [SYSREG_NZCV, []],
  [SYSREG_DAIF, ["MSR (DAIFSet)", "MSR (DAIFClr)"]],
  [SYSREG_CURRENT_EL, []],
  [SYSREG_FPCR, []],
  [SYSREG_FPSR, []],
  [encodeSysreg(3, 3, 4, 2, 5), ["MSR (DIT)"]],
  [encodeSysreg(3, 3, 4, 2, 6), ["MSR (SSBS)"]],
]);

/**
 * The encodings of such registers among those that trap.
 * @param traps of each vCPU, as Vcpu.sysregTraps has them.
 */
export function uncheckedSysregs(traps: readonly Uint8Array[]): number[] {
  return [...UNCHECKED.keys()].filter((encoding) => traps.some((bits) => bits[findSysreg(encoding)] !== 0));
}

/** Finds what `decoder` does, but for the accesses to these registers, which `uncheckedSysregs` gave. */
export function checkingDecoder(decoder: Decoder, encodings: readonly number[]): Decoder {
  if (encodings.length === 0) return decoder;
  const immediates = new Set(encodings.flatMap((encoding) => UNCHECKED.get(encoding)!));
  const rows = decoder.rows.flatMap((row) => {
    if (immediates.has(row.name)) return [once(row, 0, immediate(row))];
    if (row.name === "MRS") return [row, ...encodings.map((encoding) => once(row, encoding, mrs(encoding)))];
    if (row.name !== "MSR (register)") return [row];
    return [row, ...encodings.map((encoding) => once(row, encoding, msr(encoding)))];
  });
  return new Decoder(rows);
}

function mrs(encoding: number): Semantics {
  return (o, f) => o.setX(f.Rt, o.helper("mrs", "i64", o.i32(encoding)));
}

function msr(encoding: number): Semantics {
  return (o, f) => {
    o.helper("msr", null, o.i32(encoding), o.x(f.Rt));
    if (encoding === SYSREG_NZCV) o.setNzcv(o.state32("nzcv"));
  };
}

function immediate({ value }: Row): Semantics {
  return (o, f) => o.helper("msrImmediate", null, o.i32(value >> 16 & 7), o.i32(value >> 5 & 7), o.imm16(f.imm4));
}

/** Bits of MRS and MSR that tell the register: its encoding without the bit that is always 1. */
const REGISTER_MASK = 0x7fff << 5;
const made = new Map<Row, Map<number, Row>>();

/** A row as it is for one register (0: for all), with another meaning; made once, as handlers are kept by row. */
function once(row: Row, encoding: number, semantics: Semantics): Row {
  let rows = made.get(row);
  if (rows === undefined) made.set(row, rows = new Map());
  let result = rows.get(encoding);
  if (result === undefined) {
    const register = encoding === 0 ? 0 : REGISTER_MASK;
    result = {
      ...row,
      semantics,
      mask: (row.mask | register) >>> 0,
      value: (row.value | encoding << 5 & register) >>> 0,
    };
    rows.set(encoding, result);
  }
  return result;
}
