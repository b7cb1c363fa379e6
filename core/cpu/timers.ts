import type { Clock } from "../../devices/device.ts";
import { TIMER_INTID } from "../machine/memory_map.ts";
import { elIsInHost, isInHost } from "./security.ts";
import { defineSysreg } from "./sysreg_functions.ts";
import { sysregIndex } from "./sysregs.ts";
import { addHigh, highHalf, lowHalf, subHigh, toNumber } from "./word64.ts";
import type { Vcpu } from "./vcpu.ts";

const ENABLE = 1, IMASK = 2, ISTATUS = 4;

const CNTVOFF_EL2 = sysregIndex("CNTVOFF_EL2");

/** One timer: its registers, the PPI that its line is, and whether it compares with the virtual count. */
interface Timer {
  readonly name: string;
  readonly suffix: string;
  readonly intid: number;
  readonly isVirtual: boolean;
  readonly ctl: number;
  readonly cval: number;
}

function timer(name: string, suffix: string, intid: number, isVirtual = false): Timer {
  const [ctl, cval] = [`${name}_CTL_${suffix}`, `${name}_CVAL_${suffix}`].map(sysregIndex);
  return { name, suffix, intid, isVirtual, ctl, cval };
}

/** CNTHV and CNTHVS compare with a virtual count whose offset is 0. */
const TIMERS: readonly Timer[] = [
  timer("CNTP", "EL0", TIMER_INTID.physical),
  timer("CNTV", "EL0", TIMER_INTID.virtual, true),
  timer("CNTHP", "EL2", TIMER_INTID.hypervisor),
  timer("CNTHV", "EL2", TIMER_INTID.hypervisorVirtual),
  timer("CNTPS", "EL1", TIMER_INTID.secure),
  timer("CNTHPS", "EL2", TIMER_INTID.secureHypervisor),
  timer("CNTHVS", "EL2", TIMER_INTID.secureHypervisorVirtual),
];

/** How late a timer's interrupts were: the time between its condition's being met and the machine's seeing it. */
export interface TimerLateness {
  readonly name: string;
  count: number;
  lastNs: number;
  maxNs: number;
}

/** The generic timer of one vCPU. Its registers stand in the vCPU's slots. Arm DDI 0487, "The Generic Timer". */
export class Timers {
  readonly #vcpu: Vcpu;
  readonly #clock: Clock;
  readonly #ticksPerNs: number;
  readonly #nsPerTick: number;
  readonly #keys: readonly string[];
  readonly #callbacks: readonly (() => void)[];
  /** When each timer's condition will be met, or Infinity. */
  readonly #dueNs = TIMERS.map(() => Infinity);
  readonly lateness: readonly TimerLateness[] = TIMERS.map((t) => ({ name: t.name, count: 0, lastNs: 0, maxNs: 0 }));

  constructor(vcpu: Vcpu, clock: Clock) {
    this.#vcpu = vcpu;
    this.#clock = clock;
    this.#ticksPerNs = vcpu.model.counterHz / 1e9;
    this.#nsPerTick = 1e9 / vcpu.model.counterHz;
    this.#keys = TIMERS.map((t) => `cpu${vcpu.index}.${t.name}`);
    this.#callbacks = TIMERS.map((t, n) => () => this.#due(t, n));
  }

