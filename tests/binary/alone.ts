import type { DialogOptions } from "../cli/ariel.ts";

const NOBODY = 65534;

/** The program alone in a folder, run by a user without a home and with nothing in PATH. */
export async function alone(use: (options: DialogOptions, folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.copyFileSync(Deno.env.get("ARIEL_BINARY")!, `${folder}/ariel`);
    Deno.mkdirSync(`${folder}/home`);
    for (const path of [folder, `${folder}/ariel`]) Deno.chmodSync(path, 0o755);
    const env = { HOME: `${folder}/home`, PATH: "/nonexistent" };
    const uid = Deno.uid() === 0 ? NOBODY : undefined;
    await use({ command: [`${folder}/ariel`], cwd: folder, env, isAlone: true, uid }, folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
