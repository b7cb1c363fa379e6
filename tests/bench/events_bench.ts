import { assemble } from "../../core/a64/assembler.ts";
import { sysregIndex } from "../../core/cpu/sysregs.ts";
import type { Machine } from "../../core/machine/machine.ts";
import { RAM_PA } from "../../core/machine/memory_map.ts";
import { loadProgram, makeMachine } from "../jit/bare_machine.ts";
import { CODE, SUPERVISOR, TABLES, USER } from "../jit/layout.ts";

/*
 * What happens beside instructions: misses of the TLB, exceptions, interrupts. A name begins with how many of them an
 * iteration has; the instructions around each are named where they are more than a few.
 */

const COUNT = 2000;
const HOST = { poll() {}, wait() {} };

/** A program that never ends: what is returned runs so many of its instructions. */
function prepare(source: string, prepareMachine: (m: Machine) => void = () => {}): (instructions: number) => void {
  const machine = makeMachine(true);
  loadProgram(machine, assemble(source, { origin: CODE.va }).bytes, CODE.va, new Uint8Array(0));
  prepareMachine(machine);
  const run = (count: number) =>
    void machine.run(HOST, { instructions: machine.instructions + count, milliseconds: Infinity });
  run(3_000_000);
  return run;
}

function bench(name: string, instructionsEach: number, make: () => (instructions: number) => void): void {
  let run: ((instructions: number) => void) | null = null;
  Deno.bench(`${COUNT} x ${name}`, (b) => {
    run ??= make();
    b.start();
    run(COUNT * instructionsEach);
    b.end();
  });
}

/** Vectors of their own, which do as little as can be. */
const MINIMAL_VECTORS = `
    .balign 2048
vectors:
    .skip   0x200
    eret
    .balign 128
    .skip   0x180
    eret
    .balign 128
`;

bench("SVC from EL1 and ERET (2 instructions around)", 4, () =>
  prepare(`
    adr     x0, vectors
    msr     vbar_el1, x0
    mov     x1, #1
0:  svc     #0
    nop
    cbnz    x1, 0b
    ${MINIMAL_VECTORS}`));

bench("SVC from EL0 and ERET (2 instructions around)", 4, () =>
  prepare(
    `
    adr     x0, vectors
    msr     vbar_el1, x0
    ldr     x0, =${USER.va}
    msr     elr_el1, x0
    msr     spsr_el1, xzr
    mov     x1, #1
    eret
    .ltorg
    ${MINIMAL_VECTORS}`,
    ({ ram }) => {
      const { bytes } = assemble("0: svc #0\nnop\ncbnz x1, 0b", { origin: USER.va });
      ram.u8.set(bytes, ram.hostOffset(USER.pa));
    },
  ));

bench("page faults at EL1 and ERET (2 instructions around, 4 in the handler)", 7, () =>
  prepare(`
    adr     x0, vectors
    msr     vbar_el1, x0
    mov     x1, #1
    mov     x2, #0x1000
0:  ldr     x3, [x2]
    nop
    cbnz    x1, 0b
    .balign 2048
vectors:
    .skip   0x200
    mrs     x4, elr_el1
    add     x4, x4, #4
    msr     elr_el1, x4
    eret`));

const PERIOD_INSTRUCTIONS = 400;

bench(`interrupts of a timer, one in ${PERIOD_INSTRUCTIONS} instructions`, PERIOD_INSTRUCTIONS, () =>
  prepare(
    `
    mov     x0, #1000
    msr     cntv_tval_el0, x0
    mov     x0, #1
    msr     cntv_ctl_el0, x0
    msr     icc_igrpen1_el1, x0
    mov     x0, #0xff
    msr     icc_pmr_el1, x0
    isb
    msr     daifclr, #2
0:  add     x1, x1, #1
    add     x2, x2, x1
    cbnz    x1, 0b`,
    ({ ram, vcpus: [vcpu] }) => {
      const ticks = Math.round(PERIOD_INSTRUCTIONS * vcpu.sysLo(sysregIndex("CNTFRQ_EL0")) / 1e9);
      new BigUint64Array(ram.u8.buffer)[ram.hostOffset(SUPERVISOR.pa + 0x1028) >>> 3] = BigInt(ticks);
    },
  ));

/** 32 MiB of addresses, twice what the TLB holds, in blocks of 2 MiB that are all the same memory. */
const WIDE = 0x26_0000_0000n, BLOCKS = 16, BLOCK_TABLE = TABLES.pa + 60 * 4096, MEMORY_PA = RAM_PA + 0x20_0000;

function mapBlocks({ ram }: Machine): void {
  const words = new BigUint64Array(ram.u8.buffer), at = (pa: number) => ram.hostOffset(pa) >>> 3;
  const level1 = Number(words[at(TABLES.pa)] & 0xffff_ffff_f000n);
  words[at(level1 + 8 * Number(WIDE >> 30n))] = BigInt(BLOCK_TABLE) | 3n;
  for (let i = 0; i < BLOCKS; i++) words[at(BLOCK_TABLE + 8 * i)] = BigInt(MEMORY_PA) | 0x701n;
}

function strides(bytes: number, access: string): string {
  return `
    ldr     x10, =${WIDE}
    mov     x11, #${BLOCKS << 21}
    mov     x12, #0
0:  add     x13, x10, x12
    ${access}
    add     x12, x12, #${bytes & 0xfff}
    add     x12, x12, #${bytes >> 12}, lsl #12
    cmp     x12, x11
    csel    x12, xzr, x12, hs
    cbnz    x10, 0b
    .ltorg`;
}

const MISSES = { "loads that miss the TLB": "ldr x1, [x13]", "stores that miss the TLB": "str x1, [x13]" };
for (const [name, access] of Object.entries(MISSES)) {
  bench(`${name} (6 instructions around)`, 7, () => prepare(strides(4096 + 64, access), mapBlocks));
}
bench(
  "loads that hit the TLB, each in another page (6 instructions around)",
  7,
  () => prepare(strides(4096 + 64, "and x13, x13, #~0xfe0000\n    ldr x1, [x13]").replace("cbnz", "cbnz"), mapBlocks),
);

bench("TLBI of a page, and the load that misses (3 instructions around)", 6, () =>
  prepare(`
    ldr     x10, =0x31fffff000
    lsr     x11, x10, #12
0:  tlbi    vae1, x11
    dsb     ish
    isb
    ldr     x1, [x10]
    nop
    cbnz    x10, 0b
    .ltorg`));

bench("changes of the address space by TTBR0_EL1 (3 instructions around)", 5, () =>
  prepare(`
    mrs     x1, ttbr0_el1
    orr     x2, x1, #1 << 48
    mov     x3, #1
0:  msr     ttbr0_el1, x2
    isb
    eor     x2, x2, #1 << 48
    nop
    cbnz    x3, 0b`));
