/** Printing through the PL011. */
export const CONSOLE = String.raw`
.equ UARTDR, 0x000
.equ UARTFR, 0x018
.equ UARTIBRD, 0x024
.equ UARTFBRD, 0x028
.equ UARTLCR_H, 0x02c
.equ UARTCR, 0x030
.equ UARTIMSC, 0x038
.equ UARTICR, 0x044

// 8 bits, FIFOs on; enabled, transmitter and receiver on.
console_init:
    ldr     x1, =PL011
    str     wzr, [x1, #UARTCR]
    mov     w0, #0x70
    str     w0, [x1, #UARTLCR_H]
    mov     w0, #0x301
    str     w0, [x1, #UARTCR]
    ret

// Prints the character in w0. Changes x1 and x2.
put_char:
    ldr     x1, =PL011
1:  ldr     w2, [x1, #UARTFR]
    tbnz    w2, #5, 1b                      // TXFF: no room yet
    str     w0, [x1, #UARTDR]
    ret

// Prints the string at x0 that a zero ends. Returns the address behind the zero; changes x0 to x4.
put_string:
    mov     x4, x30
    mov     x3, x0
1:  ldrb    w0, [x3], #1
    cbz     w0, 2f
    bl      put_char
    b       1b
2:  mov     x0, x3
    ret     x4

// Prints x0 in hexadecimal. Changes x0 to x6.
put_hex:
    mov     x6, x30
    mov     x5, x0
    adr     x0, text_0x
    bl      put_string
    clz     x3, x5                          // leading zeros are left out, but not the last digit
    cmp     x3, #60
    mov     x4, #60
    csel    x3, x3, x4, lo
    and     x3, x3, #0x3c
    lsl     x5, x5, x3
    sub     x4, x4, x3
1:  lsr     x0, x5, #60
    cmp     x0, #10
    add     w3, w0, #'0'
    add     w0, w0, #'a' - 10
    csel    w0, w3, w0, lo
    bl      put_char
    lsl     x5, x5, #4
    subs    x4, x4, #4
    b.pl    1b
    ret     x6
text_0x: .asciz "0x"
    .balign 4

// Prints x0 in decimal. Changes x0 to x6.
put_decimal:
    mov     x6, x30
    sub     sp, sp, #32                     // room for the string, which is made from its end
    add     x5, sp, #31
    strb    wzr, [x5]
    mov     x3, #10
1:  udiv    x1, x0, x3
    msub    x2, x1, x3, x0
    add     w2, w2, #'0'
    strb    w2, [x5, #-1]!
    mov     x0, x1
    cbnz    x0, 1b
    mov     x0, x5
    bl      put_string
    add     sp, sp, #32
    ret     x6
`;
