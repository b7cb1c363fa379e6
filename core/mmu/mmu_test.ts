import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ACCESS_UNPRIVILEGED, ACCESS_WRITE } from "./access.ts";
import { D, Fixture, RAM_BASE } from "./fixture.ts";
import { TLB_BYTES, TLB_CONTEXT_BYTES, TLB_EXEC } from "./tlb.ts";

const READ = 0, WRITE = ACCESS_WRITE;
const PAGE = D.page | D.af | D.user;
const PA = BigInt(RAM_BASE) + 0x123000n;
const KERNEL = 0xffff_0000_0000_0000n;

const VMALLE1 = [0, 7, 0] as const, VAE1 = [0, 7, 1] as const, ASIDE1 = [0, 7, 2] as const;
const VALE1 = [0, 7, 5] as const, RVALE1 = [0, 6, 5] as const, VAAE1 = [0, 7, 3] as const;
const VMALLE1IS = [0, 3, 0] as const, VAE1IS = [0, 3, 1] as const;
const RVAE1 = [0, 6, 1] as const, RVAAE1 = [0, 6, 3] as const, IPAS2E1 = [4, 4, 1] as const, ALLE1 = [4, 7, 4] as const;
const VMALLS12E1 = [4, 7, 6] as const, VAE2 = [4, 7, 1] as const;

function setUp(options: { vcpus?: number } = {}) {
  const f = new Fixture(options);
  const low = f.allocate(), high = f.allocate();
  for (const vcpu of f.vcpus) {
    f.sys("TCR_EL1", 16n | 16n << 16n | 2n << 30n | 5n << 32n | 1n << 36n, vcpu);
    f.sys("TTBR0_EL1", BigInt(low) | 1n << 48n, vcpu);
    f.sys("TTBR1_EL1", BigInt(high), vcpu);
    f.sys("SCTLR_EL1", 1n, vcpu);
    f.el(1, 0, vcpu);
  }
  const setAsid = (asid: number) => {
    f.sys("TTBR0_EL1", BigInt(low) | BigInt(asid) << 48n);
    f.el(1);
  };
  return { f, low, high, setAsid };
}

Deno.test("an empty TLB matches nothing, in particular not page 0", () => {
  const { f } = setUp();
  for (let page = 0n; page < 4096n; page++) {
    assert(!f.hits(page << 12n));
    assert(!f.hits(page << 12n, "write"));
  }
});

Deno.test("entries: addend, separate reads and writes, page 0", () => {
  const { f, low } = setUp();
  f.map(low, 0n, PA | PAGE);
  const host = f.fill(0x10n, READ);
  assertEquals(host, f.memory.hostOffset(Number(PA)) + 0x10);
  assert(f.hits(0n));
  assert(!f.hits(0n, "write"));
  const addend = f.vcpu.i32[(f.vcpu.get32("tlb") + 8) >>> 2];
  assertEquals((0x10 + addend) >>> 0, host);
  f.fill(0x10n, WRITE);
  assert(f.hits(0n, "write"));
  f.tlbi(VMALLE1);
  assert(!f.hits(0n) && !f.hits(0n, "write"));
});

Deno.test("contexts: levels, PAN, ASIDs and controls have their own, and find them again", () => {
  const { f, low, setAsid } = setUp();
  const seen = new Set<number>();
  const tlb = () => f.vcpu.get32("tlb");
  const visit = (change: () => void) => {
    change();
    assert(!seen.has(tlb()));
    seen.add(tlb());
  };
  const el1 = tlb(), unprivileged = f.vcpu.get32("tlbUnprivileged");
  seen.add(el1);
  visit(() => f.el(0));
  assertEquals([tlb(), f.vcpu.get32("tlbUnprivileged")], [unprivileged, unprivileged]);
  visit(() => f.el(1, 1 << 22));
  assertEquals(f.vcpu.get32("tlbUnprivileged"), unprivileged);
  visit(() => setAsid(2));
  f.map(low, 0x1000n, PA | PAGE);
  f.fill(0x1000n, READ);
  visit(() => f.el(2));
  visit(() => f.el(3));
  visit(() => {
    f.sys("SCTLR_EL1", 1n | 1n << 19n);
    f.el(1);
  });
  f.sys("SCTLR_EL1", 1n);
  f.el(1);
  assert(f.hits(0x1000n));
  setAsid(1);
  assertEquals(tlb(), el1);
  assert(!f.hits(0x1000n));
  f.el(1, 1 << 23);
  assertEquals([tlb(), f.vcpu.get32("tlbUnprivileged")], [el1, el1]);
});

