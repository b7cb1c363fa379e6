import type { FaultKind } from "../policy/trap.ts";
import { EC } from "../cpu/syndrome.ts";
import { FSC, injectAbort, injectUndefined } from "./inject.ts";
import { PAGE_BYTES } from "./stage2.ts";
import type { VmVcpu } from "./vm.ts";

// ISS of aborts. Arm DDI 0487, ESR_EL2
const CM = 1 << 8, S1PTW = 1 << 7, WNR = 1 << 6;

/** By DFSC[5:2], for the codes that have a level. */
const FAULT_KINDS: readonly FaultKind[] = ["addressSize", "translation", "accessFlag", "permission", "external"];

/**
 * A stage 2 fault that is no access to a device: classifies it, states what will be done about it, asks the policy,
 * and does it. Unless a policy says otherwise, cache maintenance of what is not there is stepped over and everything
 * else is an External abort for the guest.
 */
export function handleStage2Fault(c: VmVcpu, esr: number, ipa: number): void {
  const { vm } = c, trap = vm.traps.abort;
  vm.begin(c, trap, esr);
  const isFetch = esr >>> 26 === EC.instructionAbortLower;
  const isMaintenance = !isFetch && (esr & CM) !== 0;
  const isTableWalk = (esr & S1PTW) !== 0;
  // The offset in FAR_EL2 is that of the access, not of the descriptor
  trap.ipa = isTableWalk ? ipa - ipa % PAGE_BYTES : ipa;
  trap.access = isFetch ? "execute" : (esr & WNR) !== 0 ? "write" : "read";
  trap.fault = FAULT_KINDS[esr >> 2 & 15] ?? "other";
  trap.region = vm.ram.has(ipa) ? "ram" : vm.bus.find(ipa, 1) !== null ? "device" : "unknown";
  trap.isTableWalk = isTableWalk;
  trap.intent = isMaintenance ? "skip" : "inject";
  const verdict = vm.decide(trap);
  vm.note(trap, verdict);
  switch (verdict.action) {
    case "ignore":
    case "value":
    case "mask":
      return c.frame.advance();
    case "kill":
      return;
    case "deny":
      return verdict.inject === "undefined" ? injectUndefined(c.vcpu) : injectAbort(c.vcpu, FSC.external);
    case "allow":
    case "pause":
      return carryOut(c, ipa);
  }
}

/** Carries out the intent, which a policy may have changed in the trap. */
function carryOut(c: VmVcpu, ipa: number): void {
  const { vm } = c;
  switch (vm.traps.abort.intent) {
    case "map":
      return vm.mapPage(ipa - ipa % PAGE_BYTES) ? undefined : injectAbort(c.vcpu, FSC.external);
    case "skip":
    case "emulate":
      return c.frame.advance();
    case "pause":
      return vm.pause();
    case "inject":
      return injectAbort(c.vcpu, FSC.external);
  }
}
