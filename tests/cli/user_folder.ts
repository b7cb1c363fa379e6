import { Dialog, type Ended, onTerminal } from "./ariel.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** What the README says that `ariel` stands for. */
export const ARIEL = "deno run --allow-read --allow-write --allow-net main.ts";

/** A folder in which command lines are typed as they are shown, by a user whose home it is, too. */
export class UserFolder {
  readonly path = Deno.makeTempDirSync();
  readonly #options: { readonly cwd: string; readonly env: Record<string, string>; readonly timeoutMs: number };

  constructor() {
    const bin = `${this.path}/.local/bin`;
    Deno.mkdirSync(bin, { recursive: true });
    Deno.symlinkSync(Deno.execPath(), `${bin}/deno`);
    const command = ARIEL.replace("main.ts", `'${ROOT}main.ts'`);
    Deno.writeTextFileSync(`${bin}/ariel`, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    const { HOME, PATH, DENO_DIR = `${HOME}/.cache/deno` } = Deno.env.toObject();
    const env = { HOME: this.path, DENO_DIR, PATH: `${bin}:${PATH}`, TERM: "dumb" };
    this.#options = { cwd: this.path, env, timeoutMs: 240_000 };
  }

  /** Runs a command line to its end, with nothing to read. */
  run(line: string, shell = "bash"): Promise<Ended> {
    return new Dialog([line], { ...this.#options, command: [shell, "-c"], isStdinClosed: true }).end();
  }

  /** Starts a command line on a terminal of its own. */
  type(line: string): Dialog {
    return new Dialog([line], { ...this.#options, command: onTerminal(["bash", "-c"]) });
  }

  remove(): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
