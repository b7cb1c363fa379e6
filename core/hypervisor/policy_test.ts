import { assertEquals, assertThrows } from "@std/assert";
import {
  allow,
  ask,
  definePolicy,
  deny,
  ignore,
  intent,
  kill,
  pass,
  pause,
  type PolicyDefinition,
  range,
  value,
} from "ariel/policy";
import { PolicyEngine } from "../policy/engine.ts";
import type { OnPolicyError } from "../policy/handlers.ts";
import { MmioTrap } from "../policy/trap.ts";
import { HypervisorFixture } from "./fixture.ts";
import { attachPolicy, environmentOf, PolicyView } from "./policy.ts";

type Definition = Omit<PolicyDefinition, "name" | "apiVersion">;

/** A fixture under policies called p0, p1 and so on. */
function bench(definitions: readonly Definition[], onError: OnPolicyError = "deny") {
  const f = new HypervisorFixture(), told: string[] = [];
  const tell = (text: string) => void told.push(text);
  const off = allow.hypercall("PSCI_SYSTEM_OFF", { log: "never" });
  const policies = definitions.map((d, n) =>
    definePolicy({ name: `p${n}`, apiVersion: 1, ...d, rules: [off, ...d.rules ?? []] })
  );
  const host = { vm: new PolicyView(f.vm, tell), heartbeat: null, onError, tell };
  const engine = new PolicyEngine(policies, environmentOf(f.vm), host);
  f.vm.log.level = "all";
  attachPolicy(f.vm, engine);
  /** Kind, what, verdict and rule of each record. */
  const records = () =>
    f.lines.filter((line) => !line.includes("schema")).map((line) =>
      /kind=\w+ what=(\S+).* verdict=(\w+) rule=(\S+)/.exec(line)!.slice(1).join(" ")
    );
  return { f, engine, told, records };
}

Deno.test("Rules decide on registers that have no trap bit, and the first that matches holds", () => {
  const { f, records } = bench([{
    rules: [
      value.sysreg("TPIDR_EL1", 0x1_0000_0005n, { access: "read" }),
      ignore.sysreg("TPIDRRO_EL0"),
      deny.sysreg(["TPIDR*", "CONTEXTIDR_EL1"]),
      value.sysreg("MIDR_EL1", { clear: 0xff, set: 0x1200n }),
    ],
  }]);
  f.runGuest(
    "mrs x2, tpidr_el1\nmov x3, #7\nmsr tpidrro_el0, x3\nmrs x4, tpidrro_el0\nmrs x5, midr_el1\nmrs x6, ctr_el0",
  );
  assertEquals([f.x(2), f.x(4), f.x(5) & 0x12ffn], [0x1_0000_0005n, 0n, 0x1200n]);
  assertEquals(records(), [
    "TPIDR_EL1:r value p0/value.sysreg:TPIDR_EL1:read",
    "TPIDRRO_EL0:w ignore p0/ignore.sysreg:TPIDRRO_EL0",
    "TPIDRRO_EL0:r ignore p0/ignore.sysreg:TPIDRRO_EL0",
    "MIDR_EL1:r mask p0/value.sysreg:MIDR_EL1",
  ]);
  f.runGuest("msr tpidr_el1, x0");
  assertEquals(f.x(24), 0x200n);
});

Deno.test("Rules hold for registers that the CPU lacks, by name and by encoding", () => {
  const { f, records } = bench([{ rules: [value.sysreg(["S3_0_C5_C3_0", "PMEVCNTR30_EL0"], 5n)] }]);
  f.runGuest("mrs x2, s3_0_c5_c3_0\nmrs x3, pmevcntr30_el0\nmrs x4, s3_0_c5_c3_1");
  assertEquals([f.x(2), f.x(3), f.x(24)], [5n, 5n, 0x200n]);
  assertEquals(records().at(-1), "S3_0_C5_C3_1:r deny unclaimed");
});

Deno.test("What all rules allow is not trapped, and costs no instruction", () => {
  const source =
    "mrs x1, tpidr_el1\nmsr tpidr_el0, x1\nmrs x2, midr_el1\nmov x0, #0\nhvc #0\nldr x1, =0x09000000\nldr w2, [x1, #0x18]";
  const counts = [null, [], [{ rules: [allow.mmio(), allow.sysreg("*"), allow.hypercall()] }], [{ otherwise: allow }]]
    .map((definitions) => {
      const { f, engine } = bench(definitions ?? []);
      if (definitions === null) attachPolicy(f.vm, null);
      f.runGuest(source);
      assertEquals(engine.sysregTraps.some(Boolean), false);
      return [f.machine.instructions, f.vm.trapCount];
    });
  assertEquals(counts, counts.map(() => counts[0]));
});

