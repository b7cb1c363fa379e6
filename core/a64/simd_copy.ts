import type { Builder } from "../engine/builder.ts";
import { alias, group, row } from "./row.ts";
import { broadcast, datasize, extract, lanes, replace, shuffleOf, writeV } from "./simd_lanes.ts";

interface Copy {
  readonly Rn: number;
  readonly Rd: number;
}
interface CopyQ extends Copy {
  readonly Q: number;
}
interface Indexed extends Copy {
  readonly index: number;
}

/** DUP (element) of elements of `size`. */
const dupElement = (size: number) => (o: Builder, w: Indexed & CopyQ): void =>
  writeV(o, w.Rd, datasize(w.Q), broadcast(o, size, w.index, o.v(w.Rn)));

const dupElementD = (o: Builder, w: Indexed): void => o.setV(w.Rd, broadcast(o, 3, w.index, o.v(w.Rn)));

/** DUP (element), scalar. */
const dupScalar = (size: number) => (o: Builder, w: Indexed): void => {
  const element = extract(o, size, w.index, true, o.v(w.Rn));
  switch (size) {
    case 3:
      return o.setVLow64(w.Rd, element);
    case 2:
      return o.setVLow32(w.Rd, o.wrap(element));
    case 1:
      return o.setVLow16(w.Rd, o.wrap(element));
    default:
      return o.setVLow8(w.Rd, o.wrap(element));
  }
};

const dupGeneral = (size: number) => (o: Builder, w: CopyQ): void =>
  writeV(o, w.Rd, datasize(w.Q), lanes(o, size, "splat", o.w(w.Rn)));

const dupGeneralX = (o: Builder, w: Copy): void => o.setV(w.Rd, o.op("i64x2.splat", o.x(w.Rn)));

/** SMOV to W (sf = 0) or X. */
const smov = (size: number) => (o: Builder, w: Indexed & { sf: number }): void => {
  const element = extract(o, size, w.index, false, o.v(w.Rn));
  if (w.sf) o.setX(w.Rd, element);
  else o.setW(w.Rd, o.wrap(element));
};

const umov = (size: number) => (o: Builder, w: Indexed): void =>
  o.setX(w.Rd, extract(o, size, w.index, true, o.v(w.Rn)));

const insGeneral = (size: number) => (o: Builder, w: Indexed): void =>
  o.setV(w.Rd, replace(o, size, w.index, o.v(w.Rd), o.x(w.Rn)));

/** INS (element): all of Rd but one element, which is number `index2` of Rn. */
const insElement = (size: number) => {
  const count = 16 >> size;
  return (o: Builder, w: Indexed & { index2: number }): void => {
    const shuffle = shuffleOf(size, (n) => n === w.index ? count + w.index2 : n);
    o.setV(w.Rd, o.shuffle(o.v(w.Rd), o.v(w.Rn), shuffle));
  };
};

