/*
 * The functions of the SMC Calling Convention by identifier, whether we have them or not: logs and policies call them so.
 */

/** Bit 30 of an identifier: the 64-bit convention. */
const SMC64 = 0x4000_0000;

/** Names from a first function number on; "" where there is none. */
function list(base: number, prefix: string, names: string): [number, string][] {
  return names.split(" ").flatMap((name, n) => name === "-" ? [] : [[base + n, prefix + name]]);
}

/** Names of SMC32 functions; those that exist in both conventions have the same name in SMC64. */
// deno-fmt-ignore
const NAMES: ReadonlyMap<number, string> = new Map([
  // Arm DEN 0028, "Arm Architecture Calls"
  ...list(0x8000_0000, "SMCCC_", "VERSION ARCH_FEATURES ARCH_SOC_ID"),
  [0x8000_3fff, "SMCCC_ARCH_WORKAROUND_3"], [0x8000_3ffe, "SMCCC_ARCH_WORKAROUND_4"],
  [0x8000_7fff, "SMCCC_ARCH_WORKAROUND_2"], [0x8000_8000, "SMCCC_ARCH_WORKAROUND_1"],
  // Arm DEN 0022, "PSCI Functions"
  ...list(0x8400_0000, "PSCI_",
    "VERSION CPU_SUSPEND CPU_OFF CPU_ON AFFINITY_INFO MIGRATE MIGRATE_INFO_TYPE MIGRATE_INFO_UP_CPU SYSTEM_OFF " +
    "SYSTEM_RESET FEATURES CPU_FREEZE CPU_DEFAULT_SUSPEND NODE_HW_STATE SYSTEM_SUSPEND SET_SUSPEND_MODE " +
    "STAT_RESIDENCY STAT_COUNT SYSTEM_RESET2 MEM_PROTECT MEM_PROTECT_CHECK_RANGE"),
  // Arm DEN 0054, "Software Delegated Exception Interface"
  ...list(0x8400_0020, "SDEI_",
    "VERSION EVENT_REGISTER EVENT_ENABLE EVENT_DISABLE EVENT_CONTEXT EVENT_COMPLETE EVENT_COMPLETE_AND_RESUME " +
    "EVENT_UNREGISTER EVENT_STATUS EVENT_GET_INFO EVENT_ROUTING_SET PE_MASK PE_UNMASK INTERRUPT_BIND " +
    "INTERRUPT_RELEASE EVENT_SIGNAL FEATURES PRIVATE_RESET SHARED_RESET"),
  // Arm DEN 0098, "True Random Number Generator Firmware Interface"
  ...list(0x8400_0050, "TRNG_", "VERSION FEATURES GET_UUID RND"),
  // Arm DEN 0077, "Firmware Framework for Arm A-profile"
  ...list(0x8400_0060, "FFA_",
    "ERROR SUCCESS INTERRUPT VERSION FEATURES RX_RELEASE RXTX_MAP RXTX_UNMAP PARTITION_INFO_GET ID_GET - MSG_WAIT " +
    "YIELD RUN - MSG_SEND_DIRECT_REQ MSG_SEND_DIRECT_RESP MEM_DONATE MEM_LEND MEM_SHARE MEM_RETRIEVE_REQ " +
    "MEM_RETRIEVE_RESP MEM_RELINQUISH MEM_RECLAIM - - MEM_FRAG_RX MEM_FRAG_TX NORMAL_WORLD_RESUME " +
    "NOTIFICATION_BITMAP_CREATE NOTIFICATION_BITMAP_DESTROY NOTIFICATION_BIND NOTIFICATION_UNBIND NOTIFICATION_SET " +
    "NOTIFICATION_GET NOTIFICATION_INFO_GET RX_ACQUIRE SPM_ID_GET MSG_SEND2 SECONDARY_EP_REGISTER MEM_PERM_GET " +
    "MEM_PERM_SET CONSOLE_LOG"),
  // Arm DEN 0057, "Paravirtualized Time for Arm-based Systems"
  ...list(0x8500_0020, "PV_TIME_", "FEATURES ST"),
  // Arm DEN 0028, "General service queries": the vendor-specific hypervisor's
  ...list(0x8600_ff00, "VENDOR_HYP_", "CALL_COUNT CALL_UID - REVISION"),
]);

/** Every function that has a name, in both conventions. */
export function namedCalls(): { readonly id: number; readonly name: string }[] {
  return [...NAMES].flatMap(([id, name]) => [{ id, name }, { id: (id | SMC64) >>> 0, name }]);
}

/** The name of an SMCCC function, or "" when no specification that we know has it. @param id W0 of the call. */
export function callName(id: number): string {
  return NAMES.get(id) ?? NAMES.get((id & ~SMC64) >>> 0) ?? "";
}
