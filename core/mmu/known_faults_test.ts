import { assertEquals, assertNotEquals } from "@std/assert";
import { ACCESS_UNALIGNED, ACCESS_WRITE } from "./access.ts";
import { D, Fixture, RAM_BASE } from "./fixture.ts";
import { FAULT, Fault } from "./fault.ts";
import { KnownFaults } from "./known_faults.ts";

function stage2Fault(parts: Partial<Fault> = {}): Fault {
  return Object.assign(new Fault(), { statusCode: FAULT.translation, level: 2, secondStage: true, ...parts });
}

Deno.test("a known fault is found by context, page and access, with the address of the access", () => {
  const faults = new KnownFaults();
  faults.note(3, 0x9000018, 0xffff8000, 0, stage2Fault({ ipa: 0xff_0900_0018 }));
  const found = faults.find(3, 0x9000ffc, 0xffff8000 | 0, 0);
  assertEquals([found?.vaLo, found?.ipa, found?.level], [0x9000ffc, 0xff_0900_0ffc, 2]);
  assertEquals(faults.find(4, 0x9000ffc, 0xffff8000 | 0, 0), null);
  assertEquals(faults.find(3, 0x9001000, 0xffff8000 | 0, 0), null);
  assertEquals(faults.find(3, 0x9010000, 0xffff8000 | 0, 0), null);
  assertEquals(faults.find(3, 0x9000000, 0, 0), null);
  assertEquals(faults.find(3, 0x9000000, 0xffff8000 | 0, ACCESS_WRITE), null);
  // Reads and writes do not take each other's place
  faults.note(3, 0x9000018, 0xffff8000, ACCESS_WRITE, stage2Fault({ ipa: 0xff_0900_0018 }));
  for (const access of [0, ACCESS_WRITE]) {
    assertEquals(faults.find(3, 0x9000000, 0xffff8000 | 0, access)?.ipa, 0xff_0900_0000);
  }
  faults.forget();
  assertEquals(faults.find(3, 0x9000ffc, 0xffff8000 | 0, 0), null);
});

Deno.test("only stage 2 Translation faults of aligned accesses are remembered", () => {
  const faults = new KnownFaults();
  for (
    const parts of [{ secondStage: false }, { statusCode: FAULT.permission }, { s2fs1walk: true }] satisfies Partial<
      Fault
    >[]
  ) {
    faults.note(1, 0, 0, 0, stage2Fault(parts));
    assertEquals(faults.find(1, 0, 0, 0), null);
  }
  faults.note(1, 1, 0, ACCESS_UNALIGNED, stage2Fault());
  assertEquals(faults.find(1, 1, 0, ACCESS_UNALIGNED), null);
});

/** Both stages on; stage 1 maps address 0 to an IPA that stage 2 does not map. */
function twoStages() {
  const f = new Fixture(), low = f.allocate(), root = f.allocate(0x2000);
  f.sys("TCR_EL1", 16n | 16n << 16n | 2n << 30n | 5n << 32n);
  f.sys("TTBR0_EL1", BigInt(low));
  f.sys("SCTLR_EL1", 1n);
  f.sys("VTCR_EL2", 24n | 1n << 6n | 5n << 16n);
  f.sys("VTTBR_EL2", BigInt(root) | 1n << 48n);
  f.sys("HCR_EL2", 1n);
  const mapStage2 = (ipa: number) => {
    const bits = D.page | D.af | D.s2Read | D.s2Write | D.s2Normal;
    f.map(root, BigInt(ipa), BigInt(RAM_BASE) | bits, { start: 1, inputSize: 40 });
  };
  for (let at = 0; at < 32; at++) {
    const ipa = BigInt(RAM_BASE) + BigInt(at) * 0x200000n, bits = D.block | D.af | D.s2Read | D.s2Write | D.s2Normal;
    f.map(root, ipa, ipa | bits, { start: 1, inputSize: 40, level: 2 });
  }
  f.map(low, 0n, 0x900_0000n | D.page | D.af | D.user);
  f.el(1);
  return { f, mapStage2 };
}

Deno.test("software at EL2 maps a page without TLB maintenance: no fault is remembered for it", () => {
  const { f, mapStage2 } = twoStages();
  for (let i = 0; i < 2; i++) assertEquals(f.access(0x18n, 0), "s2 translation 1");
  mapStage2(0x900_0000);
  assertEquals(f.access(0x18n, 0), RAM_BASE + 0x18);
});

Deno.test("for a resident faults are remembered until it says that stage 2 has changed", () => {
  const { f, mapStage2 } = twoStages();
  f.vcpu.residents[2] = { onException() {} };
  for (let i = 0; i < 2; i++) assertEquals(f.access(0x18n, 0), "s2 translation 1");
  assertEquals([f.mmu.fault.ipa, f.mmu.fault.vaLo], [0x900_0018, 0x18]);
  mapStage2(0x900_0000);
  assertEquals(f.access(0x18n, 0), "s2 translation 1");
  f.mmu.maintenance.invalidateVmid(1, false);
  assertNotEquals(f.fill(0x18n, 0), -1);
});
