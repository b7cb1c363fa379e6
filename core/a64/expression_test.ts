import { assertEquals, assertThrows } from "@std/assert";
import { evaluate, readExpression } from "./expression.ts";

const scope = {
  symbol(name: string): bigint {
    const value = { a: 10n, ".": 0x1000n, "1f": 0x40n, ".Lx": 3n, value_2: 5n }[name];
    if (value === undefined) throw new SyntaxError(`Cannot find symbol ${name}`);
    return value;
  },
};

Deno.test("expressions have the values that GNU as gives them", () => {
  for (
    const [text, value] of [
      ["1", 1n],
      ["0x1F", 31n],
      ["0b101", 5n],
      ["010", 8n],
      ["'A'", 65n],
      ["'\\n'", 10n],
      ["-a + 3", -7n],
      ["~0 & 0xff", 255n],
      ["2 + 3 * 4", 14n],
      ["1 << 4 + 1", 17n],
      ["1 | 2 + 1", 4n],
      ["(1 + 2) << 3", 24n],
      ["1f - .", -0xfc0n],
      [".Lx*value_2", 15n],
      ["7 / -2", -3n],
      ["-7 % 4", -3n],
      ["0xffffffffffffffff >> 60", 15n],
      ["10 - 3 - 2", 5n],
    ] as const
  ) assertEquals(evaluate(text, scope), value, text);
});

Deno.test("an expression ends where it cannot go on", () => {
  assertEquals(readExpression("a + 1]", 0, scope), { value: 11n, end: 5 });
});

Deno.test("what is no expression is refused", () => {
  for (const text of ["", "1 +", "(1", "1 2", "nobody", "1 / 0", "*", "1 << -1", "08"]) {
    assertThrows(() => evaluate(text, scope), SyntaxError, "Cannot", text);
  }
});
