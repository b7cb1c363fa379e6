// Made by core/cli/policy_names.ts

/** The functions that a guest may call by HVC or SMC. */
export type FunctionName =
  | "GET_HV_ID"
  | "DUMP_LOG"
  | "GET_STATUS"
  | "PAUSE"
  | "GUEST_CONSOLE_WRITE"
  | "REPORT_EXCEPTION"
  | "SMCCC_VERSION"
  | "SMCCC_ARCH_FEATURES"
  | "SMCCC_ARCH_WORKAROUND_1"
  | "SMCCC_ARCH_WORKAROUND_2"
  | "SMCCC_ARCH_WORKAROUND_3"
  | "PSCI_VERSION"
  | "PSCI_CPU_SUSPEND"
  | "PSCI_CPU_OFF"
  | "PSCI_CPU_ON"
  | "PSCI_AFFINITY_INFO"
  | "PSCI_MIGRATE_INFO_TYPE"
  | "PSCI_SYSTEM_OFF"
  | "PSCI_SYSTEM_RESET"
  | "PSCI_SYSTEM_RESET2"
  | "PSCI_FEATURES";
