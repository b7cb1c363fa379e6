import $ from "dax";

/** Compiles the ten workloads for AArch64 Linux. */
export async function compileWorkloads(): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir(), program = `${folder}/workloads`;
  try {
    const source = new URL("./workloads.c", import.meta.url).pathname;
    await $`aarch64-linux-gnu-gcc -O2 -static -o ${program} ${source}`;
    return await Deno.readFile(program);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
