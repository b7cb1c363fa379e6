import { assertEquals } from "@std/assert";
import {
  ACCESS_ALIGNED_ONLY,
  ACCESS_ATOMIC,
  ACCESS_UNALIGNED,
  ACCESS_UNPRIVILEGED,
  ACCESS_WRITE,
  ACCESS_ZERO,
} from "./access.ts";
import { D, Fixture, PA, PAGE, stage1, stage2, tcr } from "./fixture.ts";

const READ = 0, WRITE = ACCESS_WRITE;
const PAN = 1 << 22, UAO = 1 << 23;
Deno.test("off: flat mapping, address size fault, device alignment", () => {
  const f = new Fixture();
  f.el(1);
  assertEquals(f.access(0x40001234n, READ), 0x40001234);
  assertEquals(f.access(0x1_0000_0000_0000n, READ), "size 0");
  assertEquals(f.access(0x40000001n, ACCESS_UNALIGNED), "alignment");
  assertEquals(f.access(0x40000040n, WRITE | ACCESS_ZERO), "alignment");
  assertEquals(f.fill(0x09000000n, READ), -2);
  assertEquals(f.mmu.pa, 0x09000000);
  assertEquals(f.fetch(0x40001000n), 0x40001000);
});

Deno.test("permissions of EL1 and EL0, with PAN and UAO", () => {
  const { f, low } = stage1();
  const cases: [bigint, string, string][] = [
    // AP[2:1] and XN bits; what EL1 may do, what EL0 may do
    [0n, "rwx", "--x"],
    [D.user, "rw-", "rwx"],
    [D.readOnly, "r-x", "--x"],
    [D.readOnly | D.user, "r-x", "r-x"],
    [D.pxn, "rw-", "--x"],
    [D.uxn, "rwx", "---"],
    [D.uxn | D.pxn | D.user, "rw-", "rw-"],
  ];
  const va = 0x7000n;
  const may = () =>
    (f.access(va, READ) === Number(PA) ? "r" : "-") + (f.access(va, WRITE) === Number(PA) ? "w" : "-") +
    (f.fetch(va) === Number(PA) ? "x" : "-");
  for (const [bits, el1, el0] of cases) {
    f.map(low, va, PA | PAGE | bits);
    f.el(1);
    assertEquals(may(), el1, bits.toString(16));
    f.el(0);
    assertEquals(may(), el0, bits.toString(16));
  }
  f.map(low, va, PA | PAGE | D.user);
  f.el(1, PAN);
  assertEquals(may(), "---");
  assertEquals(f.faultText(), "permission 3");
  assertEquals(f.access(va, ACCESS_UNPRIVILEGED), Number(PA));
  f.map(low, va, PA | PAGE);
  assertEquals(f.access(va, ACCESS_UNPRIVILEGED), "permission 3");
  f.el(1, PAN | UAO);
  assertEquals(f.access(va, ACCESS_UNPRIVILEGED), Number(PA));
});

Deno.test("hierarchical permissions, HPD, WXN", () => {
  const { f, low } = stage1();
  const noUserReadOnly = 3n << 61n, noExecute = 3n << 59n;
  f.map(low, 0x1000n, PA | PAGE | D.user, { tableBits: noUserReadOnly | noExecute });
  assertEquals(f.access(0x1000n, READ), Number(PA));
  assertEquals(f.access(0x1000n, WRITE), "permission 3");
  assertEquals(f.fetch(0x1000n), "permission 3");
  f.el(0);
  assertEquals(f.access(0x1000n, READ), "permission 3");
  f.sys("TCR_EL1", tcr(12) | 1n << 41n);
  f.el(0);
  assertEquals(f.access(0x1000n, WRITE), Number(PA));
  assertEquals(f.fetch(0x1000n), Number(PA));
  f.sys("SCTLR_EL1", 1n | 1n << 19n);
  f.el(0);
  assertEquals(f.fetch(0x1000n), "permission 3");
});

Deno.test("Access flag and dirty state", () => {
  const { f, low } = stage1();
  const slot = f.map(low, 0x1000n, PA | D.page);
  assertEquals(f.access(0x1000n, READ), "flag 3");
  f.sys("TCR_EL1", tcr(12) | 1n << 39n);
  f.el(1);
  assertEquals(f.access(0x1000n, READ), Number(PA));
  assertEquals(f.read(slot), PA | PAGE);
  f.map(low, 0x1000n, PA | D.page | D.readOnly | D.dbm);
  assertEquals(f.access(0x1000n, WRITE), "permission 3");
  assertEquals(f.read(slot), PA | D.page | D.readOnly | D.dbm);
  f.sys("TCR_EL1", tcr(12) | 3n << 39n);
  f.el(1);
  assertEquals(f.access(0x1000n, READ), Number(PA));
  assertEquals(f.read(slot), PA | PAGE | D.readOnly | D.dbm);
  assertEquals(f.access(0x1000n, WRITE), Number(PA));
  assertEquals(f.read(slot), PA | PAGE | D.dbm);
});

