import { assertEquals } from "@std/assert";
import { HypervisorFixture } from "../../core/hypervisor/fixture.ts";

/** Control bits: E; PMC or PAC; DBGWCR.LSC; all bytes. */
const E = 1, EL1 = 1 << 1, EL0 = 2 << 1, READ = 1 << 3, WRITE = 2 << 3, BYTES = 0xff << 5;
const MDE = 1 << 15, KDE = 1 << 13;
const BREAKPOINT = 0x30, WATCHPOINT = 0x34;

interface Seen {
  readonly ec: number;
  readonly iss: number;
  readonly at: string;
  readonly far: number;
}

/**
 * Runs code often, then with these debug registers at EL1 and at EL0. Each exception is noted, and the instruction is
 * left out; the 40th ends it.
 * @param body x10 is `data`, 128 bytes at the start of a page; X11 to X15 are free.
 * @param rounds how often before.
 */
function run(
  registers: Readonly<Record<string, string | number>>,
  body: string,
  mdscr = MDE | KDE,
  rounds = 3000,
): Seen[] {
  const f = new HypervisorFixture();
  const writes = Object.entries(registers).map(([name, value]) => `ldr x0, =${value}\n msr ${name}, x0`).join("\n");
  const source = `
    b start
    .balign 4096
handlers:
    .space 0x200
    b on_sync
    .balign 0x200
    b on_sync
start:
    adr x1, handlers
    msr vbar_el1, x1
    mov x2, #3 << 20
    msr cpacr_el1, x2
    ldr x10, =data
    ldr x20, =0x40030000
    mov x26, #${rounds}
1:  bl code
    subs x26, x26, #1
    b.ne 1b
    ldr x20, =0x40020000                // the notes
    mov x27, #0
    msr oslar_el1, xzr
    ${writes}
    ldr x25, =${mdscr}
    msr mdscr_el1, x25
    isb
    msr daifclr, #8
    bl code
    adr x1, user
    msr elr_el1, x1
    msr spsr_el1, xzr
    eret
user:
    bl code
    svc #0
on_sync:                                // notes what it is, steps over the instruction
    msr mdscr_el1, xzr
    mrs x21, esr_el1
    mrs x22, elr_el1
    mrs x23, far_el1
    stp x21, x22, [x20], #16
    str x23, [x20], #8
    lsr x21, x21, #26
    cmp x21, #0x15
    b.eq finish
    add x27, x27, #1
    cmp x27, #40
    b.eq finish
    add x22, x22, #4
    msr elr_el1, x22
    msr mdscr_el1, x25
    isb
    eret
finish:
    off
    .balign 4096
code:
    ${body}
    ret
    .ltorg
    .balign 4096
data: .quad 0x1122334455667788, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
`;
  const { labels } = f.runGuest(source);
  const at = f.host(0x4002_0000), view = new DataView(f.machine.ram.u8.buffer, at), seen: Seen[] = [];
  for (let i = 0;; i++) {
    const [esr, elr, far] = [0, 8, 16].map((o) => Number(view.getBigUint64(24 * i + o, true)));
    if (esr >>> 26 === 0x15 || esr === 0) return seen;
    const place = [...labels].reverse().find(([, address]) => Number(address) === elr)?.[0] ?? elr.toString(16);
    seen.push({ ec: esr >>> 26, iss: esr & 0x1ffffff, at: place, far: far - Number(labels.get("data")) });
  }
}

const LOOP = `
    mov x11, #2
1:  nop
here: nop
    subs x11, x11, #1
    b.ne 1b`;
const levels = (seen: Seen[]) => seen.map(({ ec, iss, at }) => `${ec.toString(16)} ${iss.toString(16)} ${at}`);
const lower = `${BREAKPOINT.toString(16)} 22 here`, same = `${(BREAKPOINT + 1).toString(16)} 22 here`;

