import type { Device } from "../device.ts";
import { type Register, RegisterMap } from "../register_map.ts";
import { type Distributor, GICD_CTLR, PRIORITY_MASK, type WordField } from "./distributor.ts";

type Rows = Register<Frame, Record<string, never>>[];

/** JEP106 identity of Arm, as in GICD_IIDR and GICR_IIDR. */
const IIDR = 0x43b;
/** GICv3 in PIDR2.ArchRev. */
const PIDR = [0x44, 0, 0, 0, 0x92, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1];
const WAKER = { ProcessorSleep: 2, ChildrenAsleep: 4 };
const REDISTRIBUTOR_BYTES = 0x2_0000;
/** What GICD_NSACR must at least say for a Non-secure access to a Secure interrupt; 4 is never. */
const NSACR = { setPending: 1, clearPending: 2, route: 3, never: 4 };
const NO_STATE: Record<string, never> = {};

/** Spreads 16 bits over the odd bits of a word, as ICFGR shows them. */
function spread(bits: number): number {
  let word = 0;
  for (let i = 0; i < 16; i++) if ((bits >>> i) & 1) word |= 2 << (2 * i);
  return word >>> 0;
}

function gather(word: number): number {
  let bits = 0;
  for (let i = 0; i < 16; i++) if ((word >>> (2 * i)) & 2) bits |= 1 << i;
  return bits;
}

/** An access to a distributor or redistributor: what register functions look at. Reused from access to access. */
abstract class Frame {
  isSecure = false;
  constructor(readonly gic: Distributor) {}

  /** The distributor's word of interrupts behind word `index` of a register array, or -1: RAZ/WI. */
  abstract wordAt(index: number): number;

  /** The access sees all: it is Secure, or there is one Security state. */
  get seesAll(): boolean {
    return this.isSecure || !this.gic.twoStates;
  }

  /** The interrupts in a word that the access may touch. */
  visible(w: number, nsacr: number): number {
    if (this.seesAll) return 0xffff_ffff;
    const s = this.gic.state;
    let bits = s.group[w];
    for (let i = 0; i < 32 && nsacr !== NSACR.never; i++) {
      if (((s.nsacr[2 * w + (i >>> 4)] >>> (2 * (i & 15))) & 3) >= nsacr) bits |= 1 << i;
    }
    return bits >>> 0;
  }

  readBits(field: WordField, index: number, nsacr = NSACR.never): number {
    const w = this.wordAt(index);
    return w < 0 ? 0 : this.gic.state[field][w] & this.visible(w, nsacr);
  }

  readPending(index: number): number {
    const w = this.wordAt(index);
    return w < 0 ? 0 : this.gic.pendingWord(w) & this.visible(w, NSACR.setPending);
  }

  setBits(field: WordField, index: number, value: number, nsacr = NSACR.never): void {
    const w = this.wordAt(index);
    if (w < 0) return;
    this.gic.state[field][w] |= value & this.visible(w, nsacr);
    this.gic.touchWord(w);
  }

  clearBits(field: WordField, index: number, value: number, nsacr = NSACR.never): void {
    const w = this.wordAt(index);
    if (w < 0) return;
    this.gic.state[field][w] &= ~(value & this.visible(w, nsacr));
    this.gic.touchWord(w);
  }

  /** ISACTIVER: who made it active is unknown, so it counts as the vCPU's to which it goes. */
  setActive(index: number, value: number): void {
    const w = this.wordAt(index);
    if (w < 0) return;
    const s = this.gic.state;
    for (let bits = value & this.visible(w, NSACR.never) & ~s.active[w]; bits !== 0; bits &= bits - 1) {
      const bit = 31 - Math.clz32(bits & -bits);
      const target = w < this.gic.vcpus ? w : this.gic.routeOf(32 * index + bit);
      s.owner[32 * w + bit] = Math.max(target, 0);
    }
    this.setBits("active", index, value);
  }

  /** IGROUPR and IGRPMODR: whole words, RAZ/WI to Non-secure accesses. */
  readGroup(field: "group" | "modifier", index: number): number {
    const w = this.wordAt(index);
    if (w < 0 || !this.seesAll || (field === "modifier" && !this.gic.twoStates)) return 0;
    return this.gic.state[field][w];
  }