Deno.test("EPD, TBI, TxSZ out of range, address size, external aborts", () => {
  const { f, low, high } = stage1();
  f.map(low, 0x1000n, PA | PAGE);
  const tagged = 0xaa00_0000_0000_1000n;
  assertEquals(f.access(tagged, READ), "translation 0");
  f.sys("TCR_EL1", tcr(12) | 1n << 37n);
  f.el(1);
  assertEquals(f.access(tagged, READ), Number(PA));
  assertEquals([f.mmu.fault.vaHi, f.hits(tagged), f.hits(0x1000n)], [0xaa000000, true, false]);
  f.sys("TCR_EL1", tcr(12) | 1n << 7n);
  f.el(1);
  assertEquals(f.access(0x1000n, READ), "translation 0");
  f.sys("TCR_EL1", tcr(12) & ~63n | 15n);
  f.el(1);
  assertEquals(f.access(0x1000n, READ), "translation 0");
  // 36-bit output
  f.sys("TCR_EL1", tcr(12) & ~(7n << 32n) | 1n << 32n);
  f.el(1);
  f.map(low, 0x2000n, 1n << 36n | PAGE);
  assertEquals(f.access(0x2000n, READ), "size 3");
  f.map(low, 0x40000000n, 1n << 36n | D.table, { level: 1 });
  assertEquals(f.access(0x40000000n, READ), "size 1");
  f.sys("TTBR1_EL1", 1n << 40n);
  assertEquals(f.access(-1n & (1n << 64n) - 1n, READ), "size 0");
  f.sys("TTBR1_EL1", BigInt(high));
  f.map(low, 0x80000000n, 0x09000000n | D.table, { level: 1 });
  assertEquals(f.access(0x80000000n, READ), "external 2");
});

Deno.test("device memory and SCTLR.A: alignment before permission, never in the TLB", () => {
  const { f, low } = stage1();
  f.map(low, 0x1000n, PA | PAGE | D.device | D.readOnly);
  assertEquals(f.access(0x1001n, WRITE | ACCESS_UNALIGNED), "alignment");
  assertEquals(f.access(0x1000n, WRITE), "permission 3");
  assertEquals(f.access(0x1000n, READ), Number(PA));
  assertEquals(f.hits(0x1000n), false);
  f.map(low, 0x2000n, PA | PAGE);
  assertEquals(f.access(0x2001n, ACCESS_UNALIGNED), Number(PA) + 1);
  assertEquals(f.access(0x2001n, ACCESS_UNALIGNED | ACCESS_ALIGNED_ONLY), "alignment");
  assertEquals(f.hits(0x2000n), true);
  f.sys("SCTLR_EL1", 3n);
  f.el(1);
  assertEquals(f.access(0x2001n, ACCESS_UNALIGNED), "alignment");
  assertEquals(f.access(0x2000n, READ), Number(PA));
  assertEquals(f.hits(0x2000n), false);
});

Deno.test("EL2 and EL3 regimes, and EL2&0", () => {
  const f = new Fixture();
  const root = f.allocate();
  const single = 16n | 5n << 16n;
  for (const el of [2, 3]) {
    f.sys(`TCR_EL${el}`, single);
    f.sys(`TTBR0_EL${el}`, BigInt(root));
    f.sys(`SCTLR_EL${el}`, 1n);
    f.el(el);
    f.map(root, 0x1000n, PA | PAGE | D.uxn);
    assertEquals(f.access(0x1000n, WRITE), Number(PA));
    assertEquals(f.fetch(0x1000n), "permission 3");
    f.map(root, 0x1000n, PA | PAGE | D.readOnly | D.pxn);
    assertEquals(f.access(0x1000n, WRITE), "permission 3");
    assertEquals(f.fetch(0x1000n), Number(PA));
    assertEquals(f.access(-1n & (1n << 64n) - 4096n, READ), "translation 0");
  }
  f.sys("HCR_EL2", 1n << 34n | 1n << 27n);
  f.sys("TCR_EL2", tcr(12));
  f.sys("TTBR1_EL2", BigInt(root));
  f.el(0);
  assertEquals(f.access(0x1000n, READ), "permission 3");
  f.map(root, 0x1000n, PA | PAGE | D.user);
  assertEquals(f.access(0x1000n, WRITE), Number(PA));
  f.el(2, PAN);
  assertEquals(f.access(0xffff_0000_0000_1000n, READ), "permission 3");
  assertEquals(f.access(0xffff_0000_0000_1000n, ACCESS_UNPRIVILEGED), Number(PA));
});

