import type { Builder, I32, I64 } from "../engine/builder.ts";
import { authenticate, type PauthKey } from "./pointer_authentication.ts";
import { alias, group, type Row, row } from "./row.ts";

/*
 * Branches and exception generation. Arm DDI 0487, section C4.1, "Branches, Exception Generating and System
 * instructions".
 */

/** A byte offset from a signed field of `width` bits that counts words. */
function wordOffset(field: number, width: number): number {
  return ((field << (32 - width)) >> (32 - width)) * 4;
}

// Unconditional branch (immediate), conditional branches

function b(o: Builder, f: { imm26: number }): void {
  o.branch(wordOffset(f.imm26, 26));
}

function bl(o: Builder, f: { imm26: number }): void {
  o.branchLink(wordOffset(f.imm26, 26));
}

function bCond(o: Builder, f: { imm19: number; cond: number }): void {
  if (f.cond >= 14) return o.branch(wordOffset(f.imm19, 19));
  o.branchIf(o.condition(f.cond), wordOffset(f.imm19, 19));
}

function compareAndBranch(isNonzero: boolean) {
  return (o: Builder, f: { sf: number; imm19: number; Rt: number }): void => {
    const operand = o.reg(f.sf, f.Rt), isZero = o.eqz(operand);
    o.branchIf(isNonzero ? (operand.type === "i32" ? operand : o.eqz(isZero)) : isZero, wordOffset(f.imm19, 19));
  };
}

interface TestAndBranch {
  readonly b5: number;
  readonly immb40: number;
  readonly imm14: number;
  readonly Rt: number;
}

function testAndBranch(isNonzero: boolean) {
  return (o: Builder, f: TestAndBranch): void => {
    const word: I32 = f.b5 === 1 ? o.wrap(o.shrU(o.x(f.Rt), o.i64(32))) : o.w(f.Rt);
    const bit = o.and(o.shrU(word, o.imm16(f.immb40)), o.i32(1));
    o.branchIf(isNonzero ? bit : o.eqz(bit), wordOffset(f.imm14, 14));
  };
}

// Exception generation

function exception(kind: "svc" | "hvc" | "smc" | "brk" | "hlt") {
  return (o: Builder, f: { imm16: number }): void => o.exit(kind, o.zeroExtend(o.imm16(f.imm16)));
}

/** In Non-debug state; the immediate of DCPS<n> and the rest does not matter. */
function undefinedInstruction(o: Builder): void {
  o.undefined();
}

// Unconditional branch (register)

/** PSTATE.EL in the state field `pstate`. */
const PSTATE_EL = 3 << 2;

type BranchKind = "br" | "blr" | "ret";

function branchRegister(o: Builder, target: I64, kind: BranchKind): void {
  if (kind === "blr") o.link();
  o.branchTo(target, kind);
}

function branch(kind: BranchKind) {
  return (o: Builder, f: { Rn: number }): void => branchRegister(o, o.x(f.Rn), kind);
}

/** To an authenticated address; the modifier is 0 where the row has no Rm. */
function branchAuthenticated(kind: BranchKind, key: PauthKey) {
  return (o: Builder, f: { Rn: number; Rm?: number }): void => {
    const target = o.x(f.Rn), modifier = f.Rm === undefined ? o.i64(0) : o.xsp(f.Rm);
    branchRegister(o, authenticate(o, target, modifier, key), kind);
  };
}

function returnAuthenticated(key: PauthKey) {
  return (o: Builder): void => branchRegister(o, authenticate(o, o.x(30), o.xsp(31), key), "ret");
}

/** ERETAA, ERETAB: the exit's argument is the authenticated ELR_ELx, with SP as the modifier. */
function eretAuthenticated(kind: "eretaa" | "eretab", key: PauthKey) {
  return (o: Builder): void => {
    const sp = o.xsp(31), el = o.and(o.state32("pstate"), o.i32(PSTATE_EL));
    o.if(o.eqz(el), () => o.undefined());
    const elr = (n: 1 | 2 | 3): I64 => o.storedSysreg(`ELR_EL${n}`);
    const isEl = (n: number): I32 => o.eq(el, o.i32(n << 2));
    const target = o.select(isEl(1), elr(1), o.select(isEl(2), elr(2), elr(3)));
    o.exit(kind, authenticate(o, target, sp, key));
  };
}

