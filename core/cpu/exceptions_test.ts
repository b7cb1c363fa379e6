import { assert, assertEquals } from "@std/assert";
import { FAULT, Fault } from "../mmu/fault.ts";
import { takeAbort, takeExternalAbort } from "./aborts.ts";
import { checkBranchTarget, isBtypeCompatible, setBtype } from "./branch_target.ts";
import {
  callHypervisor,
  callSecureMonitor,
  callSupervisor,
  softwareBreakpoint,
  takeFpAccessTrap,
} from "./exception_generation.ts";
import { CpuExceptionModel } from "./exception_model.ts";
import {
  exceptionReturn,
  setBranchTarget,
  setPstate,
  takePcAlignmentFault,
  takeUndefined,
  VECTOR,
} from "./exceptions.ts";
import { syncRegime, updateRegime } from "./regime.ts";
import { writeSysreg } from "./sysreg_access.ts";
import { sysregIndex } from "./sysregs.ts";
import { store, stored, testVcpu } from "./test_vcpu.ts";
import type { Vcpu } from "./vcpu.ts";

const EL1H = 0x3c5, EL1T = 0x3c4, EL2H = 0x3c9;

/** Vector bases, so that the PC tells where an exception went. */
function withVectors(vcpu: Vcpu): Vcpu {
  for (let el = 1; el <= 3; el++) store(vcpu, `VBAR_EL${el}`, BigInt(el) << 16n);
  return vcpu;
}
function at(el: number, options = {}) {
  return withVectors(testVcpu(el, options).vcpu);
}
/** A vCPU at EL0, with EL1 as it is after reset. */
function atEl0(): Vcpu {
  const vcpu = at(1);
  store(vcpu, "SPSR_EL1", 0n);
  store(vcpu, "ELR_EL1", 0x1000n);
  exceptionReturn(vcpu);
  assertEquals(vcpu.currentEl(), 0);
  return vcpu;
}
function esr(vcpu: Vcpu, el: number): [ec: number, iss: number] {
  const value = Number(stored(vcpu, `ESR_EL${el}`));
  return [value >>> 26, value & 0x1ffffff];
}

Deno.test("SVC from EL0 goes to EL1 with the next address and all of PSTATE", () => {
  const vcpu = atEl0();
  vcpu.set32("nzcv", 0xa);
  vcpu.set32("pstate", vcpu.get32("pstate") | 1 << 24 | 1 << 12);
  vcpu.setX(32, 0xaaaa, 0);
  store(vcpu, "SP_EL1", 0xbbbbn);
  callSupervisor(vcpu, 0x123);
  assertEquals(esr(vcpu, 1), [0x15, 0x123]);
  assertEquals(vcpu.get64("pc"), 0x10400n);
  assertEquals(stored(vcpu, "ELR_EL1"), 0x1004n);
  assertEquals(stored(vcpu, "SPSR_EL1"), 0xa1001000n);
  assertEquals(vcpu.get32("pstate") & 0x3cd, EL1H);
  assertEquals(vcpu.xLo(32), 0xbbbb);
  assertEquals(stored(vcpu, "SP_EL0"), 0xaaaan);
  exceptionReturn(vcpu);
  assertEquals(vcpu.get64("pc"), 0x1004n);
  assertEquals(vcpu.get32("nzcv"), 0xa);
  assertEquals(vcpu.get32("pstate"), 1 << 24 | 1 << 12);
  assertEquals(vcpu.xLo(32), 0xaaaa);
});

Deno.test("vector offsets: same level with SP_EL0 and SP_ELx, lower level", () => {
  const vcpu = at(1);
  takeUndefined(vcpu);
  assertEquals(vcpu.get64("pc"), 0x10200n);
  vcpu.set32("pstate", EL1T);
  takeUndefined(vcpu);
  assertEquals(vcpu.get64("pc"), 0x10000n);
  callHypervisor(vcpu, 0);
  assertEquals(vcpu.get64("pc"), 0x20400n);
  assertEquals(VECTOR.serror, 0x180);
});

Deno.test("HCR_EL2.TGE routes exceptions of EL0 to EL2", () => {
  const vcpu = atEl0();
  writeSysreg(vcpu, sysregIndex("HCR_EL2"), 1 << 27, 0x300);
  callSupervisor(vcpu, 1);
  assertEquals(vcpu.currentEl(), 2);
  assertEquals(esr(vcpu, 2), [0x15, 1]);
});

