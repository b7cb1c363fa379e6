/** The exception vectors of EL1. */
export const VECTORS = String.raw`
.equ SYNC_EL1H, 0x200
.equ IRQ_EL1H, 0x280
.equ SYNC_EL0, 0x400
.equ IRQ_EL0, 0x480

// An entry notes its own offset in x17.
.macro vector offset, handler
    .balign 0x80
    mov     x17, #\offset
    b       \handler
.endm

    .balign 0x800
vectors:
    vector  0x000, on_exception             // from EL1 with SP_EL0: never used here
    vector  0x080, on_exception
    vector  0x100, on_exception
    vector  0x180, on_exception
    vector  0x200, on_exception             // from EL1 with SP_EL1
    vector  0x280, on_interrupt
    vector  0x300, on_exception
    vector  0x380, on_exception
    vector  0x400, on_exception             // from EL0
    vector  0x480, on_interrupt
    vector  0x500, on_exception
    vector  0x580, on_exception
    vector  0x600, on_exception             // from EL0 in AArch32: there is none
    vector  0x680, on_exception
    vector  0x700, on_exception
    vector  0x780, on_exception

// Notes what happened, without a stack, as that may be what is wrong. Goes on where the check wants it to.
on_exception:
    ldr     x16, =state
    str     x17, [x16, #VECTOR]
    mrs     x17, esr_el1
    str     x17, [x16, #ESR]
    mrs     x17, elr_el1
    str     x17, [x16, #ELR]
    mrs     x17, far_el1
    str     x17, [x16, #FAR]
    mrs     x17, spsr_el1
    str     x17, [x16, #SPSR]
recover:                                    // x16: state
    ldr     x17, [x16, #RECOVERY]
    cbz     x17, on_unexpected
    str     xzr, [x16, #RECOVERY]
    msr     elr_el1, x17
    mov     x17, #0x3c5                     // EL1 with SP_EL1, all interrupts masked
    msr     spsr_el1, x17
    eret

// An exception that no check waits for ends the check that raised it.
on_unexpected:
    ldr     x17, =STACK_TOP
    mov     sp, x17
    mov     x19, x16
    bl      put_name
    adr     x0, text_unexpected
    bl      put_string
    ldr     x0, [x19, #VECTOR]
    bl      put_hex
    adr     x0, text_esr
    bl      put_string
    ldr     x0, [x19, #ESR]
    bl      put_hex
    adr     x0, text_elr
    bl      put_string
    ldr     x0, [x19, #ELR]
    bl      put_hex
    adr     x0, text_far
    bl      put_string
    ldr     x0, [x19, #FAR]
    bl      put_hex
    mov     w0, #'\n'
    bl      put_char
    b       count_failure

// Acknowledges, silences the source, ends. Goes on where it was, or where the check wants it to.
on_interrupt:
    stp     x14, x15, [sp, #-16]!
    ldr     x16, =state
    str     x17, [x16, #VECTOR]
    mrs     x15, icc_iar1_el1
    str     x15, [x16, #INTID]
    cmp     x15, #TIMER_INTID
    b.ne    1f
    mov     x14, #CNTV_MASKED
    msr     cntv_ctl_el0, x14
1:  cmp     x15, #PHYSICAL_TIMER_INTID
    b.ne    1f
    msr     cntp_ctl_el0, xzr
1:  cmp     x15, #PL011_INTID
    b.ne    2f
    ldr     x14, =PL011
    str     wzr, [x14, #UARTIMSC]
2:  cmp     x15, #PL031_INTID
    b.ne    3f
    ldr     x14, =PL031
    str     wzr, [x14, #RTCIMSC]
3:  isb
    msr     icc_eoir1_el1, x15
    ldp     x14, x15, [sp], #16
    ldr     x17, [x16, #RECOVERY]
    cbnz    x17, recover
    eret

text_unexpected:    .asciz "FAIL unexpected exception: vector "
text_esr:           .asciz " ESR_EL1 "
text_elr:           .asciz " ELR_EL1 "
text_far:           .asciz " FAR_EL1 "
    .balign 4
`;
