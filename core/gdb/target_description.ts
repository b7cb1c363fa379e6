import type { Vcpu } from "../cpu/vcpu.ts";
import { readableSystemRegisters, type Register, registerNamed } from "../debug/registers.ts";

/** Registers of the `g` packet: X0 to X30, SP, PC, CPSR, V0 to V31, FPSR, FPCR. */
const CORE_COUNT = 34;

interface Feature {
  readonly name: string;
  readonly types: string;
  readonly registers: readonly { readonly register: Register; readonly attributes: string }[];
}

const CPSR_FLAGS = [
  "SP:0-0",
  "EL:2-3",
  "F:6-6",
  "I:7-7",
  "A:8-8",
  "D:9-9",
  "BTYPE:10-11",
  "SSBS:12-12",
  "IL:20-20",
  "SS:21-21",
  "PAN:22-22",
  "UAO:23-23",
  "DIT:24-24",
  "TCO:25-25",
  "V:28-28",
  "C:29-29",
  "Z:30-30",
  "N:31-31",
];

/** Vn as vectors of every element, as GDB knows them. */
const VECTOR_TYPES = [
  ["v2d", "ieee_double", 2],
  ["v2u", "uint64", 2],
  ["v2i", "int64", 2],
  ["v4f", "ieee_single", 4],
  ["v4u", "uint32", 4],
  ["v4i", "int32", 4],
  ["v8f", "ieee_half", 8],
  ["v8u", "uint16", 8],
  ["v8i", "int16", 8],
  ["v16u", "uint8", 16],
  ["v16i", "int8", 16],
  ["v1u", "uint128", 1],
  ["v1i", "int128", 1],
] as const;
/** Unions of element types by the letter under which `$v0.<letter>` shows them. */
const VECTOR_UNIONS = [
  ["vnd", [["f", "v2d"], ["u", "v2u"], ["s", "v2i"]]],
  ["vns", [["f", "v4f"], ["u", "v4u"], ["s", "v4i"]]],
  ["vnh", [["f", "v8f"], ["u", "v8u"], ["s", "v8i"]]],
  ["vnb", [["u", "v16u"], ["s", "v16i"]]],
  ["vnq", [["u", "v1u"], ["s", "v1i"]]],
  ["aarch64v", [["d", "vnd"], ["s", "vns"], ["h", "vnh"], ["b", "vnb"], ["q", "vnq"]]],
] as const;

/**
 * The registers as GDB numbers them, and the document that tells it: `org.gnu.gdb.aarch64.core` and `.fpu`, then the
 * system registers that the vCPU has, a feature for each Exception level. GDB manual, "Target Description Format".
 */
export class TargetDescription {
  readonly xml: string;
  /** By GDB's number. */
  readonly registers: readonly Register[];
  /** How many of them the `g` packet holds: the rest is read one by one. */
  readonly generalCount: number;

  constructor(vcpu: Vcpu) {
    const features = [coreFeature(), fpuFeature(), ...systemFeatures(vcpu)];
    this.registers = features.flatMap((f) => f.registers.map((r) => r.register));
    this.generalCount = CORE_COUNT + features[1].registers.length;
    this.xml = '<?xml version="1.0"?>\n<!DOCTYPE target SYSTEM "gdb-target.dtd">\n<target version="1.0">\n' +
      `<architecture>aarch64</architecture>\n${features.map(showFeature).join("")}</target>\n`;
  }
}

function showFeature({ name, types, registers }: Feature): string {
  const lines = registers.map(({ register, attributes }) =>
    `<reg name="${register.name}" bitsize="${register.bits}"${attributes === "" ? "" : ` ${attributes}`}/>\n`
  );
  return `<feature name="${name}">\n${types}${lines.join("")}</feature>\n`;
}

function coreFeature(): Feature {
  const flags = CPSR_FLAGS.map((text) => {
    const [, name, start, end] = /^(\w+):(\d+)-(\d+)$/.exec(text)!;
    return `<field name="${name}" start="${start}" end="${end}"/>`;
  });
  const names = Array.from({ length: 31 }, (_, n) => `x${n}`);
  return {
    name: "org.gnu.gdb.aarch64.core",
    types: `<flags id="cpsr_flags" size="4">${flags.join("")}</flags>\n`,
    registers: [
      ...names.map((name) => ({ register: registerNamed(name), attributes: "" })),
      { register: registerNamed("sp"), attributes: 'type="data_ptr"' },
      { register: registerNamed("pc"), attributes: 'type="code_ptr"' },
      { register: registerNamed("cpsr"), attributes: 'type="cpsr_flags"' },
    ],
  };
}

function fpuFeature(): Feature {
  const vectors = VECTOR_TYPES.map(([id, type, count]) => `<vector id="${id}" type="${type}" count="${count}"/>\n`);
  const unions = VECTOR_UNIONS.map(([id, fields]) =>
    `<union id="${id}">${fields.map(([name, type]) => `<field name="${name}" type="${type}"/>`).join("")}</union>\n`
  );
  const control = (name: string): Feature["registers"][number] => ({
    register: { ...registerNamed(name), name: name.toLowerCase(), bits: 32 },
    attributes: 'type="int" group="float"',
  });
  return {
    name: "org.gnu.gdb.aarch64.fpu",
    types: [...vectors, ...unions].join(""),
    registers: [
      ...Array.from({ length: 32 }, (_, n) => ({ register: registerNamed(`v${n}`), attributes: 'type="aarch64v"' })),
      control("FPSR"),
      control("FPCR"),
    ],
  };
}

/** Views of PSTATE that GDB has in cpsr, and registers that have a place of their own. */
const IN_OTHER_FEATURES = new Set(["FPSR", "FPCR"]);

function systemFeatures(vcpu: Vcpu): Feature[] {
  const names = readableSystemRegisters(vcpu).map((r) => r.name).filter((name) => !IN_OTHER_FEATURES.has(name));
  const levelOf = (name: string) => Number(/_EL([23])$/.exec(name)?.[1] ?? 1);
  return [1, 2, 3].flatMap((el) => {
    const own = names.filter((name) => levelOf(name) === el);
    if (own.length === 0) return [];
    const attributes = 'type="uint64" group="system" save-restore="no"';
    return [{
      name: `org.ariel.aarch64.el${el}`,
      types: "",
      registers: own.map((name) => ({ register: registerNamed(name), attributes })),
    }];
  });
}
