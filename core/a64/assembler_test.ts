import { assertEquals, assertThrows } from "@std/assert";
import { gnuAssembleProgram, isGnuPresent } from "../../tests/oracle/gnu.ts";
import { assemble } from "./assembler.ts";

const ORIGIN = 0x4000_0000n;

function words(source: string, symbols?: Record<string, bigint>): string[] {
  const { bytes } = assemble(source, { origin: ORIGIN, symbols });
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length >> 2 }, (_, i) => view.getUint32(i * 4, true).toString(16).padStart(8, "0"));
}

function bytes(source: string): number[] {
  return [...assemble(source, { origin: ORIGIN }).bytes];
}

Deno.test("labels are addresses from the origin", () => {
  const { labels } = assemble("start: nop\nend:\n.equ size, end - start\nlast = . + 4", { origin: ORIGIN });
  assertEquals([...labels], [["start", ORIGIN], ["end", ORIGIN + 4n], ["size", 4n], ["last", ORIGIN + 8n]]);
});

Deno.test("branches reach labels before and after", () => {
  assertEquals(words("1: b 1b\nb 1f\nb.ne done\n1: cbz x3, 1b\ndone: tbnz w5, #7, done + 8"), [
    "14000000",
    "14000002",
    "54000041",
    "b4000003",
    "37380045",
  ]);
});

Deno.test("literal pools follow at .ltorg and at the end", () => {
  assertEquals(
    words("ldr x0, =0x1122334455667788\nldr w1, =5\nldr x2, =0x1122334455667788\nb .\n.ltorg\nldr x3, =here\nhere:"),
    [
      "580000c0",
      "18000061",
      "58000082",
      "14000000",
      "00000005",
      "00000000",
      "55667788",
      "11223344",
      "58000043",
      "00000000",
      "40000024",
      "00000000",
    ],
  );
});

Deno.test("data directives store little-endian values", () => {
  assertEquals(bytes(".byte 1, -1, 'a', 2 + 3\n.hword 0x1234\n.word -2\n.quad 1 << 40"), [
    ...[1, 255, 97, 5, 0x34, 0x12, 0xfe, 0xff, 0xff, 0xff],
    ...[0, 0, 0, 0, 0, 1, 0, 0],
  ]);
  assertEquals(bytes('.ascii "ab", "c"\n.asciz "d\\n"\n.string "é"'), [97, 98, 99, 100, 10, 0, 0xc3, 0xa9, 0]);
  assertEquals(bytes(".byte 1\n.balign 4, 0xee\n.byte 2\n.space 2, 7\n.fill 2, 1, 9"), [
    1,
    238,
    238,
    238,
    2,
    7,
    7,
    9,
    9,
  ]);
  assertEquals(words("nop\n.p2align 4\nnop\n.org 0x18\n.inst 0xd65f03c0"), [
    ...["d503201f", "d503201f", "d503201f", "d503201f", "d503201f", "00000000", "d65f03c0"],
  ]);
});

Deno.test("symbols stand for numbers in operands", () => {
  assertEquals(
    words(
      ".equ UART, 0x09000000\n.set n, 1\nmovz x0, #n\n.set n, n + 1\nmovz x0, #n\nmovz x1, #UART >> 16, lsl #16\nmovz x2, MASK & 0xff",
      {
        MASK: 0x1ffn,
      },
    ),
    ["d2800020", "d2800040", "d2a12001", "d2801fe2"],
  );
});

Deno.test("macros make code of their own labels", () => {
  const source = `
    .macro wait count
      mov x9, #\\count
    1: subs x9, x9, #1
      b.ne 1b
    .endm
    wait 3
    wait 4`;
  assertEquals(words(source), ["d2800069", "f1000529", "54ffffe1", "d2800089", "f1000529", "54ffffe1"]);
});

