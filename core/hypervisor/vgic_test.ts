import { assertEquals } from "@std/assert";
import { GICR_BASE } from "../machine/memory_map.ts";
import { HypervisorFixture } from "./fixture.ts";

/** Sets the guest's GIC up: Group 1, SGIs and PPIs of this vCPU, all SPIs 32 to 63 enabled and to vCPU 0. */
const GIC = `
.macro gic_init
    mov x9, #0x12
    str w9, [x29]
    ldr x10, =${GICR_BASE}
    mrs x9, mpidr_el1
    and x9, x9, #0xff
    add x10, x10, x9, lsl #17
    str wzr, [x10, #0x14]
    add x10, x10, #0x10000
    mov w9, #-1
    str w9, [x10, #0x80]
    str w9, [x10, #0x100]
    str w9, [x29, #0x84]
    str w9, [x29, #0x104]
    mov x9, #0xf0
    msr icc_pmr_el1, x9
    mov x9, #1
    msr icc_igrpen1_el1, x9
    isb
.endm
// Acknowledges and ends the pending interrupt: INTID in x9
.macro take
    mrs x9, icc_iar1_el1
    msr icc_eoir1_el1, x9
.endm
    gic_init
`;

Deno.test("More interrupts than list registers are all delivered, by priority", () => {
  const f = new HypervisorFixture();
  f.runGuest(
    GIC + `
    add x10, x29, #0x420        // priorities of SPIs 32 on: 0xe8 downwards
    mov x11, #0xe8
    mov x12, #0
1:  strb w11, [x10, x12]
    sub x11, x11, #8
    add x12, x12, #1
    cmp x12, #10
    b.ne 1b
    mov w9, #0x3ff
    str w9, [x29, #0x204]       // ISPENDR1: all ten
    mov x1, #0
    mov x2, #0
2:  take
    cmp x9, #1020
    b.hs 3f
    add x1, x1, #1
    lsl x2, x2, #4
    sub x9, x9, #32
    orr x2, x2, x9
    b 2b
3:`,
  );
  assertEquals([f.x(24), f.x(1)], [0n, 10n]);
  assertEquals(f.x(2).toString(16), "9876543210");
});

Deno.test("Ten interrupts active at once are deactivated in any order", () => {
  const f = new HypervisorFixture();
  f.runGuest(
    GIC + `
    mov x9, #2                  // EOImode
    msr icc_ctlr_el1, x9
    mov w9, #0x3ff
    str w9, [x29, #0x204]
    mov x1, #0
2:  mrs x9, icc_iar1_el1
    cmp x9, #1020
    b.hs 3f
    msr icc_eoir1_el1, x9
    add x1, x1, #1
    b 2b
3:  ldr w3, [x29, #0x304]       // ISACTIVER1
    mov x9, #32
4:  msr icc_dir_el1, x9
    add x9, x9, #1
    cmp x9, #42
    b.ne 4b
    ldr w4, [x29, #0x304]`,
  );
  assertEquals([f.x(1), f.x(3), f.x(4)], [10n, 0x3ffn, 0n]);
});

Deno.test("A level-sensitive line of a device is pending until the device lowers it", () => {
  const f = new HypervisorFixture();
  f.runGuest(
    GIC + `
    mov w9, #0x20               // PL011: transmit interrupt
    str w9, [x28, #0x38]
    mov w9, #'!'
    str w9, [x28]
    take
    mov x1, x9
    mov x9, #100                // it is offered again once EL2 has seen the end
1:  sub x9, x9, #1
    cbnz x9, 1b
    take
    mov x2, x9
    mov w9, #0x20
    str w9, [x28, #0x44]
    take
    mov x3, x9`,
  );
  assertEquals([1, 2, 3].map((n) => f.x(n)), [33n, 33n, 1023n]);
});

Deno.test("A line that rises while the guest runs or waits reaches it", () => {
  const f = new HypervisorFixture();
  f.machine.clock.schedule("test", 100_000, () => void f.type("x"));
  f.runGuest(
    GIC + `
    mov w9, #0x10               // PL011: receive interrupt, FIFO off
    str w9, [x28, #0x38]
    wfi
    take
    mov x1, x9
    ldr w2, [x28]
    take
    mov x3, x9`,
  );
  assertEquals([1, 2, 3].map((n) => f.x(n)), [33n, BigInt("x".charCodeAt(0)), 1023n]);
});

Deno.test("The virtual timer's interrupt is the guest's, and comes again only when it was ended", () => {
  const f = new HypervisorFixture();
  f.runGuest(
    GIC + `
    mov x9, #1000
    msr cntv_tval_el0, x9
    mov x9, #1
    msr cntv_ctl_el0, x9
    wfi
    mrs x1, icc_iar1_el1
    mrs x2, icc_iar1_el1
    ldr x9, =1000000000
    msr cntv_tval_el0, x9
    msr icc_eoir1_el1, x1
    mrs x3, icc_iar1_el1
    mov x9, #1000
    msr cntv_tval_el0, x9
    wfi
    mrs x4, icc_iar1_el1
    msr cntv_ctl_el0, xzr
    msr icc_eoir1_el1, x4
    mrs x5, icc_iar1_el1`,
  );
  assertEquals([1, 2, 3, 4, 5].map((n) => f.x(n)), [27n, 1023n, 1023n, 27n, 1023n]);
});

Deno.test("SGIs reach another vCPU that waits, and come back", () => {
  const f = new HypervisorFixture({ vcpus: 2 });
  f.runGuest(
    GIC + `
    ldr x0, =0xc4000003
    mov x1, #1
    adr x2, second
    mov x3, #0
    hvc #0
    wfi
    take
    mov x1, x9
    ldr x9, =5 << 24 | 1 << 1
    msr icc_sgi1r_el1, x9
    wfi
    take
    mov x2, x9
    off
second:
    ldr x29, =0x08000000
    gic_init
    mov x9, #1 << 40            // to all others: SGI 0
    msr icc_sgi1r_el1, x9
    wfi
    take
    mov x1, x9
    ldr x9, =15 << 24 | 1
    msr icc_sgi1r_el1, x9
1:  wfi
    b 1b`,
  );
  assertEquals([f.x(24), f.x(1), f.x(2), f.x(1, 1)], [0n, 0n, 15n, 5n]);
  assertEquals(f.vm.statistics().sysreg, { allow: 3 });
});

Deno.test("A VM that starts again finds its GIC reset", () => {
  const f = new HypervisorFixture();
  f.runGuest(GIC + "mov w9, #1\nstr w9, [x29, #0x204]\nmrs x1, icc_iar1_el1");
  assertEquals(f.x(1), 32n);
  f.runGuest("ldr w1, [x29]\nldr w2, [x29, #0x304]\nldr w3, [x29, #0x204]\nmrs x4, icc_pmr_el1");
  assertEquals([1, 2, 3, 4].map((n) => f.x(n)), [0x50n, 0n, 0n, 0n]);
});
