import type { Clock } from "./device.ts";

/** A clock for tests that is moved by hand. */
export class ClockMock implements Clock {
  #nowNs = 0;
  readonly #events = new Map<string, { atNs: number; callback: () => void }>();

  nowNs(): number {
    return this.#nowNs;
  }

  schedule(key: string, atNs: number, callback: () => void): void {
    if (atNs === Infinity) this.#events.delete(key);
    else this.#events.set(key, { atNs, callback });
  }

  /** Events that wait for their time. */
  get pendingCount(): number {
    return this.#events.size;
  }

  /** Lets time pass and makes the calls that fall due, in order. */
  advance(ns: number): void {
    const end = this.#nowNs + ns;
    for (;;) {
      const due = [...this.#events].filter(([, event]) => event.atNs <= end).sort((a, b) => a[1].atNs - b[1].atNs)[0];
      if (due === undefined) break;
      this.#events.delete(due[0]);
      this.#nowNs = Math.max(this.#nowNs, due[1].atNs);
      due[1].callback();
    }
    this.#nowNs = end;
  }
}
