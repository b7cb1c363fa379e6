/**
 * What V8 is told in the program. A trap goes through some twenty functions, which V8 by default joins to five or six
 * pieces of machine code: joined to one it costs a fifth to a third less. Only what nearly every call meets is joined, as
 * the rest would have to be compiled, too, while a guest boots. Measured by tests/bench/turns.ts.
 */
export const V8_FLAGS = [
  "--max-inlined-bytecode-size-cumulative=6000",
  "--max-inlined-bytecode-size=3000",
  "--min-inlining-frequency=0.9",
].join(",");
