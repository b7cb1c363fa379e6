import { type Access, accessOf } from "./access.ts";
import { Decoder } from "./decoder.ts";
import { MEANINGS } from "./table.ts";

export type { Access, Addressing, AtomicOperation, Transfer } from "./access.ts";

let decoder: Decoder | undefined;

/**
 * What the load or store does with registers and memory; null when the word is no load or store, or a prefetch, which
 * does nothing. The feature that the word needs is taken to be present.
 */
export function describeAccess(word: number): Access | null {
  decoder ??= new Decoder(MEANINGS);
  const row = decoder.decode(word);
  return row && accessOf(row, word);
}

/** Fields of the ISS of a Data Abort. Arm DDI 0487, ESR_ELx, "ISS encoding for an exception from a Data Abort". */
const ISV = 1 << 24, SSE = 1 << 21, SF = 1 << 15, AR = 1 << 14;
const SAS_SHIFT = 22, SRT_SHIFT = 16;

/**
 * ISS bits 24:14 for an access: ISV, SAS, SSE, SRT, SF and AR; 0 where the syndrome is not valid. It is for loads and
 * stores of one general-purpose register that do not write back and are neither exclusive nor atomic.
 */
export function instructionSyndrome(access: Access): number {
  const [transfer] = access.transfers;
  const isSingle = access.transfers.length === 1 && transfer.register === "x" && access.kind !== "atomic";
  if (!isSingle || access.writeback !== null || access.isExclusive) return 0;
  return ISV | Math.log2(transfer.bytes) << SAS_SHIFT | (transfer.isSigned ? SSE : 0) | transfer.number << SRT_SHIFT |
    (transfer.width === 64 ? SF : 0) | (access.isAcquire || access.isRelease ? AR : 0);
}
