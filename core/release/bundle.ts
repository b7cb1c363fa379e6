import { filesOf } from "./folder.ts";
import { $, outputOf } from "./process.ts";
import type { Stage } from "./stage.ts";

/** The policy API, which plugins import by its name: its module must stay one of its own. */
const POLICY_API = "policies/mod.ts";
const CACHE_PATH = /(?:\.\.\/|[\w.-]+\/)*npm\/registry\.npmjs\.org\/((?:@[\w.-]+\/)?[\w.-]+)\/([\d.]+[\w.-]*)\//g;

/** Makes few JavaScript files of a stage: they load much faster than its modules. Throws Error when that cannot be done. */
export async function bundle(deno: string, { folder: from, workers }: Stage, folder: string): Promise<void> {
  const entries = ["main.ts", ...workers, POLICY_API];
  await outputOf(
    $`${deno} bundle --quiet --platform deno --code-splitting --outdir ${folder} ${entries}`.cwd(from),
  );
  const texts = new Map<string, string>();
  for (const path of filesOf(folder)) {
    const text = Deno.readTextFileSync(`${folder}/${path}`);
    texts.set(path, namePackages(text));
  }
  renumber(texts, folder);
  const { imports, unstable } = JSON.parse(Deno.readTextFileSync(`${from}/deno.json`));
  Deno.writeTextFileSync(
    `${folder}/deno.json`,
    JSON.stringify({ imports: { "ariel/policy": imports["ariel/policy"].replace(/\.ts$/, ".js") }, unstable }, null, 2),
  );
}

/** Names packages in bundled code by what they are, and not by where this machine keeps them. */
export function namePackages(text: string): string {
  return text.replaceAll(CACHE_PATH, (_, name, version) => `npm:${name}@${version}/`);
}

const HASHED = /-([A-Z0-9]{8})\.js/g;

/**
 * The bundler names files by a hash that depends on where this machine keeps its packages. So that equal sources make
 * equal programs everywhere, they are numbered instead, in the order in which they are met from the entries on.
 */
function renumber(texts: ReadonlyMap<string, string>, folder: string): void {
  const pathOf = new Map<string, string>();
  for (const path of texts.keys()) for (const [, hash] of path.matchAll(HASHED)) pathOf.set(hash, path);
  const numbers = new Map<string, string>();
  const visit = (path: string) => {
    for (const [, hash] of texts.get(path)!.matchAll(HASHED)) {
      const next = pathOf.get(hash);
      if (next === undefined || numbers.has(hash)) continue;
      numbers.set(hash, String(numbers.size + 1).padStart(3, "0"));
      visit(next);
    }
  };
  for (const path of texts.keys()) if (!/-[A-Z0-9]{8}\.js$/.test(path)) visit(path);
  const renamed = (text: string) =>
    text.replaceAll(HASHED, (whole, hash) => numbers.has(hash) ? `-${numbers.get(hash)}.js` : whole);
  for (const path of texts.keys()) Deno.removeSync(`${folder}/${path}`);
  for (const [path, text] of texts) Deno.writeTextFileSync(`${folder}/${renamed(path)}`, renamed(text));
}
