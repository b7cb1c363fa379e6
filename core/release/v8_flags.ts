/**
 * What V8 is told in the program. A trap goes through some twenty functions, which V8 by default joins to five or six
 * pieces of machine code. Joined to one or two, an HVC costs an eighth less and an emulated load a fifth less
 * (tests/bench/turns.ts), and a boot of Linux takes 2 to 5 % longer. Only what nearly every call meets
 * is joined: with all else the boot took 6 % longer.
 */
export const V8_FLAGS = "--v8-flags=" + [
  "--max-inlined-bytecode-size-cumulative=6000",
  "--max-inlined-bytecode-size=3000",
  "--min-inlining-frequency=0.9",
].join(",");
