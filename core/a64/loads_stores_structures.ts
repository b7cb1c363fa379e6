import type { AccessKind } from "../cpu/layout.ts";
import type { Builder, I64, V128 } from "../engine/builder.ts";
import { type Access, describe, makeAccess, makeAddressing, type Transfer, transferV } from "./access.ts";
import { type AddressingMode, baseOnly, type With } from "./addressing.ts";
import { type Fields, group, type Row, row } from "./row.ts";
import { structurePlan } from "./structure_plan.ts";

/*
 * LD1 to LD4, ST1 to ST4 and LD1R to LD4R, Arm DDI 0487, "Advanced SIMD load/store multiple structures" and "single
 * structure". Elements are adjacent in memory, so that structures are moved sixteen bytes at a time and sorted into
 * their registers by shuffles; a single structure is moved element by element.
 */

type Meaning = (o: Builder, f: Fields) => void;
type Mode = AddressingMode<Fields>;

/** `[Xn|SP], #bytes`: the base goes on by what was transferred. */
const postBytes: AddressingMode<With<"Rn">> = {
  address: baseOnly.address,
  writeBack: (o, f, bytes, address) => o.setXsp(f.Rn, o.add(address, o.i64(bytes))),
  describe: (f, bytes) => makeAddressing(f.Rn, 0, bytes),
};

/** `[Xn|SP], Xm` */
const postRegister: AddressingMode<With<"Rn" | "Rm">> = {
  address: baseOnly.address,
  writeBack: (o, f, _bytes, address) => o.setXsp(f.Rn, o.add(address, o.x(f.Rm))),
  describe: (f) => ({ ...makeAddressing(f.Rn, 0), writeback: { number: f.Rm } }),
};

/** The kind of access whose alignment is that of elements of 1 << size bytes. */
const KINDS: readonly AccessKind[] = ["simd8", "simd16", "simd32", "simd64"];

function at(o: Builder, address: I64, offset: number): I64 {
  return offset === 0 ? address : o.add(address, o.i64(offset));
}

/** Reads `count` times eight adjacent bytes, zero-extended. */
function load64s(o: Builder, address: I64, count: number, kind: AccessKind): I64[] {
  const values: I64[] = [];
  while (values.length < count) {
    const next = at(o, address, 8 * values.length);
    if (count - values.length >= 2) values.push(...o.loadPair(next, 8, kind));
    else values.push(o.load(next, 8, kind));
  }
  return values;
}

/** Reads adjacent bytes, sixteen to a vector; where the last has only eight, they stand in its low half. */
function load128s(o: Builder, address: I64, bytes: number, kind: AccessKind): V128[] {
  const values: V128[] = [];
  for (let offset = 0; offset < bytes; offset = 16 * values.length) {
    const next = at(o, address, offset), rest = bytes - offset;
    if (rest >= 32) values.push(...o.loadPairV(next, 16, kind));
    else if (rest >= 16) values.push(o.loadV(next, 16, kind));
    else values.push(o.loadV(next, 8, kind));
  }
  return values;
}

function store64s(o: Builder, address: I64, values: readonly I64[], kind: AccessKind): void {
  for (let i = 0; i < values.length; i += 2) {
    const next = at(o, address, 8 * i);
    if (i + 1 < values.length) o.storePair(next, 8, values[i], values[i + 1], kind);
    else o.store(next, 8, values[i], kind);
  }
}

function store128s(o: Builder, address: I64, values: readonly V128[], bytes: number, kind: AccessKind): void {
  for (let i = 0; i < values.length; i += 2) {
    const next = at(o, address, 16 * i), rest = bytes - 16 * i;
    if (rest >= 32) {
      o.storePair128(next, values[i], values[i + 1], kind);
      continue;
    }
    if (rest >= 16) o.store128(next, values[i], kind);
    if (rest % 16 !== 0) o.store(at(o, next, rest - 8), 8, low64(o, values[rest >> 4 ? i + 1 : i]), kind);
  }
}

function low64(o: Builder, value: V128): I64 {
  return o.lane("i64x2.extract_lane", 0, value);
}

/** Sixteen bytes of up to four vectors: `lanes` counts their bytes from the first vector's on. */
function gather(o: Builder, sources: readonly V128[], steps: readonly (readonly number[])[]): V128 {
  const [a, b = a, c, d = c] = sources;
  const low = o.shuffle(a, b, steps[0]);
  if (sources.length <= 2) return low;
  return o.shuffle(low, sources.length === 3 ? c : o.shuffle(c, d, steps[1]), steps[2]);
}

function registers(f: Fields, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (f.Rt + i) % 32);
}

/** The transfers of multiple structures, element by element; a load clears the whole register with its first one. */
function multipleTransfers(f: Fields, selem: number, count: number): Transfer[] {
  if (selem === 1) return registers(f, count).map((n) => transferV(n, 8 << f.Q));
  const bytes = 1 << f.size, result: Transfer[] = [];
  for (let element = 0; element < (8 << f.Q) / bytes; element++) {
    for (const n of registers(f, selem)) {
      result.push({ ...transferV(n, bytes), element, width: element === 0 ? 128 : 8 * bytes });
    }
  }
  return result;
}

