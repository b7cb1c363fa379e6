import { assertEquals } from "@std/assert";
import { Debugger } from "../debug/debugger.ts";
import type { Device } from "../../devices/device.ts";
import type { Trap } from "../policy/trap.ts";
import { GUEST_IPA } from "../machine/memory_map.ts";
import { ALLOW, makeVerdict, type Verdict } from "../policy/verdict.ts";
import { HypervisorFixture } from "./fixture.ts";
import { FRAME } from "./trap_frame.ts";

const DEVICE = 0x0b00_0000;

/** A device of 256 bytes that remembers accesses and reads as the bytes 0x80, 0x81, 0x82... */
function bench(decide?: (trap: Trap) => Verdict | undefined, vcpus = 1) {
  const f = new HypervisorFixture({ vcpus });
  const accesses: string[] = [];
  const device: Device = {
    name: "probe",
    sizeBytes: 256,
    read(offset, bytes) {
      accesses.push(`r${bytes}@${offset.toString(16)}`);
      let value = 0;
      for (let i = Math.min(bytes, 6); i-- > 0;) value = value * 256 + ((0x80 + offset + i) & 0xff);
      return value;
    },
    write: (offset, bytes, value) => void accesses.push(`w${bytes}@${offset.toString(16)}=${value.toString(16)}`),
    reset() {},
    snapshot: () => null,
    restore() {},
  };
  f.vm.bus.add(DEVICE, device);
  const allow = f.vm.decide;
  if (decide) f.vm.decide = (trap) => decide(trap) ?? allow(trap);
  return { f, accesses };
}

const AT = `ldr x1, =${DEVICE}\n`;

Deno.test("Loads extend as the instruction says", () => {
  const { f, accesses } = bench();
  f.runGuest(
    AT + `
    mov x2, #-1
    mov x3, #-1
    ldrb w2, [x1, #3]
    ldrsb w3, [x1, #3]
    ldrsb x4, [x1, #3]
    ldrsh x5, [x1, #2]
    ldrsw x6, [x1, #4]
    ldr x7, [x1, #8]
    ldr wzr, [x1]`,
  );
  assertEquals([2, 3, 4, 5, 6].map((n) => f.x(n)), [
    0x83n,
    0xffff_ff83n,
    0xffff_ffff_ffff_ff83n,
    0xffff_ffff_ffff_8382n,
    0xffff_ffff_8786_8584n,
  ]);
  assertEquals(f.x(7), 0x8d8c_8b8a_8988n);
  assertEquals(accesses, ["r1@3", "r1@3", "r1@3", "r2@2", "r4@4", "r8@8", "r4@0"]);
});

Deno.test("Instructions without a syndrome are looked at: pairs, writeback, SIMD", () => {
  const { f, accesses } = bench();
  f.runGuest(
    AT + `
    mov x9, #3 << 20
    msr cpacr_el1, x9
    isb
    ldp w2, w3, [x1, #16]!
    ldrsw x4, [x1], #-16
    ldpsw x5, x6, [x1]
    ldr d0, [x1, #8]
    fmov x7, d0
    movi v1.16b, #255
    ld1 {v1.h}[2], [x1]
    mov x8, v1.d[0]
    ld1r {v2.4h}, [x1]
    mov x9, v2.d[0]
    mov x10, v2.d[1]
    movi v3.2d, #0
    stp xzr, x1, [x1, #32]
    str q3, [x1, #48]
    strb w1, [x1, #-0]!`,
  );
  assertEquals(f.x(24), 0n);
  assertEquals([2, 3, 4].map((n) => f.x(n)), [0x93929190n, 0x97969594n, 0xffff_ffff_9392_9190n]);
  assertEquals([5, 6].map((n) => f.x(n)), [0xffff_ffff_8382_8180n, 0xffff_ffff_8786_8584n]);
  assertEquals([7, 8].map((n) => f.x(n)), [0x8d8c_8b8a_8988n, 0xffff_8180_ffff_ffffn]);
  assertEquals([9, 10].map((n) => f.x(n)), [0x8180_8180_8180_8180n, 0n]);
  assertEquals(f.x(1), BigInt(DEVICE));
  assertEquals(accesses.slice(-5), ["w8@20=0", "w8@28=b000000", "w8@30=0", "w8@38=0", "w1@0=0"]);
});

