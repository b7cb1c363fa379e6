/**
 * A memory-mapped device. It is handed its interrupt lines, clock and back end when it is made; it never reads host
 * time and never prints. Guest nonsense is answered as the manual says, else RAZ/WI; nothing a guest does throws.
 */
export interface Device {
  /** The name under which logs, policies and the monitor know it, such as "pl011". */
  readonly name: string;
  readonly sizeBytes: number;
  /**
   * @param offset bytes from the device's start, below `sizeBytes`, a multiple of `bytes`.
   * @param bytes 1, 2, 4 or 8.
   * @returns the value, unsigned; for 8 bytes only the low 53 bits can be set.
   */
  read(offset: number, bytes: number, vcpu: number): number;
  write(offset: number, bytes: number, value: number, vcpu: number): void;
  reset(): void;
  /** All that the device remembers, as plain data that structuredClone can copy. */
  snapshot(): unknown;
  restore(state: unknown): void;
}

/** An interrupt line: the device sets its level, the interrupt controller looks at it. */
export interface Line {
  set(level: boolean): void;
}

/** Virtual time in nanoseconds since reset, and a way to be called at a time. */
export interface Clock {
  nowNs(): number;
  /** A recent value of `nowNs`, for records, where asking is expensive: at most a slice old. */
  recentNs?(): number;
  /** Calls `callback` once at `atNs` or soon after; a later call with the same key replaces it, Infinity cancels. */
  schedule(key: string, atNs: number, callback: () => void): void;
}