Deno.test("upper half: global pages are shared by all ASIDs, and go by every TLBI but those of an ASID", () => {
  const { f, low, high, setAsid } = setUp();
  f.map(low, 0x1000n, PA | PAGE | D.ng);
  f.map(high, KERNEL + 0x1000n, PA | PAGE);
  const fill = () => [0x1000n, KERNEL + 0x1000n].forEach((va) => f.fill(va, WRITE));
  const hits = () => [0x1000n, KERNEL + 0x1000n].map((va) => f.hits(va, "write") ? 1 : 0).join("");
  assertNotEquals(f.vcpu.get32("tlb"), f.vcpu.get32("tlbUpper"));
  fill();
  assertEquals(hits(), "11");
  setAsid(2);
  assertEquals(hits(), "01");
  f.el(0);
  assertEquals([f.vcpu.get32("tlbUpper"), hits()], [f.vcpu.get32("tlb"), "00"]);
  setAsid(1);
  assertEquals(hits(), "11");
  f.tlbi(ASIDE1, 1n << 48n);
  assertEquals(hits(), "01");
  f.tlbi(ASIDE1, 0n);
  assertEquals(hits(), "01");
  for (const tlbi of [VAE1, VAAE1, VMALLE1, ALLE1, VMALLS12E1, RVAE1]) {
    fill();
    // TG 4 KiB and one pair of pages for the range; an ASID that no page has for the others.
    const page = (KERNEL + 0x1000n) >> 12n & (1n << 44n) - 1n;
    f.tlbi(tlbi, tlbi === RVAE1 ? page & (1n << 37n) - 1n | 1n << 46n : page | 9n << 48n);
    assert(!f.hits(KERNEL + 0x1000n, "write"), `TLBI ${tlbi}`);
  }
  fill();
  setAsid(3);
  f.tlbi(VMALLE1);
  setAsid(1);
  assertEquals(hits(), "00");
});

Deno.test("upper half: a page that is not global belongs to its ASID, and so do all from then on", () => {
  const { f, high, setAsid } = setUp();
  f.map(high, KERNEL + 0x1000n, PA | PAGE);
  f.map(high, KERNEL + 0x2000n, PA | PAGE | D.ng);
  f.fill(KERNEL + 0x1000n, READ);
  f.fill(KERNEL + 0x2000n, READ);
  assertEquals(f.vcpu.get32("tlb"), f.vcpu.get32("tlbUpper"));
  f.fill(KERNEL + 0x1000n, READ);
  assert(f.hits(KERNEL + 0x1000n) && f.hits(KERNEL + 0x2000n));
  setAsid(2);
  assert(!f.hits(KERNEL + 0x1000n) && !f.hits(KERNEL + 0x2000n));
  setAsid(1);
  assert(f.hits(KERNEL + 0x2000n));
  f.tlbi(ASIDE1, 1n << 48n);
  assert(!f.hits(KERNEL + 0x2000n));
  f.fetch(KERNEL + 0x2000n);
  assertEquals(f.vcpu.get32("tlb"), f.vcpu.get32("tlbUpper"));
});

