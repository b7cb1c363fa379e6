import { assertEquals, assertThrows } from "@std/assert";
import { DebugError } from "./debug_error.ts";
import { debuggedMachine } from "./fixture.ts";
import { registerNamed } from "./registers.ts";

const COUNTER = `
start:  adr   x1, value
        mov   x0, #0
loop:   add   x0, x0, #1
store:  str   x0, [x1]
        ldr   x2, [x1]
        cmp   x0, #100
        b.ne  loop
done:   b     done
        .align 12
value:  .quad 0
other:  .quad 0
`;

Deno.test("a breakpoint stops before its instruction, and again in the next round", () => {
  const { debugger: dbg, vcpu, at, run } = debuggedMachine(COUNTER);
  const breakpoint = dbg.addBreakpoint("monitor", "virtual", at("store"));
  for (let round = 1; round <= 3; round++) {
    assertEquals(run(), "stopped");
    assertEquals(dbg.stop?.kind, "breakpoint");
    assertEquals([vcpu.get64("pc"), vcpu.xLo(0)], [at("store"), round]);
    assertEquals(breakpoint.hits, round);
    dbg.resume();
  }
  dbg.deleteBreakpoint(breakpoint);
  assertEquals(run(10_000), "instructions");
  assertEquals(vcpu.get64("pc"), at("done"));
});

Deno.test("a breakpoint is set in code that has run already, and by physical address", () => {
  const { debugger: dbg, vcpu, at, run } = debuggedMachine(COUNTER);
  assertEquals(run(52), "instructions");
  dbg.addBreakpoint("monitor", "physical", at("store"));
  assertEquals(run(), "stopped");
  assertEquals(vcpu.get64("pc"), at("store"));
});

Deno.test("conditions, temporary breakpoints, and numbers that stay", () => {
  const { debugger: dbg, vcpu, at, run } = debuggedMachine(COUNTER);
  const condition = { text: "x0 == 50", holds: () => vcpu.xLo(0) === 50 };
  dbg.addBreakpoint("monitor", "virtual", at("loop"), condition, "hit");
  assertEquals(run(), "stopped");
  assertEquals(vcpu.xLo(0), 50);
  assertEquals(dbg.breakpoints, []);
});

Deno.test("breakpoints and watchpoints do not change how many instructions are executed", () => {
  const plain = debuggedMachine(COUNTER);
  plain.run(5000);
  const { machine, debugger: dbg, vcpu, at, run } = debuggedMachine(COUNTER);
  dbg.addBreakpoint("monitor", "virtual", at("loop"));
  dbg.addWatchpoint("monitor", "virtual", at("value"), 8, "access", "after");
  dbg.addWatchpoint("monitor", "virtual", at("value"), 8, "write", "before");
  let stops = 0;
  while (run(5000 - machine.instructions) === "stopped") {
    stops++;
    dbg.resume();
  }
  assertEquals(stops, 100 + 200);
  assertEquals(machine.instructions, plain.machine.instructions);
  assertEquals(vcpu.get64("pc"), plain.vcpu.get64("pc"));
});

Deno.test("steps: one, many, through branches and calls", () => {
  const { debugger: dbg, vcpu, at, run } = debuggedMachine(`
start:  mov   x0, #1
        bl    function
back:   b     far
        .align 12
function: add x0, x0, #1
        ret
far:    cbz   x0, start
        svc   #0
`);
  // All code runs once, so that every page is in the execute TLB
  run(20);
  registerNamed("pc").write(vcpu, at("start"));
  dbg.interrupt();
  run();
  const seen: bigint[] = [];
  for (let i = 0; i < 6; i++) {
    dbg.step(vcpu);
    assertEquals(run(), "stopped");
    assertEquals(dbg.stop?.kind, "step");
    seen.push(vcpu.get64("pc") - at("start"));
  }
  const [fn, back, far] = ["function", "back", "far"].map((l) => at(l) - at("start"));
  assertEquals(seen, [4n, fn, fn + 4n, back, far, far + 4n]);
  dbg.step(vcpu);
  run();
  assertEquals(vcpu.get64("pc"), 0x200n, "SVC goes to VBAR_EL1");
  registerNamed("pc").write(vcpu, at("start"));
  dbg.step(vcpu, 4);
  run();
  assertEquals(vcpu.get64("pc"), at("back"));
  dbg.stepRange(vcpu, at("back"), at("far") + 4n, "monitor", false);
  run();
  assertEquals(vcpu.get64("pc"), at("far") + 4n);
});

Deno.test("stepping meets breakpoints behind the first instruction", () => {
  const { debugger: dbg, vcpu, at, run } = debuggedMachine(COUNTER);
  dbg.addBreakpoint("monitor", "virtual", at("loop"));
  run();
  dbg.step(vcpu, 100);
  run();
  assertEquals(dbg.stop?.kind, "breakpoint");
  assertEquals(vcpu.xLo(0), 1);
});