Deno.test("errors tell the line and what is wrong", () => {
  for (
    const [source, message] of [
      ["nop\nfrobnicate x0", 'Line 2: Cannot assemble "frobnicate x0" as frobnicate is no instruction'],
      ["add x0, x1", 'Line 1: Cannot assemble "add x0, x1" as add does not take these operands'],
      ["\n\nb nowhere", "nowhere: no symbol"],
      ["mov x0, #nowhere", "Line 1: Cannot find symbol nowhere"],
      ["b 1f", "Line 1: Cannot find local label 1 after here"],
      ["a:\na:", "Line 2: Cannot define a as it is defined already"],
      [".byte 256", "Line 1: Cannot store 256 as it does not fit in 1 bytes"],
      [".frob", "Line 1: Cannot understand directive .frob"],
      [".byte 1\nnop", 'Line 2: Cannot place "nop" as its address is no multiple of 4'],
      [".macro m\nadd x0\n.endm\nnop\nm", "Line 5 (in macro m): Cannot assemble"],
      [".equ a, b\n.equ b, a\n.quad a", "depends on itself"],
      [".org 8\n.org 4", "Line 2: Cannot move back from 8 to 4"],
      ["nop\n.equ a, b", "Line 2: Cannot find symbol b"],
      [".space 1 << 60", "Line 1: Cannot take 1 << 60 as a size"],
      ["tbz w0, #32, .", "Line 1: Cannot assemble"],
    ] as const
  ) assertThrows(() => assemble(source, { origin: ORIGIN }), SyntaxError, message, source);
});

const PROGRAM = `
      .global _start
      .equ STACK, 0x1000
      .macro vector target
        .balign 0x80
        b \\target
      .endm
      /* entry */
_start:
      adr x0, message
      ldr x1, =0x0000000123456789
      ldr w2, =STACK * 2 + 1
      mov x3, #0xffff0000ffff0000
      mov x4, #-2
      mov w5, #0x12340000
      mov x6, sp
      mov sp, x6
      mov x7, x8
      add sp, sp, #STACK
      sub x9, x10, x11, lsl #3
      add x12, sp, w13, uxtw #2
      cmp x1, #1 << 12
      ccmp x1, x2, #4, ne
      b.hi 2f
      bne 2f
      csel x1, x2, xzr, lo
      cset w3, eq
1:    ldr x0, [x1, x2, lsl #3]
      ldr w0, [x1, #4]!
      ldr w0, [x1], #-4
      stp x29, x30, [sp, #-16]!
      ldp x29, x30, [sp], #16
      ldrb w3, [x4, w5, sxtw]
      ldr x5, message
      str x5, [x6, #(2f - 1b)]
      ldxr x0, [x1]
      stlxr w2, x0, [x1]
      cas x0, x1, [x2]
      cbnz x0, 1b
      tbz x1, #40, 2f
      ubfx x0, x1, #4, #8
      lsl x0, x1, #3
      ror w0, w1, #5
      madd x0, x1, x2, x3
      mul w0, w1, w2
      svc #0
      hvc #0x4a
2:    mrs x0, ESR_EL1
      msr VBAR_EL1, x0
      msr daifset, #2
      tlbi vmalle1
      dsb sy
      isb
      wfi
      eret
      fmov d0, #1.5
      fadd v0.4s, v1.4s, v2.4s
      ld1 {v0.16b, v1.16b}, [x0], #32
      mov v1.s[2], w0
      ret
      .ltorg
      vector 1b
      vector 2b
message: .asciz "Hello; // world"
      .balign 8
      .quad message - _start, 0
      .p2align 6,,7
      .balign 16,,12
      .rept 3
      .word 7
      .endr
      ldr x3, =2 - 3
`;

const isWithoutGnu = !isGnuPresent();

Deno.test({
  name: `a program becomes what GNU as makes of it${isWithoutGnu ? " (ignored: aarch64-linux-gnu-as is missing)" : ""}`,
  ignore: isWithoutGnu,
  fn() {
    const { bytes } = assemble(PROGRAM, { origin: 0n });
    assertEquals([...bytes], [...gnuAssembleProgram(PROGRAM)]);
  },
});
