import { assertEquals, assertRejects } from "@std/assert";
import { needs } from "../../tests/needs.ts";
import { UsageError } from "./command.ts";
import { readUserFile } from "./files.ts";

Deno.test({
  name: "large files are read as they are, and what cannot be read is named",
  ...needs({ permissions: ["read", "write"] }),
  async fn() {
    const path = Deno.makeTempFileSync();
    try {
      const words = Uint32Array.from({ length: 9_000_001 }, (_, i) => i), bytes = new Uint8Array(words.buffer);
      Deno.writeFileSync(path, bytes);
      const read = await readUserFile(path, "the kernel");
      await assertRejects(
        () => readUserFile(`${path}/a`, "the kernel"),
        UsageError,
        "it is not a directory, or not in",
      );
      assertEquals([read.length, read.findIndex((byte, i) => byte !== bytes[i])], [bytes.length, -1]);
    } finally {
      Deno.removeSync(path);
    }
    await assertRejects(() => readUserFile(path, "the kernel"), UsageError, `Cannot read the kernel ${path}: there is`);
    await assertRejects(() => readUserFile("/dev/zero", "the initrd"), UsageError, "it is a device");
  },
});

Deno.test({
  name: "a pipe that nobody has written to yet holds up nothing else",
  ...needs({ permissions: ["read", "write", "run"], programs: ["mkfifo"] }),
  async fn() {
    const folder = Deno.makeTempDirSync(), path = `${folder}/pipe`;
    try {
      new Deno.Command("mkfifo", { args: [path] }).outputSync();
      const writer = new Deno.Command("sh", { args: ["-c", `sleep 1; printf text >'${path}'`] }).spawn();
      let others = 0;
      const timer = setInterval(() => others++, 10);
      const text = new TextDecoder().decode(await readUserFile(path, "the kernel"));
      clearInterval(timer);
      assertEquals([text, others > 0], ["text", true]);
      await writer.status;
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
