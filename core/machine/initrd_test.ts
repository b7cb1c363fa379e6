import { assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { encodeCpio, S_IFREG } from "./cpio.ts";
import { checkInitrd } from "./initrd.ts";

const archive = encodeCpio([
  { path: "init", mode: S_IFREG | 0o755, bytes: new Uint8Array(5000).fill(7) },
  { path: "etc", mode: S_IFREG, bytes: new Uint8Array(1) },
]);

Deno.test("checkInitrd() takes archives, compressed or not, and file systems", async () => {
  await checkInitrd(archive);
  await checkInitrd(new Uint8Array([...archive, 0, 0, 0, 0, ...gzipSync(archive)]));
  await checkInitrd(gzipSync(archive));
  await checkInitrd(Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 1, 2, 3, 0x59, 0x5a, 0, 0, 0, 0));
  const ext2 = new Uint8Array(2048);
  ext2.set([0x53, 0xef], 1080);
  ext2[1028] = 2;
  await checkInitrd(ext2);
});

Deno.test("checkInitrd() refuses what is cut off at any place, and what is nothing", async () => {
  for (const length of [6, 60, 111, 200, 5113, 5200, archive.length - 20]) {
    await assertRejects(() => checkInitrd(archive.subarray(0, length)), SyntaxError, "cut off", `${length}`);
  }
  const packed = gzipSync(archive);
  for (const length of [2, 5, 12, packed.length - 8, packed.length - 1]) {
    await assertRejects(() => checkInitrd(packed.subarray(0, length)), SyntaxError, "cut off", `${length}`);
  }
  await assertRejects(
    () => checkInitrd(Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 1, 2, 3)),
    SyntaxError,
    "cut off",
  );
  for (const bytes of [Uint8Array.of(1, 2, 3), new Uint8Array(8192), gzipSync(new Uint8Array(8192).fill(5))]) {
    await assertRejects(() => checkInitrd(bytes), SyntaxError, "neither");
  }
});

/** A text as the usual programs pack it: their checksums are the text's. */
const PACKED: Readonly<Record<string, string>> = {
  "zstd -19": "KLUv/QRo9QAAuEFyaWVsIHVucGFja3Mga2VybmVscy4gAQD9ajWbAQUSXg==",
  "zstd -1 --no-check": "KLUv/QBI9QAAuEFyaWVsIHVucGFja3Mga2VybmVscy4gAQD9ajWb",
  "bzip2 -9":
    "QlpoOTFBWSZTWcjYw5wAAGOVgEABIAAqLVoAIABwQAAApVCbSep5JwJsTInAnQmhMCZE0JoTYmBNCbCdCeiYE9E+CeCbE+ifxdyRThQkMjYw5wA=",
  "lzop -9":
    "iUxaTwANChoKEEAgoAlAAwkDAAAJAACBpGsMD5kAAAAAAXQ30wQrAAADmAAAACJJHE+wKEFyaWVsIHVucGFja3Mga2VybmVscy4gIAAAAGNYABEAAAAAAAA=",
  "lz4 -l": "AiFMGCUAAAD/CEFyaWVsIHVucGFja3Mga2VybmVscy4gFwD///9sUGVscy4g",
};

