import { sysregIndex } from "../cpu/sysregs.ts";
import { toNumber } from "../cpu/word64.ts";
import { TIMER_INTID } from "../machine/memory_map.ts";
import type { VmVcpu } from "./vm.ts";

const CNTV_CVAL_EL0 = sysregIndex("CNTV_CVAL_EL0"), CNTP_CVAL_EL0 = sysregIndex("CNTP_CVAL_EL0");
const CNTVOFF_EL2 = sysregIndex("CNTVOFF_EL2");

/** Records a timer interrupt that is on its way to the guest: when it was to come, and when it came. */
export function logTimer(c: VmVcpu, intid: number): void {
  const { vm, vcpu } = c, { timers } = vcpu;
  if (!vm.log.wantsTimers || timers === null) return;
  const isVirtual = intid === TIMER_INTID.virtual;
  const cvalOf = isVirtual ? CNTV_CVAL_EL0 : CNTP_CVAL_EL0;
  const counterOffset = isVirtual ? toNumber(vcpu.sysLo(CNTVOFF_EL2), vcpu.sysHi(CNTVOFF_EL2)) : 0;
  const physical = timers.countTicks, count = physical - counterOffset;
  const cval = toNumber(vcpu.sysLo(cvalOf), vcpu.sysHi(cvalOf));
  vm.log.timer({
    seq: vm.trapCount,
    vcpu: c.index,
    intid,
    cval,
    count,
    counterOffset,
    lateNs: Math.max(0, count - cval) * 1e9 / vcpu.model.counterHz,
    timeNs: timers.timeNsOf(physical),
  });
}
