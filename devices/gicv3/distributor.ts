/**
 * What a GICv3 distributor and its redistributors remember and decide: which interrupt is the highest pending one of
 * each vCPU. The physical GIC and the virtual one that a hypervisor shows to a guest are both made of this.
 * Arm IHI 0069, "Interrupt handling and prioritization" and "The GIC Distributor and Redistributors".
 */

/** Interrupt groups, as indices. With one Security state (GICD_CTLR.DS = 1) Group 1 is `nonSecureGroup1`. */
export const GROUP = { group0: 0, secureGroup1: 1, nonSecureGroup1: 2 } as const;

/** Special INTIDs: nothing to acknowledge, and what EL3 reads of an interrupt for Secure or Non-secure EL1. */
export const SPECIAL = { secure: 1020, nonSecure: 1021, none: 1023 } as const;

/** GICD_CTLR. */
export const GICD_CTLR = {
  EnableGrp0: 1,
  EnableGrp1NS: 2,
  EnableGrp1S: 4,
  ARE_S: 0x10,
  ARE_NS: 0x20,
  DS: 0x40,
  E1NWF: 0x80,
} as const;

/** Implemented priority bits: the upper five of eight. */
export const PRIORITY_MASK = 0xf8;

/** How a distributor is built. */
export interface DistributorOptions {
  /** 1 to 8. */
  readonly vcpus: number;
  /** Shared peripheral interrupts, from INTID 32 on: a multiple of 32, up to 960. 256 by default. */
  readonly spis?: number;
  /** 2 where EL3 is implemented. 1 by default: GICD_CTLR.DS is then always 1. */
  readonly securityStates?: 1 | 2;
  /** Each vCPU's affinity as Aff3:Aff2:Aff1:Aff0, a byte each. Its number by default. */
  readonly affinities?: readonly number[];
}

/**
 * All that a distributor and its redistributors remember. Interrupts stand in words of 32: first a word of private
 * interrupts (SGIs and PPIs) for each vCPU, then the shared ones; bit b of word w is slot 32 w + b.
 */
export interface DistributorState {
  ctlr: number;
  group: Uint32Array;
  modifier: Uint32Array;
  enable: Uint32Array;
  /** Pending by an edge, an SGI or a write of ISPENDR. */
  latch: Uint32Array;
  /** Inputs as they are. */
  level: Uint32Array;
  active: Uint32Array;
  /** Edge-triggered, else level-sensitive. */
  edge: Uint32Array;
  /** Set aside by the owner of a virtual distributor: not offered as pending. */
  listed: Uint32Array;
  /** By slot. */
  priority: Uint8Array;
  /** By slot: the vCPU that has acknowledged the active interrupt. */
  owner: Uint8Array;
  /** Two words for each word of interrupts, two bits for each interrupt. */
  nsacr: Uint32Array;
  /** By SPI: low and high half. */
  irouter: Uint32Array;
  /** GICR_WAKER by vCPU. */
  waker: Uint32Array;
}

const SGI_BITS = 0xffff;
const WAKER_RESET = 6;

/** The word fields of the state, which registers address by name. */
export type WordField = "group" | "modifier" | "enable" | "latch" | "level" | "active" | "edge" | "listed";

/** The distributor and the redistributors behind their registers. */
export class Distributor {
  readonly vcpus: number;
  readonly spis: number;
  readonly securityStates: 1 | 2;
  readonly affinities: readonly number[];
  /** Words of 32 interrupts in all, and of shared ones. */
  readonly words: number;
  readonly spiWords: number;
  state: DistributorState;
  /** The CPU interface's group enables of each vCPU: bit n for group n. */
  readonly #cpuGroups: Uint8Array;
  readonly #changed: (vcpu: number) => void;
  readonly #route: Int8Array;
  /** Which SPIs go to a vCPU: `spiWords` words for each. */
  readonly #targets: Uint32Array;
  readonly #isStale: Uint8Array;
  readonly #bestIntid: Int32Array;
  readonly #bestPriority: Int32Array;
  readonly #bestGroup: Int32Array;