  writeGroup(field: "group" | "modifier", index: number, value: number, mask: number): void {
    const w = this.wordAt(index);
    if (w < 0 || !this.seesAll || (field === "modifier" && !this.gic.twoStates)) return;
    const words = this.gic.state[field];
    words[w] = (words[w] & ~mask) | value;
    this.gic.touchWord(w);
  }

  /** IPRIORITYR: Non-secure accesses see the lower half of the priorities, stretched over the whole range. */
  readPriority(index: number): number {
    const w = this.wordAt(index >>> 3);
    if (w < 0) return 0;
    const visible = this.visible(w, NSACR.never);
    let word = 0;
    for (let i = 0; i < 4; i++) {
      const bit = 4 * (index & 7) + i;
      if (((visible >>> bit) & 1) === 0) continue;
      const priority = this.gic.state.priority[32 * w + bit];
      word |= (this.seesAll ? priority : (priority << 1) & 0xff) << (8 * i);
    }
    return word;
  }

  writePriority(index: number, value: number, mask: number): void {
    const w = this.wordAt(index >>> 3);
    if (w < 0) return;
    const visible = this.visible(w, NSACR.never);
    for (let i = 0; i < 4; i++) {
      const bit = 4 * (index & 7) + i;
      if (((mask >>> (8 * i)) & 0xff) === 0 || ((visible >>> bit) & 1) === 0) continue;
      const byte = (value >>> (8 * i)) & 0xff;
      this.gic.state.priority[32 * w + bit] = (this.seesAll ? byte : 0x80 | (byte >>> 1)) & PRIORITY_MASK;
    }
    this.gic.touchWord(w);
  }

  readConfiguration(index: number): number {
    return spread(this.readBits("edge", index >>> 1) >>> (16 * (index & 1)) & 0xffff);
  }

  /** ICFGR: SGIs are edge-triggered for good. */
  writeConfiguration(index: number, value: number, mask: number): void {
    const w = this.wordAt(index >>> 1);
    if (w < 0 || (w < this.gic.vcpus && (index & 1) === 0)) return;
    const shift = 16 * (index & 1);
    const writable = (gather(mask) << shift) & this.visible(w, NSACR.never);
    const edge = this.gic.state.edge;
    edge[w] = (edge[w] & ~writable) | ((gather(value) << shift) & writable);
    this.gic.touchWord(w);
  }

  readNsacr(index: number): number {
    const w = this.wordAt(index >>> 1);
    return w < 0 || !this.isSecure || !this.gic.twoStates ? 0 : this.gic.state.nsacr[2 * w + (index & 1)];
  }

  writeNsacr(index: number, value: number, mask: number): void {
    const w = this.wordAt(index >>> 1);
    if (w < 0 || !this.isSecure || !this.gic.twoStates) return;
    const nsacr = this.gic.state.nsacr;
    nsacr[2 * w + (index & 1)] = (nsacr[2 * w + (index & 1)] & ~mask) | value;
  }
}

/** The registers that distributor and redistributors share, `words` words of interrupts from `base` on. */
// deno-fmt-ignore
function interruptRows(prefix: string, base: number, words: number): Rows {
  return [
    { offset: base + 0x080, name: `${prefix}_IGROUPR<n>`,    words,            read: (f, i) => f.readGroup("group", i),    write: (f, v, _, i, m) => f.writeGroup("group", i, v, m) },
    { offset: base + 0x100, name: `${prefix}_ISENABLER<n>`,  words,            read: (f, i) => f.readBits("enable", i),    write: (f, v, _, i) => f.setBits("enable", i, v) },
    { offset: base + 0x180, name: `${prefix}_ICENABLER<n>`,  words,            read: (f, i) => f.readBits("enable", i),    write: (f, v, _, i) => f.clearBits("enable", i, v) },
    { offset: base + 0x200, name: `${prefix}_ISPENDR<n>`,    words,            read: (f, i) => f.readPending(i),           write: (f, v, _, i) => f.setBits("latch", i, v, NSACR.setPending) },
    { offset: base + 0x280, name: `${prefix}_ICPENDR<n>`,    words,            read: (f, i) => f.readPending(i),           write: (f, v, _, i) => f.clearBits("latch", i, v, NSACR.clearPending) },
    { offset: base + 0x300, name: `${prefix}_ISACTIVER<n>`,  words,            read: (f, i) => f.readBits("active", i, NSACR.clearPending), write: (f, v, _, i) => f.setActive(i, v) },
    { offset: base + 0x380, name: `${prefix}_ICACTIVER<n>`,  words,            read: (f, i) => f.readBits("active", i, NSACR.clearPending), write: (f, v, _, i) => f.clearBits("active", i, v) },
    { offset: base + 0x400, name: `${prefix}_IPRIORITYR<n>`, words: 8 * words, read: (f, i) => f.readPriority(i),          write: (f, v, _, i, m) => f.writePriority(i, v, m) },
    { offset: base + 0xc00, name: `${prefix}_ICFGR<n>`,      words: 2 * words, read: (f, i) => f.readConfiguration(i),     write: (f, v, _, i, m) => f.writeConfiguration(i, v, m) },
    { offset: base + 0xd00, name: `${prefix}_IGRPMODR<n>`,   words,            read: (f, i) => f.readGroup("modifier", i), write: (f, v, _, i, m) => f.writeGroup("modifier", i, v, m) },
    { offset: base + 0xe00, name: `${prefix}_NSACR<n>`,      words: 2 * words, read: (f, i) => f.readNsacr(i),             write: (f, v, _, i, m) => f.writeNsacr(i, v, m) },
  ];
}