Deno.test("big-endian tables and data", () => {
  const { f, low } = stage1({ bits: 36 });
  const swap = (value: bigint) => {
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setBigUint64(0, value);
    return bytes.getBigUint64(0, true);
  };
  f.sys("SCTLR_EL1", 1n | 1n << 25n);
  f.sys("TCR_EL1", tcr(12, 36) | 1n << 39n);
  f.el(1);
  f.write(low, swap(0x40000000n | D.block));
  assertEquals(f.access(0x1234n, READ), 0x40001234);
  assertEquals(f.read(low), swap(0x40000000n | D.block | D.af));
  assertEquals([f.mmu.isBigEndian(f.vcpu), f.hits(0x1234n)], [true, false]);
});

Deno.test("stage 2: faults, permissions, stage 1 off", () => {
  const f = new Fixture();
  const { root, walk } = stage2(f);
  const at = (bits: bigint) => f.map(root, 0x80001000n, PA | D.page | bits, walk);
  const normal = D.af | D.s2Normal;
  assertEquals(f.access(0x40001234n, READ), 0x40001234);
  assertEquals(f.access(0x80001000n, WRITE), "s2 translation 1");
  assertEquals([f.mmu.fault.ipa, f.mmu.fault.wnr, f.mmu.fault.hpfarLo], [0x80001000, 1, 0x800010]);
  assertEquals(f.access(1n << 40n, READ), "s2 translation 0");
  assertEquals(f.access(0x3fffffffffn, READ), "s2 translation 1");
  at(D.s2Normal | D.s2Read);
  assertEquals(f.access(0x80001000n, READ), "s2 flag 3");
  at(normal);
  assertEquals(f.access(0x80001000n, READ), "s2 permission 3");
  at(normal | D.s2Read);
  assertEquals(f.access(0x80001000n, READ), Number(PA));
  assertEquals(f.access(0x80001000n, WRITE), "s2 permission 3");
  assertEquals(f.access(0x80001000n, WRITE | ACCESS_ATOMIC), "s2 permission 3");
  assertEquals(f.mmu.fault.wnr, 1);
  const cases: [bigint, boolean, boolean][] = [[0n, true, true], [1n, false, true], [2n, false, false], [
    3n,
    true,
    false,
  ]];
  for (const [xn, el1, el0] of cases) {
    at(normal | D.s2Read | xn << 53n);
    f.tlbi([4, 7, 6]);
    f.el(1);
    assertEquals(f.fetch(0x80001000n), el1 ? Number(PA) : "s2 permission 3");
    f.el(0);
    assertEquals(f.fetch(0x80001000n), el0 ? Number(PA) : "s2 permission 3");
  }
});

Deno.test("stage 2: Access flag, dirty state, write-only pages, inconsistent start level", () => {
  const f = new Fixture();
  const { root, walk } = stage2(f);
  f.sys("VTCR_EL2", 24n | 1n << 6n | 5n << 16n | 3n << 21n);
  f.el(1);
  const slot = f.map(root, 0x80001000n, PA | D.page | D.s2Read | D.s2Normal | D.dbm, walk);
  assertEquals(f.access(0x80001000n, READ), Number(PA));
  assertEquals(f.read(slot), PA | PAGE | D.s2Read | D.s2Normal | D.dbm);
  assertEquals(f.access(0x80001000n, WRITE), Number(PA));
  assertEquals(f.read(slot), PA | PAGE | D.s2Read | D.s2Write | D.s2Normal | D.dbm);
  f.map(root, 0x80002000n, PA | PAGE | D.s2Write | D.s2Normal, walk);
  f.sys("HCR_EL2", 1n | 1n << 12n);
  f.el(1);
  assertEquals(f.access(0x80002000n, WRITE), Number(PA));
  assertEquals(f.hits(0x80002000n, "write"), false);
  f.sys("VTCR_EL2", 24n | 2n << 6n | 5n << 16n);
  f.el(1);
  assertEquals(f.access(0x40001000n, READ), "s2 translation 0");
});

