import { assemble } from "../../core/a64/assembler.ts";
import { Decoder } from "../../core/a64/decoder.ts";
import { MEANINGS } from "../../core/a64/table.ts";
import { CPU_MODELS } from "../../core/cpu/features.ts";
import { Translator } from "../../core/engine/jit/translator.ts";
import { makeMachine } from "../jit/bare_machine.ts";

/*
 * What it costs to make a region. A name begins with how many instructions of the guest an iteration translates.
 */

/** A function as compilers write them: arguments kept, loops, branches, calls, accesses through a few bases. */
const FUNCTION = `
    stp     x29, x30, [sp, #-48]!
    mov     x29, sp
    stp     x19, x20, [sp, #16]
    str     x21, [sp, #32]
    mov     x19, x0
    cbz     x0, 4f
    ldr     w20, [x0, #8]
    mov     x21, #0
1:  ldr     x1, [x19, x21, lsl #3]
    cmp     x1, #0
    b.eq    2f
    ldrb    w2, [x1, #4]
    and     w3, w2, #0xf
    add     w20, w20, w3, lsl #2
    tbnz    w2, #7, 3f
    eor     x4, x1, x20
    lsr     x5, x4, #17
    str     x5, [x19, #16]
2:  add     x21, x21, #1
    cmp     x21, #32
    b.lo    1b
    b       4f
3:  mov     x0, x1
    bl      . + 64
    cbnz    w0, 2b
    subs    w20, w20, #1
    b.ne    2b
4:  mov     w0, w20
    ldr     x21, [sp, #32]
    ldp     x19, x20, [sp, #16]
    ldp     x29, x30, [sp], #48
    ret
`;
const INSTRUCTIONS = 33;
const REGIONS = 20;

const machine = makeMachine(false), { ram, engine } = machine;
const translator = new Translator(machine.buffer, new Decoder(MEANINGS, CPU_MODELS.max.features));
const host = ram.hostOffset(0x4001_0000), { bytes } = assemble(FUNCTION, { origin: 0n });
const requests = Array.from({ length: REGIONS }, (_, i) => {
  const at = host + 256 * i;
  ram.u8.set(bytes, at);
  const slot = engine.handlers.allocate(), record = engine.code.recordsOf(at >>> 12) + (at & 0xfff) * 4;
  return { record, at, generation: 1, rootSlot: 0, slot, isWhole: true, splitsRuns: false, place: null };
});

Deno.bench(`${INSTRUCTIONS} x instructions translated and compiled, in a module of 1 region`, () => {
  translator.compile(requests.slice(0, 1));
});
Deno.bench(
  `${INSTRUCTIONS * REGIONS} x instructions translated and compiled, in a module of ${REGIONS} regions`,
  () => {
    translator.compile(requests);
  },
);