/** LD1 to LD4 (multiple structures) of `count` registers, `selem` of which make a structure. */
function loadMultiple(selem: number, count: number, mode: Mode): Meaning {
  const access = (f: Fields): Access =>
    makeAccess("load", multipleTransfers(f, selem, count), mode.describe(f, count * (8 << f.Q)));
  return describe(access, (o: Builder, f: Fields) => {
    const bytes = count * (8 << f.Q), address = mode.address(o, f, bytes), kind = KINDS[f.size];
    if (selem === 1 && f.Q === 0) {
      load64s(o, address, count, kind).forEach((value, i) => o.setVLow64((f.Rt + i) % 32, value));
    } else {
      const memory = load128s(o, address, bytes, kind), plan = structurePlan("load", selem, f.size, f.Q);
      for (let i = 0; i < count; i++) {
        const value = selem === 1 ? memory[i] : gather(o, memory, plan[i]);
        if (f.Q === 1) o.setV((f.Rt + i) % 32, value);
        else o.setVLow64((f.Rt + i) % 32, low64(o, value));
      }
    }
    mode.writeBack(o, f, bytes, address);
  });
}

/** ST1 to ST4 (multiple structures). */
function storeMultiple(selem: number, count: number, mode: Mode): Meaning {
  const access = (f: Fields): Access =>
    makeAccess("store", multipleTransfers(f, selem, count), mode.describe(f, count * (8 << f.Q)));
  return describe(access, (o: Builder, f: Fields) => {
    const bytes = count * (8 << f.Q), address = mode.address(o, f, bytes), kind = KINDS[f.size];
    if (selem === 1 && f.Q === 0) {
      store64s(o, address, registers(f, count).map((n) => o.vLow64(n)), kind);
    } else {
      const sources = registers(f, count).map((n) => o.v(n));
      const plan = structurePlan("store", selem, f.size, f.Q);
      store128s(o, address, selem === 1 ? sources : plan.map((steps) => gather(o, sources, steps)), bytes, kind);
    }
    mode.writeBack(o, f, bytes, address);
  });
}

/** How the index of a single structure's element stands in the fields. */
type Index = (f: Fields) => number;

function singleTransfers(f: Fields, selem: number, bytes: number, index: Index): Transfer[] {
  return registers(f, selem).map((n) => ({ ...transferV(n, bytes), element: index(f), width: 8 * bytes }));
}

/** The elements of one structure, all read before a register is written. */
function loadElements(o: Builder, address: I64, selem: number, bytes: number): I64[] {
  return Array.from({ length: selem }, (_, i) => o.load(at(o, address, i * bytes), bytes));
}

/** LD1 to LD4 (single structure). */
function loadSingle(selem: number, bytes: number, index: Index, mode: Mode): Meaning {
  const total = selem * bytes;
  const access = (f: Fields): Access =>
    makeAccess("load", singleTransfers(f, selem, bytes, index), mode.describe(f, total));
  return describe(access, (o: Builder, f: Fields) => {
    const address = mode.address(o, f, total);
    loadElements(o, address, selem, bytes).forEach((value, i) =>
      o.setVElement((f.Rt + i) % 32, bytes, index(f), value)
    );
    mode.writeBack(o, f, total, address);
  });
}

/** One element of a vector, in the low bits of an integer. */
function extract(o: Builder, value: V128, bytes: number, index: number): I64 {
  if (bytes === 8) return o.lane("i64x2.extract_lane", index, value);
  if (bytes === 4) return o.zeroExtend(o.lane("i32x4.extract_lane", index, value));
  return o.zeroExtend(o.lane(bytes === 2 ? "i16x8.extract_lane_u" : "i8x16.extract_lane_u", index, value));
}

/** ST1 to ST4 (single structure). */
function storeSingle(selem: number, bytes: number, index: Index, mode: Mode): Meaning {
  const total = selem * bytes;
  const access = (f: Fields): Access =>
    makeAccess("store", singleTransfers(f, selem, bytes, index), mode.describe(f, total));
  return describe(access, (o: Builder, f: Fields) => {
    const address = mode.address(o, f, total), sources = registers(f, selem).map((n) => o.v(n));
    sources.forEach((value, i) => o.store(at(o, address, i * bytes), bytes, extract(o, value, bytes, index(f))));
    mode.writeBack(o, f, total, address);
  });
}

function splat(o: Builder, value: I64, size: number): V128 {
  if (size === 3) return o.op("i64x2.splat", value);
  return o.op(size === 0 ? "i8x16.splat" : size === 1 ? "i16x8.splat" : "i32x4.splat", o.wrap(value));
}

