import type { Clock } from "../../devices/device.ts";
import "./exception_model.ts";
import { CPU_MODELS } from "./features.ts";
import type { GicCpuInterface } from "./gic_interface.ts";
import { VCPU_BYTES } from "./layout.ts";
import { Pmu } from "./pmu.ts";
import { resetCpu } from "./reset.ts";
import { findSysreg, sysregIndex, SYSREGS } from "./sysregs.ts";
import { Timers } from "./timers.ts";
import { Vcpu } from "./vcpu.ts";

/** A clock for tests: time stands still until `advance`. */
export class TestClock implements Clock {
  #now = 0;
  readonly #events = new Map<string, { atNs: number; callback: () => void }>();

  nowNs(): number {
    return this.#now;
  }
  schedule(key: string, atNs: number, callback: () => void): void {
    if (atNs === Infinity) this.#events.delete(key);
    else this.#events.set(key, { atNs, callback });
  }
  /** Moves the time to `atNs` and calls back what is due, in order. */
  advance(atNs: number): void {
    for (;;) {
      const [next] = [...this.#events].filter(([, e]) => e.atNs <= atNs).sort(([, a], [, b]) => a.atNs - b.atNs);
      if (!next) break;
      this.#events.delete(next[0]);
      this.#now = Math.max(this.#now, next[1].atNs);
      next[1].callback();
    }
    this.#now = atNs;
  }
}

/** A GIC for tests: lines as the test sets them, registers that remember. */
export class TestGic implements GicCpuInterface {
  readonly hasSystemRegisters = true;
  lines = 0;
  ichHcr = 0;
  readHi = 0;
  readonly ppis = new Map<number, boolean>();
  readonly accesses: string[] = [];

  pending(): number {
    return this.lines;
  }
  read(encoding: number, virtual: boolean): number {
    this.accesses.push(`${SYSREGS[findSysreg(encoding)].name}${virtual ? " virtual" : ""}`);
    this.readHi = 0;
    return 0x21;
  }
  write(encoding: number, lo: number, _hi: number, virtual: boolean): void {
    this.accesses.push(`${SYSREGS[findSysreg(encoding)].name}${virtual ? " virtual" : ""}=${lo}`);
  }
  setPpi(intid: number, level: boolean): void {
    this.ppis.set(intid, level);
  }
}

/** A vCPU with a test clock and GIC, reset to `el`, at PC 0x1000. */
export function testVcpu(el = 1, options: { model?: string; el2?: boolean; el3?: boolean } = {}) {
  const vcpu = new Vcpu(new SharedArrayBuffer(2 * VCPU_BYTES), VCPU_BYTES, 0);
  const clock = new TestClock(), gic = new TestGic();
  vcpu.model = CPU_MODELS[options.model ?? "max"];
  vcpu.hasEl2 = options.el2 ?? true;
  vcpu.hasEl3 = options.el3 ?? true;
  vcpu.gic = gic;
  vcpu.timers = new Timers(vcpu, clock);
  vcpu.pmu = new Pmu(vcpu, clock);
  resetCpu(vcpu, { el });
  vcpu.set64("pc", 0x1000n);
  return { vcpu, clock, gic };
}

/** The stored value of a register. */
export function stored(vcpu: Vcpu, name: string): bigint {
  const index = sysregIndex(name);
  return BigInt(vcpu.sysHi(index)) << 32n | BigInt(vcpu.sysLo(index));
}

/** Stores a register without side effects. */
export function store(vcpu: Vcpu, name: string, value: bigint): void {
  vcpu.setSys(sysregIndex(name), Number(value & 0xffffffffn), Number(value >> 32n));
}
