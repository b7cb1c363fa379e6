import { assertEquals } from "@std/assert";
import { Bench, GICD, SGI_FRAME } from "./bench_mock.ts";
import { VgicDistributor } from "./vgic.ts";

const NONE = 1023;
const MAINTENANCE = 1 << 25;

/** A guest on physical vCPUs, and the hypervisor's part in a nutshell. */
class Machine {
  readonly host: Bench;
  readonly vgic: VgicDistributor;
  readonly news = new Set<number>();
  readonly released: number[] = [];
  vcpu = 0;

  constructor(vcpus = 1) {
    this.host = new Bench({ vcpus }).start();
    this.vgic = new VgicDistributor({
      vcpus,
      forwarded: new Map([[27, 27]]),
      changed: (vcpu) => void this.news.add(vcpu),
      releasePhysical: (_, intid) => void this.released.push(intid),
    });
    for (let i = 0; i < vcpus; i++) this.vgic.load(i, this.host.gic.cpuInterface(i));
    this.gicd(GICD.CTLR, 3);
    for (let i = 1; i < 9; i++) this.gicd(GICD.IGROUPR + 4 * i, 0xffff_ffff);
    for (this.vcpu = vcpus - 1;; this.vcpu--) {
      this.vgic.redistributors.write(0x2_0000 * this.vcpu + SGI_FRAME + GICD.IGROUPR, 4, 0xffff_ffff, this.vcpu);
      this.write("ICC_PMR_EL1", 0xff);
      this.write("ICC_IGRPEN1_EL1", 1);
      if (this.vcpu === 0) break;
    }
    this.news.clear();
  }

  gicd(offset: number, value?: number): number {
    if (value !== undefined) this.vgic.distributor.write(offset, 4, value, this.vcpu);
    return this.vgic.distributor.read(offset, 4, this.vcpu);
  }

  gicr(offset: number, value?: number): number {
    const at = 0x2_0000 * this.vcpu + SGI_FRAME + offset;
    if (value !== undefined) this.vgic.redistributors.write(at, 4, value, this.vcpu);
    return this.vgic.redistributors.read(at, 4, this.vcpu);
  }

  enable(intid: number, priority = 0xa0, isEdge = false): void {
    const bit = (1 << (intid & 31)) >>> 0;
    if (intid < 32) {
      this.vgic.redistributors.write(
        0x2_0000 * this.vcpu + SGI_FRAME + GICD.IPRIORITYR + intid,
        1,
        priority,
        this.vcpu,
      );
      this.gicr(GICD.ISENABLER, bit);
    } else {
      this.vgic.distributor.write(GICD.IPRIORITYR + intid, 1, priority, this.vcpu);
      this.gicd(GICD.ISENABLER + 4 * (intid >>> 5), bit);
      const icfgr = GICD.ICFGR + 4 * (intid >>> 4);
      if (isEdge) this.gicd(icfgr, this.gicd(icfgr) | 2 << (2 * (intid & 15)));
    }
    this.settle();
  }

  /** The hypervisor: looks at the news and at the maintenance interrupt, and goes back to the guest. */
  settle(): void {
    this.host.vcpu = this.vcpu;
    if ((this.host.redistributor(GICD.ISPENDR) & MAINTENANCE) !== 0) this.news.add(this.vcpu);
    for (const vcpu of this.news) this.vgic.enter(vcpu);
    this.news.clear();
  }

  #asGuest<T>(access: (b: Bench) => T): T {
    this.settle();
    this.host.vcpu = this.vcpu;
    this.host.virtual = true;
    const result = access(this.host);
    this.host.virtual = false;
    return result;
  }

  read(name: string): number {
    const value = this.#asGuest((b) => b.read(name));
    this.settle();
    return value;
  }

  write(name: string, value: number): void {
    this.#asGuest((b) => b.write(name, value));
    this.settle();
  }

  /** Is a virtual IRQ signalled? */
  virq(): boolean {
    return this.#asGuest((b) => b.lines().includes("virtualIrq"));
  }
}

Deno.test("VgicDistributor offers and tracks interrupts without list registers", () => {
  const vgic = new VgicDistributor({ vcpus: 2 });
  assertEquals(vgic.highestPending(0), null);
  vgic.distributor.write(GICD.CTLR, 4, 3, 0);
  vgic.distributor.write(GICD.IPRIORITYR + 40, 2, 0x80a0, 0);
  vgic.distributor.write(GICD.ISENABLER + 4, 4, 0x300, 0);
  vgic.distributor.write(GICD.IGROUPR + 4, 4, 0x100, 0);
  vgic.line(40).set(true);
  assertEquals(vgic.highestPending(0), { intid: 40, priority: 0xa0, group: 1 });
  vgic.pend(41, 0);
  assertEquals(vgic.highestPending(0), { intid: 41, priority: 0x80, group: 0 });
  vgic.acknowledged(41, 0);
  vgic.acknowledged(40, 0);
  assertEquals([vgic.highestPending(0), vgic.enter(0)], [null, false]);
  vgic.deactivate(41, 0);
  assertEquals(vgic.highestPending(0), null);
  vgic.deactivate(40, 0);
  assertEquals([vgic.highestPending(0)?.intid, vgic.highestPending(1), vgic.enter(0)], [40, null, true]);
});

