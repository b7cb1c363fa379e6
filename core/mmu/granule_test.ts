import { assertEquals } from "@std/assert";
import { CPU_MODELS } from "../cpu/features.ts";
import { ACCESS_WRITE } from "./access.ts";
import { ALL_FEATURES, D, Fixture, PA, PAGE, RAM_BASE, stage1, stage2, tcr } from "./fixture.ts";
import { mmuFeatures } from "./regime.ts";

const READ = 0, WRITE = ACCESS_WRITE;
const VAE1 = [0, 7, 1] as const, IPAS2E1 = [4, 4, 1] as const, VMALLE1 = [0, 7, 0] as const;

for (
  const [granule, bits] of [[12, 48], [12, 39], [12, 36], [14, 48], [14, 47], [14, 36], [16, 48], [16, 42], [16, 36]]
) {
  Deno.test(`granule 2^${granule}, ${bits}-bit ranges: pages and translation faults by level`, () => {
    const { f, low, high, walk } = stage1({ granule, bits });
    const size = 1n << BigInt(granule);
    const pa = BigInt(RAM_BASE) + 4n * size;
    const top = (1n << 64n) - (1n << BigInt(bits));
    f.map(low, 5n * size, pa | PAGE, walk);
    f.map(high, top + 6n * size, pa | PAGE, walk);
    assertEquals(f.access(5n * size + 0x123n, READ), Number(pa) + 0x123);
    assertEquals(f.access(6n * size + size - 1n + top, WRITE), Number(pa + size) - 1);
    assertEquals(f.access(7n * size, READ), "translation 3");
    assertEquals(f.access((1n << BigInt(bits)) - 1n, READ), `translation ${walk.start}`);
    assertEquals(f.access(1n << BigInt(bits), READ), "translation 0");
    assertEquals(f.access(top - 1n, READ), "translation 0");
    assertEquals(f.access(1n << 55n, READ), "translation 0");
  });
}

Deno.test("blocks of each granule, and levels at which none may be", () => {
  for (const [granule, level, shift] of [[12, 1, 30], [12, 2, 21], [14, 2, 25], [16, 2, 29]]) {
    const { f, low, walk } = stage1({ granule });
    const va = 3n << BigInt(shift);
    f.map(low, va, 0x40000000n | D.block | D.af, { ...walk, level });
    assertEquals(f.access(va + 0x12345n, READ), 0x40012345, `granule ${granule}`);
  }
  for (const [granule, level] of [[12, 0], [14, 1], [16, 1], [12, 3], [14, 0]]) {
    const { f, low, walk } = stage1({ granule });
    f.map(low, 0n, 0x40000000n | D.block | D.af, { ...walk, level });
    assertEquals(f.access(0n, READ), `translation ${level}`, `granule ${granule}`);
  }
});

Deno.test("52-bit addresses with 64 KiB granules", () => {
  const f = new Fixture({ features: ALL_FEATURES });
  const { low, walk } = stage1({ fixture: f, granule: 16, bits: 52, start: 1 });
  f.sys("TCR_EL1", tcr(16, 52) | 6n << 32n);
  const va = 0xf_0000_0000_0000n;
  f.map(low, va, 0x40010000n | PAGE, walk);
  assertEquals(f.access(va, READ), 0x40010000);
  f.map(low, va + 0x10000n, 0x40010000n | 9n << 12n | PAGE, walk);
  assertEquals(f.fill(va + 0x10000n, READ), -2);
  assertEquals(f.mmu.pa, 0x9_0000_4001_0000);
});

