import type { Builder } from "../engine/builder.ts";
import { type Access, describe, makeAccess, transferX } from "./access.ts";
import { type AddressingMode, pairOffset, pairPostIndex, pairPreIndex, type With } from "./addressing.ts";
import { bySf } from "./loads_stores_general.ts";
import { type Fields, type Row, row } from "./row.ts";

/*
 * Loads and stores of a pair of general-purpose registers, Arm DDI 0487, "Loads and stores". Both elements are
 * read, or found writable, before a register changes.
 */

type Meaning<F> = (o: Builder, f: F) => void;
type Pair = With<"Rt" | "Rt2">;

function storePair<M>(mode: AddressingMode<M>): Meaning<Pair & With<"sf"> & M> {
  type F = Pair & With<"sf"> & M;
  const access = (f: F): Access => {
    const bytes = bySf(f), transfers = [transferX(f.Rt, bytes, 8 * bytes), transferX(f.Rt2, bytes, 8 * bytes)];
    return makeAccess("store", transfers, mode.describe(f, bytes), { isPair: true });
  };
  return describe(access, (o: Builder, f: F) => {
    const bytes = bySf(f), address = mode.address(o, f, bytes);
    o.storePair(address, bytes, o.x(f.Rt), o.x(f.Rt2));
    mode.writeBack(o, f, bytes, address);
  });
}

function loadPair<M>(mode: AddressingMode<M>): Meaning<Pair & With<"sf"> & M> {
  type F = Pair & With<"sf"> & M;
  const access = (f: F): Access => {
    const bytes = bySf(f), transfers = [transferX(f.Rt, bytes, 8 * bytes), transferX(f.Rt2, bytes, 8 * bytes)];
    return makeAccess("load", transfers, mode.describe(f, bytes), { isPair: true });
  };
  return describe(access, (o: Builder, f: F) => {
    const bytes = bySf(f), address = mode.address(o, f, bytes), [first, second] = o.loadPair(address, bytes);
    o.setX(f.Rt, first);
    o.setX(f.Rt2, second);
    mode.writeBack(o, f, bytes, address);
  });
}

function loadPairSigned<M>(mode: AddressingMode<M>): Meaning<Pair & M> {
  const access = (f: Pair & M): Access => {
    const transfers = [transferX(f.Rt, 4, 64, true), transferX(f.Rt2, 4, 64, true)];
    return makeAccess("load", transfers, mode.describe(f, 4), { isPair: true });
  };
  return describe(access, (o: Builder, f: Pair & M) => {
    const address = mode.address(o, f, 4), [first, second] = o.loadPair(address, 4);
    o.setX(f.Rt, o.op("i64.extend32_s", first));
    o.setX(f.Rt2, o.op("i64.extend32_s", second));
    mode.writeBack(o, f, 4, address);
  });
}

/** LDPSW into one register twice is CONSTRAINED UNPREDICTABLE; here it is UNDEFINED. */
function isSameTwice(f: Fields): boolean {
  return f.Rt === f.Rt2;
}

/** And so is writing back to a register that is loaded. */
function isOverwritten(f: Fields): boolean {
  return isSameTwice(f) || (f.Rn !== 31 && (f.Rn === f.Rt || f.Rn === f.Rt2));
}

/** Loads and stores of a pair of general-purpose registers. */
// deno-fmt-ignore
export const LOADS_STORES_PAIR: readonly Row[] = [
  // Load/store no-allocate pair (offset)
  row("STNP",  "sf:1 0 101 0 000 0 imm7:7 Rt2:5 Rn:5 Rt:5", "stnp Rt, Rt2, [Xn|SP+imm7*R]",     storePair(pairOffset)),
  row("LDNP",  "sf:1 0 101 0 000 1 imm7:7 Rt2:5 Rn:5 Rt:5", "ldnp Rt, Rt2, [Xn|SP+imm7*R]",     loadPair(pairOffset)),
  // Load/store register pair (post-indexed)
  row("STP",   "sf:1 0 101 0 001 0 imm7:7 Rt2:5 Rn:5 Rt:5", "stp Rt, Rt2, [Xn|SP], #imm7*R",    storePair(pairPostIndex)),
  row("LDP",   "sf:1 0 101 0 001 1 imm7:7 Rt2:5 Rn:5 Rt:5", "ldp Rt, Rt2, [Xn|SP], #imm7*R",    loadPair(pairPostIndex)),
  row("LDPSW", "01     101 0 001 1 imm7:7 Rt2:5 Rn:5 Rt:5", "ldpsw Xt, Xt2, [Xn|SP], #imm7*4",  loadPairSigned(pairPostIndex), { reserved: isOverwritten }),
  // Load/store register pair (offset)
  row("STP",   "sf:1 0 101 0 010 0 imm7:7 Rt2:5 Rn:5 Rt:5", "stp Rt, Rt2, [Xn|SP+imm7*R]",      storePair(pairOffset)),
  row("LDP",   "sf:1 0 101 0 010 1 imm7:7 Rt2:5 Rn:5 Rt:5", "ldp Rt, Rt2, [Xn|SP+imm7*R]",      loadPair(pairOffset)),
  row("LDPSW", "01     101 0 010 1 imm7:7 Rt2:5 Rn:5 Rt:5", "ldpsw Xt, Xt2, [Xn|SP+imm7*4]",    loadPairSigned(pairOffset), { reserved: isSameTwice }),
  // Load/store register pair (pre-indexed)
  row("STP",   "sf:1 0 101 0 011 0 imm7:7 Rt2:5 Rn:5 Rt:5", "stp Rt, Rt2, [Xn|SP+imm7*R]!",     storePair(pairPreIndex)),
  row("LDP",   "sf:1 0 101 0 011 1 imm7:7 Rt2:5 Rn:5 Rt:5", "ldp Rt, Rt2, [Xn|SP+imm7*R]!",     loadPair(pairPreIndex)),
  row("LDPSW", "01     101 0 011 1 imm7:7 Rt2:5 Rn:5 Rt:5", "ldpsw Xt, Xt2, [Xn|SP+imm7*4]!",   loadPairSigned(pairPreIndex), { reserved: isOverwritten }),
];
