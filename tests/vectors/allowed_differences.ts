import { MEMORY_BYTES, type SequenceCase, type SequenceResult, STATE_WORDS, STOPS, WORD } from "../oracle/sequence.ts";
import { rowOf } from "./rows.ts";
import { isUnprepared, pointerOf, preparationOf } from "./words.ts";

/*
 * Where we and the judge (QEMU 7.2 in user mode) differ and both may, or where the judge is wrong. Each rule says why.
 */

interface Rule {
  readonly reason: string;
  readonly holds: (d: Difference) => boolean;
}

interface Difference {
  readonly c: SequenceCase;
  readonly ours: SequenceResult;
  readonly theirs: SequenceResult;
  /** The words at which our side and the judge stopped; the case's last one where they ran to the end. */
  readonly word: number;
  readonly theirWord: number;
}

type Pattern = readonly [mask: number, value: number];

const matches = (word: number, patterns: readonly Pattern[]): boolean =>
  patterns.some(([mask, value]) => (word & mask) >>> 0 === value);
const stopOf = (r: SequenceResult): string => STOPS[r.state[WORD.stop]];

/** Words that are UNDEFINED here and not for the judge. */
function undefinedHere(reason: string, patterns: readonly Pattern[]): Rule {
  return { reason, holds: ({ word, ours }) => stopOf(ours) === "undefined" && matches(word, patterns) };
}

/** A feature that the judge has and we do not: its instructions are UNDEFINED here, as ID registers say. */
const feature = (name: string, patterns: readonly Pattern[]): Rule =>
  undefinedHere(`${name} is not implemented`, patterns);

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

/** Not CASP, which has the place of pairs of bytes and halfwords. */
const isExclusive = (word: number): boolean => matches(word, [[0x3fa00000, 0x08000000], [0xbfa00000, 0x88200000]]);
const isStoreExclusive = (word: number): boolean => isExclusive(word) && (word & 0x00400000) === 0;
/** Size and pair of an exclusive. */
const exclusiveKind = (word: number): number => (word & 0xc0200000) >>> 0;
const isPairLoad = (word: number): boolean => matches(word, [[0x3a400000, 0x28400000], [0xbf600000, 0x88600000]]);
const isSimdPair = (word: number): boolean => matches(word, [[0x3e000000, 0x2c000000]]);
const isStructure = (word: number): boolean => matches(word, [[0xbe000000, 0x0c000000]]);

const UNDEFINED_HERE: readonly Rule[] = [
  {
    reason: "bits of exclusives, LDAR and STLR that should be one: CONSTRAINED UNPREDICTABLE where they are not",
    holds: ({ word, ours }) =>
      stopOf(ours) === "undefined" && matches(word, [[0x3f000000, 0x08000000]]) &&
      [0x7c00, 0x1f0000, 0x1f7c00].some((ones) => rowOf(word | ones) !== null),
  },
  undefinedHere("bits of SMULH and UMULH that should be one: CONSTRAINED UNPREDICTABLE where they are not", [
    [0xff608000, 0x9b400000],
  ]),
  undefinedHere(
    "LDPSW of two registers that are the same, or of the base that is written back: CONSTRAINED UNPREDICTABLE",
    [
      [0xfe400000, 0x68400000],
    ],
  ),
  undefinedHere(
    "half precision with bit 22 set in pairwise operations on a scalar and operations across lanes: reserved",
    [
      [0xff7e0c00, 0x5e700800],
      [0xbf7fcc00, 0x0e70c800],
    ],
  ),
  undefinedHere("FMOV (vector, immediate) of half precision is reserved where op is 1; the judge ignores that", [
    [0xbff8fc00, 0x2f00fc00],
  ]),
];

const EXCLUSIVES: readonly Rule[] = [
  {
    reason:
      "a store-exclusive that is not aligned is an Alignment fault whatever the monitor holds, at which the judge " +
      "looks first; of other faults it is IMPLEMENTATION DEFINED whether they come first",
    holds: ({ word, theirWord, ours, theirs }) => {
      const isElsewhere = stopOf(ours) !== stopOf(theirs) || ours.state[WORD.pc] !== theirs.state[WORD.pc];
      return isElsewhere && ((stopOf(ours) === "abort" && isStoreExclusive(word)) ||
        (stopOf(theirs) === "abort" && isStoreExclusive(theirWord)));
    },
  },
  {
    reason: "a store-exclusive of another size than the load-exclusive: CONSTRAINED UNPREDICTABLE",
    holds: ({ c }) => new Set(c.words.filter(isExclusive).map(exclusiveKind)).size > 1,
  },
];

