import { assertEquals } from "@std/assert";
import { Decoder, isMoreSpecific } from "./decoder.ts";
import { row } from "./row.ts";

const nothing = (): void => {};
const hint = row("HINT", "1101010100 0 00 011 0010 imm7:7 11111", "hint imm7", nothing);
const paciasp = row("PACIASP", "1101010100 0 00 011 0010 0011 001 11111", "paciasp", nothing, {
  feature: "FEAT_PAuth",
});
const add = row("ADD", "sf:1 0 0 01011 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5", "add Rd, Rn, Rm, shift", nothing, {
  reserved: (f) => f.shift === 3 || (f.sf === 0 && f.imm6 > 31),
});
const everything = row("ANY", "xxxxxxxx xxxxxxxx xxxxxxxx xxxxxxxx", "any", nothing);

Deno.test("the most specific row wins, whatever the order of the table", () => {
  for (const rows of [[hint, paciasp, add], [add, paciasp, hint]]) {
    const decoder = new Decoder(rows);
    assertEquals(decoder.decode(0xd503233f), paciasp);
    assertEquals(decoder.decode(0xd503201f), hint);
    assertEquals(decoder.decode(0x8b020020), add);
    assertEquals(decoder.decode(0xffffffff), null);
  }
});

Deno.test("rows without their feature do not exist", () => {
  assertEquals(new Decoder([hint, paciasp], new Set()).decode(0xd503233f), hint);
  assertEquals(new Decoder([hint, paciasp], new Set(["FEAT_PAuth"])).decode(0xd503233f), paciasp);
});

Deno.test("reserved words go to the next row or are UNDEFINED", () => {
  assertEquals(new Decoder([add]).decode(0x8bc20020), null);
  assertEquals(new Decoder([add]).decode(0x0b028020), null);
  assertEquals(new Decoder([add, everything]).decode(0x0b028020), everything);
});

Deno.test("more specific means all fixed bits of the other and more", () => {
  assertEquals(isMoreSpecific(paciasp, hint), true);
  assertEquals(isMoreSpecific(hint, paciasp), false);
  assertEquals(isMoreSpecific(hint, add), false);
});
