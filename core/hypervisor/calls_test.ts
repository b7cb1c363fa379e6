import { assertEquals, assertMatch } from "@std/assert";
import { ALLOW, makeVerdict } from "../policy/verdict.ts";
import { GUEST_IPA } from "../machine/memory_map.ts";
import { HypervisorFixture } from "./fixture.ts";

/** The result of one call with these values in x0 to x3. */
function call(f: HypervisorFixture, conduit: string, ...args: (number | bigint)[]): bigint {
  const loads = args.map((value, n) => `ldr x${n}, =${value}`).join("\n");
  f.runGuest(`${loads}\n${conduit}\nmov x19, x0`);
  return BigInt.asIntN(64, f.x(19));
}
const hvc = (...args: (number | bigint)[]) => call(new HypervisorFixture(), "hvc #0", ...args);
const smc = (...args: (number | bigint)[]) => call(new HypervisorFixture(), "smc #0", ...args);

Deno.test("Hypercalls answer in X0 alone", () => {
  assertEquals(hvc(0), 0x0100_004c_4549_5241n);
  assertEquals(hvc(6), -1n);
  assertEquals(hvc(0x1_0000_0000n), -1n);
  assertEquals(call(new HypervisorFixture(), "hvc #1", 0), -1n);
  const f = new HypervisorFixture();
  assertEquals(call(f, "hvc #0", 3), 0n);
  assertEquals(f.events, ["pause", "off"]);
});

Deno.test("GET_STATUS counts vCPUs, traps and exceptions", () => {
  const f = new HypervisorFixture({ vcpus: 2 });
  f.runGuest("mov x0, #5\nldr x1, =0xf2000001\nhvc #0\nmov x18, x0\nmov x0, #2\nhvc #0\nmov x19, x0");
  assertEquals(f.x(18), 0n);
  // Two hypercalls, and the exception that was reported
  assertEquals(f.x(19), 3n << 32n | 1n << 16n | 2n << 8n | 1n);
  assertMatch([...f.vm.log.lines()].join("\n"), /kind=exception what=BRK value=0xf2000001 /);
});

Deno.test("GUEST_CONSOLE_WRITE checks the whole interval before it writes", () => {
  const end = GUEST_IPA + 0x100_0000;
  const write = (ipa: number | bigint, bytes: number | bigint) => {
    const f = new HypervisorFixture();
    f.load(end - 16, new TextEncoder().encode("the end of RAM.\n"));
    return [call(f, "hvc #0", 4, ipa, bytes), f.console];
  };
  assertEquals(write(end - 16, 16), [0n, "the end of RAM.\n"]);
  assertEquals(write(end, 0), [0n, ""]);
  for (
    const [ipa, bytes] of [
      [end - 16, 17],
      [GUEST_IPA - 1, 2],
      [GUEST_IPA, 4097],
      [0x0900_0000, 4],
      [end - 16, 0x1_0000_0010n],
      [0xffff_ffff_ffff_fff0n, 0x20],
      [end - 16, 0xffff_ffff_ffff_ffffn],
      [0x1_0000_0000n + BigInt(GUEST_IPA), 4],
    ]
  ) assertEquals(write(ipa, bytes), [-2n, ""], `${ipa} ${bytes}`);
  const f = new HypervisorFixture();
  f.vm.stage2.unmap(end - 0x1000, 0x1000);
  assertEquals([call(f, "hvc #0", 4, end - 0x1010, 0x20), f.console], [-2n, ""]);
});

Deno.test("SMCCC and PSCI answer by HVC and SMC alike", () => {
  for (const conduit of [hvc, smc]) {
    assertEquals(conduit(0x8000_0000), 0x10001n);
    assertEquals(conduit(0x8000_0001, 0x8000_8000), 1n);
    assertEquals(conduit(0x8000_0001, 0x8000_7fff), -2n);
    assertEquals(conduit(0x8000_0001, 0x8000_3fff), 1n);
    assertEquals(conduit(0x8000_0001, 0x8000_1234), -1n);
    assertEquals(conduit(0x8400_0000), 0x10001n);
    assertEquals(conduit(0x8400_0006), 2n);
    assertEquals(conduit(0x8400_000a, 0xc400_0003), 0n);
    assertEquals(conduit(0x8400_000a, 0x8000_0000), 0n);
    assertEquals(conduit(0x8400_000a, 0x8400_0005), -1n);
    assertEquals(conduit(0x8400_ffff), -1n);
    assertEquals(conduit(0xc600_0001), -1n);
  }
  assertEquals(smc(0), -1n);
  assertEquals(call(new HypervisorFixture(), "smc #1", 0x8400_0000), -1n);
});

