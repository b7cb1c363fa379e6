import { resetCpu } from "../cpu/reset.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import type { Device } from "../../devices/device.ts";

/** GICD_CTLR.DS, in the Secure view. */
const GICD_CTLR = 0, DS = 1 << 6;

/**
 * What firmware at EL3 does on a machine whose software is all Non-secure: each CPU is handed over at EL2 with nothing
 * trapped to EL3, and the GIC gives up its two Security states. A guest is told of neither EL2 nor EL3.
 * @param secureDistributor the GIC's distributor as Secure accesses see it, or null where there is one Security state.
 */
export function handOver(vcpus: readonly Vcpu[], secureDistributor: Device | null): void {
  for (const vcpu of vcpus) {
    const { isRunning } = vcpu;
    resetCpu(vcpu, { el: 2, reportsEl2: false, reportsEl3: false });
    vcpu.isRunning = isRunning;
  }
  secureDistributor?.write(GICD_CTLR, 4, DS, 0);
}
