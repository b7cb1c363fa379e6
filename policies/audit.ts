import { allow, definePolicy } from "ariel/policy";

const because = "so that the log tells everything that the guest does";

/** Allows everything and logs it: the log from which `ariel policy learn` makes a policy. */
export default definePolicy({
  name: "audit",
  apiVersion: 1,
  rules: [
    allow.mmio(undefined, { log: "always", because }),
    allow.hypercall(undefined, { log: "always", because }),
    allow.smc(undefined, { log: "always", because }),
    allow.exception(undefined, { log: "always", because }),
    allow.sysreg(undefined, {
      log: "once",
      because: "each register once for reads and once for writes: they are many",
    }),
  ],
});
