import { assertEquals } from "@std/assert";
import {
  ATTR,
  combineAttributes,
  combineShareability,
  isDevice,
  mairAttribute,
  stage2Attribute,
} from "./attributes.ts";

Deno.test("MAIR attributes", () => {
  assertEquals(mairAttribute(0xbbff4400, 0x04, 3), 0xbb);
  assertEquals(mairAttribute(0xbbff4400, 0x04, 4), 0x04);
  assertEquals([isDevice(0x0c), isDevice(0x44)], [true, false]);
});

Deno.test("stage 2 attributes", () => {
  assertEquals([0, 1, 5, 10, 15].map(stage2Attribute), [0x00, 0x04, 0x44, 0xbb, 0xff]);
});

Deno.test("both stages: the stronger Device, the weaker cacheability", () => {
  assertEquals(combineAttributes(0xff, 0, false), ATTR.deviceNGnRnE);
  assertEquals(combineAttributes(ATTR.deviceGRE, 1, false), ATTR.deviceNGnRE);
  assertEquals(combineAttributes(ATTR.deviceNGnRnE, 0xf, false), ATTR.deviceNGnRnE);
  assertEquals(combineAttributes(0xff, 5, false), ATTR.normalNonCacheable);
  assertEquals(combineAttributes(0xee, 0xf, false), 0xee);
  assertEquals(combineAttributes(0x44, 0xf, false), 0x44);
  assertEquals(combineAttributes(0xff, 10, false), 0xbb);
});

Deno.test("both stages with FEAT_S2FWB", () => {
  assertEquals(combineAttributes(0x44, 6, true), 0xff);
  assertEquals(combineAttributes(0x00, 6, true), 0xff);
  assertEquals(combineAttributes(0xee, 7, true), 0xee);
  assertEquals(combineAttributes(0xee, 5, true), 0x44);
  assertEquals(combineAttributes(0xee, 1, true), 0x04);
});

Deno.test("shareability", () => {
  assertEquals(combineShareability(0, 3, 0xff), 3);
  assertEquals(combineShareability(2, 3, 0xff), 2);
  assertEquals(combineShareability(0, 0, 0x04), 2);
});
