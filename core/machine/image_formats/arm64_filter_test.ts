import { assertEquals } from "@std/assert";
import { undoArm64Filter } from "./arm64_filter.ts";

/** What the filter leaves of words that stand at an address. */
function undone(words: readonly number[], offset: number): number[] {
  const bytes = new Uint8Array(Uint32Array.from(words).buffer);
  undoArm64Filter(bytes, offset);
  return [...new Uint32Array(bytes.buffer)];
}

Deno.test("the targets of BL become relative, and nothing else that branches", () => {
  // bl 0x2000, twice; b; bl to before its own address
  assertEquals(undone([0x94000800, 0x94000800, 0x14000800, 0x94000001], 0x1000), [
    0x94000400,
    0x940003ff,
    0x14000800,
    0x97fffbfe,
  ]);
});

Deno.test("the pages of ADRP become relative where they are within 512 MiB, and those of ADR stay", () => {
  // adrp x1, page 0x11; adrp x2, page 0x13; adrp x3, page 0x3ffff; adrp x4, page 0x40000: too far; adr x5
  assertEquals(undone([0xb0000081, 0xf0000082, 0xf0ffffe3, 0x90200004, 0x30000085], 0x10_000), [
    0xb0000001,
    0xf0000002,
    0xf0ffff63,
    0x90200004,
    0x30000085,
  ]);
});
