import { assertEquals } from "@std/assert";
import type { Builder } from "../engine/builder.ts";
import { Decoder } from "./decoder.ts";
import { assembleInstruction } from "./instruction_assembler.ts";
import { disassemble } from "./disassembler.ts";
import { parseSystemRegister, printSystemRegister } from "./operands/system.ts";
import { extractFields } from "./row.ts";
import { SYSTEM } from "./system.ts";

const meanings = SYSTEM.filter((row) => row.semantics !== null);

/** The calls of the builder that an instruction makes, with the numbers among their arguments. */
function callsOf(word: number, features: ReadonlySet<string> | null = null): string[] | null {
  const row = new Decoder(meanings, features).decode(word);
  if (!row) return null;
  const calls: string[] = [];
  const builder = new Proxy({}, {
    get: (_, name: string) => (...args: unknown[]) => {
      if (name === "if") {
        for (const branch of args.slice(1)) (branch as () => void)?.();
        return;
      }
      const shown = args.map((arg) => typeof arg === "object" && arg !== null ? (arg as { text: string }).text : arg);
      const text = `${name}(${shown.filter((arg) => arg !== undefined).join(", ")})`;
      calls.push(text);
      return { type: "i64", text };
    },
  });
  row.semantics!(builder as Builder, extractFields(row, word));
  return calls;
}

Deno.test("MRS, MSR and SYS give the encoding op0:op1:CRn:CRm:op2", () => {
  assertEquals(callsOf(0xd5381003), ["readSysreg(49280)", "setX(3, readSysreg(49280))"]); // mrs x3, sctlr_el1
  assertEquals(callsOf(0xd51c1103)?.at(-1), "writeSysreg(57480, x(3))"); // msr hcr_el2, x3
  assertEquals(callsOf(0xd5100243)?.at(-1), "writeSysreg(32786, x(3))"); // msr mdscr_el1, x3
  assertEquals(callsOf(0xd508871f)?.at(-1), "helper(sys, , i32(17464), x(31))"); // tlbi vmalle1
  assertEquals(callsOf(0xd52b7a03)?.[1], "helper(sysl, i64, i32(23504))");
});

Deno.test("barriers, waits and the exclusive monitor", () => {
  assertEquals(callsOf(0xd5033fdf), ["synchronize()"]);
  assertEquals(callsOf(0xd5033f5f), ["clearExclusive()"]);
  assertEquals(callsOf(0xd5033f9f), []);
  assertEquals(callsOf(0xd503207f), ["exit(wfi)"]);
  assertEquals(callsOf(0xd5031003), ["x(3)", "exit(wfet, x(3))"]);
  assertEquals(callsOf(0xd50b7423)?.at(-1), "zeroBlock(x(3))");
});

Deno.test("hints that are not known or not present do nothing", () => {
  const none: ReadonlySet<string> = new Set();
  assertEquals(callsOf(0xd503201f), []);
  assertEquals(callsOf(0xd5032fff), []);
  assertEquals(callsOf(0xd503245f), []);
  assertEquals(callsOf(0xd503233f, none), []);
  assertEquals(callsOf(0xd50320ff, none), []);
});

Deno.test("instructions without their feature are UNDEFINED", () => {
  const none: ReadonlySet<string> = new Set();
  for (const word of [0xd500409f, 0xd500407f, 0xd503413f, 0xd503415f, 0xd500401f, 0xd50330ff]) {
    assertEquals(callsOf(word, none), null);
  }
  // PSTATE fields that do not exist, and TLBI VMALLE1 with an operand
  for (const word of [0xd50040ff, 0xd503419f, 0xd5033fff, 0xd5088703]) assertEquals(callsOf(word), null);
});

const NO_SYMBOLS = { isSymbol: () => false, symbol: () => 0n };

Deno.test("system registers and operations go by their names", () => {
  assertEquals(printSystemRegister(0xc080), "sctlr_el1");
  assertEquals(parseSystemRegister("s3_0_c1_c0_0"), 0xc080);
  assertEquals(parseSystemRegister("dbgdtrtx_el0"), parseSystemRegister("dbgdtrrx_el0"));
  assertEquals(parseSystemRegister("nonsense"), -1);
  for (let encoding = 0x8000; encoding < 0x10000; encoding++) {
    assertEquals(parseSystemRegister(printSystemRegister(encoding)), encoding);
  }
  for (
    const text of ["tlbi vmalle1", "tlbi vae1is, x4", "dc zva, x0", "dc civac, x30", "ic iallu", "ic ivau, x1"]
      .concat(["at s1e1r, x2", "sys #3, C15, C2, #1, x5", "sys #3, C15, C2, #1", "sysl x0, #3, C15, C2, #1"])
      .concat(["msr daifset, #0x2", "msr pan, #0x1", "msr spsel, #0x0", "mrs x0, s3_5_c15_c2_1", "bti jc", "bti"])
      .concat(["dsb ishst", "dmb sy", "isb", "isb #0x3", "clrex", "msr dbgdtrtx_el0, x0", "mrs x0, dbgdtrrx_el0"])
  ) assertEquals(disassemble(assembleInstruction(text, 0n, NO_SYMBOLS), 0n), text);
});