Deno.test("Exclusives and atomics are not supported at devices", () => {
  for (const insn of ["ldxr w2, [x1]", "ldadd w2, w3, [x1]"]) {
    const { f, accesses } = bench();
    f.runGuest(AT + insn);
    assertEquals([f.x(24), f.x(20) & 0x3fn, accesses.length], [0x200n, 0x35n, 0], insn);
  }
});

Deno.test("Big-endian data reaches the device in its own order", () => {
  const { f, accesses } = bench();
  f.runGuest(
    AT + `
    mrs x9, sctlr_el1
    orr x9, x9, #1 << 25
    msr sctlr_el1, x9
    isb
    mov w2, #0x1234
    movk w2, #0x5678, lsl #16
    str w2, [x1]
    strh w2, [x1]
    ldr w3, [x1]
    and x9, x9, #~(1 << 25)
    msr sctlr_el1, x9
    isb`,
  );
  assertEquals(accesses, ["w4@0=34127856", "w2@0=3412", "r4@0"]);
  assertEquals(f.x(3), 0x80818283n);
});

Deno.test("What nobody claims is an External abort, and is recorded as unclaimed", () => {
  const { f } = bench();
  f.runGuest(`ldr x1, =0x0c000000\nldr w2, [x1, #4]`);
  assertEquals([f.x(24), f.x(20), f.x(21)], [0x200n, 0x96000010n, 0x0c000004n]);
  assertEquals(f.lines.length, 1);
  assertEquals(
    /kind=mmio what=0xc000004:r4 value=0x0 verdict=deny rule=unclaimed /.test(f.lines[0]),
    true,
    f.lines[0],
  );
  assertEquals(f.vm.statistics().mmio, { deny: 1 });
});

Deno.test("An access over the end of its device is unclaimed, and so is one across pages", () => {
  const { f, accesses } = bench();
  f.runGuest(`ldr x1, =${DEVICE + 0xfc}\nldr x2, [x1]`);
  assertEquals([f.x(24), accesses.length], [0x200n, 0]);
  const other = bench();
  other.f.runGuest(`ldr x1, =${DEVICE + 0xff8}\nldp x2, x3, [x1]`);
  assertEquals([other.f.x(24), other.accesses.length], [0x200n, 0]);
});

Deno.test("Policies decide on accesses", () => {
  const verdicts: Record<string, Verdict> = {
    value: makeVerdict("value", { valueLo: 0x1234_5678, valueHi: 0x9 }),
    mask: makeVerdict("mask", { clearLo: 0xff, valueLo: 1 }),
    ignore: makeVerdict("ignore"),
    deny: makeVerdict("deny", { rule: "test" }),
    undefined: makeVerdict("deny", { inject: "undefined" }),
    pause: makeVerdict("pause"),
    kill: makeVerdict("kill", { code: 7 }),
  };
  const run = (name: string) => {
    const { f, accesses } = bench((trap) => trap.kind === "mmio" ? verdicts[name] : undefined);
    f.runGuest(AT + "ldrh w2, [x1]\nstr w1, [x1]");
    return { f, accesses, outcome: [f.x(2), f.x(24), accesses.join()] };
  };
  assertEquals(run("value").outcome, [0x5678n, 0n, ""]);
  assertEquals(run("mask").outcome, [0x8101n, 0n, "r2@0,w4@0=b000000"]);
  assertEquals(run("ignore").outcome, [0n, 0n, ""]);
  assertEquals(run("deny").outcome, [0n, 0x200n, ""]);
  assertEquals(run("undefined").f.x(20), 0x02000000n);
  const pause = run("pause");
  assertEquals([pause.outcome, pause.f.events], [[0x8180n, 0n, "r2@0,w4@0=b000000"], ["pause", "pause", "off"]]);
  assertEquals(run("kill").f.events, ["kill 7"]);
});

