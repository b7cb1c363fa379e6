import { assertEquals } from "@std/assert";
import type { Builder, Value } from "../engine/builder.ts";
import { BRANCHES } from "./branches.ts";
import { Decoder } from "./decoder.ts";
import { extractFields } from "./row.ts";

const decoder = new Decoder(BRANCHES.filter((row) => row.semantics !== null));

type Known = Value & { readonly value: bigint };
const i32 = (value: bigint | number | boolean): Known => ({ type: "i32", value: BigInt.asUintN(32, BigInt(value)) });
const i64 = (value: bigint | number): Known => ({ type: "i64", value: BigInt.asUintN(64, BigInt(value)) });
const like = (a: Known, value: bigint): Known => a.type === "i32" ? i32(value) : i64(value);

/** What a branch does to a machine at address 0x1000 with these registers and conditions that hold. */
function run(word: number, x: Readonly<Record<number, bigint>> = {}, conditions: readonly number[] = []): string {
  const log: string[] = [];
  const reg = (n: number): bigint => x[n] ?? 0n;
  const builder = {
    x: (n: number) => i64(reg(n)),
    w: (n: number) => i32(reg(n)),
    reg: (sf: number, n: number) => sf === 1 ? i64(reg(n)) : i32(reg(n)),
    setX: (n: number, a: Known) => log.push(`x${n}=0x${a.value.toString(16)}`),
    imm16: i32,
    i32,
    i64,
    eqz: (a: Known) => i32(a.value === 0n),
    and: (a: Known, b: Known) => like(a, a.value & b.value),
    shrU: (a: Known, b: Known) => like(a, a.value >> b.value),
    wrap: (a: Known) => i32(a.value),
    zeroExtend: (a: Known) => i64(a.value),
    condition: (cond: number) => i32(conditions.includes(cond)),
    pcPlus: (offset: number) => i64(0x1000 + offset),
    link: () => log.push("x30=0x1004"),
    branch: (offset: number) => log.push(`b ${offset}`),
    branchLink: (offset: number) => log.push(`bl ${offset}`),
    branchIf: (a: Known, offset: number) => a.value !== 0n && log.push(`b ${offset}`),
    branchTo: (a: Known, kind: string) => log.push(`${kind} 0x${a.value.toString(16)}`),
    exit: (kind: string, argument?: Known) => log.push(argument ? `${kind} 0x${argument.value.toString(16)}` : kind),
    undefined: () => log.push("undefined"),
  };
  const row = decoder.decode(word)!;
  row.semantics!(builder as unknown as Builder, extractFields(row, word));
  return log.join(", ");
}

Deno.test("immediate branches go forwards and backwards", () => {
  assertEquals(run(0x14000001), "b 4");
  assertEquals(run(0x17ffffff), "b -4");
  assertEquals(run(0x15ffffff), "b 134217724");
  assertEquals(run(0x16000000), "b -134217728");
  assertEquals(run(0x97fffffe), "bl -8");
});

Deno.test("conditional branches look at their condition; AL and NV always hold", () => {
  assertEquals(run(0x54000041, {}, [1]), "b 8");
  assertEquals(run(0x54000041, {}, [0]), "");
  assertEquals(run(0x54ffffe0, {}, [0]), "b -4");
  assertEquals(run(0x5480000e), "b -1048576");
  assertEquals(run(0x547fffef), "b 1048572");
});

Deno.test("CBZ and CBNZ compare 32 or 64 bits", () => {
  const x = { 3: 1n << 32n };
  assertEquals(run(0x34000043, x), "b 8");
  assertEquals(run(0xb4000043, x), "");
  assertEquals(run(0x35000043, x), "");
  assertEquals(run(0xb5000043, x), "b 8");
});

Deno.test("TBZ and TBNZ test any of 64 bits", () => {
  for (const bit of [0, 1, 31, 32, 33, 63]) {
    const place = ((bit >> 5) << 31 | (bit & 31) << 19) >>> 0;
    for (const value of [1n << BigInt(bit), ~(1n << BigInt(bit))].map((v) => BigInt.asUintN(64, v))) {
      const isSet = ((value >> BigInt(bit)) & 1n) === 1n;
      assertEquals(run((0x36000043 | place) >>> 0, { 3: value }), isSet ? "" : "b 8", `tbz ${bit}`);
      assertEquals(run((0x37000043 | place) >>> 0, { 3: value }), isSet ? "b 8" : "", `tbnz ${bit}`);
    }
  }
  assertEquals(run(0x36040003), "b -32768");
});

Deno.test("BLR reads its target before it writes X30", () => {
  const x = { 5: 0x2000n, 30: 0x3000n };
  assertEquals(run(0xd61f00a0, x), "br 0x2000");
  assertEquals(run(0xd63f00a0, x), "x30=0x1004, blr 0x2000");
  assertEquals(run(0xd63f03c0, x), "x30=0x1004, blr 0x3000");
  assertEquals(run(0xd65f03c0, x), "ret 0x3000");
});

Deno.test("exceptions give their immediate", () => {
  assertEquals(run(0xd4000001), "svc 0x0");
  assertEquals(run(0xd41fffe2), "hvc 0xffff");
  assertEquals(run(0xd4000023), "smc 0x1");
  assertEquals(run(0xd4208000), "brk 0x400");
  assertEquals(run(0xd45e0000), "hlt 0xf000");
  assertEquals(run(0xd4a00001), "undefined");
  assertEquals(run(0x00000007), "undefined");
  assertEquals(run(0xd69f03e0), "eret");
});
