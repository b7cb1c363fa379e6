import { Decoder } from "../a64/decoder.ts";
import { MEANINGS } from "../a64/table.ts";

/** Branches, exceptions and system instructions: bits 28 to 26. Arm DDI 0487, "A64 instruction set encoding". */
const GROUP_MASK = 7 << 26, GROUP_BRANCHES_AND_SYSTEM = 5 << 26;
/** UDF, "permanently undefined": bits 31 to 16 are 0. */
const UDF_MASK = 0xffff_0000;

/**
 * Finds the word at which a flat binary would fail before it can have set up a vector: up to its first branch or system
 * instruction, each of its words must be an instruction.
 * @returns the word's offset, or -1.
 */
export function findUndefined(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength), decoder = new Decoder(MEANINGS);
  for (let at = 0; at + 4 <= file.length; at += 4) {
    const word = view.getUint32(at, true);
    if ((word & UDF_MASK) === 0 || decoder.decode(word) === null) return at;
    if ((word & GROUP_MASK) === GROUP_BRANCHES_AND_SYSTEM) return -1;
  }
  return -1;
}
