import { assertEquals, assertThrows } from "@std/assert";
import { defineGuest } from "./module.ts";

Deno.test("a guest's source is assembled where guest RAM begins", () => {
  const { bytes, origin, entry } = defineGuest({
    name: "hello",
    source: "nop\n_start: ret\n.quad SEVEN",
    symbols: { SEVEN: 7n },
  })
    .build();
  assertEquals(origin, 0x4000_0000);
  assertEquals(entry, 0x4000_0004);
  assertEquals([...bytes], [0x1f, 0x20, 0x03, 0xd5, 0xc0, 0x03, 0x5f, 0xd6, 7, 0, 0, 0, 0, 0, 0, 0]);
});

Deno.test("a guest without a start begins at its first byte", () => {
  const { origin, entry } = defineGuest({ name: "hello", source: "ret", origin: 0x4100_0000 }).build();
  assertEquals([origin, entry], [0x4100_0000, 0x4100_0000]);
});

Deno.test("a guest may make its image itself", () => {
  const image = { bytes: new Uint8Array(4), origin: 0x4000_0000, entry: 0x4000_0000 };
  assertEquals(defineGuest({ name: "zeros", build: () => image }).build(), image);
});

Deno.test("an error in a guest's source tells its line", () => {
  const guest = defineGuest({ name: "wrong", source: "nop\nfrobnicate" });
  assertThrows(() => guest.build(), SyntaxError, "Line 2");
});
