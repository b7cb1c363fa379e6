/*
 * From a compiled program's start to its first byte of output: of its help, and of the bundled guest. A name begins with
 * how many starts an iteration has. The environment's ARIEL_BINARY names the program.
 */

const binary = Deno.permissions.querySync({ name: "env" }).state === "granted"
  ? Deno.env.get("ARIEL_BINARY")
  : undefined;

/** Starts the program, and ends it when the first byte has come. */
async function firstByte(args: readonly string[], heard: () => void): Promise<void> {
  const process = new Deno.Command(binary!, { args: [...args], stdin: "null", stdout: "piped", stderr: "null" })
    .spawn();
  const reader = process.stdout.getReader();
  await reader.read();
  heard();
  await reader.cancel();
  try {
    process.kill("SIGKILL");
  } catch {
    // It has ended by itself
  }
  await process.status;
}

for (const args of [["--help"], ["run"]]) {
  Deno.bench({
    name: `1 x ariel ${args.join(" ")}, compiled: to the first byte`,
    ignore: binary === undefined,
    async fn(b) {
      b.start();
      await firstByte(args, () => b.end());
    },
  });
}
