import { assert, assertEquals } from "@std/assert";
import { type Step, type Topic, TOPICS } from "../../core/cli/help_topics.ts";
import { needs, realGuests } from "../needs.ts";
import type { Dialog } from "./ariel.ts";
import { UserFolder } from "./user_folder.ts";

/*
 * All that the tour shows, which the help and the README tell, is done as it stands there: by a shell, in a folder with
 * what the text says to put in it, and on a terminal where something is typed.
 */

/** What is seen on the terminal of a command that runs on, or when something was typed; null where the command ends. */
type Seen = Readonly<Record<string, RegExp | null>>;
const SEEN: Readonly<Record<string, Seen>> = {
  start: {
    "ariel run": /The guest asked for the monitor \(PAUSE\)[^]*\(ariel\) /,
    "continue": /\d+ passed, 0 failed/,
  },
  linux: {
    "ariel run --kernel linux --initrd initrd.gz": /Linux version/,
    // The quiet kernel says nothing
    "ariel run --kernel linux --initrd initrd.gz --initrd-dir files --append 'console=ttyAMA0 quiet'":
      /Starting system log/,
  },
  monitor: {
    "ariel run --kernel linux --initrd initrd.gz": /Linux version/,
    "Ctrl-A c": /\(ariel\) /,
    "stop": /Stopped, the guest at EL[01]/,
    "info registers": /ELR_EL1 0x/,
    "x/4i $pc": /=> 0x[\da-f]{16}: [\da-f]{8} {2}\w+/,
    "info gic": /PPI|SPI/,
    "help": /info \[WHAT\] +Show/,
    "continue": /\[ +\d+\.\d+\] /,
    "Ctrl-A x": null,
    "ariel run --kernel linux --monitor unix=ariel.sock": /Linux version/,
    "nc -U ariel.sock": /\(ariel\) /,
    "info cpus": /\* vCPU 0: pc 0x/,
    "info exceptions": /EL2 +\d+ {2}\w+/,
    "info jit": /regions: \d+ compiled/,
    "quit": null,
  },
  gdb: {
    "ariel run --kernel linux --gdb 1234,wait": /GDB can connect/,
    "gdb-multiarch -ex 'target remote :1234'": /0x0*40000000 in [^]*\(gdb\) /,
    "stepi": /0x0*[\da-f]+ in \?\?/,
    "x/4i $pc": /=> 0x[\da-f]+:\t\w+/,
    "info registers cpsr": /cpsr +0x/,
    "monitor info vm": /VMID 1/,
    "detach": /detached/,
    "quit": null,
  },
};

/** Only there is a large package fetched. */
const IS_CI = !needs({ permissions: ["env"] }).ignore && Boolean(Deno.env.get("CI"));
const FETCHED = ["linux", "initrd.gz"];
const QUIT = "\x01x";

for (const topic of TOPICS) {
  Deno.test({
    name: `ariel help ${topic.name}: "${topic.title}" works as it is told`,
    ...neededFor(topic),
    fn: () => tour(topic),
  });
}

function neededFor({ steps }: Topic): { readonly ignore: boolean } {
  const lines = steps.flatMap(({ commands }) => commands ?? []);
  const programs = ["nc", "gdb-multiarch"].filter((name) => lines.some((line) => line.startsWith(name)));
  return needs({
    permissions: ["read", "write", "run", "env"],
    programs: ["bash", "python3", ...programs],
    paths: lines.some((line) => line.includes("--kernel")) ? ["ARIEL_REAL"] : [],
  });
}

async function tour({ name, steps }: Topic): Promise<void> {
  const folder = new UserFolder(), isFetched = name === "linux" && IS_CI;
  try {
    prepare(folder, isFetched);
    let kept: Running | null = null;
    for (const step of steps) {
      if (step.commands?.[0].startsWith("apt-get") && !isFetched) continue;
      const running = await follow(step, folder, SEEN[name] ?? {});
      if (step.isKept) kept = running;
      else {
        for (const command of [running, kept]) if (command) await end(command);
        kept = null;
      }
    }
  } finally {
    folder.remove();
  }
}

/** Puts there what the tour speaks of and does not make itself. */
function prepare({ path }: UserFolder, isFetched: boolean): void {
  Deno.mkdirSync(`${path}/files`);
  Deno.writeTextFileSync(`${path}/files/hello`, "hello\n");
  if (isFetched || Deno.env.get("ARIEL_REAL") === undefined) return;
  for (const name of FETCHED) Deno.symlinkSync(`${realGuests()}/installer/${name}`, `${path}/${name}`);
}

/** A command that runs on. */
interface Running {
  readonly line: string;
  readonly dialog: Dialog;
}

/** Does what a step says. Returns the last command when it was started on a terminal. */
async function follow(step: Step, folder: UserFolder, seen: Seen): Promise<Running | null> {
  const { file, commands = [], keys = [], isKept = false } = step;
  if (file) Deno.writeTextFileSync(`${folder.path}/${file.name}`, file.content);
  const last = commands.at(-1) ?? "", runsOn = last in seen;
  assert(runsOn || keys.length === 0 && !isKept, `It is not known what is seen when "${last}" has started`);
  for (const line of runsOn ? commands.slice(0, -1) : commands) {
    const { code, stdout, stderr } = await folder.run(line);
    assertEquals(code, 0, `${line}: ${stderr}`);
    assert(!line.startsWith("ariel") || stdout !== "" || / > | --html /.test(line), line);
  }
  if (!runsOn) return null;
  const dialog = folder.type(last);
  await dialog.expect(seen[last]!);
  for (const key of keys) {
    assert(key in seen, `It is not known what is seen when "${key}" was typed`);
    await dialog.send(key.startsWith("Ctrl-A ") ? `\x01${key.at(-1)}` : `${key}\r`);
    if (seen[key]) await dialog.expect(seen[key]);
  }
  return { line: last, dialog };
}

/** Waits for the end of a command; Linux goes on until somebody ends it. */
async function end({ line, dialog }: Running): Promise<void> {
  const isLinux = line.includes("--kernel");
  if (isLinux) await dialog.send(QUIT).catch(() => {}); // it may have been told already
  const { code, stderr } = await dialog.end();
  assertEquals(code, isLinux ? 130 : 0, `${line}: ${stderr}`);
}