Deno.test("upper half: execution of global and other pages", () => {
  const { f, high, setAsid } = setUp();
  f.map(high, KERNEL + 0x1000n, PA | D.page | D.af | D.gp);
  f.map(high, KERNEL + 0x2000n, PA | D.page | D.af | D.ng);
  assertEquals(f.fetch(KERNEL + 0x1000n), Number(PA));
  const upper = f.vcpu.get32("tlbUpper");
  assertEquals(f.vcpu.get32("guarded"), 1);
  setAsid(2);
  assertEquals([f.vcpu.get32("tlbUpper"), f.vcpu.get32("guarded")], [upper, 1]);
  const entry = (f.vcpu.get32("tlbUpper") + TLB_EXEC + 16) >>> 2;
  f.vcpu.i32[entry] = 0x1000;
  f.tlbi(VAE1, (KERNEL + 0x1000n) >> 12n & (1n << 44n) - 1n);
  assertEquals(f.vcpu.i32[entry], 0);
  f.fetch(KERNEL + 0x2000n);
  assertEquals(f.vcpu.get32("tlb"), f.vcpu.get32("tlbUpper"));
});

Deno.test("upper half: levels, PAN and VMIDs have their own; one range has one context", () => {
  const { f, high } = setUp();
  f.map(high, KERNEL, PA | PAGE);
  const upper = () => f.vcpu.get32("tlbUpper");
  f.fill(KERNEL, READ);
  f.fill(KERNEL, ACCESS_UNPRIVILEGED);
  assert(f.hits(KERNEL) && f.hits(KERNEL, "unprivileged"));
  const el1 = upper();
  f.el(1, 1 << 22);
  assert(!f.hits(KERNEL));
  assertEquals(f.access(KERNEL, READ), "permission 3");
  f.el(1);
  assertEquals(upper(), el1);
  f.sys("VTTBR_EL2", 5n << 48n);
  f.el(1);
  assertNotEquals(upper(), el1);
  assert(!f.hits(KERNEL));
  for (const el of [2, 3]) {
    f.el(el);
    assertEquals(upper(), f.vcpu.get32("tlb"));
  }
});

Deno.test("contexts: the least recently used one is reused, empty", () => {
  const { f, low, setAsid } = setUp();
  f.map(low, 0x1000n, PA | PAGE);
  for (let asid = 1; asid < 100; asid++) {
    setAsid(asid);
    assert(!f.hits(0x1000n), `ASID ${asid}`);
    f.fill(0x1000n, READ);
    f.fill(0x1000n, ACCESS_UNPRIVILEGED);
    assert(f.hits(0x1000n) && f.hits(0x1000n, "unprivileged"));
  }
  setAsid(95);
  assert(f.hits(0x1000n));
});

Deno.test("a register changed without contextChanged enters nothing in the old context", () => {
  const { f, low } = setUp();
  f.map(low, 0x1000n, PA | PAGE);
  f.sys("TTBR0_EL1", BigInt(low) | 9n << 48n);
  assertEquals(f.access(0x1000n, READ), Number(PA));
  assert(!f.hits(0x1000n));
});

Deno.test("TLBI by VA: pages, blocks, and nothing else", () => {
  const { f, low, high } = setUp();
  const block = 0x40000000n | D.block | D.af | D.user;
  f.map(low, 0x1000n, PA | PAGE);
  f.map(low, 0x401000n, PA | PAGE);
  f.map(low, 0x600000n, block, { level: 2 });
  f.map(low, 0x40000000n, block, { level: 1 });
  f.map(high, KERNEL, PA | PAGE);
  const all = [0x1000n, 0x401000n, 0x602000n, 0x603000n, 0x40008000n, 0x40209000n, KERNEL];
  const fill = () => all.forEach((va) => f.fill(va, READ));
  const hits = () => all.map((va) => f.hits(va) ? 1 : 0).join("");
  fill();
  assertEquals(hits(), "1111111");
  f.tlbi(VAE1, KERNEL >> 12n & (1n << 44n) - 1n);
  assertEquals(hits(), "1111110");
  // A 1 GiB block in the lower half: a TLBI there drops the context.
  f.tlbi(VAE1, 0x40000000n >> 12n);
  assertEquals(hits(), "0000000");
  f.map(low, 0x40000000n, 0n, { level: 1 });
  fill();
  assertEquals(hits(), "1111001");
  f.tlbi(VAE1, 0x600000n >> 12n);
  assertEquals(hits(), "1100001");
  f.tlbi(VAE1, 0x1000n >> 12n | 1n << 48n);
  assertEquals(hits(), "0100001");
});

