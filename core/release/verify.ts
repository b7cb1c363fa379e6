/*
 * Verifies releases file by file: `deno run --allow-read core/release/verify.ts FOLDER...`. Ends with 1 when something
 * is missing, too many, misplaced or changed.
 */
import { verifyRelease } from "./manifest.ts";

if (import.meta.main) {
  let isGood = Deno.args.length > 0;
  if (!isGood) console.error("Name the folders to verify");
  for (const folder of Deno.args) {
    const wrong = await verifyRelease(folder);
    isGood &&= wrong.length === 0;
    console.log(
      wrong.length === 0 ? `${folder}: as its manifest says` : wrong.map((text) => `${folder}/${text}`).join("\n"),
    );
  }
  Deno.exit(isGood ? 0 : 1);
}
