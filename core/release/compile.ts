/*
 * Makes the program of one file: `deno task compile [--target TARGET] [--output FILE]`.
 *
 * DENORT_BIN names the runtime to put under it (Deno's own way), and DENO_FOR_COMPILE the Deno of the same version where
 * another one runs this.
 */
import { parseArgs } from "@std/cli";
import type { BuildInfo } from "../cli/build_info.ts";
import { KILL } from "../cli/terminal.ts";
import { bundle } from "./bundle.ts";
import { filesOf } from "./folder.ts";
import { findPackages, type Package } from "./packages.ts";
import { prebuild } from "./prebuild.ts";
import { $, outputOf } from "./process.ts";
import { makeCaches, makeScripts } from "./scripts.ts";
import { makeStage, replaceConstant, ROOT } from "./stage.ts";
import { V8_FLAGS } from "./v8_flags.ts";

/** What the program may do: it reads and writes files that its user names, and listens where its user says. */
const PERMISSIONS = [
  "--allow-read",
  "--allow-write",
  "--allow-net",
  "--allow-env=TERM",
  "--allow-sys=systemMemoryInfo",
];
export const HOST_TARGET = Deno.build.target;

export interface CompileOptions {
  readonly target: string;
  readonly output: string;
  /** Told what is going on. */
  readonly tell?: (line: string) => void;
}

export interface Compiled {
  readonly packages: readonly Package[];
  readonly commit: string;
  /** The commit's date. */
  readonly date: string;
  /** Version of the Deno whose runtime is inside. */
  readonly deno: string;
}

/** The runtime for a target cannot be had. */
export class NoRuntimeError extends Error {}

/** What Deno names when it cannot download a runtime. */
const NO_RUNTIME = /\/denort-\S+\.zip/;

/** Compiles the program. Throws NoRuntimeError, or another Error when it cannot be done for another reason. */
export async function compile({ target, output, tell = () => {} }: CompileOptions): Promise<Compiled> {
  const deno = Deno.env.get("DENO_FOR_COMPILE") ?? Deno.execPath();
  const work = Deno.makeTempDirSync({ prefix: "ariel-compile-" });
  try {
    const { commit, date } = await sourceVersion();
    const packages = await findPackages(deno);
    const info = {
      commit,
      date,
      target,
      packages: packages.map(({ name, version, license }) => ({ name, version, license })),
    };
    const program = await makeProgram(deno, work, info, tell);
    // The program remembers its files' times
    const time = new Date(date);
    for (const path of filesOf(program.folder)) Deno.utimeSync(`${program.folder}/${path}`, time, time);
    Deno.mkdirSync(output.replace(/[^/]+$/, "") || ".", { recursive: true });
    const path = output.startsWith("/") ? output : `${Deno.cwd()}/${output}`;
    await compileProgram(deno, program, path, target, [...PERMISSIONS, ...await stopPermission(deno)]);
    if (target === HOST_TARGET) await tryOut(path, work, program.entry === "main.js" ? tell : () => {});
    const version = (await outputOf($`${deno} eval ${"console.log(Deno.version.deno)"}`)).trim();
    return { packages, commit, date, deno: version };
  } finally {
    Deno.removeSync(work, { recursive: true });
  }
}

async function compileProgram(
  deno: string,
  { folder, entry, includes }: Program,
  output: string,
  target: string,
  permissions: readonly string[],
): Promise<void> {
  const included = [...includes, "policies"].flatMap((path) => ["--include", path]);
  const flags = ["--no-check", "--no-prompt", "--no-code-cache", V8_FLAGS, ...permissions, ...included];
  try {
    await outputOf(
      $`${deno} compile --quiet ${flags} --target ${target} --output ${output} ${entry}`
        .cwd(folder).env(runtimeFor(target)),
    );
  } catch (error) {
    throw NO_RUNTIME.test((error as Error).message) ? new NoRuntimeError((error as Error).message) : error;
  }
}

