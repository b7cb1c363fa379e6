import type { Package } from "./packages.ts";

/** What a bill of materials is about. */
export interface SbomSubject {
  readonly version: string;
  readonly commit: string;
  /** The commit's date: bills of one commit are alike. */
  readonly date: string;
  readonly deno: string;
  readonly packages: readonly Package[];
}

/** The bill of materials of a release: CycloneDX 1.5, from the lock file. */
export function sbomOf({ version, commit, date, deno, packages }: SbomSubject): string {
  const purl = "pkg:generic/ariel@" + version;
  const bill = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      timestamp: date,
      component: {
        type: "application",
        "bom-ref": purl,
        name: "ariel",
        version,
        licenses: [{ license: { id: "MIT" } }],
        properties: [{ name: "commit", value: commit }],
      },
    },
    components: [
      {
        type: "platform",
        "bom-ref": `pkg:github/denoland/deno@v${deno}`,
        name: "deno",
        version: deno,
        purl: `pkg:github/denoland/deno@v${deno}`,
        licenses: [{ license: { id: "MIT" } }],
      },
      ...packages.map(packageComponent),
    ],
    dependencies: [
      { ref: purl, dependsOn: [`pkg:github/denoland/deno@v${deno}`, ...packages.map(packageUrl)] },
    ],
  };
  return JSON.stringify(bill, null, 2) + "\n";
}

function packageUrl({ name, version }: Package): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function packageComponent(found: Package) {
  const { name, version, license, integrity } = found;
  const [algorithm, digest] = integrity.split("-");
  const content = Array.from(atob(digest), (c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  return {
    type: "library",
    "bom-ref": packageUrl(found),
    name,
    version,
    purl: packageUrl(found),
    // An expression may name several
    licenses: [/ (AND|OR) /.test(license) ? { expression: license } : { license: { id: license } }],
    hashes: [{ alg: algorithm.replace("sha", "SHA-"), content }],
  };
}
