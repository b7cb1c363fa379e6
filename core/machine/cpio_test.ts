import { assertEquals } from "@std/assert";
import { encodeCpio, S_IFCHR, S_IFDIR, S_IFREG } from "./cpio.ts";

Deno.test("encodeCpio() writes headers, names and contents padded to words, and the trailer", () => {
  const archive = encodeCpio([
    { path: "dev", mode: S_IFDIR | 0o755 },
    { path: "dev/console", mode: S_IFCHR | 0o600, device: [5, 1] },
    { path: "init", mode: S_IFREG | 0o755, bytes: new TextEncoder().encode("hello") },
  ]);
  const text = new TextDecoder().decode(archive);
  assertEquals(archive.length % 4, 0);
  const fields = (at: number) =>
    Array.from({ length: 13 }, (_, i) => parseInt(text.slice(at + 6 + 8 * i, at + 14 + 8 * i), 16));
  assertEquals(text.slice(0, 6), "070701");
  assertEquals(fields(0), [1, 0o040755, 0, 0, 2, 0, 0, 0, 0, 0, 0, 4, 0]);
  const console = text.indexOf("dev/console") - 110;
  assertEquals(fields(console), [2, 0o020600, 0, 0, 1, 0, 0, 0, 0, 5, 1, 12, 0]);
  const init = text.indexOf("init\0") - 110;
  assertEquals(fields(init), [3, 0o100755, 0, 0, 1, 0, 5, 0, 0, 0, 0, 5, 0]);
  assertEquals(text.indexOf("hello"), (init + 110 + 5 + 3) & ~3);
  assertEquals(text.trimEnd().replace(/\0+$/, "").endsWith("TRAILER!!!"), true);
});

Deno.test("encodeCpio() gives equal archives for equal entries", () => {
  const entries = [{ path: "a", mode: S_IFREG, bytes: new Uint8Array(3) }];
  assertEquals(encodeCpio(entries), encodeCpio(entries));
});
