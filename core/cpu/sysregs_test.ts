import { assert, assertEquals, assertThrows } from "@std/assert";
import { SYSREG_ACCESS } from "./layout.ts";
import { setSysregTraps, updateDirectAccess } from "./direct_access.ts";
import { illegalExceptionReturn } from "./exceptions.ts";
import { readSysreg, writeSysreg } from "./sysreg_access.ts";
import { accessLevels, checkSysregAccess, OUTCOME } from "./sysreg_check.ts";
import { SYSREG_FUNCTIONS } from "./sysreg_functions.ts";
import { encodeSysreg, findSysreg, parseSysreg, sysregIndex, sysregName, SYSREGS } from "./sysregs.ts";
import { executeMrs, executeMsr } from "./system_instructions.ts";
import { store, stored, testVcpu } from "./test_vcpu.ts";
import { parseEsr, parseSysregIss } from "./syndrome.ts";
import type { Vcpu } from "./vcpu.ts";

function encodingOf(name: string): number {
  return encodeSysreg(...SYSREGS[sysregIndex(name)].op!);
}

function mrs(vcpu: Vcpu, name: string): bigint {
  vcpu.redirected = false;
  executeMrs(vcpu, encodingOf(name));
  return vcpu.u64[vcpu.scratch64(0)];
}

function msr(vcpu: Vcpu, name: string, value: bigint): void {
  vcpu.redirected = false;
  executeMsr(vcpu, encodingOf(name), Number(value & 0xffffffffn), Number(value >> 32n & 0xffffffffn));
}

Deno.test("the table names each register and encoding once and stacks stand in order", () => {
  for (const [index, { op }] of SYSREGS.entries()) if (op) assertEquals(findSysreg(encodeSysreg(...op)), index);
  const sp = sysregIndex("SP_EL0");
  assertEquals([1, 2, 3].map((el) => sysregIndex(`SP_EL${el}`)), [sp + 1, sp + 2, sp + 3]);
  assertEquals(sysregName(encodeSysreg(3, 4, 12, 9, 5)), "ICC_SRE_EL2");
  assertEquals(sysregName(encodeSysreg(3, 1, 15, 2, 7)), "S3_1_C15_C2_7");
  assertEquals(parseSysreg("s3_1_c15_c2_7"), encodeSysreg(3, 1, 15, 2, 7));
  assertEquals(parseSysreg("ttbr0_el1"), encodeSysreg(3, 0, 2, 0, 0));
  assertEquals(parseSysreg("nonsense"), -1);
  assertThrows(() => sysregIndex("NONE_EL1"), TypeError);
});

Deno.test("registers that store nothing of their own have functions", () => {
  for (const name of ["NZCV", "DAIF", "CurrentEL", "SPSel", "PAN", "FPCR", "CNTVCT_EL0", "PMCR_EL0", "ISR_EL1"]) {
    assert(SYSREG_FUNCTIONS[sysregIndex(name)]?.read, name);
  }
});

Deno.test("accessLevels() takes access strings apart", () => {
  assertEquals(accessLevels("EL1"), { read: 1, write: 1 });
  assertEquals(accessLevels("EL0 RO"), { read: 0, write: 4 });
  assertEquals(accessLevels("EL1 WO"), { read: 4, write: 1 });
  assertEquals(accessLevels("EL0/EL1"), { read: 0, write: 1 });
});

Deno.test("max and cortex-a57 report their ID registers", () => {
  const { vcpu } = testVcpu(2);
  assertEquals(mrs(vcpu, "MIDR_EL1"), 0x000f0510n);
  assertEquals(mrs(vcpu, "ID_AA64PFR0_EL1"), 0x1101_0010_0111_1111n);
  assertEquals(mrs(vcpu, "CTR_EL0"), 0xb444c004n);
  assertEquals(mrs(vcpu, "CNTFRQ_EL0"), 1_000_000_000n);
  assertEquals(mrs(vcpu, "DCZID_EL0"), 4n);
  const a57 = testVcpu(2, { model: "cortex-a57" }).vcpu;
  assertEquals(mrs(a57, "MIDR_EL1"), 0x411fd070n);
  assertEquals(mrs(a57, "ID_AA64PFR0_EL1"), 0x01001111n);
  assertEquals(mrs(a57, "ID_AA64MMFR0_EL1"), 0x1124n);
  assertEquals(mrs(a57, "CNTFRQ_EL0"), 62_500_000n);
  const noEl3 = testVcpu(2, { model: "cortex-a57", el3: false }).vcpu;
  assertEquals(mrs(noEl3, "ID_AA64PFR0_EL1"), 0x01000111n);
});

