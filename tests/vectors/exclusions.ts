import { rowOf } from "./rows.ts";

/** Words that cases do not contain, and why. */
interface Exclusion {
  readonly mask: number;
  readonly value: number;
  readonly reason: string;
}

/** A word of the system group that cases may contain: bits 31:22 are 1101010100. */
interface Allowed {
  readonly mask: number;
  readonly value: number;
}

// deno-fmt-ignore
const EXCLUSIONS: readonly Exclusion[] = [
  { mask: 0xffe0001f, value: 0xd4000001, reason: "SVC: the judge is a process, whose supervisor calls are system calls of its host" },
  { mask: 0xffe0001f, value: 0xd4000002, reason: "HVC: UNDEFINED at EL0, where the judge runs, but not at EL1" },
  { mask: 0xffe0001f, value: 0xd4000003, reason: "SMC: UNDEFINED at EL0, where the judge runs, but not at EL1" },
  { mask: 0xffe0001f, value: 0xd4400000, reason: "HLT: the judge takes it for a semihosting call" },
  { mask: 0xffffffe0, value: 0xd50b7420, reason: "DC ZVA: the judge's blocks are of 512 bytes, ours of 64" },
  { mask: 0xfffff3ff, value: 0xd69f03e0, reason: "ERET: UNDEFINED at EL0, where the judge runs, but not at EL1" },
  { mask: 0xfffffbff, value: 0xd69f0bff, reason: "ERETAA, ERETAB: UNDEFINED at EL0, where the judge runs, but not at EL1" },
];
/** Advanced SIMD two-register miscellaneous (FP16), vector and scalar. */
const TWO_REGISTER_FP16 = { mask: 0x8f7e0c00, value: 0x0e780800 };
const FP16_REASON = "what is not allocated among the two-register instructions of half precision ends the judge itself";
const SYSTEM_REASON =
  "system instructions and registers: what they do depends on the Exception level and on controls, " +
  "which the judge (a process at EL0) does not have; they are tested in core/cpu";

// deno-fmt-ignore
const ALLOWED_SYSTEM: readonly Allowed[] = [
  // Hints but WFE and WFI, which wait; barriers; what is unallocated there
  { mask: 0xfffff01f, value: 0xd503201f },
  { mask: 0xfffff000, value: 0xd5033000 },
  // CFINV, XAFLAG, AXFLAG
  { mask: 0xffffffff, value: 0xd500401f },
  { mask: 0xffffffff, value: 0xd500403f },
  { mask: 0xffffffff, value: 0xd500405f },
  // MSR and MRS: NZCV, FPCR, FPSR, TPIDR_EL0
  { mask: 0xffdfffe0, value: 0xd51b4200 },
  { mask: 0xffdfffe0, value: 0xd51b4400 },
  { mask: 0xffdfffe0, value: 0xd51b4420 },
  { mask: 0xffdfffe0, value: 0xd51bd040 },
];
/** Words that stand alone in their case, as the judge is known to differ and what follows would differ as well. */
// deno-fmt-ignore
const ONLY_ALONE: readonly Exclusion[] = [
  { mask: 0xfff0fc00, value: 0x5f10fc00, reason: "FCVTZS (vector, fixed-point) of half precision" },
  { mask: 0xfffffc00, value: 0x1e7e0000, reason: "FJCVTZS" },
];
/** LDP, LDNP, LDPSW, LDP (SIMD&FP) and LDXP, whose registers must not be the same. */
const PAIR_LOADS = [{ mask: 0x3a400000, value: 0x28400000 }, { mask: 0xbf600000, value: 0x88600000 }];

/** Why a word stands alone in its case; null for nearly all. */
export function whyOnlyAlone(word: number): string | null {
  if (PAIR_LOADS.some(({ mask, value }) => (word & mask) >>> 0 === value) && (word & 31) === ((word >>> 10) & 31)) {
    return "a load of two registers that are the same is CONSTRAINED UNPREDICTABLE";
  }
  return ONLY_ALONE.find(({ mask, value }) => (word & mask) >>> 0 === value)?.reason ?? null;
}

const WAITS = [0xd503205f, 0xd503207f];

/** A random word of the system group that cases may contain. */
export function systemWord(random: () => number): number {
  for (;;) {
    const { mask, value } = ALLOWED_SYSTEM[random() % ALLOWED_SYSTEM.length];
    const word = (value | (random() & ~mask)) >>> 0;
    if (!whyExcluded(word)) return word;
  }
}

/** Why a word is not in cases; null for nearly all. */
export function whyExcluded(word: number): string | null {
  const exclusion = EXCLUSIONS.find(({ mask, value }) => (word & mask) >>> 0 === value);
  if (exclusion) return exclusion.reason;
  if ((word & 0xffc00000) >>> 0 === 0xd5000000) {
    const isAllowed = ALLOWED_SYSTEM.some(({ mask, value }) => (word & mask) >>> 0 === value);
    return isAllowed && !WAITS.includes(word >>> 0) ? null : SYSTEM_REASON;
  }
  if ((word & TWO_REGISTER_FP16.mask) >>> 0 === TWO_REGISTER_FP16.value && rowOf(word) === null) return FP16_REASON;
  return null;
}
