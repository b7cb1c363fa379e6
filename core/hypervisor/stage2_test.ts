import { assertEquals, assertThrows } from "@std/assert";
import { ACCESS_EXECUTE, ACCESS_WRITE } from "../mmu/access.ts";
import { Fixture, RAM_BASE, RAM_SIZE } from "../mmu/fixture.ts";
import { BLOCK_BYTES, PERMISSION, Stage2 } from "./stage2.ts";
import { TablePool } from "./table_pool.ts";
import { vtcr } from "./el2_controls.ts";

const IPA = 0x4000_0000, PA = RAM_BASE + 0x100_0000, BYTES = 0x100_0000;

function bench() {
  const f = new Fixture();
  const pool = new TablePool(f.memory, RAM_BASE + RAM_SIZE / 2, RAM_BASE + RAM_SIZE);
  const changes = { count: 0 };
  const stage2 = new Stage2(pool, () => {
    changes.count++;
    f.mmu.maintenance.invalidateVmid(1, false);
  });
  f.sys("HCR_EL2", 0x80000001n);
  f.sys("VTCR_EL2", BigInt(vtcr(5)));
  f.sys("VTTBR_EL2", 1n << 48n | BigInt(stage2.root));
  f.el(1, 1);
  return { f, pool, stage2, changes };
}

Deno.test("Stage2 maps guest memory in blocks that the MMU walks", () => {
  const { f, pool, stage2, changes } = bench();
  stage2.map(IPA, PA, BYTES);
  assertEquals([pool.used, changes.count], [2, 1]);
  assertEquals(f.access(BigInt(IPA), 0), PA);
  assertEquals(f.access(BigInt(IPA + BYTES - 8), ACCESS_WRITE), PA + BYTES - 8);
  assertEquals(f.fetch(BigInt(IPA + 0x1234)), PA + 0x1234);
  assertEquals(f.access(BigInt(IPA - 8), 0), "s2 translation 1");
  assertEquals(f.access(BigInt(IPA + BYTES), 0), "s2 translation 2");
  assertEquals(f.access(0x09000000n, 0), "s2 translation 1");
  assertEquals(stage2.find(IPA + 0x20_1234), { pa: PA + 0x20_1234, permission: PERMISSION.all, level: 2 });
  assertEquals([stage2.translate(IPA + 5), stage2.translate(IPA - 1), stage2.translate(2 ** 39)], [PA + 5, -1, -1]);
});

Deno.test("Stage2 maps in pages where blocks do not fit", () => {
  const { f, stage2 } = bench();
  stage2.map(IPA, PA, BLOCK_BYTES + 0x3000);
  assertEquals(stage2.find(IPA)?.level, 2);
  assertEquals(stage2.find(IPA + BLOCK_BYTES)?.level, 3);
  assertEquals(f.access(BigInt(IPA + BLOCK_BYTES + 0x2ff8), 0), PA + BLOCK_BYTES + 0x2ff8);
  assertEquals(f.access(BigInt(IPA + BLOCK_BYTES + 0x3000), 0), "s2 translation 3");
  stage2.map(IPA + 2 * BLOCK_BYTES, PA + 0x1000, BLOCK_BYTES);
  assertEquals(f.access(BigInt(IPA + 2 * BLOCK_BYTES), 0), PA + 0x1000);
});

Deno.test("Stage2 splits blocks to unmap and to protect, and the change is seen at once", () => {
  const { f, stage2 } = bench();
  stage2.map(IPA, PA, BYTES);
  assertEquals(f.access(BigInt(IPA + 0x5000), ACCESS_WRITE), PA + 0x5000);
  stage2.unmap(IPA + 0x5000, 0x1000);
  assertEquals(f.access(BigInt(IPA + 0x5000), ACCESS_WRITE), "s2 translation 3");
  assertEquals(f.access(BigInt(IPA + 0x6000), ACCESS_WRITE), PA + 0x6000);
  stage2.protect(IPA + 0x6000, 0x2000, PERMISSION.read);
  assertEquals(f.access(BigInt(IPA + 0x7000), ACCESS_WRITE), "s2 permission 3");
  assertEquals(f.access(BigInt(IPA + 0x7000), 0), PA + 0x7000);
  assertEquals(f.fetch(BigInt(IPA + 0x7000)), "s2 permission 3");
  assertEquals(stage2.find(IPA + 0x7000)?.permission, PERMISSION.read);
  stage2.protect(IPA + BLOCK_BYTES, BLOCK_BYTES, PERMISSION.readWrite);
  assertEquals(f.access(BigInt(IPA + BLOCK_BYTES), ACCESS_EXECUTE), "s2 permission 2");
  assertEquals(stage2.find(IPA + BLOCK_BYTES)?.level, 2);
});

Deno.test("Stage2 frees the tables under what is mapped or unmapped in whole", () => {
  const { pool, stage2 } = bench();
  stage2.map(IPA, PA, BYTES);
  const used = pool.used;
  stage2.unmap(IPA, 0x1000);
  stage2.protect(IPA + BLOCK_BYTES, 0x1000, PERMISSION.read);
  assertEquals(pool.used, used + 2);
  stage2.protect(IPA, 2 * BLOCK_BYTES, PERMISSION.all);
  assertEquals(stage2.find(IPA + BLOCK_BYTES)?.permission, PERMISSION.all);
  assertEquals(stage2.find(IPA), null);
  stage2.map(IPA, PA, BLOCK_BYTES);
  stage2.unmap(IPA + BLOCK_BYTES, BLOCK_BYTES);
  assertEquals(pool.used, used);
  stage2.unmap(0x10_0000_0000, 0x8000_0000);
  assertEquals(pool.used, used);
});

Deno.test("Stage2 refuses what is not page aligned or out of the space", () => {
  const { stage2 } = bench();
  assertThrows(() => stage2.map(IPA + 1, PA, 4096), RangeError, "0x40000001");
  assertThrows(() => stage2.map(IPA, PA + 4, 4096), RangeError, "page aligned");
  assertThrows(() => stage2.unmap(2 ** 39 - 4096, 8192), RangeError, "below 2^39");
});
