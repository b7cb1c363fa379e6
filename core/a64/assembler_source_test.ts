import { assertEquals, assertThrows } from "@std/assert";
import { Expander, parseString, splitOperands, splitStatements } from "./assembler_source.ts";

function expand(source: string): string[] {
  const expander = new Expander((text) => BigInt(text.trim()), (name) => name === "KNOWN");
  return [...expander.expand(splitStatements(source))].map((s) => s.text);
}

Deno.test("comments vanish and lines keep their numbers", () => {
  const source = `# preprocessor line
nop // one
/* two
   lines */ ret ; b . ; undefined
.ascii "a // b ; c" ;
  .byte ';', '#'
#
`;
  assertEquals(splitStatements(source).map((s) => [s.line, s.text]), [
    [2, "nop"],
    [4, "ret"],
    [4, "b ."],
    [5, '.ascii "a // b ; c"'],
    [6, ".byte ';', '#'"],
  ]);
});

Deno.test("operands are split outside brackets and quotes", () => {
  assertEquals(splitOperands('x0, [x1, #8]!, {v0.4s, v1.4s}[1], "a,b", (1, 2)'), [
    "x0",
    "[x1, #8]!",
    "{v0.4s, v1.4s}[1]",
    '"a,b"',
    "(1, 2)",
  ]);
  assertEquals(splitOperands("  "), []);
});

Deno.test("strings know C's escapes", () => {
  assertEquals([...parseString('"a\\n\\0\\x41\\101\\"\\\\"')], [97, 10, 0, 65, 65, 34, 92]);
  assertThrows(() => parseString("abc"), SyntaxError);
});

Deno.test("macros take positional, named and default arguments", () => {
  assertEquals(
    expand(`
      .macro push first, second=x1, last:vararg
      stp \\first, \\second, [sp, #-16]!
      l\\@: .byte \\last
      b_\\first\\()_end
      .endm
      start: push x0
      push x2, x3, 1, 2
      PUSH second=x9, first=x8`),
    [
      "start:",
      "stp x0, x1, [sp, #-16]!",
      "l0: .byte",
      "b_x0_end",
      "stp x2, x3, [sp, #-16]!",
      "l1: .byte 1, 2",
      "b_x2_end",
      "stp x8, x9, [sp, #-16]!",
      "l2: .byte",
      "b_x8_end",
    ],
  );
});

Deno.test("repetitions and conditions nest", () => {
  assertEquals(expand(".rept 2\n.irp r, x0, x1\nmov \\r, 1\n.endr\n.endr"), [
    "mov x0, 1",
    "mov x1, 1",
    "mov x0, 1",
    "mov x1, 1",
  ]);
  assertEquals(expand(".if 1\n.if 0\na\n.else\nb\n.endif\nc\n.else\nd\n.endif\n.if 2 >= 3\ne\n.endif"), ["b", "c"]);
  assertEquals(expand(".ifdef KNOWN\na\n.endif\n.ifndef KNOWN\nb\n.else\nc\n.endif"), ["a", "c"]);
});

Deno.test("source errors tell the line", () => {
  assertThrows(() => expand("nop\n.macro m\nnop"), SyntaxError, "Line 2: Cannot find .endm");
  assertThrows(() => expand("nop\n.if 1"), SyntaxError, "Line 2: Cannot find .endif");
  assertThrows(() => expand(".macro m a\n.endm\nm 1, 2"), SyntaxError, "Line 3");
  assertThrows(() => expand(".macro m\nm\n.endm\nm"), SyntaxError, "any deeper");
});