Deno.test("a watchpoint stops behind the access, with the values before and after", () => {
  const { debugger: dbg, vcpu, at, run } = debuggedMachine(COUNTER);
  run(200);
  const before = vcpu.xLo(0);
  const watchpoint = dbg.addWatchpoint("monitor", "virtual", at("value"), 8, "write", "after");
  assertEquals(run(), "stopped");
  const { stop } = dbg;
  if (stop?.kind !== "watchpoint") throw new Error("no watchpoint");
  assertEquals([stop.pc, stop.address, stop.isWrite], [at("store"), at("value"), true]);
  assertEquals(vcpu.get64("pc"), at("store") + 4n);
  assertEquals(stop.after![0] - stop.before[0], 1);
  dbg.deleteWatchpoint(watchpoint);
  dbg.addWatchpoint("monitor", "physical", at("value") + 4n, 4, "read", "after");
  dbg.resume();
  run();
  assertEquals(vcpu.get64("pc"), at("store") + 8n);
  assertEquals(vcpu.xLo(0) - before <= 2, true);
});

Deno.test("a watchpoint that stops before the access, as hardware does, lets it pass on the way on", () => {
  const { debugger: dbg, vcpu, at, run } = debuggedMachine(COUNTER);
  dbg.addWatchpoint("gdb", "virtual", at("value") + 2n, 1, "write", "before");
  run();
  assertEquals([vcpu.get64("pc"), vcpu.xLo(0)], [at("store"), 1]);
  assertEquals(dbg.memory.readNumber(vcpu, "virtual", at("value"), 8), 0n);
  dbg.resume();
  run();
  assertEquals([vcpu.get64("pc"), vcpu.xLo(0)], [at("store"), 2]);
  dbg.deleteAll("gdb");
  dbg.resume();
  assertEquals(run(10_000), "instructions");
});

Deno.test("other variables in a watched page are none of its business", () => {
  const { debugger: dbg, at, run } = debuggedMachine(COUNTER);
  dbg.addWatchpoint("monitor", "virtual", at("other"), 8, "access", "after");
  assertEquals(run(10_000), "instructions");
});

Deno.test("atomics and pairs are seen", () => {
  const source = (instruction: string) => `
        adr   x1, value
        mov   x0, #7
        mov   x2, #0
access: ${instruction}
done:   b     done
        .align 12
        .space 128
value:  .quad 0, 0
`;
  for (const instruction of ["stp x0, x2, [x1, #-8]", "ldadd x0, x2, [x1]", "cas x2, x0, [x1]"]) {
    const { debugger: dbg, vcpu, at, run } = debuggedMachine(source(instruction));
    dbg.addWatchpoint("monitor", "virtual", at("value"), 4, "write", "after");
    assertEquals(run(1000), "stopped", instruction);
    assertEquals(vcpu.get64("pc"), at("done"), instruction);
  }
});

Deno.test("an interrupt from the outside stops the machine; it goes on where it was", () => {
  const { machine, debugger: dbg, run } = debuggedMachine(COUNTER);
  run(1000);
  dbg.interrupt("the test wants it");
  assertEquals(run(), "stopped");
  const before = machine.instructions;
  dbg.resume();
  run(500);
  assertEquals(machine.instructions - before >= 500, true);
  assertThrows(() => dbg.resume(), DebugError, "the machine runs");
});

Deno.test("after a reset, what stood still or made steps stands still before the first instruction", () => {
  for (const isStepping of [false, true]) {
    const { debugger: dbg, vcpu, run } = debuggedMachine(COUNTER), next = debuggedMachine(COUNTER);
    dbg.interrupt();
    run();
    if (isStepping) {
      dbg.step(vcpu, 1000);
      assertEquals(run(50), "instructions");
    }
    dbg.attach(next.machine);
    run();
    assertEquals([dbg.stop?.kind, dbg.stop?.vcpu === next.vcpu], ["interrupt", true]);
    assertEquals([next.machine.instructions, next.vcpu.get64("pc")], [0, next.at("start")]);
    dbg.step(next.vcpu);
    run();
    assertEquals([dbg.stop?.kind, next.machine.instructions], ["step", 1]);
  }
});

Deno.test("one vCPU steps while the others run beside it", () => {
  const { machine, debugger: dbg, run } = debuggedMachine("loop: add x0, x0, #1\n b loop\n", 2);
  const [first, second] = machine.vcpus;
  second.isRunning = true;
  dbg.interrupt();
  run();
  const [a, b] = [first.xLo(0), second.xLo(0)];
  dbg.step(first, 2, "monitor", true);
  run();
  assertEquals(first.xLo(0), a + 1);
  assertEquals(second.xLo(0) > b + 10, true);
  second.isRunning = false;
  second.waiting = 0;
  assertThrows(() => dbg.step(second), DebugError, "it is off");
});