Deno.test("Devices by name and range, calls by name and number", () => {
  const { f, records } = bench([{
    rules: [
      deny.mmio("pl031"),
      value.mmio(range(0x0900_0018, 4), 0x1234_5678n, { access: "read" }),
      value.hypercall("GET_HV_ID", 9n),
      deny.hypercall(0x42, { inject: "undefined" }),
      value.smc("PSCI_VERSION", 0x10000),
      value.smc(range(0xc200_0000, 0x100), 3),
      deny.smc(),
    ],
  }]);
  f.runGuest(`ldr x1, =0x09000000\nldr w2, [x1, #0x18]\nldrh w3, [x1, #0x18]\nmov x0, #0\nhvc #0\nmov x4, x0
    ldr x0, =0x84000000\nsmc #0\nmov x5, x0\nldr x0, =0xc2000001\nsmc #0\nmov x6, x0\nldr x0, =0x80000000\nsmc #0\nmov x7, x0`);
  assertEquals([2, 3, 4, 5, 6, 7].map((n) => f.x(n)), [0x12345678n, 0x5678n, 9n, 0x10000n, 3n, 2n ** 64n - 1n]);
  assertEquals(records().at(-1), "SMCCC_VERSION deny p0/deny.smc");
  f.runGuest("mov x0, #0x42\nhvc #0");
  assertEquals([f.x(24), f.x(20)], [0x200n, 0x0200_0000n]);
  f.runGuest("ldr x1, =0x09010000\nldr w2, [x1]");
  assertEquals([f.x(24), f.x(20) >> 26n, records().at(-1)], [0x200n, 0x25n, "pl031+0x0:r4 deny p0/deny.mmio:pl031"]);
});

Deno.test("An access under two rules gets the stricter verdict", () => {
  const { f, records } = bench([{
    rules: [
      value.mmio(range(0x0c00_0000, 4), 1n),
      deny.mmio(range(0x0c00_0004, 4)),
      value.mmio(range(0x0c00_0008, 4), 2n),
    ],
  }]);
  f.runGuest("ldr x1, =0x0c000000\nldr w2, [x1]\nldr w3, [x1, #8]\nldr x4, [x1]");
  assertEquals([f.x(2), f.x(3), f.x(24)], [1n, 2n, 0x200n]);
  assertEquals(records().at(-1), "0xc000000:r8 deny p0/deny.mmio:0xc000004+0x4");
});

Deno.test("Policies decide in order; pass hands on, otherwise ends", () => {
  const { f, records } = bench([
    {
      rules: [allow.sysreg(), pass.hypercall("GET_HV_ID"), ask.hypercall("GET_STATUS")],
      on: { hypercall: () => pass },
      otherwise: deny,
    },
    { rules: [value.hypercall("GET_HV_ID", 1), value.hypercall("GET_STATUS", 2), allow.hypercall("DUMP_LOG")] },
  ]);
  f.runGuest("mov x0, #0\nhvc #0\nmov x2, x0\nmov x0, #2\nhvc #0\nmov x3, x0\nmov x0, #1\nhvc #0\nmov x4, x0");
  assertEquals([f.x(2), f.x(3), BigInt.asIntN(64, f.x(4))], [1n, 2n, -3n]);
  assertEquals(records().map((r) => r.split(" ")[2]), [
    "p1/value.hypercall:GET_HV_ID",
    "p1/value.hypercall:GET_STATUS",
    "p0/otherwise",
  ]);
});

Deno.test("A handler that says nothing leaves it to otherwise, never to allow", () => {
  const { f } = bench([{
    rules: [allow.sysreg(), ask.hypercall()],
    on: { hypercall: () => undefined },
    otherwise: deny,
  }]);
  f.runGuest("mov x0, #0\nhvc #0\nmov x2, x0");
  assertEquals(BigInt.asIntN(64, f.x(2)), -3n);
});

