import { assertEquals } from "@std/assert";
import { Bench, GICD } from "./bench_mock.ts";

const NONE = 1023;
const G0 = 40, G1S = 41, G1NS = 42;

/** A GIC with two Security states; `gicd` is Secure, `ns` the Non-secure view. */
function secureBench() {
  const b = new Bench({ securityStates: 2 }, true);
  b.put(GICD.CTLR, 7);
  b.put(GICD.IGROUPR + 4, 1 << (G1NS & 31));
  b.put(GICD.IGRPMODR + 4, 1 << (G1S & 31));
  b.enable(G0, 0x20);
  b.enable(G1S, 0x40);
  b.enable(G1NS, 0xa0);
  b.el = 3;
  b.nonSecure = false;
  b.write("ICC_PMR_EL1", 0xff);
  b.write("ICC_IGRPEN0_EL1", 1);
  b.write("ICC_IGRPEN1_EL3", 3);
  b.fiqToEl3 = true;
  return { b, ns: b.gic.distributor(false), raise: (intid: number, level = true) => b.gic.line(intid).set(level) };
}

function at(b: Bench, el: number, nonSecure: boolean): Bench {
  b.el = el;
  b.nonSecure = nonSecure;
  return b;
}

Deno.test("GICD hides Secure interrupts from Non-secure accesses", () => {
  const { b, ns } = secureBench();
  assertEquals(b.get(GICD.TYPER) & 0x400, 0x400);
  assertEquals([b.get(GICD.CTLR), ns.read(GICD.CTLR, 4, 0)], [0x37, 0x12]);
  assertEquals(ns.read(GICD.ISENABLER + 4, 4, 0), 1 << (G1NS & 31));
  ns.write(GICD.ICENABLER + 4, 4, 0xffff_ffff, 0);
  assertEquals(b.get(GICD.ISENABLER + 4), 1 << (G0 & 31) | 1 << (G1S & 31));
  ns.write(GICD.IGROUPR + 4, 4, 0xffff_ffff, 0);
  assertEquals([ns.read(GICD.IGROUPR + 4, 4, 0), b.get(GICD.IGROUPR + 4)], [0, 1 << (G1NS & 31)]);
  ns.write(GICD.IPRIORITYR + 40, 4, 0xffff_ffff, 0);
  assertEquals(ns.read(GICD.IPRIORITYR + 40, 4, 0), 0xf0_0000);
  assertEquals(b.get(GICD.IPRIORITYR + 40), 0xf8_4020);
  ns.write(GICD.IPRIORITYR + G1NS, 1, 0x40, 0);
  assertEquals(b.gicd.read(GICD.IPRIORITYR + G1NS, 1, 0), 0xa0);
  ns.write(GICD.ISPENDR + 4, 4, 0xffff_ffff, 0);
  assertEquals(b.get(GICD.ISPENDR + 4), 1 << (G1NS & 31));
  b.put(GICD.NSACR + 8, 1 << (2 * (G1S - 32)));
  ns.write(GICD.ISPENDR + 4, 4, 0xffff_ffff, 0);
  assertEquals(b.get(GICD.ISPENDR + 4), 1 << (G1NS & 31) | 1 << (G1S & 31));
  ns.write(GICD.ICPENDR + 4, 4, 0xffff_ffff, 0);
  assertEquals(b.get(GICD.ISPENDR + 4), 1 << (G1S & 31));
});

Deno.test("One view of GICD and GICR can tell Security states apart by the vCPU", () => {
  const { b } = secureBench();
  let isSecure = false;
  const [gicd, gicr] = [b.gic.distributor(() => isSecure), b.gic.redistributors(() => isSecure)];
  assertEquals([gicd.read(GICD.CTLR, 4, 0), gicr.read(0x14, 4, 0)], [0x12, 0]);
  isSecure = true;
  assertEquals([gicd.read(GICD.CTLR, 4, 0), gicr.read(0x14, 4, 0)], [0x37, 6]);
});

Deno.test("GICD_CTLR.DS can be set, not cleared, and makes one Security state", () => {
  const { b } = secureBench();
  b.put(GICD.CTLR, 0x47);
  b.put(GICD.CTLR, 0x03);
  assertEquals([b.get(GICD.CTLR), b.get(GICD.TYPER) & 0x400, b.get(GICD.IGRPMODR + 4)], [0x53, 0, 0]);
  b.gic.line(G1S).set(true);
  assertEquals(at(b, 1, true).lines(), "fiq");
  assertEquals(b.read("ICC_IAR0_EL1"), G1S);
});

Deno.test("Group 1 of the other Security state is a FIQ", () => {
  const { b, raise } = secureBench();
  const lines = () => [at(b, 1, true).lines(), at(b, 1, false).lines(), at(b, 3, true).lines()];
  raise(G1NS);
  assertEquals(lines(), ["irq", "fiq", "fiq"]);
  raise(G1S);
  assertEquals(lines(), ["fiq", "irq", "fiq"]);
  raise(G0);
  assertEquals(lines(), ["fiq", "fiq", "fiq"]);
});

