import { assertEquals, assertRejects } from "@std/assert";
import $ from "dax";
import { needs } from "../../../tests/needs.ts";
import { unpackImage } from "./unpack.ts";

const TEXT = "Ariel unpacks kernels. ".repeat(40);

/** TEXT as the usual programs pack it. */
const PACKED: Readonly<Record<string, string>> = {
  "gzip -9n": "H4sIAAAAAAACA3MsykzNUSjNK0hMzi5WyE4tykvNKdZTcBwVHhUeFR44YQDnTsWRmAMAAA==",
  "zstd -19": "KLUv/QRo9QAAuEFyaWVsIHVucGFja3Mga2VybmVscy4gAQD9ajWbAQUSXg==",
  "xz -9":
    "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4AOXACRdACCciSZqHjsRfa6x+tppOlaBD/9wtWBoxHL5tSa5pOFI5n8AAAAGviyiAhFPOgABQJgH" +
    "AAAA2YqssLHEZ/sCAAAAAARZWg==",
  "xz --check=crc32 --arm64 --lzma2":
    "/Td6WFoAAAFpIt42AgEKACEBFgB95z8l4AOXACRdACCciSZqHjsRfa6x+tppOlaBD/9wtWBoxHL5tSa5pOFI5n8AAADnTsWRAAE8mAcAAABjR0zM" +
    "PjANiwIAAAAAAVla",
  "xz --check=sha256":
    "/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4AOXACRdACCciSZqHjsRfa6x+tppOlaBD/9wtWBoxHL5tSa5pOFI5n8AAADwZzzcL5TbEAwMMxyKbUmY" +
    "Un9FCxkBybDmoFB5ekrneQABWJgHAAAALwopX7bp3xwCAAAAAApZWg==",
  "lz4 -l": "AiFMGCUAAAD/CEFyaWVsIHVucGFja3Mga2VybmVscy4gFwD///9sUGVscy4g",
  "lz4": "BCJNGGRApyUAAAD/CEFyaWVsIHVucGFja3Mga2VybmVscy4gFwD///9sUGVscy4gAAAAAJzPeaw=",
};

/** TEXT as "xz --delta --lzma2" packs it. */
const DELTA =
  "/Td6WFoAAATm1rRGAgEDAQAhARZ5IMTu4AOXACVdACCMWu/AOuI/34qrKiC0F+IUoSM87JuQz9TKAlASsyiL7LvZLwAAAAAABr4sogIRTzoAAUGY" +
  "BwAAAHxZ8HuxxGf7AgAAAAAEWVo=";

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
const asText = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** An EFI zboot image around a payload, with something behind it as the linker leaves it. */
function zboot(payload: Uint8Array, compression: string): Uint8Array {
  const file = new Uint8Array(128 + payload.length + 16), view = new DataView(file.buffer);
  file.set(new TextEncoder().encode("MZ\0\0zimg"));
  view.setUint32(8, 128, true);
  view.setUint32(12, payload.length, true);
  file.set(new TextEncoder().encode(compression), 24);
  file.set(payload, 128);
  return file;
}

for (const [program, base64] of Object.entries(PACKED)) {
  Deno.test(`what "${program}" packed is unpacked`, async () => {
    assertEquals(asText(await unpackImage(fromBase64(base64))), TEXT);
  });
  Deno.test(`what "${program}" packed is unpacked out of an EFI zboot image`, async () => {
    assertEquals(asText(await unpackImage(zboot(fromBase64(base64), program))), TEXT);
  });
  Deno.test(`what "${program}" packed and was cut off is refused`, async () => {
    const file = fromBase64(base64);
    for (const length of [12, file.length >> 1, file.length - 9]) {
      await assertRejects(() => unpackImage(file.subarray(0, length)), SyntaxError, "its ");
    }
  });
  Deno.test(`damage in what "${program}" packed ends in an error or in other bytes`, async () => {
    const file = fromBase64(base64);
    for (let at = 6; at < file.length; at++) {
      const damaged = file.slice();
      damaged[at] ^= 0x55;
      try {
        await unpackImage(damaged);
      } catch (error) {
        assertEquals(error instanceof SyntaxError, true, `byte ${at}: ${error}`);
      }
    }
  });
}

Deno.test("a kernel that is not packed comes back as it is", async () => {
  const file = new TextEncoder().encode(TEXT);
  assertEquals(await unpackImage(file), file);
  assertEquals(await unpackImage(new Uint8Array(0)), new Uint8Array(0));
});

Deno.test("compressions that are not supported are named", async () => {
  await assertRejects(() => unpackImage(Uint8Array.of(0x42, 0x5a, 0x68, 0x39)), SyntaxError, "bzip2");
  await assertRejects(() => unpackImage(zboot(Uint8Array.of(1, 2, 3, 4), "lzma")), SyntaxError, "lzma");
  const filtered = fromBase64(DELTA);
  await assertRejects(() => unpackImage(filtered), SyntaxError, 'its XZ data needs the filter "delta"');
  const cut = zboot(fromBase64(PACKED["gzip -9n"]), "gzip").subarray(0, 140);
  await assertRejects(() => unpackImage(cut), SyntaxError, "it is cut off");
});

/** Bytes in which matches are near and far, and some that cannot be packed. */
function mixture(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(20 << 20);
  let state = 7;
  for (let at = 0; at < bytes.length; at += 4096) {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    const kind = state >>> 30, from = (state >>> 4) % Math.max(at, 1);
    if (kind < 2 && at > 0) bytes.copyWithin(at, from, Math.min(from + 4096, at));
    else for (let i = at; i < at + 4096; i++) bytes[i] = kind === 2 ? i : Math.imul(i ^ state, 0x9e3779b1) >>> 24;
  }
  return bytes;
}

for (
  const program of [
    "gzip -1",
    "zstd -3",
    "zstd -19 --long=27",
    "xz -0",
    "xz --check=crc32 --arm64 --lzma2=preset=0",
    "xz -T2 --block-size=8MiB --arm64=start=4096 --lzma2=preset=0",
    "xz -0 --check=sha256",
    "lz4 -l",
    "lz4 -BD",
    "lz4 -B4 --no-frame-crc",
  ]
) {
  const [name, ...args] = program.split(" ");
  Deno.test({
    name: `20 MiB packed by "${program}", with progress`,
    ...needs({ permissions: ["run", "read", "write"], programs: [name] }),
    async fn() {
      const bytes = mixture(), path = Deno.makeTempFileSync();
      try {
        Deno.writeFileSync(path, bytes);
        const packed = await $`${name} ${args} -c ${path}`.stderr("null").bytes();
        const seen: number[] = [];
        const unpacked = await unpackImage(packed, (done, total) => {
          assertEquals(total, packed.length);
          seen.push(done);
        });
        assertEquals(unpacked.length, bytes.length);
        assertEquals(unpacked.every((byte, i) => byte === bytes[i]), true);
        assertEquals(seen, seen.toSorted((a, b) => a - b));
        assertEquals(seen.length > 2, true);
      } finally {
        Deno.removeSync(path);
      }
    },
  });
}
