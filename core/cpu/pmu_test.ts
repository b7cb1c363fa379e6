import { assertEquals } from "@std/assert";
import { readSysreg, writeSysreg } from "./sysreg_access.ts";
import { sysregIndex } from "./sysregs.ts";
import { testVcpu } from "./test_vcpu.ts";
import type { Vcpu } from "./vcpu.ts";

function read(vcpu: Vcpu, name: string): number {
  const lo = readSysreg(vcpu, sysregIndex(name));
  return vcpu.hi * 2 ** 32 + lo;
}
function write(vcpu: Vcpu, name: string, lo: number, hi = 0): void {
  writeSysreg(vcpu, sysregIndex(name), lo >>> 0, hi);
}

Deno.test("PMCR_EL0 tells the implementation and the number of counters", () => {
  assertEquals(read(testVcpu(1).vcpu, "PMCR_EL0"), 0x41012000);
  assertEquals(read(testVcpu(1, { model: "cortex-a57" }).vcpu, "PMCR_EL0"), 0x41013000);
});

Deno.test("the cycle counter counts while it is enabled", () => {
  const { vcpu, clock } = testVcpu(1);
  clock.advance(100);
  write(vcpu, "PMCNTENSET_EL0", 0x80000000);
  write(vcpu, "PMCR_EL0", 1);
  clock.advance(350);
  assertEquals(read(vcpu, "PMCCNTR_EL0"), 250);
  write(vcpu, "PMCR_EL0", 0);
  clock.advance(1000);
  assertEquals(read(vcpu, "PMCCNTR_EL0"), 250);
  write(vcpu, "PMCR_EL0", 1 | 4);
  clock.advance(1010);
  assertEquals(read(vcpu, "PMCCNTR_EL0"), 10);
});

Deno.test("an event counter counts instructions, overflows and interrupts", () => {
  const { vcpu, clock, gic } = testVcpu(1);
  write(vcpu, "PMEVTYPER1_EL0", 8);
  write(vcpu, "PMEVCNTR1_EL0", 0xffffff00);
  write(vcpu, "PMINTENSET_EL1", 2);
  write(vcpu, "PMCNTENSET_EL0", 2);
  write(vcpu, "PMCR_EL0", 1);
  clock.advance(255);
  assertEquals(gic.ppis.get(23), false);
  clock.advance(300);
  assertEquals(gic.ppis.get(23), true);
  assertEquals(read(vcpu, "PMEVCNTR1_EL0"), 44);
  assertEquals(read(vcpu, "PMOVSSET_EL0"), 2);
  write(vcpu, "PMOVSCLR_EL0", 2);
  assertEquals(gic.ppis.get(23), false);
});

Deno.test("PMSELR_EL0 selects a counter, software increments it", () => {
  const { vcpu } = testVcpu(1);
  write(vcpu, "PMSELR_EL0", 2);
  write(vcpu, "PMXEVTYPER_EL0", 0);
  write(vcpu, "PMXEVCNTR_EL0", 5);
  write(vcpu, "PMCNTENSET_EL0", 4);
  write(vcpu, "PMCR_EL0", 1);
  write(vcpu, "PMSWINC_EL0", 4);
  assertEquals(read(vcpu, "PMEVCNTR2_EL0"), 6);
  write(vcpu, "PMCR_EL0", 3);
  assertEquals(read(vcpu, "PMXEVCNTR_EL0"), 0);
});
