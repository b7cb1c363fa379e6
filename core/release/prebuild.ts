import { policyApi } from "../cli/policy_api.ts";
import { $, outputOf } from "./process.ts";
import { bundleModule } from "./scripts.ts";
import { replaceConstant, type Stage } from "./stage.ts";

/**
 * What the program would otherwise make at each start: run with the stage's modules, it prints them as JSON. The
 * machine's Worker comes first, so that helpers get the numbers that they have there.
 */
const MAKER = `
import "./core/cli/vm_worker.ts";
import { CPU_MODELS } from "./core/cpu/features.ts";
import { prebuiltKey } from "./core/engine/prebuilt.ts";
import { Machine } from "./core/machine/machine.ts";
import { diagnosticGuest } from "./guests/diagnostic.ts";

const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const { bytes, origin, entry } = diagnosticGuest();
const handlers = [1, 2].flatMap((cpuCount) => {
  const [small, large] = [1, 2].map((mebibytes) =>
    new Machine({ ramBytes: mebibytes << 20, cpuCount, model: CPU_MODELS.max, highestEl: 2, time: "real" })
      .engine.handlers
  );
  const module = (shapes, encode) => {
    const bytes = encode(small), other = encode(large);
    const memoryPagesAt = bytes.findIndex((byte, i) => byte !== other[i]);
    return { key: prebuiltKey(small, shapes), base64: base64(bytes), memoryPagesAt };
  };
  const shapes = [...small.shapes];
  return [module(shapes, (handlers) => handlers.encode(shapes)), module([], (handlers) => handlers.encodeSpecial())];
});
console.log(JSON.stringify({ image: { base64: base64(bytes), origin, entry }, handlers }));
`;
const MAKER_NAME = "prebuild_maker";
/** Runs it with what a Worker finds. */
const RUNNER = `self.postMessage ??= () => {};\nawait import("./${MAKER_NAME}.js");\n`;

/** Makes beforehand what does not depend on how the program is called, and puts it into the stage. */
export async function prebuild(deno: string, stage: Stage): Promise<void> {
  const source = `${stage.folder}/${MAKER_NAME}.ts`, folder = `${stage.folder}-maker`;
  Deno.writeTextFileSync(source, MAKER);
  // Bundled as the Worker will be: the helpers' numbers follow from the order in which modules are evaluated
  await bundleModule(deno, stage.folder, `${MAKER_NAME}.ts`, `${folder}/${MAKER_NAME}.js`);
  Deno.writeTextFileSync(`${folder}/runner.js`, RUNNER);
  const made = JSON.parse(await outputOf($`${deno} run --quiet --allow-read runner.js`.cwd(folder)));
  Deno.removeSync(source);
  Deno.removeSync(folder, { recursive: true });
  replaceConstant(stage, "core/cli/policy_api.ts", "POLICY_API", policyApi());
  replaceConstant(stage, "guests/diagnostic_image.ts", "DIAGNOSTIC_IMAGE", made.image);
  replaceConstant(stage, "core/engine/prebuilt_handlers.ts", "PREBUILT_HANDLERS", made.handlers);
}
