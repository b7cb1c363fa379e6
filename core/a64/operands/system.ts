import type { Operand, Operands } from "../operand.ts";
import type { Fields } from "../row.ts";
import { R_PROFILE_REGISTER_GROUPS, SYSTEM_REGISTER_GROUPS } from "../system_register_names.ts";
import { keyword, parseNumber, put, register, unsigned } from "./general.ts";

/*
 * Operands of the system instructions:
 *   sysreg              the register of MRS and MSR: o0, op1, CRn, CRm, op2
 *   sys_op1 Cn Cm sys_op2 Xt?    SYS and SYSL
 *   at_op dc_op ic_op ic_op_x tlbi_op tlbi_op_x rctx zva   the operation of an alias of SYS;
 *                       _x: one that has an Xt
 *   barrier nxs_barrier imm4_15  barriers
 *   bti_target csync    hints
 *   uao pan spsel ssbs dit daifset daifclr   a PSTATE field, and uao_any ... where CRm is not 0 or 1
 *   xzr                 the word xzr
 *   imm16?              an immediate that is left out where it is 0
 *   udf                 an immediate in decimal
 */

/** System operations: the alias of SYS, whether there is an Xt, and "op1.CRn.CRm.op2 name". */
const OPERATIONS = {
  at: "0.7.8.0 s1e1r, 0.7.8.1 s1e1w, 0.7.8.2 s1e0r, 0.7.8.3 s1e0w, 0.7.9.0 s1e1rp, 0.7.9.1 s1e1wp, 4.7.8.0 s1e2r, " +
    "4.7.8.1 s1e2w, 4.7.8.4 s12e1r, 4.7.8.5 s12e1w, 4.7.8.6 s12e0r, 4.7.8.7 s12e0w, 6.7.8.0 s1e3r, 6.7.8.1 s1e3w",
  dc: "0.7.6.1 ivac, 0.7.6.2 isw, 0.7.6.3 igvac, 0.7.6.4 igsw, 0.7.6.5 igdvac, 0.7.6.6 igdsw, 0.7.10.2 csw, " +
    "0.7.10.4 cgsw, 0.7.10.6 cgdsw, 0.7.14.2 cisw, 0.7.14.4 cigsw, 0.7.14.6 cigdsw, 3.7.4.1 zva, 3.7.4.3 gva, " +
    "3.7.4.4 gzva, 3.7.10.1 cvac, 3.7.10.3 cgvac, 3.7.10.5 cgdvac, 3.7.11.1 cvau, 3.7.12.1 cvap, 3.7.12.3 cgvap, " +
    "3.7.12.5 cgdvap, 3.7.13.1 cvadp, 3.7.13.3 cgvadp, 3.7.13.5 cgdvadp, 3.7.14.1 civac, 3.7.14.3 cigvac, " +
    "3.7.14.5 cigdvac, 6.7.14.1 cipapa, 6.7.14.5 cigdpapa",
  ic: "0.7.1.0 ialluis, 0.7.5.0 iallu",
  ic_x: "3.7.5.1 ivau",
  tlbi: "0.8.1.0 vmalle1os, 0.8.3.0 vmalle1is, 0.8.7.0 vmalle1, 4.8.1.0 alle2os, 4.8.1.4 alle1os, " +
    "4.8.1.6 vmalls12e1os, 4.8.3.0 alle2is, 4.8.3.4 alle1is, 4.8.3.6 vmalls12e1is, 4.8.7.0 alle2, 4.8.7.4 alle1, " +
    "4.8.7.6 vmalls12e1, 6.8.1.0 alle3os, 6.8.1.4 paallos, 6.8.3.0 alle3is, 6.8.7.0 alle3, 6.8.7.4 paall",
  tlbi_x: "0.8.1.1 vae1os, 0.8.1.2 aside1os, 0.8.1.3 vaae1os, 0.8.1.5 vale1os, 0.8.1.7 vaale1os, 0.8.2.1 rvae1is, " +
    "0.8.2.3 rvaae1is, 0.8.2.5 rvale1is, 0.8.2.7 rvaale1is, 0.8.3.1 vae1is, 0.8.3.2 aside1is, 0.8.3.3 vaae1is, " +
    "0.8.3.5 vale1is, 0.8.3.7 vaale1is, 0.8.5.1 rvae1os, 0.8.5.3 rvaae1os, 0.8.5.5 rvale1os, 0.8.5.7 rvaale1os, " +
    "0.8.6.1 rvae1, 0.8.6.3 rvaae1, 0.8.6.5 rvale1, 0.8.6.7 rvaale1, 0.8.7.1 vae1, 0.8.7.2 aside1, 0.8.7.3 vaae1, " +
    "0.8.7.5 vale1, 0.8.7.7 vaale1, 4.8.0.1 ipas2e1is, 4.8.0.2 ripas2e1is, 4.8.0.5 ipas2le1is, 4.8.0.6 ripas2le1is, " +
    "4.8.1.1 vae2os, 4.8.1.5 vale2os, 4.8.2.1 rvae2is, 4.8.2.5 rvale2is, 4.8.3.1 vae2is, 4.8.3.5 vale2is, " +
    "4.8.4.0 ipas2e1os, 4.8.4.1 ipas2e1, 4.8.4.2 ripas2e1, 4.8.4.3 ripas2e1os, 4.8.4.4 ipas2le1os, 4.8.4.5 ipas2le1, " +
    "4.8.4.6 ripas2le1, 4.8.4.7 ripas2le1os, 4.8.5.1 rvae2os, 4.8.5.5 rvale2os, 4.8.6.1 rvae2, 4.8.6.5 rvale2, " +
    "4.8.7.1 vae2, 4.8.7.5 vale2, 6.8.1.1 vae3os, 6.8.1.5 vale3os, 6.8.2.1 rvae3is, 6.8.2.5 rvale3is, 6.8.3.1 vae3is, " +
    "6.8.3.5 vale3is, 6.8.4.3 rpaos, 6.8.4.7 rpalos, 6.8.5.1 rvae3os, 6.8.5.5 rvale3os, 6.8.6.1 rvae3, 6.8.6.5 rvale3, " +
    "6.8.7.1 vae3, 6.8.7.5 vale3",
} as const;
export type Operation = keyof typeof OPERATIONS;

