import { assertThrows } from "@std/assert";
import { gzipSync } from "node:zlib";
import { encodeCpio, S_IFREG } from "./cpio.ts";
import { checkInitrd } from "./initrd.ts";

const archive = encodeCpio([
  { path: "init", mode: S_IFREG | 0o755, bytes: new Uint8Array(5000).fill(7) },
  { path: "etc", mode: S_IFREG, bytes: new Uint8Array(1) },
]);

Deno.test("checkInitrd() takes archives, compressed or not, and file systems", () => {
  checkInitrd(archive);
  checkInitrd(new Uint8Array([...archive, 0, 0, 0, 0, ...gzipSync(archive)]));
  checkInitrd(gzipSync(archive));
  checkInitrd(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3));
  checkInitrd(Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 1, 2, 3, 0x59, 0x5a, 0, 0, 0, 0));
  const ext2 = new Uint8Array(2048);
  ext2.set([0x53, 0xef], 1080);
  checkInitrd(ext2);
});

Deno.test("checkInitrd() refuses what is cut off at any place, and what is nothing", () => {
  for (const length of [6, 60, 111, 200, 5113, 5200, archive.length - 20]) {
    assertThrows(() => checkInitrd(archive.subarray(0, length)), SyntaxError, "cut off", `${length}`);
  }
  const packed = gzipSync(archive);
  for (const length of [2, 5, 12, packed.length - 8, packed.length - 1]) {
    assertThrows(() => checkInitrd(packed.subarray(0, length)), SyntaxError, "cut off", `${length}`);
  }
  assertThrows(() => checkInitrd(Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 1, 2, 3)), SyntaxError, "cut off");
  assertThrows(() => checkInitrd(Uint8Array.of(1, 2, 3)), SyntaxError, "neither");
});

Deno.test("checkInitrd() ends on headers that hold no numbers", () => {
  const damaged = archive.slice();
  damaged.fill(0x7a, 54, 62);
  assertThrows(() => checkInitrd(damaged), SyntaxError, "damaged");
});
