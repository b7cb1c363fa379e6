import { assertEquals } from "@std/assert";
import type { Fields } from "../row.ts";
import { findOperand } from "./mod.ts";

/** The fields that an operand reads from a text, or null when the text is not that operand. */
function parse(name: string, text: string, given: Fields = {}): Fields | null {
  const f = { ...given };
  return findOperand(name).parse(text, f, 0n, new Map()) ? f : null;
}

Deno.test("addresses are read in every spelling that GNU as takes", () => {
  assertEquals(parse("[Xn|SP+imm12*8]", "[sp]"), { Rn: 31, imm12: 0 });
  assertEquals(parse("[Xn|SP+imm12*8]", "[x1, 16]"), { Rn: 1, imm12: 2 });
  assertEquals(parse("[Xn|SP+imm12*8]", "[ x1 , #0x10 ]"), { Rn: 1, imm12: 2 });
  assertEquals(parse("[Xn|SP+imm9]", "[x1, #-256]"), { Rn: 1, imm9: 256 });
  assertEquals(parse("[Xn|SP+imm9]!", "[x1, #-1]!"), { Rn: 1, imm9: 511 });
  assertEquals(parse("[Xn|SP]", "[x1, #0]"), { Rn: 1 });
  assertEquals(parse("[Xn|SP+S:imm9*8]!", "[x1]!"), { Rn: 1, immS: 0, imm9: 0 });
  assertEquals(parse("[Xn|SP+S:imm9*8]", "[x1, #-8]"), { Rn: 1, immS: 1, imm9: 511 });
  assertEquals(parse("[Xn|SP+imm7*R]", "[x1, #-8]", { sf: 1 }), { sf: 1, Rn: 1, imm7: 127 });
});

Deno.test("what does not fit is refused", () => {
  for (
    const text of ["[x1, #12]", "[x1, #32768]", "[x1, #-8]", "[w1]", "[xzr]", "[x1]!", "[x1, x2]", "x1", "[x1, #8, #8]"]
  ) {
    assertEquals(parse("[Xn|SP+imm12*8]", text), null, text);
  }
  for (const text of ["[x1, #256]", "[x1, #-257]"]) assertEquals(parse("[Xn|SP+imm9]", text), null, text);
  for (const text of ["[x1]!", "[x1, #0]", "[x1, #4, #4]!"]) assertEquals(parse("[Xn|SP+imm9]!", text), null, text);
});

Deno.test("register offsets", () => {
  const fields = (Rm: number, option: number, S: number): Fields => ({ Rn: 1, Rm, option, S });
  assertEquals(parse("[Xn|SP+Rm*8]", "[x1, x2]"), fields(2, 3, 0));
  assertEquals(parse("[Xn|SP+Rm*8]", "[x1, x2, lsl #3]"), fields(2, 3, 1));
  assertEquals(parse("[Xn|SP+Rm*8]", "[x1, xzr, lsl #0]"), fields(31, 3, 0));
  assertEquals(parse("[Xn|SP+Rm*1]", "[x1, x2, lsl #0]"), fields(2, 3, 1));
  assertEquals(parse("[Xn|SP+Rm*8]", "[x1, w2, uxtw]"), fields(2, 2, 0));
  assertEquals(parse("[Xn|SP+Rm*4]", "[x1, w2, sxtw #2]"), fields(2, 6, 1));
  assertEquals(parse("[Xn|SP+Rm*4]", "[x1, x2, sxtx]"), fields(2, 7, 0));
  for (
    const rest of [
      "w2",
      "x2, lsl #2",
      "x2, lsl",
      "x2, uxtw",
      "w2, sxtx",
      "w2, lsl #3",
      "x2, uxtx",
      "sp",
      "x2, lsl #3, #1",
    ]
  ) {
    assertEquals(parse("[Xn|SP+Rm*8]", `[x1, ${rest}]`), null, rest);
  }
});

Deno.test("register lists", () => {
  assertEquals(parse("{Vt.T*2}", "{v31.16b, v0.16b}"), { Rt: 31, size: 0, Q: 1 });
  assertEquals(parse("{Vt.T*3}", "{ v1.4h - v3.4h }"), { Rt: 1, size: 1, Q: 0 });
  assertEquals(parse("{Vt.s*2}[i]", "{v1.s, v2.s}[3]"), { Rt: 1, Q: 1, S: 1 });
  assertEquals(parse("{Vt.b*1}[i]", "{v1.b}[ 9 ]"), { Rt: 1, Q: 1, S: 0, size: 1 });
  for (
    const text of ["{v1.16b, v3.16b}", "{v1.16b, v2.8b}", "{v1.16b}", "{v1.16b-v3.16b}", "v1.16b", "{v32.16b, v0.16b}"]
  ) {
    assertEquals(parse("{Vt.T*2}", text), null, text);
  }
  assertEquals(parse("{Vt.s*1}[i]", "{v1.s}[4]"), null);
  assertEquals(parse("{Vt.d*1}[i]", "{v1.s}[0]"), null);
});

Deno.test("prefetch operations", () => {
  assertEquals(parse("prfop", "pldl1keep"), { immprfop: 0 });
  assertEquals(parse("prfop", "pstl3strm"), { immprfop: 21 });
  assertEquals(parse("prfop", "#0x1f"), { immprfop: 31 });
  assertEquals(parse("prfop", "#32"), null);
  assertEquals(parse("prfop", "pldl4keep"), null);
});
