/** Driving the GICv3: what must be set up, and how interrupts are sent and awaited. */
export const GIC = String.raw`
.equ GICD_CTLR, 0x0000
.equ GICD_TYPER, 0x0004
.equ GICD_IGROUPR, 0x0080
.equ GICD_ISENABLER, 0x0100
.equ GICD_IPRIORITYR, 0x0400
.equ GICD_PIDR2, 0xffe8
.equ GICR_TYPER, 0x0008
.equ GICR_WAKER, 0x0014
.equ GICR_SGI, GICR + 0x10000               // the frame of SGIs and PPIs has the distributor's layout
.equ SPURIOUS, 1023
.equ NOTHING, -1
.equ PRIORITY, 0x80
.equ CNTV_ENABLED, 1
.equ CNTV_MASKED, 3

// Distributor, redistributor and CPU interface: all private interrupts, the PL011's and the PL031's, in Group 1.
gic_init:
    ldr     x1, =GICD
    mov     w0, #0x12                       // ARE, EnableGrp1
    str     w0, [x1, #GICD_CTLR]
    ldr     x2, =GICR
    ldr     w0, [x2, #GICR_WAKER]
    and     w0, w0, #~2                     // ProcessorSleep
    str     w0, [x2, #GICR_WAKER]
1:  ldr     w0, [x2, #GICR_WAKER]
    tbnz    w0, #2, 1b                      // ChildrenAsleep

    ldr     x2, =GICR_SGI
    mov     w0, #-1
    str     w0, [x2, #GICD_IGROUPR]
    ldr     w0, =PRIORITY * 0x01010101
    add     x3, x2, #GICD_IPRIORITYR
    mov     w4, #8
1:  str     w0, [x3], #4
    subs    w4, w4, #1
    b.ne    1b
    ldr     w0, =0xffff | 1 << TIMER_INTID | 1 << PHYSICAL_TIMER_INTID
    str     w0, [x2, #GICD_ISENABLER]

    mov     w0, #1 << (PL011_INTID - 32) | 1 << (PL031_INTID - 32)
    str     w0, [x1, #GICD_IGROUPR + 4]
    mov     w3, #PRIORITY
    strb    w3, [x1, #GICD_IPRIORITYR + PL011_INTID]
    strb    w3, [x1, #GICD_IPRIORITYR + PL031_INTID]
    mrs     x3, mpidr_el1
    ldr     x4, =0xff00ffffff
    and     x3, x3, x4
    ldr     x4, =GICD + GICD_IROUTER
    str     x3, [x4, #8 * PL011_INTID]
    str     x3, [x4, #8 * PL031_INTID]
    str     w0, [x1, #GICD_ISENABLER + 4]

    mov     x0, #7                          // ICC_SRE_EL1: system registers, no bypass
    msr     icc_sre_el1, x0
    isb
    mov     x0, #0xf0
    msr     icc_pmr_el1, x0
    msr     icc_bpr1_el1, xzr
    msr     icc_ctlr_el1, xzr               // EOImode 0: an end is also a deactivation
    mov     x0, #1
    msr     icc_igrpen1_el1, x0
    isb
    ret

// Sends SGI x0 to this vCPU. Changes x1 and x2.
send_sgi:
    mrs     x1, mpidr_el1
    and     x2, x1, #0xf
    mov     x3, #1
    lsl     x2, x3, x2                      // TargetList
    ubfx    x3, x1, #8, #8
    bfi     x2, x3, #16, #8                 // Aff1
    ubfx    x3, x1, #16, #8
    bfi     x2, x3, #32, #8                 // Aff2
    ubfx    x3, x1, #32, #8
    bfi     x2, x3, #48, #8                 // Aff3
    orr     x2, x2, x0, lsl #24
    msr     icc_sgi1r_el1, x2
    isb
    ret

// Unmasks interrupts until one has been taken or patience ends. Returns its INTID in x0, or NOTHING.
take_interrupt:
    ldr     x1, =state
    mov     x0, #NOTHING
    str     x0, [x1, #INTID]
    ldr     x2, =PATIENCE
    msr     daifclr, #2
1:  ldr     x0, [x1, #INTID]
    cmn     x0, #1
    ccmp    x2, #0, #4, eq
    sub     x2, x2, #1
    b.ne    1b
    msr     daifset, #2
    ret

// Waits, with interrupts masked, for one to be pending or patience to end. Returns its INTID in x0, acknowledged.
poll_interrupt:
    ldr     x2, =PATIENCE
1:  mrs     x0, isr_el1
    tst     x0, #0x80
    ccmp    x2, #0, #4, eq
    sub     x2, x2, #1
    b.ne    1b
    mrs     x0, icc_iar1_el1
    ret
.equ PATIENCE, 10000000

// Lets the virtual timer come in x0 microseconds. Changes x1 and x2.
start_timer:
    mrs     x1, cntfrq_el0
    mul     x1, x1, x0
    ldr     x2, =1000000
    udiv    x1, x1, x2
    msr     cntv_tval_el0, x1
    mov     x1, #CNTV_ENABLED
    msr     cntv_ctl_el0, x1
    isb
    ret
`;
