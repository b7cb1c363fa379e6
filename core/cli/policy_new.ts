import { basename, dirname, join } from "node:path";
import { type Arguments, UsageError } from "./command.ts";
import { reason } from "./files.ts";
import { print, shellWord } from "./output.ts";
import { policyApi } from "./policy_api.ts";

/** Where they are put. */
const API_FOLDER = ".ariel/policy";

const DENO_CONFIG = { imports: { "ariel/policy": `./${API_FOLDER}/mod.ts` } };
const TYPESCRIPT_CONFIG = {
  compilerOptions: {
    target: "ES2022",
    module: "ESNext",
    moduleResolution: "Bundler",
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    verbatimModuleSyntax: true,
    types: [],
    paths: { "ariel/policy": [`./${API_FOLDER}/mod.ts`] },
  },
};

function template(name: string): string {
  return `import { allow, ask, definePolicy, deny, value } from "ariel/policy";

/** What this policy is for. */
export default definePolicy({
  name: ${JSON.stringify(name)},
  apiVersion: 1,
  // The first rule that matches decides
  rules: [
    allow.mmio("pl011", { because: "the guest's console" }),
    allow.mmio(["vgicd", "vgicr"], { because: "interrupts" }),
    ask.mmio("pl031"), // on.mmio below decides
    allow.hypercall(["GET_HV_ID", "GET_STATUS", "GUEST_CONSOLE_WRITE", "REPORT_EXCEPTION"]),
    allow.hypercall(["PSCI_*", "SMCCC_*"]),
    allow.smc(["PSCI_*", "SMCCC_*"]),
    value.sysreg("ID_AA64PFR0_EL1", { clear: 0xfn << 32n }, { because: "no SVE" }),
    deny.sysreg("PM*", { log: "once", because: "no performance monitors" }),
    allow.sysreg("*"),
  ],
  on: {
    // The time of day may be read, and not set
    mmio: (trap) => trap.isWrite ? deny : allow,
  },
  // What no rule names
  otherwise: deny,
});
`;
}

/** Writes a policy to begin with, and beside it what an editor needs to complete names and check types. */
export function newPolicy(args: Arguments): number {
  const [path] = args.positional;
  if (path === undefined) throw new UsageError("Cannot write a policy without a name: ariel policy new FILE.ts");
  if (!/\.m?ts$/.test(path)) throw new UsageError(`Cannot write the policy ${path} as its name must end in .ts`);
  const name = basename(path).replace(/\.m?ts$/, "").replaceAll(/[\s"=\\]/g, "-");
  const folder = dirname(path), api = join(folder, API_FOLDER);
  write(path, template(name), true);
  const written = [path];
  try {
    Deno.mkdirSync(api, { recursive: true });
  } catch (error) {
    throw new UsageError(`Cannot make the folder ${api}: ${reason(error)}`);
  }
  for (const [file, text] of Object.entries(policyApi())) write(join(api, file), text, false);
  written.push(join(folder, API_FOLDER, "*"));
  const kept: string[] = [];
  for (const [file, config] of [["deno.json", DENO_CONFIG], ["tsconfig.json", TYPESCRIPT_CONFIG]] as const) {
    const target = join(folder, file);
    (exists(target) ? kept : written).push(target);
    if (!kept.includes(target)) write(target, JSON.stringify(config, null, 2) + "\n", true);
  }
  const lines = [
    ...written.map((file) => `wrote ${file}`),
    ...kept.map((file) => `kept  ${file}: let it map "ariel/policy" to "./${API_FOLDER}/mod.ts"`),
    "",
    `  ariel policy check ${shellWord(path)}`,
    `  ariel run --policy ${shellWord(path)}`,
  ];
  return print(lines.join("\n") + "\n");
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function write(path: string, text: string, isNew: boolean): void {
  try {
    Deno.writeTextFileSync(path, text, { createNew: isNew });
  } catch (error) {
    const why = error instanceof Deno.errors.AlreadyExists ? "it is there already" : reason(error);
    throw new UsageError(`Cannot write ${path}: ${why}`);
  }
}
