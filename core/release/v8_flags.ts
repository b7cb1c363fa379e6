/**
 * What V8 is told in the program. A trap goes through some twenty functions, which V8 by default joins to five or six
 * pieces of machine code. Joined to two or three, an HVC costs a tenth less and an emulated load a fifth less
 * (tests/bench/turns.ts). Only what nearly every call meets is joined, and only what has been called often is optimized
 * at all: otherwise V8's threads, which do it, take the host's cores from a boot of Linux, which then takes 6 % longer.
 */
export const V8_FLAGS = "--v8-flags=" + [
  "--max-inlined-bytecode-size-cumulative=2500",
  "--max-inlined-bytecode-size=1000",
  "--min-inlining-frequency=0.9",
  "--invocation-count-for-turbofan=30000",
].join(",");
