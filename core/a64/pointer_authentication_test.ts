import { assertEquals } from "@std/assert";
import { evaluate, EvaluatorState } from "../../tests/oracle/evaluator.ts";
import { DATA_PROCESSING_REGISTER } from "./data_processing_register.ts";
import { Decoder } from "./decoder.ts";
import type { Builder, I64 } from "../engine/builder.ts";
import { PAUTH, twoRounds } from "./pointer_authentication.ts";
import { SYSTEM } from "./system.ts";
import { testingStored } from "../../tests/needs.ts";

const VECTORS = new URL("../../tests/vectors/pointer_authentication.txt", import.meta.url);

const decoder = new Decoder([...DATA_PROCESSING_REGISTER, ...SYSTEM].filter((row) => row.semantics !== null));

const KEYS = ["APIAKey", "APIBKey", "APDAKey", "APDBKey", "APGAKey"];
const ALL_KEYS = PAUTH.IA | PAUTH.IB | PAUTH.DA | PAUTH.DB;

/** Where the PAC stands in an address of 64 - TnSZ bits. */
function pacMask(tsz: bigint, tbi: boolean): bigint {
  return ((1n << 55n) - (1n << (64n - tsz))) | (tbi ? 0n : 0xffn << 56n);
}

/** A state with the keys, and with what EL1 derives from TCR_EL1. */
function stateOf(tcr: bigint, keys: readonly bigint[]): EvaluatorState {
  const state = new EvaluatorState(0n, 16);
  const bit = (n: number): boolean => ((tcr >> BigInt(n)) & 1n) === 1n;
  const tbi0 = bit(37), tbi1 = bit(38), instruction0 = tbi0 && !bit(51), instruction1 = tbi1 && !bit(52);
  const select = (instruction0 || instruction1 ? PAUTH.select55 : 0) | (tbi0 || tbi1 ? PAUTH.select55Data : 0);
  state.stored.set("pauth", BigInt(ALL_KEYS | select));
  state.stored.set("pacMaskLow", pacMask(tcr & 63n, instruction0));
  state.stored.set("pacMaskHigh", pacMask((tcr >> 16n) & 63n, instruction1));
  state.stored.set("pacMaskDataLow", pacMask(tcr & 63n, tbi0));
  state.stored.set("pacMaskDataHigh", pacMask((tcr >> 16n) & 63n, tbi1));
  keys.forEach((key, i) => state.stored.set(`${KEYS[i >> 1]}${i & 1 ? "Hi" : "Lo"}_EL1`, key));
  return state;
}

/** X0 after an instruction on X0 with the modifier in X1. */
function run(state: EvaluatorState, word: number, pointer: bigint, modifier: bigint): bigint {
  state.x[0] = pointer;
  state.x[1] = modifier;
  evaluate(decoder.decode(word)!, word, state);
  return state.x[0];
}

/** PACIA x0, x1 and so on, for the keys IA, IB, DA, DB; XPACI x0; XPACD x0; PACGA x0, x0, x1. */
const PAC = [0xdac10020, 0xdac10420, 0xdac10820, 0xdac10c20];
const AUT = [0xdac11020, 0xdac11420, 0xdac11820, 0xdac11c20];
const XPACI = 0xdac143e0, XPACD = 0xdac147e0, PACGA = 0x9ac13000;

testingStored("pointers are signed and authenticated as another implementation does it", async () => {
  const lines = (await Deno.readTextFile(VECTORS)).trim().split("\n").filter((line) => !line.startsWith("#"));
  for (const line of lines) {
    const numbers = line.split(" ").map((text) => BigInt(`0x${text}`));
    const [tcr, pointer, modifier] = [numbers[0], numbers[11], numbers[12]], expected = numbers.slice(13);
    const state = stateOf(tcr, numbers.slice(1, 11));
    const results = [
      ...PAC.map((word) => run(state, word, pointer, modifier)),
      ...AUT.map((word, i) => run(state, word, expected[i], modifier)),
      ...AUT.map((word) => run(state, word, pointer, modifier)),
      run(state, PACGA, pointer, modifier),
      run(state, XPACI, expected[0], modifier),
      run(state, XPACD, pointer, modifier),
    ];
    assertEquals(results, expected, line.slice(0, 80));
  }
});

