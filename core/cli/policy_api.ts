/** The modules of the policy API, as editors read them beside a policy. */
const API_FILES = [
  "mod.ts",
  "define.ts",
  "function_names.ts",
  "options.ts",
  "sysreg_names.ts",
  "types.ts",
  "verdicts.ts",
];

/** Their texts by name. Null when the program runs from its source: `deno task compile` puts them here. */
export const POLICY_API: Readonly<Record<string, string>> | null = null;

/** The texts of the policy API's modules by name. */
export function policyApi(): Readonly<Record<string, string>> {
  if (POLICY_API !== null) return POLICY_API;
  return Object.fromEntries(
    API_FILES.map((file) => [file, Deno.readTextFileSync(new URL(`../../policies/${file}`, import.meta.url))]),
  );
}
