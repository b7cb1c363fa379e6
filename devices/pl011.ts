import type { Clock, Device, Line } from "./device.ts";
import { identificationRows, RegisterMap } from "./register_map.ts";

/** What the UART's wire is connected to. */
export interface Pl011Backend {
  transmit(byte: number): void;
  /** The receive FIFO has room again after {@link Pl011.receive} had returned false. */
  ready?(): void;
}

/** How a PL011 is built. */
export interface Pl011Options {
  readonly name?: string;
  /** UARTCLK in Hz; 24 MHz by default. */
  readonly clockHz?: number;
  /** False: disabled at reset, as the manual says. By default on, as firmware leaves the boot console. */
  readonly enabledAtReset?: boolean;
  /** Told of accesses that mean nothing. */
  readonly ignored?: (offset: number, isWrite: boolean) => void;
}

interface Pl011State {
  /** Characters with the error bits of UARTDR, oldest first. */
  receiveFifo: number[];
  /** Characters written while the transmitter is off. */
  transmitFifo: number[];
  rsr: number;
  ilpr: number;
  ibrd: number;
  fbrd: number;
  lcrH: number;
  cr: number;
  ifls: number;
  imsc: number;
  ris: number;
  dmacr: number;
  /** When the receive timeout is due, in ns of the clock; Infinity when none runs. */
  timeoutAtNs: number;
  /** A character was refused: the back end waits for room. */
  refused: boolean;
  /** A character was lost, which the next read of UARTDR tells. */
  overrun: boolean;
}

const FIFO_DEPTH = 16;
const FR = { CTS: 1, DSR: 2, DCD: 4, RXFE: 0x10, TXFF: 0x20, RXFF: 0x40, TXFE: 0x80, RI: 0x100 };
const CR = { UARTEN: 1, LBE: 0x80, TXE: 0x100, RXE: 0x200, DTR: 0x400, RTS: 0x800, OUT1: 0x1000, OUT2: 0x2000 };
const LCR_H_FEN = 0x10;
const INTERRUPT = { RX: 0x10, TX: 0x20, RT: 0x40, BE: 0x200, OE: 0x400 };
const DR_BE = 0x400;
const DR_OE = 0x800;
const RSR_OE = 8;
/** Characters at which the FIFO interrupts, by the fields of UARTIFLS; reserved values act like the last. */
const TRIGGER_LEVELS = [2, 4, 8, 12, 14, 14, 14, 14];

const RESET: Pl011State = {
  receiveFifo: [],
  transmitFifo: [],
  rsr: 0,
  ilpr: 0,
  ibrd: 0,
  fbrd: 0,
  lcrH: 0,
  cr: CR.TXE | CR.RXE,
  ifls: 0x12,
  imsc: 0,
  ris: 0,
  dmacr: 0,
  timeoutAtNs: Infinity,
  refused: false,
  overrun: false,
};

