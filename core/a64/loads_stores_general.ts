import type { AccessKind } from "../cpu/layout.ts";
import type { Builder, I64 } from "../engine/builder.ts";
import { type Access, describe, makeAccess, transferX } from "./access.ts";
import * as mode from "./addressing.ts";
import type { AddressingMode, With } from "./addressing.ts";
import { group, type Row, row } from "./row.ts";

/*
 * Loads and stores of one general-purpose register, Arm DDI 0487, "Loads and stores".
 */

/** How many bytes are transferred: by the row or by the field sf. */
type Size<F> = (f: F) => number;
export const byte = (): number => 1;
export const halfword = (): number => 2;
export const word = (): number => 4;
export const doubleword = (): number => 8;
export const bySf = (f: With<"sf">): number => 4 << f.sf;

type Meaning<F> = (o: Builder, f: F) => void;
type Rt = With<"Rt">;

/** What the kind of an access says of its flags. */
function flagsOf(kind: AccessKind, isLoad: boolean): Partial<Access> {
  if (kind === "ordered") return isLoad ? { isAcquire: true } : { isRelease: true };
  return { isUnprivileged: kind === "unprivileged" };
}

/** A load that fills the register with zeros. */
export function load<S, M>(size: Size<S>, mode: AddressingMode<M>, kind: AccessKind = "normal"): Meaning<Rt & S & M> {
  const access = (f: Rt & S & M): Access => {
    const bytes = size(f), transfer = transferX(f.Rt, bytes, bytes === 8 ? 64 : 32);
    return makeAccess("load", [transfer], mode.describe(f, bytes), flagsOf(kind, true));
  };
  return describe(access, (o: Builder, f: Rt & S & M) => {
    const bytes = size(f), address = mode.address(o, f, bytes);
    o.setX(f.Rt, o.load(address, bytes, kind));
    mode.writeBack(o, f, bytes, address);
  });
}

/** Sign-extends the low 1, 2 or 4 bytes to 64 bits. */
function signExtend(o: Builder, value: I64, bytes: number): I64 {
  return o.op(bytes === 1 ? "i64.extend8_s" : bytes === 2 ? "i64.extend16_s" : "i64.extend32_s", value);
}

/** A load that sign-extends to the W or X register. */
export function loadSigned<M>(
  size: Size<unknown>,
  width: 32 | 64,
  mode: AddressingMode<M>,
  kind: AccessKind = "normal",
): Meaning<Rt & M> {
  const bytes = size(null);
  const access = (f: Rt & M): Access =>
    makeAccess("load", [transferX(f.Rt, bytes, width, true)], mode.describe(f, bytes), flagsOf(kind, true));
  return describe(access, (o: Builder, f: Rt & M) => {
    const address = mode.address(o, f, bytes), value = signExtend(o, o.load(address, bytes, kind), bytes);
    if (width === 64) o.setX(f.Rt, value);
    else o.setW(f.Rt, o.wrap(value));
    mode.writeBack(o, f, bytes, address);
  });
}

/** A store of the register's low bytes. */
export function store<S, M>(size: Size<S>, mode: AddressingMode<M>, kind: AccessKind = "normal"): Meaning<Rt & S & M> {
  const access = (f: Rt & S & M): Access => {
    const bytes = size(f), transfer = transferX(f.Rt, bytes, bytes === 8 ? 64 : 32);
    return makeAccess("store", [transfer], mode.describe(f, bytes), flagsOf(kind, false));
  };
  return describe(access, (o: Builder, f: Rt & S & M) => {
    const bytes = size(f), address = mode.address(o, f, bytes);
    o.store(address, bytes, o.x(f.Rt), kind);
    mode.writeBack(o, f, bytes, address);
  });
}

/** PRFM: a hint, which changes nothing that the guest can see and checks nothing. */
function prefetch(): void {}

/** The extensions of a register offset are those from 32 and 64 bits. */
export function isReservedOption(f: Record<string, number>): boolean {
  return (f.option & 0b010) === 0;
}

