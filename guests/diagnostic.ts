import { fromBase64 } from "../core/engine/base64.ts";
import {
  GICD_BASE,
  GICR_BASE,
  GUEST_IPA,
  GUEST_STACK_TOP_IPA,
  PL011_BASE,
  PL011_INTID,
  PL031_BASE,
  PL031_INTID,
  TIMER_INTID,
} from "../core/machine/memory_map.ts";
import { BOOT } from "./diagnostic/boot.ts";
import { CHECK } from "./diagnostic/check.ts";
import { CONSOLE } from "./diagnostic/console.ts";
import { EXCEPTION_CHECKS } from "./diagnostic/exceptions.ts";
import { EL0_CHECKS } from "./diagnostic/el0.ts";
import { HYPERCALL_CHECKS } from "./diagnostic/hypercalls.ts";
import { GIC } from "./diagnostic/gic.ts";
import { INTERRUPT_CHECKS } from "./diagnostic/interrupts.ts";
import { MMIO_CHECKS } from "./diagnostic/mmio.ts";
import { MMU_CHECKS } from "./diagnostic/mmu.ts";
import { PSCI_CHECKS } from "./diagnostic/psci.ts";
import { SYSTEM_REGISTER_CHECKS } from "./diagnostic/system_registers.ts";
import { TRANSLATION } from "./diagnostic/translation.ts";
import { VECTORS } from "./diagnostic/vectors.ts";
import { DIAGNOSTIC_IMAGE, type PrebuiltImage } from "./diagnostic_image.ts";
import { defineGuest, type GuestImage } from "./module.ts";

/** Addresses of the platform that the source names. */
const SYMBOLS: Readonly<Record<string, bigint>> = {
  PL011: BigInt(PL011_BASE),
  PL031: BigInt(PL031_BASE),
  GICD: BigInt(GICD_BASE),
  GICR: BigInt(GICR_BASE),
  RAM: BigInt(GUEST_IPA),
  STACK_TOP: BigInt(GUEST_STACK_TOP_IPA),
  TIMER_INTID: BigInt(TIMER_INTID.virtual),
  PHYSICAL_TIMER_INTID: BigInt(TIMER_INTID.physical),
  PL011_INTID: BigInt(PL011_INTID),
  PL031_INTID: BigInt(PL031_INTID),
};

/** The order of the parts: the checks are one after another, and run so. */
const SOURCE = [
  BOOT,
  CHECK,
  HYPERCALL_CHECKS,
  MMIO_CHECKS,
  SYSTEM_REGISTER_CHECKS,
  EXCEPTION_CHECKS,
  EL0_CHECKS,
  INTERRUPT_CHECKS,
  MMU_CHECKS,
  PSCI_CHECKS,
  "    b all_done",
  CONSOLE,
  VECTORS,
  GIC,
  TRANSLATION,
].join("\n");

/**
 * The diagnostic guest: it runs at EL1 beneath the hypervisor, meets every class of trap once, prints a line per check
 * and a total, and powers off.
 */
export const diagnostic = defineGuest({ name: "diagnostic", source: SOURCE, symbols: SYMBOLS });

export default diagnostic;

/** The diagnostic guest's image. */
export function diagnosticGuest(): GuestImage {
  const prebuilt = DIAGNOSTIC_IMAGE as PrebuiltImage | null;
  if (prebuilt === null) return diagnostic.build();
  const { base64, origin, entry } = prebuilt;
  return { bytes: fromBase64(base64), origin, entry };
}
