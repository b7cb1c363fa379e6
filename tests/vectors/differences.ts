import { disassemble } from "../../core/a64/disassembler.ts";
import { type SequenceCase, type SequenceResult, STATE_WORDS, STOPS, WORD } from "../oracle/sequence.ts";
import { type CaseSpec, formatSpec, makeCase } from "./case_spec.ts";
import { rowOf } from "./rows.ts";
import { whyAllowed } from "./allowed_differences.ts";

/** Whether our result is the judge's, or differs for a reason that is listed. */
export function isAlike(c: SequenceCase, ours: SequenceResult, theirs: SequenceResult): boolean {
  return isEqual(ours, theirs) || whyAllowed(c, ours, theirs) !== null;
}

/** Whether two results are the same in all that is compared. */
export function isEqual(a: SequenceResult, b: SequenceResult): boolean {
  for (let i = 0; i < STATE_WORDS; i++) if (a.state[i] !== b.state[i]) return false;
  if (a.changes.length !== b.changes.length) return false;
  for (let i = 0; i < a.changes.length; i++) if (a.changes[i] !== b.changes[i]) return false;
  return true;
}

const hex = (value: number): string => value.toString(16);
const hex64 = (words: Uint32Array, at: number): string =>
  (BigInt(words[at + 1]) << 32n | BigInt(words[at])).toString(16);

function hex128(words: Uint32Array, at: number): string {
  return [3, 2, 1, 0].map((i) => hex(words[at + i]).padStart(8, "0")).join("_");
}

/** What a result changed: the reason why it ended, the PC, and all registers and memory that are not as before. */
export function describeResult(c: SequenceCase, { state, changes }: SequenceResult): string {
  const parts = [STOPS[state[WORD.stop]] ?? "?", `pc=${hex64(state, WORD.pc)}`];
  for (const name of ["nzcv", "fpcr", "fpsr"] as const) {
    if (state[WORD[name]] !== c.state[WORD[name]]) parts.push(`${name}=${hex(state[WORD[name]])}`);
  }
  for (let n = 0, at: number = WORD.x; n < 32; n++, at += 2) {
    if (state[at] !== c.state[at] || state[at + 1] !== c.state[at + 1]) parts.push(`x${n}=${hex64(state, at)}`);
  }
  for (let n = 0, at: number = WORD.v; n < 32; n++, at += 4) {
    if (hex128(state, at) !== hex128(c.state, at)) parts.push(`v${n}=${hex128(state, at)}`);
  }
  for (let i = 0; i < changes.length; i += 3) {
    parts.push(`[${hex(changes[i])}]=${hex64(Uint32Array.of(changes[i + 1], changes[i + 2]), 0)}`);
  }
  return parts.join(" ");
}

/** The registers that a word names. */
function describeInputs(c: SequenceCase, words: readonly number[]): string {
  const numbers = new Set<number>();
  for (const word of words) {
    for (const { name, lsb } of rowOf(word)?.fields ?? []) if (/^R/.test(name)) numbers.add((word >>> lsb) & 31);
  }
  const { state } = c;
  const registers = [...numbers].flatMap((n) => [
    `x${n}=${hex64(state, WORD.x + 2 * n)}`,
    `v${n}=${hex128(state, WORD.v + 4 * n)}`,
  ]);
  return [`nzcv=${hex(state[WORD.nzcv])} fpcr=${hex(state[WORD.fpcr])} fpsr=${hex(state[WORD.fpsr])}`, ...registers]
    .join(" ");
}

/** A difference with all that is needed to see it again. */
export function describeDifference(spec: CaseSpec, ours: SequenceResult, theirs: SequenceResult): string {
  const c = makeCase(spec), theirParts = describeResult(c, theirs).split(" ");
  const ourParts = describeResult(c, ours).split(" ");
  const listing = spec.words.map((word, i) => `    ${disassemble(word, spec.pc + BigInt(4 * i))}`);
  return [
    `  case   ${formatSpec(spec)}`,
    ...listing,
    `  inputs ${describeInputs(c, spec.words)}`,
    `  ours   ${ourParts.filter((p) => !theirParts.includes(p) || p === ourParts[0]).join(" ")}`,
    `  judge  ${theirParts.filter((p) => !ourParts.includes(p) || p === theirParts[0]).join(" ")}`,
  ].join("\n");
}
