import { assertEquals } from "@std/assert";
import { ariel, Dialog, FROM_SOURCE, onTerminal } from "../cli/ariel.ts";
import { needs } from "../needs.ts";
import { busyboxInitrd, type Kernel, kernelPath, KERNELS, makeWork, vmlinuxOf, withFile } from "./guest.ts";

const APPEND = ["--append", "console=ttyAMA0 rdinit=/init"];
const linux = needs({ permissions: ["read", "write", "run", "env"], paths: ["ARIEL_REAL"] });
const terminal = needs({ permissions: ["read", "write", "run", "env"], paths: ["ARIEL_REAL"], programs: ["python3"] });
/** /init becomes the shell, as process 1. */
const SHELL = "exec sh\n";
const PROMPT = "/ # ";

async function boots(
  kernel: Kernel,
  command: readonly string[],
  memory: string,
  talk: (dialog: Dialog) => Promise<void>,
  files = makeWork().files,
): Promise<void> {
  await withFile(busyboxInitrd(SHELL, files), async (initrd) => {
    const args = ["run", "--kernel", kernelPath(kernel), "--initrd", initrd, "-m", memory, ...APPEND];
    const dialog = new Dialog(args, { command, timeoutMs: 240_000 });
    await dialog.expect(PROMPT);
    await talk(dialog);
    await dialog.send("poweroff -f\n");
    const { code, stderr } = await dialog.end();
    assertEquals([code, stderr], [0, ""]);
  });
}

for (const kernel of KERNELS) {
  Deno.test({
    name: `${kernel} boots to a shell as process 1, computes what this host computes, and powers off with 0`,
    ...linux,
    fn: () =>
      boots(kernel, FROM_SOURCE, "1G", async (dialog) => {
        const work = makeWork();
        const answer = async (command: string, pattern: RegExp) => {
          await dialog.send(`${command}; echo e''nd\n`);
          const [, value] = await dialog.expect(pattern);
          await dialog.expect("end");
          return value;
        };
        assertEquals(await answer("echo pid $$", /pid (\d+)\r?\n/), "1");
        assertEquals(await answer("md5sum /data", /([\da-f]{32}) {2}\/data\r?\n/), work.md5);
        assertEquals(await answer("gunzip -c /data.gz | md5sum", /([\da-f]{32}) {2}-/), work.md5);
        assertEquals(await answer("sort /data | md5sum", /([\da-f]{32}) {2}-/), work.sortedMd5);
        const sum = await answer(`awk '{ s += $1 } END { printf "sum %.0f\\n", s }' /data`, /sum (\d+)\r?\n/);
        assertEquals(Number(sum), work.sum);
      }),
  });
}

Deno.test({
  name: "linux-6.12 boots as vmlinux, linked at virtual addresses",
  ...linux,
  fn: () =>
    withFile(
      vmlinuxOf(Deno.readFileSync(kernelPath("linux-6.12"))),
      (kernel) =>
        withFile(busyboxInitrd("echo up\npoweroff -f\n"), async (initrd) => {
          const { code, stdout } = await ariel(["run", "--kernel", kernel, "--initrd", initrd, ...APPEND], {
            timeoutMs: 240_000,
          });
          assertEquals([code, /^up\r?$/m.test(stdout)], [0, true]);
        }),
    ),
});

Deno.test({
  name: "linux-6.12 is typed to through a terminal, which is left as it was",
  ...terminal,
  fn: () =>
    boots("linux-6.12", onTerminal(FROM_SOURCE), "512M", async (dialog) => {
      await dialog.send("echo typed | tr a-z A-Z\r");
      await dialog.expect(/TYPED\r+\n/);
      await dialog.expect(PROMPT);
      await dialog.send("echo r''eady; cat\r");
      await dialog.expect(/ready\r+\n/);
      await dialog.send("back\x7f\x7fla\r\x04");
      await dialog.expect(/bala\r+\n/);
      await dialog.expect(PROMPT);
    }, []),
});

Deno.test({
  name: "linux-6.12 uses 3500 MiB of memory, which goes on beyond 4 GiB",
  ...linux,
  fn: () =>
    boots("linux-6.12", FROM_SOURCE, "3500M", async (dialog) => {
      await dialog.send("free -m\n");
      const [, total] = await dialog.expect(/Mem: +(\d+)/);
      assertEquals(Number(total) > 3300, true, total);
      await dialog.send("mount -t tmpfs t /tmp; dd if=/dev/zero of=/tmp/a bs=1M count=600; wc -c /tmp/a\n");
      await dialog.expect("629145600 /tmp/a");
    }, []),
});
