import { CPU_MODELS } from "../../core/cpu/features.ts";
import { SP_SLOT } from "../../core/cpu/layout.ts";
import { updateRegime } from "../../core/cpu/regime.ts";
import { resetCpu } from "../../core/cpu/reset.ts";
import { sysregIndex } from "../../core/cpu/sysregs.ts";
import type { Vcpu } from "../../core/cpu/vcpu.ts";
import { assemble } from "../../core/a64/assembler.ts";
import { Machine } from "../../core/machine/machine.ts";
import { GICD_BASE, GICR_BASE, RAM_PA, TIMER_INTID } from "../../core/machine/memory_map.ts";
import { CODE, DEVICE, MEMORY, RAM_BYTES, REGISTERS, SUPERVISOR, writeTables } from "./layout.ts";
import { VECTORS } from "./supervisor.ts";

const SUPERVISOR_CODE = assemble(VECTORS, { origin: SUPERVISOR.va }).bytes;

/** A small machine in virtual time, for programs at EL1. */
export function makeMachine(jit: boolean): Machine {
  const machine = new Machine({
    ramBytes: RAM_BYTES,
    cpuCount: 1,
    model: CPU_MODELS.max,
    highestEl: 1,
    time: "virtual",
    jit,
  });
  // The interpreter's are all TypeScript's
  machine.vcpus[0].hasCodeExceptions = jit;
  let reads = 0;
  machine.bus.add(DEVICE.pa, {
    name: "counter",
    sizeBytes: 4096,
    read: (offset) => offset === 0 ? ++reads : machine.instructions % 2 ** 32,
    write: (_offset, _bytes, value) => void (reads = value),
    reset: () => void (reads = 0),
    snapshot: () => reads,
    restore: (state) => void (reads = state as number),
  });
  return machine;
}

/** Begins anew with a program at its VA in CODE, whose first instruction is the next, and with what MEMORY holds. */
export function loadProgram(m: Machine, bytes: Uint8Array, origin: bigint, memory: Uint8Array): void {
  const { ram, engine } = m, start = ram.hostOffset(RAM_PA);
  ram.u8.fill(0, start, start + RAM_BYTES);
  writeTables(m);
  ram.u8.set(SUPERVISOR_CODE, ram.hostOffset(SUPERVISOR.pa));
  ram.u8.set(bytes, ram.hostOffset(CODE.pa + Number(origin - CODE.va)));
  ram.u8.set(memory, ram.hostOffset(MEMORY.pa));
  for (let page = start >>> 12; page < (start + RAM_BYTES) >>> 12; page++) engine.storedTo(page);
  startCpu(m.vcpus[0], origin);
  m.mmu.flushDataTlbs();
  m.mmu.flushExecTlbs();
  enableTimer(m);
}

function startCpu(vcpu: Vcpu, pc: bigint): void {
  resetCpu(vcpu);
  const set = (name: string, value: bigint): void =>
    vcpu.setSys(sysregIndex(name), Number(value & 0xffff_ffffn), Number(value >> 32n));
  for (const [name, value] of Object.entries(REGISTERS)) set(name, value);
  // MMU, caches, SA, SA0, no PAN on exceptions, UCI, nTWE, nTWI, DZE, UCT, LSMAOE, nTLSMD
  set("SCTLR_EL1", 0x30d0_0800n | 0x1n | 4n | 8n | 16n | 1n << 12n | 1n << 14n | 1n << 15n | 1n << 26n | 5n << 16n);
  set("VBAR_EL1", SUPERVISOR.va);
  set("CPACR_EL1", 3n << 20n);
  set("SP_EL0", MEMORY.va + 0x800n);
  vcpu.setX(SP_SLOT, Number(MEMORY.va & 0xffff_ffffn) + 0x400, Number(MEMORY.va >> 32n));
  vcpu.set64("pc", pc);
  vcpu.instructions = 0;
  vcpu.timers?.refresh();
  updateRegime(vcpu);
}

const GICD_CTLR = 0, SGI_FRAME = 0x1_0000, GICR_WAKER = 0x14, IGROUPR0 = 0x80, ISENABLER0 = 0x100;

/** Lets the interrupt of the virtual timer through to the CPU. */
function enableTimer({ bus, vcpus }: Machine): void {
  const write = (address: number, value: number) => {
    const { base, device } = bus.find(address, 4)!;
    device.write(address - base, 4, value, vcpus[0].index);
  };
  write(GICD_BASE + GICD_CTLR, 2);
  write(GICR_BASE + GICR_WAKER, 0);
  write(GICR_BASE + SGI_FRAME + IGROUPR0, 0xffff_ffff);
  write(GICR_BASE + SGI_FRAME + ISENABLER0, (1 << TIMER_INTID.virtual) >>> 0);
}
