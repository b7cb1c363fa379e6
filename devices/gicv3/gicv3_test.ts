import { assertEquals, assertThrows } from "@std/assert";
import { Bench, GICD, SGI_FRAME } from "./bench_mock.ts";
import { Gicv3 } from "./gicv3.ts";

const NONE = 1023;
const SPI = 40;
const bit = (intid: number) => (1 << (intid & 31)) >>> 0;
const word = (offset: number, intid: number) => offset + 4 * (intid >>> 5);

Deno.test("Gicv3 identifies itself", () => {
  const b = new Bench({ vcpus: 4 });
  assertEquals(b.get(GICD.PIDR2), 0x3b);
  assertEquals(b.get(GICD.TYPER) & 0x41f, 8);
  assertEquals(b.get(GICD.CTLR), 0x50);
  assertEquals([0, 1, 2, 3].map((n) => b.gicr.read(0x2_0000 * n + 8, 8, 0) % 2 ** 32), [0, 0x100, 0x200, 0x310]);
  assertEquals([0, 1, 2, 3].map((n) => b.gicr.read(0x2_0000 * n + 0xc, 4, 0)), [0, 1, 2, 3]);
  assertEquals(b.gicr.read(0x6_ffe8, 4, 0), 0x3b);
  assertEquals(b.gicr.sizeBytes, 0x8_0000);
  assertThrows(() => b.gic.line(3), RangeError);
  assertThrows(() => b.gic.line(288), RangeError);
  assertThrows(() => new Gicv3({ vcpus: 9 }), RangeError);
});

Deno.test("Gicv3 answers the GICR_WAKER handshake", () => {
  const b = new Bench();
  assertEquals(b.gicr.read(0x2_0014, 4, 0), 6);
  b.gicr.write(0x2_0014, 4, 0, 0);
  assertEquals([b.gicr.read(0x2_0014, 4, 0), b.gicr.read(0x14, 4, 0)], [0, 6]);
  b.gicr.write(0x2_0014, 4, 2, 0);
  assertEquals(b.gicr.read(0x2_0014, 4, 0), 6);
});

Deno.test("Gicv3 takes an edge-triggered SPI through all its states", () => {
  const b = new Bench().start();
  b.put(GICD.ICFGR + 8, 2 << (2 * (SPI - 32)));
  assertEquals(b.get(GICD.ICFGR + 8), 0x2_0000);
  b.enable(SPI);
  const line = b.gic.line(SPI);
  line.set(true);
  line.set(false);
  assertEquals(b.lines(), "irq");
  assertEquals(b.read("ICC_HPPIR1_EL1"), SPI);
  assertEquals(b.get(word(GICD.ISPENDR, SPI)), bit(SPI));
  assertEquals(b.read("ICC_IAR1_EL1"), SPI);
  assertEquals(b.get(word(GICD.ISPENDR, SPI)), 0);
  assertEquals(b.get(word(GICD.ISACTIVER, SPI)), bit(SPI));
  assertEquals([b.lines(), b.read("ICC_RPR_EL1"), b.read("ICC_IAR1_EL1")], ["", 0xa0, NONE]);
  line.set(true); // a second edge while it is active
  assertEquals([b.lines(), b.get(word(GICD.ISPENDR, SPI))], ["", bit(SPI)]);
  b.write("ICC_EOIR1_EL1", SPI);
  assertEquals([b.lines(), b.read("ICC_RPR_EL1")], ["irq", 0xff]);
  assertEquals(b.read("ICC_IAR1_EL1"), SPI);
  b.write("ICC_EOIR1_EL1", SPI);
  assertEquals([b.lines(), b.get(word(GICD.ISACTIVER, SPI))], ["", 0]);
});

