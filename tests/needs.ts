/** What a test needs of the host. */
export interface Needs {
  /** Permissions: plain `deno test` has none. */
  readonly permissions?: readonly ("read" | "write" | "env" | "run")[];
  /** Programs that must be there, such as "dtc". */
  readonly programs?: readonly string[];
  /** Environment variables that name a file or folder which must be there. */
  readonly paths?: readonly ("ARIEL_REAL" | "ARIEL_BINARY")[];
}

/**
 * Options of Deno.test for a test that needs something: it is ignored where that is missing, but never with `CI` set in
 * the environment, where it then fails.
 */
export function needs({ permissions = [], programs = [], paths = [] }: Needs): { readonly ignore: boolean } {
  const all = new Set([
    ...permissions,
    ...(programs.length ? ["run"] as const : []),
    ...(paths.length ? ["env", "read"] as const : []),
  ]);
  for (const name of all) if (!isGranted(name)) return { ignore: true };
  const isMissing = !programs.every(isInstalled) || !paths.every((name) => isPresent(Deno.env.get(name)));
  return { ignore: isMissing && !(isGranted("env") && Deno.env.get("CI")) };
}

/** Deno.test for tests that need something. */
export function testing(what: Needs): (name: string, fn: () => void | Promise<void>) => void {
  return (name, fn) => Deno.test({ name, ...needs(what), fn });
}

/** For tests that run programs, such as ours. */
export const testingProcess = testing({ permissions: ["read", "write", "env", "run"] });

/** For tests that are judged by an emulator in user mode, or by an AArch64 host. */
export const testingJudged = testing({
  permissions: ["read", "write", "env", "run"],
  programs: Deno.build.arch === "aarch64" ? ["gcc"] : ["qemu-aarch64", "aarch64-linux-gnu-gcc"],
});

/** For tests that read stored answers. */
export const testingStored = testing({ permissions: ["read"] });

/** The folder that `../shared/real/fetch.sh` has filled with real guests: the environment's ARIEL_REAL. */
export function realGuests(): string {
  const folder = Deno.env.get("ARIEL_REAL");
  if (!folder) throw new Error("Cannot find the real guests as ARIEL_REAL does not name their folder");
  return folder;
}

function isGranted(name: "read" | "write" | "env" | "run"): boolean {
  return Deno.permissions.querySync({ name }).state === "granted";
}

const installed = new Map<string, boolean>();

function isInstalled(program: string): boolean {
  const known = installed.get(program);
  if (known !== undefined) return known;
  let found = true;
  try {
    new Deno.Command(program, { args: ["--version"], stdin: "null", stdout: "null", stderr: "null" }).outputSync();
  } catch {
    found = false;
  }
  installed.set(program, found);
  return found;
}

function isPresent(path: string | undefined): boolean {
  try {
    return path !== undefined && Deno.statSync(path) !== null;
  } catch {
    return false;
  }
}
