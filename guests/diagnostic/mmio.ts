/** Accesses to devices: those whose syndrome tells all, those that only the instruction tells, and refused ones. */
export const MMIO_CHECKS = String.raw`
// The identification registers of a PrimeCell stand at its end, a byte in each word.
.equ PL011_ID, PL011 + 0xfe0                // 11 10 14 00 0d f0 05 b1
.equ PL031_ID, PL031 + 0xfe0                // 31 10 14 00 0d f0 05 b1
.equ RTCDR, 0x000
.equ RTCMR, 0x004
.equ RTCIMSC, 0x010
.equ RTCRIS, 0x014
.equ RTCICR, 0x01c
.equ GICD_IROUTER, 0x6000
.equ UNCLAIMED, 0x0b000000                  // no device stands here
.equ BEYOND, 0x2000000000                   // far above RAM

    section "Memory-mapped devices"

    check   "PL011: identification"
    ldr     x1, =PL011_ID
    ldr     w0, [x1]
    expect  x0, 0x11
    ldr     w0, [x1, #0x14]
    expect  x0, 0xf0
    pass

    check   "PL031: identification, and a plausible date"
    ldr     x1, =PL031_ID
    ldr     w0, [x1]
    expect  x0, 0x31
    ldr     x1, =PL031
    ldr     w0, [x1, #RTCDR]
    cmp     w0, #0
    expect_that ne, x0
    pass

    check   "registers are written and read back"
    ldr     x1, =PL031
    ldr     w0, =0x80000001
    str     w0, [x1, #RTCMR]
    ldr     w0, [x1, #RTCMR]
    expect  x0, 0x80000001
    str     wzr, [x1, #RTCMR]
    ldr     w0, [x1, #RTCMR]
    expect  x0, 0
    pass

    check   "bytes and halfwords"
    ldr     x1, =PL011_ID
    ldrb    w0, [x1, #0x14]
    expect  x0, 0xf0
    ldrh    w0, [x1, #0x14]
    expect  x0, 0xf0
    pass

    check   "signed loads extend to the register's size"
    ldr     x1, =PL011_ID
    ldrsb   x0, [x1, #0x14]
    expect  x0, -16
    ldrsb   w0, [x1, #0x14]
    expect  x0, 0xfffffff0
    ldrsh   x0, [x1, #0x14]
    expect  x0, 0xf0
    ldr     x1, =PL031
    ldr     w0, =0x80000001
    str     w0, [x1, #RTCMR]
    ldrsw   x0, [x1, #RTCMR]
    expect  x0, 0xffffffff80000001
    pass

    check   "doublewords: GICD_IROUTER"
    ldr     x1, =GICD + GICD_IROUTER + 8 * PL031_INTID
    ldr     x0, =0x0400010203               // an affinity: one byte of it in the high half
    str     x0, [x1]
    ldr     x0, [x1]
    expect  x0, 0x0400010203
    str     xzr, [x1]
    ldr     x0, [x1]
    expect  x0, 0
    pass

    check   "a load of the zero register"
    ldr     x1, =PL011_ID
    ldr     wzr, [x1]
    pass

    check   "acquire and release"
    ldr     x1, =PL011_ID
    ldar    w0, [x1]
    expect  x0, 0x11
    ldr     x1, =PL031 + RTCMR
    mov     w2, #0x55
    stlr    w2, [x1]
    ldar    w0, [x1]
    expect  x0, 0x55
    pass

    // From here on the syndrome says too little (ISV is 0): the hypervisor must look at the instruction itself.
    check   "post-indexed and pre-indexed loads"
    ldr     x1, =PL011_ID
    ldr     w0, [x1], #4
    expect  x0, 0x11
    expect  x1, PL011_ID + 4
    ldrb    w0, [x1, #12]!
    expect  x0, 0x0d
    expect  x1, PL011_ID + 16
    ldrsb   x0, [x1, #4]!
    expect  x0, -16
    pass

    check   "post-indexed and pre-indexed stores"
    ldr     x1, =PL011 + UARTIBRD
    mov     w0, #13
    str     w0, [x1], #4
    expect  x1, PL011 + UARTFBRD
    mov     w0, #1
    strb    w0, [x1], #-8
    expect  x1, PL011 + UARTFBRD - 8
    mov     w0, #14
    strh    w0, [x1, #4]!
    expect  x1, PL011 + UARTIBRD
    ldr     w0, [x1]
    expect  x0, 14
    ldr     w0, [x1, #4]
    expect  x0, 1
    pass

    check   "PL011: a letter goes round in loopback"
    bl      loopback_on
    mov     w0, #'+'
    str     w0, [x1], #UARTFR               // UARTDR
    ldr     w9, [x1], #-UARTFR
    ldr     w10, [x1]
    bl      loopback_off
    and     x0, x9, #1 << 4                 // RXFE: nothing has come
    expect  x0, 0
    and     x0, x10, #0xff
    expect  x0, '+'
    pass

// The UART hears itself; the wire gets nothing. Returns the PL011's address in x1.
loopback_on:
    ldr     x1, =PL011
    mov     w0, #0x380
    orr     w0, w0, #1
    str     w0, [x1, #UARTCR]
    ret
loopback_off:
    ldr     x1, =PL011
    mov     w0, #0x301
    str     w0, [x1, #UARTCR]
    ret

    check   "pairs"
    ldr     x1, =PL011_ID
    ldp     w2, w3, [x1, #16]
    expect  x2, 0x0d
    expect  x3, 0xf0
    ldp     w2, w3, [x1], #24
    expect  x2, 0x11
    expect  x3, 0x10
    expect  x1, PL011_ID + 24
    ldpsw   x2, x3, [x1]
    expect  x2, 0x05
    expect  x3, 0xb1
    ldr     x1, =PL011
    mov     w2, #26
    mov     w3, #3
    stp     w2, w3, [x1, #UARTIBRD]
    ldr     w0, [x1, #UARTIBRD]
    expect  x0, 26
    ldr     w0, [x1, #UARTFBRD]
    expect  x0, 3
    pass

    check   "vector registers"
    ldr     x1, =PL011_ID
    ldr     s0, [x1, #20]
    fmov    w0, s0
    expect  x0, 0xf0
    ldr     b1, [x1], #4
    umov    w0, v1.b[0]
    expect  x0, 0x11
    expect  x1, PL011_ID + 4
    ldr     x1, =PL031
    ldr     w0, =0x12345678
    fmov    s0, w0
    str     s0, [x1, #RTCMR]
    ldr     w0, [x1, #RTCMR]
    expect  x0, 0x12345678
    pass

    check   "a quadword across four registers"
    ldr     x1, =PL011_ID
    movi    v0.16b, #0xff
    ldr     q0, [x1]
    umov    x0, v0.d[0]
    umov    x2, v0.d[1]
    expect  x0, 0x1000000011
    expect  x2, 0x14
    pass

    check   "refused: a load from an unclaimed address"
    ldr     x1, =UNCLAIMED
    attempt ldr w0, [x1]
    expect_exception ESR_DATA_ABORT | STATUS_EXTERNAL, ABORT_MASK
    expect_seen FAR, UNCLAIMED
    pass

    check   "refused: a store to an unclaimed address"
    ldr     x1, =UNCLAIMED + 0x14
    attempt str w0, [x1]
    expect_exception ESR_DATA_ABORT | WNR | STATUS_EXTERNAL, ABORT_MASK
    expect_seen FAR, UNCLAIMED + 0x14
    pass

    check   "refused: a pair, and nothing is written back"
    ldr     x1, =UNCLAIMED
    attempt ldp w2, w3, [x1], #8
    expect_exception ESR_DATA_ABORT | STATUS_EXTERNAL, ABORT_MASK
    expect  x1, UNCLAIMED
    pass

    check   "beyond RAM: stage 2 abort, recovered from"
    ldr     x1, =BEYOND
    attempt ldr x0, [x1]
    expect_exception ESR_DATA_ABORT | STATUS_EXTERNAL, ABORT_MASK
    expect_seen FAR, BEYOND
    pass

    check   "beyond RAM: instruction fetch"
    ldr     x1, =BEYOND
    attempt br x1
    expect_exception ESR_INSTRUCTION_ABORT | STATUS_EXTERNAL, FETCH_MASK
    expect_seen ELR, BEYOND
    expect_seen FAR, BEYOND
    pass
`;