Deno.test("HVC: disabled by SCR_EL3.HCE and HCR_EL2.HCD, UNDEFINED at EL0", () => {
  const vcpu = at(1);
  callHypervisor(vcpu, 0x4a48);
  assertEquals(esr(vcpu, 2), [0x16, 0x4a48]);
  assertEquals(stored(vcpu, "ELR_EL2"), 0x1004n);
  const disabled = at(1);
  store(disabled, "SCR_EL3", 0xd31n & ~0x100n);
  callHypervisor(disabled, 0);
  assertEquals([disabled.currentEl(), ...esr(disabled, 1)], [1, 0, 0]);
  const hcd = at(1, { el3: false });
  store(hcd, "HCR_EL2", 1n << 29n);
  callHypervisor(hcd, 0);
  assertEquals(hcd.currentEl(), 1);
  const user = atEl0();
  callHypervisor(user, 0);
  assertEquals([user.currentEl(), ...esr(user, 1)], [1, 0, 0]);
});

Deno.test("SMC: to EL3, trapped by TSC before it executes, UNDEFINED by SMD and without EL3", () => {
  const vcpu = at(1);
  callSecureMonitor(vcpu, 0);
  assertEquals([vcpu.currentEl(), ...esr(vcpu, 3)], [3, 0x17, 0]);
  assertEquals(stored(vcpu, "ELR_EL3"), 0x1004n);
  const trapped = at(1);
  store(trapped, "HCR_EL2", 1n << 19n);
  callSecureMonitor(trapped, 7);
  assertEquals([trapped.currentEl(), ...esr(trapped, 2)], [2, 0x17, 7]);
  assertEquals(stored(trapped, "ELR_EL2"), 0x1000n);
  const none = at(1, { el3: false });
  callSecureMonitor(none, 0);
  assertEquals([none.currentEl(), ...esr(none, 1)], [1, 0, 0]);
});

Deno.test("BRK goes where debug exceptions go", () => {
  const vcpu = at(1);
  softwareBreakpoint(vcpu, 0x800);
  assertEquals([vcpu.currentEl(), ...esr(vcpu, 1)], [1, 0x3c, 0x800]);
  const routed = at(1);
  store(routed, "MDCR_EL2", 1n << 8n);
  softwareBreakpoint(routed, 1);
  assertEquals(routed.currentEl(), 2);
});

Deno.test("illegal exception returns set PSTATE.IL and take the Illegal Execution state exception", () => {
  for (const [el, spsr] of [[1, EL2H], [1, 0x10], [1, 0x1], [2, 0x6], [2, 0xd]]) {
    const vcpu = at(el);
    store(vcpu, `SPSR_EL${el}`, BigInt(spsr));
    store(vcpu, `ELR_EL${el}`, 0x5000n);
    exceptionReturn(vcpu);
    assertEquals(vcpu.currentEl(), el);
    assertEquals(esr(vcpu, el), [0x0e, 0]);
    assertEquals(stored(vcpu, `ELR_EL${el}`), 0x5000n);
    assert((stored(vcpu, `SPSR_EL${el}`) & 1n << 20n) !== 0n);
  }
  // To EL1 while TGE = 1
  const vcpu = at(2);
  store(vcpu, "HCR_EL2", 1n << 27n);
  store(vcpu, "SPSR_EL2", BigInt(EL1H));
  exceptionReturn(vcpu);
  assertEquals(esr(vcpu, 2), [0x0e, 0]);
});

Deno.test("PAN is set on entry while SPAN is 0, SSBS is DSSBS, UAO is cleared", () => {
  const vcpu = at(1);
  store(vcpu, "SCTLR_EL1", 1n << 44n);
  vcpu.set32("pstate", EL1H | 1 << 23);
  takeUndefined(vcpu);
  assertEquals(vcpu.get32("pstate"), EL1H | 1 << 22 | 1 << 12);
  const a57 = at(1, { model: "cortex-a57" });
  store(a57, "SCTLR_EL1", 1n << 44n);
  takeUndefined(a57);
  assertEquals(a57.get32("pstate"), EL1H);
});

