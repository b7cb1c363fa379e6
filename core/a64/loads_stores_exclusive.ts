import type { Builder, I64 } from "../engine/builder.ts";
import { type Access, describe, makeAccess, type Transfer, transferX } from "./access.ts";
import { baseOnly, unscaledOffset, type With } from "./addressing.ts";
import { bySf, byte, halfword, load, loadSigned, store, word } from "./loads_stores_general.ts";
import { group, type Row, row } from "./row.ts";

/*
 * Exclusive and ordered loads and stores, and compare and swap, Arm DDI 0487, "Loads and stores". Every atomic is
 * sequentially consistent here, so that acquire and release change what an access is told as and nothing else.
 */

type Size<F> = (f: F) => number;
type Meaning<F> = (o: Builder, f: F) => void;
type Single = With<"Rn" | "Rt">;

/** The bits of a W or X register's name that holds an element of so many bytes. */
function widthOf(bytes: number): 32 | 64 {
  return bytes === 8 ? 64 : 32;
}

function loadExclusive<S>(size: Size<S>, isAcquire: boolean): Meaning<Single & S> {
  const access = (f: Single & S): Access => {
    const transfer = transferX(f.Rt, size(f), widthOf(size(f)));
    return makeAccess("load", [transfer], baseOnly.describe(f, 0), { isExclusive: true, isAcquire });
  };
  return describe(access, (o: Builder, f: Single & S) => {
    o.setX(f.Rt, o.loadExclusive(o.base(f.Rn), size(f), "atomic"));
  });
}

function storeExclusive<S>(size: Size<S>, isRelease: boolean): Meaning<Single & With<"Rs"> & S> {
  type F = Single & With<"Rs"> & S;
  const access = (f: F): Access => {
    const transfer = transferX(f.Rt, size(f), widthOf(size(f)));
    const flags = { isExclusive: true, isRelease, status: f.Rs };
    return makeAccess("store", [transfer], baseOnly.describe(f, 0), flags);
  };
  return describe(access, (o: Builder, f: F) => {
    o.setW(f.Rs, o.storeExclusive(o.base(f.Rn), size(f), o.x(f.Rt), "atomic"));
  });
}

type Pair = With<"Rn" | "Rt" | "Rt2" | "sf">;

function pairTransfers(f: Pair): Transfer[] {
  const bytes = bySf(f);
  return [transferX(f.Rt, bytes, 8 * bytes), transferX(f.Rt2, bytes, 8 * bytes)];
}

function loadExclusivePair(isAcquire: boolean): Meaning<Pair> {
  const flags = { isExclusive: true, isPair: true, isAcquire };
  const access = (f: Pair): Access => makeAccess("load", pairTransfers(f), baseOnly.describe(f, 0), flags);
  return describe(access, (o: Builder, f: Pair) => {
    const [first, second] = o.loadExclusivePair(o.base(f.Rn), bySf(f), "atomic");
    o.setX(f.Rt, first);
    o.setX(f.Rt2, second);
  });
}

function storeExclusivePair(isRelease: boolean): Meaning<Pair & With<"Rs">> {
  const access = (f: Pair & With<"Rs">): Access => {
    const flags = { isExclusive: true, isPair: true, isRelease, status: f.Rs };
    return makeAccess("store", pairTransfers(f), baseOnly.describe(f, 0), flags);
  };
  return describe(access, (o: Builder, f: Pair & With<"Rs">) => {
    const address = o.base(f.Rn), first = o.x(f.Rt), second = o.x(f.Rt2);
    o.setW(f.Rs, o.storeExclusivePair(address, bySf(f), first, second, "atomic"));
  });
}

/** The low bytes of a general-purpose register, zero-extended. */
export function readLow(o: Builder, n: number, bytes: number): I64 {
  if (bytes === 8) return o.x(n);
  if (bytes === 4) return o.zeroExtend(o.w(n));
  return o.and(o.x(n), o.i64(2 ** (8 * bytes) - 1));
}

