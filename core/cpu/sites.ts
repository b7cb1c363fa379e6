import { CALL_SITE_BYTES, CALL_SITE_COUNT, CALL_SITES, SITE_COUNT, SPAN_BYTES, SPANS, STATE } from "./layout.ts";
import type { Vcpu } from "./vcpu.ts";

const KNOWN_CALLS = STATE.callSites.offset >>> 2, CONTEXTS = CALL_SITES + 16;
const SPANS_AT = SPANS >>> 3, SPANS_SIZE = SITE_COUNT * SPAN_BYTES >>> 3;

/**
 * Makes regions forget the pages and call targets that they remember in the state block: to be called where an entry of
 * the vCPU's TLB is removed that they may have come from.
 */
export function forgetSites(vcpu: Vcpu): void {
  forgetPages(vcpu);
  forgetCallSites(vcpu);
}

/** The same for pages alone, which are those of one context: to be called where another comes into use. */
export function forgetPages({ f64, w }: Vcpu): void {
  // Two at a time; V8's `fill` takes longer for so few
  for (let at = (w >>> 1) + SPANS_AT, end = at + SPANS_SIZE; at < end; at++) f64[at] = 0;
}

/** The same for call targets alone. */
export function forgetCallSites({ i32, w }: Vcpu): void {
  for (let left = i32[w + KNOWN_CALLS]; left !== 0; left &= left - 1) {
    for (let n = 31 - Math.clz32(left & -left); n < CALL_SITE_COUNT; n += 32) {
      i32[w + (CONTEXTS + CALL_SITE_BYTES * n >>> 2)] = 0;
    }
  }
  i32[w + KNOWN_CALLS] = 0;
}