/** Runs the diagnostic guest with the new program. Throws Error when it does not pass. */
async function tryOut(path: string, work: string, tell: (line: string) => void): Promise<void> {
  const stats = `${work}/stats.json`;
  await outputOf($`${path} run --time virtual --log-level none --stats ${stats}`);
  const { engine } = JSON.parse(Deno.readTextFileSync(stats));
  if (engine.prebuilt !== 1) tell("The handlers that were made beforehand do not fit, so the program starts later");
}

/** What the program needs of this runtime to stop itself as a shell's job. */
async function stopPermission(deno: string): Promise<string[]> {
  const signalsItself = "data:text/javascript,Deno.kill(Deno.pid, 'SIGCONT')";
  const { code } = await $`${deno} run --no-prompt ${signalsItself}`;
  return code === 0 ? [] : [`--allow-run=${KILL}`];
}

/** What Deno says when it cannot download esbuild, with which it bundles. */
const NO_BUNDLER = /esbuild|error sending request|npm registry/i;

/** What goes on top of the runtime: a folder, the module in it that is started, and what that does not import. */
interface Program {
  readonly folder: string;
  readonly entry: string;
  readonly includes: readonly string[];
}

/** The program bundled, or as its modules where the bundler cannot be had: that starts more slowly. */
async function makeProgram(
  deno: string,
  work: string,
  info: BuildInfo,
  tell: (line: string) => void,
): Promise<Program> {
  try {
    const stage = makeStage(`${work}/source`, true), folder = `${work}/bundle`;
    replaceConstant(stage, "core/cli/build_info.ts", "BUILD_INFO", info);
    replaceConstant(stage, "core/cli/threads.ts", "HAS_SCRIPTS", true);
    await prebuild(deno, stage);
    await bundle(deno, stage, folder);
    const scripts = await makeScripts(deno, stage, folder);
    const workers = stage.workers.map((path) => path.replace(/\.ts$/, ".js"));
    const program = { folder, entry: "main.js", includes: [...workers, ...scripts] };
    await makeCaches(
      stage,
      folder,
      work,
      (maker, path) => compileProgram(deno, { ...program, folder: maker }, path, HOST_TARGET, ["--allow-all"]),
    );
    return program;
  } catch (error) {
    if (!NO_BUNDLER.test((error as Error).message)) throw error;
    tell(`Cannot get the bundler, so the program starts later (${(error as Error).message})`);
    const stage = makeStage(`${work}/plain`, false);
    replaceConstant(stage, "core/cli/build_info.ts", "BUILD_INFO", info);
    return { folder: stage.folder, entry: "main.ts", includes: [...stage.workers, ...stage.scripts] };
  }
}

/** Where the runtime for a target comes from: DENORT_BIN is the one for this machine. */
function runtimeFor(target: string): Record<string, string | undefined> {
  const named = Deno.env.get(`DENORT_BIN_${target.toUpperCase().replaceAll("-", "_")}`);
  if (named !== undefined) return { DENORT_BIN: named };
  return target === HOST_TARGET ? {} : { DENORT_BIN: undefined };
}

/** The commit and its date; SOURCE_DATE_EPOCH where there is no repository. */
async function sourceVersion(): Promise<{ commit: string; date: string }> {
  const { stdout: log } = await $`git log -1 ${"--format=%H %ct"}`.cwd(ROOT);
  const { stdout: changes } = await $`git status --porcelain --untracked-files=no`.cwd(ROOT);
  const [commit, seconds] = log.trim().split(" ");
  const epoch = Number(Deno.env.get("SOURCE_DATE_EPOCH") ?? (seconds || 0));
  return {
    commit: commit === "" ? "unknown" : `${commit}${changes.trim() ? "+" : ""}`,
    date: new Date(epoch * 1000).toISOString(),
  };
}

if (import.meta.main) {
  const { target, output } = parseArgs(Deno.args, { string: ["target", "output"] }) as Record<string, string>;
  const path = output ?? `dist/ariel${(target ?? HOST_TARGET).includes("windows") ? ".exe" : ""}`;
  const { deno, commit } = await compile({ target: target ?? HOST_TARGET, output: path, tell: console.error });
  const mib = (Deno.statSync(path).size / 2 ** 20).toFixed(1);
  console.log(`${path}: ${mib} MiB, Deno ${deno}, commit ${commit}`);
}
