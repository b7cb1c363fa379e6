import { $, outputOf } from "./process.ts";
import { productFiles, ROOT } from "./stage.ts";

/** An npm package that is part of the program. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** SPDX expression, as the package declares it. */
  readonly license: string;
  /** The texts of its licence files. */
  readonly licenseTexts: readonly string[];
  /** Subresource integrity, from the lock file. */
  readonly integrity: string;
}

interface LockFile {
  readonly npm: Readonly<Record<string, { readonly integrity: string; readonly dependencies?: readonly string[] }>>;
}

/** The packages that the program imports, statically or not, with what they depend on; none of the development tools. */
export async function findPackages(deno: string): Promise<Package[]> {
  const lock = JSON.parse(Deno.readTextFileSync(new URL("deno.lock", ROOT))) as LockFile;
  const { npmCache } = JSON.parse(await outputOf($`${deno} info --json`));
  const used = new Set<string>();
  const use = (id: string) => {
    const found = Object.keys(lock.npm).find((known) => known === id || known.startsWith(`${id}@`));
    if (found === undefined) throw new Error(`Cannot find ${id} in deno.lock`);
    if (used.has(found)) return;
    used.add(found);
    lock.npm[found].dependencies?.forEach(use);
  };
  importedPackages().forEach(use);
  return [...used].sort().map((id) => {
    const [, name, version] = /^(@?[^@]+)@([^_]+)/.exec(id)!;
    const folder = `${npmCache}/registry.npmjs.org/${name}/${version}`;
    const license = JSON.parse(Deno.readTextFileSync(`${folder}/package.json`)).license;
    return { name, version, license, licenseTexts: licenseTexts(folder), integrity: lock.npm[id].integrity };
  });
}

/** What the program's modules import from npm, as "name@version". */
function importedPackages(): string[] {
  const { imports } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT))) as {
    imports: Record<string, string>;
  };
  const specifiers = new Set(
    productFiles().flatMap((path) => {
      const source = Deno.readTextFileSync(new URL(path, ROOT));
      return [...source.matchAll(/\b(?:from |import\()"([^".][^"]*)"/g)].map(([, specifier]) => specifier);
    }),
  );
  return [...specifiers].flatMap((specifier) => {
    const npm = /^npm:(@?[^@]+@[^/]+)/.exec(imports[specifier] ?? "");
    return npm ? [npm[1]] : [];
  });
}

function licenseTexts(folder: string): string[] {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((n) =>
    /^(licen[cs]e|notice|copying)/i.test(n)
  );
  return names.sort().map((name) => Deno.readTextFileSync(`${folder}/${name}`));
}