Deno.test("no model has AArch32: its ID registers are 0, its registers for EL2 and EL3 are none", () => {
  for (const model of ["max", "cortex-a57"]) {
    const { vcpu } = testVcpu(3, { model });
    for (const { name } of SYSREGS.filter(({ name }) => /^(ID_(?!AA64)|MVFR)/.test(name))) {
      assertEquals(mrs(vcpu, name), 0n, name);
    }
    for (const name of ["DACR32_EL2", "IFSR32_EL2", "FPEXC32_EL2", "DBGVCR32_EL2", "SDER32_EL3"]) {
      mrs(vcpu, name);
      assert(vcpu.redirected, name);
    }
    // ERET to AArch32 is illegal
    assert(illegalExceptionReturn(vcpu, 0x10, 3));
  }
});

Deno.test("MIDR_EL1 and MPIDR_EL1 read as the hypervisor's values at EL1", () => {
  const { vcpu } = testVcpu(1);
  store(vcpu, "VPIDR_EL2", 0x1234n);
  store(vcpu, "VMPIDR_EL2", 0x80000003n);
  assertEquals(mrs(vcpu, "MIDR_EL1"), 0x1234n);
  assertEquals(mrs(vcpu, "MPIDR_EL1"), 0x80000003n);
});

Deno.test("reserved ID registers read as zero, other unknown encodings are UNDEFINED", () => {
  const { vcpu } = testVcpu(1);
  executeMrs(vcpu, encodeSysreg(3, 0, 0, 7, 5));
  assertEquals(vcpu.redirected, false);
  assertEquals(vcpu.u64[vcpu.scratch64(0)], 0n);
  executeMrs(vcpu, encodeSysreg(3, 0, 13, 9, 1));
  assertEquals(vcpu.redirected, true);
  assertEquals(parseEsr(Number(stored(vcpu, "ESR_EL1"))).ec, 0);
});

Deno.test("an EL1 access to an EL2 register is UNDEFINED", () => {
  const { vcpu } = testVcpu(1);
  mrs(vcpu, "HCR_EL2");
  assertEquals(vcpu.redirected, true);
  assertEquals(vcpu.currentEl(), 1);
});

Deno.test("writable masks keep reserved bits, also by feature", () => {
  const { vcpu } = testVcpu(3);
  msr(vcpu, "HCR_EL2", (1n << 64n) - 1n);
  assertEquals(stored(vcpu, "HCR_EL2") & 1n << 31n, 1n << 31n);
  assertEquals(stored(vcpu, "HCR_EL2") & 1n << 42n, 0n);
  assertEquals(stored(vcpu, "HCR_EL2") & 1n << 34n, 1n << 34n);
  const a57 = testVcpu(3, { model: "cortex-a57" }).vcpu;
  msr(a57, "HCR_EL2", (1n << 64n) - 1n);
  assertEquals(stored(a57, "HCR_EL2") & 1n << 34n, 0n);
  msr(a57, "VBAR_EL1", 0xffff_0000_1234_5fffn);
  assertEquals(stored(a57, "VBAR_EL1"), 0xffff_0000_1234_5800n);
});

Deno.test("HCR_EL2.TVM traps writes of TTBR0_EL1 from EL1 with the ISS of the instruction", () => {
  const { vcpu } = testVcpu(1);
  writeSysreg(vcpu, sysregIndex("HCR_EL2"), 1 << 26, 0x300);
  assertEquals(mrs(vcpu, "TTBR0_EL1"), 0n);
  assertEquals(vcpu.redirected, false);
  msr(vcpu, "TTBR0_EL1", 0x1000n);
  assertEquals(vcpu.redirected, true);
  assertEquals(vcpu.currentEl(), 2);
  const { ec, iss } = parseEsr(Number(stored(vcpu, "ESR_EL2")));
  assertEquals(ec, 0x18);
  assertEquals(parseSysregIss(iss), { encoding: encodingOf("TTBR0_EL1"), Rt: 31, isRead: false });
  assertEquals(stored(vcpu, "ELR_EL2"), 0x1000n);
});