Deno.test("Handlers see the trap and the machine", () => {
  const seen: unknown[] = [];
  const { f, told } = bench([{
    on: {
      mmio: (trap, vm) => {
        seen.push([trap.kind, trap.device, trap.offset, trap.size, trap.isWrite, trap.value, trap.el, trap.what]);
        if (trap.isWrite) return deny({ inject: "undefined", because: "no" });
        vm.write(0x4080_0000, new Uint8Array([1, 2]));
        vm.tell(`${vm.name} ${vm.vcpuCount} ${vm.x(1)} ${vm.read(0x4080_0000, 3)}`);
        return value(trap.ipa);
      },
      hypercall: (trap) => value(trap.args[0] + BigInt(trap.functionId)),
    },
  }]);
  f.runGuest("ldr x1, =0x09000000\nldr w2, [x1, #4]\nmov x0, #5\nhvc #0\nmov x3, x0\nmov w4, #6\nstr w4, [x1, #8]");
  assertEquals([f.x(2), f.x(3), f.x(20)], [0x0900_0004n, 0x0900_0005n, 0x0200_0000n]);
  assertEquals(seen, [
    ["mmio", "pl011", 4, 4, false, 0n, 1, "pl011+0x4:r4"],
    ["mmio", "pl011", 8, 4, true, 6n, 1, "pl011+0x8:w4"],
  ]);
  assertEquals(told, ["vm1 1 150994944 1,2,0"]);
});

Deno.test("A call's arguments are those of the trap, whatever changes the registers before somebody looks", () => {
  const kept: unknown[] = [];
  const { f } = bench([{
    on: {
      hypercall: (trap, vm) => {
        vm.setX(1, 99n);
        kept.push([trap.args[0], trap.args[1]]);
        return value(trap.args[0] + vm.x(1));
      },
      smc: () => value(7),
    },
  }]);
  f.runGuest("mov x0, #5\nmov x1, #11\nmov x2, #12\nhvc #0\nmov x3, x0\nsmc #0\nmov x4, x0");
  assertEquals([f.x(3), f.x(1), f.x(4)], [110n, 99n, 7n]);
  assertEquals(kept, [[11n, 12n]]);
  assertEquals(f.lines.flatMap((line) => / args=(\S+)/.exec(line)?.[1] ?? []), ["0xb,0xc", "0x63,0xc,0x6e"]);
});

Deno.test("What goes wrong in a handler is told and denied, and the record says so", () => {
  // deno-lint-ignore no-explicit-any
  const wrong: [any, string][] = [
    [() => (null as unknown as { x: unknown }).x, "TypeError: Cannot read properties of null (reading 'x')"],
    [() => Promise.resolve(allow), "TypeError: a promise is no verdict: a handler answers at once"],
    [() => true, "TypeError: true is no verdict"],
    [() => ({ action: "alow" }), 'TypeError: "alow" is no verdict\'s action'],
    [() => value, "TypeError: function verdict is no verdict"],
    [() => allow.mmio(), "TypeError: a rule is no verdict: leave its kind out"],
    [() => intent("map"), "TypeError: intent is no verdict on hypercall: only stage 2 faults have intents"],
    [() => value(1n << 64n), "RangeError: Cannot make value as 18446744073709551616n does not fit in 64 bits"],
    [() => {
      throw "text";
    }, "threw text"],
    [(_: unknown, vm: { read(ipa: number, bytes: number): void }) => vm.read(2 ** 53, 8), "RangeError: Cannot read"],
  ];
  for (const [hypercall, message] of wrong) {
    const { f, told } = bench([{ on: { hypercall } }]);
    f.runGuest("mov x0, #0\nhvc #0\nmov x2, x0\nmov x0, #0\nhvc #0");
    assertEquals(BigInt.asIntN(64, f.x(2)), -3n, message);
    assertEquals(told.length, 1);
    assertEquals(told[0].includes(message) && told[0].includes("the trap is denied"), true, told[0]);
    assertEquals(/verdict=deny rule=p0\/on.hypercall .*error=/.test(f.lines.at(-1)!), true, f.lines.at(-1));
  }
});

Deno.test("--on-policy-error halt ends the guest", () => {
  const { f, told } = bench([{ on: { hypercall: () => null! } }], "halt");
  f.runGuest("mov x0, #0\nhvc #0");
  assertEquals([f.events, told.length], [["kill 4"], 1]);
});

Deno.test("Limits hold for a time, and what exceeds them goes to the next rule", () => {
  const { f } = bench([{
    rules: [value.hypercall("GET_HV_ID", 1, { limit: { count: 2, perSeconds: 1 } }), value.hypercall("GET_HV_ID", 2)],
  }]);
  const call = (n: number) => `mov x0, #0\nhvc #0\nmov x${n}, x0\n`;
  f.runGuest([2, 3, 4].map(call).join(""));
  assertEquals([f.x(2), f.x(3), f.x(4)], [1n, 1n, 2n]);
});

