import $ from "dax";
import { Dialog, type Ended, onTerminal } from "./ariel.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** What the README says that `ariel` stands for. */
export const ARIEL = "deno run --allow-read --allow-write --allow-net --allow-env=TERM main.ts";

const TIMEOUT_MS = 240_000;

/** A folder in which command lines are typed as they are shown, by a user whose home it is, too. */
export class UserFolder {
  readonly path = Deno.makeTempDirSync();
  readonly #env: Readonly<Record<string, string>>;

  constructor() {
    const bin = `${this.path}/.local/bin`;
    Deno.mkdirSync(bin, { recursive: true });
    Deno.symlinkSync(Deno.execPath(), `${bin}/deno`);
    const command = ARIEL.replace("main.ts", `'${ROOT}main.ts'`);
    Deno.writeTextFileSync(`${bin}/ariel`, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    const { HOME, PATH, DENO_DIR = `${HOME}/.cache/deno` } = Deno.env.toObject();
    this.#env = { HOME: this.path, DENO_DIR, PATH: `${bin}:${PATH}`, TERM: "dumb" };
  }

  /** Runs a command line to its end, with nothing to read. */
  async run(line: string): Promise<Ended> {
    return await $`bash -o pipefail -c ${line}`.cwd(this.path).env(this.#env)
      .stdin("null").stdout("piped").stderr("piped").timeout(TIMEOUT_MS).noThrow();
  }

  /** Starts a command line on a terminal of its own. */
  type(line: string): Dialog {
    const command = onTerminal(["bash", "-c"]);
    return new Dialog([line], { command, cwd: this.path, env: this.#env, timeoutMs: TIMEOUT_MS });
  }

  remove(): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
