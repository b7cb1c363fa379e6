import { assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../core/cli/commands.ts";
import { testing } from "../needs.ts";
import { type Ended, FROM_SOURCE } from "./ariel.ts";
import { guestFile } from "./guests.ts";

/* Every command, and every option that writes to a standard stream, with one that nobody reads or that is full. */

const GOLDEN = new URL("../../core/log/golden/all.text.log", import.meta.url).pathname;
const testingBash = testing({ permissions: ["read", "write", "env", "run"], programs: ["bash"] });

/** Arguments with which a command writes to stdout; `folder` has a long log. */
function commands(folder: string): readonly (readonly string[])[] {
  const log = `${folder}/long.log`;
  return [
    [],
    ["--help"],
    ["policy"],
    ["run", guestFile("flood"), "--log-level", "none"],
    ["run", "--dump-dtb", "-"],
    ["log", "decode", log],
    ["log", "decode", log, "--json"],
    ["log", "decode", log, "--summary"],
    ["log", "decode", log, "--html", "-"],
    ["log", "decode", "--filter", "help"],
    ["policy", "new", `${folder}/new.ts`],
    ["policy", "check", "strict"],
    ["policy", "explain", "strict", "--sysreg", "OSLAR_EL1:w"],
    ["policy", "test", "audit", log],
    ["policy", "learn", GOLDEN],
    ["doctor", "--no-test"],
    ["completions", "bash"],
    ["man"],
    ["help"],
    ["help", "linux"],
    ["version"],
    ["version", "--json"],
  ];
}

/** Calls `check` with the end of every command that a line of bash runs as "$@". */
async function runAll(line: string, check: (what: string, ended: Ended) => void): Promise<void> {
  const folder = Deno.makeTempDirSync();
  const records = (await Deno.readTextFile(GOLDEN)).split("\n").slice(1, -2).join("\n");
  // More than is read at once, so that there is more to come when the reader is found to be gone
  await Deno.writeTextFile(`${folder}/long.log`, `${records}\n`.repeat(800));
  const all = commands(folder);
  assertEquals(COMMANDS.filter(({ name }) => !all.some((args) => args.join(" ").startsWith(name))), []);
  for (const args of all) {
    await Deno.remove(`${folder}/new.ts`).catch(() => {});
    check(args.join(" "), await inBash(line, args));
  }
  Deno.removeSync(folder, { recursive: true });
}

async function inBash(line: string, args: readonly string[]): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", line, "bash", ...FROM_SOURCE, ...args],
    stdin: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Makes descriptor 3 a pipe whose reader is gone. */
const BROKEN_PIPE = "exec 3> >(:); wait $!;";

testingBash(
  "ariel: commands whose reader has gone away end without a word",
  () =>
    runAll(`${BROKEN_PIPE} "$@" >&3`, (what, { code, stderr }) => {
      const expected = what.startsWith("run /") ? 130 : what.startsWith("policy test") ? 3 : 0;
      assertEquals([code, stderr], [expected, ""], what);
    }),
);

testingBash(
  "ariel: commands that cannot write to stdout say so in a sentence, with 2",
  () =>
    runAll('"$@" >/dev/full', (what, { code, stderr }) => {
      assertEquals([code, stderr], [2, "ariel: Cannot write to stdout: No space left on device\n"], what);
    }),
);

testingBash("ariel: standard streams may be named as files", async () => {
  const run = ["run", "--time", "virtual", "--log"],
    streams = async (args: readonly string[]) => {
      const { stdout, stderr } = await inBash('"$@"', args);
      return [stdout, stderr].map((text) =>
        text.split("\n").filter((line) => line.startsWith("[ariel] ")).length > 100
      );
    };
  assertEquals(await streams([...run, "/dev/stdout"]), [true, false]);
  assertEquals(await streams([...run, "/dev/stderr"]), [false, true]);
  const stats = await inBash('"$@"', ["run", "--time", "virtual", "--log-level", "none", "--stats", "/dev/stderr"]);
  assertStringIncludes(stats.stderr, '"instructions":');
  for (const name of ["-", "/dev/stdin"]) {
    const { stdout, code } = await inBash(`"$@" <'${GOLDEN}'`, ["policy", "learn", name]);
    assertEquals(code, 0);
    assertStringIncludes(stdout, "stdin");
  }
  const decoded = await inBash(`"$@" <'${GOLDEN}'`, ["log", "decode", "/dev/stdin"]);
  assertEquals([decoded.code, decoded.stdout.split("\n").length], [0, 13]);
});

testingBash("ariel: what is said to stderr is lost where nobody reads it, or it is full", async () => {
  for (const stream of ["3", "/dev/full"]) {
    const line = `${BROKEN_PIPE} "$@" 2>${stream === "3" ? "&3" : stream}`;
    assertEquals((await inBash(line, ["run", "--memroy"])).code, 2, stream);
    const { code, stdout } = await inBash(line, ["run", "--time", "virtual"]);
    assertEquals(code, 0, stream);
    assertStringIncludes(stdout, "diagnostic");
  }
  assertEquals((await inBash(`${BROKEN_PIPE} "$@" 2>&3`, ["run", "--stats", "-"])).code, 0);
  assertEquals((await inBash('"$@" 2>/dev/full', ["run", "--stats", "-"])).code, 2);
});
