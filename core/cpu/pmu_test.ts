import { assertEquals } from "@std/assert";
import { setPstate } from "./exceptions.ts";
import { syncRegime } from "./regime.ts";
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
  // Only instructions count
  vcpu.instructions = 255;
  clock.advance(300);
  assertEquals([gic.ppis.get(23), read(vcpu, "PMEVCNTR1_EL0")], [false, 0xffffffff]);
  vcpu.instructions = 300;
  clock.advance(301);
  assertEquals(gic.ppis.get(23), true);
  assertEquals(read(vcpu, "PMEVCNTR1_EL0"), 44);
  assertEquals(read(vcpu, "PMOVSSET_EL0"), 2);
  write(vcpu, "PMOVSCLR_EL0", 2);
  assertEquals(gic.ppis.get(23), false);
});

Deno.test("the cycle counter overflows at 32 bits, and with PMCR_EL0.LC at 64", () => {
  for (const [pmcr, high] of [[1, 0], [1 | 64, 0xffffffff]]) {
    const { vcpu, clock, gic } = testVcpu(1);
    clock.advance(1000);
    write(vcpu, "PMCCNTR_EL0", -16, high);
    write(vcpu, "PMINTENSET_EL1", 0x80000000);
    write(vcpu, "PMCNTENSET_EL0", 0x80000000);
    write(vcpu, "PMCR_EL0", pmcr);
    clock.advance(1015);
    assertEquals([gic.ppis.get(23), read(vcpu, "PMOVSSET_EL0")], [false, 0]);
    clock.advance(1016);
    assertEquals([gic.ppis.get(23), read(vcpu, "PMOVSSET_EL0")], [true, 0x80000000]);
    write(vcpu, "PMOVSCLR_EL0", 0x80000000);
    clock.advance(2000);
    assertEquals([gic.ppis.get(23), read(vcpu, "PMCCNTR_EL0")], [false, 984]);
    // From 0 on there is nothing to overflow
    write(vcpu, "PMCR_EL0", pmcr | 4);
    clock.advance(3000);
    assertEquals([read(vcpu, "PMOVSSET_EL0"), read(vcpu, "PMCCNTR_EL0")], [0, 1000]);
  }
});

Deno.test("an overflow interrupts while its counters are enabled as a whole, whether it counts or not", () => {
  const { vcpu, clock, gic } = testVcpu(2);
  write(vcpu, "MDCR_EL2", 2);
  write(vcpu, "PMEVTYPER1_EL0", 0x11);
  write(vcpu, "PMINTENSET_EL1", 6);
  write(vcpu, "PMOVSSET_EL0", 6);
  assertEquals(gic.ppis.get(23), false);
  // Counter 1 follows PMCR_EL0.E
  write(vcpu, "PMCR_EL0", 1);
  assertEquals(gic.ppis.get(23), true);
  write(vcpu, "PMOVSCLR_EL0", 2);
  assertEquals(gic.ppis.get(23), false);
  // Counter 2 is the hypervisor's: MDCR_EL2.HPME
  write(vcpu, "MDCR_EL2", 2 | 1 << 7);
  assertEquals(gic.ppis.get(23), true);
  write(vcpu, "PMCR_EL0", 0);
  assertEquals(gic.ppis.get(23), true);
  clock.advance(10);
  write(vcpu, "PMOVSCLR_EL0", 4);
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

Deno.test("filters: counters stop and go with the Exception level", () => {
  const P = 1 << 31, U = 1 << 30, NSK = 1 << 29, NSU = 1 << 28, NSH = 1 << 27, M = 1 << 26;
  const countingAt = (filter: number, mdcr = 4, pmcr = 1) => {
    const { vcpu, clock } = testVcpu(1);
    write(vcpu, "MDCR_EL2", mdcr);
    write(vcpu, "PMCCFILTR_EL0", filter);
    write(vcpu, "PMEVTYPER0_EL0", filter | 0x11);
    write(vcpu, "PMCNTENSET_EL0", 0x80000001);
    write(vcpu, "PMCR_EL0", pmcr);
    const counts = (["PMCCNTR_EL0", "PMEVCNTR0_EL0"] as const).map((name) =>
      [0, 1, 2, 3].filter((el) => {
        setPstate(vcpu, el << 2);
        syncRegime(vcpu);
        const before = read(vcpu, name);
        clock.advance(clock.nowNs() + 10);
        setPstate(vcpu, 2 << 2);
        syncRegime(vcpu);
        return read(vcpu, name) - before >= 10;
      }).join("")
    );
    return counts;
  };
  const both = (levels: string) => [levels, levels];
  // At EL2, where the registers are read, no time passes
  assertEquals(countingAt(0), both("013"));
  assertEquals(countingAt(NSH), both("0123"));
  assertEquals(countingAt(U), both("13"));
  assertEquals(countingAt(P), both("0"));
  assertEquals(countingAt(P | M), both("03"));
  assertEquals(countingAt(P | NSK), both("01"));
  assertEquals(countingAt(NSU), both("13"));
  assertEquals(countingAt(P | U | NSH), both("2"));
  // MDCR_EL2.HPMD prohibits it at EL2, for the cycle counter with PMCR_EL0.DP
  assertEquals(countingAt(NSH, 4 | 1 << 17), ["0123", "013"]);
  assertEquals(countingAt(NSH, 4 | 1 << 17, 1 | 32), ["013", "013"]);
});
