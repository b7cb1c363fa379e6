import type { Clock } from "../../devices/device.ts";
import { PMU_INTID } from "../machine/memory_map.ts";
import { syncRegime } from "./regime.ts";
import { currentEl, isSecureBelowEl3 } from "./security.ts";
import { defineSysreg } from "./sysreg_functions.ts";
import { sysregIndex } from "./sysregs.ts";
import { addHigh, highHalf, lowHalf, subHigh, toNumber } from "./word64.ts";
import type { Vcpu } from "./vcpu.ts";

const PMCR_EL0 = sysregIndex("PMCR_EL0");
const PMCNTENSET_EL0 = sysregIndex("PMCNTENSET_EL0");
const PMINTENSET_EL1 = sysregIndex("PMINTENSET_EL1");
const PMOVSSET_EL0 = sysregIndex("PMOVSSET_EL0");
const PMSELR_EL0 = sysregIndex("PMSELR_EL0");
const PMCCNTR_EL0 = sysregIndex("PMCCNTR_EL0");
const PMCCFILTR_EL0 = sysregIndex("PMCCFILTR_EL0");
const PMEVCNTR0_EL0 = sysregIndex("PMEVCNTR0_EL0");
const PMEVTYPER0_EL0 = sysregIndex("PMEVTYPER0_EL0");
const MDCR_EL2 = sysregIndex("MDCR_EL2");
const SPSR_EL2 = sysregIndex("SPSR_EL2");

/** PMCR_EL0: enable, reset of the event counters and of the cycle counter, 64-bit overflow of the cycle counter. */
const E = 1, P = 2, C = 4, LC = 64;
const CYCLE = 31;

/** Events that are counted: SW_INCR, INST_RETIRED and CPU_CYCLES. A cycle takes a nanosecond. */
const SW_INCR = 0x00, INST_RETIRED = 0x08, CPU_CYCLES = 0x11;
const PMCEID0 = 1 << SW_INCR | 1 << INST_RETIRED | 1 << CPU_CYCLES;

/** Filters in PMEVTYPER<n>_EL0 and PMCCFILTR_EL0. */
const FILTER = { P: 1 << 31, U: 1 << 30, NSK: 1 << 29, NSU: 1 << 28, NSH: 1 << 27, M: 1 << 26 } as const;
/** PMCR_EL0.DP: the cycle counter stops where MDCR_EL2.HPMD prohibits counting. */
const DP = 32, HPMD = 1 << 17;

/**
 * The performance counters of one vCPU. Arm DDI 0487, "The Performance Monitors Extension".
 * A running counter's slot holds its value minus what it counts by then, nanoseconds or instructions, so that nothing is
 * done as they pass; `#running` says which do.
 */
export class Pmu {
  readonly #vcpu: Vcpu;
  readonly #clock: Clock;
  readonly #key: string;
  readonly #overflowed = () => this.#poll();
  readonly #executed: () => number;
  #running = 0;
  /** Bit 63 of the cycle counter when it was looked at last: it goes from 1 to 0 by overflow only. */
  #isCycleHigh = false;
  /** Counters count at some levels only: `levelChanged` is to be called at every change. */
  followsLevel = false;

  /** @param executed the instructions that the vCPU has executed by now. */
  constructor(vcpu: Vcpu, clock: Clock, executed: () => number = () => vcpu.instructions) {
    this.#vcpu = vcpu;
    this.#clock = clock;
    this.#executed = executed;
    this.#key = `cpu${vcpu.index}.pmu`;
  }

  /** Which counters hold their value minus the time, for snapshots. */
  get running(): number {
    return this.#running;
  }
  restore(running: number): void {
    this.#running = running;
    this.#valueLo(CYCLE);
    this.#isCycleHigh = this.#vcpu.hi >>> 31 === 1;
    this.#poll();
    this.#chooseLevels();
  }