function identificationRows(prefix: string, part: number): Rows {
  return PIDR.map((value, i) => ({
    offset: 0xffd0 + 4 * i,
    name: i < 8 ? `${prefix}_PIDR${i ^ 4}` : `${prefix}_CIDR${i - 8}`,
    value: i === 4 ? part : value,
  }));
}

class DistributorAccess extends Frame {
  // deno-fmt-ignore
  static readonly registers = new RegisterMap<DistributorAccess, Record<string, never>>(0x1_0000, [
    { offset: 0x0000, name: "GICD_CTLR",  read: (f) => f.readCtlr(), write: (f, v, _, __, m) => f.writeCtlr(v, m) },
    { offset: 0x0004, name: "GICD_TYPER", read: (f) => f.typer() },
    { offset: 0x0008, name: "GICD_IIDR",  value: IIDR },
    ...interruptRows("GICD", 0, 32),
    { offset: 0x6100, name: "GICD_IROUTER<n>", words: 2 * 960, read: (f, i) => f.readRouter(i), write: (f, v, _, i, m) => f.writeRouter(i, v, m) },
    ...identificationRows("GICD", 0x92),
  ]);

  /** Affinity routing is always on: SGIs and PPIs are the redistributors'. */
  override wordAt(index: number): number {
    return index === 0 || index > this.gic.spiWords ? -1 : this.gic.vcpus + index - 1;
  }

  readCtlr(): number {
    const ctlr = this.gic.state.ctlr;
    return this.seesAll ? ctlr : (ctlr & GICD_CTLR.EnableGrp1NS) | GICD_CTLR.ARE_S;
  }

  /** Writes take effect at once, so RWP is never seen; ARE is RAO/WI; DS can be set but not cleared. */
  writeCtlr(value: number, mask: number): void {
    const { EnableGrp0, EnableGrp1NS, EnableGrp1S, ARE_NS, DS, E1NWF } = GICD_CTLR;
    const s = this.gic.state;
    let writable = EnableGrp1NS;
    if (this.seesAll) writable |= EnableGrp0 | E1NWF | (this.gic.twoStates ? EnableGrp1S : 0);
    if (this.isSecure && this.gic.twoStates) writable |= DS;
    writable &= mask;
    s.ctlr = (s.ctlr & ~writable) | (value & writable);
    if ((s.ctlr & DS) !== 0) s.ctlr &= ~(EnableGrp1S | ARE_NS);
    this.gic.touchAll();
  }

  /** ITLinesNumber, SecurityExtn, 10 bits of INTID, A3V, no 1 of N. */
  typer(): number {
    return this.gic.spiWords | (this.gic.twoStates ? 0x400 : 0) | 9 << 19 | 1 << 24 | 1 << 25;
  }

  readRouter(index: number): number {
    const spi = index >>> 1;
    return this.#isRoutable(spi) ? this.gic.state.irouter[index] : 0;
  }

