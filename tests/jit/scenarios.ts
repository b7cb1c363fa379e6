/*
 * Programs for both tiers, each about one thing that crosses instructions: they start at CODE with everything mapped as
 * layout.ts has it, and end with BRK #0.
 */

export interface Scenario {
  readonly name: string;
  readonly source: string;
  /** Ticks after which the virtual timer interrupts, again and again; none when it is left out. */
  readonly period?: number;
}

const CONSTANTS = String.raw`
.equ MEM, 0x31fffff000
.equ OTHER, 0x2200000000
.equ ALIAS, 0x3200310000
.equ CODE, 0x31fff10000
.equ VARIABLES, 0x2000001000
.equ RECOVERY, 0x18
.equ USER, 0x1000000000
.equ READ_ONLY, 0x2300000000
.equ DEVICE, 0x2400000000
.equ NOWHERE, 0x0080000000000001            // in no half of the address space
.equ TABLES, 0x2500000000
.equ DEEP, 0x2500020000                     // behind the tables in use: 128 KiB
`;

/** Makes code at the address in x0 and x0 + 4 be fetched anew. */
const SYNCHRONIZE = String.raw`
    dc      cvau, x0
    dsb     ish
    ic      ivau, x0
    dsb     ish
    isb
`;

function scenario(name: string, source: string, period?: number): Scenario {
  return { name, source: CONSTANTS + source, period };
}

const CONDITIONS = ["eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"];

/** What sets flags from x1 and x2 or what they hold. */
const SETTERS: Readonly<Record<string, string>> = {
  "additions": "adds x3, x1, x2",
  "additions of words": "adds w3, w1, w2",
  "subtractions": "subs x3, x1, x2",
  "subtractions of words": "subs w3, w1, w2",
  "comparisons with itself": "cmp x1, x1",
  "comparisons with a number": "cmp x1, #1",
  "negative comparisons": "cmn w1, w2",
  "tests": "ands x3, x1, x2",
  "tests of words": "bics w3, w1, w2",
  "additions with carry": "adcs x3, x1, x2",
  "subtractions with carry": "sbcs w3, w1, w2",
  "conditional comparisons": "cmp x1, #0\n ccmp x1, x2, #6, ge",
  "conditional negative comparisons": "cmp w1, w2\n ccmn w1, w2, #9, ne",
  "numbers": "fcmp d1, d2",
  "negations": "negs x3, x2",
  "bits of a register": "setf8 w1",
  "rotated bits": "rmif x1, #60, #13",
};

/** Every condition behind an instruction that sets flags, in the same block, in others and behind a call. */
function conditions(setter: string): string {
  const use = (register: string) => CONDITIONS.map((c) => `cset x4, ${c}\n eor ${register}, x4, ${register}, ror #63`);
  const branches = CONDITIONS.map((c, i) => `b.${c} ${90 + i}f\n add x22, x22, #${1 << (i % 12)}\n${90 + i}:`);
  return [
    "adr x10, values\n mov x11, #0",
    "1: mov x12, #0",
    "2: ldr x1, [x10, x11, lsl #3]\n ldr x2, [x10, x12, lsl #3]\n fmov d1, x1\n fmov d2, x2",
    setter,
    ...use("x20"),
    setter,
    ...branches,
    `tbz x12, #0, 3f`,
    setter,
    "3:",
    ...use("x21"),
    ...branches.map((line) => line.replaceAll("x22", "x23")),
    setter,
    "bl use",
    "mrs x4, nzcv\n eor x25, x25, x4\n ror x25, x25, #7\n ror x22, x22, #11\n ror x23, x23, #11",
    "add x12, x12, #1\n cmp x12, #16\n b.ne 2b",
    "add x11, x11, #1\n cmp x11, #16\n b.ne 1b",
    "brk #0",
    "use:",
    ...use("x24"),
    "ret",
    ".balign 8\nvalues:",
    ".quad 0, 1, 2, -1, -2, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffff80000000",
    ".quad 0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000001, 0x123456789, 0x7ff8000000000000, 0x4010000000000000",
  ].join("\n");
}

/** X0, MEM, whose descriptor is at X20; X1 and X2, that descriptor and the one of another page. */
const DESCRIPTORS = `
    ldr     x20, =DESCRIPTOR
    ldr     x21, =DESCRIPTOR_OTHER
    ldr     x0, =MEM
    ldr     x1, [x20]
    ldr     x2, [x21]`;

