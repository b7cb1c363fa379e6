import { assert, assertEquals, assertMatch } from "@std/assert";
import { TOPICS } from "../../core/cli/help_topics.ts";
import { ariel } from "../cli/ariel.ts";
import { guestFile } from "../cli/guests.ts";
import { needs } from "../needs.ts";
import { alone } from "./alone.ts";

const binary = needs({ permissions: ["read", "write", "run", "env"], paths: ["ARIEL_BINARY"] });

/** The most that the program may weigh. */
const BYTES_MAX = 100_000_000;

Deno.test({
  name: "the compiled program, alone, explains itself",
  ...binary,
  fn: () =>
    alone(async (options) => {
      for (const args of [[], ["help"], ["--help"], ["run", "-h"], ["log", "--help"], ["help", "linux"], ["man"]]) {
        const { code, stdout, stderr } = await ariel(args, options);
        assertEquals([code, stderr, stdout.length > 100], [0, "", true], args.join(" "));
      }
      for (const shell of ["bash", "zsh", "fish"]) {
        assertMatch((await ariel(["completions", shell], options)).stdout, /--kernel|-l kernel/);
      }
      const version = JSON.parse((await ariel(["version", "--json"], options)).stdout);
      assertMatch(version.commit, /^[\da-f]{40}\+?$|^unknown$/);
      assert(version.packages.some(({ name }: { name: string }) => name === "@swc/wasm-typescript"));
      const wrong = await ariel(["run", "--memroy", "1G"], options);
      assertEquals([wrong.code, wrong.stderr], [2, "ariel: Unknown option --memroy; did you mean --memory?\n"]);
    }),
});

Deno.test({
  name: "the compiled program, alone, examines its host and itself",
  ...binary,
  fn: () =>
    alone(async (options) => {
      const { code, stdout } = await ariel(["doctor"], options);
      assertMatch(stdout, /Diagnostic guest +\d+ passed, 0 failed in .*: ok\n/);
      assertMatch(stdout, /Memory +[\d.]+ GiB/);
      assertEquals([code, /\nAll is well\.\n$/.test(stdout)], [0, true], stdout);
    }),
});

Deno.test({
  name: "the compiled program, alone: a plugin of one's own, its log, and the policy commands",
  ...binary,
  fn: () =>
    alone(async (options, folder) => {
      const file = TOPICS.find(({ name }) => name === "policy")!.steps.find((step) => step.file)!.file!;
      Deno.writeTextFileSync(`${folder}/${file.name}`, file.content);
      Deno.mkdirSync(`${folder}/out`);
      Deno.chmodSync(`${folder}/out`, 0o777);
      const run = await ariel(["run", "--policy", file.name, "--log", "out/run.log", "--monitor", "none"], options);
      assertMatch(run.stdout, /MIDR_EL1 0x410fd034/);
      assertEquals(run.code, 0, run.stderr);
      const summary = await ariel(["log", "decode", "--summary", "out/run.log"], options);
      assertMatch(summary.stdout, /mine\/value\.sysreg:MIDR_EL1/);
      for (
        const args of [["check", file.name], ["explain", file.name, "--sysreg", "MIDR_EL1"], ["learn", "out/run.log"]]
      ) {
        const { code, stdout, stderr } = await ariel(["policy", ...args], options);
        assertEquals([code, stdout.length > 20], [0, true], `${args}: ${stderr}`);
      }
      const same = await ariel(["policy", "test", file.name, "out/run.log"], options);
      assertMatch(same.stdout, /^\d+ records: no verdict differs/m);
      const other = await ariel(["policy", "test", "strict", "out/run.log"], options);
      assertEquals([other.code, / verdicts differ/.test(other.stdout)], [3, true], other.stderr);
      const made = await ariel(["policy", "new", "out/new.ts"], options);
      assertEquals([made.code, made.stderr], [0, ""]);
      assertMatch(Deno.readTextFileSync(`${folder}/out/.ariel/policy/mod.ts`), /definePolicy/);
      const checked = await ariel(["policy", "check", "out/new.ts"], options);
      assertEquals([checked.code, checked.stdout.startsWith("new: ")], [0, true], checked.stderr);
    }),
});

/** Programs that pack kernels as people have them. */
const PACKERS = ["gzip -c", "zstd -c", "xz -c", "xz -c --check=crc32 --arm64 --lzma2", "lz4 -c -l", "lz4 -c"];

Deno.test({
  name: "the compiled program, alone, unpacks kernels",
  ...needs({
    permissions: ["read", "write", "run", "env"],
    programs: ["gzip", "zstd", "xz", "lz4"],
    paths: ["ARIEL_BINARY"],
  }),
  fn: () =>
    alone(async (options, folder) => {
      const kernel = guestFile("cpuOff"), run = ["run", "kernel", "--log-level", "none"];
      const put = (bytes: Uint8Array) => Deno.writeFileSync(`${folder}/kernel`, bytes, { mode: 0o644 });
      put(Deno.readFileSync(kernel));
      const expected = await ariel(run, options);
      for (const packer of PACKERS) {
        const [program, ...args] = packer.split(" ");
        put(new Deno.Command(program, { args: [...args, kernel] }).outputSync().stdout);
        assertEquals(await ariel(run, options), expected, packer);
      }
    }),
});

Deno.test({
  name: "the compiled program is no larger than it should be, and brings what it would make at each start",
  ...binary,
  fn: () =>
    alone(async (options) => {
      const { size } = Deno.statSync(Deno.env.get("ARIEL_BINARY")!);
      assert(size <= BYTES_MAX, `${size} bytes`);
      const { stderr } = await ariel(["run", "--time", "virtual", "--log-level", "none", "--stats", "-"], options);
      assertMatch(stderr, /"prebuilt": 1/);
    }),
});
