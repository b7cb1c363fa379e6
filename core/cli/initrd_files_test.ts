import { assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { encodeCpio, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from "../machine/cpio.ts";
import { checkInitrd } from "../machine/initrd.ts";
import { needs } from "../../tests/needs.ts";
import { UsageError } from "./command.ts";
import { folderEntries, readInitrd } from "./initrd_files.ts";

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await use(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const text = (s: string) => new TextEncoder().encode(s);

Deno.test({
  name: "a folder is packed in order, with modes, links and a console",
  ...needs({ permissions: ["read", "write"] }),
  fn: () =>
    withFolder(async (folder) => {
      Deno.mkdirSync(`${folder}/bin`);
      Deno.writeTextFileSync(`${folder}/bin/busybox`, "ELF");
      Deno.chmodSync(`${folder}/bin/busybox`, 0o4755);
      Deno.symlinkSync("busybox", `${folder}/bin/sh`);
      Deno.writeTextFileSync(`${folder}/init`, "#!/bin/sh\n");
      Deno.chmodSync(`${folder}/init`, 0o700);
      Deno.chmodSync(`${folder}/bin`, 0o755);
      assertEquals(await folderEntries(folder), [
        { path: "bin", mode: S_IFDIR | 0o755 },
        { path: "bin/busybox", mode: S_IFREG | 0o4755, bytes: text("ELF") },
        { path: "bin/sh", mode: S_IFLNK | 0o777, bytes: text("busybox") },
        { path: "init", mode: S_IFREG | 0o700, bytes: text("#!/bin/sh\n") },
        { path: "dev", mode: S_IFDIR | 0o755 },
        { path: "dev/console", mode: S_IFCHR | 0o600, device: [5, 1] },
      ]);
    }),
});

Deno.test({
  name: "a folder's pipes and devices are packed, where its maker may make them",
  ...needs({ permissions: ["read", "write", "run"], programs: ["mkfifo"] }),
  fn: () =>
    withFolder(async (folder) => {
      const make = (program: string, ...args: string[]) =>
        new Deno.Command(program, { args, cwd: folder, stderr: "null" }).outputSync().success;
      make("mkfifo", "-m", "600", "pipe");
      const hasDevices = make("mknod", "-m", "660", "loop300", "b", "7", "300") &&
        make("mknod", "-m", "666", "null", "c", "1", "3");
      assertEquals((await folderEntries(folder)).filter(({ path }) => !path.startsWith("dev")), [
        ...hasDevices ? [{ path: "loop300", mode: S_IFBLK | 0o660, device: [7, 300] }] : [],
        ...hasDevices ? [{ path: "null", mode: S_IFCHR | 0o666, device: [1, 3] }] : [],
        { path: "pipe", mode: S_IFIFO | 0o600 },
      ]);
    }),
});

Deno.test({
  name: "a folder's sockets are left out, which is told in one line",
  ignore: Deno.build.os === "windows" || needs({ permissions: ["read", "write"] }).ignore,
  fn: () =>
    withFolder(async (folder) => {
      const told: string[] = [];
      const pack = () => folderEntries(folder, (text) => told.push(text));
      Deno.mkdirSync(`${folder}/run`);
      await pack();
      assertEquals(told, []);
      const sockets = ["run/e", "run/d", "run/b", "c", "a"].map((name) =>
        Deno.listen({ transport: "unix", path: `${folder}/${name}` })
      );
      assertEquals((await pack()).map(({ path }) => path), ["run", "dev", "dev/console"]);
      sockets.forEach((socket) => socket.close());
      assertEquals(told, [
        `Sockets in ${folder} are left out of the initial RAM disk (--initrd-dir): a, c, run/b and 2 more`,
      ]);
    }),
});

Deno.test({
  name: "initrds follow one another at multiples of 4 bytes",
  ...needs({ permissions: ["read", "write"] }),
  fn: () =>
    withFolder(async (folder) => {
      const [a, b] = [`${folder}/a`, `${folder}/b`];
      Deno.writeFileSync(a, encodeCpio([]).slice(0, -1));
      Deno.writeFileSync(b, encodeCpio([{ path: "x", mode: S_IFREG, bytes: text("y") }]));
      const { name, bytes } = (await readInitrd([a, b], []))!;
      assertEquals(name, `${a} + ${b}`);
      assertEquals(bytes.slice(encodeCpio([]).length), Deno.readFileSync(b));
      await checkInitrd(bytes);
      assertEquals((await readInitrd([a], []))!.name, a);
      assertEquals(await readInitrd([], []), null);
    }),
});

Deno.test({
  name: "initrds that cannot be used are named",
  ...needs({ permissions: ["read", "write"] }),
  fn: () =>
    withFolder(async (folder) => {
      Deno.writeTextFileSync(`${folder}/empty`, "");
      await assertRejects(() => readInitrd([`${folder}/empty`], []), UsageError, "it is empty");
      await assertRejects(() => readInitrd([`${folder}/none`], []), UsageError, "there is no such file");
      Deno.writeFileSync(`${folder}/good`, encodeCpio([]));
      Deno.writeFileSync(`${folder}/cut`, gzipSync(encodeCpio([])).subarray(0, 40));
      await assertRejects(
        () => readInitrd([`${folder}/good`, `${folder}/cut`], []),
        UsageError,
        `Cannot use the initrd ${folder}/cut: its gzip data is cut off`,
      );
      await assertRejects(() => readInitrd([], [`${folder}/none`]), UsageError, "Cannot pack the folder");
      await assertRejects(() => readInitrd([], [`${folder}/empty`]), UsageError, "it is not a directory");
    }),
});