Deno.test("PC alignment faults report the PC in FAR", () => {
  const vcpu = at(1);
  vcpu.set64("pc", 0xffff_8000_0000_0002n);
  takePcAlignmentFault(vcpu);
  assertEquals(esr(vcpu, 1), [0x22, 0]);
  assertEquals(stored(vcpu, "FAR_EL1"), 0xffff_8000_0000_0002n);
});

Deno.test("a stage 1 fault goes to EL1, a stage 2 fault to EL2 with HPFAR_EL2 and the instruction syndrome", () => {
  const vcpu = at(1), fault = new Fault();
  fault.statusCode = FAULT.translation;
  fault.level = 3;
  fault.vaLo = 0x12345678;
  takeAbort(vcpu, fault);
  assertEquals(esr(vcpu, 1), [0x25, 0x07]);
  assertEquals(stored(vcpu, "FAR_EL1"), 0x12345678n);
  fault.secondStage = true;
  fault.write = true;
  fault.ipa = 0x9000678;
  vcpu.mmu = {
    contextChanged: () => {},
    contextResumed: () => {},
    instructionWord: () => 0xb9000843, // str w3, [x2, #8]
    tlbi: () => {},
    at: () => true,
    cacheMaintenance: () => true,
    fault,
    fillExec: () => -1,
    guarded: false,
    isWatching: false,
  };
  takeAbort(vcpu, fault);
  assertEquals(esr(vcpu, 2), [0x24, 1 << 24 | 2 << 22 | 3 << 16 | 1 << 6 | 7]);
  assertEquals(stored(vcpu, "HPFAR_EL2"), 0x90000n);
  assertEquals(stored(vcpu, "FAR_EL2"), 0x12345678n);
  fault.clear();
});

Deno.test("external aborts go to EL3 by SCR_EL3.EA", () => {
  const vcpu = at(1);
  takeExternalAbort(vcpu, 0x1000, 0, "write");
  assertEquals(esr(vcpu, 1), [0x25, 0x50]);
  store(vcpu, "SCR_EL3", 0xd39n);
  takeExternalAbort(vcpu, 0x1000, 0, "execute");
  assertEquals([vcpu.currentEl(), ...esr(vcpu, 3)], [3, 0x20, 0x10]);
});

Deno.test("FP traps: CPACR_EL1, CPTR_EL2 in both layouts, CPTR_EL3", () => {
  const vcpu = at(1);
  const trap = () => {
    updateRegime(vcpu);
    return vcpu.get32("fpTrap");
  };
  assertEquals(trap(), 1);
  writeSysreg(vcpu, sysregIndex("CPACR_EL1"), 3 << 20, 0);
  assertEquals(trap(), 0);
  store(vcpu, "CPTR_EL2", 1n << 10n);
  assertEquals(trap(), 2);
  store(vcpu, "HCR_EL2", 1n << 34n);
  store(vcpu, "CPTR_EL2", 0n);
  assertEquals(trap(), 2);
  store(vcpu, "CPTR_EL2", 3n << 20n);
  assertEquals(trap(), 0);
  store(vcpu, "CPTR_EL3", 1n << 10n);
  assertEquals(trap(), 3);
  takeFpAccessTrap(vcpu);
  assertEquals(esr(vcpu, 3), [0x07, 0x1e00000]);
});

Deno.test("branches strip the tag of addresses that have one", () => {
  const vcpu = at(1);
  setBranchTarget(vcpu, 0x1000, 0x5a000000);
  assertEquals(vcpu.get64("pc"), 0x5a00_0000_0000_1000n);
  store(vcpu, "TCR_EL1", 1n << 37n | 1n << 38n);
  setBranchTarget(vcpu, 0x1000, 0x5a000000);
  assertEquals(vcpu.get64("pc"), 0x1000n);
  setBranchTarget(vcpu, 0x1000, 0x5a800000);
  assertEquals(vcpu.get64("pc"), 0xff80_0000_0000_1000n);
  store(vcpu, "TCR_EL1", 1n << 37n | 1n << 51n);
  setBranchTarget(vcpu, 0x1000, 0x5a000000);
  assertEquals(vcpu.get64("pc"), 0x5a00_0000_0000_1000n);
});