Deno.test("EL3 learns by special INTIDs for whom an interrupt is", () => {
  const { b, raise } = secureBench();
  raise(G1NS);
  assertEquals(at(b, 3, true).read("ICC_IAR0_EL1"), 1021);
  assertEquals(at(b, 1, false).read("ICC_IAR1_EL1"), NONE);
  raise(G1S);
  assertEquals(at(b, 3, true).read("ICC_HPPIR0_EL1"), 1020);
  assertEquals(at(b, 1, true).read("ICC_IAR1_EL1"), NONE);
  assertEquals(at(b, 1, false).read("ICC_IAR1_EL1"), G1S);
  assertEquals(b.read("ICC_RPR_EL1"), 0x40);
  at(b, 1, true).write("ICC_EOIR1_EL1", G1S); // not Non-secure state's to end
  assertEquals(at(b, 3, true).read("ICC_RPR_EL1"), 0x40);
  raise(G1S, false);
  at(b, 1, false).write("ICC_EOIR1_EL1", G1S);
  assertEquals([b.read("ICC_RPR_EL1"), at(b, 1, true).read("ICC_IAR1_EL1")], [0xff, G1NS]);
  raise(G0);
  assertEquals(at(b, 1, true).read("ICC_IAR0_EL1"), NONE);
  assertEquals(at(b, 3, true).read("ICC_IAR0_EL1"), G0);
});

Deno.test("Non-secure state sees and sets the lower half of the priorities, shifted", () => {
  const { b, raise } = secureBench();
  at(b, 1, true);
  assertEquals(b.read("ICC_PMR_EL1"), 0xf0);
  b.write("ICC_PMR_EL1", 0x80);
  assertEquals([b.read("ICC_PMR_EL1"), at(b, 3, false).read("ICC_PMR_EL1")], [0x80, 0xc0]);
  raise(G1NS);
  assertEquals(at(b, 1, true).read("ICC_IAR1_EL1"), G1NS);
  assertEquals([b.read("ICC_RPR_EL1"), at(b, 3, true).read("ICC_RPR_EL1")], [0x40, 0xa0]);
  at(b, 3, false).write("ICC_PMR_EL1", 0x40);
  at(b, 1, true).write("ICC_PMR_EL1", 0xff);
  assertEquals([b.read("ICC_PMR_EL1"), at(b, 3, false).read("ICC_PMR_EL1")], [0, 0x40]);
});

Deno.test("Group 1 registers are banked, and EL3 sees all of them", () => {
  const { b } = secureBench();
  at(b, 1, true).write("ICC_BPR1_EL1", 6);
  at(b, 1, false).write("ICC_BPR1_EL1", 4);
  assertEquals([at(b, 1, true).read("ICC_BPR1_EL1"), at(b, 3, false).read("ICC_BPR1_EL1")], [6, 4]);
  at(b, 1, true).write("ICC_CTLR_EL1", 3); // CBPR is EL3's
  assertEquals([b.read("ICC_CTLR_EL1"), at(b, 3, true).read("ICC_CTLR_EL3")], [0x8402, 0x8410]);
  b.write("ICC_CTLR_EL3", 0x0e);
  assertEquals([at(b, 1, true).read("ICC_CTLR_EL1"), at(b, 1, false).read("ICC_CTLR_EL1")], [0x8401, 0x8402]);
  at(b, 1, true).write("ICC_IGRPEN1_EL1", 0);
  assertEquals(at(b, 3, true).read("ICC_IGRPEN1_EL3"), 2);
});

Deno.test("SGIs cross Security states only where GICR_NSACR allows", () => {
  const { b } = secureBench();
  const pending = () => b.redistributor(GICD.ISPENDR);
  const send = (el: number, nonSecure: boolean, name: string, intid: number) =>
    at(b, el, nonSecure).write(name, intid << 24 | 1);
  b.redistributor(GICD.IGROUPR, 0b100);
  b.redistributor(GICD.IGRPMODR, 0b010);
  send(1, true, "ICC_SGI0R_EL1", 0);
  send(1, true, "ICC_ASGI1R_EL1", 1);
  assertEquals(pending(), 0);
  send(1, true, "ICC_SGI1R_EL1", 2);
  send(1, false, "ICC_SGI1R_EL1", 1);
  send(1, false, "ICC_SGI1R_EL1", 0); // Secure Group 1 for what is Group 0
  assertEquals(pending(), 0b111);
  b.redistributor(GICD.ICPENDR, 7);
  send(1, false, "ICC_ASGI1R_EL1", 2);
  assertEquals(pending(), 0b100);
  b.redistributor(GICD.ICPENDR, 7);
  b.redistributor(GICD.NSACR, 0b1001);
  send(1, true, "ICC_SGI0R_EL1", 0);
  send(1, true, "ICC_ASGI1R_EL1", 1);
  assertEquals(pending(), 0b011);
});
