import { assertEquals, assertStringIncludes } from "@std/assert";
import { ariel } from "../cli/ariel.ts";
import { needs } from "../needs.ts";
import { busyboxInitrd, kernelPath, makeWork, withFile } from "./guest.ts";

const INIT = `md5sum /data
(sleep 0.1; echo child) & sort /data | tail -n 1
wait
cat /proc/interrupts
date
poweroff -f
`;

/** The boots that are compared: 3, or as many as the environment's ARIEL_BOOTS says. */
function bootCount(): number {
  return Number(Deno.env.get("ARIEL_BOOTS") ?? 3);
}

Deno.test({
  name: "linux-6.12 in virtual time: every boot has the same console and executes the same instructions",
  ...needs({ permissions: ["read", "write", "run", "env"], paths: ["ARIEL_REAL"] }),
  fn: () =>
    withFile(busyboxInitrd(INIT, makeWork(30_000).files), async (initrd) => {
      const statistics = Deno.makeTempFileSync();
      const args = ["--kernel", kernelPath("linux-6.12"), "--initrd", initrd, "-m", "256M", "--time", "virtual"];
      let first: { stdout: string; instructions: number } | undefined;
      for (let boot = 0; boot < bootCount(); boot++) {
        const { code, stdout, stderr } = await ariel(
          ["run", ...args, "--append", "console=ttyAMA0 rdinit=/init", "--stats", statistics],
          { timeoutMs: 240_000 },
        );
        assertEquals([code, stderr], [0, ""]);
        const { instructions } = JSON.parse(Deno.readTextFileSync(statistics));
        assertStringIncludes(stdout, "child");
        first ??= { stdout, instructions };
        assertEquals({ stdout, instructions }, first);
      }
      console.log(`${bootCount()} boots of ${first!.instructions} instructions each`);
      Deno.removeSync(statistics);
    }),
});
