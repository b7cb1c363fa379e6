import { CALL_ERROR, type CallFunction } from "./call_function.ts";
import { PSCI_FUNCTIONS, psciFeatures } from "./psci.ts";
import type { VmVcpu } from "./vm.ts";

/** SMCCC 1.1. */
const VERSION = 0x1_0001;
const NOT_REQUIRED = -2;
/** ARCH_FEATURES of a workaround: it may be called, and this PE does not need it. */
const NOT_AFFECTED = 1;

// Arm DEN 0028, "Arm Architecture Calls"
const SMCCC_VERSION = 0x8000_0000, SMCCC_ARCH_FEATURES = 0x8000_0001;
const SMCCC_ARCH_WORKAROUND_1 = 0x8000_8000, SMCCC_ARCH_WORKAROUND_2 = 0x8000_7fff;
const SMCCC_ARCH_WORKAROUND_3 = 0x8000_3fff;

/** What SMCCC_ARCH_FEATURES says of each architecture call: emulated CPUs do not speculate. */
const ARCH_FEATURES: ReadonlyMap<number, number> = new Map([
  [SMCCC_VERSION, 0],
  [SMCCC_ARCH_FEATURES, 0],
  [SMCCC_ARCH_WORKAROUND_1, NOT_AFFECTED],
  [SMCCC_ARCH_WORKAROUND_2, NOT_REQUIRED],
  [SMCCC_ARCH_WORKAROUND_3, NOT_AFFECTED],
]);

/** Nothing is to be done; the result of the call is that of success. */
function workaround(c: VmVcpu): void {
  c.setResult(0);
}

/** Every function of the SMC Calling Convention that a guest may call, by identifier: by HVC and SMC alike. */
export const SMCCC_FUNCTIONS: ReadonlyMap<number, CallFunction> = new Map([
  [SMCCC_VERSION, { name: "SMCCC_VERSION", run: (c: VmVcpu) => c.setResult(VERSION) }],
  [SMCCC_ARCH_FEATURES, {
    name: "SMCCC_ARCH_FEATURES",
    run: (c: VmVcpu) => c.setResult(ARCH_FEATURES.get(c.vcpu.xLo(1)) ?? CALL_ERROR.notSupported),
  }],
  [SMCCC_ARCH_WORKAROUND_1, { name: "SMCCC_ARCH_WORKAROUND_1", run: workaround }],
  [SMCCC_ARCH_WORKAROUND_2, { name: "SMCCC_ARCH_WORKAROUND_2", run: workaround }],
  [SMCCC_ARCH_WORKAROUND_3, { name: "SMCCC_ARCH_WORKAROUND_3", run: workaround }],
  ...PSCI_FUNCTIONS,
  [0x8400_000a, {
    name: "PSCI_FEATURES",
    // SMCCC_VERSION is asked for here by who wants to know whether SMCCC 1.1 is there
    run: (c: VmVcpu) => c.setResult(c.vcpu.xLo(1) === SMCCC_VERSION ? 0 : psciFeatures(c.vcpu.xLo(1))),
  }],
]);
