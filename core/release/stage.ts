/** The repository's folder. */
export const ROOT = new URL("../../", import.meta.url);

/** Folders and files that belong to the program. */
const PRODUCT = ["main.ts", "core", "devices", "guests", "policies"];
/** What stands among them for developers only. */
const NOT_PRODUCT = /(_test|_bench|_mock)\.ts$|\/fixture\.ts$|^core\/release\//;
/** Modules that are started as Workers, found by how they are started. */
const WORKER_URL = /(startThread\()?new URL\("(\.{1,2}\/[\w./]+)\.ts", import\.meta\.url\)/g;

/** The program's source, path by path from the repository's root, in order. */
export function productFiles(root = ROOT): string[] {
  const files: string[] = [];
  const visit = (path: string) => {
    const info = Deno.statSync(new URL(path, root));
    if (info.isDirectory) {
      for (const { name } of Deno.readDirSync(new URL(`${path}/`, root))) {
        visit(`${path}/${name}`);
      }
    } else if (path.endsWith(".ts") && !NOT_PRODUCT.test(path)) files.push(path);
  };
  PRODUCT.forEach(visit);
  return files.sort();
}

/** The program's source in a folder of its own, ready to be bundled. */
export interface Stage {
  readonly folder: string;
  /** Modules that are started as Workers, from the root. */
  readonly workers: readonly string[];
  /** Those that are started by startThread(), which can be scripts. */
  readonly scripts: readonly string[];
}

/**
 * Copies the source.
 * @param isBundled Workers are found from the root, where bundled code stands.
 */
export function makeStage(folder: string, isBundled: boolean): Stage {
  const workers = new Set<string>(), scripts = new Set<string>();
  for (const path of productFiles()) {
    const source = Deno.readTextFileSync(new URL(path, ROOT));
    const text = source.replaceAll(WORKER_URL, (found, start = "", relative) => {
      const worker = new URL(`${relative}.ts`, `file:///${path}`).pathname.slice(1);
      (start ? scripts : workers).add(worker);
      return isBundled ? `${start}new URL("./${worker.replace(/\.ts$/, ".js")}", import.meta.url)` : found;
    });
    Deno.mkdirSync(`${folder}/${path}`.replace(/[^/]+$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${folder}/${path}`, text);
  }
  const config = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT)));
  const { imports, unstable, compilerOptions } = config;
  Deno.writeTextFileSync(`${folder}/deno.json`, JSON.stringify({ imports, unstable, compilerOptions }, null, 2));
  Deno.copyFileSync(new URL("deno.lock", ROOT), `${folder}/deno.lock`);
  return { folder, workers: [...workers].sort(), scripts: [...scripts].sort() };
}

/** Puts constants in the place of those with which the program runs from its source. */
export function replaceConstant(stage: Stage, path: string, name: string, value: unknown): void {
  const file = `${stage.folder}/${path}`, source = Deno.readTextFileSync(file);
  const pattern = new RegExp(`(export const ${name}: [^=]+ = )null;`);
  if (!pattern.test(source)) throw new Error(`Cannot find "export const ${name}: ... = null;" in ${path}`);
  const text = JSON.stringify(value, null, 2);
  Deno.writeTextFileSync(file, source.replace(pattern, (_, start) => `${start}${text};`));
}
