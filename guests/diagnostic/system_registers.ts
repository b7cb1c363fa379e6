/** System registers that the guest may use, that are emulated for it, and that it may not. */
export const SYSTEM_REGISTER_CHECKS = String.raw`
    section "System registers"

    check   "CNTVCT_EL0 advances, CNTFRQ_EL0 is set"
    mrs     x0, cntfrq_el0
    cmp     x0, #0
    expect_that ne, x0
    isb
    mrs     x1, cntvct_el0
    mov     x3, #10000
1:  isb
    mrs     x2, cntvct_el0
    cmp     x2, x1
    b.hi    2f
    subs    x3, x3, #1
    b.ne    1b
    cmp     x2, x1
2:  expect_that hi, x2
    pass

    check   "MIDR_EL1 and MPIDR_EL1"
    mrs     x0, midr_el1
    ubfx    x1, x0, #16, #4                 // Architecture: told by the ID registers
    expect  x1, 0xf
    mrs     x0, mpidr_el1
    ubfx    x1, x0, #31, #1
    expect  x1, 1
    pass

    check   "ID_AA64PFR0_EL1: EL0 and EL1 are there, and floating point"
    mrs     x0, id_aa64pfr0_el1
    and     x1, x0, #0xff
    tst     x0, #0x0f
    expect_that ne, x1
    tst     x0, #0xf0
    expect_that ne, x1
    ubfx    x1, x0, #16, #4
    cmp     x1, #0xf
    expect_that ne, x1
    pass

    check   "a reserved ID register reads as zero"
    mrs     x0, s3_0_c0_c7_7
    expect  x0, 0
    pass

    check   "CTR_EL0 and DCZID_EL0 name their blocks"
    mrs     x0, ctr_el0
    ubfx    x1, x0, #31, #1
    expect  x1, 1
    mrs     x0, dczid_el0
    and     x1, x0, #0xf
    cmp     x1, #2
    expect_that ge, x1
    pass

    check   "plain registers keep what is written"
    ldr     x0, =0x0123456789abcdef
    msr     tpidr_el1, x0
    msr     tpidr_el0, x0
    mov     w2, w0
    msr     contextidr_el1, x2
    mrs     x1, tpidr_el1
    expect  x1, 0x0123456789abcdef
    mrs     x1, tpidr_el0
    expect  x1, 0x0123456789abcdef
    mrs     x1, contextidr_el1
    expect  x1, 0x89abcdef
    pass

    check   "the OS lock is set and cleared"
    mov     x0, #1
    msr     oslar_el1, x0
    isb
    mrs     x1, oslsr_el1
    ubfx    x1, x1, #1, #1
    expect  x1, 1
    msr     oslar_el1, xzr
    isb
    mrs     x1, oslsr_el1
    ubfx    x1, x1, #1, #1
    expect  x1, 0
    pass

    check   "the cycle counter counts, where there is one"
    mrs     x0, id_aa64dfr0_el1
    ubfx    x1, x0, #8, #4
    cbz     x1, 3f
    cmp     x1, #0xf
    b.eq    3f
    mov     x0, #1 << 31
    msr     pmcntenset_el0, x0
    mov     x0, #0x41                       // PMCR_EL0.LC and E
    msr     pmcr_el0, x0
    isb
    mrs     x1, pmccntr_el0
    isb
    mov     x3, #1000
1:  subs    x3, x3, #1
    b.ne    1b
    mrs     x2, pmccntr_el0
    cmp     x2, x1
    expect_that hi, x2
    msr     pmcr_el0, xzr
3:  pass

    check   "the debug registers are there"
    mrs     x0, mdscr_el1
    ldr     x1, =0x40001000
    msr     dbgbvr0_el1, x1
    mrs     x0, dbgbvr0_el1
    expect  x0, 0x40001000
    msr     dbgbvr0_el1, xzr
    pass

    check   "a register that the hypervisor traps: ACTLR_EL1"
    mrs     x9, actlr_el1
    msr     actlr_el1, x9
    mrs     x0, actlr_el1
    sub     x0, x0, x9
    expect  x0, 0
    pass

    check   "cache maintenance by address and by set and way"
    adr     x0, state
    dc      cvac, x0
    dc      civac, x0
    ic      ivau, x0
    dc      cisw, xzr
    dsb     sy
    isb
    pass

    check   "refused: an implementation defined register"
    attempt mrs x0, s3_7_c15_c0_0
    expect_exception ESR_UNDEFINED
    attempt msr s3_7_c15_c0_0, x0
    expect_exception ESR_UNDEFINED
    pass

    check   "refused: an unallocated register"
    attempt mrs x0, s3_3_c1_c1_1
    expect_exception ESR_UNDEFINED
    pass

    check   "refused: the hypervisor's registers"
    attempt mrs x0, vttbr_el2
    expect_exception ESR_UNDEFINED
    attempt msr hcr_el2, xzr
    expect_exception ESR_UNDEFINED
    attempt mrs x0, scr_el3
    expect_exception ESR_UNDEFINED
    pass

    check   "refused: a write to a register that only reads"
    attempt msr s3_0_c0_c0_0, x0            // MIDR_EL1
    expect_exception ESR_UNDEFINED
    pass
`;
