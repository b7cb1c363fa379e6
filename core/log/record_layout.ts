import { TRAP_KINDS } from "../policy/trap.ts";
import { ACTIONS } from "../policy/verdict.ts";

/*
 * A trap record as it stands in the ring between the vCPU's thread and the one that writes the log: numbers only, in
 * words of 32 bits. Names are numbers too; what they stand for comes through the same ring before their first use.
 */

/** Version of the record's text form, in the first line of every log. It changes when a key changes its meaning. */
export const SCHEMA_VERSION = 1;

/** The kinds of records: those of traps, and the timer interrupts that went through EL2. */
export const RECORD_KINDS = [...TRAP_KINDS, "timer"] as const;
export type RecordKind = (typeof RECORD_KINDS)[number];
/** Beyond the kinds: the text of a name, and a count of records that did not fit. */
export const NAME_RECORD = 0xfe, LOST_RECORD = 0xff;

/** The verdicts as records count them; "none" where nothing was decided. */
export const VERDICTS = [...ACTIONS, "none"] as const;

/** Words of a record: 128 bytes, so that two of 64 bits stay aligned. */
export const RECORD_WORDS = 32;

/** Arguments of a call that a record has: X1 to X7. */
export const CALL_ARGUMENTS = 7;

/**
 * Places of the parts. `seq`, `time`, `address` and `offset` are float64, and their places count in pairs of words.
 */
export const WORD = {
  /** Kind in bits 7:0, verdict 15:8, Exception level 19:16, isWrite 20. */
  head: 0,
  vcpu: 1,
  /** Pairs of words. */
  seqPair: 1,
  timePair: 2,
  pc: 6,
  value: 8,
  esr: 10,
  /** Number of the name of the rule. */
  rule: 11,
  /** Pair: the IPA. */
  addressPair: 6,
  /** mmio: bytes. sysreg: encoding. Calls: function identifier. wfx: instruction. abort: see ABORT. exception: syndrome. */
  detail: 14,
  /** mmio: number of the device's name. Calls: that of the function's. timer: INTID. */
  name: 15,
  /** mmio: pair, bytes from the device's start. */
  offsetPair: 8,
  /** exception: FAR. timer: CVAL. */
  far: 16,
  /** timer: CNTVOFF_EL2, or 0 for a physical one. */
  counterOffset: 18,
  /** Calls: CALL_ARGUMENTS, a pair each. */
  args: 16,
  /** Calls: the immediate. exception: whether the guest has reported it. timer: lateness in ns. */
  extra: 30,
  /** Number of the text of an error, 0 for none. */
  error: 31,
} as const;

export const IS_WRITE = 1 << 20;

/** `detail` of an abort: access, kind of fault, region and intent by their numbers, and whether a table walk had it. */
export const ABORT = {
  access: ["read", "write", "execute"],
  fault: ["addressSize", "translation", "accessFlag", "permission", "external", "other", "alignment"],
  region: ["ram", "device", "unknown"],
  intent: ["map", "emulate", "inject", "skip", "pause", "kill"],
  accessShift: 0,
  faultShift: 4,
  regionShift: 8,
  intentShift: 12,
  tableWalkBit: 1 << 16,
} as const;

/** A name's record: its number, the length of the whole text, where this part begins; then up to 112 bytes of UTF-8. */
export const NAME = {
  id: 1,
  length: 2,
  offset: 3,
  text: 4,
  textBytes: 4 * (RECORD_WORDS - 4),
  maximumCharacters: 2000,
} as const;
/** A lost record's word: how many. */
export const LOST_COUNT = 1;
