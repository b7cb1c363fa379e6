import { assertEquals, assertThrows } from "@std/assert";
import { vmlinuxOf } from "../../tests/linux/guest.ts";
import { loadImage } from "./image.ts";

const BASE = 0x4000_0000;

/** The header of Linux, Documentation/arch/arm64/booting.rst, and words that can be told apart. */
function linuxImage(textOffset: bigint): Uint8Array {
  const words = Uint32Array.from({ length: 0x1800 }, (_, i) => i), view = new DataView(words.buffer);
  view.setBigUint64(8, textOffset, true);
  view.setBigUint64(16, 0x10000n, true);
  view.setBigUint64(24, 0n, true);
  view.setUint32(56, 0x644d5241, true);
  view.setUint32(60, 0, true);
  return new Uint8Array(words.buffer);
}

Deno.test("a kernel that is linked at virtual addresses is the Image that is made of it", () => {
  const image = linuxImage(0x8_0000n), { segments, ...rest } = loadImage(vmlinuxOf(image), BASE);
  const { segments: [{ address, bytes }], ...expected } = loadImage(image, BASE);
  assertEquals(rest, expected);
  const memory = new Uint8Array(bytes.length);
  for (const part of segments) memory.set(part.bytes, part.address - address);
  assertEquals(memory, bytes);
});

Deno.test("what is linked at virtual addresses and is no kernel is refused", () => {
  const other = linuxImage(0n);
  other[56] = 0;
  assertThrows(() => loadImage(vmlinuxOf(other), BASE), SyntaxError, "for virtual addresses, and no Linux kernel");
});
