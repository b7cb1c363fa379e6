import { assertEquals } from "@std/assert";
import { readSysreg, writeSysreg } from "./sysreg_access.ts";
import { sysregIndex } from "./sysregs.ts";
import { store, stored, testVcpu } from "./test_vcpu.ts";
import type { Vcpu } from "./vcpu.ts";

function read(vcpu: Vcpu, name: string): bigint {
  const lo = readSysreg(vcpu, sysregIndex(name));
  return BigInt(vcpu.hi) << 32n | BigInt(lo);
}
function write(vcpu: Vcpu, name: string, value: bigint): void {
  writeSysreg(vcpu, sysregIndex(name), Number(value & 0xffffffffn), Number(value >> 32n & 0xffffffffn));
}

Deno.test("the count follows the clock at the model's frequency", () => {
  const { vcpu, clock } = testVcpu(1);
  clock.advance(5_000_000_007);
  assertEquals(read(vcpu, "CNTPCT_EL0"), 5_000_000_007n);
  const a57 = testVcpu(1, { model: "cortex-a57" });
  a57.clock.advance(1_000_000_015);
  assertEquals(read(a57.vcpu, "CNTVCT_EL0"), 62_500_000n);
});

Deno.test("CNTVOFF_EL2 moves the virtual count, but not a host's", () => {
  const { vcpu, clock } = testVcpu(1);
  clock.advance(1000);
  write(vcpu, "CNTVOFF_EL2", 400n);
  assertEquals(read(vcpu, "CNTVCT_EL0"), 600n);
  write(vcpu, "CNTVOFF_EL2", 2000n);
  assertEquals(read(vcpu, "CNTVCT_EL0"), (1n << 64n) - 1000n);
  store(vcpu, "HCR_EL2", 1n << 34n);
  vcpu.set32("pstate", 0x3c9);
  assertEquals(read(vcpu, "CNTVCT_EL0"), 1000n);
});

// deno-fmt-ignore
const LINES = [
  ["CNTP", "EL0", 30], ["CNTV", "EL0", 27], ["CNTHP", "EL2", 26], ["CNTHV", "EL2", 28], ["CNTPS", "EL1", 29],
  ["CNTHPS", "EL2", 20], ["CNTHVS", "EL2", 19],
] as const;

Deno.test("a timer raises its line when the count reaches CVAL, unless masked", () => {
  for (const [name, suffix, intid] of LINES) {
    const { vcpu, clock, gic } = testVcpu(3);
    write(vcpu, `${name}_CVAL_${suffix}`, 1000n);
    write(vcpu, `${name}_CTL_${suffix}`, 1n);
    clock.advance(999);
    assertEquals(gic.ppis.get(intid), false);
    assertEquals(read(vcpu, `${name}_CTL_${suffix}`), 1n);
    clock.advance(1000);
    assertEquals(gic.ppis.get(intid), true);
    assertEquals(read(vcpu, `${name}_CTL_${suffix}`), 5n);
    write(vcpu, `${name}_CTL_${suffix}`, 3n);
    assertEquals(gic.ppis.get(intid), false);
    assertEquals(read(vcpu, `${name}_CTL_${suffix}`), 7n);
    write(vcpu, `${name}_CTL_${suffix}`, 1n);
    write(vcpu, `${name}_TVAL_${suffix}`, 500n);
    assertEquals(gic.ppis.get(intid), false);
    assertEquals(stored(vcpu, `${name}_CVAL_${suffix}`), 1500n);
    assertEquals(read(vcpu, `${name}_TVAL_${suffix}`), 500n);
    clock.advance(2000);
    assertEquals(gic.ppis.get(intid), true);
    assertEquals(read(vcpu, `${name}_TVAL_${suffix}`), 0xffffffffn - 499n);
  }
});

Deno.test("a TVAL with bit 31 set lies in the past", () => {
  const { vcpu, clock, gic } = testVcpu(1);
  clock.advance(2 ** 33);
  write(vcpu, "CNTP_CTL_EL0", 1n);
  write(vcpu, "CNTP_TVAL_EL0", 0xffffffffn);
  assertEquals(stored(vcpu, "CNTP_CVAL_EL0"), (1n << 33n) - 1n);
  assertEquals(gic.ppis.get(30), true);
});

Deno.test("the virtual timer follows CNTVOFF_EL2", () => {
  const { vcpu, clock, gic } = testVcpu(2);
  write(vcpu, "CNTV_CVAL_EL0", 1000n);
  write(vcpu, "CNTV_CTL_EL0", 1n);
  clock.advance(5000);
  assertEquals(gic.ppis.get(27), true);
  write(vcpu, "CNTVOFF_EL2", 5000n);
  assertEquals(gic.ppis.get(27), false);
  clock.advance(5999);
  assertEquals(gic.ppis.get(27), false);
  clock.advance(6000);
  assertEquals(gic.ppis.get(27), true);
});

Deno.test("a compare value out of reach schedules nothing and does not fire", () => {
  const { vcpu, clock, gic } = testVcpu(1);
  write(vcpu, "CNTP_CVAL_EL0", (1n << 64n) - 1n);
  write(vcpu, "CNTP_CTL_EL0", 1n);
  clock.advance(2 ** 50);
  assertEquals(gic.ppis.get(30), false);
});

Deno.test("at 62.5 MHz the event comes at the tick, not before", () => {
  const { vcpu, clock, gic } = testVcpu(1, { model: "cortex-a57" });
  write(vcpu, "CNTP_CVAL_EL0", 3n);
  write(vcpu, "CNTP_CTL_EL0", 1n);
  clock.advance(47);
  assertEquals(gic.ppis.get(30), false);
  clock.advance(48);
  assertEquals(gic.ppis.get(30), true);
});
