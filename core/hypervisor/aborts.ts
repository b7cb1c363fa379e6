import type { FaultKind } from "../policy/trap.ts";
import { EC } from "../cpu/syndrome.ts";
import { KILL_CODE } from "../policy/answers.ts";
import { FSC, injectAbort, injectUndefined } from "./inject.ts";
import { emulateLoadStore } from "./mmio.ts";
import { PAGE_BYTES } from "./stage2.ts";
import type { VmVcpu } from "./vm.ts";

// ISS of aborts. Arm DDI 0487, ESR_EL2
const CM = 1 << 8, S1PTW = 1 << 7, WNR = 1 << 6;

/** By DFSC[5:2]: codes with a level; external, on a table walk and with parity errors; alignment. */
const FAULT_KINDS: readonly FaultKind[] = [
  "addressSize",
  "translation",
  "accessFlag",
  "permission",
  "external",
  "external",
  "external",
  "external",
  "alignment",
];

/**
 * A stage 2 fault: classifies it, states what will be done about it, asks the policy, and does it. Unless a policy says
 * otherwise, cache maintenance of what is not there is stepped over, loads and stores where no RAM is are carried out
 * by devices, and everything else is an External abort for the guest.
 * @param isPlain it is a load or store where no RAM is.
 */
export function handleStage2Fault(c: VmVcpu, esr: number, ipa: number, isPlain = false): void {
  const { vm } = c, trap = vm.traps.abort;
  vm.begin(c, trap.common, esr);
  const isFetch = esr >>> 26 === EC.instructionAbortLower;
  const isMaintenance = !isFetch && (esr & CM) !== 0;
  const isTableWalk = (esr & S1PTW) !== 0;
  // The offset in FAR_EL2 is that of the access, not of the descriptor
  trap.ipa = isTableWalk ? ipa - ipa % PAGE_BYTES : ipa;
  trap.access = isFetch ? "execute" : (esr & WNR) !== 0 ? "write" : "read";
  trap.fault = FAULT_KINDS[esr >> 2 & 15] ?? "other";
  trap.region = vm.ram.has(ipa) ? "ram" : vm.bus.find(ipa, 1) !== null ? "device" : "unknown";
  trap.isTableWalk = isTableWalk;
  trap.intent = isMaintenance ? "skip" : isPlain ? "emulate" : "inject";
  const verdict = vm.decide(trap);
  if (verdict.intent !== undefined) trap.intent = verdict.intent;
  // What goes on as an MmioTrap is not told twice
  const isTold = !isPlain || trap.intent !== "emulate" || verdict.log !== "default";
  const isPaused = isTold && vm.note(trap, verdict);
  switch (verdict.action) {
    case "ignore":
    case "value":
    case "mask":
      return c.frame.advance();
    case "kill":
      return;
    case "deny":
      return verdict.inject === "undefined" ? injectUndefined(c.vcpu) : inject(c);
    case "allow":
      return carryOut(c, esr, ipa);
    case "pause":
      if (trap.intent !== "pause") return carryOut(c, esr, ipa);
      // The instruction is tried again after the monitor, if there is one
      return isPaused ? undefined : inject(c);
  }
}

/** The exception that hardware would give for the fault. */
function inject(c: VmVcpu): void {
  injectAbort(c.vcpu, c.vm.traps.abort.fault === "alignment" ? FSC.alignment : FSC.external);
}

/** Carries out the intent, which a policy may have changed in the trap. What cannot be done is the guest's exception. */
function carryOut(c: VmVcpu, esr: number, ipa: number): void {
  const { vm } = c, { intent, access, isTableWalk } = vm.traps.abort;
  switch (intent) {
    case "map":
      return vm.mapPage(ipa - ipa % PAGE_BYTES) ? undefined : inject(c);
    case "skip":
      return c.frame.advance();
    case "emulate":
      if (access === "execute" || isTableWalk) return inject(c);
      return (esr & CM) !== 0 ? c.frame.advance() : emulateLoadStore(c, esr, ipa);
    case "pause":
      return vm.pause() ? undefined : inject(c);
    case "kill":
      return vm.kill(KILL_CODE, "a stage 2 fault ended it");
    case "inject":
      return inject(c);
  }
}
