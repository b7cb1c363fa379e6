import { assemble } from "../../core/a64/assembler.ts";
import { loadProgram, makeMachine } from "../jit/bare_machine.ts";
import { CODE, MEMORY } from "../jit/layout.ts";

/*
 * What instructions of each class cost in each tier. A name begins with how many of them an iteration executes.
 */

const COUNT = 200_000;
/** Instructions that are executed before a measurement: what is hot is then compiled. */
const WARM_UP = 3_000_000;
/** Copies of a class's instructions in the loop. */
const COPIES = 16;

/** Instructions of each class; the registers that they find are in START. */
const CLASSES: Readonly<Record<string, string>> = {
  "additions": "add x1, x1, x2\nsub x3, x3, x1\nadd w4, w4, #7\nadd x5, x3, w4, uxtw #2",
  "logic and shifts": "eor x1, x1, x2, ror #13\nand x3, x1, #0xff0\nlsr x4, x1, #3\nbfi x5, x1, #8, #16",
  "comparisons and branches": "cmp x1, x2\nb.lo . + 4\nsubs x3, x3, #1\ncsel x4, x1, x3, mi",
  "multiplications": "mul x1, x1, x2\nmadd x3, x3, x1, x2\numulh x4, x1, x3\nsmull x5, w1, w3",
  "divisions": "udiv x3, x2, x6\nsdiv w4, w2, w6",
  "loads": "ldr x1, [x10]\nldrb w2, [x10, #9]\nldr w3, [x10, x7]\nldrsh x4, [x10, #16]",
  "stores": "str x1, [x10]\nstrb w2, [x10, #9]\nstr w3, [x10, x7]\nstrh w4, [x10, #16]",
  "pairs": "ldp x1, x2, [x10]\nstp x1, x2, [x10, #32]\nldp q0, q1, [x10, #64]\nstp q0, q1, [x10, #96]",
  "atomics": "ldadd x1, x2, [x10]\ncas x2, x1, [x10]\nldxr x3, [x10]\nstxr w4, x1, [x10]",
  "vectors of integers":
    "add v0.4s, v0.4s, v1.4s\ncmhi v2.16b, v0.16b, v1.16b\next v3.16b, v0.16b, v1.16b, #5\nmul v4.8h, v0.8h, v1.8h",
  "floating point": "fadd d0, d1, d2\nfmul d3, d0, d2\nfmadd d4, d3, d2, d1\nfcmp d4, d1",
  "vectors of floating point": "fadd v3.2d, v1.2d, v2.2d\nfmul v4.4s, v1.4s, v2.4s\nfmla v5.2d, v1.2d, v2.2d",
  "conversions": "scvtf d3, x1\nfcvtzs x3, d1\nfcvt s4, d1\nucvtf s5, w2",
  "checksums and ciphers": "crc32cx w1, w1, x2\nrbit x3, x2\naese v0.16b, v1.16b\naesmc v0.16b, v0.16b",
  "system registers": "mrs x1, tpidr_el0\nmsr tpidr_el0, x1\nmrs x3, nzcv\nmrs x4, cntvct_el0",
};

const START = `
    ldr     x10, =0x31fffff000
    ldr     x2, =0x123456789abcdef
    mov     x6, #77
    mov     x7, #8
    fmov    d1, #1.5
    fmov    d2, #0.5
`;

/** Other loops: what of one is counted, how many of it a turn has, its source. */
const LOOPS: Readonly<Record<string, string>> = {
  "calls and returns (3 instructions)": "mov x20, #1\n0:\nbl leaf\ncbnz x20, 0b\nleaf: ret",
  "indirect calls (4 instructions)":
    "mov x20, #1\nadr x21, leaf\nadr x22, leaf2\n0:\nblr x21\nblr x22\ncbnz x20, 0b\nleaf: ret\nleaf2: ret",
  "recursion": `
    mov     x20, #1
    ldr     x21, =0x2200000000 + 4096
0:  mov     sp, x21
    mov     x0, #12
    bl      fib
    cbnz    x20, 0b
fib:
    cmp     x0, #2
    b.lo    1f
    stp     x30, x0, [sp, #-32]!
    sub     x0, x0, #1
    bl      fib
    str     x0, [sp, #16]
    ldr     x0, [sp, #8]
    sub     x0, x0, #2
    bl      fib
    ldr     x1, [sp, #16]
    add     x0, x0, x1
    ldp     x30, x1, [sp], #32
1:  ret`,
};

function programOf(body: string): string {
  return `${START}\n    mov x20, #1\n0:\n${`${body}\n`.repeat(COPIES)}    cbnz x20, 0b\n.ltorg\n`;
}

function measure(name: string, source: string, jit: boolean): void {
  let step: (() => void) | null = null;
  Deno.bench(`${COUNT} x ${jit ? "regions" : "handlers"}: ${name}`, (b) => {
    step ??= prepare(source, jit);
    b.start();
    step();
    b.end();
  });
}

/** Loads a program that never ends; what is returned runs a part of it. */
function prepare(source: string, jit: boolean): () => void {
  const machine = makeMachine(jit);
  loadProgram(machine, assemble(source, { origin: CODE.va }).bytes, CODE.va, new Uint8Array(MEMORY.pages * 4096));
  const host = { poll() {}, wait() {} };
  const run = (count: number) =>
    void machine.run(host, { instructions: machine.instructions + count, milliseconds: Infinity });
  run(WARM_UP);
  return () => run(COUNT);
}

for (const jit of [false, true]) {
  for (const [name, body] of Object.entries(CLASSES)) measure(name, programOf(body), jit);
  for (const [name, loop] of Object.entries(LOOPS)) measure(name, `${START}${loop}\n.ltorg\n`, jit);
}
