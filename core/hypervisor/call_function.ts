import type { VmVcpu } from "./vm.ts";

/** A function that a guest may call by HVC or SMC. It returns its result by `c.setResult`, or not at all. */
export interface CallFunction {
  readonly name: string;
  readonly run: (c: VmVcpu) => void;
}

/** Errors of calls. Arm DEN 0028 and DEN 0022, and our hypercalls alike: small negative numbers in X0. */
export const CALL_ERROR = { notSupported: -1, invalidParameters: -2, denied: -3 } as const;
