import { outputSizeBits, POW2, type TranslationControls } from "./regime.ts";

/** What TCR_ELx says of the VA range that an address is in. Arm DDI 0487, S1TTWParams. */
export class Stage1Range {
  /** The range is the upper one, of TTBR1_ELx. */
  upper = false;
  /** log2 of the granule's size. */
  granule = 12;
  /** Sizes of input and output addresses in bits. */
  inputSize = 0;
  outputSize = 0;
  /** TCR_ELx.{HA, HD, HPDn}. */
  ha = false;
  hd = false;
  hpd = false;
  /** No walk is made: EPDn, or E0PDn for this access. */
  disabled = false;

  /** AArch64.GetS1TTWParams(), for the range that `hi` is in. */
  read(c: TranslationControls, hi: number): void {
    const tcrLo = c.tcrLo;
    const tcrHi = c.tcrHi;
    const upper = c.twoRanges && (hi & 1 << 23) !== 0;
    this.upper = upper;
    let ps = tcrHi & 7;
    if (c.twoRanges) {
      this.inputSize = 64 - (upper ? tcrLo >>> 16 & 63 : tcrLo & 63);
      this.granule = upper ? c.features.tg1Bits[tcrLo >>> 30] : c.features.tg0Bits[tcrLo >>> 14 & 3];
      this.ha = (tcrHi & 1 << 7) !== 0;
      this.hd = (tcrHi & 1 << 8) !== 0;
      this.hpd = (tcrHi & (upper ? 1 << 10 : 1 << 9)) !== 0;
      // EPD0, EPD1; and E0PD0, E0PD1 for accesses from EL0.
      this.disabled = (tcrLo & (upper ? 1 << 23 : 1 << 7)) !== 0 ||
        (c.el === 0 && (tcrHi & (upper ? 1 << 24 : 1 << 23)) !== 0);
    } else {
      ps = tcrLo >>> 16 & 7;
      this.inputSize = 64 - (tcrLo & 63);
      this.granule = c.features.tg0Bits[tcrLo >>> 14 & 3];
      this.ha = (tcrLo & 1 << 21) !== 0;
      this.hd = (tcrLo & 1 << 22) !== 0;
      this.hpd = (tcrLo & 1 << 24) !== 0;
      this.disabled = false;
    }
    this.outputSize = outputSizeBits(ps, this.granule, c.features.paBits);
  }

  /** EffectiveTBI(): the top byte is not part of the address. */
  effectiveTbi(c: TranslationControls, isExecute: boolean): boolean {
    if (!c.twoRanges) return (c.tcrLo & 1 << 20) !== 0 && !(isExecute && (c.tcrLo & 1 << 29) !== 0);
    const tbi = this.upper ? 1 << 6 : 1 << 5;
    const tbid = this.upper ? 1 << 20 : 1 << 19;
    return (c.tcrHi & tbi) !== 0 && !(isExecute && (c.tcrHi & tbid) !== 0);
  }

  /** AArch64.S1InvalidTxSZ() and AArch64.VAIsOutOfRange(). */
  isOutOfRange(c: TranslationControls, hi: number, lo: number): boolean {
    const size = this.inputSize;
    const is64K = this.granule === 16;
    if (size > (is64K && c.features.largeVa ? 52 : 48) || size < (!c.features.smallTables ? 25 : is64K ? 17 : 16)) {
      return true;
    }
    const topHi = this.upper ? ~hi : hi;
    const topLo = this.upper ? ~lo : lo;
    return size >= 32 ? topHi >>> (size - 32) !== 0 : topHi !== 0 || topLo >>> size !== 0;
  }

  /** AArch64.OAOutOfRange(), for the high half of an output address. */
  isOutputOutOfRange(hi: number): boolean {
    return hi >= POW2[this.outputSize - 32];
  }
}