Deno.test("Limits of a handler's answers leave it to otherwise, and limits of otherwise to the next policy", () => {
  const limit = { count: 2, perSeconds: 1 };
  const { f, records } = bench([
    {
      rules: [allow.sysreg()],
      on: { hypercall: (trap) => value(trap.args[0], { limit }) },
      otherwise: deny({ limit: { count: 1, perSeconds: 1 } }),
    },
    { rules: [value.hypercall("GET_HV_ID", 7)] },
  ]);
  const call = (n: number) => `mov x0, #0\nmov x1, #${n}\nhvc #0\nmov x${n}, x0\n`;
  f.runGuest([2, 3, 4, 5, 6].map(call).join(""));
  assertEquals([2, 3, 4, 5, 6].map((n) => BigInt.asIntN(64, f.x(n))), [2n, 3n, -3n, 7n, 7n]);
  assertEquals(records().slice(2, 4), [
    "GET_HV_ID deny p0/otherwise",
    "GET_HV_ID value p1/value.hypercall:GET_HV_ID",
  ]);
});

Deno.test("log: once in a handler's answer is one line for each thing that it is about", () => {
  const { f } = bench([{ on: { mmio: () => allow({ log: "once" }) } }]);
  f.vm.log.level = "none";
  f.runGuest(
    "ldr w1, [x28, #0x18]\nldr w1, [x28, #0x18]\nldr w1, [x28, #0x24]\nstr wzr, [x28, #0x24]\nstr wzr, [x28, #0x24]",
  );
  const logged = f.lines.flatMap((line) => /kind=mmio what=(\S+)/.exec(line)?.[1] ?? []);
  assertEquals(logged, ["pl011+0x18:r4", "pl011+0x24:r4", "pl011+0x24:w4"]);
});

Deno.test("Answers of one handler share their limits and log: once, whichever rule asks it", () => {
  const limit = { count: 1, perSeconds: 1 };
  const { f, records } = bench([{
    rules: [ask.hypercall("GET_HV_ID"), ask.hypercall("GET_STATUS"), ask.hypercall("SMCCC_VERSION")],
    on: { hypercall: () => value(7n, { limit }) },
    otherwise: allow,
  }]);
  f.runGuest("mov x0, #0\nhvc #0\nmov x2, x0\nmov x0, #2\nhvc #0\nmov x3, x0");
  assertEquals(f.x(2), 7n);
  assertEquals(records().slice(0, 2), [
    "GET_HV_ID value p0/on.hypercall",
    "GET_STATUS allow p0/otherwise",
  ]);
});

Deno.test("Options of ask are those of the handler's verdicts that have none of their own", () => {
  const { f, engine } = bench([{
    rules: [
      ask.mmio(range(0x0900_0018, 4), { log: "once", because: "flags" }),
      ask.mmio("pl011", { log: "always", because: "the rest" }),
    ],
    on: { mmio: ({ offset }) => offset === 0x28 ? deny({ log: "never", because: "mine" }) : allow },
  }]);
  f.vm.log.level = "none";
  f.runGuest("ldr w1, [x28, #0x18]\nldr w1, [x28, #0x18]\nldr w1, [x28, #0x24]\nldr w1, [x28, #0x24]");
  const logged = f.lines.flatMap((line) => /kind=mmio what=(\S+)/.exec(line)?.[1] ?? []);
  assertEquals(logged, ["pl011+0x18:r4", "pl011+0x24:r4", "pl011+0x24:r4"]);
  const trap = new MmioTrap();
  const answers = [0x18, 0x24, 0x28].map((offset) =>
    engine.decide(Object.assign(trap, { ipa: 0x0900_0000 + offset, offset, size: 4, device: "pl011" }))
  );
  assertEquals(answers.map(({ log, because }) => [log, because]), [
    ["never", "flags"],
    ["always", "the rest"],
    ["never", "mine"],
  ]);
});

Deno.test("log: once is one line for each register, and an allowed register is not trapped for ever", () => {
  const { f, engine } = bench([{ rules: [allow.sysreg("TPIDR_EL*", { log: "once" })] }]);
  f.vm.log.level = "none";
  f.runGuest("mov x1, #2000\n0: mrs x2, tpidr_el1\nmrs x2, tpidr_el0\nsubs x1, x1, #1\nb.ne 0b", 20_000);
  assertEquals(f.lines.filter((line) => line.includes("kind=sysreg")).length, 2);
  assertEquals(f.vm.trapCount < 500, true, `${f.vm.trapCount}`);
  assertEquals(engine.policies[0].rules[1].hits + 1, f.vm.trapCount);
});

