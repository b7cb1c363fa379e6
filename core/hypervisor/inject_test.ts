import { assertEquals } from "@std/assert";
import { store, stored, testVcpu } from "../cpu/test_vcpu.ts";
import { forwardException, FSC, injectAbort, injectUndefined } from "./inject.ts";

const EL1H = 5n, EL1T = 4n, EL0 = 0n;
const SPAN = 1n << 23n;

/** A vCPU at EL2 after a trap of an instruction at 0x40001000 of a guest in `mode`. */
function trapped(mode: bigint, esr: bigint, spsr = 0x6000_0000n, model = "max") {
  const { vcpu } = testVcpu(2, { model });
  store(vcpu, "ESR_EL2", esr);
  store(vcpu, "ELR_EL2", 0x4000_1000n);
  store(vcpu, "SPSR_EL2", spsr | mode);
  store(vcpu, "FAR_EL2", 0xffff_8000_0a00_0004n);
  store(vcpu, "VBAR_EL1", 0xffff_8000_1000_0800n);
  store(vcpu, "SCTLR_EL1", SPAN);
  return vcpu;
}

Deno.test("An injected UNDEFINED enters the guest's vector for its level", () => {
  for (const [mode, offset] of [[EL1H, 0x200n], [EL1T, 0n], [EL0, 0x400n]]) {
    const vcpu = trapped(mode, 0x62000000n);
    injectUndefined(vcpu);
    assertEquals(stored(vcpu, "ELR_EL2"), 0xffff_8000_1000_0800n + offset);
    assertEquals(stored(vcpu, "SPSR_EL2"), 0x6000_03c5n);
    assertEquals(stored(vcpu, "ELR_EL1"), 0x4000_1000n);
    assertEquals(stored(vcpu, "SPSR_EL1"), 0x6000_0000n | mode);
    assertEquals(stored(vcpu, "ESR_EL1"), 0x02000000n);
  }
});

Deno.test("An injected External abort has the class of the guest's level and keeps WnR", () => {
  // Data Abort from a lower level with instruction syndrome: a store
  const esr = 0x24n << 26n | 1n << 25n | 1n << 24n | 2n << 22n | 1n << 6n | 5n;
  let vcpu = trapped(EL1H, esr);
  injectAbort(vcpu, FSC.external);
  assertEquals(stored(vcpu, "ESR_EL1"), 0x25n << 26n | 1n << 25n | 1n << 6n | 0x10n);
  assertEquals(stored(vcpu, "FAR_EL1"), 0xffff_8000_0a00_0004n);
  vcpu = trapped(EL0, esr);
  injectAbort(vcpu, FSC.external);
  assertEquals(stored(vcpu, "ESR_EL1"), 0x24n << 26n | 1n << 25n | 1n << 6n | 0x10n);
  vcpu = trapped(EL1H, 0x20n << 26n | 1n << 25n | 5n);
  injectAbort(vcpu, FSC.external);
  assertEquals(stored(vcpu, "ESR_EL1"), 0x21n << 26n | 1n << 25n | 0x10n);
});

Deno.test("PSTATE of the vector follows SCTLR_EL1: PAN without SPAN, SSBS by DSSBS; BTYPE, IL and SS are clear", () => {
  const spsr = 3n << 10n | 1n << 20n | 1n << 21n | 1n << 24n;
  let vcpu = trapped(EL1H, 0x62000000n, spsr);
  store(vcpu, "SCTLR_EL1", 1n << 44n);
  injectUndefined(vcpu);
  assertEquals(stored(vcpu, "SPSR_EL2"), 0x3c5n | 1n << 12n | 1n << 22n | 1n << 24n);
  vcpu = trapped(EL1H, 0x62000000n, spsr, "cortex-a57");
  store(vcpu, "SCTLR_EL1", 1n << 44n);
  injectUndefined(vcpu);
  assertEquals(stored(vcpu, "SPSR_EL2") & 0x40_1fffn, 0x3c5n);
});

Deno.test("A debug exception goes on to the guest with its syndrome", () => {
  const vcpu = trapped(EL1H, 0x34n << 26n | 1n << 25n | 0x22n);
  forwardException(vcpu);
  assertEquals(stored(vcpu, "ESR_EL1"), 0x35n << 26n | 1n << 25n | 0x22n);
  const brk = trapped(EL0, 0x3cn << 26n | 1n << 25n | 7n);
  forwardException(brk);
  assertEquals(stored(brk, "ESR_EL1"), 0x3cn << 26n | 1n << 25n | 7n);
});