/** The rows of the group, in the Arm ARM's order; an alias follows what it renames. */
// deno-fmt-ignore
export const BRANCHES: readonly Row[] = [
  row("UDF",    "00000000 00000000 imm16:16",    "udf udf",          undefinedInstruction),

  // Conditional branch (immediate)
  row("B.cond", "01010100 imm19:19 0 cond:4",    "b.{cond} label19", bCond),
  // row("BC.cond", "01010100 imm19:19 1 cond:4"): FEAT_HBC is not implemented

  // Exception generation
  row("SVC",    "11010100 000 imm16:16 000 01",  "svc imm16",        exception("svc")),
  row("HVC",    "11010100 000 imm16:16 000 10",  "hvc imm16",        exception("hvc")),
  row("SMC",    "11010100 000 imm16:16 000 11",  "smc imm16",        exception("smc")),
  row("BRK",    "11010100 001 imm16:16 000 00",  "brk imm16",        exception("brk")),
  row("HLT",    "11010100 010 imm16:16 000 00",  "hlt imm16",        exception("hlt")),
  row("DCPS1",  "11010100 101 imm16:16 000 01",  "dcps1 imm16?",     undefinedInstruction),
  row("DCPS2",  "11010100 101 imm16:16 000 10",  "dcps2 imm16?",     undefinedInstruction),
  row("DCPS3",  "11010100 101 imm16:16 000 11",  "dcps3 imm16?",     undefinedInstruction),

  // Unconditional branch (register)
  row("BR",     "1101011 0000 11111 000000 Rn:5 00000",  "br Xn",  branch("br")),
  row("BLR",    "1101011 0001 11111 000000 Rn:5 00000",  "blr Xn", branch("blr")),
  row("RET",    "1101011 0010 11111 000000 Rn:5 00000",  "ret Xn", branch("ret")),
  alias("RET",  "1101011 0010 11111 000000 11110 00000", "ret"),
  row("ERET",   "1101011 0100 11111 000000 11111 00000", "eret",   (o) => o.exit("eret")),
  row("DRPS",   "1101011 0101 11111 000000 11111 00000", "drps",   undefinedInstruction),
  ...group({ feature: "FEAT_PAuth" }, [
    row("BRAAZ",   "1101011 0000 11111 000010 Rn:5 11111",  "braaz Xn",         branchAuthenticated("br", "IA")),
    row("BRABZ",   "1101011 0000 11111 000011 Rn:5 11111",  "brabz Xn",         branchAuthenticated("br", "IB")),
    row("BLRAAZ",  "1101011 0001 11111 000010 Rn:5 11111",  "blraaz Xn",        branchAuthenticated("blr", "IA")),
    row("BLRABZ",  "1101011 0001 11111 000011 Rn:5 11111",  "blrabz Xn",        branchAuthenticated("blr", "IB")),
    row("RETAA",   "1101011 0010 11111 000010 11111 11111", "retaa",            returnAuthenticated("IA")),
    row("RETAB",   "1101011 0010 11111 000011 11111 11111", "retab",            returnAuthenticated("IB")),
    row("ERETAA",  "1101011 0100 11111 000010 11111 11111", "eretaa",           eretAuthenticated("eretaa", "IA")),
    row("ERETAB",  "1101011 0100 11111 000011 11111 11111", "eretab",           eretAuthenticated("eretab", "IB")),
    row("BRAA",    "1101011 1000 11111 000010 Rn:5 Rm:5",   "braa Xn, Xm|SP",   branchAuthenticated("br", "IA")),
    row("BRAB",    "1101011 1000 11111 000011 Rn:5 Rm:5",   "brab Xn, Xm|SP",   branchAuthenticated("br", "IB")),
    row("BLRAA",   "1101011 1001 11111 000010 Rn:5 Rm:5",   "blraa Xn, Xm|SP",  branchAuthenticated("blr", "IA")),
    row("BLRAB",   "1101011 1001 11111 000011 Rn:5 Rm:5",   "blrab Xn, Xm|SP",  branchAuthenticated("blr", "IB")),
  ]),

  // Unconditional branch (immediate)
  row("B",      "0 00101 imm26:26",              "b label26",        b),
  row("BL",     "1 00101 imm26:26",              "bl label26",       bl),

  // Compare and branch (immediate)
  row("CBZ",    "sf:1 011010 0 imm19:19 Rt:5",   "cbz Rt, label19",  compareAndBranch(false)),
  row("CBNZ",   "sf:1 011010 1 imm19:19 Rt:5",   "cbnz Rt, label19", compareAndBranch(true)),

  // Test and branch (immediate)
  row("TBZ",    "b5:1 011011 0 immb40:5 imm14:14 Rt:5", "tbz Rt|b5, bit, label14",  testAndBranch(false)),
  row("TBNZ",   "b5:1 011011 1 immb40:5 imm14:14 Rt:5", "tbnz Rt|b5, bit, label14", testAndBranch(true)),
];
