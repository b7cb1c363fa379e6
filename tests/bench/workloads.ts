/** Compiles the ten workloads for AArch64 Linux. */
export async function compileWorkloads(): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir(), program = `${folder}/workloads`;
  try {
    const source = new URL("./workloads.c", import.meta.url).pathname;
    const { success, stderr } = await new Deno.Command("aarch64-linux-gnu-gcc", {
      args: ["-O2", "-static", "-o", program, source],
    }).output();
    if (!success) throw new Error(`Cannot compile workloads.c: ${new TextDecoder().decode(stderr)}`);
    return await Deno.readFile(program);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