Deno.test("CPU_ON starts a vCPU with its context, once, and CPU_OFF ends it", () => {
  const f = new HypervisorFixture({ vcpus: 2 });
  f.runGuest(`
    ldr x0, =0xc4000003     // CPU_ON
    mov x1, #1
    adr x2, second
    ldr x3, =0x123456789abcdef0
    hvc #0
    mov x10, x0
    ldr x0, =0xc4000003
    mov x1, #1
    adr x2, second
    hvc #0
    mov x11, x0
    adr x1, flag
    str x0, [x1]
1:  ldr x0, =0xc4000004     // AFFINITY_INFO
    mov x1, #1
    mov x2, #0
    hvc #0
    cbz x0, 1b
    mov x12, x0
    ldr x0, =0xc4000003
    mov x1, #2
    hvc #0
    mov x13, x0
    ldr x0, =0xc4000003
    mov x1, #1
    ldr x2, =0x09000000
    hvc #0
    mov x14, x0
    ldr x0, =0xc4000004
    mov x1, #5
    mov x2, #0
    hvc #0
    mov x15, x0
    off
flag: .quad 0
second:
    mov x20, x0
2:  ldr x1, flag            // vCPU 0 has asked a second time
    cbz x1, 2b
    mrs x21, mpidr_el1
    mrs x22, currentel
    mrs x23, sctlr_el1
    ldr x0, =0x84000002     // CPU_OFF
    hvc #0`);
  const signed = (n: number) => BigInt.asIntN(64, f.x(n));
  assertEquals([10, 11, 12, 13, 14, 15].map(signed), [0n, -4n, 1n, -2n, -9n, -2n]);
  assertEquals([20, 21, 22, 23].map((n) => f.x(n, 1)), [0x1234_5678_9abc_def0n, 0x8000_0001n, 4n, 0x30d0_0980n]);
  assertEquals(f.vm.vcpus.map(({ isOn }) => isOn), [false, false]);
  assertEquals(f.events, ["off"]);
});

Deno.test("SYSTEM_RESET and SYSTEM_RESET2 ask the host, and the VM starts again", () => {
  const f = new HypervisorFixture();
  f.runGuest("ldr x0, =0x84000009\nhvc #0");
  assertEquals(f.events, ["reset"]);
  f.runGuest("ldr x0, =0x84000012\nmov x1, #0\nhvc #0");
  assertEquals(f.events, ["reset", "reset"]);
  assertEquals(call(f, "hvc #0", 0x8400_0012, 0x8000_0000), -2n);
  assertEquals(f.events, ["reset", "reset", "off"]);
});

Deno.test("CPU_SUSPEND waits for an interrupt, masked or not", () => {
  const f = new HypervisorFixture();
  f.runGuest(`
    mrs x0, cntfrq_el0
    lsr x0, x0, #4
    msr cntv_tval_el0, x0
    mov x0, #1
    msr cntv_ctl_el0, x0
    mrs x10, cntvct_el0
    ldr x0, =0x84000001
    hvc #0
    mov x19, x0
    mrs x11, cntvct_el0
    sub x11, x11, x10`);
  assertEquals(f.x(19), 0n);
  assertEquals(f.x(11) >= 62_000_000n, true);
  assertEquals(f.machine.instructions < 1000, true);
});