/** op0, op1, CRn, CRm and op2 as one number, as it stands in the instruction's bits 20:5. */
function encode(op0: number, op1: number, CRn: number, CRm: number, op2: number): number {
  return (op0 << 14) | (op1 << 11) | (CRn << 7) | (CRm << 3) | op2;
}

interface Names {
  readonly byEncoding: ReadonlyMap<number, string>;
  readonly byName: ReadonlyMap<string, number>;
}

function makeNames(entries: readonly (readonly [number, string])[]): Names {
  return { byEncoding: new Map(entries), byName: new Map(entries.map(([encoding, name]) => [name, encoding])) };
}

function operationNames(list: string): Names {
  return makeNames(
    list.split(", ").map((entry) => {
      const [place, name] = entry.split(" "), [op1, CRn, CRm, op2] = place.split(".").map(Number);
      return [encode(1, op1, CRn, CRm, op2), name];
    }),
  );
}

const operations = new Map(Object.entries(OPERATIONS).map(([key, list]) => [key, operationNames(list)]));

/** Whether the fields of a SYS are one of the operations. */
export function isOperation(kind: Operation, f: Fields): boolean {
  return operations.get(kind)!.byEncoding.has(encode(1, f.op1, f.CRn, f.CRm, f.op2));
}

function putEncoding(encoding: number, f: Fields): boolean {
  return put(f, "op1", (encoding >> 11) & 7) && put(f, "CRn", (encoding >> 7) & 15) &&
    put(f, "CRm", (encoding >> 3) & 15) && put(f, "op2", encoding & 7);
}

/** @param CRn as the rows of the operation fix it. */
function operation(kind: Operation, CRn: number): Operand {
  const names = operations.get(kind)!;
  return {
    print: (f) => names.byEncoding.get(encode(1, f.op1, CRn, f.CRm, f.op2)) ?? "",
    parse(text, f) {
      const encoding = names.byName.get(text);
      return encoding !== undefined && putEncoding(encoding, f);
    },
  };
}

let registers: Names | undefined;

function registerEntries(groups: Readonly<Record<string, string>>): [number, string][] {
  return Object.entries(groups).flatMap(([group, list]) => {
    const [op0, op1, CRn] = group.split(" ").map(Number);
    return list.split(", ").map((entry): [number, string] => {
      const [place, name] = entry.split(" "), [CRm, op2] = place.split(".").map(Number);
      return [encode(op0, op1, CRn, CRm, op2), name];
    });
  });
}

function registerNames(): Names {
  if (!registers) {
    const shown = registerEntries(SYSTEM_REGISTER_GROUPS);
    registers = {
      byEncoding: makeNames(shown).byEncoding,
      // At this encoding the register that is written is another than the one that is read.
      byName: makeNames([...registerEntries(R_PROFILE_REGISTER_GROUPS), ...shown, [encode(2, 3, 0, 5, 0), WRITE_ONLY]])
        .byName,
    };
  }
  return registers;
}

const WRITE_ONLY = "dbgdtrtx_el0";

/** The encoding, op0 to op2 in 16 bits, that a system register's name stands for; -1 when it is none. */
export function parseSystemRegister(text: string): number {
  const generic = /^s([23])_([0-7])_c(\d|1[0-5])_c(\d|1[0-5])_([0-7])$/.exec(text);
  if (generic) {
    const [op0, op1, CRn, CRm, op2] = generic.slice(1).map(Number);
    return encode(op0, op1, CRn, CRm, op2);
  }
  return registerNames().byName.get(text) ?? -1;
}

