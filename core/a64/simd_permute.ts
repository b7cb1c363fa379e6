import type { Builder, V128 } from "../engine/builder.ts";
import { type Fields, group, row } from "./row.ts";
import type { ThreeSame } from "./simd_arithmetic.ts";
import { choose, datasize, lanes, or, shuffleOf, writeV } from "./simd_lanes.ts";

/** The element of the concatenation b:a, in which b's first is number `count`, that a permutation brings to `i`. */
type Source = (i: number, count: number) => number;

const uzp = (part: number): Source => (i) => 2 * i + part;
const trn = (part: number): Source => (i, count) => (i & ~1) + part + (i & 1) * count;
const zip = (part: number): Source => (i, count) => (i >> 1) + part * (count >> 1) + (i & 1) * count;

/** The shuffles of a permutation by size and Q; in WebAssembly b's first element is always number 16 >> size. */
function permute(source: Source) {
  const shuffles = [0, 1, 2, 3].map((size) =>
    [0, 1].map((Q) => {
      const all = 16 >> size, count = Q ? all : all >> 1;
      return shuffleOf(size, (i) => {
        const from = source(i % count || 0, count);
        return from < count ? from : from - count + all;
      });
    })
  );
  return (o: Builder, w: ThreeSame): void =>
    writeV(o, w.Rd, datasize(w.Q), o.shuffle(o.v(w.Rn), o.v(w.Rm), shuffles[w.size][w.Q]));
}

interface Extract {
  readonly index: number;
  readonly Rm: number;
  readonly Rn: number;
  readonly Rd: number;
}

const EXTRACTS = [8, 16].map((bytes) =>
  Array.from({ length: bytes }, (_, index) =>
    shuffleOf(0, (i) => {
      const from = i % bytes + index;
      return from < bytes ? from : from - bytes + 16;
    }))
);

const extractBytes = (Q: number) => (o: Builder, w: Extract): void =>
  writeV(o, w.Rd, datasize(Q), o.shuffle(o.v(w.Rn), o.v(w.Rm), EXTRACTS[Q][w.index]));

interface Table {
  readonly Q: number;
  readonly Rm: number;
  readonly len: number;
  readonly Rn: number;
  readonly Rd: number;
}

/** Table look-up; i8x16.swizzle gives 0 for an index past its table, as does an index that wrapped below it. */
function lookUp(o: Builder, w: Table, indices: V128): V128 {
  let result: V128 | null = null;
  for (let i = 0; i <= w.len; i++) {
    const within = i === 0 ? indices : lanes(o, 0, "sub", indices, lanes(o, 0, "splat", o.i32(16 * i)));
    const found = o.op("i8x16.swizzle", o.v((w.Rn + i) % 32), within);
    result = result ? or(o, result, found) : found;
  }
  return result!;
}

const tbl = (o: Builder, w: Table): void => writeV(o, w.Rd, datasize(w.Q), lookUp(o, w, o.v(w.Rm)));

/** TBX: what no table holds stays. */
const tbx = (o: Builder, w: Table): void => {
  const indices = o.v(w.Rm);
  const isHeld = lanes(o, 0, "lt_u", indices, lanes(o, 0, "splat", o.i32(16 * (w.len + 1))));
  writeV(o, w.Rd, datasize(w.Q), choose(o, isHeld, lookUp(o, w, indices), o.v(w.Rd)));
};

const no1D = { reserved: (f: Fields) => f.size === 3 && f.Q === 0 };

/** Advanced SIMD permute, extract and table look-up. Arm DDI 0487, section C4.1. */
// deno-fmt-ignore
export const SIMD_PERMUTE = group({ trap: "fp" }, [
  row("TBL",  "0 Q:1 001110 00 0 Rm:5 0 len:2 0 00 Rn:5 Rd:5", "tbl Vd.B, {Vn.16B}, Vm.B", tbl),
  row("TBX",  "0 Q:1 001110 00 0 Rm:5 0 len:2 1 00 Rn:5 Rd:5", "tbx Vd.B, {Vn.16B}, Vm.B", tbx),
  row("UZP1", "0 Q:1 001110 size:2 0 Rm:5 0 001 10 Rn:5 Rd:5", "uzp1 Vd.T, Vn.T, Vm.T", permute(uzp(0)), no1D),
  row("TRN1", "0 Q:1 001110 size:2 0 Rm:5 0 010 10 Rn:5 Rd:5", "trn1 Vd.T, Vn.T, Vm.T", permute(trn(0)), no1D),
  row("ZIP1", "0 Q:1 001110 size:2 0 Rm:5 0 011 10 Rn:5 Rd:5", "zip1 Vd.T, Vn.T, Vm.T", permute(zip(0)), no1D),
  row("UZP2", "0 Q:1 001110 size:2 0 Rm:5 0 101 10 Rn:5 Rd:5", "uzp2 Vd.T, Vn.T, Vm.T", permute(uzp(1)), no1D),
  row("TRN2", "0 Q:1 001110 size:2 0 Rm:5 0 110 10 Rn:5 Rd:5", "trn2 Vd.T, Vn.T, Vm.T", permute(trn(1)), no1D),
  row("ZIP2", "0 Q:1 001110 size:2 0 Rm:5 0 111 10 Rn:5 Rd:5", "zip2 Vd.T, Vn.T, Vm.T", permute(zip(1)), no1D),
  row("EXT",  "0 0 101110 00 0 Rm:5 0 0 index:3 0 Rn:5 Rd:5",  "ext Vd.8B, Vn.8B, Vm.8B, ext3",    extractBytes(0)),
  row("EXT",  "0 1 101110 00 0 Rm:5 0 index:4 0 Rn:5 Rd:5",    "ext Vd.16B, Vn.16B, Vm.16B, ext4", extractBytes(1)),
]);