Deno.test("a resident handles the exception in place of the vectors and returns by ERET", () => {
  const vcpu = at(1);
  const seen: unknown[] = [];
  vcpu.residents[2] = {
    onException: (v, el, vector) => {
      seen.push(el, vector, v.currentEl(), stored(v, "ELR_EL2"));
      v.setX(0, 42, 0);
    },
  };
  vcpu.set32("nzcv", 5);
  callHypervisor(vcpu, 0);
  assertEquals(seen, [2, 0x400, 2, 0x1004n]);
  assertEquals(vcpu.currentEl(), 1);
  assertEquals(vcpu.get64("pc"), 0x1004n);
  assertEquals([vcpu.xLo(0), vcpu.get32("nzcv")], [42, 5]);
});

Deno.test("the TLB context follows the level, and not a resident's visit", () => {
  const vcpu = at(1);
  let changes = 0;
  const fault = new Fault();
  vcpu.mmu = {
    contextChanged: () => void changes++,
    contextResumed: () => {},
    instructionWord: () => 0,
    tlbi: () => {},
    at: () => true,
    cacheMaintenance: () => true,
    fault,
    fillExec: () => -1,
    guarded: false,
    isWatching: false,
  };
  vcpu.residents[2] = { onException: () => {} };
  callHypervisor(vcpu, 0);
  assertEquals(changes, 0);
  vcpu.residents[2] = { onException: (v) => writeSysreg(v, sysregIndex("VTTBR_EL2"), 0x1000, 1 << 16) };
  callHypervisor(vcpu, 0);
  assertEquals(changes, 1);
  vcpu.residents[2] = null;
  callHypervisor(vcpu, 0);
  assertEquals(changes, 2);
});

Deno.test("regimes: entered again as they were, and anew where a register changed", () => {
  const vcpu = at(1);
  const enter = (el: number) => {
    setPstate(vcpu, el << 2);
    syncRegime(vcpu);
    return [vcpu.get32("fpTrap"), vcpu.get32("zvaTrap"), Number(stored(vcpu, "DCZID_EL0"))];
  };
  const write = (name: string, value: number) => {
    enter(1);
    writeSysreg(vcpu, sysregIndex(name), value, 0);
  };
  write("CPACR_EL1", 1 << 20);
  for (let i = 0; i < 2; i++) assertEquals([enter(0), enter(1)], [[1, 1, 20], [0, 0, 4]]);
  write("CPACR_EL1", 3 << 20);
  assertEquals([enter(0), enter(1)], [[0, 1, 20], [0, 0, 4]]);
  write("SCTLR_EL1", 1 << 14);
  for (let i = 0; i < 2; i++) assertEquals([enter(0), enter(1)], [[0, 0, 4], [0, 0, 4]]);
  store(vcpu, "CPACR_EL1", 0n);
  updateRegime(vcpu);
  assertEquals(enter(0), [1, 0, 4]);
});

Deno.test("BTI: which instructions accept which branches", () => {
  const vcpu = at(1);
  const BTI = 0xd503241f, BTI_C = 0xd503245f, BTI_J = 0xd503249f, BTI_JC = 0xd50324df;
  const accepts = (word: number) => [1, 2, 3].map((btype) => isBtypeCompatible(vcpu, word, btype));
  assertEquals(accepts(BTI), [false, false, false]);
  assertEquals(accepts(BTI_C), [true, true, false]);
  assertEquals(accepts(BTI_J), [true, false, true]);
  assertEquals(accepts(BTI_JC), [true, true, true]);
  assertEquals(accepts(0xd503233f), [true, true, true]);
  store(vcpu, "SCTLR_EL1", 1n << 36n);
  assertEquals(accepts(0xd503233f), [true, true, false]);
  assertEquals(accepts(0xd4200000), [true, true, true]);
  assertEquals(accepts(0xd503201f), [false, false, false]);
  setBtype(vcpu, 0xd63f0000, 2);
  assert(!checkBranchTarget(vcpu, BTI_C, true));
  assertEquals(vcpu.get32("pstate") >> 10 & 3, 0);
  setBtype(vcpu, 0xd63f0000, 2);
  assert(!checkBranchTarget(vcpu, 0xd503201f, false));
  setBtype(vcpu, 0xd63f0000, 2);
  assert(checkBranchTarget(vcpu, 0xd503201f, true));
  assertEquals(esr(vcpu, 1), [0x0d, 2]);
  assertEquals(stored(vcpu, "SPSR_EL1") >> 10n & 3n, 2n);
});