  writeRouter(index: number, value: number, mask: number): void {
    if (!this.#isRoutable(index >>> 1)) return;
    const irouter = this.gic.state.irouter;
    const writable = mask & ((index & 1) === 0 ? 0xff_ffff : 0xff);
    irouter[index] = (irouter[index] & ~writable) | (value & writable);
    this.gic.routeChanged(index >>> 1);
  }

  #isRoutable(spi: number): boolean {
    return spi < this.gic.spis && ((this.visible(this.gic.vcpus + (spi >>> 5), NSACR.route) >>> (spi & 31)) & 1) !== 0;
  }
}

class RedistributorAccess extends Frame {
  /** The vCPU whose redistributor is accessed. */
  owner = 0;

  // deno-fmt-ignore
  static readonly registers = new RegisterMap<RedistributorAccess, Record<string, never>>(REDISTRIBUTOR_BYTES, [
    { offset: 0x0000, name: "GICR_CTLR",  value: 0 },
    { offset: 0x0004, name: "GICR_IIDR",  value: IIDR },
    { offset: 0x0008, name: "GICR_TYPER", words: 2, read: (f, i) => f.typer(i) },
    { offset: 0x0014, name: "GICR_WAKER", read: (f) => f.seesAll ? f.gic.state.waker[f.owner] : 0, write: (f, v, _, __, m) => f.writeWaker(v, m) },
    ...interruptRows("GICR", 0x1_0000, 1),
    ...identificationRows("GICR", 0x93),
  ]);

  override wordAt(_index: number): number {
    return this.owner;
  }

  /** Last and Processor_Number, then the affinity; no LPIs. */
  typer(index: number): number {
    if (index === 1) return this.gic.affinities[this.owner];
    return (this.owner === this.gic.vcpus - 1 ? 0x10 : 0) | this.owner << 8;
  }

  /** The handshake: ChildrenAsleep follows ProcessorSleep at once. */
  writeWaker(value: number, mask: number): void {
    if (!this.seesAll || (mask & WAKER.ProcessorSleep) === 0) return;
    const isAsleep = (value & WAKER.ProcessorSleep) !== 0;
    this.gic.state.waker[this.owner] = isAsleep ? WAKER.ProcessorSleep | WAKER.ChildrenAsleep : 0;
  }
}

/**
 * Whether accesses through a view of the registers are Secure: always or never, where each physical address space has
 * a view of its own, or by the vCPU that makes the access. Without meaning while GICD_CTLR.DS is 1.
 */
export type IsSecure = boolean | ((vcpu: number) => boolean);

/**
 * A distributor's registers as a device of 64 KiB.
 * @param state how the device's snapshot is made: the view itself remembers nothing.
 */
export function distributorDevice(gic: Distributor, name: string, isSecure: IsSecure, state: DeviceState): Device {
  const access = new DistributorAccess(gic);
  const by = (vcpu: number) => {
    access.isSecure = typeof isSecure === "boolean" ? isSecure : isSecure(vcpu);
    return access;
  };
  return {
    name,
    sizeBytes: 0x1_0000,
    read: (offset, bytes, vcpu) => DistributorAccess.registers.read(by(vcpu), NO_STATE, offset, bytes),
    write: (offset, bytes, value, vcpu) => DistributorAccess.registers.write(by(vcpu), NO_STATE, offset, bytes, value),
    ...state,
  };
}

/** All redistributors' registers as one device, 128 KiB for each vCPU; they are remembered with the distributor. */
export function redistributorsDevice(gic: Distributor, name: string, isSecure: IsSecure): Device {
  const access = new RedistributorAccess(gic);
  const by = (vcpu: number, offset: number) => {
    access.isSecure = typeof isSecure === "boolean" ? isSecure : isSecure(vcpu);
    access.owner = Math.floor(offset / REDISTRIBUTOR_BYTES);
    return access;
  };
  const registers = RedistributorAccess.registers;
  return {
    name,
    sizeBytes: REDISTRIBUTOR_BYTES * gic.vcpus,
    read: (offset, bytes, vcpu) => registers.read(by(vcpu, offset), NO_STATE, offset % REDISTRIBUTOR_BYTES, bytes),
    write: (offset, bytes, value, vcpu) =>
      registers.write(by(vcpu, offset), NO_STATE, offset % REDISTRIBUTOR_BYTES, bytes, value),
    reset: () => {},
    snapshot: () => null,
    restore: () => {},
  };
}

/** The parts of a Device that are about its state. */
export type DeviceState = Pick<Device, "reset" | "snapshot" | "restore">;
