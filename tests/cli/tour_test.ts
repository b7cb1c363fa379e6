import { assert, assertEquals } from "@std/assert";
import { TOPICS } from "../../core/cli/help_topics.ts";
import { needs, realGuests } from "../needs.ts";
import { Dialog, FROM_SOURCE } from "./ariel.ts";

/*
 * Every command of the tour, which the help and the README show, is run as it stands there: by a shell, in a folder with
 * what the text says to put in it.
 */

const shell = needs({ permissions: ["read", "write", "run", "env"], programs: ["sh"] });
const withLinux = needs({ permissions: ["read", "write", "run", "env"], programs: ["sh"], paths: ["ARIEL_REAL"] });

/** A folder in whose `bin` there is an `ariel`. */
function tourFolder(): { folder: string; env: Record<string, string> } {
  const folder = Deno.makeTempDirSync();
  Deno.mkdirSync(`${folder}/bin`);
  Deno.mkdirSync(`${folder}/files`);
  Deno.writeTextFileSync(`${folder}/files/hello`, "hello\n");
  const quoted = FROM_SOURCE.map((word) => `'${word}'`).join(" ");
  Deno.writeTextFileSync(`${folder}/bin/ariel`, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
  return { folder, env: { ...Deno.env.toObject(), PATH: `${folder}/bin:${Deno.env.get("PATH")}` } };
}

for (const { name, title, steps } of TOPICS) {
  const isLinux = steps.some(({ command }) => command?.includes("--kernel"));
  if (!steps.some(({ command }) => command)) continue;
  Deno.test({
    name: `ariel help ${name}: "${title}" works as it is told`,
    ...(isLinux ? withLinux : shell),
    async fn() {
      const { folder, env } = tourFolder();
      try {
        if (isLinux) {
          for (const file of ["linux", "initrd.gz"]) {
            Deno.symlinkSync(`${realGuests()}/installer/${file}`, `${folder}/${file}`);
          }
        }
        for (const { file, command } of steps) {
          if (file) Deno.writeTextFileSync(`${folder}/${file.name}`, file.content);
          if (command === undefined) continue;
          const dialog = new Dialog([`exec ${command}`], {
            command: ["sh", "-c"],
            cwd: folder,
            env,
            isStdinClosed: true,
            timeoutMs: 240_000,
          });
          if (command.includes("--kernel")) {
            await dialog.expect(/Linux version|Starting system log/); // a quiet kernel says nothing
            dialog.signal("SIGTERM");
            assertEquals((await dialog.end()).code, 130, command);
          } else {
            const { code, stdout, stderr } = await dialog.end();
            assertEquals(code, 0, `${command}: ${stderr}`);
            assert(stdout.length > 0 || / > | --html /.test(command), command);
          }
        }
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    },
  });
}
