import { assertEquals } from "@std/assert";
import { Bench, GICD } from "./bench_mock.ts";

const NONE = 1023;
const PENDING = 1, ACTIVE = 2;
const MAINTENANCE = 1 << 25;

/** The upper half of a list register. */
function lrHi(state: number, priority: number, options: { group?: 0 | 1; hw?: number; eoi?: boolean } = {}): number {
  const { group = 1, hw, eoi = false } = options;
  return (state << 30 | group << 28 | priority << 16 | (hw === undefined ? 0 : 1 << 29 | hw) | (eoi ? 0x200 : 0)) >>> 0;
}

class Guest extends Bench {
  /** As EL2: fills a list register. */
  list(n: number, intid: number, hi: number): void {
    this.hypervisor(() => this.write(`ICH_LR${n}_EL2`, intid, hi));
  }

  /** State bits of a list register. */
  stateOf(n: number): number {
    return this.hypervisor(() => {
      this.read(`ICH_LR${n}_EL2`);
      return this.gic.cpuInterface(0).readHi >>> 30;
    });
  }

  hypervisor<T>(access: () => T): T {
    this.virtual = false;
    this.el = 2;
    const result = access();
    this.virtual = true;
    this.el = 1;
    return result;
  }

  ich(name: string, value?: number): number {
    return this.hypervisor(() => value === undefined ? this.read(name) : (this.write(name, value), 0));
  }

  maintenance(): boolean {
    return (this.redistributor(GICD.ISPENDR) & MAINTENANCE) !== 0;
  }
}

function guest(): Guest {
  const b = new Guest();
  b.start();
  b.virtual = true;
  b.ich("ICH_HCR_EL2", 1);
  b.write("ICC_PMR_EL1", 0xff);
  b.write("ICC_IGRPEN1_EL1", 1);
  return b;
}

Deno.test("ICH_VTR_EL2 and the reset values agree with four list registers and five priority bits", () => {
  const b = new Guest();
  assertEquals(b.ich("ICH_VTR_EL2"), 0x9038_0003);
  assertEquals([b.ich("ICH_ELRSR_EL2"), b.ich("ICH_EISR_EL2"), b.ich("ICH_MISR_EL2")], [15, 0, 0]);
  b.ich("ICH_VMCR_EL2", 0xffff_ffff);
  assertEquals(b.ich("ICH_VMCR_EL2"), 0xf8fc_021b);
  b.ich("ICH_VMCR_EL2", 0);
  assertEquals(b.ich("ICH_VMCR_EL2"), 0x004c_0008);
  b.ich("ICH_HCR_EL2", 0xffff_ffff);
  assertEquals([b.ich("ICH_HCR_EL2"), b.gic.cpuInterface(0).ichHcr], [0xf800_7cff, 0xf800_7cff]);
  b.list(3, 0xffff_ffff, 0xffff_ffff);
  assertEquals([b.ich("ICH_LR3_EL2"), b.gic.cpuInterface(0).readHi], [0xffff, 0xf0f8_1fff]);
});

Deno.test("A virtual interrupt goes from pending to active to invalid", () => {
  const b = guest();
  b.list(1, 48, lrHi(PENDING, 0xa0));
  assertEquals([b.lines(), b.read("ICC_HPPIR1_EL1"), b.read("ICC_IAR0_EL1")], ["virtualIrq", 48, NONE]);
  assertEquals(b.read("ICC_IAR1_EL1"), 48);
  assertEquals([b.lines(), b.stateOf(1), b.read("ICC_RPR_EL1"), b.ich("ICH_AP1R0_EL2")], ["", ACTIVE, 0xa0, 1 << 20]);
  assertEquals(b.read("ICC_IAR1_EL1"), NONE);
  b.write("ICC_EOIR1_EL1", 48);
  assertEquals([b.stateOf(1), b.read("ICC_RPR_EL1"), b.ich("ICH_ELRSR_EL2")], [0, 0xff, 15]);
});

Deno.test("A virtual interrupt that is active and pending is pending again when it ends", () => {
  const b = guest();
  b.list(0, 48, lrHi(PENDING, 0xa0));
  b.read("ICC_IAR1_EL1");
  b.list(0, 48, lrHi(PENDING | ACTIVE, 0xa0));
  assertEquals(b.lines(), "");
  b.write("ICC_EOIR1_EL1", 48);
  assertEquals([b.lines(), b.stateOf(0)], ["virtualIrq", PENDING]);
});

Deno.test("Virtual interrupts obey PMR, enables, BPR and pre-emption", () => {
  const b = guest();
  b.list(0, 48, lrHi(PENDING, 0xa0));
  b.write("ICC_PMR_EL1", 0xa0);
  assertEquals([b.lines(), b.read("ICC_PMR_EL1")], ["", 0xa0]);
  b.write("ICC_PMR_EL1", 0xf0);
  b.write("ICC_IGRPEN1_EL1", 0);
  assertEquals([b.lines(), b.read("ICC_HPPIR1_EL1")], ["", NONE]);
  b.write("ICC_IGRPEN1_EL1", 1);
  assertEquals(b.read("ICC_IAR1_EL1"), 48);
  b.list(1, 49, lrHi(PENDING, 0x98));
  assertEquals(b.lines(), "virtualIrq");
  b.write("ICC_BPR1_EL1", 7);
  assertEquals(b.lines(), "");
  b.write("ICC_BPR1_EL1", 0);
  assertEquals([b.read("ICC_BPR1_EL1"), b.read("ICC_BPR0_EL1"), b.lines()], [3, 2, "virtualIrq"]);
  assertEquals([b.read("ICC_IAR1_EL1"), b.read("ICC_RPR_EL1")], [49, 0x98]);
  b.write("ICC_EOIR1_EL1", 49);
  b.write("ICC_EOIR1_EL1", 48);
  assertEquals([b.stateOf(0), b.stateOf(1), b.read("ICC_RPR_EL1")], [0, 0, 0xff]);
  b.ich("ICH_HCR_EL2", 0);
  b.list(0, 48, lrHi(PENDING, 0xa0));
  assertEquals([b.lines(), b.read("ICC_IAR1_EL1")], ["", NONE]);
});

