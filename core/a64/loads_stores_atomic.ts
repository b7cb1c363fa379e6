import type { Builder, I64 } from "../engine/builder.ts";
import { type Access, type AtomicOperation, describe, makeAccess, transferX } from "./access.ts";
import { baseOnly, type With } from "./addressing.ts";
import { bySf, byte, halfword } from "./loads_stores_general.ts";
import { type Ordering, orderingFlags, readLow } from "./loads_stores_exclusive.ts";
import { alias, group, type Row, row } from "./row.ts";

/*
 * Atomic memory operations, Arm DDI 0487, "Atomic memory operations". One row is generated for each operation, order
 * and size; the diagram of all is
 *
 *   size:2 111 0 00 A:1 R:1 1 Rs:5 o3:1 opc:3 00 Rn:5 Rt:5
 */

type F = With<"Rn" | "Rt" | "Rs">;

/** Sign-extends a zero-extended element to 64 bits. */
function signExtend(o: Builder, value: I64, bytes: number): I64 {
  if (bytes === 8) return value;
  return o.op(bytes === 1 ? "i64.extend8_s" : bytes === 2 ? "i64.extend16_s" : "i64.extend32_s", value);
}

/** What MemAtomic() stores for the old value and the register, of which bits above the element may differ. */
function combine(o: Builder, name: AtomicOperation, old: I64, value: I64, bytes: number): I64 {
  switch (name) {
    case "add":
      return o.add(old, value);
    case "bic":
      return o.and(old, o.not(value));
    case "eor":
      return o.xor(old, value);
    case "orr":
      return o.or(old, value);
    case "smax":
      return o.select(o.gtS(signExtend(o, old, bytes), value), old, value);
    case "smin":
      return o.select(o.gtS(signExtend(o, old, bytes), value), value, old);
    case "umax":
      return o.select(o.gtU(old, value), old, value);
    case "umin":
      return o.select(o.gtU(old, value), value, old);
    default:
      return value;
  }
}

/** The register's value, extended as the comparison of the operation needs it. */
function operand(o: Builder, name: AtomicOperation, n: number, bytes: number): I64 {
  if (name === "smax" || name === "smin") return signExtend(o, o.x(n), bytes);
  return name === "umax" || name === "umin" ? readLow(o, n, bytes) : o.x(n);
}

function memAtomic<S>(
  name: AtomicOperation,
  size: (f: S) => number,
  ordering: Ordering,
): (o: Builder, f: F & S) => void {
  const access = (f: F & S): Access => {
    const bytes = size(f), operation = { name, operands: [f.Rs] };
    const flags = { ...orderingFlags(ordering), operation };
    return makeAccess("atomic", [transferX(f.Rt, bytes, bytes === 8 ? 64 : 32)], baseOnly.describe(f, 0), flags);
  };
  return describe(access, (o: Builder, f: F & S) => {
    const bytes = size(f), address = o.base(f.Rn), value = operand(o, name, f.Rs, bytes);
    o.setX(f.Rt, o.atomic(address, bytes, (old) => combine(o, name, old, value, bytes), "atomic"));
  });
}

/** The operations: what their names end in, MemAtomicOp, and o3 and opc. */
const OPERATIONS = [
  ["add", "add", "0 000"],
  ["clr", "bic", "0 001"],
  ["eor", "eor", "0 010"],
  ["set", "orr", "0 011"],
  ["smax", "smax", "0 100"],
  ["smin", "smin", "0 101"],
  ["umax", "umax", "0 110"],
  ["umin", "umin", "0 111"],
  ["swp", "swp", "1 000"],
] as const;

/** Suffix, and A and R. An ST<op> alias has no acquire. */
const ORDERINGS = [["", "0 0"], ["a", "1 0"], ["l", "0 1"], ["al", "1 1"]] as const;

function operationRows(name: string, operation: AtomicOperation, opc: (typeof OPERATIONS)[number][2]): Row[] {
  const rows: Row[] = [], load = name === "swp" ? "swp" : `ld${name}`;
  for (const [suffix, ar] of ORDERINGS) {
    const b = `${load}${suffix}b`, h = `${load}${suffix}h`, wx = `${load}${suffix}`;
    rows.push(
      row(
        b.toUpperCase(),
        `00 111 0 00 ${ar} 1 Rs:5 ${opc} 00 Rn:5 Rt:5`,
        `${b} Ws, Wt, [Xn|SP]`,
        memAtomic(operation, byte, suffix),
      ),
      row(
        h.toUpperCase(),
        `01 111 0 00 ${ar} 1 Rs:5 ${opc} 00 Rn:5 Rt:5`,
        `${h} Ws, Wt, [Xn|SP]`,
        memAtomic(operation, halfword, suffix),
      ),
      row(
        wx.toUpperCase(),
        `1 sf:1 111 0 00 ${ar} 1 Rs:5 ${opc} 00 Rn:5 Rt:5`,
        `${wx} Rs, Rt, [Xn|SP]`,
        memAtomic(operation, bySf, suffix),
      ),
    );
  }
  return rows;
}

/** ST<op> is LD<op> without acquire into the zero register. */
function storeAliases(name: string, opc: (typeof OPERATIONS)[number][2]): Row[] {
  const rows: Row[] = [];
  for (const [suffix, ar] of [["", "0 0"], ["l", "0 1"]] as const) {
    const b = `st${name}${suffix}b`, h = `st${name}${suffix}h`, wx = `st${name}${suffix}`;
    rows.push(
      alias(b.toUpperCase(), `00 111 0 00 ${ar} 1 Rs:5 ${opc} 00 Rn:5 11111`, `${b} Ws, [Xn|SP]`),
      alias(h.toUpperCase(), `01 111 0 00 ${ar} 1 Rs:5 ${opc} 00 Rn:5 11111`, `${h} Ws, [Xn|SP]`),
      alias(wx.toUpperCase(), `1 sf:1 111 0 00 ${ar} 1 Rs:5 ${opc} 00 Rn:5 11111`, `${wx} Rs, [Xn|SP]`),
    );
  }
  return rows;
}

/** Atomic memory operations. */
export const LOADS_STORES_ATOMIC: readonly Row[] = group(
  { feature: "FEAT_LSE" },
  OPERATIONS.flatMap(([name, operation, opc]) => [
    ...operationRows(name, operation, opc),
    ...(name === "swp" ? [] : storeAliases(name, opc)),
  ]),
);
