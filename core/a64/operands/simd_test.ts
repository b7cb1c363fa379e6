import { assertEquals } from "@std/assert";
import { assembleInstruction } from "../instruction_assembler.ts";
import { disassemble } from "../disassembler.ts";
import { expandFloat, SIMD_OPERANDS } from "./simd.ts";
import type { Fields } from "../row.ts";

const NO_SYMBOLS = {
  isSymbol: () => false,
  symbol(name: string): bigint {
    throw new SyntaxError(`Cannot find symbol ${name}`);
  },
};

// Words as GNU as makes them.
// deno-fmt-ignore
const EXAMPLES: readonly (readonly [text: string, word: number])[] = [
  ["mov v0.16b, v1.16b",                                0x4ea11c20],
  ["mov v0.s[1], w3",                                   0x4e0c1c60],
  ["mov w0, v1.s[2]",                                   0x0e143c20],
  ["mov d0, v1.d[1]",                                   0x5e180420],
  ["mov v1.d[0], v2.d[1]",                              0x6e084441],
  ["movi v0.2d, #0xff00ff00ff00ff00",                   0x6f05e540],
  ["movi d0, #0xff00ff00ff00ff00",                      0x2f05e540],
  ["movi v0.4s, #0x1, lsl #8",                          0x4f002420],
  ["movi v0.4s, #0x1, msl #8",                          0x4f00c420],
  ["fmov v0.4s, #1.500000000000000000e+00",             0x4f03f700],
  ["orr v0.4s, #0x12",                                  0x4f001640],
  ["tbl v0.16b, {v1.16b-v3.16b}, v2.16b",               0x4e024020],
  ["tbl v0.16b, {v31.16b, v0.16b}, v2.16b",             0x4e0223e0],
  ["tbl v0.16b, {v31.16b, v0.16b, v1.16b}, v2.16b",     0x4e0243e0],
  ["pmull v0.1q, v1.1d, v2.1d",                         0x0ee2e020],
  ["sqdmull d0, s1, v2.s[1]",                           0x5fa2b020],
  ["shll v0.8h, v1.8b, #8",                             0x2e213820],
  ["sdot v0.4s, v1.16b, v2.4b[3]",                      0x4fa2e820],
  ["xar v0.2d, v1.2d, v2.2d, #63",                      0xce82fc20],
];

Deno.test("Advanced SIMD instructions are written and read as GNU as and objdump do", () => {
  for (const [text, word] of EXAMPLES) {
    assertEquals(disassemble(word, 0n), text);
    assertEquals(assembleInstruction(text, 0n, NO_SYMBOLS), word, text);
  }
});

Deno.test("arrangements and elements that do not fit are refused", () => {
  const reads = (operand: string, text: string, f: Fields = {}): boolean =>
    SIMD_OPERANDS[operand].parse(text, f, 0n, new Map());
  assertEquals(reads("Vd.T", "v0.4s"), true);
  assertEquals(reads("Vn.T", "v0.4s", { size: 1, Q: 1 }), false);
  assertEquals(reads("Vd.T", "v32.4s"), false);
  assertEquals(reads("Vd.T", "v0.3s"), false);
  assertEquals(reads("Vd.T", "v0"), false);
  assertEquals(reads("Vm.H[H:L:M]", "v15.h[7]"), true);
  assertEquals(reads("Vm.H[H:L:M]", "v16.h[7]"), false);
  assertEquals(reads("Vm.S[H:L]", "v31.s[4]"), false);
  assertEquals(reads("right3", "#9"), false);
  assertEquals(reads("right3", "#0"), false);
  assertEquals(reads("{Vn.16B}", "{v0.16b-v4.16b}"), false);
  assertEquals(reads("{Vn.16B}", "{v0.16b, v2.16b}"), false);
  assertEquals(reads("immabcdefgh64", "#0xff01"), false);
  assertEquals(reads("float8", "#0.1"), false);
});

Deno.test("VFPExpandImm() reaches from 1/8 to 31", () => {
  assertEquals([0x70, 0x00, 0x40, 0x3f, 0xf0].map(expandFloat), [1, 2, 0.125, 31, -1]);
});
