import type { Builder } from "../engine/builder.ts";
import type { ExitKind } from "../cpu/layout.ts";
import { isOperation, type Operation } from "./operands/system.ts";
import { addPac, authenticate, type PauthKey, strip } from "./pointer_authentication.ts";
import { alias, type Fields, group, type Row, row } from "./row.ts";

/*
 * System instructions. Arm DDI 0487, section C4.1, "Branches, Exception Generating and System instructions".
 */

// Hints

function nop(): void {}

/** Where the event register is set, it is cleared and nothing waits or traps. */
function wfe(o: Builder): void {
  o.if(o.state32("event"), () => o.setState32("event", o.i32(0)), () => o.exit("wfe"));
}

function sevl(o: Builder): void {
  o.setState32("event", o.i32(1));
}

function waitUntil(kind: ExitKind) {
  return (o: Builder, f: { Rd: number }): void => o.exit(kind, o.x(f.Rd));
}

type Sign = typeof addPac;
const X16 = 16, X17 = 17, LR = 30, SP = 31;

/** PACIA1716 and its like: X17 with X16 as the modifier. */
function sign1716(sign: Sign, key: PauthKey) {
  return (o: Builder): void => o.setX(X17, sign(o, o.x(X17), o.x(X16), key));
}

function signLr(sign: Sign, key: PauthKey, modifier: "SP" | "zero") {
  return (o: Builder): void => {
    const pointer = o.x(LR);
    o.setX(LR, sign(o, pointer, modifier === "SP" ? o.xsp(SP) : o.i64(0), key));
  };
}

// PSTATE

/** PSTATE.EL in the state field `pstate`, and the lowest bits of other fields there. */
const PSTATE_EL = 3 << 2, DAIF_LSB = 6, SSBS_LSB = 12, DIT_LSB = 24;

interface PstateImmediate {
  readonly imm4: number;
}

/** What is not plain: TypeScript checks, traps, banks the stack pointer or changes the translation regime. */
function msrImmediate(op1: number, op2: number) {
  return (o: Builder, f: PstateImmediate): void => {
    o.helper("msrImmediate", null, o.i32(op1), o.i32(op2), o.imm16(f.imm4));
  };
}

/** A bit of PSTATE that every Exception level may write. */
function msrBit(lsb: number) {
  return (o: Builder, f: PstateImmediate): void => {
    const value = o.shl(o.imm16(f.imm4 & 1), o.i32(lsb));
    o.setState32("pstate", o.or(o.and(o.state32("pstate"), o.i32(~(1 << lsb))), value));
  };
}

/** DAIFSet and DAIFClr; at EL0 SCTLR_EL1.UMA has a say. */
function msrDaif(op2: 6 | 7) {
  return (o: Builder, f: PstateImmediate): void => {
    const pstate = o.state32("pstate"), imm = o.imm16(f.imm4), bits = o.shl(imm, o.i32(DAIF_LSB));
    o.if(o.and(pstate, o.i32(PSTATE_EL)), () => {
      o.setState32("pstate", op2 === 6 ? o.or(pstate, bits) : o.and(pstate, o.not(bits)));
      if (op2 === 7) o.checkInterrupts();
    }, () => o.helper("msrImmediate", null, o.i32(3), o.i32(op2), imm));
  };
}

/** For each NZCV the new NZCV, as sixteen digits of four bits. */
function flagMap(map: (n: number, z: number, c: number, v: number) => readonly number[]): bigint {
  let result = 0n;
  for (let i = 0; i < 16; i++) {
    const flags = map(i >> 3, (i >> 2) & 1, (i >> 1) & 1, i & 1);
    result |= BigInt(flags.reduce((nzcv, flag) => nzcv * 2 + (flag & 1), 0)) << BigInt(4 * i);
  }
  return BigInt.asIntN(64, result);
}

function mapFlags(map: bigint) {
  return (o: Builder): void => {
    const digit = o.shrU(o.i64(map), o.shl(o.nzcv(), o.i32(2)));
    o.setNzcv(o.and(o.wrap(digit), o.i32(15)));
  };
}

const axflag = mapFlags(flagMap((_, z, c, v) => [0, z | v, c & ~v, 0]));
const xaflag = mapFlags(flagMap((_, z, c) => [~c & ~z, z & c, c | z, ~c & z]));