// Load register (literal)
// deno-fmt-ignore
const LITERAL = [
  row("LDR (literal)",   "0 sf:1 011 0 00 imm19:19 Rt:5", "ldr Rt, label19",     load(bySf, mode.literal)),
  row("LDRSW (literal)", "10 011 0 00 imm19:19 Rt:5",     "ldrsw Xt, label19",   loadSigned(word, 64, mode.literal)),
  row("PRFM (literal)",  "11 011 0 00 imm19:19 immprfop:5", "prfm prfop, label19", prefetch),
];

// Load/store register (unscaled immediate)
// deno-fmt-ignore
const UNSCALED = [
  row("STURB",  "00     111 0 00 00 0 imm9:9 00 Rn:5 Rt:5",       "sturb Wt, [Xn|SP+imm9]",    store(byte, mode.unscaledOffset)),
  row("LDURB",  "00     111 0 00 01 0 imm9:9 00 Rn:5 Rt:5",       "ldurb Wt, [Xn|SP+imm9]",    load(byte, mode.unscaledOffset)),
  row("LDURSB", "00     111 0 00 10 0 imm9:9 00 Rn:5 Rt:5",       "ldursb Xt, [Xn|SP+imm9]",   loadSigned(byte, 64, mode.unscaledOffset)),
  row("LDURSB", "00     111 0 00 11 0 imm9:9 00 Rn:5 Rt:5",       "ldursb Wt, [Xn|SP+imm9]",   loadSigned(byte, 32, mode.unscaledOffset)),
  row("STURH",  "01     111 0 00 00 0 imm9:9 00 Rn:5 Rt:5",       "sturh Wt, [Xn|SP+imm9]",    store(halfword, mode.unscaledOffset)),
  row("LDURH",  "01     111 0 00 01 0 imm9:9 00 Rn:5 Rt:5",       "ldurh Wt, [Xn|SP+imm9]",    load(halfword, mode.unscaledOffset)),
  row("LDURSH", "01     111 0 00 10 0 imm9:9 00 Rn:5 Rt:5",       "ldursh Xt, [Xn|SP+imm9]",   loadSigned(halfword, 64, mode.unscaledOffset)),
  row("LDURSH", "01     111 0 00 11 0 imm9:9 00 Rn:5 Rt:5",       "ldursh Wt, [Xn|SP+imm9]",   loadSigned(halfword, 32, mode.unscaledOffset)),
  row("STUR",   "1 sf:1 111 0 00 00 0 imm9:9 00 Rn:5 Rt:5",       "stur Rt, [Xn|SP+imm9]",     store(bySf, mode.unscaledOffset)),
  row("LDUR",   "1 sf:1 111 0 00 01 0 imm9:9 00 Rn:5 Rt:5",       "ldur Rt, [Xn|SP+imm9]",     load(bySf, mode.unscaledOffset)),
  row("LDURSW", "10     111 0 00 10 0 imm9:9 00 Rn:5 Rt:5",       "ldursw Xt, [Xn|SP+imm9]",   loadSigned(word, 64, mode.unscaledOffset)),
  row("PRFUM",  "11     111 0 00 10 0 imm9:9 00 Rn:5 immprfop:5", "prfum prfop, [Xn|SP+imm9]", prefetch),
];

