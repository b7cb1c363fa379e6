import { assertEquals, assertThrows } from "@std/assert";
import { encodeCpio } from "../machine/cpio.ts";
import { decodeFdt } from "../machine/fdt.ts";
import { GUEST_IPA, INITRD_IPA } from "../machine/memory_map.ts";
import { BadInput, layOutGuest } from "./guest_layout.ts";
import type { GuestFiles } from "./vm_protocol.ts";

const MIB = 2 ** 20;

/** A Linux Image that claims so much memory from so far into RAM. */
function linuxImage(textOffset: number, imageSize: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(128), view = new DataView(bytes.buffer);
  view.setBigUint64(8, BigInt(textOffset), true);
  view.setBigUint64(16, BigInt(imageSize), true);
  view.setUint32(56, 0x644d5241, true);
  return bytes;
}

/** An archive of nothing, with zeros behind it. */
function initrdOf(bytes: number): Uint8Array<ArrayBuffer> {
  const initrd = new Uint8Array(bytes);
  initrd.set(encodeCpio([]));
  return initrd;
}

function files(given: Partial<GuestFiles>): GuestFiles {
  return {
    kernelName: given.kernel ? "Image" : null,
    kernel: null,
    initrdName: given.initrd ? "rd" : null,
    initrd: null,
    append: null,
    rngSeed: new Uint8Array(32),
    dtb: null,
    dtbName: given.dtb ? "dt" : null,
    dumpDtb: false,
    ...given,
  };
}

/** Offsets of what was placed, from the beginning of RAM. */
function offsets(given: Partial<GuestFiles>, memoryBytes: number): number[] {
  return layOutGuest(files(given), memoryBytes, 1).segments.map(({ address }) => address - GUEST_IPA);
}

Deno.test("kernel, initrd and devicetree have their places", () => {
  const given = { kernel: linuxImage(0x8_0000, 16 * MIB), initrd: initrdOf(MIB) };
  assertEquals(offsets(given, 768 * MIB), [0x8_0000, 64 * MIB, 766 * MIB]);
  assertEquals(layOutGuest(files(given), 768 * MIB, 1).entry, {
    pc: 0x4008_0000,
    sp: 0x4010_0000,
    x0Lo: 0x6fe0_0000,
    x0Hi: 0,
  });
  assertEquals(offsets(given, 3072 * MIB).at(-1), 3070 * MIB);
});

Deno.test("X0 holds the devicetree's address where RAM goes on beyond 4 GiB", () => {
  const { segments, entry } = layOutGuest(files({ kernel: linuxImage(0, MIB) }), 3500 * MIB, 1);
  assertEquals([entry.x0Lo, entry.x0Hi], [0x1aa0_0000, 1]);
  assertEquals(segments.at(-1)!.address, 0x1_1aa0_0000);
});

Deno.test("an initrd goes behind a kernel that reaches its place, and nearer where RAM ends before it", () => {
  const initrd = initrdOf(5 * MIB);
  assertEquals(offsets({ kernel: linuxImage(0, 65 * MIB), initrd }, 128 * MIB)[1], 66 * MIB);
  assertEquals(offsets({ kernel: linuxImage(0, 17 * MIB), initrd }, 64 * MIB)[1], 18 * MIB);
});

Deno.test("the devicetree says where the initrd is, and what the kernel is told", () => {
  const layout = layOutGuest(files({ kernel: linuxImage(0, MIB), initrd: initrdOf(200) }), 256 * MIB, 4);
  const { root } = decodeFdt(layout.dtb);
  const chosen = root.child("chosen")!;
  assertEquals(chosen.cells("linux,initrd-start"), [0, INITRD_IPA]);
  assertEquals(chosen.cells("linux,initrd-end"), [0, INITRD_IPA + 200]);
  assertEquals(chosen.text("bootargs"), "console=ttyAMA0");
  assertEquals(root.child("cpus")!.children.length, 4);
});

Deno.test("what does not fit is refused with the culprit's name", () => {
  const refused = (given: Partial<GuestFiles>, memoryBytes: number) =>
    assertThrows(() => layOutGuest(files(given), memoryBytes, 1), BadInput).message;
  assertEquals(
    refused({ kernel: linuxImage(0, 62 * MIB + 1) }, 64 * MIB).startsWith("Cannot fit the kernel Image"),
    true,
  );
  assertEquals(
    refused({ kernel: linuxImage(0, MIB), initrd: initrdOf(61 * MIB) }, 64 * MIB).startsWith(
      "Cannot fit the initrd rd",
    ),
    true,
  );
  assertEquals(refused({}, 3 * MIB - 4096).includes("at least 3 MiB"), true);
  assertEquals(refused({}, 64 * MIB + 1).includes("whole pages"), true);
  assertEquals(refused({ dtb: new Uint8Array(50) }, 64 * MIB).startsWith("Cannot read the devicetree dt"), true);
});
