import { GICD_BASE, GICR_BASE, GICR_STRIDE, PL011_BASE, PL031_BASE } from "../machine/memory_map.ts";

import type { Interval } from "./interval_table.ts";

/** A device of a VM, as rules name it. */
export interface NamedDevice {
  readonly name: string;
  readonly base: number;
  readonly bytes: number;
}

/** A function that a guest may call, as rules name it. */
export interface NamedFunction {
  readonly id: number;
  readonly name: string;
}

/** What the names in rules mean on the machine for which a policy is compiled. */
export interface PolicyEnvironment {
  readonly devices: readonly NamedDevice[];
  readonly functions: Readonly<Record<"hypercall" | "smc", readonly NamedFunction[]>>;
  /** Guest RAM, whose loads and stores do not trap. */
  readonly ram: Interval;
}

/** Where devices are on the machine as it is by default, for tools that have no machine. */
export const DEVICE_PLACES: readonly NamedDevice[] = [
  { name: "vgicd", base: GICD_BASE, bytes: 0x1_0000 },
  { name: "vgicr", base: GICR_BASE, bytes: 8 * GICR_STRIDE },
  { name: "pl011", base: PL011_BASE, bytes: 0x1000 },
  { name: "pl031", base: PL031_BASE, bytes: 0x1000 },
];

/** Devices that a machine may have: a rule about one that this machine has not is about nothing. */
export const DEVICE_NAMES = [
  "vgicd",
  "vgicr",
  "pl011",
  "pl031",
  "virtio-blk",
  "virtio-net",
  "virtio-console",
  "virtio-rng",
  "virtio-sound",
] as const;
