import { assertEquals } from "@std/assert";
import { describeAccess, instructionSyndrome } from "../a64/access_syndrome.ts";
import { buildEsr, lsInstructionSyndrome, parseDataAbortIss, parseEsr, parseSysregIss, sysregIss } from "./syndrome.ts";

Deno.test("buildEsr() and parseEsr() are inverse", () => {
  assertEquals(buildEsr(0x24, 0x1c08006), 0x93c08006);
  assertEquals(parseEsr(0x93c08006), { ec: 0x24, il: 1, iss: 0x1c08006 });
});

Deno.test("sysregIss() and parseSysregIss() are inverse", () => {
  for (const encoding of [0xc000, 0xffff, 0x8284, 0xdf19]) {
    for (const isRead of [true, false]) {
      assertEquals(parseSysregIss(sysregIss(encoding, 17, isRead)), { encoding, Rt: 17, isRead });
    }
  }
  // mrs x2, id_aa64pfr0_el1: ISS 0x300149 with Rt 10
  assertEquals(sysregIss(0xc020, 10, true), 0x300149);
});

Deno.test("parseDataAbortIss() takes an MMIO store apart", () => {
  const iss = parseDataAbortIss(0x1820046);
  assertEquals([iss.isv, iss.sizeBytes, iss.Rt, iss.is64, iss.isWrite, iss.dfsc], [true, 4, 2, false, true, 6]);
});

Deno.test("lsInstructionSyndrome() agrees with what the instruction table says of loads and stores", () => {
  let seed = 7;
  for (let i = 0; i < 60000; i++) {
    seed = Math.imul(seed, 1664525) + 1013904223 >>> 0;
    // Loads and stores: bits 27 and 25 are 1 and 0
    const word = (seed & ~(1 << 25) | 1 << 27) >>> 0;
    const access = describeAccess(word);
    if (access === null) continue;
    assertEquals(lsInstructionSyndrome(word), instructionSyndrome(access), `0x${word.toString(16)}`);
  }
});