Deno.test("memory: intervals are checked as a whole", () => {
  const { debugger: dbg, vcpu, at } = debuggedMachine(COUNTER);
  const read = (space: "virtual" | "ipa" | "physical", address: bigint, bytes: number) => () =>
    dbg.memory.read(vcpu, space, address, bytes);
  assertThrows(read("physical", 0x407f_fffcn, 8), DebugError, "not inside RAM [0x40000000, 0x40800000)");
  assertEquals(read("physical", 0x407f_fffcn, 4)().length, 4);
  assertEquals(read("ipa", 0x4080_0000n, 0)().length, 0);
  assertThrows(read("virtual", (1n << 64n) - 4n, 8), DebugError, "wraps around");
  assertThrows(read("physical", 1n << 52n, 1), DebugError, "end at 2^52");
  assertThrows(read("virtual", 0x0900_0000n, 4), DebugError, "no RAM at physical 0x9000000");
  assertEquals(dbg.memory.readPrefix(vcpu, "virtual", 0x407f_fff0n, 64).length, 16);
  dbg.memory.writeNumber(vcpu, "virtual", at("value"), 4, 0x12345678n);
  assertEquals(dbg.memory.readNumber(vcpu, "physical", at("value"), 2), 0x5678n);
});

Deno.test("code that a debugger writes runs", () => {
  const { debugger: dbg, vcpu, at, run } = debuggedMachine(COUNTER);
  run(1000);
  dbg.memory.writeNumber(vcpu, "virtual", at("done"), 4, 0xd280_0540n); // mov x0, #42
  dbg.memory.writeNumber(vcpu, "virtual", at("done") + 4n, 4, 0x1400_0000n);
  registerNamed("pc").write(vcpu, at("done"));
  run(100);
  assertEquals([vcpu.xLo(0), vcpu.get64("pc")], [42, at("done") + 4n]);
});

/** Steps itself: x10 counts Software Step exceptions, x11 and x12 keep ESR_EL1 and the last ELR_EL1. */
const SOFTWARE_STEP = `
start:  adr   x0, vectors
        msr   vbar_el1, x0
        msr   oslar_el1, xzr
        mov   x0, #0x2001
        msr   mdscr_el1, x0
        mov   x0, #0x5
        movk  x0, #0x20, lsl #16
        msr   spsr_el1, x0
        adr   x0, stepped
        msr   elr_el1, x0
        isb
        eret
stepped: mov  x1, #1
        b     far
near:   svc   #1
        mov   x3, #3
        b     near2
near2:  mov   x4, #4
        mov   x5, #5
end:    b     end
        .align 11
vectors: .space 0x200
        mrs   x13, esr_el1
        lsr   x14, x13, #26
        cmp   x14, #0x33
        b.ne  other
        mov   x11, x13
        add   x10, x10, #1
        mrs   x12, elr_el1
        mrs   x13, spsr_el1
        orr   x13, x13, #0x200000
        msr   spsr_el1, x13
        eret
other:  mrs   x15, spsr_el1
        eret
        .align 12
far:    mov   x2, #2
        b     near
`;

Deno.test("software step: one exception for each instruction, none for the handler's", () => {
  const { vcpu, at, run } = debuggedMachine(SOFTWARE_STEP);
  run(2000);
  const pc = () => [vcpu.xLo(1), vcpu.xLo(2), vcpu.xLo(3), vcpu.xLo(4), vcpu.xLo(5)];
  assertEquals(pc(), [1, 2, 3, 4, 5]);
  assertEquals(vcpu.xLo(11) >>> 26, 0x33);
  assertEquals(vcpu.xLo(11) & 0x3f, 0x22);
  assertEquals(BigInt(vcpu.xLo(12)), at("end"));
  assertEquals(vcpu.xLo(15) >>> 21 & 1, 0, "SVC has left SPSR_EL1.SS clear");
  assertEquals(vcpu.xLo(10) > 20, true);
});

Deno.test("software step: the handler's return goes one instruction further each time", () => {
  const { debugger: dbg, vcpu, at, run } = debuggedMachine(SOFTWARE_STEP);
  dbg.addBreakpoint("monitor", "virtual", at("vectors") + 0x200n);
  const seen: string[] = [];
  const labels = ["stepped", "near", "near2", "end", "far"];
  for (let i = 0; i < 10; i++) {
    run();
    const elr = registerNamed("ELR_EL1").read(vcpu);
    const label = labels.findLast((l) => at(l) <= elr)!;
    seen.push(`${label}+${elr - at(label)}`);
    dbg.resume();
  }
  assertEquals(seen, [
    "stepped+4",
    "far+0",
    "far+4",
    "near+0",
    "near+4",
    "near+4",
    "near+8",
    "near2+0",
    "near2+4",
    "end+0",
  ]);
});

