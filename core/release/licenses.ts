import type { Package } from "./packages.ts";

const MIT =
  `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

/** Who wrote the packages that say so only in their source. */
const NOTICES: Readonly<Record<string, string>> = {
  "deno-std": "Copyright 2018-2025 the Deno authors.",
  "xz-decompress": `Copyright (c) Tim Perry. Based on xzwasm, copyright (c) Steve Sanderson.
Contains xz-embedded by Lasse Collin and Igor Pavlov, which is in the public domain, and walloc, copyright (c) 2020
Igalia, S.L., under the same licence.`,
};

/** The runtime beneath the program. */
const RUNTIME = `Copyright 2018-2025 the Deno authors. MIT License.

${MIT}
The runtime contains V8, copyright 2006-2025 the V8 project authors, under the 3-clause BSD licence, and libraries of
the Rust ecosystem under the MIT, Apache-2.0, BSD, ISC, Zlib, Unicode and MPL-2.0 licences. Their names, versions and
texts are in Deno's own repository at the tag of this version: https://github.com/denoland/deno, Cargo.lock; and
https://chromium.googlesource.com/v8/v8, LICENSE.
`;

/** The licences of everything in a compiled program that is not this project's. */
export function licensesText(deno: string, packages: readonly Package[]): string {
  const sections = [
    { title: `Deno ${deno}`, text: RUNTIME },
    ...packages.map((found) => ({
      title: `${found.name} ${found.version} (${found.license})`,
      text: packageText(found),
    })),
  ];
  const line = "-".repeat(80);
  return sections.map(({ title, text }) => `${line}\n${title}\n${line}\n\n${text.trim()}\n`).join("\n");
}

function packageText({ name, license, licenseTexts }: Package): string {
  if (licenseTexts.length > 0) return licenseTexts.join("\n");
  const notice = NOTICES[name];
  if (notice === undefined || license !== "MIT") throw new Error(`Cannot find the licence of the package ${name}`);
  return `${notice}\n\n${MIT}`;
}
