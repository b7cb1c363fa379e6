import { RECORD_KINDS, type RecordKind, VERDICTS } from "./record_layout.ts";

/** What a field holds. Numbers are unsigned and have 64 bits at most. */
export type FieldType = "number" | "text";

/** One key of a record's line. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** How its number is written. */
  readonly isHex?: true;
  /** The texts it can have where these are all. */
  readonly texts?: readonly string[];
  /** Texts that are told apart. */
  readonly capacity?: number;
  readonly help: string;
}

/** The keys of a record in their order; the first nine stand in every record. */
// deno-fmt-ignore
export const FIELDS = [
  { name: "seq",      type: "number",                          help: "number of the trap since the VM was started" },
  { name: "t",        type: "number",                          help: "guest time in ns; 1.5s, 20ms and 3us may be written" },
  { name: "vcpu",     type: "number",                          help: "the VM's vCPU" },
  { name: "pc",       type: "number", isHex: true,             help: "address of the instruction that trapped" },
  { name: "kind",     type: "text", texts: RECORD_KINDS, capacity: 64, help: RECORD_KINDS.join(", ") },
  { name: "what",     type: "text", capacity: 1 << 16,         help: "the place, register or function, and how it was accessed" },
  { name: "value",    type: "number", isHex: true,             help: "what was written, read or returned" },
  { name: "verdict",  type: "text", texts: VERDICTS, capacity: 64, help: VERDICTS.join(", ") },
  { name: "rule",     type: "text", capacity: 1 << 14,         help: "who decided" },
  { name: "el",       type: "number",                          help: "Exception level that trapped" },
  { name: "esr",      type: "number", isHex: true,             help: "ESR_EL2" },
  { name: "ipa",      type: "number", isHex: true,             help: "intermediate physical address (mmio, abort)" },
  { name: "id",       type: "number", isHex: true,             help: "function identifier (hypercall, smc)" },
  { name: "imm",      type: "number", isHex: true,             help: "the instruction's immediate where it is not 0" },
  { name: "args",     type: "text", capacity: 1 << 12,         help: "X1 and on, with commas (hypercall, smc)" },
  { name: "region",   type: "text", capacity: 16,              help: "ram, device or unknown (abort)" },
  { name: "s1ptw",    type: "number",                          help: "1 for a stage 1 table walk (abort)" },
  { name: "syndrome", type: "number", isHex: true,             help: "the guest's syndrome (exception)" },
  { name: "far",      type: "number", isHex: true,             help: "fault address (exception)" },
  { name: "reported", type: "number",                          help: "1 when the guest has reported it (exception)" },
  { name: "cval",     type: "number", isHex: true,             help: "compare value (timer)" },
  { name: "off",      type: "number", isHex: true,             help: "what its count is behind the physical one (timer)" },
  { name: "late",     type: "number",                          help: "ns from the compare value to the interrupt (timer)" },
  { name: "error",    type: "text", capacity: 1 << 10,         help: "what went wrong in a policy" },
] as const satisfies readonly Field[];

export type FieldName = (typeof FIELDS)[number]["name"];

/** Places of the fields in FIELDS, by name. */
export const FIELD = Object.fromEntries(FIELDS.map((f, n) => [f.name, n])) as Readonly<Record<FieldName, number>>;

/** The first keys, which every record has. */
export const REQUIRED_FIELDS = FIELD.rule + 1;

/** The keys behind those that every record of a kind has. */
export const KIND_FIELDS: Readonly<Record<RecordKind, readonly FieldName[]>> = {
  mmio: ["el", "esr", "ipa"],
  sysreg: ["el", "esr"],
  hypercall: ["el", "esr", "id"],
  smc: ["el", "esr", "id"],
  wfx: ["el", "esr"],
  abort: ["el", "esr", "ipa", "region"],
  exception: ["el", "esr", "syndrome", "far"],
  timer: ["cval", "off", "late"],
};
