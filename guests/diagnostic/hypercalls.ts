/** Each hypercall, with good and bad arguments. */
export const HYPERCALL_CHECKS = String.raw`
// HVC #0: the operation in x0, arguments in x1 to x3, the result in x0. All other registers keep their values.
.equ GET_HV_ID, 0
.equ DUMP_LOG, 1
.equ GET_STATUS, 2
.equ PAUSE, 3
.equ GUEST_CONSOLE_WRITE, 4
.equ REPORT_EXCEPTION, 5
.equ HV_ID, 0x0100004c45495241              // "ARIEL", 0, 0, and 1: the ABI's version
.equ NOT_SUPPORTED, -1
.equ INVALID_PARAMETERS, -2
.equ DENIED, -3

.macro hypercall operation, a=0, b=0, c=0
    ldr     x1, =\a
    ldr     x2, =\b
    ldr     x3, =\c
    mov     x0, #\operation
    hvc     #0
.endm

    section "Hypercalls"

    check   "GET_HV_ID"
    hypercall GET_HV_ID
    expect  x0, HV_ID
    pass

    check   "GET_STATUS: vCPUs, and traps that are counted"
    hypercall GET_STATUS
    mov     x4, x0
    hypercall GET_STATUS
    and     x1, x0, #0xff                   // on
    ubfx    x2, x0, #8, #8                  // in all
    cmp     x1, #1
    expect_that hs, x0
    cmp     x2, x1
    expect_that hs, x0
    lsr     x1, x0, #32
    lsr     x2, x4, #32
    cmp     x1, x2
    expect_that hi, x0
    pass

    check   "DUMP_LOG: the latest trap records, some made for it"
    ldr     x1, =PL031
    ldr     w0, [x1, #RTCDR]
    ldr     x1, =GICD
    ldr     w0, [x1, #GICD_TYPER]
    ldr     x1, =GICR
    ldr     x0, [x1, #GICR_TYPER]
    hypercall GET_HV_ID
    hypercall REPORT_EXCEPTION, ESR_BRK, _start
    ldr     x0, =SMCCC_VERSION
    hvc     #0
    ldr     x0, =PSCI_VERSION
    smc     #0
    hypercall DUMP_LOG
    expect  x0, 0
    pass

    check   "PAUSE: goes on"
    hypercall PAUSE
    expect  x0, 0
    pass

    check   "GUEST_CONSOLE_WRITE"
    hypercall GUEST_CONSOLE_WRITE, said, SAID_BYTES
    expect  x0, 0
    pass
said:   .ascii  "  The next line's check said this through the hypervisor.\n"
.equ SAID_BYTES, . - said
secret: .ascii  "THIS MUST NOT BE PRINTED"
.equ SECRET_BYTES, . - secret
    .balign 4

    check   "GUEST_CONSOLE_WRITE of nothing"
    hypercall GUEST_CONSOLE_WRITE, said, 0
    expect  x0, 0
    pass

    check   "GUEST_CONSOLE_WRITE refuses: overlong"
    hypercall GUEST_CONSOLE_WRITE, secret, 4097
    expect  x0, INVALID_PARAMETERS
    hypercall GUEST_CONSOLE_WRITE, secret, 0x100000000
    expect  x0, INVALID_PARAMETERS
    pass

    check   "GUEST_CONSOLE_WRITE refuses: wraps around"
    hypercall GUEST_CONSOLE_WRITE, secret, -16
    expect  x0, INVALID_PARAMETERS
    pass

    check   "GUEST_CONSOLE_WRITE refuses: outside RAM"
    hypercall GUEST_CONSOLE_WRITE, PL011, 16
    expect  x0, INVALID_PARAMETERS
    hypercall GUEST_CONSOLE_WRITE, -4096, 16
    expect  x0, INVALID_PARAMETERS
    pass

    check   "GUEST_CONSOLE_WRITE refuses: begins before RAM"
    hypercall GUEST_CONSOLE_WRITE, RAM - 8, SECRET_BYTES
    expect  x0, INVALID_PARAMETERS
    pass

    check   "REPORT_EXCEPTION of a breakpoint taken here"
    hypercall GET_STATUS
    mov     x4, x0
    attempt brk #0x123
    expect_exception ESR_BRK | 0x123
    ldr     x9, =state
    ldp     x1, x2, [x9, #ESR]
    ldr     x3, [x9, #FAR]
    mov     x0, #REPORT_EXCEPTION
    hvc     #0
    expect  x0, 0
    hypercall GET_STATUS
    ubfx    x1, x0, #16, #16                // exceptions reported
    ubfx    x2, x4, #16, #16
    sub     x1, x1, x2
    expect  x1, 1
    pass

    check   "an unknown operation is NOT_SUPPORTED"
    hypercall 0x77
    expect  x0, NOT_SUPPORTED
    ldr     x0, =0x100000000 | GET_STATUS
    hvc     #0
    expect  x0, NOT_SUPPORTED
    pass

    check   "HVC with another immediate is NOT_SUPPORTED"
    mov     x0, #GET_STATUS
    hvc     #1
    expect  x0, NOT_SUPPORTED
    pass

    check   "all other registers and the flags are kept"
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    mov     x\n, #0x100 + \n
    .endr
    mov     x0, #0b1010 << 28
    msr     nzcv, x0
    mov     x0, #GET_STATUS
    hvc     #0
    mrs     x17, nzcv
    mov     x16, #0
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    sub     x\n, x\n, #0x100 + \n
    orr     x16, x16, x\n
    .endr
    mov     x0, x17
    expect  x16, 0
    expect  x0, 0b1010 << 28
    pass
`;
