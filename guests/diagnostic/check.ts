/** What a check is made of: the macros that begin and judge it, and what they remember. */
export const CHECK = String.raw`
// A check begins with its name and ends with "pass", or with the first "expect" that does not hold; both go on to the
// next check, whose address is the next local label 9. Nothing but memory survives from one check to the next, so each
// may use all registers but two: x16 and x17 belong to the vectors and to these macros.

.macro section title
9:  bl      begin_section
    .asciz  \title
    .balign 4
.endm

.macro check name
9:  bl      begin_check
    .word   9f - .
    .asciz  \name
    .balign 4
.endm

.macro pass
    b       check_passed
.endm

// The X register must hold the value.
.macro expect register, value
    mov     x17, \register
    ldr     x16, =\value
    cmp     x17, x16
    b.ne    check_failed
.endm

// The low half of the X register must hold the value.
.macro expect_low register, value
    and     x17, \register, #0xffffffff
    ldr     x16, =(\value) & 0xffffffff
    cmp     x17, x16
    b.ne    check_failed
.endm

// The condition must hold; the register is told where it does not.
.macro expect_that condition, register
    mov     x17, \register
    b.\condition 7f
    b       check_refused
7:
.endm

// Runs one instruction that must raise an exception, and goes on behind it.
.macro attempt instruction:vararg
    ldr     x16, =state
    adr     x17, 8f
    str     x17, [x16, #RECOVERY]
    \instruction
    b       check_not_trapped
8:
.endm

// What the last exception left must hold the value under the mask.
.macro expect_seen field, value, mask=-1
    ldr     x16, =state
    ldr     x17, [x16, #\field]
    ldr     x16, =\mask
    and     x17, x17, x16
    ldr     x16, =(\value) & (\mask)
    cmp     x17, x16
    b.ne    check_failed
.endm

// The last exception must be this one, taken from EL1 with its own stack pointer.
.macro expect_exception esr, mask=-1
    expect_seen VECTOR, SYNC_EL1H
    expect_seen ESR, \esr, \mask
.endm

// ESR_EL1: the class, IL, and the syndrome.
.equ ESR_UNDEFINED, 0x02000000
.equ ESR_WFX, 0x01 << 26 | 1 << 25 | 1 << 24 | 0xe << 20    // CV, COND: always
.equ ESR_FP, 0x07 << 26 | 1 << 25 | 1 << 24 | 0xe << 20
.equ ESR_ILLEGAL_STATE, 0x0e << 26 | 1 << 25
.equ ESR_SVC, 0x15 << 26 | 1 << 25
.equ ESR_SYSTEM_REGISTER, 0x18 << 26 | 1 << 25
.equ ESR_INSTRUCTION_ABORT_EL0, 0x20 << 26 | 1 << 25
.equ ESR_INSTRUCTION_ABORT, 0x21 << 26 | 1 << 25
.equ ESR_PC_ALIGNMENT, 0x22 << 26 | 1 << 25
.equ ESR_DATA_ABORT_EL0, 0x24 << 26 | 1 << 25
.equ ESR_DATA_ABORT, 0x25 << 26 | 1 << 25
.equ ESR_SP_ALIGNMENT, 0x26 << 26 | 1 << 25
.equ ESR_BRK, 0x3c << 26 | 1 << 25
.equ WNR, 1 << 6
.equ ABORT_MASK, 0xfe00007f                                 // class, IL, WnR, status code
.equ FETCH_MASK, 0xfe00003f
.equ STATUS_EXTERNAL, 0x10
.equ STATUS_ALIGNMENT, 0x21

// The state of the run; the vectors fill the first six.
.equ VECTOR, 0
.equ ESR, 8
.equ ELR, 16
.equ FAR, 24
.equ SPSR, 32
.equ INTID, 40
.equ RECOVERY, 48                           // where an exception that is expected goes on, or 0
.equ NEXT, 56                               // the next check
.equ NAME, 64                               // of the check that runs
.equ PASSED, 72
.equ FAILED, 80
    .balign 8
state:
    .fill   11, 8, 0

// x30 is at the title; goes on behind it.
begin_section:
    mov     x19, x30
    mov     w0, #'\n'
    bl      put_char
    mov     x0, x19
    bl      put_string
    add     x19, x0, #3
    and     x19, x19, #~3
    mov     w0, #'\n'
    bl      put_char
    br      x19

// x30 is at the distance to the next check and the name; goes on behind them.
begin_check:
    ldr     x9, =state
    ldrsw   x10, [x30]
    add     x10, x30, x10
    add     x11, x30, #4
    stp     x10, x11, [x9, #NEXT]           // and NAME
    str     xzr, [x9, #RECOVERY]
1:  ldrb    w12, [x11], #1
    cbnz    w12, 1b
    add     x11, x11, #3
    and     x11, x11, #~3
    br      x11

// Prints the name of the check and dots, so that results stand in one column. Keeps x16, x17 and x19 on.
put_name:
    mov     x18, x30
    mov     w0, #' '
    bl      put_char
    bl      put_char
    ldr     x9, =state
    ldr     x0, [x9, #NAME]
    mov     x10, x0
    bl      put_string
    sub     x10, x0, x10
    mov     w0, #' '
    bl      put_char
    mov     w0, #'.'
1:  bl      put_char
    add     x10, x10, #1
    cmp     x10, #COLUMN
    b.lo    1b
    mov     w0, #' '
    bl      put_char
    ret     x18
.equ COLUMN, 66

check_passed:
    bl      put_name
    adr     x0, text_ok
    bl      put_string
    mov     x10, #PASSED
    b       next_check
check_failed:                               // x16: what was expected, x17: what there was
    bl      put_name
    mov     x19, x16
    mov     x20, x17
    adr     x0, text_expected
    bl      put_string
    mov     x0, x19
    bl      put_hex
    adr     x0, text_got
1:  bl      put_string
    mov     x0, x20
    bl      put_hex
    mov     w0, #'\n'
    bl      put_char
    b       count_failure
check_refused:                              // x17: what there was
    bl      put_name
    mov     x20, x17
    adr     x0, text_refused
    b       1b
check_not_trapped:
    bl      put_name
    adr     x0, text_not_trapped
    bl      put_string
count_failure:
    mov     x10, #FAILED

// Counts the check that has ended and goes on with a fresh stack.
next_check:
    ldr     x9, =state
    ldr     x11, [x9, x10]
    add     x11, x11, #1
    str     x11, [x9, x10]
    msr     daifset, #15
    ldr     x11, =STACK_TOP
    mov     sp, x11
    ldr     x11, [x9, #NEXT]
    br      x11

text_ok:            .asciz "ok\n"
text_expected:      .asciz "FAIL expected "
text_got:           .asciz " got "
text_refused:       .asciz "FAIL got "
text_not_trapped:   .asciz "FAIL expected an exception got none\n"
    .balign 4
first_section:
`;
