import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import $ from "dax";
import { needs } from "../../tests/needs.ts";
import { NoRuntimeError } from "./compile.ts";
import { filesOf, sha256 } from "./folder.ts";
import { licensesText } from "./licenses.ts";
import { describeFiles, MANIFEST_NAME, releaseLayout, verifyRelease } from "./manifest.ts";
import type { Package } from "./packages.ts";
import { releaseAll } from "./release.ts";
import { sbomOf } from "./sbom.ts";
import { productFiles } from "./stage.ts";
import { tarOf } from "./tar.ts";

const TARGET = "x86_64-unknown-linux-gnu";
const files = needs({ permissions: ["read", "write"] });

/** A folder laid out as a release is, with its manifest. */
async function withRelease(use: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    for (const path of releaseLayout(TARGET)) {
      Deno.mkdirSync(`${folder}/${path}`.replace(/[^/]+$/, ""), { recursive: true });
      Deno.writeTextFileSync(`${folder}/${path}`, `this is ${path}`);
    }
    Deno.chmodSync(`${folder}/ariel`, 0o755);
    const manifest = {
      name: "ariel",
      version: "1.2.3",
      target: TARGET,
      commit: "c",
      files: await describeFiles(folder),
    };
    Deno.writeTextFileSync(`${folder}/${MANIFEST_NAME}`, JSON.stringify(manifest));
    await use(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test({
  name: "a release is verified file by file: missing, extra, misplaced, changed",
  ...files,
  fn: () =>
    withRelease(async (folder) => {
      assertEquals(await verifyRelease(folder), []);
      Deno.writeTextFileSync(`${folder}/man/notes.txt`, "extra");
      Deno.renameSync(`${folder}/completions/_ariel`, `${folder}/_ariel`);
      Deno.removeSync(`${folder}/LICENSE`);
      Deno.writeTextFileSync(`${folder}/README.md`, "other");
      assertEquals(await verifyRelease(folder), [
        "LICENSE: missing",
        "README.md: changed",
        "completions/_ariel: misplaced, it is at _ariel",
        "man/notes.txt: extra",
      ]);
      Deno.removeSync(`${folder}/${MANIFEST_NAME}`);
      assertMatch((await verifyRelease(folder))[0], /^Cannot read MANIFEST.json/);
    }),
});

Deno.test({
  name: "a program that is not executable is refused, whatever its manifest says",
  ignore: Deno.build.os === "windows" || files.ignore,
  fn: () =>
    withRelease(async (folder) => {
      Deno.chmodSync(`${folder}/ariel`, 0o644);
      assertEquals(await verifyRelease(folder), ["ariel: not executable"]);
      const path = `${folder}/${MANIFEST_NAME}`, manifest = JSON.parse(Deno.readTextFileSync(path));
      Deno.writeTextFileSync(path, JSON.stringify({ ...manifest, files: await describeFiles(folder) }));
      assertEquals(await verifyRelease(folder), ["ariel: not executable, by the manifest"]);
    }),
});

Deno.test({
  name: "only targets without a runtime are left out of a release",
  ...files,
  async fn() {
    const archive = Deno.makeTempFileSync(), told: string[] = [];
    const make = (target: string): Promise<string> => {
      if (target === "absent") return Promise.reject(new NoRuntimeError("no\n  such runtime"));
      if (target === "broken") return Promise.reject(new Error("the program does not start"));
      return Promise.resolve(archive);
    };
    const made = await releaseAll(["absent", "present"], make, (line) => told.push(line));
    assertEquals(made, { archives: [archive], leftOut: ["absent"] });
    assertEquals(told, ["absent: left out. no such runtime", `${archive}: 0.0 MiB`]);
    await assertRejects(() => releaseAll(["present", "broken"], make, () => {}), Error, "does not start");
    Deno.removeSync(archive);
  },
});

Deno.test({
  name: "a manifest that does not name what every release has is refused",
  ...files,
  fn: () =>
    withRelease(async (folder) => {
      const path = `${folder}/${MANIFEST_NAME}`, manifest = JSON.parse(Deno.readTextFileSync(path));
      const kept = manifest.files.filter((file: { path: string }) => file.path !== "sbom.cdx.json");
      Deno.writeTextFileSync(path, JSON.stringify({ ...manifest, files: kept }));
      assertEquals(await verifyRelease(folder), ["sbom.cdx.json: extra", "sbom.cdx.json: not in the manifest"]);
    }),
});

Deno.test({
  name: "archives of equal files are equal, and tar unpacks them",
  ...needs({ permissions: ["read", "write", "run"], programs: ["tar"] }),
  fn: () =>
    withRelease(async (folder) => {
      const archive = tarOf(folder, "ariel-1.2.3", 1_700_000_000, (path) => path === "ariel");
      assertEquals(archive, tarOf(folder, "ariel-1.2.3", 1_700_000_000, (path) => path === "ariel"));
      const other = Deno.makeTempDirSync();
      try {
        Deno.writeFileSync(`${other}/a.tar`, archive);
        await $`tar xf a.tar`.cwd(other);
        assertEquals(filesOf(`${other}/ariel-1.2.3`), filesOf(folder));
        for (const path of filesOf(folder)) {
          assertEquals(Deno.readFileSync(`${other}/ariel-1.2.3/${path}`), Deno.readFileSync(`${folder}/${path}`));
        }
        assertEquals(Deno.statSync(`${other}/ariel-1.2.3/ariel`).mode! & 0o777, 0o755);
      } finally {
        Deno.removeSync(other, { recursive: true });
      }
    }),
});

const PACKAGE: Package = {
  name: "@scope/parser",
  version: "1.0.0",
  license: "Apache-2.0",
  licenseTexts: ["the text"],
  integrity: "sha512-AQID",
};

Deno.test("the bill of materials names every package with its hash", () => {
  const subject = { version: "1.2.3", commit: "c", date: "2026-01-01T00:00:00Z", deno: "2.4.2", packages: [PACKAGE] };
  const bill = JSON.parse(sbomOf(subject));
  assertEquals(bill.components.map((c: { purl: string }) => c.purl), [
    "pkg:github/denoland/deno@v2.4.2",
    "pkg:npm/%40scope/parser@1.0.0",
  ]);
  assertEquals(bill.components[1].hashes, [{ alg: "SHA-512", content: "010203" }]);
});

const licences = needs({ permissions: ["read"] });

/** How the texts begin and end, or the SHA-256 of those that are published as files. */
const LICENCE_TEXTS: Readonly<Record<string, readonly [start: string, end: string] | string>> = {
  "Apache-2.0.txt": "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30",
  "ICU.txt": ["UNICODE LICENSE V3", "without express or implied warranty."],
  "MIT.txt": ["Permission is hereby granted", "OTHER DEALINGS IN THE SOFTWARE."],
  "MPL-2.0.txt": "1f256ecad192880510e84ad60474eab7589218784b9a50bc7ceee34c2b91f1d5",
  "Strongtalk.txt": ["Copyright (c) 1994-2006 Sun Microsystems Inc.", "ADVISED OF THE POSSIBILITY OF SUCH DAMAGE."],
  "V8.txt": ["This license applies to all parts of V8", "ADVISED OF THE POSSIBILITY OF SUCH DAMAGE."],
  "fdlibm.txt": ["Copyright (C) 1993-2004 by Sun Microsystems, Inc.", "that this notice\nis preserved."],
};

Deno.test({
  name: "the licences are there of the runtime and of every package, as whole texts",
  ...licences,
  async fn() {
    const text = licensesText("2.4.2", [PACKAGE]), folder = new URL("licenses/", import.meta.url).pathname;
    for (const part of ["Deno 2.4.2", "V8", "@scope/parser 1.0.0 (Apache-2.0)", "the text"]) {
      assertEquals(text.includes(part), true, part);
    }
    assertEquals(filesOf(folder), Object.keys(LICENCE_TEXTS));
    for (const [name, expected] of Object.entries(LICENCE_TEXTS)) {
      const bytes = Deno.readFileSync(`${folder}${name}`), licence = new TextDecoder().decode(bytes).trim();
      assertEquals(text.includes(licence), true, name);
      if (typeof expected === "string") assertEquals(await sha256(bytes), expected, name);
      else assertEquals([licence.startsWith(expected[0]), licence.endsWith(expected[1])], [true, true], name);
    }
    // What the 3-clause BSD licence asks of who passes on programs
    for (const name of ["V8.txt", "Strongtalk.txt"]) {
      const words = Deno.readTextFileSync(`${folder}${name}`).replaceAll(/\s+/g, " ");
      assertMatch(
        words,
        /in binary form must reproduce the above copyright notice, this list of conditions and the fol/,
      );
      assertMatch(
        words,
        /Neither the name of .* may be used to endorse .* without specific prior written permission\./,
      );
    }
  },
});

Deno.test({
  name: "the licences say what is only referred to, by the tag of the runtime's version",
  ...licences,
  fn() {
    assertMatch(
      licensesText("2.4.2", []),
      /only referred to[^]*https:\/\/github\.com\/denoland\/deno\/blob\/v2\.4\.2\/Cargo\.lock/,
    );
  },
});

Deno.test({
  name: "nothing of the development tools is part of the program",
  ...needs({ permissions: ["read"] }),
  fn() {
    const paths = productFiles();
    assertEquals(paths.filter((path) => /_test\.ts$|\.txt$|^tests\/|core\/release\//.test(path)), []);
    for (const path of ["main.ts", "core/cli/vm_worker.ts", "policies/strict.ts"]) {
      assertEquals(paths.includes(path), true);
    }
  },
});
