/** The beginning and the end of the diagnostic guest. */
export const BOOT = String.raw`
// Entered at EL1 with the MMU off, interrupts masked, and the devicetree's address or 0 in x0. First things first: a
// stack, vectors, known controls, and the use of floating point.
_start:
    ldr     x1, =STACK_TOP
    mov     sp, x1
    ldr     x1, =vectors
    msr     vbar_el1, x1
    ldr     x1, =SCTLR_MMU_OFF
    msr     sctlr_el1, x1
    mov     x1, #3 << 20                    // CPACR_EL1.FPEN: no trap
    msr     cpacr_el1, x1
    isb
    mov     x19, x0
    bl      console_init

// Who we are.
    adr     x0, banner
    bl      put_string
    mrs     x0, currentel
    ubfx    x0, x0, #2, #2
    bl      put_decimal
    adr     x0, banner_midr
    bl      put_string
    mrs     x0, midr_el1
    bl      put_hex
    adr     x0, banner_mpidr
    bl      put_string
    mrs     x0, mpidr_el1
    bl      put_hex
    adr     x0, banner_counter
    bl      put_string
    mrs     x0, cntfrq_el0
    bl      put_decimal
    adr     x0, banner_devicetree
    bl      put_string
    mov     x0, x19
    bl      put_hex
    mov     w0, #'\n'
    bl      put_char
    b       first_section

// Every check has been made: the total, and power off.
all_done:
    mov     w0, #'\n'
    bl      put_char
    ldr     x19, =state
    ldr     x0, [x19, #PASSED]
    bl      put_decimal
    adr     x0, text_passed
    bl      put_string
    ldr     x0, [x19, #FAILED]
    bl      put_decimal
    adr     x0, text_failed
    bl      put_string
    ldr     x0, =PSCI_SYSTEM_OFF
    hvc     #0
    adr     x0, text_still_on               // SYSTEM_OFF does not return
    bl      put_string
1:  wfi
    b       1b

banner:             .asciz "Ariel diagnostic guest\n  at EL"
banner_midr:        .asciz ", MIDR_EL1 "
banner_mpidr:       .asciz ", MPIDR_EL1 "
banner_counter:     .asciz "\n  counter at "
banner_devicetree:  .asciz " Hz, devicetree at "
text_passed:        .asciz " passed, "
text_failed:        .asciz " failed\n"
text_still_on:      .asciz "FAIL: still running after SYSTEM_OFF\n"
    .balign 8
.equ SCTLR_MMU_OFF, 0x30d00800 | 1 << 4 | 1 << 3    // RES1, SA0 and SA: the stack pointer is checked
.equ PSCI_SYSTEM_OFF, 0x84000008
`;
