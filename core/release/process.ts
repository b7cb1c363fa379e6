/** Runs a program to its end. Throws Error with what it said when it fails. Returns its stdout. */
export async function run(
  program: string,
  args: readonly string[],
  cwd?: string,
  env: Record<string, string> = {},
): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) {
    const said = decoder.decode(stderr).trim() || decoder.decode(stdout).trim();
    throw new Error(`${program.split("/").at(-1)} ${args[0]} ended with ${code}:\n${said}`);
  }
  return decoder.decode(stdout);
}

/** As `run`, but undefined where the program is not there or fails. */
export async function tryRun(...args: Parameters<typeof run>): Promise<string | undefined> {
  try {
    return await run(...args);
  } catch {
    return undefined;
  }
}

/** Bytes as hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}