Deno.test("hot code, which the JIT has translated, stops as exactly", () => {
  const { machine, debugger: dbg, vcpu, at, run } = debuggedMachine(`
start:  adr   x1, value
        mov   x0, #0
loop:   add   x0, x0, #1
store:  str   x0, [x1]
        ldr   x2, [x1]
        cmp   x0, x2
        b.eq  loop
        .align 12
value:  .quad 0
`);
  /** Instructions executed when the PC is `n` instructions into the round of x0. */
  const executed = (n: number) => 2 + 5 * (vcpu.xLo(0) - 1) + n;
  run(3_000_000);
  const breakpoint = dbg.addBreakpoint("monitor", "virtual", at("store"));
  for (let i = 0; i < 3; i++) {
    assertEquals(run(), "stopped");
    assertEquals([vcpu.get64("pc"), machine.instructions], [at("store"), executed(1)]);
    dbg.resume();
  }
  dbg.deleteBreakpoint(breakpoint);
  run(1_000_000);
  const watchpoint = dbg.addWatchpoint("monitor", "virtual", at("value"), 8, "read", "after");
  for (let i = 0; i < 3; i++) {
    assertEquals(run(), "stopped");
    assertEquals([vcpu.get64("pc"), machine.instructions], [at("store") + 8n, executed(3)]);
    dbg.resume();
  }
  dbg.deleteWatchpoint(watchpoint);
  run(1_000_000);
  dbg.addWatchpoint("gdb", "virtual", at("value"), 8, "write", "before");
  run();
  assertEquals([vcpu.get64("pc"), machine.instructions], [at("store"), executed(1)]);
  dbg.step(vcpu, 1000);
  dbg.deleteAll("gdb");
  run();
  assertEquals(dbg.stop?.kind, "step");
  assertEquals(machine.instructions, executed(1));
});

Deno.test("a stop that is taken back at once does not end the run", () => {
  const { machine, debugger: dbg } = debuggedMachine(COUNTER);
  let polls = 0;
  const reason = dbg.run({
    poll() {
      if (++polls !== 3) return;
      dbg.interrupt();
      dbg.resume();
    },
    wait() {},
    isEnding: false,
    waitForCommand() {},
  }, { instructions: 2_000_000, milliseconds: 30_000 });
  assertEquals([reason, machine.instructions >= 2_000_000], ["instructions", true]);
});

Deno.test("breakpoints and watchpoints of the guest's own work beside those of a debugger", () => {
  const { debugger: dbg, vcpu, at, run } = debuggedMachine(`
        adr   x1, vectors
        msr   vbar_el1, x1
        msr   oslar_el1, xzr
        adr   x1, here
        msr   dbgbvr0_el1, x1
        mov   x1, #3                    // EL1
        msr   dbgbcr0_el1, x1
        ldr   x2, =value
        msr   dbgwvr0_el1, x2
        mov   x1, #0x1ffb               // EL1, reads and writes of 8 bytes
        msr   dbgwcr0_el1, x1
        mov   x1, #0xa000               // MDE, KDE
        msr   mdscr_el1, x1
        isb
        msr   daifclr, #8
loop:   add   x3, x3, #1
here:   add   x4, x4, #1
store:  str   x3, [x2]
        ldr   x7, [x2, #8]
        cmp   x3, #3
        b.ne  loop
done:   b     done
        .balign 2048
vectors:
        .space 0x200
        mrs   x6, esr_el1
        lsr   x6, x6, #26
        cmp   x6, #0x31                 // Breakpoint
        cinc  x8, x8, eq
        cmp   x6, #0x35                 // Watchpoint
        cinc  x9, x9, eq
        mrs   x6, elr_el1
        add   x6, x6, #4
        msr   elr_el1, x6
        eret
        .align 12
value:  .quad 0
other:  .quad 0
`);
  const loop = dbg.addBreakpoint("monitor", "virtual", at("loop"));
  const here = dbg.addBreakpoint("monitor", "virtual", at("here"));
  const other = dbg.addWatchpoint("monitor", "virtual", at("other"), 8, "read", "before");
  const stops: (string | undefined)[] = [];
  while (run(1000) === "stopped") {
    stops.push(dbg.stop?.kind);
    if (stops.length === 2) dbg.deleteBreakpoint(here);
    if (stops.length === 4) dbg.deleteWatchpoint(other);
    dbg.resume();
  }
  assertEquals(stops, ["breakpoint", "watchpoint", "breakpoint", "watchpoint", "breakpoint"]);
  assertEquals([3, 4, 8, 9].map((n) => vcpu.xLo(n)), [3, 0, 3, 3]);
  dbg.deleteBreakpoint(loop);
  assertEquals(vcpu.get64("pc"), at("done"));
});
