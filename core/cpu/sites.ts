import {
  CALL_SITE_BYTES,
  CALL_SITE_COUNT,
  CALL_SITES,
  SITE_BYTES,
  SITES,
  STATE,
  type StateField,
  WRITE_SITES,
} from "./layout.ts";
import type { Vcpu } from "./vcpu.ts";

/**
 * Makes regions forget the pages and call targets that they remember in the state block: to be called where an entry of
 * the vCPU's TLB is removed that they may have come from.
 */
export function forgetSites(vcpu: Vcpu): void {
  forgetPages(vcpu);
  forgetCallSites(vcpu);
}

/** The same for pages alone, which are those of one context: to be called where another comes into use. */
export function forgetPages(vcpu: Vcpu): void {
  forget(vcpu, "readSites", SITES + 12, SITE_BYTES, 32);
  forget(vcpu, "writeSites", WRITE_SITES + 12, SITE_BYTES, 32);
}

/** The same for call targets alone. */
export function forgetCallSites(vcpu: Vcpu): void {
  forget(vcpu, "callSites", CALL_SITES + 16, CALL_SITE_BYTES, CALL_SITE_COUNT);
}

/** Clears the word at `first`, in steps of `bytes`, for each bit of a set, and for each 32nd behind it up to `count`. */
function forget({ i32, w }: Vcpu, set: StateField, first: number, bytes: number, count: number): void {
  const at = w + (STATE[set].offset >>> 2);
  for (let left = i32[at]; left !== 0; left &= left - 1) {
    for (let n = 31 - Math.clz32(left & -left); n < count; n += 32) i32[w + (first + bytes * n >>> 2)] = 0;
  }
  i32[at] = 0;
}