// Load/store register (immediate post-indexed)
// deno-fmt-ignore
const POST_INDEXED = [
  row("STRB (immediate)",  "00     111 0 00 00 0 imm9:9 01 Rn:5 Rt:5", "strb Wt, [Xn|SP], #imm9",  store(byte, mode.postIndex)),
  row("LDRB (immediate)",  "00     111 0 00 01 0 imm9:9 01 Rn:5 Rt:5", "ldrb Wt, [Xn|SP], #imm9",  load(byte, mode.postIndex)),
  row("LDRSB (immediate)", "00     111 0 00 10 0 imm9:9 01 Rn:5 Rt:5", "ldrsb Xt, [Xn|SP], #imm9", loadSigned(byte, 64, mode.postIndex)),
  row("LDRSB (immediate)", "00     111 0 00 11 0 imm9:9 01 Rn:5 Rt:5", "ldrsb Wt, [Xn|SP], #imm9", loadSigned(byte, 32, mode.postIndex)),
  row("STRH (immediate)",  "01     111 0 00 00 0 imm9:9 01 Rn:5 Rt:5", "strh Wt, [Xn|SP], #imm9",  store(halfword, mode.postIndex)),
  row("LDRH (immediate)",  "01     111 0 00 01 0 imm9:9 01 Rn:5 Rt:5", "ldrh Wt, [Xn|SP], #imm9",  load(halfword, mode.postIndex)),
  row("LDRSH (immediate)", "01     111 0 00 10 0 imm9:9 01 Rn:5 Rt:5", "ldrsh Xt, [Xn|SP], #imm9", loadSigned(halfword, 64, mode.postIndex)),
  row("LDRSH (immediate)", "01     111 0 00 11 0 imm9:9 01 Rn:5 Rt:5", "ldrsh Wt, [Xn|SP], #imm9", loadSigned(halfword, 32, mode.postIndex)),
  row("STR (immediate)",   "1 sf:1 111 0 00 00 0 imm9:9 01 Rn:5 Rt:5", "str Rt, [Xn|SP], #imm9",   store(bySf, mode.postIndex)),
  row("LDR (immediate)",   "1 sf:1 111 0 00 01 0 imm9:9 01 Rn:5 Rt:5", "ldr Rt, [Xn|SP], #imm9",   load(bySf, mode.postIndex)),
  row("LDRSW (immediate)", "10     111 0 00 10 0 imm9:9 01 Rn:5 Rt:5", "ldrsw Xt, [Xn|SP], #imm9", loadSigned(word, 64, mode.postIndex)),
];

// Load/store register (unprivileged)
// deno-fmt-ignore
const UNPRIVILEGED = [
  row("STTRB",  "00     111 0 00 00 0 imm9:9 10 Rn:5 Rt:5", "sttrb Wt, [Xn|SP+imm9]",  store(byte, mode.unscaledOffset, "unprivileged")),
  row("LDTRB",  "00     111 0 00 01 0 imm9:9 10 Rn:5 Rt:5", "ldtrb Wt, [Xn|SP+imm9]",  load(byte, mode.unscaledOffset, "unprivileged")),
  row("LDTRSB", "00     111 0 00 10 0 imm9:9 10 Rn:5 Rt:5", "ldtrsb Xt, [Xn|SP+imm9]", loadSigned(byte, 64, mode.unscaledOffset, "unprivileged")),
  row("LDTRSB", "00     111 0 00 11 0 imm9:9 10 Rn:5 Rt:5", "ldtrsb Wt, [Xn|SP+imm9]", loadSigned(byte, 32, mode.unscaledOffset, "unprivileged")),
  row("STTRH",  "01     111 0 00 00 0 imm9:9 10 Rn:5 Rt:5", "sttrh Wt, [Xn|SP+imm9]",  store(halfword, mode.unscaledOffset, "unprivileged")),
  row("LDTRH",  "01     111 0 00 01 0 imm9:9 10 Rn:5 Rt:5", "ldtrh Wt, [Xn|SP+imm9]",  load(halfword, mode.unscaledOffset, "unprivileged")),
  row("LDTRSH", "01     111 0 00 10 0 imm9:9 10 Rn:5 Rt:5", "ldtrsh Xt, [Xn|SP+imm9]", loadSigned(halfword, 64, mode.unscaledOffset, "unprivileged")),
  row("LDTRSH", "01     111 0 00 11 0 imm9:9 10 Rn:5 Rt:5", "ldtrsh Wt, [Xn|SP+imm9]", loadSigned(halfword, 32, mode.unscaledOffset, "unprivileged")),
  row("STTR",   "1 sf:1 111 0 00 00 0 imm9:9 10 Rn:5 Rt:5", "sttr Rt, [Xn|SP+imm9]",   store(bySf, mode.unscaledOffset, "unprivileged")),
  row("LDTR",   "1 sf:1 111 0 00 01 0 imm9:9 10 Rn:5 Rt:5", "ldtr Rt, [Xn|SP+imm9]",   load(bySf, mode.unscaledOffset, "unprivileged")),
  row("LDTRSW", "10     111 0 00 10 0 imm9:9 10 Rn:5 Rt:5", "ldtrsw Xt, [Xn|SP+imm9]", loadSigned(word, 64, mode.unscaledOffset, "unprivileged")),
];

