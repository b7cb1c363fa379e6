import { assert, assertEquals } from "@std/assert";
import { assemble } from "../../a64/assembler.ts";
import { Decoder } from "../../a64/decoder.ts";
import { MEANINGS } from "../../a64/table.ts";
import { CPU_MODELS } from "../../cpu/features.ts";
import { type DebuggedMachine, debuggedMachine } from "../../debug/fixture.ts";
import { UNDEFINED_ROW } from "../code_cache.ts";
import { Analyst } from "./analysis.ts";
import { LeafFinder } from "./leaf.ts";
import { engineReport } from "./report.ts";

const analyst = new Analyst(new Decoder(MEANINGS, CPU_MODELS.max.features), UNDEFINED_ROW);

/** The instructions of the leaf that a BL in front of these is written with; 0 where it is none. */
function leafLength(callee: string): number {
  const words = new Int32Array(1024);
  words.set(new Int32Array(assemble(`bl 1f\n1: ${callee}`, { origin: 0n }).bytes.slice().buffer));
  const finder = new LeafFinder(new SharedArrayBuffer(0x10000), analyst, 0, words, null);
  return finder.find(0, analyst.factsOf(words[0]))?.instructions.length ?? 0;
}

Deno.test("LeafFinder finds functions that only compute, load and store", () => {
  assertEquals(leafLength("ret"), 1);
  assertEquals(leafLength("ldr x0, [x1]\n str x0, [sp, #-16]!\n cmp x0, #1\n ret"), 4);
});

Deno.test("LeafFinder leaves out functions that branch, call, write X30, do more or are long", () => {
  const others = ["cbz x0, 1b\n ret", "bl 1b\n ret", "ldr x30, [sp]\n ret", "tlbi vmalle1\n ret", "isb\n ret"];
  for (const callee of [...others, "svc #0\n ret", "retaa", "ret x1", "nop\n".repeat(16) + "ret"]) {
    assertEquals(leafLength(callee), 0, callee);
  }
});

/** Calls leaves of other pages, directly and by a register that changes, and changes one of them. */
const CALLS = `
    adr     x21, first
    adr     x22, second
    adr     x23, third
    ldr     w24, other
    ldr     x25, =0x8000004             // GICD_TYPER
    mov     x20, #0
loop:
    mov     x0, x20
    blr     x21
    add     x1, x1, x0
    bl      third
    eor     x2, x2, x0
    add     x20, x20, #1
    cmp     x20, #0x6000
    b.ne    1f
    mov     x21, x22
1:  cmp     x20, #0x9000
    b.ne    2f
    str     w24, [x23]
    dc      cvau, x23
    dsb     ish
    ic      ivau, x23
    dsb     ish
    isb
2:  cmp     x20, #0xc000
    b.ne    loop
end: b      end
other:
    add     x0, x0, #9
    .balign 4096
first:
    add     x0, x0, #3
    ldr     w3, [x25]
    adr     x4, first
    eor     x3, x3, x4
    add     x0, x0, x3
    ret
second:
    adr     x0, first
    ret
    .balign 4096
third:
    sub     x0, x0, x1
    ret
`;

function stateOf({ machine, vcpu }: DebuggedMachine): unknown[] {
  const registers = Array.from({ length: 31 }, (_, n) => vcpu.u64[(vcpu.base >>> 3) + n]);
  return [machine.instructions, vcpu.get64("pc"), ...registers];
}

Deno.test("leaves of other pages do what calls of them do, also when they are others now", () => {
  const jit = debuggedMachine(CALLS), interpreter = debuggedMachine(CALLS, 1, false);
  for (let i = 0; i < 120; i++) {
    for (const m of [jit, interpreter]) m.run(7_654);
    assertEquals(stateOf(jit), stateOf(interpreter));
  }
  assertEquals(jit.vcpu.u64[(jit.vcpu.base >>> 3) + 20], 0xc000n);
  assert(engineReport(jit.machine.engine, jit.machine.vcpus).shares.translated > 0.1);
});
