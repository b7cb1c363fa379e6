/*
 * Makes releases for every target that a runtime can be had for: `deno task release [--target TARGET ...]`. Each is put
 * together in a folder, verified there by a second program, and packed; dist/release then has archives and SHA256SUMS.
 */
import { parseArgs } from "@std/cli";
import { gzipSync } from "node:zlib";
import { loadCommands } from "../cli/commands.ts";
import { completionScript } from "../cli/completions.ts";
import { manualPage } from "../cli/man.ts";
import { VERSION } from "../cli/version.ts";
import { compile, type Compiled, NoRuntimeError } from "./compile.ts";
import { sha256 } from "./folder.ts";
import { licensesText } from "./licenses.ts";
import { describeFiles, type Manifest, MANIFEST_NAME, releaseLayout } from "./manifest.ts";
import { $, outputOf } from "./process.ts";
import { sbomOf } from "./sbom.ts";
import { ROOT } from "./stage.ts";
import { tarOf } from "./tar.ts";

/** All that Deno compiles for. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

/** Makes one release. Returns its archive's path. Throws Error when a part cannot be made or the whole is not right. */
async function release(target: string, output: string): Promise<string> {
  const name = `ariel-${VERSION}-${target}`, folder = `${output}/${name}`;
  const [program] = releaseLayout(target).filter((path) => /^ariel(\.exe)?$/.test(path));
  const compiled = await compile({ target, output: `${folder}/${program}`, tell: refuse }).catch(async (error) => {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    throw error;
  });
  await writeParts(folder, compiled);
  const files = await describeFiles(folder);
  const manifest: Manifest = { name: "ariel", version: VERSION, target, commit: compiled.commit, files };
  Deno.writeTextFileSync(`${folder}/${MANIFEST_NAME}`, JSON.stringify(manifest, null, 2) + "\n");
  // A program of its own, so that it sees what is in the folder and not what was meant to be
  const verify = new URL("verify.ts", import.meta.url).pathname;
  await outputOf($`${Deno.execPath()} run --quiet --allow-read ${verify} ${folder}`);
  const seconds = Date.parse(compiled.date) / 1000;
  const tar = tarOf(folder, name, seconds, (path) => files.find((file) => file.path === path)?.isExecutable ?? false);
  const archive = `${output}/${name}.tar.gz`;
  Deno.writeFileSync(archive, gzipSync(tar, { level: 9 }));
  return archive;
}

/** A release is as it is meant to be, or none. */
function refuse(complaint: string): never {
  throw new Error(complaint);
}

/** Everything beside the program itself. */
async function writeParts(folder: string, { packages, commit, date, deno }: Compiled): Promise<void> {
  const commands = await loadCommands();
  const parts: Readonly<Record<string, string>> = {
    "LICENSE": Deno.readTextFileSync(new URL("LICENSE", ROOT)),
    "README.md": Deno.readTextFileSync(new URL("README.md", ROOT)),
    "LICENSES-OF-PACKAGES.txt": licensesText(deno, packages),
    "sbom.cdx.json": sbomOf({ version: VERSION, commit, date, deno, packages }),
    "man/ariel.1": manualPage(commands),
    "completions/ariel.bash": completionScript("bash", commands),
    "completions/_ariel": completionScript("zsh", commands),
    "completions/ariel.fish": completionScript("fish", commands),
  };
  for (const [path, text] of Object.entries(parts)) {
    Deno.mkdirSync(`${folder}/${path}`.replace(/[^/]+$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${folder}/${path}`, text);
  }
}

/**
 * Makes a release for each target that a runtime can be had for; the others are left out, which is told. Throws Error
 * when one cannot be made for another reason.
 * @param make makes one. Returns its archive's path.
 */
export async function releaseAll(
  targets: readonly string[],
  make: (target: string) => Promise<string>,
  tell: (line: string) => void,
): Promise<{ readonly archives: readonly string[]; readonly leftOut: readonly string[] }> {
  const archives: string[] = [], leftOut: string[] = [];
  for (const target of targets) {
    try {
      const archive = await make(target);
      archives.push(archive);
      tell(`${archive}: ${(Deno.statSync(archive).size / 2 ** 20).toFixed(1)} MiB`);
    } catch (error) {
      if (!(error instanceof NoRuntimeError)) throw error;
      leftOut.push(target);
      tell(`${target}: left out. ${oneLine(error.message)}`);
    }
  }
  return { archives, leftOut };
}

function oneLine(text: string): string {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "").join(" ");
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["target", "output"], collect: ["target"] }) as unknown as {
    target: string[];
    output?: string;
  };
  const output = args.output ?? "dist/release", targets = args.target.length ? args.target : TARGETS;
  await Deno.remove(output, { recursive: true }).catch(() => {});
  Deno.mkdirSync(output, { recursive: true });
  const { archives, leftOut } = await releaseAll(targets, (target) => release(target, output), console.log);
  const sums = await Promise.all(
    archives.map(async (path) => `${await sha256(Deno.readFileSync(path))}  ${path.split("/").at(-1)}\n`),
  );
  Deno.writeTextFileSync(`${output}/SHA256SUMS`, sums.join(""));
  console.log(`${archives.length} of ${targets.length} targets; left out: ${leftOut.join(", ") || "none"}`);
  if (archives.length === 0) Deno.exit(1);
}
