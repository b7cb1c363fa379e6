import { assert, assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import type { Command } from "../../core/cli/command.ts";
import { loadCommands } from "../../core/cli/commands.ts";
import { busyboxInitrd, kernelPath } from "../linux/guest.ts";
import { needs } from "../needs.ts";
import { UserFolder } from "./user_folder.ts";

/* Every example of a command's help, which the README's reference has as well, is run as it stands there. */

/** Folders that the examples write to. */
const FOLDERS = [
  ".zfunc",
  ".config/fish/completions",
  ".local/share/bash-completion/completions",
  ".local/share/man/man1",
];
/** What makes the files that the examples of a command read. */
const BEFORE: Readonly<Record<string, string>> = {
  "log decode": "ariel run --log - > uart.log",
  "policy check": "ariel policy new first.ts && cp first.ts second.ts",
  "policy test": "ariel policy new strict.ts",
};

for (const command of await loadCommands()) {
  const isLinux = command.examples.some((example) => example.command.includes("--kernel"));
  Deno.test({
    name: `ariel ${command.name} --help: the examples work`,
    ...needs({
      permissions: ["read", "write", "run", "env"],
      programs: ["bash", ...command.name === "man" ? ["man"] : []],
      paths: isLinux ? ["ARIEL_REAL"] : [],
    }),
    fn: () => runExamples(command, isLinux),
  });
}

async function runExamples({ name, examples, exitCodes = {} }: Command, isLinux: boolean): Promise<void> {
  const folder = new UserFolder();
  try {
    for (const path of FOLDERS) Deno.mkdirSync(`${folder.path}/${path}`, { recursive: true });
    if (isLinux) {
      Deno.symlinkSync(kernelPath("linux-6.12"), `${folder.path}/Image`);
      Deno.writeFileSync(`${folder.path}/initrd.gz`, gzipSync(busyboxInitrd("poweroff -f\n")));
    }
    if (BEFORE[name]) assertEquals((await folder.run(BEFORE[name])).code, 0);
    assert(examples.length > 0);
    for (const { command } of examples) {
      const { code, stdout, stderr } = await folder.run(command);
      assert(code === 0 || command.startsWith(`ariel ${name}`) && code in exitCodes, `${command}: ${code}, ${stderr}`);
      assert(stdout !== "" || / > | --html /.test(command), command);
    }
  } finally {
    folder.remove();
  }
}