Deno.test("TLBI by range", () => {
  const { f, low } = setUp();
  for (let i = 0n; i < 8n; i++) {
    f.map(low, i << 12n, PA | PAGE);
    f.fill(i << 12n, WRITE);
  }
  // TG 4 KiB, SCALE 0, NUM 1: four pages from page 2.
  f.tlbi(RVAE1, 2n | 1n << 39n | 1n << 46n);
  const hits = Array.from({ length: 8 }, (_, i) => f.hits(BigInt(i) << 12n, "write") ? 1 : 0).join("");
  assertEquals(hits, "11000011");
  // SCALE 3: whole contexts.
  f.tlbi(RVAE1, 3n << 44n | 1n << 46n);
  assert(!f.hits(0n, "write"));
});

Deno.test("TLBI by range and by address: other ASIDs keep pages that are not global, and the upper half its own", () => {
  const { f, low, high, setAsid } = setUp();
  const [own, global, upper] = [0x1000n, 0x2000n, KERNEL + 0x3000n];
  f.map(low, own, PA | PAGE | D.ng);
  f.map(low, global, PA | PAGE);
  f.map(high, upper, PA | PAGE);
  const inBoth = <T>(what: () => T) => [1, 2].map((asid) => (setAsid(asid), what()));
  const after = (tlbi: readonly [number, number, number], xt: bigint, vas: readonly bigint[]) => {
    inBoth(() => vas.forEach((va) => f.fill(va, WRITE)));
    f.tlbi(tlbi, xt);
    return inBoth(() => vas.map((va) => f.hits(va, "write") ? 1 : 0).join("")).join(" ");
  };
  // SCALE 3, TG 4 KiB: a range of 256 MiB
  const range = 3n << 44n | 1n << 46n, inUpper = (upper & ~0xfffffffn) >> 12n & (1n << 37n) - 1n;
  assertEquals(after(RVAE1, range | 1n << 48n, [own, upper]), "01 11");
  assertEquals(after(RVALE1, range | 2n << 48n, [own, upper]), "11 01");
  assertEquals(after(RVAAE1, range | 9n << 48n, [own, upper]), "01 01");
  assertEquals(after(RVAE1, range | inUpper | 9n << 48n, [own, upper]), "10 10");
  assertEquals(after(VAE1, 1n | 1n << 48n, [own, upper]), "01 11");
  assertEquals(after(VAAE1, 1n | 9n << 48n, [own, upper]), "01 01");
  assertEquals(after(RVAE1, range | 9n << 48n, [global]), "0 0");
  assertEquals(after(VAE1, 2n | 9n << 48n, [global]), "0 0");
});

Deno.test("TLBI by ASID, all, and with contexts not in use", () => {
  const { f, low, setAsid } = setUp();
  f.map(low, 0x1000n, PA | PAGE);
  const fillBoth = () => {
    for (const asid of [1, 2]) {
      setAsid(asid);
      f.fill(0x1000n, READ);
    }
  };
  const hits = () =>
    [1, 2].map((asid) => {
      setAsid(asid);
      return f.hits(0x1000n) ? 1 : 0;
    }).join("");
  fillBoth();
  assertEquals(hits(), "11");
  f.tlbi(ASIDE1, 1n << 48n);
  assertEquals(hits(), "01");
  fillBoth();
  f.tlbi(ASIDE1, 2n << 48n);
  assertEquals(hits(), "10");
  fillBoth();
  f.tlbi(VAE1, 1n | 1n << 48n);
  assertEquals(hits(), "00");
  fillBoth();
  f.tlbi(VAE2, 1n);
  assertEquals(hits(), "11");
  f.tlbi(VMALLE1);
  assertEquals(hits(), "00");
  // More entries than are remembered one by one.
  for (let page = 0n; page < 1500n; page++) {
    f.map(low, page << 12n, PA | PAGE);
    f.fill(page << 12n, READ);
  }
  f.tlbi(ALLE1);
  for (let page = 0n; page < 1500n; page++) assert(!f.hits(page << 12n));
});

