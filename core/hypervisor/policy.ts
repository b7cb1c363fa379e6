import { setSysregTraps } from "../cpu/direct_access.ts";
import { SYSREG_SLOTS } from "../cpu/layout.ts";
import { observeExceptions } from "../cpu/regime.ts";
import { readSysreg, writeSysreg } from "../cpu/sysreg_access.ts";
import { sysregIndex } from "../cpu/sysregs.ts";
import { GUEST_BYTES, GUEST_IPA } from "../machine/memory_map.ts";
import { namedCalls } from "../policy/call_names.ts";
import type { PolicyEngine } from "../policy/engine.ts";
import { DEVICE_PLACES, type NamedDevice, type PolicyEnvironment } from "../policy/environment.ts";
import { ALLOW } from "../policy/verdict.ts";
import type { PolicyVm } from "../../policies/types.ts";
import { HCR, MDCR_TDE } from "./el2_controls.ts";
import { HYPERCALLS } from "./hypercalls.ts";
import { noteTaken } from "./traps.ts";
import type { Vm, VmVcpu } from "./vm.ts";

const HCR_EL2 = sysregIndex("HCR_EL2"), MDCR_EL2 = sysregIndex("MDCR_EL2");
const REGISTERS = 31;

/** The functions that rules may name. */
const FUNCTIONS: PolicyEnvironment["functions"] = {
  hypercall: [...[...HYPERCALLS].map(([id, { name }]) => ({ id, name })), ...namedCalls()],
  smc: namedCalls(),
};

/** What names in rules mean on the machine as it is by default. */
export const VIRT_ENVIRONMENT: PolicyEnvironment = {
  devices: DEVICE_PLACES,
  functions: FUNCTIONS,
  ram: { start: GUEST_IPA, end: GUEST_IPA + GUEST_BYTES },
};

/** What names in rules mean in a VM. */
export function environmentOf(vm: Vm): PolicyEnvironment {
  const devices: NamedDevice[] = vm.bus.mappings.map(({ base, device }) => ({
    name: device.name,
    base,
    bytes: device.sizeBytes,
  }));
  const { start, end } = vm.ram;
  return { devices, functions: FUNCTIONS, ram: { start, end } };
}

/** Puts a VM under a policy, or with null under none: from its next instruction on. */
export function attachPolicy(vm: Vm, engine: PolicyEngine | null): void {
  vm.decide = engine ? (trap) => engine.decide(trap) : () => ALLOW;
  vm.decidesAborts = engine?.decidesAborts ?? false;
  const setTraps = () => {
    for (const { vcpu } of vm.vcpus) setSysregTraps(vcpu, engine?.sysregTraps ?? NO_TRAPS);
  };
  if (engine) engine.onSysregTraps = setTraps;
  if (engine?.sysregTraps.some((bits) => bits !== 0) || vm.vcpus.some(({ vcpu }) => vcpu.sysregTraps.some(Boolean))) {
    setTraps();
  }
  const waits = (engine?.trapsWfi ? HCR.TWI : 0) | (engine?.trapsWfe ? HCR.TWE : 0);
  vm.hcr = vm.hcr & ~(HCR.TWI | HCR.TWE) | waits;
  vm.mdcr = engine?.decidesDebug ? MDCR_TDE : 0;
  for (const c of vm.vcpus) {
    const wants = engine?.exceptionTraps;
    observeExceptions(c.vcpu, wants?.some(Boolean) ? (esr) => wants[esr >>> 26] !== 0 && noteTaken(c, esr) : null);
    if (!c.isOn) continue;
    setBits(c, HCR_EL2, HCR.TWI | HCR.TWE, waits);
    setBits(c, MDCR_EL2, MDCR_TDE, vm.mdcr);
  }
}
const NO_TRAPS = new Uint8Array(SYSREG_SLOTS);

function setBits({ vcpu }: VmVcpu, index: number, mask: number, bits: number): void {
  const value = readSysreg(vcpu, index) & ~mask | bits;
  writeSysreg(vcpu, index, value >>> 0, vcpu.hi);
}

/** A VM as handlers of policies see it. */
export class PolicyView implements PolicyVm {
  /** It may become another: a reset makes the VM anew. */
  vm: Vm;
  readonly tell: (text: string) => void;

  /** @param tell shows the user a text. */
  constructor(vm: Vm, tell: (text: string) => void) {
    this.vm = vm;
    this.tell = (text) => tell(String(text));
  }

  get name(): string {
    return this.vm.name;
  }
  get vcpuCount(): number {
    return this.vm.vcpus.length;
  }
  get ram(): { readonly start: number; readonly bytes: number } {
    const { start, bytes } = this.vm.ram;
    return { start, bytes };
  }

  x(n: number): bigint {
    const { vcpu } = this.#trapping(n);
    return BigInt(vcpu.xHi(n)) << 32n | BigInt(vcpu.xLo(n));
  }
  setX(n: number, value: bigint): void {
    const { vcpu } = this.#trapping(n), wide = BigInt.asUintN(64, value);
    // What is decided on stays as it was
    this.vm.traps.hypercall.capture();
    this.vm.traps.smc.capture();
    vcpu.setX(n, Number(wide & 0xffff_ffffn), Number(wide >> 32n));
  }
  /** The vCPU whose trap is handled, for one of its registers. */
  #trapping(n: number): VmVcpu {
    if (!Number.isInteger(n) || n < 0 || n >= REGISTERS) {
      throw new RangeError(`Cannot use X${n} as there are X0 to X30`);
    }
    return this.vm.vcpus.find(({ isInTrap }) => isInTrap) ?? this.vm.vcpus[0];
  }

  read(ipa: number, bytes: number): Uint8Array<ArrayBuffer> {
    const host = this.#host(ipa, bytes, "read");
    return this.vm.memory.u8.slice(host, host + bytes) as Uint8Array<ArrayBuffer>;
  }
  write(ipa: number, data: Uint8Array): void {
    const host = this.#host(ipa, data.length, "write");
    this.vm.memory.u8.set(data, host);
    this.vm.storedTo(host, data.length);
  }
  #host(ipa: number, bytes: number, what: string): number {
    const isRange = Number.isSafeInteger(ipa) && Number.isSafeInteger(bytes) && bytes >= 0;
    const host = isRange ? this.vm.ramHost(ipa, bytes) : -1;
    if (host < 0) {
      throw new RangeError(
        `Cannot ${what} 0x${Number(bytes).toString(16)} bytes at IPA 0x${
          Number(ipa).toString(16)
        } as they are not all ` +
          `in guest RAM ${this.vm.ram}`,
      );
    }
    return host;
  }
}
