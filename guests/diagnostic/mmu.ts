/** Stage 1 translation above the hypervisor's stage 2, and what memory can do once it is Normal. */
export const MMU_CHECKS = String.raw`
.equ STATUS_TRANSLATION_L0, 0x04
.equ STATUS_TRANSLATION_L1, 0x05
.equ STATUS_TRANSLATION_L2, 0x06
.equ STATUS_ACCESS_FLAG_L2, 0x0a
.equ STATUS_PERMISSION_L2, 0x0e

    section "Translation (the MMU stays on from here)"

    check   "the MMU is turned on"
    bl      mmu_on
    mrs     x0, sctlr_el1
    and     x0, x0, #1
    expect  x0, 1
    pass

    check   "one memory by two addresses"
    ldr     x1, =AREA
    ldr     x2, =READ_ONLY
    ldr     x0, =0x1122334455667788
    str     x0, [x1]
    ldr     x0, [x2]
    expect  x0, 0x1122334455667788
    pass

    check   "unaligned accesses, over the end of a page too"
    ldr     x1, =AREA + 0xffd
    ldr     x0, =0x1122334455667788
    str     x0, [x1]
    ldur    x0, [x1, #1]
    and     x0, x0, #0xffffffffffffff
    expect  x0, 0x11223344556677
    ldurh   w0, [x1, #3]
    expect  x0, 0x4455
    pass

    check   "exclusives: success, and failure without a reservation"
    ldr     x1, =AREA + 0x40
    mov     x0, #5
    str     x0, [x1]
    ldaxr   x2, [x1]
    add     x2, x2, #1
    stlxr   w3, x2, [x1]
    ldr     x4, [x1]
    expect  x3, 0
    expect  x4, 6
    ldxr    x2, [x1]
    clrex
    stxr    w3, xzr, [x1]
    ldr     x4, [x1]
    expect  x3, 1
    expect  x4, 6
    pass

    check   "atomics, where there are any"
    mrs     x0, id_aa64isar0_el1
    ubfx    x0, x0, #20, #4
    cbz     x0, 1f
    ldr     x1, =AREA + 0x48
    mov     x0, #40
    str     x0, [x1]
    mov     x2, #2
    ldaddal x2, x3, [x1]
    ldr     x4, [x1]
    expect  x3, 40
    expect  x4, 42
    mov     x3, #42
    casal   x3, x2, [x1]
    ldr     x4, [x1]
    expect  x4, 2
1:  pass

    check   "DC ZVA clears its block"
    ldr     x1, =AREA + 0x1000
    mov     x0, #-1
    str     x0, [x1]
    dc      zva, x1
    ldr     x0, [x1]
    expect  x0, 0
    pass

    check   "code that is written and then run"
    ldr     x1, =CODE_ALIAS + 0x1f0000      // also RAM + 0x1f0000
    ldr     w0, =0xd2800540                 // mov x0, #42
    ldr     w2, =0xd65f03c0                 // ret
    stp     w0, w2, [x1]
    dc      cvau, x1
    dsb     ish
    ic      iallu
    dsb     ish
    isb
    blr     x1
    expect  x0, 42
    ldr     w0, =0xd2800560                 // mov x0, #43
    str     w0, [x1]
    dc      cvau, x1
    dsb     ish
    ic      iallu
    dsb     ish
    isb
    ldr     x1, =RAM + 0x1f0000
    blr     x1
    expect  x0, 43
    pass

    check   "a store to a read-only block"
    ldr     x1, =READ_ONLY + 8
    attempt str x0, [x1]
    expect_exception ESR_DATA_ABORT | WNR | STATUS_PERMISSION_L2, ABORT_MASK
    expect_seen FAR, READ_ONLY + 8
    expect_seen ELR, 8b - 8
    pass

    check   "unmapped addresses, at each level"
    ldr     x1, =UNMAPPED
    attempt ldr x0, [x1]
    expect_exception ESR_DATA_ABORT | STATUS_TRANSLATION_L2, ABORT_MASK
    expect_seen FAR, UNMAPPED
    ldr     x1, =0x100000000
    attempt ldr x0, [x1]
    expect_exception ESR_DATA_ABORT | STATUS_TRANSLATION_L1, ABORT_MASK
    ldr     x1, =0x8000000000               // above 39 bits
    attempt ldr x0, [x1]
    expect_exception ESR_DATA_ABORT | STATUS_TRANSLATION_L0, ABORT_MASK
    ldr     x1, =0xffffff8000000000         // TTBR1_EL1 is not in use
    attempt ldr x0, [x1]
    expect_exception ESR_DATA_ABORT | STATUS_TRANSLATION_L0, ABORT_MASK
    pass

    check   "a mapping that is made, and one that is taken away"
    ldr     x9, =TABLES + 0x1000 + (UNMAPPED >> 21) * 8
    ldr     x0, =AREA | NORMAL | PXN | UXN
    str     x0, [x9]
    dsb     ish
    isb
    ldr     x1, =UNMAPPED
    ldr     x0, [x1]
    expect  x0, 0x1122334455667788
    str     xzr, [x9]
    dsb     ish
    lsr     x0, x1, #12
    tlbi    vae1, x0
    dsb     ish
    isb
    attempt ldr x0, [x1]
    expect_exception ESR_DATA_ABORT | STATUS_TRANSLATION_L2, ABORT_MASK
    pass

    check   "an access flag that is clear"
    ldr     x1, =NO_ACCESS_FLAG
    attempt ldr x0, [x1]
    expect_exception ESR_DATA_ABORT | STATUS_ACCESS_FLAG_L2, ABORT_MASK
    pass

    check   "execution where PXN forbids it"
    ldr     x1, =NO_EXECUTE
    attempt br x1
    expect_exception ESR_INSTRUCTION_ABORT | STATUS_PERMISSION_L2, FETCH_MASK
    expect_seen FAR, NO_EXECUTE
    pass

    check   "unaligned access to a device"
    ldr     x1, =PL011 + 2
    attempt ldr w0, [x1]
    expect_exception ESR_DATA_ABORT | STATUS_ALIGNMENT, ABORT_MASK
    expect_seen FAR, PL011 + 2
    pass

    check   "AT tells the address, or the fault"
    ldr     x1, =READ_ONLY + 0x5000
    at      s1e1r, x1
    isb
    mrs     x0, par_el1
    ldr     x2, =0xfffffffff001             // PA and F
    and     x0, x0, x2
    expect  x0, AREA + 0x5000
    at      s1e1w, x1
    isb
    mrs     x0, par_el1
    and     x0, x0, #0x7f
    expect  x0, STATUS_PERMISSION_L2 << 1 | 1
    pass

    check   "EL0 reads its own block and no other"
    attempt_at_el0 el0_read_own
    mov     x9, x5
    expect_exception_of_el0 ESR_SVC | 2
    expect  x9, 0x1122334455667788
    attempt_at_el0 el0_read_other
    expect_exception_of_el0 ESR_DATA_ABORT_EL0 | STATUS_PERMISSION_L2, ABORT_MASK
    expect_seen FAR, AREA
    pass
el0_read_own:
    mov     x5, #EL0_AREA
    ldr     x5, [x5]
    svc     #2
el0_read_other:
    mov     x5, #AREA & 0xffff0000
    ldr     x5, [x5]
    svc     #3

    check   "an unprivileged load at EL1"
    ldr     x1, =AREA
    attempt ldtr x0, [x1]
    expect_exception ESR_DATA_ABORT | STATUS_PERMISSION_L2, ABORT_MASK
    ldr     x1, =EL0_AREA
    ldtr    x0, [x1]
    expect  x0, 0x1122334455667788
    pass

    check   "a device by another address"
    ldr     x1, =PL011_ALIAS + 0xfe0
    ldr     w0, [x1]
    expect  x0, 0x11
    ldp     w2, w3, [x1, #16]
    expect  x2, 0x0d
    expect  x3, 0xf0
    pass

    check   "an access that only the instruction tells, from aliased code"
    ldr     x1, =PL011_ALIAS + 0xfe0
    ldr     x2, =read_post_indexed - RAM + CODE_ALIAS
    blr     x2
    expect  x0, 0x11
    expect  x1, PL011_ALIAS + 0xfe4
    pass
read_post_indexed:
    ldr     w0, [x1], #4
    ret

    check   "refused: FAR_EL1 is the virtual address"
    ldr     x1, =UNCLAIMED_ALIAS + 0x10
    attempt ldr w0, [x1]
    expect_exception ESR_DATA_ABORT | STATUS_EXTERNAL, ABORT_MASK
    expect_seen FAR, UNCLAIMED_ALIAS + 0x10
    pass
`;
