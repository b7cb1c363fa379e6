import type { Builder } from "../engine/builder.ts";
import { type Access, describe, makeAccess, transferV } from "./access.ts";
import * as mode from "./addressing.ts";
import type { AddressingMode, With } from "./addressing.ts";
import { isReservedOption } from "./loads_stores_general.ts";
import { group, type Row, row } from "./row.ts";

/*
 * Loads and stores of one SIMD and FP register or a pair of them, Arm DDI 0487, "Loads and stores". A scalar of
 * 64 bits and less is zero-extended when it is loaded, and stored from the low half of the register.
 */

type Meaning<F> = (o: Builder, f: F) => void;
type Size<F> = (f: F) => number;

/** By size and the upper bit of opc: B, H, S, D, Q. */
const bySize = (f: With<"size" | "Q">): number => f.Q === 1 ? 16 : 1 << f.size;
/** By opc: S, D, Q. */
const byOpc = (f: With<"opc">): number => 4 << f.opc;

function load<S, M>(size: Size<S>, mode: AddressingMode<M>): Meaning<With<"Rt"> & S & M> {
  type F = With<"Rt"> & S & M;
  const access = (f: F): Access => {
    const bytes = size(f);
    return makeAccess("load", [transferV(f.Rt, bytes)], mode.describe(f, bytes));
  };
  return describe(access, (o: Builder, f: F) => {
    const bytes = size(f), address = mode.address(o, f, bytes);
    o.setV(f.Rt, o.loadV(address, bytes));
    mode.writeBack(o, f, bytes, address);
  });
}

function store<S, M>(size: Size<S>, mode: AddressingMode<M>): Meaning<With<"Rt"> & S & M> {
  type F = With<"Rt"> & S & M;
  const access = (f: F): Access => {
    const bytes = size(f);
    return makeAccess("store", [transferV(f.Rt, bytes)], mode.describe(f, bytes));
  };
  return describe(access, (o: Builder, f: F) => {
    const bytes = size(f), address = mode.address(o, f, bytes);
    if (bytes === 16) o.store128(address, o.v(f.Rt));
    else o.store(address, bytes, o.vLow64(f.Rt));
    mode.writeBack(o, f, bytes, address);
  });
}

type Pair = With<"Rt" | "Rt2" | "opc">;

function pairAccess<M>(kind: "load" | "store", mode: AddressingMode<M>): (f: Pair & M) => Access {
  return (f) => {
    const bytes = byOpc(f), transfers = [transferV(f.Rt, bytes), transferV(f.Rt2, bytes)];
    return makeAccess(kind, transfers, mode.describe(f, bytes), { isPair: true });
  };
}

function loadPair<M>(mode: AddressingMode<M>): Meaning<Pair & M> {
  return describe(pairAccess("load", mode), (o: Builder, f: Pair & M) => {
    const bytes = byOpc(f), address = mode.address(o, f, bytes);
    const [first, second] = o.loadPairV(address, bytes);
    o.setV(f.Rt, first);
    o.setV(f.Rt2, second);
    mode.writeBack(o, f, bytes, address);
  });
}

function storePair<M>(mode: AddressingMode<M>): Meaning<Pair & M> {
  return describe(pairAccess("store", mode), (o: Builder, f: Pair & M) => {
    const bytes = byOpc(f), address = mode.address(o, f, bytes);
    if (bytes === 16) o.storePair128(address, o.v(f.Rt), o.v(f.Rt2));
    else o.storePair(address, bytes, o.vLow64(f.Rt), o.vLow64(f.Rt2));
    mode.writeBack(o, f, bytes, address);
  });
}

/** There are registers of 128 bits but none above, and their size is written 00. */
function isReservedSize(f: Record<string, number>): boolean {
  return f.Q === 1 && f.size !== 0;
}

