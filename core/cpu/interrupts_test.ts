import { assertEquals } from "@std/assert";
import { INTERRUPT } from "./gic_interface.ts";
import { hasWakeUpEvent, raiseSerror, takeInterrupts } from "./interrupts.ts";
import { readSysreg } from "./sysreg_access.ts";
import { sysregIndex } from "./sysregs.ts";
import { store, stored, testVcpu } from "./test_vcpu.ts";

const HCR_FMO = 1n << 3n, HCR_IMO = 1n << 4n, HCR_AMO = 1n << 5n, HCR_TGE = 1n << 27n, HCR_E2H = 1n << 34n;

/** Where an interrupt on `lines` is taken to from `el` with these controls, or 0. */
function taken(lines: number, el: number, daif: number, hcr = 0n, scr = 0xd31n): number {
  const { vcpu, gic } = testVcpu(Math.max(el, 1));
  store(vcpu, "HCR_EL2", hcr);
  store(vcpu, "SCR_EL3", scr);
  vcpu.set32("pstate", daif << 6 | el << 2 | (el ? 1 : 0));
  gic.lines = lines;
  return takeInterrupts(vcpu) ? vcpu.currentEl() : 0;
}

Deno.test("physical IRQs go to EL1, EL2 by IMO or TGE, EL3 by SCR_EL3.IRQ", () => {
  const { irq, fiq } = INTERRUPT;
  assertEquals(taken(irq, 0, 0), 1);
  assertEquals(taken(irq, 1, 0), 1);
  assertEquals(taken(irq, 1, 2), 0);
  assertEquals(taken(irq, 0, 2), 0);
  assertEquals(taken(irq, 2, 0), 0);
  assertEquals(taken(irq, 1, 2, HCR_IMO), 2);
  assertEquals(taken(irq, 2, 0, HCR_IMO), 2);
  assertEquals(taken(irq, 2, 2, HCR_IMO), 0);
  assertEquals(taken(irq, 3, 0, HCR_IMO), 0);
  assertEquals(taken(irq, 0, 2, HCR_TGE), 2);
  assertEquals(taken(irq, 0, 2, HCR_TGE | HCR_E2H), 0);
  assertEquals(taken(irq, 1, 2, HCR_IMO, 0xd33n), 3);
  assertEquals(taken(fiq, 1, 15, 0n, 0xd35n), 3);
  assertEquals(taken(fiq, 1, 1), 0);
  assertEquals(taken(fiq, 1, 1, HCR_FMO), 2);
});

Deno.test("virtual interrupts go to EL1 while IMO or FMO is set and TGE is not", () => {
  const { virtualIrq, virtualFiq } = INTERRUPT;
  assertEquals(taken(virtualIrq, 1, 0, HCR_IMO), 1);
  assertEquals(taken(virtualIrq, 0, 0, HCR_IMO), 1);
  assertEquals(taken(virtualIrq, 1, 2, HCR_IMO), 0);
  assertEquals(taken(virtualIrq, 1, 0), 0);
  assertEquals(taken(virtualIrq, 2, 0, HCR_IMO), 0);
  assertEquals(taken(virtualIrq, 0, 0, HCR_IMO | HCR_TGE), 0);
  assertEquals(taken(virtualFiq, 1, 0, HCR_FMO), 1);
  assertEquals(taken(0, 1, 0, HCR_IMO | 1n << 7n), 1);
  assertEquals(taken(0, 1, 0, HCR_FMO | 1n << 6n), 1);
});

Deno.test("the vector of an IRQ from a lower level, and ESR left alone", () => {
  const { vcpu, gic } = testVcpu(1);
  store(vcpu, "VBAR_EL1", 0x10000n);
  store(vcpu, "ESR_EL1", 0x77n);
  vcpu.set32("pstate", 0);
  gic.lines = INTERRUPT.irq;
  takeInterrupts(vcpu);
  assertEquals(vcpu.get64("pc"), 0x10480n);
  assertEquals(stored(vcpu, "ELR_EL1"), 0x1000n);
  assertEquals(stored(vcpu, "ESR_EL1"), 0x77n);
});

Deno.test("a virtual SError is taken once", () => {
  const { vcpu } = testVcpu(1);
  store(vcpu, "HCR_EL2", HCR_AMO | 1n << 8n);
  vcpu.set32("pstate", 5);
  assertEquals(takeInterrupts(vcpu), true);
  assertEquals(stored(vcpu, "ESR_EL1") >> 26n, 0x2fn);
  assertEquals(stored(vcpu, "HCR_EL2"), HCR_AMO);
});

Deno.test("a physical SError waits for PSTATE.A", () => {
  const { vcpu } = testVcpu(1);
  raiseSerror(vcpu, 3);
  assertEquals(takeInterrupts(vcpu), false);
  assertEquals(readSysreg(vcpu, sysregIndex("ISR_EL1")), 1 << 8);
  vcpu.set32("pstate", 5);
  assertEquals(takeInterrupts(vcpu), true);
  assertEquals(stored(vcpu, "ESR_EL1"), 0xbe000003n);
  assertEquals(hasWakeUpEvent(vcpu), false);
});

Deno.test("masked interrupts still end a WFI", () => {
  const { vcpu, gic } = testVcpu(1);
  gic.lines = INTERRUPT.irq;
  assertEquals(takeInterrupts(vcpu), false);
  assertEquals(hasWakeUpEvent(vcpu), true);
  gic.lines = INTERRUPT.virtualIrq;
  assertEquals(hasWakeUpEvent(vcpu), false);
  store(vcpu, "HCR_EL2", HCR_IMO);
  assertEquals(hasWakeUpEvent(vcpu), true);
  assertEquals(readSysreg(vcpu, sysregIndex("ISR_EL1")), 1 << 7);
});