Deno.test("WFI waits, is trapped by HCR_EL2.TWI and SCTLR_EL1.nTWI, and is over when an interrupt is pending", () => {
  const model = new CpuExceptionModel();
  const vcpu = at(1);
  model.exit(vcpu, "wfi");
  assertEquals([vcpu.waiting, vcpu.isRunning, vcpu.get64("pc")], [1, false, 0x1004n]);
  vcpu.interruptsChanged();
  assertEquals([vcpu.waiting, vcpu.isRunning], [0, true]);
  store(vcpu, "HCR_EL2", 1n << 13n);
  model.exit(vcpu, "wfi");
  assertEquals([vcpu.currentEl(), ...esr(vcpu, 2)], [2, 1, 0x1e00000]);
  assertEquals(stored(vcpu, "ELR_EL2"), 0x1004n);
  const user = atEl0();
  store(user, "SCTLR_EL1", 0n);
  model.exit(user, "wfe");
  assertEquals([user.currentEl(), ...esr(user, 1)], [1, 1, 0x1e00001]);
  const pending = testVcpu(1);
  pending.gic.lines = 1;
  model.exit(pending.vcpu, "wfi");
  assertEquals(pending.vcpu.waiting, 0);
});

Deno.test("WFE consumes the event", () => {
  const model = new CpuExceptionModel(), vcpu = at(1);
  vcpu.set32("event", 1);
  model.exit(vcpu, "wfe");
  assertEquals([vcpu.waiting, vcpu.get32("event")], [0, 0]);
  model.exit(vcpu, "wfe");
  assertEquals(vcpu.waiting, 2);
});

Deno.test("software step: one instruction, then the exception", () => {
  const model = new CpuExceptionModel(), vcpu = at(1);
  store(vcpu, "MDSCR_EL1", 1n);
  store(vcpu, "OSLSR_EL1", 8n);
  store(vcpu, "SPSR_EL1", 1n << 21n);
  store(vcpu, "ELR_EL1", 0x4000n);
  exceptionReturn(vcpu);
  assertEquals(vcpu.get32("pstate"), 1 << 21);
  assert(model.isStepping(vcpu));
  model.stepped(vcpu);
  model.takeInterrupts(vcpu);
  assertEquals([vcpu.currentEl(), ...esr(vcpu, 1)], [1, 0x32, 1 << 24 | 0x22]);
});

Deno.test("breakpoints go where debug exceptions go", () => {
  const model = new CpuExceptionModel();
  const breakAt = (el: number, hcr: bigint, mdcr: bigint) => {
    const vcpu = at(el);
    vcpu.mmu = {
      contextChanged: () => {},
      contextResumed: () => {},
      instructionWord: () => 0,
      tlbi: () => {},
      at: () => true,
      cacheMaintenance: () => true,
      fault: new Fault(),
      fillExec: () => 0,
      guarded: false,
      isWatching: false,
    };
    vcpu.set32("pstate", vcpu.get32("pstate") & ~(1 << 9));
    store(vcpu, "HCR_EL2", hcr);
    store(vcpu, "MDCR_EL2", mdcr);
    writeSysreg(vcpu, sysregIndex("OSLAR_EL1"), 0, 0);
    writeSysreg(vcpu, sysregIndex("MDSCR_EL1"), 1 << 15 | 1 << 13, 0);
    writeSysreg(vcpu, sysregIndex("DBGBVR0_EL1"), 0x1000, 0);
    writeSysreg(vcpu, sysregIndex("DBGBCR0_EL1"), 1 | 3 << 1 | 1 << 13, 0);
    model.takeInterrupts(vcpu);
    const taken = vcpu.get64("pc") === 0x1000n ? 0 : vcpu.currentEl();
    return taken === 0 ? [0] : [taken, ...esr(vcpu, taken), stored(vcpu, `ELR_EL${taken}`)];
  };
  assertEquals(breakAt(1, 0n, 0n), [1, 0x31, 0x22, 0x1000n]);
  assertEquals(breakAt(1, 0n, 1n << 8n), [2, 0x30, 0x22, 0x1000n]);
  assertEquals(breakAt(2, 0n, 1n << 8n), [2, 0x31, 0x22, 0x1000n]);
  // EL1 takes none from EL2, and nothing is taken at EL3
  assertEquals(breakAt(2, 0n, 0n), [0]);
  assertEquals(breakAt(3, 0n, 1n << 8n), [0]);
});
