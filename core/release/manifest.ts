import { filesOf, sha256 } from "./folder.ts";

export const MANIFEST_NAME = "MANIFEST.json";

/** One file of a release. */
export interface ManifestEntry {
  /** From the release's folder. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly isExecutable: boolean;
}

/** What a release consists of. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly target: string;
  readonly commit: string;
  readonly files: readonly ManifestEntry[];
}

/** The program, where files have a bit that says so. */
const PROGRAM = "ariel";

/** The files that every release for a target has, and no others. */
export function releaseLayout(target: string): string[] {
  return [
    target.includes("windows") ? `${PROGRAM}.exe` : PROGRAM,
    "LICENSE",
    "LICENSES-OF-PACKAGES.txt",
    "README.md",
    "completions/_ariel",
    "completions/ariel.bash",
    "completions/ariel.fish",
    "man/ariel.1",
    "sbom.cdx.json",
  ].sort();
}

/** Describes the files in a folder, as they are. */
export async function describeFiles(folder: string): Promise<ManifestEntry[]> {
  return await Promise.all(
    filesOf(folder).filter((path) => path !== MANIFEST_NAME).sort().map(async (path) => {
      const bytes = Deno.readFileSync(`${folder}/${path}`);
      const { mode } = Deno.statSync(`${folder}/${path}`);
      const isExecutable = mode === null ? path === PROGRAM : (mode & 0o111) !== 0;
      return { path, bytes: bytes.length, sha256: await sha256(bytes), isExecutable };
    }),
  );
}

/**
 * Compares a folder with its manifest and with the layout of a release. Returns what is wrong, a line each: files that
 * are missing, too many, in another place or changed, and a program that is none.
 */
export async function verifyRelease(folder: string): Promise<string[]> {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(Deno.readTextFileSync(`${folder}/${MANIFEST_NAME}`));
  } catch (error) {
    return [`Cannot read ${MANIFEST_NAME}: ${(error as Error).message}`];
  }
  const found = new Map((await describeFiles(folder)).map((entry) => [entry.path, entry]));
  const named = new Map(manifest.files.map((entry) => [entry.path, entry]));
  const layout = new Set(releaseLayout(manifest.target));
  const wrong: string[] = [];
  for (const path of layout) if (!named.has(path)) wrong.push(`${path}: not in the manifest`);
  for (const path of named.keys()) {
    if (!layout.has(path)) wrong.push(`${path}: in the manifest, but no file of a release`);
  }
  if (named.get(PROGRAM)?.isExecutable === false) wrong.push(`${PROGRAM}: not executable, by the manifest`);
  const moved = (hash: string) => [...found.values()].find((e) => e.sha256 === hash && !named.has(e.path))?.path;
  const explained = new Set<string>();
  for (const [path, entry] of named) {
    const actual = found.get(path);
    if (actual === undefined) {
      const place = moved(entry.sha256);
      if (place !== undefined) explained.add(place);
      wrong.push(place === undefined ? `${path}: missing` : `${path}: misplaced, it is at ${place}`);
    } else if (actual.sha256 !== entry.sha256) wrong.push(`${path}: changed`);
    else if (actual.isExecutable !== entry.isExecutable) {
      wrong.push(`${path}: ${entry.isExecutable ? "not " : ""}executable`);
    }
  }
  for (const path of found.keys()) if (!named.has(path) && !explained.has(path)) wrong.push(`${path}: extra`);
  return wrong.sort();
}
