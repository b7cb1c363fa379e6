import { assertEquals } from "@std/assert";
import { ACCESS_WRITE } from "./access.ts";
import { D, Fixture, RAM_BASE } from "./fixture.ts";

const VMALLE1 = [0, 7, 0] as const;

Deno.test("hostOf() says where a byte stands that may be read, or written to, without a translation", () => {
  const f = new Fixture(), low = f.allocate(), high = f.allocate();
  f.sys("TCR_EL1", 16n | 16n << 16n | 2n << 30n | 5n << 32n);
  f.sys("TTBR0_EL1", BigInt(low));
  f.sys("TTBR1_EL1", BigInt(high));
  f.sys("SCTLR_EL1", 1n);
  f.el(1);
  for (const [table, va] of [[low, 0x7000n], [high, 0xffff_0000_0000_7000n]] as const) {
    f.map(table, va, BigInt(RAM_BASE) + 0x123000n | D.page | D.af);
    const hosts = () =>
      [false, true].map((write) => f.mmu.hostOf(f.vcpu, Number(va & 0xffffffffn) + 0x123, Number(va >> 32n), write));
    const host = f.memory.hostOffset(RAM_BASE + 0x123000) + 0x123;
    assertEquals(hosts(), [-1, -1]);
    f.fill(va, 0);
    assertEquals(hosts(), [host, -1]);
    f.fill(va, ACCESS_WRITE);
    assertEquals(hosts(), [host, host]);
    f.tlbi(VMALLE1);
    assertEquals(hosts(), [-1, -1]);
  }
});
