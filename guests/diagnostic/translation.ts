/** Stage 1 translation tables, and turning the MMU on. */
export const TRANSLATION = String.raw`
// A level 1 table of 39-bit addresses, and level 2 tables of 2 MiB blocks for the first two gibibytes.
.equ TABLES, RAM + 0x180000
.equ TCR, 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2 << 32   // T0SZ, write-back, inner shareable, EPD1, 40-bit IPS
.equ MAIR, 0x00ff                           // 0: Normal, write-back; 1: Device-nGnRnE
.equ TABLE, 3
.equ BLOCK, 1
.equ AF, 1 << 10
.equ AP_EL0, 1 << 6
.equ AP_READ_ONLY, 1 << 7
.equ PXN, 1 << 53
.equ UXN, 1 << 54
.equ NORMAL, BLOCK | 3 << 8 | AF
.equ DEVICE, BLOCK | 1 << 2 | AF | PXN | UXN

// Virtual addresses. The area is two MiB of RAM that can be reached in several ways.
.equ AREA, RAM + 0x200000
.equ READ_ONLY, RAM + 0x400000
.equ NO_ACCESS_FLAG, RAM + 0x600000
.equ NO_EXECUTE, RAM + 0x800000
.equ UNCLAIMED_ALIAS, RAM + 0xa00000
.equ CODE_ALIAS, RAM + 0xc00000
.equ PL011_ALIAS, RAM + 0xe00000
.equ EL0_AREA, RAM + 0x1000000
.equ UNMAPPED, RAM + 0x1200000

// Each block: where, and its descriptor.
    .balign 8
blocks:
    .quad   GICD, GICD | DEVICE
    .quad   PL011, PL011 | DEVICE
    .quad   RAM, RAM | NORMAL
    .quad   AREA, AREA | NORMAL | PXN | UXN
    .quad   READ_ONLY, AREA | NORMAL | AP_READ_ONLY | PXN | UXN
    .quad   NO_ACCESS_FLAG, AREA | NORMAL & ~AF
    .quad   NO_EXECUTE, AREA | NORMAL | PXN
    .quad   UNCLAIMED_ALIAS, UNCLAIMED & ~0x1fffff | DEVICE
    .quad   CODE_ALIAS, RAM | NORMAL
    .quad   PL011_ALIAS, PL011 | DEVICE
    .quad   EL0_AREA, AREA | NORMAL | AP_EL0 | PXN | UXN
    .quad   0

// Builds the tables and turns the MMU and the caches on; code and stack stay where they are.
mmu_on:
    ldr     x0, =TABLES
    mov     x1, #3 * 512
1:  str     xzr, [x0], #8
    subs    x1, x1, #1
    b.ne    1b
    ldr     x0, =TABLES
    add     x1, x0, #0x1000
    orr     x2, x1, #TABLE
    str     x2, [x0]                        // the first GiB
    add     x2, x2, #0x1000
    str     x2, [x0, #8]                    // the second
    adr     x3, blocks
1:  ldp     x4, x5, [x3], #16
    cbz     x4, 2f
    lsr     x4, x4, #21                     // the two level 2 tables stand in one row
    str     x5, [x1, x4, lsl #3]
    b       1b
2:  msr     ttbr0_el1, x0
    ldr     x0, =TCR
    msr     tcr_el1, x0
    ldr     x0, =MAIR
    msr     mair_el1, x0
    dsb     ish
    tlbi    vmalle1
    ic      iallu
    dsb     ish
    isb
    mrs     x0, sctlr_el1
    mov     x1, #1 << 2 | 1                 // C, M
    orr     x1, x1, #1 << 12                // I
    orr     x0, x0, x1
    msr     sctlr_el1, x0
    isb
    ret
`;
