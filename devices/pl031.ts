import type { Clock, Device, Line } from "./device.ts";
import { identificationRows, RegisterMap } from "./register_map.ts";

interface Pl031State {
  /** What is added to the seconds of wall-clock base and clock to make RTCDR, modulo 2^32. */
  offset: number;
  mr: number;
  lr: number;
  imsc: number;
  ris: number;
  /** The time at which the counter gets to RTCMR next. */
  matchAtNs: number;
}

const RESET: Pl031State = { offset: 0, mr: 0, lr: 0, imsc: 0, ris: 0, matchAtNs: Infinity };

/**
 * PL031 real-time clock. Arm DDI 0224. It counts seconds since 1970 from reset on: RTCCR reads 1, and a write to it
 * changes nothing, as the manual says of a clock that runs.
 */
export class Pl031 implements Device {
  // deno-fmt-ignore
  static readonly #registers = new RegisterMap<Pl031, Pl031State>(0x1000, [
    { offset: 0x000, name: "RTCDR",   read: (d) => d.#counter() },
    { offset: 0x004, name: "RTCMR",   field: "mr", write: (d) => d.#matchChanged() },
    { offset: 0x008, name: "RTCLR",   field: "lr", write: (d, v) => d.#load(v) },
    { offset: 0x00c, name: "RTCCR",   read: () => 1, write: () => {} },
    { offset: 0x010, name: "RTCIMSC", writable: 1, field: "imsc", write: (d) => d.#updateIrq() },
    { offset: 0x014, name: "RTCRIS",  read: (d) => d.#state.ris },
    { offset: 0x018, name: "RTCMIS",  read: (d) => d.#state.ris & d.#state.imsc },
    { offset: 0x01c, name: "RTCICR",  writable: 1, write: (d, v) => d.#clear(v) },
    ...identificationRows<Pl031, Pl031State>("RTC", [0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1]),
  ]);

  readonly name = "pl031";
  readonly sizeBytes = 0x1000;
  readonly #line: Line;
  readonly #clock: Clock;
  readonly #baseSeconds: number;
  #state: Pl031State = structuredClone(RESET);

  /** @param baseSeconds the wall-clock time when the clock stood at 0, in whole seconds since 1970. */
  constructor(line: Line, clock: Clock, baseSeconds: number) {
    this.#line = line;
    this.#clock = clock;
    this.#baseSeconds = Math.floor(baseSeconds);
    this.reset();
  }

  read(offset: number, bytes: number): number {
    this.#settle();
    return Pl031.#registers.read(this, this.#state, offset, bytes);
  }

  write(offset: number, bytes: number, value: number): void {
    this.#settle();
    Pl031.#registers.write(this, this.#state, offset, bytes, value);
  }

  reset(): void {
    this.#state = structuredClone(RESET);
    this.#expectMatch();
    this.#updateIrq();
  }

  snapshot(): unknown {
    return structuredClone(this.#state);
  }

  restore(state: unknown): void {
    this.#state = structuredClone(state as Pl031State);
    this.#updateIrq();
  }

  /** Seconds that have passed in the world, before RTCLR moves them. */
  #seconds(): number {
    return this.#baseSeconds + Math.floor(this.#clock.nowNs() / 1e9);
  }

  #counter(): number {
    return (this.#seconds() + this.#state.offset) >>> 0;
  }

  #load(value: number): void {
    this.#state.offset = (value - this.#seconds()) >>> 0;
    this.#matchChanged();
  }

  #clear(value: number): void {
    this.#state.ris &= ~value;
    this.#updateIrq();
  }

  /** A new match value or counter: the interrupt comes at once when they are equal. */
  #matchChanged(): void {
    if (this.#state.mr === this.#counter()) this.#state.ris = 1;
    this.#expectMatch();
    this.#updateIrq();
  }

  /** The match comes in the second when the counter next gets to RTCMR. */
  #expectMatch(): void {
    const ahead = (this.#state.mr - this.#counter()) >>> 0 || 2 ** 32;
    this.#state.matchAtNs = (this.#seconds() + ahead - this.#baseSeconds) * 1e9;
  }

  /** Sees a match that has come. */
  #settle(): void {
    if (this.#clock.nowNs() < this.#state.matchAtNs) return;
    this.#state.ris = 1;
    this.#expectMatch();
    this.#updateIrq();
  }

  /** Sets the line, and asks for a call at the match where that would change it. */
  #updateIrq(): void {
    const { ris, imsc, matchAtNs } = this.#state;
    this.#line.set((ris & imsc) !== 0);
    this.#clock.schedule(this.name, imsc !== 0 && ris === 0 ? matchAtNs : Infinity, () => this.#settle());
  }
}