/** The suffix of an atomic's name: acquire, release, both or neither. */
export type Ordering = "" | "a" | "l" | "al";

/** The flags of that suffix. */
export function orderingFlags(ordering: Ordering): { isAcquire: boolean; isRelease: boolean } {
  return { isAcquire: ordering.startsWith("a"), isRelease: ordering.endsWith("l") };
}

/** MemAtomicCompareAndSwap(). */
function compareAndSwap<S>(size: Size<S>, ordering: Ordering): Meaning<Single & With<"Rs"> & S> {
  type F = Single & With<"Rs"> & S;
  const access = (f: F): Access => {
    const transfer = transferX(f.Rs, size(f), widthOf(size(f)));
    const operation = { name: "cas", operands: [f.Rt] } as const;
    return makeAccess("atomic", [transfer], baseOnly.describe(f, 0), { ...orderingFlags(ordering), operation });
  };
  return describe(access, (o: Builder, f: F) => {
    const bytes = size(f), address = o.base(f.Rn), compare = readLow(o, f.Rs, bytes), value = o.x(f.Rt);
    o.setX(f.Rs, o.atomic(address, bytes, (old) => o.select(o.eq(old, compare), value, old), "atomic"));
  });
}

type Casp = With<"Rn" | "Rs" | "Rt" | "sf">;

function compareAndSwapPair(ordering: Ordering): Meaning<Casp> {
  const access = (f: Casp): Access => {
    const bytes = bySf(f), transfers = [f.Rs, (f.Rs + 1) % 32].map((n) => transferX(n, bytes, 8 * bytes));
    const operation = { name: "cas", operands: [f.Rt, (f.Rt + 1) % 32] } as const;
    const flags = { ...orderingFlags(ordering), operation, isPair: true };
    return makeAccess("atomic", transfers, baseOnly.describe(f, 0), flags);
  };
  return describe(access, (o: Builder, f: Casp) => {
    const bytes = bySf(f), address = o.base(f.Rn), s2 = (f.Rs + 1) % 32, t2 = (f.Rt + 1) % 32;
    const compare1 = readLow(o, f.Rs, bytes), compare2 = readLow(o, s2, bytes);
    const value1 = o.x(f.Rt), value2 = o.x(t2);
    const [old1, old2] = o.atomicPair(address, bytes, (low, high) => {
      const isEqual = o.and(o.eq(low, compare1), o.eq(high, compare2));
      return [o.select(isEqual, value1, low), o.select(isEqual, value2, high)];
    }, "atomic");
    o.setX(f.Rs, old1);
    o.setX(s2, old2);
  });
}