Deno.test("breakpoints match by address, Exception level and Security state", () => {
  const at = (control: number, mdscr?: number) =>
    levels(run({ dbgbvr0_el1: "here", dbgbcr0_el1: control }, LOOP, mdscr));
  const all = 15 << 5;
  assertEquals(at(E | EL1 | EL0 | all), [same, same, lower, lower]);
  assertEquals(at(E | EL0 | all), [lower, lower]);
  assertEquals(at(E | EL1 | all), [same, same]);
  // MDSCR_EL1.KDE is for the level that takes them, MDE for all
  assertEquals(at(E | EL1 | EL0 | all, MDE), [lower, lower]);
  assertEquals(at(E | EL1 | EL0 | all, KDE), []);
  assertEquals(at(EL1 | EL0 | all), []);
  // SSC: Non-secure alone, Secure alone; HMC without EL1 and EL0
  assertEquals(at(E | EL0 | 1 << 14 | all), [lower, lower]);
  assertEquals(at(E | EL0 | 2 << 14 | all), []);
  assertEquals(at(E | 1 << 13 | all), []);
});

Deno.test("breakpoints by context, and linked with one", () => {
  const CONTEXT = 2 << 20, LINKED = 1 << 20, LBN = 1 << 16;
  const at = (registers: Record<string, string | number>, context: number) =>
    levels(run({ contextidr_el1: context, ...registers }, LOOP));
  const linked = (bt: number) => ({
    dbgbvr0_el1: "here",
    dbgbcr0_el1: E | EL0 | LINKED | LBN,
    dbgbvr1_el1: 0x1234,
    dbgbcr1_el1: E | bt,
  });
  assertEquals(at(linked(CONTEXT | LINKED), 0x1234), [lower, lower]);
  assertEquals(at(linked(CONTEXT | LINKED), 0x1235), []);
  // The other is not linked with, or no context breakpoint
  assertEquals(at(linked(LINKED), 0x1234), []);
  const byContext = { dbgbvr1_el1: 7, dbgbcr1_el1: E | EL0 | CONTEXT };
  assertEquals(at(byContext, 8), []);
  const seen = at(byContext, 7);
  assertEquals([seen.length, new Set(seen.map((s) => s.slice(0, 5)))], [40, new Set(["30 22"])]);
  // Breakpoint 0 knows no contexts
  assertEquals(at({ dbgbvr0_el1: 7, dbgbcr0_el1: E | EL0 | CONTEXT }, 7), []);
});

Deno.test("while the OS lock is locked nothing matches", () => {
  const seen = run({ dbgbvr0_el1: "here", dbgbcr0_el1: E | EL0, oslar_el1: 1 }, LOOP);
  assertEquals(seen, []);
});

/** What is watched of one access at EL0, as "EC ISS FAR", FAR from `data`. */
function watch(control: number, access: string, wvr = "data", other: Record<string, number> = {}): string[] {
  const body = `${access.split("\n").slice(0, -1).join("\n")}\nhere: ${access.split("\n").at(-1)}`;
  const seen = run({ ...other, dbgwvr0_el1: wvr, dbgwcr0_el1: control }, body);
  return seen.map(({ ec, iss, at, far }) => `${ec.toString(16)} ${iss.toString(16)} ${at} ${far}`);
}
const read = (far: number) => [`34 22 here ${far}`], write = (far: number) => [`34 62 here ${far}`];
const ANY = E | EL0 | READ | WRITE | BYTES;