/** PL011 UART. Arm DDI 0183, revision r1p4: FIFOs of 16. It sends at once, so its transmitter is never seen busy. */
export class Pl011 implements Device {
  // deno-fmt-ignore
  static readonly #registers = new RegisterMap<Pl011, Pl011State>(0x1000, [
    { offset: 0x000, name: "UARTDR",    writable: 0xff,   read: (d) => d.#readData(), write: (d, v, _, __, mask) => d.#writeData(v, mask) },
    { offset: 0x004, name: "UARTRSR",   read: (d) => d.#state.rsr, write: (d) => { d.#state.rsr = 0; } },
    { offset: 0x018, name: "UARTFR",    read: (d) => d.#flags() },
    { offset: 0x020, name: "UARTILPR",  writable: 0xff,   field: "ilpr" },
    { offset: 0x024, name: "UARTIBRD",  writable: 0xffff, field: "ibrd" },
    { offset: 0x028, name: "UARTFBRD",  writable: 0x3f,   field: "fbrd" },
    { offset: 0x02c, name: "UARTLCR_H", writable: 0xff,   field: "lcrH", write: (d, v, old) => d.#lineControlChanged(v, old) },
    { offset: 0x030, name: "UARTCR",    writable: 0xff87, field: "cr",   write: (d, v, old) => d.#controlChanged(v, old) },
    { offset: 0x034, name: "UARTIFLS",  writable: 0x3f,   field: "ifls", write: (d) => d.#levelsChanged() },
    { offset: 0x038, name: "UARTIMSC",  writable: 0x7ff,  field: "imsc", write: (d) => d.#updateIrq() },
    { offset: 0x03c, name: "UARTRIS",   read: (d) => d.#state.ris },
    { offset: 0x040, name: "UARTMIS",   read: (d) => d.#state.ris & d.#state.imsc },
    { offset: 0x044, name: "UARTICR",   writable: 0x7ff,  write: (d, v) => d.#clearInterrupts(v) },
    { offset: 0x048, name: "UARTDMACR", writable: 0x7,    field: "dmacr" },
    ...identificationRows<Pl011, Pl011State>("UART", [0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1]),
  ], (d, offset, isWrite) => d.#options.ignored?.(offset, isWrite));

  readonly name: string;
  readonly sizeBytes = 0x1000;
  readonly #line: Line;
  readonly #clock: Clock;
  readonly #backend: Pl011Backend;
  readonly #options: Pl011Options;
  #state: Pl011State = structuredClone(RESET);

  constructor(line: Line, clock: Clock, backend: Pl011Backend, options: Pl011Options = {}) {
    this.#line = line;
    this.#clock = clock;
    this.#backend = backend;
    this.#options = options;
    this.name = options.name ?? "pl011";
    this.reset();
  }

  read(offset: number, bytes: number): number {
    return Pl011.#registers.read(this, this.#state, offset, bytes);
  }

  write(offset: number, bytes: number, value: number): void {
    Pl011.#registers.write(this, this.#state, offset, bytes, value);
  }

  reset(): void {
    this.#state = structuredClone(RESET);
    if (this.#options.enabledAtReset ?? true) this.#state.cr |= CR.UARTEN;
    this.#schedule();
    this.#updateIrq();
  }

  snapshot(): unknown {
    return structuredClone(this.#state);
  }

  restore(state: unknown): void {
    this.#state = structuredClone(state as Pl011State);
    this.#schedule();
    this.#updateIrq();
  }

  /**
   * A character comes in on the wire.
   * @returns false when there is no room or the receiver is off: the character is not taken, to be tried again later.
   */
  receive(byte: number): boolean {
    const s = this.#state;
    const isOn = (s.cr & (CR.UARTEN | CR.RXE)) === (CR.UARTEN | CR.RXE) && (s.cr & CR.LBE) === 0;
    if (!isOn || s.receiveFifo.length >= this.#depth()) {
      s.refused = true;
      return false;
    }
    this.#push(byte & 0xff);
    return true;
  }

  /** A break condition comes in on the wire: a character 0 that is marked as a break. */
  receiveBreak(): void {
    const s = this.#state;
    if ((s.cr & (CR.UARTEN | CR.RXE)) !== (CR.UARTEN | CR.RXE)) return;
    s.ris |= INTERRUPT.BE;
    this.#push(DR_BE);
  }

  /** Puts a character into the receive FIFO, or marks an overrun. */
  #push(character: number): void {
    const s = this.#state;
    if (s.receiveFifo.length >= this.#depth()) {
      s.ris |= INTERRUPT.OE;
      s.rsr |= RSR_OE;
      s.overrun = true;
    } else {
      s.receiveFifo.push(character);
      if (s.receiveFifo.length >= this.#receiveTrigger()) s.ris |= INTERRUPT.RX;
      s.timeoutAtNs = this.#clock.nowNs() + this.#timeoutNs();
      this.#schedule();
    }
    this.#updateIrq();
  }

  #readData(): number {
    const s = this.#state;
    const character = s.receiveFifo.shift();
    if (character === undefined) return 0;
    const overrun = s.overrun ? DR_OE : 0;
    s.overrun = false;
    s.rsr = (s.rsr & RSR_OE) | (character >>> 8);
    if (s.receiveFifo.length < this.#receiveTrigger()) s.ris &= ~INTERRUPT.RX;
    if (s.receiveFifo.length === 0) {
      s.ris &= ~INTERRUPT.RT;
      s.timeoutAtNs = Infinity;
      this.#schedule();
    }
    this.#updateIrq();
    this.#tellRoom();
    return character | overrun;
  }

  #writeData(value: number, mask: number): void {
    if ((mask & 0xff) === 0) return;
    const s = this.#state;
    if (s.transmitFifo.length < this.#depth()) s.transmitFifo.push(value);
    if (s.transmitFifo.length > this.#transmitTrigger()) s.ris &= ~INTERRUPT.TX;
    this.#drain();
    this.#updateIrq();
  }

  /** Sends what waits, when the transmitter is on. */
  #drain(): void {
    const s = this.#state;
    if ((s.cr & (CR.UARTEN | CR.TXE)) !== (CR.UARTEN | CR.TXE) || s.transmitFifo.length === 0) return;
    const sent = s.transmitFifo;
    s.transmitFifo = [];
    s.ris |= INTERRUPT.TX;
    for (const byte of sent) {
      if ((s.cr & CR.LBE) === 0) this.#backend.transmit(byte);
      else if ((s.cr & CR.RXE) !== 0) this.#push(byte);
    }
  }

  #lineControlChanged(value: number, old: number): void {
    if (((value ^ old) & LCR_H_FEN) === 0) return;
    const s = this.#state;
    s.receiveFifo = [];
    s.transmitFifo = [];
    s.ris &= ~(INTERRUPT.RX | INTERRUPT.RT);
    s.timeoutAtNs = Infinity;
    this.#schedule();
    this.#updateIrq();
    this.#tellRoom();
  }

  #controlChanged(value: number, old: number): void {
    this.#drain();
    this.#updateIrq();
    if ((value & ~old & (CR.UARTEN | CR.RXE)) !== 0 || (old & ~value & CR.LBE) !== 0) this.#tellRoom();
  }

  /** New trigger levels apply to what is in the FIFO already. */
  #levelsChanged(): void {
    const s = this.#state;
    if (s.receiveFifo.length >= this.#receiveTrigger()) s.ris |= INTERRUPT.RX;
    this.#updateIrq();
  }

  #clearInterrupts(value: number): void {
    this.#state.ris &= ~value;
    this.#updateIrq();
  }

  #flags(): number {
    const s = this.#state;
    let flags = FR.CTS | FR.DSR | FR.DCD;
    if ((s.cr & CR.LBE) !== 0) {
      flags = ((s.cr & CR.RTS) ? FR.CTS : 0) | ((s.cr & CR.DTR) ? FR.DSR : 0) |
        ((s.cr & CR.OUT1) ? FR.DCD : 0) | ((s.cr & CR.OUT2) ? FR.RI : 0);
    }
    if (s.receiveFifo.length === 0) flags |= FR.RXFE;
    if (s.receiveFifo.length >= this.#depth()) flags |= FR.RXFF;
    if (s.transmitFifo.length === 0) flags |= FR.TXFE;
    if (s.transmitFifo.length >= this.#depth()) flags |= FR.TXFF;
    return flags;
  }

  #depth(): number {
    return (this.#state.lcrH & LCR_H_FEN) !== 0 ? FIFO_DEPTH : 1;
  }

  #receiveTrigger(): number {
    return this.#depth() === 1 ? 1 : TRIGGER_LEVELS[(this.#state.ifls >>> 3) & 7];
  }

  #transmitTrigger(): number {
    return this.#depth() === 1 ? 0 : TRIGGER_LEVELS[this.#state.ifls & 7];
  }

  /** 32 bit periods at the baud rate; a divisor that was never set counts as 115,200 baud. */
  #timeoutNs(): number {
    const s = this.#state;
    const divisor = s.ibrd + s.fbrd / 64;
    const bitNs = s.ibrd === 0 ? 1e9 / 115_200 : (16 * divisor * 1e9) / (this.#options.clockHz ?? 24_000_000);
    return Math.round(32 * bitNs);
  }

  #schedule(): void {
    this.#clock.schedule(this.name, this.#state.timeoutAtNs, () => {
      const s = this.#state;
      s.timeoutAtNs = Infinity;
      if (s.receiveFifo.length === 0) return;
      s.ris |= INTERRUPT.RT;
      this.#updateIrq();
    });
  }

  #tellRoom(): void {
    if (!this.#state.refused) return;
    this.#state.refused = false;
    this.#backend.ready?.();
  }

  #updateIrq(): void {
    this.#line.set((this.#state.ris & this.#state.imsc) !== 0);
  }
}
