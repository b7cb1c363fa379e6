import { assertEquals } from "@std/assert";
import { S_IFREG } from "../../core/machine/cpio.ts";
import { ariel } from "../cli/ariel.ts";
import { needs } from "../needs.ts";
import { busyboxInitrd, compileForGuest, GCC, kernelPath, KERNELS, withFile } from "./guest.ts";

for (const kernel of KERNELS) {
  Deno.test({
    name: `${kernel} gives a debugger hardware breakpoints and watchpoints`,
    ...needs({ permissions: ["read", "write", "run", "env"], paths: ["ARIEL_REAL"], programs: [GCC] }),
    fn: async () => {
      const bytes = await compileForGuest(new URL("hardware_debug.c", import.meta.url));
      const program = { path: "hardware_debug", mode: S_IFREG | 0o755, bytes };
      const init = "/hardware_debug; poweroff -f\n";
      await withFile(busyboxInitrd(init, [program]), async (initrd) => {
        const args = ["run", "--kernel", kernelPath(kernel), "--initrd", initrd, "--time", "virtual"];
        const { code, stdout } = await ariel([...args, "--append", "console=ttyAMA0 quiet rdinit=/init"]);
        const lines = stdout.split(/\r?\n/).filter((line) => /^(\d+ slots|\w+: |exit|done|cannot)/.test(line));
        assertEquals([code, lines], [0, [
          "2 slots",
          "store: signal 5 code 4 there",
          "2 slots",
          "load: signal 5 code 4 there",
          "2 slots",
          "2 slots",
          "break: signal 5 code 4 there",
          "2 slots",
          "exit 0",
          "done",
        ]]);
      });
    },
  });
}