Deno.test("Accesses that come again have their own syndromes and addresses", () => {
  const seen: string[] = [];
  const { f } = bench((trap) => {
    const { frame } = f.vm.vcpus[0];
    const hex = (field: number) => frame.lo(field).toString(16);
    if (trap.kind === "mmio") seen.push([FRAME.esr_el2, FRAME.far_el2, FRAME.hpfar_el2].map(hex).join(" "));
    return undefined;
  });
  f.runGuest(AT + `mov x4, #2\n0: ldr w2, [x1]\nldrsb x3, [x1, #9]\nstrh w4, [x1, #6]\nsubs x4, x4, #1\nb.ne 0b`);
  const turn = ["93820005 b000000 b0000", "93238005 b000009 b0000", "93440045 b000006 b0000"];
  assertEquals(seen, [...turn, ...turn]);
});

Deno.test("What the hypervisor maps in place of a device is there at the next access", () => {
  const { f, accesses } = bench();
  const ipa = 0x0b10_0000;
  f.vm.decide = (trap) => {
    if (trap.kind !== "mmio") return ALLOW;
    if (trap.seq === 3) f.vm.stage2.map(ipa, f.vm.stage2.translate(GUEST_IPA + 0x1000), 4096);
    return makeVerdict("value", { valueLo: trap.seq });
  };
  f.runGuest(
    `ldr x1, =${ipa}\nldr w2, [x1]\nldr w3, [x1]\nldr w4, [x1]\nldr w5, =0x1234567\nldr x6, =${
      GUEST_IPA + 0x1000
    }\nstr w5, [x6]\nldr w7, [x1]`,
  );
  assertEquals([2, 3, 4, 7].map((n) => f.x(n)), [1n, 2n, 3n, 0x1234567n]);
  assertEquals(accesses, []);
});

Deno.test("A guest's TLB maintenance takes devices from where they were", () => {
  const { f, accesses } = bench();
  // Level 1 blocks of 1 GiB: devices, RAM; the device's page again at 4 KiB of a third, then not
  f.runGuest(`
    ldr x9, =${GUEST_IPA + 0x10_0000}
    mov x10, #0x401
    str x10, [x9]
    ldr x10, =${GUEST_IPA + 0x705}
    str x10, [x9, #8]
    ldr x10, =0x401
    str x10, [x9, #16]
    ldr x10, =0x04ff
    msr mair_el1, x10
    ldr x10, =0x280803519
    msr tcr_el1, x10
    msr ttbr0_el1, x9
    isb
    mrs x10, sctlr_el1
    orr x10, x10, #1
    msr sctlr_el1, x10
    isb
    ldr x1, =${DEVICE + 0x8000_0000}
    ldr w2, [x1, #4]
    ldr w3, [x1, #8]
    str xzr, [x9, #16]
    dsb ish
    tlbi vmalle1
    dsb ish
    isb
    ldr w4, [x1, #12]`);
  assertEquals([2, 3].map((n) => f.x(n)), [0x8786_8584n, 0x8b8a_8988n]);
  assertEquals(f.x(20) >> 26n, 0x25n); // a Data Abort at EL1
  assertEquals(f.x(21), BigInt(DEVICE) + 0x8000_000cn);
  assertEquals(accesses, ["r4@4", "r4@8"]);
});

Deno.test("An access to a device that generated code takes to EL2 is what TypeScript makes of it", () => {
  compareTiers(1);
  compareTiers(0);
  compareTiers(1, 2);
});

