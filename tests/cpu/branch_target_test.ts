import { assertEquals } from "@std/assert";
import { HypervisorFixture } from "../../core/hypervisor/fixture.ts";

const GUARDED = 0x8000_0000n, LATE = 0xc000_0000n;
const BRANCH_TARGET = 0x0d, FETCH_ABORT = 0x21;

/**
 * Runs a guest whose RAM stands at its IPA, once more in guarded pages at GUARDED, and likewise at LATE after the first
 * abort there. Each exception notes ESR_EL1, ELR_EL1 and SPSR_EL1.BTYPE; at the second it ends.
 * @param slice instructions that are executed at a time.
 * @param source may name instructions of `targets`; its x27 is the distance from them to those at GUARDED.
 */
function run(
  source: string,
  targets: string,
  slice = 1_000_000,
): { seen: (bigint | number)[][]; f: HypervisorFixture } {
  const f = new HypervisorFixture();
  const program = `
    adr x1, handlers
    msr vbar_el1, x1
    ldr x1, =0x40010000
    ldr x2, =0x40000701                 // Normal, Inner Shareable, AF
    str x2, [x1, #8]
    orr x3, x2, #1 << 50                // GP
    str x3, [x1, #16]
    msr ttbr0_el1, x1
    mov x2, #0xff
    msr mair_el1, x2
    ldr x2, =0x280803519                // 39 bits, 4 KiB granule, 36 bits of PA
    msr tcr_el1, x2
    isb
    mrs x2, sctlr_el1
    orr x2, x2, #1
    msr sctlr_el1, x2
    isb
    mov x26, #0
    ldr x27, =0x40000000
    ldr x20, =0x40011000
    ${source}
    off
    .balign 4096
    ${targets}
    off
    .balign 2048
handlers:
    .space 0x200
    mrs x21, esr_el1
    mrs x22, elr_el1
    mrs x23, spsr_el1
    stp x21, x22, [x20], #16
    str x23, [x20], #8
    add x26, x26, #1
    cmp x26, #2
    b.eq 1f
    str x3, [x1, #24]                   // maps LATE
    dsb ish
    isb
    eret
1:  off`;
  f.runGuest(program, slice);
  for (let left = 1000; left > 0; left -= slice) f.run(slice);
  const at = f.host(0x4001_1000), view = new DataView(f.machine.ram.u8.buffer, at);
  const seen = Array.from({ length: Number(f.x(26)) }, (_, i) => {
    const word = (n: number) => view.getBigUint64(24 * i + 8 * n, true);
    return [Number(word(0) >> 26n), word(1) & ~0xfffn, Number(word(2) >> 10n & 3n)];
  });
  return { seen, f };
}

Deno.test("A branch to a guarded page whose fetch faults has its target checked when the page is there", () => {
  const target = "target: mov x25, #1";
  const late = "adr x4, target\n add x4, x4, x27\n add x4, x4, x27\n";
  for (const [branch, btype] of [["blr x4", 2], ["br x4", 1], ["mov x16, x4\n br x16", 1]] as const) {
    const { seen, f } = run(late + branch, target);
    assertEquals(seen.map(([ec, , bits]) => [ec, bits]), [[FETCH_ABORT, btype], [BRANCH_TARGET, btype]], branch);
    assertEquals(seen.every(([, page]) => page as bigint >= LATE), true);
    assertEquals(f.x(25), 0n);
  }
  const { seen, f } = run(late + "blr x4", "target: bti c\n mov x25, #1");
  assertEquals([seen.map(([ec, , bits]) => [ec, bits]), f.x(25)], [[[FETCH_ABORT, 2]], 1n]);
  const plain = run(late + "ret x4", target);
  assertEquals([plain.seen.map(([ec, , bits]) => [ec, bits]), plain.f.x(25)], [[[FETCH_ABORT, 0]], 1n]);
});

Deno.test("ERET with SPSR.BTYPE checks its target in a guarded page, and only there", () => {
  const returnTo = (btype: number, target: string, isGuarded: boolean) => {
    const { seen, f } = run(
      `
      mov x26, #1
      adr x4, target
      ${isGuarded ? "add x4, x4, x27" : ""}
      msr elr_el1, x4
      ldr x5, =${0x3c5 | btype << 10}
      msr spsr_el1, x5
      eret`,
      `target: ${target}\n mov x25, #1\n nop`,
    );
    const [ec, page, bits] = seen[0];
    return [f.x(25), ec, page as bigint >= GUARDED, bits];
  };
  assertEquals(returnTo(0, "nop", true), [1n, 0, false, 0]);
  for (const btype of [1, 2, 3]) {
    assertEquals(returnTo(btype, "nop", true), [0n, BRANCH_TARGET, true, btype]);
    assertEquals(returnTo(btype, "nop", false), [1n, 0, false, 0]);
    assertEquals(returnTo(btype, "bti jc", true), [1n, 0, false, 0]);
  }
  assertEquals(returnTo(2, "bti c", true), [1n, 0, false, 0]);
  assertEquals(returnTo(3, "bti c", true), [0n, BRANCH_TARGET, true, 3]);
});

Deno.test("A branch to a guarded page has its target checked wherever slices end", () => {
  for (const slice of [1, 2, 3, 5, 7]) {
    for (const [branch, btype] of [["blr x4", 2], ["br x4", 1], ["mov x16, x4\n br x16", 1]] as const) {
      const { seen } = run(`mov x26, #1\n adr x4, target\n add x4, x4, x27\n${branch}`, "target: mov x25, #1", slice);
      assertEquals(seen.slice(0, 1).map(([ec, , bits]) => [ec, bits]), [[BRANCH_TARGET, btype]], `${branch} ${slice}`);
    }
    const { f } = run("mov x26, #1\n adr x4, target\n add x4, x4, x27\n blr x4", "target: bti c\n mov x25, #1", slice);
    assertEquals(f.x(25), 1n);
  }
});

Deno.test("A leaf that a region has in place of its call is no target either where its page is guarded", () => {
  const loop = `
loop:
    hint #34                            // bti c
    mov x6, x30
    ldr x7, =200000
2:  adr x4, leaf
    blr x4
    subs x7, x7, #1
    b.ne 2b
    mov x30, x6
    ret
leaf:
    add x25, x25, #1
    ret`;
  const { seen, f } = run("adr x5, loop\n blr x5\n add x5, x5, x27\n blr x5", loop, 4_000_000);
  assertEquals(seen.map(([ec, , btype]) => [ec, btype]), [[BRANCH_TARGET, 2], [BRANCH_TARGET, 2]]);
  assertEquals(f.x(25), 200_000n);
});