const KEY_VALUES = Array.from({ length: 10 }, (_, i) => 0x0123456789abcdefn * BigInt(i + 1) & 0xffff_ffff_ffff_ffffn);

Deno.test("without TBI bit 63 says in which half a pointer is that is in neither", () => {
  const state = stateOf(0x10_0019n, KEY_VALUES); // T0SZ 25, T1SZ 16
  const signed = run(state, PAC[0], 0x8000_0000_0000_1000n, 5n);
  assertEquals((signed >> 55n) & 1n, 1n);
  assertEquals(signed & 0xffff_ffff_ffffn, 0x1000n);
  // Its PAC was spoilt, so that it does not authenticate: the error code of key A is in bits 62:61.
  assertEquals(run(state, AUT[0], signed, 5n), 0xbfff_0000_0000_1000n);
});

Deno.test("with TBI the tag stays and bit 55 says in which half a pointer is", () => {
  const state = stateOf(0x10n | 0x10_0000n | 3n << 37n, KEY_VALUES);
  const signed = run(state, PAC[2], 0xa5ff_8000_0000_1000n, 5n);
  assertEquals(signed >> 55n, 0xa5n << 1n | 1n);
  assertEquals(run(state, AUT[2], signed, 5n), 0xa5ff_8000_0000_1000n);
  assertEquals(run(state, AUT[2], signed, 6n), 0xa5bf_8000_0000_1000n);
});

Deno.test("a key that is not enabled leaves the pointer alone", () => {
  const state = stateOf(0x10_0010n, KEY_VALUES);
  state.stored.set("pauth", BigInt(ALL_KEYS & ~PAUTH.IB));
  assertEquals(run(state, PAC[1], 0x1234n, 5n), 0x1234n);
  assertEquals(run(state, AUT[1], 0xff12_0000_0000_1234n, 5n), 0xff12_0000_0000_1234n);
});

Deno.test("instructions in the space of hints sign X30 and X17", () => {
  const state = stateOf(0x10_0010n, KEY_VALUES);
  const execute = (word: number): void => evaluate(decoder.decode(word)!, word, state);
  state.x[30] = 0x40_1000n;
  state.sp = 0x7fff_0000n;
  execute(0xd503233f); // paciasp
  assertEquals(state.x[30], run(state, PAC[0], 0x40_1000n, 0x7fff_0000n));
  execute(0xd50323bf); // autiasp
  assertEquals(state.x[30], 0x40_1000n);
  execute(0xd503235f); // pacibz
  assertEquals(state.x[30], run(state, PAC[1], 0x40_1000n, 0n));
  execute(0xd50320ff); // xpaclri
  assertEquals(state.x[30], 0x40_1000n);
  [state.x[16], state.x[17]] = [77n, 0x2000n];
  execute(0xd503211f); // pacia1716
  assertEquals(state.x[17], run(state, PAC[0], 0x2000n, 77n));
  execute(0xd503219f); // autia1716
  assertEquals(state.x[17], 0x2000n);
});

Deno.test("every bit of data, modifier and key counts for the seven bits that an address with a tag has for its PAC", () => {
  const wrap = (value: bigint) => BigInt.asUintN(64, value);
  const builder = {
    i64: (value: number | bigint) => wrap(BigInt(value)),
    xor: (a: bigint, b: bigint) => a ^ b,
    add: (a: bigint, b: bigint) => wrap(a + b),
    mul: (a: bigint, b: bigint) => wrap(a * b),
    shrU: (a: bigint, b: bigint) => a >> b,
  } as unknown as Builder;
  type Inputs = [I64, I64, I64, I64];
  const pac = (inputs: readonly bigint[]) =>
    (twoRounds(builder, ...inputs as unknown as Inputs) as unknown as bigint) >> 48n & 0x7fn;
  const samples = Array.from(
    { length: 16 },
    (_, i) => [0, 2, 4, 6].map((k) => wrap(KEY_VALUES[k] * BigInt(2 * i + 3))),
  );
  for (let input = 0; input < 4; input++) {
    for (let bit = 0; bit < 64; bit++) {
      const changed = samples.filter((sample) =>
        pac(sample) !== pac(sample.map((value, k) => k === input ? value ^ 1n << BigInt(bit) : value))
      );
      assertEquals(changed.length >= 12, true, `input ${input}, bit ${bit}: ${changed.length} of 16`);
    }
  }
});
