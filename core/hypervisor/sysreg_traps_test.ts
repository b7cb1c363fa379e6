import { assertEquals } from "@std/assert";
import { setSysregTraps } from "../cpu/direct_access.ts";
import { sysregIndex, SYSREGS } from "../cpu/sysregs.ts";
import { makeVerdict, type Verdict } from "../policy/verdict.ts";
import { HypervisorFixture } from "./fixture.ts";

/** A guest whose accesses to these registers trap: bit 0 reads, bit 1 writes. */
function bench(traps: Record<string, number>, decide?: (name: string, isWrite: boolean) => Verdict | undefined) {
  const f = new HypervisorFixture();
  const seen: string[] = [];
  const allow = f.vm.decide;
  f.vm.decide = (trap) => {
    if (trap.kind !== "sysreg") return allow(trap);
    seen.push(trap.what);
    return decide?.(trap.name, trap.isWrite) ?? allow(trap);
  };
  const bytes = new Uint8Array(f.machine.vcpus[0].sysregTraps.length);
  for (const [name, bits] of Object.entries(traps)) bytes[sysregIndex(name)] = bits;
  setSysregTraps(f.machine.vcpus[0], bytes);
  return { f, seen };
}

Deno.test("Registers that are trapped without need are as they would be", () => {
  const { f, seen } = bench({
    MIDR_EL1: 1,
    MPIDR_EL1: 1,
    TPIDR_EL1: 3,
    ICC_PMR_EL1: 3,
    CNTVCT_EL0: 1,
    PAN: 3,
    ID_AA64PFR0_EL1: 1,
  });
  f.runGuest(`
    mrs x1, midr_el1
    mrs x2, mpidr_el1
    ldr x3, =0x123456789abc
    msr tpidr_el1, x3
    mrs x3, tpidr_el1
    mov x4, #0xf0
    msr icc_pmr_el1, x4
    mrs x4, icc_pmr_el1
    mrs x5, cntvct_el0
    mrs x6, cntvct_el0
    mov x7, #1 << 22
    msr pan, x7
    mrs x7, pan
    mrs x9, currentel
    mrs x10, id_aa64pfr0_el1`);
  assertEquals(f.x(24), 0n);
  assertEquals([1, 2, 3, 4].map((n) => f.x(n)), [0xf0510n, 0x8000_0000n, 0x1234_5678_9abcn, 0xf0n]);
  assertEquals(f.x(6) > f.x(5) && f.x(5) < 1000n, true);
  assertEquals([7, 9].map((n) => f.x(n)), [1n << 22n, 4n]);
  assertEquals(f.x(10) & 0xffn, 0x11n);
  assertEquals(seen.length, 11);
  assertEquals(f.vm.statistics().sysreg, { allow: 11 });
});

Deno.test("Policies decide on registers", () => {
  const run = (verdict: Verdict) => {
    const { f } = bench({ TPIDR_EL1: 3 }, (_, isWrite) => isWrite ? undefined : verdict);
    f.runGuest("ldr x1, =0x12345678\nmsr tpidr_el1, x1\nmrs x2, tpidr_el1");
    return [f.x(2), f.x(24), f.x(24) === 0n ? 0n : f.x(20)];
  };
  assertEquals(run(makeVerdict("value", { valueLo: 1, valueHi: 2 })), [0x2_0000_0001n, 0n, 0n]);
  assertEquals(run(makeVerdict("mask", { clearLo: 0xffff, valueHi: 1 })), [0x1_1234_0000n, 0n, 0n]);
  assertEquals(run(makeVerdict("ignore")), [0n, 0n, 0n]);
  assertEquals(run(makeVerdict("deny")), [0n, 0x200n, 0x0200_0000n]);
});

Deno.test("Performance counters that are trapped count what the guest executes", () => {
  const source = `
    mov x1, #1 << 31
    msr pmcntenset_el0, x1
    mov x1, #0x41
    msr pmcr_el0, x1
    mrs x2, pmccntr_el0
    mrs x3, pmccntr_el0
    sub x3, x3, x2`;
  const run = (traps: Record<string, number>) => bench(traps).f.runGuest(source);
  const free = run({}), trapped = run({ PMCNTENSET_EL0: 3, PMCR_EL0: 3, PMCCNTR_EL0: 3 });
  assertEquals([free.x(24), free.x(3) > 0n, trapped.x(3)], [0n, true, free.x(3)]);
});

