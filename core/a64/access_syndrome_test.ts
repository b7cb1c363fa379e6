import { assertEquals } from "@std/assert";
import { evaluate, type EvaluatorState } from "../../tests/oracle/evaluator.ts";
import { randomWords, sampleWords } from "../../tests/oracle/gnu.ts";
import { type Access, describeAccess, instructionSyndrome, type Transfer } from "./access_syndrome.ts";
import { accessOf } from "./access.ts";
import { loadStoreRows, placeRegisters, randomState } from "./loads_stores_test_data.ts";

/** The value that a store takes from a register. */
function storedValue(s: EvaluatorState, t: Transfer): bigint {
  const shift = typeof t.element === "number" ? BigInt(8 * t.bytes * t.element) : 0n;
  const register = t.register === "v" ? s.v[t.number] : t.number === 31 ? 0n : s.x[t.number];
  return BigInt.asUintN(8 * t.bytes, register >> shift);
}

/** Writes a loaded value to its register, as Transfer says. */
function loadValue(s: EvaluatorState, t: Transfer, value: bigint): void {
  const bits = 8 * t.bytes;
  if (t.register === "x") {
    const extended = t.isSigned ? BigInt.asIntN(bits, value) : value;
    if (t.number !== 31) s.x[t.number] = BigInt.asUintN(t.width, extended);
  } else if (t.element === "all") {
    s.v[t.number] = 0n;
    for (let i = 0; i < t.width; i += bits) s.v[t.number] |= value << BigInt(i);
  } else {
    const shift = BigInt(bits * t.element), mask = (1n << BigInt(t.width)) - 1n << shift;
    s.v[t.number] = s.v[t.number] & ~mask | value << shift;
  }
}

function readX(s: EvaluatorState, n: number): bigint {
  return n === 31 ? 0n : s.x[n];
}

function addressOf(s: EvaluatorState, a: Access): bigint {
  const base = a.base === null ? s.pc : a.base === 31 ? s.sp : s.x[a.base];
  let index = 0n;
  if (a.index) {
    const value = readX(s, a.index.number), { option, shift } = a.index;
    index = (option === 2 ? BigInt.asUintN(32, value) : option === 6 ? BigInt.asIntN(32, value) : value) <<
      BigInt(shift);
  }
  return BigInt.asUintN(64, base + BigInt(a.offset) + index);
}

/** What an atomic stores. */
function combine(name: string, bytes: number, old: bigint, value: bigint): bigint {
  const bits = 8 * bytes, signedOld = BigInt.asIntN(bits, old), signedValue = BigInt.asIntN(bits, value);
  const unsignedValue = BigInt.asUintN(bits, value);
  switch (name) {
    case "add":
      return old + value;
    case "bic":
      return old & ~value;
    case "eor":
      return old ^ value;
    case "orr":
      return old | value;
    case "smax":
      return signedOld > signedValue ? old : value;
    case "smin":
      return signedOld < signedValue ? old : value;
    case "umax":
      return old > unsignedValue ? old : value;
    case "umin":
      return old < unsignedValue ? old : value;
    default:
      return value;
  }
}

function atomic(s: EvaluatorState, a: Access, addresses: readonly bigint[]): void {
  const old = a.transfers.map((t, i) => s.read(addresses[i], t.bytes));
  const { name, operands } = a.operation!;
  const isEqual = a.transfers.every((t, i) => storedValue(s, t) === old[i]);
  a.transfers.forEach((t, i) => {
    const value = readX(s, operands[i]);
    if (name !== "cas") s.write(addresses[i], t.bytes, combine(name, t.bytes, old[i], value));
    else if (isEqual) s.write(addresses[i], t.bytes, value);
  });
  a.transfers.forEach((t, i) => loadValue(s, t, old[i]));
}

/** Carries an access out by its description alone. */
function emulate(s: EvaluatorState, a: Access): void {
  let address = addressOf(s, a);
  const addresses = a.transfers.map((t) => {
    const own = address;
    address += BigInt(t.bytes);
    return own;
  });
  const amount = a.writeback !== null && typeof a.writeback === "object"
    ? readX(s, a.writeback.number)
    : BigInt(a.writeback ?? 0);
  const base = a.base === null ? 0n : a.base === 31 ? s.sp : s.x[a.base];
  if (a.kind === "atomic") atomic(s, a, addresses);
  else if (a.kind === "store") {
    if (!a.isExclusive) a.transfers.forEach((t, i) => s.write(addresses[i], t.bytes, storedValue(s, t)));
    else if (a.status !== 31) s.x[a.status!] = 1n;
  } else a.transfers.forEach((t, i) => loadValue(s, t, s.read(addresses[i], t.bytes)));
  if (a.writeback === null) return;
  const next = BigInt.asUintN(64, base + amount);
  if (a.base === 31) s.sp = next;
  else s.x[a.base!] = next;
}