/** Advanced SIMD copy, and scalar copy. Arm DDI 0487, section C4.1. */
// deno-fmt-ignore
export const SIMD_COPY = group({ trap: "fp" }, [
  row("DUP (element)", "0 Q:1 0 01110000 index:4 1    0 0000 1 Rn:5 Rd:5", "dup Vd.B, Vn.B[index]",  dupElement(0)),
  row("DUP (element)", "0 Q:1 0 01110000 index:3 10   0 0000 1 Rn:5 Rd:5", "dup Vd.H, Vn.H[index]",  dupElement(1)),
  row("DUP (element)", "0 Q:1 0 01110000 index:2 100  0 0000 1 Rn:5 Rd:5", "dup Vd.S, Vn.S[index]",  dupElement(2)),
  row("DUP (element)", "0 1   0 01110000 index:1 1000 0 0000 1 Rn:5 Rd:5", "dup Vd.2D, Vn.D[index]", dupElementD),
  row("DUP (general)", "0 Q:1 0 01110000 xxxx1 0 0001 1 Rn:5 Rd:5", "dup Vd.B, Wn",  dupGeneral(0)),
  row("DUP (general)", "0 Q:1 0 01110000 xxx10 0 0001 1 Rn:5 Rd:5", "dup Vd.H, Wn",  dupGeneral(1)),
  row("DUP (general)", "0 Q:1 0 01110000 xx100 0 0001 1 Rn:5 Rd:5", "dup Vd.S, Wn",  dupGeneral(2)),
  row("DUP (general)", "0 1   0 01110000 x1000 0 0001 1 Rn:5 Rd:5", "dup Vd.2D, Xn", dupGeneralX),
  row("SMOV", "0 sf:1 0 01110000 index:4 1    0 0101 1 Rn:5 Rd:5", "smov Rd, Vn.B[index]", smov(0)),
  row("SMOV", "0 sf:1 0 01110000 index:3 10   0 0101 1 Rn:5 Rd:5", "smov Rd, Vn.H[index]", smov(1)),
  row("SMOV", "0 1    0 01110000 index:2 100  0 0101 1 Rn:5 Rd:5", "smov Xd, Vn.S[index]", (o, w) => smov(2)(o, { ...w, sf: 1 })),
  row("UMOV", "0 0 0 01110000 index:4 1    0 0111 1 Rn:5 Rd:5", "umov Wd, Vn.B[index]", umov(0)),
  row("UMOV", "0 0 0 01110000 index:3 10   0 0111 1 Rn:5 Rd:5", "umov Wd, Vn.H[index]", umov(1)),
  row("UMOV", "0 0 0 01110000 index:2 100  0 0111 1 Rn:5 Rd:5", "umov Wd, Vn.S[index]", umov(2)),
  row("UMOV", "0 1 0 01110000 index:1 1000 0 0111 1 Rn:5 Rd:5", "umov Xd, Vn.D[index]", umov(3)),
  alias("MOV (to general)", "0 0 0 01110000 index:2 100  0 0111 1 Rn:5 Rd:5", "mov Wd, Vn.S[index]"),
  alias("MOV (to general)", "0 1 0 01110000 index:1 1000 0 0111 1 Rn:5 Rd:5", "mov Xd, Vn.D[index]"),
  row("INS (general)", "0 1 0 01110000 index:4 1    0 0011 1 Rn:5 Rd:5", "ins Vd.B[index], Wn", insGeneral(0)),
  row("INS (general)", "0 1 0 01110000 index:3 10   0 0011 1 Rn:5 Rd:5", "ins Vd.H[index], Wn", insGeneral(1)),
  row("INS (general)", "0 1 0 01110000 index:2 100  0 0011 1 Rn:5 Rd:5", "ins Vd.S[index], Wn", insGeneral(2)),
  row("INS (general)", "0 1 0 01110000 index:1 1000 0 0011 1 Rn:5 Rd:5", "ins Vd.D[index], Xn", insGeneral(3)),
  alias("MOV (from general)", "0 1 0 01110000 index:4 1    0 0011 1 Rn:5 Rd:5", "mov Vd.B[index], Wn"),
  alias("MOV (from general)", "0 1 0 01110000 index:3 10   0 0011 1 Rn:5 Rd:5", "mov Vd.H[index], Wn"),
  alias("MOV (from general)", "0 1 0 01110000 index:2 100  0 0011 1 Rn:5 Rd:5", "mov Vd.S[index], Wn"),
  alias("MOV (from general)", "0 1 0 01110000 index:1 1000 0 0011 1 Rn:5 Rd:5", "mov Vd.D[index], Xn"),
  row("INS (element)", "0 1 1 01110000 index:4 1    0 index2:4     1 Rn:5 Rd:5", "ins Vd.B[index], Vn.B[index2]", insElement(0)),
  row("INS (element)", "0 1 1 01110000 index:3 10   0 index2:3 x   1 Rn:5 Rd:5", "ins Vd.H[index], Vn.H[index2]", insElement(1)),
  row("INS (element)", "0 1 1 01110000 index:2 100  0 index2:2 xx  1 Rn:5 Rd:5", "ins Vd.S[index], Vn.S[index2]", insElement(2)),
  row("INS (element)", "0 1 1 01110000 index:1 1000 0 index2:1 xxx 1 Rn:5 Rd:5", "ins Vd.D[index], Vn.D[index2]", insElement(3)),
  alias("MOV (element)", "0 1 1 01110000 index:4 1    0 index2:4     1 Rn:5 Rd:5", "mov Vd.B[index], Vn.B[index2]"),
  alias("MOV (element)", "0 1 1 01110000 index:3 10   0 index2:3 x   1 Rn:5 Rd:5", "mov Vd.H[index], Vn.H[index2]"),
  alias("MOV (element)", "0 1 1 01110000 index:2 100  0 index2:2 xx  1 Rn:5 Rd:5", "mov Vd.S[index], Vn.S[index2]"),
  alias("MOV (element)", "0 1 1 01110000 index:1 1000 0 index2:1 xxx 1 Rn:5 Rd:5", "mov Vd.D[index], Vn.D[index2]"),

  // Scalar copy
  row("DUP (element)", "01 0 11110000 index:4 1    0 0000 1 Rn:5 Rd:5", "dup Bd, Vn.B[index]", dupScalar(0)),
  row("DUP (element)", "01 0 11110000 index:3 10   0 0000 1 Rn:5 Rd:5", "dup Hd, Vn.H[index]", dupScalar(1)),
  row("DUP (element)", "01 0 11110000 index:2 100  0 0000 1 Rn:5 Rd:5", "dup Sd, Vn.S[index]", dupScalar(2)),
  row("DUP (element)", "01 0 11110000 index:1 1000 0 0000 1 Rn:5 Rd:5", "dup Dd, Vn.D[index]", dupScalar(3)),
  alias("MOV (scalar)", "01 0 11110000 index:4 1    0 0000 1 Rn:5 Rd:5", "mov Bd, Vn.B[index]"),
  alias("MOV (scalar)", "01 0 11110000 index:3 10   0 0000 1 Rn:5 Rd:5", "mov Hd, Vn.H[index]"),
  alias("MOV (scalar)", "01 0 11110000 index:2 100  0 0000 1 Rn:5 Rd:5", "mov Sd, Vn.S[index]"),
  alias("MOV (scalar)", "01 0 11110000 index:1 1000 0 0000 1 Rn:5 Rd:5", "mov Dd, Vn.D[index]"),
]);
