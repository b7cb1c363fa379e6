import { HYPERCALLS } from "../hypervisor/hypercalls.ts";
import { accessLevels } from "../cpu/sysreg_check.ts";
import { SYSREGS } from "../cpu/sysregs.ts";
import { namedCalls } from "../policy/call_names.ts";

/**
 * The modules of policies/ that are made from tables, so that editors complete names: run this file to write them
 * again after a table has changed.
 */
export const GENERATED: Readonly<Record<string, () => string>> = {
  "sysreg_names.ts": () =>
    union(
      "SysregName",
      "The system registers that a guest at EL1 or EL0 can reach, by the Arm ARM's names.",
      sysregs(),
    ),
  "function_names.ts": () =>
    union(
      "FunctionName",
      "The functions that have a name: hypercalls, and those of the SMC Calling Convention that specifications name.",
      [
        ...new Set([...HYPERCALLS.values(), ...namedCalls()].map(({ name }) => name)),
      ],
    ),
};

/** The registers with a name and an encoding that are not only for EL2 and EL3, in the table's order. */
function sysregs(): string[] {
  return SYSREGS.filter(({ name, op, access }) => {
    const { read, write } = accessLevels(access);
    return op !== null && Math.min(read, write) <= 1 && !/^S\d_/.test(name);
  }).map(({ name }) => name);
}

function union(type: string, what: string, names: readonly string[]): string {
  return `// Made by core/cli/policy_names.ts\n\n/** ${what} */\nexport type ${type} =\n${
    names.map((name) => `  | "${name}"`).join("\n")
  };\n`;
}

if (import.meta.main) {
  for (const [file, source] of Object.entries(GENERATED)) {
    Deno.writeTextFileSync(new URL(`../../policies/${file}`, import.meta.url), source());
  }
}
