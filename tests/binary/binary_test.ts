import { assert, assertEquals, assertMatch } from "@std/assert";
import { ariel, Dialog } from "../cli/ariel.ts";
import { busyboxInitrd, kernelPath, withFile } from "../linux/guest.ts";
import { needs } from "../needs.ts";
import { alone } from "./alone.ts";

const binary = needs({ permissions: ["read", "write", "run", "env"], paths: ["ARIEL_BINARY"] });
const linux = { permissions: ["read", "write", "run", "env"], paths: ["ARIEL_BINARY", "ARIEL_REAL"] } as const;
const withLinux = needs(linux);
const APPEND = ["--append", "console=ttyAMA0 rdinit=/init"];

Deno.test({
  name: "the compiled program, alone, runs the diagnostic guest",
  ...binary,
  fn: () =>
    alone(async (options, folder) => {
      const { code, stdout, stderr } = await ariel(["run", "--log-level", "none"], options);
      assertMatch(stdout, /\n\d+ passed, 0 failed\n$/);
      assertEquals([code, stderr], [0, "ariel: the guest asked for the monitor, and none is attached: it goes on\n"]);
      assertEquals([...Deno.readDirSync(`${folder}/home`)], []);
    }),
});

Deno.test({
  name: "the compiled program, alone, tells of bad input",
  ...binary,
  fn: () =>
    alone(async (options) => {
      const missing = await ariel(["run", "--kernel", "Image"], options);
      assertEquals(missing, {
        code: 2,
        stdout: "",
        stderr: "ariel: Cannot read the kernel Image: there is no such file\n",
      });
    }),
});

Deno.test({
  name: "the compiled program, alone, boots Linux to a shell that can be typed into",
  ...withLinux,
  fn: () =>
    alone((options) =>
      withFile(busyboxInitrd("exec sh\n"), async (initrd) => {
        Deno.chmodSync(initrd, 0o644);
        const args = ["run", kernelPath("linux-6.12"), "--initrd", initrd, ...APPEND];
        const dialog = new Dialog(args, { ...options, timeoutMs: 240_000 });
        await dialog.expect("/ # ");
        await dialog.send("echo $((6 * 7)) is the answer; poweroff -f\n");
        await dialog.expect("42 is the answer");
        assertEquals((await dialog.end()).code, 0);
      })
    ),
});

Deno.test({
  name: "the compiled program, alone, boots Linux again each time that it reboots, and takes no more memory for it",
  ...needs({ ...linux, programs: ["ps"] }),
  fn: () =>
    alone((options) =>
      withFile(busyboxInitrd("echo u''p\nsleep 2\nreboot -f\n"), async (initrd) => {
        Deno.chmodSync(initrd, 0o644);
        // What serves GDB refers to the machine, too
        const others = ["--log-level", "none", "--gdb", "0"];
        const args = ["run", kernelPath("linux-6.12"), "--initrd", initrd, ...APPEND, ...others];
        const dialog = new Dialog(args, { ...options, timeoutMs: 240_000 });
        await dialog.expect(/^up\r?$/m);
        const limitKib = 1.1 * await dialog.residentKib(), resident: number[] = [];
        for (let life = 0; life < 5; life++) {
          await dialog.expect(/^up\r?$/m);
          resident.push(await settled(() => dialog.residentKib(), limitKib));
        }
        dialog.signal("SIGTERM");
        await dialog.end();
        assert(resident.every((kib) => kib < limitKib), `resident: ${resident} of ${limitKib} KiB`);
      })
    ),
});

/** A measure, taken again for a second while it is above a limit: V8 frees memory on threads that others may keep busy. */
async function settled(measure: () => Promise<number>, limit: number): Promise<number> {
  for (let left = 10;; left--) {
    const value = await measure();
    if (value < limit || left === 0) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
