import { assemble } from "../a64/assembler.ts";
import { CPU_MODELS } from "../cpu/features.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import { Machine } from "../machine/machine.ts";
import { RAM_PA } from "../machine/memory_map.ts";
import { Debugger, type DebugHost } from "./debugger.ts";

/** Where test programs start. */
export const START = BigInt(RAM_PA);

/** For tests: a machine whose vCPU 0 is about to run a program at EL1 with the MMU off, and its debugger. */
export interface DebuggedMachine {
  readonly machine: Machine;
  readonly vcpu: Vcpu;
  readonly debugger: Debugger;
  /** Address of a label. */
  at(label: string): bigint;
  /** Runs until the machine stops, or for so many instructions. */
  run(instructions?: number): string;
}

/** For tests: assembles a program into a small machine. */
export function debuggedMachine(source: string, cpuCount = 1, jit = true): DebuggedMachine {
  const machine = new Machine({
    ramBytes: 8 << 20,
    cpuCount,
    model: CPU_MODELS.max,
    highestEl: 1,
    time: "virtual",
    jit,
  });
  const program = assemble(source, { origin: START });
  machine.ram.u8.set(program.bytes, machine.ram.hostOffset(RAM_PA));
  for (const vcpu of machine.vcpus) vcpu.set64("pc", START);
  const dbg = new Debugger(machine);
  const run = (instructions = 1e6): string => {
    const limit = machine.instructions + instructions;
    const host: DebugHost = {
      poll() {},
      wait() {},
      get isEnding() {
        return dbg.stop !== null;
      },
      waitForCommand() {},
    };
    return dbg.run(host, { instructions: limit, milliseconds: 30_000 });
  };
  return { machine, vcpu: machine.vcpus[0], debugger: dbg, at: (label) => program.labels.get(label)!, run };
}