  /** @param changed the highest pending interrupt of that vCPU may be another one; called often, must be cheap. */
  constructor(options: DistributorOptions, changed: (vcpu: number) => void) {
    this.vcpus = options.vcpus;
    this.spis = options.spis ?? 256;
    this.securityStates = options.securityStates ?? 1;
    this.affinities = options.affinities ?? Array.from({ length: this.vcpus }, (_, i) => i);
    if (this.vcpus < 1 || this.vcpus > 8) throw new RangeError("Cannot build a GICv3 as it must have 1 to 8 vCPUs");
    if (this.spis % 32 !== 0 || this.spis < 32 || this.spis > 960) {
      throw new RangeError("Cannot build a GICv3 as its SPIs must be 32 to 960 by 32");
    }
    this.spiWords = this.spis / 32;
    this.words = this.vcpus + this.spiWords;
    this.#changed = changed;
    this.#cpuGroups = new Uint8Array(this.vcpus).fill(7);
    this.#route = new Int8Array(this.spis);
    this.#targets = new Uint32Array(this.vcpus * this.spiWords);
    this.#isStale = new Uint8Array(this.vcpus).fill(1);
    this.#bestIntid = new Int32Array(this.vcpus);
    this.#bestPriority = new Int32Array(this.vcpus);
    this.#bestGroup = new Int32Array(this.vcpus);
    this.state = this.#resetState();
    this.#rebuildTargets();
  }

  /** Everything but the inputs, which are the wires' and stay as they are. */
  reset(): void {
    const level = this.state.level;
    this.state = this.#resetState();
    this.state.level.set(level);
    this.#rebuildTargets();
    this.touchAll();
  }

  /** Replaces the whole state by a copy of `state`. */
  restore(state: DistributorState): void {
    this.state = structuredClone(state);
    this.#rebuildTargets();
    this.touchAll();
  }

  /** Two Security states are in use: GICD_CTLR.DS is 0. */
  get twoStates(): boolean {
    return (this.state.ctlr & GICD_CTLR.DS) === 0;
  }

  /** Whether the GIC has that INTID. */
  has(intid: number): boolean {
    return intid >= 0 && intid < 32 + this.spis;
  }

  /** The word in which an interrupt stands; `vcpu` counts for private ones only. */
  wordOf(intid: number, vcpu: number): number {
    return intid < 32 ? vcpu : this.vcpus + (intid >>> 5) - 1;
  }

  /** The group of an interrupt: its bits in IGROUPR and IGRPMODR. */
  groupOf(intid: number, vcpu: number): number {
    const w = this.wordOf(intid, vcpu);
    return this.#groupAt(w, 1 << (intid & 31));
  }

  /** Sets an input. A rising edge of an edge-triggered interrupt is remembered. */
  setLevel(intid: number, vcpu: number, level: boolean): void {
    const s = this.state;
    const w = this.wordOf(intid, vcpu);
    const bit = 1 << (intid & 31);
    if (((s.level[w] & bit) !== 0) === level) return;
    if (level) {
      s.level[w] |= bit;
      s.latch[w] |= s.edge[w] & bit;
    } else {
      s.level[w] &= ~bit;
    }
    this.touch(intid, vcpu);
  }

  /** Makes an interrupt pending as an edge, an SGI or a write of ISPENDR does. */
  pend(intid: number, vcpu: number): void {
    this.state.latch[this.wordOf(intid, vcpu)] |= 1 << (intid & 31);
    this.touch(intid, vcpu);
  }

  /** Pending to active, by the vCPU's acknowledge; a level-sensitive interrupt whose input is high stays pending too. */
  acknowledge(intid: number, vcpu: number): void {
    const s = this.state;
    const w = this.wordOf(intid, vcpu);
    const bit = 1 << (intid & 31);
    s.active[w] |= bit;
    s.latch[w] &= ~bit;
    s.owner[32 * w + (intid & 31)] = vcpu;
    this.touch(intid, vcpu);
  }

  deactivate(intid: number, vcpu: number): void {
    this.state.active[this.wordOf(intid, vcpu)] &= ~(1 << (intid & 31));
    this.touch(intid, vcpu);
  }

  isActive(intid: number, vcpu: number): boolean {
    return (this.state.active[this.wordOf(intid, vcpu)] & (1 << (intid & 31))) !== 0;
  }

