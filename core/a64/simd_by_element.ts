import type { Builder, V128 } from "../engine/builder.ts";
import { group, type Row, row, type RowOptions, type Semantics } from "./row.ts";
import {
  accumulate,
  type Binary,
  deduct,
  dotProduct,
  doublingMultiplyAccumulateHigh,
  doublingMultiplyHigh,
  doublingMultiplyLong,
  multiply,
  type Ternary,
} from "./simd_arithmetic.ts";
import {
  broadcast,
  datasize,
  esize,
  extmul,
  lanes,
  readV,
  saturatingAdd,
  saturatingSub,
  writeV,
} from "./simd_lanes.ts";

/** The fields of an instruction with a vector or scalar and an element of Rm. */
export interface ByElement {
  readonly Q: number;
  readonly size: number;
  readonly index: number;
  readonly Rm: number;
  readonly Rn: number;
  readonly Rd: number;
}

type Meaning = (o: Builder, w: ByElement) => void;

/** The element in all places. */
const element = (o: Builder, w: ByElement): V128 => broadcast(o, w.size, w.index, o.v(w.Rm));

const vector = (f: Binary): Meaning => (o, w) => {
  const bits = datasize(w.Q);
  writeV(o, w.Rd, bits, f(o, w.size, readV(o, w.Rn, bits), element(o, w)));
};

const accumulating = (f: Ternary): Meaning => (o, w) => {
  const bits = datasize(w.Q);
  writeV(o, w.Rd, bits, f(o, w.size, readV(o, w.Rd, bits), readV(o, w.Rn, bits), element(o, w)));
};

const longProduct = (unsigned: boolean): Meaning => (o, w) =>
  o.setV(w.Rd, extmul(o, w.size, w.Q, unsigned, o.v(w.Rn), element(o, w)));

const longAccumulate = (how: "add" | "sub", unsigned: boolean): Meaning => (o, w) => {
  const product = extmul(o, w.size, w.Q, unsigned, o.v(w.Rn), element(o, w));
  o.setV(w.Rd, lanes(o, w.size + 1, how, o.v(w.Rd), product));
};

const doublingProduct: Meaning = (o, w) => o.setV(w.Rd, doublingMultiplyLong(o, w.size, w.Q, o.v(w.Rn), element(o, w)));

const doublingAccumulate = (how: "add" | "sub"): Meaning => (o, w) => {
  const product = doublingMultiplyLong(o, w.size, w.Q, o.v(w.Rn), element(o, w));
  const sum = how === "add" ? saturatingAdd : saturatingSub;
  o.setV(w.Rd, sum(o, w.size + 1, false, o.v(w.Rd), product));
};

/** The scalar of w.size: zeros beside it never saturate. */
const scalar = (f: Binary): Meaning => (o, w) => {
  const bits = esize(w.size);
  writeV(o, w.Rd, bits, f(o, w.size, readV(o, w.Rn, bits), element(o, w)));
};

const scalarAccumulating = (f: Ternary): Meaning => (o, w) => {
  const bits = esize(w.size);
  writeV(o, w.Rd, bits, f(o, w.size, readV(o, w.Rd, bits), readV(o, w.Rn, bits), element(o, w)));
};

/** SQDMULL of a scalar, twice as wide as w.size. */
const scalarDoublingProduct: Meaning = (o, w) => {
  const product = doublingMultiplyLong(o, w.size, 0, readV(o, w.Rn, esize(w.size)), element(o, w));
  writeV(o, w.Rd, esize(w.size + 1), product);
};

const scalarDoublingAccumulate = (how: "add" | "sub"): Meaning => (o, w) => {
  const bits = esize(w.size + 1);
  const product = doublingMultiplyLong(o, w.size, 0, readV(o, w.Rn, esize(w.size)), element(o, w));
  const sum = how === "add" ? saturatingAdd : saturatingSub;
  writeV(o, w.Rd, bits, sum(o, w.size + 1, false, readV(o, w.Rd, bits), product));
};

const dot =
  (unsigned: boolean) => (o: Builder, w: Omit<ByElement, "size" | "index"> & { H: number; L: number }): void => {
    const words = broadcast(o, 2, w.H << 1 | w.L, o.v(w.Rm));
    writeV(o, w.Rd, datasize(w.Q), dotProduct(unsigned)(o, 2, o.v(w.Rd), o.v(w.Rn), words));
  };

