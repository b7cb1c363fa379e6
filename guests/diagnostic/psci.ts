/** Firmware calls over SMC and HVC: SMCCC and PSCI 1.1 (Arm DEN 0028 and DEN 0022). */
export const PSCI_CHECKS = String.raw`
.equ SMCCC_VERSION, 0x80000000
.equ SMCCC_ARCH_FEATURES, 0x80000001
.equ PSCI_VERSION, 0x84000000
.equ PSCI_CPU_OFF, 0x84000002
.equ PSCI_MIGRATE_INFO_TYPE, 0x84000006
.equ PSCI_FEATURES, 0x8400000a
.equ PSCI_CPU_SUSPEND, 0xc4000001
.equ PSCI_CPU_ON, 0xc4000003
.equ PSCI_AFFINITY_INFO, 0xc4000004
.equ PSCI_INVALID_PARAMETERS, -2
.equ PSCI_ALREADY_ON, -4
.equ NOWHERE, 0xfe00fefefe                  // the affinity of no vCPU

.macro call conduit, function, a=0, b=0, c=0
    ldr     x0, =\function
    ldr     x1, =\a
    ldr     x2, =\b
    ldr     x3, =\c
    \conduit #0
.endm

    section "Firmware calls"

    .irp    conduit, smc, hvc
    check   "SMCCC_VERSION and PSCI_VERSION by \conduit"
    call    \conduit, SMCCC_VERSION
    lsr     x1, x0, #16
    expect  x1, 1
    and     x1, x0, #0xffff
    cmp     x1, #1
    expect_that ge, x0
    call    \conduit, PSCI_VERSION
    expect  x0, 0x10001
    pass

    check   "an unknown function is NOT_SUPPORTED, by \conduit"
    call    \conduit, 0xc3001234
    expect_low x0, NOT_SUPPORTED
    call    \conduit, 0x8400ffff
    expect_low x0, NOT_SUPPORTED
    pass
    .endr

    check   "SMC with another immediate is NOT_SUPPORTED"
    ldr     x0, =PSCI_VERSION
    smc     #1
    expect_low x0, NOT_SUPPORTED
    pass

    check   "SMCCC_ARCH_FEATURES"
    call    hvc, SMCCC_ARCH_FEATURES, SMCCC_VERSION
    expect_low x0, 0
    call    hvc, SMCCC_ARCH_FEATURES, 0x8000ffff
    expect_low x0, NOT_SUPPORTED
    pass

    check   "PSCI_FEATURES"
    call    hvc, PSCI_FEATURES, PSCI_CPU_ON
    expect_low x0, 0
    call    hvc, PSCI_FEATURES, PSCI_SYSTEM_OFF
    expect_low x0, 0
    call    hvc, PSCI_FEATURES, 0x8400ffff
    expect_low x0, NOT_SUPPORTED
    pass

    check   "AFFINITY_INFO: this vCPU is on, and another does not exist"
    mrs     x1, mpidr_el1
    ldr     x0, =0xff00ffffff
    and     x1, x1, x0
    mov     x2, #0
    ldr     x0, =PSCI_AFFINITY_INFO
    hvc     #0
    expect_low x0, 0
    call    hvc, PSCI_AFFINITY_INFO, NOWHERE
    expect_low x0, PSCI_INVALID_PARAMETERS
    pass

    check   "CPU_ON: this vCPU is on already, and another does not exist"
    mrs     x1, mpidr_el1
    ldr     x0, =0xff00ffffff
    and     x1, x1, x0
    adr     x2, _start
    mov     x3, #0
    ldr     x0, =PSCI_CPU_ON
    hvc     #0
    expect_low x0, PSCI_ALREADY_ON
    call    hvc, PSCI_CPU_ON, NOWHERE, RAM
    expect_low x0, PSCI_INVALID_PARAMETERS
    pass

    check   "CPU_ON and CPU_OFF of a second vCPU, where there is one"
    call    hvc, PSCI_AFFINITY_INFO, 1
    cmn     w0, #2                          // INVALID_PARAMETERS
    b.eq    2f
    expect_low x0, 1                        // off
    call    hvc, PSCI_CPU_ON, 1, second, 0x5ec0
    expect_low x0, 0
    ldr     x9, =PATIENCE
1:  sub     x9, x9, #1
    call    hvc, PSCI_AFFINITY_INFO, 1
    cmp     w0, #0                          // on still
    ccmp    x9, #0, #4, eq
    b.ne    1b
    expect_low x0, 1
    ldr     x0, second_context
    expect  x0, 0x5ec0
2:  pass
second:                                     // the second vCPU begins here, as the first did: MMU off
    adr     x1, second_context
    str     x0, [x1]
    ldr     x0, =PSCI_CPU_OFF
    hvc     #0
    b       .
    .balign 8
second_context:
    .quad   0

    check   "MIGRATE_INFO_TYPE: no Trusted OS to migrate"
    call    hvc, PSCI_MIGRATE_INFO_TYPE
    expect_low x0, 2
    pass

    check   "CPU_SUSPEND: standby until the timer"
    mov     x0, #1000
    bl      start_timer
    call    hvc, PSCI_CPU_SUSPEND
    mov     x9, x0
    bl      poll_interrupt
    mov     x10, x0
    msr     cntv_ctl_el0, xzr
    isb
    msr     icc_eoir1_el1, x10
    expect_low x9, 0
    expect  x10, TIMER_INTID
    pass
9:
`;
