import { assertEquals, assertStringIncludes } from "@std/assert";
import { S_IFREG } from "../../core/machine/cpio.ts";
import { ariel } from "../cli/ariel.ts";
import { compileWorkloads } from "../bench/workloads.ts";
import { busyboxInitrd, type Kernel, kernelPath, KERNELS, makeWork } from "../linux/guest.ts";
import { needs } from "../needs.ts";
import { type GuestOptions, type GuestResult, GuestRun } from "./guest_run.ts";

/** The size of the ten workloads in percent: what the environment's ARIEL_WORKLOADS says, or this. */
const WORKLOADS_PERCENT = 2;
const MAX_INSTRUCTIONS = 100e9;

function compare(options: Omit<GuestOptions, "jit" | "maxInstructions">): GuestResult {
  const [interpreted, translated] = [false, true].map((jit) =>
    new GuestRun({ ...options, jit, maxInstructions: MAX_INSTRUCTIONS }).run()
  );
  assertEquals(translated, interpreted);
  assertEquals(interpreted.ending, "off");
  console.log(`${interpreted.instructions} instructions`);
  return interpreted;
}

Deno.test("the diagnostic guest runs the same in both tiers", () => {
  assertStringIncludes(compare({ memoryBytes: 64 << 20 }).console, "0 failed");
});

Deno.test({
  name: "ariel run --jit on and off: the same console and the same instructions",
  ...needs({ permissions: ["read", "write", "run"] }),
  async fn() {
    const statistics = Deno.makeTempFileSync();
    const results = [];
    for (const jit of ["off", "on"]) {
      const { code, stdout, stderr } = await ariel([
        ...["run", "--time", "virtual", "--jit", jit, "--stats", statistics],
      ]);
      const { instructions } = JSON.parse(Deno.readTextFileSync(statistics));
      results.push({ code, stdout, stderr, instructions });
    }
    assertEquals(results[0], results[1]);
    Deno.removeSync(statistics);
  },
});

const INIT = `md5sum /data
gzip -dc /data.gz | md5sum
(sleep 0.1; echo child) & sort /data | md5sum
wait
for i in 1 2 3 4 5 6 7 8; do ls -l / | wc -l; done
cat /proc/interrupts
`;

function initrd(
  commands: string,
  kernel: Kernel,
  programs: Record<string, Uint8Array> = {},
): Omit<GuestOptions, "jit" | "maxInstructions"> {
  const files = Object.entries(programs).map(([path, bytes]) => ({ path, mode: S_IFREG | 0o755, bytes }));
  return {
    kernel: Deno.readFileSync(kernelPath(kernel)),
    initrd: busyboxInitrd(`${INIT}${commands}poweroff -f\n`, [...makeWork(15_000).files, ...files]),
    append: "console=ttyAMA0 rdinit=/init",
    memoryBytes: 256 << 20,
  };
}

for (const kernel of KERNELS) {
  Deno.test({
    name: `${kernel} runs the same in both tiers`,
    ...needs({ permissions: ["read", "env"], paths: ["ARIEL_REAL"] }),
    fn: () => assertStringIncludes(compare(initrd("", kernel)).console, "child"),
  });
}

Deno.test({
  name: "two vCPUs run the same in both tiers",
  ...needs({ permissions: ["read", "env"], paths: ["ARIEL_REAL"] }),
  fn: () => void compare({ ...initrd("", "linux-6.12"), cpuCount: 2 }),
});

Deno.test({
  name: "ten workloads run the same in both tiers",
  ...needs({ permissions: ["read", "env"], paths: ["ARIEL_REAL"], programs: ["aarch64-linux-gnu-gcc"] }),
  async fn() {
    const percent = Number(Deno.env.get("ARIEL_WORKLOADS") ?? WORKLOADS_PERCENT);
    const workloads = await compileWorkloads();
    const { console } = compare(initrd(`/workloads ${percent}\n`, "linux-6.12", { workloads }));
    assertEquals(console.match(/^WORK /gm)?.length, 10);
  },
});