  #slot(n: number): number {
    return n === CYCLE ? PMCCNTR_EL0 : PMEVCNTR0_EL0 + n;
  }

  /** What counter `n` counts, as it stands now. */
  #now(n: number): number {
    const isInstructions = n !== CYCLE && (this.#vcpu.sysLo(PMEVTYPER0_EL0 + n) & 0xffff) === INST_RETIRED;
    return isInstructions ? this.#executed() : Math.floor(this.#clock.nowNs());
  }

  /** Adds what it counts to a counter's slot (`sign` 1) or takes it away (-1). */
  #shift(n: number, sign: 1 | -1): void {
    const vcpu = this.#vcpu, slot = this.#slot(n);
    const now = this.#now(n), lo = lowHalf(now), hi = highHalf(now);
    const slotLo = vcpu.sysLo(slot), slotHi = vcpu.sysHi(slot);
    if (sign > 0) vcpu.setSys(slot, slotLo + lo, addHigh(slotLo, slotHi, lo, hi));
    else vcpu.setSys(slot, slotLo - lo, subHigh(slotLo, slotHi, lo, hi));
  }

  /** Runs `change` while all counters stand still with their values in the slots. */
  stopped(change: () => void): void {
    this.#poll();
    for (let n = 0, left = this.#running; left !== 0; n++, left >>>= 1) if (left & 1) this.#shift(n, 1);
    this.#running = 0;
    change();
    this.#isCycleHigh = this.#vcpu.sysHi(PMCCNTR_EL0) >>> 31 === 1;
    this.#running = this.#counting(this.#level);
    for (let n = 0, left = this.#running; left !== 0; n++, left >>>= 1) if (left & 1) this.#shift(n, -1);
    this.#poll();
    this.#chooseLevels();
  }

  /** The vCPU has come to another Exception level. */
  levelChanged(): void {
    this.stopped(() => {});
  }

  /** The level that executes instructions: a resident of EL2 executes none, and returns to another. */
  get #level(): number {
    const vcpu = this.#vcpu, el = currentEl(vcpu);
    return el === 2 && vcpu.inResident ? vcpu.sysLo(SPSR_EL2) >> 2 & 3 : el;
  }

  /** Finds out whether the level matters. Where a resident stands, no instruction is executed. */
  #chooseLevels(): void {
    const vcpu = this.#vcpu, all = this.#counting(0);
    let differs = all !== this.#counting(1);
    if (vcpu.residents[2] === null) {
      differs ||= (vcpu.hasEl2 && all !== this.#counting(2)) || (vcpu.hasEl3 && all !== this.#counting(3));
    }
    if (differs === this.followsLevel) return;
    this.followsLevel = differs;
    vcpu.regimeStale = true;
    if (!vcpu.inResident) syncRegime(vcpu);
  }

  /** The counters that count at a level, one bit each. */
  #counting(el: number): number {
    const vcpu = this.#vcpu;
    const enabled = vcpu.sysLo(PMCNTENSET_EL0), counters = vcpu.model.eventCounters;
    let result = 0;
    if (this.#isEnabled(CYCLE) && enabled >>> CYCLE !== 0 && !this.#isFiltered(CYCLE, PMCCFILTR_EL0, el)) {
      result |= 1 << CYCLE;
    }
    for (let n = 0; n < counters; n++) {
      const event = vcpu.sysLo(PMEVTYPER0_EL0 + n) & 0xffff;
      if ((enabled & 1 << n) === 0 || !this.#isEnabled(n) || this.#isFiltered(n, PMEVTYPER0_EL0 + n, el)) continue;
      if (event === INST_RETIRED || event === CPU_CYCLES) result |= 1 << n;
    }
    return result >>> 0;
  }

  /** PMCR_EL0.E, or MDCR_EL2.HPME for the counters from MDCR_EL2.HPMN on. */
  #isEnabled(n: number): boolean {
    const vcpu = this.#vcpu, mdcr = vcpu.sysLo(MDCR_EL2);
    if (n !== CYCLE && vcpu.hasEl2 && n >= (mdcr & 31)) return (mdcr & 1 << 7) !== 0;
    return (vcpu.sysLo(PMCR_EL0) & E) !== 0;
  }

  /** The filter of counter `n`, or MDCR_EL2.HPMD, excludes a level. Arm DDI 0487, CountPMUEvents(). */
  #isFiltered(n: number, register: number, el: number): boolean {
    const vcpu = this.#vcpu, filter = vcpu.sysLo(register), isNonSecure = !isSecureBelowEl3(vcpu);
    const has = (bit: number) => (filter & bit) !== 0;
    if (el === 0) return has(FILTER.U) !== (isNonSecure && has(FILTER.NSU));
    if (el === 1) return has(FILTER.P) !== (isNonSecure && has(FILTER.NSK));
    if (el === 3) return has(FILTER.M) !== has(FILTER.P);
    const mdcr = vcpu.sysLo(MDCR_EL2);
    const isProhibited = (mdcr & HPMD) !== 0 &&
      (n === CYCLE ? (vcpu.sysLo(PMCR_EL0) & DP) !== 0 : n < (mdcr & 31));
    return isProhibited || !has(FILTER.NSH);
  }

  /** Looks for overflows, sets the interrupt line and the time of the next overflow. */
  #poll(): void {
    const vcpu = this.#vcpu, nowNs = Math.floor(this.#clock.nowNs());
    // Instructions are looked at again when they are due at one a nanosecond
    let next = Infinity;
    for (let n = 0, left = this.#running; left !== 0; n++, left >>>= 1) {
      if ((left & 1) === 0) continue;
      const lo = this.#valueLo(n), hi = vcpu.hi;
      if (n === CYCLE && (vcpu.sysLo(PMCR_EL0) & LC) !== 0) {
        const isHigh = hi >>> 31 === 1;
        if (this.#isCycleHigh && !isHigh) this.#setOverflow(n);
        this.#isCycleHigh = isHigh;
        if (isHigh) next = Math.min(next, toNumber(-lo >>> 0, subHigh(0, 0, lo, hi)));
        continue;
      }
      if (hi !== 0) {
        // A 32-bit counter has wrapped: what is kept is the value modulo 2^32
        const slot = this.#slot(n);
        vcpu.setSys(slot, vcpu.sysLo(slot), vcpu.sysHi(slot) - hi);
        this.#setOverflow(n);
      }
      next = Math.min(next, 2 ** 32 - lo);
    }
    vcpu.gic?.setPpi(PMU_INTID, this.#interrupts);
    this.#clock.schedule(this.#key, next < 2 ** 52 ? nowNs + next : Infinity, this.#overflowed);
  }

  #setOverflow(n: number): void {
    this.#vcpu.setSys(PMOVSSET_EL0, this.#vcpu.sysLo(PMOVSSET_EL0) | 1 << n, 0);
  }

  /** The overflow interrupt's line. Arm DDI 0487, CheckForPMUOverflow(). */
  get #interrupts(): boolean {
    const vcpu = this.#vcpu, overflowed = vcpu.sysLo(PMOVSSET_EL0) & vcpu.sysLo(PMINTENSET_EL1);
    for (let n = 0, left = overflowed >>> 0; left !== 0; n++, left >>>= 1) {
      if (left & 1 && this.#isEnabled(n)) return true;
    }
    return false;
  }

  #valueLo(n: number): number {
    const vcpu = this.#vcpu, slot = this.#slot(n);
    const slotLo = vcpu.sysLo(slot), slotHi = vcpu.sysHi(slot);
    if ((this.#running & 1 << n) === 0) {
      vcpu.hi = slotHi;
      return slotLo;
    }
    const now = this.#now(n), lo = lowHalf(now);
    vcpu.hi = addHigh(slotLo, slotHi, lo, highHalf(now));
    return (slotLo + lo) >>> 0;
  }

  /** A counter's value: the low half; `vcpu.hi` is the high half, 0 for event counters. */
  read(n: number): number {
    const lo = this.#valueLo(n);
    if (n !== CYCLE) this.#vcpu.hi = 0;
    return lo;
  }

  /** Zeroes the counters that PMCR_EL0.P and .C ask for. */
  resetCounters(pmcr: number): void {
    const vcpu = this.#vcpu;
    if (pmcr & C) vcpu.setSys(PMCCNTR_EL0, 0, 0);
    if ((pmcr & P) === 0) return;
    const count = accessibleCounters(vcpu);
    for (let n = 0; n < count; n++) vcpu.setSys(PMEVCNTR0_EL0 + n, 0, 0);
  }

  /** Counts software increments on the counters of `mask`. */
  increment(mask: number): void {
    const vcpu = this.#vcpu;
    for (let n = 0; n < vcpu.model.eventCounters; n++) {
      const isCounting = (mask & vcpu.sysLo(PMCNTENSET_EL0) & 1 << n) !== 0 && this.#isEnabled(n) &&
        (vcpu.sysLo(PMEVTYPER0_EL0 + n) & 0xffff) === SW_INCR;
      if (!isCounting) continue;
      const value = (vcpu.sysLo(PMEVCNTR0_EL0 + n) + 1) >>> 0;
      vcpu.setSys(PMEVCNTR0_EL0 + n, value, 0);
      if (value === 0) this.#setOverflow(n);
    }
    this.#poll();
  }
}