Deno.test("VgicDistributor carries a level-sensitive interrupt until its line falls", () => {
  const m = new Machine();
  m.enable(48);
  const line = m.vgic.line(48);
  line.set(true);
  assertEquals(m.virq(), true);
  assertEquals(m.gicd(GICD.ISPENDR + 4), 0x1_0000);
  assertEquals(m.read("ICC_IAR1_EL1"), 48);
  assertEquals([m.virq(), m.gicd(GICD.ISACTIVER + 4)], [false, 0x1_0000]);
  m.write("ICC_EOIR1_EL1", 48);
  assertEquals([m.virq(), m.gicd(GICD.ISACTIVER + 4)], [true, 0]);
  assertEquals(m.read("ICC_IAR1_EL1"), 48);
  line.set(false);
  m.settle();
  m.write("ICC_EOIR1_EL1", 48);
  assertEquals([m.virq(), m.read("ICC_IAR1_EL1")], [false, NONE]);
  line.set(true);
  assertEquals(m.virq(), true);
  line.set(false);
  assertEquals(m.virq(), false);
});

Deno.test("VgicDistributor offers a level-sensitive interrupt again and again while its line is high", () => {
  const m = new Machine();
  m.enable(48);
  m.vgic.line(48).set(true);
  assertEquals(m.read("ICC_IAR1_EL1"), 48);
  m.write("ICC_EOIR1_EL1", 48);
  for (let i = 0; i < 3; i++) {
    assertEquals(m.read("ICC_IAR1_EL1"), 48);
    m.write("ICC_EOIR1_EL1", 48);
  }
  assertEquals(m.virq(), true);
});

Deno.test("VgicDistributor keeps edges, also while active or disabled", () => {
  const m = new Machine();
  m.enable(50, 0xa0, true);
  const pulse = () => {
    m.vgic.line(50).set(true);
    m.vgic.line(50).set(false);
    m.settle();
  };
  pulse();
  pulse();
  assertEquals(m.read("ICC_IAR1_EL1"), 50);
  assertEquals(m.virq(), false);
  pulse();
  assertEquals([m.virq(), m.gicd(GICD.ISPENDR + 4)], [false, 1 << 18]);
  m.write("ICC_EOIR1_EL1", 50);
  assertEquals([m.virq(), m.read("ICC_IAR1_EL1")], [true, 50]);
  m.write("ICC_EOIR1_EL1", 50);
  assertEquals(m.virq(), false);
  pulse();
  m.gicd(GICD.ICENABLER + 4, 1 << 18);
  assertEquals([m.virq(), m.gicd(GICD.ISPENDR + 4)], [false, 1 << 18]);
  m.gicd(GICD.ISENABLER + 4, 1 << 18);
  assertEquals(m.virq(), true);
  m.gicd(GICD.ICPENDR + 4, 1 << 18);
  assertEquals(m.virq(), false);
});

Deno.test("VgicDistributor sends SGIs to other vCPUs", () => {
  const m = new Machine(3);
  for (m.vcpu = 0; m.vcpu < 3; m.vcpu++) m.enable(1);
  m.vcpu = 0;
  m.vgic.sendSgi(0, 1 << 24 | 0b110, 0, 1);
  assertEquals([...m.news], [1, 2]);
  const virqs = () => [0, 1, 2].map((vcpu) => (m.vcpu = vcpu, m.virq()));
  assertEquals(virqs(), [false, true, true]);
  m.vcpu = 1;
  assertEquals(m.read("ICC_IAR1_EL1"), 1);
  m.write("ICC_EOIR1_EL1", 1);
  assertEquals(virqs(), [false, false, true]);
  m.vgic.sendSgi(2, 1 << 24, 0x100, 1);
  assertEquals(virqs(), [true, true, true]);
});

Deno.test("VgicDistributor pre-empts in order of priority with more interrupts than list registers", () => {
  const m = new Machine();
  const order: number[] = [];
  for (let i = 0; i < 10; i++) {
    m.enable(48 + i, 0xf0 - 8 * i, true);
    m.vgic.pend(48 + i, 0);
  }
  m.settle();
  for (let i = 0; i < 10; i++) {
    const intid = m.read("ICC_IAR1_EL1");
    order.push(intid);
    m.write("ICC_EOIR1_EL1", intid);
  }
  assertEquals([order, m.read("ICC_IAR1_EL1")], [[57, 56, 55, 54, 53, 52, 51, 50, 49, 48], NONE]);
});