export const SCENARIOS: readonly Scenario[] = [
  ...Object.entries(SETTERS).map(([name, setter]) => scenario(`conditions after ${name}`, conditions(setter))),
  scenario(
    "flags set in one block are read in others",
    String.raw`
    mov     x0, #200
    mov     x9, #0
    mov     w20, #0x7fffffff
1:  adds    w1, w20, w0
    cset    x2, vs
    csinc   x3, x1, x0, mi
    tbz     x0, #0, 2f
    subs    x4, x0, #100
    b       3f
2:  ands    x4, x0, #0xff
    b.eq    3f
    adcs    x4, x4, x0
3:  cset    x5, hi
    cinc    x9, x9, lt
    csel    x6, x4, x0, vc
    mrs     x7, nzcv
    eor     x9, x9, x7, lsr #28
    ccmp    x0, #17, #0b0101, ge
    cset    x8, eq
    ccmn    w0, #3, #0b1010, ls
    adc     x9, x9, x8
    b.cc    4f
    sbcs    x9, x9, xzr
4:  sub     x0, x0, #1
    cbnz    x0, 1b
    brk     #0`,
  ),
  scenario(
    "conditional comparisons on both ways of a branch",
    String.raw`
    mov     x0, #200
    mov     x9, #0
1:  sub     x1, x0, #90
    neg     x2, x0
    cmp     x0, #100
    ccmn    x1, x2, #9, ne
    b.vs    2f
    adr     x6, keep
    blr     x6
    mrs     x7, nzcv
    eor     x9, x7, x9, ror #5
    b       3f
2:  ccmp    w0, #31, #6, hi
    b.eq    3f
    ccmn    w0, #3, #5, eq
3:  mrs     x7, nzcv
    eor     x9, x7, x9, ror #3
    sub     x0, x0, #1
    cbnz    x0, 1b
    brk     #0
keep:
    ret`,
  ),
  scenario(
    "flags across calls and returns",
    String.raw`
    mov     x0, #60
1:  subs    x0, x0, #1
    bl      keep
    b.ne    1b
    mov     x0, #40
2:  bl      compare
    cset    x3, gt
    add     x4, x4, x3
    subs    x0, x0, #1
    bl      keep
    ccmp    x0, #0, #4, ne
    b.ne    2b
    mov     x1, #0xf0000000
    msr     nzcv, x1
    bl      keep
    cset    x5, vs
    brk     #0
keep:
    cinc    x2, x2, eq
    tbz     x0, #1, 9f
    ret
9:  add     x6, x6, #1
    ret
compare:
    cmp     x0, #20
    ret`,
  ),
  scenario(
    "calls nested deeper than WebAssembly calls are",
    String.raw`
    ldr     x28, =DEEP
    mov     x27, #1
again:
    mov     x0, #0
    mov     x1, #9000
    bl      down
    subs    x27, x27, #1
    b.ne    again
    brk     #0
down:
    str     x30, [x28], #8
    cbz     x1, 1f
    sub     x1, x1, #1
    bl      down
    add     x0, x0, x1
    add     x1, x1, #1
1:  ldr     x30, [x28, #-8]!
    eor     x0, x0, x30
    ret`,
  ),
  scenario(
    "calls nested deeper than WebAssembly calls are, across pages and through registers",
    String.raw`
    ldr     x28, =DEEP
    mov     x27, #1
again:
    mov     x0, #0
    mov     x1, #6000
    bl      down
    subs    x27, x27, #1
    b.ne    again
    brk     #0
down:
    str     x30, [x28], #8
    cbz     x1, 1f
    sub     x1, x1, #1
    adr     x2, down2
    tbz     x1, #1, 2f
    bl      down2
    b       3f
2:  blr     x2
3:  add     x0, x0, x1
    add     x1, x1, #1
1:  ldr     x30, [x28, #-8]!
    eor     x0, x0, x30
    ret
    .balign 4096
down2:
    str     x30, [x28], #8
    adr     x2, down
    cbz     x1, 1f
    sub     x1, x1, #1
    blr     x2
    add     x0, x0, x1
    add     x1, x1, #1
1:  ldr     x30, [x28, #-8]!
    eor     x0, x0, x30
    ret`,
  ),
  scenario(
    "returns to other addresses",
    String.raw`
    mov     x20, #50
1:  bl      skip                            // returns behind the next instruction
    add     x0, x0, #1
    add     x1, x1, #1
    bl      outer
    add     x2, x2, #1
    b       2f
    add     x3, x3, #1                      // where inner returns to
2:  bl      tail
    bl      swap                            // a coroutine
    add     x4, x4, #1
    bl      swap2
    add     x5, x5, #1
    subs    x20, x20, #1
    b.ne    1b
    brk     #0
skip:
    add     x30, x30, #4
    ret
outer:
    mov     x21, x30
    bl      inner
    add     x6, x6, #1                      // never
    ret     x21
inner:
    tbz     x20, #0, 3f
    add     x30, x21, #8                    // to the caller's caller
    ret
3:  mov     x30, x21
    ret
tail:
    tbnz    x20, #1, tail2
    ret
tail2:
    add     x7, x7, #1
    b       tail3
tail3:
    ret
swap:
    mov     x22, x30
    ldr     x23, =coroutine
    cbz     x24, 4f
    mov     x23, x24
4:  br      x23
swap2:
    mov     x25, x30
    blr     x24
    ret     x25
coroutine:
    add     x8, x8, #1
    adr     x24, resumed
    ret     x22
resumed:
    add     x9, x9, #1
    mov     x24, x30
    cbz     x30, 5f
    mov     x24, #0
    adr     x24, again
    ret     x30
5:  brk     #1
again:
    add     x10, x10, #1
    adr     x24, resumed
    tbz     x20, #2, 6f
    ret     x22
6:  ret     x22`,
  ),
  scenario(
    "branch tables and indirect calls",
    String.raw`
    mov     x0, #300
1:  and     x1, x0, #7
    adr     x2, table
    ldrsw   x3, [x2, x1, lsl #2]
    add     x2, x2, x3
    br      x2
case0: add  x4, x4, #1
    b       join
case1: eor  x4, x4, x0
case2: sub  x5, x5, #1
    b       join
case3: bl   leaf
join:
    adr     x6, functions
    and     x7, x0, #3
    ldr     x7, [x6, x7, lsl #3]
    blr     x7
    subs    x0, x0, #1
    b.ne    1b
    brk     #0
leaf:
    add     x8, x8, #3
    ret
leaf2:
    mov     x9, x30
    bl      leaf
    ret     x9
table:
    .word case0 - table, case1 - table, case2 - table, case3 - table
    .word join - table, case0 - table, case3 - table, case1 - table
    .balign 8
functions:
    .quad leaf, leaf2, far, leaf
    .balign 4096
far:
    mov     x10, x30
    add     x11, x11, #1
    bl      leaf2
    ret     x10`,
  ),
  scenario(
    "code and branches across pages",
    String.raw`
    mov     x0, #100
    b       near_end
    .balign 4096
    .skip   4096 - 12
near_end:
    add     x1, x1, #1
    tbz     x0, #0, 1f
    add     x2, x2, x0
1:  add     x3, x3, #1                      // first of the next page
    cbz     x3, near_end
    bl      beyond
    subs    x0, x0, #1
    b.eq    2f
    b       near_end
2:  brk     #0
    .balign 4096
    .skip   4096 - 4
beyond:
    add     x4, x4, #1
    add     x5, x5, x4
    tbnz    x5, #3, 3f
    ret
3:  b       4f
    .balign 4096
4:  ret`,
  ),
  scenario(
    "faults in the middle of blocks leave exact state",
    String.raw`
    mov     x0, #40
    ldr     x1, =MEM + 8192 - 64
    ldr     x2, =READ_ONLY
    ldr     x3, =MEM + 0x100
1:  adds    x4, x4, x0
    str     x4, [x1], #24                   // runs off the end
    stp     x4, x0, [x1, #-16]!
    ldp     x5, x6, [x1], #8
    cset    x7, cs
    subs    x8, x0, #7
    str     x8, [x2]                        // never allowed
    cinc    x9, x9, le
    ldr     x10, [x2], #8
    fmov    d0, x4
    fadd    d1, d1, d0
    str     q1, [x1]
    ldr     q2, [x3], #16
    fadd    v3.2d, v2.2d, v1.2d
    subs    x11, x4, x8
    ldxr    x12, [x3]
    stxr    w13, x0, [x3]
    ldr     x14, [x13, x0]                  // a null pointer
    ldar    x14, [x1]                       // perhaps misaligned
    tbz     x0, #2, 2f
    ldr     x1, =MEM + 8192 - 40
2:  adcs    x15, x15, x14
    subs    x0, x0, #1
    b.ne    1b
    brk     #0`,
  ),
  ...[undefined, 60].map((period) =>
    scenario(
      `leaf functions, whose accesses fault and whose flags are looked at${period ? ", with interrupts" : ""}`,
      String.raw`
    mov     x20, #60
    ldr     x1, =MEM + 8192 - 64
    ldr     x2, =READ_ONLY
    adr     x22, 5f
    adr     x23, 6f
1:  mov     x0, x20
    bl      3f
    cset    x4, cs
    add     x5, x5, x0
    bl      4f                              // its accesses fault
    adc     x6, x6, x0
    tst     x20, #1
    csel    x24, x22, x23, eq
    blr     x24                             // one or the other
    add     x7, x7, x0
    bl      7f                              // writes x30
    tbz     x20, #3, 2f
    ldr     x1, =MEM + 8192 - 40
2:  subs    x20, x20, #1
    b.ne    1b
    brk     #0
3:  adds    x0, x0, x5
    ret
4:  ldr     x0, [x1], #8
    str     x0, [x2]
    ldur    x3, [x1, #-8]
    subs    x0, x0, x3
    ret
5:  stp     x0, x1, [sp, #-16]!
    eor     x0, x0, x20
    ldp     x8, x9, [sp], #16
    ret
6:  adr     x0, 6b
    ret
7:  mov     x10, x30
    mov     x30, x10
    ret`,
      period,
    )
  ),
  scenario(
    "faults, exits and interrupts in small loops",
    String.raw`
    mov     x20, #40
1:  ldr     x1, =MEM + 8192 - 256           // the page behind is not mapped
    mov     x2, #30
2:  ldr     x3, [x1], #16                   // runs off the end
    add     x4, x4, x3
    add     x4, x4, #1
    stur    x4, [x1, #-8]
    subs    x2, x2, #1
    b.ne    2b
    ldr     x1, =MEM + 64
    ldr     x5, =READ_ONLY
    mov     x2, #9
3:  ldr     q0, [x1], #16
    add     v1.4s, v1.4s, v0.4s
    eor     v2.16b, v2.16b, v1.16b
    cmp     x2, #4
    b.eq    4f                              // out of the middle
    adds    x6, x6, x2
    csel    x7, x6, x7, cs
    cbnz    x2, 5f
    str     x6, [x5]                        // never allowed
5:  sub     x2, x2, #1
    tbz     x2, #63, 3b
4:  ccmp    x6, x7, #5, hi                  // reads the flags of both ways out
    cset    x8, ge
    mov     x9, #3
6:  mov     x10, #4
7:  add     x11, x11, x10
    mov     w12, w11
    subs    x10, x10, #1
    b.gt    7b
    str     x11, [x1, x9, lsl #3]
    subs    x9, x9, #1
    b.ne    6b
    mov     x13, #6
8:  add     x14, x14, #7
    svc     #1                              // in a loop
    mrs     x15, nzcv
    eor     x16, x16, x15
    subs    x13, x13, #1
    b.ne    8b
    mov     x13, #20
9:  str     x14, [x5]                       // never allowed
    eor     x14, x14, x13
    subs    x13, x13, #1
    b.pl    9b
    subs    x20, x20, #1
    b.ne    1b
    brk     #0`,
    97,
  ),
  scenario(
    "addresses that are not canonical",
    String.raw`
    mov     x0, #40
    ldr     x20, =MEM
    ldr     x1, =NOWHERE + 0x10
    mov     x2, #-1
    lsr     x3, x2, #1
    lsl     x4, x2, #55
    mov     x5, #0
1:  ldr     x6, [x1]
    add     x7, x7, #1
    str     x0, [x1, #8]
    ldr     x8, [x1, #8]
    ldr     x8, [x2]
    ldrb    w8, [x2]
    ldr     x8, [x3]
    str     x0, [x4, #16]
    ldr     x8, [x5, #8]
    strb    w0, [x5, #1]
    ldr     x9, [x20, #8]
    str     x9, [x20, #16]
    mov     x9, x1
    bl      touch
    eor     x1, x1, x20                     // a base that is good and bad in turn
    eor     x20, x20, x1
    eor     x1, x1, x20
    subs    x0, x0, #1
    b.ne    1b
    brk     #0
touch:
    ldr     x10, [x9, #24]
    ret`,
  ),
  scenario(
    "stack pointers: alignment, SPSel, exceptions on either",
    String.raw`
    ldr     x1, =MEM + 0x800
    mov     sp, x1
    mov     x0, #30
1:  stp     x0, x1, [sp, #-16]!
    sub     sp, sp, #8
    ldr     x2, [sp]                        // misaligned SP
    add     sp, sp, #8
    msr     spsel, #0
    mov     x3, sp
    stp     x0, x3, [sp, #-16]!
    svc     #3
    add     x4, x4, #1
    ldp     x5, x6, [sp], #16
    msr     spsel, #1
    ldp     x7, x8, [sp], #16
    mrs     x9, sp_el0
    subs    x0, x0, #1
    b.ne    1b
    brk     #0`,
  ),
  scenario(
    "traps of SIMD and FP that come and go",
    String.raw`
    mov     x0, #30
    mov     x1, #3 << 20
    mov     x2, #1
1:  fmov    d0, x0
    fadd    d1, d0, d1
    tbz     x0, #1, 2f
    msr     cpacr_el1, xzr
    isb
    fadd    d2, d1, d0                      // undefined here
    add     x3, x3, #1
    msr     cpacr_el1, x1
    isb
2:  fadd    d3, d2, d1
    fmul    d3, d3, d0
    mrs     x4, fpsr
    msr     fpcr, x5
    eor     x5, x5, #0x400000               // rounding
    fdiv    d4, d3, d1
    msr     cpacr_el1, xzr                  // without ISB
    fadd    d5, d4, d4
    msr     cpacr_el1, x1
    subs    x0, x0, #1
    b.ne    1b
    brk     #0`,
  ),
  scenario(
    "code that changes its own page, with ISB",
    String.raw`
    mov     x9, #60
    ldr     w10, =0x91000421                // add x1, x1, #1
    ldr     w11, =0xd1000c21                // sub x1, x1, #3
    adr     x0, slot
1:  tst     x9, #3
    csel    w12, w10, w11, ne
    str     w12, [x0]
    ${SYNCHRONIZE}
    add     x2, x2, #1
slot:
    nop
    eor     x3, x3, x1
    subs    x9, x9, #1
    b.ne    1b
    brk     #0
    .balign 8`,
  ),
  scenario(
    "code that changes its own page, without ISB and as data",
    String.raw`
    mov     x9, #60
    ldr     w10, =0x91000421
    ldr     w11, =0xd1000c21
    adr     x0, slot
    adr     x4, counter
1:  tst     x9, #3
    csel    w12, w10, w11, ne
    str     w12, [x0]
    add     x2, x2, #1
slot:
    nop
    eor     x3, x3, x1
    ldr     x5, [x4]
    add     x5, x5, #1
    str     x5, [x4]
    bl      bump
    subs    x9, x9, #1
    b.ne    1b
    brk     #0
bump:
    ldr     x5, [x4, #8]
    add     x5, x5, x1
    stp     x5, x9, [x4, #8]
    ret
    .balign 8
counter:
    .quad   0, 0, 0`,
  ),
  scenario(
    "code that changes another page, under its own address and another",
    String.raw`
    mov     x9, #40
    ldr     w10, =0x91000421
    ldr     w11, =0xd1000c21
    ldr     x13, =ALIAS - CODE
1:  adr     x0, slot
    tst     x9, #3
    csel    w12, w10, w11, ne
    tbz     x9, #0, 2f
    add     x0, x0, x13
2:  str     w12, [x0]
    ${SYNCHRONIZE}
    bl      other
    subs    x9, x9, #1
    b.ne    1b
    brk     #0
    .balign 4096
other:
    add     x2, x2, #1
slot:
    nop
    eor     x3, x3, x1
    ret`,
  ),
  scenario(
    "a function that drops the page it returns to",
    String.raw`
    mov     x9, #40
    ldr     w10, =0x91000421
    ldr     w11, =0xd1000c21
1:  adr     x0, slot
    tst     x9, #3
    csel    w12, w10, w11, ne
    bl      patch
slot:
    nop
    eor     x3, x3, x1
    subs    x9, x9, #1
    b.ne    1b
    brk     #0
    .balign 4096
patch:
    str     w12, [x0]
    ${SYNCHRONIZE}
    ret`,
  ),
  scenario(
    "the same code under two addresses",
    String.raw`
    mov     x9, #60
    ldr     x13, =ALIAS - CODE
    adr     x14, function
    add     x15, x14, x13
1:  blr     x14
    blr     x15
    subs    x9, x9, #1
    b.ne    1b
    brk     #0
function:
    adr     x1, function
    eor     x2, x2, x1
    mov     x16, x30
    bl      2f
    tbz     x9, #0, 3f
    add     x3, x3, x1
3:  ret     x16
2:  add     x4, x4, x30
    ret`,
  ),
  scenario(
    "pages that are mapped anew in a loop",
    String.raw`${DESCRIPTORS}
    mov     x9, #60
1:  ldr     x3, [x0, #8]
    add     x3, x3, x9
    str     x3, [x0, #8]
    ldr     x4, [x0, #16]
    str     x2, [x20]
    dsb     ishst
    lsr     x5, x0, #12
    tbz     x9, #0, 2f
    tlbi    vae1, x5
    b       3f
2:  tlbi    vmalle1
3:  dsb     ish
    isb
    str     x9, [x0, #16]
    ldr     x6, [x0, #8]
    add     x7, x7, x6
    mov     x8, x1
    mov     x1, x2
    mov     x2, x8
    subs    x9, x9, #1
    b.ne    1b
    brk     #0`,
  ),
  scenario(
    "accesses side by side, with a page mapped anew between them",
    String.raw`${DESCRIPTORS}
    mov     x9, #40
    lsr     x5, x0, #12
1:  cmp     x9, #20
    ldr     x3, [x0, #8]
    str     x2, [x20]
    dsb     ishst
    tlbi    vae1, x5
    dsb     ish
    ldr     x4, [x0, #16]
    cinc    x7, x7, hi
    dc      cvau, x0
    add     x6, x6, x3
    add     x6, x6, x4
    add     x6, x6, x9
    str     x6, [x0, #16]
    mov     x8, x1
    mov     x1, x2
    mov     x2, x8
    subs    x9, x9, #1
    b.ne    1b
    brk     #0`,
    70,
  ),
  scenario(
    "pages that a callee maps anew",
    String.raw`
    ldr     x20, =DESCRIPTOR
    ldr     x21, =DESCRIPTOR_OTHER
    ldr     x0, =MEM
    mov     x9, #60
    ldr     x1, [x20]
    ldr     x2, [x21]
1:  ldr     x3, [x0, #8]
    add     x3, x3, x9
    str     x3, [x0, #8]
    tbz     x9, #0, 3f
    bl      near
    b       4f
3:  bl      far
4:  ldr     x6, [x0, #8]
    str     x9, [x0, #16]
    add     x7, x7, x6
    subs    x9, x9, #1
    b.ne    1b
    brk     #0
near:
    mov     x8, x1
    mov     x1, x2
    mov     x2, x8
    str     x1, [x20]
    dsb     ishst
    lsr     x5, x0, #12
    tlbi    vae1, x5
    dsb     ish
    isb
    ret
    .balign 4096
far:
    b       near`,
  ),
  scenario(
    "pairs of registers that loops copy, up to pages that are not there or only read",
    String.raw`
    ldr     x21, =VARIABLES
    ldr     x0, =MEM
    mov     x2, #1024
    ldr     x5, =0x123456789abcdef
1:  str     x5, [x0], #8
    eor     x5, x5, x5, ror #13
    add     x5, x5, x0
    subs    x2, x2, #1
    b.ne    1b
    mov     x9, #24
1:  ldr     x1, =MEM
    ldr     x3, =OTHER
    add     x1, x1, x9, lsl #3
    add     x3, x3, #16
    mov     x2, #40
    ldp     x6, x7, [x1, #-16]
    ldp     x12, x10, [x1, #16]
    adr     x4, 2f
    tbnz    x9, #0, 2f
    br      x4                              // the loop begins a region
2:  stp     x6, x7, [x3, #16]               // as memcpy does it
    ldp     x6, x7, [x1, #16]
    stp     x12, x10, [x3, #32]!
    ldp     x12, x10, [x1, #32]!
    subs    x2, x2, #1
    b.hi    2b
    eor     x5, x6, x7, ror #8
    eor     x5, x5, x12
    sub     x5, x5, x10
    str     x5, [x3]
    ldr     x1, =MEM                        // up to the end of its pages
    add     x1, x1, #1, lsl #12
    add     x1, x1, #0xf00
    ldr     x3, =OTHER
    and     x4, x9, #1
    ldr     x8, =READ_ONLY
    cmp     x4, #0
    csel    x3, x3, x8, ne
    mov     x2, #30
    adr     x4, 3f
    adr     x8, 4f
    tst     x9, #2
    csel    x4, x4, x8, ne
    br      x4
3:  ldp     x6, x7, [x1], #16
    stp     x6, x7, [x3], #16
    cmp     x2, x9
    b.eq    5f
    subs    x2, x2, #1
    b.hi    3b
4:  stp     x6, x7, [x3]
    ldp     x6, x7, [x1], #16
    ldrb    w4, [x1]
    cbz     w4, 6f
    subs    x2, x2, #1
    b.hi    4b
    b       5f
6:  add     x4, x6, x7
5:  str     x7, [x21, #0x800]
    subs    x9, x9, #1
    b.ne    1b
    brk     #0`,
  ),
  scenario(
    "accesses outside loops to both halves of the address space, to pages that come and go",
    String.raw`
    mrs     x0, tcr_el1
    and     x0, x0, #0xffffffffff7fffff     // EPD1
    orr     x0, x0, #0x100000               // T1SZ: 48 bits
    orr     x0, x0, #0x80000000             // TG1: 4 KiB
    msr     tcr_el1, x0
    mrs     x0, ttbr0_el1
    msr     ttbr1_el1, x0
    tlbi    vmalle1
    dsb     ish
    isb
    ldr     x20, =MEM
    ldr     x21, =OTHER
    movz    x22, #0xffff, lsl #48           // where the upper half begins
    orr     x23, x20, x22
    orr     x24, x21, x22
    adr     x10, 1f
    adr     x11, 2f
    mov     x9, #600
1:  mov     x13, x20                        // an indirect branch: no loop
    mov     x20, x24
    mov     x24, x21
    mov     x21, x23
    mov     x23, x13
    ldr     x1, [x20, #8]
    ldr     w2, [x21, #20]
    ldrb    w3, [x23, #3]
    ldr     x4, [x24, x9, lsl #3]
    eor     x5, x1, x2, ror #3
    add     x5, x5, x3
    eor     x5, x5, x4
    str     x5, [x23, x9]
    str     w9, [x21, #24]
    strh    w5, [x24, #10]
    ldr     q1, [x20, #32]
    str     q1, [x24, #48]
    tst     x9, #15
    b.ne    3f
    lsr     x12, x24, #12
    and     x12, x12, #0xfffffffffff
    tlbi    vaae1, x12
    dsb     ish
    isb
3:  subs    x9, x9, #1
    csel    x12, x10, x11, ne
    br      x12
2:  brk     #0`,
  ),
  scenario(
    "calls to an address that is another function's in another address space",
    String.raw`
    mrs     x25, ttbr0_el1
    ldr     x23, =TABLES
    mov     x0, x23
    ldr     x1, =DEEP
    adr     x2, far
    mov     x3, #39
1:  mov     x4, #0                          // copies the tables on the way to the page of far
2:  ldr     x7, [x0, x4, lsl #3]
    str     x7, [x1, x4, lsl #3]
    add     x4, x4, #1
    cmp     x4, #512
    b.ne    2b
    lsr     x8, x2, x3
    and     x8, x8, #511
    cmp     x3, #12
    b.eq    3f
    ldr     x7, [x0, x8, lsl #3]
    and     x7, x7, #0xfffffffff000
    sub     x7, x7, x25
    add     x0, x23, x7
    add     x9, x1, #4096
    sub     x10, x9, x23
    add     x10, x10, x25
    orr     x10, x10, #3
    str     x10, [x1, x8, lsl #3]
    mov     x1, x9
    sub     x3, x3, #9
    b       1b
3:  add     x9, x8, #1                      // there it is the page behind
    ldr     x7, [x0, x9, lsl #3]
    orr     x7, x7, #1 << 11
    str     x7, [x1, x8, lsl #3]
    ldr     x26, [x0, x8, lsl #3]
    orr     x7, x26, #1 << 11
    add     x27, x0, x8, lsl #3
    str     x7, [x27]
    dsb     ish
    tlbi    vmalle1
    dsb     ish
    ldr     x24, =DEEP
    sub     x24, x24, x23
    add     x24, x24, x25
    movz    x9, #1, lsl #48                 // ASID 1
    orr     x24, x24, x9
    mov     x20, #60
4:  bl      far
    eor     x11, x12, x11, ror #7
    mov     x13, x24
    mov     x24, x25
    mov     x25, x13
    msr     ttbr0_el1, x25
    isb
    subs    x20, x20, #1
    b.ne    4b
    str     x26, [x27]
    dsb     ish
    tlbi    vmalle1
    dsb     ish
    brk     #0
    .balign 4096
far:
    add     x12, x12, #1
    ret
    .balign 4096
    add     x12, x12, #100
    ret`,
  ),
  scenario(
    "stops behind a callee that has emptied the TLBs",
    String.raw`
    b       main
first:
    add     x1, x1, #1
    add     x2, x2, x1
    tbz     x2, #1, 1f
    nop
1:  b       second
    .balign 4096
main:
    mov     x9, #200
2:  bl      flush
    add     x3, x3, #1
    b       first
second:
    add     x4, x4, #1
    add     x5, x5, #1
    subs    x9, x9, #1
    b.ne    2b
    brk     #0
flush:
    tlbi    vmalle1
    dsb     ish
    ret`,
  ),
  scenario(
    "a page that is taken away while a function is on the stack",
    String.raw`
    ldr     x20, =DESCRIPTOR_CODE2
    ldr     x21, =VARIABLES
    adr     x22, recovered
    str     x22, [x21, #RECOVERY]
    mov     x9, #20
1:  ldr     x1, [x20]
    bl      second
    add     x2, x2, #1
recovered:
    str     x1, [x20]
    dsb     ishst
    isb
    subs    x9, x9, #1
    b.ne    1b
    brk     #0
remove:
    tbz     x9, #0, 2f
    str     xzr, [x20]
    dsb     ishst
    tlbi    vmalle1
    dsb     ish
    isb
2:  ret
    .balign 4096
second:
    mov     x10, x30
    bl      remove
    add     x3, x3, #1
    ret     x10`,
  ),
  scenario(
    "a page that is taken away by its address while functions are on the stack",
    String.raw`
    ldr     x20, =DESCRIPTOR_CODE2
    ldr     x21, =VARIABLES
    adr     x22, recovered
    str     x22, [x21, #RECOVERY]
    mov     x9, #40
1:  ldr     x1, [x20]
    bl      second
    add     x2, x2, #1
recovered:
    str     x1, [x20]
    dsb     ishst
    isb
    subs    x9, x9, #1
    b.ne    1b
    brk     #0
third:
    mov     x13, x30
    bl      remove
    add     x4, x4, #1
    ret     x13
remove:
    and     x12, x9, #3
    cbz     x12, 2f
    str     xzr, [x20]
    dsb     ishst
    adr     x11, second
    lsr     x11, x11, #12
    and     x11, x11, #0xfffffffffff
    cmp     x12, #2
    b.hi    3f
    b.eq    4f
    tlbi    vae1, x11
    b       5f
3:  tlbi    vaale1is, x11
    b       5f
4:  mov     x12, #1
    lsl     x12, x12, #46
    bfxil   x12, x11, #0, #37
    tlbi    rvae1is, x12
5:  dsb     ish
    isb
2:  ret
    .balign 4096
second:
    mov     x10, x30
    bl      third
    add     x3, x3, #1
    ret     x10`,
  ),
  scenario(
    "fetches that fail: unmapped, misaligned, tagged addresses",
    String.raw`
    ldr     x21, =VARIABLES
    mov     x9, #20
1:  adr     x22, 2f
    str     x22, [x21, #RECOVERY]
    mov     x0, #0x1000
    blr     x0
    brk     #1
2:  adr     x22, 3f
    str     x22, [x21, #RECOVERY]
    adr     x0, 1b
    add     x0, x0, #2
    br      x0
3:  adr     x22, 4f
    str     x22, [x21, #RECOVERY]
    adr     x30, 1b
    add     x30, x30, #1
    ret
4:  adr     x0, 5f
    movk    x0, #0x5a00, lsl #48
    br      x0
5:  adr     x30, 6f
    movk    x30, #0x5a00, lsl #48
    ret
6:  adr     x22, 7f
    str     x22, [x21, #RECOVERY]
    mov     x30, #1
    ret
7:  subs    x9, x9, #1
    b.ne    1b
    brk     #0`,
  ),
  scenario(
    "locals monitors: exclusives across exceptions and calls",
    String.raw`
    ldr     x0, =MEM + 0x40
    mov     x9, #40
1:  ldxr    x1, [x0]
    add     x1, x1, #1
    tbz     x9, #0, 2f
    svc     #0
2:  tbz     x9, #1, 3f
    bl      store
    b       4f
3:  stlxr   w2, x1, [x0]
4:  add     x3, x3, x2
    ldaxp   x4, x5, [x0]
    clrex
    stxp    w6, x4, x5, [x0]
    add     x3, x3, x6
    mov     x7, #5
    ldaddal x7, x8, [x0]
    swp     x8, x10, [x0]
    cas     x8, x7, [x0]
    add     x12, x0, #4
    ldaddal x7, x8, [x12]                   // misaligned
    subs    x9, x9, #1
    b.ne    1b
    brk     #0
store:
    stxr    w2, x1, [x0]
    ret`,
  ),
  scenario(
    "accesses through one base register: over the ends of pages and of memory, with writeback",
    String.raw`
    ldr     x20, =MEM - 160
    mov     x21, #1070
1:  mov     x0, x20
    stp     x1, x2, [x0, #-16]!
    str     x3, [x0, #40]
    strb    w21, [x0, #57]
    ldr     x4, [x0, #104]
    ldp     x5, x6, [x0, #8]
    ldrb    w7, [x0], #24
    ldur    q0, [x0, #-24]
    eor     x1, x1, x4
    add     x2, x2, x5
    eor     x3, x3, x6
    add     x1, x1, x7
    fmov    x8, d0
    add     x2, x2, x8
    add     x20, x20, #8
    subs    x21, x21, #1
    b.ne    1b
    ldr     x20, =MEM + 4096 - 40           // always in two pages
    mov     x21, #2000
2:  str     x21, [x20]
    str     x1, [x20, #56]
    ldr     x4, [x20, #24]
    ldr     x5, [x20, #72]
    eor     x1, x4, x5, ror #3
    subs    x21, x21, #1
    b.ne    2b
    brk     #0
`,
  ),
  scenario(
    "accesses across pages, to devices and unprivileged",
    String.raw`
    ldr     x0, =MEM + 4096 - 5
    ldr     x1, =DEVICE
    ldr     x2, =USER
    mov     x9, #40
1:  str     x9, [x0]
    ldur    x3, [x0, #1]
    ldp     q0, q1, [x0, #-16]
    stp     q1, q0, [x0, #16]
    ldr     w4, [x1]
    ldr     w5, [x1, #8]                    // how many instructions
    str     w9, [x1]
    add     x6, x6, x5
    sttr    x6, [x2, #8]
    ldtr    x7, [x2, #8]
    ldtr    x8, [x0]                        // not for EL0
    msr     pan, #1
    ldr     x10, [x2, #8]                   // not allowed now
    ldtr    x11, [x2, #8]
    msr     pan, #0
    ldr     x10, [x2, #8]
    dc      zva, x2
    ldr     x12, [x2, #8]
    str     x6, [x2, #8]
    ld1     {v2.16b-v5.16b}, [x0]
    st3     {v3.8h-v5.8h}, [x0], #48
    sub     x0, x0, #48
    subs    x9, x9, #1
    b.ne    1b
    brk     #0`,
  ),
  scenario(
    "exceptions in calls, and returns from them to other places",
    String.raw`
    mov     x9, #100
1:  bl      first
    add     x2, x2, #1
    subs    x9, x9, #1
    b.ne    1b
    brk     #0
    .balign 4096
first:
    mov     x10, x30
    svc     #2
    bl      second
    add     x3, x3, #1
    ret     x10
second:
    mov     x11, x30
    .inst   0
    bl      third
    svc     #3
    add     x4, x4, x9
    ret     x11
third:
    adr     x0, 3f                          // SPSR_EL1 is that of the exception before
    tbz     x9, #0, 2f
    msr     elr_el1, x0
    eret
2:  add     x5, x5, #1
3:  tbz     x9, #1, 4f
    adr     x0, fourth
    msr     elr_el1, x0
    eret
4:  ret
fourth:
    add     x6, x6, #1
    ret     x11                             // past second's end`,
  ),
  scenario(
    "a page that is taken away before an exception while functions are on the stack",
    String.raw`
    ldr     x20, =DESCRIPTOR_CODE2
    ldr     x21, =VARIABLES
    adr     x22, recovered
    str     x22, [x21, #RECOVERY]
    mov     x9, #40
1:  ldr     x1, [x20]
    bl      second
    add     x2, x2, #1
recovered:
    str     x1, [x20]
    dsb     ishst
    isb
    subs    x9, x9, #1
    b.ne    1b
    brk     #0
third:
    mov     x13, x30
    bl      remove
    add     x4, x4, #1
    ret     x13
remove:
    and     x12, x9, #3
    cbz     x12, 2f
    str     xzr, [x20]
    dsb     ishst
    tlbi    vmalle1
2:  svc     #1
    .inst   0
    ret
    .balign 4096
second:
    mov     x10, x30
    bl      third
    add     x3, x3, #1
    ret     x10`,
  ),
  scenario(
    "EL0 and back",
    String.raw`
    ldr     x0, =USER + 4096
    adr     x1, user
    mov     x2, #(user_end - user) / 4
1:  ldr     w3, [x1], #4
    str     w3, [x0], #4
    subs    x2, x2, #1
    b.ne    1b
    ldr     x0, =USER + 4096
    mov     x4, x0
    .rept   2
    dc      cvau, x4
    ic      ivau, x4
    add     x4, x4, #64
    .endr
    dsb     ish
    isb
    mov     x9, #20
2:  msr     elr_el1, x0
    msr     spsr_el1, xzr
    ldr     x5, =VARIABLES
    adr     x6, 3f
    str     x6, [x5, #RECOVERY]
    eret
3:  mrs     x7, spsr_el1
    subs    x9, x9, #1
    b.ne    2b
    brk     #0
user:
    add     x10, x10, #1
    subs    x11, x10, #8
    svc     #1
    mrs     x12, sctlr_el1                  // undefined at EL0
    cinc    x13, x13, gt
    ldr     x14, [x5]                       // not for EL0
    mov     x14, #0x80
    br      x14
user_end:
    .balign 8`,
  ),
  scenario(
    "exception returns to all kinds of states, and system calls from there",
    String.raw`
    mrs     x26, vbar_el1
    adr     x0, own_vectors
    msr     vbar_el1, x0
    ldr     x11, =USER
    mov     x9, #400
    mov     x8, #0
    mov     x25, #0
2:  add     x8, x8, x8, lsl #2              // x8 = 5 x8 + 1: all of M[4:0], DAIF, PAN, IL, SS, UAO, DIT and flags
    add     x8, x8, #1
    and     x1, x8, #0x1f
    ubfx    x2, x8, #3, #4
    bfi     x1, x2, #6, #4
    bfi     x1, x2, #28, #4
    ubfx    x2, x8, #5, #1
    bfi     x1, x2, #22, #1
    ubfx    x2, x8, #7, #2
    bfi     x1, x2, #23, #2
    ubfx    x2, x8, #9, #2
    and     x2, x2, x8, lsr #11
    bfi     x1, x2, #20, #2
    tst     x9, #1                          // every other time a state that exists
    b.eq    4f
    and     x1, x1, #~0x1f
    and     x1, x1, #~(3 << 20)
    ubfx    x2, x8, #3, #2
    add     x2, x2, #3
    tst     x8, #4
    csel    x2, xzr, x2, eq
    cmp     x2, #6
    csel    x2, xzr, x2, hs
    orr     x1, x1, x2                      // EL0t, EL1t, EL1h, and EL0 with a reserved bit
4:  msr     spsr_el1, x1
    adr     x3, calls
    tst     x8, #0x700
    cset    x4, eq
    add     x3, x3, x4, lsl #1              // sometimes misaligned
    tst     x8, #0x3800
    cset    x4, eq
    add     x3, x3, x4, lsl #55             // or not canonical
    msr     elr_el1, x3
    mov     x2, #0
    msr     spsel, #0
    tbz     x8, #14, 5f
    msr     spsel, #1
5:  eret
3:  msr     spsel, #1
    subs    x9, x9, #1
    b.ne    2b
    msr     vbar_el1, x26
    brk     #0
calls:
    ldxr    x10, [x11]
    svc     #0xffff
    cinc    x13, x13, gt
    mrs     x12, sp_el0                     // not with PSTATE.SP = 0
    svc     #0
    .balign 4096
own_vectors:
${
      Array.from({ length: 16 }, (_, n) => `
    .balign 0x80
    mov     x20, #${128 * n}
    b       caught`).join("")
    }
caught:
    mrs     x12, sp_el0
    mrs     x21, esr_el1
    mrs     x22, elr_el1
    mrs     x23, spsr_el1
    mrs     x24, far_el1
    add     x25, x25, x20
    eor     x25, x25, x21, ror #3
    eor     x25, x25, x22, ror #7
    eor     x25, x25, x23, ror #11
    eor     x25, x25, x24, ror #13
    ror     x25, x25, #17
    add     x2, x2, #1
    cmp     x2, #4
    b.hs    3b
    tst     x21, #1                         // SVC #0 ends it
    b.eq    3b
    lsr     x21, x21, #26
    cmp     x21, #0x15
    b.ne    3b
    eret`,
  ),
  scenario(
    "interrupts at every distance",
    String.raw`
    ldr     x21, =VARIABLES
    mov     x0, #13
    msr     cntv_tval_el0, x0
    mov     x0, #1
    msr     cntv_ctl_el0, x0
    msr     icc_igrpen1_el1, x0
    mov     x0, #0xff
    msr     icc_pmr_el1, x0
    isb
    msr     daifclr, #2
    ldr     x20, =MEM
    mov     x0, #400
1:  adds    x1, x1, x0
    csinc   x2, x2, x1, lo
    str     x2, [x20]
    tbz     x0, #0, 2f
    ldr     x3, [x20, #8]
    add     x3, x3, #1
    str     x3, [x20, #8]
2:  bl      work
    msr     daifset, #2
    add     x4, x4, #1
    sub     x5, x5, x4
    msr     daifclr, #2
    add     x6, x6, #1
    subs    x0, x0, #1
    b.ne    1b
    mov     x0, #20
3:  wfi
    subs    x0, x0, #1
    b.ne    3b
    brk     #0
work:
    mov     x10, #5
4:  subs    x10, x10, #1
    madd    x11, x11, x10, x0
    b.ne    4b
    tbz     x0, #2, 5f
    ret
5:  b       6f
    .balign 4096
6:  mrs     x12, cntvct_el0
    eor     x11, x11, x12
    ret`,
    67,
  ),
  scenario(
    "interrupts while pages take each other's places in the execute TLB",
    String.raw`
    ldr     x21, =VARIABLES
    mov     x0, #31
    msr     cntv_tval_el0, x0
    mov     x0, #1
    msr     cntv_ctl_el0, x0
    msr     icc_igrpen1_el1, x0
    mov     x0, #0xff
    msr     icc_pmr_el1, x0
    isb
    msr     daifclr, #2
    ldr     x13, =ALIAS - CODE
    adr     x14, leaf
    add     x14, x14, x13
    mov     x0, #700
1:  blr     x14                             // takes this page's place
    add     x1, x1, #1
    tbz     x0, #0, 2f
    nop
2:  b       3f
leaf:
    add     x2, x2, #1
    ret
4:  add     x3, x3, #1                      // under the other address
    add     x4, x4, #1
    tbz     x0, #1, 5f
    nop
5:  nop
    subs    x0, x0, #1
    b.eq    6f
    b       1b - 0x400000
6:  brk     #0
    .balign 4096
3:  add     x5, x5, #1
    b       4b + 0x400000`,
    61,
  ),
  scenario(
    "software steps",
    String.raw`
    adr     x1, 1f
    msr     elr_el1, x1
    mov     x2, #0x1c5                      // D is not masked
    orr     x2, x2, #1 << 21                // SS
    msr     spsr_el1, x2
    msr     oslar_el1, xzr
    mov     x4, #0x2001                     // SS and KDE
    msr     mdscr_el1, x4
    isb
    eret
1:  mov     x9, #10
2:  add     x5, x5, #1
    svc     #1
    subs    x9, x9, #1
    b.ne    2b
    msr     daifset, #8
    msr     mdscr_el1, xzr
    isb
    brk     #0`,
  ),
  scenario(
    "addresses that are authenticated",
    String.raw`
    mov     x0, #0x1234
    msr     apiakeylo_el1, x0
    msr     apiakeyhi_el1, x0
    mrs     x1, sctlr_el1
    orr     x1, x1, #1 << 31
    msr     sctlr_el1, x1
    isb
    ldr     x28, =OTHER + 0x400
    mov     sp, x28
    mov     x9, #30
1:  bl      signed
    adr     x2, leaf
    pacia   x2, x9
    blraa   x2, x9
    subs    x9, x9, #1
    b.ne    1b
    ldr     x21, =VARIABLES
    adr     x22, 2f
    str     x22, [x21, #RECOVERY]
    adr     x30, 2f
    eor     x30, x30, #1 << 52
    retaa                                   // the wrong signature
    brk     #1
2:  brk     #0
signed:
    paciasp
    stp     x29, x30, [sp, #-16]!
    bl      leaf
    ldp     x29, x30, [sp], #16
    retaa
leaf:
    add     x3, x3, #1
    ret`,
  ),
  scenario(
    "code that grows into a table of numbers",
    String.raw`
    mov     x9, #20
1:  ldr     x0, 3f
    ldr     w1, 3f + 8
    ldr     q0, 3f
    add     x2, x2, x0
    fmov    x3, d0
    b       2f
3:  .quad   0x1122334455667788, 0x99aabbccddeeff00
2:  add     x4, x4, x3
    cbz     x9, 3b
    subs    x9, x9, #1
    b.ne    1b
    brk     #0`,
  ),
  scenario(
    "loops in loops, entered in the middle",
    String.raw`
    mov     x0, #9
outer:
    mov     x1, #5
    tbz     x0, #0, middle
inner:
    add     x2, x2, x1
    cmp     x2, x0
    b.hi    middle
    add     x3, x3, #1
middle:
    sub     x4, x4, x3
    mov     x5, #3
innermost:
    add     x6, x6, x5
    subs    x5, x5, #1
    b.ne    innermost
    tbnz    x6, #4, other
    subs    x1, x1, #1
    b.gt    inner
    b       next
other:
    add     x7, x7, #1
    subs    x1, x1, #1
    b.gt    middle
next:
    subs    x0, x0, #1
    b.ne    outer
    brk     #0`,
  ),
];