Deno.test("CPU_SUSPEND refuses a power state with reserved bits, at once", () => {
  for (const id of [0x8400_0001, 0xc400_0001]) {
    for (let bit = 0; bit < 32; bit++) {
      const isReserved = bit >= 26 || (bit >= 17 && bit <= 23);
      if (isReserved) assertEquals(hvc(id, 2 ** bit), -2n, `bit ${bit}`);
    }
    // Only W1 counts; the timer that pends ends the wait
    const f = new HypervisorFixture();
    f.runGuest(`
      mov x0, #1
      msr cntv_tval_el0, xzr
      msr cntv_ctl_el0, x0
      ldr x0, =${id}
      ldr x1, =0xffffffff0301ffff
      hvc #0
      mov x19, x0`);
    assertEquals(f.x(19), 0n);
  }
});

Deno.test("Policies decide on calls", () => {
  const run = (conduit: string, id: number, verdict: ReturnType<typeof makeVerdict>) => {
    const f = new HypervisorFixture();
    f.vm.decide = (trap) =>
      (trap.kind === "hypercall" || trap.kind === "smc") && trap.functionId === id ? verdict : makeVerdict("allow");
    return { result: call(f, conduit, id), f };
  };
  assertEquals(run("hvc #0", 0, makeVerdict("deny")).result, -3n);
  assertEquals(run("hvc #0", 0, makeVerdict("deny", { inject: "notSupported" })).result, -1n);
  assertEquals(run("smc #0", 0x8400_0000, makeVerdict("deny")).result, -1n);
  assertEquals(run("hvc #0", 0, makeVerdict("value", { valueLo: 5, valueHi: 1 })).result, 0x1_0000_0005n);
  assertEquals(run("hvc #0", 0, makeVerdict("ignore")).result, 0n);
  const { f } = run("hvc #0", 0, makeVerdict("deny", { inject: "undefined" }));
  assertEquals([f.x(24), f.x(20)], [0x200n, 0x0200_0000n]);
  // The PC is the instruction's, not the one behind it
  assertEquals(f.x(22), [...f.vm.log.lines()].map((l) => BigInt(/pc=(\w+)/.exec(l)![1]))[0]);
});

Deno.test("An HVC that generated code takes is what TypeScript makes of it", () => {
  const [byCode, byTypeScript] = [true, false].map((hasCodeExceptions) => {
    const f = new HypervisorFixture(), seen: string[] = [];
    const [vcpu] = f.machine.vcpus, [c] = f.vm.vcpus;
    vcpu.hasCodeExceptions = hasCodeExceptions;
    f.vm.decide = (trap) => {
      const { pstate, nzcv, pc } = { pstate: vcpu.get32("pstate"), nzcv: vcpu.get32("nzcv"), pc: vcpu.get64("pc") };
      seen.push(`${trap.what} ${trap.pc} ${pstate} ${nzcv} ${pc} ${c.frame.bytes()}`);
      if (trap.kind !== "hypercall") return ALLOW;
      return trap.functionId === 5 ? makeVerdict("deny", { inject: "undefined" }) : ALLOW;
    };
    f.runGuest(`
    mov x0, #0x800000 // SPAN
    msr sctlr_el1, x0
    bl 1f
    ldr x1, =0x40001000
    mov sp, x1
    msr sp_el0, x0
    mov x9, #3
0:  mov x0, #0
    cmp x9, #2
    hvc #0
    cset x2, eq
    msr spsel, #0
    add sp, sp, #16
    mov x0, #2
    hvc #0
    mrs x3, spsel
    mov x4, sp
    msr spsel, #1
    mov x5, sp
    mrs x6, sp_el0
    msr pan, #1
    ldxr x7, [x1]
    mov x0, #0
    hvc #3
    stxr w8, x7, [x1]
    mrs x10, pan
    msr pan, #0
    subs x9, x9, #1
    b.ne 0b
    mov x0, #5
    hvc #0
    .space 4096 // the vectors are in another page, where code has run
1:  ret`);
    const { count, last } = { count: vcpu.telemetry.count(2, 0x16), last: vcpu.telemetry.last(2, 0x16) };
    const registers = Array.from({ length: 31 }, (_, n) => f.x(n));
    return { seen, count, last, registers, instructions: f.machine.instructions, events: f.events };
  });
  assertEquals(byCode, byTypeScript);
  assertEquals([byCode.count, byCode.registers[8], byCode.registers[24]], [11, 1n, 0x200n]);
});