Deno.test("TID3 traps ID registers, TIDCP IMPLEMENTATION DEFINED ones, TACR ACTLR_EL1", () => {
  for (
    const [bit, encoding] of [
      [18, encodingOf("ID_AA64PFR0_EL1")],
      [18, encodeSysreg(3, 0, 0, 7, 5)],
      [20, encodeSysreg(3, 1, 15, 2, 0)],
      [21, encodingOf("ACTLR_EL1")],
      [17, encodingOf("CTR_EL0")],
    ]
  ) {
    const { vcpu } = testVcpu(1);
    writeSysreg(vcpu, sysregIndex("HCR_EL2"), 1 << bit, 0x300);
    executeMrs(vcpu, encoding);
    assertEquals(vcpu.currentEl(), 2);
    assertEquals(parseEsr(Number(stored(vcpu, "ESR_EL2"))).ec, 0x18);
  }
});

Deno.test("CNTHCTL_EL2 and CNTKCTL_EL1 trap the timers", () => {
  const { vcpu } = testVcpu(1);
  writeSysreg(vcpu, sysregIndex("CNTHCTL_EL2"), 0, 0);
  const check = (name: string, el: number) => checkSysregAccess(vcpu, sysregIndex(name), false, el);
  assertEquals(check("CNTPCT_EL0", 1), 2);
  assertEquals(check("CNTP_CTL_EL0", 1), 2);
  assertEquals(check("CNTVCT_EL0", 1), OUTCOME.access);
  assertEquals(check("CNTVCT_EL0", 0), 1);
  writeSysreg(vcpu, sysregIndex("CNTKCTL_EL1"), 2, 0);
  assertEquals(check("CNTVCT_EL0", 0), OUTCOME.access);
  assertEquals(check("CNTPCT_EL0", 0), 1);
  // With E2H the bits stand elsewhere
  writeSysreg(vcpu, sysregIndex("HCR_EL2"), 0, 0x304);
  writeSysreg(vcpu, sysregIndex("CNTHCTL_EL2"), 1 << 10, 0);
  assertEquals(check("CNTPCT_EL0", 1), OUTCOME.access);
  assertEquals(check("CNTP_CTL_EL0", 1), 2);
});

Deno.test("at EL2 with E2H, EL1 names reach EL2 registers and EL12 names EL1 registers", () => {
  const { vcpu } = testVcpu(2);
  mrs(vcpu, "SCTLR_EL12");
  assertEquals(vcpu.redirected, true);
  vcpu.set64("pc", 0x1000n);
  writeSysreg(vcpu, sysregIndex("HCR_EL2"), 0, 0x304);
  msr(vcpu, "TTBR0_EL1", 0x5000n);
  msr(vcpu, "TTBR0_EL12", 0x6000n);
  msr(vcpu, "CNTV_CVAL_EL0", 7n);
  msr(vcpu, "CNTV_CVAL_EL02", 8n);
  assertEquals(stored(vcpu, "TTBR0_EL2"), 0x5000n);
  assertEquals(stored(vcpu, "TTBR0_EL1"), 0x6000n);
  assertEquals(stored(vcpu, "CNTHV_CVAL_EL2"), 7n);
  assertEquals(stored(vcpu, "CNTV_CVAL_EL0"), 8n);
});

Deno.test("the timers of Secure EL2 exist there, and are those of its host", () => {
  const at = (el: number, scr: bigint, model = "max") => {
    const { vcpu } = testVcpu(el, { model });
    store(vcpu, "SCR_EL3", scr);
    return vcpu;
  };
  const has = (vcpu: Vcpu) =>
    ["CNTHPS_TVAL_EL2", "CNTHPS_CTL_EL2", "CNTHPS_CVAL_EL2", "CNTHVS_TVAL_EL2", "CNTHVS_CTL_EL2", "CNTHVS_CVAL_EL2"]
      .map((name) => checkSysregAccess(vcpu, sysregIndex(name), false, vcpu.currentEl()) === OUTCOME.access);
  const EEL2 = 1n << 18n, NS = 1n, all = Array(6).fill(true), none = Array(6).fill(false);
  assertEquals(has(at(2, EEL2)), all);
  assertEquals(has(at(2, NS)), none);
  assertEquals(has(at(3, EEL2 | NS)), all);
  assertEquals(has(at(3, NS)), none);
  assertEquals(has(at(1, EEL2)), none);
  assertEquals(has(at(2, EEL2, "cortex-a57")), none);
  const vcpu = at(2, EEL2);
  writeSysreg(vcpu, sysregIndex("HCR_EL2"), 0, 0x304);
  msr(vcpu, "CNTP_CVAL_EL0", 5n);
  msr(vcpu, "CNTV_CVAL_EL0", 6n);
  msr(vcpu, "CNTKCTL_EL1", 7n);
  assertEquals(["CNTHPS_CVAL_EL2", "CNTHVS_CVAL_EL2", "CNTHCTL_EL2"].map((name) => stored(vcpu, name)), [5n, 6n, 7n]);
  assertEquals(["CNTHP_CVAL_EL2", "CNTHV_CVAL_EL2"].map((name) => stored(vcpu, name)), [0n, 0n]);
});

