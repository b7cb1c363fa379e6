/**
 * The vectors of programs in SUPERVISOR's first page: a synchronous exception is noted and its instruction skipped; a
 * failed fetch goes on at RECOVERY; BRK #0 ends the program; an interrupt of the virtual timer sets its next one.
 */
export const VECTORS = String.raw`
.equ SUP, 0x2000001000                      // variables
.equ COUNT, 0x10
.equ RECOVERY, 0x18
.equ INTERRUPTS, 0x20
.equ PERIOD, 0x28
.equ LOG, 0x100                             // 64 entries: ESR, ELR, FAR, SPSR

.macro vector offset, handler
    .balign 0x80
    b       \handler
.endm
    vector  0x000, on_sync
    vector  0x080, on_irq
    vector  0x100, on_sync
    vector  0x180, on_sync
    vector  0x200, on_sync
    vector  0x280, on_irq
    vector  0x300, on_sync
    vector  0x380, on_sync
    vector  0x400, on_sync
    vector  0x480, on_irq
    vector  0x500, on_sync
    vector  0x580, on_sync
    vector  0x600, on_sync
    vector  0x680, on_sync
    vector  0x700, on_sync
    vector  0x780, on_sync

.macro enter
    msr     tpidr_el1, x0
    movz    x0, #0x20, lsl #32
    movk    x0, #0x1000
    stp     x1, x2, [x0]
.endm
.macro leave
    ldp     x1, x2, [x0]
    mrs     x0, tpidr_el1
    eret
.endm
.macro note
    ldr     x1, [x0, #COUNT]
    add     x2, x1, #1
    str     x2, [x0, #COUNT]
    and     x1, x1, #63
    add     x1, x0, x1, lsl #5
    mrs     x2, esr_el1
    str     x2, [x1, #LOG]
    mrs     x2, elr_el1
    str     x2, [x1, #LOG + 8]
    mrs     x2, far_el1
    str     x2, [x1, #LOG + 16]
    mrs     x2, spsr_el1
    str     x2, [x1, #LOG + 24]
.endm

on_sync:
    enter
    note
    mrs     x1, esr_el1
    lsr     x2, x1, #26
    cmp     x2, #0x3c
    b.eq    on_brk
    cmp     x2, #0x15                       // SVC returns behind itself
    b.eq    2f
    sub     x1, x2, #0x20                   // Instruction aborts, PC alignment
    cmp     x1, #3
    b.lo    on_fetch
    cmp     x2, #0x0e
    b.eq    on_fetch
    cmp     x2, #0x33                       // Software Step: the next instruction too
    b.eq    on_step
    mrs     x1, elr_el1
    add     x1, x1, #4
    msr     elr_el1, x1
2:  leave
on_brk:
    tst     x1, #0xffff
    b.eq    stop
    mrs     x1, elr_el1
    add     x1, x1, #4
    msr     elr_el1, x1
    leave
on_step:
    mrs     x1, spsr_el1
    orr     x1, x1, #1 << 21
    msr     spsr_el1, x1
    leave
on_fetch:
    ldr     x1, [x0, #RECOVERY]
    cbz     x1, stop
    msr     elr_el1, x1
    mrs     x1, spsr_el1
    and     x1, x1, #~(1 << 20)
    msr     spsr_el1, x1
    leave
stop:
    msr     daifset, #15
    msr     cntv_ctl_el0, xzr
    wfi
    b       stop

on_irq:
    enter
    note
    ldr     x1, [x0, #INTERRUPTS]
    add     x1, x1, #1
    str     x1, [x0, #INTERRUPTS]
    mrs     x1, icc_iar1_el1
    mrs     x2, cntvct_el0
    str     x2, [x0, #48]
    ldr     x2, [x0, #PERIOD]
    msr     cntv_tval_el0, x2
    msr     icc_eoir1_el1, x1
    leave
`;