  /** Pending, enabled or not. */
  isPending(intid: number, vcpu: number): boolean {
    return (this.pendingWord(this.wordOf(intid, vcpu)) & (1 << (intid & 31))) !== 0;
  }

  /** Latched, or level-sensitive with the input high. */
  pendingWord(w: number): number {
    const s = this.state;
    return (s.latch[w] | (s.level[w] & ~s.edge[w])) >>> 0;
  }

  /** Tells of a change of one interrupt. */
  touch(intid: number, vcpu: number): void {
    const target = intid < 32 ? vcpu : this.#route[intid - 32];
    if (target >= 0) this.touchVcpu(target);
  }

  touchVcpu(vcpu: number): void {
    this.#isStale[vcpu] = 1;
    this.#changed(vcpu);
  }

  /** Tells of a change in one word of interrupts. */
  touchWord(w: number): void {
    if (w < this.vcpus) this.touchVcpu(w);
    else this.touchAll();
  }

  touchAll(): void {
    for (let vcpu = 0; vcpu < this.vcpus; vcpu++) this.touchVcpu(vcpu);
  }

  /** Which groups the CPU interface lets through (ICC_IGRPEN<n>): bit n for group n. All by default. */
  setCpuGroups(vcpu: number, groups: number): void {
    if (this.#cpuGroups[vcpu] === groups) return;
    this.#cpuGroups[vcpu] = groups;
    this.touchVcpu(vcpu);
  }

  /**
   * The highest pending interrupt of a vCPU: pending, enabled, not active, its group enabled. Ties go to the lowest.
   * @returns its INTID, or 1023; {@link priorityOfHighest} and {@link groupOfHighest} tell the rest.
   */
  highestPending(vcpu: number): number {
    if (this.#isStale[vcpu] !== 0) this.#select(vcpu);
    return this.#bestIntid[vcpu];
  }

  priorityOfHighest(vcpu: number): number {
    return this.#bestPriority[vcpu];
  }

  groupOfHighest(vcpu: number): number {
    return this.#bestGroup[vcpu];
  }

  /** The vCPU to which an SPI goes, or -1: IROUTER names none of ours. */
  routeOf(intid: number): number {
    return this.#route[intid - 32];
  }

  /** Follows a write of IROUTER. */
  routeChanged(spi: number): void {
    this.#setRoute(spi);
    this.touchAll();
  }

  #setRoute(spi: number): void {
    const old = this.#route[spi];
    this.#route[spi] = this.#findRoute(spi);
    const bit = 1 << (spi & 31);
    if (old >= 0) this.#targets[old * this.spiWords + (spi >>> 5)] &= ~bit;
    if (this.#route[spi] >= 0) this.#targets[this.#route[spi] * this.spiWords + (spi >>> 5)] |= bit;
  }

  /**
   * Sends a software generated interrupt. Arm IHI 0069, ICC_SGI1R_EL1 and "Use of control registers for SGI forwarding".
   * @param lo what was written to the register, bits 31:0, and `hi` bits 63:32.
   * @param group the group that the register asks for, and `nonSecure` where the write comes from.
   */
  sendSgi(from: number, lo: number, hi: number, group: number, nonSecure: boolean): void {
    const intid = (lo >>> 24) & 15;
    const isToAllOthers = (hi & 0x100) !== 0;
    const cluster = ((hi >>> 16) & 0xff) << 16 | (hi & 0xff) << 8 | (lo >>> 16) & 0xff;
    const rangeStart = 16 * ((hi >>> 12) & 15);
    for (let vcpu = 0; vcpu < this.vcpus; vcpu++) {
      const affinity = this.affinities[vcpu];
      const inRange = (affinity & 0xff) - rangeStart;
      const isListed = affinity >>> 8 === cluster && inRange >= 0 && inRange < 16 && ((lo >>> inRange) & 1) !== 0;
      if ((isToAllOthers ? vcpu !== from : isListed) && this.#acceptsSgi(intid, vcpu, group, nonSecure)) {
        this.pend(intid, vcpu);
      }
    }
  }

  /** Secure Group 1 may ask for what is configured as Group 0; Non-secure state for Secure SGIs only by GICR_NSACR. */
  #acceptsSgi(intid: number, vcpu: number, group: number, nonSecure: boolean): boolean {
    const configured = this.groupOf(intid, vcpu);
    const isSecureAsGroup0 = group === GROUP.secureGroup1 && configured === GROUP.group0;
    if (configured !== group && !isSecureAsGroup0) return false;
    if (!nonSecure || !this.twoStates || configured === GROUP.nonSecureGroup1) return true;
    const access = (this.state.nsacr[2 * vcpu] >>> (2 * intid)) & 3;
    return access >= (configured === GROUP.group0 ? 1 : 2);
  }

  #groupAt(w: number, bit: number): number {
    const s = this.state;
    if ((s.group[w] & bit) !== 0) return GROUP.nonSecureGroup1;
    return this.twoStates && (s.modifier[w] & bit) !== 0 ? GROUP.secureGroup1 : GROUP.group0;
  }

