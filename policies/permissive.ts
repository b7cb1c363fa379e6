import { allow, definePolicy } from "ariel/policy";

/** Everything that the hypervisor emulates is allowed: as if there were no policy. */
export default definePolicy({ name: "permissive", apiVersion: 1, otherwise: allow });