Deno.test("GIC registers go to the GIC, to ICV ones at EL1 by IMO, and trap by ICH_HCR_EL2.TALL1", () => {
  const { vcpu, gic } = testVcpu(1);
  mrs(vcpu, "ICC_IAR1_EL1");
  writeSysreg(vcpu, sysregIndex("HCR_EL2"), 1 << 4, 0x300);
  mrs(vcpu, "ICC_IAR1_EL1");
  mrs(vcpu, "ICC_IAR0_EL1");
  mrs(vcpu, "ICC_PMR_EL1");
  assertEquals(gic.accesses, ["ICC_IAR1_EL1", "ICC_IAR1_EL1 virtual", "ICC_IAR0_EL1", "ICC_PMR_EL1 virtual"]);
  assertEquals(mrs(vcpu, "ICC_SRE_EL1"), 7n);
  gic.ichHcr = 1 << 12;
  mrs(vcpu, "ICC_IAR1_EL1");
  assertEquals(vcpu.currentEl(), 2);
  assertEquals(gic.accesses.length, 4);
});

Deno.test("ICC_SGI1R_EL1 traps to EL2 while interrupts are virtual", () => {
  const { vcpu, gic } = testVcpu(1);
  msr(vcpu, "ICC_SGI1R_EL1", 5n);
  assertEquals(gic.accesses, ["ICC_SGI1R_EL1=5"]);
  writeSysreg(vcpu, sysregIndex("HCR_EL2"), 1 << 3, 0x300);
  msr(vcpu, "ICC_SGI1R_EL1", 5n);
  assertEquals(vcpu.currentEl(), 2);
});

Deno.test("registers without GICv3 are UNDEFINED", () => {
  const { vcpu } = testVcpu(1);
  vcpu.sysregPresent[sysregIndex("ICC_PMR_EL1")] = 0;
  mrs(vcpu, "ICC_PMR_EL1");
  assertEquals(vcpu.redirected, true);
});

Deno.test("the GIC has the registers of 5 preemption bits and 4 list registers", () => {
  const { vcpu } = testVcpu(2);
  const has = (name: string) => {
    mrs(vcpu, name);
    return !vcpu.redirected;
  };
  const existing = (prefix: string, suffix: string) =>
    Array.from({ length: 16 }, (_, n) => n).filter((n) => parseSysreg(`${prefix}${n}_${suffix}`) >= 0)
      .filter((n) => has(`${prefix}${n}_${suffix}`));
  assertEquals(["ICC_AP0R", "ICC_AP1R"].map((prefix) => existing(prefix, "EL1")), [[0], [0]]);
  assertEquals(["ICH_AP0R", "ICH_AP1R"].map((prefix) => existing(prefix, "EL2")), [[0], [0]]);
  assertEquals(existing("ICH_LR", "EL2"), [0, 1, 2, 3]);
});

Deno.test("direct access follows the traps", () => {
  const { vcpu } = testVcpu(1);
  const access = (name: string) => vcpu.u8[vcpu.base + SYSREG_ACCESS + sysregIndex(name)];
  assertEquals(access("TPIDR_EL0"), 0xff);
  assertEquals(access("TPIDRRO_EL0"), 0xef);
  assertEquals(access("ESR_EL1"), 0xee);
  assertEquals(access("TTBR0_EL1"), 0x0e);
  assertEquals(access("CNTVCT_EL0"), 0);
  assertEquals(access("ELR_EL2"), 0xcc);
  assertEquals(access("SP_EL0"), 0xee);
  assertEquals(access("MIDR_EL1"), 0);
  assertEquals(access("VBAR_EL1") >> 4, 0);
  writeSysreg(vcpu, sysregIndex("HCR_EL2"), 1 << 26, 0x304);
  assertEquals(access("ESR_EL1"), 0xca & ~0x40 & 0xff);
  writeSysreg(vcpu, sysregIndex("HCR_EL2"), 0, 0x300);
  assertEquals(access("ESR_EL1"), 0xee);
  msr(vcpu, "SPSel", 0n);
  assertEquals(access("SP_EL0"), 0);
  msr(vcpu, "SPSel", 1n);
  assertEquals(access("SP_EL0"), 0xee);
});