const OTHERS: readonly Rule[] = [
  {
    reason: "LDAPR, LDAPUR, STLUR: without FEAT_LSE2 an Alignment fault where not aligned; the judge does not check",
    holds: ({ word, ours }) =>
      stopOf(ours) === "abort" && matches(word, [[0x3ffffc00, 0x38bfc000], [0x3f200c00, 0x19000000]]),
  },
  {
    reason: "AddPAC() takes bit 55 for bit 63 where only one half of the address space has tags; the judge does not",
    holds: (d) => isMistagged(d.c) && isEqualBut(d, (at) => isX(at, pointerOf(d.word)) ? ~0 : 0),
  },
  {
    reason: "a load of two registers that are the same: CONSTRAINED UNPREDICTABLE",
    holds: (d) =>
      isPairLoad(d.word) && (d.word & 31) === ((d.word >>> 10) & 31) &&
      isEqualBut(d, (at) => isX(at, d.word & 31) || isV(at, d.word & 31) ? ~0 : 0),
  },
  {
    reason:
      "FCVTZS (vector, fixed-point): a scalar of half precision has zeros above bit 15; the judge extends its sign",
    holds: (d) =>
      matches(d.word, [[0xfff0fc00, 0x5f10fc00]]) &&
      isEqualBut(d, (at) => isV(at, d.word & 31) ? 0xffff0000 : 0),
  },
  {
    reason: "FJCVTZS: a denormal that FPCR.FZ makes zero clears PSTATE.Z; the judge sets it",
    holds: (d) =>
      matches(d.word, [[0xfffffc00, 0x1e7e0000]]) && (d.c.state[WORD.fpcr] & (1 << 24)) !== 0 &&
      isEqualBut(d, (at) => at === WORD.nzcv ? 4 : 0),
  },
  {
    reason: "FPCR.Len and FPCR.Stride, FPSR.{N,Z,C,V}: RES0 without AArch32",
    holds: (d) => isEqualBut(d, (at) => at === WORD.fpcr ? 0x00370000 : at === WORD.fpsr ? 0xf0000000 : 0),
  },
  {
    reason: "a sequence in which a listed difference could spread, as what prevents it is jumped over",
    holds: ({ c }) => c.words.length > 1 && c.words.some((_, i) => isUnprepared(c.words, i)),
  },
  {
    reason: "where a store faults, memory may hold a part of it; where a SIMD load does, its registers are UNKNOWN",
    holds: (d) => {
      const { word } = d, end = isStructure(word) ? 0 : MEMORY_BYTES - 64;
      return stopOf(d.ours) === "abort" && isEqualBut(d, (at) => isSimdTarget(word, (at - WORD.v) >> 2) ? ~0 : 0, end);
    },
  },
];

const isX = (at: number, n: number): boolean => at >> 1 === (WORD.x >> 1) + n;
const isV = (at: number, n: number): boolean => at >= WORD.v && (at - WORD.v) >> 2 === n;

/** Whether a load of the word may write Vn. */
function isSimdTarget(word: number, n: number): boolean {
  const t = word & 31;
  if (n < 0) return false;
  return isStructure(word) ? ((n - t) & 31) < 4 : isSimdPair(word) && (n === t || n === ((word >>> 10) & 31));
}

/** Whether bits 63 and 55 differ in the pointer that a case's only word signs. */
function isMistagged(c: SequenceCase): boolean {
  const pointer = c.words.length === 1 ? pointerOf(c.words[0]) : -1;
  if (pointer < 0 || preparationOf(c.words[0]).length === 0) return false;
  const high = c.state[WORD.x + 2 * pointer + 1];
  return ((high >>> 31) & 1) !== ((high >>> 23) & 1);
}

/** Whether the results are alike but for the bits of a mask (by word of the state) and memory from some offset on. */
function isEqualBut(d: Difference, mask: (at: number) => number, memoryEnd = MEMORY_BYTES): boolean {
  for (let at = 0; at < STATE_WORDS; at++) {
    if (((d.ours.state[at] ^ d.theirs.state[at]) & ~mask(at)) !== 0) return false;
  }
  const below = ({ changes }: SequenceResult): string =>
    changes.filter((_, i) => changes[i - i % 3] < memoryEnd).join();
  return below(d.ours) === below(d.theirs);
}

const RULES: readonly Rule[] = [...FEATURES, ...UNDEFINED_HERE, ...EXCLUSIVES, ...OTHERS];

/** Why a difference is right; null for one that is not. */
export function whyAllowed(c: SequenceCase, ours: SequenceResult, theirs: SequenceResult): string | null {
  const d = { c, ours, theirs, word: wordAt(c, ours), theirWord: wordAt(c, theirs) };
  return RULES.find((rule) => rule.holds(d))?.reason ?? null;
}

/** The word that a result ended at; the case's last one when that is none of the case's. */
function wordAt(c: SequenceCase, { state }: SequenceResult): number {
  const isNear = state[WORD.pc + 1] === c.state[WORD.pc + 1];
  return (isNear ? c.words[(state[WORD.pc] - c.state[WORD.pc]) >> 2] : undefined) ?? c.words[c.words.length - 1];
}