Deno.test("Gicv3 samples a level-sensitive SPI and keeps what is pending while it is disabled", () => {
  const b = new Bench().start();
  const line = b.gic.line(SPI);
  line.set(true);
  assertEquals([b.lines(), b.get(word(GICD.ISPENDR, SPI))], ["", bit(SPI)]);
  b.put(word(GICD.ICPENDR, SPI), bit(SPI));
  assertEquals(b.get(word(GICD.ISPENDR, SPI)), bit(SPI));
  b.enable(SPI);
  assertEquals(b.lines(), "irq");
  assertEquals(b.read("ICC_IAR1_EL1"), SPI);
  assertEquals(b.get(word(GICD.ISPENDR, SPI)), bit(SPI));
  b.write("ICC_EOIR1_EL1", SPI);
  assertEquals(b.lines(), "irq"); // still high
  line.set(false);
  assertEquals([b.lines(), b.read("ICC_IAR1_EL1")], ["", NONE]);
  b.put(word(GICD.ISPENDR, SPI), bit(SPI));
  assertEquals(b.lines(), "irq");
  b.put(word(GICD.ICENABLER, SPI), bit(SPI));
  assertEquals([b.lines(), b.get(word(GICD.ISPENDR, SPI))], ["", bit(SPI)]);
  b.put(word(GICD.ISENABLER, SPI), bit(SPI));
  assertEquals(b.read("ICC_IAR1_EL1"), SPI);
  b.write("ICC_EOIR1_EL1", SPI);
  assertEquals(b.lines(), "");
});

Deno.test("Gicv3 pre-empts by group priority, masks by PMR, and drops priorities in order", () => {
  const b = new Bench().start();
  [[40, 0xa0], [41, 0x80], [42, 0x90], [43, 0x50]].forEach(([intid, priority]) => b.enable(intid, priority));
  b.gic.line(40).set(true);
  assertEquals(b.read("ICC_IAR1_EL1"), 40);
  b.gic.line(42).set(true);
  b.gic.line(41).set(true);
  assertEquals([b.lines(), b.read("ICC_HPPIR1_EL1")], ["irq", 41]);
  b.write("ICC_PMR_EL1", 0x80);
  assertEquals([b.lines(), b.read("ICC_IAR1_EL1"), b.read("ICC_PMR_EL1")], ["", NONE, 0x80]);
  b.write("ICC_PMR_EL1", 0xff);
  assertEquals(b.read("ICC_PMR_EL1"), 0xf8);
  assertEquals([b.read("ICC_IAR1_EL1"), b.read("ICC_RPR_EL1")], [41, 0x80]);
  assertEquals(b.lines(), ""); // 42 is lower
  b.gic.line(43).set(true);
  assertEquals(b.read("ICC_IAR1_EL1"), 43);
  assertEquals(b.read("ICC_AP1R0_EL1"), (1 << 20 | 1 << 16 | 1 << 10) >>> 0);
  [43, 41, 40].forEach((intid) => b.gic.line(intid).set(false));
  b.write("ICC_EOIR1_EL1", 43);
  assertEquals([b.lines(), b.read("ICC_RPR_EL1")], ["", 0x80]);
  b.write("ICC_EOIR1_EL1", 41);
  assertEquals([b.lines(), b.read("ICC_RPR_EL1")], ["irq", 0xa0]);
});

Deno.test("Gicv3 does not pre-empt within a group priority", () => {
  const b = new Bench().start();
  assertEquals([b.read("ICC_BPR0_EL1"), b.read("ICC_BPR1_EL1")], [2, 3]);
  b.write("ICC_BPR1_EL1", 5); // bits 7:5 count
  b.enable(40, 0xb8);
  b.enable(41, 0xa0);
  b.enable(42, 0x98);
  b.gic.line(40).set(true);
  assertEquals([b.read("ICC_IAR1_EL1"), b.read("ICC_RPR_EL1")], [40, 0xa0]);
  b.gic.line(41).set(true);
  assertEquals(b.lines(), "");
  b.gic.line(42).set(true);
  assertEquals(b.lines(), "irq");
  b.write("ICC_CTLR_EL1", 1); // CBPR
  assertEquals([b.read("ICC_CTLR_EL1"), b.read("ICC_BPR1_EL1")], [0x8401, 3]);
  b.write("ICC_BPR0_EL1", 7);
  assertEquals([b.read("ICC_BPR0_EL1"), b.lines()], [7, ""]);
});

Deno.test("Gicv3 breaks ties by INTID and follows changes of priority", () => {
  const b = new Bench().start();
  [40, 41, 100].forEach((intid) => {
    b.enable(intid);
    b.gic.line(intid).set(true);
  });
  assertEquals(b.read("ICC_HPPIR1_EL1"), 40);
  b.gicd.write(GICD.IPRIORITYR + 100, 1, 0x97, 0);
  assertEquals(b.gicd.read(GICD.IPRIORITYR + 100, 1, 0), 0x90);
  assertEquals(b.read("ICC_HPPIR1_EL1"), 100);
});

