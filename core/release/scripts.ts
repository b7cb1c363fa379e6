import { namePackages } from "./bundle.ts";
import { filesOf, sha256 } from "./folder.ts";
import { $, outputOf } from "./process.ts";
import type { Stage } from "./stage.ts";

/*
 * Workers as scripts with V8's code cache: what V8 makes of their source, and of the functions that they call first, is
 * made here once and not at each start. See core/cli/threads.ts.
 */

/** Imports of what the host has, in bundled code. */
const STATIC_IMPORT = /^import (\{[^}]*\}) from ("node:\w+");$/gm, DYNAMIC_IMPORT = /\bimport\(/g;

/** Runs of which RUNS_ALIKE have to agree: what comes out is then, nearly always, what comes out most often. */
const RUNS_MAX = 40, RUNS_ALIKE = 5;

/** Bundles one module and all that it imports. */
export async function bundleModule(deno: string, from: string, module: string, output: string): Promise<void> {
  await outputOf($`${deno} bundle --quiet --platform deno --output ${output} ${module}`.cwd(from));
  Deno.writeTextFileSync(output, namePackages(Deno.readTextFileSync(output)));
}

/** A module without exports as a function's text, whose argument stands for `import()`, which V8 refuses to scripts. */
function scriptOf(module: string): string {
  const body = module
    .replaceAll(
      STATIC_IMPORT,
      (_, names, of) => `const ${names.replaceAll(" as ", ": ")} = process.getBuiltinModule(${of});`,
    )
    .replaceAll(DYNAMIC_IMPORT, "importModule(");
  return `((importModule) => {\n"use strict";\n${body}\n})`;
}

/** The path of a Worker's script in the program, and of the script's cache. */
function paths(module: string): { script: string; cache: string } {
  const name = module.replace(/ts$/, "");
  return { script: `${name}script`, cache: `${name}cache` };
}

/** Puts the scripts of a stage into a folder, without caches. @returns their paths there, and those of the caches. */
export async function makeScripts(deno: string, { folder: from, scripts }: Stage, folder: string): Promise<string[]> {
  for (const module of scripts) {
    const { script, cache } = paths(module), output = `${folder}/${script}`;
    await bundleModule(deno, from, module, output);
    Deno.writeTextFileSync(output, scriptOf(Deno.readTextFileSync(output)));
    Deno.writeFileSync(`${folder}/${cache}`, new Uint8Array(0));
  }
  return scripts.flatMap((module) => Object.values(paths(module)));
}

/**
 * In the place of script_worker.js: keeps a script's cache beside the program before the script runs, and again when the
 * guest writes something for the first time: until then each run takes the same way, so that equal sources give equal
 * caches. The run does not end before all caches are there.
 */
const maker = (caches: readonly string[]) => `
import { Script } from "node:vm";
self.onmessage = ({ data: { name, source } }) => {
  self.onmessage = null;
  const script = new Script(new TextDecoder().decode(source), { filename: name });
  const folder = Deno.execPath().replace(/[^/]+$/, "");
  const keep = () => Deno.writeFileSync(folder + name.split("/").at(-1).replace(/js$/, "cache"), script.createCachedData());
  const post = self.postMessage.bind(self);
  let isFirst = true;
  const isThere = (cache) => [...Deno.readDirSync(folder)].some((file) => file.name === cache);
  const end = (message) => ${JSON.stringify(caches)}.every(isThere) ? post(message) : setTimeout(end, 10, message);
  self.postMessage = (message, ...rest) => {
    if (message?.type === "end") return end(message);
    if (message?.type === "console" && isFirst) keep();
    isFirst &&= message?.type !== "console";
    post(message, ...rest);
  };
  keep();
  script.runInThisContext()((specifier) => import(specifier));
};
`;

/**
 * Makes the caches of the scripts in a folder by a run of the diagnostic guest.
 * @param work a folder for what is made on the way.
 * @param compileFolder compiles a folder's main.js to a program that may do everything.
 */
export async function makeCaches(
  { scripts }: Stage,
  folder: string,
  work: string,
  compileFolder: (folder: string, output: string) => Promise<void>,
): Promise<void> {
  const caches = scripts.map((module) => paths(module).cache), names = caches.map((path) => path.split("/").at(-1)!);
  for (const path of filesOf(folder)) {
    const copy = `${work}/maker/${path}`;
    Deno.mkdirSync(copy.replace(/[^/]+$/, ""), { recursive: true });
    Deno.copyFileSync(`${folder}/${path}`, copy);
    if (path.endsWith("script_worker.js")) Deno.writeTextFileSync(copy, maker(names));
    else if (path.endsWith(".js")) {
      Deno.writeTextFileSync(
        copy,
        Deno.readTextFileSync(copy).replace(`permissions: "none"`, `permissions: "inherit"`),
      );
    }
  }
  await compileFolder(`${work}/maker`, `${work}/making/ariel`);
  const run = (jit: string) => outputOf($`${work}/making/ariel run --time virtual --log-level none --jit ${jit}`);
  await run("on");
  await repeat(() => run("off"), names.map((name) => `${work}/making/${name}`));
  caches.forEach((path, i) => Deno.copyFileSync(`${work}/making/${names[i]}`, `${folder}/${path}`));
}

/**
 * Makes files until they have come out the same RUNS_ALIKE times: what V8 thinks of functions that are called often differs
 * in some runs. (With the JIT, whose answers come at any time, each run would differ.) Throws Error when they never do.
 */
async function repeat(make: () => Promise<unknown>, files: readonly string[]): Promise<void> {
  const met = new Map<string, number>();
  for (let run = 0; run < RUNS_MAX; run++) {
    await make();
    const content = (await Promise.all(files.map((file) => sha256(Deno.readFileSync(file))))).join();
    const count = (met.get(content) ?? 0) + 1;
    if (count === RUNS_ALIKE) return;
    met.set(content, count);
  }
  throw new Error(`Cannot make code caches as no ${RUNS_ALIKE} of ${RUNS_MAX} runs have given the same`);
}