  /** Those of a word whose group is in `groups`. */
  #inGroups(w: number, groups: number): number {
    const s = this.state;
    const modifier = this.twoStates ? s.modifier[w] : 0;
    let bits = 0;
    if ((groups & 1) !== 0) bits |= ~s.group[w] & ~modifier;
    if ((groups & 2) !== 0) bits |= ~s.group[w] & modifier;
    if ((groups & 4) !== 0) bits |= s.group[w];
    return bits;
  }

  #select(vcpu: number): void {
    const s = this.state;
    this.#isStale[vcpu] = 0;
    this.#bestIntid[vcpu] = SPECIAL.none;
    this.#bestPriority[vcpu] = 0x100;
    const { EnableGrp0, EnableGrp1S, EnableGrp1NS } = GICD_CTLR;
    const enabled = (s.ctlr & EnableGrp0) | (s.ctlr & EnableGrp1S) >>> 1 | (s.ctlr & EnableGrp1NS) << 1;
    const groups = enabled & this.#cpuGroups[vcpu];
    if (groups === 0) return;
    for (let i = 0; i <= this.spiWords; i++) {
      const w = i === 0 ? vcpu : this.vcpus + i - 1;
      let bits = this.pendingWord(w) & s.enable[w] & ~s.active[w] & ~s.listed[w];
      if (i !== 0) bits &= this.#targets[vcpu * this.spiWords + i - 1];
      if (bits === 0) continue;
      for (bits &= this.#inGroups(w, groups); bits !== 0; bits &= bits - 1) {
        const bit = 31 - Math.clz32(bits & -bits);
        const priority = s.priority[32 * w + bit];
        if (priority >= this.#bestPriority[vcpu]) continue;
        this.#bestPriority[vcpu] = priority;
        this.#bestIntid[vcpu] = 32 * i + bit;
        this.#bestGroup[vcpu] = this.#groupAt(w, 1 << bit);
      }
    }
  }

  #findRoute(spi: number): number {
    const lo = this.state.irouter[2 * spi];
    const hi = this.state.irouter[2 * spi + 1];
    return this.affinities.indexOf(((hi & 0xff) << 24 | lo & 0xff_ffff) >>> 0);
  }

  #rebuildTargets(): void {
    this.#targets.fill(0);
    this.#route.fill(-1);
    for (let spi = 0; spi < this.spis; spi++) this.#setRoute(spi);
  }

  #resetState(): DistributorState {
    const words = () => new Uint32Array(this.words);
    const edge = words();
    edge.fill(SGI_BITS, 0, this.vcpus);
    return {
      ctlr: this.securityStates === 2 ? GICD_CTLR.ARE_S | GICD_CTLR.ARE_NS : GICD_CTLR.ARE_S | GICD_CTLR.DS,
      group: words(),
      modifier: words(),
      enable: words(),
      latch: words(),
      level: words(),
      active: words(),
      edge,
      listed: words(),
      priority: new Uint8Array(32 * this.words),
      owner: new Uint8Array(32 * this.words),
      nsacr: new Uint32Array(2 * this.words),
      irouter: new Uint32Array(2 * this.spis),
      waker: new Uint32Array(this.vcpus).fill(WAKER_RESET),
    };
  }
}
