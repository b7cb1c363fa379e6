/** The guest as an operating system: code at EL0, and what it may not do there. */
export const EL0_CHECKS = String.raw`
.equ EL0_STACK, STACK_TOP - 0x8000
.equ EL0_MASKED, 0x3c0                      // SPSR_EL1: EL0, all interrupts masked
.equ EL0_UNMASKED, 0x000

// Runs code at EL0 until it raises an exception, and goes on behind this.
.macro attempt_at_el0 entry, spsr=EL0_MASKED
    ldr     x16, =state
    adr     x17, 8f
    str     x17, [x16, #RECOVERY]
    adr     x0, \entry
    mov     x1, #\spsr
    b       enter_el0
8:
.endm

.macro expect_exception_of_el0 esr, mask=-1
    expect_seen VECTOR, SYNC_EL0
    expect_seen ESR, \esr, \mask
.endm

    section "Code at EL0"

    check   "SVC comes back"
    attempt_at_el0 el0_svc
    mov     x9, x2
    expect_exception_of_el0 ESR_SVC | 0x42
    expect_seen ELR, el0_svc_done
    expect_seen SPSR, EL0_MASKED, 0x3cf
    expect  x9, EL0_STACK
    pass
el0_svc:
    mov     x2, sp
    svc     #0x42
el0_svc_done:

    check   "a register of EL1 is UNDEFINED"
    attempt_at_el0 el0_sctlr
    expect_exception_of_el0 ESR_UNDEFINED
    expect_seen ELR, el0_sctlr
    pass
el0_sctlr:
    mrs     x0, sctlr_el1

    check   "HVC and SMC are UNDEFINED"
    attempt_at_el0 el0_hvc
    expect_exception_of_el0 ESR_UNDEFINED
    attempt_at_el0 el0_smc
    expect_exception_of_el0 ESR_UNDEFINED
    pass
el0_hvc:
    hvc     #0
el0_smc:
    smc     #0

    check   "the counter, where CNTKCTL_EL1 lets it and where not"
    msr     cntkctl_el1, xzr
    isb
    attempt_at_el0 el0_counter
    expect_exception_of_el0 ESR_SYSTEM_REGISTER | 3 << 20 | 2 << 17 | 3 << 14 | 14 << 10 | 5 << 5 | 1
    mov     x1, #2                          // EL0VCTEN
    msr     cntkctl_el1, x1
    isb
    attempt_at_el0 el0_counter
    expect_exception_of_el0 ESR_SVC | 1
    pass
el0_counter:
    mrs     x5, cntvct_el0
    svc     #1

    check   "WFI that SCTLR_EL1.nTWI traps"
    attempt_at_el0 el0_wfi
    expect_exception_of_el0 ESR_WFX
    pass
el0_wfi:
    wfi

    check   "floating point that CPACR_EL1 traps at EL0 only"
    mov     x1, #1 << 20
    msr     cpacr_el1, x1
    isb
    fmov    d0, #2.0
    attempt_at_el0 el0_floating_point
    mov     x1, #3 << 20
    msr     cpacr_el1, x1
    isb
    expect_exception_of_el0 ESR_FP
    pass
el0_floating_point:
    fmov    d0, #1.0

// x0: where, x1: SPSR_EL1.
enter_el0:
    msr     elr_el1, x0
    msr     spsr_el1, x1
    ldr     x2, =EL0_STACK
    msr     sp_el0, x2
    eret
`;
