/** Bits of a cached stage 2 translation, below the page's PA in its word. */
export const S2_READ = 1 << 0;
/** Writable without a hardware update of the dirty state. */
export const S2_WRITE = 1 << 1;
/** Executable at EL1, and at EL0. */
export const S2_PX = 1 << 2;
export const S2_UX = 1 << 3;
/** The PA is in the Secure PA space. */
export const S2_SECURE = 1 << 4;
/** Device memory by stage 2 alone. */
export const S2_DEVICE = 1 << 5;
/** SH[1:0] and the level at these places. */
export const S2_SH_SHIFT = 6;
export const S2_LEVEL_SHIFT = 8;

const ENTRIES = 1024;
const SPACES = 16;
const SPACE_WORDS = 5;
const SPACE_IDS = 4095;

/**
 * A cache of stage 2 translations of one vCPU: IPA page to PA page with permissions, direct-mapped. Entries belong to an
 * address space: the tables (VTTBR_EL2 with the VMID) and controls under which they were made.
 * An entry is four words: IPA[31:12]; IPA[51:32] with the space at bit 20; PA[31:12] with S2 bits; PA[51:32] with
 * MemAttr at bit 20.
 */
export class Stage2Cache {
  readonly words = new Int32Array(4 * ENTRIES);
  /** Counts how often all ids became free again, modulo 2^12. */
  generation = 0;
  readonly #spaces = new Int32Array(SPACES * SPACE_WORDS);
  /** The id of each known space, 0 where the slot is free, and the VMID at its time. */
  readonly #ids = new Int32Array(SPACES);
  readonly #vmids = new Int32Array(SPACES);
  #nextId = 1;
  #nextSlot = 0;
  #recent = 0;

  /** The id of the address space with these table base, controls and flags; made when it is new. */
  space(baseLo: number, baseHi: number, control: number, secondControl: number, flags: number, vmid: number): number {
    if (this.#matches(this.#recent, baseLo, baseHi, control, secondControl, flags)) return this.#ids[this.#recent];
    for (let slot = 0; slot < SPACES; slot++) {
      if (this.#matches(slot, baseLo, baseHi, control, secondControl, flags)) {
        this.#recent = slot;
        return this.#ids[slot];
      }
    }
    return this.#addSpace(baseLo, baseHi, control, secondControl, flags, vmid);
  }

  #matches(slot: number, baseLo: number, baseHi: number, control: number, control2: number, flags: number): boolean {
    const words = this.#spaces;
    const w = slot * SPACE_WORDS;
    return this.#ids[slot] !== 0 && words[w] === (baseLo | 0) && words[w + 1] === (baseHi | 0) &&
      words[w + 2] === (control | 0) && words[w + 3] === (control2 | 0) && words[w + 4] === flags;
  }

  #addSpace(
    baseLo: number,
    baseHi: number,
    control: number,
    control2: number,
    flags: number,
    vmid: number,
  ): number {
    if (this.#nextId > SPACE_IDS) this.invalidateAll();
    const slot = this.#nextSlot;
    this.#nextSlot = (slot + 1) % SPACES;
    const w = slot * SPACE_WORDS;
    this.#spaces[w] = baseLo;
    this.#spaces[w + 1] = baseHi;
    this.#spaces[w + 2] = control;
    this.#spaces[w + 3] = control2;
    this.#spaces[w + 4] = flags;
    this.#vmids[slot] = vmid;
    this.#recent = slot;
    return this.#ids[slot] = this.#nextId++;
  }

  /** The index in `words` of the entry for the IPA's page, or -1. */
  find(space: number, hi: number, lo: number): number {
    const entry = ((lo >>> 12 ^ lo >>> 22) & ENTRIES - 1) << 2;
    return this.words[entry] === (lo & ~0xfff) && this.words[entry + 1] === (hi | space << 20) ? entry : -1;
  }

  /** Puts a translation in. `bits` are S2 bits. */
  insert(
    space: number,
    hi: number,
    lo: number,
    paHi: number,
    paLo: number,
    memAttr: number,
    bits: number,
  ): void {
    const entry = ((lo >>> 12 ^ lo >>> 22) & ENTRIES - 1) << 2;
    this.words[entry] = lo & ~0xfff;
    this.words[entry + 1] = hi | space << 20;
    this.words[entry + 2] = paLo & ~0xfff | bits;
    this.words[entry + 3] = paHi | memAttr << 20;
  }

  /** Forgets the spaces of a VMID in one security state; their entries can never match again. */
  invalidateVmid(vmid: number, secure: boolean): void {
    for (let slot = 0; slot < SPACES; slot++) {
      const isSecure = (this.#spaces[slot * SPACE_WORDS + 4] & STATE_SECURE) !== 0;
      if (this.#vmids[slot] === vmid && isSecure === secure) this.#ids[slot] = 0;
    }
  }

  /** Forgets everything. */
  invalidateAll(): void {
    this.generation = this.generation + 1 & 0xfff;
    this.words.fill(0);
    this.#ids.fill(0);
    this.#nextId = 1;
  }
}

/** Flags of a space: Secure state, and the Secure IPA space within it. */
export const STATE_SECURE = 1 << 0;
export const IPA_SECURE = 1 << 1;