/**
 * Two rows, for elements of 16 bits, with the index H:L:M, and of 32, with H:L. In the diagram `size:L:M:Rm` stands
 * for those fields; in the syntax `T` and `Ta` for the arrangements, `V` and `Va` for the scalars' letters.
 */
function byElement(name: string, diagram: string, asm: string, meaning: Meaning, options: RowOptions = {}): Row[] {
  return [1, 2].map((size) => {
    const fields = size === 1 ? "01 L:1 M:1 Rm:4" : "10 L:1 Rm:5";
    const semantics: Semantics = (o, f) => {
      const index = size === 1 ? f.H << 2 | f.L << 1 | f.M : f.H << 1 | f.L;
      meaning(o, { Q: f.Q ?? 0, size, index, Rm: f.Rm, Rn: f.Rn, Rd: f.Rd });
    };
    const syntax = asm
      .replace(/\.Ta/g, size === 1 ? ".4S" : ".2D").replace(/\.T/g, size === 1 ? ".H" : ".S")
      .replace(/Va([dn])/g, size === 1 ? "S$1" : "D$1").replace(/V([dn])(?!\.)/g, size === 1 ? "H$1" : "S$1")
      .replace("Vm", size === 1 ? "Vm.H[H:L:M]" : "Vm.S[H:L]");
    return row(name, diagram.replace("size:L:M:Rm", fields), syntax, semantics, options);
  });
}

const RDM = { feature: "FEAT_RDM" };
const doublingHigh = doublingMultiplyHigh(false), roundingHigh = doublingMultiplyHigh(true);
const addRounding = doublingMultiplyAccumulateHigh("add"), subRounding = doublingMultiplyAccumulateHigh("sub");