Deno.test("Virtual Group 0 is a vFIQ", () => {
  const b = guest();
  b.write("ICC_IGRPEN0_EL1", 1);
  b.list(0, 26, lrHi(PENDING, 0x80, { group: 0 }));
  b.list(1, 27, lrHi(PENDING, 0x80));
  assertEquals([b.lines(), b.read("ICC_IAR1_EL1"), b.read("ICC_IAR0_EL1")], ["virtualFiq", NONE, 26]);
  assertEquals(b.ich("ICH_AP0R0_EL2"), 1 << 16);
  b.write("ICC_EOIR0_EL1", 26);
  assertEquals(b.lines(), "virtualIrq");
});

Deno.test("Virtual EOImode separates priority drop from deactivation", () => {
  const b = guest();
  b.write("ICC_CTLR_EL1", 2);
  assertEquals(b.read("ICC_CTLR_EL1"), 0x8402);
  b.list(0, 48, lrHi(PENDING, 0xa0));
  b.read("ICC_IAR1_EL1");
  b.write("ICC_EOIR1_EL1", 48);
  assertEquals([b.stateOf(0), b.read("ICC_RPR_EL1")], [ACTIVE, 0xff]);
  b.write("ICC_DIR_EL1", 48);
  assertEquals([b.stateOf(0), b.ich("ICH_HCR_EL2")], [0, 1]);
});

Deno.test("A list register with HW = 1 deactivates the physical interrupt", () => {
  const b = guest();
  b.virtual = false;
  b.el = 2;
  b.write("ICC_CTLR_EL1", 2);
  b.enable(27);
  b.gic.line(27).set(true);
  assertEquals(b.read("ICC_IAR1_EL1"), 27);
  b.write("ICC_EOIR1_EL1", 27);
  b.list(0, 30, lrHi(PENDING, 0xa0, { hw: 27 }));
  assertEquals([b.lines(), b.read("ICC_IAR1_EL1")], ["virtualIrq", 30]);
  assertEquals(b.redistributor(GICD.ISACTIVER), 1 << 27);
  b.write("ICC_EOIR1_EL1", 30);
  assertEquals([b.redistributor(GICD.ISACTIVER), b.lines(), b.stateOf(0)], [0, "irq", 0]);
});

Deno.test("Maintenance interrupts come for EOI, underflow, no pending, unlisted EOIs and group enables", () => {
  const b = guest();
  b.list(0, 48, lrHi(PENDING, 0xa0, { eoi: true }));
  assertEquals(b.maintenance(), false);
  b.read("ICC_IAR1_EL1");
  b.write("ICC_EOIR1_EL1", 48);
  assertEquals([b.maintenance(), b.ich("ICH_MISR_EL2"), b.ich("ICH_EISR_EL2")], [true, 1, 1]);
  assertEquals(b.ich("ICH_ELRSR_EL2"), 14);
  b.list(0, 0, 0);
  assertEquals([b.maintenance(), b.ich("ICH_MISR_EL2")], [false, 0]);

  b.list(0, 48, lrHi(PENDING, 0xa0));
  b.list(1, 49, lrHi(PENDING, 0xa8));
  b.ich("ICH_HCR_EL2", 1 | 2 | 8);
  assertEquals(b.maintenance(), false);
  b.read("ICC_IAR1_EL1");
  b.write("ICC_EOIR1_EL1", 48);
  assertEquals([b.maintenance(), b.ich("ICH_MISR_EL2")], [true, 2]);
  b.read("ICC_IAR1_EL1");
  assertEquals(b.ich("ICH_MISR_EL2"), 2 | 8);
  b.write("ICC_EOIR1_EL1", 49);

  b.ich("ICH_HCR_EL2", 1 | 4);
  b.write("ICC_EOIR1_EL1", 60); // nothing active: does not count
  assertEquals(b.maintenance(), false);
  b.ich("ICH_AP1R0_EL2", 1 << 20);
  b.write("ICC_EOIR1_EL1", 60);
  assertEquals([b.maintenance(), b.ich("ICH_MISR_EL2"), b.ich("ICH_HCR_EL2")], [true, 4, (1 << 27) | 5]);

  b.ich("ICH_HCR_EL2", 1 | 0x20 | 0x40);
  assertEquals(b.ich("ICH_MISR_EL2"), 0x20 | 0x40);
  b.write("ICC_IGRPEN1_EL1", 0);
  b.write("ICC_IGRPEN0_EL1", 1);
  assertEquals([b.ich("ICH_MISR_EL2"), b.maintenance()], [0, false]);
  b.ich("ICH_HCR_EL2", 1 | 0x10 | 0x80);
  assertEquals([b.ich("ICH_MISR_EL2"), b.maintenance()], [0x90, true]);
  b.ich("ICH_HCR_EL2", 0x10 | 0x80);
  assertEquals(b.maintenance(), false);
});

Deno.test("The virtual interface is restored with its interrupts", () => {
  const b = guest();
  b.list(2, 48, lrHi(PENDING, 0xa0));
  const saved = b.gicd.snapshot();
  b.gicd.reset();
  assertEquals([b.lines(), b.ich("ICH_HCR_EL2")], ["", 0]);
  b.gicd.restore(saved);
  assertEquals([b.lines(), b.read("ICC_IAR1_EL1")], ["virtualIrq", 48]);
});
