import { assertEquals } from "@std/assert";
import { IpaInterval } from "./ipa_interval.ts";

const RAM = IpaInterval.of(0x4000_0000, 0x3000_0000)!;

Deno.test("IpaInterval is half-open", () => {
  assertEquals([RAM.start, RAM.end, RAM.bytes, RAM.isEmpty], [0x4000_0000, 0x7000_0000, 0x3000_0000, false]);
  assertEquals([RAM.has(0x3fff_ffff), RAM.has(0x4000_0000), RAM.has(0x6fff_ffff), RAM.has(0x7000_0000)], [
    false,
    true,
    true,
    false,
  ]);
  assertEquals(RAM.hasBytes(0x6fff_fff8, 8), true);
  assertEquals(RAM.hasBytes(0x6fff_fff9, 8), false);
  assertEquals(`${RAM}`, "[0x40000000, 0x70000000)");
});

Deno.test("IpaInterval refuses what is no interval", () => {
  for (const [start, bytes] of [[-1, 1], [0, -1], [0.5, 1], [0, NaN], [Infinity, 1], [2 ** 52, 1], [2 ** 52 - 1, 2]]) {
    assertEquals(IpaInterval.of(start, bytes), null, `${start} ${bytes}`);
  }
  assertEquals(IpaInterval.of(2 ** 52, 0)?.isEmpty, true);
});

Deno.test("IpaInterval takes register halves without wrapping", () => {
  assertEquals(IpaInterval.ofHalves(0xffff_fff0, 0xffff_ffff, 0x20, 0), null);
  assertEquals(IpaInterval.ofHalves(0x4000_0000, 0, 0, 0xffff_ffff), null);
  assertEquals(IpaInterval.ofHalves(0x4000_0000, 0, 0xffff_ffff, 0xfffff), null);
  assertEquals(IpaInterval.ofHalves(0x4000_0000, 1, 16, 0)?.start, 0x1_4000_0000);
});

Deno.test("IpaInterval containment and overlap", () => {
  const of = (start: number, bytes: number) => IpaInterval.of(start, bytes)!;
  assertEquals(RAM.contains(of(0x4000_0000, 0x3000_0000)), true);
  assertEquals(RAM.contains(of(0x4000_0000, 0x3000_0001)), false);
  assertEquals(RAM.contains(of(0x3fff_ffff, 1)), false);
  assertEquals(RAM.contains(of(0x5000_0000, 0)), true);
  assertEquals(RAM.contains(of(0x1000, 0)), false);
  assertEquals(RAM.overlaps(of(0x3fff_ffff, 1)), false);
  assertEquals(RAM.overlaps(of(0x3fff_ffff, 2)), true);
  assertEquals(RAM.overlaps(of(0x6fff_ffff, 100)), true);
  assertEquals(RAM.overlaps(of(0x7000_0000, 100)), false);
  assertEquals(RAM.overlaps(of(0x5000_0000, 0)), false);
});
