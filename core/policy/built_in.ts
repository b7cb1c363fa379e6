import type { Policy } from "../../policies/types.ts";
import audit from "../../policies/audit.ts";
import defaultPolicy from "../../policies/default.ts";
import permissive from "../../policies/permissive.ts";
import strict from "../../policies/strict.ts";

/** The built-in policies by name. */
export const BUILT_IN_POLICIES: ReadonlyMap<string, Policy> = new Map(
  [defaultPolicy, strict, permissive, audit].map((policy) => [policy.name, policy]),
);