Deno.test("Gicv3 separates priority drop from deactivation with EOImode", () => {
  const b = new Bench().start();
  b.write("ICC_CTLR_EL1", 2);
  b.enable(27);
  b.gic.line(27, 0).set(true);
  assertEquals(b.read("ICC_IAR1_EL1"), 27);
  b.write("ICC_EOIR1_EL1", 27);
  assertEquals([b.read("ICC_RPR_EL1"), b.lines(), b.redistributor(GICD.ISACTIVER)], [0xff, "", bit(27)]);
  b.write("ICC_DIR_EL1", 27);
  assertEquals([b.lines(), b.redistributor(GICD.ISACTIVER)], ["irq", 0]);
  b.write("ICC_CTLR_EL1", 0);
  b.read("ICC_IAR1_EL1");
  b.write("ICC_DIR_EL1", 27); // without EOImode it means nothing
  assertEquals(b.redistributor(GICD.ISACTIVER), bit(27));
});

Deno.test("Gicv3 keeps private interrupts apart and sends SGIs by affinity and to all others", () => {
  const b = new Bench({ vcpus: 4 }).start();
  for (b.vcpu = 0; b.vcpu < 4; b.vcpu++) b.enable(5);
  b.vcpu = 1;
  b.write("ICC_SGI1R_EL1", 5 << 24 | 0b1101);
  const lines = () =>
    [0, 1, 2, 3].map((vcpu) => {
      b.vcpu = vcpu;
      return b.lines();
    });
  assertEquals(lines(), ["irq", "", "irq", "irq"]);
  for (b.vcpu = 0; b.vcpu < 4; b.vcpu++) {
    if (b.read("ICC_IAR1_EL1") === 5) b.write("ICC_EOIR1_EL1", 5);
  }
  assertEquals(lines(), ["", "", "", ""]);
  b.vcpu = 2;
  b.write("ICC_SGI1R_EL1", 5 << 24, 0x100);
  assertEquals(lines(), ["irq", "irq", "", "irq"]);
  b.vcpu = 2;
  b.write("ICC_SGI0R_EL1", 5 << 24 | 4); // configured as Group 1: not forwarded
  b.write("ICC_SGI1R_EL1", 5 << 24 | 1 << 16 | 4); // another cluster
  assertEquals(b.lines(), "");
  b.gic.line(20, 3).set(true);
  b.vcpu = 3;
  assertEquals(b.redistributor(GICD.ISPENDR), bit(20) | bit(5));
  b.vcpu = 2;
  assertEquals(b.redistributor(GICD.ISPENDR), 0);
  b.redistributor(GICD.ICFGR, 0);
  assertEquals(b.redistributor(GICD.ICFGR), 0xaaaa_aaaa);
});

Deno.test("Gicv3 routes SPIs by affinity", () => {
  const b = new Bench({ vcpus: 2, affinities: [0x000, 0x100_0100] }).start();
  b.enable(SPI);
  b.gic.line(SPI).set(true);
  assertEquals(b.lines(), "irq");
  b.gicd.write(GICD.IROUTER + 8 * SPI, 8, 0x1_0100, 0);
  assertEquals(b.lines(), "");
  b.gicd.write(GICD.IROUTER + 8 * SPI, 8, 0x101_0100, 0); // Aff3 is at bits 39:32
  assertEquals([b.lines(), b.gicd.read(GICD.IROUTER + 8 * SPI, 8, 0)], ["", 0x1_0100]);
  b.gicd.write(GICD.IROUTER + 8 * SPI, 8, 0x1_0000_0000 + 0x100, 0);
  assertEquals(b.lines(), "");
  b.vcpu = 1;
  assertEquals(b.lines(), "irq");
  b.vcpu = 0;
  b.gicd.write(GICD.IROUTER + 8 * SPI, 8, 0xffff_00ff, 0);
  assertEquals(b.lines(), "");
  b.gicd.write(GICD.IROUTER + 8 * SPI + 4, 4, 0, 0);
  b.gicd.write(GICD.IROUTER + 8 * SPI, 4, 0, 0);
  assertEquals(b.lines(), "irq");
});

