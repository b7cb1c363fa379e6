/**
 * Policies decide what a guest may do: which devices it may touch, which system registers it may read and write, which
 * functions it may call. A policy is a TypeScript file that exports one by default; `ariel run --policy strict.ts` runs
 * a guest under it, and `ariel policy new strict.ts` writes one to begin with.
 *
 *     import { allow, ask, definePolicy, deny, ignore, range, value } from "ariel/policy";
 *
 *     export default definePolicy({
 *       name: "strict",
 *       apiVersion: 1,
 *       rules: [ // the first that matches decides
 *         allow.mmio("pl011", { because: "the console" }),
 *         allow.hypercall("GUEST_CONSOLE_WRITE"),
 *         allow.smc("PSCI_*"),
 *         value.sysreg("ID_AA64PFR0_EL1", { clear: 0xfn << 32n }, { because: "no SVE" }),
 *         ignore.sysreg("OSLAR_EL1"),
 *         deny.sysreg("DBG*", { log: "once" }),
 *         ask.mmio(range(0x0a00_0000, 0x200)),
 *       ],
 *       on: {
 *         mmio: (trap) => trap.isWrite ? deny : value(0n),
 *       },
 *       otherwise: deny,
 *     });
 *
 * A rule is a verdict, a kind of trap, and what it is about: `deny.sysreg("DBG*")`. Rules become tables, so ten
 * thousand of them cost what one does, and JavaScript runs only for what `ask` names. Several policies may be given:
 * the first verdict that is not `pass` holds, and what all of them pass is allowed.
 *
 * A handler that throws, answers with a promise or with something that is no verdict is reported with its line, and the
 * trap is denied.
 *
 * @module
 */
export { API_VERSION, definePolicy } from "./define.ts";
export { range } from "./options.ts";
export { allow, ask, deny, ignore, intent, kill, pass, pause, value } from "./verdicts.ts";
export type { IntentVerdict, KillVerdict, RuleMakers, SimpleVerdict, ValueVerdict } from "./verdicts.ts";
export type { FunctionName } from "./function_names.ts";
export type { SysregName } from "./sysreg_names.ts";
export type * from "./types.ts";
