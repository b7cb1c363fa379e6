import { assertEquals, assertThrows } from "@std/assert";
import { assemble } from "../a64/assembler.ts";
import { vmlinuxOf } from "../../tests/linux/guest.ts";
import { loadImage } from "./image.ts";

const BASE = 0x4000_0000;

function refused(file: Uint8Array, message: string): void {
  assertThrows(() => loadImage(file, BASE), SyntaxError, message);
}

/** A Linux Image whose PE header, at 64, names a section up to 0x1000. */
function linuxImage(): Uint8Array {
  const bytes = new Uint8Array(0x1000), view = new DataView(bytes.buffer);
  view.setUint32(0, 0xfa40_5a4d, true);
  view.setBigUint64(16, 0x10000n, true);
  view.setUint32(56, 0x644d_5241, true);
  view.setUint32(60, 64, true);
  view.setUint32(64, 0x4550, true);
  view.setUint16(70, 1, true);
  view.setUint32(64 + 24 + 16, 0x1000, true);
  return bytes;
}

/** An ELF file with one segment of 32 bytes, linked at 0xffff000000000000 and loaded at BASE. */
function elf(changes: { entry?: bigint; fileBytes?: bigint; memoryBytes?: bigint } = {}): Uint8Array {
  const { entry = 0xffff_0000_0000_0010n, fileBytes = 32n, memoryBytes = 64n } = changes;
  const bytes = new Uint8Array(256), view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 183, true);
  view.setBigUint64(24, entry, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true);
  [128n, 0xffff_0000_0000_0000n, BigInt(BASE), fileBytes, memoryBytes]
    .forEach((value, i) => view.setBigUint64(72 + 8 * i, value, true));
  return bytes;
}

function flat(source: string): Uint8Array {
  return assemble(source, { origin: BigInt(BASE) }).bytes;
}

Deno.test("loadImage() refuses a Linux Image that is cut off anywhere", () => {
  assertEquals(loadImage(linuxImage(), BASE).kind, "linux");
  for (const length of [2, 3, 4, 40, 60, 63, 64, 68, 84, 88, 100, 127, 128, 0xffc, 0xfff]) {
    refused(linuxImage().subarray(0, length), "cut off");
  }
});

Deno.test("loadImage() begins an ELF file where its entry point is loaded", () => {
  assertEquals(loadImage(elf(), BASE).entry, BASE + 0x10);
  // Linked at other addresses than its entry point is given in
  assertEquals(loadImage(elf({ entry: BigInt(BASE) + 4n }), BASE).entry, BASE + 4);
  for (const entry of [0n, 0x2000_0000n, 0xffff_0000_0000_0020n, BigInt(BASE) + 32n]) {
    refused(elf({ entry }), "entry point");
  }
});

Deno.test("loadImage() refuses an ELF segment with more bytes than it takes in memory", () => {
  assertEquals(loadImage(elf({ memoryBytes: 32n }), BASE).end, BASE + 32);
  refused(elf({ memoryBytes: 31n }), "more bytes");
});

Deno.test("loadImage() takes a flat binary only when it begins with instructions", () => {
  for (const source of ["b .", "mov x0, #1\nldr x1, [x0]\nbr x1\nudf #0", "msr vbar_el1, x0\nudf #0", "nop"]) {
    assertEquals(loadImage(flat(source), BASE).kind, "flat", source);
  }
  for (const source of ["udf #0", "mov x0, #1\nudf #1\nb .", ".word 0xffffffff", ".word 0x04200000"]) {
    refused(flat(source), "no instruction");
  }
  refused(new Uint8Array(4096), "no instruction");
  refused(new TextEncoder().encode("Once upon a time"), "no instruction");
  refused(Uint8Array.of(1, 2, 3, 4, 5), "whole instructions");
});

Deno.test("loadImage() refuses most random files", () => {
  let state = 1, taken = 0;
  for (let i = 0; i < 1000; i++) {
    const file = new Uint8Array(1024).map(() => (state = Math.imul(state, 1103515245) + 12345 >>> 0) >>> 24);
    try {
      loadImage(file, BASE);
      taken++;
    } catch (error) {
      assertEquals(error instanceof SyntaxError, true, `${error}`);
    }
  }
  assertEquals(taken < 200, true, `${taken}`);
});

/** The header of Linux, Documentation/arch/arm64/booting.rst, and words that can be told apart. */
function linuxFile(textOffset: bigint): Uint8Array {
  const words = Uint32Array.from({ length: 0x1800 }, (_, i) => i), view = new DataView(words.buffer);
  view.setBigUint64(8, textOffset, true);
  view.setBigUint64(16, 0x10000n, true);
  view.setBigUint64(24, 0n, true);
  view.setUint32(56, 0x644d5241, true);
  view.setUint32(60, 0, true);
  return new Uint8Array(words.buffer);
}

Deno.test("a kernel that is linked at virtual addresses is the Image that is made of it", () => {
  const image = linuxFile(0x8_0000n), { segments, ...rest } = loadImage(vmlinuxOf(image), BASE);
  const { segments: [{ address, bytes }], ...expected } = loadImage(image, BASE);
  assertEquals(rest, expected);
  const memory = new Uint8Array(bytes.length);
  for (const part of segments) memory.set(part.bytes, part.address - address);
  assertEquals(memory, bytes);
});

Deno.test("what is linked at virtual addresses and is no kernel is refused", () => {
  const other = linuxFile(0n);
  other[56] = 0;
  assertThrows(() => loadImage(vmlinuxOf(other), BASE), SyntaxError, "for virtual addresses, and no Linux kernel");
});