/** @param deniedEl the Exception level whose last access is denied. */
function compareTiers(deniedEl: number, vcpus = 1): void {
  const [byCode, byTypeScript] = [true, false].map((hasCodeExceptions) => {
    const seen: string[] = [];
    const { f, accesses } = bench((trap) => {
      const { pstate, nzcv, pc } = { pstate: vcpu.get32("pstate"), nzcv: vcpu.get32("nzcv"), pc: vcpu.get64("pc") };
      seen.push(`${trap.what} ${trap.pc} ${pstate} ${nzcv} ${pc} ${c.frame.bytes()}`);
      if (trap.kind !== "mmio" || trap.offset !== 0xf0) return undefined;
      return f.x(9) === 0n && trap.el === deniedEl
        ? makeVerdict("deny", { inject: "undefined" })
        : makeVerdict("value", { valueLo: 7 });
    }, vcpus);
    const { mmu } = f.machine, [vcpu] = f.machine.vcpus, [c] = f.vm.vcpus;
    vcpu.hasCodeExceptions = hasCodeExceptions;
    // TypeScript alone asks the MMU for each
    const fill = mmu.fill.bind(mmu);
    let fills = 0;
    mmu.fill = (...access) => {
      fills++;
      return fill(...access);
    };
    f.runGuest(`
    ldr x1, =${DEVICE}
    ldr x2, =0x40002000
    mov sp, x2
    add x3, x2, #0x100
    msr sp_el0, x3
    mov x9, #0x300000
    msr cpacr_el1, x9
    mov x9, #0x800000 // SPAN
    msr sctlr_el1, x9
    isb
    bl 4f
    mov x9, #12
    adr x10, changed
    ldr w11, =0x79c00823 // ldrsh w3, [x1, #4]
    b 0f
    .balign 4096
    .space 4060
0:  cmp x9, #2
    ldr w4, [x1, #4]
    cset x5, eq
changed:
    ldr w3, [x1, #8]
    add x12, x12, x3
    ldrsb x6, [x1, #9]
    strh w9, [x1, #6]
    msr spsel, #0
    // At the end of its page
    ldr x7, [x1, #16]
    add sp, sp, #16
    msr spsel, #1
    ldr w8, [x1, #0xf0]
    add x13, x13, x8
    ldp w14, w15, [x1, #32]
    ldr d16, [x1, #40]
    ldr x16, [x1, x9, lsl #3]
    ldr x17, [x1, #24]!
    sub x1, x1, #24
    ldxr x18, [x2]
    ldr w0, [x1]
    stxr w19, x18, [x2]
    cmp x9, #6
    b.ne 1f
    str w11, [x10]
    dc cvau, x10
    dsb ish
    ic ivau, x10
    dsb ish
    isb
1:  subs x9, x9, #1
    b.pl 0b
    msr spsr_el1, xzr
    adr x2, 2f
    msr elr_el1, x2
    eret
2:  mov x9, #3
3:  ldr w2, [x1, #12]
    ldr w8, [x1, #0xf0]
    subs x9, x9, #1
    b.pl 3b
    .space 4096 // the vectors are in another page, where code has run
4:  ret`);
    assertEquals(f.labels.get("changed")! & 0xfffn, 0xfe8n);
    const count = vcpu.telemetry.count(2, 0x24), last = vcpu.telemetry.last(2, 0x24);
    const registers = Array.from({ length: 31 }, (_, n) => f.x(n));
    const { slowAccesses } = f.machine.engine;
    return {
      result: { seen, accesses, count, last, registers, slowAccesses, instructions: f.machine.instructions },
      fills,
    };
  });
  assertEquals(byCode.result, byTypeScript.result);
  const { count, registers } = byCode.result;
  assertEquals([count, registers[19], registers[24]], deniedEl === 1 ? [138, 1n, 0x200n] : [151, 1n, 0x400n]);
  assertEquals(registers[12], 7n * 0x8b8a_8988n + 6n * 0xffff_8584n);
  assertEquals(byTypeScript.fills - byCode.fills > 70, true);
}

