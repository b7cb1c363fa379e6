import { encodeSysreg } from "./sysregs.ts";
import type { TrapName } from "./traps.ts";

/** What a SYS instruction does when its checks have passed. */
export type SystemInstructionKind =
  | "tlbi"
  | "at"
  /** Cache maintenance by address; DC IVAC needs write permission. */
  | "dc"
  | "dcInvalidate"
  | "ic"
  /** Cache maintenance that has nothing to do. */
  | "none";

/** One system instruction in the SYS space, op0 = 1. Arm DDI 0487, C5.3 to C5.5. */
export interface SystemInstructionRow {
  readonly name: string;
  readonly op: readonly [op1: number, CRn: number, CRm: number, op2: number];
  readonly kind: SystemInstructionKind;
  /** The lowest Exception level; it is UNDEFINED below. */
  readonly el: number;
  readonly traps?: readonly TrapName[];
  readonly features?: readonly string[];
}

const UCI_TPC: readonly TrapName[] = ["SCTLR_EL1.UCI", "HCR_EL2.TPC", "SCTLR_EL2.UCI"];
const UCI_TPU: readonly TrapName[] = ["SCTLR_EL1.UCI", "HCR_EL2.TPU", "SCTLR_EL2.UCI"];

// deno-fmt-ignore
const CACHE: readonly SystemInstructionRow[] = [
  { name: "IC IALLUIS", op: [0, 7, 1, 0],  kind: "none", el: 1, traps: ["HCR_EL2.TPU"] },
  { name: "IC IALLU",   op: [0, 7, 5, 0],  kind: "none", el: 1, traps: ["HCR_EL2.TPU"] },
  { name: "IC IVAU",    op: [3, 7, 5, 1],  kind: "ic",   el: 0, traps: UCI_TPU },
  { name: "DC IVAC",    op: [0, 7, 6, 1],  kind: "dcInvalidate", el: 1, traps: ["HCR_EL2.TPC"] },
  { name: "DC ISW",     op: [0, 7, 6, 2],  kind: "none", el: 1, traps: ["HCR_EL2.TSW"] },
  { name: "DC CSW",     op: [0, 7, 10, 2], kind: "none", el: 1, traps: ["HCR_EL2.TSW"] },
  { name: "DC CISW",    op: [0, 7, 14, 2], kind: "none", el: 1, traps: ["HCR_EL2.TSW"] },
  { name: "DC CVAC",    op: [3, 7, 10, 1], kind: "dc",   el: 0, traps: UCI_TPC },
  { name: "DC CVAU",    op: [3, 7, 11, 1], kind: "dc",   el: 0, traps: UCI_TPU },
  { name: "DC CVAP",    op: [3, 7, 12, 1], kind: "dc",   el: 0, traps: UCI_TPC, features: ["FEAT_DPB"] },
  { name: "DC CVADP",   op: [3, 7, 13, 1], kind: "dc",   el: 0, traps: UCI_TPC, features: ["FEAT_DPB2"] },
  { name: "DC CIVAC",   op: [3, 7, 14, 1], kind: "dc",   el: 0, traps: UCI_TPC },
];

// deno-fmt-ignore
const TRANSLATION: readonly SystemInstructionRow[] = [
  { name: "AT S1E1R",  op: [0, 7, 8, 0], kind: "at", el: 1 },
  { name: "AT S1E1W",  op: [0, 7, 8, 1], kind: "at", el: 1 },
  { name: "AT S1E0R",  op: [0, 7, 8, 2], kind: "at", el: 1 },
  { name: "AT S1E0W",  op: [0, 7, 8, 3], kind: "at", el: 1 },
  { name: "AT S1E1RP", op: [0, 7, 9, 0], kind: "at", el: 1, features: ["FEAT_PAN2"] },
  { name: "AT S1E1WP", op: [0, 7, 9, 1], kind: "at", el: 1, features: ["FEAT_PAN2"] },
  { name: "AT S1E2R",  op: [4, 7, 8, 0], kind: "at", el: 2, traps: ["not EL2"] },
  { name: "AT S1E2W",  op: [4, 7, 8, 1], kind: "at", el: 2, traps: ["not EL2"] },
  { name: "AT S12E1R", op: [4, 7, 8, 4], kind: "at", el: 2 },
  { name: "AT S12E1W", op: [4, 7, 8, 5], kind: "at", el: 2 },
  { name: "AT S12E0R", op: [4, 7, 8, 6], kind: "at", el: 2 },
  { name: "AT S12E0W", op: [4, 7, 8, 7], kind: "at", el: 2 },
  { name: "AT S1E3R",  op: [6, 7, 8, 0], kind: "at", el: 3 },
  { name: "AT S1E3W",  op: [6, 7, 8, 1], kind: "at", el: 3 },
];

