import type { Arguments, Command } from "./command.ts";
import { print } from "./output.ts";

/** Version of the program. */
export const VERSION = "0.1.0";

export const VERSION_COMMAND: Command = {
  name: "version",
  summary: "Print the version and what it was built from",
  options: [{ name: "json", help: "Print everything that is known of the build as JSON" }],
  examples: [{ command: "ariel version --json", what: "for scripts and bug reports" }],
  run: printVersion,
};

async function printVersion(args: Arguments): Promise<number> {
  if (!args.has("json")) return print(`ariel ${VERSION}\n`);
  const { BUILD_INFO } = await import("./build_info.ts");
  const { API_VERSION } = await import("../../policies/define.ts");
  const text = JSON.stringify(
    {
      ariel: VERSION,
      policyApi: API_VERSION,
      commit: BUILD_INFO?.commit ?? null,
      date: BUILD_INFO?.date ?? null,
      target: BUILD_INFO?.target ?? Deno.build.target,
      deno: Deno.version.deno,
      v8: Deno.version.v8,
      packages: BUILD_INFO?.packages ?? null,
    },
    null,
    2,
  );
  return print(text + "\n");
}