Deno.test("stage 2 of stage 1 walks: translation, permission, PTW, updates", () => {
  const { f, low } = stage1();
  f.map(low, 0x1000n, PA | PAGE);
  const { root, walk } = stage2(f);
  assertEquals(f.access(0x1000n, READ), Number(PA));
  const tables = BigInt(low);
  const block = tables & ~0x1fffffn;
  const setBlock = (bits: bigint) => {
    f.map(root, block, block | D.block | D.af | bits, { ...walk, level: 2 });
    f.tlbi([4, 7, 6]);
    f.el(1);
  };
  setBlock(D.s2Normal);
  assertEquals(f.access(0x1000n, WRITE), "s2 permission 2 ptw");
  assertEquals([f.mmu.fault.ipa, f.mmu.fault.write], [low, false]);
  setBlock(D.s2Read | D.s2Device);
  assertEquals(f.access(0x1000n, READ), Number(PA));
  f.sys("HCR_EL2", 1n | 1n << 2n);
  f.el(1);
  assertEquals(f.access(0x1000n, READ), "s2 permission 2 ptw");
  f.sys("HCR_EL2", 1n);
  setBlock(D.s2Normal | D.s2Read);
  const slot = f.map(low, 0x1000n, PA | D.page);
  f.sys("TCR_EL1", tcr(12) | 1n << 39n);
  f.el(1);
  assertEquals(f.access(0x1000n, READ), "s2 permission 2 ptw");
  assertEquals([f.mmu.fault.ipa, f.mmu.fault.write], [slot, true]);
  f.sys("TTBR0_EL1", 0x90000000n);
  assertEquals(f.access(0x1000n, READ), "s2 translation 1 ptw");
  assertEquals(f.mmu.fault.ipa, 0x90000000);
});

Deno.test("Secure state: NS, NSTable, secure RAM, SIF", () => {
  const { f, low } = stage1();
  f.sys("SCR_EL3", 1n << 10n);
  f.el(1);
  f.map(low, 0x1000n, 0x0e001000n | PAGE);
  f.map(low, 0x2000n, 0x0e001000n | PAGE | 1n << 5n);
  f.map(low, 0x3000n, PA | PAGE | 1n << 5n);
  assertEquals(f.access(0x1000n, READ), 0x0e001000);
  assertEquals([f.fill(0x1000n, READ) >= 0, f.mmu.paSecure], [true, true]);
  assertEquals([f.fill(0x2000n, READ), f.mmu.paSecure], [-2, false]);
  assertEquals(f.fetch(0x3000n), Number(PA));
  f.sys("SCR_EL3", 1n << 10n | 1n << 9n);
  f.el(1);
  assertEquals(f.fetch(0x3000n), "permission 3");
  f.sys("SCR_EL3", 1n << 10n | 1n);
  f.el(1);
  assertEquals(f.fill(0x1000n, READ), -2);
});

Deno.test("address translation instructions", () => {
  const { f, low } = stage1();
  f.map(low, 0x1000n, PA | PAGE | D.readOnly | 3n << 8n);
  stage2(f);
  const par = (attr: bigint, sh: bigint) => PA | attr << 56n | 1n << 11n | 1n << 9n | sh << 7n;
  assertEquals(f.at([0, 8, 0], 0x1abcn), par(0xffn, 3n));
  assertEquals(f.at([0, 8, 1], 0x1000n), 1n | 0xfn << 1n | 1n << 11n);
  assertEquals(f.at([0, 8, 2], 0x1000n), 1n | 0xfn << 1n | 1n << 11n);
  f.el(2);
  assertEquals(f.at([4, 8, 4], 0x1000n), par(0xffn, 3n));
  f.map(low, 0x2000n, 0x90000000n | PAGE);
  assertEquals(f.at([0, 8, 0], 0x2000n), 0x90000000n | 0xffn << 56n | 1n << 11n | 1n << 9n);
  assertEquals(f.at([4, 8, 4], 0x2000n), 1n | 5n << 1n | 1n << 9n | 1n << 11n);
  f.sys("TTBR0_EL1", 0x90000000n);
  assertEquals(f.at([0, 8, 0], 0x1000n), 1n | 5n << 1n | 1n << 8n | 1n << 9n | 1n << 11n);
  f.el(1);
  assertEquals(f.at([0, 8, 0], 0x1000n), "s2 translation 1 ptw");
  assertEquals(f.mmu.fault.isCacheMaintenance, true);
});

Deno.test("cache maintenance by address", () => {
  const { f, low } = stage1();
  f.map(low, 0x1000n, PA | PAGE | D.readOnly);
  const check = (va: number, kind: "dc" | "dcInvalidate" | "ic" | "zero") =>
    f.mmu.cacheMaintenance(f.vcpu, va, 0, kind) || f.faultText();
  assertEquals(check(0x1000, "dc"), true);
  assertEquals(check(0x1000, "ic"), true);
  assertEquals(check(0x1000, "dcInvalidate"), "permission 3");
  assertEquals(f.mmu.fault.iss, 0x140 | 0xf);
  assertEquals(check(0x1000, "zero"), "permission 3");
  assertEquals(f.mmu.fault.iss, 0x40 | 0xf);
  f.el(0);
  assertEquals(check(0x1000, "dc"), "permission 3");
  assertEquals(check(0x5000, "ic"), "translation 3");
});