Deno.test("Gicv3 signals Group 0 as FIQ", () => {
  const b = new Bench().start();
  b.put(GICD.CTLR, 3);
  b.write("ICC_IGRPEN0_EL1", 1);
  b.put(word(GICD.IGROUPR, SPI), 0);
  b.enable(SPI, 0x20);
  b.enable(64, 0x40);
  b.gic.line(SPI).set(true);
  b.gic.line(64).set(true);
  assertEquals([b.lines(), b.read("ICC_IAR1_EL1"), b.read("ICC_HPPIR0_EL1")], ["fiq", NONE, SPI]);
  b.write("ICC_IGRPEN0_EL1", 0);
  assertEquals([b.lines(), b.read("ICC_HPPIR1_EL1")], ["irq", 64]);
  b.write("ICC_IGRPEN0_EL1", 1);
  assertEquals(b.read("ICC_IAR0_EL1"), SPI);
  assertEquals(b.read("ICC_AP0R0_EL1"), 1 << 4);
  b.write("ICC_EOIR1_EL1", SPI); // the wrong group
  assertEquals(b.read("ICC_RPR_EL1"), 0x20);
  b.write("ICC_EOIR0_EL1", SPI);
  assertEquals([b.read("ICC_RPR_EL1"), b.lines()], [0xff, "fiq"]);
  b.put(GICD.CTLR, 0);
  assertEquals(b.lines(), "");
});

Deno.test("Gicv3 ignores accesses to interrupts that it does not have", () => {
  const b = new Bench({ spis: 32 }).start();
  b.put(GICD.ISENABLER, 0xffff_ffff);
  b.put(GICD.ISENABLER + 8, 0xffff_ffff);
  b.put(GICD.IROUTER + 8 * 64, 1);
  assertEquals([0, 4, 8, 0x7c].map((o) => b.get(GICD.ISENABLER + o)), [0, 0, 0, 0]);
  assertEquals(b.get(GICD.IROUTER + 8 * 64), 0);
  b.write("ICC_EOIR1_EL1", 0xff_ffff);
  b.write("ICC_DIR_EL1", 500);
});

Deno.test("Gicv3 tells the vCPU when its interrupts change", () => {
  const b = new Bench().start();
  b.enable(SPI);
  const before = b.told.slice();
  b.gic.line(SPI).set(true);
  assertEquals([b.told[0] > before[0], b.told[1]], [true, before[1]]);
});

Deno.test("Gicv3 is reset and restored as a whole, and inputs outlast a reset", () => {
  const b = new Bench().start();
  b.enable(SPI);
  b.enable(27);
  b.gic.line(SPI).set(true);
  assertEquals(b.read("ICC_IAR1_EL1"), SPI);
  const saved = b.gicd.snapshot();
  b.gicd.reset();
  b.gicr.reset();
  assertEquals([b.lines(), b.get(GICD.CTLR), b.read("ICC_PMR_EL1"), b.read("ICC_RPR_EL1")], ["", 0x50, 0, 0xff]);
  assertEquals(b.get(word(GICD.ISPENDR, SPI)), bit(SPI));
  b.gicd.restore(saved);
  assertEquals([b.read("ICC_RPR_EL1"), b.get(word(GICD.ISACTIVER, SPI))], [0xa0, bit(SPI)]);
  b.write("ICC_EOIR1_EL1", SPI);
  assertEquals(b.lines(), "irq");
  assertEquals(b.gicr.snapshot(), null);
});

Deno.test("Gicv3 survives any access", () => {
  const b = new Bench({ vcpus: 8 });
  let seed = 7;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0);
  for (let i = 0; i < 30_000; i++) {
    const bytes = 1 << (random() >>> 30);
    for (const device of [b.gicd, b.gicr]) {
      const offset = random() % device.sizeBytes & ~(bytes - 1);
      device.write(offset, bytes, random(), 0);
      const value = device.read(offset, bytes, 0);
      assertEquals(value >= 0 && Number.isSafeInteger(value), true);
    }
    const cpu = b.gic.cpuInterface(random() & 7);
    const encoding = 0xc000 | random() >>> 18;
    cpu.write(encoding, random(), random(), (random() & 0x100) !== 0, random() >>> 30, true);
    cpu.read(encoding, (random() & 0x100) !== 0, random() >>> 30, true);
    cpu.setPpi(16 + (random() >>> 28), (random() & 0x100) !== 0);
    assertEquals(cpu.pending(1, false) < 16, true);
  }
  assertEquals(b.gicr.read(SGI_FRAME + 0xffc0, 4, 0), 0);
});
