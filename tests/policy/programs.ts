import { ariel, type Ended, FROM_SOURCE } from "../cli/ariel.ts";
import { needs } from "../needs.ts";

/** Runs the program in a folder, to its end, with nothing on stdin. */
export type Ariel = (args: readonly string[], cwd: string) => Promise<Ended>;

interface Program {
  /** What names of tests end with. */
  readonly suffix: string;
  readonly ariel: Ariel;
  readonly options: { readonly ignore: boolean };
}

const permissions = ["read", "write", "run"] as const;
const compiled = needs({ permissions: [...permissions, "env"], paths: ["ARIEL_BINARY"] });

/** The program from its sources, and the compiled one: where it is, nothing else of us needs to be. */
export const PROGRAMS: readonly Program[] = [
  { suffix: "", ariel: (args, cwd) => ariel(args, { command: FROM_SOURCE, cwd }), options: needs({ permissions }) },
  {
    suffix: " (compiled)",
    ariel: (args, cwd) => ariel(args, { command: [Deno.env.get("ARIEL_BINARY")!], cwd }),
    options: compiled,
  },
];

/** Calls `act` with a folder that holds these files, and removes it. */
export async function withFiles<T>(
  files: Readonly<Record<string, string>>,
  act: (dir: string) => Promise<T>,
): Promise<T> {
  const dir = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      const path = `${dir}/${name}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(path, text);
    }
    return await act(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