// Load/store exclusive register and exclusive pair
// deno-fmt-ignore
const EXCLUSIVE = [
  row("STXRB",  "00     001000 000 Rs:5 0 11111 Rn:5 Rt:5",  "stxrb Ws, Wt, [Xn|SP]",      storeExclusive(byte, false)),
  row("STLXRB", "00     001000 000 Rs:5 1 11111 Rn:5 Rt:5",  "stlxrb Ws, Wt, [Xn|SP]",     storeExclusive(byte, true)),
  row("LDXRB",  "00     001000 010 11111 0 11111 Rn:5 Rt:5", "ldxrb Wt, [Xn|SP]",          loadExclusive(byte, false)),
  row("LDAXRB", "00     001000 010 11111 1 11111 Rn:5 Rt:5", "ldaxrb Wt, [Xn|SP]",         loadExclusive(byte, true)),
  row("STXRH",  "01     001000 000 Rs:5 0 11111 Rn:5 Rt:5",  "stxrh Ws, Wt, [Xn|SP]",      storeExclusive(halfword, false)),
  row("STLXRH", "01     001000 000 Rs:5 1 11111 Rn:5 Rt:5",  "stlxrh Ws, Wt, [Xn|SP]",     storeExclusive(halfword, true)),
  row("LDXRH",  "01     001000 010 11111 0 11111 Rn:5 Rt:5", "ldxrh Wt, [Xn|SP]",          loadExclusive(halfword, false)),
  row("LDAXRH", "01     001000 010 11111 1 11111 Rn:5 Rt:5", "ldaxrh Wt, [Xn|SP]",         loadExclusive(halfword, true)),
  row("STXR",   "1 sf:1 001000 000 Rs:5 0 11111 Rn:5 Rt:5",  "stxr Ws, Rt, [Xn|SP]",       storeExclusive(bySf, false)),
  row("STLXR",  "1 sf:1 001000 000 Rs:5 1 11111 Rn:5 Rt:5",  "stlxr Ws, Rt, [Xn|SP]",      storeExclusive(bySf, true)),
  row("LDXR",   "1 sf:1 001000 010 11111 0 11111 Rn:5 Rt:5", "ldxr Rt, [Xn|SP]",           loadExclusive(bySf, false)),
  row("LDAXR",  "1 sf:1 001000 010 11111 1 11111 Rn:5 Rt:5", "ldaxr Rt, [Xn|SP]",          loadExclusive(bySf, true)),
  row("STXP",   "1 sf:1 001000 001 Rs:5 0 Rt2:5 Rn:5 Rt:5",  "stxp Ws, Rt, Rt2, [Xn|SP]",  storeExclusivePair(false)),
  row("STLXP",  "1 sf:1 001000 001 Rs:5 1 Rt2:5 Rn:5 Rt:5",  "stlxp Ws, Rt, Rt2, [Xn|SP]", storeExclusivePair(true)),
  row("LDXP",   "1 sf:1 001000 011 11111 0 Rt2:5 Rn:5 Rt:5", "ldxp Rt, Rt2, [Xn|SP]",      loadExclusivePair(false)),
  row("LDAXP",  "1 sf:1 001000 011 11111 1 Rt2:5 Rn:5 Rt:5", "ldaxp Rt, Rt2, [Xn|SP]",     loadExclusivePair(true)),
];

// Load/store ordered
// deno-fmt-ignore
const ORDERED = [
  row("STLRB", "00     001000 100 11111 1 11111 Rn:5 Rt:5", "stlrb Wt, [Xn|SP]", store(byte, baseOnly, "ordered")),
  row("LDARB", "00     001000 110 11111 1 11111 Rn:5 Rt:5", "ldarb Wt, [Xn|SP]", load(byte, baseOnly, "ordered")),
  row("STLRH", "01     001000 100 11111 1 11111 Rn:5 Rt:5", "stlrh Wt, [Xn|SP]", store(halfword, baseOnly, "ordered")),
  row("LDARH", "01     001000 110 11111 1 11111 Rn:5 Rt:5", "ldarh Wt, [Xn|SP]", load(halfword, baseOnly, "ordered")),
  row("STLR",  "1 sf:1 001000 100 11111 1 11111 Rn:5 Rt:5", "stlr Rt, [Xn|SP]",  store(bySf, baseOnly, "ordered")),
  row("LDAR",  "1 sf:1 001000 110 11111 1 11111 Rn:5 Rt:5", "ldar Rt, [Xn|SP]",  load(bySf, baseOnly, "ordered")),
];

// Load/store ordered: LoadLOAcquire, StoreLORelease
// deno-fmt-ignore
const LIMITED_ORDERING = group({ feature: "FEAT_LOR" }, [
  row("STLLRB", "00     001000 100 11111 0 11111 Rn:5 Rt:5", "stllrb Wt, [Xn|SP]", store(byte, baseOnly, "ordered")),
  row("LDLARB", "00     001000 110 11111 0 11111 Rn:5 Rt:5", "ldlarb Wt, [Xn|SP]", load(byte, baseOnly, "ordered")),
  row("STLLRH", "01     001000 100 11111 0 11111 Rn:5 Rt:5", "stllrh Wt, [Xn|SP]", store(halfword, baseOnly, "ordered")),
  row("LDLARH", "01     001000 110 11111 0 11111 Rn:5 Rt:5", "ldlarh Wt, [Xn|SP]", load(halfword, baseOnly, "ordered")),
  row("STLLR",  "1 sf:1 001000 100 11111 0 11111 Rn:5 Rt:5", "stllr Rt, [Xn|SP]",  store(bySf, baseOnly, "ordered")),
  row("LDLAR",  "1 sf:1 001000 110 11111 0 11111 Rn:5 Rt:5", "ldlar Rt, [Xn|SP]",  load(bySf, baseOnly, "ordered")),
]);