/** Advanced SIMD vector, and scalar, x indexed element, without floating point. Arm DDI 0487, section C4.1. */
// deno-fmt-ignore
export const SIMD_BY_ELEMENT = group({ trap: "fp" }, [
  ...byElement("SMLAL, SMLAL2 (by element)", "0 Q:1 0 01111 size:L:M:Rm 0010 H:1 0 Rn:5 Rd:5", "smlal{2} Vd.Ta, Vn.T, Vm", longAccumulate("add", false)),
  ...byElement("SQDMLAL, SQDMLAL2 (by element)", "0 Q:1 0 01111 size:L:M:Rm 0011 H:1 0 Rn:5 Rd:5", "sqdmlal{2} Vd.Ta, Vn.T, Vm", doublingAccumulate("add")),
  ...byElement("SMLSL, SMLSL2 (by element)", "0 Q:1 0 01111 size:L:M:Rm 0110 H:1 0 Rn:5 Rd:5", "smlsl{2} Vd.Ta, Vn.T, Vm", longAccumulate("sub", false)),
  ...byElement("SQDMLSL, SQDMLSL2 (by element)", "0 Q:1 0 01111 size:L:M:Rm 0111 H:1 0 Rn:5 Rd:5", "sqdmlsl{2} Vd.Ta, Vn.T, Vm", doublingAccumulate("sub")),
  ...byElement("MUL (by element)",           "0 Q:1 0 01111 size:L:M:Rm 1000 H:1 0 Rn:5 Rd:5", "mul Vd.T, Vn.T, Vm",       vector(multiply)),
  ...byElement("SMULL, SMULL2 (by element)", "0 Q:1 0 01111 size:L:M:Rm 1010 H:1 0 Rn:5 Rd:5", "smull{2} Vd.Ta, Vn.T, Vm", longProduct(false)),
  ...byElement("SQDMULL, SQDMULL2 (by element)", "0 Q:1 0 01111 size:L:M:Rm 1011 H:1 0 Rn:5 Rd:5", "sqdmull{2} Vd.Ta, Vn.T, Vm", doublingProduct),
  ...byElement("SQDMULH (by element)",       "0 Q:1 0 01111 size:L:M:Rm 1100 H:1 0 Rn:5 Rd:5", "sqdmulh Vd.T, Vn.T, Vm",   vector(doublingHigh)),
  ...byElement("SQRDMULH (by element)",      "0 Q:1 0 01111 size:L:M:Rm 1101 H:1 0 Rn:5 Rd:5", "sqrdmulh Vd.T, Vn.T, Vm",  vector(roundingHigh)),
  ...byElement("MLA (by element)",           "0 Q:1 1 01111 size:L:M:Rm 0000 H:1 0 Rn:5 Rd:5", "mla Vd.T, Vn.T, Vm",       accumulating(accumulate(multiply))),
  ...byElement("UMLAL, UMLAL2 (by element)", "0 Q:1 1 01111 size:L:M:Rm 0010 H:1 0 Rn:5 Rd:5", "umlal{2} Vd.Ta, Vn.T, Vm", longAccumulate("add", true)),
  ...byElement("MLS (by element)",           "0 Q:1 1 01111 size:L:M:Rm 0100 H:1 0 Rn:5 Rd:5", "mls Vd.T, Vn.T, Vm",       accumulating(deduct(multiply))),
  ...byElement("UMLSL, UMLSL2 (by element)", "0 Q:1 1 01111 size:L:M:Rm 0110 H:1 0 Rn:5 Rd:5", "umlsl{2} Vd.Ta, Vn.T, Vm", longAccumulate("sub", true)),
  ...byElement("UMULL, UMULL2 (by element)", "0 Q:1 1 01111 size:L:M:Rm 1010 H:1 0 Rn:5 Rd:5", "umull{2} Vd.Ta, Vn.T, Vm", longProduct(true)),
  ...byElement("SQRDMLAH (by element)",      "0 Q:1 1 01111 size:L:M:Rm 1101 H:1 0 Rn:5 Rd:5", "sqrdmlah Vd.T, Vn.T, Vm",  accumulating(addRounding), RDM),
  ...byElement("SQRDMLSH (by element)",      "0 Q:1 1 01111 size:L:M:Rm 1111 H:1 0 Rn:5 Rd:5", "sqrdmlsh Vd.T, Vn.T, Vm",  accumulating(subRounding), RDM),
  row("SDOT (by element)", "0 Q:1 0 01111 10 L:1 Rm:5 1110 H:1 0 Rn:5 Rd:5", "sdot Vd.S, Vn.B, Vm.4B[H:L]", dot(false), { feature: "FEAT_DotProd" }),
  row("UDOT (by element)", "0 Q:1 1 01111 10 L:1 Rm:5 1110 H:1 0 Rn:5 Rd:5", "udot Vd.S, Vn.B, Vm.4B[H:L]", dot(true), { feature: "FEAT_DotProd" }),

  // Scalar
  ...byElement("SQDMLAL (by element)",  "01 0 11111 size:L:M:Rm 0011 H:1 0 Rn:5 Rd:5", "sqdmlal Vad, Vn, Vm", scalarDoublingAccumulate("add")),
  ...byElement("SQDMLSL (by element)",  "01 0 11111 size:L:M:Rm 0111 H:1 0 Rn:5 Rd:5", "sqdmlsl Vad, Vn, Vm", scalarDoublingAccumulate("sub")),
  ...byElement("SQDMULL (by element)",  "01 0 11111 size:L:M:Rm 1011 H:1 0 Rn:5 Rd:5", "sqdmull Vad, Vn, Vm", scalarDoublingProduct),
  ...byElement("SQDMULH (by element)",  "01 0 11111 size:L:M:Rm 1100 H:1 0 Rn:5 Rd:5", "sqdmulh Vd, Vn, Vm",  scalar(doublingHigh)),
  ...byElement("SQRDMULH (by element)", "01 0 11111 size:L:M:Rm 1101 H:1 0 Rn:5 Rd:5", "sqrdmulh Vd, Vn, Vm", scalar(roundingHigh)),
  ...byElement("SQRDMLAH (by element)", "01 1 11111 size:L:M:Rm 1101 H:1 0 Rn:5 Rd:5", "sqrdmlah Vd, Vn, Vm", scalarAccumulating(addRounding), RDM),
  ...byElement("SQRDMLSH (by element)", "01 1 11111 size:L:M:Rm 1111 H:1 0 Rn:5 Rd:5", "sqrdmlsh Vd, Vn, Vm", scalarAccumulating(subRounding), RDM),
]);
