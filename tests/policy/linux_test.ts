import { assertEquals, assertStringIncludes } from "@std/assert";
import { busyboxInitrd, kernelPath } from "../linux/guest.ts";
import { needs } from "../needs.ts";
import { PROGRAMS, withFiles } from "./programs.ts";

const options = needs({ permissions: ["read", "write", "run", "env"], paths: ["ARIEL_REAL"] });
const [{ ariel }] = PROGRAMS;

Deno.test({
  name: "Linux 6.12 boots under default and audit, is stopped by strict, and boots under what was learned",
  ...options,
  fn: () =>
    withFiles({}, async (dir) => {
      await Deno.writeFile(`${dir}/initrd`, busyboxInitrd("echo SHELL-UP\npoweroff -f\n"));
      const boot = async (...args: string[]) => {
        const kernel = ["--kernel", kernelPath("linux-6.12"), "--initrd", "initrd", "-m", "512M"];
        const append = ["--append", "console=ttyAMA0 rdinit=/init panic=-1"];
        const run = ["run", ...kernel, ...append, "--time", "virtual", "--timeout", "300", "--stats", "stats.json"];
        const ended = await ariel([...run, ...args], dir);
        const { instructions } = JSON.parse(await Deno.readTextFile(`${dir}/stats.json`));
        return { ...ended, instructions, isUp: ended.stdout.includes("SHELL-UP") };
      };
      const free = await boot();
      assertEquals([free.code, free.isUp], [0, true], free.stdout.slice(-1000));
      for (const policy of ["default", "permissive"]) {
        const under = await boot("--policy", policy);
        assertEquals([under.code, under.isUp, under.instructions], [0, true, free.instructions], policy);
      }
      const audit = await boot("--policy", "audit", "--log", "run.log");
      assertEquals([audit.code, audit.isUp], [0, true]);
      const strict = await boot("--policy", "strict");
      assertEquals([strict.code, strict.isUp], [4, false]);
      assertStringIncludes(
        strict.stderr,
        "self-hosted debug and the OS lock are not for a guest under the policy strict",
      );
      const learned = await ariel(["policy", "learn", "run.log"], dir);
      await Deno.writeTextFile(`${dir}/learned.ts`, learned.stdout);
      const again = await boot("--policy", "learned.ts");
      assertEquals(
        [again.code, again.isUp, again.instructions],
        [0, true, free.instructions],
        again.stdout.slice(-1000),
      );
    }),
});