// Compare and swap
// deno-fmt-ignore
const COMPARE_AND_SWAP = group({ feature: "FEAT_LSE" }, [
  row("CASB",   "00     001000 101 Rs:5 0 11111 Rn:5 Rt:5", "casb Ws, Wt, [Xn|SP]",   compareAndSwap(byte, "")),
  row("CASAB",  "00     001000 111 Rs:5 0 11111 Rn:5 Rt:5", "casab Ws, Wt, [Xn|SP]",  compareAndSwap(byte, "a")),
  row("CASLB",  "00     001000 101 Rs:5 1 11111 Rn:5 Rt:5", "caslb Ws, Wt, [Xn|SP]",  compareAndSwap(byte, "l")),
  row("CASALB", "00     001000 111 Rs:5 1 11111 Rn:5 Rt:5", "casalb Ws, Wt, [Xn|SP]", compareAndSwap(byte, "al")),
  row("CASH",   "01     001000 101 Rs:5 0 11111 Rn:5 Rt:5", "cash Ws, Wt, [Xn|SP]",   compareAndSwap(halfword, "")),
  row("CASAH",  "01     001000 111 Rs:5 0 11111 Rn:5 Rt:5", "casah Ws, Wt, [Xn|SP]",  compareAndSwap(halfword, "a")),
  row("CASLH",  "01     001000 101 Rs:5 1 11111 Rn:5 Rt:5", "caslh Ws, Wt, [Xn|SP]",  compareAndSwap(halfword, "l")),
  row("CASALH", "01     001000 111 Rs:5 1 11111 Rn:5 Rt:5", "casalh Ws, Wt, [Xn|SP]", compareAndSwap(halfword, "al")),
  row("CAS",    "1 sf:1 001000 101 Rs:5 0 11111 Rn:5 Rt:5", "cas Rs, Rt, [Xn|SP]",    compareAndSwap(bySf, "")),
  row("CASA",   "1 sf:1 001000 111 Rs:5 0 11111 Rn:5 Rt:5", "casa Rs, Rt, [Xn|SP]",   compareAndSwap(bySf, "a")),
  row("CASL",   "1 sf:1 001000 101 Rs:5 1 11111 Rn:5 Rt:5", "casl Rs, Rt, [Xn|SP]",   compareAndSwap(bySf, "l")),
  row("CASAL",  "1 sf:1 001000 111 Rs:5 1 11111 Rn:5 Rt:5", "casal Rs, Rt, [Xn|SP]",  compareAndSwap(bySf, "al")),
]);

// Compare and swap pair: the first register of each pair is even
// deno-fmt-ignore
const COMPARE_AND_SWAP_PAIR = group({ feature: "FEAT_LSE", reserved: (f) => (f.Rs & 1) !== 0 || (f.Rt & 1) !== 0 }, [
  row("CASP",   "0 sf:1 001000 001 Rs:5 0 11111 Rn:5 Rt:5", "casp Rs, Rs+1, Rt, Rt+1, [Xn|SP]",   compareAndSwapPair("")),
  row("CASPA",  "0 sf:1 001000 011 Rs:5 0 11111 Rn:5 Rt:5", "caspa Rs, Rs+1, Rt, Rt+1, [Xn|SP]",  compareAndSwapPair("a")),
  row("CASPL",  "0 sf:1 001000 001 Rs:5 1 11111 Rn:5 Rt:5", "caspl Rs, Rs+1, Rt, Rt+1, [Xn|SP]",  compareAndSwapPair("l")),
  row("CASPAL", "0 sf:1 001000 011 Rs:5 1 11111 Rn:5 Rt:5", "caspal Rs, Rs+1, Rt, Rt+1, [Xn|SP]", compareAndSwapPair("al")),
]);