/** TLBI operations of one level: op1, the level, traps, and op2 with the name. */
interface TlbiLevel {
  readonly op1: number;
  readonly el: number;
  readonly traps: readonly TrapName[];
  readonly single: Readonly<Record<number, string>>;
  readonly range: Readonly<Record<number, string>>;
}

// deno-fmt-ignore
const TLBI_LEVELS: readonly TlbiLevel[] = [
  { op1: 0, el: 1, traps: ["HCR_EL2.TTLB"],
    single: { 0: "VMALLE1", 1: "VAE1", 2: "ASIDE1", 3: "VAAE1", 5: "VALE1", 7: "VAALE1" },
    range: { 1: "RVAE1", 3: "RVAAE1", 5: "RVALE1", 7: "RVAALE1" } },
  { op1: 4, el: 2, traps: [],
    single: { 0: "ALLE2", 1: "VAE2", 4: "ALLE1", 5: "VALE2", 6: "VMALLS12E1" },
    range: { 1: "RVAE2", 5: "RVALE2" } },
  { op1: 6, el: 3, traps: [],
    single: { 0: "ALLE3", 1: "VAE3", 5: "VALE3" },
    range: { 1: "RVAE3", 5: "RVALE3" } },
];
/** CRm by shareability: of one entry or all, and of ranges. */
const SHAREABILITY = [
  { suffix: "", single: 7, range: 6, features: [] },
  { suffix: "IS", single: 3, range: 2, features: [] },
  { suffix: "OS", single: 1, range: 5, features: ["FEAT_TLBIOS"] },
];

const TLBI: readonly SystemInstructionRow[] = TLBI_LEVELS.flatMap(({ op1, el, traps, single, range }) =>
  SHAREABILITY.flatMap(({ suffix, single: singleCRm, range: rangeCRm, features }) => [
    ...Object.entries(single).map(([op2, name]): SystemInstructionRow => ({
      name: `TLBI ${name}${suffix}`,
      op: [op1, 8, singleCRm, Number(op2)],
      kind: "tlbi",
      el,
      traps: /E2$/.test(name) ? [...traps, "not EL2"] : traps,
      features,
    })),
    ...Object.entries(range).map(([op2, name]): SystemInstructionRow => ({
      name: `TLBI ${name}${suffix}`,
      op: [op1, 8, rangeCRm, Number(op2)],
      kind: "tlbi",
      el,
      traps: /E2$/.test(name) ? [...traps, "not EL2"] : traps,
      features: [...features, "FEAT_TLBIRANGE"],
    })),
  ])
);

/** By IPA, for stage 2: CRm and op2. */
// deno-fmt-ignore
const TLBI_IPA: readonly SystemInstructionRow[] = ([
  ["IPAS2E1IS", 0, 1, []], ["IPAS2LE1IS", 0, 5, []], ["IPAS2E1", 4, 1, []], ["IPAS2LE1", 4, 5, []],
  ["IPAS2E1OS", 4, 0, ["FEAT_TLBIOS"]], ["IPAS2LE1OS", 4, 4, ["FEAT_TLBIOS"]],
  ["RIPAS2E1IS", 0, 2, ["FEAT_TLBIRANGE"]], ["RIPAS2LE1IS", 0, 6, ["FEAT_TLBIRANGE"]],
  ["RIPAS2E1", 4, 2, ["FEAT_TLBIRANGE"]], ["RIPAS2LE1", 4, 6, ["FEAT_TLBIRANGE"]],
  ["RIPAS2E1OS", 4, 3, ["FEAT_TLBIRANGE"]], ["RIPAS2LE1OS", 4, 7, ["FEAT_TLBIRANGE"]],
] as const).map(([name, CRm, op2, features]): SystemInstructionRow => (
  { name: `TLBI ${name}`, op: [4, 8, CRm, op2], kind: "tlbi", el: 2, features }
));

/** Every system instruction in the SYS space but DC ZVA, which is an instruction row of its own. */
export const SYSTEM_INSTRUCTIONS: readonly SystemInstructionRow[] = [...CACHE, ...TRANSLATION, ...TLBI, ...TLBI_IPA];

/** One more than the row's index, by op1:CRn:CRm:op2. */
const byEncoding = new Uint8Array(1 << 14);
SYSTEM_INSTRUCTIONS.forEach(({ op }, index) => {
  const place = encodeSysreg(0, ...op);
  if (byEncoding[place]) throw new TypeError("Cannot build the system instruction table as an encoding stands twice");
  byEncoding[place] = index + 1;
});

/** The index in SYSTEM_INSTRUCTIONS of an encoding op0:op1:CRn:CRm:op2 with op0 = 1, or -1. */
export function findSystemInstruction(encoding: number): number {
  return byEncoding[encoding & 0x3fff] - 1;
}
