/**
 * Runs a program to its end. Throws Error with what it said when it fails. Returns its stdout.
 * @param env on top of this program's environment; undefined takes a variable away.
 */
export async function run(
  program: string,
  args: readonly string[],
  cwd?: string,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<string> {
  const whole = Object.entries({ ...Deno.env.toObject(), NO_COLOR: "1", ...env });
  const { success, code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    env: Object.fromEntries(whole.filter((entry): entry is [string, string] => entry[1] !== undefined)),
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) {
    const said = decoder.decode(stderr).trim() || decoder.decode(stdout).trim();
    const plain = said.replace(/\n+Stack backtrace:[^]*/, "");
    throw new Error(`${program.split("/").at(-1)} ${args[0]} ended with ${code}:\n${plain}`);
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