/** LD1R to LD4R. */
function loadReplicate(selem: number, mode: Mode): Meaning {
  const access = (f: Fields): Access => {
    const transfers = registers(f, selem).map((n): Transfer => (
      { ...transferV(n, 1 << f.size), element: "all", width: f.Q === 1 ? 128 : 64 }
    ));
    return makeAccess("load", transfers, mode.describe(f, selem << f.size));
  };
  return describe(access, (o: Builder, f: Fields) => {
    const address = mode.address(o, f, selem << f.size);
    loadElements(o, address, selem, 1 << f.size).forEach((element, i) => {
      const value = splat(o, element, f.size);
      if (f.Q === 1) o.setV((f.Rt + i) % 32, value);
      else o.setVLow64((f.Rt + i) % 32, low64(o, value));
    });
    mode.writeBack(o, f, selem << f.size, address);
  });
}

/** The addressing modes: bit 23 and the field Rm, and what stands behind the base. */
const MODES = [
  { bits: ["0", "00000"], mode: baseOnly, post: () => "" },
  { bits: ["1", "11111"], mode: postBytes, post: (bytes: string) => `, #${bytes}` },
  { bits: ["1", "Rm:5"], mode: postRegister, post: () => ", Xm<31" },
] as const;

/** The bits of L, "0" for a store. */
const DIRECTIONS = [["0", "st"], ["1", "ld"]] as const;

/** The opcodes of multiple structures: elements of a structure and registers. */
const MULTIPLE = [
  ["0000", 4, 4],
  ["0010", 1, 4],
  ["0100", 3, 3],
  ["0110", 1, 3],
  ["0111", 1, 1],
  ["1000", 2, 2],
  ["1010", 1, 2],
] as const;

function multipleRows(): Row[] {
  const rows: Row[] = [];
  for (const { bits: [bit23, Rm], mode, post } of MODES) {
    for (const [L, verb] of DIRECTIONS) {
      for (const [opcode, selem, count] of MULTIPLE) {
        const name = `${verb}${selem}`,
          meaning = (L === "1" ? loadMultiple : storeMultiple)(selem, count, mode as Mode);
        // A structure of several elements has no use for vectors of one element.
        const options = selem === 1 ? {} : { reserved: (f: Fields) => f.size === 3 && f.Q === 0 };
        rows.push(row(
          `${name.toUpperCase()} (multiple structures)`,
          `0 Q:1 001100 ${bit23} ${L} 0 ${Rm} ${opcode} size:2 Rn:5 Rt:5`,
          `${name} {Vt.T*${count}}, [Xn|SP]${post(`${count}*(8<<Q)`)}`,
          meaning,
          options,
        ));
      }
    }
  }
  return rows;
}

/** Element sizes of single structures: letter, bytes, the upper bits of opcode, then S and size, and the index. */
const SINGLE = [
  ["b", 1, "00", "S:1 size:2", (f: Fields) => f.Q * 8 + f.S * 4 + f.size],
  ["h", 2, "01", "S:1 size:1 0", (f: Fields) => f.Q * 4 + f.S * 2 + f.size],
  ["s", 4, "10", "S:1 00", (f: Fields) => f.Q * 2 + f.S],
  ["d", 8, "10", "0 01", (f: Fields) => f.Q],
] as const;

/** Elements of a single structure: the lowest bit of opcode, and R. */
const SELEM = [[1, "0", "0"], [2, "0", "1"], [3, "1", "0"], [4, "1", "1"]] as const;

function singleRows(): Row[] {
  const rows: Row[] = [];
  for (const { bits: [bit23, Rm], mode, post } of MODES) {
    for (const [L, verb] of DIRECTIONS) {
      for (const [selem, low, R] of SELEM) {
        const name = `${verb}${selem}`;
        for (const [letter, bytes, scale, place, index] of SINGLE) {
          rows.push(row(
            `${name.toUpperCase()} (single structure)`,
            `0 Q:1 001101 ${bit23} ${L} ${R} ${Rm} ${scale} ${low} ${place} Rn:5 Rt:5`,
            `${name} {Vt.${letter}*${selem}}[i], [Xn|SP]${post(`${selem}*${bytes}`)}`,
            (L === "1" ? loadSingle : storeSingle)(selem, bytes, index, mode as Mode),
          ));
        }
      }
    }
  }
  return rows;
}

function replicateRows(): Row[] {
  const rows: Row[] = [];
  for (const { bits: [bit23, Rm], mode, post } of MODES) {
    for (const [selem, low, R] of SELEM) {
      rows.push(row(
        `LD${selem}R`,
        `0 Q:1 001101 ${bit23} 1 ${R} ${Rm} 11 ${low} 0 size:2 Rn:5 Rt:5`,
        `ld${selem}r {Vt.T*${selem}}, [Xn|SP]${post(`${selem}<<size`)}`,
        loadReplicate(selem, mode as Mode),
      ));
    }
  }
  return rows;
}

/** Loads and stores of AdvSIMD structures. */
export const LOADS_STORES_STRUCTURES: readonly Row[] = group({ trap: "fp" }, [
  ...multipleRows(),
  ...singleRows(),
  ...replicateRows(),
]);