// Load/store register (immediate pre-indexed)
// deno-fmt-ignore
const PRE_INDEXED = [
  row("STRB (immediate)",  "00     111 0 00 00 0 imm9:9 11 Rn:5 Rt:5", "strb Wt, [Xn|SP+imm9]!",  store(byte, mode.preIndex)),
  row("LDRB (immediate)",  "00     111 0 00 01 0 imm9:9 11 Rn:5 Rt:5", "ldrb Wt, [Xn|SP+imm9]!",  load(byte, mode.preIndex)),
  row("LDRSB (immediate)", "00     111 0 00 10 0 imm9:9 11 Rn:5 Rt:5", "ldrsb Xt, [Xn|SP+imm9]!", loadSigned(byte, 64, mode.preIndex)),
  row("LDRSB (immediate)", "00     111 0 00 11 0 imm9:9 11 Rn:5 Rt:5", "ldrsb Wt, [Xn|SP+imm9]!", loadSigned(byte, 32, mode.preIndex)),
  row("STRH (immediate)",  "01     111 0 00 00 0 imm9:9 11 Rn:5 Rt:5", "strh Wt, [Xn|SP+imm9]!",  store(halfword, mode.preIndex)),
  row("LDRH (immediate)",  "01     111 0 00 01 0 imm9:9 11 Rn:5 Rt:5", "ldrh Wt, [Xn|SP+imm9]!",  load(halfword, mode.preIndex)),
  row("LDRSH (immediate)", "01     111 0 00 10 0 imm9:9 11 Rn:5 Rt:5", "ldrsh Xt, [Xn|SP+imm9]!", loadSigned(halfword, 64, mode.preIndex)),
  row("LDRSH (immediate)", "01     111 0 00 11 0 imm9:9 11 Rn:5 Rt:5", "ldrsh Wt, [Xn|SP+imm9]!", loadSigned(halfword, 32, mode.preIndex)),
  row("STR (immediate)",   "1 sf:1 111 0 00 00 0 imm9:9 11 Rn:5 Rt:5", "str Rt, [Xn|SP+imm9]!",   store(bySf, mode.preIndex)),
  row("LDR (immediate)",   "1 sf:1 111 0 00 01 0 imm9:9 11 Rn:5 Rt:5", "ldr Rt, [Xn|SP+imm9]!",   load(bySf, mode.preIndex)),
  row("LDRSW (immediate)", "10     111 0 00 10 0 imm9:9 11 Rn:5 Rt:5", "ldrsw Xt, [Xn|SP+imm9]!", loadSigned(word, 64, mode.preIndex)),
];

// Load/store register (register offset)
// deno-fmt-ignore
const REGISTER_OFFSET = group({ reserved: isReservedOption }, [
  row("STRB (register)",  "00     111 0 00 00 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5",       "strb Wt, [Xn|SP+Rm*1]",    store(byte, mode.registerOffset)),
  row("LDRB (register)",  "00     111 0 00 01 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5",       "ldrb Wt, [Xn|SP+Rm*1]",    load(byte, mode.registerOffset)),
  row("LDRSB (register)", "00     111 0 00 10 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5",       "ldrsb Xt, [Xn|SP+Rm*1]",   loadSigned(byte, 64, mode.registerOffset)),
  row("LDRSB (register)", "00     111 0 00 11 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5",       "ldrsb Wt, [Xn|SP+Rm*1]",   loadSigned(byte, 32, mode.registerOffset)),
  row("STRH (register)",  "01     111 0 00 00 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5",       "strh Wt, [Xn|SP+Rm*2]",    store(halfword, mode.registerOffset)),
  row("LDRH (register)",  "01     111 0 00 01 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5",       "ldrh Wt, [Xn|SP+Rm*2]",    load(halfword, mode.registerOffset)),
  row("LDRSH (register)", "01     111 0 00 10 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5",       "ldrsh Xt, [Xn|SP+Rm*2]",   loadSigned(halfword, 64, mode.registerOffset)),
  row("LDRSH (register)", "01     111 0 00 11 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5",       "ldrsh Wt, [Xn|SP+Rm*2]",   loadSigned(halfword, 32, mode.registerOffset)),
  row("STR (register)",   "1 sf:1 111 0 00 00 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5",       "str Rt, [Xn|SP+Rm*R]",     store(bySf, mode.registerOffset)),
  row("LDR (register)",   "1 sf:1 111 0 00 01 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5",       "ldr Rt, [Xn|SP+Rm*R]",     load(bySf, mode.registerOffset)),
  row("LDRSW (register)", "10     111 0 00 10 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5",       "ldrsw Xt, [Xn|SP+Rm*4]",   loadSigned(word, 64, mode.registerOffset)),
  row("PRFM (register)",  "11     111 0 00 10 1 Rm:5 option:3 S:1 10 Rn:5 immprfop:5", "prfm prfop, [Xn|SP+Rm*8]", prefetch),
]);

