import { assertEquals } from "@std/assert";
import { assemble } from "../../a64/assembler.ts";
import { Decoder } from "../../a64/decoder.ts";
import { MEANINGS } from "../../a64/table.ts";
import "../../cpu/exception_model.ts"; // defines the helpers that meanings call
import { CPU_MODELS } from "../../cpu/features.ts";
import { Rehearsal } from "./rehearsal.ts";
import { Translator } from "./translator.ts";

const decoder = new Decoder(MEANINGS, CPU_MODELS.max.features);
const MEMORY_PAGES = 64, CODE = 0x20_0000, CPU = 0x1_0000;

/** Compiles a region with a rehearsal, and compares the guest's memory before and after. */
function rehearse(source: string, soleVcpu: number): void {
  const buffer = new SharedArrayBuffer(MEMORY_PAGES * 65536), bytes = new Uint8Array(buffer);
  bytes.fill(0x5a);
  bytes.set(assemble(source, { origin: 0n }).bytes, CODE);
  const before: Uint8Array = bytes.slice();
  const translator = new Translator(buffer, decoder, soleVcpu, new Rehearsal(MEMORY_PAGES, soleVcpu));
  const request = {
    record: 0,
    at: CODE,
    generation: 1,
    rootSlot: 9,
    slot: 0x8000,
    isWhole: true,
    splitsRuns: false,
    place: null,
  };
  // Twice, as the first leaves something in the memory of rehearsals
  for (let i = 0; i < 2; i++) assertEquals(translator.compile([request]).module !== null, true);
  assertEquals(bytes, before);
}

const PROGRAMS = {
  "a loop without end": `1: add x0, x0, #1
    b 1b`,
  "a loop that waits for memory": `1: ldxr x0, [x1]
    add x0, x0, #1
    stxr w2, x0, [x1]
    cbnz w2, 1b
    ldr x3, [x4, #8]
    cbz x3, 1b
    ret`,
  "a function that calls itself": `1: stp x29, x30, [sp, #-16]!
    bl 1b
    bl 1b
    ldp x29, x30, [sp], #16
    ret`,
  "calls and jumps to where nothing is": `blr x1
    bl . + 0x10000
    svc #0
    br x2`,
  "stores and atomics": `str x0, [x1]
    stp q0, q1, [x2]
    ldadd x3, x4, [x5]
    dc zva, x6
    fmadd d0, d1, d2, d3
    ret`,
};

for (const [name, source] of Object.entries(PROGRAMS)) {
  Deno.test(`Rehearsal: ${name} comes back, and leaves the guest's memory alone`, () => {
    rehearse(source, CPU);
    rehearse(source, 0);
  });
}
