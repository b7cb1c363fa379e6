import { assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import { encodeCpio, S_IFDIR, S_IFREG } from "./cpio.ts";
import { guestDevicetree } from "./devicetree.ts";
import { patchDevicetree } from "./devicetree_patch.ts";
import { loadImage } from "./image.ts";
import { unpackImage } from "./image_formats/unpack.ts";
import { checkInitrd } from "./initrd.ts";
import { GUEST_IPA } from "./memory_map.ts";

/*
 * Files from outside, damaged in every way: each is either taken or refused with a SyntaxError, never more.
 */

const CASES = 4000;
const GUEST = {
  memoryBytes: 1 << 28,
  cpuCount: 2,
  bootargs: "quiet",
  rngSeed: new Uint8Array(32),
  psciMethod: "hvc",
} as const;

/** Numbers below n, the same in every run. */
function generator(): (n: number) => number {
  let state = 1;
  return (n) => Math.floor((state = Math.imul(state, 1103515245) + 12345 >>> 0) / 2 ** 32 * n);
}

/** Some bytes changed, more often in the head, or cut off. */
function damage(bytes: Uint8Array, random: (n: number) => number): Uint8Array {
  const copy = bytes.slice(), head = random(2) === 0 ? Math.min(64, copy.length) : copy.length;
  for (let i = 0; i <= random(4); i++) copy[random(head)] = random(4) === 0 ? 255 : random(256);
  return random(5) === 0 ? copy.subarray(0, random(copy.length)) : copy;
}

/** An ELF file with two segments. */
function elf(): Uint8Array {
  const bytes = new Uint8Array(256), view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 183, true);
  view.setBigUint64(24, BigInt(GUEST_IPA), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  for (const at of [64, 120]) {
    view.setUint32(at, 1, true);
    view.setBigUint64(at + 8, 176n, true);
    for (const field of [16, 24]) view.setBigUint64(at + field, BigInt(GUEST_IPA), true);
    for (const field of [32, 40]) view.setBigUint64(at + field, 80n, true);
  }
  return bytes;
}

function linuxImage(): Uint8Array {
  const bytes = new Uint8Array(512), view = new DataView(bytes.buffer);
  view.setBigUint64(16, 0x10000n, true);
  view.setUint32(56, 0x644d5241, true);
  view.setUint32(60, 64, true);
  view.setUint32(64, 0x4550, true);
  view.setUint16(70, 1, true);
  return bytes;
}

const archive = encodeCpio([
  { path: "bin", mode: S_IFDIR | 0o755 },
  { path: "bin/a", mode: S_IFREG | 0o755, bytes: new Uint8Array(300) },
]);

const READERS: Readonly<Record<string, readonly [Uint8Array, (bytes: Uint8Array) => unknown]>> = {
  devicetree: [guestDevicetree(GUEST), (bytes) => patchDevicetree(bytes, GUEST)],
  "Linux Image": [linuxImage(), (bytes) => loadImage(bytes, GUEST_IPA)],
  "gzipped Image": [gzipSync(linuxImage()), async (bytes) => loadImage(await unpackImage(bytes), GUEST_IPA)],
  "ELF file": [elf(), (bytes) => loadImage(bytes, GUEST_IPA)],
  "cpio archive": [archive, checkInitrd],
  "gzipped cpio archive": [gzipSync(archive), checkInitrd],
  "Zstandard file": [
    Uint8Array.from(atob("KLUv/QRo9QAAuEFyaWVsIHVucGFja3Mga2VybmVscy4gAQD9ajWbAQUSXg=="), (c) => c.charCodeAt(0)),
    checkInitrd,
  ],
};

for (const [name, [bytes, read]] of Object.entries(READERS)) {
  Deno.test(`a damaged ${name} is taken or refused, and does no harm`, async () => {
    const random = generator();
    await read(bytes);
    for (let i = 0; i < CASES; i++) {
      const damaged = damage(bytes, random);
      try {
        await read(damaged);
      } catch (error) {
        assertEquals(error instanceof SyntaxError, true, `case ${i}: ${(error as Error).stack}`);
      }
    }
  });
}