Deno.test("TLBI: Inner Shareable reaches other vCPUs, local ones only with HCR_EL2.FB", () => {
  const { f, low } = setUp({ vcpus: 2 });
  f.map(low, 0x1000n, PA | PAGE);
  const other = f.vcpus[1];
  const fill = () => f.fill(0x1000n, READ, other);
  fill();
  f.tlbi(VAE1, 1n);
  assert(f.hits(0x1000n, "read", other));
  f.tlbi(VAE1IS, 1n);
  assert(!f.hits(0x1000n, "read", other));
  fill();
  f.tlbi(VMALLE1IS);
  assert(!f.hits(0x1000n, "read", other));
  fill();
  f.sys("HCR_EL2", 1n << 9n);
  f.tlbi(VMALLE1);
  assert(!f.hits(0x1000n, "read", other));
});

Deno.test("TLBI of stage 2: changed tables are seen, other VMIDs keep theirs", () => {
  const f = new Fixture();
  const roots = [f.allocate(0x2000), f.allocate(0x2000)];
  f.sys("VTCR_EL2", 24n | 1n << 6n | 5n << 16n);
  f.sys("HCR_EL2", 1n | 1n << 12n);
  const walk = { start: 1, inputSize: 40 };
  const bits = D.page | D.af | D.s2Read | D.s2Write | D.s2Normal;
  const use = (vm: number) => {
    f.sys("VTTBR_EL2", BigInt(roots[vm]) | BigInt(vm + 1) << 48n);
    f.el(1);
  };
  for (const vm of [0, 1]) {
    f.map(roots[vm], 0x80001000n, PA + BigInt(vm) * 0x1000n | bits, walk);
    use(vm);
    assertEquals(f.access(0x80001000n, READ), Number(PA) + vm * 0x1000);
    assert(f.hits(0x80001000n));
  }
  for (const tlbi of [IPAS2E1, VMALLS12E1, ALLE1]) {
    const next = BigInt(f.allocate());
    f.map(roots[1], 0x80001000n, next | bits, walk);
    f.tlbi(tlbi, 0x80001n);
    assert(!f.hits(0x80001000n));
    assertEquals(f.access(0x80001000n, READ), Number(next));
    use(0);
    assertEquals(f.hits(0x80001000n), tlbi !== ALLE1);
    assertEquals(f.access(0x80001000n, READ), Number(PA));
    use(1);
  }
  f.map(roots[1], 0x80001000n, 0n, walk);
  f.mmu.maintenance.invalidateVmid(2, false);
  assertEquals(f.access(0x80001000n, READ), "s2 translation 3");
});

Deno.test("pages with code: no WRITE entry, whether there were none, one or several", () => {
  const { f, low } = setUp({ vcpus: 2 });
  const host = f.memory.hostOffset(Number(PA));
  const page = host >>> 12;
  for (const va of [0x1000n, 0x2000n, 0x3000n]) f.map(low, va, PA | PAGE);
  f.map(low, 0x4000n, PA + 0x1000n | PAGE);
  f.fill(0x4000n, WRITE);
  for (const [first, second] of [[0x1000n, 0x1000n], [0x1000n, 0x3000n]]) {
    f.fill(first, WRITE);
    f.fill(second, WRITE, f.vcpus[1]);
    f.fill(0x2000n, READ);
    assert(f.hits(first, "write"));
    f.mmu.protectCode(page);
    assert(!f.hits(first, "write"));
    assert(!f.hits(second, "write", f.vcpus[1]));
    assert(f.hits(0x2000n));
    assertEquals(f.fill(first, WRITE), host);
    assert(!f.hits(first, "write"));
    f.mmu.unprotectCode(page);
    assertEquals(f.fill(first, WRITE), host);
    assert(f.hits(first, "write"));
  }
  assert(f.hits(0x4000n, "write"));
  f.tlbi(VMALLE1);
  f.fill(0x2000n, WRITE);
  f.mmu.trackWrites(page);
  f.mmu.protectCode(page);
  f.mmu.unprotectCode(page);
  assert(!f.hits(0x2000n, "write"));
  f.fill(0x2000n, WRITE);
  assert(!f.hits(0x2000n, "write"));
});

