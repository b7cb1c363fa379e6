import type { Device } from "../../devices/device.ts";

/** A device at a place in an address space. */
export interface Mapping {
  readonly base: number;
  readonly device: Device;
}

/**
 * The devices of one address space (the machine's physical one, or a VM's intermediate physical one) by address.
 */
export class Bus {
  readonly #mappings: Mapping[] = [];
  /** The mapping found last: accesses come in runs. */
  #last: Mapping | null = null;

  get mappings(): readonly Mapping[] {
    return this.#mappings;
  }

  /** Puts a device at `base`. Throws RangeError when it would overlap another. */
  add(base: number, device: Device): void {
    for (const m of this.#mappings) {
      if (base < m.base + m.device.sizeBytes && m.base < base + device.sizeBytes) {
        throw new RangeError(`Cannot map ${device.name} at 0x${base.toString(16)} as ${m.device.name} is there`);
      }
    }
    this.#mappings.push({ base, device });
    this.#mappings.sort((a, b) => a.base - b.base);
  }

  /** The mapping that holds all of [address, address + bytes), or null. */
  find(address: number, bytes: number): Mapping | null {
    const last = this.#last;
    if (last && address >= last.base && address + bytes <= last.base + last.device.sizeBytes) return last;
    for (const m of this.#mappings) {
      if (address >= m.base && address + bytes <= m.base + m.device.sizeBytes) return this.#last = m;
    }
    return null;
  }
}