for (const [granule, bits, start] of [[14, 40, 2], [14, 39, 2], [14, 36, 2], [16, 40, 2], [16, 34, 2], [16, 44, 1]]) {
  Deno.test(`stage 2, granule 2^${granule}, ${bits}-bit IPAs from level ${start}: pages, blocks, faults by level`, () => {
    const f = new Fixture(), size = 1n << BigInt(granule), stride = granule - 3;
    // As many concatenated tables as the first level takes
    const first = bits - (granule + (4 - start) * stride);
    const root = f.allocate(1 << granule + Math.max(0, first));
    const walk = { granule, start, inputSize: bits };
    const tg0 = granule === 14 ? 2n : 1n, sl0 = BigInt(3 - start);
    f.sys("VTCR_EL2", BigInt(64 - bits) | sl0 << 6n | tg0 << 14n | 5n << 16n);
    f.sys("VTTBR_EL2", BigInt(root) | 7n << 48n);
    f.sys("HCR_EL2", 1n | 1n << 31n);
    f.el(1);
    const last = (1n << BigInt(bits)) - size, pa = BigInt(RAM_BASE) + 4n * size;
    const readable = D.af | D.s2Normal | D.s2Read;
    f.map(root, 5n * size, pa | D.page | readable | D.s2Write, walk);
    f.map(root, last, pa + size | D.page | readable, walk);
    assertEquals(f.access(5n * size + 0x1123n, WRITE), Number(pa) + 0x1123);
    assertEquals(f.access(last + size - 1n, READ), Number(pa + 2n * size) - 1);
    assertEquals(f.access(last + size - 1n, WRITE), "s2 permission 3");
    assertEquals(f.access(6n * size + 0x1008n, READ), "s2 translation 3");
    assertEquals(f.mmu.fault.hpfarLo, Number(6n * size + 0x1000n >> 8n));
    assertEquals(f.access(last + size, READ), "s2 translation 0");
    const block = 1n << BigInt(granule + stride);
    assertEquals(f.access(2n * block, READ), "s2 translation 2");
    f.map(root, 2n * block, 0x40000000n | D.block | readable, { ...walk, level: 2 });
    assertEquals(f.access(2n * block + 0x12345n, READ), 0x40012345);
    if (start === 2) return;
    f.map(root, 3n * block << BigInt(stride), 0x40000000n | D.block | readable, { ...walk, level: 1 });
    assertEquals(f.access(3n * block << BigInt(stride), READ), "s2 translation 1");
  });
}

Deno.test("stage 2 with 16 KiB below stage 1 with 64 KiB granules, and the other way round", () => {
  for (const [first, second] of [[16, 14], [14, 16]]) {
    const { f, low, walk } = stage1({ granule: first });
    const root = f.allocate(1 << 16), s2 = { granule: second, start: 2, inputSize: 36 };
    f.sys("VTCR_EL2", 28n | 1n << 6n | (second === 14 ? 2n : 1n) << 14n | 5n << 16n);
    f.sys("VTTBR_EL2", BigInt(root));
    f.sys("HCR_EL2", 1n | 1n << 31n);
    const size = 1n << BigInt(second);
    const identity = D.page | D.af | D.s2Normal | D.s2Read | D.s2Write;
    for (let pa = BigInt(RAM_BASE); pa < BigInt(RAM_BASE) + 0x400_0000n; pa += size) f.map(root, pa, pa | identity, s2);
    const va = 0x7000_0000n, ipa = BigInt(RAM_BASE) + 0x10_0000n;
    f.map(low, va, ipa | PAGE, walk);
    f.map(root, ipa, ipa + 0x20_0000n | identity, s2);
    f.el(1);
    assertEquals(f.access(va + 0x3456n, WRITE), Number(ipa) + 0x20_3456);
    assertEquals(f.hits(va + 0x3000n, "write"), true);
  }
});

Deno.test("a granule that the model lacks is not used: 16 KiB on cortex-a57", () => {
  const f = new Fixture({ features: mmuFeatures(CPU_MODELS["cortex-a57"]) });
  const { low, high } = stage1({ fixture: f });
  f.map(low, 0x5000n, PA | PAGE);
  f.map(high, 0xffff_0000_0000_5000n, PA | PAGE);
  // TG0 and TG1 ask for 16 KiB; the tables are of 4 KiB
  f.sys("TCR_EL1", tcr(14));
  f.el(1);
  assertEquals(f.access(0x5008n, READ), Number(PA) + 8);
  assertEquals(f.access(0xffff_0000_0000_5008n, READ), Number(PA) + 8);
});