// Load/store register (unsigned immediate)
// deno-fmt-ignore
const UNSIGNED_IMMEDIATE = [
  row("STRB (immediate)",  "00     111 0 01 00 imm12:12 Rn:5 Rt:5",       "strb Wt, [Xn|SP+imm12*1]",    store(byte, mode.unsignedOffset)),
  row("LDRB (immediate)",  "00     111 0 01 01 imm12:12 Rn:5 Rt:5",       "ldrb Wt, [Xn|SP+imm12*1]",    load(byte, mode.unsignedOffset)),
  row("LDRSB (immediate)", "00     111 0 01 10 imm12:12 Rn:5 Rt:5",       "ldrsb Xt, [Xn|SP+imm12*1]",   loadSigned(byte, 64, mode.unsignedOffset)),
  row("LDRSB (immediate)", "00     111 0 01 11 imm12:12 Rn:5 Rt:5",       "ldrsb Wt, [Xn|SP+imm12*1]",   loadSigned(byte, 32, mode.unsignedOffset)),
  row("STRH (immediate)",  "01     111 0 01 00 imm12:12 Rn:5 Rt:5",       "strh Wt, [Xn|SP+imm12*2]",    store(halfword, mode.unsignedOffset)),
  row("LDRH (immediate)",  "01     111 0 01 01 imm12:12 Rn:5 Rt:5",       "ldrh Wt, [Xn|SP+imm12*2]",    load(halfword, mode.unsignedOffset)),
  row("LDRSH (immediate)", "01     111 0 01 10 imm12:12 Rn:5 Rt:5",       "ldrsh Xt, [Xn|SP+imm12*2]",   loadSigned(halfword, 64, mode.unsignedOffset)),
  row("LDRSH (immediate)", "01     111 0 01 11 imm12:12 Rn:5 Rt:5",       "ldrsh Wt, [Xn|SP+imm12*2]",   loadSigned(halfword, 32, mode.unsignedOffset)),
  row("STR (immediate)",   "1 sf:1 111 0 01 00 imm12:12 Rn:5 Rt:5",       "str Rt, [Xn|SP+imm12*R]",     store(bySf, mode.unsignedOffset)),
  row("LDR (immediate)",   "1 sf:1 111 0 01 01 imm12:12 Rn:5 Rt:5",       "ldr Rt, [Xn|SP+imm12*R]",     load(bySf, mode.unsignedOffset)),
  row("LDRSW (immediate)", "10     111 0 01 10 imm12:12 Rn:5 Rt:5",       "ldrsw Xt, [Xn|SP+imm12*4]",   loadSigned(word, 64, mode.unsignedOffset)),
  row("PRFM (immediate)",  "11     111 0 01 10 imm12:12 Rn:5 immprfop:5", "prfm prfop, [Xn|SP+imm12*8]", prefetch),
];

/** Loads and stores of one general-purpose register. */
export const LOADS_STORES_GENERAL: readonly Row[] = [
  ...LITERAL,
  ...UNSCALED,
  ...POST_INDEXED,
  ...UNPRIVILEGED,
  ...PRE_INDEXED,
  ...REGISTER_OFFSET,
  ...UNSIGNED_IMMEDIATE,
];