Deno.test("watched pages stay out of the TLBs", () => {
  const { f, low } = setUp();
  f.map(low, 0x1000n, PA | PAGE);
  f.fill(0x1000n, READ);
  f.mmu.isWatched = (_vcpu, lo, _hi, isWrite) => lo === 0x1000 && !isWrite;
  f.mmu.flushDataTlbs();
  f.fill(0x1000n, READ);
  f.fill(0x1000n, WRITE);
  assert(!f.hits(0x1000n) && f.hits(0x1000n, "write"));
});

Deno.test("execution: guarded pages, entries the engine made are dropped", () => {
  const { f, low } = setUp();
  f.map(low, 0x1000n, PA | PAGE | D.readOnly);
  f.map(low, 0x2000n, PA | PAGE | D.readOnly | D.gp);
  assertEquals(f.fetch(0x1000n), Number(PA));
  assertEquals([f.mmu.guarded, f.vcpu.get32("guarded")], [false, 0]);
  assertEquals(f.fetch(0x2000n), Number(PA));
  assertEquals([f.mmu.guarded, f.vcpu.get32("guarded")], [true, 1]);
  f.el(2);
  assertEquals(f.vcpu.get32("guarded"), 0);
  f.el(1);
  assertEquals(f.vcpu.get32("guarded"), 1);
  const entry = (page: number) => (f.vcpu.get32("tlb") + TLB_EXEC + page * 16) >>> 2;
  const enter = () => [1, 2].forEach((page) => f.vcpu.i32[entry(page)] = page << 12);
  enter();
  f.tlbi(VAE1, 1n);
  assertEquals([f.vcpu.i32[entry(1)], f.vcpu.i32[entry(2)]], [0, 0x2000]);
  f.tlbi(VMALLE1);
  assertEquals([f.vcpu.i32[entry(2)], f.vcpu.get32("guarded")], [0, 1]);
  enter();
  f.mmu.flushExecTlbs();
  assertEquals([f.vcpu.i32[entry(1)], f.vcpu.i32[entry(0)]], [0, 0x1000]);
});

Deno.test("debugger and instruction word: no permissions, no updates, no fault record", () => {
  const { f, low } = setUp();
  f.map(low, 0x1000n, PA | D.page);
  f.write(Number(PA), 0xd503201fn);
  f.vcpu.set64("pc", 0x1000n);
  f.access(0x5000n, READ);
  assertEquals(f.mmu.translateForDebugger(f.vcpu, 0x1008, 0), Number(PA) + 8);
  assertEquals(f.mmu.translateForDebugger(f.vcpu, 0x9000, 0), -1);
  assertEquals(f.mmu.instructionWord(f.vcpu), 0xd503201f);
  assertEquals([f.faultText(), f.mmu.fault.vaLo], ["translation 3", 0x5000]);
});

Deno.test("a block of contexts is as long as the engine expects", () => {
  assertEquals(TLB_CONTEXT_BYTES, 0x30000);
  assertEquals(TLB_BYTES, 32 * 0x30000);
  const { f } = setUp();
  assertNotEquals(f.mmu.tlbOf(f.vcpu).current, -1);
});

