import { type SequenceCase, type SequenceResult, STATE_WORDS, STOPS, WORD } from "../oracle/sequence.ts";

import { branchTarget, pointerOf, signExtendTag } from "./words.ts";
import { rowOf } from "./rows.ts";

/*
 * Where we and the judge (QEMU 7.2 in user mode) differ and both may, or where the judge is wrong. Each rule says why.
 */

interface Rule {
  readonly reason: string;
  /** @param word the word at which our side stopped, or the case's last. */
  readonly holds: (word: number, d: Difference) => boolean;
}

interface Difference {
  readonly c: SequenceCase;
  readonly ours: SequenceResult;
  readonly theirs: SequenceResult;
}

type Pattern = readonly [mask: number, value: number];

const matches = (word: number, patterns: readonly Pattern[]): boolean =>
  patterns.some(([mask, value]) => (word & mask) >>> 0 === value);
const stopOf = (r: SequenceResult): string => STOPS[r.state[WORD.stop]];

/** A feature that the judge has and we do not: its instructions are UNDEFINED here, as ID registers say. */
function feature(name: string, patterns: readonly Pattern[]): Rule {
  return {
    reason: `${name} is not implemented`,
    holds: (word, { ours }) => stopOf(ours) === "undefined" && matches(word, patterns),
  };
}

// deno-fmt-ignore
const FEATURES: readonly Rule[] = [
  feature("FEAT_MTE", [
    [0xffc00000, 0x91800000], [0xffc00000, 0xd1800000], // ADDG, SUBG
    [0xffe0fc00, 0x9ac01000], [0xffe0fc00, 0x9ac01400], // IRG, GMI
    [0xffe0fc00, 0x9ac00000], [0xffe0fc00, 0xbac00000], // SUBP, SUBPS
    [0xff200000, 0xd9200000], // STG, LDG and the like
    [0xffc00000, 0x68800000], [0xffc00000, 0x69000000], [0xffc00000, 0x69800000], // STGP
  ]),
  feature("FEAT_FHM", [
    [0xbfe0fc00, 0x0e20ec00], [0xbfe0fc00, 0x0ea0ec00], // FMLAL, FMLSL (vector)
    [0xbfe0fc00, 0x2e20cc00], [0xbfe0fc00, 0x2ea0cc00], // FMLAL2, FMLSL2 (vector)
    [0xbfc0f400, 0x0f800000], [0xbfc0f400, 0x0f804000], // FMLAL, FMLSL (by element)
    [0xbfc0f400, 0x2f808000], [0xbfc0f400, 0x2f80c000], // FMLAL2, FMLSL2 (by element)
  ]),
  feature("FEAT_BF16", [
    [0xbfe0fc00, 0x2e40fc00], [0xffe0fc00, 0x6e40ec00], [0xbfe0fc00, 0x2ec0fc00], // BFDOT, BFMMLA, BFMLAL (vector)
    [0xbfc0f400, 0x0f40f000], [0xbfc0f400, 0x0fc0f000], // BFDOT, BFMLAL (by element)
    [0xfffffc00, 0x1e634000], [0xbffffc00, 0x0ea16800], // BFCVT, BFCVTN
  ]),
  feature("FEAT_I8MM", [
    [0xffe0fc00, 0x4e80a400], [0xffe0fc00, 0x6e80a400], [0xffe0fc00, 0x4e80ac00], // SMMLA, UMMLA, USMMLA
    [0xbfe0fc00, 0x0e809c00], [0xbfc0f400, 0x0f80f000], [0xbfc0f400, 0x0f00f000], // USDOT, SUDOT
  ]),
  feature("FEAT_SM3 and FEAT_SM4", [
    [0xffe0f800, 0xce60c000], [0xffe08000, 0xce400000], [0xffe0c000, 0xce408000], // SM3PARTW, SM3SS1, SM3TT
    [0xfffffc00, 0xcec08400], [0xffe0fc00, 0xce60c800], // SM4E, SM4EKEY
  ]),
];

const EXCLUSIVE: Pattern = [0x3f800000, 0x08000000];
const isStoreExclusive = (word: number): boolean => matches(word, [[0x3fc00000, 0x08000000]]);
/** Size and pair of an exclusive. */
const exclusiveKind = (word: number): number => (word & 0xc0200000) >>> 0;