/** What cannot be packed. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  let state = 1;
  return Uint8Array.from({ length }, () => (state = Math.imul(state, 1664525) + 1013904223 >>> 0) >>> 24);
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

for (const [program, base64] of Object.entries(PACKED)) {
  Deno.test(`checkInitrd() follows what "${program}" has packed to its end`, async () => {
    const packed = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const early = join(archive, new Uint8Array(4));
    for (const before of [new Uint8Array(), early]) {
      await checkInitrd(join(before, packed));
      await checkInitrd(join(before, packed, new Uint8Array(77)));
      const lengths = [packed.length - 1, packed.length - 3, packed.length >> 1, 9];
      for (const length of lengths) {
        const cut = join(before, packed.subarray(0, length));
        await assertRejects(() => checkInitrd(cut), SyntaxError, "cut off", `${length}`);
      }
    }
  });
}

Deno.test("checkInitrd() goes from one archive to the next", async () => {
  const zstd = Uint8Array.from(atob(PACKED["zstd -19"]), (c) => c.charCodeAt(0)), packed = gzipSync(archive);
  await checkInitrd(join(archive, archive, new Uint8Array(3), zstd, packed, new Uint8Array(9)));
  await assertRejects(() => checkInitrd(join(archive, packed.subarray(0, 40))), SyntaxError, "cut off");
  await assertRejects(() => checkInitrd(join(archive, archive.subarray(0, 200))), SyntaxError, "cut off");
  await assertRejects(() => checkInitrd(gzipSync(join(archive, archive.subarray(0, 200)))), SyntaxError, "cut off");
  await assertRejects(() => checkInitrd(join(archive, Uint8Array.of(0, 0, 0, 0, 1))), SyntaxError, "what follows");
  // Linux wants archives at multiples of 4
  await assertRejects(() => checkInitrd(join(archive, Uint8Array.of(0), archive)), SyntaxError, "what follows");
});

Deno.test("checkInitrd() leaves a boot configuration behind the archives to Linux", async () => {
  const footer = new Uint8Array(8), config = new TextEncoder().encode("kernel.quiet\n\0\0\0");
  new DataView(footer.buffer).setUint32(0, config.length, true);
  const magic = new TextEncoder().encode("#BOOTCONFIG\n");
  await checkInitrd(join(archive, config, footer, magic));
  await assertRejects(() => checkInitrd(join(archive.subarray(0, 200), config, footer, magic)), SyntaxError, "cut off");
  await assertRejects(() => checkInitrd(join(footer, magic)), SyntaxError, "neither");
});

Deno.test("checkInitrd() refuses file systems that are cut off", async () => {
  const squashfs = new Uint8Array(4096), ext2 = new Uint8Array(8192);
  squashfs.set([0x68, 0x73, 0x71, 0x73]);
  new DataView(squashfs.buffer).setUint32(40, 4096, true);
  ext2.set([0x53, 0xef], 1080);
  new DataView(ext2.buffer).setUint32(1028, 2, true);
  new DataView(ext2.buffer).setUint32(1048, 2, true);
  for (const image of [squashfs, ext2]) {
    await checkInitrd(image);
    await checkInitrd(gzipSync(image));
    await assertRejects(() => checkInitrd(image.subarray(0, -1)), SyntaxError, "cut off");
  }
  await assertRejects(() => checkInitrd(squashfs.subarray(0, 5)), SyntaxError);
});

Deno.test("checkInitrd() ends on headers that hold no numbers", async () => {
  const damaged = archive.slice();
  damaged.fill(0x7a, 54, 62);
  await assertRejects(() => checkInitrd(damaged), SyntaxError, "damaged");
});

Deno.test("checkInitrd() refuses LZMA that is cut off in its header, and LZO whose blocks cannot be", async () => {
  const lzma = Uint8Array.from(
    atob("XQAAgAD//////////wAgnIkmah47EX2usfraaTpWgQ//cLVgaMRy+bUmuaThSVX1N///ztHAAA=="),
    (c) => c.charCodeAt(0),
  );
  await checkInitrd(lzma);
  await checkInitrd(join(archive, lzma));
  for (const length of [3, 12, 17]) {
    await assertRejects(
      () => checkInitrd(join(archive, lzma.subarray(0, length))),
      SyntaxError,
      "cut off",
      `${length}`,
    );
  }
  const lzo = Uint8Array.from(atob(PACKED["lzop -9"]), (c) => c.charCodeAt(0)), sizesAt = 39;
  assertEquals(new DataView(lzo.buffer).getUint32(sizesAt), 23 * 40);
  for (const [offset, value] of [[0, 2 ** 18 + 1], [4, 0], [4, 1000]]) {
    const damaged = lzo.slice();
    new DataView(damaged.buffer).setUint32(sizesAt + offset, value);
    await assertRejects(() => checkInitrd(damaged), SyntaxError, "damaged");
  }
});

Deno.test("checkInitrd() tells how far it has come", async () => {
  const packed = gzipSync(encodeCpio([{ path: "noise", mode: S_IFREG, bytes: noise(1 << 20) }]));
  const bytes = join(archive, packed), told: number[][] = [];
  await checkInitrd(bytes, (done, total) => told.push([done, total]));
  assertEquals(told.every(([done, total], i) => total === bytes.length && done > (told[i - 1]?.[0] ?? 0)), true);
  assertEquals([told.length >= 4, told.at(-1)![0]], [true, bytes.length]);
});
