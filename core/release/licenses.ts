import type { Package } from "./packages.ts";

/** Who wrote the packages that say so only in their source. */
const NOTICES: Readonly<Record<string, string>> = {
  "deno-std": "Copyright 2018-2025 the Deno authors.",
  "xz-decompress": `Copyright (c) Tim Perry. Based on xzwasm, copyright (c) Steve Sanderson.
Contains xz-embedded by Lasse Collin and Igor Pavlov, which is in the public domain, and walloc, copyright (c) 2020
Igalia, S.L., under the same licence.`,
};

/** What the runtime consists of: titles, and the names of their texts. */
const RUNTIME_PARTS: readonly (readonly [title: string, license: string])[] = [
  ["V8, in the runtime (BSD-3-Clause)", "V8"],
  ["Strongtalk's assembler, in V8 (BSD-3-Clause)", "Strongtalk"],
  ["fdlibm, in V8", "fdlibm"],
  ["ICU, in V8 (Unicode-3.0)", "ICU"],
  ["Libraries in the runtime under Apache-2.0", "Apache-2.0"],
  ["Libraries in the runtime under MPL-2.0", "MPL-2.0"],
];

/** The licences of everything in a compiled program that is not this project's. */
export function licensesText(deno: string, packages: readonly Package[]): string {
  const sections = [
    { title: `Deno ${deno} (MIT)`, text: runtimeText(deno) },
    ...RUNTIME_PARTS.map(([title, license]) => ({ title, text: textOf(license) })),
    ...packages.map((found) => ({
      title: `${found.name} ${found.version} (${found.license})`,
      text: packageText(found),
    })),
  ];
  const line = "-".repeat(80);
  return sections.map(({ title, text }) => `${line}\n${title}\n${line}\n\n${text.trim()}\n`).join("\n");
}

/** A licence as its owner words it: the folder's texts are for releases only, and no part of the program. */
function textOf(license: string): string {
  return Deno.readTextFileSync(new URL(`licenses/${license}.txt`, import.meta.url));
}

/** The runtime beneath the program, and what of it has no text of its own here. */
function runtimeText(deno: string): string {
  return `Copyright 2018-2025 the Deno authors. MIT License.

${textOf("MIT")}
The texts for V8, with what it has from others, and for ICU follow, then those of the Apache License 2.0 and of the
Mozilla Public License 2.0, under which libraries of the Rust ecosystem are in the runtime. Others of these are under
the MIT licence, as above.

What is only referred to here: which libraries of the Rust ecosystem there are, in which versions, is listed at
https://github.com/denoland/deno/blob/v${deno}/Cargo.lock. The source of each, also of those under the Mozilla Public
License, is at https://crates.io by name and version, with its copyright notice and its text where that is BSD, ISC,
Zlib or Unicode. Libraries that V8 takes in under the MIT and Apache-2.0 licences, such as Abseil, Highway and simdutf,
have their copyright notices in the folder third_party of https://chromium.googlesource.com/v8/v8.
`;
}

function packageText({ name, license, licenseTexts }: Package): string {
  if (licenseTexts.length > 0) return licenseTexts.join("\n");
  const notice = NOTICES[name];
  if (notice === undefined || license !== "MIT") throw new Error(`Cannot find the licence of the package ${name}`);
  return `${notice}\n\n${textOf("MIT")}`;
}
