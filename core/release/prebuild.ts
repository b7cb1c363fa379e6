import { policyApi } from "../cli/policy_api.ts";
import { run } from "./process.ts";
import { replaceConstant, type Stage } from "./stage.ts";

/** What the program would otherwise make at each start: run with the stage's modules, it prints them as JSON. */
const MAKER = `
import { diagnosticGuest } from "./guests/diagnostic.ts";
const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const { bytes, origin, entry } = diagnosticGuest();
console.log(JSON.stringify({ image: { base64: base64(bytes), origin, entry } }));
`;

/** Makes beforehand what does not depend on how the program is called, and puts it into the stage. */
export async function prebuild(deno: string, stage: Stage): Promise<void> {
  const path = `${stage.folder}/prebuild_maker.js`;
  Deno.writeTextFileSync(path, MAKER);
  const made = JSON.parse(await run(deno, ["run", "--quiet", "--allow-read", path], stage.folder));
  Deno.removeSync(path);
  replaceConstant(stage, "guests/diagnostic_image.ts", "DIAGNOSTIC_IMAGE", made.image);
  replaceConstant(stage, "core/cli/policy_api.ts", "POLICY_API", policyApi());
}