Deno.test("Writes that are ignored do nothing, and XZR stays zero", () => {
  const { f } = bench({ TPIDR_EL1: 3 }, () => makeVerdict("ignore"));
  f.runGuest("mov x1, #5\nmsr tpidr_el1, x1\nmrs xzr, tpidr_el1\nmov x2, xzr");
  assertEquals(f.x(2), 0n);
  assertEquals(f.machine.vcpus[0].sysLo(sysregIndex("TPIDR_EL1")), 0);
});

Deno.test("What a guest has not is UNDEFINED and recorded: reserved encodings, registers of EL2, writes of constants", () => {
  const cases = [
    ["mrs x1, s3_1_c15_c7_7", "S3_1_C15_C7_7:r"],
    ["mrs x1, s3_3_c4_c2_7", "S3_3_C4_C2_7:r"],
    ["msr s2_1_c3_c3_1, x1", "S2_1_C3_C3_1:w"],
    ["mrs x1, hcr_el2", "HCR_EL2:r"],
    ["msr scr_el3, x1", "SCR_EL3:w"],
    ["msr midr_el1, x1", "MIDR_EL1:w"],
    ["mrs x1, oslar_el1", "OSLAR_EL1:r"],
    ["msr cntfrq_el0, x1", "CNTFRQ_EL0:w"],
    ["mrs x1, sctlr_el12", "SCTLR_EL12:r"],
    ["mrs x1, dbgbvr15_el1", "DBGBVR15_EL1:r"],
    ["mrs x1, id_aa64zfr0_el1", ""],
    ["tlbi alle2", "S1_4_C8_C7_0:w"],
    ["sys #0, c7, c2, #0, x1", "S1_0_C7_C2_0:w"],
    ["sysl x1, #0, c7, c2, #0", "S1_0_C7_C2_0:r"],
  ];
  for (const [source, what] of cases) {
    const { f, seen } = bench({});
    f.runGuest(`mov x1, #7\n${source}`);
    assertEquals(seen, what === "" ? [] : [what], source);
    if (what === "") continue;
    assertEquals([f.x(24), f.x(20), f.x(1)], [0x200n, 0x0200_0000n, 7n], source);
    assertEquals(f.vm.statistics().sysreg, { deny: 1 });
    assertEquals(f.lines.length, 1);
  }
});

Deno.test("What EL1 keeps from EL0 is between the two; what the guest has not is recorded at EL0, too", () => {
  const run = (source: string) => {
    const { f, seen } = bench({});
    f.runGuest(`
      adr x1, user
      msr elr_el1, x1
      msr spsr_el1, xzr
      eret
user: ${source}`);
    return [f.x(24), f.x(20), ...seen];
  };
  const undefined_ = [0x400n, 0x0200_0000n];
  assertEquals(run("mrs x1, midr_el1"), undefined_);
  assertEquals(run("msr sp_el0, x1"), undefined_);
  assertEquals(run("tlbi vmalle1"), undefined_);
  assertEquals(run("mrs x1, vttbr_el2"), [...undefined_, "VTTBR_EL2:r"]);
  assertEquals(run("mrs x1, s3_3_c4_c2_7"), [...undefined_, "S3_3_C4_C2_7:r"]);
});

Deno.test("SP_EL0 while it is the stack pointer is UNDEFINED as on any CPU", () => {
  const { f, seen } = bench({ SP_EL0: 3 });
  f.runGuest("msr spsel, #0\nmrs x1, sp_el0");
  assertEquals([f.x(24), f.x(20), ...seen], [0n, 0x0200_0000n]);
});

Deno.test("Policies decide on what a guest has not", () => {
  const run = (verdict: Verdict) => {
    const { f } = bench({}, () => verdict);
    f.runGuest("mov x1, #7\nmrs x1, s3_3_c4_c2_7\nmsr ttbr0_el2, x1");
    return [f.x(1), f.x(24)];
  };
  assertEquals(run(makeVerdict("value", { valueLo: 1, valueHi: 2 })), [0x2_0000_0001n, 0n]);
  assertEquals(run(makeVerdict("ignore")), [0n, 0n]);
  assertEquals(run(makeVerdict("mask", { valueLo: 1 })), [7n, 0x200n]);
});

Deno.test("Every register can be trapped and allowed, from EL1, without a throw", () => {
  const traps = Object.fromEntries(SYSREGS.filter((r) => r.op).map((r) => [r.name, 3]));
  const { f } = bench(traps);
  for (const { name, op } of SYSREGS) {
    if (!op) continue;
    const [op0, op1, CRn, CRm, op2] = op;
    f.runGuest(`mrs x1, s${op0}_${op1}_c${CRn}_c${CRm}_${op2}\nmsr s${op0}_${op1}_c${CRn}_c${CRm}_${op2}, x1`, 500);
    assertEquals(f.vm.trapCount > 0, true, name);
  }
});