Deno.test("VgicDistributor nests deeper than there are list registers", () => {
  const m = new Machine();
  for (let i = 0; i < 8; i++) m.enable(48 + i, 0xe0 - 8 * i, true);
  for (let i = 0; i < 8; i++) {
    m.vgic.pend(48 + i, 0);
    assertEquals([m.virq(), m.read("ICC_IAR1_EL1")], [true, 48 + i]);
  }
  assertEquals(m.gicd(GICD.ISACTIVER + 4), 0xff_0000);
  for (let i = 7; i >= 0; i--) m.write("ICC_EOIR1_EL1", 48 + i);
  m.vgic.enter(0);
  assertEquals([m.gicd(GICD.ISACTIVER + 4), m.read("ICC_RPR_EL1")], [0, 0xff]);
});

Deno.test("VgicDistributor forwards the virtual timer through a list register with HW = 1", () => {
  const m = new Machine();
  m.enable(27);
  const host = m.host;
  host.write("ICC_CTLR_EL1", 2);
  host.enable(27);
  host.gic.line(27).set(true);
  const take = () => {
    assertEquals([host.lines().includes("irq"), host.read("ICC_IAR1_EL1")], [true, 27]);
    host.write("ICC_EOIR1_EL1", 27);
    m.vgic.pend(27, 0);
  };
  take();
  assertEquals([m.virq(), host.lines()], [true, "virtualIrq"]);
  assertEquals(m.read("ICC_IAR1_EL1"), 27);
  m.vgic.enter(0); // some other exit
  assertEquals(m.gicr(GICD.ISACTIVER), 1 << 27);
  m.write("ICC_EOIR1_EL1", 27);
  take(); // still high
  assertEquals(m.read("ICC_IAR1_EL1"), 27);
  host.gic.line(27).set(false);
  m.write("ICC_EOIR1_EL1", 27);
  m.vgic.enter(0);
  assertEquals([m.virq(), host.redistributor(GICD.ISACTIVER), m.released], [false, 0, []]);
  host.gic.line(27).set(true);
  take();
  m.gicr(GICD.ICPENDR, 1 << 27); // the guest throws it away: the physical one must not stay active
  assertEquals([m.virq(), m.released], [false, [27]]);
});

Deno.test("VgicDistributor moves a vCPU from one physical CPU to another", () => {
  const m = new Machine(2);
  m.enable(48);
  m.vgic.line(48).set(true);
  assertEquals(m.read("ICC_IAR1_EL1"), 48);
  m.vgic.put(0);
  m.vgic.put(1);
  assertEquals([m.virq(), m.host.gic.cpuInterface(0).ichHcr], [false, 0]);
  m.vgic.load(0, m.host.gic.cpuInterface(1));
  m.vcpu = 1;
  assertEquals([m.read("ICC_RPR_EL1"), m.read("ICC_PMR_EL1")], [0xa0, 0xf8]);
  m.write("ICC_EOIR1_EL1", 48);
  m.vgic.enter(0);
  assertEquals(m.virq(), true);
});

Deno.test("VgicDistributor lets one vCPU see and change what stands in another's list registers", () => {
  const m = new Machine(2);
  m.enable(48);
  m.vgic.line(48).set(true);
  assertEquals(m.read("ICC_IAR1_EL1"), 48);
  m.vgic.line(48).set(false);
  m.vcpu = 1;
  assertEquals(m.gicd(GICD.ISACTIVER + 4), 1 << 16);
  m.gicd(GICD.ICACTIVER + 4, 1 << 16);
  m.gicd(GICD.IROUTER + 8 * 48, 1);
  m.vgic.line(48).set(true);
  assertEquals([m.virq(), m.read("ICC_IAR1_EL1")], [true, 48]);
  m.vcpu = 0;
  assertEquals(m.virq(), false);
});

Deno.test("VgicDistributor is restored with what stood in list registers", () => {
  const m = new Machine();
  m.enable(50, 0xa0, true);
  m.enable(51, 0x80, true);
  m.vgic.pend(50, 0);
  m.settle();
  assertEquals(m.read("ICC_IAR1_EL1"), 50);
  m.vgic.pend(51, 0);
  m.settle();
  const saved = m.vgic.distributor.snapshot();
  assertEquals(m.virq(), true);
  m.vgic.distributor.reset();
  assertEquals([m.virq(), m.read("ICC_PMR_EL1"), m.gicd(GICD.ISENABLER + 4)], [false, 0, 0]);
  m.vgic.distributor.restore(saved);
  assertEquals([m.virq(), m.read("ICC_RPR_EL1"), m.read("ICC_IAR1_EL1")], [true, 0xa0, 51]);
  m.write("ICC_EOIR1_EL1", 51);
  m.write("ICC_EOIR1_EL1", 50);
  assertEquals([m.read("ICC_RPR_EL1"), m.gicd(GICD.ISACTIVER + 4)], [0xff, 0]);
});
