import { CALL_SITE_BYTES, CALL_SITES, SITE_BYTES, SITES, STATE, WRITE_SITES } from "./layout.ts";
import type { Vcpu } from "./vcpu.ts";

/**
 * Makes regions forget the pages and call targets that they remember in the state block: to be called where an entry of
 * the vCPU's TLB is removed that they may have come from, or another context comes into use.
 */
export function forgetSites(vcpu: Vcpu): void {
  forget(vcpu, STATE.readSites.offset, SITES + 12, SITE_BYTES);
  forget(vcpu, STATE.writeSites.offset, WRITE_SITES + 12, SITE_BYTES);
  forgetCallSites(vcpu);
}

/** The same for call targets alone. */
export function forgetCallSites(vcpu: Vcpu): void {
  forget(vcpu, STATE.callSites.offset, CALL_SITES + 8, CALL_SITE_BYTES);
}

/** Clears the word at `first`, in steps of `bytes`, for each bit of a set. */
function forget({ i32, w }: Vcpu, set: number, first: number, bytes: number): void {
  const at = w + (set >>> 2);
  for (let left = i32[at]; left !== 0; left &= left - 1) {
    i32[w + (first + bytes * (31 - Math.clz32(left & -left)) >>> 2)] = 0;
  }
  i32[at] = 0;
}
