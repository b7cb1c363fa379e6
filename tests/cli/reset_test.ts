import { assertEquals, assertMatch } from "@std/assert";
import { needs } from "../needs.ts";
import { ariel, Dialog } from "./ariel.ts";
import { guestFile } from "./guests.ts";

const process = needs({ permissions: ["run", "read", "write"], programs: ["mkfifo"] });
const ENOUGH = ["--max-insns", "150", "--log-level", "none"];
const POLICY = `import { allow, definePolicy } from "ariel/policy";
export default definePolicy({ name: "any", apiVersion: 1, on: { hypercall: () => allow() } });`;

/** Has a file with the guest that resets itself, in a folder of its own. */
async function withGuest(test: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "ariel-test-" }), path = `${folder}/guest`;
  try {
    Deno.copyFileSync(guestFile("reset"), path);
    await test(path, folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test({
  name: "a reset begins anew from the kernel's file, also with a plugin in force, and from what a pipe brought",
  ...process,
  fn: () =>
    withGuest(async (path, folder) => {
      Deno.writeTextFileSync(`${folder}/any.ts`, POLICY);
      const pipe = `${folder}/pipe`;
      new Deno.Command("mkfifo", { args: [pipe] }).outputSync();
      const writer = new Deno.Command("cp", { args: [path, pipe] }).spawn();
      const runs = [
        await ariel(["run", path, ...ENOUGH]),
        await ariel(["run", path, "--policy", `${folder}/any.ts`, ...ENOUGH]),
        await ariel(["run", pipe, ...ENOUGH]),
      ];
      for (const { code, stdout, stderr } of runs) {
        assertEquals([code, stderr], [5, "ariel: The guest was stopped after 150 instructions (--max-insns)\n"]);
        assertMatch(stdout, /^(on){3,}o?$/);
      }
      await writer.status;
    }),
});

Deno.test({
  name: "a reset has the same kernel where its file was removed, and ends with 2 where it was written to",
  ...process,
  fn: () =>
    withGuest(async (path) => {
      const dialog = new Dialog(["run", path]);
      await dialog.expect("onon");
      Deno.renameSync(path, `${path}.old`);
      await dialog.expect("onononon");
      Deno.writeFileSync(`${path}.old`, new Uint8Array(4), { append: true });
      const { code, stderr } = await dialog.end();
      const why = `as the kernel ${path} has been written to since it was loaded`;
      assertEquals([code, stderr], [2, `ariel: Cannot start the guest again after its reset ${why}\n`]);
    }),
});