Deno.test("watchpoints match reads and writes by byte", () => {
  const byte = (n: number) => E | EL0 | READ | WRITE | 1 << 5 + n;
  assertEquals(watch(byte(3), "ldrb w12, [x10, #3]"), read(3));
  assertEquals(watch(byte(3), "ldrb w12, [x10, #4]"), []);
  assertEquals(watch(byte(3), "ldr x12, [x10]"), read(3));
  assertEquals(watch(byte(3), "strh w12, [x10, #2]"), write(3));
  assertEquals(watch(byte(3), "strh w12, [x10, #4]"), []);
  assertEquals(watch(ANY & ~WRITE, "str x12, [x10]"), []);
  assertEquals(watch(ANY & ~READ, "ldr x12, [x10]"), []);
  assertEquals(watch(ANY & ~READ, "str x12, [x10]"), write(0));
  // A word: WVR bit 2 is set
  assertEquals(watch(E | EL0 | READ | 15 << 5, "ldr w12, [x10, #4]", "data + 4"), read(4));
  assertEquals(watch(E | EL0 | READ | 15 << 5, "ldr w12, [x10]", "data + 4"), []);
  assertEquals(watch(E | EL0 | READ | 1 << 5, "ldrb w12, [x10, #5]", "data + 4"), []);
});

Deno.test("watchpoints match all sorts of accesses", () => {
  assertEquals(watch(ANY, "ldp x12, x13, [x10, #8]", "data + 16"), read(16));
  assertEquals(watch(ANY, "stp x12, x13, [x10, #8]", "data + 8"), write(8));
  assertEquals(watch(ANY, "ldr q0, [x10, #16]", "data + 24"), read(24));
  assertEquals(watch(ANY, "ldp x12, x13, [x10, #-8]"), read(0));
  assertEquals(watch(ANY, "ldar x12, [x10, #0]"), read(0));
  assertEquals(watch(ANY, "ldxr x12, [x10]"), read(0));
  assertEquals(watch(ANY & ~READ, "ldxr x12, [x10]"), []);
  assertEquals(watch(ANY & ~WRITE, "ldadd x12, x13, [x10]"), write(0));
  assertEquals(watch(ANY & ~READ, "ldxr x12, [x10]\nstxr w13, x12, [x10]"), write(0));
  assertEquals(watch(ANY & ~WRITE, "add x11, x10, #64\nldxr x12, [x11]\nstxr w13, x12, [x10]"), []);
  assertEquals(watch(ANY, "prfm pldl1keep, [x10]"), []);
  assertEquals(watch(ANY, "ldr x12, [x10, #32]", "data + 40"), []);
});

Deno.test("watchpoints with a mask, of a privilege, linked", () => {
  const MASK = (n: number) => n << 24, LINKED = 1 << 20 | 1 << 16;
  assertEquals(watch(ANY | MASK(6), "ldrb w12, [x10, #63]"), read(63));
  assertEquals(watch(ANY | MASK(6), "ldrb w12, [x10, #64]"), []);
  assertEquals(watch(ANY | MASK(13), "ldrb w12, [x10, #100]"), read(100));
  assertEquals(watch(ANY | MASK(2), "ldrb w12, [x10]"), []);
  assertEquals(watch(E | EL1 | READ | BYTES, "ldr x12, [x10]"), ["35 22 here 0"]);
  // LDTR at EL1 is EL0's
  assertEquals(watch(ANY & ~WRITE, "ldtr x12, [x10]"), ["35 22 here 0", ...read(0)]);
  const context = { contextidr_el1: 5, dbgbvr1_el1: 5, dbgbcr1_el1: E | 3 << 20 };
  assertEquals(watch(ANY | LINKED, "ldr x12, [x10]", "data", context), read(0));
  assertEquals(watch(ANY | LINKED, "ldr x12, [x10]", "data", { ...context, contextidr_el1: 6 }), []);
});

Deno.test("what the MMU faults comes before a watchpoint", () => {
  const registers = { dbgwvr0_el1: 0x800_0000_0000, dbgwcr0_el1: ANY | EL1 };
  const seen = run(registers, "mov x11, #0x80000000000\nhere: ldr x12, [x11]", MDE | KDE, 1);
  assertEquals(seen.map(({ ec, at }) => [ec, at]), [[0x25, "here"], [0x24, "here"]]);
});
