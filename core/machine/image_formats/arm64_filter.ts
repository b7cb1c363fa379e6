/*
 * The filter for ARM64 code of The .xz File Format 1.2.1, section 5.3.2: before code is packed, the targets of BL and
 * ADRP are made absolute, so that equal ones look equal.
 */

const BL_MASK = 0xfc00_0000, BL = 0x9400_0000, IMM26 = 0x03ff_ffff;
const ADRP_MASK = 0x9f00_0000, ADRP = 0x9000_0000, ADRP_Rd = 0x1f;
/** immhi:immlo of ADRP whose target was within 512 MiB: only those were changed. All of their bits 20 to 17 are equal. */
const NEAR_PAGES = 0x02_0000, FAR_BITS = 0x1c_0000, IMM18 = 0x3_ffff;

/** Makes the targets relative again, in place. @param offset of the first byte: what the addresses began with. */
export function undoArm64Filter(bytes: Uint8Array, offset: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const instruction = view.getUint32(at, true), pc = offset + at >>> 0;
    if ((instruction & BL_MASK) >>> 0 === BL) {
      view.setUint32(at, BL | instruction - (pc >>> 2) & IMM26, true);
    } else if ((instruction & ADRP_MASK) >>> 0 === ADRP) {
      const pages = instruction >>> 29 & 3 | instruction >>> 3 & 0x1f_fffc;
      if (((pages + NEAR_PAGES) & FAR_BITS) !== 0) continue;
      const relative = (pages - (pc >>> 12) & IMM18) << 14 >> 14; // sign-extended
      const immlo = relative & 3, immhi = relative >> 2 & 0x7_ffff;
      view.setUint32(at, ADRP | immlo << 29 | immhi << 5 | instruction & ADRP_Rd, true);
    }
  }
}