Deno.test("changed tables are seen after a TLBI, and another TTBR without one", () => {
  const { f, low } = setUp();
  f.map(low, 0x1000n, PA | PAGE);
  const slot = f.map(low, 0n, 0n, { level: 2 });
  const other = f.allocate(), third = f.allocate();
  f.map(low, 0x1000n, PA | PAGE);
  assertEquals(f.access(0x1000n, READ), Number(PA));
  f.write(other + 8, (PA + 0x1000n) | PAGE);
  f.write(slot, BigInt(other) | D.table);
  f.tlbi(VAE1, 1n | 1n << 48n);
  assertEquals(f.access(0x1000n, READ), Number(PA) + 0x1000);
  f.map(third, 0x1000n, (PA + 0x2000n) | PAGE);
  f.sys("TTBR0_EL1", BigInt(third) | 2n << 48n);
  f.el(1);
  assertEquals(f.access(0x1000n, READ), Number(PA) + 0x2000);
});

Deno.test("tables: maintenance of the last level alone need not see other tables, the rest does", () => {
  const { f, low } = setUp();
  f.map(low, 0x1000n, PA | PAGE);
  const slot = f.map(low, 0n, 0n, { level: 2 });
  f.map(low, 0x1000n, PA | PAGE);
  for (const tlbi of [VAE1, VAAE1, RVAE1, ASIDE1, VMALLE1, VMALLS12E1, ALLE1]) {
    f.access(0x1000n, READ);
    const other = f.allocate(), pa = BigInt(f.allocate());
    f.write(other + 8, pa | PAGE);
    f.write(slot, BigInt(other) | D.table);
    f.tlbi(tlbi, tlbi === RVAE1 ? 1n << 46n : 1n | 1n << 48n);
    assertEquals(f.access(0x1000n, READ), Number(pa), `TLBI ${tlbi}`);
  }
  for (const tlbi of [VALE1, RVALE1]) {
    const host = f.read(slot) & 0xffff_ffff_f000n, pa = BigInt(f.allocate());
    f.write(Number(host) + 8, pa | PAGE);
    f.tlbi(tlbi, tlbi === RVALE1 ? 1n << 46n : 1n | 1n << 48n);
    assertEquals(f.access(0x1000n, READ), Number(pa), `TLBI ${tlbi}`);
  }
});

Deno.test("contexts resumed: emptied since, given to others, or as they were", () => {
  const { f, low, high, setAsid } = setUp();
  f.map(low, 0x1000n, PA | PAGE);
  f.map(high, KERNEL, PA | PAGE);
  const at = (el: number, way: "contextChanged" | "contextResumed") => {
    f.vcpu.set32("pstate", el << 2);
    f.mmu[way](f.vcpu, el);
  };
  const fields = () => (["tlb", "tlbUpper", "tlbUnprivileged"] as const).map((name) => f.vcpu.get32(name));
  at(0, "contextChanged");
  const el0 = fields();
  f.fill(0x1000n, READ);
  at(1, "contextChanged");
  const el1 = fields();
  f.fill(KERNEL, READ);
  at(0, "contextResumed");
  assertEquals(fields(), el0);
  assert(f.hits(0x1000n));
  at(1, "contextResumed");
  assertEquals(fields(), el1);
  f.tlbi(VAE1, 1n);
  at(0, "contextResumed");
  assert(!f.hits(0x1000n));
  f.fill(0x1000n, READ);
  at(1, "contextResumed");
  f.tlbi(VMALLE1);
  at(0, "contextResumed");
  assertEquals(fields(), el0);
  assert(!f.hits(0x1000n) && !f.hits(KERNEL));
  for (let asid = 2; asid < 80; asid++) setAsid(asid);
  f.sys("TTBR0_EL1", BigInt(low) | 1n << 48n);
  at(0, "contextResumed");
  assert(!f.hits(0x1000n));
  f.fill(0x1000n, READ);
  at(1, "contextResumed");
  f.fill(0x1000n, ACCESS_UNPRIVILEGED);
  assert(f.hits(0x1000n, "unprivileged"));
});

Deno.test("RAM as Device memory goes into the TLB only where that is asked for", () => {
  const { f, low } = setUp();
  f.map(low, 0x1000n, PA | PAGE | D.device);
  f.fill(0x1000n, READ);
  assert(!f.hits(0x1000n));
  f.mmu.deviceRamIsFast = true;
  f.fill(0x1000n, READ);
  assert(f.hits(0x1000n));
});