// Memory operations: LDAPR
// deno-fmt-ignore
const RELEASE_CONSISTENT = group({ feature: "FEAT_LRCPC" }, [
  row("LDAPRB", "00     111000 1 0 1 11111 1 100 00 Rn:5 Rt:5", "ldaprb Wt, [Xn|SP]", load(byte, baseOnly, "ordered")),
  row("LDAPRH", "01     111000 1 0 1 11111 1 100 00 Rn:5 Rt:5", "ldaprh Wt, [Xn|SP]", load(halfword, baseOnly, "ordered")),
  row("LDAPR",  "1 sf:1 111000 1 0 1 11111 1 100 00 Rn:5 Rt:5", "ldapr Rt, [Xn|SP]",  load(bySf, baseOnly, "ordered")),
]);

// LDAPR/STLR (unscaled immediate)
// deno-fmt-ignore
const RELEASE_CONSISTENT_UNSCALED = group({ feature: "FEAT_LRCPC2" }, [
  row("STLURB",   "00     011001 00 0 imm9:9 00 Rn:5 Rt:5", "stlurb Wt, [Xn|SP+imm9]",   store(byte, unscaledOffset, "ordered")),
  row("LDAPURB",  "00     011001 01 0 imm9:9 00 Rn:5 Rt:5", "ldapurb Wt, [Xn|SP+imm9]",  load(byte, unscaledOffset, "ordered")),
  row("LDAPURSB", "00     011001 10 0 imm9:9 00 Rn:5 Rt:5", "ldapursb Xt, [Xn|SP+imm9]", loadSigned(byte, 64, unscaledOffset, "ordered")),
  row("LDAPURSB", "00     011001 11 0 imm9:9 00 Rn:5 Rt:5", "ldapursb Wt, [Xn|SP+imm9]", loadSigned(byte, 32, unscaledOffset, "ordered")),
  row("STLURH",   "01     011001 00 0 imm9:9 00 Rn:5 Rt:5", "stlurh Wt, [Xn|SP+imm9]",   store(halfword, unscaledOffset, "ordered")),
  row("LDAPURH",  "01     011001 01 0 imm9:9 00 Rn:5 Rt:5", "ldapurh Wt, [Xn|SP+imm9]",  load(halfword, unscaledOffset, "ordered")),
  row("LDAPURSH", "01     011001 10 0 imm9:9 00 Rn:5 Rt:5", "ldapursh Xt, [Xn|SP+imm9]", loadSigned(halfword, 64, unscaledOffset, "ordered")),
  row("LDAPURSH", "01     011001 11 0 imm9:9 00 Rn:5 Rt:5", "ldapursh Wt, [Xn|SP+imm9]", loadSigned(halfword, 32, unscaledOffset, "ordered")),
  row("STLUR",    "1 sf:1 011001 00 0 imm9:9 00 Rn:5 Rt:5", "stlur Rt, [Xn|SP+imm9]",    store(bySf, unscaledOffset, "ordered")),
  row("LDAPUR",   "1 sf:1 011001 01 0 imm9:9 00 Rn:5 Rt:5", "ldapur Rt, [Xn|SP+imm9]",   load(bySf, unscaledOffset, "ordered")),
  row("LDAPURSW", "10     011001 10 0 imm9:9 00 Rn:5 Rt:5", "ldapursw Xt, [Xn|SP+imm9]", loadSigned(word, 64, unscaledOffset, "ordered")),
]);

/** Exclusive and ordered loads and stores, and compare and swap. */
export const LOADS_STORES_EXCLUSIVE: readonly Row[] = [
  ...EXCLUSIVE,
  ...ORDERED,
  ...LIMITED_ORDERING,
  ...COMPARE_AND_SWAP,
  ...COMPARE_AND_SWAP_PAIR,
  ...RELEASE_CONSISTENT,
  ...RELEASE_CONSISTENT_UNSCALED,
];
