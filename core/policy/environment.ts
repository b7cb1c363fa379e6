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
}

/** Devices that a machine may have: a rule about one that this machine has not is about nothing. */
export const DEVICE_NAMES = [
  "gicd",
  "gicr",
  "pl011",
  "pl031",
  "virtio-blk",
  "virtio-net",
  "virtio-console",
  "virtio-rng",
  "virtio-sound",
] as const;