Deno.test("An instruction whose accesses to a device go to EL2 makes others that do not", () => {
  const run = (body: string) => {
    const { f, accesses } = bench();
    f.runGuest(`${AT}mov x9, #4\n${body}`);
    return { accesses, esr: f.x(20), far: f.x(21) - BigInt(DEVICE), turn: f.x(9), traps: f.vm.trapCount };
  };
  // Device memory: misaligned
  const misaligned = run("0: cmp x9, #1\ncset x2, eq\nldr w3, [x1, x2]\nsubs x9, x9, #1\nb.ne 0b");
  assertEquals(misaligned, { accesses: Array(3).fill("r4@0"), esr: 0x9600_0021n, far: 1n, turn: 1n, traps: 4 });
  // Pairs across the end of a page, as nobody answers there
  const pair = run(
    `mov x4, #0xffc\n0: cmp x9, #1\ncsel x2, x4, xzr, eq\nadd x2, x1, x2\nldp w3, w5, [x2]\nsubs x9, x9, #1\nb.ne 0b`,
  );
  const pairs = ["r4@0", "r4@4"], accesses = [...pairs, ...pairs, ...pairs];
  assertEquals(pair, { accesses, esr: 0x9600_0010n, far: 0xffcn, turn: 1n, traps: 7 });
  // An exclusive pair is aligned to the pair; devices support none
  const { f } = bench();
  f.runGuest(`${AT}
    adr x6, own
    msr vbar_el1, x6
    mov x9, #4
0:  cmp x9, #1
    cset x2, eq
    add x2, x1, x2, lsl #3
    ldxp x10, x11, [x2]
    subs x9, x9, #1
    b.ne 0b
    off
    .balign 2048
own:
    .space 0x200
    mrs x7, esr_el1
    and x7, x7, #0x3f
    orr x14, x7, x14, lsl #8
    mrs x7, elr_el1
    add x7, x7, #4
    msr elr_el1, x7
    eret`);
  assertEquals(f.x(14), 0x3535_3521n);
});

Deno.test("One address is another device in another address space", () => {
  const { f, accesses } = bench();
  // X10 and X11: TTBR0_EL1 with ASID 1 and 2. There DEVICE + 2 GiB is the device, and the PL011
  f.runGuest(`
    ldr x9, =${GUEST_IPA + 0x10_0000}
    add x3, x9, #0x1000
    mov x2, #0x401
    str x2, [x9]
    str x2, [x9, #16]
    str x2, [x3]
    ldr x2, =${GUEST_IPA + 0x705}
    str x2, [x9, #8]
    str x2, [x3, #8]
    add x4, x9, #0x2000
    orr x2, x4, #3
    str x2, [x3, #16]
    ldr x2, =${0x0900_0401}
    str x2, [x4, #${8 * (DEVICE >>> 21)}]
    ldr x2, =0x04ff
    msr mair_el1, x2
    ldr x2, =0x280803519
    msr tcr_el1, x2
    orr x10, x9, #${2 ** 48}
    orr x11, x3, #${2 ** 49}
    msr ttbr0_el1, x10
    isb
    mrs x2, sctlr_el1
    orr x2, x2, #1
    msr sctlr_el1, x2
    isb
    ldr x1, =${DEVICE + 0x8000_0000}
    mov x9, #6
0:  msr ttbr0_el1, x10
    isb
    bl read
    add x12, x12, x2
    msr ttbr0_el1, x11
    isb
    bl read
    add x13, x13, x2
    subs x9, x9, #1
    b.ne 0b
    b 1f
read:
    mov x3, #4
2:  ldr w2, [x1, #0x18]
    subs x3, x3, #1
    b.ne 2b
    ret
1:`);
  assertEquals([f.x(9), f.x(12), f.x(13)], [0n, 6n * 0x9b9a_9998n, 6n * 0x97n]); // UARTFR: nothing to read, nothing to send
  assertEquals(accesses, Array(24).fill("r4@18"));
});

Deno.test("Accesses to a device that come again are seen by a debugger's watchpoints", () => {
  const { f, accesses } = bench();
  f.runGuest(AT + "mov x9, #1000\n0: ldr w2, [x1, #4]\nsubs x9, x9, #1\nb.ne 0b", 300);
  const dbg = new Debugger(f.machine),
    before = accesses.length,
    host = {
      poll() {},
      wait() {},
      get isEnding() {
        return dbg.stop !== null;
      },
      waitForCommand() {},
    };
  const run = (instructions: number) =>
    dbg.run(host, { instructions: f.machine.instructions + instructions, milliseconds: 10_000 });
  const watchpoint = dbg.addWatchpoint("monitor", "virtual", BigInt(DEVICE + 4), 4, "read", "before");
  for (let stops = 0; stops < 3; stops++) {
    assertEquals(run(100), "stopped");
    assertEquals(accesses.length - before, stops);
    dbg.resume();
  }
  dbg.deleteWatchpoint(watchpoint);
  run(100);
  assertEquals(accesses.length - before > 20, true);
});
