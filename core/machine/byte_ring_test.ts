import { assertEquals } from "@std/assert";
import { ByteRing } from "./byte_ring.ts";

Deno.test("ByteRing gives bytes back in order, takes no more than fit, and wraps", () => {
  const ring = ByteRing.create(8);
  assertEquals(ring.read(), -1);
  assertEquals(ring.write(new Uint8Array([1, 2, 3, 4, 5])), 5);
  assertEquals([ring.read(), ring.read(), ring.read()], [1, 2, 3]);
  assertEquals(ring.write(new Uint8Array([6, 7, 8, 9, 10, 11, 12])), 6);
  assertEquals(ring.pending, 8);
  const rest: number[] = [];
  for (let b = ring.read(); b >= 0; b = ring.read()) rest.push(b);
  assertEquals(rest, [4, 5, 6, 7, 8, 9, 10, 11]);
});

Deno.test("ByteRing tells that nothing more will come, and then waits for nothing", () => {
  const ring = ByteRing.create(8), reader = new ByteRing(ring.buffer);
  ring.write(new Uint8Array([1]));
  assertEquals(reader.isEnded, false);
  ring.end();
  assertEquals([reader.isEnded, reader.pending], [true, 1]);
  assertEquals([reader.read(), reader.read()], [1, -1]);
});
