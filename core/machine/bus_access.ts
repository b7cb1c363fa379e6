import type { PhysicalBus } from "../engine/memory_path.ts";
import type { Bus } from "./bus.ts";
import type { Vcpu } from "../cpu/vcpu.ts";

/** Gives the engine the devices of a bus, 64-bit values in halves. */
export function busAccess(bus: Bus): PhysicalBus {
  return {
    high: 0,
    read(pa: number, bytes: number, vcpu: Vcpu): number {
      const found = bus.find(pa, bytes);
      if (!found) return -1;
      const value = found.device.read(pa - found.base, bytes, vcpu.index);
      this.high = Math.floor(value / 2 ** 32);
      return value >>> 0;
    },
    write(pa: number, bytes: number, value: number, vcpu: Vcpu): boolean {
      const found = bus.find(pa, bytes);
      if (!found) return false;
      found.device.write(pa - found.base, bytes, bytes === 8 ? value + this.high * 2 ** 32 : value, vcpu.index);
      return true;
    },
  };
}