function cfinv(o: Builder): void {
  o.setNzcv(o.xor(o.nzcv(), o.i32(2)));
}

// System instructions and registers

interface SystemFields {
  readonly op1: number;
  readonly CRn: number;
  readonly CRm: number;
  readonly op2: number;
  readonly Rt: number;
}

/** op0, op1, CRn, CRm and op2 in 2+3+4+4+3 bits. */
function encodingOf(op0: number, f: SystemFields): number {
  return (op0 << 14) | (f.op1 << 11) | (f.CRn << 7) | (f.CRm << 3) | f.op2;
}

function sys(o: Builder, f: SystemFields): void {
  o.helper("sys", null, o.i32(encodingOf(1, f)), o.x(f.Rt));
}

function sysl(o: Builder, f: SystemFields): void {
  o.setX(f.Rt, o.helper("sysl", "i64", o.i32(encodingOf(1, f))));
}

function dcZva(o: Builder, f: { Rt: number }): void {
  const address = o.x(f.Rt);
  o.if(o.state32("zvaTrap"), () => o.helper("dcZvaCheck", null));
  o.zeroBlock(address);
}

function mrs(o: Builder, f: SystemFields & { o0: number }): void {
  o.setX(f.Rt, o.readSysreg(encodingOf(2 + f.o0, f)));
}

function msr(o: Builder, f: SystemFields & { o0: number }): void {
  o.writeSysreg(encodingOf(2 + f.o0, f), o.x(f.Rt));
}

/** Operations without Xt: UNDEFINED where Rt is not 31, as the architecture permits. */
const WITHOUT_XT: readonly Operation[] = ["ic", "tlbi"];
const sysReserved = { reserved: (f: Fields) => f.Rt !== 31 && WITHOUT_XT.some((kind) => isOperation(kind, f)) };

/** Where SYS is not shown as the operation, whose row fixes `fields`. */
function isNot(kind: Operation, fields: Fields): { reserved: (f: Fields) => boolean } {
  return { reserved: (f) => !isOperation(kind, { ...f, ...fields }) };
}

