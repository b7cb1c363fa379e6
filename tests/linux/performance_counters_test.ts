import { assertEquals, assertMatch } from "@std/assert";
import { S_IFREG } from "../../core/machine/cpio.ts";
import { ariel } from "../cli/ariel.ts";
import { needs } from "../needs.ts";
import { busyboxInitrd, compileForGuest, GCC, kernelPath, KERNELS, withFile } from "./guest.ts";

const INIT = `dmesg | grep perfevents
/performance_counters
poweroff -f
`;

for (const kernel of KERNELS) {
  Deno.test({
    name: `${kernel} counts and samples with the performance counters`,
    ...needs({ permissions: ["read", "write", "run", "env"], paths: ["ARIEL_REAL"], programs: [GCC] }),
    fn: async () => {
      const bytes = await compileForGuest(new URL("performance_counters.c", import.meta.url));
      const program = { path: "performance_counters", mode: S_IFREG | 0o755, bytes };
      await withFile(busyboxInitrd(INIT, [program]), async (initrd) => {
        const args = ["run", "--kernel", kernelPath(kernel), "--initrd", initrd, "--time", "virtual"];
        const { code, stdout } = await ariel([...args, "--append", "console=ttyAMA0 quiet rdinit=/init"]);
        assertMatch(stdout, /hw perfevents: enabled with armv8_pmuv3 PMU driver, 5 .*counters available/);
        const lines = stdout.split(/\r?\n/).filter((line) => /^(cycles|instructions|done)/.test(line));
        const measured = ["cycles", "instructions"].flatMap((event) => [
          `${event}: count right`,
          `${event}: samples right`,
          `${event}: count of samples right`,
        ]);
        assertEquals([code, lines], [0, [...measured, ...measured, "done"]]);
      });
    },
  });
}
