/**
 * What V8 is told in the program. A trap goes through some twenty functions, which V8 joins to fewer pieces of machine
 * code than it would by itself: tests/bench/turns.ts shows what an HVC and an emulated load cost. Only what nearly every
 * call meets is joined, and only what has been called often is optimized at all, as V8's threads take the host's cores
 * from a boot of Linux: with limits of 6,000 and 3,000 and V8's own count of calls it took 6 % longer. Handlers and
 * regions are optimized after a tenth of what V8 lets code run before: a boot takes 2 % less. What is new on a thread's
 * heap has 2 MiB and not 16 before it is looked at: 23 MB less are resident after a boot, which takes as long. And gc()
 * is there, for core/engine/garbage.ts.
 */
export const V8_FLAGS = "--v8-flags=" + [
  "--max-inlined-bytecode-size-cumulative=2500",
  "--max-inlined-bytecode-size=1000",
  "--min-inlining-frequency=0.9",
  "--invocation-count-for-turbofan=30000",
  "--wasm-tiering-budget=1300000",
  "--max-semi-space-size=2",
  "--expose-gc",
].join(",");
