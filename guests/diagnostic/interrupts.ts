/** Interrupts: from itself, the timer and the devices, taken and polled, and WFI. */
export const INTERRUPT_CHECKS = String.raw`
    section "Interrupts"

    check   "GICv3: distributor and redistributor"
    ldr     x1, =GICD + GICD_PIDR2
    ldr     w0, [x1]
    ubfx    x0, x0, #4, #4                  // ArchRev
    expect  x0, 3
    ldr     x1, =GICR + GICD_PIDR2
    ldr     w0, [x1]
    ubfx    x0, x0, #4, #4
    expect  x0, 3
    bl      gic_init
    mrs     x0, icc_sre_el1
    and     x0, x0, #1
    expect  x0, 1
    pass

    check   "nothing is pending"
    mrs     x0, icc_iar1_el1
    expect  x0, SPURIOUS
    mrs     x0, isr_el1
    expect  x0, 0
    pass

    check   "an SGI is taken"
    mov     x0, #1
    bl      send_sgi
    bl      take_interrupt
    expect  x0, 1
    expect_seen VECTOR, IRQ_EL1H
    pass

    check   "an SGI is pending while masked, and WFI does not wait"
    mov     x0, #2
    bl      send_sgi
    wfi
    bl      poll_interrupt
    mov     x9, x0
    msr     icc_eoir1_el1, x9
    expect  x9, 2
    mrs     x0, icc_iar1_el1
    expect  x0, SPURIOUS
    pass

    check   "priorities: the more urgent SGI comes first"
    ldr     x1, =GICR_SGI + GICD_IPRIORITYR
    mov     w0, #0x40
    strb    w0, [x1, #4]
    mov     x0, #3
    bl      send_sgi
    mov     x0, #4
    bl      send_sgi
    bl      poll_interrupt
    mov     x9, x0
    mrs     x11, icc_rpr_el1
    msr     icc_eoir1_el1, x9
    isb
    bl      poll_interrupt
    mov     x10, x0
    msr     icc_eoir1_el1, x10
    expect  x9, 4
    expect  x10, 3
    expect  x11, 0x40
    pass

    check   "ICC_PMR_EL1 holds an interrupt back"
    mov     x0, #0x40
    msr     icc_pmr_el1, x0
    mov     x0, #5
    bl      send_sgi
    mrs     x9, isr_el1
    mrs     x10, icc_iar1_el1
    mov     x0, #0xf0
    msr     icc_pmr_el1, x0
    isb
    bl      poll_interrupt
    mov     x11, x0
    msr     icc_eoir1_el1, x11
    expect  x9, 0
    expect  x10, SPURIOUS
    expect  x11, 5
    pass

    check   "WFI until the virtual timer, masked"
    mrs     x9, cntvct_el0
    mov     x0, #1000
    bl      start_timer
    mrs     x11, cntv_cval_el0
    wfi
    bl      poll_interrupt
    mov     x10, x0
    isb
    mrs     x12, cntvct_el0
    mov     x0, #CNTV_MASKED
    msr     cntv_ctl_el0, x0
    isb
    msr     icc_eoir1_el1, x10
    expect  x10, TIMER_INTID
    cmp     x12, x11
    expect_that hs, x12
    mrs     x0, isr_el1
    expect  x0, 0
    pass

    check   "WFI until the virtual timer, taken"
    mov     x0, #1000
    bl      start_timer
    wfi
    bl      take_interrupt
    expect  x0, TIMER_INTID
    mrs     x0, cntv_ctl_el0
    expect  x0, 7                           // ISTATUS, IMASK, ENABLE
    msr     cntv_ctl_el0, xzr
    pass

    check   "WFI until the physical timer"
    mrs     x1, cntfrq_el0
    lsr     x1, x1, #10                     // about a millisecond
    msr     cntp_tval_el0, x1
    mov     x1, #1
    msr     cntp_ctl_el0, x1
    isb
    mrs     x9, cntp_cval_el0
    wfi
    bl      take_interrupt
    expect  x0, PHYSICAL_TIMER_INTID
    isb
    mrs     x0, cntpct_el0
    cmp     x0, x9
    expect_that hs, x0
    pass

    check   "the timer interrupts EL0"
    mov     x0, #1000
    bl      start_timer
    attempt_at_el0 el0_loop, EL0_UNMASKED
    expect_seen VECTOR, IRQ_EL0
    expect_seen INTID, TIMER_INTID
    pass
el0_loop:
    b       .

    check   "WFE returns for an event"
    sev
    wfe
    pass

    check   "PL011: transmit interrupt"
    bl      loopback_on
    str     wzr, [x1, #UARTDR]
    mov     w0, #1 << 5                     // TXIM
    str     w0, [x1, #UARTIMSC]
    wfi
    bl      take_interrupt
    mov     x9, x0
    ldr     x1, =PL011
    ldr     w0, [x1, #UARTDR]               // what went round
    bl      loopback_off
    expect  x9, PL011_INTID
    pass

    check   "PL031: the second that RTCMR names"
    ldr     x1, =PL031
    mov     w0, #1
    str     w0, [x1, #RTCICR]
1:  ldr     w0, [x1, #RTCDR]
    str     w0, [x1, #RTCMR]
    ldr     w2, [x1, #RTCRIS]
    cbnz    w2, 2f
    ldr     w3, [x1, #RTCDR]
    cmp     w3, w0
    b.ne    1b                              // the second had passed: again
2:  mov     w0, #1
    str     w0, [x1, #RTCIMSC]
    wfi
    bl      take_interrupt
    expect  x0, PL031_INTID
    ldr     x1, =PL031
    mov     w0, #1
    str     w0, [x1, #RTCICR]
    pass

    check   "nothing is left pending"
    mrs     x0, isr_el1
    expect  x0, 0
    mrs     x0, icc_rpr_el1
    expect  x0, 0xff
    pass
`;