Deno.test("pause and kill, and waits that are trapped only if a rule is about them", () => {
  const { f } = bench([{
    rules: [pause.hypercall("GET_HV_ID"), ignore.wfx("WFI"), kill.hypercall("DUMP_LOG", { code: 9 })],
  }]);
  f.runGuest("mov x0, #0\nhvc #0\nmov x2, x0\nwfi\nsevl\nwfe\nmov x0, #1\nhvc #0");
  assertEquals(f.events, ["pause", "kill 9"]);
  assertEquals(f.lines.some((line) => line.includes("what=WFI")), true);
  assertEquals(f.lines.some((line) => line.includes("what=WFE")), false);
});

Deno.test("Policies choose what is done about stage 2 faults", () => {
  const PAGE = 0x4080_0000;
  const run = (definition: Definition, source: string, prepare?: (f: HypervisorFixture) => void) => {
    const { f, records } = bench([definition]);
    prepare?.(f);
    f.runGuest(source);
    return { f, records: records() };
  };
  const store = `ldr x1, =${PAGE}\nmov x2, #5\nstr x2, [x1]\nldr x3, [x1]`;
  const hole = (f: HypervisorFixture) => f.vm.stage2.unmap(PAGE, 0x1000);
  const mapped = run({ rules: [intent.abort({ region: "ram" }, "map")] }, store, hole);
  assertEquals([mapped.f.x(3), mapped.records], [5n, ["0x40800000:w:translation:map allow p0/intent.abort:ram"]]);
  const emulated = run(
    { rules: [intent.abort({ fault: "translation", access: ["read", "write"] }, "emulate")] },
    store,
    hole,
  );
  assertEquals([emulated.f.x(3), emulated.f.x(24)], [5n, 0n]);
  const skipped = run(
    { rules: [intent.abort({ ipa: range(0x0c00_0000, 0x1000) }, "skip")] },
    "ldr x1, =0x0c000000\nldr x2, [x1]",
  );
  assertEquals([skipped.f.x(24), skipped.records[0]], [
    0n,
    "0xc000000:r:translation:skip ignore p0/intent.abort:0xc000000+0x1000",
  ]);
  const device = run(
    { rules: [intent.abort({ region: "device", access: "write" }, "inject")] },
    "ldr x1, =0x09000000\nldr w2, [x1, #0x18]\nstr w2, [x1]",
  );
  assertEquals([device.f.x(24), device.records.map((r) => r.split(" ")[0])], [0x200n, [
    "pl011+0x18:r4",
    "0x9000000:w:translation:inject",
  ]]);
  const killed = run({ rules: [intent.abort({ region: "unknown" }, "kill")] }, "ldr x1, =0x0c000000\nldr x2, [x1]");
  assertEquals(killed.f.events, ["kill 4"]);
  const paused = run(
    { rules: [intent.abort({ region: "unknown" }, "pause", { limit: { count: 1, perSeconds: 1 } })] },
    "ldr x1, =0x0c000000\nldr x2, [x1]",
  );
  assertEquals([paused.f.events, paused.f.x(24)], [["pause", "off"], 0x200n]);
});

Deno.test("Rules that mean nothing are errors", () => {
  const cases: [PolicyDefinition["rules"], string][] = [
    [[deny.sysreg("OSLAR_EL2" as "OSLAR_EL1")], "there is no system register OSLAR_EL2; did you mean OSLAR_EL1?"],
    [[deny.sysreg("HCR_EL2" as "OSLAR_EL1")], "HCR_EL2 is a register of EL2 or EL3, which no guest reaches"],
    [[deny.sysreg("S1_0_C8_C7_0")], "S1_0_C8_C7_0 is a System instruction"],
    [[deny.sysreg("XYZ*")], 'no system register of a guest has a name like "XYZ*"'],
    [[deny.mmio("pl012")], 'there is no device "pl012"; did you mean pl011?'],
    [[deny.mmio("floppy")], 'there is no device "floppy". The machine has '],
    [[deny.smc("PSCI_VERSIONS" as "PSCI_VERSION")], 'there is no function "PSCI_VERSIONS"; did you mean PSCI_VERSION?'],
    [[deny.smc(range(0xffff_ff00, 0x200))], "wraps or ends too high"],
    [[deny.smc(-1)], "a target must be"],
    [[deny.wfx("WFA" as "WFI")], 'there is no wait instruction "WFA"'],
    [[deny.exception(64)], "64 is no exception class"],
    [[deny.abort({ region: "rom" as "ram" })], 'region must be ram, device, unknown: it is "rom"'],
  ];
  for (const [rules, message] of cases) assertThrows(() => bench([{ rules }]), Error, message);
  assertThrows(() => range(2 ** 52 - 1, 2), RangeError, "it wraps");
  assertThrows(() => range(0x1000, 0), RangeError, "at least one byte");
});