/** Event counters that the current level sees: PMCR_EL0.N, or MDCR_EL2.HPMN below EL2. */
function accessibleCounters(vcpu: Vcpu): number {
  const count = vcpu.model.eventCounters;
  if (!vcpu.hasEl2 || currentEl(vcpu) >= 2) return count;
  return Math.min(count, vcpu.sysLo(MDCR_EL2) & 31);
}

/** The bits of PMCNTENSET and its like that the current level may touch. */
function counterMask(vcpu: Vcpu): number {
  return (1 << CYCLE | 2 ** accessibleCounters(vcpu) - 1) >>> 0;
}

/** Stops the counters for a change; without a clock there is none to stop. */
function change(vcpu: Vcpu, body: () => void): void {
  if (vcpu.pmu === null) body();
  else vcpu.pmu.stopped(body);
}

/** A pair of registers of which one sets and the other clears bits of the same word. */
function setAndClear(setName: string, clearName: string): void {
  const index = sysregIndex(setName);
  const read = (vcpu: Vcpu) => (vcpu.sysLo(index) & counterMask(vcpu)) >>> 0;
  defineSysreg(setName, {
    read,
    write: (vcpu, lo) => change(vcpu, () => vcpu.setSys(index, vcpu.sysLo(index) | lo & counterMask(vcpu), 0)),
  });
  defineSysreg(clearName, {
    read,
    write: (vcpu, lo) => change(vcpu, () => vcpu.setSys(index, vcpu.sysLo(index) & ~(lo & counterMask(vcpu)), 0)),
  });
}
setAndClear("PMCNTENSET_EL0", "PMCNTENCLR_EL0");
setAndClear("PMINTENSET_EL1", "PMINTENCLR_EL1");
setAndClear("PMOVSSET_EL0", "PMOVSCLR_EL0");

