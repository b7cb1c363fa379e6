import type { Clock } from "../../devices/device.ts";

interface Event {
  readonly key: string;
  readonly atNs: number;
  readonly callback: () => void;
}

/**
 * What will happen at given times of the machine's clock. Few events are pending at once (timers, a device or two), so
 * a sorted array does. Events of equal time fire in the order in which they were scheduled.
 */
export class EventQueue implements Clock {
  #events: Event[] = [];
  /**
   * @param now the machine's time in nanoseconds; `changed` is called when an event comes to be the next one.
   * @param recent a recent value of it, where that is cheaper.
   */
  constructor(readonly now: () => number, readonly changed: () => void, readonly recent: () => number = now) {}

  nowNs(): number {
    return this.now();
  }

  recentNs(): number {
    return this.recent();
  }

  schedule(key: string, atNs: number, callback: () => void): void {
    const old = this.#events.findIndex((e) => e.key === key);
    if (old >= 0) this.#events.splice(old, 1);
    if (atNs === Infinity) return;
    let i = this.#events.length;
    while (i > 0 && this.#events[i - 1].atNs > atNs) i--;
    this.#events.splice(i, 0, { key, atNs, callback });
    if (i === 0) this.changed();
  }

  /** The time of the next event, or Infinity. */
  get nextNs(): number {
    return this.#events.length ? this.#events[0].atNs : Infinity;
  }

  /** Calls back every event that is due. */
  fire(): void {
    while (this.#events.length && this.#events[0].atNs <= this.now()) this.#events.shift()!.callback();
  }
}