Deno.test("a description suffices to carry the access out", () => {
  const random = randomWords(11);
  let count = 0;
  for (const row of loadStoreRows) {
    for (const sample of sampleWords(row, random, 2, 16)) {
      const word = placeRegisters(row, sample, random);
      if (word === null) continue;
      const access = accessOf(row, word)!;
      const [a, b] = [randomState(random(), row), randomState(0, row)];
      a.x.forEach((value, n) => b.x[n] = value);
      a.v.forEach((value, n) => b.v[n] = value);
      b.memory.set(a.memory);
      evaluate(row, word, a);
      emulate(b, access);
      const name = `${row.name} 0x${word.toString(16)}`;
      assertEquals({ x: b.x, v: b.v, sp: b.sp }, { x: a.x, v: a.v, sp: a.sp }, name);
      assertEquals(b.memory, a.memory, name);
      count++;
    }
  }
  assertEquals(count > 2000, true);
});

Deno.test("descriptions of single words", () => {
  assertEquals(describeAccess(0xd503201f), null, "nop");
  assertEquals(describeAccess(0xf9800420), null, "prfm pldl1keep, [x1, #8]");
  // ldp x0, x1, [sp], #16
  const pair = describeAccess(0xa8c107e0)!;
  assertEquals(pair.transfers.map((t) => [t.number, t.bytes]), [[0, 8], [1, 8]]);
  assertEquals([pair.base, pair.offset, pair.writeback, pair.isPair], [31, 0, 16, true]);
  // stlxp w0, x1, x2, [x3]
  const exclusive = describeAccess(0xc8208861)!;
  assertEquals([exclusive.isExclusive, exclusive.isRelease, exclusive.isAcquire, exclusive.status], [
    true,
    true,
    false,
    0,
  ]);
  // ldaddal w2, w3, [x4]
  const add = describeAccess(0xb8e20083)!;
  assertEquals([add.isAcquire, add.isRelease, add.operation], [true, true, { name: "add", operands: [2] }]);
  // ldraa x0, [x1, #-8]!
  const signed = describeAccess(0xf87ffc20)!;
  assertEquals([signed.isAuthenticated, signed.offset, signed.writeback], [true, -8, -8]);
  // ldtrsw x0, [x1, #4]
  assertEquals(describeAccess(0xb8804820)!.isUnprivileged, true);
});

Deno.test("the instruction syndrome", () => {
  const syndrome = (word: number): number => instructionSyndrome(describeAccess(word)!);
  const iss = (sas: number, sse: number, srt: number, sf: number, ar: number): number =>
    1 << 24 | sas << 22 | sse << 21 | srt << 16 | sf << 15 | ar << 14;
  assertEquals(syndrome(0xf8626825), iss(3, 0, 5, 1, 0), "ldr x5, [x1, x2]");
  assertEquals(syndrome(0x3900003f), iss(0, 0, 31, 0, 0), "strb wzr, [x1]");
  assertEquals(syndrome(0xb8804820), iss(2, 1, 0, 1, 0), "ldtrsw x0, [x1, #4]");
  assertEquals(syndrome(0x79c00020), iss(1, 1, 0, 0, 0), "ldrsh w0, [x1]");
  assertEquals(syndrome(0x88dffc20), iss(2, 0, 0, 0, 1), "ldar w0, [x1]");
  assertEquals(syndrome(0xf8400420), 0, "ldr x0, [x1], #0");
  assertEquals(syndrome(0xa94007e0), 0, "ldp x0, x1, [sp]");
  assertEquals(syndrome(0xc85f7c20), 0, "ldxr x0, [x1]");
  assertEquals(syndrome(0xb820003f), 0, "stadd w0, [x1]");
  assertEquals(syndrome(0x3dc00020), 0, "ldr q0, [x1]");
});