/** The rows of the group, in the Arm ARM's order; an alias follows what it renames. */
// deno-fmt-ignore
export const SYSTEM: readonly Row[] = [
  // System instructions with register argument
  ...group({ feature: "FEAT_WFxT" }, [
    row("WFET",          "1101010100 0 00 011 0001 0000 000 Rd:5", "wfet Xd", waitUntil("wfet")),
    row("WFIT",          "1101010100 0 00 011 0001 0000 001 Rd:5", "wfit Xd", waitUntil("wfit")),
  ]),

  // Hints; what is not known is a NOP
  row("HINT",            "1101010100 0 00 011 0010 imm7:7 11111",      "hint imm7", nop),
  alias("NOP",           "1101010100 0 00 011 0010 0000 000 11111",    "nop"),
  alias("YIELD",         "1101010100 0 00 011 0010 0000 001 11111",    "yield"),
  row("WFE",             "1101010100 0 00 011 0010 0000 010 11111",    "wfe", wfe),
  row("WFI",             "1101010100 0 00 011 0010 0000 011 11111",    "wfi", (o) => o.exit("wfi")),
  row("SEV",             "1101010100 0 00 011 0010 0000 100 11111",    "sev", (o) => o.helper("sendEvent", null)),
  row("SEVL",            "1101010100 0 00 011 0010 0000 101 11111",    "sevl", sevl),
  alias("DGH",           "1101010100 0 00 011 0010 0000 110 11111",    "dgh"),
  ...group({ feature: "FEAT_PAuth" }, [
    row("XPACLRI",       "1101010100 0 00 011 0010 0000 111 11111",    "xpaclri", (o) => o.setX(LR, strip(o, o.x(LR), false))),
    row("PACIA1716",     "1101010100 0 00 011 0010 0001 000 11111",    "pacia1716", sign1716(addPac, "IA")),
    row("PACIB1716",     "1101010100 0 00 011 0010 0001 010 11111",    "pacib1716", sign1716(addPac, "IB")),
    row("AUTIA1716",     "1101010100 0 00 011 0010 0001 100 11111",    "autia1716", sign1716(authenticate, "IA")),
    row("AUTIB1716",     "1101010100 0 00 011 0010 0001 110 11111",    "autib1716", sign1716(authenticate, "IB")),
  ]),
  // FEAT_RAS, FEAT_SPE and FEAT_TRF are not implemented: ESB, PSB CSYNC and TSB CSYNC are NOPs
  alias("ESB",           "1101010100 0 00 011 0010 0010 000 11111",    "esb"),
  alias("PSB CSYNC",     "1101010100 0 00 011 0010 0010 001 11111",    "psb csync"),
  alias("TSB CSYNC",     "1101010100 0 00 011 0010 0010 010 11111",    "tsb csync"),
  alias("CSDB",          "1101010100 0 00 011 0010 0010 100 11111",    "csdb"),
  alias("CLRBHB",        "1101010100 0 00 011 0010 0010 110 11111",    "clearbhb"),
  ...group({ feature: "FEAT_PAuth" }, [
    row("PACIAZ",        "1101010100 0 00 011 0010 0011 000 11111",    "paciaz",  signLr(addPac, "IA", "zero")),
    row("PACIASP",       "1101010100 0 00 011 0010 0011 001 11111",    "paciasp", signLr(addPac, "IA", "SP")),
    row("PACIBZ",        "1101010100 0 00 011 0010 0011 010 11111",    "pacibz",  signLr(addPac, "IB", "zero")),
    row("PACIBSP",       "1101010100 0 00 011 0010 0011 011 11111",    "pacibsp", signLr(addPac, "IB", "SP")),
    row("AUTIAZ",        "1101010100 0 00 011 0010 0011 100 11111",    "autiaz",  signLr(authenticate, "IA", "zero")),
    row("AUTIASP",       "1101010100 0 00 011 0010 0011 101 11111",    "autiasp", signLr(authenticate, "IA", "SP")),
    row("AUTIBZ",        "1101010100 0 00 011 0010 0011 110 11111",    "autibz",  signLr(authenticate, "IB", "zero")),
    row("AUTIBSP",       "1101010100 0 00 011 0010 0011 111 11111",    "autibsp", signLr(authenticate, "IB", "SP")),
  ]),
  // BTI takes effect where it is fetched after a branch: the engine looks at the word
  alias("BTI",           "1101010100 0 00 011 0010 0100 target:2 0 11111", "bti bti_target"),

  // Barriers: a vCPU sees its own accesses in program order, and maintenance is complete when it was executed
  row("CLREX",           "1101010100 0 00 011 0011 imm4:4 010 11111",  "clrex imm4_15", (o) => o.clearExclusive()),
  row("DSB",             "1101010100 0 00 011 0011 imm4:4 100 11111",  "dsb barrier", nop),
  alias("SSBB",          "1101010100 0 00 011 0011 0000 100 11111",    "ssbb"),
  alias("PSSBB",         "1101010100 0 00 011 0011 0100 100 11111",    "pssbb"),
  row("DSB (nXS)",       "1101010100 0 00 011 0011 imm2:2 10 001 11111", "dsb nxs_barrier", nop, { feature: "FEAT_XS" }),
  row("DMB",             "1101010100 0 00 011 0011 imm4:4 101 11111",  "dmb barrier", nop),
  row("ISB",             "1101010100 0 00 011 0011 imm4:4 110 11111",  "isb imm4_15", (o) => o.synchronize()),
  row("SB",              "1101010100 0 00 011 0011 0000 111 11111",    "sb", nop, { feature: "FEAT_SB" }),

  // PSTATE
  row("CFINV",           "1101010100 0 00 000 0100 0000 000 11111",    "cfinv",  cfinv,  { feature: "FEAT_FlagM" }),
  row("XAFLAG",          "1101010100 0 00 000 0100 0000 001 11111",    "xaflag", xaflag, { feature: "FEAT_FlagM2" }),
  row("AXFLAG",          "1101010100 0 00 000 0100 0000 010 11111",    "axflag", axflag, { feature: "FEAT_FlagM2" }),
  row("MSR (UAO)",       "1101010100 0 00 000 0100 imm4:4 011 11111",  "msr uao_any, xzr",   msrImmediate(0, 3), { feature: "FEAT_UAO" }),
  alias("MSR (UAO)",     "1101010100 0 00 000 0100 000 imm1:1 011 11111", "msr uao, imm1",   { feature: "FEAT_UAO" }),
  row("MSR (PAN)",       "1101010100 0 00 000 0100 imm4:4 100 11111",  "msr pan_any, xzr",   msrImmediate(0, 4), { feature: "FEAT_PAN" }),
  alias("MSR (PAN)",     "1101010100 0 00 000 0100 000 imm1:1 100 11111", "msr pan, imm1",   { feature: "FEAT_PAN" }),
  row("MSR (SPSel)",     "1101010100 0 00 000 0100 imm4:4 101 11111",  "msr spsel_any, xzr", msrImmediate(0, 5)),
  alias("MSR (SPSel)",   "1101010100 0 00 000 0100 000 imm1:1 101 11111", "msr spsel, imm1"),
  row("MSR (SSBS)",      "1101010100 0 00 011 0100 imm4:4 001 11111",  "msr ssbs_any, xzr",  msrBit(SSBS_LSB),   { feature: "FEAT_SSBS2" }),
  alias("MSR (SSBS)",    "1101010100 0 00 011 0100 000 imm1:1 001 11111", "msr ssbs, imm1",  { feature: "FEAT_SSBS2" }),
  row("MSR (DIT)",       "1101010100 0 00 011 0100 imm4:4 010 11111",  "msr dit_any, xzr",   msrBit(DIT_LSB),    { feature: "FEAT_DIT" }),
  alias("MSR (DIT)",     "1101010100 0 00 011 0100 000 imm1:1 010 11111", "msr dit, imm1",   { feature: "FEAT_DIT" }),
  row("MSR (DAIFSet)",   "1101010100 0 00 011 0100 imm4:4 110 11111",  "msr daifset, imm4",  msrDaif(6)),
  row("MSR (DAIFClr)",   "1101010100 0 00 011 0100 imm4:4 111 11111",  "msr daifclr, imm4",  msrDaif(7)),

  // System instructions
  row("SYS",             "1101010100 0 01 op1:3 CRn:4 CRm:4 op2:3 Rt:5",  "sys sys_op1, Cn, Cm, sys_op2, Xt?", sys, sysReserved),
  row("DC ZVA",          "1101010100 0 01 011 0111 0100 001 Rt:5",        "dc zva, Xt", dcZva),
  alias("AT",            "1101010100 0 01 op1:3 0111 CRm:4 op2:3 Rt:5",   "at at_op, Xt",     isNot("at", { CRn: 7 })),
  alias("DC",            "1101010100 0 01 op1:3 0111 CRm:4 op2:3 Rt:5",   "dc dc_op, Xt",     isNot("dc", { CRn: 7 })),
  alias("IC",            "1101010100 0 01 op1:3 0111 CRm:4 op2:3 11111",  "ic ic_op",         isNot("ic", { CRn: 7 })),
  alias("IC",            "1101010100 0 01 op1:3 0111 CRm:4 op2:3 Rt:5",   "ic ic_op_x, Xt",   isNot("ic_x", { CRn: 7 })),
  alias("CFP",           "1101010100 0 01 011 0111 0011 100 Rt:5",        "cfp rctx, Xt"),
  alias("DVP",           "1101010100 0 01 011 0111 0011 101 Rt:5",        "dvp rctx, Xt"),
  alias("CPP",           "1101010100 0 01 011 0111 0011 111 Rt:5",        "cpp rctx, Xt"),
  alias("TLBI",          "1101010100 0 01 op1:3 1000 CRm:4 op2:3 11111",  "tlbi tlbi_op",     isNot("tlbi", { CRn: 8 })),
  alias("TLBI",          "1101010100 0 01 op1:3 1000 CRm:4 op2:3 Rt:5",   "tlbi tlbi_op_x, Xt", isNot("tlbi_x", { CRn: 8 })),
  row("SYSL",            "1101010100 1 01 op1:3 CRn:4 CRm:4 op2:3 Rt:5",  "sysl Xt, sys_op1, Cn, Cm, sys_op2", sysl),

  // System register move
  row("MSR (register)",  "1101010100 0 1 o0:1 op1:3 CRn:4 CRm:4 op2:3 Rt:5", "msr sysreg_w, Xt", msr),
  row("MRS",             "1101010100 1 1 o0:1 op1:3 CRn:4 CRm:4 op2:3 Rt:5", "mrs Xt, sysreg",   mrs),
];
