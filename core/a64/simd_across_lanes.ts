import type { Builder, V128 } from "../engine/builder.ts";
import { type Fields, group, row } from "./row.ts";
import { type Binary, minMax, plain } from "./simd_arithmetic.ts";
import { addPairs, datasize, esize, shuffleOf, writeV } from "./simd_lanes.ts";
import type { TwoRegister } from "./simd_two_register.ts";

/** The shuffle that brings the elements from `distance` on to the front: [size][log2 of distance]. */
const DOWN = [0, 1, 2, 3].map((size) =>
  [1, 2, 4, 8].map((distance) => shuffleOf(size, (i) => (i + distance) % (16 >> size)))
);

/** Reduces `count` elements, a power of two, to one, which becomes element 0. Reduce(). */
function fold(f: Binary, o: Builder, size: number, count: number, a: V128): V128 {
  let result = a;
  for (let level = Math.log2(count) - 1; level >= 0; level--) {
    result = f(o, size, result, o.shuffle(result, result, DOWN[size][level]));
  }
  return result;
}

/** ADDV, SMAXV and so on. */
const reduce = (f: Binary) => (o: Builder, w: TwoRegister): void =>
  writeV(o, w.Rd, esize(w.size), fold(f, o, w.size, datasize(w.Q) >> (3 + w.size), o.v(w.Rn)));

/** SADDLV, UADDLV: the sum is twice as wide as an element. */
const sumLong = (unsigned: boolean) => (o: Builder, w: TwoRegister): void => {
  const a = o.v(w.Rn), wide = w.size + 1;
  const sums = addPairs(o, w.size, unsigned, a);
  writeV(o, w.Rd, esize(wide), fold(plain("add"), o, wide, datasize(w.Q) >> (3 + wide), sums));
};

/** Words are four, or too few to be worth an instruction. */
const options = { reserved: (f: Fields) => f.size === 3 || (f.size === 2 && f.Q === 0) };

/** Advanced SIMD across lanes, without floating point. Arm DDI 0487, section C4.1. */
// deno-fmt-ignore
export const SIMD_ACROSS_LANES = group({ trap: "fp", ...options }, [
  row("SADDLV", "0 Q:1 0 01110 size:2 11000 00011 10 Rn:5 Rd:5", "saddlv <Vw>d, Vn.T", sumLong(false)),
  row("UADDLV", "0 Q:1 1 01110 size:2 11000 00011 10 Rn:5 Rd:5", "uaddlv <Vw>d, Vn.T", sumLong(true)),
  row("SMAXV",  "0 Q:1 0 01110 size:2 11000 01010 10 Rn:5 Rd:5", "smaxv <V>d, Vn.T",   reduce(minMax("max", false))),
  row("UMAXV",  "0 Q:1 1 01110 size:2 11000 01010 10 Rn:5 Rd:5", "umaxv <V>d, Vn.T",   reduce(minMax("max", true))),
  row("SMINV",  "0 Q:1 0 01110 size:2 11000 11010 10 Rn:5 Rd:5", "sminv <V>d, Vn.T",   reduce(minMax("min", false))),
  row("UMINV",  "0 Q:1 1 01110 size:2 11000 11010 10 Rn:5 Rd:5", "uminv <V>d, Vn.T",   reduce(minMax("min", true))),
  row("ADDV",   "0 Q:1 0 01110 size:2 11000 11011 10 Rn:5 Rd:5", "addv <V>d, Vn.T",    reduce(plain("add"))),
]);