defineSysreg("PMCR_EL0", {
  read: (vcpu) => vcpu.sysLo(PMCR_EL0) | vcpu.model.pmcr | accessibleCounters(vcpu) << 11,
  write: (vcpu, lo) =>
    change(vcpu, () => {
      vcpu.pmu?.resetCounters(lo);
      vcpu.setSys(PMCR_EL0, lo & 0x79, 0);
    }),
});
defineSysreg("MDCR_EL2", { written: (vcpu) => change(vcpu, () => {}) });
defineSysreg("PMCEID0_EL0", { read: () => PMCEID0 });
defineSysreg("PMSWINC_EL0", { write: (vcpu, lo) => vcpu.pmu?.increment(lo & counterMask(vcpu)) });

function readCounter(vcpu: Vcpu, n: number): number {
  if (vcpu.pmu !== null) return vcpu.pmu.read(n);
  const slot = n === CYCLE ? PMCCNTR_EL0 : PMEVCNTR0_EL0 + n;
  vcpu.hi = vcpu.sysHi(slot);
  return vcpu.sysLo(slot);
}
function writeCounter(vcpu: Vcpu, n: number, lo: number, hi: number): void {
  change(vcpu, () => vcpu.setSys(n === CYCLE ? PMCCNTR_EL0 : PMEVCNTR0_EL0 + n, lo, n === CYCLE ? hi : 0));
}
const TYPE_MASK = 0xfc00ffff;

defineSysreg("PMCCNTR_EL0", {
  read: (vcpu) => readCounter(vcpu, CYCLE),
  write: (vcpu, lo, hi) => writeCounter(vcpu, CYCLE, lo, hi),
});
defineSysreg("PMCCFILTR_EL0", {
  write: (vcpu, lo) => change(vcpu, () => vcpu.setSys(PMCCFILTR_EL0, lo & 0xfc000000, 0)),
});
for (let n = 0; n < 31; n++) {
  defineSysreg(`PMEVCNTR${n}_EL0`, {
    read: (vcpu) => n < accessibleCounters(vcpu) ? readCounter(vcpu, n) : 0,
    write: (vcpu, lo) => n < accessibleCounters(vcpu) ? writeCounter(vcpu, n, lo, 0) : undefined,
  });
  defineSysreg(`PMEVTYPER${n}_EL0`, {
    read: (vcpu) => n < accessibleCounters(vcpu) ? vcpu.sysLo(PMEVTYPER0_EL0 + n) : 0,
    write: (vcpu, lo) => n < accessibleCounters(vcpu) ? writeType(vcpu, n, lo) : undefined,
  });
}

function writeType(vcpu: Vcpu, n: number, lo: number): void {
  change(vcpu, () => vcpu.setSys(PMEVTYPER0_EL0 + n, lo & TYPE_MASK, 0));
}

// The registers of the counter that PMSELR_EL0.SEL selects
defineSysreg("PMXEVCNTR_EL0", {
  read: (vcpu) => {
    const n = vcpu.sysLo(PMSELR_EL0) & 31;
    return n < accessibleCounters(vcpu) ? readCounter(vcpu, n) : 0;
  },
  write: (vcpu, lo) => {
    const n = vcpu.sysLo(PMSELR_EL0) & 31;
    if (n < accessibleCounters(vcpu)) writeCounter(vcpu, n, lo, 0);
  },
});
defineSysreg("PMXEVTYPER_EL0", {
  read: (vcpu) => {
    const n = vcpu.sysLo(PMSELR_EL0) & 31;
    if (n === CYCLE) return vcpu.sysLo(PMCCFILTR_EL0);
    return n < accessibleCounters(vcpu) ? vcpu.sysLo(PMEVTYPER0_EL0 + n) : 0;
  },
  write: (vcpu, lo) => {
    const n = vcpu.sysLo(PMSELR_EL0) & 31;
    if (n === CYCLE) change(vcpu, () => vcpu.setSys(PMCCFILTR_EL0, lo & 0xfc000000, 0));
    else if (n < accessibleCounters(vcpu)) writeType(vcpu, n, lo);
  },
});