// deno-fmt-ignore
const PAIRS = group({ reserved: (f) => f.opc === 3 }, [
  // Load register (literal)
  row("LDR (literal, SIMD&FP)", "opc:2 011 1 00 imm19:19 Rt:5",               "ldr Vt:opc, label19",                      load(byOpc, mode.literal)),
  // Load/store no-allocate pair (offset)
  row("STNP (SIMD&FP)", "opc:2 101 1 000 0 imm7:7 Rt2:5 Rn:5 Rt:5",           "stnp Vt:opc, Vt2:opc, [Xn|SP+imm7*V]",     storePair(mode.pairOffset)),
  row("LDNP (SIMD&FP)", "opc:2 101 1 000 1 imm7:7 Rt2:5 Rn:5 Rt:5",           "ldnp Vt:opc, Vt2:opc, [Xn|SP+imm7*V]",     loadPair(mode.pairOffset)),
  // Load/store register pair (post-indexed)
  row("STP (SIMD&FP)",  "opc:2 101 1 001 0 imm7:7 Rt2:5 Rn:5 Rt:5",           "stp Vt:opc, Vt2:opc, [Xn|SP], #imm7*V",    storePair(mode.pairPostIndex)),
  row("LDP (SIMD&FP)",  "opc:2 101 1 001 1 imm7:7 Rt2:5 Rn:5 Rt:5",           "ldp Vt:opc, Vt2:opc, [Xn|SP], #imm7*V",    loadPair(mode.pairPostIndex)),
  // Load/store register pair (offset)
  row("STP (SIMD&FP)",  "opc:2 101 1 010 0 imm7:7 Rt2:5 Rn:5 Rt:5",           "stp Vt:opc, Vt2:opc, [Xn|SP+imm7*V]",      storePair(mode.pairOffset)),
  row("LDP (SIMD&FP)",  "opc:2 101 1 010 1 imm7:7 Rt2:5 Rn:5 Rt:5",           "ldp Vt:opc, Vt2:opc, [Xn|SP+imm7*V]",      loadPair(mode.pairOffset)),
  // Load/store register pair (pre-indexed)
  row("STP (SIMD&FP)",  "opc:2 101 1 011 0 imm7:7 Rt2:5 Rn:5 Rt:5",           "stp Vt:opc, Vt2:opc, [Xn|SP+imm7*V]!",     storePair(mode.pairPreIndex)),
  row("LDP (SIMD&FP)",  "opc:2 101 1 011 1 imm7:7 Rt2:5 Rn:5 Rt:5",           "ldp Vt:opc, Vt2:opc, [Xn|SP+imm7*V]!",     loadPair(mode.pairPreIndex)),
]);

// deno-fmt-ignore
const SINGLES = group({ reserved: isReservedSize }, [
  // Load/store register (unscaled immediate)
  row("STUR (SIMD&FP)",            "size:2 111 1 00 Q:1 0 0 imm9:9 00 Rn:5 Rt:5", "stur Vt:size, [Xn|SP+imm9]",      store(bySize, mode.unscaledOffset)),
  row("LDUR (SIMD&FP)",            "size:2 111 1 00 Q:1 1 0 imm9:9 00 Rn:5 Rt:5", "ldur Vt:size, [Xn|SP+imm9]",      load(bySize, mode.unscaledOffset)),
  // Load/store register (immediate post-indexed)
  row("STR (immediate, SIMD&FP)",  "size:2 111 1 00 Q:1 0 0 imm9:9 01 Rn:5 Rt:5", "str Vt:size, [Xn|SP], #imm9",     store(bySize, mode.postIndex)),
  row("LDR (immediate, SIMD&FP)",  "size:2 111 1 00 Q:1 1 0 imm9:9 01 Rn:5 Rt:5", "ldr Vt:size, [Xn|SP], #imm9",     load(bySize, mode.postIndex)),
  // Load/store register (immediate pre-indexed)
  row("STR (immediate, SIMD&FP)",  "size:2 111 1 00 Q:1 0 0 imm9:9 11 Rn:5 Rt:5", "str Vt:size, [Xn|SP+imm9]!",      store(bySize, mode.preIndex)),
  row("LDR (immediate, SIMD&FP)",  "size:2 111 1 00 Q:1 1 0 imm9:9 11 Rn:5 Rt:5", "ldr Vt:size, [Xn|SP+imm9]!",      load(bySize, mode.preIndex)),
  // Load/store register (unsigned immediate)
  row("STR (immediate, SIMD&FP)",  "size:2 111 1 01 Q:1 0 imm12:12 Rn:5 Rt:5",    "str Vt:size, [Xn|SP+imm12*V]",    store(bySize, mode.unsignedOffset)),
  row("LDR (immediate, SIMD&FP)",  "size:2 111 1 01 Q:1 1 imm12:12 Rn:5 Rt:5",    "ldr Vt:size, [Xn|SP+imm12*V]",    load(bySize, mode.unsignedOffset)),
]);

// Load/store register (register offset)
// deno-fmt-ignore
const REGISTER_OFFSET = group({ reserved: (f) => isReservedSize(f) || isReservedOption(f) }, [
  row("STR (register, SIMD&FP)", "size:2 111 1 00 Q:1 0 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5", "str Vt:size, [Xn|SP+Rm*V]", store(bySize, mode.registerOffset)),
  row("LDR (register, SIMD&FP)", "size:2 111 1 00 Q:1 1 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5", "ldr Vt:size, [Xn|SP+Rm*V]", load(bySize, mode.registerOffset)),
]);

/** Loads and stores of one SIMD and FP register or a pair of them. */
export const LOADS_STORES_SIMD: readonly Row[] = group({ trap: "fp" }, [...PAIRS, ...SINGLES, ...REGISTER_OFFSET]);
