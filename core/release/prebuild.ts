import { policyApi } from "../cli/policy_api.ts";
import { run } from "./process.ts";
import { replaceConstant, type Stage } from "./stage.ts";

/** What the program would otherwise make at each start: run with the stage's modules, it prints them as JSON. */
const MAKER = `
import { diagnosticGuest } from "./guests/diagnostic.ts";
import { CPU_MODELS } from "./core/cpu/features.ts";
import { Machine } from "./core/machine/machine.ts";
import { prebuiltKey } from "./core/engine/prebuilt.ts";
import "./core/cli/guest_machine.ts";

const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const { bytes, origin, entry } = diagnosticGuest();
const handlers = [1, 2].map((cpuCount) => {
  const [small, large] = [1, 2].map((mebibytes) =>
    new Machine({ ramBytes: mebibytes << 20, cpuCount, model: CPU_MODELS.max, highestEl: 2, time: "real" })
      .engine.handlers
  );
  const shapes = [...small.shapes], bytes = small.encode(shapes), other = large.encode(shapes);
  const memoryPagesAt = bytes.findIndex((byte, i) => byte !== other[i]);
  return { key: prebuiltKey(small, shapes), base64: base64(bytes), memoryPagesAt };
});
console.log(JSON.stringify({ image: { base64: base64(bytes), origin, entry }, handlers }));
`;

/** Makes beforehand what does not depend on how the program is called, and puts it into the stage. */
export async function prebuild(deno: string, stage: Stage): Promise<void> {
  const path = `${stage.folder}/prebuild_maker.js`;
  Deno.writeTextFileSync(path, MAKER);
  const made = JSON.parse(await run(deno, ["run", "--quiet", "--allow-read", path], stage.folder));
  Deno.removeSync(path);
  replaceConstant(stage, "guests/diagnostic_image.ts", "DIAGNOSTIC_IMAGE", made.image);
  replaceConstant(stage, "core/engine/prebuilt_handlers.ts", "PREBUILT_HANDLERS", made.handlers);
  replaceConstant(stage, "core/cli/policy_api.ts", "POLICY_API", policyApi());
}
