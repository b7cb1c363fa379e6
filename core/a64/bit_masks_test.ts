import { assertEquals } from "@std/assert";
import { decodeBitMasks, encodeBitMasks, isReservedBitMask } from "./bit_masks.ts";

/** DecodeBitMasks() as a string of bits. */
function slowly(immN: number, imms: number, immr: number): bigint {
  const size = immN === 1 ? 64 : 2 ** (31 - Math.clz32(~imms & 63));
  const count = (imms & (size - 1)) + 1, rotation = immr & (size - 1);
  const element = "1".repeat(count).padStart(size, "0");
  const rotated = element.slice(size - rotation) + element.slice(0, size - rotation);
  return BigInt(`0b${rotated.repeat(64 / size)}`);
}

Deno.test("bit masks decode as in the manual and encode back", () => {
  const values = new Set<bigint>();
  for (let immN = 0; immN < 2; immN++) {
    for (let imms = 0; imms < 64; imms++) {
      if (isReservedBitMask(immN, imms)) continue;
      for (let immr = 0; immr < 64; immr++) {
        const [lo, hi] = decodeBitMasks(immN, imms, immr);
        const value = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
        assertEquals(value, slowly(immN, imms, immr));
        const fields = encodeBitMasks(value, 64)!;
        assertEquals(slowly(fields.immN, fields.imms, fields.immr), value);
        values.add(value);
      }
    }
  }
  assertEquals(values.size, 5334);
});

Deno.test("what is no bit mask does not encode", () => {
  for (const value of [0n, 0xffff_ffff_ffff_ffffn, 5n, 0x1_0000_0001_0001n, 0xf0f0_f0f0_f0f0_f0f1n]) {
    assertEquals(encodeBitMasks(value, 64), null);
  }
  assertEquals(encodeBitMasks(0xffff_ffffn, 32), null);
  assertEquals(encodeBitMasks(0x8000_0001n, 32), { immN: 0, immr: 1, imms: 1 });
});