const RULES: readonly Rule[] = [
  ...FEATURES,
  {
    reason: "LDAPR, LDAPUR, STLUR: without FEAT_LSE2 an Alignment fault where not aligned; the judge does not check",
    holds: (word, { ours }) =>
      stopOf(ours) === "abort" && matches(word, [[0x3ffffc00, 0x38bfc000], [0x3f200c00, 0x19000000]]),
  },
  {
    reason:
      "a store-exclusive is an Alignment fault where not aligned, whatever the monitor holds, which the judge looks " +
      "at first; of other faults it is IMPLEMENTATION DEFINED which comes first",
    holds: (word, { ours, theirs }) =>
      isStoreExclusive(word) && (stopOf(ours) === "abort") &&
      (stopOf(theirs) !== "abort" || ours.state[WORD.pc] !== theirs.state[WORD.pc]),
  },
  {
    reason: "a store-exclusive of another size than the load-exclusive is CONSTRAINED UNPREDICTABLE",
    holds: (_word, { c }) => new Set(c.words.filter((w) => matches(w, [EXCLUSIVE])).map(exclusiveKind)).size > 1,
  },
  {
    reason:
      "bits of exclusives, LDAR and STLR that should be one: CONSTRAINED UNPREDICTABLE where they are not, here UNDEFINED",
    holds: (word, { ours }) =>
      stopOf(ours) === "undefined" && matches(word, [[0x3f000000, 0x08000000]]) &&
      [0x7c00, 0x1f0000, 0x1f7c00].some((ones) => rowOf(word | ones) !== null),
  },
  {
    reason: "Ra of SMULH and UMULH should be ones: CONSTRAINED UNPREDICTABLE where it is not, here UNDEFINED",
    holds: (word, { ours }) => stopOf(ours) === "undefined" && matches(word, [[0xff608000, 0x9b400000]]),
  },
  {
    reason: "AddPAC() takes bit 55 for bit 63 where only one half of the address space has tags; the judge does not",
    holds: (_word, { c }) => c.words.length === 1 ? isMistagged(c) : c.words.some((_, i) => isUnprepared(c, i)),
  },
  {
    reason: "a load of two registers that are the same: CONSTRAINED UNPREDICTABLE",
    holds: (word) => isPairLoad(word) && (word & 31) === ((word >>> 10) & 31),
  },
  {
    reason:
      "FCVTZS (vector, fixed-point): a scalar of half precision has zeros above bit 15; the judge extends its sign",
    holds: (word, d) =>
      matches(word, [[0xfff0fc00, 0x5f10fc00]]) &&
      isEqualBut(d, (at) => at === WORD.v + 4 * (word & 31) ? 0xffff0000 : 0),
  },
  {
    reason: "FJCVTZS: a denormal that FPCR.FZ makes zero clears PSTATE.Z; the judge sets it",
    holds: (word, d) =>
      matches(word, [[0xfffffc00, 0x1e7e0000]]) && (d.c.state[WORD.fpcr] & 1 << 24) !== 0 &&
      isEqualBut(d, (at) => at === WORD.nzcv ? 4 : 0),
  },
  {
    reason: "FADDP, FMAXP and the like (scalar) of half precision with sz = 1: UNDEFINED; the judge ignores the bit",
    holds: (word, { ours }) => stopOf(ours) === "undefined" && matches(word, [[0xff7e0c00, 0x5e700800]]),
  },
  {
    reason: "FPCR.Len and FPCR.Stride, FPSR.{N,Z,C,V}: RES0 without AArch32",
    holds: (_word, d) => isEqualBut(d, (at) => at === WORD.fpcr ? 0x00370000 : at === WORD.fpsr ? 0xf0000000 : 0),
  },
  {
    reason:
      "where a load or store of several elements faults, memory may hold some of them, and SIMD registers are UNKNOWN",
    holds: (word, d) => {
      if (stopOf(d.ours) !== "abort") return false;
      const isStructure = matches(word, [[0xbe000000, 0x0c000000]]);
      const t = word & 31, isTarget = (at: number): boolean => isStructure && (((at - WORD.v) >> 2) - t & 31) < 4;
      return isEqualBut(
        d,
        (at) => at >= WORD.v && isTarget(at) ? ~0 : 0,
        isStructure || matches(word, [[0x3a000000, 0x28000000]]),
      );
    },
  },
];

const isPairLoad = (word: number): boolean => matches(word, [[0x3a400000, 0x28400000], [0xbf600000, 0x88600000]]);

/** Whether bits 63 and 55 differ in the pointer that a case's only word signs. */
function isMistagged(c: SequenceCase): boolean {
  const pointer = pointerOf(c.words[0]);
  if (pointer < 0) return false;
  const high = c.state[WORD.x + 2 * pointer + 1];
  return ((high >>> 31) & 1) !== ((high >>> 23) & 1);
}

/** Whether the word signs a pointer whose tag may be there: what takes it away is not before, or is jumped over. */
function isUnprepared(c: SequenceCase, i: number): boolean {
  const pointer = pointerOf(c.words[i]);
  if (pointer < 0) return false;
  if (c.words[i - 1] !== signExtendTag(pointer)) return true;
  return c.words.some((word, from) => branchTarget(word, BigInt(4 * from)) === BigInt(4 * i));
}

/** Whether the results are alike but for the bits of a mask (by word of the state) and perhaps memory. */
function isEqualBut({ ours, theirs }: Difference, mask: (at: number) => number, ignoresMemory = false): boolean {
  for (let at = 0; at < STATE_WORDS; at++) {
    if (((ours.state[at] ^ theirs.state[at]) & ~mask(at)) !== 0) return false;
  }
  return ignoresMemory || String(ours.changes) === String(theirs.changes);
}

/** Why a difference is right; null for one that is not. */
export function whyAllowed(c: SequenceCase, ours: SequenceResult, theirs: SequenceResult): string | null {
  const word = wordAt(c, ours) ?? c.words[c.words.length - 1];
  return RULES.find((rule) => rule.holds(word, { c, ours, theirs }))?.reason ?? null;
}

/** The word that a result ended at; null when that is none of the case's. */
function wordAt(c: SequenceCase, { state }: SequenceResult): number | null {
  if (state[WORD.pc + 1] !== c.state[WORD.pc + 1]) return null;
  return c.words[(state[WORD.pc] - c.state[WORD.pc]) >> 2] ?? null;
}