/** Bit 52 says that this and its neighbours could be one TLB entry. */
const CONTIGUOUS = 1n << 52n;

Deno.test("contiguous hint: translations, faults and attributes stay those of the page", () => {
  for (const [granule, count] of [[12, 16], [14, 128], [16, 32]]) {
    const { f, low, walk } = stage1({ granule });
    const size = 1n << BigInt(granule), run = size * BigInt(count);
    const pa = BigInt(RAM_BASE) + 0x100_0000n, va = 3n * run;
    for (let i = 0n; i < count; i++) f.map(low, va + i * size, pa + i * size | PAGE | CONTIGUOUS, walk);
    for (const i of [0n, 1n, BigInt(count) - 1n]) {
      assertEquals(f.access(va + i * size + 8n, WRITE), Number(pa + i * size) + 8, `${granule} ${i}`);
    }
    assertEquals(f.access(va - size, READ), "translation 3");
    assertEquals(f.access(va + run, READ), "translation 3");
    // One of them alone was changed, with a TLBI of its address: as with break-before-make, no other can be meant
    f.map(low, va + size, 0n, walk);
    f.tlbi(VAE1, va + size >> 12n);
    assertEquals(f.access(va + size, READ), "translation 3");
    assertEquals(f.access(va + 2n * size, READ), Number(pa + 2n * size));
    f.map(low, va + size, pa | PAGE | D.readOnly | CONTIGUOUS, walk);
    assertEquals(f.access(va + size, READ), Number(pa));
    assertEquals(f.access(va + size, WRITE), "permission 3");
  }
});

Deno.test("contiguous hint: Access flag and dirty state are those of each descriptor", () => {
  const { f, low } = stage1({ tcr: 3n << 39n });
  const descriptor = (i: bigint) => PA + (i << 12n) | D.page | D.dbm | D.readOnly | CONTIGUOUS;
  const slots = Array.from({ length: 16 }, (_, i) => f.map(low, 0x10000n + (BigInt(i) << 12n), descriptor(BigInt(i))));
  assertEquals(f.access(0x13000n, READ), Number(PA) + 0x3000);
  assertEquals(f.access(0x14000n, WRITE), Number(PA) + 0x4000);
  assertEquals(slots.map((slot, i) => f.read(slot) ^ descriptor(BigInt(i))), [
    ...Array(3).fill(0n),
    D.af,
    D.af | D.readOnly,
    ...Array(11).fill(0n),
  ]);
  const plain = stage1();
  plain.f.map(plain.low, 0x10000n, PA | D.page | CONTIGUOUS);
  plain.f.map(plain.low, 0x11000n, PA + 0x1000n | PAGE | CONTIGUOUS);
  assertEquals([plain.f.access(0x10000n, READ), plain.f.access(0x11000n, READ)], ["flag 3", Number(PA) + 0x1000]);
});

Deno.test("contiguous hint in blocks and in stage 2", () => {
  const { f, low } = stage1();
  f.map(low, 0x80000000n, 0x40000000n | D.block | D.af | CONTIGUOUS, { level: 2 });
  f.map(low, 0x80200000n, 0x40200000n | D.block | D.af | CONTIGUOUS, { level: 2 });
  assertEquals(f.access(0x80212345n, READ), 0x40212345);
  assertEquals(f.access(0x80400000n, READ), "translation 2");
  const g = new Fixture(), { root, walk } = stage2(g);
  const normal = D.page | D.af | D.s2Read | D.s2Write | D.s2Normal | CONTIGUOUS;
  for (let i = 0n; i < 16n; i++) g.map(root, 0x80010000n + (i << 12n), PA + (i << 12n) | normal, walk);
  assertEquals(g.access(0x80013008n, WRITE), Number(PA) + 0x3008);
  g.map(root, 0x80014000n, 0n, walk);
  g.tlbi(IPAS2E1, 0x80014n);
  g.tlbi(VMALLE1);
  assertEquals(g.access(0x80014000n, READ), "s2 translation 3");
  assertEquals(g.access(0x80015000n, READ), Number(PA) + 0x5000);
});