/** What an assembler calls the system register with that encoding. */
export function printSystemRegister(encoding: number, isWrite = false): string {
  if (isWrite && encoding === encode(2, 3, 0, 5, 0)) return WRITE_ONLY;
  return registerNames().byEncoding.get(encoding) ??
    `s${encoding >> 14}_${(encoding >> 11) & 7}_c${(encoding >> 7) & 15}_c${(encoding >> 3) & 15}_${encoding & 7}`;
}

function systemRegister(isWrite: boolean): Operand {
  return {
    print: (f) => printSystemRegister(encode(2 + f.o0, f.op1, f.CRn, f.CRm, f.op2), isWrite),
    parse(text, f) {
      const encoding = parseSystemRegister(text);
      return encoding >= 0 && put(f, "o0", (encoding >> 14) & 1) && putEncoding(encoding, f);
    },
  };
}

/** C0 to C15. */
function controlRegister(field: string): Operand {
  return {
    print: (f) => `C${f[field]}`,
    parse(text, f) {
      const match = /^c(\d|1[0-5])$/.exec(text);
      return match !== null && put(f, field, Number(match[1]));
    },
  };
}

/** An operand that is left out at its default value. */
function optional(operand: Operand, field: string, value: number): Operand {
  return {
    print: (f, pc) => f[field] === value ? "" : operand.print(f, pc),
    parse: (text, f, pc, labels) => text === "" ? put(f, field, value) : operand.parse(text, f, pc, labels),
  };
}

/** An operand that is always the same word. */
function literal(word: string): Operand {
  return { print: () => word, parse: (text) => text === word };
}

/** The names of data barriers by CRm; where there is none, the number. */
// deno-fmt-ignore
const BARRIERS: readonly (string | null)[] = [
  null, "oshld", "oshst", "osh", null, "nshld", "nshst", "nsh", null, "ishld", "ishst", "ish", null, "ld", "st", "sy",
];

const BARRIER: Operand = {
  print: (f) => BARRIERS[f.imm4] ?? `#0x${f.imm4.toString(16).padStart(2, "0")}`,
  parse(text, f) {
    const value = BARRIERS.includes(text) ? BARRIERS.indexOf(text) : parseNumber(text);
    return value !== null && value >= 0 && value < 16 && put(f, "imm4", value);
  },
};

/** Fields of PSTATE that MSR (immediate) writes, with op1 and op2. */
const PSTATE_FIELDS: Readonly<Record<string, readonly [op1: number, op2: number]>> = {
  uao: [0, 3],
  pan: [0, 4],
  spsel: [0, 5],
  ssbs: [3, 1],
  dit: [3, 2],
};

function pstateOperands(): Record<string, Operand> {
  const result: Record<string, Operand> = { daifset: literal("daifset"), daifclr: literal("daifclr") };
  for (const [name, [op1, op2]] of Object.entries(PSTATE_FIELDS)) {
    result[name] = literal(name);
    result[`${name}_any`] = {
      print: (f) => `s0_${op1}_c4_c${f.imm4}_${op2}`,
      parse(text, f) {
        const match = /^s0_(\d)_c4_c(\d+)_(\d)$/.exec(text);
        if (!match || Number(match[1]) !== op1 || Number(match[3]) !== op2) return false;
        return Number(match[2]) < 16 && put(f, "imm4", Number(match[2]));
      },
    };
  }
  return result;
}

export const SYSTEM_OPERANDS: Operands = {
  sysreg: systemRegister(false),
  sysreg_w: systemRegister(true),
  sys_op1: unsigned("op1", 3, { radix: 10 }),
  sys_op2: unsigned("op2", 3, { radix: 10 }),
  Cn: controlRegister("CRn"),
  Cm: controlRegister("CRm"),
  "Xt?": optional(register("Rt", "x"), "Rt", 31),
  at_op: operation("at", 7),
  dc_op: operation("dc", 7),
  ic_op: operation("ic", 7),
  ic_op_x: operation("ic_x", 7),
  tlbi_op: operation("tlbi", 8),
  tlbi_op_x: operation("tlbi_x", 8),
  rctx: literal("rctx"),
  barrier: BARRIER,
  nxs_barrier: keyword("imm2", ["oshnxs", "nshnxs", "ishnxs", "synxs"]),
  imm4_15: optional(unsigned("imm4", 4), "imm4", 15),
  bti_target: keyword("target", ["", "c", "j", "jc"]),
  csync: literal("csync"),
  zva: literal("zva"),
  ...pstateOperands(),
  xzr: literal("xzr"),
  "imm16?": optional(unsigned("imm16", 16), "imm16", 0),
  udf: unsigned("imm16", 16, { radix: 10 }),
};
