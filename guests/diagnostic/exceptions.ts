/** Exceptions that the guest's own code raises at EL1. */
export const EXCEPTION_CHECKS = String.raw`
// The label 8 stands behind the branch that follows the attempted instruction: 8b - 8 is that instruction.
    section "Exceptions at EL1"

    check   "SVC"
    attempt svc #0xbeef
    expect_exception ESR_SVC | 0xbeef
    expect_seen ELR, 8b - 4                 // a call returns behind itself
    expect_seen SPSR, 0x5, 0xf              // from EL1 with SP_EL1
    pass

    check   "BRK"
    attempt brk #7
    expect_exception ESR_BRK | 7
    expect_seen ELR, 8b - 8
    pass

    check   "UDF, HLT, and an encoding that is not allocated"
    attempt udf #0
    expect_exception ESR_UNDEFINED
    expect_seen ELR, 8b - 8
    attempt hlt #1
    expect_exception ESR_UNDEFINED
    attempt .inst 0xffffffff
    expect_exception ESR_UNDEFINED
    pass

    check   "a branch to an address that is no multiple of 4"
    ldr     x1, =state + 2
    attempt br x1
    expect_exception ESR_PC_ALIGNMENT
    expect_seen ELR, state + 2
    expect_seen FAR, state + 2
    pass

    check   "a stack pointer that is no multiple of 16"
    sub     sp, sp, #8
    attempt ldr x0, [sp]
    add     sp, sp, #8
    expect_exception ESR_SP_ALIGNMENT
    pass

    check   "a return to a higher exception level"
    adr     x1, 1f
    msr     elr_el1, x1
    mov     x1, #0x3c9                      // EL2 with SP_EL2
    msr     spsr_el1, x1
    attempt eret
1:  expect_exception ESR_ILLEGAL_STATE
    pass

    check   "floating point and vectors compute"
    fmov    d0, #1.5
    fmov    d1, #2.25
    fmul    d0, d0, d1
    fmov    x0, d0
    expect  x0, 0x400b000000000000          // 3.375
    fmov    d1, #3.0
    fmov    d0, #1.0
    fdiv    d0, d0, d1
    fmov    x0, d0
    expect  x0, 0x3fd5555555555555
    movi    v0.4s, #3
    movi    v1.4s, #4
    mul     v0.4s, v0.4s, v1.4s
    addv    s0, v0.4s
    fmov    w0, s0
    expect  x0, 48
    msr     fpsr, xzr
    fmov    d0, #1.0
    fmov    d1, xzr
    fdiv    d0, d0, d1
    mrs     x0, fpsr
    expect  x0, 2                           // FPSR.DZC
    pass

    check   "floating point that CPACR_EL1 traps"
    msr     cpacr_el1, xzr
    isb
    attempt fmov d0, xzr
    mov     x1, #3 << 20
    msr     cpacr_el1, x1
    isb
    expect_exception ESR_FP
    pass

    check   "pointer authentication, where there is any"
    mrs     x0, id_aa64isar1_el1
    tst     x0, #0xff0                      // APA and API
    b.eq    1f
    mrs     x9, sctlr_el1
    orr     x10, x9, #1 << 31               // EnIA
    msr     sctlr_el1, x10
    ldr     x1, =0x9e3779b97f4a7c15
    msr     apiakeylo_el1, x1
    msr     apiakeyhi_el1, x1
    isb
    adr     x0, state
    mov     x2, x0
    pacia   x0, x1
    autia   x0, x1
    msr     sctlr_el1, x9
    isb
    sub     x0, x0, x2
    expect  x0, 0
1:  pass
`;