Deno.test("a forced trap takes a register to EL2 that has no trap bit", () => {
  const { vcpu } = testVcpu(1);
  const traps = new Uint8Array(vcpu.sysregTraps.length);
  traps[sysregIndex("TPIDR_EL0")] = 1;
  traps[sysregIndex("OSLAR_EL1")] = 2;
  setSysregTraps(vcpu, traps);
  assertEquals(vcpu.u8[vcpu.base + SYSREG_ACCESS + sysregIndex("TPIDR_EL0")], 0xfc);
  mrs(vcpu, "TPIDR_EL0");
  assertEquals(parseEsr(Number(stored(vcpu, "ESR_EL2"))), {
    ec: 0x18,
    il: 1,
    iss: 3 << 20 | 2 << 17 | 3 << 14 | 13 << 10 | 31 << 5 | 0 << 1 | 1,
  });
});

Deno.test("PAuth keys trap without HCR_EL2.APK, LOR registers with TLOR", () => {
  const { vcpu } = testVcpu(1);
  writeSysreg(vcpu, sysregIndex("HCR_EL2"), 0, 8);
  assertEquals(checkSysregAccess(vcpu, sysregIndex("APIAKeyLo_EL1"), true, 1), 2);
  assertEquals(checkSysregAccess(vcpu, sysregIndex("LORC_EL1"), true, 1), 2);
  updateDirectAccess(vcpu);
  assertEquals(vcpu.u8[vcpu.base + SYSREG_ACCESS + sysregIndex("APIAKeyLo_EL1")], 0xcc);
});

Deno.test("PSTATE registers are views", () => {
  const { vcpu } = testVcpu(1);
  assertEquals(mrs(vcpu, "DAIF"), 0x3c0n);
  msr(vcpu, "DAIF", 0x80n);
  assertEquals(mrs(vcpu, "DAIF"), 0x80n);
  msr(vcpu, "NZCV", 0xa0000000n);
  assertEquals(vcpu.get32("nzcv"), 10);
  assertEquals(mrs(vcpu, "NZCV"), 0xa0000000n);
  assertEquals(mrs(vcpu, "CurrentEL"), 4n);
  msr(vcpu, "PAN", 1n << 22n);
  assertEquals(mrs(vcpu, "PAN"), 1n << 22n);
});

Deno.test("SPSel changes the stack pointer", () => {
  const { vcpu } = testVcpu(1);
  vcpu.setX(32, 0x1111, 1);
  msr(vcpu, "SP_EL0", 0x2222n);
  msr(vcpu, "SPSel", 0n);
  assertEquals([vcpu.xLo(32), vcpu.xHi(32)], [0x2222, 0]);
  assertEquals(stored(vcpu, "SP_EL1"), 0x1_0000_1111n);
  mrs(vcpu, "SP_EL0");
  assertEquals(vcpu.redirected, true);
});

Deno.test("the OS lock is written by OSLAR_EL1 and read by OSLSR_EL1", () => {
  const { vcpu } = testVcpu(1);
  assertEquals(mrs(vcpu, "OSLSR_EL1"), 10n);
  msr(vcpu, "OSLAR_EL1", 0n);
  assertEquals(mrs(vcpu, "OSLSR_EL1"), 8n);
});

Deno.test("random accesses from every level neither throw nor leave the vCPU in a bad state", () => {
  let seed = 1;
  const random = () => (seed = Math.imul(seed, 1103515245) + 12345 >>> 0) >>> 8;
  for (const model of ["max", "cortex-a57"]) {
    for (let el = 0; el <= 3; el++) {
      const { vcpu } = testVcpu(Math.max(el, 1), { model });
      for (let i = 0; i < 4000; i++) {
        vcpu.set32("pstate", 0x3c0 | el << 2 | (el > 0 ? 1 : 0));
        const op = SYSREGS[random() % SYSREGS.length].op;
        const encoding = op && random() % 4 > 0 ? encodeSysreg(...op) : 0x8000 | random() & 0x7fff;
        if (random() & 1) executeMrs(vcpu, encoding);
        else executeMsr(vcpu, encoding, random() * 256 >>> 0, random() * 256 >>> 0);
      }
      assert(readSysreg(vcpu, sysregIndex("MIDR_EL1")) >= 0);
    }
  }
});
