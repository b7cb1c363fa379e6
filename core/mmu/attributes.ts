/**
 * Memory attributes as one byte in MAIR_ELx's encoding, which is also what PAR_EL1.ATTR holds.
 * The high nibble is the outer policy of Normal memory, or 0 for Device memory.
 */
export const ATTR = {
  deviceNGnRnE: 0x00,
  deviceNGnRE: 0x04,
  deviceNGRE: 0x08,
  deviceGRE: 0x0c,
  normalNonCacheable: 0x44,
  /** Write-Through, non-transient, read and write allocate. */
  normalWriteThrough: 0xbb,
  /** Write-Back, non-transient, read and write allocate. */
  normalWriteBack: 0xff,
} as const;

/** Shareability as in descriptors and PAR_EL1.SH. */
export const SHAREABILITY = { non: 0, outer: 2, inner: 3 } as const;

/** True when an attribute byte says Device memory. Arm DDI 0487, MAIRDecode(). */
export function isDevice(attr: number): boolean {
  return (attr & 0xf0) === 0;
}

/** The attribute byte `AttrIndx` selects of MAIR_ELx. */
export function mairAttribute(mairLo: number, mairHi: number, index: number): number {
  return (index < 4 ? mairLo : mairHi) >>> (8 * (index & 3)) & 0xff;
}

/** One nibble of the MAIR encoding per two-bit stage 2 cacheability: Non-cacheable, Write-Through, Write-Back. */
const S2_CACHEABILITY = [0x4, 0x4, 0xb, 0xf];

/**
 * The attribute byte of stage 2 MemAttr[3:0] without FEAT_S2FWB. Arm DDI 0487, S2DecodeMemAttrs().
 * @param memAttr four bits.
 */
export function stage2Attribute(memAttr: number): number {
  if (memAttr >> 2 === 0) return (memAttr & 3) << 2;
  return S2_CACHEABILITY[memAttr >> 2] << 4 | S2_CACHEABILITY[memAttr & 3];
}

/** Cacheability of a nibble of Normal memory, so that the smaller is the weaker: 0 none, 1 Write-Through, 2 Write-Back. */
function cacheability(nibble: number): number {
  if (nibble === 0x4) return 0;
  return nibble < 0x4 || (nibble >= 0x8 && nibble < 0xc) ? 1 : 2;
}

/** The nibble of the weaker policy; with equal ones stage 1's, which has the allocation hints. */
function weakerNibble(s1: number, s2: number): number {
  return cacheability(s1) <= cacheability(s2) ? s1 : s2;
}

/**
 * The attributes of both stages together. Arm DDI 0487, S2CombineS1MemAttrs() and, with `fwb`, FEAT_S2FWB's rules.
 * @param s1 the attribute byte of stage 1.
 * @param memAttr MemAttr[3:0] of the stage 2 descriptor.
 */
export function combineAttributes(s1: number, memAttr: number, fwb: boolean): number {
  if (fwb) return combineForced(s1, memAttr);
  const s2 = stage2Attribute(memAttr);
  if (isDevice(s1) || isDevice(s2)) return strongerDevice(s1, s2);
  if (s2 === ATTR.normalWriteBack) return s1;
  return weakerNibble(s1 >> 4, s2 >> 4) << 4 | weakerNibble(s1 & 15, s2 & 15);
}

function combineForced(s1: number, memAttr: number): number {
  if ((memAttr & 4) === 0) return strongerDevice(s1, (memAttr & 3) << 2);
  const kind = memAttr & 3;
  if (kind === 2) return ATTR.normalWriteBack;
  if (kind === 3 || isDevice(s1)) return s1;
  return ATTR.normalNonCacheable;
}

function strongerDevice(s1: number, s2: number): number {
  if (!isDevice(s1)) return s2;
  if (!isDevice(s2)) return s1;
  return s1 < s2 ? s1 : s2;
}

/** Shareability of both stages together: Device and Non-cacheable memory is Outer Shareable. */
export function combineShareability(s1: number, s2: number, attr: number): number {
  if (isDevice(attr) || attr === ATTR.normalNonCacheable) return SHAREABILITY.outer;
  if (s1 === SHAREABILITY.outer || s2 === SHAREABILITY.outer) return SHAREABILITY.outer;
  return s1 > s2 ? s1 : s2;
}