  /** The physical count. */
  get countTicks(): number {
    return Math.floor(this.#clock.nowNs() * this.#ticksPerNs);
  }

  /** The time at which the physical count is `ticks`. */
  timeNsOf(ticks: number): number {
    return Math.ceil(ticks * this.#nsPerTick);
  }

  /** Sets lines and events by the registers: after reset, a restored snapshot or a write. */
  refresh(): void {
    for (const [n, t] of TIMERS.entries()) this.#update(t, n);
  }

  /** The same for the timers that compare with the virtual count: after a write to CNTVOFF_EL2. */
  refreshVirtual(): void {
    for (const [n, t] of TIMERS.entries()) if (t.isVirtual) this.#update(t, n);
  }

  update(n: number): void {
    this.#update(TIMERS[n], n);
  }

  /** CVAL minus the timer's count, signed: not above 0 when the condition is met. Exact within 2^53. */
  #ticksLeft(t: Timer): number {
    const vcpu = this.#vcpu, count = this.countTicks;
    let lo = lowHalf(count), hi = highHalf(count);
    if (t.isVirtual) {
      const offLo = vcpu.sysLo(CNTVOFF_EL2), offHi = vcpu.sysHi(CNTVOFF_EL2);
      hi = subHigh(lo, hi, offLo, offHi);
      lo = (lo - offLo) >>> 0;
    }
    const cvalLo = vcpu.sysLo(t.cval), cvalHi = vcpu.sysHi(t.cval);
    if (cvalHi < hi || (cvalHi === hi && cvalLo <= lo)) return 0;
    return toNumber((cvalLo - lo) >>> 0, subHigh(cvalLo, cvalHi, lo, hi));
  }

  /** ISTATUS: the condition is met, whatever the mask. */
  isMet(n: number): boolean {
    const t = TIMERS[n];
    return (this.#vcpu.sysLo(t.ctl) & ENABLE) !== 0 && this.#ticksLeft(t) === 0;
  }

  #due(t: Timer, n: number): void {
    const late = this.lateness[n];
    late.count++;
    late.lastNs = this.#clock.nowNs() - this.#dueNs[n];
    late.maxNs = Math.max(late.maxNs, late.lastNs);
    this.#update(t, n);
  }

  #update(t: Timer, n: number): void {
    const ctl = this.#vcpu.sysLo(t.ctl);
    const left = (ctl & ENABLE) !== 0 ? this.#ticksLeft(t) : Infinity;
    this.#vcpu.gic?.setPpi(t.intid, left === 0 && (ctl & IMASK) === 0);
    const isAwaited = left !== 0 && left < 2 ** 52 && (ctl & IMASK) === 0;
    this.#dueNs[n] = isAwaited ? this.timeNsOf(this.countTicks + left) : Infinity;
    this.#clock.schedule(this.#keys[n], this.#dueNs[n], this.#callbacks[n]);
  }
}

/** The vCPU's physical count; 0 while no clock is attached. */
function count(vcpu: Vcpu): number {
  return vcpu.timers === null ? 0 : vcpu.timers.countTicks;
}

/** The virtual count's low half, with the high half in `vcpu.hi`; a host's count has no offset. */
function virtualCount(vcpu: Vcpu, hasOffset: boolean): number {
  const ticks = count(vcpu), lo = lowHalf(ticks), hi = highHalf(ticks);
  if (!hasOffset) {
    vcpu.hi = hi;
    return lo;
  }
  const offLo = vcpu.sysLo(CNTVOFF_EL2), offHi = vcpu.sysHi(CNTVOFF_EL2);
  vcpu.hi = subHigh(lo, hi, offLo, offHi);
  return (lo - offLo) >>> 0;
}

/** Arm DDI 0487, CNTVCT_EL0: CNTVOFF_EL2 is taken for 0 at EL2 with E2H = 1 and in a host's EL0. */
function hasVirtualOffset(vcpu: Vcpu): boolean {
  return vcpu.hasEl2 && !elIsInHost(vcpu, vcpu.currentEl());
}

defineSysreg("CNTPCT_EL0", { read: (vcpu) => virtualCount(vcpu, false) });
defineSysreg("CNTVCT_EL0", { read: (vcpu) => virtualCount(vcpu, hasVirtualOffset(vcpu)) });
defineSysreg("CNTVOFF_EL2", { written: (vcpu) => vcpu.timers?.refreshVirtual() });

for (const [n, t] of TIMERS.entries()) {
  defineSysreg(`${t.name}_CTL_${t.suffix}`, {
    read: (vcpu) => vcpu.sysLo(t.ctl) | (vcpu.timers?.isMet(n) ? ISTATUS : 0),
    written: (vcpu) => vcpu.timers?.update(n),
  });
  defineSysreg(`${t.name}_CVAL_${t.suffix}`, { written: (vcpu) => vcpu.timers?.update(n) });
  defineSysreg(`${t.name}_TVAL_${t.suffix}`, {
    // A disabled timer's TVAL is UNKNOWN; it is read as if enabled
    read: (vcpu) => {
      const lo = virtualCount(vcpu, t.isVirtual && vcpu.hasEl2 && !isInHost(vcpu));
      vcpu.hi = 0;
      return (vcpu.sysLo(t.cval) - lo) >>> 0;
    },
    write: (vcpu, lo) => {
      const countLo = virtualCount(vcpu, t.isVirtual && vcpu.hasEl2 && !isInHost(vcpu)), countHi = vcpu.hi;
      const tvalHi = (lo | 0) < 0 ? 0xffffffff : 0;
      vcpu.setSys(t.cval, countLo + lo, addHigh(countLo, countHi, lo, tvalHi));
      vcpu.timers?.update(n);
    },
  });
}
